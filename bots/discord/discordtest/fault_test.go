package discordtest_test

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

	"kiebot/bots/discord/discordtest"
)

const posting = "POST /channels/{channel}/messages"

// Faults that answer with an error leave the channel as it was, unless they
// come after the call was executed.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault  discordtest.Fault
		status int
		text   string
		posted int
	}{
		"500":            {discordtest.Fault{}, 500, `"code":0`, 0},
		"executed":       {discordtest.Fault{Status: 502, HTML: true, After: true}, 502, "<html>", 1},
		"refused":        {discordtest.Fault{Status: 403, Code: 50013, Text: "Missing Permissions"}, 403, `"code":50013`, 0},
		"too large":      {discordtest.Fault{Status: 413, Code: 40005, Text: "Request entity too large"}, 413, "40005", 0},
		"rate":           {discordtest.Fault{RetryAfter: 1500 * time.Millisecond}, 429, `"retry_after":1.5,"global":false`, 0},
		"rate of all":    {discordtest.Fault{RetryAfter: time.Second, Scope: "global"}, 429, `"global":true`, 0},
		"shared rate":    {discordtest.Fault{RetryAfter: time.Second, Scope: "shared"}, 429, `"global":false`, 0},
		"Cloudflare":     {discordtest.Fault{RetryAfter: time.Second, HTML: true}, 429, "<h1>Error 1015</h1>", 0},
		"of the channel": {discordtest.Fault{Channel: "1"}, 200, `"content":"x"`, 1},
		"of the route":   {discordtest.Fault{Route: posting, Status: 503}, 503, "Service Unavailable", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, chat, path := here(t)
			b.s.Fault(c.fault)
			r := b.call("POST", path, fields{"content": "x"})
			if r.Status != c.status || !strings.Contains(string(r.Body), c.text) {
				t.Errorf("answer is %d %s", r.Status, r.Body)
			}
			if got := len(chat.FromBot()); got != c.posted {
				t.Errorf("%d messages were posted; want %d", got, c.posted)
			}
			counted := c.status == 403 || c.status == 429 && c.fault.Scope != "shared" && !c.fault.HTML
			if n := b.s.Invalid(); (n == 1) != counted {
				t.Errorf("%d answers count as invalid", n)
			}
			if calls := b.s.Calls(posting); len(calls) != 1 || calls[0].Status != c.status {
				t.Errorf("the log is %+v", calls)
			}
		})
	}
}

// posts sends one message and returns what came back.
func posts(ctx context.Context, b bot, path string, size int) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.s.URL()+"/api/v10"+path, strings.NewReader(`{"content":"x"}`+strings.Repeat(" ", size)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bot "+b.s.Token())
	r.Header.Set("Content-Type", "application/json")
	return b.s.Client().Do(r)
}

// Broken connections, and a client without a name.
func TestBrokenAnswers(t *testing.T) {
	b, _, chat, path := here(t)
	b.s.Fault(discordtest.Fault{Drop: true, After: true})
	if answer, err := posts(t.Context(), b, path, 0); !errors.Is(err, io.EOF) {
		t.Errorf("a dropped answer is %v, %v", answer, err)
	}
	if got := len(chat.FromBot()); got != 1 {
		t.Errorf("%d messages were posted; want 1", got)
	}
	b.s.Fault(discordtest.Fault{ResetAfter: 1 << 10})
	if answer, err := posts(t.Context(), b, path, 3<<20); err == nil {
		t.Errorf("an upload that is reset is %v", answer)
	}
	b.s.Fault(discordtest.Fault{Hang: true})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if answer, err := posts(ctx, b, path, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that hangs is %v, %v", answer, err)
	}
	up := b.s.Down()
	if answer, err := posts(t.Context(), b, path, 0); err == nil {
		t.Errorf("while it is down there is %v", answer)
	}
	up()
	if c := b.s.Complaints(); len(c) == 0 || c[0].Where != "User-Agent" {
		t.Errorf("complaints are %v", c)
	}
}

// A slow answer comes in two halves, Skip lets calls pass, and stop ends a
// fault.
func TestSlowSkipStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b := bot{t, s}
		s.Fault(discordtest.Fault{Slow: time.Minute, Skip: 1})
		stop := s.Fault(discordtest.Fault{Times: -1, Skip: 2})
		begun := time.Now()
		b.must(nil, "GET", "/users/@me", nil)
		b.must(nil, "GET", "/users/@me", nil)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("two calls, of which one is slow, took %v", took)
		}
		for range 3 {
			b.refused(b.call("GET", "/users/@me", nil), 500, 0, "Internal Server Error")
		}
		stop()
		b.must(nil, "GET", "/users/@me", nil)
	})
}

// A bucket for each channel, told in headers; who does not wait is noted.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{Flood: true})
		defer s.Close()
		b, ann, bob := bot{t, s}, s.Person("Ann"), s.Person("Bob")
		s.Guild("cats", ann, bob)
		path := "/channels/" + ann.Private().ID() + "/messages"
		for range 5 {
			b.must(nil, "POST", path, fields{"content": "x"})
		}
		r := b.call("POST", path, fields{"content": "x"})
		h := r.Header
		if r.Status != 429 || r.RetryAfter != 5 || r.Global || h.Get("X-RateLimit-Scope") != "user" || h.Get("X-RateLimit-Remaining") != "0" ||
			h.Get("X-RateLimit-Limit") != "5" || h.Get("X-RateLimit-Reset-After") != "5.000" || h.Get("Retry-After") != "5" {
			t.Errorf("answer is %d %s %v", r.Status, r.Body, h)
		}
		if n := len(s.Early()); n != 0 {
			t.Errorf("%d calls were early", n)
		}
		b.refused(b.call("POST", path, fields{"content": "x"}), 429, 0, "rate limited")
		other := b.call("POST", "/channels/"+bob.Private().ID()+"/messages", fields{"content": "x"})
		if other.Header.Get("X-RateLimit-Bucket") != h.Get("X-RateLimit-Bucket") || other.Header.Get("X-RateLimit-Remaining") != "4" {
			t.Errorf("the other channel's headers are %v", other.Header)
		}
		time.Sleep(5 * time.Second)
		b.must(nil, "POST", path, fields{"content": "x"})
		if n := len(s.Early()); n != 1 {
			t.Errorf("%d calls were early; want 1", n)
		}
		for range 49 {
			b.must(nil, "GET", "/users/@me", nil)
		}
		r = b.call("GET", "/users/@me", nil)
		if r.Status != 429 || !r.Global || r.Header.Get("X-RateLimit-Global") != "true" {
			t.Errorf("answer is %d %s", r.Status, r.Body)
		}
		b.refused(b.call("GET", "/webhooks/"+s.ApplicationID()+"/x/messages/@original", nil), 401, 50027, "")
	})
}

// Ten thousand invalid calls in ten minutes end in a ban with a page.
func TestBan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		b := bot{t, s}
		for range 10_001 {
			b.refused(b.call("GET", "/webhooks/"+s.ApplicationID()+"/x/messages/@original", nil), 401, 50027, "")
		}
		r := b.call("GET", "/users/@me", nil)
		if r.Status != 429 || !bytes.Contains(r.Body, []byte("Cloudflare")) || r.Header.Get("Content-Type") != "text/html; charset=UTF-8" {
			t.Errorf("answer is %d %s", r.Status, r.Body)
		}
		time.Sleep(time.Hour)
		b.must(nil, "GET", "/users/@me", nil)
		s.Ban(time.Minute)
		if r := b.call("GET", "/gateway", nil); r.Status != 429 {
			t.Errorf("answer is %d", r.Status)
		}
	})
}
