package core_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

func faults(all ...kietest.Fault) []kietest.Fault { return all }

// Every way in which createTask can end, with what it costs whom. "Executed"
// says whether Kie has the task although the answer was lost or wrong.
func TestCreateTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		faults    []kietest.Fault
		end       core.State
		reason    core.Reason
		kieTasks  int
		createsAt int // calls of createTask
		settled   core.Credits
	}{
		"429 then taken":         {faults(kietest.Answer(429, "too fast")), core.Succeeded, "", 1, 2, imagePrice},
		"430 then taken":         {faults(kietest.Answer(430, "too fast")), core.Succeeded, "", 1, 2, imagePrice},
		"455 then taken":         {faults(kietest.Answer(455, "maintenance")), core.Succeeded, "", 1, 2, imagePrice},
		"402 then topped up":     {faults(kietest.Answer(402, "no credits")), core.Succeeded, "", 1, 2, imagePrice},
		"433 then reset":         {faults(kietest.Answer(433, "key limit")), core.Succeeded, "", 1, 2, imagePrice},
		"401 then repaired":      {faults(kietest.Answer(401, "bad key")), core.Succeeded, "", 1, 2, imagePrice},
		"400 refused":            {faults(kietest.Answer(400, "bad words")), core.Failed, core.FailRefused, 0, 1, 0},
		"422 refused":            {faults(kietest.Answer(422, "invalid")), core.Failed, core.FailRefused, 0, 1, 0},
		"500 in an envelope":     {faults(kietest.Answer(500, "aspect_ratio is required")), core.Failed, core.FailRefused, 0, 1, 0},
		"501 in an envelope":     {faults(kietest.Answer(501, "failed")), core.Failed, core.FailRefused, 0, 1, 0},
		"505 switched off":       {faults(kietest.Answer(505, "off")), core.Failed, core.FailRefused, 0, 1, 0},
		"403 page":               {faults(kietest.HTML(403)), core.Failed, core.FailRefused, 0, 1, 0},
		"502 page, not executed": {faults(kietest.HTML(502)), core.Failed, core.FailUnknown, 0, 1, 0},
		"reset, not executed":    {faults(kietest.Drop()), core.Failed, core.FailUnknown, 0, 1, 0},
		"no task id":             {faults(kietest.NullTaskID()), core.Failed, core.FailUnknown, 0, 1, 0},
		"502 page, executed":     {faults(kietest.After(kietest.HTML(502))), core.Succeeded, "", 1, 1, imagePrice},
		"reset, executed":        {faults(kietest.After(kietest.Drop())), core.Succeeded, "", 1, 1, imagePrice},
		"no task id, executed":   {faults(kietest.After(kietest.NullTaskID())), core.Succeeded, "", 1, 1, imagePrice},
		"never answered":         {faults(kietest.Hold(nil)), core.Failed, core.FailUnknown, 0, 1, 0},
		"executed, no answer":    {faults(kietest.After(kietest.Hold(nil))), core.Succeeded, "", 1, 1, imagePrice},
		"callback before answer": {faults(kietest.CallbackEarly()), core.Succeeded, "", 1, 1, imagePrice},
		"generation failed":      {faults(kietest.Fail("501", "no luck")), core.Failed, core.FailKie, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(c.faults...)
				id := w.submit(request("a cat"))
				task := w.untilShown(id)
				if task.State != c.end {
					t.Fatalf("ended %s (%+v), want %s", task.State, task.Failure, c.end)
				}
				if c.reason != "" && task.Failure.Reason != c.reason {
					t.Errorf("failed for %q, want %q", task.Failure.Reason, c.reason)
				}
				if got := w.balance(ada); got != (core.Usage{Settled: c.settled}) {
					t.Errorf("the window has %+v, want %s settled", got, c.settled)
				}
				if n := len(w.kie.Tasks()); n != c.kieTasks {
					t.Errorf("%d Kie tasks, want %d", n, c.kieTasks)
				}
				if n := max(w.calls(kietest.CallCreate), len(w.kie.Creates())); n != c.createsAt {
					t.Errorf("createTask was called %d times, want %d", n, c.createsAt)
				}
				kinds := w.chat.kinds(id)
				if kinds[len(kinds)-1] != core.DeliverFinal {
					t.Errorf("shown %v; the last should be the end", kinds)
				}
			})
		})
	}
}

// An unresolved task is told, is not sent again, and is refunded after the grace time.
func TestUnresolvedIsToldAndRefunded(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HTML(502))
		id := w.submit(request("a cat"))
		task := w.untilState(id, core.Unresolved)
		if got := w.balance(ada); got != (core.Usage{Held: imagePrice}) {
			t.Errorf("while unresolved the window has %+v", got)
		}
		w.until("it is told", func() bool { return slices.Contains(w.chat.kinds(id), core.DeliverNotice) })
		w.untilShown(id)
		if waited := w.task(id).Finished.Sub(task.Sent); waited < 15*time.Minute || waited > 16*time.Minute {
			t.Errorf("refunded after %v, want 15 minutes", waited)
		}
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal)
	})
}

