package core_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
	"kiebot/storage/storagetest"
)

var onPostgres = flag.Bool("world.postgres", false, "keep everything in PostgreSQL, for TestModel and TestTwoReplicas: a server is started for it")

// postgresServer is that one.
var postgresServer *pgtest.Server

func TestMain(m *testing.M) {
	flag.Parse()
	var end []goleak.Option
	if *onPostgres {
		server, err := pgtest.Open(pgtest.Options{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		postgresServer = server
		end = append(end, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
			server.Close()
			os.Exit(code)
		}))
	}
	goleak.VerifyTestMain(m, end...)
}

// The models that the tests ask for.
const (
	imageModel = "google/imagen4" // 8 credits
	imagePrice = core.Credits(8000)
)

var ada = core.Identity{Platform: "chat", User: "ada"}

// world is a kiebot with everything around it, in memory but for the disk.
type world struct {
	t   testing.TB
	dir string
	kie *kietest.Server
	net *http.Transport // to Kie

	fetcher *media.Fetcher
	chat    *chat
	bolt    *bolt.Store // nil on PostgreSQL
	base    string      // the address of the database there
	hooks   *hooks
	disk    int // bytes that fit; zero means all

	process
	mayDie bool // Run may fail: the store is told to die
	shared bool // who has made the world passes the callbacks on
}

// process is a kiebot. Of several replicas it is the one that is spoken to.
type process struct {
	cfg    core.Config
	store  core.Store
	shut   func() error
	engine *core.Engine
	stop   func() // stops the engine and waits for it
}

// newWorld builds a world inside a synctest bubble. change may alter the configuration.
func newWorld(t testing.TB, kieCfg kietest.Config, change func(*core.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: workDir(t), chat: newChat(), hooks: newHooks()}
	kieCfg.CallbackTransport, kieCfg.Shrink = w.hooks.transport, cmp.Or(kieCfg.Shrink, 16)
	w.kie = kietest.NewMemoryServer(kieCfg)
	// Small answers in memory: compressing them would be most of the work.
	w.net = &http.Transport{DialContext: w.kie.DialContext, DisableCompression: true}
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{w.kie.URL()}, Dial: w.kie.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	w.fetcher = fetcher
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = core.Config{
		Kie: w.kieAccounts(kieCfg.Keys), Catalog: models, Spool: w.spool("media"), UserDaily: 100_000,
		Adapters:     map[string]core.Adapter{"chat": w.chat},
		CallbackBase: "http://bot.test",
		Logger:       slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&w.cfg)
	}
	w.open(nil)
	return w
}

// spool opens a media folder.
func (w *world) spool(name string) *media.Spool {
	w.t.Helper()
	spool, err := media.OpenSpool(filepath.Join(w.dir, name), w.fetcher)
	if err != nil {
		w.t.Fatal(err)
	}
	return spool
}

// kieAccounts is an account for each key, named like it; the only one has no name.
func (w *world) kieAccounts(keys []string) []core.KieAccount {
	w.t.Helper()
	client := func(key string) core.Kie {
		c, err := kie.New(kie.Config{APIKey: kie.Secret(key), BaseURL: w.kie.URL(), UploadURL: w.kie.URL(), HTTPClient: &http.Client{Transport: w.net}, Tries: 1})
		if err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	if len(keys) == 0 {
		return []core.KieAccount{{Client: client(w.kie.Key())}}
	}
	var all []core.KieAccount
	for _, key := range keys {
		all = append(all, core.KieAccount{Name: key, Client: client(key)})
	}
	return all
}

// workDir is a folder in memory where there is one: nothing here is about the disk.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kiebot-core-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// open opens the store and makes an engine on it; wrap may put something between.
func (w *world) open(wrap func(core.Store) core.Store) {
	w.t.Helper()
	store, err := w.openStore()
	if err != nil {
		w.t.Fatal(err)
	}
	w.store, w.shut = store, store.Close
	w.cfg.Store = twice{store}
	if wrap != nil {
		w.cfg.Store = wrap(twice{store})
	}
	if w.engine, err = core.New(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	if !w.shared {
		w.hooks.set(w.callbacks())
	}
}

// callbacks takes Kie's callbacks for the present engine.
func (w *world) callbacks() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/kie/{task}/{token}", w.engine.CallbackHandler())
	return mux
}

func (w *world) openStore() (storagetest.Store, error) {
	if !*onPostgres {
		var err error
		w.bolt, err = bolt.Open(filepath.Join(w.dir, "kiebot.db"), bolt.Options{MaxSize: w.disk})
		return w.bolt, err
	}
	if w.base == "" {
		w.base = postgresServer.Database(w.t)
	}
	return postgres.Open(w.t.Context(), w.base, postgres.Options{Now: time.Now, Poll: true})
}

// run starts the engine.
func (w *world) run() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done, engine := make(chan error, 1), w.engine
	go func() { done <- engine.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil && !w.mayDie {
			w.t.Errorf("Run: %v", err)
		}
		w.stop = func() {}
	}
}

