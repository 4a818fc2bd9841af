package core

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// turns is the order in which queued tasks are created: people take turns, and
// a person's tasks keep the order of their acceptance. Somebody's fifty
// requests do not delay the first one of the next.
//
// A task waits in the heap of what is due later, or in a line: what is due of
// one person and goes to one Kie account (or to any). The lines that go to one
// account stand in a ring; whoever is served goes to the back. Rings share one
// counter of places, so that all lines take turns while no account is full.
//
// Like a schedule it is rebuilt from the store at every start, and an entry is
// only a hint to look at the task. It is laid out for a million tasks: ids are
// bytes, and a task costs one entry in a map and one in its line. All methods
// may be called concurrently.
type turns struct {
	now   func() time.Time
	wake  chan struct{} // has room for one: "something may have become possible"
	moved chan struct{} // has room for one: "positions may have changed"

	mu    sync.Mutex
	later dueQueue[uint32]   // about: the line that the task will stand in
	due   map[taskKey]uint32 // to lines
	lines []personLine
	free  []uint32 // where in lines there is none
	index map[lineKey]uint32
	rings []*ring
	place uint64 // the last one given out
}

type lineKey struct {
	person taskKey
	ring   uint16
}

type personLine struct {
	key   lineKey
	later uint32    // how many of its tasks are due later
	tasks []taskKey // those that are due, ascending
	place uint64    // in the ring; 0 when it is not in it
}

// ring is the lines that go to one Kie account, in order of their places.
type ring struct {
	kie   string
	lines []uint32
	tasks int
}

// turn is a task whose turn it is.
type turn struct {
	id     TaskID
	person AccountID
	kie    string // where it should go; empty when anywhere will do
}

// turnOf is the task's entry.
func turnOf(t Task) turn { return t.Work().turn() }

func (w Work) turn() turn { return turn{id: w.Task, person: w.Account, kie: w.KieAccount} }

func newTurns(now func() time.Time) *turns {
	t := &turns{now: now, wake: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	t.forget()
	return t
}

// forget starts anew. The caller holds the lock.
func (t *turns) forget() {
	t.later, t.due = dueQueue[uint32]{}, map[taskKey]uint32{}
	t.lines, t.free, t.index, t.rings = nil, nil, map[lineKey]uint32{}, nil
}

// clear forgets everything.
func (t *turns) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
}

// put sets when the task is due, replacing what was set before.
func (t *turns) put(w turn, due time.Time) {
	t.mu.Lock()
	key := keyOf(w.id)
	t.remove(key)
	at := t.line(lineKey{person: keyOf(TaskID(w.person)), ring: t.ring(w.kie)})
	if due.After(t.now()) {
		t.lines[at].later++
		slot := t.later.set(w.id, due)
		t.later.slots[slot].about = at
		t.shift()
	} else {
		t.stand(key, at)
	}
	t.mu.Unlock()
	t.stir()
}

// stir lets next look again.
func (t *turns) stir() { signal(t.wake) }

// shift says that positions may have changed.
func (t *turns) shift() { signal(t.moved) }

// drop forgets the task.
func (t *turns) drop(id TaskID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(keyOf(id))
}

// hurry makes everything due now.
func (t *turns) hurry() {
	t.mu.Lock()
	now := t.now().UnixNano()
	for i := range t.later.nodes {
		t.later.nodes[i].due = now
	}
	t.later.reorder()
	t.mu.Unlock()
	t.shift()
	t.stir()
}

// waiting is how many tasks are due that should go to the Kie account.
func (t *turns) waiting(kie string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rings[t.ring(kie)].tasks
}

// next waits until a task is due that can be served and takes it out. can says
// whether tasks that should go to a Kie account can be served now; whoever
// changes its answer calls stir. It must not call turns. next answers false
// when ctx ends.
func (t *turns) next(ctx context.Context, can func(kie string) bool) (turn, bool) {
	return await(ctx, t.wake, func() (turn, time.Duration) { return t.first(can) })
}

// first gives the task whose turn it is, or says how long to wait before looking again.
func (t *turns) first(can func(kie string) bool) (turn, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	nap := t.promote()
	var from *ring
	for _, r := range t.rings {
		if l := t.front(r); l != nil && (from == nil || l.place < t.front(from).place) && can(r.kie) {
			from = r
		}
	}
	if from == nil {
		return turn{}, nap
	}
	l := t.front(from)
	w := turn{id: l.tasks[0].id(), person: AccountID(l.key.person.id()), kie: from.kie}
	t.serve(from, l)
	return w, 0
}

// serve takes out the first task of the line that is in front, which goes to the back.
func (t *turns) serve(from *ring, l *personLine) {
	at := from.lines[0]
	t.remove(l.tasks[0])
	from.lines, l.place = from.lines[1:], 0
	if len(l.tasks) > 0 {
		t.toTheBack(from, at)
		return
	}
	t.close(at)
}

// promote lets what has become due stand in its line, and says when to look for more.
func (t *turns) promote() time.Duration {
	for t.later.len() > 0 {
		slot := t.later.nodes[0].slot
		if wait := t.later.dueAt(slot).Sub(t.now()); wait > 0 {
			return min(wait, longestNap)
		}
		key, at := t.later.slots[slot].key, t.later.slots[slot].about
		t.later.remove(slot)
		t.lines[at].later--
		t.stand(key, at)
	}
	return longestNap
}

// front is the line whose turn it is in the ring, nil when nobody waits.
func (t *turns) front(r *ring) *personLine {
	for len(r.lines) > 0 {
		l := &t.lines[r.lines[0]]
		if len(l.tasks) > 0 {
			return l
		}
		at := r.lines[0] // everything in it was dropped
		r.lines = r.lines[1:]
		l.place = 0
		t.close(at)
	}
	return nil
}

