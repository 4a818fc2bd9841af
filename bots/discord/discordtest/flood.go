package discordtest

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of all calls together ("Rate Limits", "Global Rate Limit" and
// "Invalid Request Limit").
const (
	perSecond     = 50
	invalidLimit  = 10_000
	invalidWindow = 10 * time.Minute
	banLength     = time.Hour
)

// pace is how many calls a route takes in so many seconds for one channel,
// guild or webhook. The documentation gives no numbers; these are what people
// see.
type pace struct {
	calls   int
	seconds int
}

// flood is the pace the service holds bots to ("Rate Limits").
type flood struct {
	on      bool
	buckets map[string]*bucket // by route and major parameter
	all     bucket             // of every call that carries the bot's token
	invalid []time.Time        // answers with 401, 403 or 429, in order
	blocked *ban               // Cloudflare's
}

// bucket is a window of a route's pace: calls made until it ends.
type bucket struct {
	used int
	ends time.Time
	ban  *ban
}

// ban is a retry_after that was given.
type ban struct {
	until time.Time
	told  int64 // how many calls had begun when the bot was told, 0 before that
}

func newFlood(on bool) flood {
	return flood{on: on, buckets: map[string]*bucket{}}
}

// SetFlood switches the limits of pace on or off, with a clean slate: a bucket
// for each route and channel, guild or interaction, told in headers, and 50
// calls a second in all. While they are off there are no headers. The ban for
// 10 000 invalid calls in ten minutes is always on.
func (s *Server) SetFlood(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flood = newFlood(on)
}

// Ban lets every call be refused with the page of Cloudflare for so long, as
// too many invalid calls do.
func (s *Server) Ban(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flood.blocked = &ban{until: s.now().Add(d)}
}

// banned refuses a call while a ban lasts. It wants s.mu.
func (s *Server) banned() error {
	b := s.flood.blocked
	if b == nil || !s.now().Before(b.until) {
		return nil
	}
	return tooMany(limited{after: b.until.Sub(s.now()), html: true})
}

// countFault counts what a fault answers. A 429 that others share the blame
// for does not count.
func (s *Server) countFault(f *Fault, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Scope != "shared" && !f.HTML {
		s.countInvalid(status)
	}
}

// countInvalid counts answers that end in a ban. It wants s.mu.
func (s *Server) countInvalid(status int) {
	if status != 401 && status != 403 && status != 429 {
		return
	}
	f, now := &s.flood, s.now()
	old := slices.IndexFunc(f.invalid, func(at time.Time) bool { return now.Sub(at) < invalidWindow })
	if old < 0 {
		old = len(f.invalid)
	}
	f.invalid = append(f.invalid[old:], now)
	if len(f.invalid) > invalidLimit {
		f.blocked, f.invalid = &ban{until: now.Add(banLength)}, nil
	}
}

// Invalid is how many answers of the last ten minutes count for the ban.
func (s *Server) Invalid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, n := s.now(), 0
	for _, at := range s.flood.invalid {
		if now.Sub(at) < invalidWindow {
			n++
		}
	}
	return n
}

// paced refuses a call that comes too fast, and notes one that came though it
// was told to wait. It wants s.mu.
func (s *Server) paced(header http.Header, c *call) error {
	if !s.flood.on {
		return nil
	}
	if !c.route.open { // "Global Rate Limit": interactions do not count
		if err := s.take(&s.flood.all, pace{perSecond, 1}, c, limited{scope: "global", global: true}); err != nil {
			return err
		}
	}
	b := s.bucketOf(c)
	err := s.take(b, c.route.pace, c, limited{scope: "user"})
	left := b.ends.Sub(s.now()).Seconds()
	header.Set("X-RateLimit-Limit", strconv.Itoa(c.route.pace.calls))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, c.route.pace.calls-b.used)))
	header.Set("X-RateLimit-Reset", strconv.FormatFloat(float64(b.ends.UnixMilli())/1000, 'f', 3, 64))
	header.Set("X-RateLimit-Reset-After", strconv.FormatFloat(math.Ceil(left*1000)/1000, 'f', 3, 64))
	header.Set("X-RateLimit-Bucket", c.route.bucket())
	return err
}

// take uses one call of a bucket up.
func (s *Server) take(b *bucket, p pace, c *call, l limited) error {
	now := s.now()
	if !now.Before(b.ends) {
		*b = bucket{ends: now.Add(time.Duration(p.seconds) * time.Second)}
	}
	b.used++
	if b.used <= p.calls {
		return nil
	}
	if b.ban == nil {
		b.ban = &ban{until: b.ends}
	}
	c.log.Early = c.log.Early || b.ban.told != 0 && c.log.number > b.ban.told
	c.log.ban = b.ban
	l.after = b.ends.Sub(now)
	return tooMany(l)
}

// bucketOf finds the bucket of a call: one for each route and, of the
// parameters in its path, channel, guild and webhook with its token.
func (s *Server) bucketOf(c *call) *bucket {
	key := strings.Join([]string{c.route.bucket(), c.params["channel"], c.params["guild"], c.params["token"]}, "/")
	b := s.flood.buckets[key]
	if b == nil {
		b = &bucket{}
		s.flood.buckets[key] = b
	}
	return b
}

// bucket is the name of the route's limit.
func (r *route) bucket() string {
	sum := sha256.Sum256([]byte(r.name()))
	return hex.EncodeToString(sum[:16])
}

// told notes that the answer to a call was sent. What the bot began before, it
// could not know better.
func (s *Server) told(begun *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun.ban != nil && begun.ban.told == 0 {
		begun.ban.told = s.begun
	}
}
