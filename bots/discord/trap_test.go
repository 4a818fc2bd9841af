package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots"
	"kiebot/bots/discord/discordtest"
)

// The traps that the library has, by their usual names: what it does wrong is
// done right here.

// The routes that the traps are about, as discordtest names them.
const (
	routePost   = "POST /channels/{channel}/messages"
	routeFirst  = "POST /interactions/{interaction}/{token}/callback"
	routeFollow = "POST /webhooks/{application}/{token}"
	routeEdit   = "PATCH /webhooks/{application}/{token}/messages/{message}"
	routeOwn    = "PATCH /channels/{channel}/messages/{message}"
)

// Whatever the gateway does in place of its first words, the bot is back in
// minutes and ends at once.
func TestTrap1GatewayDeadlocks(t *testing.T) {
	moments := map[string]discordtest.GatewayMoment{
		"at the dial": discordtest.AtDial, "in place of hello": discordtest.AtHello, "in place of ready": discordtest.AtIdentify, "in place of resumed": discordtest.AtResume,
	}
	faults := map[string]discordtest.GatewayFault{
		"silence": {}, "reset": {Drop: true}, "op 7": {Reconnect: true}, "op 9": {Invalid: true}, "op 9, resumable": {Invalid: true, Resumable: true},
	}
	for when, at := range moments {
		for what, fault := range faults {
			if at == discordtest.AtDial && what != "silence" && what != "reset" {
				continue
			}
			t.Run(what+" "+when, func(t *testing.T) {
				inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
					fault.At, fault.Times = at, 3
					w.discord.FaultGateway(fault)
					began := time.Now()
					w.discord.Interrupt(discordtest.GatewayFault{Drop: true})
					synctest.Wait()
					w.discord.Online(t)
					if took := time.Since(began); took > 5*time.Minute {
						t.Errorf("it was back after %v", took)
					}
					w.channel.As(w.ada).Types("/balance").Answer(t)
					began = time.Now()
					w.end()
					if took := time.Since(began); took > time.Second {
						t.Errorf("it ended after %v", took)
					}
					w.start()
				})
			})
		}
	}
}

// A connection on which heartbeats are not answered is left after two, and
// nothing is lost.
func TestTrap2Zombies(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		w.discord.Interrupt(discordtest.GatewayFault{})
		began := time.Now()
		w.discord.Until(t, func() bool { return w.discord.Sessions()[0].Resumes == 1 })
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it was left after %v", took)
		}
		w.channel.As(w.ada).Types("/balance").Answer(t)
		if n := len(w.discord.Sessions()); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// Nothing sleeps until a limit is over: a call that Discord would refuse is
// not made, and who waits for it can stop.
func TestTrap3TheContextWhileALimitIsWaitedFor(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		one := call{method: http.MethodGet, route: "/applications/@me"}
		w.discord.Fault(discordtest.Fault{Route: "GET /applications/@me", RetryAfter: 3 * time.Second})
		began := time.Now()
		for range 3 {
			err := w.ours.api.do(t.Context(), one, nil)
			if wait := waitOf(err).RetryAfter; meaning(err) != failWait || wait != 3*time.Second {
				t.Errorf("%v: wait %v", err, wait)
			}
		}
		if n := len(w.discord.Calls("GET /applications/@me")); n != 2 || time.Since(began) != 0 { // the first was at the start
			t.Errorf("%d calls in %v", n, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		err := patiently(ctx, func() error { return w.ours.api.do(ctx, one, nil) })
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Second/2 {
			t.Errorf("%v after %v", err, took)
		}
		if err := patiently(t.Context(), func() error { return w.ours.api.do(t.Context(), one, nil) }); err != nil || time.Since(began) < 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// answered are interactions that have an answer, of as many people.
func (w *world) answered(n int) []*discordtest.Interaction {
	w.t.Helper()
	var all []*discordtest.Interaction
	for range n {
		in := w.channel.As(w.ada).Types("/balance")
		in.Original(w.t)
		all = append(all, in)
	}
	return all
}

func (w *world) editOf(in *discordtest.Interaction) error {
	return w.ours.editOriginal(w.t.Context(), ref{Application: w.discord.ApplicationID(), Token: in.Token}, saying("edited", nil))
}

// Edits of several interactions do not wait for each other, nor for each
// other's limits.
func TestTrap4EditsOfDifferentInteractions(t *testing.T) {
	both(t, worldConfig{discord: discordtest.Config{Flood: true}}, func(t *testing.T, w *world) {
		all := w.answered(10)
		stop := w.discord.Fault(discordtest.Fault{Route: routeEdit, Times: -1, Slow: 200 * time.Millisecond})
		began := time.Now()
		var edits sync.WaitGroup
		for _, in := range all {
			edits.Go(func() {
				if err := w.editOf(in); err != nil {
					t.Error(err)
				}
			})
		}
		edits.Wait()
		stop()
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("ten edits of 200 ms took %v", took)
		}
		refused := 0
		for range 20 {
			if meaning(w.editOf(all[0])) == failWait {
				refused++
			}
		}
		if refused == 0 || w.discord.Invalid() != 0 {
			t.Errorf("%d of 20 edits of one message were held back; %d were refused", refused, w.discord.Invalid())
		}
		for _, in := range all[1:] {
			if err := w.editOf(in); err != nil {
				t.Errorf("another interaction waits too: %v", err)
			}
		}
	})
}

// Nothing is kept of an interaction that is over.
func TestTrap5NothingStaysOf10000Interactions(t *testing.T) {
	inWorld(t, worldConfig{discord: discordtest.Config{Flood: true}}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		for n := range 10_000 {
			if n%100 == 0 {
				at.Types("/balance")
			} else {
				at.Completes("/imagine", "model", "imagen")
			}
			if n%50 == 0 {
				<-time.After(time.Second)
			}
		}
		<-time.After(time.Minute)
		w.answered(1)
		synctest.Wait()
		if n := len(w.discord.Unanswered()); n != 0 {
			t.Errorf("%d were not answered", n)
		}
		l := w.ours.api.limits
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.buckets); n > 10 {
			t.Errorf("%d limits are kept", n)
		}
		if n := len(w.ours.openings.all); n > 1 {
			t.Errorf("%d openings are kept", n)
		}
	})
}

