package telegram

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
)

// windowMax is how much the small window after a press shows (Bot API,
// answerCallbackQuery).
const windowMax = 200

// inWindow is what the window after a press says; false when the reply needs a
// message.
func inWindow(r bots.Reply) (string, bool) {
	switch {
	case r.Deletes, r.Replaces, r.Ask != "", r.Invoice != nil, r.Document != nil:
		return "", false
	case r.Silent || len(r.Accepted) > 0:
		return "", true
	}
	followed := strings.Contains(r.Text, "://") // a window's links cannot be
	return r.Text, len(r.Items) == 0 && len(r.Buttons) == 0 && clip.Units(r.Text) <= windowMax && !followed
}

// answerPress stops the spinning of a button. A press that is too old for it
// was handled all the same.
func (t *Telegram) answerPress(ctx context.Context, id, words string) {
	err := t.patiently(ctx, func() error {
		_, err := t.api.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: id, Text: words, ShowAlert: words != ""})
		return err
	})
	if err != nil && meaning(err) != failLate {
		t.log.Warn("a press was not answered", "error", err)
	}
}

// answer shows a reply. What is for one person alone goes to that person's
// private chat; who never wrote there is asked to.
func (t *Telegram) answer(ctx context.Context, at place, locale string, r bots.Reply) {
	if r.Silent || len(r.Accepted) > 0 {
		return
	}
	if r.Invoice != nil {
		t.bill(ctx, at, r.Invoice)
		return
	}
	says, keys := replyText(r), markup(keyboard(r.Buttons))
	if r.Ask != "" {
		says.add(" ")
		says.link(askMark, t.askLink(r.Ask))
		keys = models.ForceReply{ForceReply: true, Selective: at.chat < 0}
	}
	pieces := says.split(textMax)
	if r.Private && at.chat < 0 {
		t.answerAlone(ctx, at, locale, pieces, keys, r.Document)
		return
	}
	if t.sayAll(ctx, &at, pieces, keys) == nil {
		t.picture(ctx, at, r.Items)
		t.document(ctx, at, r.Document)
	}
}

// document sends a file of words; nil sends nothing.
func (t *Telegram) document(ctx context.Context, at place, d *bots.Document) {
	if d == nil {
		return
	}
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, 1, func() error {
			_, err := t.api.SendDocument(ctx, &bot.SendDocumentParams{
				ChatID: at.chat, MessageThreadID: at.thread, DisableContentTypeDetection: true,
				Document: &models.InputFileUpload{Filename: d.Name, Data: bytes.NewReader(d.Data)},
			})
			return err
		})
	})
	if err != nil {
		t.log.Warn("a document was not sent", "lane", string(laneOf(at.chat)), "error", err)
	}
}

func (t *Telegram) answerAlone(ctx context.Context, at place, locale string, pieces []*text, keys models.ReplyMarkup, with *bots.Document) {
	if at.fallback == "" {
		return // a channel, or an anonymous admin: there is nobody to tell it to
	}
	alone := place{chat: chatOf(at.fallback)}
	switch err := t.sayAll(ctx, &alone, pieces, keys); meaning(err) {
	case failNone:
		t.document(ctx, alone, with)
	case failChat:
		says := &text{}
		says.add(t.cfg.Bot.WriteFirst(locale, t.startLink()))
		t.sayAll(ctx, &at, []*text{says}, nil)
	}
}

// aloneWait is how long a person waits for it to be found out.
const aloneWait = 3 * time.Second

// alone is bots.Incoming.Alone in that chat: a bot cannot begin a private chat,
// and where it may not write it may not show that it is about to either. While
// Telegram does not answer, it may.
func (t *Telegram) alone(origin core.Origin, chat int64) func(context.Context) string {
	to := directly(origin, chat)
	if to == "" {
		return nil
	}
	return func(ctx context.Context) string {
		ctx, cancel := context.WithTimeout(ctx, aloneWait)
		defer cancel()
		at := place{chat: chatOf(to)}
		err := t.try(ctx, &at, 0, func() error {
			_, err := t.api.SendChatAction(ctx, &bot.SendChatActionParams{ChatID: at.chat, Action: models.ChatActionTyping})
			return err
		})
		if meaning(err) == failChat {
			return t.startLink()
		}
		return ""
	}
}

// startLink opens the private chat.
func (t *Telegram) startLink() string {
	return "https://t.me/" + t.me().Username + "?start=" + startWord
}

// sayAll sends the pieces in order, the keyboard under the last. What fails is
// logged: an answer that makes nothing can be asked for again.
func (t *Telegram) sayAll(ctx context.Context, at *place, pieces []*text, keys models.ReplyMarkup) error {
	err := t.sayEach(ctx, at, pieces, keys)
	if err != nil {
		t.log.Warn("an answer was not shown", "lane", string(laneOf(at.chat)), "error", err)
	}
	return err
}

func (t *Telegram) sayEach(ctx context.Context, at *place, pieces []*text, keys models.ReplyMarkup) error {
	for i, piece := range pieces {
		var under models.ReplyMarkup
		if i == len(pieces)-1 {
			under = keys
		}
		if err := t.say(ctx, at, piece, under); err != nil {
			return err
		}
	}
	return nil
}

// say sends one text to the place.
func (t *Telegram) say(ctx context.Context, at *place, says *text, keys models.ReplyMarkup) error {
	return t.patiently(ctx, func() error {
		return t.try(ctx, at, 1, func() error {
			_, err := t.api.sendText(ctx, *at, says, keys, false)
			if sentAnyway(err) {
				return nil
			}
			return err
		})
	})
}

// How often a call for an answer is made, and how long it waits for leave.
const (
	answerTries = 4
	answerWait  = time.Minute
)

// patiently makes a call that may be made again: when Telegram asks for a
// wait, and when no connection came about. After a lost answer the call is not
// repeated: a person who sees nothing asks again, one who sees it twice wonders.
func (t *Telegram) patiently(ctx context.Context, call func() error) error {
	wait := firstWait
	for try := 1; ; try++ {
		err := call()
		pause, again := wait, notSent(err)
		var wanted *waitError
		var failed *callError
		switch {
		case errors.As(err, &wanted):
			pause, again = wanted.wait, true
		case meaning(err) == failWait && errors.As(err, &failed):
			pause, again = max(failed.RetryAfter, firstWait), true
		}
		if err == nil || !again || try == answerTries || pause > answerWait {
			return err
		}
		wait *= 2
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// replyText is a reply in one text: what it says, and the lines of its list.
func replyText(r bots.Reply) *text {
	says := &text{}
	says.add(r.Text)
	if r.Menu {
		return says // the buttons lead to the items
	}
	group := ""
	for _, item := range r.Items {
		if item.Group != group {
			group = item.Group
			says.add("\n")
			says.line(group)
		}
		says.add("\n")
		says.item(item)
	}
	return says
}

// item adds a line of a list.
func (t *text) item(line bots.Item) {
	if line.Task != "" {
		t.code(clip.Shorten(line.Title, itemPrompt))
	} else {
		t.add(line.Title)
	}
	if line.Detail != "" {
		t.add(" – " + line.Detail)
	}
}

const itemPrompt = 120 // UTF-16 units of a prompt in a list
