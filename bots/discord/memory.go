package discord

import (
	"sync"
	"time"

	"kiebot/bots"
)

// mostSeen is how many interactions are remembered. Those that came twice are
// answered once.
const mostSeen = 10_000

// memory remembers the latest ids. The zero value is ready; it may be used
// concurrently.
type memory struct {
	mu   sync.Mutex
	ring []string
	next int
	ids  map[string]bool
}

// add reports whether the id is new.
func (m *memory) add(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids[id] {
		return false
	}
	if m.ids == nil {
		m.ids = map[string]bool{}
	}
	m.ids[id] = true
	if len(m.ring) < mostSeen {
		m.ring = append(m.ring, id)
		return true
	}
	delete(m.ids, m.ring[m.next])
	m.ring[m.next] = id
	m.next = (m.next + 1) % mostSeen
	return true
}

// keptFor is how long a form is waited for, and mostKept how many are.
const (
	keptFor  = tokenFor
	mostKept = 1000
)

// forms are the files of messages that people were asked about with a form,
// which has no room for them. The zero value is ready; it may be used
// concurrently.
type forms struct {
	mu  sync.Mutex
	all map[string][]bots.Attached // by interaction
}

func (f *forms) keep(id string, files []bots.Attached) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string][]bots.Attached{}
	}
	if len(f.all) >= mostKept {
		return
	}
	f.all[id] = files
	time.AfterFunc(keptFor, func() { f.take(id) })
}

// take gives what was kept, once.
func (f *forms) take(id string) []bots.Attached {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := f.all[id]
	delete(f.all, id)
	return files
}
