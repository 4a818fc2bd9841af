package core_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// canceledAlthoughTaken are the ways in which a task is canceled that Kie has:
// createTask was executed, and its answer said that it surely was not. The
// faults are what becomes of it at Kie.
func canceledAlthoughTaken() map[string]func(*testing.T, *world, ...kietest.Fault) core.TaskID {
	return map[string]func(*testing.T, *world, ...kietest.Fault) core.TaskID{
		"while it waits to be sent again": func(t *testing.T, w *world, fate ...kietest.Fault) core.TaskID {
			w.kie.NextCreate(append(fate, kietest.After(kietest.Answer(429, "slow")))...)
			id := w.submit(request("a cat"))
			w.until("it waits", func() bool { return w.task(id).Waiting == core.WaitBusy })
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			w.must(err)
			return id
		},
		"while it is created": func(t *testing.T, w *world, fate ...kietest.Fault) core.TaskID {
			gate := make(chan struct{})
			w.kie.NextCreate(append(fate, kietest.Hold(gate), kietest.After(kietest.Answer(429, "slow")))...)
			id := w.submit(request("a cat"))
			w.untilState(id, core.Creating)
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			wantRefusal(t, err, core.ReasonCancelLater)
			close(gate)
			return id
		},
	}
}

// A canceled task that Kie has nevertheless costs its person nothing. What Kie
// charges for it is an operator loss, and its result is delivered free, once.
func TestCallbackAfterCancel(t *testing.T) {
	for name, c := range map[string]struct {
		fate []kietest.Fault
		loss core.Credits
	}{
		"succeeds":                    {nil, imagePrice},
		"succeeds, told twice":        {faults(kietest.CallbackTwice()), imagePrice},
		"succeeds, told an hour late": {faults(kietest.CallbackLate(time.Hour)), imagePrice},
		"costs more than was held":    {faults(kietest.Consume(15_001)), 15_001},
		"fails":                       {faults(kietest.Fail("501", "no luck")), 0},
		"fails, told twice":           {faults(kietest.Fail("501", "no luck"), kietest.CallbackTwice()), 0},
	} {
		for how, cancel := range canceledAlthoughTaken() {
			t.Run(how+"/"+name, func(t *testing.T) {
				play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
					id := cancel(t, w, c.fate...)
					w.untilState(id, core.Canceled)
					nap(2 * time.Hour)
					synctest.Wait()
					wantCanceled(t, w, id, c.loss)
				})
			})
		}
	}
}

// wantCanceled holds a canceled task, of which Kie has one, against what that cost.
func wantCanceled(t *testing.T, w *world, id core.TaskID, loss core.Credits) {
	t.Helper()
	task := w.task(id)
	if task.State != core.Canceled || task.Charged != 0 || task.OperatorLoss != loss || task.Late != (loss > 0) || !task.Due.IsZero() {
		t.Errorf("it is %s, charged %s, a loss of %s, late %v, due %v", task.State, task.Charged, task.OperatorLoss, task.Late, task.Due)
	}
	if got := w.balance(ada); got != (core.Usage{}) || w.lost() != loss {
		t.Errorf("the window has %+v and %s are lost, want %s", got, w.lost(), loss)
	}
	if problems := w.verify(); len(problems) > 0 {
		t.Errorf("Verify: %q", problems)
	}
	if n, creates := len(w.kie.Tasks()), w.calls(kietest.CallCreate); n != 1 || creates > 1 {
		t.Errorf("%d Kie tasks by %d createTask, want 1", n, creates)
	}
	kinds := []core.DeliveryKind{core.DeliverAccepted, core.DeliverFinal}
	if loss > 0 {
		kinds = append(kinds, core.DeliverLate)
	}
	wantKinds(t, w.chat.kinds(id), kinds...)
	if outputs := w.chat.last(id).Tasks[0].Outputs; loss > 0 && (len(outputs) != 1 || outputs[0].File == nil) {
		t.Errorf("the chat shows %+v", outputs)
	}
}

