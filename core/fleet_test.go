package core_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"kiebot/core"
)

var replicas = flag.Int("world.replicas", 1, "how many kiebots work on one PostgreSQL, for TestModel with -world.postgres")

// member is one of the replicas of a history.
type member struct {
	process
	witness *witness
	chat    *livedChat
	hooks   atomic.Pointer[hooked] // nil while it does not run
}

// hooked takes callbacks for as long as the process lives.
type hooked struct {
	http.Handler
	witness *witness
}

// livedChat is the platform as one process knows it.
type livedChat struct {
	*chat
	life atomic.Int64
}

// Deliver implements core.Adapter.
func (c *livedChat) Deliver(_ context.Context, p core.Parcel) (json.RawMessage, error) {
	return c.deliver(p, int(c.life.Load()))
}

// gather makes the replicas of the history; the world has opened the first.
func (h *history) gather() {
	for n := range *replicas {
		m := &member{process: h.w.process, chat: &livedChat{chat: h.w.chat}}
		m.cfg.Adapters = map[string]core.Adapter{"chat": m.chat}
		if n > 0 {
			m.cfg.Spool = h.w.spool(fmt.Sprint("media-", n))
			m.shut, m.stop = func() error { return nil }, nil
		}
		h.fleet = append(h.fleet, m)
	}
	h.w.shared = true
	h.w.hooks.set(http.HandlerFunc(h.callBack))
	h.turnTo(0)
}

// turnTo has the history speak to the n-th replica from now on.
func (h *history) turnTo(n int) {
	if h.at != nil {
		h.at.process = h.w.process
	}
	h.at = h.fleet[n%len(h.fleet)]
	h.w.process, h.witness = h.at.process, h.at.witness
}

// each turns to one replica after the other, and back.
func (h *history) each(do func()) {
	back := slices.Index(h.fleet, h.at)
	for n := range h.fleet {
		h.turnTo(n)
		do()
	}
	h.turnTo(back)
}

// callBack passes a callback to one of the replicas that live, as whatever
// stands in front of them would.
func (h *history) callBack(w http.ResponseWriter, r *http.Request) {
	for range h.fleet {
		m := h.fleet[h.called.Add(1)%uint64(len(h.fleet))]
		if hooks := m.hooks.Load(); hooks != nil && !hooks.witness.isDead() {
			hooks.ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, "down", http.StatusBadGateway)
}

// collect reads what was committed, by whichever replica, in order.
func (h *history) collect() {
	var all []commit
	for _, m := range h.fleet {
		if m.witness != nil {
			all = append(all, m.witness.take()...)
		}
	}
	slices.SortFunc(all, func(a, b commit) int { return cmp.Compare(a.order, b.order) })
	for _, c := range all {
		h.book.read(c)
	}
}
