package telegram

import (
	"context"
	"fmt"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
)

// delivery is one call of Deliver.
type delivery struct {
	*talker
	at     place
	parcel core.Parcel
	before receipt // of what the chat shows of the batch
	after  receipt // of what it shows when we are done
	model  string  // by its title
	kept   int     // how many of the steps that were taken are stored
}

// try is the talker's, once the steps before are stored: a kill during this
// call must not repeat them.
func (d *delivery) try(ctx context.Context, at *place, messages int, call func() error) error {
	if steps := len(d.after.Done); steps > d.kept && d.parcel.Keep != nil {
		part, err := d.after.encode()
		if err != nil {
			return err
		}
		if err := d.parcel.Keep(ctx, part); err != nil {
			return fmt.Errorf("telegram: storing what was shown: %w", err)
		}
		d.kept = steps
	}
	return d.talker.try(ctx, at, messages, call)
}

// showWay shows where a batch stands that is under way: in a message of its own
// at first, and then there.
func (d *delivery) showWay(ctx context.Context) error {
	progress := d.parcel.Delivery.Kind == core.DeliverProgress
	if progress && (d.before.Chat != d.at.chat || d.before.Message == 0 || d.traffic.busy(d.at.chat, time.Now())) {
		d.after = d.before // there is nothing to edit, or the group needs its messages for results
		return nil
	}
	m := d.words.Show(ctx, d.parcel)
	says, keys := wayText(m), keyboard(m.Buttons)
	if d.before.Chat == d.at.chat && d.before.Message != 0 {
		done, err := d.rewrite(ctx, says, keys)
		if done || err != nil {
			return err
		}
	}
	if progress || d.parcel.Delivery.Kind == core.DeliverAccepted && len(m.Notes) == 0 && d.glance(ctx) {
		d.after = receipt{Chat: d.at.chat}
		return nil
	}
	return d.open(ctx, says, keys)
}

// glance answers a command in a busy group with a reaction, which costs none
// of the messages that the group takes: they are left for results. False says
// that it was not done, since there is nothing to react to, or the group does
// not want it.
func (d *delivery) glance(ctx context.Context) bool {
	if d.at.reply == 0 || !d.traffic.busy(d.at.chat, time.Now()) {
		return false
	}
	err := d.try(ctx, &d.at, 0, func() error {
		_, err := d.api.SetMessageReaction(ctx, &bot.SetMessageReactionParams{
			ChatID: d.at.chat, MessageID: d.at.reply,
			Reaction: []models.ReactionType{{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Emoji: "👀"}}},
		})
		return err
	})
	return err == nil
}

// open sends the message that stands for the batch.
func (d *delivery) open(ctx context.Context, says *text, keys *models.InlineKeyboardMarkup) error {
	sent, err := d.say(ctx, says, keys)
	if err != nil {
		return err
	}
	d.after.Message, d.after.Shows = sent, digest(says, keys)
	return nil
}

// rewrite edits the message that stands for the batch. False without an error
// says that it is not there any more, or cannot be edited.
func (d *delivery) rewrite(ctx context.Context, says *text, keys *models.InlineKeyboardMarkup) (bool, error) {
	d.after = d.before
	shows := digest(says, keys)
	if d.before.Shows == shows {
		return true, nil
	}
	err := d.edit(ctx, d.before.Message, says, keys)
	switch meaning(err) {
	case failNone, failSame:
		d.after.Shows = shows
		return true, nil
	case failGone, failKept:
		d.after.Message, d.after.Shows = 0, ""
		return false, nil
	}
	return false, err
}

// edit changes a message of the chat.
func (d *delivery) edit(ctx context.Context, id int, says *text, keys *models.InlineKeyboardMarkup) error {
	chat := d.at.chat
	err := d.try(ctx, &d.at, 1, func() error {
		if d.at.chat != chat {
			return errMovedAway
		}
		return d.api.editText(ctx, chat, id, says, keys)
	})
	if sentAnyway(err) {
		return nil
	}
	return err
}

