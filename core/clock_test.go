package core_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// progress counts the edits that showed the task on its way.
func (c *chat) progress(lead core.TaskID) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.log {
		if p.Delivery.Lead == lead && p.Delivery.Kind == core.DeliverProgress {
			n++
		}
	}
	return n
}

// The chat's clock goes on although reads are rare with callbacks, also after
// a restart, more slowly with time, and stops at the end.
func TestClockRunsWithoutReads(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		synctest.Wait() // the engine has started
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		edits := func(d time.Duration) int {
			before := w.chat.progress(id)
			nap(d)
			return w.chat.progress(id) - before
		}
		if n := edits(time.Minute); n < 10 || n > 13 {
			t.Errorf("%d edits in the first minute, want one every five seconds", n)
		}
		if reads := w.calls(kietest.CallRecord); reads > 2 {
			t.Errorf("%d reads meanwhile", reads)
		}
		w.reopen(nil)
		w.run()
		nap(time.Minute)
		if n := edits(2 * time.Minute); n < 7 || n > 9 {
			t.Errorf("%d edits in two minutes later on, want one every fifteen seconds", n)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		if n := edits(5 * time.Minute); n != 0 {
			t.Errorf("%d edits after the end", n)
		}
	})
}

// After a restart the clocks of many go on before anything is read, and only
// of so many that a start with a million tasks stays quick.
func TestClocksGoOnAtOnceAfterARestart(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		w.reopen(nil)
		w.run()
		reads, before := w.calls(kietest.CallRecord), w.chat.progress(id)
		nap(6 * time.Second)
		if n := w.chat.progress(id) - before; n != 1 || w.calls(kietest.CallRecord) != reads {
			t.Errorf("%d edits in six seconds, %d reads", n, w.calls(kietest.CallRecord)-reads)
		}
		w.stop()
		w.must(w.store.Update(t.Context(), func(tx core.Tx) error {
			for n := range 4000 { // every other one runs
				if err := tx.PutTask(crowdTask(n, time.Now(), rand.New(rand.NewPCG(1, 1)))); err != nil {
					return err
				}
			}
			return nil
		}))
		w.reopen(nil)
		w.must(w.engine.Resume(t.Context(), func() {}))
		if n := w.engine.Clocks(); n != 1000 {
			t.Errorf("%d clocks, want 1000", n)
		}
	})
}
