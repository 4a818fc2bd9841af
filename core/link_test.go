package core_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// The same person elsewhere.
var (
	adaPhone = core.Identity{Platform: "phone", User: "4711"}
	adaWeb   = core.Identity{Platform: "web", User: "ada@home"}
)

func requestOf(who core.Identity, prompt string) core.Request {
	req := request(prompt)
	req.Origin.Identity = who
	return req
}

func (w *world) linkCode(who core.Identity) string {
	w.t.Helper()
	code, err := w.engine.LinkCode(w.t.Context(), who)
	if err != nil {
		w.t.Fatal(err)
	}
	return code.Code
}

// link makes one account of the two.
func (w *world) link(from, to core.Identity) core.Account {
	w.t.Helper()
	account, err := w.engine.Link(w.t.Context(), to, w.linkCode(from))
	if err != nil {
		w.t.Fatalf("linking %v and %v: %v", from, to, err)
	}
	return account
}

func (w *world) account(who core.Identity) (account core.Account) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx core.Tx) (err error) {
		account, err = tx.AccountOf(who)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return account
}

// change alters the person's account as an admin would.
func (w *world) change(who core.Identity, fn func(*core.Account)) {
	w.t.Helper()
	err := w.store.Update(w.t.Context(), func(tx core.Tx) error {
		account, err := tx.AccountOf(who)
		if err != nil {
			return err
		}
		fn(&account)
		return tx.PutAccount(account)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// recount checks that every window is what all ledgers together and the open
// holds make of it, and answers with the windows that are not zero.
func (w *world) recount() map[core.WindowID]core.Usage {
	w.t.Helper()
	kept, sums, open := map[core.WindowID]core.Usage{}, map[core.WindowID]core.Usage{}, map[core.WindowID]core.Credits{}
	err := w.store.View(w.t.Context(), func(tx core.Tx) error {
		windows, err := tx.Usages("", "", 1<<20)
		for _, u := range windows {
			kept[u.Window] = u.Usage
		}
		accounts, more := tx.Accounts("", 1<<20)
		err = errors.Join(err, more)
		for _, a := range accounts {
			entries, more := tx.Entries(a.ID, 0, 1<<20)
			err = errors.Join(err, more)
			for _, p := range slices.Concat(postings(entries)...) {
				sum := sums[p.Window]
				sum.Held, sum.Settled, sum.Granted = sum.Held+p.Held, sum.Settled+p.Settled, sum.Granted+p.Granted
				sums[p.Window] = sum
			}
			tasks, more := tx.TasksOf(a.ID, "", 1<<20)
			err = errors.Join(err, more)
			for _, t := range tasks {
				for _, share := range t.Hold.Shares {
					if !t.State.Final() {
						open[share.Window] += share.Amount
					}
				}
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, all := range []map[core.WindowID]core.Usage{kept, sums} {
		for id, u := range all {
			if u == (core.Usage{}) {
				delete(all, id)
			}
		}
	}
	if !reflect.DeepEqual(kept, sums) {
		w.t.Errorf("windows say %v, the ledgers %v", kept, sums)
	}
	for id, amount := range open {
		if kept[id].Held != amount {
			w.t.Errorf("window %s holds %v, its open tasks %v", id, kept[id].Held, amount)
		}
	}
	return kept
}

func postings(entries []core.Entry) (all [][]core.Posting) {
	for _, e := range entries {
		all = append(all, e.Postings)
	}
	return all
}

func TestLinkedAccountsShareEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 5 * core.Limit(imagePrice) })
		defer w.close()
		w.run()
		old := w.submit(requestOf(ada, "a cat"))
		w.untilShown(old)
		mine := w.submit(requestOf(adaPhone, "a dog"))
		w.untilShown(mine)
		w.stop()
		waits := []core.TaskID{w.submit(requestOf(ada, "a third")), w.submit(requestOf(adaPhone, "a fourth"))}
		elder, younger := w.account(ada), w.account(adaPhone)

		account := w.link(adaPhone, ada)
		if account.ID != elder.ID || !slices.Equal(account.From, []core.AccountID{younger.ID}) || !slices.Equal(account.Identities, []core.Identity{ada, adaPhone}) {
			t.Errorf("what remains is %+v, want the elder %s", account, elder.ID)
		}
		for _, who := range []core.Identity{ada, adaPhone} {
			if got := w.account(who); !reflect.DeepEqual(got, account) {
				t.Errorf("%v has the account %+v, want %+v", who, got, account)
			}
			balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: who})
			if err != nil || balance.Day.Used != 2*imagePrice || balance.Day.Held != 2*imagePrice || balance.Active() != 2 {
				t.Errorf("%v has %+v (%v), want 16 used, 16 held for 2", who, balance, err)
			}
			history, err := w.engine.History(t.Context(), who, "", 10)
			want := []core.TaskID{waits[1], waits[0], mine, old}
			if err != nil || !slices.Equal(idsOf(history), want) {
				t.Errorf("the history of %v is %v (%v), want %v", who, idsOf(history), err, want)
			}
			for _, id := range want {
				if _, err := w.engine.Task(t.Context(), who, id.Short()); err != nil {
					t.Errorf("%v and task %s: %v", who, id, err)
				}
			}
		}
		if windows := w.recount(); len(windows) != 4 {
			t.Errorf("windows %v, want one day and month, of the elder account, the chat and the total", windows)
		}
		w.submit(requestOf(adaPhone, "a fifth"))
		_, err := w.engine.Submit(t.Context(), requestOf(ada, "a sixth"))
		wantRefusal(t, err, core.ReasonQuota)

		if _, err := w.engine.Cancel(t.Context(), ada, string(waits[1])); err != nil {
			t.Errorf("canceling what was asked for elsewhere: %v", err)
		}
		w.run()
		w.untilShown(waits[0])
		w.recount()
		balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada})
		if err != nil || balance.Day.Used+balance.Day.Held != 4*imagePrice {
			t.Errorf("in the end %+v (%v), want 32 used or held", balance, err)
		}
	})
}