// Discord does what it is told, and the answer is lost or says that it failed:
// nothing is there twice.
func TestTrap6NothingIsTwice(t *testing.T) {
	lost := map[string]discordtest.Fault{
		"502": {After: true, Status: 502, HTML: true}, "503": {After: true, Status: 503}, "a broken connection": {After: true, Drop: true}, "silence": {After: true, Hang: true},
	}
	for what, fault := range lost {
		for _, route := range []string{routePost, routeFirst, routeEdit} {
			t.Run(what+" after "+route, func(t *testing.T) {
				both(t, worldConfig{}, func(t *testing.T, w *world) {
					fault.Route = route
					w.discord.Fault(fault)
					asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
					if route == routePost { // what was edited is gone: the bot posts by itself
						w.channel.As(w.ada).Deletes(asked.Original(t))
					}
					w.channel.Until(t, made(1, "a cat"))
					<-time.After(10 * time.Minute)
					if all := w.channel.FromBot(); len(all) != 1 {
						t.Errorf("%s", all)
					}
					if n := len(w.discord.Calls(routeFirst)); n > 1 {
						t.Errorf("%d first answers", n)
					}
				})
			})
		}
	}
}

// A button is answered with a further message, which Discord does not recognise
// when it is sent again: a lost answer can leave the first one behind, but no
// result is there twice.
func TestTrap6FurtherMessages(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		result := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		w.discord.Fault(discordtest.Fault{Route: routeFollow, After: true, Status: 502, HTML: true})
		w.ada.Presses(result, "Again")
		<-time.After(10 * time.Minute)
		results := slices.DeleteFunc(w.channel.FromBot(), func(m discordtest.Message) bool { return !made(1, "a cat")(m) })
		if len(results) != 2 || len(w.channel.FromBot()) > 3 {
			t.Errorf("%s", w.channel.FromBot())
		}
	})
}

// strange answers with kinds of components and values that did not exist when
// this was written.
type strange struct{ http.RoundTripper }

var (
	someComponents = regexp.MustCompile(`"components":\[[^\]]*\]`)
	someFlags      = regexp.MustCompile(`"flags":\d+`)
)

// RoundTrip implements http.RoundTripper.
func (s strange) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err != nil || !strings.Contains(r.URL.Path, "messages") && !strings.Contains(r.URL.Path, "callback") {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	body = someComponents.ReplaceAll(body, []byte(`"components":[{"type":99,"custom_id":7,"components":"new","component":[]}]`))
	body = someFlags.ReplaceAll(body, []byte(`"flags":{"new":true}`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
	resp.Header.Del("Content-Length")
	return resp, err
}

// What Discord answers may have parts that nobody knows: the message is there
// all the same, once, and is edited by its id.
func TestTrap7UnknownComponentsInAnswers(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		w.end()
		w.wire = strange{w.net}
		w.start()
		result := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		w.ada.Presses(result, "Info").Becomes(t, says("a cat", "Model"))
		<-time.After(10 * time.Minute)
		if all := w.channel.FromBot(); len(all) != 1 {
			t.Errorf("%s", all)
		}
	})
}

