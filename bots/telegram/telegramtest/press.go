package telegramtest

import (
	"fmt"
	"time"
)

// Press is one press of a button ("CallbackQuery").
type Press struct {
	ID     string
	Data   string
	s      *Server
	at     time.Time
	answer *Answer
}

// Answer is what answerCallbackQuery said to a press.
type Answer struct {
	Text  string
	Alert bool
	URL   string
	At    time.Time
}

// Presses presses the button of a message, as the message is now, whose text
// is label or contains it. It panics when there is none that calls the bot.
func (p *Person) Presses(m Message, label string) *Press {
	s := p.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.rooms[m.Chat.ID].byID[m.ID]
	b, has := now.Button(label)
	if !has || b.CallbackData == "" || now.Deleted {
		panic(fmt.Sprintf("telegramtest: no button %q to press at %s", label, now))
	}
	return s.press(p, now, b.CallbackData)
}

// PressesStale presses a button as it was when m was read, whatever became of
// the message since, as a client with a slow connection does.
func (p *Person) PressesStale(m Message, label string) *Press {
	b, has := m.Button(label)
	if !has || b.CallbackData == "" {
		panic(fmt.Sprintf("telegramtest: no button %q to press at %s", label, m))
	}
	return p.Forges(m, b.CallbackData)
}

// Forges sends a press of a message with data of the person's own making.
func (p *Person) Forges(m Message, data string) *Press {
	s := p.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.press(p, s.rooms[m.Chat.ID].byID[m.ID], data)
}

// press sends the callback query. Of a message that was deleted the bot gets
// only the ids ("InaccessibleMessage"). It wants s.mu.
func (s *Server) press(p *Person, m *Message, data string) *Press {
	press := &Press{ID: s.digits(19), Data: data, s: s, at: s.now()}
	s.presses[press.ID] = press
	query := map[string]any{
		"id": press.ID, "from": p.user, "chat_instance": fmt.Sprint(m.Chat.ID * 7919), "data": data, "message": m,
	}
	if m.Deleted {
		query["message"] = map[string]any{"chat": m.Chat, "message_id": m.ID, "date": 0}
	}
	s.push("callback_query", fmt.Sprint("user ", p.user.ID), query)
	return press
}

// Answer waits for the bot's answer to the press.
func (p *Press) Answer(t T) Answer {
	t.Helper()
	p.s.wait(t, func() bool { return p.answer != nil }, func() string { return "the press of " + p.Data + " was not answered" })
	return *p.answer
}

// Answered returns the answer, if there is one.
func (p *Press) Answered() (Answer, bool) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.answer == nil {
		return Answer{}, false
	}
	return *p.answer, true
}

// Unanswered returns the presses that the bot never answered.
func (s *Server) Unanswered() []*Press {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*Press
	for _, p := range s.presses {
		if p.answer == nil {
			left = append(left, p)
		}
	}
	return left
}

// answerCallbackQuery follows "answerCallbackQuery": once, and soon.
func (s *Server) answerCallbackQuery(c *call) (any, error) {
	p := s.presses[c.text("callback_query_id")]
	if p == nil || p.answer != nil || s.now().Sub(p.at) > queryLifetime {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	if utf16Len(c.text("text")) > 200 {
		return nil, badRequest("MESSAGE_TOO_LONG")
	}
	if c.text("url") != "" {
		return nil, badRequest("URL_INVALID") // only games and t.me links with a start parameter of the bot
	}
	p.answer = &Answer{Text: c.text("text"), Alert: c.bool("show_alert"), URL: c.text("url"), At: s.now()}
	return true, nil
}
