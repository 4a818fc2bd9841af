package telegramtest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// T is what the waiting methods need of a *testing.T.
type T interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Next waits for the bot's next message in the chat and returns it. Each of
// the bot's messages is returned once, in order, also when it was deleted
// since; edits are seen by Until. It fails the test when none comes within
// Config.Patience.
func (c *Chat) Next(t T) Message {
	t.Helper()
	var found Message
	c.s.wait(t, func() bool {
		m := c.after(c.seen)
		if m == nil {
			return false
		}
		found, c.seen = *m, m.ID
		return true
	}, func() string { return "no further message of the bot in " + c.transcript() })
	return found
}

// Until waits until the bot has in the chat a message that matches, as it is
// then, and returns the first. match is called while the server stands still:
// it may look at the message, and must not call the Server, a Chat or a Person,
// which would wait for ever.
func (c *Chat) Until(t T, match func(Message) bool) Message {
	t.Helper()
	var found Message
	c.s.wait(t, func() bool {
		for _, m := range c.room.messages {
			if !m.Deleted && (c.thread == 0 || m.ThreadID == c.thread) && c.s.own(c.room, m) && match(*m) {
				found = *m
				return true
			}
		}
		return false
	}, func() string { return "no message of the bot that matches in " + c.transcript() })
	return found
}

// Becomes waits until this message matches, and returns it as it is then, also
// when it was deleted. match must do no more than that of Until.
func (c *Chat) Becomes(t T, m Message, match func(Message) bool) Message {
	t.Helper()
	var found Message
	c.s.wait(t, func() bool {
		if now := c.room.byID[m.ID]; now != nil && match(*now) {
			found = *now
			return true
		}
		return false
	}, func() string { return fmt.Sprintf("message %d does not match in %s", m.ID, c.transcript()) })
	return found
}

// Next is Private().Next.
func (p *Person) Next(t T) Message {
	t.Helper()
	return p.chat.Next(t)
}

// Until is Private().Until.
func (p *Person) Until(t T, match func(Message) bool) Message {
	t.Helper()
	return p.chat.Until(t, match)
}

// Until waits until done, which is called after everything that happens,
// returns true. done may call the Server and whatever comes from it; only what
// it must not do is wait itself, such as with Next or another Until.
func (s *Server) Until(t T, done func() bool) {
	t.Helper()
	timeout := time.NewTimer(s.cfg.Patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("telegramtest: it did not happen within %v", s.cfg.Patience)
			return
		case <-t.Context().Done():
			t.Fatalf("telegramtest: it did not happen: %v", context.Cause(t.Context()))
			return
		}
	}
}

// wait is Until with a condition that wants s.mu, and a text, made under it
// too, that says what is missing.
func (s *Server) wait(t T, done func() bool, missing func() string) {
	t.Helper()
	timeout := time.NewTimer(s.cfg.Patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		ready, changed := done(), s.changed
		s.mu.Unlock()
		if ready {
			return
		}
		why := fmt.Sprintf("within %v", s.cfg.Patience)
		select {
		case <-changed:
			continue
		case <-timeout.C:
		case <-t.Context().Done():
			why = "before the test ended"
		}
		s.mu.Lock()
		text := missing()
		s.mu.Unlock()
		t.Fatalf("telegramtest: %s: %s", why, text)
		return
	}
}

// transcript shows the chat to whoever reads a failure. It wants s.mu.
func (c *Chat) transcript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chat %d:", c.room.info.ID)
	for _, m := range c.messages(func(*Message) bool { return true }) {
		fmt.Fprintf(&b, "\n  %s", m)
	}
	return b.String()
}
