package storagetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kiebot/core"
)

// guarded stores a task under the lease.
func guarded(t *testing.T, s core.Store, l core.Lease, n int) error {
	t.Helper()
	return s.Update(t.Context(), func(tx core.Tx) error {
		if err := tx.PutSetting("before", nil); err != nil {
			return err
		}
		if err := tx.Guard(l); err != nil {
			return err
		}
		return tx.PutTask(task(n, "a"))
	})
}

func testLease(t *testing.T, open Opener) {
	s := opened(t, open)
	if _, err := s.Take(t.Context(), core.Lease{Owner: "one"}, someDuties); !errors.Is(err, core.ErrLeaseLost) {
		t.Errorf("duties without a lease: %v, want ErrLeaseLost", err)
	}
	one := lease(t, s, "one")
	again, err := s.Renew(t.Context(), one, time.Hour)
	if err != nil || again.Fence != one.Fence || !again.Expires.After(one.Expires) {
		t.Errorf("renewed %+v as %+v, %v", one, again, err)
	}
	if err := guarded(t, s, one, 50); err != nil {
		t.Errorf("an update under a current lease: %v", err)
	}
	if err := s.Release(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t.Context(), one); err != nil {
		t.Errorf("released twice: %v", err)
	}
	wantLost(t, s, one)
	if two := lease(t, s, "two"); two.Fence <= one.Fence {
		t.Errorf("fences %d, then %d", one.Fence, two.Fence)
	}
}

// wantLost checks that nothing can be done under the lease.
func wantLost(t *testing.T, s core.Store, l core.Lease) {
	t.Helper()
	_, renewed := s.Renew(t.Context(), l, time.Minute)
	_, taken := s.Take(t.Context(), l, someDuties)
	for what, err := range map[string]error{"renewed": renewed, "took a duty": taken, "updated": guarded(t, s, l, 60)} {
		if !errors.Is(err, core.ErrLeaseLost) {
			t.Errorf("%s under a lost lease: %v, want ErrLeaseLost", what, err)
		}
	}
	view(t, s, func(tx core.Tx) error {
		if _, err := tx.Task(id(60)); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("an update under a lost lease was stored: %v", err)
		}
		return nil
	})
}

var someDuties = []core.Duty{"chores", "kie/main", "lanes/07"}

// take takes some of the duties and says which were given.
func take(t *testing.T, s core.Store, l core.Lease, duties ...core.Duty) []core.Duty {
	t.Helper()
	got, err := s.Take(t.Context(), l, duties)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func replicas(t *testing.T, s core.Store) []core.Replica {
	t.Helper()
	all, err := s.Replicas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testDuties(t *testing.T, open Opener) {
	s := opened(t, open)
	if all := replicas(t, s); len(all) != 0 {
		t.Errorf("before the first lease %+v", all)
	}
	one := lease(t, s, "one")
	if got := take(t, s, one, someDuties...); !slices.Equal(got, someDuties) {
		t.Errorf("took %q, want %q", got, someDuties)
	}
	if got := take(t, s, one, "chores"); len(got) != 1 {
		t.Errorf("what it had already was not given: %q", got)
	}
	if err := s.Yield(t.Context(), one, []core.Duty{"kie/main", "nothing"}); err != nil {
		t.Fatal(err)
	}
	all := replicas(t, s)
	if len(all) != 1 || all[0].Fence != one.Fence || all[0].Owner != "one" || all[0].Since.IsZero() || !slices.Equal(all[0].Duties, []core.Duty{"chores", "lanes/07"}) {
		t.Errorf("the replicas are %+v", all)
	}
	if err := s.Release(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if all := replicas(t, s); len(all) != 0 {
		t.Errorf("after the release %+v", all)
	}
	if got := take(t, s, lease(t, s, "two"), someDuties...); !slices.Equal(got, someDuties) {
		t.Errorf("after the release another took %q", got)
	}
}

func testDutiesReopened(t *testing.T, open Opener) {
	dir := t.TempDir()
	s := open(t, dir)
	one := lease(t, s, "one")
	take(t, s, one, someDuties...)
	if _, err := s.Renew(t.Context(), one, time.Nanosecond); err != nil { // a store may outlive who has it open
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if got := take(t, s, lease(t, s, "two"), someDuties...); !slices.Equal(got, someDuties) {
		t.Errorf("after reopening another took %q", got)
	}
}

// A duty is one lease's: either the newer lease does not get it, or the older
// one is lost.
func testNewerLease(t *testing.T, open Opener) {
	s := opened(t, open)
	one := lease(t, s, "one")
	take(t, s, one, someDuties...)
	two := lease(t, s, "two")
	if len(take(t, s, two, someDuties...)) > 0 {
		wantLost(t, s, one)
		return
	}
	if err := guarded(t, s, one, 50); err != nil {
		t.Errorf("the duties are still the first one's, and it cannot do them: %v", err)
	}
}
