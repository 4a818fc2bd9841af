package core_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

const (
	guildA core.Place = "chat:guild:A"
	guildB core.Place = "chat:guild:B"
)

// within is where somebody asks who has the roles there.
func within(place core.Place, channel string, who core.Identity, roles ...string) core.Origin {
	return core.Origin{Identity: who, Lane: core.NewLane("chat", channel), Place: place, Roles: append([]string{string(place), "chat:channel:" + channel}, roles...)}
}

// bossOf is an admin of the place, who acts in its name.
func (w *world) bossOf(place core.Place) core.Act {
	w.t.Helper()
	origin := within(place, "office", core.Identity{Platform: "chat", User: "boss"})
	origin.Admin = true
	act, err := w.engine.PlaceAct(w.t.Context(), origin, "our rules")
	w.must(err)
	return act
}

// askIn asks for a picture from there.
func (w *world) askIn(origin core.Origin) error {
	w.t.Helper()
	req := request("a cat")
	req.Origin = origin
	_, err := w.engine.Submit(w.t.Context(), req)
	return err
}

// rule changes the rules of the place as its own admin.
func (w *world) rule(place core.Place, edit func(*core.PlaceRules)) {
	w.t.Helper()
	w.must(w.engine.ChangePlace(w.t.Context(), w.bossOf(place), place, edit))
}

// Fifty requests at once, from two chats of a place against its room for ten,
// accept exactly ten, whoever set the limit; what fails goes back.
func TestRoomForTenInAPlace(t *testing.T) {
	for name, c := range map[string]struct {
		kind  core.WindowKind
		limit func(w *world)
	}{
		"operator's day": {core.WindowPlace, func(w *world) {
			w.must(w.engine.SetPlaceLimits(w.t.Context(), admin(""), guildA, core.Limits{Daily: pictures(10)}))
		}},
		"operator's month": {core.WindowPlaceMonth, func(w *world) {
			w.must(w.engine.SetPlaceLimits(w.t.Context(), admin(""), guildA, core.Limits{Monthly: pictures(10)}))
		}},
		"its own day":   {core.WindowPlace, func(w *world) { w.rule(guildA, func(r *core.PlaceRules) { r.Limits.Daily = pictures(10) }) }},
		"its own month": {core.WindowPlaceMonth, func(w *world) { w.rule(guildA, func(r *core.PlaceRules) { r.Limits.Monthly = pictures(10) }) }},
		"a person's day there": {core.WindowMember, func(w *world) {
			w.rule(guildA, func(r *core.PlaceRules) { r.Person = pictures(10) })
		}},
		"a role's day there": {core.WindowMember, func(w *world) {
			w.rule(guildA, func(r *core.PlaceRules) {
				r.Person, r.Roles = pictures(1), map[string]core.Limit{"chat:role:1": *pictures(10)}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
				c.limit(w)
				for range 10 {
					w.kie.NextCreate(kietest.Fail("501", "no luck"))
				}
				both := func(n int, req *core.Request) {
					req.Origin = within(guildA, fmt.Sprint("channel-", n%2), ada, "chat:role:1")
				}
				w.fiftyAtOnce(core.ReasonQuota, func(r *core.Refusal) {
					if r.Window.Kind() != c.kind || r.Left >= imagePrice || r.Limit != 10*imagePrice {
						t.Errorf("refused for %s with %s of %s left", r.Window, r.Left, r.Limit)
					}
				}, both)
				w.untilIdle(ada)
				for id, u := range w.recount() {
					if u.Held != 0 || u.Settled != 0 {
						t.Errorf("everything failed, and %s has %+v", id, u)
					}
				}
				w.fiftyAtOnce(core.ReasonQuota, func(*core.Refusal) {}, both)
				w.untilIdle(ada)
				for id, u := range w.recount() {
					if id.Kind() == c.kind && (u.Held != 0 || u.Settled != 10*imagePrice) {
						t.Errorf("in the end %s has %+v", id, u)
					}
				}
				w.must(w.askIn(within(guildB, "channel-9", ada)))
				if problems := w.verify(); len(problems) > 0 {
					t.Error(problems)
				}
			})
		})
	}
}

// untilIdle waits until nothing of the person's is under way.
func (w *world) untilIdle(who core.Identity) {
	w.t.Helper()
	w.until("everything has ended", func() bool {
		b, err := w.engine.Balance(w.t.Context(), core.Origin{Identity: who})
		return err == nil && b.Active() == 0
	})
}