// A page in place of a 429 is a ban of the address: everything waits, nothing
// comes before its time, and results arrive after it.
func TestTrap8PagesThatSayTooManyRequests(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		asked.Original(t)
		w.discord.Ban(10 * time.Minute)
		before := len(w.discord.Calls())
		<-time.After(9 * time.Minute)
		if n := len(w.discord.Calls()) - before; n > 1 {
			t.Errorf("%d calls in nine minutes", n)
		}
		asked.Becomes(t, made(1, "a cat"))
		asked = w.channel.As(w.ada).Types("/imagine", set("prompt", "a dog"))
		asked.Original(t)
		began := time.Now()
		w.discord.Fault(discordtest.Fault{Status: 429, HTML: true}) // which names no time
		asked.Becomes(t, made(1, "a dog"))
		if took := time.Since(began); took < pageWait {
			t.Errorf("it was shown after %v", took)
		}
		w.discord.Fault(discordtest.Fault{Route: "GET /applications/@me", Status: 429, HTML: true})
		for _, one := range []call{
			{method: http.MethodGet, route: "/applications/@me"},
			{method: http.MethodGet, route: "/guilds/{}", args: []string{w.guild.ID()}},
			{method: http.MethodPost, route: "/webhooks/{}/{}", args: []string{"1", asked.Token}, open: true},
		} {
			if err := w.ours.api.do(t.Context(), one, nil); meaning(err) != failWait {
				t.Errorf("%s: %v", one.name(), err)
			}
		}
	})
}

// forbidden refuses every call, and counts them.
type forbidden struct{ calls int }

// RoundTrip implements http.RoundTripper.
func (f *forbidden) RoundTrip(r *http.Request) (*http.Response, error) {
	f.calls++
	body := io.NopCloser(strings.NewReader(`{"message":"Missing Access","code":50001}`))
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
}

// At 10,000 refused calls in ten minutes Discord bans the address: half of them
// are enough for everything to wait until the ten minutes are over.
func TestRefusedCallsEndBeforeABan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuses := &forbidden{}
		c := newClient(discordtest.DefaultToken, "http://discord.test", refuses)
		one := call{method: http.MethodPost, route: "/webhooks/{}/{}", args: []string{"1", "2"}, open: true}
		for range 10_000 {
			if c.do(t.Context(), one, nil) == nil {
				t.Fatal("it was not refused")
			}
		}
		err := c.do(t.Context(), call{method: http.MethodGet, route: "/applications/@me"}, nil)
		if meaning(err) != failWait || waitOf(err).RetryAfter != invalidFor || refuses.calls != invalidMost {
			t.Errorf("%v after %d calls", err, refuses.calls)
		}
		<-time.After(invalidFor)
		if err := c.do(t.Context(), one, nil); meaning(err) != failChat {
			t.Error(err)
		}
	})
}

// Replicas share what the bot may do in a second, and what may be refused.
func TestReplicasShareTheLimits(t *testing.T) {
	replicas, now := 1, time.Now()
	l := newLimits()
	l.sharers = func() int { return replicas }
	one := call{method: http.MethodGet, route: "/applications/@me"}
	atOnce := func() (n int) {
		for range 2 { // the first time it learns how many share
			now, n = now.Add(time.Minute), 0
			for l.wait(one, now) == 0 {
				n++
			}
		}
		return n
	}
	for _, c := range []struct{ replicas, want int }{{1, 45}, {3, 15}, {100, 1}, {1, 45}} {
		if replicas = c.replicas; atOnce() != c.want {
			t.Errorf("one of %d may not make %d calls in a second", c.replicas, c.want)
		}
	}
	replicas = 2
	for range invalidMost / 2 {
		l.note(one, &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}}, now)
	}
	if l.wait(one, now) != invalidFor {
		t.Error("its part of refused calls was not the end")
	}
}

// broken is a connection that fails with everything that it was told in its error.
type broken struct{}

// RoundTrip implements http.RoundTripper.
func (broken) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s %s: %v", r.Method, r.URL, r.Header)
}

// No error and nothing that is printed has a token of the bot or of an interaction.
func TestTrap9TokensInErrors(t *testing.T) {
	token, hook := discordtest.DefaultToken, tokenBegins+"abc/def+ghi"
	c := newClient(token, "https://discord.test/api/v10", broken{})
	printed := func(what any) {
		t.Helper()
		text, _ := json.Marshal(what)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text = fmt.Appendf(append(text, ' '), verb, what)
		}
		if _, secret, _ := strings.Cut(token, "."); bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(tokenBegins)) || bytes.Contains(text, fmt.Appendf(nil, "%x", secret)) {
			t.Errorf("%s", text)
		}
	}
	printed(Token(token))
	printed(Config{Token: Token(token)}.Token)
	for _, one := range []call{
		{method: http.MethodGet, route: "/applications/@me"},
		{method: http.MethodPost, route: "/webhooks/{}/{}", args: []string{"1", hook}, open: true, body: saying("a secret", nil)},
		{method: http.MethodPost, route: "/interactions/{}/{}/callback", args: []string{"1", hook}, open: true},
		{method: "no method", route: "/webhooks/{}/{}", args: []string{"1", hook}, open: true},
	} {
		err := c.do(t.Context(), one, nil)
		printed(err)
		printed(deliveryError(err, ""))
		if err == nil || strings.Contains(err.Error(), "a secret") {
			t.Error(err)
		}
	}
	c.limits.refused(call{method: http.MethodGet, route: "/webhooks/{}/{}", args: []string{"1", hook}, open: true}, &callError{RetryAfter: time.Hour}, time.Now())
	printed(c.do(t.Context(), call{method: http.MethodGet, route: "/webhooks/{}/{}", args: []string{"1", hook}, open: true}, nil))
}

