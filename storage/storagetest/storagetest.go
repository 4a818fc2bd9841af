// Package storagetest is the conformance suite that every core.Store passes.
package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/core/media"
)

// Opener opens the store under test. Called again with the same directory,
// after the store was closed, it must show what was committed.
type Opener func(t *testing.T, dir string) Store

// Store is what the suite needs of a store.
type Store interface {
	core.Store
	Close() error
}

// Run runs the whole suite.
func Run(t *testing.T, open Opener) {
	for name, test := range map[string]func(*testing.T, Opener){
		"records come back":       testRoundTrip,
		"nothing is there":        testNotFound,
		"error writes nothing":    testRollback,
		"panic writes nothing":    testPanic,
		"serializable":            testSerializable,
		"short ids":               testShort,
		"tasks of an account":     testTasksOf,
		"everybody's tasks":       testTasks,
		"deliveries are numbered": testDeliveries,
		"ledger":                  testLedger,
		"open and finished tasks": testEnds,
		"deleted tasks":           testDeleteTask,
		"windows":                 testUsages,
		"accounts in order":       testAccounts,
		"chats and audit":         testAudit,
		"settings":                testSettings,
		"seen expires":            testSeen,
		"work":                    testWork,
		"duties":                  testDuties,
		"leases":                  testLease,
		"newer lease":             testNewerLease,
		"duties after reopening":  testDutiesReopened,
		"closed":                  testClosed,
		"cancelled context":       testContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// epoch is the time that the suite's records carry.
var epoch = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

func opened(t *testing.T, open Opener) Store {
	t.Helper()
	s := open(t, t.TempDir())
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s core.Store, fn func(core.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s core.Store, fn func(core.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// id makes a task id whose time part is n.
func id(n int) core.TaskID { return core.TaskID(fmt.Sprintf("%010d%08d", n, n)) }

func task(n int, account core.AccountID) core.Task {
	return core.Task{
		ID: id(n), Account: account, Batch: []core.TaskID{id(n)}, State: core.Queued,
		Request: core.Request{
			Key: fmt.Sprint("k", n), Command: "imagine", Prompt: "ein Kätzchen <b>& 猫", Model: "m",
			Origin: core.Origin{Identity: core.Identity{Platform: "web", User: "u"}, Lane: "web:c", Ref: json.RawMessage(`{"message":7}`)},
			Input:  map[string]any{"prompt": "x", "seed": json.Number("9007199254740993")},
		},
		Hold:    core.Hold{Amount: 1500, Shares: []core.Share{{Window: "day/a/2026-11-22", Amount: 1500}}},
		Outputs: []core.Output{{URL: "https://example.com/a.png", Kind: "image", File: &media.File{Type: "image/png", Width: 3, Height: 2}}},
		Created: epoch, Due: epoch.Add(time.Duration(n) * time.Second), KieAccount: "main",
	}
}

func testRoundTrip(t *testing.T, open Opener) {
	dir := t.TempDir()
	s := open(t, dir)
	want := task(1, "a")
	account := core.Account{ID: "a", Identities: []core.Identity{{Platform: "web", User: "u"}, {Platform: "telegram", User: "1"}}, Created: epoch}
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.PutTask(want), tx.PutAccount(account),
			tx.PutUsage("w", core.Usage{Held: 1, Settled: 2}), tx.PutSetting("name", []byte{0, 1, 2}))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	view(t, s, func(tx core.Tx) error {
		got, err := tx.Task(want.ID)
		same(t, "task", got, want)
		for _, who := range account.Identities {
			found, err := tx.AccountOf(who)
			same(t, "account of "+who.String(), found, account)
			if err != nil {
				return err
			}
		}
		byID, err2 := tx.Account("a")
		same(t, "account", byID, account)
		usage, err3 := tx.Usage("w")
		same(t, "usage", usage, core.Usage{Held: 1, Settled: 2})
		value, err4 := tx.Setting("name")
		same(t, "setting", value, []byte{0, 1, 2})
		return errors.Join(err, err2, err3, err4)
	})
}

// same compares by JSON, which is how records are kept.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func testNotFound(t *testing.T, open Opener) {
	s := opened(t, open)
	view(t, s, func(tx core.Tx) error {
		_, errs := [1]int{}, map[string]error{}
		_, errs["task"] = tx.Task(id(1))
		_, errs["short"] = tx.TaskByShort("00000001")
		_, errs["account"] = tx.Account("a")
		_, errs["identity"] = tx.AccountOf(core.Identity{Platform: "web", User: "u"})
		_, errs["delivery"] = tx.Delivery(1)
		_, errs["seen"] = tx.Seen("k")
		_, errs["setting"] = tx.Setting("name")
		for what, err := range errs {
			if !errors.Is(err, core.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
		if usage, err := tx.Usage("w"); err != nil || usage != (core.Usage{}) {
			t.Errorf("usage of an unused window: %v, %v", usage, err)
		}
		return nil
	})
}

func testRollback(t *testing.T, open Opener) {
	s := opened(t, open)
	refused := errors.New("refused")
	err := s.Update(t.Context(), func(tx core.Tx) error {
		if err := tx.PutTask(task(1, "a")); err != nil {
			return err
		}
		return refused
	})
	if err != refused {
		t.Errorf("Update answered %v, want the function's own error", err)
	}
	view(t, s, func(tx core.Tx) error {
		if _, err := tx.Task(id(1)); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a refused update left its task: %v", err)
		}
		return nil
	})
	update(t, s, func(tx core.Tx) error { return tx.PutTask(task(2, "a")) })
}

func testPanic(t *testing.T, open Opener) {
	s := opened(t, open)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		s.Update(t.Context(), func(tx core.Tx) error {
			if err := tx.PutTask(task(1, "a")); err != nil {
				t.Error(err)
			}
			panic("in a transaction")
		})
	}()
	update(t, s, func(tx core.Tx) error {
		if _, err := tx.Task(id(1)); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a panicking update left its task: %v", err)
		}
		return nil
	})
}

func testSerializable(t *testing.T, open Opener) {
	s := opened(t, open)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 25 {
				err := s.Update(t.Context(), func(tx core.Tx) error {
					usage, err := tx.Usage("w")
					if err != nil {
						return err
					}
					usage.Settled++
					return tx.PutUsage("w", usage)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	view(t, s, func(tx core.Tx) error {
		usage, err := tx.Usage("w")
		if usage.Settled != 200 {
			t.Errorf("200 increments at once made %d", usage.Settled)
		}
		return err
	})
}

func testShort(t *testing.T, open Opener) {
	s := opened(t, open)
	older, newer := task(1, "a"), task(2, "a")
	newer.ID = core.TaskID("0000000002" + older.ID.Short())
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.PutTask(newer), tx.PutTask(older), tx.PutTask(task(3, "b")))
	})
	view(t, s, func(tx core.Tx) error {
		got, err := tx.TaskByShort(older.ID.Short())
		if got.ID != newer.ID {
			t.Errorf("found %s, want the newest, %s", got.ID, newer.ID)
		}
		return err
	})
}

func testTasksOf(t *testing.T, open Opener) {
	s := opened(t, open)
	update(t, s, func(tx core.Tx) error {
		for n := 1; n <= 5; n++ {
			if err := errors.Join(tx.PutTask(task(n, "a")), tx.PutTask(task(10+n, "b")), tx.PutTask(task(20+n, "aa"))); err != nil {
				return err
			}
		}
		return tx.PutTask(task(3, "a")) // stored twice, listed once
	})
	view(t, s, func(tx core.Tx) error {
		for _, c := range []struct {
			account core.AccountID
			before  core.TaskID
			limit   int
			want    []core.TaskID
		}{
			{"a", "", 10, []core.TaskID{id(5), id(4), id(3), id(2), id(1)}},
			{"a", "", 2, []core.TaskID{id(5), id(4)}},
			{"a", id(4), 2, []core.TaskID{id(3), id(2)}},
			{"a", id(1), 2, nil},
			{"b", "", 1, []core.TaskID{id(15)}},
			{"nobody", "", 10, nil},
			{"aa", id(22), 10, []core.TaskID{id(21)}},
		} {
			tasks, err := tx.TasksOf(c.account, c.before, c.limit)
			if err != nil {
				return err
			}
			var got []core.TaskID
			for _, task := range tasks {
				got = append(got, task.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("TasksOf(%q, %q, %d) = %v, want %v", c.account, c.before, c.limit, got, c.want)
			}
		}
		return nil
	})
}

func testDeliveries(t *testing.T, open Opener) {
	dir := t.TempDir()
	s := open(t, dir)
	var first, second core.DeliveryID
	add := func(to *core.DeliveryID) func(core.Tx) error {
		return func(tx core.Tx) (err error) {
			*to, err = tx.AddDelivery(core.Delivery{Lane: "web:c", Lead: id(1), Kind: core.DeliverFinal, Created: epoch})
			return err
		}
	}
	update(t, s, add(&first))
	update(t, s, func(tx core.Tx) error {
		d, err := tx.Delivery(first)
		if err != nil {
			return err
		}
		if d.ID != first || d.Lane != "web:c" || !d.Created.Equal(epoch) {
			t.Errorf("the delivery came back as %+v", d)
		}
		d.Attempts = 3
		return tx.PutDelivery(d)
	})
	update(t, s, func(tx core.Tx) error { return tx.DeleteDelivery(first) })
	s.Close()
	s = open(t, dir)
	defer s.Close()
	update(t, s, add(&second))
	if second <= first || first == 0 {
		t.Errorf("numbers %d then %d after reopening: want ascending from 1", first, second)
	}
	var third core.DeliveryID
	update(t, s, add(&third))
	view(t, s, func(tx core.Tx) error {
		if _, err := tx.Delivery(first); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("the deleted delivery: %v", err)
		}
		for _, c := range []struct {
			after core.DeliveryID
			limit int
			want  []core.DeliveryID
		}{{0, 9, []core.DeliveryID{second, third}}, {0, 1, []core.DeliveryID{second}}, {second, 9, []core.DeliveryID{third}}, {third, 9, nil}} {
			listed, err := tx.Deliveries(c.after, c.limit)
			var ids []core.DeliveryID
			for _, d := range listed {
				ids = append(ids, d.ID)
			}
			if err != nil || !slices.Equal(ids, c.want) {
				t.Errorf("Deliveries(%d, %d) = %v, %v; want %v", c.after, c.limit, ids, err, c.want)
			}
		}
		return nil
	})
}

func testLedger(t *testing.T, open Opener) {
	s := opened(t, open)
	var first, second core.Entry
	update(t, s, func(tx core.Tx) error {
		for n := range 6 {
			account := core.AccountID([]string{"a", "b"}[n%2])
			if err := tx.AddEntry(core.Entry{Account: account, Task: id(n), Kind: core.EntryHold, At: epoch}); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx core.Tx) error {
		all, err := tx.Entries("a", 0, 10)
		if err != nil {
			return err
		}
		if len(all) != 3 || all[0].Task != id(0) || all[2].Task != id(4) || all[0].Seq >= all[1].Seq {
			t.Errorf("the ledger of a: %+v", all)
		}
		rest, err := tx.Entries("a", all[0].Seq, 1)
		if len(rest) != 1 || rest[0].Task != id(2) {
			t.Errorf("the ledger of a after its first entry: %+v", rest)
		}
		first, second = all[0], all[1]
		return err
	})
	second.Kind = core.EntryCarry
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.DeleteEntry("a", first.Seq), tx.DeleteEntry("a", first.Seq), tx.PutEntry(second))
	})
	view(t, s, func(tx core.Tx) error {
		left, err := tx.Entries("a", 0, 10)
		if len(left) != 2 || left[0].Kind != core.EntryCarry || left[0].Seq != second.Seq {
			t.Errorf("the ledger of a without its first entry: %+v", left)
		}
		return err
	})
}