func idsOf(tasks []core.Task) (ids []core.TaskID) {
	for _, t := range tasks {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestHistoryOfLinkedAccountsIsPagedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		var want []core.TaskID
		for i := range 9 {
			who := []core.Identity{ada, adaPhone, adaWeb}[i%3]
			want = append(want, w.submit(requestOf(who, fmt.Sprint("picture ", i))))
		}
		slices.Reverse(want)
		w.link(adaWeb, adaPhone)
		w.link(adaPhone, ada)
		for _, size := range []int{1, 2, 4, 9, 20} {
			var got []core.TaskID
			for before := core.TaskID(""); ; before = got[len(got)-1] {
				page, err := w.engine.History(t.Context(), adaWeb, before, size)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, idsOf(page)...)
				if len(page) < size {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

func TestThreeAccountsBecomeOneInAnyOrder(t *testing.T) {
	people := []core.Identity{ada, adaPhone, adaWeb}
	for _, links := range [][2][2]int{
		{{0, 1}, {1, 2}}, {{0, 1}, {0, 2}}, {{1, 2}, {0, 1}}, {{1, 2}, {0, 2}}, {{2, 0}, {2, 1}}, {{2, 1}, {1, 0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, kietest.Config{}, nil)
			defer w.close()
			accounts := map[core.AccountID]bool{}
			for _, who := range people {
				w.submit(requestOf(who, "a cat"))
				accounts[w.account(who).ID] = true
			}
			eldest := w.account(ada).ID
			for _, l := range links {
				w.link(people[l[0]], people[l[1]])
			}
			account := w.account(adaWeb)
			if account.ID != eldest || len(account.From) != 2 || len(account.Identities) != 3 {
				t.Errorf("%v: what remains is %+v", links, account)
			}
			for id := range accounts {
				err := w.store.View(t.Context(), func(tx core.Tx) error {
					one, err := tx.Account(id)
					if id != eldest && (one.Into != eldest || len(one.Identities)+len(one.From) > 0) {
						t.Errorf("%v: %+v does not lead to %s alone", links, one, eldest)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
			windows := w.recount()
			if len(windows) != 4 {
				t.Errorf("%v: windows %v, want one account's day and month, the chat and the total", links, windows)
			}
			if tasks, err := w.engine.History(t.Context(), ada, "", 9); err != nil || len(tasks) != 3 {
				t.Errorf("%v: %d tasks in the history (%v), want 3", links, len(tasks), err)
			}
		})
	}
}

func TestLinkRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		for _, who := range []core.Identity{ada, adaPhone} {
			w.submit(requestOf(who, "a cat"))
		}
		before := w.recount()
		refused := func(who core.Identity, code string, reason core.Reason) {
			t.Helper()
			_, err := w.engine.Link(t.Context(), who, code)
			wantRefusal(t, err, reason)
		}
		first := w.linkCode(ada)
		refused(ada, first, core.ReasonLinkSelf)
		second := w.linkCode(ada)
		refused(adaPhone, first, core.ReasonLinkCode) // a newer code replaced it
		nap(core.LinkCodeFor)
		refused(adaPhone, second, core.ReasonLinkExpired)
		if got := w.recount(); !reflect.DeepEqual(got, before) {
			t.Errorf("refused links changed %v to %v", before, got)
		}
		third := w.linkCode(ada)
		typed := " " + strings.ToLower(strings.ReplaceAll(third, "-", " ")) + " "
		if _, err := w.engine.Link(t.Context(), adaPhone, typed); err != nil {
			t.Fatalf("linking with %q for %q: %v", typed, third, err)
		}
		refused(adaPhone, third, core.ReasonLinked) // a platform may deliver a message twice
		refused(adaWeb, third, core.ReasonLinkUsed)
		refused(adaPhone, w.linkCode(ada), core.ReasonLinked)
	})
}

func TestGuessingLinkCodesIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		code := w.linkCode(ada)
		began := time.Now()
		for n := range 5 {
			_, err := w.engine.Link(t.Context(), adaPhone, fmt.Sprint("0000-000", n))
			wantRefusal(t, err, core.ReasonLinkCode)
		}
		w.reopen(nil) // a restart is no way around
		_, err := w.engine.Link(t.Context(), adaPhone, code)
		refusal := wantRefusal(t, err, core.ReasonLinkTries)
		if refusal.ResetsAt.Before(began.Add(core.LinkCodeFor)) {
			t.Errorf("goes on at %v, want ten minutes after %v", refusal.ResetsAt, began)
		}
		if _, err := w.engine.Link(t.Context(), adaWeb, code); err != nil {
			t.Errorf("somebody else is stopped too: %v", err)
		}
		nap(core.LinkCodeFor)
		if _, err := w.engine.Link(t.Context(), adaPhone, w.linkCode(ada)); err != nil {
			t.Errorf("ten minutes later: %v", err)
		}
	})
}

func TestSomebodyNewJoinsWithoutAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		account := w.link(ada, adaPhone)
		if len(account.From) != 0 || len(account.Identities) != 2 || w.account(adaPhone).ID != account.ID {
			t.Errorf("%+v, want one account with two identities", account)
		}
	})
}

