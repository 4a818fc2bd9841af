package telegram

import (
	"strings"
	"sync"
	"time"

	"kiebot/core"
)

// paceOf is what the page "Bots FAQ" of core.telegram.org asks for: about one
// message per second in a chat with short bursts, 20 per minute in a group,
// and 30 per second in all. Edits count like messages.
func paceOf(lane core.Lane) core.Pace {
	switch {
	case lane == "":
		return core.Pace{Rates: []core.Rate{{Calls: 30, Per: time.Second}}}
	case isGroup(lane):
		return core.Pace{
			Rates: []core.Rate{{Calls: 3, Per: 3 * time.Second}, {Calls: 20, Per: time.Minute}},
			Edits: 5 * time.Second,
		}
	}
	return core.Pace{Rates: []core.Rate{{Calls: 3, Per: 3 * time.Second}}, Edits: 3 * time.Second}
}

// isGroup reports whether the lane is a group or a channel: their ids are negative.
func isGroup(lane core.Lane) bool {
	return strings.HasPrefix(strings.TrimPrefix(string(lane), Platform+":"), "-")
}

// floodChats is how many chats have to be told to wait at the same time before
// it is taken to be about the bot: Telegram does not say which it is.
const floodChats = 3

// floods remembers who was told to wait, so that no call is made before, by
// whoever makes it. The zero value is ready; its methods may be called
// concurrently.
type floods struct {
	mu    sync.Mutex
	until map[int64]time.Time // by chat
	all   time.Time
}

// note keeps that the chat has to be left alone, and reports whether all have to be.
func (f *floods) note(chat int64, now time.Time, wait time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = map[int64]time.Time{}
	}
	for other, until := range f.until {
		if !until.After(now) {
			delete(f.until, other)
		}
	}
	f.until[chat] = now.Add(wait)
	if len(f.until) < floodChats {
		return false
	}
	f.all = now.Add(wait)
	return true
}

// wait is how long the chat has to be left alone from now on, zero when it has not.
func (f *floods) wait(chat int64, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := f.until[chat]
	if f.all.After(until) {
		until = f.all
	}
	return max(until.Sub(now), 0)
}