// ring finds or makes the ring of a Kie account. There are few.
func (t *turns) ring(kie string) uint16 {
	i := slices.IndexFunc(t.rings, func(r *ring) bool { return r.kie == kie })
	if i < 0 {
		i = len(t.rings)
		t.rings = append(t.rings, &ring{kie: kie})
	}
	return uint16(i)
}

// line finds or opens a line.
func (t *turns) line(key lineKey) uint32 {
	if at, ok := t.index[key]; ok {
		return at
	}
	at := uint32(len(t.lines))
	if n := len(t.free); n > 0 {
		at, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.lines = append(t.lines, personLine{})
	}
	t.lines[at] = personLine{key: key}
	t.index[key] = at
	return at
}

// close forgets a line without tasks.
func (t *turns) close(at uint32) {
	l := &t.lines[at]
	if len(l.tasks) > 0 || l.later > 0 || l.place != 0 {
		return
	}
	delete(t.index, l.key)
	*l = personLine{}
	t.free = append(t.free, at)
	if len(t.index) == 0 && cap(t.lines) > smallQueue { // what a large queue had goes when it is empty
		t.due, t.lines, t.free, t.index = map[taskKey]uint32{}, nil, nil, map[lineKey]uint32{}
	}
}

// stand puts the task into the line, and the line into its ring.
func (t *turns) stand(key taskKey, at uint32) {
	l := &t.lines[at]
	i, _ := slices.BinarySearchFunc(l.tasks, key, compareKeys)
	l.tasks = slices.Insert(l.tasks, i, key)
	t.due[key] = at
	r := t.rings[l.key.ring]
	r.tasks++
	if l.place == 0 {
		t.toTheBack(r, at)
	}
	t.shift()
}

func (t *turns) toTheBack(r *ring, at uint32) {
	t.place++
	t.lines[at].place = t.place
	r.lines = append(r.lines, at)
}

// remove takes the task out from wherever it is. A line that is left without
// tasks keeps its place until its turn comes.
func (t *turns) remove(key taskKey) {
	if slot, ok := t.later.index[key]; ok {
		at := t.later.slots[slot].about
		t.later.remove(slot)
		t.lines[at].later--
		t.close(at)
		t.shift()
		return
	}
	at, ok := t.due[key]
	if !ok {
		return
	}
	t.shift()
	delete(t.due, key)
	l := &t.lines[at]
	t.rings[l.key.ring].tasks--
	switch i, _ := slices.BinarySearchFunc(l.tasks, key, compareKeys); {
	case len(l.tasks) == 1:
		l.tasks = nil
	case i == 0:
		l.tasks = l.tasks[1:]
	default:
		l.tasks = slices.Delete(l.tasks, i, i+1)
	}
}

func compareKeys(a, b taskKey) int { return bytes.Compare(a[:], b[:]) }

// positionMax bounds the work of counting: with more people, or further back,
// nobody cares for the exact place.
const positionMax = 2000

// position is the task's place in the order of turns, 1 for the next; 0 when
// it is not there or too far back.
func (t *turns) position(id TaskID) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.promote()
	key := keyOf(id)
	if at, ok := t.due[key]; ok && len(t.index) <= positionMax {
		return t.placeInLine(key, at)
	}
	slot, ok := t.later.index[key]
	if !ok || t.later.len() > positionMax {
		return 0
	}
	place, own := 1+len(t.due), t.later.nodes[t.later.slots[slot].at]
	for _, other := range t.later.nodes {
		if t.later.less(other, own) {
			place++
		}
	}
	return place
}

// placeInLine counts who is served before: as many of every other person as
// of this one, and one more of those whose turn comes earlier.
func (t *turns) placeInLine(key taskKey, at uint32) int {
	own := &t.lines[at]
	before, _ := slices.BinarySearchFunc(own.tasks, key, compareKeys)
	place := 1 + before
	for _, other := range t.index {
		l := &t.lines[other]
		if other == at {
			continue
		}
		rounds := before
		if l.place < own.place {
			rounds++
		}
		place += min(len(l.tasks), rounds)
	}
	return place
}

// ahead lists the tasks with the first positions, in their order, at most n;
// fewer when those of the others are not known.
func (t *turns) ahead(n int) []TaskID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.promote()
	if len(t.index) > positionMax {
		return nil
	}
	ids := t.firstInLines(n)
	if t.later.len() > positionMax {
		return ids
	}
	later := slices.Clone(t.later.nodes)
	slices.SortFunc(later, func(a, b dueNode) int {
		if t.later.less(a, b) {
			return -1
		}
		return 1
	})
	for _, node := range later[:min(len(later), n-len(ids))] {
		ids = append(ids, t.later.slots[node.slot].key.id())
	}
	return ids
}

// firstInLines lists the first tasks of those that are due: of every line one,
// in the order of their places, then of every line the next.
func (t *turns) firstInLines(n int) (ids []TaskID) {
	var lines []*personLine
	for _, at := range t.index {
		lines = append(lines, &t.lines[at])
	}
	slices.SortFunc(lines, func(a, b *personLine) int { return cmp.Compare(a.place, b.place) })
	for round := 0; len(ids) < n && len(lines) > 0; round++ {
		lines = slices.DeleteFunc(lines, func(l *personLine) bool { return len(l.tasks) <= round })
		for _, l := range lines[:min(len(lines), n-len(ids))] {
			ids = append(ids, l.tasks[round].id())
		}
	}
	return ids
}
