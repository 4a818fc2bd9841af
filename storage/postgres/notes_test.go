package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/storage/postgres"
)

// follower hears what a replica hears.
type follower struct {
	store *postgres.Store
	lease core.Lease
	moved chan struct{}
	ended chan error

	mu    sync.Mutex
	heard []string
}

func follow(ctx context.Context, t *testing.T, s *postgres.Store, owner string) *follower {
	t.Helper()
	f := &follower{store: s, moved: make(chan struct{}, 100), ended: make(chan error, 1)}
	var err error
	if f.lease, err = s.Renew(ctx, core.Lease{Owner: owner}, time.Minute); err != nil {
		t.Fatal(err)
	}
	go func() {
		f.ended <- s.Follow(ctx, f.lease, func(note []byte) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.heard = append(f.heard, string(note))
		}, func() { f.moved <- struct{}{} })
	}()
	return f
}

func (f *follower) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

// say commits an update with a note.
func (f *follower) say(t *testing.T, what string) {
	t.Helper()
	err := f.store.Update(t.Context(), func(tx core.Tx) error {
		if err := tx.PutSetting("said", []byte(what)); err != nil {
			return err
		}
		return tx.Notify(func() ([]byte, error) { return []byte(what), nil })
	})
	if err != nil {
		t.Error(err)
	}
}

// What others have committed before an update is heard before it returns; and
// soon, without an update, from a notification. Nobody hears itself, or anything twice.
func TestNotesAreHeardInOrder(t *testing.T) {
	address := shared(t).Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	one, two := follow(ctx, t, open(t, address), "one"), follow(ctx, t, open(t, address), "two")
	until(t, "both follow", func() bool { // what is said before is heard as well, but not in an update
		one.say(t, `"warm"`)
		two.say(t, `"up"`)
		return len(one.notes()) > 0 && len(two.notes()) > 0
	})
	before := len(two.notes())
	var want []string
	for n := range 50 {
		note := fmt.Sprintf(`{"n": %d}`, n)
		want = append(want, note)
		one.say(t, note)
		two.say(t, `"mine"`)
		if got := two.notes()[before:]; !slices.Equal(got, want) {
			t.Fatalf("after its update it has heard %q, want %q", got, want)
		}
	}
	one.say(t, `"last"`)
	until(t, "the last is heard by a notification", func() bool { return slices.Contains(two.notes(), `"last"`) })
	if slices.Contains(one.notes(), `"last"`) {
		t.Error("it hears itself")
	}
	cancel()
	if err := errors.Join(<-one.ended, <-two.ended); err != nil {
		t.Error(err)
	}
}

// A note is heard, too, when nothing was written beside it.
func TestANoteAlone(t *testing.T) {
	address := shared(t).Database(t)
	one, two := follow(t.Context(), t, open(t, address), "one"), follow(t.Context(), t, open(t, address), "two")
	err := one.store.Update(t.Context(), func(tx core.Tx) error {
		return tx.Notify(func() ([]byte, error) { return []byte(`"alone"`), nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it is heard", func() bool { return slices.Contains(two.notes(), `"alone"`) })
}

// An update that is refused leaves no note.
func TestNoNoteOfWhatIsNotCommitted(t *testing.T) {
	address := shared(t).Database(t)
	one, two := follow(t.Context(), t, open(t, address), "one"), follow(t.Context(), t, open(t, address), "two")
	refusal := errors.New("no")
	err := one.store.Update(t.Context(), func(tx core.Tx) error {
		return errors.Join(tx.Notify(func() ([]byte, error) { return []byte(`"never"`), nil }), refusal)
	})
	if !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	one.say(t, `"always"`)
	until(t, "it is heard", func() bool { return slices.Contains(two.notes(), `"always"`) })
	if got := two.notes(); len(got) != 1 {
		t.Errorf("heard %q", got)
	}
}

// Who joins, leaves, dies or takes a duty is told of to the others.
func TestMovesAreTold(t *testing.T) {
	address := shared(t).Database(t)
	one := follow(t.Context(), t, open(t, address), "one")
	other := open(t, address)
	told := func(what string) {
		t.Helper()
		select {
		case <-one.moved:
		case <-time.After(10 * time.Second):
			t.Errorf("not told that another replica %s", what)
		}
	}
	lease, err := other.Renew(t.Context(), core.Lease{Owner: "two"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	told("joined")
	if _, err := other.Take(t.Context(), lease, []core.Duty{"chores"}); err != nil {
		t.Fatal(err)
	}
	told("took a duty")
	if err := other.Yield(t.Context(), lease, []core.Duty{"chores"}); err != nil {
		t.Fatal(err)
	}
	told("left a duty")
	if _, err := other.Renew(t.Context(), lease, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	told("died")
}

// A replica that has missed what is not there any more begins anew.
func TestNotesThatAreGone(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	one, other := open(t, address), follow(t.Context(), t, open(t, address), "other")
	lease, err := one.Renew(t.Context(), core.Lease{Owner: "one"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		other.say(t, `"missed"`)
	}
	server.Exec(t, address, "DELETE FROM kiebot.notes WHERE number < (SELECT max(number) FROM kiebot.notes)")
	nothing := func([]byte) { t.Error("heard what comes after a gap") }
	if err := one.Follow(t.Context(), lease, nothing, func() {}); !errors.Is(err, core.ErrLeaseLost) {
		t.Errorf("after a gap: %v, want ErrLeaseLost", err)
	}
}

// until waits for something that another process does by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for limit := time.After(20 * time.Second); !is(); {
		select {
		case <-ticks.C:
		case <-limit:
			t.Fatalf("not in time: %s", what)
		}
	}
}
