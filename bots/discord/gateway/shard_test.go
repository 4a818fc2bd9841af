package gateway

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The peer looks at the time between two identifies.
func TestShards(t *testing.T) {
	for name, of := range map[string]struct {
		shards      string
		concurrency int
		ids         []int
		count       int
		within      time.Duration
	}{
		"as many as Discord asks for": {"auto", 1, []int{0, 1, 2, 3}, 4, 15 * time.Second},
		"two at a time":               {"", 2, []int{0, 1, 2, 3}, 4, 5 * time.Second},
		"all at a time":               {"auto", 16, []int{0, 1, 2, 3}, 4, 0},
		"one of several":              {"5/7", 1, []int{5}, 7, 0},
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				p.plans(4, 1000, 0, of.concurrency)
				g := p.start(func(cfg *Config) { cfg.Shards = of.shards })
				var got []int
				latest := map[int]time.Duration{} // by rate limit key
				for range of.ids {
					l := p.accept()
					l.hello()
					id := l.identifies(of.count)
					key := id % of.concurrency
					if before, is := latest[key]; is && p.since()-before < identifyGap {
						t.Errorf("shard %d identifies %s after another with its key", id, p.since()-before)
					}
					latest[key] = p.since()
					if err := g.Healthy(); err == nil {
						t.Error("healthy while a shard is not connected")
					}
					l.ready()
					got = append(got, id)
				}
				if slices.Sort(got); !slices.Equal(got, of.ids) || p.since() != of.within {
					t.Errorf("shards %d after %s", got, p.since())
				}
				p.silent(time.Hour)
				if err := g.Healthy(); err != nil {
					t.Error(err)
				}
				if n := p.calls(); n > 4 {
					t.Errorf("asked %d times for the gateway", n)
				}
				g.ends(time.Second)
			})
		})
	}
}

// Without sessions left an identify would cost the token.
func TestNoSessionLeft(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		p.plans(1, 0, 40*time.Minute, 1)
		g := p.start(nil)
		p.silent(40*time.Minute - time.Second)
		if err := g.Healthy(); err == nil || !strings.Contains(err.Error(), "too many within a day") {
			t.Error(err)
		}
		p.plans(1, 1, 24*time.Hour, 1)
		l := p.accept()
		l.begin()
		p.plans(1, 0, 20*time.Hour, 1)
		l.closes(4009)
		p.silent(19 * time.Hour)
		if n := p.calls(); n > 30 {
			t.Errorf("asked %d times for the gateway", n)
		}
		g.ends(time.Second)
	})
}

// With several shards and one session left, one begins.
func TestTheLastSession(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		p.plans(3, 1, 30*time.Minute, 16)
		g := p.start(nil)
		l := p.accept()
		p.plans(3, 0, 30*time.Minute, 16)
		l.hello()
		l.identifies(3)
		l.ready()
		p.silent(29 * time.Minute)
		p.plans(3, 3, 30*time.Minute, 16)
		for range 2 {
			l := p.accept()
			l.hello()
			l.identifies(3)
			l.ready()
		}
		g.ends(time.Second)
	})
}

// A bot that grew too large for its shards gets more.
func TestMoreShards(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		<-time.After(time.Hour)
		p.plans(2, 900, 0, 1)
		l.closes(closeMoreShards)
		var got []int
		for range 2 {
			l := p.accept()
			l.hello()
			got = append(got, l.identifies(2))
			l.ready()
		}
		if slices.Sort(got); !slices.Equal(got, []int{0, 1}) {
			t.Errorf("shards %d", got)
		}
		g.ends(time.Second)
	})
}

// The address of the gateway is one to which a token may go.
func TestAddresses(t *testing.T) {
	for given, want := range map[string]string{
		"wss://gateway.discord.gg":            "wss://gateway.discord.gg/?v=10&encoding=json",
		"wss://gateway.discord.gg/?v=6#x":     "wss://gateway.discord.gg/?v=10&encoding=json",
		"wss://gateway-us-east1-b.discord.gg": "wss://gateway-us-east1-b.discord.gg/?v=10&encoding=json",
		"ws://gateway.discord.gg":             "", "https://gateway.discord.gg": "", "wss://me:secret@discord.gg": "",
		"": "", "gateway.discord.gg": "", "wss:///x": "", "://": "",
	} {
		if got, err := socket(given, false); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
	if got, err := socket("ws://127.0.0.1:80/gw", true); err != nil || got != "ws://127.0.0.1:80/gw?v=10&encoding=json" {
		t.Error(got, err)
	}
}

// Without an address to resume at, the one that it came by has to do.
func TestASessionWithoutAnAddress(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.hello()
		l.identified(0, 1)
		l.readies("[]", "http://secret")
		l.breaks()
		l = p.accept()
		l.hello()
		if r := l.next(time.Minute); r.Op != opResume || l.host != "gateway.test" {
			t.Errorf("op %d at %s", r.Op, l.host)
		}
		g.ends(time.Second)
	})
}

func TestBackoff(t *testing.T) {
	for _, jitter := range []float64{0, 0.5, 0.999} {
		g := &Gateway{cfg: Config{Jitter: func() float64 { return jitter }}}
		before := time.Duration(0)
		for fails := range 100 {
			wait := g.backoff(fails)
			if fails > 0 && wait < firstWait/2 || wait > mostWait || wait < before {
				t.Errorf("%s after %d failures, %s before", wait, fails, before)
			}
			before = wait
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{Token: testToken, Take: func(json.RawMessage) {}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no token":              func(c *Config) { c.Token = "" },
		"a token with a prefix": func(c *Config) { c.Token = "Bot " + testToken },
		"a token with a break":  func(c *Config) { c.Token = testToken + "\n" },
		"nobody takes":          func(c *Config) { c.Take = nil },
		"no address":            func(c *Config) { c.URL = "discord.com" },
		"another kind of it":    func(c *Config) { c.URL = "wss://discord.com" },
		"shards in words":       func(c *Config) { c.Shards = "two" },
		"one shard too many":    func(c *Config) { c.Shards = "2/2" },
		"a shard below":         func(c *Config) { c.Shards = "-1/2" },
		"shards of nothing":     func(c *Config) { c.Shards = "0/0" },
		"shards with a rest":    func(c *Config) { c.Shards = "0/2x" },
		"shards with a blank":   func(c *Config) { c.Shards = "0/ 2" },
		"shards without end":    func(c *Config) { c.Shards = "0/99999999" },
	} {
		bad := good
		change(&bad)
		if _, err := New(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g, err := New(good); err != nil || g.cfg.URL != DefaultURL || g.plain {
		t.Error(err)
	}
}

func TestAWaitWithoutEnd(t *testing.T) {
	if f := refusal(&http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"1000000"}}}); f.after != longestStay {
		t.Error(f.after)
	}
}