// An admin of a place changes its rules and nothing else.
func TestAdminsOfAPlaceReachNoFurther(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		ctx, boss := t.Context(), w.bossOf(guildA)
		_, err := w.engine.PlaceAct(ctx, within(guildA, "c", ada), "")
		wantRefusal(t, err, core.ReasonNotAdmin)
		_, err = w.engine.PlaceAct(ctx, core.Origin{Identity: ada, Lane: "chat:ada", Admin: true}, "")
		wantRefusal(t, err, core.ReasonNotAdmin)
		w.must(w.askIn(within(guildA, "c", ada)))
		w.untilIdle(ada)
		_, err = w.engine.Buy(ctx, core.Payment{Charge: core.Charge{Platform: "chat", ID: "1"}, Payer: ada, Price: "1 XTR", Credits: 5})
		w.must(err)
		nothing := func(*core.PlaceRules) {}
		for name, do := range map[string]func() error{
			"another place": func() error { return w.engine.ChangePlace(ctx, boss, guildB, nothing) },
			"own bounds":    func() error { return w.engine.SetPlaceLimits(ctx, boss, guildA, core.Limits{}) },
			"pay back": func() error {
				_, err := w.engine.PayBack(ctx, boss, core.Charge{Platform: "chat", ID: "1"})
				return err
			},
		} {
			if got := reasonOf(do()); got != core.ReasonPlaceOnly {
				t.Errorf("%s: %q", name, got)
			}
		}
		w.must(w.engine.ChangePlace(ctx, boss, guildA, func(r *core.PlaceRules) { r.Allow = []string{"chat:bob"} }))
		w.must(w.engine.ChangePlace(ctx, admin("the operator"), guildB, func(r *core.PlaceRules) { r.Allow = []string{"chat:bob"} }))
		audits, err := w.engine.Audits(ctx, 0, 10)
		w.must(err)
		var said []string
		for _, a := range audits {
			said = append(said, strings.Join([]string{a.By, a.Action, a.Target, a.Detail, a.Why}, " "))
		}
		want := []string{`chat:boss place chat:guild:B {"allow":["chat:bob"]} the operator`, `chat:boss place chat:guild:A {"allow":["chat:bob"]} our rules`}
		if !slices.Equal(said, want) {
			t.Errorf("the log says %q, want %q", said, want)
		}
	})
}

// Whatever acts there are and will be, none but ChangePlace is for the admins of
// a place.
func TestNoOtherActIsForAdminsOfAPlace(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		boss, tried := w.bossOf(guildA), 0
		engine := reflect.ValueOf(w.engine)
		for n := range engine.NumMethod() {
			name, method := engine.Type().Method(n).Name, engine.Method(n)
			if name == "PayBack" || name == "KeepPayment" { // of a payment that there is: see above
				continue
			}
			var args []reflect.Value
			acts := false
			for i := range method.Type().NumIn() {
				arg := reflect.Zero(method.Type().In(i))
				switch {
				case i == 0 && arg.Type() == reflect.TypeFor[context.Context]():
					arg = reflect.ValueOf(t.Context())
				case arg.Type() == reflect.TypeFor[core.Act]():
					arg, acts = reflect.ValueOf(boss), true
				case arg.Type() == reflect.TypeFor[core.Place]():
					arg = reflect.ValueOf(guildB)
				}
				args = append(args, arg)
			}
			if !acts {
				continue
			}
			tried++
			answers := method.Call(args)
			if err, _ := answers[len(answers)-1].Interface().(error); reasonOf(err) != core.ReasonPlaceOnly {
				t.Errorf("%s was answered with %v", name, err)
			}
		}
		if tried < 10 {
			t.Errorf("only %d acts were tried", tried)
		}
	})
}

