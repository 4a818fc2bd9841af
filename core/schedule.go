package core

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule is the in-memory order of due work: a heap by due time, rebuilt
// from the store at every start. An entry is only a hint to look at the task;
// the record decides what is done.
type schedule struct {
	now  func() time.Time
	wake chan struct{} // has room for one: "the head may have changed"

	mu    sync.Mutex
	queue dueQueue
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, wake: make(chan struct{}, 1), queue: dueQueue{index: map[TaskID]int{}}}
}

// put sets when the task is due, replacing what was set before.
func (s *schedule) put(id TaskID, due time.Time) {
	s.mu.Lock()
	if i, ok := s.queue.index[id]; ok {
		s.queue.entries[i].due = due
		heap.Fix(&s.queue, i)
	} else {
		heap.Push(&s.queue, dueEntry{due: due, id: id})
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// drop forgets the task.
func (s *schedule) drop(id TaskID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.queue.index[id]; ok {
		heap.Remove(&s.queue, i)
	}
}

// clear forgets everything.
func (s *schedule) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = dueQueue{index: map[TaskID]int{}}
}

// hurry makes everything due now, in the order it has.
func (s *schedule) hurry() {
	s.mu.Lock()
	now := s.now()
	for i := range s.queue.entries {
		s.queue.entries[i].due = now
	}
	heap.Init(&s.queue)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// longestNap bounds a wait, so that a wall clock set forward is noticed.
const longestNap = time.Minute

// next waits for a task to be due and takes it out. It answers false when ctx ends.
func (s *schedule) next(ctx context.Context) (TaskID, bool) {
	for ctx.Err() == nil {
		id, nap := s.take()
		if id != "" {
			return id, true
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return "", false
}

// take gives a due task, or says how long to wait before looking again.
func (s *schedule) take() (TaskID, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.Len() == 0 {
		return "", longestNap
	}
	if wait := s.queue.entries[0].due.Sub(s.now()); wait > 0 {
		return "", min(wait, longestNap)
	}
	return heap.Pop(&s.queue).(dueEntry).id, 0
}

// positionMax bounds the work of counting: further back nobody cares for the exact place.
const positionMax = 2000

// position is the task's place, 1 for the next; 0 when it is not there or too far back.
func (s *schedule) position(id TaskID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.queue.index[id]
	if !ok || s.queue.Len() > positionMax {
		return 0
	}
	place := 1
	for j := range s.queue.entries {
		if j != i && s.queue.Less(j, i) {
			place++
		}
	}
	return place
}

type dueEntry struct {
	due time.Time
	id  TaskID
}

// dueQueue is a heap.Interface that knows where every task stands.
type dueQueue struct {
	entries []dueEntry
	index   map[TaskID]int
}

// Len is the number of entries.
func (q *dueQueue) Len() int { return len(q.entries) }

// Less orders by due time, then by id, which is the order of acceptance.
func (q *dueQueue) Less(i, j int) bool {
	a, b := q.entries[i], q.entries[j]
	if !a.due.Equal(b.due) {
		return a.due.Before(b.due)
	}
	return a.id < b.id
}

// Swap exchanges two entries.
func (q *dueQueue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	q.index[q.entries[i].id], q.index[q.entries[j].id] = i, j
}

// Push appends a dueEntry.
func (q *dueQueue) Push(x any) {
	entry := x.(dueEntry)
	q.index[entry.id] = len(q.entries)
	q.entries = append(q.entries, entry)
}

// Pop removes the last entry.
func (q *dueQueue) Pop() any {
	last := q.entries[len(q.entries)-1]
	q.entries = q.entries[:len(q.entries)-1]
	delete(q.index, last.id)
	return last
}
