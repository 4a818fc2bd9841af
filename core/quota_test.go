package core_test

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// pictures is so many pictures' worth of credits.
func pictures(n int) *core.Limit {
	l := core.Limit(n) * core.Limit(imagePrice)
	return &l
}

func admin(why string) core.Act { return core.Act{By: "chat:boss", Why: why} }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// usage is how the window stands.
func (w *world) usage(id core.WindowID) (usage core.Usage) {
	w.t.Helper()
	w.must(w.store.View(w.t.Context(), func(tx core.Tx) (err error) {
		usage, err = tx.Usage(id)
		return err
	}))
	return usage
}

func unlimitedDay(c *core.Config) { c.UserDaily = core.Unlimited }

// Fifty requests at once against room for ten accept exactly ten, whatever
// window it is, and whoever bears a part of it.
func TestRoomForTenInEveryWindow(t *testing.T) {
	for name, change := range map[string]struct {
		window core.WindowKind
		policy core.Policy
		grant  int
	}{
		"day":            {core.WindowDay, core.Policy{User: core.Limits{Daily: pictures(10)}}, 0},
		"month":          {core.WindowMonth, core.Policy{User: core.Limits{Monthly: pictures(10)}}, 0},
		"chat":           {core.WindowChat, core.Policy{Chat: pictures(10)}, 0},
		"total":          {core.WindowTotal, core.Policy{Total: pictures(10)}, 0},
		"kind":           {core.WindowOfKind, core.Policy{Kinds: map[catalog.Kind]core.Limit{catalog.Image: *pictures(10)}}, 0},
		"model":          {core.WindowOfModel, core.Policy{Models: map[string]core.Limit{imageModel: *pictures(10)}}, 0},
		"granted alone":  {core.WindowDay, core.Policy{User: core.Limits{Daily: pictures(0)}}, 10},
		"day, granted":   {core.WindowDay, core.Policy{User: core.Limits{Daily: pictures(6)}}, 4},
		"month, granted": {core.WindowMonth, core.Policy{User: core.Limits{Daily: pictures(8), Monthly: pictures(3)}}, 7},
		"chat, granted":  {core.WindowChat, core.Policy{Chat: pictures(10), User: core.Limits{Daily: pictures(5)}}, 50},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Policy = core.Unlimited, change.policy }, func(t *testing.T, w *world) {
				if change.grant > 0 {
					w.must(w.engine.Grant(t.Context(), admin("a gift"), ada, core.Credits(change.grant)*imagePrice))
				}
				w.fiftyAtOnce(core.ReasonQuota, func(r *core.Refusal) {
					if r.Window.Kind() != change.window || r.Left >= imagePrice {
						t.Errorf("refused for %s with %s left", r.Window, r.Left)
					}
				})
				w.until("all ten have ended", func() bool {
					b, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada})
					return err == nil && b.Active() == 0
				})
				for id, u := range w.recount() {
					if u.Held != 0 || id.Kind() == core.WindowTotal && u.Settled != 10*imagePrice {
						t.Errorf("in the end %s has %+v", id, u)
					}
				}
			})
		})
	}
}

// What the day cannot bear is borne by granted credits, by the thousandth; a
// batch that needs both is split, and everything goes back the way it came.
func TestGrantedCreditsComeLastAndGoBackFirst(t *testing.T) {
	for name, c := range map[string]struct{ charged, day, granted core.Credits }{
		"nothing":            {0, 0, 0},
		"less than the day":  {2999, 2999, 0},
		"what the day bore":  {3000, 3000, 0},
		"a part of the gift": {3001, 3000, 1},
		"exact":              {imagePrice, 3000, 5000},
		"above the hold":     {imagePrice + 700, 3700, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 3000 }, func(t *testing.T, w *world) {
				w.must(w.engine.Grant(t.Context(), admin("a gift"), ada, 9000))
				w.kie.NextCreate(kietest.Consume(c.charged))
				task := w.untilShown(w.submit(request("a cat")))
				day, granted := task.Hold.Shares[0], task.Hold.Shares[len(task.Hold.Shares)-1]
				if day.Amount != 3000 || granted.Amount != 5000 || granted.Window.Kind() != core.WindowGranted {
					t.Fatalf("the hold is %+v", task.Hold)
				}
				if got := w.usage(day.Window); got != (core.Usage{Settled: c.day}) {
					t.Errorf("the day has %+v, want %s", got, c.day)
				}
				if got := w.usage(granted.Window); got != (core.Usage{Settled: c.granted, Granted: 9000}) {
					t.Errorf("granted credits have %+v, want %s", got, c.granted)
				}
				w.recount()
			})
		})
	}
}

