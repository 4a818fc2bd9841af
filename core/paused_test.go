package core_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
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

// gated is a store whose updates wait for a gate, but for those that are free.
type gated struct {
	core.Store
	gate atomic.Pointer[chan struct{}]
}

type free struct{}

// Update implements core.Store.
func (g *gated) Update(ctx context.Context, fn func(core.Tx) error) error {
	if gate := g.gate.Load(); gate != nil && ctx.Value(free{}) == nil {
		<-*gate
	}
	return g.Store.Update(ctx, fn)
}

// What is about to leave when the pause is committed stays.
func TestNothingLeavesAfterPause(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		var store *gated
		w.reopen(func(s core.Store) core.Store { store = &gated{Store: s}; return store })
		w.run()
		for n := range 25 { // some 20 leave at once, the others ten seconds later
			w.submit(request(fmt.Sprint(n)))
		}
		nap(5 * time.Second)
		gate := make(chan struct{})
		store.gate.Store(&gate)
		nap(10 * time.Second)
		sent := w.calls(kietest.CallCreate)
		if err := w.engine.SetPaused(context.WithValue(t.Context(), free{}, true), byAdmin, true); err != nil {
			t.Fatal(err)
		}
		store.gate.Store(nil)
		close(gate)
		nap(time.Minute)
		if more := w.calls(kietest.CallCreate) - sent; more > 0 || sent == 0 || sent >= 25 {
			t.Errorf("%d tasks left for Kie before the pause, %d after it", sent, more)
		}
		w.pause(false)
		w.until("all are over", func() bool { return w.balance(ada) == (core.Usage{Settled: 25 * imagePrice}) })
	})
}