// say sends a text and answers with the id of its message, zero when it got
// none. Of a result that takes several messages people are told once.
func (d *delivery) say(ctx context.Context, says *text, keys *models.InlineKeyboardMarkup) (int, error) {
	m, err := d.sendText(ctx, says, keys)
	if meaning(err) == failContent {
		d.log.Error("a text is not taken as it is; it is sent without markup and buttons", "task", d.parcel.Delivery.Lead, "error", err)
		m, err = d.sendText(ctx, says.bare(), nil)
	}
	if err != nil && !sentAnyway(err) || m == nil {
		return 0, err
	}
	return m.ID, nil
}

func (d *delivery) sendText(ctx context.Context, says *text, keys *models.InlineKeyboardMarkup) (sent *models.Message, err error) {
	err = d.try(ctx, &d.at, 1, func() error {
		sent, err = d.api.sendText(ctx, d.at, says, markup(keys), d.after.begun())
		return err
	})
	return sent, err
}

// How much of a prompt is repeated, in UTF-16 units: nearly all of it while
// somebody waits, its beginning under a result.
const (
	wayPrompt = 1000
	endPrompt = 300
)

// wayText is a batch that is under way: prompt – name (status), and notes.
func wayText(m bots.Message) *text {
	says := &text{}
	says.code(clip.Shorten(m.Prompt, wayPrompt))
	if m.Name != "" {
		if !says.empty() {
			says.add(" – ")
		}
		says.add(clip.Shorten(m.Name, 64))
	}
	switch {
	case m.Status == "":
	case says.empty():
		says.add(m.Status)
	default:
		says.add(" (" + m.Status + ")")
	}
	for _, note := range m.Notes {
		says.line(note)
	}
	return says.split(textMax)[0]
}

const rowMax = 3 // buttons side by side

// keyboard is the buttons under a message, in their rows; nil without any.
func keyboard(buttons []bots.Button) *models.InlineKeyboardMarkup {
	var loose []models.InlineKeyboardButton
	keys := &models.InlineKeyboardMarkup{}
	last := 0
	for _, b := range buttons {
		key, ok := keyOfButton(b)
		switch rows := len(keys.InlineKeyboard); {
		case !ok:
		case b.Row == 0:
			loose = append(loose, key)
		case b.Row == last:
			keys.InlineKeyboard[rows-1] = append(keys.InlineKeyboard[rows-1], key)
		default:
			keys.InlineKeyboard, last = append(keys.InlineKeyboard, []models.InlineKeyboardButton{key}), b.Row
		}
	}
	rows := (len(loose) + rowMax - 1) / rowMax
	for ; rows > 0; rows-- {
		n := (len(loose) + rows - 1) / rows
		keys.InlineKeyboard = append(keys.InlineKeyboard, loose[:n])
		loose = loose[n:]
	}
	if len(keys.InlineKeyboard) == 0 {
		return nil
	}
	return keys
}

// keyOfButton is the button on the keyboard. One that has only a command, to
// be changed before it is sent, copies it; false when that is too long.
func keyOfButton(b bots.Button) (models.InlineKeyboardButton, bool) {
	label := b.Label
	if b.Emoji != "" {
		label = b.Emoji + " " + label
	}
	key := models.InlineKeyboardButton{Text: label, CallbackData: b.Data}
	if b.Data != "" {
		return key, true
	}
	key.CopyText = &models.CopyTextButton{Text: b.Text}
	return key, b.Text != "" && clip.Units(b.Text) <= copyMax
}

const copyMax = 256 // characters of a CopyTextButton

// markup is the keyboard as a field of a call: a nil pointer would be sent as null.
func markup(keys *models.InlineKeyboardMarkup) models.ReplyMarkup {
	if keys == nil {
		return nil
	}
	return keys
}
