package storagetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"kiebot/core"
)

// end is the nth task, final since so many hours.
func end(n, hours int, account core.AccountID) core.Task {
	t := task(n, account)
	t.State, t.Due, t.Finished = core.Succeeded, time.Time{}, epoch.Add(time.Duration(hours)*time.Hour)
	return t
}

func testEnds(t *testing.T, open Opener) {
	s := opened(t, open)
	update(t, s, func(tx core.Tx) error {
		return errors.Join(
			tx.PutTask(task(1, "a")), tx.PutTask(task(2, "a")), tx.PutTask(task(3, "b")),
			tx.PutTask(task(4, "a")), tx.PutTask(end(5, 3, "a")))
	})
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.PutTask(end(1, 2, "a")), tx.PutTask(end(4, 1, "a"))) })
	update(t, s, func(tx core.Tx) error { return tx.PutTask(end(1, 2, "a")) }) // once more changes nothing
	view(t, s, func(tx core.Tx) error {
		a, err := tx.OpenTasks("a")
		b, err2 := tx.OpenTasks("b")
		if !slices.Equal(a, []core.TaskID{id(2)}) || !slices.Equal(b, []core.TaskID{id(3)}) {
			t.Errorf("open tasks of a %v, of b %v", a, b)
		}
		all, err3 := tx.FinishedTasks(epoch.Add(3*time.Hour), 10)
		if !slices.Equal(all, []core.TaskID{id(4), id(1)}) {
			t.Errorf("finished before the third hour: %v", all)
		}
		first, err4 := tx.FinishedTasks(epoch.Add(9*time.Hour), 1)
		if !slices.Equal(first, []core.TaskID{id(4)}) {
			t.Errorf("the first to end: %v", first)
		}
		return errors.Join(err, err2, err3, err4)
	})
}

func testDeleteTask(t *testing.T, open Opener) {
	s := opened(t, open)
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.PutTask(task(1, "a")), tx.PutTask(end(2, 1, "a"))) })
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.DeleteTask(id(1)), tx.DeleteTask(id(2)), tx.DeleteTask(id(3)))
	})
	view(t, s, func(tx core.Tx) error {
		for n := 1; n <= 2; n++ {
			if _, err := tx.Task(id(n)); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("task %d: %v", n, err)
			}
			if _, err := tx.TaskByShort(id(n).Short()); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("task %d by its short id: %v", n, err)
			}
		}
		of, err := tx.TasksOf("a", "", 10)
		left, err2 := tx.OpenTasks("a")
		ended, err3 := tx.FinishedTasks(epoch.Add(9*time.Hour), 10)
		if len(of)+len(left)+len(ended) > 0 {
			t.Errorf("still listed: of the account %v, open %v, finished %v", of, left, ended)
		}
		return errors.Join(err, err2, err3)
	})
	if work := workAll(t, s, 10); len(work) > 0 {
		t.Errorf("deleted tasks are still work: %v", work)
	}
}

func testUsages(t *testing.T, open Opener) {
	s := opened(t, open)
	view(t, s, func(tx core.Tx) error {
		none, err := tx.Usages("", "", 10)
		if len(none) > 0 {
			t.Errorf("windows of an empty store: %v", none)
		}
		return err
	})
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for n, w := range []core.WindowID{"day/a/1", "day/a/2", "day/a/3", "day/ab/1", "month/a/1"} {
			errs = append(errs, tx.PutUsage(w, core.Usage{Held: core.Credits(n), Granted: 1}))
		}
		return errors.Join(append(errs, tx.DeleteUsage("day/a/3"), tx.DeleteUsage("day/a/4"))...)
	})
	view(t, s, func(tx core.Tx) error {
		all, err := tx.Usages("day/a/", "", 10)
		same(t, "windows of a", all, []core.WindowUsage{
			{Window: "day/a/1", Usage: core.Usage{Granted: 1}}, {Window: "day/a/2", Usage: core.Usage{Held: 1, Granted: 1}}})
		one, err2 := tx.Usages("", "day/a/1", 1)
		same(t, "the window after the first", one, []core.WindowUsage{{Window: "day/a/2", Usage: core.Usage{Held: 1, Granted: 1}}})
		return errors.Join(err, err2)
	})
}

