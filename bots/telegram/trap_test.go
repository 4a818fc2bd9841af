package telegram

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/storage/bolt"
)

// The traps that the library has for receiving, by their usual names: what it
// does wrong is done right here.

// quiet is a Bot that answers nothing and notes what it was told; slow may hold it up.
type quiet struct {
	plainWords
	heard chan string
	slow  func(context.Context)
}

func (q *quiet) Command(ctx context.Context, in bots.Incoming) bots.Reply {
	if q.slow != nil {
		q.slow(ctx)
	}
	if ctx.Err() == nil {
		q.heard <- in.Text
	}
	return bots.Reply{Silent: true}
}

func (*quiet) Press(context.Context, bots.Incoming, string) bots.Reply {
	return bots.Reply{Silent: true}
}
func (*quiet) Commands(string) []bots.Command {
	return []bots.Command{{Name: "imagine", Title: "Make a picture"}}
}
func (*quiet) Broken(string) bots.Reply         { return bots.Reply{} }
func (*quiet) HasCommand(name string) bool      { return strings.EqualFold(name, "imagine") }
func (*quiet) WriteFirst(string, string) string { return "write first" }
func (*quiet) Recent(context.Context, core.Origin, string) (bots.Offer, error) {
	return bots.Offer{New: "make new"}, nil
}
func (q *quiet) all() (texts []string) {
	for len(q.heard) > 0 {
		texts = append(texts, <-q.heard)
	}
	return texts
}

// ear is a Telegram between a server and a quiet bot.
type ear struct {
	t    *testing.T
	tg   *telegramtest.Server
	net  *http.Transport
	bot  *quiet
	path string
	hook bool
	spy  *secrecy
	till Till

	store    *bolt.Store
	flaky    *flaky // over the store
	telegram *Telegram
	cancel   func()
	done     chan error
}

// listening runs the test in a bubble where an ear runs.
func listening(t *testing.T, cfg telegramtest.Config, test func(*testing.T, *ear)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Patience = 48 * time.Hour
		e := &ear{t: t, hook: cfg.WebhookTransport != nil, tg: telegramtest.NewMemoryServer(cfg), bot: &quiet{heard: make(chan string, 20_000)}, path: workDir(t) + "/kiebot.db"}
		e.spy = newSecrecy(t, e.tg.Token())
		e.net = &http.Transport{DialContext: e.tg.DialContext}
		defer e.tg.Close()
		defer e.net.CloseIdleConnections()
		e.start()
		defer func() { e.end() }()
		test(t, e)
		for _, c := range e.tg.Complaints() {
			t.Errorf("Telegram complains: %s", c)
		}
	})
}

func (e *ear) start() {
	e.t.Helper()
	var err error
	if e.store, err = bolt.Open(e.path, bolt.Options{}); err != nil {
		e.t.Fatal(err)
	}
	e.flaky = &flaky{Store: e.store}
	e.telegram, err = New(Config{
		Webhook: e.hook, PublicURL: "http://127.0.0.1", Secret: "a-secret",
		Token: Token(e.tg.Token()), Bot: e.bot, Till: e.till, Store: e.flaky, Transport: plainly{e.net}, Logger: slog.New(slog.NewTextHandler(e.spy, nil)),
		Engine: onlyOne{e.flaky},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(e.t.Context())
	e.done = make(chan error, 1)
	go func() { e.done <- e.telegram.Run(ctx) }()
	synctest.Wait()
}

// end stops Run, and says how long it took to return.
func (e *ear) end() time.Duration {
	e.t.Helper()
	began := time.Now()
	e.cancel()
	if err := <-e.done; err != nil {
		e.t.Error(err)
	}
	if err := e.store.Close(); err != nil {
		e.t.Error(err)
	}
	return time.Since(began)
}

// settles waits until Telegram has nothing more for us.
func (e *ear) settles() {
	e.t.Helper()
	e.tg.Until(e.t, func() bool { return e.tg.Polling() && e.tg.Pending() == 0 })
	synctest.Wait()
}

func TestTrap1CommandsWithOurName(t *testing.T) {
	listening(t, telegramtest.Config{ReadsAll: true}, func(t *testing.T, e *ear) {
		ann := e.tg.Person("Ann")
		chat := e.tg.Group("cats", ann)
		for _, text := range []string{"/imagine@testbot a cat", "/IMAGINE@TESTBOT a cat", "/imagine@otherbot a dog", "кот 😀 /imagine a dog", "@testbot 😀 кот"} {
			chat.As(ann).Types(text)
		}
		e.settles()
		if got := e.bot.all(); !slices.Equal(got, []string{"/imagine a cat", "/IMAGINE a cat", "😀 кот"}) {
			t.Errorf("%q", got)
		}
	})
}

// Telegram is told that an update arrived when it is handled, or stored.
func TestTrap2ConfirmedAfterTheCommit(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		gate := make(chan struct{})
		e.bot.slow = func(ctx context.Context) {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
		ann := e.tg.Person("Ann")
		ann.Types("one")
		synctest.Wait()
		<-time.After(patience / 2)
		if e.tg.Pending() != 1 {
			t.Error("it was confirmed before it was handled or stored")
		}
		e.settles()
		if held := inStore(t, e.store); len(held) != 1 || !bytes.Contains(held[0].Value, []byte("one")) {
			t.Errorf("confirmed, and stored is %v", held)
		}
		e.end() // as a kill would: nothing was handled
		e.bot.slow = nil
		e.start()
		e.settles()
		if got := e.bot.all(); !slices.Equal(got, []string{"one"}) {
			t.Errorf("%q", got)
		}
		close(gate)
	})
}

// Run returns when nothing is being handled any more.
func TestTrap3RunWaitsForHandlers(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		left := false
		e.bot.slow = func(ctx context.Context) {
			<-ctx.Done()
			<-time.After(3 * time.Second)
			left = true
		}
		e.tg.Person("Ann").Types("one")
		e.settles()
		if took := e.end(); !left || took < 3*time.Second {
			t.Errorf("it returned after %v", took)
		}
		e.bot.slow = nil
		e.start()
	})
}

