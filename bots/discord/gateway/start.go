package gateway

import (
	"context"
	"sync"
	"time"
)

// identifyGap is between two identifies with the same rate limit key (Using
// Gateway, Max Concurrency).
const identifyGap = 5 * time.Second

// starts lets sessions begin as Discord allows. Its methods may be called
// concurrently.
type starts struct {
	*planner
	shared Shared
	mu     sync.Mutex
	turns  map[int]*turn // by rate limit key
}

// turn goes from shard to shard among those with the same rate limit key.
type turn struct {
	taken chan struct{}
	next  time.Time // of an identify; of who has the turn
}

func (s *starts) turnOf(key int) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[key] == nil {
		s.turns[key] = &turn{taken: make(chan struct{}, 1)}
	}
	return s.turns[key]
}

// start is leave to begin one session. Nil is none.
type start struct {
	url      string
	turn     *turn
	over     bool
	reserved func(next time.Time) // tells other processes when they may; nil when there are none
}

// begin waits until the shard may begin a session. The start has to be ended.
func (s *starts) begin(ctx context.Context, shard int) (*start, error) {
	plan, err := s.ask(ctx, 0)
	if err != nil {
		return nil, err
	}
	key := shard % max(plan.SessionStartLimit.MaxConcurrency, 1)
	t := s.turnOf(key)
	select {
	case t.taken <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave := &start{turn: t}
	if err = sleep(ctx, time.Until(t.next)); err == nil {
		err = s.reserve(ctx, key, leave)
	}
	if err == nil {
		plan, err = s.ask(ctx, 1)
	}
	if err != nil {
		leave.end()
		return nil, err
	}
	leave.url = plan.URL
	return leave, nil
}

// identified gives the turn away, for when another may identify.
func (s *start) identified() {
	s.turn.next = time.Now().Add(identifyGap)
	s.end()
}

// end gives the turn away unless it was.
func (s *start) end() {
	if s == nil || s.over {
		return
	}
	s.over = true
	if s.reserved != nil {
		s.reserved(s.turn.next)
	}
	<-s.turn.taken
}

// sleep ends early only with ctx, whose error it then is.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
