package bolt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/storage/group"
)

// crowd is a store in a bubble with one update that holds its turn, so that
// whatever comes meanwhile shares its commit.
type crowd struct {
	*Store
	t       *testing.T
	release chan struct{}
	callers sync.WaitGroup
}

// gather runs test while an update has its turn and does not end it.
func gather(t *testing.T, opt Options, test func(*testing.T, *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(filepath.Join(t.TempDir(), "kiebot.db"), opt)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c := &crowd{Store: s, t: t, release: make(chan struct{})}
		c.callers.Go(func() {
			_ = s.Update(t.Context(), func(tx core.Tx) error {
				<-c.release
				return tx.PutSetting("first", []byte("1"))
			})
		})
		synctest.Wait()
		test(t, c)
	})
}

// add starts an update and waits until it stands in the line.
func (c *crowd) add(ctx context.Context, fn func(core.Tx) error, then func(error)) {
	c.callers.Go(func() { then(c.Update(ctx, fn)) })
	synctest.Wait()
}

// settle lets everybody go on and waits for all of them.
func (c *crowd) settle() {
	close(c.release)
	c.callers.Wait()
}

func (c *crowd) setting(name string) string {
	c.t.Helper()
	var value []byte
	err := c.View(c.t.Context(), func(tx core.Tx) (err error) {
		value, err = tx.Setting(name)
		return err
	})
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		c.t.Fatal(err)
	}
	return string(value)
}

func put(name, value string) func(core.Tx) error {
	return func(tx core.Tx) error { return tx.PutSetting(name, []byte(value)) }
}

func (c *crowd) mustWork(err error) {
	if err != nil {
		c.t.Errorf("Update: %v", err)
	}
}

// transactions is how many transactions have been committed.
func (s *Store) transactions(t testing.TB) int {
	t.Helper()
	tx, err := s.db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	return tx.ID()
}

func TestOneCommitForAllWhoWait(t *testing.T) {
	gather(t, Options{}, func(t *testing.T, c *crowd) {
		before := c.transactions(t)
		for n := range 100 {
			c.add(t.Context(), put(fmt.Sprint("n", n), "x"), c.mustWork)
		}
		c.settle()
		if n := c.transactions(t) - before; n != 1 {
			t.Errorf("101 updates made %d commits, want 1", n)
		}
		for n := range 100 {
			if c.setting(fmt.Sprint("n", n)) != "x" {
				t.Fatalf("update %d is lost", n)
			}
		}
	})
}

func TestNothingWrittenNothingCommitted(t *testing.T) {
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	before := s.transactions(t)
	refused := errors.New("no")
	for _, fn := range []func(core.Tx) error{
		func(core.Tx) error { return nil },
		func(tx core.Tx) error { return errors.Join(tx.PutSetting("a", nil), refused) },
	} {
		if err := s.Update(t.Context(), fn); err != nil && !errors.Is(err, refused) {
			t.Error(err)
		}
	}
	if n := s.transactions(t) - before; n != 0 {
		t.Errorf("%d commits", n)
	}
}

// A refusal, a panic and an end of the goroutine in the middle of a batch
// leave no trace, and what the neighbours wrote on the same keys stays.
func TestNeighboursAreNotDisturbed(t *testing.T) {
	gather(t, Options{}, func(t *testing.T, c *crowd) {
		refused := errors.New("refused")
		add := func(text string, end func() error) func(core.Tx) error {
			return func(tx core.Tx) error {
				old, err := tx.Setting("log")
				if err != nil && !errors.Is(err, core.ErrNotFound) {
					return err
				}
				id, err := tx.AddDelivery(core.Delivery{Lane: "web:c", Lead: "x"})
				return errors.Join(err,
					tx.PutSetting("log", append(old, text...)),
					tx.PutSetting("number of "+text, []byte(fmt.Sprint(id))),
					tx.DeleteSetting("first"), end())
			}
		}
		fine := func() error { return nil }
		c.add(t.Context(), add("a", fine), c.mustWork)
		c.add(t.Context(), add("b", func() error { return refused }), func(err error) {
			if !errors.Is(err, refused) {
				t.Errorf("the refused update answered %v", err)
			}
		})
		c.callers.Go(func() {
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("recovered %v in the caller's goroutine, want oh", p)
				}
			}()
			_ = c.Update(t.Context(), add("c", func() error { panic("oh") }))
		})
		synctest.Wait()
		c.add(t.Context(), add("d", func() error { runtime.Goexit(); return nil }), func(error) {
			t.Error("Update returned although its function ended the goroutine")
		})
		c.add(t.Context(), add("e", fine), c.mustWork)
		c.settle()
		if log := c.setting("log"); log != "ae" {
			t.Errorf("the log is %q, want ae", log)
		}
		if a, e := c.setting("number of a"), c.setting("number of e"); a != "1" || e != "2" {
			t.Errorf("deliveries %s and %s, want 1 and 2: a refused one has no number", a, e)
		}
		c.mustWork(c.Update(t.Context(), put("after", "x")))
	})
}

func TestCallerWhoLeftIsNotRun(t *testing.T) {
	gather(t, Options{}, func(t *testing.T, c *crowd) {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		c.add(ctx, func(core.Tx) error { t.Error("it was run"); return nil }, func(err error) { left <- err })
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) { // before the one with the turn has ended it
			t.Errorf("Update answered %v", err)
		}
		c.add(t.Context(), put("next", "x"), c.mustWork)
		c.settle()
		if c.setting("next") != "x" {
			t.Error("the next one was not run")
		}
	})
}

