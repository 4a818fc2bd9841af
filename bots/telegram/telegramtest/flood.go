package telegramtest

import (
	"math"
	"slices"
	"time"
)

// flood is the pace that the service holds bots to (Bots FAQ, "My bot is
// hitting limits, how do I avoid this?"): about one message a second in a
// chat with short bursts, 20 a minute in a group, 30 a second in all. The FAQ
// gives no size of a burst; three is this package's.
type flood struct {
	on      bool
	all     bucket
	chats   map[int64]*bucket
	minutes map[int64][]time.Time // of groups, when they were posted to
	bans    map[int64]*ban        // a chat's, or with key 0 the bot's
}

func newFlood(on bool) flood {
	return flood{on: on, all: bucket{size: 30, rate: 30}, chats: map[int64]*bucket{}, minutes: map[int64][]time.Time{}, bans: map[int64]*ban{}}
}

// ban is a retry_after that was given.
type ban struct {
	until time.Time
	told  int64 // how many calls had begun when the bot was told, 0 before that
}

// perMinute is how many messages a group takes in any minute.
const perMinute = 20

// bucket gains rate tokens a second up to size.
type bucket struct {
	size, rate float64
	used       float64
	at         time.Time
}

// wait is how long until n tokens are there, however many were used before.
func (b *bucket) wait(n int, now time.Time) time.Duration {
	b.used = max(0, b.used-max(0, now.Sub(b.at).Seconds())*b.rate)
	b.at = now
	over := b.used + min(float64(n), b.size) - b.size
	if over <= 0 {
		return 0
	}
	return time.Duration(over / b.rate * float64(time.Second))
}

// SetFlood switches flood control on or off, with a clean slate.
func (s *Server) SetFlood(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flood = newFlood(on)
}

// pace refuses a call that posts too fast, and notes one that came though it
// was told to wait. It wants s.mu.
func (s *Server) pace(begun *Call, c *call) error {
	f, now := &s.flood, s.now()
	if !f.on || !c.method.posts {
		return nil
	}
	chat := begun.ChatID
	for _, key := range []int64{0, chat} {
		if b := f.bans[key]; b != nil && now.Before(b.until) {
			begun.Early = b.told != 0 && begun.number > b.told
			begun.ban = b
			return tooMany(seconds(b.until.Sub(now)))
		}
	}
	n := c.weight()
	wait, key := f.all.wait(n, now), int64(0)
	if w := f.chatWait(chat, n, now, s.inGroup(chat)); w > wait {
		wait, key = w, chat
	}
	if wait > 0 {
		after := seconds(wait)
		f.bans[key] = &ban{until: now.Add(time.Duration(after) * time.Second)}
		begun.ban = f.bans[key]
		return tooMany(after)
	}
	f.take(chat, n, now)
	return nil
}

func (s *Server) inGroup(chat int64) bool {
	r := s.rooms[chat]
	return r != nil && r.person == nil
}

// chatWait is how long a chat must wait for n more messages.
func (f *flood) chatWait(chat int64, n int, now time.Time, group bool) time.Duration {
	if chat == 0 {
		return 0
	}
	if f.chats[chat] == nil {
		f.chats[chat] = &bucket{size: 3, rate: 1}
	}
	wait := f.chats[chat].wait(n, now)
	f.minutes[chat] = slices.DeleteFunc(f.minutes[chat], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if over := len(f.minutes[chat]) + n - perMinute; group && over > 0 {
		wait = max(wait, time.Minute-now.Sub(f.minutes[chat][over-1]))
	}
	return wait
}

// take uses up what n messages need.
func (f *flood) take(chat int64, n int, now time.Time) {
	f.all.used += float64(n)
	if chat == 0 {
		return
	}
	f.chats[chat].used += float64(n)
	for range n {
		f.minutes[chat] = append(f.minutes[chat], now)
	}
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

// weight is how many messages a call posts.
func (c *call) weight() int {
	if c.method.name != "sendMediaGroup" {
		return 1
	}
	var items []any
	if c.object("media", &items) != nil {
		return 1
	}
	return max(len(items), 1)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
