package core_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// listing is a store that something happens in while its work is listed.
type listing struct {
	core.Store
	once          sync.Once
	before, after func() // the first list
}

// Work implements core.Store.
func (s *listing) Work(ctx context.Context, duties []core.Duty, last core.Work, limit int) (work []core.Work, err error) {
	first := false
	s.once.Do(func() { first = true })
	if first && s.before != nil {
		s.before()
	}
	work, err = s.Store.Work(ctx, duties, last, limit)
	if first && s.after != nil {
		s.after()
	}
	return work, err
}

// What is accepted while the engine starts is known by its own commit, by the
// list, or by both, in either order: it is scheduled, created and shown once.
func TestAcceptedWhileTheEngineStarts(t *testing.T) {
	for name, when := range map[string]func(s *listing, late *lateStore, submit func()){
		"before the list": func(s *listing, _ *lateStore, submit func()) { s.before = submit },
		"after the list":  func(s *listing, _ *lateStore, submit func()) { s.after = submit },
		"told of when everything runs": func(s *listing, late *lateStore, submit func()) {
			s.before = func() {
				late.key = true
				go submit()
				nap(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kietest.Config{}, nil)
				defer w.close()
				late, s := &lateStore{release: make(chan struct{})}, &listing{}
				w.reopen(func(store core.Store) core.Store {
					late.Store, s.Store = store, late
					return s
				})
				req := request("cats")
				req.Count = 3
				w.kie.Always(kietest.CallCreate, kietest.HoldTask())
				when(s, late, func() {
					if _, err := w.engine.Submit(t.Context(), req); err != nil {
						t.Error(err)
					}
				})
				w.run()
				nap(10 * time.Second)
				close(late.release)
				nap(2500 * time.Millisecond) // no clock is being looked at then
				all := w.history(ada)
				if len(all) != 3 || w.calls(kietest.CallCreate) != 3 || len(w.kie.Tasks()) != 3 {
					t.Fatalf("%d tasks, %d creations, %d Kie tasks", len(all), w.calls(kietest.CallCreate), len(w.kie.Tasks()))
				}
				if n := w.engine.Waiting(); n != 3 {
					t.Errorf("%d entries for three tasks that run", n)
				}
				if n := w.engine.Clocks(); n != 3 {
					t.Errorf("the clocks of %d go on", n)
				}
				for _, made := range w.kie.Tasks() {
					w.kie.Release(made.ID)
				}
				w.untilShown(all[0].Lead())
				wantKinds(t, w.chat.kinds(all[0].Lead()), core.DeliverAccepted, core.DeliverFinal)
			})
		})
	}
}

// A callback that comes while the engine starts is not forgotten for what the
// list knew of its task before.
func TestCallbackWhileTheEngineStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{Durations: kietest.Fast()}, nil)
		defer w.close()
		w.run()
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		s := &listing{}
		w.reopen(func(store core.Store) core.Store { s.Store = store; return s })
		s.after = func() {
			w.kie.Release(w.kie.Tasks()[0].ID)
			nap(5 * time.Second)
		}
		w.run()
		nap(10 * time.Second)
		if task := w.task(id); task.State != core.Succeeded {
			t.Errorf("it is %s, due at %v; it is %v", task.State, task.Due, time.Now())
		}
	})
}
