package discordtest

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// DefaultToken is the bot's token when Config.Token is empty.
const DefaultToken = "MTAwMDAwMDAwMDAwMDAwMDAx.GdsTst.discordtest-token-for-tests_0123456789"

// Config says how a Server behaves. The zero value is the service with one
// application, that has a bot and no endpoint, and without limits of pace.
type Config struct {
	// Token is the bot's token. Empty means DefaultToken.
	Token string
	// Username is the bot's. Empty means "testbot".
	Username string
	// ApplicationID is the application's id, and its bot's. Empty means
	// "1000000000000000001".
	ApplicationID string
	// Now is the clock: what interaction tokens, links and ids go by. Nil
	// means time.Now. Timers always run on the real clock, or that of a
	// synctest bubble.
	Now func() time.Time
	// Seed decides keys, tokens and names of links. Equal seeds and calls give
	// equal ones.
	Seed uint64
	// Flood switches the limits of pace on: see Server.SetFlood.
	Flood bool
	// Shards is what GET /gateway/bot advises. Zero means one for every
	// thousand guilds.
	Shards int
	// Concurrency is how many shards may identify at the same time, those of
	// different rate limit keys (max_concurrency). Zero means one.
	Concurrency int
	// Identifies is how many sessions may be begun in a day. Zero means 1000.
	Identifies int
	// Heartbeat is the interval of the gateway. Zero means 41.25 seconds.
	Heartbeat time.Duration
	// LinkLife is how long the link of an attachment is good. Zero means 24
	// hours.
	LinkLife time.Duration
	// Patience is how long the waiting methods wait before they fail the
	// test. Zero means 15 seconds.
	Patience time.Duration
	// Transport carries interactions to the endpoint. Nil means real
	// connections to loopback addresses only.
	Transport http.RoundTripper
	// Logger receives one debug line per call. Nil means none.
	Logger *slog.Logger
}

// Server is a Discord server with one application. All methods may be called
// from any goroutine. It must be closed.
type Server struct {
	cfg    Config
	bot    User
	key    ed25519.PrivateKey // of the application
	routes []*route
	shapes map[string]*shape
	done   chan struct{}
	out    *http.Client // to the endpoint
	client *http.Client
	wg     sync.WaitGroup // handlers, deliveries, gateway connections

	mu           sync.Mutex // guards all below
	closed       bool
	front        *httptest.Server // nil while it listens nowhere
	random       *rand.Rand
	changed      chan struct{} // closed and replaced at every change
	lastID       int64
	revoked      bool // the token, by too many sessions
	down         bool
	guilds       []*Guild
	guildByID    map[string]*Guild
	rooms        map[string]*room
	people       map[string]*Person
	files        map[string]*file // by id
	registry     registry
	interactions map[string]*Interaction // by id
	tokens       map[string]*Interaction
	endpoint     string
	deliveries   []Delivery
	gate         gate
	flood        flood
	faults       []*Fault
	calls        []*Call
	begun        int64 // calls ever begun
	complaints   []Complaint
}

// New returns a Server that listens nowhere yet: use it as a Handler, or Start
// it.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:          cfg,
		routes:       routeTable(),
		shapes:       shapeTable(),
		done:         make(chan struct{}),
		random:       rand.New(rand.NewPCG(cfg.Seed, 0xd15c)),
		changed:      make(chan struct{}),
		guildByID:    map[string]*Guild{},
		rooms:        map[string]*room{},
		people:       map[string]*Person{},
		files:        map[string]*file{},
		registry:     newRegistry(),
		interactions: map[string]*Interaction{},
		tokens:       map[string]*Interaction{},
		flood:        newFlood(cfg.Flood),
	}
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(s.random.Uint32())
	}
	s.key = ed25519.NewKeyFromSeed(seed)
	s.bot = User{ID: cfg.ApplicationID, Username: cfg.Username, Discriminator: "0", Bot: true}
	s.gate = newGate()
	s.client = &http.Client{Transport: &http.Transport{DialContext: s.DialContext}}
	s.out = newEndpointClient(cfg.Transport)
	return s
}

func (c Config) withDefaults() Config {
	c.Token = cmp.Or(c.Token, DefaultToken)
	c.Username = cmp.Or(c.Username, "testbot")
	c.ApplicationID = cmp.Or(c.ApplicationID, "1000000000000000001")
	c.Concurrency, c.Identifies = max(c.Concurrency, 1), cmp.Or(c.Identifies, 1000)
	c.Heartbeat = cmp.Or(c.Heartbeat, 41250*time.Millisecond)
	c.LinkLife = cmp.Or(c.LinkLife, 24*time.Hour)
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
	s.serve(newInMemory())
	return s
}

// Start listens on a free port of 127.0.0.1 and serves until Close. A Server
// starts once.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("discordtest: listening: %w", err)
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
// DISCORD_API_URL takes. It is http://discord.test in memory and empty for a
// server that listens nowhere.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url()
}

// url wants s.mu.
func (s *Server) url() string {
	if s.front == nil {
		return ""
	}
	return s.front.URL
}

// Token is the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// ApplicationID is the id of the application, and of its bot.
func (s *Server) ApplicationID() string { return s.cfg.ApplicationID }

// Bot is the bot's own user.
func (s *Server) Bot() User { return s.bot }

// PublicKey is the key that interactions are signed with, in hexadecimal, as
// the developer portal shows it: what DISCORD_PUBLIC_KEY takes.
func (s *Server) PublicKey() string {
	return hex.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// DialContext connects to the server whatever address says. It fits
// http.Transport.DialContext and fails for a server that listens nowhere.
func (s *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	front := s.front
	s.mu.Unlock()
	if front == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	}
	if l, is := front.Listener.(*inMemory); is {
		return l.dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", front.Listener.Addr().String())
}

// Client returns an HTTP client whose every connection leads to this server.
// The server owns it and ends its idle connections in Close.
func (s *Server) Client() *http.Client { return s.client }

// Close ends everything the server started and returns when it has ended:
// listener, connections, calls under way, deliveries, gateway sessions.
// Further calls do nothing.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return
	}
	s.closed = true
	front := s.front
	for _, in := range s.interactions {
		in.timer.Stop()
	}
	s.mu.Unlock()

	close(s.done)
	s.dropConnections()
	if front != nil {
		front.CloseClientConnections()
		front.Close()
	}
	s.client.CloseIdleConnections()
	s.wg.Wait()
	s.out.CloseIdleConnections()
}

// Down lets every connection be reset, of the gateway too, until up is called:
// the service is gone.
func (s *Server) Down() (up func()) {
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	s.dropConnections()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.down = false
	}
}

// touch tells everyone who waits that something changed. It wants s.mu.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// now is the time of the configured clock.
func (s *Server) now() time.Time { return s.cfg.Now() }

// epoch is the first second of 2015, where ids begin ("Snowflakes").
const epoch = 1420070400000

// newID is a snowflake, larger than all before it. It wants s.mu.
func (s *Server) newID() string {
	s.lastID = max(s.lastID+1, (s.now().UnixMilli()-epoch)<<22)
	return strconv.FormatInt(s.lastID, 10)
}

// secret is a random text of n letters and digits. It wants s.mu.
func (s *Server) secret(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[s.random.IntN(len(letters))]
	}
	return string(text)
}
