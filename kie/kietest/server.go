package kietest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"kiebot/kie/catalog"
)

// DefaultKey is the API key a Server accepts when Config.Keys is empty.
const DefaultKey = "kietest-key"

// DefaultCredits is the start balance of an account, in thousandths of a
// credit, when Config.Credits is zero.
const DefaultCredits catalog.Credits = 10_000_000

// Config says how a Server behaves. The zero value is a strict service with
// realistic durations, unsigned callbacks and one account under DefaultKey.
type Config struct {
	// Keys are the accepted API keys. Each is an account of its own, with
	// its own balance, limits and tasks. Empty means DefaultKey.
	Keys []string
	// HMACKey signs callbacks. Empty means no signature headers, as with a
	// Kie account that has no webhook key.
	HMACKey string
	// Now is the clock. Nil means time.Now. Timers always run on the real
	// clock (or that of a synctest bubble); with another Now, whatever is
	// due happens at the next call to the server.
	Now func() time.Time
	// Seed decides task ids, durations and the seeds of tasks that bring
	// none. Two servers with the same Seed and the same calls answer alike.
	Seed uint64
	// Credits is the start balance of each account in thousandths. Zero
	// means DefaultCredits, a negative value an empty account.
	Credits catalog.Credits
	// Durations says how long tasks take. The zero value means Realistic.
	Durations Durations
	// ModelDurations overrides Durations for single models, by their ids, and
	// for the older endpoints that have no model, such as "suno-lyrics", by
	// their names.
	ModelDurations map[string]time.Duration
	// RecordDelay is how long recordInfo answers 422 for a task that was
	// just created. Zero means a second, a negative value not at all.
	RecordDelay time.Duration
	// Catalog holds the models that exist. Nil means catalog.Default.
	Catalog *catalog.Catalog
	// Logger receives one debug line per call. Nil means none.
	Logger *slog.Logger
	// BaseURL starts the links to result files, without a slash at the end.
	// Empty means the address the server listens on, or for a Handler
	// mounted elsewhere the host named in the createTask request.
	BaseURL string
	// Shrink divides the sides of pictures, for tests that want many and need
	// none to look at. Zero means one.
	Shrink int
	// CallbackTransport carries callbacks. Nil means real connections, to
	// loopback addresses only; any other target is recorded as
	// undeliverable.
	CallbackTransport http.RoundTripper
	// FetchTransport carries what url uploads fetch. Nil means that there are
	// only this server's own files and loopback addresses; any other address
	// cannot be fetched.
	FetchTransport http.RoundTripper
	// CallbackRetry is the pause before a callback is tried again. Zero
	// means five seconds.
	CallbackRetry time.Duration
}

// Server is a Kie.ai service. All methods may be called from any goroutine.
// It must be closed.
type Server struct {
	cfg      Config
	log      *slog.Logger
	mux      *http.ServeMux
	life     lifetime
	wake     chan struct{} // pokes the scheduler, holds one
	slots    chan struct{} // one for each callback attempt under way
	callback *http.Client
	fetch    *http.Client
	older    func() map[string][]catalog.Model // those of older endpoints, by endpoint
	cache    fileCache

	wg    sync.WaitGroup // scheduler, callback attempts, handlers, Serve
	conns sync.WaitGroup // open connections

	mu       sync.Mutex // guards all below
	closed   bool
	url      string
	listener net.Listener
	memory   *Listener // listener, when it is in memory
	http     *http.Server
	client   *http.Client
	accounts map[string]*account
	tasks    map[string]*task
	uploads  map[string]*upload // by path
	order    []*task            // by creation
	due      agenda
	events   uint64 // events ever planned
	created  uint64 // tasks ever created, the source of ids
	named    uint64 // uploads ever named, the source of their names
	script   script
	requests []Request
	ignored  []IgnoredInput
	posts    []Callback
	posting  sync.WaitGroup // callback attempts under way
}

// New returns a Server that listens nowhere yet: use its Handler, or Start.
// It panics when the catalogue built into the binary cannot be read.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:      cfg,
		log:      cfg.Logger,
		life:     lifetime{done: make(chan struct{})},
		wake:     make(chan struct{}, 1),
		slots:    make(chan struct{}, 64),
		accounts: map[string]*account{},
		tasks:    map[string]*task{},
		uploads:  map[string]*upload{},
	}
	for i, key := range cfg.Keys {
		s.accounts[key] = &account{key: key, number: firstAccount + i, balance: max(cfg.Credits, 0)}
	}
	// Reading all models takes a while, and few tests need these.
	s.older = sync.OnceValue(func() map[string][]catalog.Model { return olderModels(cfg.Catalog) })
	s.callback = newCallbackClient(cfg.CallbackTransport)
	s.fetch = s.newFetchClient(cfg.FetchTransport)
	s.mux = s.routes()
	s.wg.Go(s.schedule)
	return s
}

