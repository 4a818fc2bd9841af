package discord

import "sync"

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