func TestBatchIsSplitBetweenTheDayAndTheGift(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 20_000 }, func(t *testing.T, w *world) {
		w.must(w.engine.Grant(t.Context(), admin(""), ada, 12_000))
		w.kie.NextCreate()
		w.kie.NextCreate()
		w.kie.NextCreate(kietest.Fail("501", "no luck"))
		req := request("four cats")
		req.Count = 4
		lead := w.submit(req)
		var day, granted []core.Credits
		for _, id := range w.task(lead).Batch {
			hold := w.task(id).Hold
			day = append(day, hold.Shares[0].Amount)
			if last := hold.Shares[len(hold.Shares)-1]; last.Window.Kind() == core.WindowGranted {
				granted = append(granted, last.Amount)
			}
		}
		if fmt.Sprint(day, granted) != "[8 8 4 0] [4 8]" {
			t.Errorf("the day bears %v, the gift %v", day, granted)
		}
		_, err := w.engine.Submit(t.Context(), request("a fifth"))
		if refusal := wantRefusal(t, err, core.ReasonQuota); refusal.Left != 0 {
			t.Errorf("left %s", refusal.Left)
		}
		w.untilShown(lead)
		w.recount()
		balance, err := w.engine.Balance(t.Context(), req.Origin)
		if err != nil || balance.Day.Used+12_000-balance.Granted != 3*imagePrice {
			t.Errorf("in the end %+v, %v", balance, err)
		}
	})
}

// Of several limits the one that an admin set for the person wins, then the
// most generous of the roles and the tier, then the general one.
func TestWhoseLimitApplies(t *testing.T) {
	roles := map[string]core.Limits{
		"discord:role:1": {Daily: pictures(2)}, "discord:role:2": {Daily: pictures(5), Monthly: pictures(9)},
		"tier:gold": {Daily: pictures(4)}, "tier:free": {}, "tier:all": {Daily: new(core.Unlimited)},
	}
	change := func(c *core.Config) { c.UserDaily, c.Policy.Roles = *pictures(3), roles }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		for _, test := range []struct {
			roles []string
			tier  string
			own   *core.Limit
			want  core.Limit
		}{
			{want: *pictures(3)},
			{roles: []string{"discord:role:9"}, want: *pictures(3)},
			{roles: []string{"discord:role:1"}, want: *pictures(2)},
			{roles: []string{"discord:role:1", "discord:role:2"}, want: *pictures(5)},
			{roles: []string{"discord:role:2", "discord:role:1"}, tier: "gold", want: *pictures(5)},
			{roles: []string{"discord:role:1"}, tier: "gold", want: *pictures(4)},
			{tier: "free", want: *pictures(3)},
			{tier: "all", roles: []string{"discord:role:1"}, want: core.Unlimited},
			{tier: "all", own: pictures(1), want: *pictures(1)},
		} {
			w.must(w.engine.SetTier(t.Context(), admin(""), ada, test.tier))
			w.must(w.engine.SetLimits(t.Context(), admin(""), ada, core.Limits{Daily: test.own}))
			origin := core.Origin{Identity: ada, Lane: "chat:room", Roles: test.roles}
			if balance, err := w.engine.Balance(t.Context(), origin); err != nil || balance.Day.Limit != test.want || balance.Tier != test.tier {
				t.Errorf("%v, tier %q: %+v, %v; want %v", test.roles, test.tier, balance, err, test.want)
			}
		}
	})
}

