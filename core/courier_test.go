package core_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// attempts notes when the platform was asked to show what.
type attempts struct {
	mu  sync.Mutex
	all []attempt
}

type attempt struct {
	at   time.Time
	lane core.Lane
	lead core.TaskID
	kind core.DeliveryKind
}

func (a *attempts) add(p core.Parcel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, attempt{time.Now(), p.Delivery.Lane, p.Delivery.Lead, p.Delivery.Kind})
}

func (a *attempts) of(keep func(attempt) bool) []attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	var kept []attempt
	for _, one := range a.all {
		if keep(one) {
			kept = append(kept, one)
		}
	}
	return kept
}

func TestLaneKeepsItsOrder(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		down := errors.New("the platform is down")
		w.chat.fail = func(core.Parcel) error { return down }
		var ids []core.TaskID
		for range 5 {
			ids = append(ids, w.submit(request("a cat")))
			nap(time.Second)
		}
		nap(3 * time.Minute) // everything is finished, nothing could be shown
		w.chat.mu.Lock()
		w.chat.fail = nil
		w.chat.mu.Unlock()
		for _, id := range ids {
			w.untilShown(id)
		}
		ended := slices.Clone(ids)
		slices.SortFunc(ended, func(a, b core.TaskID) int { return w.task(a).Finished.Compare(w.task(b).Finished) })
		if got := w.chat.shown(core.DeliverFinal); !slices.Equal(got, ended) {
			t.Errorf("ends were shown in the order %v, they came in the order %v", got, ended)
		}
	})
}

// When a platform was away for long, its return is noticed in one lane and
// helps all: nobody waits out a backoff of minutes. A lane that fails for
// itself keeps its own.
func TestAllLanesHearThatThePlatformIsBack(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var asked attempts
		down := true
		w.chat.set(func(p core.Parcel) error {
			asked.add(p)
			if down || p.Delivery.Lane == "chat:broken" {
				return errors.New("the platform is down")
			}
			return nil
		})
		var ids []core.TaskID
		for _, lane := range []core.Lane{"chat:a", "chat:b", "chat:c", "chat:broken"} {
			req := request("a cat")
			req.Origin.Lane = lane
			ids = append(ids, w.submit(req))
			nap(100 * time.Second) // so that they are not tried at the same moments
		}
		nap(time.Hour)
		w.chat.mu.Lock()
		down = false
		w.chat.mu.Unlock()
		w.until("one lane is shown", func() bool { return len(w.chat.shown(core.DeliverFinal)) > 0 })
		back := time.Now()
		for _, id := range ids[:3] {
			w.untilShown(id)
		}
		if late := time.Since(back); late > 2*time.Second {
			t.Errorf("the other lanes were shown %v after the first", late)
		}
		nap(time.Hour)
		broken := asked.of(func(a attempt) bool { return a.lane == "chat:broken" && a.at.After(back.Add(10*time.Minute)) })
		for i, a := range broken[1:] {
			if wait := a.at.Sub(broken[i].at); wait < 3*time.Minute {
				t.Errorf("a lane that fails for itself was tried again after %v", wait)
			}
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var asked attempts
		began := time.Now()
		w.chat.fail = func(p core.Parcel) error {
			asked.add(p)
			if p.Delivery.Lane == "chat:slow" && time.Since(began) < 40*time.Second {
				return &core.DeliveryError{RetryAfter: 40 * time.Second, Err: errors.New("429")}
			}
			return nil
		}
		slow := request("a cat")
		slow.Origin.Lane = "chat:slow"
		id, other := w.submit(slow), w.submit(request("elsewhere"))
		w.untilShown(other)
		w.untilShown(id)
		inLane := asked.of(func(a attempt) bool { return a.lane == "chat:slow" && a.kind != core.DeliverProgress })
		if len(inLane) < 2 || inLane[1].at.Sub(inLane[0].at) < 40*time.Second {
			t.Errorf("asked again too early: %+v", inLane)
		}
		if first := asked.of(func(a attempt) bool { return a.lane == "chat:room" })[0]; first.at.Sub(began) > time.Second {
			t.Errorf("the other lane waited %v", first.at.Sub(began))
		}
	})
}

func TestImpossibleDeliveryDoesNotBlockTheLane(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		blocked := request("a cat")
		id := w.submit(blocked)
		w.chat.mu.Lock()
		w.chat.fail = func(p core.Parcel) error {
			if p.Delivery.Lead == id {
				return &core.DeliveryError{Permanent: true, Err: errors.New("message thread not found")}
			}
			return nil
		}
		w.chat.mu.Unlock()
		w.untilShown(w.submit(request("a dog")))
		if task := w.untilState(id, core.Succeeded); task.Charged != imagePrice {
			t.Errorf("charged %s", task.Charged)
		}
	})
}

