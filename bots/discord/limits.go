package discord

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits that Discord has for all calls together ("Rate Limits").
const (
	callsPerSecond = 45 // of 50 for the bot; interactions do not count
	// invalidMost is how many 401, 403 and 429 may come in invalidFor before we
	// stop by ourselves: at 10,000 Discord bans the address for an hour.
	invalidMost = 5000
	invalidFor  = 10 * time.Minute
)

// limits remembers what the headers of answers said about how many more calls
// may be made, so that none is made that would be refused. What a header has
// not said yet is learned by trying. Its methods may be called concurrently.
type limits struct {
	mu      sync.Mutex
	buckets map[string]bucket // by method, route and what the limit is for
	all     time.Time         // no call of the bot's before
	ban     time.Time         // no call at all before
	invalid int
	since   time.Time // when invalid began to count
	swept   time.Time
	second  *rate.Limiter
	sharers func() int // replicas that have all of this together: core.Engine.Sharers
	parts   int        // in how many second was divided
}

// bucket is what is left of a limit.
type bucket struct {
	left   int
	resets time.Time
}

func newLimits() *limits {
	return &limits{
		buckets: map[string]bucket{}, second: rate.NewLimiter(callsPerSecond, callsPerSecond),
		sharers: func() int { return 1 }, parts: 1,
	}
}

func keyOf(c call) string { return c.name() + " " + c.major() }

// wait is how long the call has to wait; a call that need not is counted.
func (l *limits) wait(c call, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.ban
	if !c.open && l.all.After(until) {
		until = l.all
	}
	key := keyOf(c)
	b, known := l.buckets[key]
	known = known && now.Before(b.resets)
	if known && b.left <= 0 && b.resets.After(until) {
		until = b.resets
	}
	if wait := until.Sub(now); wait > 0 {
		return wait
	}
	if !c.open {
		l.divide(now)
		turn := l.second.ReserveN(now, 1)
		if wait := turn.DelayFrom(now); wait > 0 {
			turn.CancelAt(now)
			return wait
		}
	}
	if known {
		b.left--
		l.buckets[key] = b
	}
	return 0
}

// divide takes this replica's part of what the bot may do. The lock is held.
func (l *limits) divide(now time.Time) {
	if parts := l.sharers(); parts != l.parts {
		l.parts = parts
		l.second.SetLimitAt(now, rate.Limit(callsPerSecond)/rate.Limit(parts))
		l.second.SetBurstAt(now, max(callsPerSecond/parts, 1))
	}
}

// note reads the headers of an answer.
func (l *limits) note(c call, resp *http.Response, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		l.countInvalid(now)
	}
	left, err := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining"))
	after, err2 := strconv.ParseFloat(resp.Header.Get("X-RateLimit-Reset-After"), 64)
	if err != nil || err2 != nil {
		return
	}
	key, resets := keyOf(c), now.Add(time.Duration(after*float64(time.Second)))
	if b, known := l.buckets[key]; known && now.Before(b.resets) && b.left < left {
		left = b.left // calls that are under way were counted
	}
	l.buckets[key] = bucket{left: left, resets: resets}
}

// countInvalid stops everything before Discord does. The lock is held.
func (l *limits) countInvalid(now time.Time) {
	if now.Sub(l.since) > invalidFor {
		l.since, l.invalid = now, 0
	}
	if l.invalid++; l.invalid >= invalidMost/l.sharers() {
		l.ban = l.since.Add(invalidFor)
	}
}

// refused keeps to a 429: for the route and place, for the bot, or, when a page
// says so, for the whole address.
func (l *limits) refused(c call, failed *callError, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := now.Add(failed.RetryAfter)
	switch {
	case failed.Page || failed.Global && c.open:
		l.ban = later(l.ban, until)
	case failed.Global:
		l.all = later(l.all, until)
	default:
		l.buckets[keyOf(c)] = bucket{resets: until}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sweepEvery is how often what is over is forgotten: every interaction has
// limits of its own.
const sweepEvery = 10 * time.Second

// sweep forgets limits that are over. The lock is held.
func (l *limits) sweep(now time.Time) {
	if now.Sub(l.swept) < sweepEvery {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if !now.Before(b.resets) {
			delete(l.buckets, key)
		}
	}
}
