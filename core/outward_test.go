package core_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// calamity is a way in which a call to Kie goes wrong once.
type calamity struct {
	fault     kietest.Fault
	executed  bool // Kie did what it was asked for
	overtaken bool // Kie calls back before we know that no answer comes
}

func calamities() map[string]calamity {
	return map[string]calamity{
		"connection lost, not executed": {fault: kietest.Drop()},
		"connection lost, executed":     {fault: kietest.After(kietest.Drop()), executed: true},
		"gateway page, not executed":    {fault: kietest.HTML(502)},
		"gateway page, executed":        {fault: kietest.After(kietest.HTML(502)), executed: true},
		"no answer, not executed":       {fault: kietest.Hold(nil)},
		"no answer, executed":           {fault: kietest.After(kietest.Hold(nil)), executed: true, overtaken: true},
		"half an answer, executed":      {fault: kietest.Reset(), executed: true},
	}
}

// The failure table: every call to Kie in the life of a task, as not executed
// and as executed with the answer lost. Only a createTask that was not
// executed costs the task, since it is not sent again; nothing else costs
// anybody anything. The sends to the chat are in TestEverySend.
func TestEveryCall(t *testing.T) {
	for _, call := range []kietest.Call{kietest.CallUpload, kietest.CallCreate, kietest.CallRecord, kietest.CallFile, kietest.CallCredit} {
		for name, c := range calamities() {
			t.Run(fmt.Sprintf("%s/%s", call, name), func(t *testing.T) {
				change := func(c *core.Config) { c.Sources = map[string]core.Source{"chat": &shelf{}} }
				play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
					w.kie.Next(call, c.fault)
					id := w.submit(editRequest("one.png"))
					w.untilShown(id)
					nap(time.Hour)
					synctest.Wait()
					wantOutward(t, w, id, call, c)
				})
			})
		}
	}
}

// wantOutward holds the task, the ledger, Kie and the chat against a life in
// which one call went wrong.
func wantOutward(t *testing.T, w *world, id core.TaskID, call kietest.Call, c calamity) {
	t.Helper()
	task, survives := w.task(id), call != kietest.CallCreate || c.executed
	end, kieTasks, shown := core.Failed, 0, []core.DeliveryKind{core.DeliverAccepted, core.DeliverFinal}
	var settled core.Credits
	if survives {
		end, kieTasks, settled = core.Succeeded, 1, task.Hold.Amount
	}
	if call == kietest.CallCreate && !c.overtaken { // told that nobody knows
		shown = []core.DeliveryKind{core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal}
	}
	if task.State != end {
		t.Errorf("ended %s (%+v), want %s", task.State, task.Failure, end)
	}
	if got := w.balance(ada); got != (core.Usage{Settled: settled}) || w.lost() != 0 {
		t.Errorf("the window has %+v and %s are lost, want %s settled", got, w.lost(), settled)
	}
	if n, creates := len(w.kie.Tasks()), w.calls(kietest.CallCreate); n != kieTasks || creates > 1 {
		t.Errorf("%d Kie tasks by %d createTask, want %d", n, creates, kieTasks)
	}
	if n := w.calls(call); n < 2 && call != kietest.CallCreate {
		t.Errorf("%s was called %d times: nothing went wrong, or it was not tried again", call, n)
	}
	uploads := 1
	if call == kietest.CallUpload {
		uploads = 2
	}
	if n := w.calls(kietest.CallUpload); n != uploads {
		t.Errorf("%d uploads, want %d", n, uploads)
	}
	wantKinds(t, w.chat.kinds(id), shown...)
	outputs := w.chat.message(t, id).last.Tasks[0].Outputs
	if len(outputs) != kieTasks || survives && outputs[0].File == nil {
		t.Errorf("the chat shows %+v", outputs)
	}
}
