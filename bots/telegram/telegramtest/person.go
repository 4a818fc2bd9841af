package telegramtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Person is somebody who uses the bot. Everything a person does in a private
// chat with the bot is done by the methods of the Speaker inside.
type Person struct {
	Speaker
	user User // only changed before the person is known
}

// PersonOption says something about a person.
type PersonOption func(*User)

// Language is the person's language_code, such as "ru".
func Language(code string) PersonOption { return func(u *User) { u.LanguageCode = code } }

// Username is the person's name without @.
func Username(name string) PersonOption { return func(u *User) { u.Username = name } }

// LastName is the person's last name.
func LastName(name string) PersonOption { return func(u *User) { u.LastName = name } }

// ID is the person's id.
func ID(id int64) PersonOption { return func(u *User) { u.ID = id } }

// AnotherBot makes the person a bot, of which bots see little.
func AnotherBot() PersonOption { return func(u *User) { u.IsBot = true } }

// Person returns a new person with their private chat, in which the bot can
// write once they have.
func (s *Server) Person(name string, options ...PersonOption) *Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named++
	p := &Person{user: User{ID: 5_000_000_000 + s.named, FirstName: name, LanguageCode: "en"}}
	for _, option := range options {
		option(&p.user)
	}
	r := s.newRoom(ChatInfo{ID: p.user.ID, Type: "private", FirstName: name, LastName: p.user.LastName, Username: p.user.Username})
	r.person = p
	p.Speaker = Speaker{chat: &Chat{s: s, room: r}, person: p}
	s.people[p.user.ID] = p
	return p
}

// User is what the bot is told of the person.
func (p *Person) User() User { return p.user }

// ID is the person's id, and that of their private chat.
func (p *Person) ID() int64 { return p.user.ID }

// Private is the person's chat with the bot.
func (p *Person) Private() *Chat { return p.chat }

// Starts opens the bot by a deep link with this payload, or presses START when
// it is empty ("Deep linking").
func (p *Person) Starts(payload string) Message {
	return p.Types(strings.TrimSpace("/start " + payload))
}

// Blocks stops the bot, which learns of it by my_chat_member.
func (p *Person) Blocks() { p.setBlocked(true) }

// Unblocks lets the bot write again.
func (p *Person) Unblocks() { p.setBlocked(false) }

func (p *Person) setBlocked(blocked bool) {
	s, r := p.chat.s, p.chat.room
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.blocked == blocked {
		return
	}
	was, is := "member", "kicked"
	if !blocked {
		was, is = is, was
	}
	r.blocked = blocked
	s.memberUpdate(r, p.user, was, is)
}

// DeletesAccount makes every message to the person fail.
func (p *Person) DeletesAccount() {
	p.chat.s.mu.Lock()
	defer p.chat.s.mu.Unlock()
	p.chat.room.gone = true
}

// Speaker is a person in a chat, under one of the names they can write with.
type Speaker struct {
	chat   *Chat
	person *Person // nil for a channel that writes by itself
	as     *ChatInfo
	sign   string
}

