package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// anybody lets as many requests be under way as there are.
func anybody(c *core.Config) {
	unlimited := -1
	c.UserDaily, c.Policy.MaxActive = core.Unlimited, &unlimited
}

// ids are those of the tasks.
func ids(tasks []core.Task) (all []core.TaskID) {
	for _, t := range tasks {
		all = append(all, t.ID)
	}
	return all
}

// found is all that is found, page by page.
func (w *world) found(s core.Search) (all []core.TaskID) {
	w.t.Helper()
	for {
		tasks, more, err := w.engine.Search(w.t.Context(), s)
		w.must(err)
		all = append(all, ids(tasks)...)
		if more == "" {
			return all
		}
		if s.Before == more {
			w.t.Fatal("a search does not get on")
		}
		s.Before = more
	}
}

func TestSearch(t *testing.T) {
	play(t, kietest.Config{}, anybody, func(t *testing.T, w *world) {
		bob := core.Identity{Platform: "chat", User: "bob"}
		fits := map[string][]core.TaskID{}
		for n := range 60 {
			who := ada
			if n%3 == 0 {
				who = bob
			}
			req := requestOf(who, fmt.Sprintf("A  picture of Cat %d", n%5))
			req.Origin.Lane = core.Lane(fmt.Sprint("chat:", n%2))
			id := w.untilState(w.submit(req), core.Succeeded).ID
			for _, name := range []string{who.User, fmt.Sprint("cat ", n%5), string(req.Origin.Lane), fmt.Sprint(who.User, n%5)} {
				fits[name] = slices.Insert(fits[name], 0, id)
			}
		}
		w.kie.NextCreate(kietest.HoldTask())
		open := w.untilState(w.submit(request("the last")), core.Running).ID
		for name, c := range map[string]struct {
			search core.Search
			want   []core.TaskID
		}{
			"bob":         {core.Search{Who: bob}, fits["bob"]},
			"a word":      {core.Search{Text: "OF  cat 3"}, fits["cat 3"]},
			"a chat":      {core.Search{Lane: "chat:1"}, fits["chat:1"]},
			"both":        {core.Search{Who: bob, Text: "cat 4", Limit: 2}, fits["bob4"]},
			"running":     {core.Search{State: core.Running}, []core.TaskID{open}},
			"succeeded":   {core.Search{State: core.Succeeded, Who: bob, Limit: 1}, fits["bob"]},
			"the model":   {core.Search{Model: imageModel, Text: "last"}, []core.TaskID{open}},
			"another one": {core.Search{Model: "veo3"}, nil},
			"nobody":      {core.Search{Who: core.Identity{Platform: "chat", User: "eve"}}, nil},
			"unresolved":  {core.Search{State: core.Unresolved}, nil},
		} {
			if got := w.found(c.search); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if all := w.found(core.Search{Limit: 7}); len(all) != 61 || !slices.IsSortedFunc(all, func(a, b core.TaskID) int { return -cmpIDs(a, b) }) {
			t.Errorf("all are %d: %v", len(all), all)
		}
	})
}

func cmpIDs(a, b core.TaskID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestTimeline(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		id := w.untilShown(w.submit(request("a cat"))).ID
		nap(time.Minute)
		_, err := w.engine.RefundTask(t.Context(), admin("ugly"), id)
		w.must(err)
		line, err := w.engine.Timeline(t.Context(), id.Short())
		w.must(err)
		var kinds []core.MomentKind
		var booked core.Usage
		for i, m := range line.Moments {
			if i > 0 && m.At.Before(line.Moments[i-1].At) {
				t.Errorf("%s at %v comes after what is later", m.Kind, m.At)
			}
			if m.Entry == nil {
				kinds = append(kinds, m.Kind)
				continue
			}
			for _, p := range m.Entry.Postings {
				if p.Window.Kind() == core.WindowTotal {
					booked.Held += p.Held
					booked.Settled += p.Settled
				}
			}
		}
		want := []core.MomentKind{core.MomentAccepted, core.MomentSent, core.MomentTaken, core.MomentFinished, core.MomentShown, core.MomentActed}
		if !slices.Equal(kinds, want) || booked != (core.Usage{}) {
			t.Errorf("%v and %+v, want %v and nothing left", kinds, booked, want)
		}
		if line.Task.ID != id || len(line.Account.Identities) != 1 {
			t.Errorf("%+v", line)
		}
		_, err = w.engine.Timeline(t.Context(), "zzzzzzzz")
		wantRefusal(t, err, core.ReasonNoTask)
	})
}

