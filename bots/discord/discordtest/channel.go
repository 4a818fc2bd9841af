package discordtest

import (
	"fmt"
	"slices"
)

// Kinds of channels ("Channel Types").
const (
	kindText    = 0
	kindDM      = 1
	kindGroupDM = 3
	kindThread  = 11
	kindForum   = 15
)

// room is a channel as the server knows it. Everything in it is guarded by the
// server's lock. A message is replaced, never changed, once it is in a room,
// but for the fields that only tests see.
type room struct {
	id, name string
	kind     int
	guild    *Guild    // nil for direct messages
	parent   *room     // of a thread
	people   []*Person // of direct messages
	nsfw     bool
	deleted  bool
	archived bool  // a thread that is locked
	denied   int64 // to the bot
	allowed  int64
	messages []*Message
	places   map[string]int // of messages, by id
	typed    int
}

func (s *Server) newRoom(r room) *room {
	r.id, r.places = s.newID(), map[string]int{}
	s.rooms[r.id] = &r
	return &r
}

// View is a channel as somebody sees it. It remembers what Next has returned.
type View struct {
	s      *Server
	room   *room
	person *Person // nil for what everybody sees
	seen   int     // messages that Next passed
}

// shows says whether a message is seen here: an ephemeral one only by whom it
// is for.
func (v *View) shows(m *Message) bool {
	return m.For == "" || v.person != nil && m.For == v.person.user.ID
}

// Channel is a channel as everybody in it sees it, without what is ephemeral.
type Channel struct {
	View
	views map[*Person]*View
}

func (s *Server) channel(r *room) *Channel {
	return &Channel{View: View{s: s, room: r}, views: map[*Person]*View{}}
}

// Channel makes a text channel.
func (g *Guild) Channel(name string) *Channel { return g.newChannel(name, kindText) }

// Forum makes a forum, in which only threads can be written to.
func (g *Guild) Forum(name string) *Channel { return g.newChannel(name, kindForum) }

func (g *Guild) newChannel(name string, kind int) *Channel {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return g.s.channel(g.s.newRoom(room{name: name, kind: kind, guild: g}))
}

// GroupDM returns direct messages of several people, in which those who
// installed the app for themselves can use it. The bot is not there.
func (s *Server) GroupDM(people ...*Person) *Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channel(s.newRoom(room{name: "group", kind: kindGroupDM, people: people}))
}

// Thread opens a public thread, or in a forum a post.
func (c *Channel) Thread(name string) *Channel {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.channel(c.s.newRoom(room{name: name, kind: kindThread, guild: c.room.guild, parent: c.room}))
}

// ID is the channel's id.
func (c *Channel) ID() string { return c.room.id }

// Deny takes permissions from the bot in this channel.
func (c *Channel) Deny(bits int64) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.denied, c.room.allowed = c.room.denied|bits, c.room.allowed&^bits
}

// Allow gives the bot permissions in this channel.
func (c *Channel) Allow(bits int64) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.denied, c.room.allowed = c.room.denied&^bits, c.room.allowed|bits
}

// SetNSFW makes the channel age-restricted, or not.
func (c *Channel) SetNSFW(on bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.nsfw = on
}

// Locks archives a thread and locks it.
func (c *Channel) Locks() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.archived = true
}

// Deletes removes the channel.
func (c *Channel) Deletes() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.room.deleted = true
	c.s.touch()
}

// Typed is how often the bot has shown that it is typing.
func (c *Channel) Typed() int {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.room.typed
}

// As is a person in this channel. It sees what is ephemeral to them.
func (c *Channel) As(p *Person) Speaker {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	v := c.views[p]
	if v == nil {
		v = &View{s: c.s, room: c.room, person: p}
		c.views[p] = v
	}
	return Speaker{View: v}
}

// Messages returns what is seen here now, oldest first, without what was
// deleted: the bot's messages and the people's.
func (v *View) Messages() []Message {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.messages(func(m *Message) bool { return !m.Deleted })
}

// FromBot returns the bot's messages that are seen here now.
func (v *View) FromBot() []Message {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return v.messages(func(m *Message) bool { return !m.Deleted && m.Author.ID == v.s.bot.ID })
}

// messages wants s.mu.
func (v *View) messages(match func(*Message) bool) []Message {
	var found []Message
	for _, m := range v.room.messages {
		if v.shows(m) && match(m) {
			found = append(found, *m)
		}
	}
	return found
}

// Message returns the message with this id as it is now, also when it was
// deleted. It panics when there never was one.
func (v *View) Message(id string) Message {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	m := v.room.find(id)
	if m == nil {
		panic(fmt.Sprintf("discordtest: there was no message %s in this channel", id))
	}
	return *m
}

// find is the message with this id, also one that was deleted, or nil.
func (r *room) find(id string) *Message {
	if i, has := r.places[id]; has {
		return r.messages[i]
	}
	return nil
}