func testAccounts(t *testing.T, open Opener) {
	s := opened(t, open)
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for _, id := range []core.AccountID{"c", "a", "b"} {
			errs = append(errs, tx.PutAccount(core.Account{ID: id, Identities: []core.Identity{{Platform: "web", User: string(id)}}}))
		}
		return errors.Join(errs...)
	})
	// An identity that moves to another account is found there.
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.PutAccount(core.Account{ID: "b", Into: "a"}), tx.PutAccount(core.Account{
			ID: "a", From: []core.AccountID{"b"}, Identities: []core.Identity{{Platform: "web", User: "a"}, {Platform: "web", User: "b"}}}))
	})
	view(t, s, func(tx core.Tx) error {
		two, err := tx.Accounts("", 2)
		rest, err2 := tx.Accounts("b", 2)
		if len(two) != 2 || two[0].ID != "a" || two[1].ID != "b" || len(rest) != 1 || rest[0].ID != "c" {
			t.Errorf("accounts %v, then %v", two, rest)
		}
		moved, err3 := tx.AccountOf(core.Identity{Platform: "web", User: "b"})
		if moved.ID != "a" {
			t.Errorf("the identity that moved is found at %q", moved.ID)
		}
		return errors.Join(err, err2, err3)
	})
}

func testSettings(t *testing.T, open Opener) {
	s := opened(t, open)
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for _, name := range []string{"box/9", "box", "box/10", "boxes", "box/x"} {
			errs = append(errs, tx.PutSetting(name, []byte(name)))
		}
		return errors.Join(append(errs, tx.PutSetting("box/1", nil), tx.DeleteSetting("box/x"))...)
	})
	view(t, s, func(tx core.Tx) error {
		two, err := tx.Settings("box/", 2)
		same(t, "settings in the box", two, []core.Setting{{Name: "box/1", Value: []byte{}}, {Name: "box/10", Value: []byte("box/10")}})
		rest, err2 := tx.Settings("box/10", 10)
		same(t, "settings after those", rest, []core.Setting{{Name: "box/9", Value: []byte("box/9")}, {Name: "boxes", Value: []byte("boxes")}})
		return errors.Join(err, err2)
	})
}

func testAudit(t *testing.T, open Opener) {
	s := opened(t, open)
	limit := core.Limit(5)
	chat := core.Chat{Lane: "web:c", Limits: core.Limits{Daily: &limit}}
	place := core.Chat{Lane: "web:server:c", Rules: core.PlaceRules{
		Person: &limit, Roles: map[string]core.Limit{"web:role:1": limit}, Channels: []string{"web:channel:c"}, Blocked: map[string]string{"web:u": "spam"},
	}}
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for _, action := range []string{"grant", "limit", "block"} {
			errs = append(errs, tx.AddAudit(core.Audit{At: epoch, By: "web:u", Action: action, Target: "web:v"}))
		}
		return errors.Join(append(errs, tx.PutChat(chat), tx.PutChat(place), tx.PutSetting("gone", []byte{1}), tx.DeleteSetting("gone"), tx.DeleteSetting("never"))...)
	})
	view(t, s, func(tx core.Tx) error {
		newest, err := tx.Audits(0, 2)
		if len(newest) != 2 || newest[0].Action != "block" || newest[1].Action != "limit" || newest[0].Seq <= newest[1].Seq {
			t.Fatalf("the newest of the audit log: %+v", newest)
		}
		rest, err2 := tx.Audits(newest[1].Seq, 10)
		if len(rest) != 1 || rest[0].Action != "grant" {
			t.Errorf("the rest of the audit log: %+v", rest)
		}
		got, err3 := tx.Chat("web:c")
		same(t, "chat", got, chat)
		above, err4 := tx.Chat("web:server:c")
		same(t, "place", above, place)
		_, missing := tx.Chat("web:d")
		_, gone := tx.Setting("gone")
		if !errors.Is(missing, core.ErrNotFound) || !errors.Is(gone, core.ErrNotFound) {
			t.Errorf("an unknown chat: %v, a deleted setting: %v", missing, gone)
		}
		return errors.Join(err, err2, err3, err4)
	})
}