// fragile is a Bot that panics, with a person's words.
type fragile struct{ Bot }

func (fragile) Command(_ context.Context, in bots.Incoming) bots.Reply { panic(in.Text) }
func (fragile) Press(context.Context, bots.Incoming, string) bots.Reply {
	panic("buy my cats")
}

// Who would wait for an answer that a panic ended is told so, and the log does
// not have their words.
func TestTrap4PanicsAreTold(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Starts("")
		ann.Next(t)
		ann.Types("/imagine a cat")
		result := ann.Until(t, finds("photo", "a cat"))
		whole := w.telegram.cfg.Bot
		synctest.Wait() // nobody looks at it
		w.telegram.cfg.Bot = fragile{whole}
		ann.Types("/imagine buy my cats")
		ann.Until(t, finds("text", "Something broke here"))
		if said := ann.Presses(result, "Info").Answer(t); !strings.Contains(said.Text, "Something broke here") {
			t.Errorf("the press is answered %+v", said)
		}
		if n := w.spy.logged("buy my cats"); n > 0 {
			t.Error("the log has what a panic said")
		}
	})
}

func TestTrap6Webhook(t *testing.T) {
	tel, store := hooked(t)
	good := `{"update_id":5,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"hello"}}`
	for _, test := range []struct {
		name, secret, body string
		want               int
	}{
		{"no secret", "", good, 401},
		{"a wrong secret", "a-secreT", good, 401},
		{"a longer one", "a-secret2", good, 401},
		{"no JSON, which would come again for a day", "a-secret", "{", 200},
		{"too large", "a-secret", `{"update_id":6,"x":"` + strings.Repeat("x", webhookMax) + `"}`, 413},
		{"good", "a-secret", good, 200},
		{"again", "a-secret", good, 200},
	} {
		if got := post(tel, test.secret, test.body); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
	if got := tel.cfg.Bot.(*quiet).all(); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("handled %q", got)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	// A store that fails, and a handler that takes longer than Telegram waits:
	// Telegram has to keep it.
	tel.cfg.Bot.(*quiet).slow = func(ctx context.Context) { <-ctx.Done() }
	if got := post(tel, "a-secret", strings.Replace(good, `:5,`, `:9,`, 1)); got != 500 {
		t.Errorf("status %d without a store", got)
	}
}

// hooked is a Telegram that takes updates by webhook, without a server.
func hooked(t *testing.T) (*Telegram, *bolt.Store) {
	t.Helper()
	store := newStore(t)
	tel, err := New(Config{
		Token: testToken, Bot: &quiet{heard: make(chan string, 100)}, Store: store, Webhook: true, PublicURL: "https://kiebot.test", Secret: "a-secret",
		Engine: onlyOne{store}, Logger: testLog(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := post(tel, "a-secret", `{"update_id":1}`); got != 500 {
		t.Errorf("status %d before it runs", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	tel.running, tel.serving = ctx, ctx
	t.Cleanup(func() { stop(); tel.leave() })
	return tel, store
}

func post(tel *Telegram, secret, body string) int {
	r := httptest.NewRequest(http.MethodPost, WebhookPath, strings.NewReader(body))
	r.Header.Set(secretHeader, secret)
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, r)
	return w.Code
}

// Telegram is not asked who the bot is in five seconds or never: it may be
// away when kiebot starts.
func TestTrap10TelegramIsAwayAtTheStart(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		e.end()
		stop := e.tg.Fault(telegramtest.Fault{Method: "getMe", Times: -1, Drop: true})
		e.start()
		<-time.After(10 * time.Minute)
		if err := e.telegram.Healthy(); err == nil {
			t.Error("it is healthy")
		}
		stop()
		e.tg.Person("Ann").Types("one")
		e.settles()
		if err := e.telegram.Healthy(); err != nil || !slices.Equal(e.bot.all(), []string{"one"}) {
			t.Error(err)
		}
	})
}

// What cannot be read is noted without what it says, and polling goes on.
func TestTrap11BrokenUpdatesAreNotLogged(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		ann := e.tg.Person("Ann")
		for kind, value := range map[string]string{
			"message": `"my secret"`, "callback_query": `[{"my secret":1}]`, "something_new": `{"text":"my secret"}`, "edited_message": `7`,
			"channel_post": `{"message_id":"my secret"}`, "inline_query": `null`,
		} {
			e.tg.RawUpdate(kind, value)
		}
		ann.Types("one")
		e.settles()
		if got := e.bot.all(); !slices.Equal(got, []string{"one"}) {
			t.Errorf("%q", got)
		}
		if n := e.spy.logged("could not be handled"); n != 3 || e.spy.logged("my secret") > 0 {
			t.Errorf("%d of 3 were noted, %d with what they say", n, e.spy.logged("my secret"))
		}
	})
}

// A second program that gets the bot's updates, and a token that is not valid
// any more, are sentences for the operator and no loop; afterwards all goes on.
func TestTrap13AnotherPollerAndALostToken(t *testing.T) {
	for _, test := range []struct {
		status int
		want   error
	}{{409, errConflict}, {401, errToken}} {
		listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
			ann := e.tg.Person("Ann")
			ann.Types("one")
			e.settles()
			stop := e.tg.Fault(telegramtest.Fault{Method: "getUpdates", Times: -1, Status: test.status})
			ann.Types("two")
			<-time.After(pollFor)
			before := len(e.tg.Calls("getUpdates"))
			<-time.After(time.Hour)
			if err := e.telegram.Healthy(); err != test.want {
				t.Errorf("%d: %v", test.status, err)
			}
			if n := len(e.tg.Calls("getUpdates")) - before; n > 130 {
				t.Errorf("%d: %d calls in an hour", test.status, n)
			}
			stop()
			ann.Types("three")
			e.settles()
			if got := e.bot.all(); e.telegram.Healthy() != nil || !slices.Equal(got, []string{"one", "two", "three"}) {
				t.Errorf("%d: %v, %q", test.status, e.telegram.Healthy(), got)
			}
			if n := e.spy.logged("level=WARN"); n > 8 {
				t.Errorf("%d lines for an hour", n)
			}
		})
	}
}

