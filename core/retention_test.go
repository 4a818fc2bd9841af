package core_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

const kept = 48 * time.Hour

func keepTwoDays(c *core.Config) { c.Retention = kept }

// What ended too long ago is forgotten; what it cost stays in the sums.
func TestRetention(t *testing.T) {
	play(t, kietest.Config{}, keepTwoDays, func(t *testing.T, w *world) {
		old := request("long ago")
		old.Count = 2
		first := w.submit(old)
		w.untilShown(first)
		second := w.task(first).Batch[1]
		nap(24 * time.Hour)
		later := w.submit(request("a day later"))
		w.untilShown(later)
		nap(kept + time.Hour)
		for _, id := range []core.TaskID{first, second} {
			if w.kept(id) {
				t.Errorf("task %s of three days ago is still there", id)
			}
		}
		if !w.kept(later) {
			t.Error("a task of two days ago is gone")
		}
		nap(72 * time.Hour)
		last := w.submit(request("at the end"))
		w.untilShown(last)
		if w.kept(later) {
			t.Error("a task of five days ago is still there")
		}
		days, carried := w.ledger(ada)
		if len(days) != 1 {
			t.Errorf("days that are kept: %v, want today", days)
		}
		if !slices.Contains(carried, core.EntryCarry) || len(carried) > 3 {
			t.Errorf("the ledger is %v, want a carry and the last task", carried)
		}
		w.balance(ada)
	})
}

// A batch stays whole until its last task is too old.
func TestRetentionKeepsBatchesWhole(t *testing.T) {
	play(t, kietest.Config{}, keepTwoDays, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Stick())
		req := request("one of two sticks")
		req.Count = 2
		lead := w.submit(req)
		w.untilShown(lead)
		ids := w.task(lead).Batch
		nap(kept + 25*time.Hour)
		if w.kept(ids[0]) != w.kept(ids[1]) {
			t.Error("half of a batch was forgotten")
		}
	})
}

// Pruning that is cut off by the end of the process goes on after the next start.
func TestRetentionGoesOn(t *testing.T) {
	play(t, kietest.Config{}, keepTwoDays, func(t *testing.T, w *world) {
		lead := w.submit(request("long ago"))
		w.untilShown(lead)
		w.mayDie = true
		nap(kept + 23*time.Hour)
		for at := 1; w.kept(lead); at++ {
			w.reopen(func(s core.Store) core.Store {
				d := newWitness(s)
				d.arm(at, at%2 == 0)
				return d
			})
			w.run()
			nap(2 * time.Hour)
			if at > 20 {
				t.Fatal("it is never forgotten")
			}
		}
		w.reopen(nil)
		w.run()
		nap(2 * time.Hour)
		w.balance(ada)
		if days, _ := w.ledger(ada); len(days) != 0 {
			t.Errorf("days that are kept: %v, want none", days)
		}
	})
}

func (w *world) kept(id core.TaskID) bool {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		_, err := tx.Task(id)
		return err
	})
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		w.t.Fatal(err)
	}
	return err == nil
}

// ledger lists the person's day windows and the kinds of the ledger's lines.
func (w *world) ledger(who core.Identity) (days []core.WindowID, kinds []core.EntryKind) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		account, err := tx.AccountOf(who)
		if err != nil {
			return err
		}
		windows, err := tx.Usages("day/"+core.WindowID(account.ID), "", 100)
		for _, window := range windows {
			days = append(days, window.Window)
		}
		if err != nil {
			return err
		}
		entries, err := tx.Entries(account.ID, 0, 100)
		for _, e := range entries {
			kinds = append(kinds, e.Kind)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return days, kinds
}