// A place may have less than the operator gives it, and never more, also when
// the operator gives less later.
func TestAPlaceNeverHasMoreThanItIsGiven(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		ctx, boss := t.Context(), w.bossOf(guildA)
		give := func(limits core.Limits) { w.must(w.engine.SetPlaceLimits(ctx, admin(""), guildA, limits)) }
		set := func(daily, monthly *core.Limit) error {
			return w.engine.ChangePlace(ctx, boss, guildA, func(r *core.PlaceRules) { r.Limits = core.Limits{Daily: daily, Monthly: monthly} })
		}
		give(core.Limits{Daily: pictures(5), Monthly: pictures(9)})
		for _, above := range []*core.Limit{pictures(6), new(core.Unlimited)} {
			if r := wantRefusal(t, set(above, nil), core.ReasonPlaceAbove); r.Limit != 5*imagePrice {
				t.Errorf("%+v", r)
			}
		}
		wantRefusal(t, set(nil, pictures(10)), core.ReasonPlaceAbove)
		w.must(set(pictures(5), pictures(4)))
		give(core.Limits{Daily: pictures(2)})
		w.must(w.engine.ChangePlace(ctx, boss, guildA, func(r *core.PlaceRules) { r.Off = []string{"veo"} })) // its day stays as it was chosen
		view, err := w.engine.Place(ctx, guildA)
		w.must(err)
		if *view.Limits.Daily != *pictures(2) || *view.Rules.Limits.Daily != *pictures(5) || view.Day.Limit != *pictures(2) || view.Month.Limit != *pictures(4) || len(view.Rules.Off) != 1 {
			t.Errorf("%+v", view)
		}
		w.rule(guildA, func(r *core.PlaceRules) {
			*r = core.PlaceRules{Roles: map[string]core.Limit{"chat:role:1": core.Unlimited}}
		})
		w.must(w.askIn(within(guildA, "c", ada, "chat:role:1")))
		w.must(w.askIn(within(guildA, "d", ada, "chat:role:1")))
		if r := wantRefusal(t, w.askIn(within(guildA, "e", ada, "chat:role:1")), core.ReasonQuota); r.Window.Kind() != core.WindowPlace {
			t.Errorf("%+v", r)
		}
		w.must(w.engine.ChangePolicy(ctx, admin(""), func(p *core.Policy) { p.User.Daily = pictures(1) }))
		give(core.Limits{})
		if r := wantRefusal(t, w.askIn(within(guildA, "c", ada, "chat:role:1")), core.ReasonQuota); r.Window.Kind() != core.WindowDay {
			t.Errorf("a role of the place gave more than the operator: %+v", r)
		}
		// What admins granted helps the person's own limits, not the place's.
		w.must(w.engine.Grant(ctx, admin(""), ada, 100*imagePrice))
		w.must(w.askIn(within(guildA, "c", ada)))
		w.rule(guildA, func(r *core.PlaceRules) { r.Person = pictures(1) })
		if r := wantRefusal(t, w.askIn(within(guildA, "c", ada)), core.ReasonQuota); r.Window.Kind() != core.WindowMember || r.Granted != 0 {
			t.Errorf("%+v", r)
		}
		big := w.engine.ChangePlace(ctx, boss, guildA, func(r *core.PlaceRules) { r.Off = make([]string, 10_000) })
		wantRefusal(t, big, core.ReasonPlaceFull)
	})
}

// Of the limits of several roles the highest counts, and shows in the balance.
func TestLimitsByRoleOfAPlace(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		w.rule(guildA, func(r *core.PlaceRules) {
			r.Limits.Daily, r.Person = pictures(40), pictures(3)
			r.Roles = map[string]core.Limit{"chat:role:1": *pictures(2), "chat:role:2": *pictures(7), "chat:role:3": core.Unlimited}
		})
		for _, c := range []struct {
			roles []string
			want  core.Limit
		}{
			{nil, *pictures(3)},
			{[]string{"chat:role:1"}, *pictures(2)},
			{[]string{"chat:role:2", "chat:role:1"}, *pictures(7)},
			{[]string{"chat:role:9", "chat:role:1"}, *pictures(2)},
			{[]string{"chat:role:2", "chat:role:3"}, core.Unlimited},
		} {
			balance, err := w.engine.Balance(t.Context(), within(guildA, "c", ada, c.roles...))
			w.must(err)
			limits := map[core.WindowKind]core.Limit{}
			for _, s := range balance.There {
				limits[s.Window] = s.Limit
			}
			want := map[core.WindowKind]core.Limit{core.WindowPlace: *pictures(40), core.WindowMember: c.want}
			left := min(c.want, *pictures(40))
			if c.want == core.Unlimited {
				delete(want, core.WindowMember)
				left = *pictures(40)
			}
			if !maps.Equal(limits, want) || balance.Left() != left {
				t.Errorf("%v: %v, left %v; want %v, left %v", c.roles, limits, balance.Left(), want, left)
			}
		}
	})
}