// A success after the refund is delivered free, once, and is an operator loss.
func TestLateSuccess(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.Grace = 2 * time.Second }, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.After(kietest.Drop()), kietest.CallbackTwice())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Failed)
		w.until("it is delivered late", func() bool { return w.task(id).Late })
		nap(time.Minute)
		synctest.Wait()
		task := w.task(id)
		if task.State != core.Failed || task.OperatorLoss != imagePrice || !task.Due.IsZero() {
			t.Errorf("state %s, operator loss %s, due %v", task.State, task.OperatorLoss, task.Due)
		}
		if got := w.balance(ada); got != (core.Usage{}) {
			t.Errorf("the window has %+v, want nothing", got)
		}
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal, core.DeliverLate)
		if last := w.chat.message(t, id).last; last.Tasks[0].Outputs[0].File == nil {
			t.Error("the late result came without its file")
		}
	})
}

func TestNoUsableKeyForAnHour(t *testing.T) {
	for code, reason := range map[int]core.Reason{401: core.FailKey, 402: core.FailNoCredits, 433: core.FailNoCredits} {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			w.kie.Always(kietest.CallCreate, kietest.Answer(code, "no"))
			began := time.Now()
			ids := []core.TaskID{w.submit(request("one")), w.submit(request("two")), w.submit(request("three"))}
			w.until("it waits", func() bool { return w.task(ids[2]).Waiting == reason })
			snapshot, err := w.engine.Snapshot(t.Context(), ids[2])
			if err != nil || snapshot.Paused != reason {
				t.Errorf("the chat is told %q, %v; want %q", snapshot.Paused, err, reason)
			}
			for _, id := range ids {
				task := w.untilShown(id)
				if task.State != core.Failed || task.Failure.Reason != reason {
					t.Errorf("code %d: ended %s, %+v", code, task.State, task.Failure)
				}
			}
			if waited := time.Since(began); waited < core.KeyPatience || waited > core.KeyPatience+5*time.Minute {
				t.Errorf("code %d: given up after %v", code, waited)
			}
			if got := w.balance(ada); got != (core.Usage{}) {
				t.Errorf("code %d: the window has %+v", code, got)
			}
		})
	}
}

// Kie cannot be reached: nothing was sent, so the task waits and goes on by itself.
func TestKieUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		good := w.cfg.Kie
		refuse := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("connection refused")
		}}
		away, err := kie.New(kie.Config{APIKey: "k", BaseURL: w.kie.URL(), HTTPClient: &http.Client{Transport: refuse}})
		if err != nil {
			t.Fatal(err)
		}
		w.cfg.Kie = []core.KieAccount{{Client: away}}
		w.reopen(nil)
		w.run()
		id := w.submit(request("a cat"))
		w.until("it waits", func() bool { return w.task(id).Waiting == core.FailAway })
		nap(10 * time.Minute)
		if state := w.task(id).State; state != core.Queued && state != core.Creating {
			t.Errorf("state %s while Kie is away", state)
		}
		w.cfg.Kie = good
		w.reopen(nil)
		w.run()
		w.untilShown(id)
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d Kie tasks", n)
		}
	})
}

func TestReadTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		read   []kietest.Fault // of every recordInfo until lifted
		create kietest.Fault
		end    core.State
	}{
		"outage, then success":      {[]kietest.Fault{kietest.HTML(502)}, kietest.HoldTask(), core.Succeeded},
		"rate limit, then success":  {[]kietest.Fault{kietest.Answer(429, "slow down")}, kietest.HoldTask(), core.Succeeded},
		"maintenance, then success": {[]kietest.Fault{kietest.Answer(455, "later")}, kietest.HoldTask(), core.Succeeded},
		"unknown for a while":       {nil, kietest.UnknownFor(40 * time.Second), core.Succeeded},
		"empty for a while":         {nil, kietest.EmptyResult(3), core.Succeeded},
		"empty for ever":            {nil, kietest.EmptyResult(-1), core.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
				lift := func() {}
				if c.read != nil {
					lift = w.kie.Always(kietest.CallRecord, c.read...)
				}
				w.kie.NextCreate(c.create)
				id := w.submit(request("a cat"))
				w.untilState(id, core.Running)
				if c.read != nil {
					nap(5 * time.Hour) // past every deadline: an outage postpones expiry
					if state := w.task(id).State; state != core.Running {
						t.Errorf("state %s during the outage", state)
					}
				}
				w.kie.Release(w.kie.Tasks()[0].ID)
				nap(time.Minute)
				lift()
				if task := w.untilShown(id); task.State != c.end {
					t.Errorf("ended %s (%+v), want %s", task.State, task.Failure, c.end)
				}
				w.balance(ada)
			})
		})
	}
}

