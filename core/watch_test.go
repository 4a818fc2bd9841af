package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// alerting is a world whose operator has a pager, and is warned at a hundred credits.
func alerting(p *pager) func(*core.Config) {
	return func(c *core.Config) { c.Alert, c.LowBalance = p.Alert, 100_000 }
}

// A low balance is told once, over restarts, until it has had a tenth more.
func TestLowBalanceIsToldOncePerCrossing(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, alerting(p), func(t *testing.T, w *world) {
		set := func(credits core.Credits) {
			w.kie.SetBalance(credits)
			nap(6 * time.Minute)
		}
		set(100_001)
		wantAlerts(t, p)
		set(100_000)
		wantAlerts(t, p, core.AlertLowBalance)
		if a := p.last(); a.Credits != 100_000 || a.KieAccount != core.DefaultKieAccount {
			t.Errorf("the alert says %+v", a)
		}
		w.reopen(nil)
		w.run()
		set(50_000)
		set(110_000)
		set(90_000)
		wantAlerts(t, p, core.AlertLowBalance)
		set(110_001)
		set(99_000)
		wantAlerts(t, p, core.AlertLowBalance, core.AlertLowBalance)
	})
}

// At zero nothing is sent to Kie, not even to try; with credits again the
// tasks go on by themselves.
func TestPausesAtZeroAndResumes(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, alerting(p), func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		nap(6 * time.Minute)
		wantAlerts(t, p, core.AlertParked) // that it is low as well need not be said
		id := w.submit(request("a cat"))
		nap(20 * time.Minute)
		if n := w.calls(kietest.CallCreate); n != 0 {
			t.Errorf("createTask was called %d times without credits", n)
		}
		if task := w.task(id); task.State != core.Queued || task.Waiting != core.FailNoCredits {
			t.Errorf("it is %s, waiting for %q", task.State, task.Waiting)
		}
		if all := w.engine.KieAccounts(); len(all) != 1 || all[0].Parked != core.FailNoCredits || all[0].Balance != 0 || all[0].AsOf.IsZero() {
			t.Errorf("the accounts are %+v", all)
		}
		w.kie.SetBalance(1_000_000)
		began := time.Now()
		task := w.untilShown(id)
		if took := task.Sent.Sub(began); task.State != core.Succeeded || took > time.Minute+time.Second {
			t.Errorf("ended %s, sent after %v", task.State, took)
		}
		if n := w.calls(kietest.CallCreate); n != 1 {
			t.Errorf("createTask was called %d times, want once", n)
		}
		wantAlerts(t, p, core.AlertParked, core.AlertResumed)
		if s := w.engine.KieAccounts()[0]; s.Parked != "" || s.Balance <= 0 {
			t.Errorf("the account is %+v", s)
		}
	})
}

// An account that Kie says has too little is parked although it has credits:
// a read that finds as many does not open it, and it is told once, over a restart.
func TestParkedIsToldOnce(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, alerting(p), func(t *testing.T, w *world) {
		lift := w.kie.Always(kietest.CallCreate, kietest.Answer(402, "too little"))
		id := w.submit(request("a cat"))
		nap(10 * time.Minute)
		w.reopen(nil)
		w.run()
		nap(10 * time.Minute)
		if n := w.calls(kietest.CallCreate); n > 25 {
			t.Errorf("createTask was called %d times in twenty minutes", n)
		}
		lift()
		w.untilShown(id)
		synctest.Wait()
		wantAlerts(t, p, core.AlertParked, core.AlertResumed)
		if a := p.got[0]; a.Reason != core.FailNoCredits || a.Detail == "" {
			t.Errorf("the alert says %+v", a)
		}
	})
}

// An account that is opened and parked all the time is told of once an hour,
// and what was told last is true.
func TestFlappingAccountIsToldSeldom(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, alerting(p), func(t *testing.T, w *world) {
		for range 10 {
			w.kie.SetBalance(0)
			nap(6 * time.Minute)
			w.kie.SetBalance(500_000)
			nap(2 * time.Minute)
		}
		wantAlerts(t, p, core.AlertParked, core.AlertResumed, core.AlertParked, core.AlertResumed)
		w.kie.SetBalance(0)
		nap(10 * time.Minute)
		wantAlerts(t, p, core.AlertParked, core.AlertResumed, core.AlertParked, core.AlertResumed)
		nap(time.Hour)
		wantAlerts(t, p, core.AlertParked, core.AlertResumed, core.AlertParked, core.AlertResumed, core.AlertParked)
	})
}

// A balance that cannot be read, or only slowly, holds nothing up.
func TestUnreadableBalanceHoldsNothingUp(t *testing.T) {
	for name, fault := range map[string]kietest.Fault{"fails": kietest.HTML(502), "never answers": kietest.Hold(nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kietest.Config{}, nil)
				defer w.close()
				w.kie.Always(kietest.CallCredit, fault)
				w.run()
				id := w.submit(request("a cat"))
				synctest.Wait()
				if task := w.untilShown(id); task.State != core.Succeeded || task.Sent.Sub(task.Created) > time.Second {
					t.Errorf("ended %s, sent after %v", task.State, task.Sent.Sub(task.Created))
				}
				if s := w.engine.KieAccounts()[0]; !s.AsOf.IsZero() || s.Parked != "" {
					t.Errorf("the account is %+v", s)
				}
			})
		})
	}
}

// Tasks that run at an account which was removed are told, once.
func TestRemovedKieAccountIsTold(t *testing.T) {
	p := &pager{}
	play(t, two(), alerting(p), func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		w.cfg.Kie = w.cfg.Kie[1:]
		for range 2 {
			w.reopen(nil)
			w.run()
			nap(time.Minute)
			wantAlerts(t, p, core.AlertRemoved)
		}
		if a := p.last(); a.KieAccount != "one" || a.Count != 1 {
			t.Errorf("the alert says %+v", a)
		}
	})
}

// That an account is parked is known from the first moment after a restart,
// also to a page that shows a request before the engine runs.
func TestParkedIsKnownAtOnceAfterARestart(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		wantPaused := func(id core.TaskID) {
			t.Helper()
			synctest.Wait()
			shown := p.to(func(d core.Delivery) bool { return d.Lead == id })
			if len(shown) == 0 {
				t.Error("nothing was shown")
			}
			for _, c := range shown {
				if c.parcel.Tasks[0].State == core.Queued && c.parcel.Paused != core.FailNoCredits { // one is tried at once
					t.Errorf("%s says paused for %q", c.parcel.Delivery.Kind, c.parcel.Paused)
				}
			}
		}
		w.kie.Always(kietest.CallCreate, kietest.Answer(402, "too little"))
		w.submit(request("a cat"))
		nap(90 * time.Second)
		w.reopen(nil)
		early := w.submit(request("another"))
		if now, err := w.engine.Snapshot(t.Context(), early); err != nil || now.Paused != core.FailNoCredits {
			t.Errorf("before it runs: paused for %q, %v", now.Paused, err)
		}
		w.run()
		wantPaused(early)
		wantPaused(w.submit(request("a third")))
	})
}
