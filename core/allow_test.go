package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// guarded runs the test where nobody but person 0 is let in, and an operator hears of the others.
func guarded(t *testing.T, test func(*testing.T, *world, *pager)) {
	t.Helper()
	p := &pager{}
	play(t, kietest.Config{}, func(c *core.Config) {
		c.Policy.Allow, c.Alert = []string{person(0).String()}, p.Alert
	}, func(t *testing.T, w *world) {
		test(t, w, p)
	})
}

// asks is a request of somebody, in a chat that has a role.
func asks(n int) core.Request {
	req := request("a cat")
	req.Key, req.Origin.Identity, req.Origin.Name = fmt.Sprint("stranger ", n), person(n), fmt.Sprint("Person ", n)
	req.Origin.Roles, req.Origin.Locale = []string{"chat:chat:7"}, "ru"
	return req
}

func by(why string) core.Act { return core.Act{By: core.CommandLine, Why: why} }

// known is what a stranger hears: whether the operator was told.
func (w *world) known(req core.Request) bool {
	w.t.Helper()
	_, err := w.engine.Submit(w.t.Context(), req)
	return wantRefusal(w.t, err, core.ReasonStranger).Known
}

func TestStrangers(t *testing.T) {
	guarded(t, func(t *testing.T, w *world, p *pager) {
		told := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := len(p.kinds()); got != want {
				t.Errorf("the operator heard of %d strangers, want %d", got, want)
			}
		}
		for range 2 {
			if !w.known(asks(1)) {
				t.Error("the operator was not told")
			}
		}
		told(1)
		if a := p.last(); a.Kind != core.AlertStranger || a.Who != person(1) || a.Name != "Person 1" || a.Locale != "ru" || len(a.Roles) != 1 || a.Lane == "" {
			t.Errorf("%+v", a)
		}
		// A draft is a request, too.
		if _, err := w.engine.NewDraft(t.Context(), asks(2).Origin, "a draft", nil); !wantRefusal(t, err, core.ReasonStranger).Known {
			t.Error("the operator was not told of the draft")
		}
		// No more than a few in a minute, and who was left out is told of later.
		for n := 3; n < 20; n++ {
			if got := w.known(asks(n)); got != (n == 3) {
				t.Errorf("stranger %d: %t", n, got)
			}
		}
		told(3)
		nap(time.Minute)
		for range 2 {
			if !w.known(asks(9)) {
				t.Error("the operator was not told a minute later")
			}
		}
		told(4)
		// A day later again, unless an admin turned the stranger down.
		turned, err := w.engine.TurnDown(t.Context(), by(""), person(1))
		if err != nil || !turned {
			t.Errorf("%t, %v", turned, err)
		}
		if turned, err := w.engine.TurnDown(t.Context(), by(""), person(1)); err != nil || turned {
			t.Errorf("again: %t, %v", turned, err)
		}
		nap(24 * time.Hour)
		if w.known(asks(1)) || !w.known(asks(2)) {
			t.Error("a day later")
		}
		told(5)
	})
}

// While the operator cannot be reached, strangers crowd out no other alert.
func TestStrangersWaitInBounds(t *testing.T) {
	guarded(t, func(t *testing.T, w *world, p *pager) {
		p.set(errors.New("unreachable"), false)
		for n := 1; n < 100; n++ {
			w.known(asks(n))
			nap(time.Minute)
		}
		p.set(nil, false)
		nap(time.Hour)
		if n := len(p.kinds()); n != 20 {
			t.Errorf("%d alerts waited", n)
		}
	})
}

// What was stored survives a kill between the refusal and the telling.
func TestStrangerIsToldOfAfterARestart(t *testing.T) {
	guarded(t, func(t *testing.T, w *world, p *pager) {
		p.set(errors.New("unreachable"), false)
		if !w.known(asks(1)) {
			t.Error("not known")
		}
		w.reopen(nil)
		p.set(nil, false)
		w.run()
		nap(time.Hour)
		wantAlerts(t, p, core.AlertStranger)
	})
}

func TestAllow(t *testing.T) {
	guarded(t, func(t *testing.T, w *world, _ *pager) {
		do := func(what func(context.Context, core.Act, string) (bool, error), who string, want bool) {
			t.Helper()
			if got, err := what(t.Context(), by("asked"), who); err != nil || got != want {
				t.Errorf("%s: %t, %v; want %t", who, got, err, want)
			}
		}
		if _, err := w.engine.TurnDown(t.Context(), by(""), person(1)); err != nil {
			t.Error(err)
		}
		do(w.engine.Allow, person(1).String(), true)
		do(w.engine.Allow, person(1).String(), false)
		do(w.engine.Allow, person(0).String(), false)
		w.submit(asks(1))
		do(w.engine.Disallow, person(1).String(), true)
		do(w.engine.Disallow, person(1).String(), false)
		if !w.known(core.Request{Key: "later", Origin: asks(1).Origin}) {
			t.Error("who was let in is told of again")
		}
		do(w.engine.Allow, "chat:chat:7", true)
		w.submit(core.Request{Key: "in the chat", Origin: asks(2).Origin, Model: asks(2).Model, Input: asks(2).Input, Prompt: "a cat"})
		_, err := w.engine.Disallow(t.Context(), by(""), person(0).String())
		wantRefusal(t, err, core.ReasonConfigured)
		audits, err := w.engine.Audits(t.Context(), 0, 9)
		if err != nil || len(audits) != 4 || audits[0].Action != "allow" || audits[0].Target != "chat:chat:7" || audits[1].Action != "disallow" || audits[1].Why != "asked" {
			t.Errorf("%+v, %v", audits, err)
		}
	})
}

func TestLimitsOfRolesAndAll(t *testing.T) {
	limit := func(l core.Limit) *core.Limit { return &l }
	play(t, kietest.Config{}, func(c *core.Config) {
		c.UserDaily, c.Policy.Roles = 5000, map[string]core.Limits{"tier:gold": {Daily: limit(9000)}}
	}, func(t *testing.T, w *world) {
		e, ctx := w.engine, t.Context()
		daily := func(want core.Limit) {
			t.Helper()
			b, err := e.Balance(ctx, core.Origin{Identity: person(1), Lane: "chat:1"})
			if err != nil || b.Day.Limit != want {
				t.Errorf("%d, %v; want %d", b.Day.Limit, err, want)
			}
		}
		for _, step := range []struct {
			do   func() error
			want core.Limit
		}{
			{func() error { return e.LimitEverybody(ctx, by(""), core.Limits{Daily: limit(7000)}) }, 7000},
			{func() error { return e.SetTier(ctx, by(""), person(1), "gold") }, 9000},
			{func() error { return e.LimitRole(ctx, by(""), "tier:silver", core.Limits{Daily: limit(1000)}) }, 9000},
			{func() error { return e.LimitRole(ctx, by(""), "tier:gold", core.Limits{Daily: limit(20_000)}) }, 20_000},
			{func() error { return e.LimitRole(ctx, by(""), "tier:gold", core.Limits{}) }, 7000},
			{func() error { return e.LimitEverybody(ctx, by(""), core.Limits{}) }, 5000},
			{func() error { return e.LimitTotal(ctx, by(""), limit(100)) }, 5000},
			{func() error { return e.ResetPolicy(ctx, by("")) }, 9000},
		} {
			if err := step.do(); err != nil {
				t.Error(err)
			}
			daily(step.want)
		}
	})
}
