package core_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// ofKind is a request for a model of the kind.
func ofKind(kind catalog.Kind) core.Request {
	req := request("a cat")
	switch kind {
	case catalog.Video:
		req.Model = "kling/v2-1-master-text-to-video"
	case catalog.Music:
		req.Model = "ai-music-api/generate"
		req.Input = map[string]any{"prompt": "a cat", "custom_mode": false, "instrumental": false, "model": "V5"}
	case catalog.Speech:
		req.Model = "elevenlabs/text-to-speech-turbo-2-5"
		req.Input = map[string]any{"text": "a cat"}
	}
	return req
}

func unlimited(c *core.Config) { c.UserDaily = core.Unlimited }

// polling is without limits and without callbacks.
func polling(c *core.Config) { c.UserDaily, c.CallbackBase = core.Unlimited, "" }

// A task that sticks is told once after the soft deadline, ends after the hard
// one, and is delivered free when it comes after all.
func TestDeadlines(t *testing.T) {
	for kind, want := range map[catalog.Kind]struct{ soft, hard time.Duration }{
		catalog.Image:  {10 * time.Minute, time.Hour},
		catalog.Speech: {10 * time.Minute, time.Hour},
		catalog.Music:  {15 * time.Minute, 2 * time.Hour},
		catalog.Video:  {25 * time.Minute, 3 * time.Hour},
	} {
		for name, change := range map[string]func(*core.Config){"polling": polling, "callbacks": unlimited} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
					synctest.Wait() // the engine has started
					w.kie.NextCreate(kietest.Stick())
					id := w.submit(ofKind(kind))
					began := w.untilState(id, core.Running).Started
					w.until("it is told", func() bool { return slices.Contains(w.chat.kinds(id), core.DeliverNotice) })
					if took := time.Since(began); took < want.soft || took > want.soft+10*time.Second {
						t.Errorf("told after %v, want %v", took, want.soft)
					}
					if task := w.chat.message(t, id).last.Tasks[0]; task.State != core.Running || task.Overdue.IsZero() {
						t.Errorf("the notice shows a task that is %s, overdue since %v", task.State, task.Overdue)
					}
					reads := w.calls(kietest.CallRecord)
					task := w.untilShown(id)
					if took := task.Finished.Sub(began); task.State != core.Expired || took < want.hard || took > want.hard+10*time.Second {
						t.Errorf("%s after %v, want %v", task.State, took, want.hard)
					}
					if n := w.calls(kietest.CallRecord) - reads; n < 2 || n > int((want.hard-want.soft)/time.Minute)+2 {
						t.Errorf("%d reads in the %v between the deadlines", n, want.hard-want.soft)
					}
					wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal)
					if got := w.balance(ada); got != (core.Usage{}) {
						t.Errorf("the window has %+v", got)
					}
				})
			})
		}
	}
}

// An outage over all deadlines ends nothing and tells nobody; the first read
// after it decides.
func TestOutagePostponesTheDeadlines(t *testing.T) {
	play(t, kietest.Config{}, polling, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Stick())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		lift := w.kie.Always(kietest.CallRecord, kietest.HTML(502))
		nap(10 * time.Hour)
		if state := w.task(id).State; state != core.Running {
			t.Errorf("state %s during the outage", state)
		}
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted)
		if n := w.calls(kietest.CallRecord); n > 700 {
			t.Errorf("%d reads in ten hours of outage", n)
		}
		lift()
		lifted := time.Now()
		if task := w.untilShown(id); task.State != core.Expired || task.Finished.Sub(lifted) > 61*time.Second {
			t.Errorf("%s, %v after the outage", task.State, task.Finished.Sub(lifted))
		}
	})
}

// A wall clock that was set hours ahead ends a task that Kie is at work on. Its
// result is found all the same, without a callback and over restarts, and
// delivered free.
func TestResultAfterTheClockEndedTheTask(t *testing.T) {
	for name, late := range map[string]struct {
		by    time.Duration // when Kie is done, after the end
		found time.Duration // at most after that
	}{
		"at once":         {0, time.Minute},
		"in minutes":      {4 * time.Minute, 5 * time.Minute},
		"in half an hour": {30 * time.Minute, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &wallClock{}
			change := func(c *core.Config) { polling(c); c.Now = clock.now }
			play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
				w.kie.NextCreate(kietest.Stick())
				id := w.submit(request("a cat"))
				w.untilState(id, core.Running)
				clock.skew.Add(int64(5 * time.Hour))
				w.untilState(id, core.Expired)
				w.reopen(nil)
				w.run()
				nap(late.by)
				w.kie.Release(w.kie.Tasks()[0].ID)
				nap(late.found + 10*time.Second)
				task := w.task(id)
				if !task.Late || task.OperatorLoss != imagePrice || !task.Due.IsZero() {
					t.Errorf("late %v, operator loss %s, due %v", task.Late, task.OperatorLoss, task.Due)
				}
				wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal, core.DeliverLate)
				if got := w.balance(ada); got != (core.Usage{}) {
					t.Errorf("the window has %+v", got)
				}
			})
		})
	}
}

