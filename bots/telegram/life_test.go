package telegram

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// life is a whole kiebot behind a desk: real engine, store, media and words,
// and a Kie of its own. The clock is the bubble's.
type life struct {
	t      *testing.T
	dir    string
	kie    *kietest.Server
	desk   *desk
	store  *bolt.Store
	engine *core.Engine
	bot    *bots.Bot
	talk   *talker
	stop   func()

	mu      sync.Mutex
	updates int
}

// live runs the test in a bubble.
func live(t *testing.T, kieCfg kietest.Config, test func(*testing.T, *life)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		kieCfg.Shrink = 16
		l := &life{t: t, dir: t.TempDir(), kie: kietest.NewMemoryServer(kieCfg), desk: &desk{t: t, says: map[string][]string{}, next: 1000}}
		defer l.kie.Close()
		l.start()
		defer func() { l.end() }()
		test(t, l)
	})
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// start opens everything of ours and runs it.
func (l *life) start() {
	l.t.Helper()
	client, err := kie.New(kie.Config{APIKey: kie.Secret(l.kie.Key()), BaseURL: l.kie.URL(), HTTPClient: l.kie.Client()})
	l.must(err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{l.kie.URL()}, Dial: l.kie.DialContext})
	l.must(err)
	spool, err := media.OpenSpool(filepath.Join(l.dir, "media"), fetcher)
	l.must(err)
	models, err := catalog.Default()
	l.must(err)
	l.store, err = bolt.Open(filepath.Join(l.dir, "kiebot.db"), bolt.Options{})
	l.must(err)
	log := slog.New(slog.NewTextHandler(l.t.Output(), nil))
	api, err := newClient(testToken, "http://telegram.test", l.desk)
	l.must(err)
	l.talk = &talker{api: api, limits: limitsOf(false), log: log, now: time.Now, shrinking: make(chan struct{}, 1)}
	l.engine, err = core.New(core.Config{
		Store: l.store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, UserDaily: 100_000,
		Adapters: map[string]core.Adapter{Platform: adapterOf{l.talk}}, Logger: log,
	})
	l.must(err)
	l.bot, err = bots.New(bots.Config{Engine: l.engine, Catalog: models, Answers: -1})
	l.must(err)
	l.talk.words, l.talk.moved = l.bot, l.engine.MoveChat
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.engine.Run(ctx) }()
	l.stop = func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	}
}

func (l *life) end() {
	l.stop()
	if err := l.store.Close(); err != nil {
		l.t.Error(err)
	}
}

// adapterOf is what core sees of a talker.
type adapterOf struct{ *talker }

func (adapterOf) Pace(lane core.Lane) core.Pace { return Pace(lane) }

// types is a person's command in a chat, as message 7 in topic 3; it has to be accepted.
func (l *life) types(user int, chat int64, locale, text string) core.TaskID {
	l.t.Helper()
	reply := l.bot.Command(l.t.Context(), l.incoming(user, chat, locale, text))
	if len(reply.Accepted) == 0 {
		l.t.Fatalf("%s: %+v", text, reply)
	}
	return reply.Accepted[0]
}

func (l *life) incoming(user int, chat int64, locale, text string) bots.Incoming {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.updates++
	return bots.Incoming{
		Key: fmt.Sprint("telegram:", l.updates), Text: text,
		Origin: core.Origin{
			Identity: core.Identity{Platform: Platform, User: strconv.Itoa(user)}, Name: "Ada", Locale: locale,
			Lane: core.NewLane(Platform, strconv.FormatInt(chat, 10)), Ref: []byte(`{"thread":3,"message":7}`),
		},
	}
}

// until waits for what the desk has.
func (l *life) until(what string, holds func() bool) {
	l.t.Helper()
	for step := range 2000 {
		synctest.Wait()
		if holds() {
			return
		}
		<-time.After(time.Duration(max(step, 50)) * 5 * time.Millisecond)
	}
	l.t.Fatalf("never: %s; private %q, group %q", what, l.desk.screen(77), l.desk.screen(-100500))
}

// shows reports whether some message of the chat contains all the parts.
func (l *life) shows(chat int64, parts ...string) bool {
	for _, m := range l.desk.screen(chat) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(m, part)
		}
		if all {
			return true
		}
	}
	return false
}