func TestRefusalsThatNoWindowDecides(t *testing.T) {
	three := 3
	change := func(c *core.Config) {
		c.UserDaily = core.Unlimited
		c.Policy = core.Policy{MaxActive: &three, MaxRequest: pictures(5), ConfirmAbove: pictures(2)}
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		ask := func(count int, confirmed core.Credits) error {
			req := request("cats")
			req.Count, req.Confirmed = count, confirmed
			_, err := w.engine.Submit(t.Context(), req)
			return err
		}
		if r := wantRefusal(t, ask(6, 1<<40), core.ReasonTooDear); r.Need != 6*imagePrice || r.Limit != 5*imagePrice {
			t.Errorf("%+v", r)
		}
		if r := wantRefusal(t, ask(3, 0), core.ReasonConfirm); r.Need != 3*imagePrice || r.Limit != 2*imagePrice {
			t.Errorf("%+v", r)
		}
		// The price went up between the question and the answer: it is asked again.
		wantRefusal(t, ask(3, 3*imagePrice-1), core.ReasonConfirm)
		w.kie.SetBalance(0) // what comes now waits
		w.must(ask(2, 0))   // a batch is one request until its last task is final
		w.must(ask(2, 0))
		w.must(ask(1, 0))
		if r := wantRefusal(t, ask(1, 0), core.ReasonActive); r.Max != 3 {
			t.Errorf("%+v", r)
		}
		synctest.Wait() // until Kie has turned them away
		for _, task := range w.history(ada) {
			if _, err := w.engine.Cancel(t.Context(), ada, string(task.ID)); err != nil {
				t.Error(err)
			}
		}
		w.must(ask(3, 3*imagePrice))
		w.must(ask(1, 0))
		w.must(ask(1, 0))
		if task := w.history(ada)[0]; task.Request.Confirmed != 0 {
			t.Error("what was agreed to once would be agreed to for ever")
		}
		w.must(w.engine.Block(t.Context(), admin("spam"), ada))
		if r := wantRefusal(t, ask(1, 0), core.ReasonBlocked); r.Why != "spam" {
			t.Errorf("%+v", r)
		}
		w.must(w.engine.Unblock(t.Context(), admin(""), ada))
		wantRefusal(t, ask(1, 0), core.ReasonActive)
	})
}

// A repeated update is answered as the first time before anything is done for
// it: no model has to be there any more, and no file is read.
func TestRepeatsAreAnsweredBeforeAnythingElse(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		first, err := w.engine.Submit(t.Context(), request("a cat"))
		w.must(err)
		again := request("a cat")
		again.Key, again.Model = w.history(ada)[0].Request.Key, "a/model-that-left"
		receipt, err := w.engine.Submit(t.Context(), again)
		if err != nil || !receipt.Repeated || receipt.Tasks[0] != first.Tasks[0] {
			t.Errorf("%+v, %v", receipt, err)
		}
	})
}

func (w *world) history(who core.Identity) []core.Task {
	w.t.Helper()
	tasks, err := w.engine.History(w.t.Context(), who, "", 100)
	w.must(err)
	return tasks
}

// Fifty at once with room for ten tasks under way.
func TestTasksUnderWayAreExact(t *testing.T) {
	ten := 10
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Policy.MaxActive = core.Unlimited, &ten }, func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		w.fiftyAtOnce(core.ReasonActive, func(*core.Refusal) {})
	})
}

