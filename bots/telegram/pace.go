package telegram

import (
	"maps"
	"strings"
	"sync"
	"time"

	"kiebot/core"
)

// Pace is the pace of a lane, or of Telegram as a whole when the lane is empty:
// what the page "Bots FAQ" of core.telegram.org asks for, about one
// message per second in a chat with short bursts, 20 per minute in a group,
// and 30 per second in all. Edits count like messages.
func Pace(lane core.Lane) core.Pace {
	switch {
	case lane == "":
		return core.Pace{Rates: []core.Rate{{Calls: allMessages, Per: time.Second}}}
	case isGroup(lane):
		return core.Pace{
			Rates: []core.Rate{{Calls: 3, Per: 3 * time.Second}, {Calls: groupMessages, Per: time.Minute}},
			Edits: 5 * time.Second,
		}
	}
	return core.Pace{Rates: []core.Rate{{Calls: 3, Per: 3 * time.Second}}, Edits: 3 * time.Second}
}

// isGroup reports whether the lane is a group or a channel: their ids are negative.
func isGroup(lane core.Lane) bool {
	return strings.HasPrefix(strings.TrimPrefix(string(lane), Platform+":"), "-")
}

// How many messages and edits Telegram takes.
const (
	groupMessages = 20 // in one group, in a minute
	chatMessages  = 60 // in one private chat, in a minute
	allMessages   = 30 // in all, in a second
)

// traffic remembers what was sent to whom in the last minute, and who asked to
// be left alone, so that no call is made before, by whoever makes it. core
// paces deliveries; one of them can be several messages, which only this
// counts. The zero value is ready; its methods may be called concurrently.
type traffic struct {
	mu     sync.Mutex
	recent map[int64][]time.Time // of messages and edits, by chat
	until  map[int64]time.Time   // by chat
	second []time.Time           // messages and edits of the last second
	all    time.Time
	swept  time.Time
}

// note counts messages that are being sent.
func (f *traffic) note(chat int64, messages int, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep(now)
	if f.recent == nil {
		f.recent = map[int64][]time.Time{}
	}
	for range messages {
		f.recent[chat] = append(f.recent[chat], now)
		f.second = append(since(f.second, now.Add(-time.Second)), now)
	}
}

// sweep forgets what does not matter any more, once a minute.
func (f *traffic) sweep(now time.Time) {
	if now.Sub(f.swept) < time.Minute {
		return
	}
	f.swept = now
	maps.DeleteFunc(f.until, func(_ int64, until time.Time) bool { return !until.After(now) })
	for chat := range f.recent {
		if f.lately(chat, now) == 0 {
			delete(f.recent, chat)
		}
	}
}

// lately is how many messages the chat got in the last minute.
func (f *traffic) lately(chat int64, now time.Time) int {
	sent := since(f.recent[chat], now.Add(-time.Minute))
	if len(sent) < len(f.recent[chat]) {
		f.recent[chat] = sent
	}
	return len(sent)
}

// since leaves the times after the given one.
func since(times []time.Time, after time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(after) {
		times = times[1:]
	}
	return times
}

// refused keeps that a call to the chat was answered with 429, and reports
// whether every chat has to be left alone. Telegram does not say which it is:
// it is about all of them when much was sent in the last second, little of it
// to this chat. A group in slow mode must not stop everything for an hour. Of so
// many replicas that send, this one is taken to send its part.
func (f *traffic) refused(chat int64, wait time.Duration, now time.Time, sharers int) (everywhere bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = map[int64]time.Time{}
	}
	f.until[chat] = now.Add(wait)
	most := chatMessages
	if chat < 0 {
		most = groupMessages
	}
	f.second = since(f.second, now.Add(-time.Second))
	if f.lately(chat, now) >= most/2 || len(f.second) < max(allMessages/2/sharers, 1) {
		return false
	}
	f.all = now.Add(wait)
	return true
}

// wait is how long the chat has to be left alone from now on, zero when it has not.
func (f *traffic) wait(chat int64, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := f.until[chat]
	if f.all.After(until) {
		until = f.all
	}
	return max(until.Sub(now), 0)
}

// room is how long it takes until the chat takes so many messages more.
func (f *traffic) room(chat int64, messages int, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	over := f.lately(chat, now) + min(messages, groupMessages) - groupMessages
	if chat > 0 || over <= 0 {
		return 0
	}
	return f.recent[chat][over-1].Add(time.Minute).Sub(now)
}

// busy reports whether the chat is a group that got half of what it takes.
func (f *traffic) busy(chat int64, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return chat < 0 && f.lately(chat, now) >= groupMessages/2
}