func TestCommittedIsReportedAsCommitted(t *testing.T) {
	gather(t, Options{}, func(t *testing.T, c *crowd) {
		ctx, cancel := context.WithCancel(t.Context())
		c.add(ctx, func(tx core.Tx) error { cancel(); return tx.PutSetting("late", []byte("x")) }, c.mustWork)
		c.settle()
		if c.setting("late") != "x" {
			t.Error("it is not there")
		}
	})
}

func TestCloseLetsThemFinish(t *testing.T) {
	gather(t, Options{}, func(t *testing.T, c *crowd) {
		for n := range 10 {
			c.add(t.Context(), put(fmt.Sprint("n", n), "x"), c.mustWork)
		}
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		synctest.Wait()
		if err := c.Update(t.Context(), put("late", "x")); !errors.Is(err, core.ErrStoreClosed) {
			t.Errorf("an update after Close: %v", err)
		}
		c.settle()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// A failed write answers everybody in the batch, and those who wait for the
// next one learn that there is none.
func TestFailedCommitAnswersEveryWaiter(t *testing.T) {
	gather(t, Options{MaxSize: 1 << 18}, func(t *testing.T, c *crowd) {
		var failed, refused int
		var mu sync.Mutex
		count := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, core.ErrStoreClosed):
				refused++
			case err != nil && strings.Contains(err.Error(), "committing to the database"):
				failed++
			default:
				t.Errorf("Update answered %v", err)
			}
		}
		const waiting = group.Most + 50
		for n := range waiting {
			c.callers.Go(func() { count(c.Update(t.Context(), put(fmt.Sprint("n", n), strings.Repeat("x", 4000)))) })
		}
		synctest.Wait()
		c.settle()
		if failed != group.Most-1 || refused != waiting-failed {
			t.Errorf("%d failed with the commit and %d were refused, want %d and %d", failed, refused, group.Most-1, waiting-group.Most+1)
		}
		if err := c.Healthy(); !errors.Is(err, core.ErrStoreClosed) || !strings.Contains(err.Error(), "committing") {
			t.Errorf("Healthy says %v; want that it is closed, and why", err)
		}
	})
}

// Random updates, some refused, many at once, against a map that applies
// those that were kept, in their order.
func TestRandomUpdatesAgainstAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	model := map[core.WindowID]core.Usage{}
	for range 40 {
		round(t, s, r, model)
		if t.Failed() {
			return
		}
	}
}

// round runs a crowd of random updates. Only one has the turn at a time, so
// the model needs no lock of its own.
func round(t *testing.T, s *Store, r *rand.Rand, model map[core.WindowID]core.Usage) {
	t.Helper()
	var callers sync.WaitGroup
	for range 64 {
		r := rand.New(rand.NewPCG(r.Uint64(), 0))
		callers.Go(func() {
			_ = s.Update(t.Context(), func(tx core.Tx) error {
				draft := maps.Clone(model)
				for range r.IntN(8) {
					change(t, tx, r, draft)
				}
				if r.IntN(3) == 0 {
					return errors.New("refused")
				}
				clear(model)
				maps.Copy(model, draft)
				return nil
			})
		})
	}
	callers.Wait()
	err := s.View(t.Context(), func(tx core.Tx) error { return likeModel(tx, model) })
	if err != nil {
		t.Error(err)
	}
}

// change writes or deletes one window, and lists all of them now and then.
func change(t *testing.T, tx core.Tx, r *rand.Rand, model map[core.WindowID]core.Usage) {
	id := core.WindowID(fmt.Sprintf("%03d %s", r.IntN(300), strings.Repeat("w", 60)))
	var err error
	switch r.IntN(10) {
	case 0:
		err = likeModel(tx, model)
	case 1, 2, 3, 4:
		err = tx.DeleteUsage(id)
		delete(model, id)
	default:
		model[id] = core.Usage{Held: core.Credits(r.IntN(1000)), Settled: 1}
		err = tx.PutUsage(id, model[id])
	}
	if err != nil {
		t.Error(err)
	}
}

// likeModel compares the listed windows with the model's.
func likeModel(tx core.Tx, model map[core.WindowID]core.Usage) error {
	all, err := tx.Usages("", "", 1<<20)
	if err != nil {
		return err
	}
	got := map[core.WindowID]core.Usage{}
	for _, w := range all {
		got[w.Window] = w.Usage
	}
	if !maps.Equal(got, model) || len(got) != len(all) {
		return fmt.Errorf("%d windows, the model has %d, or they differ", len(all), len(model))
	}
	if !slices.IsSortedFunc(all, func(a, b core.WindowUsage) int { return strings.Compare(string(a.Window), string(b.Window)) }) {
		return errors.New("the windows are out of order")
	}
	return nil
}

// A view sees what was committed when it began, however long it takes.
func TestViewIsASnapshot(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	if err := s.Update(t.Context(), put("a", "old")); err != nil {
		t.Fatal(err)
	}
	err := s.View(t.Context(), func(tx core.Tx) error {
		began := time.Now()
		if err := s.Update(t.Context(), put("a", "new")); err != nil {
			return err
		}
		value, err := tx.Setting("a")
		if string(value) != "old" {
			t.Errorf("the view sees %q, committed %v after it began", value, time.Since(began))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
