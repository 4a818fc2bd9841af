package gateway

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// downFor is how long a shard may be without a connection before that is said:
// connections end every few hours, and are there again in a second.
const downFor = time.Minute

var (
	errNotBegun = errors.New("there was no connection to Discord yet")
	errEnded    = errors.New("the connection to Discord was ended")
)

// health is how a shard is.
type health struct {
	mu    sync.Mutex
	up    bool
	began bool      // there was a session
	since time.Time // that up is what it is
	ack   time.Time // of the latest heartbeat that was answered, or of the beginning
	why   *failure  // of the latest end
}

func newHealth() *health { return &health{since: time.Now(), ack: time.Now()} }

func (h *health) connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.up, h.began, h.since = true, true, time.Now()
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
	down := time.Since(h.since)
	switch {
	case h.up, h.began && down < downFor:
		return nil
	case h.began:
		return fmt.Errorf("no connection to Discord for %s: %w", down.Round(time.Second), h.why)
	case h.why != nil:
		return fmt.Errorf("%w: %w", errNotBegun, h.why)
	}
	return errNotBegun
}

func (h *health) age() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.ack)
}

// Healthy is nil when interactions can come on every shard, or could less than
// a minute ago, else a sentence that says why not.
func (g *Gateway) Healthy() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.shards) == 0 {
		return g.err
	}
	for _, s := range g.shards {
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

// AckAge is how long ago Discord last answered a heartbeat, on the shard where
// that is longest; before the first answer, since the shard's beginning. Without
// shards it is 0. With a connection that works it stays below two minutes.
func (g *Gateway) AckAge() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	var oldest time.Duration
	for _, s := range g.shards {
		oldest = max(oldest, s.health.age())
	}
	return oldest
}
