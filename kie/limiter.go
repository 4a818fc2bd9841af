package kie

import (
	"context"
	"sync"
	"time"
)

// CreationLimiter keeps calls that buy something within Kie's limit: 20 in any
// 10 seconds per account. Put it into Config.Creations, or use it around
// [Client.Create] where a program wants a slot before it commits itself; not
// both. It is safe for concurrent use.
//
// A limiter that counts departures is not exact: requests that leave in
// different windows can arrive together when the first ones are delayed. This
// one has n slots. A slot is taken before a request leaves and becomes free
// again `per` after its answer came back. A request arrives between these two
// moments, so two requests that used the same slot arrive at least `per`
// apart, whatever their latency; n+1 arrivals within less than `per` would
// need n+1 slots. The price is throughput: n per (per + latency), which is 97 %
// of the limit when Kie answers in 0.3 s.
//
// A request whose answer never comes may arrive after the caller gave up; only
// that can break the bound.
type CreationLimiter struct {
	slots chan struct{}
	per   time.Duration
}

// NewCreationLimiter returns a limiter for n arrivals in any window of per,
// such as 20 and 10*time.Second. It panics when n or per is not positive.
func NewCreationLimiter(n int, per time.Duration) *CreationLimiter {
	if n <= 0 || per <= 0 {
		panic("kie: a CreationLimiter needs a positive number and a positive duration")
	}
	return &CreationLimiter{slots: make(chan struct{}, n), per: per}
}

// Acquire blocks until a slot is free or ctx ends, whose error it then
// returns. The caller must call release when Kie has answered or the request
// has failed; further calls of release do nothing. Waiting callers are served
// in no particular order.
func (l *CreationLimiter) Acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
		return l.release(nil), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TryAcquire is [CreationLimiter.Acquire] for a caller who has something else
// to do than to wait: it answers false when no slot is free. freed, if not
// nil, is called in a goroutine of its own once the slot is free again.
func (l *CreationLimiter) TryAcquire(freed func()) (release func(), ok bool) {
	select {
	case l.slots <- struct{}{}:
		return l.release(freed), true
	default:
		return nil, false
	}
}

// Spend counts a call that another process has made, whose answer came so long
// ago. When all slots are taken there is nothing more to count.
func (l *CreationLimiter) Spend(ago time.Duration, freed func()) {
	select {
	case l.slots <- struct{}{}:
		l.free(l.per-ago, freed)
	default:
	}
}

// release makes the function that gives a slot back.
func (l *CreationLimiter) release(freed func()) func() {
	var once sync.Once
	return func() { once.Do(func() { l.free(l.per, freed) }) }
}

// free gives a slot back in a while.
func (l *CreationLimiter) free(wait time.Duration, freed func()) {
	time.AfterFunc(wait, func() {
		<-l.slots
		if freed != nil {
			freed()
		}
	})
}