func (c Config) withDefaults() Config {
	if len(c.Keys) == 0 {
		c.Keys = []string{DefaultKey}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Durations == (Durations{}) {
		c.Durations = Realistic()
	}
	if c.Catalog == nil {
		c.Catalog = defaultCatalog()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Credits = cmp.Or(c.Credits, DefaultCredits)
	c.RecordDelay = max(cmp.Or(c.RecordDelay, time.Second), 0)
	c.Shrink = max(c.Shrink, 1)
	c.CallbackRetry = cmp.Or(c.CallbackRetry, 5*time.Second)
	return c
}

// defaultCatalog is the catalogue built into the binary.
func defaultCatalog() *catalog.Catalog {
	c, err := catalog.Default()
	if err != nil {
		panic(err) // a test of package catalog reads it
	}
	return c
}

// NewServer returns a Server that listens on a free loopback port. Like
// httptest.NewServer it panics when there is none.
func NewServer(cfg Config) *Server {
	s := New(cfg)
	if err := s.Start(); err != nil {
		s.Close()
		panic(err)
	}
	return s
}

// NewMemoryServer returns a Server that listens in memory. Only its Client
// and connections made by its DialContext reach it. Use it in synctest
// bubbles.
func NewMemoryServer(cfg Config) *Server {
	s := New(cfg)
	l := NewListener()
	if err := s.serve(l, "http://kie.test"); err != nil {
		panic(err) // a new server listens nowhere and is not closed
	}
	s.memory = l
	return s
}

// Start listens on a free port of 127.0.0.1 and serves until Close.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("kietest: listening: %w", err)
	}
	if err := s.serve(l, "http://"+l.Addr().String()); err != nil {
		l.Close()
		return err
	}
	return nil
}

func (s *Server) serve(l net.Listener, url string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.http != nil {
		return fmt.Errorf("kietest: starting: %w", http.ErrServerClosed)
	}
	s.url, s.listener = url, l
	s.http = &http.Server{Handler: s, ConnState: s.track, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}
	s.wg.Go(func() { _ = s.http.Serve(l) }) // always ends with ErrServerClosed or the listener's
	return nil
}

// track counts connections, which http.Server.Close ends but does not wait for.
func (s *Server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// URL is the address the server listens on, without a slash at the end, for
// example http://127.0.0.1:40123, or http://kie.test in memory. It is empty
// for a server that listens nowhere.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Key is the first accepted API key.
func (s *Server) Key() string { return s.cfg.Keys[0] }

// Handler serves the API and the result files under "/". It may be mounted in
// another mux; when that is not at the root, set Config.BaseURL.
func (s *Server) Handler() http.Handler { return s }

// ServeHTTP answers one call. It refuses calls after Close with status 503.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	s.wg.Add(1)
	s.advance(s.cfg.Now())
	s.mu.Unlock()
	defer s.wg.Done()
	s.mux.ServeHTTP(w, r)
}

// DialContext connects to the server whatever address says. It fits
// http.Transport.DialContext and fails for a server that listens nowhere.
func (s *Server) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	l, memory := s.listener, s.memory
	s.mu.Unlock()
	switch {
	case memory != nil:
		return memory.DialContext(ctx, network, address)
	case l != nil:
		return new(net.Dialer).DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: net.ErrClosed}
}

// Client returns an HTTP client whose every connection leads to this server.
// The server owns it and ends its idle connections in Close.
func (s *Server) Client() *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		s.client = &http.Client{Transport: &http.Transport{DialContext: s.DialContext}}
	}
	return s.client
}

// Close ends everything the server started and returns when it has ended:
// listeners, connections, held calls, callbacks. Callbacks under way get a
// second to finish, the ones still to come are dropped. Further calls do
// nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return
	}
	s.closed = true
	srv, client := s.http, s.client
	s.mu.Unlock()

	s.drainCallbacks(time.Second)
	close(s.life.done)
	if srv != nil {
		srv.Close()
	}
	if client != nil {
		client.CloseIdleConnections()
	}
	s.wg.Wait()
	s.conns.Wait()
	s.callback.CloseIdleConnections()
	s.fetch.CloseIdleConnections()
}

// lifetime is the context of what a Server does on its own account. It ends
// with Close.
type lifetime struct{ done chan struct{} }

func (lifetime) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l lifetime) Done() <-chan struct{}     { return l.done }
func (lifetime) Value(any) any               { return nil }

func (l lifetime) Err() error {
	select {
	case <-l.done:
		return context.Canceled
	default:
		return nil
	}
}
