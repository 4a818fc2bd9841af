package telegramtest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"
)

// DefaultToken is the bot's token when Config.Token is empty.
const DefaultToken = "7000000001:AAtelegramtest_token-for-tests_0123"

// Config says how a Server behaves. The zero value is the cloud service with
// one bot in privacy mode and no flood control.
type Config struct {
	// Token is the bot's token, its id before the colon. Empty means
	// DefaultToken.
	Token string
	// Username is the bot's, without @. Empty means "testbot".
	Username string
	// Name is the bot's first name. Empty means the Username.
	Name string
	// ReadsAll turns privacy mode off: the bot sees every message of its
	// groups.
	ReadsAll bool
	// InlineOff makes the bot one that takes no inline queries.
	InlineOff bool
	// InlineFeedback tells the bot which inline results were chosen, as
	// BotFather's /setinlinefeedback does.
	InlineFeedback bool
	// Now is the clock. Nil means time.Now. Timers always run on the real
	// clock, or that of a synctest bubble.
	Now func() time.Time
	// Seed decides ids of files and queries. Equal seeds and calls give equal
	// ids.
	Seed uint64
	// Local makes it a local Bot API server: uploads up to 2000 MB, downloads
	// without a limit and with absolute paths, webhooks over plain http at
	// any port.
	Local bool
	// Dir takes files that are too large for memory, and with Local all.
	// Empty means a temporary directory that Close removes.
	Dir string
	// Flood switches flood control on: see Server.SetFlood.
	Flood bool
	// RefuseUnknown refuses calls with parameters that the method does not
	// have. The service ignores them; they are noted in Complaints anyway.
	RefuseUnknown bool
	// Patience is how long the waiting methods wait before they fail the
	// test. Zero means 15 seconds.
	Patience time.Duration
	// WebhookTransport carries webhook calls. Nil means real connections to
	// loopback addresses only.
	WebhookTransport http.RoundTripper
	// Logger receives one debug line per call. Nil means none.
	Logger *slog.Logger
}

// Server is a Bot API server with one bot. All methods may be called from any
// goroutine. It must be closed.
type Server struct {
	cfg     Config
	bot     User
	methods map[string]*method // by name in lower case
	done    chan struct{}
	webhook *http.Client
	client  *http.Client
	wg      sync.WaitGroup // handlers and webhook deliveries

	mu         sync.Mutex // guards all below
	closed     bool
	front      *httptest.Server // nil while it listens nowhere
	random     *rand.Rand
	dir        string // for blobs, made when first needed
	ownDir     bool
	changed    chan struct{} // closed and replaced at every change
	rooms      map[int64]*room
	people     map[int64]*Person
	named      int64 // people and chats ever made
	files      store
	queue      queue
	hook       hook
	presses    map[string]*Press
	queries    map[string]*InlineQuery
	links      map[string]*Invoice
	checkouts  map[string]*Checkout
	charges    map[string]*charge
	commands   map[string][]Command
	flood      flood
	faults     []*Fault
	calls      []*Call
	begun      int64 // calls ever begun
	complaints []Complaint
}

// New returns a Server that listens nowhere yet: use it as a Handler, or Start
// it. It panics when Config.Token has no bot id.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:       cfg,
		methods:   methodTable(),
		done:      make(chan struct{}),
		random:    rand.New(rand.NewPCG(cfg.Seed, 0x7e1e)),
		changed:   make(chan struct{}),
		rooms:     map[int64]*room{},
		people:    map[int64]*Person{},
		files:     newStore(),
		presses:   map[string]*Press{},
		queries:   map[string]*InlineQuery{},
		links:     map[string]*Invoice{},
		checkouts: map[string]*Checkout{},
		charges:   map[string]*charge{},
		commands:  map[string][]Command{},
		flood:     newFlood(cfg.Flood),
	}
	s.bot = botUser(cfg)
	s.queue.kinds = updateKinds()
	s.queue.next = 100_000_000 + s.random.Int64N(800_000_000)
	s.client = &http.Client{Transport: &http.Transport{DialContext: s.DialContext}}
	s.webhook = newWebhookClient(cfg.WebhookTransport)
	return s
}

func (c Config) withDefaults() Config {
	c.Token = cmp.Or(c.Token, DefaultToken)
	c.Username = cmp.Or(c.Username, "testbot")
	c.Name = cmp.Or(c.Name, c.Username)
	c.Patience = cmp.Or(c.Patience, 15*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// NewServer returns a Server that listens on a free loopback port. Like
// httptest.NewServer it panics when there is none.
func NewServer(cfg Config) *Server {
	s := New(cfg)
	if err := s.Start(); err != nil {
		panic(err)
	}
	return s
}

// NewMemoryServer returns a Server that listens in memory. Only its Client and
// connections made by its DialContext reach it. Use it in synctest bubbles.
func NewMemoryServer(cfg Config) *Server {
	s := New(cfg)
	s.serve(newPipes())
	return s
}

// Start listens on a free port of 127.0.0.1 and serves until Close. A Server
// starts once.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("telegramtest: listening: %w", err)
	}
	s.serve(l)
	return nil
}

func (s *Server) serve(l net.Listener) {
	log := slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn)
	front := &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ErrorLog: log}}
	front.Start()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = front
}

// URL is the address the server listens on, without a slash at the end: what
// TELEGRAM_API_URL takes. It is http://telegram.test in memory and empty for a
// server that listens nowhere.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.front == nil {
		return ""
	}
	return s.front.URL
}

// Token is the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// Bot is the bot's own user.
func (s *Server) Bot() User { return s.bot }

// DialContext connects to the server whatever address says. It fits
// http.Transport.DialContext and fails for a server that listens nowhere.
func (s *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	front := s.front
	s.mu.Unlock()
	if front == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	}
	if l, is := front.Listener.(*pipes); is {
		return l.dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", front.Listener.Addr().String())
}

// Client returns an HTTP client whose every connection leads to this server.
// The server owns it and ends its idle connections in Close.
func (s *Server) Client() *http.Client { return s.client }

// Close ends everything the server started and returns when it has ended:
// listener, connections, calls under way, webhook deliveries. It removes the
// files it kept. Further calls do nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return
	}
	s.closed = true
	front := s.front
	s.mu.Unlock()

	close(s.done)
	if front != nil {
		front.CloseClientConnections()
		front.Close()
	}
	s.client.CloseIdleConnections()
	s.wg.Wait()
	s.webhook.CloseIdleConnections()
	s.removeFiles()
}

func (s *Server) removeFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ownDir {
		os.RemoveAll(s.dir)
	}
}

// touch tells everyone who waits that something changed. It wants s.mu.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// now is the time of the configured clock.
func (s *Server) now() time.Time { return s.cfg.Now() }
