package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// pager is an operator who keeps every alert, once it gets through.
type pager struct {
	mu    sync.Mutex
	got   []core.Alert
	tries int
	fail  error // what handing over says, after it got through when lost
	lost  bool  // whether it got through all the same
	hang  bool  // whether a call never answers by itself
}

// Alert is a Config.Alert.
func (p *pager) Alert(ctx context.Context, a core.Alert) error {
	p.mu.Lock()
	p.tries++
	fail, hang := p.fail, p.hang
	if fail == nil || p.lost {
		p.got = append(p.got, a)
	}
	p.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return fail
}

func (p *pager) set(fail error, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail, p.lost = fail, lost
}

// kinds is what was told, in order.
func (p *pager) kinds() (kinds []core.AlertKind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.got {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func (p *pager) last() core.Alert {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) == 0 {
		return core.Alert{}
	}
	return p.got[len(p.got)-1]
}

func (p *pager) called() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

func wantAlerts(t *testing.T, p *pager, want ...core.AlertKind) {
	t.Helper()
	if got := p.kinds(); !slices.Equal(got, want) {
		t.Errorf("the operator was told %v, want %v", got, want)
	}
}

// A task whose answer was lost is refunded, and the operator hears of it once,
// with what it may have cost.
func TestAlertOfARefundedTask(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert = p.Alert }, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HTML(502))
		id := w.submit(request("a cat"))
		w.untilShown(id)
		synctest.Wait()
		wantAlerts(t, p, core.AlertUnresolved)
		if a := p.last(); a.Task != id || a.Credits != imagePrice || a.At.IsZero() {
			t.Errorf("the alert says %+v", a)
		}
		w.reopen(nil)
		w.run()
		nap(time.Hour)
		wantAlerts(t, p, core.AlertUnresolved)
	})
}

// A failing operator is tried again, until it works; what came meanwhile
// follows in order, and nothing is told twice.
func TestAlertIsTriedAgain(t *testing.T) {
	p := &pager{fail: errors.New("no network")}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert = p.Alert }, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HTML(502))
		first := w.submit(request("a cat"))
		w.untilShown(first)
		w.kie.NextCreate(kietest.HTML(502))
		second := w.submit(request("a dog"))
		w.untilShown(second)
		nap(time.Hour)
		if n := p.called(); n < 12 || n > 30 || len(p.kinds()) != 0 {
			t.Errorf("%d tries in an hour and more", n)
		}
		p.set(nil, false)
		nap(6 * time.Minute)
		wantAlerts(t, p, core.AlertUnresolved, core.AlertUnresolved)
		if p.got[0].Task != first || p.got[1].Task != second || p.got[0].ID >= p.got[1].ID {
			t.Errorf("the alerts are %+v", p.got)
		}
		nap(time.Hour)
		wantAlerts(t, p, core.AlertUnresolved, core.AlertUnresolved)
	})
}

// The process dies after the commit that has the alert, before it is handed
// over, while it is, and after that, before it is removed: it is told in any
// case, again only in the last two.
func TestAlertSurvivesAKill(t *testing.T) {
	for name, c := range map[string]struct {
		dies  func(*pager)
		again bool
	}{
		"before": {func(p *pager) { p.set(errors.New("no network"), false) }, false},
		"during": {func(p *pager) { p.hang = true }, true},
		"after":  {func(p *pager) { p.set(errors.New("the answer was lost"), true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &pager{}
			c.dies(p)
			play(t, kietest.Config{}, func(c *core.Config) { c.Alert = p.Alert }, func(t *testing.T, w *world) {
				w.kie.NextCreate(kietest.HTML(502))
				id := w.submit(request("a cat"))
				w.untilState(id, core.Failed)
				w.until("it was tried", func() bool { return p.called() > 0 })
				w.stop()
				second := &pager{}
				w.cfg.Alert = second.Alert
				w.reopen(nil)
				w.run()
				nap(time.Minute)
				wantAlerts(t, second, core.AlertUnresolved)
				if told := len(p.kinds()) > 0; told != c.again || told && p.last().ID != second.last().ID {
					t.Errorf("told before: %v, and again as %+v", told, second.last())
				}
			})
		})
	}
}

// Of alerts that nobody takes the newest are kept.
func TestAlertsAreBounded(t *testing.T) {
	p := &pager{fail: errors.New("no network")}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert, c.UserDaily = p.Alert, core.Unlimited }, func(t *testing.T, w *world) {
		w.kie.Always(kietest.CallCreate, kietest.HTML(502))
		var last core.TaskID
		for n := range 105 {
			last = w.submit(request(fmt.Sprint("cat ", n)))
			w.untilState(last, core.Unresolved)
		}
		w.untilShown(last)
		p.set(nil, false)
		w.until("all are told", func() bool { return len(p.kinds()) == 100 })
		nap(time.Hour)
		if n := len(p.kinds()); n != 100 || p.got[0].ID != 6 || p.last().Task != last {
			t.Errorf("%d alerts, from %d to that of %s, want 100 from 6 to that of %s", n, p.got[0].ID, p.last().Task, last)
		}
	})
}

// What cannot be shown in its chat is told.
func TestAlertOfAnUndeliveredResult(t *testing.T) {
	p := &pager{}
	play(t, kietest.Config{}, func(c *core.Config) { c.Alert = p.Alert }, func(t *testing.T, w *world) {
		w.chat.set(func(d core.Parcel) error {
			if d.Delivery.Kind == core.DeliverFinal {
				return &core.DeliveryError{Permanent: true, Err: errors.New("the bot was blocked")}
			}
			return nil
		})
		id := w.submit(request("a cat"))
		w.until("it is given up", func() bool { return w.task(id).Undelivered != nil })
		synctest.Wait()
		wantAlerts(t, p, core.AlertUndelivered)
		if a := p.last(); a.Task != id || a.Lane != "chat:room" || a.Detail != "the bot was blocked" {
			t.Errorf("the alert says %+v", a)
		}
		for range 3 {
			id = w.submit(request("a cat"))
			w.until("it is given up", func() bool { return w.task(id).Undelivered != nil })
		}
		wantAlerts(t, p, core.AlertUndelivered) // one an hour is enough
		nap(time.Hour)
		id = w.submit(request("a cat"))
		w.until("it is given up", func() bool { return w.task(id).Undelivered != nil })
		synctest.Wait()
		wantAlerts(t, p, core.AlertUndelivered, core.AlertUndelivered)
		if a := p.last(); a.Task != id || a.More != 3 {
			t.Errorf("the alert says %+v", a)
		}
	})
}
