package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// ways are how a connection ends, and what has to come of it.
func ways() []way {
	all := []way{
		{name: "op 7", end: func(l *line) { l.write(`{"t":null,"s":null,"op":7,"d":null}`); l.over(keeps) }},
		{name: "op 9, true", end: func(l *line) { l.write(`{"op":9,"d":true}`); l.over(keeps) }},
		{name: "op 9, false", end: func(l *line) { l.write(`{"op":9,"d":false}`); l.over(keeps) }, gone: true},
		{name: "a reset", end: (*line).breaks},
		{name: "no answers", end: func(l *line) { l.acking.Store(false); l.over(keeps) }, slow: true},
		{name: "a broken frame", end: func(l *line) {
			l.write(`{"t":"INTERACTION_CREATE","s":7,"op":0,"d":{"token":"secret`)
			l.over(keeps)
		}},
		{name: "a frame that is no object", end: func(l *line) { l.write(`["secret"]`); l.over(keeps) }},
		{name: "an interaction without data", end: func(l *line) { l.write(`{"t":"INTERACTION_CREATE","s":7,"op":0}`); l.over(keeps) }},
		{name: "a binary frame", end: func(l *line) { l.ws.WriteMessage(websocket.BinaryMessage, []byte("secret")); l.over(keeps) }},
		{name: "a frame without an end", end: func(l *line) { l.floods(); l.over(1009) }},
	}
	for _, code := range []int{1000, 1001, 1011, 4000, 4001, 4002, 4005, 4008, 4999} {
		all = append(all, way{name: fmt.Sprint(code), end: func(l *line) { l.closes(code) }})
	}
	for _, code := range []int{4003, 4007, 4009} {
		all = append(all, way{name: fmt.Sprint(code), end: func(l *line) { l.closes(code) }, gone: true})
	}
	return all
}

type way struct {
	name string
	end  func(l *line)
	gone bool // the session is
	slow bool // Discord takes no answer any more to what was lost on the way
}

// floods sends a message that is larger than any.
func (l *line) floods() {
	w, err := l.ws.NextWriter(websocket.TextMessage)
	for piece := []byte(strings.Repeat("secret", 1<<14)); err == nil; {
		_, err = w.Write(piece)
	}
}

// The connection ends in every way, 66 times. Interactions come before, during
// and after; all that Discord repeats arrive, once and in their order, and while
// Discord still takes an answer.
func TestEveryEnd(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		var want []string
		var goroutines int
		for round, w := range slices.Repeat(ways(), 3) {
			id := fmt.Sprint(round, " ", w.name)
			l.interacts(id + ", before")
			want = append(want, id+", before")
			w.end(l)
			p.missed(eventInteraction, interaction(id+", lost"))
			ended := p.since()
			l = p.accept()
			if w.gone {
				l.begin()
			} else {
				l.resumes()
				want = append(want, id+", lost")
			}
			l.interacts(id + ", after")
			want = append(want, id+", after")
			if got := p.took(); !slices.Equal(got, want) {
				t.Fatalf("after %s:\ngot  %q\nwant %q", w.name, got[max(0, len(got)-4):], want[len(want)-3:])
			}
			if took := p.since() - ended; !w.slow && !w.gone && took > 3*time.Second {
				t.Errorf("%s: connected again after %s", w.name, took)
			}
			if round == 0 {
				goroutines = settled()
			}
		}
		if n := settled(); n > goroutines || n == 0 {
			t.Errorf("%d goroutines, after the first end %d", n, goroutines)
		}
		g.ends(time.Second)
	})
}

// settled counts the goroutines of the test when nothing is under way. Those of
// the runtime, which come and go, count in runtime.NumGoroutine alone.
func settled() int {
	<-time.After(time.Second) // net/http keeps what it closes a little
	synctest.Wait()
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("synctest bubble"))
}

// Some codes mean that the next connection would end the same way.
func TestEndsWithoutHope(t *testing.T) {
	for code, words := range map[int]string{
		4004: "DISCORD_TOKEN", 4010: "DISCORD_SHARDS", 4011: "DISCORD_SHARDS to auto",
		4012: "newer kiebot", 4013: "newer kiebot", 4014: "newer kiebot",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				g := p.start(nil)
				l := p.accept()
				l.hello()
				l.identified(0, 1)
				l.closes(code)
				err := g.gives(p)
				if !strings.Contains(err.Error(), words) || !errors.Is(g.Healthy(), err) {
					t.Errorf("%v, then %v", err, g.Healthy())
				}
			})
		})
	}
}

