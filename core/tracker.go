package core

import (
	"context"
	"math"
	"sync"
	"time"
)

// tracker decides which running task is read next: the one whose result is
// most likely waiting longest unseen. A task is weighed by its staleness, for
// how many seconds on average a result of it has been waiting, given how long
// its model takes and that there was none at the last read.
//
// Weighing everything before every read would cost too much, so tasks wait in
// a heap until they are worth a look: until their staleness reaches half of
// what the latest reads were made for, the price. Among those that are, the
// heaviest is read. With reads to spare the price falls to the least; with too
// few of them it rises until what is due just fits.
//
// Entries are hints to look at a record, as in a schedule; the record decides.
type tracker struct {
	now       func() time.Time
	durations *durations
	reads     *budget // of the account that the tasks are at
	// unseen is how likely it is that nobody tells of a result: one without
	// callbacks, little with them.
	unseen float64
	wake   chan struct{}

	mu    sync.Mutex
	queue dueQueue[watch]
	price float64 // seconds of staleness
}

// watch is what the tracker knows of a task. The zero value is a task that is
// read when its record says, as one is after a restart and after a callback.
type watch struct {
	since  int64       // when it began, nanoseconds since 1970
	last   uint32      // age at the last read that found it unfinished, milliseconds
	model  modelNumber // what it is expected to take; 0 when unknown
	guided bool        // read by expectation; else at its due time
	heard  bool        // a callback came: there will not be another
}

func (w watch) began() time.Time { return time.Unix(0, w.since) }

func (w watch) age(now time.Time) float64 { return max(now.Sub(w.began()).Seconds(), 0) }

func (w watch) lastAge() float64 { return float64(w.last) / 1000 }

// look is a task that was taken out to be read.
type look struct {
	id TaskID
	watch
}

const (
	readGap    = 2500 * time.Millisecond // between two reads of anything
	leastPrice = 0.25                    // seconds of staleness that are worth a read in any case
	slowGap    = time.Minute             // between two reads after the soft deadline
	longestGap = 5 * time.Minute         // between two reads of anything
	callbackTo = 0.01                    // how likely a callback is not to come
	candidates = 256                     // of those that are due, how many are weighed
)

func newTracker(now func() time.Time, d *durations, reads *budget, callbacks bool) *tracker {
	t := &tracker{now: now, durations: d, reads: reads, unseen: 1, wake: make(chan struct{}, 1), price: leastPrice}
	if callbacks {
		t.unseen = callbackTo
	}
	return t
}

// put has the task read when it is due, whatever is expected of it.
func (t *tracker) put(id TaskID, due time.Time) {
	t.mu.Lock()
	slot := t.queue.set(id, due)
	about := &t.queue.slots[slot].about
	about.guided = false
	about.heard = about.heard || due.Equal(urgent())
	t.mu.Unlock()
	t.stir()
}

// follow has the task read by expectation. A due time that was put since wins.
func (t *tracker) follow(id TaskID, w watch) {
	w.guided = true
	t.mu.Lock()
	slot := t.queue.find(id)
	switch {
	case slot == noSlot:
		slot = t.queue.set(id, t.plan(w))
		t.queue.slots[slot].about = w
	case t.queue.slots[slot].about.last < w.last:
		t.queue.slots[slot].about.last = w.last
	}
	t.mu.Unlock()
	t.stir()
}

// again has a task that could not be read read again. What is known of it stays.
func (t *tracker) again(l look, due time.Time) {
	t.mu.Lock()
	if t.queue.find(l.id) == noSlot {
		slot := t.queue.set(l.id, due)
		t.queue.slots[slot].about = l.watch
	}
	t.mu.Unlock()
	t.stir()
}

// recall has a task that was taken up read when it is due, unless
// there was news of it since.
func (t *tracker) recall(id TaskID, due time.Time) {
	t.again(look{id: id, watch: watch{heard: due.Equal(urgent())}}, due)
}

// first is when a task that was just created is worth a look.
func (t *tracker) first(w watch) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.plan(w)
}