// live is find without what was deleted.
func (r *room) live(id string) *Message {
	if m := r.find(id); m != nil && !m.Deleted {
		return m
	}
	return nil
}

// add puts a message into a room and gives it its place.
func (s *Server) add(r *room, m *Message) *Message {
	m.ChannelID = r.id
	if m.ID == "" {
		m.ID = s.newID()
	}
	m.Timestamp = s.now().UTC()
	r.places[m.ID] = len(r.messages)
	r.messages = append(r.messages, m)
	s.touch()
	return m
}

// replace puts a changed message in the place of the old one.
func (s *Server) replace(r *room, m *Message) *Message {
	r.messages[r.places[m.ID]] = m
	s.touch()
	return m
}

// remove marks a message as deleted.
func (s *Server) remove(r *room, m *Message) {
	gone := *m
	gone.Deleted = true
	s.replace(r, &gone)
}

// permissions is what the bot may do in a room.
func (r *room) permissions() int64 {
	switch {
	case r.guild == nil:
		return PermAttachFiles | PermEmbedLinks | PermMentionEveryone | PermUseExternalEmojis
	case !r.guild.hasBot: // what the app may do where only a person installed it
		return PermAttachFiles | PermEmbedLinks | PermMentionEveryone
	}
	bits := int64(botPermissions)
	if r.parent != nil {
		bits = r.parent.permissions()
	}
	return bits&^r.denied | r.allowed
}

// open is the room in the path, if the bot may look into it.
func (s *Server) open(c *call) (*room, error) {
	r := s.rooms[c.params["channel"]]
	switch {
	case r == nil || r.deleted || r.parent != nil && r.parent.deleted:
		return nil, unknownChannel()
	case r.kind == kindGroupDM, r.guild != nil && (!r.guild.hasBot || r.permissions()&PermViewChannel == 0):
		return nil, missingAccess()
	}
	return r, nil
}

// mayPost says whether the bot may write into a room that it sees ("Channel",
// "Create Message"; "Threads", "Permissions").
func (r *room) mayPost() error {
	needed := int64(PermSendMessages)
	if r.parent != nil {
		needed = PermSendMessagesInThreads
	}
	switch {
	case r.kind == kindForum:
		return badRequest(40058, "Cannot send a message in a forum channel")
	case r.kind == kindDM && r.people[0].closed:
		return forbidden(50007, "Cannot send messages to this user")
	case r.kind == kindDM && !r.people[0].known():
		return forbidden(50278, "Cannot send messages to this user due to having no mutual guilds")
	case r.guild != nil && r.permissions()&needed == 0:
		return missingPermissions()
	case r.archived:
		return badRequest(50083, "Thread is archived")
	}
	return nil
}

// channelJSON is "Channel Object", what of it matters here.
func (r *room) channelJSON() map[string]any {
	out := map[string]any{"id": r.id, "type": r.kind, "flags": 0, "last_message_id": nil}
	if n := len(r.messages); n > 0 {
		out["last_message_id"] = r.messages[n-1].ID
	}
	if r.guild == nil {
		var users []User
		for _, p := range r.people {
			users = append(users, p.user)
		}
		out["recipients"] = users
		return out
	}
	out["guild_id"], out["name"], out["nsfw"], out["position"] = r.guild.id, r.name, r.nsfw, 0
	out["parent_id"], out["permission_overwrites"] = nil, []any{}
	if r.parent != nil {
		out["parent_id"], out["owner_id"] = r.parent.id, r.guild.owner
		out["thread_metadata"] = map[string]any{"archived": r.archived, "auto_archive_duration": 4320, "locked": r.archived}
		delete(out, "permission_overwrites")
		delete(out, "nsfw") // a thread is what its channel is
	}
	return out
}

// getChannel follows "Get Channel".
func (s *Server) getChannel(c *call) (any, error) {
	r, err := s.open(c)
	if err != nil {
		return nil, err
	}
	return r.channelJSON(), nil
}

// typing follows "Trigger Typing Indicator".
func (s *Server) typing(c *call) (any, error) {
	r, err := s.open(c)
	if err == nil {
		err = r.mayPost()
	}
	if err != nil {
		return nil, err
	}
	r.typed++
	return nil, nil
}

// getMessages follows "Get Channel Messages", without its parameters.
func (s *Server) getMessages(c *call) (any, error) {
	r, err := s.open(c)
	if err != nil {
		return nil, err
	}
	list := []Message{}
	readable := r.guild == nil || r.permissions()&PermReadMessageHistory != 0
	for _, m := range slices.Backward(r.messages) {
		if !m.Deleted && m.For == "" && len(list) < 50 && readable {
			list = append(list, s.show(m))
		}
	}
	return list, nil
}