// A store that was put back to an earlier state knows nothing of what was sent
// since: a callback may name a task that was never sent, at no Kie account.
// Whichever has it, the task is found there; one that was canceled is delivered
// free, as above.
func TestCallbackOfATaskThatWasNeverSent(t *testing.T) {
	for _, at := range []string{"one", "two"} {
		for _, canceled := range []bool{true, false} {
			t.Run(fmt.Sprintf("it is at %s, canceled: %v", at, canceled), func(t *testing.T) {
				playNeverSent(t, func(t *testing.T, w *world, id core.TaskID) {
					if canceled {
						_, err := w.engine.Cancel(t.Context(), ada, string(id))
						w.must(err)
					}
					w.createAt(at, w.engine.CallbackURL(id))
					nap(3 * time.Hour)
					synctest.Wait()
					if canceled {
						wantCanceled(t, w, id, imagePrice)
					} else if task := w.task(id); task.State != core.Succeeded || task.Charged != imagePrice || w.balance(ada).Settled != imagePrice {
						t.Errorf("it is %s (%+v), charged %s", task.State, task.Failure, task.Charged)
					}
					if got := w.task(id).KieAccount; at == "two" && got != at {
						t.Errorf("it is said to be at %q", got)
					}
					if n := w.calls(kietest.CallCreate); n != 1 {
						t.Errorf("createTask was called %d times, want once", n)
					}
				})
			})
		}
	}
}

// An id that no Kie account knows changes nothing, and is asked for a few times.
func TestCallbackThatNobodyKnowsOf(t *testing.T) {
	playNeverSent(t, func(t *testing.T, w *world, id core.TaskID) {
		_, err := w.engine.Cancel(t.Context(), ada, string(id))
		w.must(err)
		if got := w.post(w.engine.CallbackURL(id), `{"taskId":"ffffffffffffffffffffffffffffffff","code":200}`, nil); got != 200 {
			t.Errorf("status %d", got)
		}
		nap(3 * time.Hour)
		synctest.Wait()
		task := w.task(id)
		if task.State != core.Canceled || task.OperatorLoss != 0 || !task.Due.IsZero() || w.lost() != 0 {
			t.Errorf("it is %s, a loss of %s, due %v", task.State, task.OperatorLoss, task.Due)
		}
		if n := w.calls(kietest.CallRecord); n == 0 || n > 12 {
			t.Errorf("it was read %d times", n)
		}
	})
}

// playNeverSent plays on a task that waits for one of two Kie accounts without credits.
func playNeverSent(t *testing.T, test func(*testing.T, *world, core.TaskID)) {
	t.Helper()
	play(t, two(), nil, func(t *testing.T, w *world) {
		w.kie.SetBalanceOf("one", 0)
		w.kie.SetBalanceOf("two", 0)
		nap(6 * time.Minute)
		id := w.submit(request("a cat"))
		w.until("it waits", func() bool { return w.task(id).Waiting == core.FailNoCredits })
		if task := w.task(id); task.KieAccount != "" || !task.Sent.IsZero() {
			t.Fatalf("it was sent to %q at %v", task.KieAccount, task.Sent)
		}
		test(t, w, id)
	})
}

// createAt creates a Kie task without the engine, at an account that has
// credits for just that.
func (w *world) createAt(account, callback string) {
	w.t.Helper()
	for _, a := range w.cfg.Kie {
		if a.Name != account {
			continue
		}
		w.kie.SetBalanceOf(account, imagePrice)
		_, err := a.Client.Create(w.t.Context(), kie.CreateRequest{
			Endpoint: kie.Jobs, Model: imageModel, Input: map[string]any{"prompt": "a cat"}, CallbackURL: callback,
		})
		w.must(err)
		w.kie.SetBalanceOf(account, 0)
	}
}