// The rules of a place say who may ask where and for what, there and nowhere else.
func TestRulesOfAPlace(t *testing.T) {
	inA := func(channel string, roles ...string) core.Origin { return within(guildA, channel, ada, roles...) }
	bossIn := func(channel string) core.Origin {
		origin := within(guildA, channel, ada)
		origin.Admin = true
		return origin
	}
	for name, c := range map[string]struct {
		rules   core.PlaceRules
		reason  core.Reason
		refused []core.Origin
		served  []core.Origin
	}{
		"roles": {core.PlaceRules{Allow: []string{"chat:role:1", "chat:role:2"}}, core.ReasonPlaceRoles,
			[]core.Origin{inA("c"), inA("c", "chat:role:3")}, []core.Origin{inA("c", "chat:role:3", "chat:role:2"), bossIn("c")}},
		"people": {core.PlaceRules{Allow: []string{"chat:bob"}}, core.ReasonPlaceRoles, []core.Origin{inA("c")}, nil},
		"channels": {core.PlaceRules{Channels: []string{"chat:channel:c", "chat:channel:d"}}, core.ReasonPlaceChannel,
			[]core.Origin{inA("e"), bossIn("e")}, []core.Origin{inA("c"), inA("thread", "chat:channel:d")}},
		"blocked":      {core.PlaceRules{Blocked: map[string]string{ada.String(): "spam"}}, core.ReasonPlaceBlocked, []core.Origin{inA("c"), bossIn("c")}, nil},
		"a model":      {core.PlaceRules{Off: []string{imageModel}}, core.ReasonPlaceModel, []core.Origin{inA("c")}, nil},
		"other models": {core.PlaceRules{Off: []string{editModel}}, "", nil, []core.Origin{inA("c")}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
				w.rule(guildA, func(r *core.PlaceRules) { *r = c.rules })
				for _, origin := range c.refused {
					wantRefusal(t, w.askIn(origin), c.reason)
				}
				for _, origin := range append(c.served, within(guildB, "b", ada), core.Origin{Identity: ada, Lane: "chat:ada"}) {
					w.must(w.askIn(origin))
				}
				if c.rules.Blocked != nil {
					w.must(w.askIn(within(guildA, "c", adaPhone)))
					w.link(adaPhone, ada)
					wantRefusal(t, w.askIn(within(guildA, "c", adaPhone)), c.reason)
					if r := wantRefusal(t, w.askIn(inA("c")), c.reason); r.Why != "spam" {
						t.Errorf("%+v", r)
					}
				}
			})
		})
	}
}

// Whom the operator does not let in, no place lets in.
func TestTheOperatorsAllowListComesFirst(t *testing.T) {
	allow := func(c *core.Config) { c.Policy.Allow = []string{string(guildB)} }
	play(t, kietest.Config{}, allow, func(t *testing.T, w *world) {
		ctx, boss := t.Context(), within(guildA, "office", adaPhone)
		boss.Admin = true
		_, err := w.engine.PlaceAct(ctx, boss, "")
		wantRefusal(t, err, core.ReasonStranger)
		wantRefusal(t, w.engine.ChangeChatSettings(ctx, boss, func(s *core.ChatSettings) { s.Spoiler = true }), core.ReasonStranger)
		for _, place := range []core.Place{guildA, guildB} {
			w.must(w.engine.ChangePlace(ctx, admin(""), place, func(r *core.PlaceRules) { r.Allow = []string{ada.String()} }))
		}
		boss = within(guildB, "office", ada)
		boss.Admin = true
		w.must(w.askIn(boss))
		w.must(w.engine.Block(ctx, admin(""), ada))
		_, err = w.engine.PlaceAct(ctx, boss, "")
		wantRefusal(t, err, core.ReasonBlocked)
		w.must(w.engine.Unblock(ctx, admin(""), ada))
		wantRefusal(t, w.askIn(within(guildA, "c", ada)), core.ReasonStranger)
		w.must(w.askIn(within(guildB, "c", ada)))
	})
}

