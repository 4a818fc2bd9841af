package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// two is Kie with two accounts.
func two() kietest.Config { return kietest.Config{Keys: []string{"one", "two"}} }

// at counts the Kie tasks of each account.
func (w *world) at() map[string]int {
	n := map[string]int{}
	for _, task := range w.kie.Tasks() {
		n[task.Key]++
	}
	return n
}

// New tasks go where the fewest are, and each account has its own limit.
func TestKieAccountsShareTheWork(t *testing.T) {
	play(t, two(), func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		first, second := w.submit(request("one")), w.submit(request("two"))
		w.untilState(first, core.Running)
		w.untilState(second, core.Running)
		if a, b := w.task(first).KieAccount, w.task(second).KieAccount; a != "one" || b != "two" {
			t.Errorf("they went to %q and %q", a, b)
		}
		began := time.Now()
		var ids []core.TaskID
		for range 19 {
			ids = append(ids, w.submit(request("cat")), w.submit(request("dog")))
		}
		w.until("all are created", func() bool { return len(w.kie.Tasks()) == 40 })
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("forty creations took %v: the accounts do not have their own limits", took)
		}
		if n := w.at(); n["one"] != 20 || n["two"] != 20 || w.kie.MaxCreatesInWindow() > 20 {
			t.Errorf("they went to %v", n)
		}
		for _, id := range ids {
			if task := w.untilShown(id); task.State != core.Succeeded {
				t.Errorf("ended %s, %+v", task.State, task.Failure)
			}
		}
	})
}

// An account without credits is passed by; nobody waits for it.
func TestParkedKieAccountIsPassedBy(t *testing.T) {
	play(t, two(), nil, func(t *testing.T, w *world) {
		w.kie.SetBalanceOf("one", 0)
		for n := range 6 {
			began := time.Now()
			id := w.submit(request(fmt.Sprint("cat ", n)))
			task := w.untilShown(id)
			if task.State != core.Succeeded || task.KieAccount != "two" {
				t.Errorf("ended %s at %q, %+v", task.State, task.KieAccount, task.Failure)
			}
			if took := time.Since(began); took > 3*time.Minute {
				t.Errorf("it took %v", took)
			}
		}
	})
}

// A file is given to the account that gets the task, again if that changes.
func TestUploadsBelongToTheirKieAccount(t *testing.T) {
	one, second, s := &uploads{}, &uploads{}, &shelf{}
	change := func(c *core.Config) {
		one.Kie, second.Kie = c.Kie[0].Client, c.Kie[1].Client
		c.Kie[0].Client, c.Kie[1].Client = one, second
		c.Sources = map[string]core.Source{"chat": s}
	}
	play(t, two(), change, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.Answer(402, "no credits"))
		id := w.submit(editRequest("one.png"))
		task := w.untilShown(id)
		if task.State != core.Succeeded || task.KieAccount != "two" {
			t.Fatalf("ended %s at %q, %+v", task.State, task.KieAccount, task.Failure)
		}
		if file := task.Request.Files[0]; file.KieAccount != "two" || len(one.got) != 1 || len(second.got) != 1 {
			t.Errorf("the file is at %q; uploaded to %v and %v", file.KieAccount, one.got, second.got)
		}
	})
}

// The tasks of an account that is no longer configured are not lost: what is
// queued goes to another, what runs waits until the account is back.
func TestRemovedKieAccount(t *testing.T) {
	play(t, two(), nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		running := w.submit(request("a cat"))
		w.untilState(running, core.Running)
		w.kie.NextCreate(kietest.HoldTask())
		other := w.submit(request("a dog"))
		w.untilState(other, core.Running)
		w.kie.NextCreate(kietest.Answer(455, "maintenance"))
		queued := w.submit(request("a cow"))
		w.until("it waits", func() bool { return w.task(queued).Waiting != "" })
		if at := w.task(queued).KieAccount; at != "one" || w.task(running).KieAccount != "one" {
			t.Fatalf("it waits at %q", at)
		}
		both := w.cfg.Kie
		w.cfg.Kie = both[1:]
		w.reopen(nil)
		w.run()
		if task := w.untilShown(queued); task.State != core.Succeeded || task.KieAccount != "two" {
			t.Errorf("the queued one ended %s at %q", task.State, task.KieAccount)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		nap(24 * time.Hour)
		if task := w.task(running); task.State != core.Running {
			t.Errorf("without its account it is %s", task.State)
		}
		w.cfg.Kie = both
		w.reopen(nil)
		w.run()
		if task := w.untilShown(running); task.State != core.Succeeded {
			t.Errorf("back with its account it ended %s, %+v", task.State, task.Failure)
		}
		w.balance(ada)
	})
}

