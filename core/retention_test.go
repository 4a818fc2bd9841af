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

// A clock that is set ahead by more than the retention takes no result that
// still waits to be shown, nor one that is still to be read.
func TestRetentionWaitsForTheChat(t *testing.T) {
	var clock wallClock
	change := func(c *core.Config) { c.Retention, c.Now = kept, clock.now }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		over := w.submit(request("shown in time"))
		w.untilShown(over)
		w.kie.NextCreate(kietest.Stick(), kietest.CallbackNever())
		slow := w.submit(request("slower than the deadline"))
		w.untilShown(slow)
		w.chat.set(func(core.Parcel) error { return errors.New("the platform is down") })
		paid := w.submit(request("paid for"))
		w.untilState(paid, core.Succeeded)
		clock.skew.Add(int64(100 * 24 * time.Hour))
		nap(time.Hour + time.Minute)
		if w.kept(over) || !w.kept(paid) || !w.kept(slow) {
			t.Fatalf("kept: what was shown %v, what waits to be shown %v, what is still read %v", w.kept(over), w.kept(paid), w.kept(slow))
		}
		w.kie.Release(w.kie.Tasks()[1].ID)
		w.chat.set(nil)
		task := w.untilShown(paid)
		if m := w.chat.message(t, paid); task.State != core.Succeeded || m.last.Tasks[0].Outputs[0].File == nil {
			t.Errorf("it is %s, and the chat shows %+v", task.State, m.last.Tasks[0].Outputs)
		}
		w.until("the late result is shown", func() bool { return w.chat.last(slow).Delivery.Kind == core.DeliverLate })
		nap(kept)
		if !w.kept(paid) {
			t.Error("what was shown two days ago is gone")
		}
		nap(25 * time.Hour)
		if w.kept(paid) || w.kept(slow) {
			t.Error("what was shown three days ago is still there")
		}
		if problems := w.verify(); len(problems) > 0 {
			t.Errorf("Verify: %q", problems)
		}
	})
}

// A platform that is off for longer than the retention shows everything once
// it is back, and the retention begins then. What waits for it, however much,
// keeps nothing else from being forgotten.
func TestRetentionWaitsForThePlatform(t *testing.T) {
	change := func(c *core.Config) { c.Retention, c.UserDaily = kept, core.Unlimited }
	play(t, kietest.Config{Credits: 1 << 40}, change, func(t *testing.T, w *world) {
		on := w.cfg.Adapters
		asked := w.submit(request("shown, and asked for once more"))
		w.untilShown(asked)
		w.cfg.Adapters = map[string]core.Adapter{"other": w.chat}
		w.reopen(nil)
		w.run()
		waiting := []core.TaskID{asked}
		if _, err := w.engine.Show(t.Context(), string(asked), "chat:show", request("").Origin); err != nil {
			t.Fatal(err)
		}
		for range 21 { // more tasks than are looked at in one commit
			req := request("ten at once")
			req.Count = core.MaxBatch
			waiting = append(waiting, w.submit(req))
		}
		for _, lead := range waiting[1:] {
			w.untilState(w.task(lead).Batch[core.MaxBatch-1], core.Succeeded)
		}
		other := request("on another platform")
		other.Origin.Lane = "other:room"
		over := w.submit(other)
		w.untilShown(over)
		nap(kept + 25*time.Hour)
		if w.kept(over) {
			t.Error("what was shown three days ago is still there")
		}
		w.kie.Always(kietest.CallFile, kietest.HTML(404)) // the links have expired
		w.cfg.Adapters = on
		w.reopen(nil)
		w.run()
		for _, lead := range waiting[1:] {
			w.untilShown(lead)
			if out := w.chat.last(lead).Tasks[core.MaxBatch-1].Outputs[0]; out.File == nil {
				t.Errorf("shown without its file: %+v", out)
			}
		}
		if shown := w.chat.shown(core.DeliverShow); len(shown) != 1 {
			t.Errorf("shown once more: %v", shown)
		}
		nap(kept)
		if !w.kept(waiting[1]) {
			t.Error("what was shown two days ago is gone")
		}
		nap(25 * time.Hour)
		for _, lead := range waiting {
			if w.kept(lead) {
				t.Fatalf("task %s, shown three days ago, is still there", lead)
			}
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