func TestLinkKeepsWhatAdminsDecided(t *testing.T) {
	limit := func(n core.Limit) *core.Limit { return &n }
	block := &core.Block{By: "telegram:1", Why: "spam"}
	for name, test := range map[string]struct {
		elder, younger, want core.Account
	}{
		"the elder is blocked":   {elder: core.Account{Blocked: block}, want: core.Account{Blocked: block}},
		"the younger is blocked": {younger: core.Account{Blocked: block}, want: core.Account{Blocked: block}},
		"one has a limit":        {younger: core.Account{Limits: core.Limits{Daily: limit(5)}}, want: core.Account{Limits: core.Limits{Daily: limit(5)}}},
		"both have limits": {
			elder:   core.Account{Limits: core.Limits{Daily: limit(7), Monthly: limit(core.Unlimited)}},
			younger: core.Account{Limits: core.Limits{Daily: limit(5), Monthly: limit(80)}},
			want:    core.Account{Limits: core.Limits{Daily: limit(5), Monthly: limit(80)}},
		},
		"unlimited is no limit": {
			elder:   core.Account{Limits: core.Limits{Daily: limit(7)}},
			younger: core.Account{Limits: core.Limits{Daily: limit(core.Unlimited)}},
			want:    core.Account{Limits: core.Limits{Daily: limit(7)}},
		},
		"one has a tier":     {younger: core.Account{Tier: "gold"}, want: core.Account{Tier: "gold"}},
		"both have the tier": {elder: core.Account{Tier: "gold"}, younger: core.Account{Tier: "gold"}, want: core.Account{Tier: "gold"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kietest.Config{}, nil)
				defer w.close()
				decide := func(who core.Identity, decided core.Account) {
					w.submit(requestOf(who, "a cat"))
					w.change(who, func(a *core.Account) { a.Blocked, a.Limits, a.Tier = decided.Blocked, decided.Limits, decided.Tier })
				}
				decide(ada, test.elder)
				decide(adaPhone, test.younger)
				got := w.link(ada, adaPhone)
				if !reflect.DeepEqual(got.Blocked, test.want.Blocked) || !reflect.DeepEqual(got.Limits, test.want.Limits) || got.Tier != test.want.Tier {
					t.Errorf("%+v, want %+v", got, test.want)
				}
			})
		})
	}
}

