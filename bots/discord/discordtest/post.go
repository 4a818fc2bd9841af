package discordtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Flags that a bot may set on the messages of its channels.
const (
	createFlags = FlagSuppressEmbeds | FlagSuppressNotifications | FlagComponentsV2
	editFlags   = FlagSuppressEmbeds | FlagComponentsV2
)

// nonceLife is how long enforce_nonce finds a message: "the past few minutes".
const nonceLife = 5 * time.Minute

// requestLimit is how large all files of one message may be together ("Create
// Message"), where no boost allows one of them to be larger.
const requestLimit = 25 << 20

// createMessage follows "Create Message".
func (s *Server) createMessage(c *call) (any, error) {
	r, err := s.open(c)
	if err == nil {
		err = r.mayPost()
	}
	if err != nil {
		return nil, err
	}
	d, err := newDraft(c.body, c.files, c)
	if err != nil {
		return nil, err
	}
	if old := s.sameNonce(r, d); old != nil {
		c.log.MessageID = old.ID
		return s.show(old), nil
	}
	m := &Message{Author: s.bot, Nonce: d.Nonce}
	if r.guild != nil {
		m.GuildID = r.guild.id
	}
	if err := s.refer(m, r, d); err != nil {
		return nil, err
	}
	if err := s.allowed(r, d); err != nil {
		return nil, err
	}
	limit := r.guild.limit()
	if sizeOf(d.files) > max(requestLimit, limit) {
		return nil, tooLarge()
	}
	if err := s.apply(m, r, d, createFlags, limit); err != nil {
		return nil, err
	}
	s.add(r, m)
	c.log.MessageID = m.ID
	return s.show(m), nil
}

func sizeOf(files map[string]*upload) int {
	total := 0
	for _, u := range files {
		total += len(u.data)
	}
	return total
}

// sameNonce finds the message that enforce_nonce forbids to make again.
func (s *Server) sameNonce(r *room, d *draft) *Message {
	if !d.Enforce || d.Nonce == nil {
		return nil
	}
	for _, m := range slices.Backward(r.messages) {
		if s.now().Sub(m.Timestamp) > nonceLife {
			return nil
		}
		if m.Author.ID == s.bot.ID && fmt.Sprint(m.Nonce) == fmt.Sprint(d.Nonce) {
			return m
		}
	}
	return nil
}

