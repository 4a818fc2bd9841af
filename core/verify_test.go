package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// verify is what Verify reports.
func (w *world) verify() []string {
	w.t.Helper()
	var problems []string
	seen, err := core.Verify(w.t.Context(), w.store, func(p string) { problems = append(problems, p) })
	w.must(err)
	if seen.Problems != len(problems) {
		w.t.Errorf("%d problems were counted, %d reported", seen.Problems, len(problems))
	}
	return problems
}

// TestVerifyFindsWhatIsWrong breaks one record at a time of a store that has
// a bit of everything.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 12_000 }, func(t *testing.T, w *world) {
		w.must(w.engine.Grant(t.Context(), admin("a gift"), ada, 30_000))
		done := w.submit(request("a cat"))
		w.untilShown(done)
		w.kie.NextCreate(kietest.Fail("501", "no luck"))
		failed := w.submit(requestOf(adaPhone, "a dog"))
		w.untilShown(failed)
		w.link(adaPhone, ada)
		w.must(w.engine.Adjust(t.Context(), admin(""), ada, 100))
		_, err := w.engine.RefundTask(t.Context(), admin("ugly"), done)
		w.must(err)
		w.stop()
		open := w.submit(requestOf(adaPhone, "two dogs")) // its delivery waits, too
		if problems := w.verify(); len(problems) > 0 {
			t.Fatalf("nothing is wrong yet, but it says\n%s", strings.Join(problems, "\n"))
		}
		account := w.account(ada)
		day := w.task(open).Hold.Shares[0].Window
		for name, c := range map[string]struct {
			breaks func(core.Tx) error
			says   string
		}{
			"a window": {func(tx core.Tx) error {
				return tx.PutUsage(day, core.Usage{Held: 1, Settled: 2})
			}, "window " + string(day) + " has held 0.001, settled 0.002, granted 0, its ledger comes to held"},
			"a window that is gone": {func(tx core.Tx) error { return tx.DeleteUsage(day) }, "window " + string(day) + " has held 0"},
			"a window of everybody": {func(tx core.Tx) error {
				return tx.PutUsage("total/2000-01-07", core.Usage{Settled: 8000})
			}, "window total/2000-01-07 has held 0, settled 8, granted 0, its ledger comes to held 0"},
			"a window of nobody": {func(tx core.Tx) error {
				return tx.PutUsage("day/nobody/2000-01-01", core.Usage{})
			}, "window day/nobody/2000-01-01 is of an account that is not there"},
			"granted credits": {func(tx core.Tx) error {
				return tx.PutUsage(core.WindowID("granted/"+account.ID), core.Usage{Granted: 1})
			}, "window granted/" + string(account.ID) + " has"},
			"an entry": {func(tx core.Tx) error {
				entries, err := tx.Entries(account.ID, 0, 1)
				return errors.Join(err, tx.DeleteEntry(account.ID, entries[0].Seq))
			}, "its ledger comes to"},
			"all entries of the end": {func(tx core.Tx) error {
				return tx.AddEntry(core.Entry{Account: account.ID, Task: open, Kind: core.EntrySettle})
			}, ""},
			"a task that ended": {func(tx core.Tx) error {
				task, err := tx.Task(open)
				task.State, task.Finished, task.Due = core.Succeeded, time.Now(), time.Time{}
				return errors.Join(err, tx.PutTask(task))
			}, "its ledger has no settle"},
			"a task that came back": {func(tx core.Tx) error {
				task, err := tx.Task(done)
				task.State = core.Running
				return errors.Join(err, tx.PutTask(task))
			}, "task " + string(done) + " is running and holds"},
			"a task that is gone": {func(tx core.Tx) error { return tx.DeleteTask(open) }, "is about task " + string(open) + ", which is not there"},
			"a hold": {func(tx core.Tx) error {
				task, err := tx.Task(open)
				task.Hold.Shares = task.Hold.Shares[:1]
				return errors.Join(err, tx.PutTask(task))
			}, "holds"},
			"an identity": {func(tx core.Tx) error {
				return tx.PutAccount(core.Account{ID: "0thief", Identities: []core.Identity{ada}})
			}, "has the identity chat:ada, which leads to \"0thief\""},
			"a link": {func(tx core.Tx) error {
				a := account
				a.From = nil
				return tx.PutAccount(a)
			}, "which does not know it"},
		} {
			undone := errors.New("undone")
			var problems []string
			err := w.store.Update(t.Context(), func(tx core.Tx) error {
				problems = nil
				if err := c.breaks(tx); err != nil {
					return err
				}
				_, err := core.Verify(t.Context(), inside{tx: tx}, func(p string) { problems = append(problems, p) })
				return errors.Join(err, undone)
			})
			if !errors.Is(err, undone) {
				t.Fatalf("%s: %v", name, err)
			}
			said := strings.Join(problems, "\n")
			if c.says == "" != (said == "") || !strings.Contains(said, c.says) {
				t.Errorf("%s: it says\n%s\nwant %q", name, said, c.says)
			}
		}
		if problems := w.verify(); len(problems) > 0 {
			t.Errorf("everything was undone, but it says\n%s", strings.Join(problems, "\n"))
		}
	})
}

// inside is a store whose views see what a transaction has written.
type inside struct {
	core.Store
	tx core.Tx
}

// View implements core.Store.
func (s inside) View(_ context.Context, fn func(core.Tx) error) error { return fn(s.tx) }

// A ledger that was pruned is still right.
func TestVerifyAfterPruning(t *testing.T) {
	var clock wallClock
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Now = core.Unlimited, clock.now }, func(t *testing.T, w *world) {
		for n := range 6 {
			w.kie.NextCreate(kietest.HoldTask())
			across := w.submit(request("a slow cat"))
			w.untilState(across, core.Running)
			clock.skew.Add(int64(30 * 24 * time.Hour))
			w.kie.Release(w.kie.Tasks()[2*n].ID)
			w.until("it ended", func() bool { return w.task(across).State.Final() })
			w.untilShown(w.submit(request("a cat")))
			nap(2 * time.Hour) // the janitor comes
			if problems := w.verify(); len(problems) > 0 {
				t.Fatalf("after %d months it says\n%s", n+1, strings.Join(problems, "\n"))
			}
		}
		if n := len(w.history(ada)); n >= 12 {
			t.Errorf("%d tasks are left, nothing was pruned", n)
		}
	})
}