// reopen stops everything of ours and starts it again on the same folder. Kie and the chat go on.
func (w *world) reopen(wrap func(core.Store) core.Store) {
	w.t.Helper()
	if w.stop != nil {
		w.stop()
	}
	w.must(w.shut())
	w.open(wrap)
}

func (w *world) close() {
	if w.stop != nil {
		w.stop()
	}
	w.net.CloseIdleConnections()
	w.kie.Close()
	w.hooks.close()
	w.must(w.shut())
}

// play runs test in a bubble on a world whose engine runs.
func play(t *testing.T, kieCfg kietest.Config, change func(*core.Config), test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kieCfg, change)
		defer w.close()
		w.run()
		synctest.Wait() // it has started
		test(t, w)
	})
}

var requestNumber = struct {
	sync.Mutex
	n int
}{}

func request(prompt string) core.Request {
	requestNumber.Lock()
	defer requestNumber.Unlock()
	requestNumber.n++
	return core.Request{
		Key:    fmt.Sprint("chat:", requestNumber.n),
		Origin: core.Origin{Identity: ada, Name: "Ada", Lane: "chat:room"}, Command: "imagine",
		Prompt: prompt, Model: imageModel, Input: map[string]any{"prompt": prompt},
	}
}

// submit is a request that must be accepted; the answer is its first task.
func (w *world) submit(req core.Request) core.TaskID {
	w.t.Helper()
	receipt, err := w.engine.Submit(w.t.Context(), req)
	if err != nil {
		w.t.Fatalf("Submit: %v", err)
	}
	return receipt.Tasks[0]
}

func (w *world) task(id core.TaskID) core.Task {
	w.t.Helper()
	var task core.Task
	err := w.store.View(w.t.Context(), func(tx core.Tx) (err error) {
		task, err = tx.Task(id)
		return err
	})
	if err != nil {
		w.t.Fatalf("loading task %s: %v", id, err)
	}
	return task
}

// until lets time pass until the condition holds, an hour and more if need be.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for n := range 10_000 {
		synctest.Wait()
		if holds() {
			return
		}
		nap(min(time.Duration(n+1)*50*time.Millisecond, 2*time.Second))
	}
	w.t.Fatalf("never happened: %s", what)
}

// nap lets the bubble's clock run.
func nap(d time.Duration) { <-time.After(d) }

// calls counts the requests of one kind that reached Kie.
func (w *world) calls(call kietest.Call) (n int) {
	for _, r := range w.kie.Requests() {
		if r.Call == call {
			n++
		}
	}
	return n
}

func (w *world) untilState(id core.TaskID, state core.State) core.Task {
	w.t.Helper()
	w.until(fmt.Sprintf("task %s is %s", id, state), func() bool { return w.task(id).State == state })
	return w.task(id)
}

// untilShown waits for the batch's end to be in the chat.
func (w *world) untilShown(id core.TaskID) core.Task {
	w.t.Helper()
	w.until("the end is shown", func() bool { return !w.task(id).Delivered.IsZero() })
	return w.task(id)
}

