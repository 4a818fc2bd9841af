package telegramtest

import (
	"cmp"
	"fmt"
	"slices"
)

// Chat is a chat the bot may be in, or one topic of it. It remembers what Next
// has returned.
type Chat struct {
	s      *Server
	room   *room
	thread int64
	seen   int64 // id of the last message Next returned
}

// Group returns a supergroup with the bot and these people.
func (s *Server) Group(title string, people ...*Person) *Chat {
	return s.newGroup("supergroup", title, people)
}

// BasicGroup returns a group of the small kind, which can become a supergroup.
func (s *Server) BasicGroup(title string, people ...*Person) *Chat {
	return s.newGroup("group", title, people)
}

// Forum returns a supergroup with topics.
func (s *Server) Forum(title string, people ...*Person) *Chat {
	c := s.newGroup("supergroup", title, people)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.room.info.IsForum = true
	return c
}

// Channel returns a channel of which the bot is an administrator.
func (s *Server) Channel(title string) *Chat {
	c := s.newGroup("channel", title, nil)
	c.SetBot("administrator")
	return c
}

func (s *Server) newGroup(kind, title string, people []*Person) *Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named++
	id := -1_002_000_000_000 - s.named
	if kind == "group" {
		id = -4_000_000_000 - s.named
	}
	r := s.newRoom(ChatInfo{ID: id, Type: kind, Title: title})
	r.members = []*member{{user: s.bot, status: "member"}}
	for i, p := range people {
		status := "member"
		if i == 0 {
			status = "creator"
		}
		r.members = append(r.members, &member{user: p.user, person: p, status: status})
	}
	return &Chat{s: s, room: r}
}

// ID is the chat's id.
func (c *Chat) ID() int64 { return c.Info().ID }

// Info is what messages say of the chat.
func (c *Chat) Info() ChatInfo {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.room.info
}

// SetUsername makes a group or channel public under this name.
func (c *Chat) SetUsername(name string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.info.Username = name
}

// ThreadID is the id of the topic, 0 for the chat as a whole.
func (c *Chat) ThreadID() int64 { return c.thread }

// threadIn is the topic, if the chat is that one. It wants s.mu.
func (c *Chat) threadIn(chat int64) int64 {
	if c.room.info.ID == chat {
		return c.thread
	}
	return 0
}

// Topic opens a topic and returns it. In a private chat it is one of "topics
// in private chats".
func (c *Chat) Topic(name string) *Chat {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	m := Message{ForumTopicCreated: &ForumTopicCreated{Name: name, IconColor: 7322096}}
	if c.room.person != nil {
		m.From = &c.room.person.user
	} else if len(c.room.members) > 1 {
		m.From = &c.room.members[1].user
	}
	m.ThreadID = c.room.last + 1 // a topic's id is that of its first message
	c.room.topics[m.ThreadID] = name
	c.room.started = true
	c.s.add(c.room, &m)
	c.s.tell(c.room, &m, "")
	return &Chat{s: c.s, room: c.room, thread: m.ThreadID}
}

// CloseTopic deletes the topic with its messages: calls for it find no thread.
func (c *Chat) CloseTopic() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.room.topics, c.thread)
	for _, m := range c.room.messages {
		if m.ThreadID == c.thread && !m.Deleted {
			c.s.remove(c.room, m)
		}
	}
}

// As is the person in this chat.
func (c *Chat) As(p *Person) Speaker { return Speaker{chat: c, person: p} }

// AsAnonymousAdmin is a person who writes in the group's name.
func (c *Chat) AsAnonymousAdmin(p *Person, signature string) Speaker {
	info := c.Info()
	return Speaker{chat: c, person: p, as: &info, sign: signature}
}

// AsChannel is somebody who writes in this chat in a channel's name. For the
// channel itself it is a post.
func (c *Chat) AsChannel(channel *Chat) Speaker {
	info := channel.Info()
	return Speaker{chat: c, as: &info}
}