func testSeen(t *testing.T, open Opener) {
	s := opened(t, open)
	put := func(key string, now, expires time.Time) {
		update(t, s, func(tx core.Tx) error {
			return tx.PutSeen(core.Seen{Key: key, Tasks: []core.TaskID{id(1)}, Expires: expires}, now)
		})
	}
	put("old", epoch, epoch.Add(time.Hour))
	put("new", epoch.Add(30*time.Minute), epoch.Add(2*time.Hour))
	view(t, s, func(tx core.Tx) error {
		seen, err := tx.Seen("old")
		if len(seen.Tasks) != 1 || !seen.Expires.Equal(epoch.Add(time.Hour)) {
			t.Errorf("seen came back as %+v", seen)
		}
		return err
	})
	put("newest", epoch.Add(90*time.Minute), epoch.Add(3*time.Hour))
	view(t, s, func(tx core.Tx) error {
		if _, err := tx.Seen("old"); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("what expired is still there: %v", err)
		}
		_, err := tx.Seen("new")
		return err
	})
}

func lease(t *testing.T, s core.Store, owner string) core.Lease {
	t.Helper()
	l, err := s.Renew(t.Context(), core.Lease{Owner: owner}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// workAll lists the work under the duties, so much at once.
func workAll(t *testing.T, s core.Store, limit int, duties ...core.Duty) map[string]core.Work {
	t.Helper()
	all := map[string]core.Work{}
	for last := (core.Work{}); ; {
		some, err := s.Work(t.Context(), duties, last, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) > limit {
			t.Errorf("asked for %d, got %d", limit, len(some))
		}
		for _, w := range some {
			if w.Delivery == 0 && last.Delivery != 0 || w.Delivery != 0 && w.Delivery <= last.Delivery {
				t.Errorf("%+v after %+v", w, last)
			}
			key := fmt.Sprint(w.Task, w.Delivery)
			if _, twice := all[key]; twice {
				t.Errorf("listed twice: %+v", w)
			}
			last, all[key] = w, w
		}
		if len(some) < limit {
			return all
		}
	}
}

func fillWork(t *testing.T, s core.Store) {
	t.Helper()
	update(t, s, func(tx core.Tx) error {
		for n := 1; n <= 7; n++ {
			if err := tx.PutTask(task(n, "a")); err != nil {
				return err
			}
			if _, err := tx.AddDelivery(core.Delivery{Lane: "web:c", Lead: id(n)}); err != nil {
				return err
			}
		}
		over, runs := task(3, "a"), task(4, "a")
		over.State, over.Due = core.Succeeded, time.Time{}
		runs.State = core.Running
		return errors.Join(tx.PutTask(over), tx.PutTask(runs))
	})
}

func testWork(t *testing.T, open Opener) {
	s := opened(t, open)
	fillWork(t, s)
	for _, limit := range []int{1, 4, 7, 100} {
		if all := workAll(t, s, limit); len(all) != 13 {
			t.Errorf("%d at once: %d pieces of work, want 6 tasks and 7 deliveries", limit, len(all))
		}
	}
	all := workAll(t, s, 100, "queue")
	if len(all) != 5 {
		t.Errorf("%d queued tasks, want 5", len(all))
	}
	w := all[fmt.Sprint(id(2), 0)]
	if w.State != core.Queued || !w.Due.Equal(epoch.Add(2*time.Second)) || w.Account != "a" || w.KieAccount != "main" {
		t.Errorf("listed %+v", w)
	}
	if all := workAll(t, s, 100, core.DutyOf("main")); len(all) != 1 || all[fmt.Sprint(id(4), 0)].State != core.Running {
		t.Errorf("of the Kie account %+v, want the task that runs there", all)
	}
	lane := core.Lane("web:c")
	if all := workAll(t, s, 3, lane.Duty(), core.DutyOf("other")); len(all) != 7 {
		t.Errorf("%d deliveries, want 7", len(all))
	}
	if all := workAll(t, s, 100, core.DutyChores); len(all) != 0 {
		t.Errorf("under a duty without work: %+v", all)
	}
}

func testClosed(t *testing.T, open Opener) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(core.Tx) error { return nil }
	for what, err := range map[string]error{"View": s.View(t.Context(), nothing), "Update": s.Update(t.Context(), nothing)} {
		if !errors.Is(err, core.ErrStoreClosed) {
			t.Errorf("%s on a closed store: %v, want ErrStoreClosed", what, err)
		}
	}
}

func testContext(t *testing.T, open Opener) {
	s := opened(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := s.Update(ctx, func(core.Tx) error { ran = true; return nil })
	if !errors.Is(err, context.Canceled) || ran {
		t.Errorf("an update whose caller is gone: error %v, ran %v", err, ran)
	}
}