// Windows follow the calendar of the place, whose days have 23 to 25 hours
// and need not begin at midnight.
func TestWindowsFollowTheCalendar(t *testing.T) {
	for _, test := range []struct {
		zone, now, dayEnds, monthEnds string
	}{
		{"UTC", "2026-11-25T12:00:00Z", "2026-11-26T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"Europe/Berlin", "2026-11-30T23:30:00+01:00", "2026-12-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00"},
		{"Europe/Berlin", "2026-03-29T00:30:00+01:00", "2026-03-30T00:00:00+02:00", "2026-04-01T00:00:00+02:00"}, // 23 hours
		{"Europe/Berlin", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", "2026-11-01T00:00:00+01:00"}, // 25 hours
		{"America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-12-01T00:00:00-02:00"},
		{"Asia/Kathmandu", "2026-12-31T23:59:59+05:45", "2027-01-01T00:00:00+05:45", "2027-01-01T00:00:00+05:45"},
		{"UTC", "2028-02-28T12:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
	} {
		location, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		change := func(c *core.Config) { c.Location, c.Now = location, func() time.Time { return now } }
		play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
			balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada})
			w.must(err)
			if day := balance.Day.ResetsAt.Format(time.RFC3339); day != test.dayEnds {
				t.Errorf("%s in %s: the day ends %s, want %s", test.now, test.zone, day, test.dayEnds)
			}
			if month := balance.Month.ResetsAt.Format(time.RFC3339); month != test.monthEnds {
				t.Errorf("%s in %s: the month ends %s, want %s", test.now, test.zone, month, test.monthEnds)
			}
		})
	}
}

// Whatever happens to the clock, the calendar and the limits while a task is
// under way, it ends in the windows of its acceptance.
func TestEndsInTheWindowsOfAcceptance(t *testing.T) {
	for name, later := range map[string]struct {
		wait   time.Duration // in real time
		jump   time.Duration // of the clock
		zone   string
		policy core.Policy
	}{
		"midnight":       {wait: 10 * time.Minute},
		"a month":        {jump: 45 * 24 * time.Hour},
		"back":           {jump: -50 * time.Hour},
		"another zone":   {zone: "Pacific/Kiritimati"},
		"another policy": {policy: core.Policy{User: core.Limits{Daily: pictures(0), Monthly: pictures(0)}, Kinds: map[catalog.Kind]core.Limit{}, Models: map[string]core.Limit{}}},
	} {
		for end, faults := range map[string][]kietest.Fault{
			"success": {kietest.HoldTask(), kietest.Consume(3001)}, "failure": {kietest.HoldTask(), kietest.Fail("501", "no luck")},
		} {
			t.Run(name+", "+end, func(t *testing.T) {
				var clock wallClock
				change := func(c *core.Config) {
					c.UserDaily, c.Now = 2000, clock.now
					c.Policy.Kinds = map[catalog.Kind]core.Limit{catalog.Image: *pictures(9)}
					c.Policy.Models = map[string]core.Limit{imageModel: *pictures(9)}
				}
				play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
					nap(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute)))
					w.must(w.engine.Grant(t.Context(), admin(""), ada, 6000))
					w.kie.NextCreate(faults...)
					id := w.submit(request("a cat"))
					hold := w.untilState(id, core.Running).Hold
					w.stop()
					clock.skew.Add(int64(later.jump))
					if later.zone != "" {
						location, err := time.LoadLocation(later.zone)
						w.must(err)
						w.cfg.Location = location
					}
					if later.policy.User.Daily != nil {
						w.cfg.Policy = later.policy
					}
					nap(later.wait)
					w.reopen(nil)
					w.run()
					w.kie.Release(w.kie.Tasks()[0].ID)
					task := w.untilShown(id)
					var kinds []string
					for _, s := range task.Hold.Shares {
						kinds = append(kinds, string(s.Window.Kind()))
						if u := w.usage(s.Window); u.Held != 0 || (u.Settled == 0) != (task.Charged == 0) {
							t.Errorf("%s has %+v, charged %s", s.Window, u, task.Charged)
						}
					}
					if strings.Join(kinds, " ") != "day month kind model chat total granted" || fmt.Sprint(hold) != fmt.Sprint(task.Hold) {
						t.Errorf("the hold was %v, is %v", hold, task.Hold)
					}
					w.recount()
				})
			})
		}
	}
}

