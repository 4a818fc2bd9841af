package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// downFor is how long a shard may be without a connection before that is said:
// connections end every few hours, and are there again in a second.
const downFor = time.Minute

// beatsMissed is how many heartbeats' time may pass without an answer before
// that is said. A connection ends when one is missed, so more only pass while
// nobody reads what comes.
const beatsMissed = 3

var (
	errNotBegun = errors.New("there was no connection to Discord yet")
	errEnded    = errors.New("the connection to Discord was ended")
)

// health is how a shard is.
type health struct {
	mu    sync.Mutex
	up    bool
	began bool          // there was a session
	since time.Time     // that up is what it is
	ack   time.Time     // of the latest heartbeat that was answered, or of since
	beat  time.Duration // between heartbeats
	why   *failure      // of the latest end
}

func newHealth() *health { return &health{since: time.Now()} }

func (h *health) connected(beat time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.up, h.began, h.since = true, true, time.Now()
	h.ack, h.beat = h.since, beat
}

func (h *health) acked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ack = time.Now()
}

func (h *health) lost(why *failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.why = why; h.up {
		h.up, h.since = false, time.Now()
	}
}

// state is nil when interactions can come, or could a moment ago.
func (h *health) state() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	down, silent := time.Since(h.since), time.Since(h.ack)
	switch {
	case h.up && silent > beatsMissed*h.beat:
		return fmt.Errorf("no heartbeat was answered by Discord for %s", silent.Round(time.Second))
	case h.up, h.began && down < downFor:
		return nil
	case h.began:
		return fmt.Errorf("no connection to Discord for %s: %w", down.Round(time.Second), h.why)
	case h.why != nil:
		return fmt.Errorf("%w: %w", errNotBegun, h.why)
	}
	return errNotBegun
}

// Healthy is nil when interactions can come on every shard that this process
// has, or could less than a minute ago, else a sentence that says why not: there
// is no connection, or three heartbeats on it, about two minutes, were not
// answered. A process that has none is healthy while others run.
func (g *Gateway) Healthy() error {
	g.mu.Lock()
	shards, had, err := slices.Clone(g.shards), g.had, g.err
	g.mu.Unlock()
	if len(shards) == 0 && err == nil && !had {
		return g.waits()
	}
	if len(shards) == 0 {
		return err
	}
	for _, s := range shards {
		err := s.health.state()
		switch {
		case err == nil:
		case s.count > 1:
			return fmt.Errorf("shard %d of %d: %w", s.id, s.count, err)
		default:
			return err
		}
	}
	return nil
}

// waits says whether it is right to have had no shard yet.
func (g *Gateway) waits() error {
	ctx, cancel := context.WithTimeout(context.Background(), sharedFor)
	defer cancel()
	if alone, err := g.shared.Alone(ctx); alone || err != nil {
		return errNotBegun
	}
	return nil
}