func TestOverview(t *testing.T) {
	play(t, kietest.Config{}, anybody, func(t *testing.T, w *world) {
		w.untilShown(w.submit(request("a cat")))
		w.kie.NextCreate(kietest.HoldTask())
		open := w.untilState(w.submit(request("a dog")), core.Running)
		nap(2 * time.Second)
		now, err := w.engine.Overview(t.Context())
		w.must(err)
		if now.Tasks[core.Running] != (core.TaskCount{Tasks: 1, Oldest: open.ID}) || now.Today != (core.Usage{Held: imagePrice, Settled: imagePrice}) || now.Month != imagePrice {
			t.Errorf("%+v", now)
		}
		people, next, err := w.engine.People(t.Context(), "", 10)
		w.must(err)
		if len(people) != 1 || next != "" || people[0].Balance.Running != 1 || people[0].Balance.Day.Used != imagePrice || !people[0].Latest.Equal(open.Created) {
			t.Errorf("%+v, %q", people, next)
		}
	})
}

// What Spending says is, to the thousandth, what the windows of everybody say,
// whatever the tasks cost and however they end.
func TestSpendingIsTheLedgers(t *testing.T) {
	play(t, kietest.Config{}, anybody, func(t *testing.T, w *world) {
		seed := rand.Uint64()
		t.Log("seed", seed)
		dice := rand.New(rand.NewPCG(seed, 0))
		first := time.Now()
		for range 60 {
			switch dice.IntN(5) {
			case 0:
				w.kie.NextCreate(kietest.Fail("500", "no"))
			case 1:
				w.kie.NextCreate(kietest.Consume(core.Credits(dice.IntN(20_000))))
			}
			id := w.submit(requestOf(core.Identity{Platform: "chat", User: fmt.Sprint(dice.IntN(4))}, "x"))
			w.until("it is over", func() bool { return w.task(id).State.Final() })
			if dice.IntN(6) == 0 {
				_, _ = w.engine.RefundTask(t.Context(), admin("a gift"), id) // failures cost nothing
			}
			nap(time.Duration(dice.IntN(4)) * time.Hour)
		}
		days := int(time.Since(first)/(24*time.Hour)) + 2
		s, err := w.engine.Spending(t.Context(), days)
		w.must(err)
		var sum core.Credits
		for _, day := range s.Days {
			if got := w.usage(core.WindowID("total/" + day.Day)).Settled; got != day.Credits {
				t.Errorf("%s: spent %v, and the ledger has %v", day.Day, day.Credits, got)
			}
			sum += day.Credits
		}
		if s.Tasks != 60 || s.Succeeded+s.Failed != 60 || s.Credits != sum || len(s.Accounts) == 0 || len(s.Models) != 1 {
			t.Errorf("%+v", s.Spent)
		}
		for name, list := range map[string][]core.SpentBy{"models": s.Models, "lanes": s.Lanes, "accounts": s.Accounts} {
			var all core.Credits
			for _, one := range list {
				all += one.Credits
			}
			if all != s.Credits {
				t.Errorf("the %s add up to %v, want %v", name, all, s.Credits)
			}
		}
	})
}

func TestCancelTask(t *testing.T) {
	play(t, kietest.Config{}, anybody, func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		w.until("the account is parked", func() bool { return w.engine.KieAccounts()[0].Parked != "" })
		id := w.submit(request("a cat"))
		task, err := w.engine.CancelTask(t.Context(), admin("wrong chat"), id)
		w.must(err)
		if task.State != core.Canceled || w.balance(ada) != (core.Usage{}) {
			t.Errorf("%s, %+v", task.State, w.balance(ada))
		}
		_, err = w.engine.CancelTask(t.Context(), admin("again"), id)
		wantRefusal(t, err, core.ReasonFinished)
		audits, err := w.engine.Audits(t.Context(), 0, 10)
		w.must(err)
		if len(audits) != 1 || audits[0].Action != "cancel" || audits[0].Target != string(id) {
			t.Errorf("%+v", audits)
		}
	})
}

func TestRedeliver(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		id := w.untilShown(w.submit(request("a cat"))).ID
		_, err := w.engine.Redeliver(t.Context(), admin("it was deleted"), id)
		w.must(err)
		w.until("it is shown once more", func() bool { return len(w.chat.shown(core.DeliverShow)) == 1 })
		if p := w.chat.last(id); p.Delivery.Lane != "chat:room" || len(p.Tasks[0].Outputs) != 1 {
			t.Errorf("%+v", p)
		}
		w.kie.NextCreate(kietest.HoldTask())
		open := w.untilState(w.submit(request("a dog")), core.Running).ID
		_, err = w.engine.Redeliver(t.Context(), admin("hurry"), open)
		wantRefusal(t, err, core.ReasonNotYet)
	})
}
