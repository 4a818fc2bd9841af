package discordtest

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

// Next waits for the bot's next message that is seen here and returns it. Each
// of the bot's messages is returned once, in order, also when it was deleted
// since, and as soon as it is there: a deferred answer while it is Loading.
// Edits are seen by Until and Becomes. It fails the test when none comes
// within Config.Patience.
func (v *View) Next(t T) Message {
	t.Helper()
	var found Message
	v.s.wait(t, func() bool {
		for v.seen < len(v.room.messages) {
			m := v.room.messages[v.seen]
			v.seen++
			if v.shows(m) && m.Author.ID == v.s.bot.ID {
				found = *m
				return true
			}
		}
		return false
	}, func() string { return "no further message of the bot in " + v.transcript() })
	return found
}

// Until waits until the bot has a message here that matches, as it is then,
// and returns the first.
func (v *View) Until(t T, match func(Message) bool) Message {
	t.Helper()
	var found Message
	v.s.wait(t, func() bool {
		for _, m := range v.room.messages {
			if !m.Deleted && v.shows(m) && m.Author.ID == v.s.bot.ID && match(*m) {
				found = *m
				return true
			}
		}
		return false
	}, func() string { return "no message of the bot that matches in " + v.transcript() })
	return found
}

// Becomes waits until this message matches, and returns it as it is then, also
// when it was deleted.
func (s *Server) Becomes(t T, m Message, match func(Message) bool) Message {
	t.Helper()
	var found Message
	s.wait(t, func() bool {
		if now := s.rooms[m.ChannelID].find(m.ID); now != nil && match(*now) {
			found = *now
			return true
		}
		return false
	}, func() string {
		return fmt.Sprintf("message %s does not match: %s", m.ID, s.rooms[m.ChannelID].find(m.ID))
	})
	return found
}

// Until waits until done, which is called after everything that happens, and
// may call the Server, returns true.
func (s *Server) Until(t T, done func() bool) {
	t.Helper()
	s.wait(t, func() bool {
		s.mu.Unlock()
		defer s.mu.Lock()
		return done()
	}, func() string { return "it did not happen" })
}

// wait is Until with a condition that wants s.mu, and a text, made under it
// too, that says what is missing.
func (s *Server) wait(t T, done func() bool, missing func() string) {
	t.Helper()
	timeout := time.NewTimer(s.cfg.Patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		ready := done()
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
		t.Fatalf("discordtest: %s: %s", why, text)
		return
	}
}

// transcript shows the channel to whoever reads a failure. It wants s.mu.
func (v *View) transcript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "channel %s:", v.room.name)
	for _, m := range v.room.messages {
		if v.shows(m) {
			fmt.Fprintf(&b, "\n  %s", *m)
		}
	}
	return b.String()
}
