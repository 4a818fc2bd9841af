package core_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

var byAdmin = core.Act{By: "chat:admin", Why: "new prices"}

func (w *world) pause(on bool) {
	w.t.Helper()
	if err := w.engine.SetPaused(w.t.Context(), byAdmin, on); err != nil {
		w.t.Fatalf("SetPaused(%v): %v", on, err)
	}
}

// created lists the prompts that Kie was asked for, in order.
func (w *world) created() (prompts []string) {
	for _, t := range w.kie.Tasks() {
		prompts = append(prompts, fmt.Sprint(t.Input["prompt"]))
	}
	return prompts
}

// A pause refuses what is new, holds what is queued for as long as it lasts,
// and lets what Kie has come to its end; then what waited goes on in its order.
func TestPause(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		var ids []core.TaskID
		for n := range 65 { // 20 leave at once, and more of them are told than see their place
			ids = append(ids, w.submit(request(fmt.Sprint(n))))
		}
		w.untilState(ids[19], core.Running)
		w.pause(true)
		sent := w.calls(kietest.CallCreate)

		_, err := w.engine.Submit(t.Context(), request("refused"))
		if refusal := wantRefusal(t, err, core.ReasonPaused); refusal.Why != byAdmin.Why {
			t.Errorf("it is refused because %q", refusal.Why)
		}
		w.untilShown(ids[0])
		nap(5 * time.Hour)
		w.reopen(nil)
		w.run()
		nap(5 * time.Hour)
		if n := w.calls(kietest.CallCreate); n != sent {
			t.Errorf("createTask was called %d times in the pause", n-sent)
		}
		for n, id := range ids[sent:] {
			if task := w.task(id); task.State != core.Queued {
				t.Errorf("task %d is %s in the pause", sent+n, task.State)
			}
			if p := w.chat.last(id); p.Paused != core.ReasonPaused {
				t.Errorf("the message about task %d says %q", sent+n, p.Paused)
			}
		}
		pause, paused, err := w.engine.Paused(t.Context())
		if err != nil || !paused || pause.By != byAdmin.By || pause.Why != byAdmin.Why || time.Since(pause.At) < 10*time.Hour {
			t.Errorf("it is paused: %v, %+v, %v", paused, pause, err)
		}

		w.pause(false)
		for _, id := range ids {
			w.untilShown(id)
		}
		for n, prompt := range w.created() { // those of one moment arrive in any order
			if number, err := strconv.Atoi(prompt); err != nil || number/20 != n/20 {
				t.Errorf("the creation %d was of %q", n, prompt)
			}
		}
		if used := w.balance(ada); used.Held != 0 || used.Settled != core.Credits(len(ids))*imagePrice {
			t.Errorf("used %+v", used)
		}
		audits, err := w.engine.Audits(t.Context(), 0, 10)
		if err != nil || len(audits) != 2 || audits[1].Action != "pause" || audits[0].Action != "resume" || audits[1].Why != byAdmin.Why {
			t.Errorf("the audit log has %+v, %v", audits, err)
		}
	})
}

// The hour that a task waits for a usable key begins anew after a pause.
func TestPatienceAfterPause(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		nap(6 * time.Minute)
		id := w.submit(request("a cat"))
		nap(50 * time.Minute)
		w.pause(true)
		nap(2 * time.Hour)
		w.pause(false)
		nap(55 * time.Minute)
		if task := w.task(id); task.State != core.Queued {
			t.Fatalf("it %s within the hour", task.State)
		}
		nap(10 * time.Minute)
		if task := w.task(id); task.State != core.Failed || task.Failure.Reason != core.FailNoCredits {
			t.Errorf("it is %s after the hour", task.State)
		}
		if used := w.balance(ada); used != (core.Usage{}) {
			t.Errorf("used %+v", used)
		}
	})
}

// No commit of a pause is followed by one of a creation, whatever runs at the
// same moment.
func TestNothingLeavesAfterPause(t *testing.T) {
	for n := range 10 {
		play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
			for i := range 15 {
				go func() { _, _ = w.engine.Submit(t.Context(), request(fmt.Sprint(i))) }()
				if i == n {
					w.pause(true)
				}
			}
			nap(time.Second)
			pause, _, err := w.engine.Paused(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sent := w.calls(kietest.CallCreate)
			nap(time.Minute)
			if more := w.calls(kietest.CallCreate) - sent; more > 0 {
				t.Errorf("%d tasks left for Kie after the pause", more)
			}
			w.eachTask(func(task core.Task) {
				if task.Sent.After(pause.At) {
					t.Errorf("task %s was sent %v after the pause", task.ID, task.Sent.Sub(pause.At))
				}
			})
		})
	}
}

// eachTask calls see with every task of Ada's.
func (w *world) eachTask(see func(core.Task)) {
	w.t.Helper()
	tasks, err := w.engine.History(w.t.Context(), ada, "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, task := range tasks {
		see(task)
	}
}