// Every message says outright that nobody is called. Those of every other test
// are looked at too, see leftOver.
func TestTrap10Mentions(t *testing.T) {
	for what, d := range map[string]draft{
		"nothing": {}, "words": saying("@everyone", nil), "alone": saying("", nil).alone(), "an edit": saying("a", nil).editing(),
		"a menu": saying("a", []bots.Button{{Label: "1", Data: "1"}, {Label: "2", Data: "2", Row: 1}}),
	} {
		if what == "nothing" {
			d.Mentions = mentions{Parse: []string{}}
		}
		data, err := json.Marshal(d)
		if err != nil || !bytes.Contains(data, []byte(`"allowed_mentions":{"parse":[]}`)) {
			t.Errorf("%s: %s, %v", what, data, err)
		}
	}
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		role := w.guild.Role("cats")
		for _, typed := range []string{"@everyone", "@here", "<@" + w.eva.ID() + ">", "<@!" + w.eva.ID() + ">", "<@&" + role + ">", "<#" + w.channel.ID() + "> @everyone"} {
			asked := w.channel.As(w.ada).Types("/imagine", set("prompt", typed))
			asked.Becomes(t, made(1, typed))
			if m := w.ada.Presses(asked.Original(t), "Info").Becomes(t, says(typed)); len(m.Pinged) > 0 {
				t.Errorf("%s called %q", m, m.Pinged)
			}
			if m := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"), set("model", typed)).Original(t); len(m.Pinged) > 0 {
				t.Errorf("%s called %q", m, m.Pinged)
			}
		}
		if all := slices.Concat(pinged(w.channel.As(w.ada)), pinged(w.ada.Speaker)); len(all) > 0 {
			t.Errorf("called %q", all)
		}
	})
}

// fragile is a Bot that panics, with a person's words.
type fragile struct {
	Bot
	after time.Duration // it did what was asked then; 0 does nothing
}

func (f fragile) Command(ctx context.Context, in bots.Incoming) bots.Reply {
	if f.after > 0 {
		f.Bot.Command(ctx, in)
		<-time.After(f.after)
	}
	panic("a command")
}

func (fragile) Press(context.Context, bots.Incoming, string) bots.Reply { panic("a press") }
func (fragile) Complete(context.Context, string, string, string, []bots.Given, string) []bots.Suggestion {
	panic("a completion")
}

// A panic ends one interaction and nothing else.
func TestTrap12PanicsAreContained(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		result := at.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		whole := w.ours.cfg.Bot
		synctest.Wait() // nobody looks at it
		w.ours.cfg.Bot = fragile{Bot: whole}
		for range 2 * atOnce { // more than are worked on at once
			at.Types("/balance")
			w.ada.Presses(result, "Info")
			at.Completes("/imagine", "model", "x")
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		if n := w.spy.logged("could not be handled"); n != 6*atOnce {
			t.Errorf("%d panics were logged of %d", n, 6*atOnce)
		}
		at.Types("/balance").Becomes(t, says("Something broke here", "/history"))
		w.ada.Presses(result, "Info")
		if n := w.spy.logged("a command") + w.spy.logged("a press"); n > 0 {
			t.Error("the log has what a panic said")
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		w.ours.cfg.Bot = whole
		at.Types("/balance").Becomes(t, says("credits"))
	})
}

// What was accepted before a panic goes on, and is not overwritten by the
// sentence about it.
func TestTrap12APanicAfterTheResult(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		synctest.Wait()
		w.ours.cfg.Bot = fragile{Bot: w.ours.cfg.Bot, after: 5 * time.Minute}
		at := w.channel.As(w.ada)
		at.Types("/imagine", set("prompt", "a cat"))
		at.Until(t, says("Something broke here"))
		if all := w.channel.FromBot(); len(all) != 1 || !made(1, "a cat")(all[0]) {
			t.Errorf("%s", all)
		}
	})
}

// Interactions need none of the events of a guild.
func TestTrap13Intents(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		for _, s := range w.discord.Sessions() {
			if s.Intents != 0 {
				t.Errorf("intents %b", s.Intents)
			}
		}
	})
}
