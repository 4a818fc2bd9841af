package telegramtest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// getMe follows "getMe".
func (s *Server) getMe(*call) (any, error) {
	return struct {
		User
		CanJoinGroups   bool `json:"can_join_groups"`
		ReadsAll        bool `json:"can_read_all_group_messages"`
		Inline          bool `json:"supports_inline_queries"`
		CanConnect      bool `json:"can_connect_to_business"`
		MainWebApp      bool `json:"has_main_web_app"`
		TopicsEnabled   bool `json:"has_topics_enabled"`
		UsersMakeTopics bool `json:"allows_users_to_create_topics"`
	}{User: s.bot, CanJoinGroups: true, ReadsAll: s.cfg.ReadsAll, Inline: !s.cfg.InlineOff, TopicsEnabled: true, UsersMakeTopics: true}, nil
}

// botUser is the bot, its id taken from the token. It panics when there is
// none.
func botUser(cfg Config) User {
	id, secret, found := strings.Cut(cfg.Token, ":")
	n, err := strconv.ParseInt(id, 10, 64)
	if !found || err != nil || len(secret) < 30 {
		panic("telegramtest: Config.Token is no token of a bot")
	}
	return User{ID: n, IsBot: true, FirstName: cfg.Name, Username: cfg.Username}
}

// Command is one of the bot's commands ("BotCommand").
type Command struct {
	Name        string `json:"command"`
	Description string `json:"description"`
}

// scope is who sees a list of commands ("BotCommandScope").
type scope struct {
	Type   string `json:"type"`
	ChatID any    `json:"chat_id"`
	UserID int64  `json:"user_id"`
}

var (
	commandName  = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	languageCode = regexp.MustCompile(`^([a-z]{2})?$`)
)

// commandsKey is where a list of commands is kept: a scope and a language.
func (s *Server) commandsKey(c *call) (string, error) {
	at := scope{Type: "default"}
	if err := c.object("scope", &at); err != nil {
		return "", err
	}
	switch at.Type {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		at.ChatID, at.UserID = nil, 0
	case "chat", "chat_administrators", "chat_member":
		id, _ := at.ChatID.(float64)
		if s.rooms[int64(id)] == nil {
			return "", badRequest("chat not found")
		}
		at.ChatID = int64(id)
	default:
		return "", badRequest("can't parse BotCommandScope: Unsupported type specified")
	}
	if !languageCode.MatchString(c.text("language_code")) {
		return "", badRequest("invalid language code specified")
	}
	return commandsKey(at.Type, at.ChatID, at.UserID, c.text("language_code")), nil
}

func commandsKey(kind string, chat any, user int64, language string) string {
	return fmt.Sprint(kind, " ", chat, " ", user, " ", language)
}