// balance checks promise 4 for the account's days and answers with their sum.
func (w *world) balance(who core.Identity) core.Usage {
	w.t.Helper()
	var sum, usage core.Usage
	var open core.Credits
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		account, err := tx.AccountOf(who)
		if err != nil {
			return err
		}
		entries, err := tx.Entries(account.ID, 0, 1<<20)
		if err != nil {
			return err
		}
		windows := map[core.WindowID]bool{}
		for _, e := range entries {
			for _, p := range e.Postings {
				if p.Window.Kind() != core.WindowDay {
					continue
				}
				sum.Held += p.Held
				sum.Settled += p.Settled
				windows[p.Window] = true
			}
		}
		for id := range windows {
			u, err := tx.Usage(id)
			if err != nil {
				return err
			}
			usage.Held += u.Held
			usage.Settled += u.Settled
		}
		tasks, err := tx.TasksOf(account.ID, "", 1<<20)
		for _, task := range tasks {
			if !task.State.Final() {
				open += task.Hold.Amount
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if usage != sum || usage.Held != open {
		w.t.Errorf("windows say %+v, the ledger %+v, open holds are %v", usage, sum, open)
	}
	return usage
}

// chat is a platform that keeps messages by number and edits them in place.
type chat struct {
	mu       sync.Mutex
	messages []message
	log      []core.Parcel
	life     int                     // of the process that is showing something
	fail     func(core.Parcel) error // what the platform says before it shows anything
	after    func(core.Parcel) error // what the caller hears although it was shown
	known    map[core.DeliveryID]int // messages by key, on a platform that recognises repeated calls
}

type message struct {
	lead  core.TaskID
	kinds []core.DeliveryKind // what it showed, in order
	last  core.Parcel
}

func newChat() *chat { return &chat{} }

// set changes what the platform says before it shows anything.
func (c *chat) set(fail func(core.Parcel) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

// Deliver implements core.Adapter.
func (c *chat) Deliver(_ context.Context, p core.Parcel) (json.RawMessage, error) {
	return c.deliver(p, 0)
}

// deliver shows the parcel, for a process in that life.
func (c *chat) deliver(p core.Parcel, life int) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.life = life
	if c.fail != nil {
		if err := c.fail(p); err != nil {
			return nil, err
		}
	}
	n := len(c.messages)
	if p.Shown != nil {
		if err := json.Unmarshal(p.Shown, &n); err != nil {
			return nil, err
		}
	}
	if known, again := c.known[p.Delivery.ID]; again {
		n = known
	}
	if c.known != nil && p.Delivery.ID != 0 {
		c.known[p.Delivery.ID] = n
	}
	if n == len(c.messages) {
		c.messages = append(c.messages, message{lead: p.Delivery.Lead})
	}
	m := &c.messages[n]
	m.kinds, m.last = append(m.kinds, p.Delivery.Kind), p
	c.log = append(c.log, p)
	if c.after != nil {
		if err := c.after(p); err != nil {
			return nil, err
		}
	}
	return json.RawMessage(fmt.Sprint(n)), nil
}

// about lists the messages about the batch.
func (c *chat) about(lead core.TaskID) []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []message
	for _, m := range c.messages {
		if m.lead == lead {
			found = append(found, m)
		}
	}
	return found
}

// message is the one message about the batch.
func (c *chat) message(t testing.TB, lead core.TaskID) message {
	t.Helper()
	found := c.about(lead)
	if len(found) != 1 {
		t.Fatalf("%d messages about task %s, want 1", len(found), lead)
	}
	return found[0]
}

// last is what the newest message about the batch shows; nothing when there is none.
func (c *chat) last(lead core.TaskID) (p core.Parcel) {
	for _, m := range c.about(lead) {
		p = m.last
	}
	return p
}

// kinds is what was shown about the batch, progress left out.
func (c *chat) kinds(lead core.TaskID) []core.DeliveryKind {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kinds []core.DeliveryKind
	for _, p := range c.log {
		if p.Delivery.Lead == lead && p.Delivery.Kind != core.DeliverProgress {
			kinds = append(kinds, p.Delivery.Kind)
		}
	}
	return kinds
}

// shown says in which order batches had deliveries of this kind.
func (c *chat) shown(kind core.DeliveryKind) []core.TaskID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var leads []core.TaskID
	for _, p := range c.log {
		if p.Delivery.Kind == kind {
			leads = append(leads, p.Delivery.Lead)
		}
	}
	return leads
}

// hooks is the address that callbacks go to. It survives the engine.
type hooks struct {
	listener  *kietest.Listener
	server    *http.Server
	transport *http.Transport
	mu        sync.Mutex
	handler   http.Handler
	done      chan struct{}
}

func newHooks() *hooks {
	h := &hooks{listener: kietest.NewListener(), done: make(chan struct{})}
	h.transport = &http.Transport{DialContext: h.listener.DialContext}
	h.server = &http.Server{Handler: h}
	go func() {
		defer close(h.done)
		_ = h.server.Serve(h.listener)
	}()
	return h
}

func (h *hooks) set(handler http.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handler = handler
}

// ServeHTTP passes the callback to the present engine.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	handler := h.handler
	h.mu.Unlock()
	if handler == nil {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	handler.ServeHTTP(w, r)
}

func (h *hooks) close() {
	h.server.Close()
	h.transport.CloseIdleConnections()
	<-h.done
}

func wantRefusal(t testing.TB, err error, reason core.Reason) *core.Refusal {
	t.Helper()
	var refusal *core.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v, want a refusal", err)
	}
	if refusal.Reason != reason {
		t.Fatalf("refused for %q (%v), want %q", refusal.Reason, refusal.Err, reason)
	}
	return refusal
}

func wantKinds(t testing.TB, got []core.DeliveryKind, want ...core.DeliveryKind) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("shown %v, want %v", got, want)
	}
}
