package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

// world is a whole kiebot on loopback, as the program puts it together, with a
// Kie of its own. It can be stopped and started again on the same store and
// the same address.
type world struct {
	t       testing.TB
	dir     string
	policy  core.Policy
	kie     *kietest.Server
	open    func() (openStore, error)
	address string // of the page, without a slash at the end
	web     *Web
	engine  *core.Engine
	stop    func()
}

// openStore is a store of one process.
type openStore interface {
	core.Store
	Close() error
}

// quota is enough for some pictures and not for a hundred.
const quota = core.Limit(60_000)

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldWith(t, core.Policy{User: core.Limits{Daily: new(quota)}})
}

func newWorldWith(t testing.TB, policy core.Policy) *world {
	t.Helper()
	w := &world{t: t, policy: policy, dir: t.TempDir(), kie: kietest.NewServer(kietest.Config{
		Seed: 7, RecordDelay: -1,
		Durations: kietest.Durations{Image: 2 * time.Second, Video: 2 * time.Second, Music: 2 * time.Second, Speech: 2 * time.Second},
	})}
	t.Cleanup(w.kie.Close)
	w.open = func() (openStore, error) { return bolt.Open(filepath.Join(w.dir, "kiebot.db"), bolt.Options{}) }
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// late is an adapter that is known before it exists.
type late struct{ w *world }

func (l late) Deliver(ctx context.Context, p core.Parcel) (json.RawMessage, error) {
	return l.w.web.Deliver(ctx, p)
}

// start opens the store and serves the page; stop undoes it.
func (w *world) start() {
	w.t.Helper()
	store, err := w.open()
	must(w.t, err)
	models, err := catalog.Default()
	must(w.t, err)
	client, err := kie.New(kie.Config{APIKey: kie.Secret(w.kie.Key()), BaseURL: w.kie.URL()})
	must(w.t, err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{w.kie.URL()}})
	must(w.t, err)
	spool, err := media.OpenSpool(filepath.Join(w.dir, "media"), fetcher)
	must(w.t, err)
	links, err := media.NewLinks([]byte(strings.Repeat("s", 32)), time.Now)
	must(w.t, err)
	listener := w.listen()
	log := slog.New(slog.NewTextHandler(w.t.Output(), nil))
	w.engine, err = core.New(core.Config{
		Store: store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, Policy: w.policy, CallbackBase: w.address, Logger: log,
		Adapters: map[string]core.Adapter{Platform: late{w}},
	})
	must(w.t, err)
	bot, err := bots.New(bots.Config{Engine: w.engine, Catalog: models, Answers: -1})
	must(w.t, err)
	w.web, err = New(Config{
		Engine: w.engine, Bot: bot, Catalog: models, Links: links, PublicURL: w.address,
		Identity: core.Identity{User: "local"}, Name: "you", Version: "0.0.0-test", Demo: true, Logger: log,
	})
	must(w.t, err)
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kie/{task}/{token}", w.engine.CallbackHandler())
	mux.Handle(media.LinkPrefix, links.Handler(spool, w.engine.Bring))
	mux.Handle("/", w.web.Handler())
	w.run(listener, mux, store)
}

// listen takes the address that the page had before, if it had one.
func (w *world) listen() net.Listener {
	w.t.Helper()
	address := "127.0.0.1:0"
	if w.address != "" {
		address = strings.TrimPrefix(w.address, "http://")
	}
	listener, err := net.Listen("tcp", address)
	must(w.t, err)
	w.address = "http://" + listener.Addr().String()
	return listener
}

func (w *world) run(listener net.Listener, handler http.Handler, store openStore) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	var parts sync.WaitGroup
	parts.Go(func() { server.Serve(listener) })
	parts.Go(func() {
		if err := w.engine.Run(ctx); err != nil {
			w.t.Errorf("running the engine: %v", err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		w.web.Close()
		server.Close()
		parts.Wait()
		if err := store.Close(); err != nil {
			w.t.Errorf("closing the store: %v", err)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