// A limit that changes in the middle counts what was used before, at once.
func TestLimitsChangeLive(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		for range 3 {
			w.untilShown(w.submit(request("a cat")))
		}
		ask := func() error {
			_, err := w.engine.Submit(t.Context(), request("another"))
			return err
		}
		change := func(edit func(*core.Policy)) {
			t.Helper()
			w.must(w.engine.ChangePolicy(t.Context(), admin("too much"), edit))
		}
		for kind, edit := range map[core.WindowKind]func(*core.Policy, *core.Limit){
			core.WindowDay:   func(p *core.Policy, l *core.Limit) { p.User.Daily = l },
			core.WindowMonth: func(p *core.Policy, l *core.Limit) { p.User.Monthly = l },
			core.WindowChat:  func(p *core.Policy, l *core.Limit) { p.Chat = l },
			core.WindowTotal: func(p *core.Policy, l *core.Limit) { p.Total = l },
		} {
			change(func(p *core.Policy) { edit(p, pictures(3)) })
			if r := wantRefusal(t, ask(), core.ReasonQuota); r.Window.Kind() != kind || r.Left != 0 || r.Limit != 3*imagePrice {
				t.Errorf("%s: %+v", kind, r)
			}
			w.reopen(nil) // it outlasts a restart
			w.run()
			wantRefusal(t, ask(), core.ReasonQuota)
			change(func(p *core.Policy) { edit(p, nil) })
		}
		w.untilShown(w.submit(request("a fourth")))
		change(func(p *core.Policy) { p.User.Daily = pictures(4) })
		w.must(w.engine.SetLimits(t.Context(), admin("a friend"), ada, core.Limits{Daily: pictures(5)}))
		w.untilShown(w.submit(request("a fifth")))
		wantRefusal(t, ask(), core.ReasonQuota)
		w.must(w.engine.SetLimits(t.Context(), admin(""), ada, core.Limits{}))
		w.must(w.engine.ResetPolicy(t.Context(), admin("enough for all")))
		w.untilShown(w.submit(request("a sixth")))
		w.must(w.engine.SetChatLimit(t.Context(), admin(""), "chat:room", pictures(6)))
		if r := wantRefusal(t, ask(), core.ReasonQuota); r.Window.Kind() != core.WindowChat {
			t.Errorf("%+v", r)
		}
		if left, err := w.engine.Left(t.Context(), core.Origin{Identity: ada, Lane: "chat:room"}); err != nil || left != 0 {
			t.Errorf("left %v, %v", left, err)
		}
		w.must(w.engine.SetChatLimit(t.Context(), admin(""), "chat:room", nil))
		w.must(ask())
	})
}

// Everything an admin does is in the audit log, with who, what and why.
func TestAudit(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		act := core.Act{By: core.CommandLine, Why: "because"}
		id := w.submit(request("a cat"))
		w.untilShown(id)
		w.must(w.engine.SetLimits(ctx, act, ada, core.Limits{Daily: pictures(1), Monthly: new(core.Unlimited)}))
		w.must(w.engine.Grant(ctx, act, ada, 5000))
		w.must(w.engine.Adjust(ctx, act, ada, -3000))
		w.must(w.engine.SetTier(ctx, act, ada, "gold"))
		w.must(w.engine.Block(ctx, act, ada))
		w.must(w.engine.Unblock(ctx, act, ada))
		w.must(w.engine.SetChatLimit(ctx, act, "chat:room", pictures(2)))
		w.must(w.engine.ChangePolicy(ctx, act, func(p *core.Policy) { p.Total = pictures(3) }))
		w.must(w.engine.ResetPolicy(ctx, act))
		_, err := w.engine.RefundTask(ctx, act, id)
		w.must(err)
		wantRefusal(t, w.engine.Grant(ctx, act, ada, -5001), core.ReasonTaken)
		if err := w.engine.Grant(ctx, core.Act{}, ada, 1); err == nil {
			t.Error("nobody granted something")
		}
		audits, err := w.engine.Audits(ctx, 0, 100)
		w.must(err)
		var said []string
		for _, a := range audits {
			said = append(said, strings.TrimSpace(fmt.Sprint(a.Action, " ", cmp.Or(map[bool]string{true: "task"}[a.Target == string(id)], a.Target), " ", a.Detail)))
			if a.By != core.CommandLine || a.Why != "because" || a.At.IsZero() {
				t.Errorf("%+v", a)
			}
		}
		want := []string{
			"refund task 8", "reset policy everybody", `policy everybody {"total":24000}`, "limit chat:room daily 16", "unblock chat:ada",
			"block chat:ada", "tier chat:ada gold", "adjust chat:ada -3", "grant chat:ada 5", "limit chat:ada daily 8, monthly unlimited",
		}
		if strings.Join(said, "\n") != strings.Join(want, "\n") {
			t.Errorf("the log says\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
		}
		w.recount()
	})
}