// Two accounts that are linked have used together what they used in a place,
// and what is under way ends there.
func TestLinkingKeepsWhatWasUsedInAPlace(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		w.rule(guildA, func(r *core.PlaceRules) { r.Person = pictures(3) })
		w.must(w.askIn(within(guildA, "c", ada)))
		w.untilIdle(ada)
		w.kie.NextCreate(kietest.HoldTask())
		w.must(w.askIn(within(guildA, "c", adaPhone)))
		w.link(adaPhone, ada)
		w.must(w.askIn(within(guildA, "d", adaPhone)))
		wantRefusal(t, w.askIn(within(guildA, "c", ada)), core.ReasonQuota)
		w.until("Kie has both", func() bool { return len(w.kie.Tasks()) == 3 })
		for _, task := range w.kie.Tasks() {
			w.kie.Release(task.ID)
		}
		w.untilIdle(ada)
		for id, u := range w.recount() {
			if id.Kind() == core.WindowMember && u.Settled != 3*imagePrice {
				t.Errorf("%s has %+v", id, u)
			}
		}
		if problems := w.verify(); len(problems) > 0 {
			t.Error(problems)
		}
	})
}

// A chat that is part of nothing is a place of its own: its day is the chat's,
// and its rules and what was used go along when it moves.
func TestAChatIsItsOwnPlace(t *testing.T) {
	play(t, kietest.Config{}, unlimitedDay, func(t *testing.T, w *world) {
		ctx := t.Context()
		at := func(lane core.Lane) core.Origin {
			return core.Origin{Identity: ada, Lane: lane, Place: core.Place(lane), Roles: []string{"chat:chat:5"}}
		}
		w.must(w.engine.SetPlaceLimits(ctx, admin(""), "chat:room", core.Limits{Daily: pictures(4), Monthly: pictures(9)}))
		w.rule("chat:room", func(r *core.PlaceRules) { r.Limits.Daily, r.Person = pictures(3), pictures(2) })
		w.must(w.askIn(at("chat:room")))
		w.must(w.engine.MoveChat(ctx, "chat:room", "chat:hall"))
		w.must(w.askIn(at("chat:hall")))
		if r := wantRefusal(t, w.askIn(at("chat:hall")), core.ReasonQuota); r.Window.Kind() != core.WindowMember {
			t.Errorf("%+v", r)
		}
		w.rule("chat:hall", func(r *core.PlaceRules) { r.Person = nil })
		w.must(w.askIn(at("chat:hall")))
		if r := wantRefusal(t, w.askIn(at("chat:hall")), core.ReasonQuota); r.Window.Kind() != core.WindowChat || r.Limit != 3*imagePrice {
			t.Errorf("%+v", r)
		}
		view, err := w.engine.Place(ctx, "chat:hall")
		w.must(err)
		if view.Day.Limit != *pictures(3) || view.Day.Left() != 0 || view.Month.Limit != *pictures(9) || view.Month.Used+view.Month.Held != 3*imagePrice {
			t.Errorf("%+v", view)
		}
		usages := w.recount()
		for id := range usages {
			if kind := id.Kind(); kind == core.WindowPlace || kind == core.WindowPlaceMonth {
				t.Errorf("a chat has the window %s of a server", id)
			}
		}
	})
}

// What is over is forgotten of a place's days, and its months stay.
func TestAPlacesWindowsAfterAYear(t *testing.T) {
	var clock wallClock
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Now = core.Unlimited, clock.now }, func(t *testing.T, w *world) {
		w.rule(guildA, func(r *core.PlaceRules) { r.Person = pictures(3) })
		w.must(w.askIn(within(guildA, "c", ada)))
		w.untilIdle(ada)
		w.stop()
		nap(365 * 24 * 3600e9)
		w.reopen(nil)
		w.run()
		w.until("the days are forgotten", func() bool { return !w.hasWindow(core.WindowPlace) && !w.hasWindow(core.WindowMember) })
		if !w.hasWindow(core.WindowPlaceMonth) {
			t.Error("the month is forgotten")
		}
		if problems := w.verify(); len(problems) > 0 {
			t.Error(problems)
		}
	})
}

func (w *world) hasWindow(kind core.WindowKind) (there bool) {
	w.t.Helper()
	w.must(w.store.View(w.t.Context(), func(tx core.Tx) error {
		windows, err := tx.Usages(core.WindowID(kind)+"/", "", 1)
		there = len(windows) > 0
		return err
	}))
	return there
}
