package telegramtest

import (
	"encoding/json"
	"reflect"
)

// target finds the message an edit is about.
func (s *Server) target(c *call) (*room, *Message, error) {
	if c.has("inline_message_id") {
		return nil, nil, badRequest("MESSAGE_ID_INVALID") // this server has no inline messages that can be edited
	}
	r, err := s.findRoom(c)
	if err != nil {
		return nil, nil, err
	}
	if c.int("message_id") == 0 {
		return nil, nil, badRequest("message identifier is not specified")
	}
	if err := s.mayPost(r); err != nil {
		return nil, nil, err
	}
	m := r.find(c.int("message_id"))
	switch {
	case m == nil:
		return nil, nil, badRequest("message to edit not found")
	case !s.own(r, m):
		return nil, nil, badRequest("message can't be edited")
	}
	return r, m, nil
}

func (s *Server) own(r *room, m *Message) bool {
	if r.info.Type == "channel" {
		return m.From == nil
	}
	return m.From != nil && m.From.ID == s.bot.ID && m.ViaBot == nil
}

// edit is what all editing methods do: change a copy of the message, refuse
// when nothing changed, replace it. An edit without reply_markup takes the
// keyboard away.
func (s *Server) edit(c *call, change func(*Message) error) (any, error) {
	markup, err := c.markup()
	if err != nil {
		return nil, err
	}
	if markup != nil && markup.Inline == nil && !c.emptyInline() {
		return nil, badRequest("inline keyboard expected")
	}
	r, old, err := s.target(c)
	if err != nil {
		return nil, err
	}
	m := *old
	if err := change(&m); err != nil {
		return nil, err
	}
	m.ReplyMarkup, m.Markup = markup, markup
	if markup != nil && len(markup.Inline) == 0 {
		m.ReplyMarkup, m.Markup = nil, nil
	}
	if sameContent(old, &m) {
		return nil, badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	m.EditDate = s.now().Unix()
	m.Edits++
	c.log.Results = append(c.log.Results, m.ID)
	return *s.replace(r, &m), nil
}

func sameContent(a, b *Message) bool {
	same := a.Text == b.Text && a.Caption == b.Caption && a.CaptionAbove == b.CaptionAbove && a.Spoiler == b.Spoiler
	return same && a.file == b.file && equal(a.Entities, b.Entities) && equal(a.CaptionEntities, b.CaptionEntities) &&
		equal(a.ReplyMarkup, b.ReplyMarkup) && equal(a.LinkPreview, b.LinkPreview)
}

// equal compares two values as the service sees them.
func equal(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b) // the types of this package can be encoded
	return string(left) == string(right)
}

// editMessageText follows "editMessageText".
func (s *Server) editMessageText(c *call) (any, error) {
	return s.edit(c, func(m *Message) error {
		if m.Text == "" {
			return badRequest("there is no text in the message to edit")
		}
		return c.body(m)
	})
}

// editMessageCaption follows "editMessageCaption".
func (s *Server) editMessageCaption(c *call) (any, error) {
	return s.edit(c, func(m *Message) error {
		if m.file == nil {
			return badRequest("there is no caption in the message to edit")
		}
		return c.caption(m)
	})
}

// editMessageReplyMarkup follows "editMessageReplyMarkup".
func (s *Server) editMessageReplyMarkup(c *call) (any, error) {
	return s.edit(c, func(*Message) error { return nil })
}

// editMessageMedia follows "editMessageMedia": a text may become media, and an
// item of an album only what may be in that album.
func (s *Server) editMessageMedia(c *call) (any, error) {
	var item inputMedia
	if err := c.object("media", &item); err != nil {
		return nil, err
	}
	return s.edit(c, func(m *Message) error {
		if m.MediaGroupID != "" && albumKind(item.Type) != albumKind(m.file.kind) {
			return badRequest("MEDIA_GROUP_INVALID")
		}
		if m.Invoice != nil {
			return badRequest("message can't be edited")
		}
		m.Text, m.Entities, m.LinkPreview = "", nil, nil
		return s.load(c, item, m)
	})
}

// deleteMessage follows "deleteMessage".
func (s *Server) deleteMessage(c *call) (any, error) {
	r, err := s.findRoom(c)
	if err != nil {
		return nil, err
	}
	if err := s.mayPost(r); err != nil {
		return nil, err
	}
	m := r.find(c.int("message_id"))
	switch {
	case m == nil:
		return nil, badRequest("message to delete not found")
	case !s.mayDelete(r, m):
		return nil, badRequest("message can't be deleted for everyone")
	}
	s.remove(r, m)
	return true, nil
}

// deleteMessages follows "deleteMessages": what is not there is skipped.
func (s *Server) deleteMessages(c *call) (any, error) {
	var ids []int64
	if err := c.object("message_ids", &ids); err != nil {
		return nil, err
	}
	r, err := s.findRoom(c)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 || len(ids) > 100 {
		return nil, badRequest("message identifiers are not specified")
	}
	for _, id := range ids {
		if m := r.find(id); m != nil && s.mayDelete(r, m) {
			s.remove(r, m)
		}
	}
	return true, nil
}

// mayDelete: all in a private chat, its own in a group, and everything there
// when it is an administrator; nothing of others after 48 hours.
func (s *Server) mayDelete(r *room, m *Message) bool {
	fresh := s.now().Unix()-m.Date < 48*3600
	switch bot := r.member(s.bot.ID); {
	case r.person != nil:
		return fresh
	case bot != nil && bot.status == "administrator":
		return true
	}
	return s.own(r, m) && fresh
}

// remove marks a message deleted. It wants s.mu.
func (s *Server) remove(r *room, m *Message) {
	gone := *m
	gone.Deleted = true
	s.replace(r, &gone)
}
