package gateway

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestInteractionsArriveInTheirOrder(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		if err := g.Healthy(); err == nil || err.Error() != "there was no connection to Discord yet" {
			t.Error(err)
		}
		l := p.accept()
		l.begin()
		for _, id := range []string{"1", "2", "3"} {
			l.interacts(id)
		}
		if got := p.took(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Error(got)
		}
		for i, raw := range p.raw { // kept
			if want := interaction(fmt.Sprint(i + 1)); string(raw) != want {
				t.Errorf("%s in place of %s", raw, want)
			}
		}
		if err := g.Healthy(); err != nil {
			t.Error(err)
		}
		g.ends(time.Second)
		l.over(ends)
		if err := g.Healthy(); err == nil {
			t.Error("healthy after the end")
		}
	})
}

func TestHeartbeats(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.hello()
		l.identified(0, 1)
		begun := p.since()
		first := l.next(time.Minute) // still without a sequence number
		if first.at-begun != testBeat/4 || string(first.Data) != "null" {
			t.Errorf("first heartbeat after %s, with %s", first.at-begun, first.Data)
		}
		l.ready()
		for want := first.at + testBeat; want < 5*testBeat; want += testBeat {
			if got := l.next(time.Minute); got.at != want || string(got.Data) != "1" {
				t.Errorf("heartbeat at %s with %s, want it at %s", got.at, got.Data, want)
			}
		}
		l.write(`{"op":1,"d":null}`)
		if got := l.next(time.Millisecond); string(got.Data) != "1" {
			t.Errorf("%s", got.Data)
		}
		g.ends(time.Second)
	})
}

func TestANewSessionIsCountedAnew(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		l.closes(4009)
		l = p.accept()
		l.hello()
		l.identified(0, 1)
		if got := l.next(time.Minute); string(got.Data) != "null" {
			t.Errorf("heard up to %s of nothing", got.Data)
		}
		l.ready()
		l.breaks()
		p.accept().resumes()
		g.ends(time.Second)
	})
}

// The peer counts what is sent.
func TestTooManyHeartbeatsAskedFor(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		for range 5000 {
			l.write(`{"op":1,"d":null}`)
			<-time.After(50 * time.Millisecond)
		}
		l.interacts("1")
		if got := p.took(); !slices.Equal(got, []string{"1"}) {
			t.Error(got)
		}
		g.ends(2 * time.Second)
		if n := len(l.got); n < 250 || n > 310 {
			t.Errorf("%d heartbeats in 250 s", n)
		}
	})
}

// Events may come on a connection on which nothing arrives at Discord.
func TestAZombieIsLeftAndTheSessionResumed(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		l.next(time.Minute)
		l.acking.Store(false)
		unanswered := l.next(time.Minute).at
		for p.since() < unanswered+testBeat-time.Second {
			l.event("TYPING_START", `{}`)
			<-time.After(time.Second)
		}
		l.missed(eventInteraction, interaction("1")) // that never came
		l.over(keeps)
		if after := p.since() - unanswered; after != testBeat {
			t.Errorf("left after %s", after)
		}
		p.accept().resumes()
		if got := p.took(); !slices.Equal(got, []string{"1"}) {
			t.Error(got)
		}
		g.ends(time.Second)
	})
}

func TestSilenceEndsAConnection(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		heard := l.next(time.Minute).at
		l.acking.Store(false)
		l.over(keeps)
		if after := p.since() - heard; after != testBeat*3/2 {
			t.Errorf("left after %s", after)
		}
		p.accept().resumes()
		g.ends(time.Second)
	})
}

// Whoever takes an interaction for too long loses the connection, and nothing
// else; that it does is said while it does.
func TestTakingForTooLong(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		slow := true
		g := p.start(func(cfg *Config) {
			take := cfg.Take
			cfg.Take = func(raw json.RawMessage) {
				if slow {
					slow = false
					<-time.After(5 * time.Minute)
				}
				take(raw)
			}
		})
		l := p.accept()
		l.begin()
		l.acking.Store(false) // nobody would read the answer
		l.interacts("1")
		p.missed(eventInteraction, interaction("2"))
		<-time.After(beatsMissed*testBeat + time.Second)
		if err := g.Healthy(); err == nil || !strings.Contains(err.Error(), "no heartbeat was answered by Discord for") {
			t.Errorf("while nobody reads: %v", err)
		}
		l.over(keeps)
		l = p.accept()
		l.resumes()
		l.interacts("3")
		if got := p.took(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Error(got)
		}
		if err := g.Healthy(); err != nil {
			t.Error(err)
		}
		g.ends(time.Second)
	})
}

func TestATokenIsNeverPrinted(t *testing.T) {
	token := Token(testToken)
	encoded, err := json.Marshal(map[string]any{"token": token, "in": Config{Token: token}.Token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "config", []Token{token})
	for _, text := range []string{
		string(encoded), log.String(), token.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", token, token, token, token, token, token, token),
		fmt.Sprintf("%v %+v %#v", Config{Token: token}, Config{Token: token}, struct{ T Token }{token}),
	} {
		if strings.Contains(text, "secret") || strings.Contains(text, fmt.Sprintf("%x", "secret")) || !strings.Contains(text, "redacted") {
			t.Error(text)
		}
	}
}

func TestAPanicOfWhoTakesIsContained(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		first := true
		g := p.start(func(cfg *Config) {
			take := cfg.Take
			cfg.Take = func(raw json.RawMessage) {
				if first {
					first = false
					panic(string(raw))
				}
				take(raw)
			}
		})
		l := p.accept()
		l.begin()
		l.interacts("1")
		l.interacts("2")
		if got := p.took(); !slices.Equal(got, []string{"2"}) {
			t.Error(got)
		}
		g.ends(time.Second)
		if !slices.ContainsFunc(p.log, func(line string) bool { return strings.Contains(line, "panicked") }) {
			t.Error("nothing about it in the log")
		}
		synctest.Wait()
	})
}
