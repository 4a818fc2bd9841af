package telegramtest

import (
	"net/url"
	"slices"
	"strings"
)

// Sizes of inline keyboards: the service takes no more than eight buttons in a
// row and a hundred in all.
const (
	maxRow     = 8
	maxButtons = 100
)

// markup reads reply_markup, nil when there is none.
func (c *call) markup() (*Markup, error) {
	if !c.has("reply_markup") {
		return nil, nil
	}
	m := &Markup{}
	if err := c.decode("reply keyboard markup", []byte(c.text("reply_markup")), m); err != nil {
		return nil, err
	}
	if m.Inline == nil && m.Keyboard == nil && !m.RemoveKeyboard && !m.ForceReply && !c.emptyInline() {
		return nil, badRequest("object expected as reply markup")
	}
	total := 0
	for _, row := range m.Inline {
		total += len(row)
		if len(row) > maxRow || total > maxButtons {
			return nil, badRequest("REPLY_MARKUP_TOO_LONG")
		}
		for i, b := range row {
			if err := c.button(b, i == 0 && total == len(row)); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

func (c *call) emptyInline() bool {
	return strings.Contains(c.text("reply_markup"), `"inline_keyboard"`)
}

// button follows "InlineKeyboardButton": a text and exactly one thing to do.
func (c *call) button(b Button, first bool) error {
	switch {
	case strings.TrimSpace(b.Text) == "":
		return badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
	case b.does() == 0:
		return badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
	case !slices.Contains([]string{"", "danger", "success", "primary"}, b.Style):
		return badRequest("can't parse inline keyboard button: invalid button style specified")
	case len(b.CallbackData) > 64:
		return badRequest("BUTTON_DATA_INVALID")
	case b.Pay && !first:
		return badRequest("BUTTON_POS_INVALID")
	case b.CopyText != nil && (b.CopyText.Text == "" || utf16Len(b.CopyText.Text) > 256):
		return badRequest("BUTTON_COPY_TEXT_INVALID")
	}
	if b.does() > 1 {
		c.note("reply_markup", "a button does more than one thing")
	}
	return checkURL(b.URL)
}

// does counts what a button does.
func (b Button) does() int {
	n := 0
	for _, has := range []bool{
		b.URL != "", b.CallbackData != "", b.WebApp != nil, b.LoginURL != nil, b.SwitchInline != nil, b.SwitchInlineHere != nil,
		b.SwitchInlineTo != nil, b.CopyText != nil, b.Pay,
	} {
		if has {
			n++
		}
	}
	return n
}

// checkURL: a link of http, https, tg or mailto with a public host.
func checkURL(link string) error {
	if link == "" {
		return nil
	}
	full := link
	if !strings.Contains(link, ":") {
		full = "http://" + link
	}
	u, err := url.Parse(full)
	if err != nil || !slices.Contains([]string{"http", "https", "tg", "mailto"}, u.Scheme) {
		return badRequest("inline keyboard button URL '%s' is invalid: Unsupported URL protocol", link)
	}
	if strings.HasPrefix(u.Scheme, "http") && !strings.Contains(u.Hostname(), ".") {
		return badRequest("inline keyboard button URL '%s' is invalid: Wrong HTTP URL", link)
	}
	return nil
}
