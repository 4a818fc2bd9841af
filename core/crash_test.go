package core_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// The process dies at every commit of the life of two tasks, in both forms.
// Whatever the moment: one final state, one Kie task, the right quota, and
// the end in the chat.
func TestDieAtEveryCommit(t *testing.T) { dieEverywhere(t, dieAt) }

// dieEverywhere lets the process die at one commit after the other, in both
// forms, until it lives longer than that.
func dieEverywhere(t *testing.T, dieAt func(t *testing.T, at int, after bool) (died bool)) {
	t.Helper()
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			died := true
			t.Run(fmt.Sprintf("commit %d, after %v", at, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { died = dieAt(t, at, after) })
			})
			if !died || t.Failed() {
				break
			}
			if at > 100 {
				t.Fatal("the lives have more commits than they can")
			}
		}
	}
}

func dieAt(t *testing.T, at int, after bool) (died bool) {
	w := newWorld(t, kietest.Config{}, nil)
	defer w.close()
	var d *witness
	w.reopen(func(s core.Store) core.Store { d = newWitness(s); return d })
	d.arm(at, after)
	w.mayDie = true
	w.run()
	requests := []core.Request{request("a cat"), request("a dog")}
	requests[1].Count = 2
	for _, req := range requests {
		_, _ = w.engine.Submit(t.Context(), req) // a dead process answers nobody
	}
	calm := time.After(10 * time.Minute)
	select {
	case <-d.dead:
		died = true
	case <-calm:
	}
	synctest.Wait()
	w.reopen(nil)
	w.run()
	for _, req := range requests {
		receipt, err := w.engine.Submit(t.Context(), req) // the platform sends the update again
		if err != nil {
			t.Fatalf("the update again: %v", err)
		}
		checkLife(t, w, receipt.Tasks)
	}
	w.balance(ada)
	return died
}

// checkLife waits for the end of a batch and holds it against the promises.
func checkLife(t *testing.T, w *world, ids []core.TaskID) {
	t.Helper()
	w.untilShown(ids[0])
	wantOnePayment(t, w)
	for _, id := range ids {
		task := w.task(id)
		if !task.State.Final() {
			t.Errorf("task %s is %s", id, task.State)
		}
		if task.State == core.Failed && task.Failure.Reason != core.FailUnknown {
			t.Errorf("task %s failed: %+v", id, task.Failure)
		}
	}
	messages := w.chat.about(ids[0])
	if len(messages) > 2 {
		t.Errorf("%d messages about one batch: only what was shown when it died may be shown twice", len(messages))
	}
	last := messages[len(messages)-1].last
	if last.Delivery.Kind != core.DeliverFinal || len(last.Tasks) != len(ids) {
		t.Errorf("the chat shows %q of %d tasks, want the end of %d", last.Delivery.Kind, len(last.Tasks), len(ids))
	}
}

// A stopped engine goes on where it stopped when it is run again.
func TestStopAndRunAgain(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		w.stop()
		waiting := w.submit(request("accepted while stopped"))
		w.kie.Release(w.kie.Tasks()[0].ID)
		nap(time.Hour)
		if state := w.task(id).State; state != core.Running {
			t.Errorf("state %s while stopped", state)
		}
		w.run()
		w.untilShown(id)
		w.untilShown(waiting)
		if n := len(w.kie.Tasks()); n != 2 {
			t.Errorf("%d Kie tasks, want 2", n)
		}
	})
}

// The same engine is stopped and run again many times while people go on, at
// every moment of their tasks' lives: nothing is lost, and nothing of it stays behind.
func TestStopAndRunAgainUnderLoad(t *testing.T) {
	const cycles = 60
	play(t, kietest.Config{Durations: kietest.Durations{Image: 2 * time.Second}, Shrink: 512}, func(c *core.Config) { c.UserDaily = core.Unlimited },
		func(t *testing.T, w *world) {
			var people sync.WaitGroup
			accepted := make([][]core.TaskID, 5)
			over := make(chan struct{})
			for i := range accepted {
				people.Go(func() {
					for n := 0; ; n++ {
						accepted[i] = append(accepted[i], w.submit(request(fmt.Sprintf("picture %d of %d", n, i))))
						select {
						case <-over:
							return
						case <-time.After(time.Duration(700+100*i) * time.Millisecond):
						}
					}
				})
			}
			w.stop()
			idle := runtime.NumGoroutine()
			for n := range cycles {
				w.run()
				nap(time.Duration(n*37%900) * time.Millisecond)
				w.stop()
				synctest.Wait()
			}
			close(over)
			people.Wait()
			synctest.Wait()
			if left := runtime.NumGoroutine(); left > idle+len(accepted) {
				t.Errorf("%d goroutines after %d runs, %d after the first", left, cycles, idle)
			}
			w.run()
			all := slices.Concat(accepted...)
			for _, id := range all {
				if task := w.untilShown(id); task.State != core.Succeeded {
					t.Errorf("task %s is %s: %+v", id, task.State, task.Failure)
				}
			}
			if n := len(w.kie.Tasks()); n != len(all) {
				t.Errorf("%d Kie tasks for %d requests", n, len(all))
			}
			if used := w.balance(ada); used != (core.Usage{Settled: imagePrice * core.Credits(len(all))}) {
				t.Errorf("the window has %+v after %d pictures", used, len(all))
			}
		})
}

// A stop lets an answer to createTask that is under way arrive.
func TestStopWaitsForAnAnswer(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		gate := make(chan struct{})
		w.kie.NextCreate(kietest.After(kietest.Hold(gate)))
		id := w.submit(request("a cat"))
		w.until("it is at Kie", func() bool { return len(w.kie.Tasks()) == 1 })
		time.AfterFunc(3*time.Second, func() { close(gate) })
		w.stop()
		if task := w.task(id); task.State != core.Running {
			t.Errorf("state %s after the stop, want running", task.State)
		}
	})
}

func TestRunTwiceIsRefused(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		synctest.Wait()
		if err := w.engine.Run(t.Context()); err == nil {
			t.Error("a second Run was let in")
		}
	})
}
