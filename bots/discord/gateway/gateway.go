package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultURL is Discord's own REST API, of the version that the package speaks.
const DefaultURL = "https://discord.com/api/v10"

// Dial makes a network connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Config is what a Gateway needs. Token and Take are required.
type Config struct {
	Token Token
	// URL is the REST API with its version; empty means DefaultURL. It says
	// where the gateway is, which has to be encrypted if this is.
	URL string
	// Shards is auto, or empty, for as many connections as Discord asks for;
	// or n/m for this process to have the one with the number n of m, from 0 on.
	Shards string
	// Take gets the data of each INTERACTION_CREATE, which it may keep: those
	// of one shard one after the other, in their order, those of several shards
	// at the same time. While it runs its shard hears nothing else, so it has to
	// return quickly; a panic ends the call alone. What Discord repeats after a
	// break may be too old to be answered.
	Take func(raw json.RawMessage)
	// Shared shares the shards with other processes, and keeps sessions for the
	// next one; nil has all the shards here.
	Shared Shared

	Dial   Dial           // nil means the network, or the environment's proxy
	Logger *slog.Logger   // nil discards
	Jitter func() float64 // from 0 to below 1, may be called concurrently; nil means math/rand/v2
}

// Gateway is a bot's connection to Discord. Its methods may be called
// concurrently, Run once.
type Gateway struct {
	cfg    Config
	log    *slog.Logger
	plan   *planner
	starts *starts
	proxy  func(*http.Request) (*url.URL, error) // nil for none
	plain  bool                                  // the API is not encrypted, so the gateway need not be
	only   *[2]int                               // the shard that there is here, and of how many; nil for all
	shared Shared

	mu     sync.Mutex
	shards []*shard // that this process has, by their numbers
	had    bool     // it had some
	err    error    // why it can have none
}

// New checks the configuration. It calls nothing.
func New(cfg Config) (*Gateway, error) {
	if cfg.Take == nil {
		return nil, errors.New("gateway: Config.Take is required")
	}
	if !cfg.Token.valid() {
		return nil, errors.New("gateway: Config.Token is not a bot's token")
	}
	if cfg.URL = strings.TrimRight(cfg.URL, "/"); cfg.URL == "" {
		cfg.URL = DefaultURL
	}
	api, err := url.Parse(cfg.URL)
	if err != nil || api.Host == "" || api.Scheme != "https" && api.Scheme != "http" {
		return nil, errors.New("gateway: Config.URL is not the address of an API")
	}
	only, err := readShards(cfg.Shards)
	if err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	g := &Gateway{cfg: cfg, log: cfg.Logger, plain: api.Scheme == "http", only: only, shared: cfg.Shared, err: errNotBegun}
	if g.shared == nil {
		g.shared = &single{values: map[string][]byte{}}
	}
	if cfg.Dial == nil {
		g.cfg.Dial, g.proxy = (&net.Dialer{}).DialContext, http.ProxyFromEnvironment
	}
	g.plan = newPlanner(cfg.URL, cfg.Token, &http.Transport{
		DialContext: g.cfg.Dial, Proxy: g.proxy, TLSHandshakeTimeout: dialFor,
		DisableKeepAlives: true, // the next call is hours away
	})
	g.starts = &starts{planner: g.plan, shared: g.shared, turns: map[int]*turn{}}
	return g, nil
}

// readShards reads auto, for which it is nil, or n/m.
func readShards(text string) (*[2]int, error) {
	if text == "" || text == "auto" {
		return nil, nil
	}
	var of [2]int
	// Sscanf takes what follows for something to be read by the next call.
	if _, err := fmt.Sscanf(text, "%d/%d", &of[0], &of[1]); err != nil || fmt.Sprintf("%d/%d", of[0], of[1]) != text ||
		of[0] < 0 || of[0] >= of[1] || of[1] > mostShards {
		return nil, errors.New("gateway: Config.Shards is auto, or n/m with n from 0 to m-1, such as 0/2 for the first of two")
	}
	return &of, nil
}

