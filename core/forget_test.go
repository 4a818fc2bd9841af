package core_test

import (
	"slices"
	"strings"
	"time"

	"kiebot/core"
)

// What may be forgotten, and when, is told from the tasks and deliveries alone.

// forget takes in what a commit forgot, and says when that was too early.
func (b *book) forget(c commit) {
	if value, set := c.settings["pruned_before"]; set {
		begun, _, _ := strings.Cut(string(value), " ")
		if err := b.pruned.UnmarshalText([]byte(begun)); err != nil {
			b.wrong("what was pruned cannot be read: %v", err)
		}
	}
	for _, id := range c.dropped {
		if b.over(id) { // else it is empty, because accounts were linked
			b.window(id).ledger = core.Usage{}
		}
	}
	for _, id := range c.forgotten {
		f := b.facts[id]
		if f == nil || f.gone {
			b.wrong("task %s is forgotten, and is not there", id)
			continue
		}
		if f.gone = true; b.owed(f) {
			b.wrong("task %s is forgotten: it is %s since %v, due %v, shown at %v, and only what was over before %v may be",
				id, f.State, f.Finished, f.Due, b.facts[f.Lead()].Delivered, b.pruned)
		}
		for _, other := range f.Batch {
			if !slices.Contains(c.forgotten, other) {
				b.wrong("task %s is forgotten, and %s of its batch is not", id, other)
			}
		}
	}
	b.early += len(c.forgotten)
}

// owed reports whether something about the task is still to come, or came not
// long enough ago.
func (b *book) owed(f *fact) bool {
	lead := b.facts[f.Lead()]
	last := []time.Time{f.Finished, lead.Delivered}
	if lead.Undelivered != nil {
		last = append(last, lead.Undelivered.At)
	}
	for _, d := range b.waiting {
		if d.Lead == lead.ID {
			return true
		}
	}
	recent := slices.ContainsFunc(last, func(at time.Time) bool { return !at.Before(b.pruned) })
	return recent || !f.State.Final() || !f.Due.IsZero() || lead.Delivered.IsZero() && lead.Undelivered == nil
}

// over reports whether the window is a day that may be forgotten.
func (b *book) over(id core.WindowID) bool {
	day, err := time.Parse(time.DateOnly, string(id[strings.LastIndex(string(id), "/")+1:]))
	return err == nil && day.Before(b.pruned)
}

// jump sets the wall clock, but not back into days that were forgotten: what
// people used in them nobody knows.
func (h *history) jump(span time.Duration) {
	if h.clock.now().Add(span).Before(h.book.pruned) {
		return
	}
	h.clock.skew.Add(int64(span))
	if span > 0 {
		h.book.jump()
	}
}

// forgetAll lets the retention pass after everything has come to its end.
// Nothing remains but the sums.
func (h *history) forgetAll() {
	if h.plan.retention == 0 || len(h.book.problems) > 0 {
		return
	}
	early := h.book.early
	h.clock.skew.Add(int64(h.plan.retention + 24*time.Hour))
	nap(time.Hour)
	h.settle()
	for id, f := range h.book.facts {
		if !f.gone {
			h.book.wrong("task %s was shown at %v, now it is %v and it is still there", id, f.Delivered, h.clock.now())
		}
	}
	h.book.early = early
	h.checkStore()
}