// from sets who a message is from: the person; or for an anonymous
// administrator and for a channel the stand-ins of "Message", field from.
func (k Speaker) from(m *Message) {
	switch {
	case k.as == nil:
		m.From = &k.person.user
	case k.chat.room.info.Type == "channel":
		m.SenderChat = k.as
	case k.as.ID == k.chat.room.info.ID:
		m.From = &User{ID: 1087968824, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
		m.SenderChat, m.AuthorSignature = k.as, k.sign
	default:
		m.From = &User{ID: 136817688, IsBot: true, FirstName: "Channel", Username: "Channel_Bot"}
		m.SenderChat = k.as
	}
}

// Types writes a text, in which commands, mentions and links are marked as the
// service does. It panics when the text could not be sent: people may send 4096
// code points, which can be twice as many UTF-16 code units.
func (k Speaker) Types(text string) Message {
	return k.says(Message{Text: text})
}

// Formats is Types with marks of the person's own.
func (k Speaker) Formats(text string, marks ...Entity) Message {
	return k.says(Message{Text: text, Entities: marks})
}

// Replies writes a text as a reply to a message, in the chat and topic of that
// message.
func (k Speaker) Replies(to Message, text string) Message {
	return k.at(to).says(Message{Text: text, ReplyTo: &to})
}

// Sends sends a file with a caption.
func (k Speaker) Sends(media Media, caption string) Message {
	return k.sends(Message{Caption: caption}, media)
}

// RepliesWith sends a file as a reply.
func (k Speaker) RepliesWith(to Message, media Media, caption string) Message {
	return k.at(to).sends(Message{Caption: caption, ReplyTo: &to}, media)
}

// SendsAlbum sends several files as one album, its caption at the first.
func (k Speaker) SendsAlbum(caption string, media ...Media) []Message {
	s := k.chat.s
	s.mu.Lock()
	group := s.digits(17)
	s.mu.Unlock()
	var album []Message
	for i, item := range media {
		m := Message{MediaGroupID: group}
		if i == 0 {
			m.Caption = caption
		}
		album = append(album, k.sends(m, item))
	}
	return album
}

// Forwards sends a message on, without its author.
func (k Speaker) Forwards(m Message) Message {
	return k.says(Message{
		Text: m.Text, Entities: m.Entities, Caption: m.Caption, CaptionEntities: m.CaptionEntities, Photo: m.Photo,
		Animation: m.Animation, Audio: m.Audio, Document: m.Document, Sticker: m.Sticker, Video: m.Video, Voice: m.Voice, file: m.file,
	})
}

// Edits changes the text or caption of a message of one's own.
func (k Speaker) Edits(m Message, text string) Message {
	s := k.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[m.Chat.ID]
	old := r.find(m.ID)
	if old == nil {
		panic(fmt.Sprintf("telegramtest: message %d is not there to be edited", m.ID))
	}
	changed := *old
	if old.file != nil {
		changed.Caption, changed.CaptionEntities = text, detect(text, nil)
	} else {
		changed.Text, changed.Entities = text, detect(text, nil)
	}
	changed.EditDate = s.now().Unix()
	s.replace(r, &changed)
	s.tell(r, &changed, "edited_")
	return changed
}

// Deletes removes a message of one's own. Bots are not told.
func (k Speaker) Deletes(m Message) {
	s := k.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.rooms[m.Chat.ID].find(m.ID); m != nil {
		s.remove(s.rooms[m.Chat.ID], m)
	}
}

// at is the speaker in the chat and topic of a message.
func (k Speaker) at(m Message) Speaker {
	s := k.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	k.chat = &Chat{s: s, room: s.rooms[m.Chat.ID], thread: cmp.Or(m.ThreadID, k.chat.threadIn(m.Chat.ID))}
	return k
}

func (k Speaker) sends(m Message, media Media) Message {
	s := k.chat.s
	f := s.fileOf(media)
	m.show(f)
	m.Spoiler = media.Spoiler
	return k.says(m)
}

// says puts a message into the chat and tells the bot, when it may see it.
func (k Speaker) says(m Message) Message {
	s := k.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r := k.chat.room
	if m.Text == "" && m.file == nil || utf8.RuneCountInString(m.Text) > maxText || utf8.RuneCountInString(m.Caption) > maxText {
		panic("telegramtest: nobody can send a message that is empty or too long")
	}
	k.from(&m)
	m.ThreadID = k.chat.thread
	if m.ReplyTo != nil {
		m.ReplyTo = quoted(r.find(m.ReplyTo.ID))
	}
	m.Entities = detectIn(m.Text, m.Entities)
	m.CaptionEntities = detectIn(m.Caption, m.CaptionEntities)
	r.started = true
	s.add(r, &m)
	s.tell(r, &m, "")
	return m
}

func detectIn(text string, marks []Entity) []Entity {
	if text == "" {
		return nil
	}
	return detect(text, slices.Clone(marks))
}

// tell sends the bot the update of a message, if it may see it. It wants s.mu.
func (s *Server) tell(r *room, m *Message, edited string) {
	if !s.sees(r, m) {
		return
	}
	kind := edited + "message"
	if r.info.Type == "channel" {
		kind = edited + "channel_post"
	}
	s.push(kind, fmt.Sprint("chat ", r.info.ID), m)
}

// sees follows "Privacy mode": an administrator sees everything; others in a
// group see service messages, replies to the bot, and commands that name no
// other bot. Nobody sees other bots.
func (s *Server) sees(r *room, m *Message) bool {
	bot := r.member(s.bot.ID)
	switch {
	case r.person != nil:
		return !r.blocked
	case bot == nil || bot.status == "left" || bot.status == "kicked":
		return false
	case m.From != nil && m.From.IsBot && m.SenderChat == nil:
		return false
	case s.cfg.ReadsAll || bot.status == "administrator" || m.Text == "" && m.file == nil:
		return true
	case m.ReplyTo != nil && m.ReplyTo.From != nil && m.ReplyTo.From.ID == s.bot.ID, m.ViaBot != nil:
		return true
	}
	return s.commanded(m.Text, m.Entities) || s.commanded(m.Caption, m.CaptionEntities)
}

// commanded says whether a text has a command for this bot.
func (s *Server) commanded(text string, marks []Entity) bool {
	return slices.ContainsFunc(marks, func(e Entity) bool {
		_, name, named := strings.Cut(e.Slice(text), "@")
		return e.Type == "bot_command" && (!named || strings.EqualFold(name, s.bot.Username))
	})
}