func TestTenThousandUpdatesWait(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		e.end()
		var people []*telegramtest.Person
		for n := range 100 {
			people = append(people, e.tg.Person(fmt.Sprint("P", n)))
		}
		for n := range 10_000 {
			people[n%100].Types(fmt.Sprint(n))
		}
		e.start()
		e.settles()
		got, want := e.bot.all(), map[string]bool{}
		for _, text := range got {
			want[text] = true
		}
		if len(got) != 10_000 || len(want) != 10_000 {
			t.Errorf("%d were handled, %d of them different", len(got), len(want))
		}
	})
}

// Telegram is away for an hour: few lines say so, and everything that was
// typed meanwhile is handled afterwards, once.
func TestTelegramIsAwayForAnHour(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		ann := e.tg.Person("Ann")
		stop := e.tg.Fault(telegramtest.Fault{Method: "getUpdates", Times: -1, HTML: true, Status: 502})
		var want []string
		for n := range 300 {
			want = append(want, fmt.Sprint(n))
			ann.Types(want[n])
			<-time.After(12 * time.Second)
		}
		stop()
		e.settles()
		if got := e.bot.all(); !slices.Equal(got, want) {
			t.Errorf("%d were handled of %d", len(got), len(want))
		}
		if n := e.spy.logged("level=WARN"); n == 0 || n > 10 {
			t.Errorf("%d lines for an hour", n)
		}
	})
}