func TestKieAccountsAreChecked(t *testing.T) {
	client, err := kie.New(kie.Config{APIKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for want, accounts := range map[string][]core.KieAccount{
		"Config.Kie is required":              nil,
		"Config.Kie[1].Name is there twice":   {{Client: client}, {Name: core.DefaultKieAccount, Client: client}},
		"Config.Kie[0].Client is required":    {{Name: "a"}},
		"Config.Kie[0].Name: a name has only": {{Name: "Ä", Client: client}},
		"Config.Kie[0].Name: a name has 1 to": {{Name: strings.Repeat("a", 33), Client: client}},
	} {
		if _, err := core.New(core.Config{Kie: accounts}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// What starts from an earlier task goes to the account that has it, and waits
// for that one when its input names the earlier Kie task.
func TestFollowUpsStayWithTheirKieAccount(t *testing.T) {
	play(t, two(), nil, func(t *testing.T, w *world) {
		w.untilShown(w.submit(request("a cat"))) // at one
		w.kie.NextCreate(kietest.Answer(402, "no credits"))
		parent := w.submit(request("a dog"))
		if task := w.untilShown(parent); task.KieAccount != "two" {
			t.Fatalf("the parent went to %q", task.KieAccount)
		}
		again := request("a dog, bigger")
		again.Parent = parent
		if task := w.untilShown(w.submit(again)); task.KieAccount != "two" || task.KieBound {
			t.Errorf("the follow-up went to %q, bound: %v", task.KieAccount, task.KieBound)
		}
		again = request(w.task(parent).Kie.TaskID)
		again.Parent = parent
		w.kie.SetBalanceOf("two", 0)
		bound := w.submit(again)
		w.until("it waits", func() bool { return w.task(bound).Waiting == core.FailNoCredits })
		w.kie.SetBalanceOf("two", kietest.DefaultCredits)
		if task := w.untilShown(bound); task.State != core.Succeeded || task.KieAccount != "two" || !task.KieBound {
			t.Errorf("ended %s at %q, bound: %v", task.State, task.KieAccount, task.KieBound)
		}
	})
}

// Tasks that wait for a usable key cost no commits while they wait, however
// many there are; only the one that is sent every minute to try does. They all
// go on when the key works, and give up when it does not for an hour.
func TestWaitingForAKeyCostsNoCommits(t *testing.T) {
	const waiting, minutes = 60, 50
	for name, c := range map[string]struct {
		park func(*world) (lift func())
		most int // commits
	}{
		"no credits": {func(w *world) func() {
			w.kie.SetBalanceOf("one", 0)
			w.kie.SetBalanceOf("two", 0)
			return func() { w.kie.SetBalanceOf("one", kietest.DefaultCredits) }
		}, 0},
		"no credits, and a key that is refused": {func(w *world) func() {
			w.kie.SetBalanceOf("one", 0)
			return w.kie.Always(kietest.CallCreate, kietest.Answer(401, "key"))
		}, 3 * minutes},
	} {
		for _, repaired := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, repaired: %v", name, repaired), func(t *testing.T) {
				play(t, two(), func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
					var seen *witness
					w.reopen(func(s core.Store) core.Store { seen = newWitness(s); return seen })
					w.run()
					lift := c.park(w)
					nap(6 * time.Minute)
					var ids []core.TaskID
					for range waiting {
						ids = append(ids, w.submit(request("a cat")))
					}
					w.until("all wait", func() bool { return w.task(ids[waiting-1]).Waiting != "" })
					nap(time.Minute)
					seen.take()
					nap(minutes * time.Minute)
					if n := len(seen.take()); n > c.most {
						t.Errorf("%d waiting tasks cost %d commits in %d minutes, want at most %d", waiting, n, minutes, c.most)
					}
					end := core.Failed
					if repaired {
						lift()
						end = core.Succeeded
					}
					for _, id := range ids {
						if task := w.untilShown(id); task.State != end || task.Finished.Sub(task.Created) > core.KeyPatience+2*time.Minute {
							t.Errorf("ended %s after %v", task.State, task.Finished.Sub(task.Created))
						}
					}
				})
			})
		}
	}
}
