package core

import (
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
	queue dueQueue[struct{}]
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, wake: make(chan struct{}, 1)}
}

// put sets when the task is due, replacing what was set before.
func (s *schedule) put(id TaskID, due time.Time) {
	s.mu.Lock()
	s.queue.set(id, due)
	s.mu.Unlock()
	s.stir()
}

// len is how many tasks there are.
func (s *schedule) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.len()
}

// stir lets next look at the head again.
func (s *schedule) stir() { signal(s.wake) }

// signal says what a channel that has room for one stands for, once until
// somebody hears it.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drop forgets the task.
func (s *schedule) drop(id TaskID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := s.queue.find(id); slot != noSlot {
		s.queue.remove(slot)
	}
}

// clear forgets everything.
func (s *schedule) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = dueQueue[struct{}]{}
}

// longestNap bounds a wait, so that a wall clock set forward is noticed.
const longestNap = time.Minute

// next waits for a task to be due and takes it out. It answers false when ctx ends.
func (s *schedule) next(ctx context.Context) (TaskID, bool) { return await(ctx, s.wake, s.take) }

// await asks take until it has something, again when woken and when the time
// that take says to wait is over; zero says that it has. It answers false when
// ctx ends.
func await[T any](ctx context.Context, wake <-chan struct{}, take func() (T, time.Duration)) (T, bool) {
	for ctx.Err() == nil {
		taken, nap := take()
		if nap == 0 {
			return taken, true
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	var none T
	return none, false
}

// take gives a due task, or says how long to wait before looking again.
func (s *schedule) take() (TaskID, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.len() == 0 {
		return "", longestNap
	}
	head := s.queue.nodes[0].slot
	if wait := s.queue.dueAt(head).Sub(s.now()); wait > 0 {
		return "", min(wait, longestNap)
	}
	id := s.queue.slots[head].key.id()
	s.queue.remove(head)
	return id, 0
}