// The platform shows it and the answer is lost: shown again, in place.
func TestLostAnswerOfThePlatform(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		lost := 1
		w.chat.after = func(p core.Parcel) error {
			if p.Delivery.Kind == core.DeliverFinal && lost > 0 {
				lost--
				return errors.New("connection reset")
			}
			return nil
		}
		id := w.submit(request("a cat"))
		w.untilShown(id)
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal, core.DeliverFinal)
		w.chat.message(t, id) // one message, edited
	})
}

func TestResultFiles(t *testing.T) {
	for name, c := range map[string]struct {
		fault kietest.Fault
		file  bool
		most  time.Duration
	}{
		"missing at first": {kietest.FilesMissing(3), true, 30 * time.Second},
		"gone":             {kietest.FilesGone(), false, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(c.fault)
				id := w.submit(request("a cat"))
				task := w.untilShown(id)
				shown := w.chat.message(t, id).last.Tasks[0].Outputs[0]
				if (shown.File != nil) != c.file || shown.URL == "" {
					t.Errorf("shown with file %v, link %q", shown.File, shown.URL)
				}
				if took := task.Delivered.Sub(task.Finished); took > c.most {
					t.Errorf("shown %v after the end", took)
				}
				if task.State != core.Succeeded || task.Charged != imagePrice {
					t.Errorf("%s, charged %s: the result was paid and is there to fetch", task.State, task.Charged)
				}
			})
		})
	}
}

func TestProgressIsGentle(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var asked attempts
		w.chat.fail = func(p core.Parcel) error { asked.add(p); return nil }
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		nap(20 * time.Minute)
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		shown := w.task(id).Delivered
		nap(time.Minute)
		edits := asked.of(func(a attempt) bool { return a.kind == core.DeliverProgress })
		if len(edits) < 5 {
			t.Errorf("%d progress edits in 20 minutes", len(edits))
		}
		for i := range edits {
			if i > 0 && edits[i].at.Sub(edits[i-1].at) < 3*time.Second {
				t.Errorf("edits %v apart", edits[i].at.Sub(edits[i-1].at))
			}
			if edits[i].at.After(shown) {
				t.Errorf("an edit %v after the end was shown", edits[i].at.Sub(shown))
			}
		}
	})
}

// The store takes no more work: requests are refused with a reason, and what
// was accepted goes on after the next start.
func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		w.mayDie = true
		w.run()
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		w.shut()
		_, err := w.engine.Submit(t.Context(), request("another"))
		wantRefusal(t, err, core.ReasonUnavailable)
		_, err = w.engine.Balance(t.Context(), core.Origin{Identity: ada})
		wantRefusal(t, err, core.ReasonUnavailable)
		w.kie.Release(w.kie.Tasks()[0].ID)
		nap(5 * time.Minute)
		w.reopen(nil)
		w.run()
		w.untilShown(id)
		if got := w.balance(ada); got != (core.Usage{Settled: imagePrice}) {
			t.Errorf("the window has %+v", got)
		}
	})
}

// The disk is full: a request is refused with a reason, and everything that
// was accepted comes to its end once there is room and kiebot is started again.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited })
		defer w.close()
		w.mayDie, w.disk = true, 1<<18
		w.reopen(nil)
		w.run()
		accepted := map[string]core.TaskID{}
		var err error
		var last core.Request
		for err == nil {
			last = request(strings.Repeat("a long story about a cat ", 100))
			var receipt core.Receipt
			if receipt, err = w.engine.Submit(t.Context(), last); err == nil {
				accepted[last.Key] = receipt.Tasks[0]
			}
		}
		wantRefusal(t, err, core.ReasonUnavailable)
		if len(accepted) < 5 {
			t.Fatalf("full after %d requests: %v", len(accepted), err)
		}
		nap(time.Minute)
		w.disk = 0
		w.reopen(nil)
		w.run()
		for _, id := range accepted {
			w.untilShown(id)
		}
		w.balance(ada)
		if n, most := len(w.kie.Tasks()), len(accepted)+1; n > most {
			t.Errorf("%d Kie tasks for at most %d requests", n, most)
		}
	})
}

// A delivery whose platform is switched off waits until it is back.
func TestNoAdapterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		w.run()
		req := request("a cat")
		req.Origin.Lane = "elsewhere:room"
		id := w.submit(req)
		w.untilState(id, core.Succeeded)
		w.stop()
		w.cfg.Adapters["elsewhere"] = w.chat
		w.reopen(nil)
		w.run()
		w.untilShown(id)
	})
}