func TestEmptySuccessIsAnOperatorLoss(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.EmptyResult(-1))
		task := w.untilShown(w.submit(request("a cat")))
		if task.Failure == nil || task.Failure.Reason != core.FailEmpty || task.OperatorLoss != imagePrice {
			t.Errorf("failure %+v, operator loss %s", task.Failure, task.OperatorLoss)
		}
		if waited := task.Finished.Sub(task.EmptyAt); waited < 2*time.Minute {
			t.Errorf("given up after %v, want two minutes", waited)
		}
	})
}

func TestExpires(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Stick())
		id := w.submit(request("a cat"))
		task := w.untilShown(id)
		if task.State != core.Expired || task.Finished.Sub(task.Started) < time.Hour {
			t.Errorf("ended %s after %v", task.State, task.Finished.Sub(task.Started))
		}
		if got := w.balance(ada); got != (core.Usage{}) {
			t.Errorf("the window has %+v", got)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.until("the late result is delivered", func() bool { return w.task(id).Late })
		if got := w.task(id); got.State != core.Expired || got.OperatorLoss != imagePrice {
			t.Errorf("state %s, operator loss %s", got.State, got.OperatorLoss)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Run("queued", func(t *testing.T) {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			w.kie.NextCreate(kietest.Answer(455, "later"))
			id := w.submit(request("a cat"))
			w.until("it waits", func() bool { return w.task(id).Waiting != "" })
			if _, err := w.engine.Cancel(t.Context(), core.Identity{Platform: "chat", User: "eve"}, string(id)); err == nil {
				t.Error("a stranger canceled it")
			}
			task, err := w.engine.Cancel(t.Context(), ada, id.Short())
			if err != nil || task.State != core.Canceled {
				t.Fatalf("%s, %v", task.State, err)
			}
			w.untilShown(id)
			_, err = w.engine.Cancel(t.Context(), ada, id.Short())
			wantRefusal(t, err, core.ReasonFinished)
			nap(time.Minute)
			if n := len(w.kie.Tasks()); n != 0 {
				t.Errorf("a canceled task was created")
			}
			if got := w.balance(ada); got != (core.Usage{}) {
				t.Errorf("the window has %+v", got)
			}
		})
	})
	t.Run("creating, not taken", func(t *testing.T) {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			gate := make(chan struct{})
			w.kie.NextCreate(kietest.Hold(gate), kietest.Answer(429, "slow"))
			id := w.submit(request("a cat"))
			w.untilState(id, core.Creating)
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			wantRefusal(t, err, core.ReasonCancelLater)
			close(gate)
			if task := w.untilShown(id); task.State != core.Canceled || len(w.kie.Tasks()) != 0 {
				t.Errorf("ended %s with %d Kie tasks", task.State, len(w.kie.Tasks()))
			}
			if got := w.balance(ada); got != (core.Usage{}) {
				t.Errorf("the window has %+v", got)
			}
		})
	})
	t.Run("creating, taken", func(t *testing.T) {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			gate := make(chan struct{})
			w.kie.NextCreate(kietest.Hold(gate))
			id := w.submit(request("a cat"))
			w.untilState(id, core.Creating)
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			wantRefusal(t, err, core.ReasonCancelLater)
			close(gate)
			if task := w.untilShown(id); task.State != core.Succeeded {
				t.Errorf("ended %s", task.State)
			}
			if got := w.balance(ada); got != (core.Usage{Settled: imagePrice}) {
				t.Errorf("the window has %+v", got)
			}
		})
	})
	t.Run("unresolved", func(t *testing.T) {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			w.kie.NextCreate(kietest.Drop())
			id := w.submit(request("a cat"))
			w.untilState(id, core.Unresolved)
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			wantRefusal(t, err, core.ReasonUncertain)
			if task := w.untilShown(id); task.State != core.Failed || task.Failure.Reason != core.FailUnknown {
				t.Errorf("ended %s, %+v", task.State, task.Failure)
			}
		})
	})
	t.Run("running", func(t *testing.T) {
		play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
			id := w.submit(request("a cat"))
			w.untilState(id, core.Running)
			_, err := w.engine.Cancel(t.Context(), ada, string(id))
			if refusal := wantRefusal(t, err, core.ReasonNotCancel); refusal.Need != imagePrice {
				t.Errorf("it says that it will cost %s", refusal.Need)
			}
			if task := w.untilShown(id); task.State != core.Succeeded {
				t.Errorf("ended %s", task.State)
			}
		})
	})
}
