package storagetest

import (
	"errors"
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
	fillWork(t, s)
	if _, err := s.Claim(t.Context(), core.Lease{Owner: "one"}, 10); !errors.Is(err, core.ErrLeaseLost) {
		t.Errorf("a claim without a lease: %v, want ErrLeaseLost", err)
	}
	one := lease(t, s, "one")
	again, err := s.Renew(t.Context(), one, time.Hour)
	if err != nil || again.Fence != one.Fence || !again.Expires.After(one.Expires) {
		t.Errorf("renewed %+v as %+v, %v", one, again, err)
	}
	claimAll(t, s, one, 100)
	if err := guarded(t, s, one, 50); err != nil {
		t.Errorf("an update under a current lease: %v", err)
	}
	if more := claimAll(t, s, one, 100); len(more) != 0 {
		t.Errorf("what the owner wrote itself was handed to it: %+v", more)
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
	_, claimed := s.Claim(t.Context(), l, 10)
	for what, err := range map[string]error{"renewed": renewed, "claimed": claimed, "updated": guarded(t, s, l, 60)} {
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

// Nobody works on what another still holds: either the newer lease gets
// nothing of it, or the older one is lost.
func testNewerLease(t *testing.T, open Opener) {
	s := opened(t, open)
	fillWork(t, s)
	one := lease(t, s, "one")
	if all := claimAll(t, s, one, 100); len(all) != 13 {
		t.Fatalf("claimed %d pieces of work, want 13", len(all))
	}
	two := lease(t, s, "two")
	if len(claimAll(t, s, two, 100)) > 0 {
		wantLost(t, s, one)
		return
	}
	if err := guarded(t, s, one, 50); err != nil {
		t.Errorf("the work is still the first one's, and it cannot do it: %v", err)
	}
}
