package core_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

// backup is a marked copy of the store as it is now.
func (w *world) backup() []byte {
	w.t.Helper()
	path := filepath.Join(w.dir, "backup.db")
	var data bytes.Buffer
	w.must(w.bolt.Backup(w.t.Context(), &data))
	w.must(os.WriteFile(path, data.Bytes(), 0o600))
	copied, err := bolt.Open(path, bolt.Options{})
	w.must(err)
	w.must(core.MarkCopy(w.t.Context(), copied, time.Now()))
	w.must(copied.Close())
	marked, err := os.ReadFile(path)
	w.must(err)
	return marked
}

// restore kills what runs and puts the copy in the store's place.
func (w *world) restore(copied []byte, wrap func(core.Store) core.Store) {
	w.t.Helper()
	w.stop()
	w.must(w.shut())
	w.must(os.WriteFile(filepath.Join(w.dir, "kiebot.db"), copied, 0o600))
	w.open(wrap)
}

// wantOnePayment holds against promise 3 whatever was asked of Kie, ever.
func wantOnePayment(t *testing.T, w *world) {
	t.Helper()
	perTask := map[string]int{}
	for _, kieTask := range w.kie.Tasks() {
		perTask[kieTask.CallbackURL]++
	}
	for url, n := range perTask {
		if n != 1 {
			t.Errorf("%d Kie tasks for %s", n, url)
		}
	}
	if problems := w.verify(); len(problems) > 0 {
		t.Errorf("the store is wrong: %q", problems)
	}
}

// A backup is taken at every station of a task's life; then everything goes on
// to the end, the process is killed, the backup is restored, and a new process
// starts. Kie is asked for nothing a second time, and nobody pays for what is
// not known any more.
func TestRestoredAtEveryStation(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*world) (id core.TaskID, lift func())
		state core.State // in the backup
		end   core.State // after the restore
		why   core.Reason
	}{
		"queued": {func(w *world) (core.TaskID, func()) {
			lift := w.kie.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
			return w.submit(request("a cat")), lift
		}, core.Queued, core.Failed, core.FailRestored},
		"creating": {func(w *world) (core.TaskID, func()) {
			gate := make(chan struct{})
			w.kie.NextCreate(kietest.After(kietest.Hold(gate)))
			return w.submit(request("a cat")), func() { close(gate) }
		}, core.Creating, core.Failed, core.FailUnknown},
		"running": {func(w *world) (core.TaskID, func()) {
			w.kie.NextCreate(kietest.HoldTask())
			return w.submit(request("a cat")), func() { w.kie.Release(w.kie.Tasks()[0].ID) }
		}, core.Running, core.Succeeded, ""},
		"succeeded": {func(w *world) (core.TaskID, func()) {
			return w.submit(request("a cat")), func() {}
		}, core.Succeeded, core.Succeeded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			operator := &pager{}
			play(t, kietest.Config{}, func(c *core.Config) { c.Alert = operator.Alert }, func(t *testing.T, w *world) {
				id, lift := c.begin(w)
				w.untilState(id, c.state)
				if c.state == core.Queued { // and surely not under way
					w.until("it waits", func() bool { return w.task(id).Waiting == core.WaitBusy })
				}
				copied := w.backup()
				lift()
				w.untilShown(id)
				later := w.submit(request("a dog that the backup does not know"))
				w.untilShown(later)
				paid := len(w.kie.Creates())
				w.restore(copied, nil)
				w.run()
				task := w.untilShown(id)
				if task.State != c.end || c.why != "" && task.Failure.Reason != c.why {
					t.Errorf("it is %s, %+v; want %s", task.State, task.Failure, c.end)
				}
				if c.end == core.Failed && (w.balance(ada) != core.Usage{}) {
					t.Errorf("it failed, and somebody paid %v", w.balance(ada))
				}
				if n := len(w.kie.Creates()); n != paid {
					t.Errorf("Kie was asked for %d tasks after the restore", n-paid)
				}
				wantOnePayment(t, w)
				if taken, err := core.CopyTaken(t.Context(), w.store); err != nil || !taken.IsZero() {
					t.Errorf("the mark is still there: %v, %v", taken, err)
				}
				w.until("the operator is told", func() bool { return slices.Contains(operator.kinds(), core.AlertRestored) })
				w.submit(request("a new cat")) // all goes on
				w.stop()
				w.run()
				w.until("nothing is ended twice", func() bool { return w.balance(ada).Settled > 0 && w.balance(ada).Held == 0 })
			})
		})
	}
}