func TestTwoTiersAreNotLinked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		for _, who := range []core.Identity{ada, adaPhone} {
			w.submit(requestOf(who, "a cat"))
			w.change(who, func(a *core.Account) { a.Tier = who.Platform })
		}
		code := w.linkCode(ada)
		_, err := w.engine.Link(t.Context(), adaPhone, code)
		wantRefusal(t, err, core.ReasonLinkTiers)
		w.change(adaPhone, func(a *core.Account) { a.Tier = "" })
		if _, err := w.engine.Link(t.Context(), adaPhone, code); err != nil {
			t.Errorf("the code is spent although nothing was linked: %v", err)
		}
	})
}

// TestLinkingRacesWithEverything links while both accounts submit, cancel and
// settle, and others try to link as well.
func TestLinkingRacesWithEverything(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 30 * core.Limit(imagePrice) }, func(t *testing.T, w *world) {
		people := []core.Identity{ada, adaPhone, adaWeb}
		for _, who := range people {
			w.submit(requestOf(who, "the first"))
		}
		codes := []string{w.linkCode(ada), w.linkCode(adaPhone), w.linkCode(adaWeb)}
		var all sync.WaitGroup
		var mu sync.Mutex
		var accepted []core.TaskID
		for i, who := range people {
			for n := range 12 {
				req := requestOf(who, fmt.Sprint("picture ", n))
				all.Go(func() {
					nap(time.Duration(n) * 700 * time.Millisecond)
					receipt, err := w.engine.Submit(t.Context(), req)
					if err != nil {
						wantRefusal(t, err, core.ReasonQuota)
						return
					}
					mu.Lock()
					accepted = append(accepted, receipt.Tasks...)
					mu.Unlock()
					if n%3 == 0 {
						w.engine.Cancel(t.Context(), people[(i+1)%3], string(receipt.Tasks[0]))
					}
				})
			}
			all.Go(func() {
				nap(time.Duration(i+2) * 1300 * time.Millisecond)
				_, err := w.engine.Link(t.Context(), people[(i+1)%3], codes[i])
				var refusal *core.Refusal
				if err != nil && (!errors.As(err, &refusal) || refusal.Reason != core.ReasonLinked) {
					t.Errorf("linking: %v", err)
				}
			})
		}
		all.Wait()
		w.recount()
		for _, id := range accepted {
			w.until("it ends", func() bool { return w.task(id).State.Final() })
		}
		windows := w.recount()
		if len(windows) != 4 {
			t.Errorf("windows %v, want one account's day and month, the chat and the total", windows)
		}
		for id, u := range windows {
			if u.Held != 0 || u.Settled > 30*imagePrice {
				t.Errorf("window %s has %+v, want no hold and at most 240 settled", id, u)
			}
		}
		if tasks, err := w.engine.History(t.Context(), adaWeb, "", 100); err != nil || len(tasks) != len(accepted)+3 {
			t.Errorf("%d tasks in the history (%v), want %d", len(tasks), err, len(accepted)+3)
		}
	})
}
