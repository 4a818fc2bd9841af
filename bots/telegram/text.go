package telegram

import (
	"context"
	"strings"
	"unicode"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots/clip"
)

// How long texts may be, in UTF-16 units after entities were parsed
// (Bot API, sendMessage and sendPhoto).
const (
	textMax    = 4096
	captionMax = 1024
)

// text is what a message says, with its markup beside it: with entities in
// place of a parse mode nothing in it can turn into markup. The zero value is
// an empty text.
type text struct {
	words    strings.Builder
	units    int // of UTF-16
	entities []models.MessageEntity
}

// add appends words of ours, or of Kie, as they are.
func (t *text) add(s string) {
	s = unmentioned(strings.ToValidUTF8(s, "\uFFFD"))
	t.words.WriteString(s)
	t.units += clip.Units(s)
}

// line appends words in a line of their own, unless there are none.
func (t *text) line(s string) {
	if s == "" {
		return
	}
	if t.units > 0 {
		t.add("\n")
	}
	t.add(s)
}

// code appends what a person typed. Telegram looks for mentions, commands and
// links in every text, whatever the entities say, but not in code; and a touch
// copies it.
func (t *text) code(s string) {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if s == "" {
		return
	}
	from := t.units
	t.words.WriteString(s)
	t.units += clip.Units(s)
	t.entities = append(t.entities, models.MessageEntity{Type: models.MessageEntityTypeCode, Offset: from, Length: t.units - from})
}

// link appends words that lead somewhere.
func (t *text) link(s, url string) {
	from := t.units
	t.add(s)
	t.entities = append(t.entities, models.MessageEntity{Type: models.MessageEntityTypeTextLink, Offset: from, Length: t.units - from, URL: url})
}

// mention appends a name that calls the person.
func (t *text) mention(name string, user int64) {
	from := t.units
	t.add(name)
	t.entities = append(t.entities, models.MessageEntity{
		Type: models.MessageEntityTypeTextMention, Offset: from, Length: t.units - from, User: &models.User{ID: user},
	})
}

// String is what the text says.
func (t *text) String() string { return t.words.String() }

func (t *text) empty() bool { return strings.TrimSpace(t.String()) == "" }

// unmentioned puts a word joiner, which nobody sees, behind each @, so that it
// calls nobody.
func unmentioned(s string) string {
	return strings.ReplaceAll(s, "@", "@\u2060")
}

// bare is the text without markup.
func (t *text) bare() *text {
	p := t.piece(t.String(), 0)
	p.entities = nil
	return p
}

// split cuts the text into pieces that fit: the first within first units, the
// rest within textMax each. It cuts behind a line where it can, else behind a
// word, and never inside what people see as one character, unless that one
// alone is too long.
func (t *text) split(first int) []*text {
	rest, most, at := t.String(), first, 0 // at: the units before rest
	var pieces []*text
	for clip.Units(rest) > most {
		n := clip.Break(rest, most)
		pieces = append(pieces, t.piece(rest[:n], at))
		cut := strings.TrimLeftFunc(rest[n:], unicode.IsSpace)
		at += clip.Units(rest) - clip.Units(cut)
		rest, most = cut, textMax
	}
	if strings.TrimSpace(rest) != "" || len(pieces) == 0 {
		pieces = append(pieces, t.piece(rest, at))
	}
	return pieces
}

// piece is a stretch of the text that begins at the given unit, with its markup.
func (t *text) piece(s string, at int) *text {
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	p := &text{units: clip.Units(s)}
	p.words.WriteString(s)
	for _, e := range t.entities {
		from, to := max(e.Offset-at, 0), min(e.Offset+e.Length-at, p.units)
		if from < to {
			e.Offset, e.Length = from, to-from
			p.entities = append(p.entities, e)
		}
	}
	return p
}

// sendText sends a text as a message of its own; quiet notifies nobody.
func (c *client) sendText(ctx context.Context, at place, says *text, under models.ReplyMarkup, quiet bool) (*models.Message, error) {
	return c.SendMessage(ctx, &bot.SendMessageParams{
		ChatID: at.chat, MessageThreadID: at.thread, ReplyParameters: at.replyTo(), DisableNotification: quiet,
		Text: says.String(), Entities: says.entities, LinkPreviewOptions: noPreview(), ReplyMarkup: under,
	})
}

// editText puts a text and its buttons in place of what the message says.
func (c *client) editText(ctx context.Context, chat int64, id int, says *text, keys *models.InlineKeyboardMarkup) error {
	_, err := c.EditMessageText(ctx, &bot.EditMessageTextParams{
		ChatID: chat, MessageID: id, Text: says.String(), Entities: says.entities,
		LinkPreviewOptions: noPreview(), ReplyMarkup: markup(keys),
	})
	return err
}

func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: bot.True()}
}