// Joins adds a person, with the service message.
func (c *Chat) Joins(p *Person) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.setStatus(p.user, p, "member")
	m := Message{From: &p.user, NewChatMembers: []User{p.user}}
	c.s.add(c.room, &m)
	c.s.tell(c.room, &m, "")
}

// SetStatus makes a person a "member", "administrator", "creator", "left" or
// "kicked".
func (c *Chat) SetStatus(p *Person, status string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.setStatus(p.user, p, status)
}

// SetBot gives the bot one of the same states, and tells it.
func (c *Chat) SetBot(status string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	was := c.setStatus(c.s.bot, nil, status)
	by := c.s.bot
	for _, m := range c.room.members {
		if m.person != nil {
			by = m.user
		}
	}
	if was != status {
		c.s.memberUpdate(c.room, by, was, status)
	}
}

// Mute takes from all but administrators the right to write.
func (c *Chat) Mute() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.closed = true
}

func (c *Chat) setStatus(u User, p *Person, status string) string {
	m := c.room.member(u.ID)
	if m == nil {
		m = &member{user: u, person: p, status: "left"}
		c.room.members = append(c.room.members, m)
	}
	was := m.status
	m.status = status
	return was
}

// memberUpdate sends my_chat_member. It wants s.mu.
func (s *Server) memberUpdate(r *room, by User, was, is string) {
	s.push("my_chat_member", fmt.Sprint("chat ", r.info.ID), map[string]any{
		"chat": r.info, "from": by, "date": s.now().Unix(),
		"old_chat_member": s.memberJSON(&member{user: s.bot, status: was}),
		"new_chat_member": s.memberJSON(&member{user: s.bot, status: is}),
	})
}

// Migrates turns a basic group into a supergroup, with both service messages
// ("migrate_to_chat_id", "migrate_from_chat_id"). The Chat is the supergroup
// from then on; calls for the old id fail with the new one.
func (c *Chat) Migrates() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	old := c.room
	s.named++
	info := old.info
	info.ID, info.Type = -1_002_000_000_000-s.named, "supergroup"
	r := s.newRoom(info)
	r.members = old.members
	from := &r.members[len(r.members)-1].user
	leaving := Message{From: from, MigrateToChatID: info.ID}
	s.add(old, &leaving)
	s.tell(old, &leaving, "")
	old.movedTo = info.ID
	arriving := Message{From: from, MigrateFromChatID: old.info.ID}
	s.add(r, &arriving)
	s.tell(r, &arriving, "")
	c.room, c.seen = r, 0
}

// Messages returns what is in the chat now, oldest first, without what was
// deleted: the bot's messages and the people's.
func (c *Chat) Messages() []Message {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.messages(func(m *Message) bool { return !m.Deleted })
}

// FromBot returns the bot's messages that are in the chat now.
func (c *Chat) FromBot() []Message {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.messages(func(m *Message) bool { return !m.Deleted && c.s.own(c.room, m) })
}

// Message returns the message with this id as it is now, also when it was
// deleted. It panics when there never was one.
func (c *Chat) Message(id int64) Message {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	m := c.room.byID[id]
	if m == nil {
		panic(fmt.Sprintf("telegramtest: there was no message %d in this chat", id))
	}
	return *m
}

// Actions returns the chat actions of the bot, oldest first.
func (c *Chat) Actions() []ChatAction {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return slices.Clone(c.room.actions)
}

// messages wants s.mu.
func (c *Chat) messages(match func(*Message) bool) []Message {
	var found []Message
	for _, m := range c.room.messages {
		if (c.thread == 0 || m.ThreadID == c.thread) && match(m) {
			found = append(found, *m)
		}
	}
	return found
}

// after finds the bot's first message after an id. It wants s.mu.
func (c *Chat) after(id int64) *Message {
	i, _ := slices.BinarySearchFunc(c.room.messages, id+1, func(m *Message, id int64) int { return cmp.Compare(m.ID, id) })
	for _, m := range c.room.messages[i:] {
		if (c.thread == 0 || m.ThreadID == c.thread) && c.s.own(c.room, m) {
			return m
		}
	}
	return nil
}
