package core_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

var yearTasks = flag.Int("year.tasks", 0, "tasks on each day of the year in which the database must stop growing; 0 skips it")

// A year of use with the default retention of 90 days: from the fourth month
// on the file stays as large as it is.
//
// The engine runs for a moment every few days, and forgets what is too old.
// The tasks are the commits of one that really lived, under other names.
func TestYear(t *testing.T) {
	if *yearTasks == 0 {
		t.Skip("it takes a minute; make model runs it")
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited })
		defer w.close()
		life := w.recordLife()
		var months []int64
		for day := 1; day <= 365; day++ {
			w.repeat(life, day, *yearTasks)
			nap(24 * time.Hour)
			if day%yearPrune == 0 {
				w.run()
				nap(2 * time.Minute)
				w.stop()
			}
			if day%30 == 0 {
				months = append(months, w.fileSize())
			}
		}
		t.Logf("MiB at the end of each month of %d tasks a day:%s", *yearTasks, inMiB(months))
		settled := months[3:]
		if least, most := slices.Min(settled), slices.Max(settled); float64(most) > 1.3*float64(least) {
			t.Errorf("from the fourth month on the file has between %d and %d bytes", least, most)
		}
	})
}

func inMiB(sizes []int64) string {
	var b strings.Builder
	for _, size := range sizes {
		fmt.Fprintf(&b, " %.1f", float64(size)/(1<<20))
	}
	return b.String()
}

func (w *world) fileSize() int64 {
	w.t.Helper()
	info, err := os.Stat(filepath.Join(w.dir, "kiebot.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.Size()
}

// recordLife lets one task live and gives the commits that it took.
func (w *world) recordLife() []commit {
	w.t.Helper()
	var seen *witness
	w.reopen(func(s core.Store) core.Store { seen = newWitness(s); return seen })
	w.run()
	w.untilShown(w.submit(request(strings.Repeat("a cat astronaut on the moon, ", 5))))
	synctest.Wait()
	w.stop()
	return slices.DeleteFunc(seen.take(), func(c commit) bool { return len(c.tasks) == 0 })
}

// At the same time people are somewhere else in the lives of their tasks.
const (
	yearPeople  = 50
	yearPrune   = 5 // days
	livesAtOnce = 10
)

// repeat commits the life so many times under the names of the day.
func (w *world) repeat(life []commit, day, times int) {
	w.t.Helper()
	for first := 0; first < times; first += livesAtOnce {
		delivered := map[int][]core.DeliveryID{}
		for _, c := range life {
			err := w.store.Update(w.t.Context(), func(tx core.Tx) error {
				for n := first; n < min(first+livesAtOnce, times); n++ {
					ids, err := renamed(c, day, n).write(tx, delivered[n])
					if err != nil {
						return err
					}
					delivered[n] = ids
				}
				return nil
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// renamed is the commit as that of the n-th task of the day.
func renamed(c commit, day, n int) commit {
	task := c.tasks[0]
	later := func(at time.Time) time.Time {
		if at.IsZero() {
			return at
		}
		return at.AddDate(0, 0, day)
	}
	date, born := later(task.Created).Format(time.DateOnly), task.Created.Format(time.DateOnly)
	id := core.TaskID(fmt.Sprintf("%06d%04d%s", day, n, task.ID.Short()))
	account := core.AccountID(fmt.Sprintf("%018d", n%yearPeople))
	names := strings.NewReplacer(string(task.Account), string(account), born, date, born[:7], date[:7])
	made := commit{}
	for _, t := range c.tasks {
		t.ID, t.Account, t.Batch = id, account, []core.TaskID{id}
		t.Request.Key = fmt.Sprint(t.Request.Key, "/", day, "/", n)
		t.Created, t.Sent, t.Started, t.Finished, t.Delivered = later(t.Created), later(t.Sent), later(t.Started), later(t.Finished), later(t.Delivered)
		t.Hold.Shares = slices.Clone(t.Hold.Shares)
		for i := range t.Hold.Shares {
			t.Hold.Shares[i].Window = core.WindowID(names.Replace(string(t.Hold.Shares[i].Window)))
		}
		made.tasks = append(made.tasks, t)
	}
	for _, e := range c.entries {
		e.Account, e.Task, e.At, e.Postings = account, id, later(e.At), slices.Clone(e.Postings)
		for i := range e.Postings {
			e.Postings[i].Window = core.WindowID(names.Replace(string(e.Postings[i].Window)))
		}
		made.entries = append(made.entries, e)
	}
	for _, d := range c.told {
		d.Lead, d.Created = id, later(d.Created)
		made.told = append(made.told, d)
	}
	for _, s := range c.seen {
		s.Key, s.Tasks, s.Expires = made.tasks[0].Request.Key, []core.TaskID{id}, later(s.Expires)
		made.seen = append(made.seen, s)
	}
	made.delivered = c.delivered
	return made
}

// write puts the commit into the transaction. It takes the deliveries that
// wait and answers with those that wait then.
func (c commit) write(tx core.Tx, waiting []core.DeliveryID) ([]core.DeliveryID, error) {
	for _, t := range c.tasks {
		who := core.Identity{Platform: "chat", User: string(t.Account)}
		if err := tx.PutAccount(core.Account{ID: t.Account, Identities: []core.Identity{who}, Created: t.Created}); err != nil {
			return nil, err
		}
		if err := tx.PutTask(t); err != nil {
			return nil, err
		}
	}
	for _, e := range c.entries {
		if err := tx.AddEntry(e); err != nil {
			return nil, err
		}
		for _, p := range e.Postings {
			usage, err := tx.Usage(p.Window)
			if err != nil {
				return nil, err
			}
			add(&usage, p)
			if err := tx.PutUsage(p.Window, usage); err != nil {
				return nil, err
			}
		}
	}
	for range c.delivered {
		if err := tx.DeleteDelivery(waiting[0]); err != nil {
			return nil, err
		}
		waiting = waiting[1:]
	}
	for _, d := range c.told {
		id, err := tx.AddDelivery(d)
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, id)
	}
	for _, s := range c.seen {
		if err := tx.PutSeen(s, c.tasks[0].Created); err != nil {
			return nil, err
		}
	}
	return waiting, nil
}