// setMyCommands follows "setMyCommands" and "BotCommand".
func (s *Server) setMyCommands(c *call) (any, error) {
	key, err := s.commandsKey(c)
	if err != nil {
		return nil, err
	}
	var list []Command
	if err := c.object("commands", &list); err != nil {
		return nil, err
	}
	if len(list) > 100 {
		return nil, badRequest("BOT_COMMANDS_TOO_MUCH")
	}
	for _, command := range list {
		switch n := utf16Len(command.Description); {
		case !commandName.MatchString(strings.TrimPrefix(command.Name, "/")):
			return nil, badRequest("BOT_COMMAND_INVALID")
		case n < 1 || n > 256:
			return nil, badRequest("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	s.commands[key] = list
	return true, nil
}

// getMyCommands follows "getMyCommands".
func (s *Server) getMyCommands(c *call) (any, error) {
	key, err := s.commandsKey(c)
	if err != nil {
		return nil, err
	}
	return append([]Command{}, s.commands[key]...), nil
}

// deleteMyCommands follows "deleteMyCommands".
func (s *Server) deleteMyCommands(c *call) (any, error) {
	key, err := s.commandsKey(c)
	if err != nil {
		return nil, err
	}
	delete(s.commands, key)
	return true, nil
}

// Commands returns the commands that a scope without a chat, such as
// "all_group_chats", has in a language, empty for all others.
func (s *Server) Commands(scope, language string) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands[commandsKey(cmp.Or(scope, "default"), nil, 0, language)])
}

// Commands returns the commands that the person's private chat with the bot has
// for itself in a language, empty for all others; none when it has the general
// ones.
func (p *Person) Commands(language string) []Command {
	p.chat.s.mu.Lock()
	defer p.chat.s.mu.Unlock()
	return slices.Clone(p.chat.s.commands[commandsKey("chat", p.ID(), 0, language)])
}

// SetCommands gives such a scope these commands, as somebody else who has the
// bot's token could; of none, it has none.
func (s *Server) SetCommands(scope, language string, list ...Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands[commandsKey(cmp.Or(scope, "default"), nil, 0, language)] = list
}

// getChat follows "getChat" and "ChatFullInfo".
func (s *Server) getChat(c *call) (any, error) {
	r, err := s.findRoom(c)
	if err != nil {
		return nil, err
	}
	return struct {
		ChatInfo
		AccentColor  int            `json:"accent_color_id"`
		MaxReactions int            `json:"max_reaction_count"`
		Gifts        map[string]any `json:"accepted_gift_types"`
	}{ChatInfo: r.info, MaxReactions: 11, Gifts: map[string]any{}}, nil
}

// memberJSON is a "ChatMember" of the kind of its status.
func (s *Server) memberJSON(m *member) map[string]any {
	fields := map[string]any{"user": m.user, "status": m.status}
	switch m.status {
	case "creator":
		fields["is_anonymous"] = m.anonymous
	case "administrator":
		fields["is_anonymous"] = m.anonymous
		fields["can_be_edited"] = false
		for _, right := range []string{
			"can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members", "can_promote_members",
			"can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
		} {
			fields[right] = true
		}
	case "kicked":
		fields["until_date"] = 0
	}
	return fields
}

// getChatMember follows "getChatMember".
func (s *Server) getChatMember(c *call) (any, error) {
	r, err := s.groupOf(c)
	if err != nil {
		return nil, err
	}
	if m := r.member(c.int("user_id")); m != nil {
		return s.memberJSON(m), nil
	}
	if p := s.people[c.int("user_id")]; p != nil {
		return s.memberJSON(&member{user: p.user, status: "left"}), nil
	}
	return nil, badRequest("member not found")
}

// groupOf finds a chat that the bot is in, private ones too.
func (s *Server) groupOf(c *call) (*room, error) {
	r, err := s.findRoom(c)
	if err != nil {
		return nil, err
	}
	m := r.member(s.bot.ID)
	switch {
	case r.person != nil:
		return &room{info: r.info, members: []*member{{user: r.person.user, status: "member"}, {user: s.bot, status: "member"}}}, nil
	case m == nil || m.status == "left":
		return nil, forbidden("bot is not a member of the " + r.info.Type + " chat")
	case m.status == "kicked":
		return nil, forbidden("bot was kicked from the " + r.info.Type + " chat")
	}
	return r, nil
}

// getChatMemberCount follows "getChatMemberCount".
func (s *Server) getChatMemberCount(c *call) (any, error) {
	r, err := s.groupOf(c)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, m := range r.members {
		if m.status != "left" && m.status != "kicked" {
			n++
		}
	}
	return n, nil
}

// getChatAdministrators follows "getChatAdministrators": other bots are left
// out.
func (s *Server) getChatAdministrators(c *call) (any, error) {
	r, err := s.groupOf(c)
	if err != nil {
		return nil, err
	}
	if r.info.Type == "private" {
		return nil, badRequest("there are no administrators in the private chat")
	}
	found := []any{}
	for _, m := range r.members {
		if m.status == "creator" || m.status == "administrator" {
			found = append(found, s.memberJSON(m))
		}
	}
	return found, nil
}

// leaveChat follows "leaveChat".
func (s *Server) leaveChat(c *call) (any, error) {
	r, err := s.groupOf(c)
	if err != nil {
		return nil, err
	}
	if r.info.Type == "private" {
		return nil, badRequest("CHAT_ID_INVALID")
	}
	r.member(s.bot.ID).status = "left"
	return true, nil
}
