package web

import (
	"errors"
	"slices"
	"sync"
)

const (
	clientBuffer = 64 // messages a page may be behind before it is disconnected
	finalsKept   = 64
)

var errClosed = errors.New("the chat is closing")

// hub passes messages to the connected pages. The zero value is ready.
type hub struct {
	mu      sync.Mutex
	clients map[*client]bool
	closed  bool
	// finals are the latest final messages. Between showing the end and the
	// engine's commit of that, a page that connects would read the old state
	// from the store and never hear of the end.
	finals map[string][]byte
	order  []string // of finals, oldest first
}

// client is one connected page. Its channel is closed when the hub gives it up.
type client struct{ messages chan []byte }

// join adds a page; what is published from now on waits in its channel.
func (h *hub) join() (*client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if h.clients == nil {
		h.clients = map[*client]bool{}
	}
	c := &client{messages: make(chan []byte, clientBuffer)}
	h.clients[c] = true
	return c, nil
}

// leave removes the page. It may be called more than once.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

// drop gives a page up. The caller holds the lock.
func (h *hub) drop(c *client) {
	if h.clients[c] {
		delete(h.clients, c)
		close(c.messages)
	}
}

// publish queues the message for every page and blocks for none of them. What
// comes after the end of its batch is not shown: a replica that stood still may
// say it, when another one has gone on.
func (h *hub) publish(id string, final bool, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case final:
		h.remember(id, data)
	case h.finals[id] != nil:
		return
	}
	for c := range h.clients {
		select {
		case c.messages <- data:
		default:
			h.drop(c)
		}
	}
}

// remember keeps a final message. The caller holds the lock.
func (h *hub) remember(id string, data []byte) {
	if h.finals == nil {
		h.finals = map[string][]byte{}
	}
	if _, known := h.finals[id]; !known {
		h.order = append(h.order, id)
	}
	h.finals[id] = data
	if len(h.order) > finalsKept {
		delete(h.finals, h.order[0])
		h.order = slices.Delete(h.order, 0, 1)
	}
}

// final returns the end of the batch as it was last published, or nil.
func (h *hub) final(id string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.finals[id]
}

// close gives every page up and takes no new ones.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.clients {
		h.drop(c)
	}
}
