package telegramtest

import (
	"slices"
	"strings"
)

// draft begins a message of the bot with the parameters that all sending
// methods share, and checks them in the order in which the service does.
func (s *Server) draft(c *call) (*room, *Message, error) {
	markup, err := c.markup()
	if err != nil {
		return nil, nil, err
	}
	r, thread, err := s.postRoom(c)
	if err != nil {
		return nil, nil, err
	}
	m := &Message{
		From: &s.bot, ThreadID: thread, Protected: c.bool("protect_content"), EffectID: c.text("message_effect_id"),
		Silent: c.bool("disable_notification"), Markup: markup,
	}
	if r.info.Type == "channel" {
		info := r.info
		m.From, m.SenderChat = nil, &info
	}
	if markup != nil && markup.Inline != nil {
		m.ReplyMarkup = markup
	}
	if m.EffectID != "" && r.person == nil {
		return nil, nil, badRequest("EFFECT_ID_INVALID")
	}
	return r, m, s.reply(c, r, m)
}

// reply follows "ReplyParameters". A message to reply to that is gone is an
// error unless allow_sending_without_reply is set, and it is one in every case
// when it is of another chat.
func (s *Server) reply(c *call, r *room, m *Message) error {
	var p struct {
		MessageID     int64    `json:"message_id"`
		ChatID        any      `json:"chat_id"`
		Anyway        bool     `json:"allow_sending_without_reply"`
		Quote         string   `json:"quote"`
		QuoteMode     string   `json:"quote_parse_mode"`
		QuoteEntities []Entity `json:"quote_entities"`
		QuotePosition int      `json:"quote_position"`
		ChecklistTask int      `json:"checklist_task_id"`
		PollOption    string   `json:"poll_option_id"`
	}
	if err := c.object("reply_parameters", &p); err != nil || !c.has("reply_parameters") {
		return err
	}
	if p.MessageID <= 0 {
		return badRequest("message to be replied not specified")
	}
	to := r.find(p.MessageID)
	elsewhere := p.ChatID != nil && !s.sameChat(p.ChatID, r)
	switch {
	case to == nil && p.Anyway && !elsewhere:
		return nil
	case to == nil || elsewhere:
		return badRequest("message to be replied not found")
	}
	if p.Quote != "" {
		at := strings.Index(to.Text+to.Caption, p.Quote)
		if at < 0 {
			return badRequest("QUOTE_TEXT_INVALID")
		}
		m.Quote = &Quote{Text: p.Quote, Position: utf16Len((to.Text + to.Caption)[:at]), IsManual: true}
	}
	m.ReplyTo = quoted(to)
	if m.ThreadID == 0 && to.IsTopicMessage {
		m.ThreadID = to.ThreadID
	}
	return nil
}

// sameChat compares a chat_id inside JSON with a room. Replies across chats
// are not part of this server.
func (s *Server) sameChat(id any, r *room) bool {
	switch id := id.(type) {
	case float64:
		return int64(id) == r.info.ID
	case string:
		return strings.TrimPrefix(id, "@") == r.info.Username
	}
	return false
}

// sent notes a message in the log and returns it as the bot sees it.
func (s *Server) sent(c *call, r *room, m *Message) (any, error) {
	s.add(r, m)
	c.log.Results = append(c.log.Results, m.ID)
	return *m, nil
}

// sendMessage follows "sendMessage".
func (s *Server) sendMessage(c *call) (any, error) {
	r, m, err := s.draft(c)
	if err != nil {
		return nil, err
	}
	if err := c.body(m); err != nil {
		return nil, err
	}
	return s.sent(c, r, m)
}

// body reads text, its entities and the preview of its links.
func (c *call) body(m *Message) error {
	text, marks, err := c.formatted(c.text("text"), c.text("parse_mode"), c.text("entities"))
	switch {
	case err != nil:
		return err
	case text == "":
		return badRequest("message text is empty")
	case utf16Len(text) > maxText:
		return badRequest("message is too long")
	}
	m.Text, m.Entities = text, marks
	if c.has("link_preview_options") {
		m.LinkPreview = &LinkPreview{}
	}
	return c.object("link_preview_options", m.LinkPreview)
}

// caption reads a caption and its entities.
func (c *call) caption(m *Message) error {
	text, marks, err := c.formatted(c.text("caption"), c.text("parse_mode"), c.text("caption_entities"))
	switch {
	case err != nil:
		return err
	case utf16Len(text) > maxCaption:
		return badRequest("message caption is too long")
	}
	m.Caption, m.CaptionEntities = text, marks
	m.CaptionAbove = c.bool("show_caption_above_media")
	return nil
}

// sendChatAction follows "sendChatAction".
func (s *Server) sendChatAction(c *call) (any, error) {
	r, thread, err := s.postRoom(c)
	if err != nil {
		return nil, err
	}
	actions := []string{
		"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
		"choose_sticker", "find_location", "record_video_note", "upload_video_note",
	}
	if !slices.Contains(actions, c.text("action")) {
		return nil, badRequest("wrong parameter action in request")
	}
	if r.info.Type == "channel" {
		return nil, badRequest("CHAT_ADMIN_REQUIRED")
	}
	r.actions = append(r.actions, ChatAction{Action: c.text("action"), ThreadID: thread, At: s.now().Unix()})
	return true, nil
}

// setMessageReaction follows "setMessageReaction": bots set at most one.
func (s *Server) setMessageReaction(c *call) (any, error) {
	var reactions []struct {
		Type          string `json:"type"`
		Emoji         string `json:"emoji"`
		CustomEmojiID string `json:"custom_emoji_id"`
	}
	if err := c.object("reaction", &reactions); err != nil {
		return nil, err
	}
	r, _, err := s.postRoom(c)
	if err != nil {
		return nil, err
	}
	old := r.find(c.int("message_id"))
	switch {
	case old == nil:
		return nil, badRequest("message to react not found")
	case len(reactions) > 1:
		return nil, badRequest("REACTIONS_TOO_MANY")
	}
	m := *old
	m.Reactions = nil
	for _, reaction := range reactions {
		if reaction.Type != "emoji" || !strings.Contains(reactionEmoji, " "+reaction.Emoji+" ") || reaction.Emoji == "" {
			return nil, badRequest("REACTION_INVALID")
		}
		m.Reactions = append(m.Reactions, reaction.Emoji)
	}
	s.replace(r, &m)
	return true, nil
}

// reactionEmoji are the emoji of "ReactionTypeEmoji", between spaces.
const reactionEmoji = " ❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡 "
