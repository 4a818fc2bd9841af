package discordtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// First answers ("Interaction Callback Type").
const (
	pong            = 1
	channelMessage  = 4
	deferMessage    = 5
	deferUpdate     = 6
	updateMessage   = 7
	autocompletions = 8
	openModal       = 9
)

// Flags that a bot may set on answers.
const (
	answerFlags   = FlagSuppressEmbeds | FlagEphemeral | FlagSuppressNotifications | FlagComponentsV2
	followupLimit = 5 // where only the person installed the app
)

// callback follows "Create Interaction Response".
func (s *Server) callback(c *call) (any, error) {
	in := s.interactions[c.params["interaction"]]
	switch {
	case in == nil || in.Token != c.params["token"] || in.late():
		return nil, unknown(10062, "interaction")
	case in.answer != nil:
		return nil, badRequest(40060, "Interaction has already been acknowledged.")
	}
	if err := s.respond(in, c.body, c.files, c); err != nil {
		return nil, err
	}
	c.log.MessageID = in.message
	if !c.wants("with_response") {
		return nil, nil
	}
	return in.response(), nil
}

// response is "Interaction Callback Response Object".
func (in *Interaction) response() map[string]any {
	about := map[string]any{"id": in.ID, "type": in.Kind}
	resource := map[string]any{"type": in.answer.Type}
	if m := in.room.live(in.message); m != nil {
		about["response_message_id"], about["response_message_loading"], about["response_message_ephemeral"] = m.ID, m.Loading(), m.For != ""
		if in.answer.Type == channelMessage || in.answer.Type == updateMessage {
			resource["message"] = in.s.show(m)
		}
	}
	return map[string]any{"interaction": about, "resource": resource}
}

// mayAnswer says with which types an interaction can be answered.
func (in *Interaction) mayAnswer() []int {
	switch {
	case in.Kind == kindAutocomplete:
		return []int{autocompletions}
	case in.Kind == kindCommand:
		return []int{channelMessage, deferMessage, openModal}
	case in.Kind == kindComponent:
		return []int{channelMessage, deferMessage, deferUpdate, updateMessage, openModal}
	case in.source != "":
		return []int{channelMessage, deferMessage, deferUpdate, updateMessage}
	}
	return []int{channelMessage, deferMessage}
}

// respond takes the first answer, whose body fits its shape, from a callback or
// from the endpoint's reply.
func (s *Server) respond(in *Interaction, body any, files map[string]*upload, c *call) error {
	fields := body.(map[string]any)
	kind, _ := strconv.Atoi(string(fields["type"].(json.Number))) // the shape has one of a few
	if !slices.Contains(in.mayAnswer(), kind) {
		return formError("type", "INTERACTION_RESPONSE_TYPE_INVALID", "An interaction of this kind cannot be answered with this type.")
	}
	data, _ := fields["data"].(map[string]any)
	if err := checkData(kind, data, files); err != nil {
		return err
	}
	answer := &Answer{Type: kind, After: s.now().Sub(in.created)}
	if err := s.perform(in, answer, data, files, c); err != nil {
		return err
	}
	in.answer = answer
	in.timer.Stop()
	s.touch()
	return nil
}

// checkData refuses fields that say something in an answer they do not belong
// to. The zero values that clients send along are overlooked.
func checkData(kind int, data map[string]any, files map[string]*upload) error {
	words := []string{"content", "tts", "embeds", "allowed_mentions", "components", "attachments", "flags"}
	may := map[int][]string{
		channelMessage: words, updateMessage: words, deferMessage: {"flags"},
		autocompletions: {"choices"}, openModal: {"custom_id", "title", "components"},
	}[kind]
	var p problems
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if !slices.Contains(may, name) && !zero(data[name]) {
			p.add([]string{"data", name}, "DISCORDTEST_UNKNOWN_FIELD", "There is no such field in an answer of this type.")
		}
	}
	if len(files) > 0 && !slices.Contains(may, "attachments") {
		p.add([]string{"data"}, "DISCORDTEST_UNKNOWN_FIELD", "An answer of this type has no files.")
	}
	return p.err()
}

func zero(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case json.Number:
		return v == "0"
	}
	return false
}

func (s *Server) perform(in *Interaction, answer *Answer, data map[string]any, files map[string]*upload, c *call) error {
	switch answer.Type {
	case autocompletions:
		return in.offer(answer, data)
	case openModal:
		return in.opens(answer, data)
	case deferUpdate:
		in.message = in.source
		return nil
	}
	d, err := newDraft(data, files, c, "data")
	if err != nil {
		return err
	}
	switch {
	case in.room.deleted:
		return unknownChannel()
	case answer.Type == updateMessage:
		in.message = in.source
		_, err := s.reviseAnswer(in, d, answerFlags&^FlagEphemeral)
		return err
	case answer.Type == deferMessage && d.Flags&^FlagEphemeral != 0:
		return formError("data.flags", "DISCORDTEST_FLAGS", "Only EPHEMERAL can be set when an answer is deferred.")
	case answer.Type == deferMessage:
		m := in.newMessage(d.Flags)
		m.Flags |= FlagLoading
		in.message = s.add(in.room, m).ID
		return nil
	}
	m, err := s.say(in, d)
	if err != nil {
		return err
	}
	in.message = m.ID
	return nil
}

// newMessage is an empty answer. It is ephemeral when the bot or the place
// wants that.
func (in *Interaction) newMessage(flags int) *Message {
	s := in.s
	m := &Message{
		Author: s.bot, ApplicationID: s.cfg.ApplicationID, WebhookID: s.cfg.ApplicationID,
		Mentions: []User{}, MentionRoles: []string{}, Attachments: []Attachment{}, Embeds: []Embed{}, Components: []Component{},
		Metadata: &Metadata{ID: in.ID, Type: in.Kind, User: in.person.user, Owners: in.owners},
	}
	if in.room.guild != nil {
		m.GuildID = in.room.guild.id
	}
	if in.Kind == kindCommand {
		m.Type, m.Metadata.Name = typeContextMenu, in.Name
		if in.command.Type == slashCommand {
			m.Type = typeSlash
		}
	}
	if in.source != "" {
		m.Reference = &Reference{MessageID: in.source, ChannelID: in.room.id, GuildID: m.GuildID}
	}
	if flags&FlagEphemeral != 0 || in.hidden {
		m.For, m.Flags = in.person.user.ID, FlagEphemeral
	}
	return m
}

// say makes a message that answers an interaction.
func (s *Server) say(in *Interaction, d *draft) (*Message, error) {
	if err := s.allowed(in.room, d); err != nil {
		return nil, err
	}
	m := in.newMessage(d.Flags)
	if err := s.apply(m, in.room, d, answerFlags, min(in.limit, nitroTakes)); err != nil {
		return nil, err
	}
	if m.For == "" {
		m.Flags &^= FlagEphemeral
	}
	return s.add(in.room, m), nil
}

// reviseAnswer changes @original.
func (s *Server) reviseAnswer(in *Interaction, d *draft, flags int) (any, error) {
	m := in.room.live(in.message)
	if m == nil {
		return nil, unknownMessage()
	}
	return s.revise(in.room, m, d, flags, min(in.limit, nitroTakes))
}

// hook is the interaction whose token is in the path, if it was answered and
// the token lives ("Followup Messages").
func (s *Server) hook(c *call) (*Interaction, error) {
	in := s.tokens[c.params["token"]]
	switch {
	case in == nil || in.expired || s.now().Sub(in.created) >= tokenLife:
		return nil, &apiError{status: http.StatusUnauthorized, code: 50027, text: "Invalid Webhook Token"}
	case in.answer == nil:
		return nil, unknown(10015, "Webhook")
	case in.room.deleted:
		return nil, unknownChannel()
	}
	return in, nil
}

// hookMessage is the message in the path: the interaction's answer or one of
// its followups.
func (s *Server) hookMessage(c *call) (*Interaction, *Message, error) {
	in, err := s.hook(c)
	if err != nil {
		return nil, nil, err
	}
	id := c.params["message"]
	if id == original {
		id = in.message
	}
	m := in.room.live(id)
	if m == nil || id != in.message && (m.Metadata == nil || m.Metadata.ID != in.ID) {
		return nil, nil, unknownMessage()
	}
	c.log.MessageID = m.ID
	return in, m, nil
}

// followUp follows "Create Followup Message". The first one after a deferred
// answer changes that answer, and its flags do nothing: it is noted, since a
// bot that wants this uses "Edit Original Interaction Response".
func (s *Server) followUp(c *call) (any, error) {
	in, err := s.hook(c)
	if err != nil {
		return nil, err
	}
	d, err := newDraft(c.body, c.files, c)
	if err != nil {
		return nil, err
	}
	if m := in.room.live(in.message); m != nil && m.Loading() {
		c.note("messages", "the first followup after a deferred answer changes that answer")
		d.Flags &^= FlagEphemeral
		c.log.MessageID = m.ID
		return s.reviseAnswer(in, d, answerFlags)
	}
	if in.owners["0"] == "" && in.followups >= followupLimit {
		return nil, badRequest(40094, "This interaction has reached the maximum number of follow up messages")
	}
	m, err := s.say(in, d)
	if err != nil {
		return nil, err
	}
	in.followups++
	m.Metadata.OriginalID = in.message
	c.log.MessageID = m.ID
	return s.show(m), nil
}

// getResponse follows "Get Original Interaction Response".
func (s *Server) getResponse(c *call) (any, error) {
	_, m, err := s.hookMessage(c)
	if err != nil {
		return nil, err
	}
	return s.show(m), nil
}

// editResponse follows "Edit Original Interaction Response".
func (s *Server) editResponse(c *call) (any, error) {
	in, m, err := s.hookMessage(c)
	if err != nil {
		return nil, err
	}
	d, err := newDraft(c.body, c.files, c)
	if err != nil {
		return nil, err
	}
	return s.revise(in.room, m, d, editFlags, min(in.limit, nitroTakes))
}

// deleteResponse follows "Delete Original Interaction Response".
func (s *Server) deleteResponse(c *call) (any, error) {
	in, m, err := s.hookMessage(c)
	if err != nil {
		return nil, err
	}
	s.remove(in.room, m)
	return nil, nil
}
