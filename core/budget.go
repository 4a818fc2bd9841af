package core

import (
	"context"
	"errors"
	"sync"
	"time"

	"kiebot/kie"
)

// budget is how much may be asked of Kie on one account: so many questions
// per second, and so many at once. Kie publishes no limit for reads, so the
// pace adapts: a 429 or 430 halves it, and it grows back by a fixed amount per
// second. All times are by the monotonic clock, which wall clock jumps leave alone.
type budget struct {
	most   float64 // per second
	places chan struct{}

	mu     sync.Mutex
	pace   float64   // per second, now
	saved  float64   // questions that may be asked at once
	seen   time.Time // when pace and saved were true
	pause  time.Time // until then nothing is asked
	halved time.Time
}

const (
	leastPace = 1.0 / 20    // of the most: what 429 after 429 leaves
	paceGrows = 1.0 / 120   // of the most, per second: two minutes from nothing to everything
	longPause = time.Minute // the longest Retry-After that is believed
)

func newBudget(perSecond float64, atOnce int) *budget {
	return &budget{most: perSecond, pace: perSecond, saved: 1, places: make(chan struct{}, atOnce)}
}

// acquire waits until something may be asked. Every acquire is followed by one release.
func (b *budget) acquire(ctx context.Context) error {
	select {
	case b.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		wait := b.take(time.Now())
		if wait == 0 && ctx.Err() == nil {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			b.release()
			return ctx.Err()
		}
	}
}

// release gives the place back.
func (b *budget) release() { <-b.places }

// refund takes back that something was asked.
func (b *budget) refund() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved++
}

// take counts a question, or says how long to wait before one may be asked.
func (b *budget) take(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renew(now)
	if wait := b.pause.Sub(now); wait > 0 {
		return wait
	}
	if b.saved < 1 {
		return time.Duration((1-b.saved)/b.pace*float64(time.Second)) + time.Nanosecond
	}
	b.saved--
	return 0
}

// renew lets the pace and what was saved grow with time.
func (b *budget) renew(now time.Time) {
	passed := max(now.Sub(b.seen).Seconds(), 0)
	if b.seen.IsZero() {
		passed = 0
	}
	b.seen = now
	b.saved = min(b.saved+passed*b.pace, max(1, b.pace/2))
	b.pace = min(b.pace+passed*paceGrows*b.most, b.most)
}

// answered learns from the answer to a question that was asked at the time.
// Refusals of questions that left before the last one told are the same news.
func (b *budget) answered(asked, now time.Time, err error) {
	var refused *kie.Error
	if !errors.As(err, &refused) || refused.Kind != kie.ErrRate {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.renew(now)
	if until := now.Add(min(refused.RetryAfter, longPause)); until.After(b.pause) {
		b.pause = until
	}
	if asked.Before(b.halved) {
		return
	}
	b.halved = now
	b.pace = max(b.pace/2, leastPace*b.most)
	b.saved = min(b.saved, 0)
}
