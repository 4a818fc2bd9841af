package core_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// One person's fifty requests do not delay the first one of the next, and the
// place that the chat shows is the true one.
func TestFiftyRequestsDoNotDelayTheNextPerson(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		for n := range 50 {
			w.submit(request(fmt.Sprint("cat ", n)))
		}
		w.until("the limit is reached", func() bool { return len(w.kie.Tasks()) == 20 })
		late := request("a dog")
		late.Origin.Identity = core.Identity{Platform: "chat", User: "bob"}
		id := w.submit(late)
		synctest.Wait()
		snapshot, err := w.engine.Snapshot(t.Context(), id)
		if err != nil || snapshot.Position != 2 {
			t.Errorf("the chat shows place %d, %v; want 2", snapshot.Position, err)
		}
		w.untilState(id, core.Running)
		w.until("all are created", func() bool { return len(w.kie.Tasks()) == 51 })
		place := slices.IndexFunc(w.kie.Tasks(), func(task kietest.Task) bool { return task.Input["prompt"] == "a dog" })
		if place >= 40 { // twenty leave at once, in any order
			t.Errorf("%d tasks were created before", place)
		}
	})
}
