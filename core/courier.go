package core

import (
	"context"
	"slices"
	"sync"
	"time"
)

// courier shows deliveries: one ordered lane per chat, lanes in parallel.
// A lane has a goroutine only while it has something to show.
type courier struct {
	e     *Engine
	slots chan struct{} // deliveries under way
	wake  chan struct{} // has room for one: "a lane is ready"

	mu    sync.Mutex
	lanes map[Lane]*lane
	ready []*lane // busy, but without a goroutine yet
	stop  bool    // lanes rest; true until run
}

// lane is what waits for one chat.
type lane struct {
	name   Lane
	queue  []Delivery           // by ID
	fresh  []TaskID             // leads whose message should be edited
	edited map[TaskID]time.Time // when a lead's message was last edited
	busy   bool
}

func newCourier(e *Engine) *courier {
	return &courier{
		e: e, slots: make(chan struct{}, deliverMax), wake: make(chan struct{}, 1),
		lanes: map[Lane]*lane{}, stop: true,
	}
}

// run serves the lanes until ctx ends. Deliveries that are under way then end with work.
func (c *courier) run(ctx, work context.Context) {
	var under sync.WaitGroup
	c.mu.Lock()
	c.stop = false
	for _, l := range c.lanes {
		c.start(l)
	}
	c.mu.Unlock()
	for ctx.Err() == nil {
		for _, l := range c.takeReady() {
			under.Go(func() { c.serve(ctx, work, l) })
		}
		select {
		case <-ctx.Done():
		case <-c.wake:
		}
	}
	c.mu.Lock()
	c.stop = true
	c.mu.Unlock()
	under.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes, c.ready = map[Lane]*lane{}, nil // the store knows what was not shown
}

func (c *courier) takeReady() []*lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	ready := c.ready
	c.ready = nil
	return ready
}

// push adds a committed delivery to its lane, in the order of the ids.
func (c *courier) push(d Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lane(d.Lane)
	i, found := slices.BinarySearchFunc(l.queue, d.ID, func(a Delivery, id DeliveryID) int { return int(a.ID) - int(id) })
	if found {
		return
	}
	l.queue = slices.Insert(l.queue, i, d)
	c.start(l)
}

// waits reports whether a delivery about the batch waits to be shown.
func (c *courier) waits(lead TaskID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lanes {
		if slices.ContainsFunc(l.queue, func(d Delivery) bool { return d.Lead == lead }) {
			return true
		}
	}
	return false
}

// refresh asks for an edit of the message that stands for the batch. Unless
// it is urgent it is dropped when the last edit is too recent.
func (c *courier) refresh(t Task, urgent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lane(t.Request.Origin.Lane)
	lead := t.Lead()
	if c.stop || slices.Contains(l.fresh, lead) || !urgent && c.e.cfg.Now().Sub(l.edited[lead]) < progressGap {
		return
	}
	l.fresh = append(l.fresh, lead)
	c.start(l)
}

// lane finds or opens a lane. The caller holds the lock.
func (c *courier) lane(name Lane) *lane {
	l := c.lanes[name]
	if l == nil {
		l = &lane{name: name, edited: map[TaskID]time.Time{}}
		c.lanes[name] = l
	}
	return l
}

// start asks run for a goroutine for the lane. The caller holds the lock.
func (c *courier) start(l *lane) {
	if c.stop || l.busy || len(l.queue)+len(l.fresh) == 0 {
		return
	}
	l.busy = true
	c.ready = append(c.ready, l)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// serve shows what waits in the lane, in order, and ends when nothing waits.
func (c *courier) serve(ctx, work context.Context, l *lane) {
	for {
		d, ok := c.head(l)
		switch {
		case !ok:
			return
		case d.Kind == DeliverProgress:
			if _, err := c.show(work, d, nil); err != nil {
				c.e.log.Debug("an edit was not shown", "task", d.Lead, "error", err)
			}
		case c.insist(ctx, work, d):
			c.done(l, d)
		}
	}
}

// head is what the lane shows next: deliveries first, then edits. It answers
// false, and the lane rests, when there is nothing or the engine stops.
func (c *courier) head(l *lane) (Delivery, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stop:
	case len(l.queue) > 0:
		return l.queue[0], true
	case len(l.fresh) > 0:
		lead := l.fresh[0]
		l.fresh = l.fresh[1:]
		l.edited[lead] = c.e.cfg.Now()
		return Delivery{Lane: l.name, Lead: lead, Kind: DeliverProgress, Created: c.e.cfg.Now()}, true
	case len(l.edited) == 0:
		delete(c.lanes, l.name)
	}
	l.busy = false
	return Delivery{}, false
}

// insist tries a delivery until it is over. It answers false when the engine stops first.
func (c *courier) insist(ctx, work context.Context, d Delivery) bool {
	began := c.e.cfg.Now()
	for attempt := 1; ; attempt++ {
		patient := c.e.cfg.Now().Sub(began) < fetchFor
		wait, err := c.deliver(ctx, work, d, patient)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		wait = max(wait, backoff(attempt, time.Second, maxBackoff))
		c.e.log.Warn("a delivery will be tried again", "delivery", uint64(d.ID), "task", d.Lead,
			"kind", d.Kind, "attempt", attempt, "wait", wait, "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// done takes the delivery out of the lane.
func (c *courier) done(l *lane, d Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.queue = slices.DeleteFunc(l.queue, func(waiting Delivery) bool { return waiting.ID == d.ID })
	if d.Kind == DeliverFinal || d.Kind == DeliverLate {
		delete(l.edited, d.Lead)
		l.fresh = slices.DeleteFunc(l.fresh, func(id TaskID) bool { return id == d.Lead })
		return
	}
	l.edited[d.Lead] = c.e.cfg.Now()
}
