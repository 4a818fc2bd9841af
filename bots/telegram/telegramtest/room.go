package telegramtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// room is a chat as the server knows it. Everything in it is guarded by the
// server's lock. A message is replaced, never changed, once it is in a room,
// but for the fields that only tests see.
type room struct {
	info     ChatInfo
	person   *Person // the other side of a private chat
	messages []*Message
	byID     map[int64]*Message
	last     int64 // message id
	members  []*member
	topics   map[int64]string
	movedTo  int64 // after a migration
	closed   bool  // the bot may not write: see mayPost
	started  bool  // a private chat in which the person wrote
	blocked  bool  // by the person
	gone     bool  // the person deleted their account
	actions  []ChatAction
}

// member is somebody in a group.
type member struct {
	user      User
	person    *Person // nil for the bot
	status    string  // as in "ChatMember"
	anonymous bool
}

// ChatAction is a "typing…" or the like.
type ChatAction struct {
	Action   string
	ThreadID int64
	At       int64 // Unix seconds
}

func (s *Server) newRoom(info ChatInfo) *room {
	r := &room{info: info, byID: map[int64]*Message{}, topics: map[int64]string{}, last: int64(len(s.rooms)+1) * 10}
	s.rooms[info.ID] = r
	return r
}

// findRoom follows "chat_id": a number, or @name of a public group or channel.
func (s *Server) findRoom(c *call) (*room, error) {
	value := c.text("chat_id")
	if value == "" {
		return nil, badRequest("chat_id is empty")
	}
	if name, is := strings.CutPrefix(value, "@"); is {
		for _, r := range s.rooms {
			if strings.EqualFold(r.info.Username, name) && r.person == nil {
				c.log.ChatID = r.info.ID
				return r, nil
			}
		}
		return nil, badRequest("chat not found")
	}
	id, err := strconv.ParseInt(value, 10, 64)
	r := s.rooms[id]
	switch {
	case err != nil || r == nil:
		return nil, badRequest("chat not found")
	case r.movedTo != 0:
		return nil, &apiError{code: 400, text: "Bad Request: group chat was upgraded to a supergroup chat", migratedTo: r.movedTo}
	}
	return r, nil
}

// postRoom is findRoom for a chat that the bot is to write to, with the thread
// that message_thread_id names.
func (s *Server) postRoom(c *call) (*room, int64, error) {
	r, err := s.findRoom(c)
	if err != nil {
		return nil, 0, err
	}
	if err := s.mayPost(r); err != nil {
		return nil, 0, err
	}
	thread := c.int("message_thread_id")
	if thread == 0 {
		return r, 0, nil
	}
	if _, has := r.topics[thread]; !has {
		return nil, 0, badRequest("message thread not found")
	}
	return r, thread, nil
}

func (s *Server) mayPost(r *room) error {
	if r.person != nil {
		switch {
		case r.gone:
			return forbidden("user is deactivated")
		case r.blocked:
			return forbidden("bot was blocked by the user")
		case !r.started:
			return forbidden("bot can't initiate conversation with a user")
		}
		return nil
	}
	m := r.member(s.bot.ID)
	switch {
	case m == nil || m.status == "left":
		return forbidden("bot is not a member of the " + r.info.Type + " chat")
	case m.status == "kicked":
		return forbidden("bot was kicked from the " + r.info.Type + " chat")
	case r.closed && m.status != "administrator":
		return badRequest("not enough rights to send text messages to the chat")
	case r.info.Type == "channel" && m.status != "administrator":
		return badRequest("need administrator rights in the channel chat")
	}
	return nil
}

func (r *room) member(id int64) *member {
	for _, m := range r.members {
		if m.user.ID == id {
			return m
		}
	}
	return nil
}

// add puts a message into a room and gives it its id and place.
func (s *Server) add(r *room, m *Message) *Message {
	r.last++
	m.ID, m.Chat, m.Date = r.last, r.info, s.now().Unix()
	if m.ThreadID != 0 {
		m.IsTopicMessage = true
	}
	r.messages = append(r.messages, m)
	r.byID[m.ID] = m
	s.touch()
	return m
}

// replace puts a changed message in the place of the old one.
func (s *Server) replace(r *room, m *Message) *Message {
	r.byID[m.ID] = m
	i, _ := slices.BinarySearchFunc(r.messages, m.ID, func(m *Message, id int64) int { return cmp.Compare(m.ID, id) })
	r.messages[i] = m
	s.touch()
	return m
}

// find is the message with this id, nil when there is none or it was deleted.
func (r *room) find(id int64) *Message {
	if m := r.byID[id]; m != nil && !m.Deleted {
		return m
	}
	return nil
}

// quoted is a message as another one shows it that replies to it.
func quoted(m *Message) *Message {
	if m == nil {
		return nil
	}
	short := *m
	short.ReplyTo = nil
	return &short
}