// plan is when the task is worth a look: when it is expected to be finished,
// or sooner while there are reads to spare.
func (t *tracker) plan(w watch) time.Time {
	last := seconds(w.lastAge())
	expected := t.expected(w, last)
	soft := deadlinesOf(t.durations.forecast(w.model).kind).soft
	if last < soft && t.price <= 2*leastPrice && t.likely(w) == 1 {
		return sooner(expected, w.began().Add(last+advised(last)))
	}
	return expected
}

// expected is when the task is worth a read by what its model takes, after a
// last read at that age.
func (t *tracker) expected(w watch, last time.Duration) time.Time {
	f := t.durations.forecast(w.model)
	limits := deadlinesOf(f.kind)
	gap := readGap
	if last >= limits.soft {
		gap = slowGap
	}
	ripe := seconds(f.ripe(w.lastAge(), max(leastPrice, t.price/2)/t.likely(w)))
	next := min(max(ripe, last+gap), last+longestGap)
	for _, deadline := range []time.Duration{limits.soft, limits.hard} {
		if last < deadline {
			next = min(next, max(deadline, last+readGap))
		}
	}
	return w.began().Add(next)
}

// advised is the pace of reads that Kie's page "Get Task Details" advises: 2
// to 3 seconds during the first half minute, then 5 to 10, then 15 to 30 after
// two minutes.
func advised(age time.Duration) time.Duration {
	switch {
	case age < 30*time.Second:
		return readGap
	case age < 2*time.Minute:
		return 7 * time.Second
	default:
		return 20 * time.Second
	}
}

// likely is how likely it is that only a read shows the result.
func (t *tracker) likely(w watch) float64 {
	if w.heard {
		return 1
	}
	return t.unseen
}

// weigh is how many seconds a result has been waiting, on average. What is due
// by its record is taken to be finished since then.
func (t *tracker) weigh(w watch, due, now time.Time) float64 {
	if !w.guided {
		return now.Sub(due).Seconds()
	}
	return t.likely(w) * t.durations.forecast(w.model).staleness(w.lastAge(), w.age(now))
}

// worthwhile reports whether a task of which nothing is known but the record
// is worth a read now, as the reads go.
func (t *tracker) worthwhile(w watch, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.expected(w, seconds(w.lastAge())).After(now)
}

// drop forgets the task.
func (t *tracker) drop(id TaskID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slot := t.queue.find(id); slot != noSlot {
		t.queue.remove(slot)
	}
}

// clear forgets everything.
func (t *tracker) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue, t.price = dueQueue[watch]{}, leastPrice
}

func (t *tracker) stir() { signal(t.wake) }

// next waits until a task is worth a read and takes it out. It answers false when ctx ends.
func (t *tracker) next(ctx context.Context) (look, bool) { return await(ctx, t.wake, t.take) }

// take gives the heaviest task that is due, or says how long to wait before looking again.
func (t *tracker) take() (look, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queue.len() == 0 {
		return look{}, longestNap
	}
	now := t.now()
	if wait := t.queue.dueAt(t.queue.nodes[0].slot).Sub(now); wait > 0 {
		return look{}, min(wait, longestNap)
	}
	slot, weight := t.heaviest(now)
	l := look{id: t.queue.slots[slot].key.id(), watch: t.queue.slots[slot].about}
	if l.guided {
		t.price *= math.Pow(max(weight, leastPrice)/t.price, 1.0/16)
	}
	t.queue.remove(slot)
	return l, 0
}

// heaviest walks the top of the heap, where all that is due stands.
func (t *tracker) heaviest(now time.Time) (slot uint32, weight float64) {
	weight = -1
	var visit [candidates]int // nodes, breadth first
	for seen, known := 0, 1; seen < known; seen++ {
		at := visit[seen]
		node := t.queue.nodes[at]
		if w := t.weigh(t.queue.slots[node.slot].about, time.Unix(0, node.due), now); w > weight {
			slot, weight = node.slot, w
		}
		for c := at*children + 1; c <= at*children+children && c < t.queue.len() && known < candidates; c++ {
			if t.queue.nodes[c].due <= now.UnixNano() {
				visit[known] = c
				known++
			}
		}
	}
	return slot, weight
}