// An update that comes again acts no more: not after a restart, nor at another
// replica, both of which know only the store.
func TestAnActThatComesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		act, eva := admin("a gift"), core.Identity{Platform: "chat", User: "eva"}
		act.Key = "discord:1"
		w.must(w.engine.Grant(t.Context(), act, ada, 5000))
		w.reopen(nil)
		w.must(w.engine.Grant(t.Context(), act, ada, 5000))
		w.must(w.engine.Grant(t.Context(), act, eva, 5000)) // of the same update, but something else
		audits, err := w.engine.Audits(t.Context(), 0, 10)
		w.must(err)
		if len(audits) != 2 {
			t.Errorf("in the log: %v", audits)
		}
		wantPurse(t, w, "5 left, 0 owed")
		act.Key = "discord:2"
		w.must(w.engine.Grant(t.Context(), act, ada, 5000))
		wantPurse(t, w, "10 left, 0 owed")
	})
}

// A refund by hand goes to the windows that bore the charge, once, and what
// Kie charged is an operator loss.
func TestRefundByHand(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 3000 }, func(t *testing.T, w *world) {
		w.must(w.engine.Grant(t.Context(), admin(""), ada, 9000))
		req := requestOf(adaPhone, "a cat")
		w.must(w.engine.Grant(t.Context(), admin(""), adaPhone, 9000))
		w.kie.NextCreate(kietest.HoldTask())
		open := w.submit(request("not yet"))
		w.untilState(open, core.Running)
		_, err := w.engine.RefundTask(t.Context(), admin("ugly"), open)
		wantRefusal(t, err, core.ReasonNoCharge)
		id := w.submit(req)
		w.untilShown(id)
		w.link(adaPhone, ada) // its windows are the elder account's now
		var refunded counter
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() {
				task, err := w.engine.RefundTask(t.Context(), admin("ugly"), id)
				var refusal *core.Refusal
				switch {
				case err == nil && task.Refunded == imagePrice && task.OperatorLoss == imagePrice:
					refunded.add()
				case !errors.As(err, &refusal) || refusal.Reason != core.ReasonGaveBack:
					t.Errorf("%+v, %v", task, err)
				}
			})
		}
		callers.Wait()
		if refunded.n != 1 {
			t.Errorf("%d refunds", refunded.n)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(open)
		for window, u := range w.recount() {
			want := imagePrice
			switch window.Kind() {
			case core.WindowDay, core.WindowMonth:
				want = 3000
			case core.WindowGranted:
				want = 5000
			}
			if u.Settled != want || u.Held != 0 {
				t.Errorf("%s has %+v, want %s", window, u, want)
			}
		}
	})
}

