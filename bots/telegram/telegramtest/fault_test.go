package telegramtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

func say(p *telegramtest.Person) fields { return fields{"chat_id": p.ID(), "text": "x"} }

// Faults that answer with an error leave the chat as it was, unless they come
// after the call was executed.
func TestFaults(t *testing.T) {
	cases := []struct {
		name     string
		fault    telegramtest.Fault
		status   int
		sentence string
		posted   int
	}{
		{"500", telegramtest.Fault{Status: 500}, 500, "Internal Server Error", 0},
		{"500 after", telegramtest.Fault{Status: 500, After: true}, 500, "Internal Server Error", 1},
		{"blocked", telegramtest.Fault{Status: 403, Text: "Forbidden: bot was blocked by the user"}, 403, "Forbidden: bot was blocked by the user", 0},
		{"flood", telegramtest.Fault{Status: 429, Text: "Too Many Requests: retry after 7", RetryAfter: 7}, 429, "Too Many Requests: retry after 7", 0},
		{"unauthorized", telegramtest.Fault{Status: 401}, 401, "Unauthorized", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBot(t, telegramtest.Config{})
			ann := b.s.Person("Ann")
			ann.Starts("")
			b.s.Fault(c.fault)
			r := b.call("sendMessage", say(ann))
			if r.OK || r.Status != c.status || r.Description != c.sentence {
				t.Errorf("answer is %d %q", r.Status, r.Description)
			}
			if c.fault.RetryAfter > 0 && (r.Parameters.RetryAfter != 7 || r.Header.Get("Retry-After") != "7") {
				t.Errorf("retry_after is %d, Retry-After %q", r.Parameters.RetryAfter, r.Header.Get("Retry-After"))
			}
			if got := len(ann.Private().FromBot()); got != c.posted {
				t.Errorf("%d messages were posted; want %d", got, c.posted)
			}
			b.must(nil, "sendMessage", say(ann))
		})
	}
}

// send posts one message and returns what came back.
func send(ctx context.Context, s *telegramtest.Server, p *telegramtest.Person, size int) (*http.Response, error) {
	body := strings.NewReader("chat_id=" + id(p) + "&text=x&x=" + strings.Repeat("y", size))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/bot"+s.Token()+"/sendMessage", body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.Client().Do(r)
}

// Broken connections and pages that are no answer.
func TestBrokenAnswers(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")

	b.s.Fault(telegramtest.Fault{Method: "sendMessage", HTML: true})
	answer, err := send(t.Context(), b.s, ann, 0)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusBadGateway || !bytes.HasPrefix(page, []byte("<html>")) {
		t.Errorf("answer is %d %.20s, %v", answer.StatusCode, page, err)
	}

	b.s.Fault(telegramtest.Fault{ChatID: ann.ID(), Drop: true, After: true})
	if answer, err := send(t.Context(), b.s, ann, 0); !errors.Is(err, io.EOF) {
		t.Errorf("a dropped answer is %v, %v", answer, err)
	}
	if got := len(ann.Private().FromBot()); got != 1 {
		t.Errorf("%d messages were posted; want 1", got)
	}

	b.s.Fault(telegramtest.Fault{ResetAfter: 1 << 10})
	if answer, err := send(t.Context(), b.s, ann, 3<<20); err == nil {
		t.Errorf("an upload that is reset is %v, %v", answer, err)
	}

	b.s.Fault(telegramtest.Fault{Hang: true})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if answer, err := send(ctx, b.s, ann, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that hangs is %v, %v", answer, err)
	}
	calls := b.s.Calls("sendMessage")
	if len(calls) != 4 || calls[0].Status != 502 || calls[1].Status != 0 || calls[1].Results == nil {
		t.Errorf("the log is %+v", calls)
	}
}

// A slow answer comes in two halves, Skip lets calls pass, and stop ends a
// fault.
func TestSlowSkipStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := telegramtest.NewMemoryServer(telegramtest.Config{})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		ann.Starts("")
		s.Fault(telegramtest.Fault{Slow: time.Minute, Skip: 1})
		stop := s.Fault(telegramtest.Fault{Status: 500, Times: -1, Skip: 2})
		begun := time.Now()
		b.must(nil, "sendMessage", say(ann))
		b.must(nil, "sendMessage", say(ann))
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("two calls, of which one is slow, took %v", took)
		}
		for range 3 {
			b.refused(b.call("sendMessage", say(ann)), "Internal Server Error")
		}
		stop()
		b.must(nil, "sendMessage", say(ann))
	})
}

// Flood control lets a chat have three at once and one a second, a group 20 a
// minute, all together 30 a second, and notes who does not wait.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := telegramtest.NewMemoryServer(telegramtest.Config{Flood: true})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		ann.Starts("")
		for range 3 {
			b.must(nil, "sendMessage", say(ann))
		}
		r := b.call("sendMessage", say(ann))
		b.refused(r, "Too Many Requests: retry after 1")
		if r.Parameters.RetryAfter != 1 || r.Header.Get("Retry-After") != "1" || len(s.Early()) != 0 {
			t.Errorf("parameters are %+v, early calls %v", r.Parameters, s.Early())
		}
		b.must(nil, "sendChatAction", fields{"chat_id": ann.ID(), "action": "typing"})
		b.refused(b.call("sendMessage", say(ann)), "Too Many Requests: retry after 1")
		if len(s.Early()) != 1 {
			t.Errorf("early calls are %v", s.Early())
		}
		<-time.After(time.Second)
		b.must(nil, "sendMessage", say(ann))

		group := s.Group("cats", ann)
		begun, sent := time.Now(), 0
		for time.Since(begun) < time.Minute {
			if r := b.call("sendMessage", fields{"chat_id": group.ID(), "text": "x"}); r.OK {
				sent++
			}
			<-time.After(time.Second)
		}
		if sent != 20 {
			t.Errorf("%d messages in a minute in a group; want 20", sent)
		}
		<-time.After(time.Minute)
		sent = 0
		for range 40 {
			p := s.Person("P")
			p.Starts("")
			if r := b.call("sendMessage", say(p)); r.OK {
				sent++
			}
		}
		if sent != 30 {
			t.Errorf("%d messages at once to forty people; want 30", sent)
		}
		s.SetFlood(false)
		for range 50 {
			b.must(nil, "sendMessage", say(ann))
		}
	})
}