// refer makes a message a reply ("Message Reference Structure").
func (s *Server) refer(m *Message, r *room, d *draft) error {
	if d.Reference == nil {
		return nil
	}
	if r.guild != nil && r.permissions()&PermReadMessageHistory == 0 {
		return forbidden(160002, "Cannot reply without permission to read message history")
	}
	to := r.live(d.Reference.MessageID)
	switch {
	case to != nil && to.For == "":
		quoted := *to
		quoted.Referenced = nil
		m.Type, m.Referenced = typeReply, &quoted
		m.Reference = &Reference{MessageID: to.ID, ChannelID: r.id, GuildID: m.GuildID}
	case d.Reference.Fail == nil || *d.Reference.Fail:
		return formError("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
	}
	return nil
}

// allowed says whether the bot may send what a draft has.
func (s *Server) allowed(r *room, d *draft) error {
	bits := r.permissions()
	if len(d.files) > 0 && bits&PermAttachFiles == 0 || len(d.Embeds) > 0 && bits&PermEmbedLinks == 0 {
		return missingPermissions()
	}
	return nil
}

// findMessage is the message in the path, in a channel the bot sees.
func (s *Server) findMessage(c *call) (*room, *Message, error) {
	r, err := s.open(c)
	if err != nil {
		return nil, nil, err
	}
	m := r.live(c.params["message"])
	if m == nil || m.For != "" {
		return nil, nil, unknownMessage()
	}
	return r, m, nil
}

// getMessage follows "Get Channel Message".
func (s *Server) getMessage(c *call) (any, error) {
	r, m, err := s.findMessage(c)
	switch {
	case err != nil:
		return nil, err
	case r.guild != nil && r.permissions()&PermReadMessageHistory == 0:
		return nil, missingPermissions()
	}
	return s.show(m), nil
}

// editMessage follows "Edit Message". Unlike the service it lets a bot edit its
// own old messages as often as it likes.
func (s *Server) editMessage(c *call) (any, error) {
	r, m, err := s.findMessage(c)
	switch {
	case err != nil:
		return nil, err
	case m.Author.ID != s.bot.ID:
		return nil, forbidden(50005, "Cannot edit a message authored by another user")
	case r.archived:
		return nil, badRequest(50083, "Thread is archived")
	}
	d, err := newDraft(c.body, c.files, c)
	if err != nil {
		return nil, err
	}
	return s.revise(r, m, d, editFlags, r.guild.limit())
}

// revise puts what a draft makes of a message in its place.
func (s *Server) revise(r *room, m *Message, d *draft, flags, limit int) (any, error) {
	if err := s.allowed(r, d); err != nil {
		return nil, err
	}
	changed, now := *m, s.now().UTC()
	changed.Flags &^= FlagLoading
	changed.Edits++
	changed.EditedAt = &now
	if err := s.apply(&changed, r, d, flags, limit); err != nil {
		return nil, err
	}
	return s.show(s.replace(r, &changed)), nil
}

// deleteMessage follows "Delete Message".
func (s *Server) deleteMessage(c *call) (any, error) {
	r, m, err := s.findMessage(c)
	switch {
	case err != nil:
		return nil, err
	case m.Author.ID != s.bot.ID && r.guild == nil:
		return nil, forbidden(50003, "Cannot execute action on a DM channel")
	case m.Author.ID != s.bot.ID && r.permissions()&PermManageMessages == 0:
		return nil, missingPermissions()
	}
	s.remove(r, m)
	return nil, nil
}

// react follows "Create Reaction" for emoji that are characters.
func (s *Server) react(c *call) (any, error) {
	r, m, err := s.findMessage(c)
	if err != nil {
		return nil, err
	}
	emoji, err := url.PathUnescape(c.params["emoji"])
	switch first, _ := utf8.DecodeRuneInString(emoji); {
	case err != nil || first < 0x80 && !slices.Contains([]rune(emoji), '\u20e3'):
		return nil, badRequest(10014, "Unknown Emoji")
	case r.guild != nil && r.permissions()&(PermAddReactions|PermReadMessageHistory) != PermAddReactions|PermReadMessageHistory:
		return nil, missingPermissions()
	}
	changed := *m
	if !slices.Contains(m.Reactions, emoji) {
		changed.Reactions = append(slices.Clip(m.Reactions), emoji)
	}
	s.replace(r, &changed)
	return nil, nil
}

// unreact follows "Delete Own Reaction".
func (s *Server) unreact(c *call) (any, error) {
	r, m, err := s.findMessage(c)
	if err != nil {
		return nil, err
	}
	emoji, _ := url.PathUnescape(c.params["emoji"]) // "" is no reaction
	changed := *m
	changed.Reactions = slices.DeleteFunc(slices.Clone(m.Reactions), func(e string) bool { return e == emoji })
	s.replace(r, &changed)
	return nil, nil
}

// getMe follows "Get Current User".
func (s *Server) getMe(*call) (any, error) { return s.bot, nil }

// getUser follows "Get User".
func (s *Server) getUser(c *call) (any, error) {
	p := s.people[c.params["user"]]
	if p == nil {
		return nil, unknown(10013, "User")
	}
	return p.user, nil
}

// openDM follows "Create DM". It succeeds whoever it is; writing may not.
func (s *Server) openDM(c *call) (any, error) {
	var body struct {
		Recipient any `json:"recipient_id"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	p := s.people[fmt.Sprint(body.Recipient)]
	if p == nil {
		return nil, formError("recipient_id", "INVALID_RECIPIENT", "Invalid Recipient(s)")
	}
	return p.private.room.channelJSON(), nil
}

// getApplication follows "Get Current Application".
func (s *Server) getApplication(*call) (any, error) { return s.application(), nil }

func (s *Server) application() map[string]any {
	out := map[string]any{
		"id": s.cfg.ApplicationID, "name": s.bot.Username, "icon": nil, "description": "", "bot_public": true, "bot_require_code_grant": false,
		"verify_key": s.PublicKey(), "flags": 0, "approximate_guild_count": len(s.guilds), "interactions_endpoint_url": nil,
		"integration_types_config": map[string]any{"0": map[string]any{}, "1": map[string]any{}}, "bot": s.bot,
	}
	if s.endpoint != "" {
		out["interactions_endpoint_url"] = s.endpoint
	}
	return out
}

// intID is an id as the number it is, to choose a shard by.
func intID(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64) // the server makes them all
	return n
}