// Adjusting never leaves a window below zero.
func TestAdjust(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.untilShown(w.submit(request("a cat")))
		for _, step := range []struct{ by, want core.Credits }{{-3000, 5000}, {+500, 5500}, {-9000, 0}, {200_000, 200_000}} {
			w.must(w.engine.Adjust(t.Context(), admin("a mistake"), ada, step.by))
			balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada})
			if err != nil || balance.Day.Used != step.want || balance.Month.Used != step.want {
				t.Errorf("adjusted by %s: %+v, %v", step.by, balance, err)
			}
		}
		_, err := w.engine.Submit(t.Context(), request("another"))
		wantRefusal(t, err, core.ReasonQuota)
		w.recount()
	})
}

// lost is what the ledger has for the operator losses of the first month.
func (w *world) lost() core.Credits {
	w.t.Helper()
	usage := w.usage("loss/2000-01")
	if usage.Held != 0 {
		w.t.Errorf("losses hold %s", usage.Held)
	}
	return usage.Settled
}

// Every operator loss is in the ledger, once.
func TestLossesAreInTheLedger(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.Grace = 2 * time.Second }, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.After(kietest.Drop()), kietest.CallbackTwice(), kietest.Consume(7001))
		late := w.submit(request("a late cat"))
		w.until("it is delivered late", func() bool { return w.task(late).Late })
		if got := w.lost(); got != 7001 {
			t.Errorf("after a late result %s are lost", got)
		}
		w.kie.NextCreate(kietest.EmptyResult(-1), kietest.Consume(900))
		empty := w.submit(request("no cat"))
		w.untilState(empty, core.Failed)
		address := w.kie.Tasks()[1].CallbackURL
		for range 2 { // it is read once more
			w.post(address, fmt.Sprintf(`{"code":200,"data":{"taskId":%q,"state":"success"}}`, w.kie.Tasks()[1].ID), nil)
			nap(5 * time.Minute)
		}
		if got := w.lost(); got != 7901 {
			t.Errorf("after an empty success %s are lost", got)
		}
		good := w.submit(request("a good cat"))
		w.untilShown(good)
		if got := w.lost(); got != 7901 {
			t.Errorf("after a success %s are lost", got)
		}
		address = w.kie.Tasks()[2].CallbackURL
		for _, id := range []string{"second", "second", "third", "second"} {
			w.post(address, fmt.Sprintf(`{"code":200,"data":{"taskId":%q,"state":"success"}}`, id), nil)
		}
		if got := w.lost(); got != 7901+2*imagePrice || w.task(good).OperatorLoss != 2*imagePrice {
			t.Errorf("after two more Kie tasks for one of ours %s are lost, the task says %s", got, w.task(good).OperatorLoss)
		}
		if problems := w.verify(); len(problems) > 0 {
			t.Error(problems)
		}
	})
}

// Who may ask: named people, everybody in a named place, whom an admin adds, and
// with one of them every identity that is linked to it.
func TestStrangersAreRefused(t *testing.T) {
	bob := core.Identity{Platform: ada.Platform, User: "bob"}
	change := func(c *core.Config) { c.Policy.Allow = []string{ada.String(), "chat:guild:7"} }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		ask := func(who core.Identity, roles ...string) error {
			req := request("a cat")
			req.Origin.Identity, req.Origin.Roles = who, roles
			_, err := w.engine.Submit(t.Context(), req)
			return err
		}
		w.must(ask(ada))
		w.must(ask(bob, "chat:guild:7"))
		if r := wantRefusal(t, ask(bob, "chat:guild:8"), core.ReasonStranger); r.Who != bob {
			t.Errorf("%+v", r)
		}
		w.must(w.engine.ChangePolicy(t.Context(), admin("a friend"), func(p *core.Policy) { p.Allow = append(p.Allow, bob.String()) }))
		w.must(ask(bob))
		w.must(ask(ada))
		eve := core.Identity{Platform: "elsewhere", User: "eve"}
		wantRefusal(t, ask(eve), core.ReasonStranger)
		code, err := w.engine.LinkCode(t.Context(), ada)
		w.must(err)
		_, err = w.engine.Link(t.Context(), eve, code.Code)
		w.must(err)
		w.must(ask(eve))
	})
}
