package core_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// An engine whose lease is taken by another stops working: what it was about
// to create is not created, and Run says why.
func TestLeaseTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		ran := make(chan error, 1)
		go func() { ran <- w.engine.Run(t.Context()) }()
		synctest.Wait()
		if _, err := w.store.Renew(t.Context(), core.Lease{Owner: "another"}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := w.engine.Submit(t.Context(), request("a cat")); err == nil {
			t.Error("a request was accepted under a lost lease")
		}
		if err := w.engine.PutSettings(t.Context(), map[string][]byte{"box/1": []byte("x")}); !errors.Is(err, core.ErrLeaseLost) {
			t.Errorf("a setting is stored under a lost lease: %v", err)
		}
		if err := <-ran; !errors.Is(err, core.ErrLeaseLost) {
			t.Errorf("Run: %v, want ErrLeaseLost", err)
		}
		if n := len(w.kie.Tasks()); n != 0 {
			t.Errorf("%d Kie tasks", n)
		}
		id := w.submit(request("a dog")) // without an engine that runs it is nobody's work yet
		w.run()
		w.untilShown(id)
	})
}

// unreachable is a store that nobody can renew a lease with for a while.
type unreachable struct {
	core.Store
	away atomic.Bool
}

func (u *unreachable) Renew(ctx context.Context, l core.Lease, last time.Duration) (core.Lease, error) {
	if u.away.Load() {
		return core.Lease{}, errors.New("no route to the database")
	}
	return u.Store.Renew(ctx, l, last)
}

// A renewal that fails is tried again; the engine stops only when its lease
// has run out.
func TestLeaseNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		u := &unreachable{}
		w.reopen(func(s core.Store) core.Store { u.Store = s; return u })
		ran := make(chan error, 1)
		go func() { ran <- w.engine.Run(t.Context()) }()
		nap(time.Minute + time.Second) // at no time at which it is renewed
		u.away.Store(true)
		nap(25 * time.Second)
		u.away.Store(false)
		nap(time.Minute)
		select {
		case err := <-ran:
			t.Fatalf("an outage of 25 s ended Run: %v", err)
		default:
		}
		u.away.Store(true)
		began := time.Now()
		if err := <-ran; !errors.Is(err, core.ErrLeaseLost) {
			t.Errorf("Run: %v, want ErrLeaseLost", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it worked on for %s", took)
		}
	})
}

// standing stands still when it has committed that a task is about to be
// created, for longer than the lease, as a process that is stopped does.
type standing struct {
	*unreachable
	stood atomic.Bool
}

// Update implements core.Store.
func (s *standing) Update(ctx context.Context, fn func(core.Tx) error) error {
	leaves := false
	err := s.unreachable.Update(ctx, func(tx core.Tx) error {
		leaves = false
		return fn(&noting{tx, &leaves})
	})
	if leaves && err == nil && s.stood.CompareAndSwap(false, true) {
		s.away.Store(true)
		nap(time.Minute)
		s.away.Store(false)
	}
	return err
}

// noting notes that a task leaves for a Kie account.
type noting struct {
	core.Tx
	leaves *bool
}

// PutSetting implements core.Tx.
func (n *noting) PutSetting(name string, value []byte) error {
	*n.leaves = *n.leaves || strings.HasPrefix(name, "kie_sent/")
	return n.Tx.PutSetting(name, value)
}

// Who stood still between the commit and createTask does not ask Kie any more:
// another replica may have found out that the task is lost. It is refunded.
func TestStoodStillBeforeKieIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		s := &standing{unreachable: &unreachable{}}
		w.reopen(func(store core.Store) core.Store {
			s.Store = store
			return s
		})
		ran := make(chan error, 1)
		go func() { ran <- w.engine.Run(t.Context()) }()
		id := w.submit(request("a cat"))
		if err := <-ran; !errors.Is(err, core.ErrLeaseLost) {
			t.Errorf("Run: %v, want ErrLeaseLost", err)
		}
		if n := w.calls(kietest.CallCreate); n != 0 {
			t.Errorf("Kie was asked %d times under a lease that had ended", n)
		}
		w.run()
		w.untilState(id, core.Failed)
		if usage := w.balance(ada); usage != (core.Usage{}) {
			t.Errorf("used %+v", usage)
		}
	})
}