// A queued task of a restored backup may be at Kie since. When Kie tells of it
// after all, its result comes late, and free.
func TestRestoredTaskThatKieHas(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		lift := w.kie.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
		id := w.submit(request("a cat"))
		w.until("it waits", func() bool { return w.task(id).Waiting == core.WaitBusy })
		copied := w.backup()
		w.kie.NextCreate(kietest.HoldTask())
		lift()
		w.untilState(id, core.Running)
		w.restore(copied, nil)
		w.run()
		w.untilState(id, core.Failed)
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.until("the late result is shown", func() bool { return w.chat.last(id).Delivery.Kind == core.DeliverLate })
		if task := w.task(id); !task.Late || task.Charged != 0 || task.OperatorLoss == 0 {
			t.Errorf("late %v, charged %s, lost %s", task.Late, task.Charged, task.OperatorLoss)
		}
		wantOnePayment(t, w)
	})
}

// The process dies at every commit after a restore, in both forms.
func TestDieAfterARestore(t *testing.T) { dieEverywhere(t, dieRestored) }

func dieRestored(t *testing.T, at int, after bool) (died bool) {
	w := newWorld(t, kietest.Config{}, nil)
	defer w.close()
	w.run()
	lift := w.kie.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
	two := request("two dogs")
	two.Count = 2
	ids := []core.TaskID{w.submit(request("a cat")), w.submit(two)}
	w.until("they wait", func() bool { return w.task(ids[0]).Waiting != "" && w.task(ids[1]).Waiting != "" })
	copied := w.backup()
	lift()
	for _, id := range ids {
		w.untilShown(id)
	}
	var d *witness
	w.restore(copied, func(s core.Store) core.Store { d = newWitness(s); return d })
	d.arm(at, after)
	w.mayDie = true
	w.run()
	calm := time.After(10 * time.Minute)
	select {
	case <-d.dead:
		died = true
	case <-calm:
	}
	synctest.Wait()
	w.reopen(nil)
	w.run()
	for _, id := range ids {
		if task := w.untilShown(id); task.State != core.Failed || task.Failure.Reason != core.FailRestored {
			t.Errorf("task %s is %s, %+v", id, task.State, task.Failure)
		}
	}
	if used := w.balance(ada); used != (core.Usage{}) {
		t.Errorf("somebody paid %v", used)
	}
	wantOnePayment(t, w)
	return died
}

// What is accepted before the engine has seen that it runs on a copy is not of
// the copy, and what is of the copy is not new, whatever the clock says.
func TestRestoredWithClocksThatWereSet(t *testing.T) {
	for _, ahead := range []time.Duration{-24 * time.Hour, 0, 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			var shift time.Duration
			play(t, kietest.Config{}, func(c *core.Config) { c.Now = func() time.Time { return time.Now().Add(shift) } }, func(t *testing.T, w *world) {
				w.stop()
				shift = ahead
				old := w.submit(request("a cat"))
				shift = 0
				copied := w.backup()
				nap(time.Second)
				w.restore(copied, nil)
				fresh := w.submit(request("a dog"))
				w.run()
				if task := w.untilShown(fresh); task.State != core.Succeeded {
					t.Errorf("the new one is %s, %+v", task.State, task.Failure)
				}
				if task := w.untilShown(old); task.State != core.Failed || task.Failure.Reason != core.FailRestored {
					t.Errorf("the one of the copy is %s, %+v", task.State, task.Failure)
				}
			})
		})
	}
}

// Copies of copies know when the first was taken.
func TestMarkCopyOnce(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.stop()
		first := time.Now()
		w.must(core.MarkCopy(t.Context(), w.store, first))
		nap(time.Hour)
		w.must(core.MarkCopy(t.Context(), w.store, time.Now()))
		if taken, err := core.CopyTaken(t.Context(), w.store); err != nil || !taken.Equal(first) {
			t.Errorf("%v, %v; want %v", taken, err, first)
		}
	})
}

func TestBackupFailedIsTold(t *testing.T) {
	operator := &pager{}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert = operator.Alert }, func(t *testing.T, w *world) {
		for range 3 {
			w.must(w.engine.BackupFailed(t.Context(), errors.New("no space left on device")))
		}
		w.until("the operator is told", func() bool { return len(operator.kinds()) == 1 })
		if a := operator.last(); a.Kind != core.AlertBackup || a.Detail != "no space left on device" {
			t.Errorf("%+v", a)
		}
	})
}
