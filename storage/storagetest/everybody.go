package storagetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kiebot/core"
)

// Tasks of several people that move, are over, or are over and still due are
// listed in one order, page by page.
func testTasks(t *testing.T, open Opener) {
	s := opened(t, open)
	states := []core.State{core.Queued, core.Succeeded, core.Running, core.Failed, core.Unresolved}
	const n = 25
	update(t, s, func(tx core.Tx) error {
		for i := 1; i <= n; i++ {
			one := task(i, core.AccountID(fmt.Sprint("a", i%3)))
			one.State = states[i%len(states)]
			if one.State.Final() {
				one.Finished = epoch.Add(time.Minute)
				if i%2 == 0 {
					one.Due = time.Time{}
				}
			}
			if err := tx.PutTask(one); err != nil {
				return err
			}
		}
		return tx.DeleteTask(id(11))
	})
	var want []core.TaskID
	for i := n; i > 0; i-- {
		if i != 11 {
			want = append(want, id(i))
		}
	}
	view(t, s, func(tx core.Tx) error {
		for _, limit := range []int{1, 4, n, 2 * n} {
			if got := pages(t, tx, limit); !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", limit, got, want)
			}
		}
		if none, err := tx.Tasks(id(1), n); err != nil || len(none) != 0 {
			t.Errorf("before the first: %v, %v", none, err)
		}
		if all, err := tx.Tasks(id(n+5), n); err != nil || len(all) != n-1 {
			t.Errorf("before one that is not there: %d, %v", len(all), err)
		}
		running, err := tx.TasksIn(core.Running, "", 2)
		if want := []core.TaskID{id(22), id(17)}; err != nil || !slices.Equal(running, want) {
			t.Errorf("running: %v, %v, want %v", running, err, want)
		}
		older, err := tx.TasksIn(core.Running, id(17), n)
		if want := []core.TaskID{id(12), id(7), id(2)}; err != nil || !slices.Equal(older, want) {
			t.Errorf("running before that: %v, %v, want %v", older, err, want)
		}
		counts, err := tx.CountTasks()
		wantCounts := fmt.Sprint(map[core.State]core.TaskCount{
			core.Queued: {Tasks: 5, Oldest: id(5)}, core.Running: {Tasks: 5, Oldest: id(2)}, core.Unresolved: {Tasks: 5, Oldest: id(4)},
		})
		if got := fmt.Sprint(counts); got != wantCounts {
			t.Errorf("counted %s, want %s", got, wantCounts)
		}
		return err
	})
}

func pages(t *testing.T, tx core.Tx, limit int) []core.TaskID {
	t.Helper()
	var all []core.TaskID
	for before := core.TaskID(""); ; {
		page, err := tx.Tasks(before, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range page {
			all = append(all, task.ID)
		}
		if len(page) < limit {
			return all
		}
		before = page[len(page)-1].ID
	}
}
