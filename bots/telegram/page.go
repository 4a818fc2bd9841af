package telegram

import (
	"context"
	"strings"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/core"
)

// react shows what a press led to. A page of a menu takes the place of the
// message whose button was pressed; where that cannot be changed it is a
// message of its own.
func (t *Telegram) react(ctx context.Context, at place, pressed *message, locale string, r bots.Reply) {
	switch {
	case r.Deletes:
		t.remove(ctx, at, pressed.ID, r.Lead)
	case r.Replaces && t.turn(ctx, at, pressed.ID, r):
	default:
		if to := pressed.Answers; r.Ask != "" && to != nil && to.From != nil && to.From.ID == pressed.From.ID {
			at.reply = to.ID // in a group Telegram opens the field for an answer only for who wrote that
		}
		t.answer(ctx, at, locale, r)
	}
}

// turn puts the reply in the message's place; false when it is not there, or
// not of a kind that can be changed.
func (t *Telegram) turn(ctx context.Context, at place, id int, r bots.Reply) bool {
	pieces, keys := replyText(r).split(textMax), keyboard(r.Buttons)
	if len(pieces) != 1 {
		return false
	}
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, 1, func() error {
			return t.api.editText(ctx, at.chat, id, pieces[0], keys)
		})
	})
	switch meaning(err) {
	case failNone, failSame:
		return true
	case failGone, failKept, failContent:
		return false
	}
	t.log.Warn("a page of a menu was not shown", "lane", string(laneOf(at.chat)), "error", err)
	return true
}

// remove takes the message away, or at least its buttons, and with it the others
// that show the same end, such as an album's.
func (t *Telegram) remove(ctx context.Context, at place, id int, lead core.TaskID) {
	if others := t.besides(ctx, at.chat, id, lead); len(others) > 0 {
		t.removeAll(ctx, at, others, lead)
	}
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, 0, func() error {
			_, err := t.api.DeleteMessage(ctx, &bot.DeleteMessageParams{ChatID: at.chat, MessageID: id})
			return err
		})
	})
	if meaning(err) == failKept {
		err = t.patiently(ctx, func() error {
			return t.try(ctx, &at, 1, func() error {
				_, err := t.api.EditMessageReplyMarkup(ctx, &bot.EditMessageReplyMarkupParams{ChatID: at.chat, MessageID: id})
				return err
			})
		})
	}
	if known := meaning(err); known != failNone && known != failGone && known != failSame {
		t.log.Warn("a message was not taken away", "task", string(lead), "lane", string(laneOf(at.chat)), "error", err)
	}
}

// removeAll takes messages away that have no buttons; those that Telegram keeps stay.
func (t *Telegram) removeAll(ctx context.Context, at place, ids []int, lead core.TaskID) {
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, 0, func() error {
			_, err := t.api.DeleteMessages(ctx, &bot.DeleteMessagesParams{ChatID: at.chat, MessageIDs: ids})
			return err
		})
	})
	if known := meaning(err); known != failNone && known != failGone && known != failKept {
		t.log.Warn("the messages of a result were not taken away", "task", string(lead), "lane", string(laneOf(at.chat)), "error", err)
	}
}

// besides lists the messages that show the batch's end beside that one.
func (t *Telegram) besides(ctx context.Context, chat int64, id int, lead core.TaskID) []int {
	if lead == "" {
		return nil
	}
	var shown receipt
	err := t.cfg.Store.View(ctx, func(tx core.Tx) error {
		task, err := tx.Task(lead)
		shown = readReceipt(task.Shown)
		return err
	})
	if err != nil {
		t.log.Warn("reading where a result is shown", "task", string(lead), "error", err)
	}
	if shown.Chat != chat || shown.Message != id {
		return nil // it is the message of another one
	}
	return shown.Others
}

// What a question is about stands in a link behind its text: whoever answers
// the message sends it back to us with the answer, so that nothing has to be
// remembered.
const askMark = "✏️"

func (t *Telegram) askLink(ask string) string { return "https://t.me/" + t.me().Username + "#" + ask }

// asked is what our question was about that the message answers.
func (t *Telegram) asked(m *message) (ask string, ok bool) {
	if m.Answers == nil || m.Answers.From == nil || m.Answers.From.ID != t.me().ID {
		return "", false
	}
	for _, e := range m.Answers.Entities {
		if ask, ok := strings.CutPrefix(e.URL, t.askLink("")); ok && e.Type == string(models.MessageEntityTypeTextLink) {
			return ask, true
		}
	}
	return "", false
}