// What Kie never finishes is looked back at a few times, and then never more.
func TestLookingBackEnds(t *testing.T) {
	play(t, kietest.Config{}, polling, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Stick())
		id := w.submit(request("a cat"))
		w.until("it is over", func() bool { return w.task(id).State == core.Expired })
		reads := w.calls(kietest.CallRecord)
		nap(24 * time.Hour)
		if n := w.calls(kietest.CallRecord) - reads; n != 4 {
			t.Errorf("%d reads after the end, want 4", n)
		}
		if due := w.task(id).Due; !due.IsZero() {
			t.Errorf("still due at %v", due)
		}
	})
}

// A task between its deadlines succeeds as any other.
func TestSuccessAfterTheSoftDeadline(t *testing.T) {
	play(t, kietest.Config{}, polling, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Stick())
		id := w.submit(request("a cat"))
		w.until("it is told", func() bool { return slices.Contains(w.chat.kinds(id), core.DeliverNotice) })
		w.reopen(nil) // told is told, also after a restart
		w.run()
		nap(10 * time.Minute)
		w.kie.Release(w.kie.Tasks()[0].ID)
		if task := w.untilShown(id); task.State != core.Succeeded || task.Charged != imagePrice {
			t.Errorf("%s, charged %s", task.State, task.Charged)
		}
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverNotice, core.DeliverFinal)
	})
}

// What was learned about a model is there after a restart.
func TestUsualDurationSurvivesARestart(t *testing.T) {
	play(t, kietest.Config{}, polling, func(t *testing.T, w *world) {
		var took time.Duration
		for range 5 {
			task := w.untilShown(w.submit(request("a cat")))
			took = max(took, task.Finished.Sub(task.Started))
			nap(time.Minute)
		}
		usual := func() time.Duration {
			synctest.Wait() // the engine has started
			w.kie.NextCreate(kietest.Stick())
			parcel, err := w.engine.Snapshot(t.Context(), w.submit(request("another")))
			if err != nil {
				t.Fatal(err)
			}
			return parcel.Usual
		}
		before := usual()
		if before <= 0 || before > took*6/5 {
			t.Errorf("%v is usual; none took longer than %v", before, took)
		}
		w.reopen(nil)
		w.run()
		if after := usual(); (after - before).Abs() > before/50 {
			t.Errorf("%v is usual after the restart, %v before it", after, before)
		}
	})
}

// A result that a callback tells of does not wait behind a crowd of unfinished tasks.
func TestCallbackGoesFirst(t *testing.T) {
	play(t, kietest.Config{}, unlimited, func(t *testing.T, w *world) {
		stop := w.kie.CreateWhen(func(string, map[string]any) bool { return true }, kietest.HoldTask())
		for range 20 {
			req := request("many cats")
			req.Count = 10
			w.submit(req)
		}
		w.until("all run", func() bool { return len(w.kie.Tasks()) == 200 })
		stop()
		id := w.submit(request("a cat"))
		task := w.untilShown(id)
		var completed time.Time
		for _, k := range w.kie.Tasks() {
			if k.ID == task.Kie.TaskID {
				completed = k.Ended
			}
		}
		if waited := task.Finished.Sub(completed); waited > 2*time.Second {
			t.Errorf("the result waited %v", waited)
		}
	})
}

// When Kie refuses reads for their pace there are fewer of them, and results still come.
func TestRefusedReadsSlowDown(t *testing.T) {
	play(t, kietest.Config{}, polling, func(t *testing.T, w *world) {
		lift := w.kie.Always(kietest.CallRecord, kietest.Answer(429, "too fast"))
		var ids []core.TaskID
		for range 5 {
			req := request("many cats")
			req.Count = 10
			ids = append(ids, w.submit(req))
		}
		nap(2 * time.Minute)
		before := w.calls(kietest.CallRecord)
		nap(time.Minute)
		if n := w.calls(kietest.CallRecord) - before; n == 0 || n > 120 {
			t.Errorf("%d reads in a minute of refusals, want some, but not the 600 of the full pace", n)
		}
		lift()
		for _, id := range ids {
			if task := w.untilShown(id); task.State != core.Succeeded {
				t.Errorf("ended %s", task.State)
			}
		}
	})
}
