package core_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// slowAnswer is a store that holds back the answer to one update.
type slowAnswer struct {
	core.Store
	next   atomic.Bool // the next update is the one
	answer chan struct{}
}

func (s *slowAnswer) Update(ctx context.Context, fn func(core.Tx) error) error {
	held := s.next.CompareAndSwap(true, false)
	err := s.Store.Update(ctx, fn)
	if held {
		<-s.answer
	}
	return err
}

// A cancel that is remembered while the task is created learns of its commit
// only after the creation's own is known. The task is followed all the same.
func TestCommitsKnownOutOfOrder(t *testing.T) {
	synctest.Test(t, knownOutOfOrder)
}

func knownOutOfOrder(t *testing.T) {
	w := newWorld(t, kietest.Config{}, nil)
	defer w.close()
	slow := &slowAnswer{answer: make(chan struct{})}
	w.reopen(func(s core.Store) core.Store { slow.Store = s; return slow })
	w.run()
	gate := make(chan struct{})
	w.kie.NextCreate(kietest.Hold(gate), kietest.CallbackNever())
	id := w.submit(request("a cat"))
	w.untilState(id, core.Creating)
	canceled := make(chan error, 1)
	slow.next.Store(true)
	go func() {
		_, err := w.engine.Cancel(t.Context(), ada, string(id))
		canceled <- err
	}()
	synctest.Wait()
	close(gate)
	synctest.Wait()
	close(slow.answer)
	if err := <-canceled; !errors.As(err, new(*core.Refusal)) {
		t.Errorf("Cancel: %v, want that it is remembered", err)
	}
	w.untilShown(id)
}
