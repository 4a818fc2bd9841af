package bots

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ada = core.Identity{Platform: "chat", User: "ada"}
	bob = core.Identity{Platform: "chat", User: "bob"}
)

// world is a bot on a real engine, with a chat that remembers what was shown.
type world struct {
	t      testing.TB
	kie    *kietest.Server
	engine *core.Engine
	bot    *Bot
	models *catalog.Catalog
	cfg    core.Config
	admins []core.Identity
	sale   Sale
	tells  func(context.Context, core.Identity, string) error

	mu      sync.Mutex
	updates int
	shown   map[core.TaskID]Message // the newest of each batch
	log     []Message
}

// newWorld builds everything in memory but for the disk; nothing runs yet.
func newWorld(t testing.TB, change func(*core.Config)) *world {
	t.Helper()
	w := &world{t: t, shown: map[core.TaskID]Message{}}
	w.kie = kietest.NewMemoryServer(kietest.Config{Shrink: 16})
	t.Cleanup(w.kie.Close)
	client, err := kie.New(kie.Config{APIKey: kie.Secret(w.kie.Key()), BaseURL: w.kie.URL(), HTTPClient: w.kie.Client()})
	must(t, err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{w.kie.URL()}, Dial: w.kie.DialContext})
	must(t, err)
	spool, err := media.OpenSpool(filepath.Join(t.TempDir(), "media"), fetcher)
	must(t, err)
	w.models, err = catalog.Default()
	must(t, err)
	store, err := bolt.Open(filepath.Join(t.TempDir(), "kiebot.db"), bolt.Options{})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	cfg := core.Config{
		Store: store, Kie: []core.KieAccount{{Client: client}}, Catalog: w.models, Spool: spool, UserDaily: 100_000,
		Adapters: map[string]core.Adapter{"chat": w}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}
	w.cfg = cfg
	w.restart()
	return w
}

// restart makes a new engine and a new bot, which know only what is stored.
func (w *world) restart() {
	w.t.Helper()
	var err error
	w.engine, err = core.New(w.cfg)
	must(w.t, err)
	w.restartWords()
}

// restartWords makes a new bot on the engine that there is.
func (w *world) restartWords() {
	w.t.Helper()
	var err error
	w.bot, err = New(Config{Engine: w.engine, Catalog: w.models, Now: w.cfg.Now, Location: w.cfg.Location, Answers: -1, Admins: w.admins, Sale: w.sale, Tell: w.tells})
	must(w.t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// play runs the test in a bubble, on a world whose engine runs.
func play(t *testing.T, change func(*core.Config), test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.engine.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		test(t, w)
	})
}

// Deliver implements core.Adapter.
func (w *world) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	m := w.bot.Show(ctx, p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown[core.TaskID(m.ID)] = m
	w.log = append(w.log, m)
	return json.RawMessage(`"a message"`), nil // there is something to edit
}

func (w *world) incoming(who core.Identity, locale, text string) Incoming {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.updates++
	return Incoming{
		Key: fmt.Sprint("chat:", w.updates), Text: text,
		Origin: core.Origin{Identity: who, Name: who.User, Lane: core.NewLane("chat", "room"), Locale: locale},
	}
}

// types is what a person hears at once.
func (w *world) types(who core.Identity, text string) Reply {
	return w.bot.Command(w.t.Context(), w.incoming(who, "en", text))
}

func (w *world) presses(who core.Identity, button Button) Reply {
	return w.bot.Press(w.t.Context(), w.incoming(who, "en", ""), button.Data)
}

// accepted is a command that must be accepted; the answer is its lead.
func (w *world) accepted(text string) core.TaskID {
	w.t.Helper()
	reply := w.types(ada, text)
	if len(reply.Accepted) == 0 || reply.Text != "" || reply.Refused {
		w.t.Fatalf("%s: %+v, want it accepted", text, reply)
	}
	return reply.Accepted[0]
}

// until waits for a message about the batch that is as wanted.
func (w *world) until(lead core.TaskID, what string, wanted func(Message) bool) Message {
	w.t.Helper()
	for step := range 4000 {
		synctest.Wait()
		w.mu.Lock()
		m, ok := w.shown[lead]
		w.mu.Unlock()
		if ok && wanted(m) {
			return m
		}
		<-time.After(time.Duration(max(step, 50)) * 5 * time.Millisecond) // longer and longer
	}
	w.t.Fatalf("never shown: %s; the last was %+v", what, w.shown[lead])
	return Message{}
}

func (w *world) untilEnd(lead core.TaskID) Message {
	w.t.Helper()
	return w.until(lead, "the end", func(m Message) bool { return m.Kind == core.DeliverFinal })
}

func wantText(t testing.TB, got string, parts ...string) {
	t.Helper()
	wantWords(t, got)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%q\nlacks %q", got, part)
		}
	}
}

// aKey is what is shown for a message without a text, or with a placeholder missing.
var aKey = regexp.MustCompile(`(^|[ •])[a-z_]+\.[a-z_0-9.]*[a-z]($|[ .])|{{|<no value>`)

func wantWords(t testing.TB, text string) {
	t.Helper()
	if found := aKey.FindString(text); found != "" {
		t.Errorf("%q\nhas %q, which is no word", text, found)
	}
}