func TestATokenThatTheAPIRefuses(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		p.rest = []http.HandlerFunc{answers(http.StatusUnauthorized, `{"message":"401: Unauthorized","code":0}`)}
		if err := p.start(nil).gives(p); err.Error() != wrongToken {
			t.Error(err)
		}
	})
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// What goes wrong before there is a session, and how soon the next attempt comes.
func TestBeforeTheSession(t *testing.T) {
	silence := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	refuse := func() error { return errors.New("connection refused") }
	hang := func() error {
		<-time.After(dialFor)
		return context.DeadlineExceeded
	}
	for name, of := range map[string]struct {
		fault       func(p *peer)
		least, most time.Duration // to the connection that works
	}{
		"the API cannot be reached":   {func(p *peer) { p.dials = []func() error{refuse, refuse} }, time.Second, 3 * time.Second},
		"the API is silent":           {func(p *peer) { p.rest = []http.HandlerFunc{silence} }, answerFor, answerFor + 2*time.Second},
		"the API answers 502":         {func(p *peer) { p.rest = []http.HandlerFunc{answers(502, "<html>secret")} }, time.Second / 2, 2 * time.Second},
		"the API's answer is no JSON": {func(p *peer) { p.rest = []http.HandlerFunc{answers(200, "<html>secret")} }, time.Second / 2, 2 * time.Second},
		"the API wants no shard":      {func(p *peer) { p.rest = []http.HandlerFunc{answers(200, `{"url":"ws://gateway.test"}`)} }, time.Second / 2, 2 * time.Second},
		"the API gives no address": {func(p *peer) {
			p.rest = []http.HandlerFunc{answers(200, `{"url":"secret","shards":1,"session_start_limit":{"remaining":9}}`)}
		}, 5 * time.Second, 15 * time.Second},
		"the API redirects": {func(p *peer) {
			p.rest = []http.HandlerFunc{http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP}
		}, time.Second / 2, 2 * time.Second},
		"the API wants fewer calls":      {func(p *peer) { p.rest = []http.HandlerFunc{later("7")} }, 7 * time.Second, 8 * time.Second},
		"the gateway cannot be reached":  {func(p *peer) { p.dials = []func() error{nil, refuse} }, time.Second, 2 * time.Second},
		"the gateway is not reached":     {func(p *peer) { p.dials = []func() error{nil, hang} }, dialFor, dialFor + 2*time.Second},
		"the gateway is silent":          {func(p *peer) { p.upgrade = []http.HandlerFunc{silence} }, dialFor, dialFor + 2*time.Second},
		"the gateway answers 503":        {func(p *peer) { p.upgrade = []http.HandlerFunc{answers(503, "secret")} }, time.Second / 2, 2 * time.Second},
		"the gateway answers 401":        {func(p *peer) { p.upgrade = []http.HandlerFunc{answers(401, "secret")} }, time.Second / 2, 2 * time.Second},
		"the gateway wants fewer visits": {func(p *peer) { p.upgrade = []http.HandlerFunc{later("9")} }, 9 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				of.fault(p)
				g := p.start(nil)
				l := p.accept()
				if took := p.since(); took < of.least || took > of.most {
					t.Errorf("connected after %s", took)
				}
				if err := g.Healthy(); err == nil {
					t.Error("healthy without a connection")
				} else {
					p.secret("the health", err.Error())
				}
				l.begin()
				synctest.Wait()
				if err := g.Healthy(); err != nil {
					t.Error(err)
				}
				g.ends(time.Second)
			})
		})
	}
}

func later(seconds string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", seconds)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// Each of these connections comes to nothing, and the one after it works.
func TestTheFirstWords(t *testing.T) {
	for name, of := range map[string]struct {
		says  func(l *line)
		code  int
		after time.Duration // that the bot leaves
	}{
		"nothing":                   {func(*line) {}, keeps, helloFor},
		"op 7":                      {func(l *line) { l.write(`{"op":7,"d":null}`) }, keeps, 0},
		"op 9":                      {func(l *line) { l.write(`{"op":9,"d":false}`) }, keeps, 0},
		"no hello, but other words": {func(l *line) { l.write(`{"op":11}`); l.write(`{"op":1}`) }, keeps, helloFor},
		"a hello without a rhythm":  {func(l *line) { l.write(`{"op":10,"d":{}}`) }, keeps, 0},
		"a hello with none":         {func(l *line) { l.write(`{"op":10,"d":{"heartbeat_interval":0}}`) }, keeps, 0},
		"a hello that counts down":  {func(l *line) { l.write(`{"op":10,"d":{"heartbeat_interval":-40000}}`) }, keeps, 0},
		"a hello for ever":          {func(l *line) { l.write(`{"op":10,"d":{"heartbeat_interval":9000000000000000}}`) }, keeps, 0},
		"a hello of another form":   {func(l *line) { l.write(`{"op":10,"d":{"heartbeat_interval":"40000"}}`) }, keeps, 0},
		"a session without a name":  {func(l *line) { l.hello(); l.identified(0, 1); l.write(`{"t":"READY","s":1,"op":0,"d":{}}`) }, keeps, 0},
		"a session of another form": {func(l *line) { l.hello(); l.identified(0, 1); l.write(`{"t":"READY","s":1,"op":0,"d":"secret"}`) }, keeps, 0},
		"no session":                {func(l *line) { l.hello(); l.identified(0, 1) }, keeps, readyFor},
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				g := p.start(nil)
				l := p.accept()
				of.says(l)
				l.over(of.code)
				if left := p.since(); left < of.after || left > of.after+testBeat {
					t.Errorf("left after %s", left)
				}
				p.accept().begin()
				g.ends(time.Second)
			})
		})
	}
}