// Run receives until ctx ends, then its error is nil, or until Discord says
// that this bot cannot be connected; then the error is a sentence for the
// operator. It returns when nothing of it runs any more.
func (g *Gateway) Run(ctx context.Context) error {
	err := g.run(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err = errEnded; err != nil {
		g.err = err
	}
	return err
}

// run has as many shards as Discord wants, and more when it wants more.
func (g *Gateway) run(ctx context.Context) error {
	if g.only != nil {
		return g.keep(ctx, g.only[0], g.only[0]+1, g.only[1])
	}
	for before, refused := 0, error(nil); ; {
		count, err := g.count(ctx)
		if err != nil {
			return err
		}
		if refused != nil && count <= before {
			return refused
		}
		before, refused = count, g.keep(ctx, 0, count, count)
		switch {
		case errors.Is(refused, errRecounted):
			refused = nil
			continue
		case failureOf(refused).code != closeMoreShards:
			return refused
		}
		if err := sleep(ctx, planFor); err != nil { // what Discord said before no longer counts
			return err
		}
	}
}

// count asks Discord how many shards it wants, until it answers.
func (g *Gateway) count(ctx context.Context) (int, error) {
	for fails := 1; ; fails++ {
		plan, err := g.plan.ask(ctx, 0)
		count := 0
		if err == nil {
			count, err = g.agree(ctx, plan.Shards)
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err == nil {
			return count, nil
		}
		f := failureOf(err)
		if f.fate == hopeless {
			return 0, f
		}
		g.noteStart(f, fails)
		if err := sleep(ctx, max(g.backoff(fails), f.after)); err != nil {
			return 0, err
		}
	}
}

// keep runs those of the shards that this process has, until ctx ends, the first
// has no hope or the bot has another number of them.
func (g *Gateway) keep(ctx context.Context, from, to, count int) error {
	g.mu.Lock()
	g.err = nil
	g.mu.Unlock()
	all, end := context.WithCancelCause(ctx)
	defer end(nil)
	// What ends for another reason than that this process leaves it is resumed by nobody.
	lasts := func() bool { return g.cfg.Shared != nil && (all.Err() == nil || ctx.Err() != nil) }
	var running sync.WaitGroup
	begin := func(run func() error) {
		running.Go(func() {
			if err := run(); err != nil {
				end(err)
			}
		})
	}
	begin(func() error { return g.follow(all, count) })
	for id := from; id < to; id++ {
		begin(func() error {
			return g.shared.OnShard(all, id, func(ctx context.Context) error { return g.serve(ctx, newShard(g, id, count, lasts)) })
		})
	}
	running.Wait()
	return context.Cause(all)
}

// serve runs a shard while this process has it.
func (g *Gateway) serve(ctx context.Context, s *shard) error {
	if err := g.same(ctx, s.count); errors.Is(err, errRecounted) {
		return err
	} else if err != nil && ctx.Err() == nil {
		s.log.Error("reading how many connections to Discord there are", "error", err)
	}
	g.has(s)
	defer g.lost(s)
	if g.cfg.Shared != nil {
		s.recall(ctx)
	}
	err := s.run(ctx)
	if err == nil && s.lasts() {
		s.leave(ctx)
	}
	return err
}

func (g *Gateway) has(s *shard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.had = true
	g.shards = append(g.shards, s)
	slices.SortFunc(g.shards, func(a, b *shard) int { return a.id - b.id })
}

func (g *Gateway) lost(s *shard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shards = slices.DeleteFunc(g.shards, func(one *shard) bool { return one == s })
}

// noteStart notes that Discord does not say how to connect.
func (g *Gateway) noteStart(f *failure, fails int) {
	g.mu.Lock()
	g.err = fmt.Errorf("%w: %w", errNotBegun, f)
	g.mu.Unlock()
	if fails&(fails-1) == 0 { // 1, 2, 4, 8, …
		g.log.Warn("no connection to Discord, tried again", "failures", fails, "error", f)
	}
}

// backoff is how long to wait after failures in a row.
func (g *Gateway) backoff(fails int) time.Duration {
	if fails == 0 {
		return 0
	}
	wait := min(firstWait<<min(fails-1, 6), mostWait) // 1 s, 2 s, …, 32 s, 60 s
	return wait/2 + time.Duration(g.cfg.Jitter()*float64(wait/2))
}