func TestARefusedResume(t *testing.T) {
	for name, of := range map[string]struct {
		refuse      func(l *line)
		least, most time.Duration // to the identify that follows
	}{
		"op 9":                {func(l *line) { l.hello(); l.asksResume(); l.write(`{"op":9,"d":false}`) }, time.Second, 5 * time.Second},
		"4007":                {func(l *line) { l.hello(); l.asksResume(); l.closes(4007) }, 0, 5 * time.Second},
		"4009":                {func(l *line) { l.hello(); l.asksResume(); l.closes(4009) }, 0, 5 * time.Second},
		"without an end":      {func(l *line) { l.hello(); l.asksResume() }, replayFor, replayFor + 5*time.Second},
		"what cannot be read": {func(l *line) { l.hello(); l.asksResume(); l.write(`{"t":"INTERACTION_CREATE","s":2,"op":0,"d":{`) }, 0, 5 * time.Second},
		"too much":            {func(l *line) { l.hello(); l.asksResume(); l.floods() }, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				g := p.start(nil)
				l := p.accept()
				l.begin()
				<-time.After(time.Hour)
				l.breaks()
				l = p.accept()
				refused := p.since()
				of.refuse(l)
				l = p.accept()
				if took := p.since() - refused; took < of.least || took > of.most {
					t.Errorf("connected after %s", took)
				}
				l.begin()
				l.interacts("1")
				if got := p.took(); !slices.Equal(got, []string{"1"}) {
					t.Error(got)
				}
				g.ends(time.Second)
			})
		})
	}
}

// Discord is asked to resume for a minute, more and more rarely, whatever it
// says but that the session is gone. Then another begins.
func TestAResumeThatNeverWorks(t *testing.T) {
	for name, fault := range map[string]func(l *line){
		"op 9, true": func(l *line) { l.hello(); l.asksResume(); l.write(`{"op":9,"d":true}`); l.over(keeps) },
		"a reset":    func(l *line) { l.breaks() },
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				g := p.start(nil)
				l := p.accept()
				l.begin()
				l.breaks()
				broke := p.since()
				tries := 0
				for l = p.accept(); l.path == "/resume"; l = p.accept() {
					fault(l)
					tries++
				}
				if took := p.since() - broke; took < resumeFor || took > 2*resumeFor || tries < 4 || tries > 9 {
					t.Errorf("%d attempts in %s", tries, took)
				}
				if err := g.Healthy(); err == nil {
					t.Error("healthy after a minute without a connection")
				}
				l.begin()
				l.interacts("1")
				if got := p.took(); !slices.Equal(got, []string{"1"}) {
					t.Error(got)
				}
				if err := g.Healthy(); err != nil {
					t.Error(err)
				}
				g.ends(time.Second)
			})
		})
	}
}

// Discord being away for an hour costs some attempts, not thousands.
func TestDiscordIsAwayForAnHour(t *testing.T) {
	meets(t, func(t *testing.T, p *peer) {
		g := p.start(nil)
		l := p.accept()
		l.begin()
		back := p.since() + time.Hour
		dials := 0
		var away func() error
		away = func() error {
			dials++
			if p.since() < back {
				p.dials = append(p.dials, away)
				return errors.New("no route to host")
			}
			return nil
		}
		p.dials = append(p.dials, away)
		l.breaks()
		p.accept().begin()
		if dials < 60 || dials > 120 || p.since() > back+2*time.Minute {
			t.Errorf("%d attempts, and back after %s", dials, p.since())
		}
		g.ends(time.Second)
	})
}

// Whatever it waits for, it ends when it is told to.
func TestTheEndAtAnyTime(t *testing.T) {
	for name, before := range map[string]func(p *peer){
		"before the API's answer": func(p *peer) {
			p.rest = []http.HandlerFunc{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
		},
		"before the handshake": func(p *peer) {
			p.upgrade = []http.HandlerFunc{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
		},
		"without a session to begin": func(p *peer) { p.plans(1, 0, time.Hour, 1) },
		"before the hello":           func(*peer) {},
		"in a pause":                 func(p *peer) { p.rest = []http.HandlerFunc{later("100")} },
	} {
		t.Run(name, func(t *testing.T) {
			meets(t, func(t *testing.T, p *peer) {
				before(p)
				g := p.start(nil)
				<-time.After(5 * time.Second)
				g.ends(time.Millisecond)
			})
		})
	}
}
