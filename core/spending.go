package core

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Spent is what became of tasks, and what was charged for them.
type Spent struct {
	Tasks, Succeeded, Failed int     // Failed has all that ended otherwise, canceled ones not counted; some are under way
	Credits                  Credits // settled, less what an admin gave back: what the windows of everybody have
	Lost                     Credits // operator losses
}

func (s *Spent) add(o Spent) {
	s.Tasks += o.Tasks
	s.Succeeded += o.Succeeded
	s.Failed += o.Failed
	s.Credits += o.Credits
	s.Lost += o.Lost
}

// SpentBy is what was spent for one model, in one chat or by one person: its Name.
type SpentBy struct {
	Name string // a catalogue id, a Lane, or an account's id
	Spent
}

// SpentDay is what was spent for the requests of one day.
type SpentDay struct {
	Day string // 2026-11-25, of Config.Location
	Spent
	Models, Lanes, Accounts []SpentBy // most credits first
}

// Spending is what was spent in the last days, by the day of acceptance, which
// is the one whose windows bear it. It knows the tasks that are not forgotten
// yet (Config.Retention).
type Spending struct {
	Days []SpentDay // oldest first, each of the days that were asked for
	Spent
	Models, Lanes, Accounts []SpentBy // most credits first
}

// How long what was found is taken for the present: today changes, what is past
// seldom does.
const (
	todayFor = 5 * time.Second
	pastFor  = 10 * time.Minute
)

// spendingPage is how many tasks are read in one transaction.
const spendingPage = 500

// spendings keeps the days that were added up.
type spendings struct {
	mu    sync.Mutex
	spent map[string]addedUp
}

// addedUp is a day, and when it was added up.
type addedUp struct {
	at  time.Time
	day *dayTally
}

// dayTally adds up one day.
type dayTally struct {
	all                     Spent
	models, lanes, accounts map[string]*Spent
}

func newTally() *dayTally {
	return &dayTally{models: map[string]*Spent{}, lanes: map[string]*Spent{}, accounts: map[string]*Spent{}}
}

// Spending adds up the last days, at most 366, today included. The first time
// it reads every task of them, which takes some twenty microseconds each, in
// many short transactions; what it finds is kept, today for seconds and the days
// before for ten minutes. Calls wait for each other.
func (e *Engine) Spending(ctx context.Context, days int) (Spending, error) {
	e.spending.mu.Lock()
	defer e.spending.mu.Unlock()
	now := e.cfg.Now()
	wanted := e.lastDays(now, min(max(days, 1), 366))
	if err := e.addUp(ctx, now, e.stale(now, wanted)); err != nil {
		return Spending{}, err
	}
	var s Spending
	whole := newTally()
	for _, name := range wanted {
		day := e.spending.spent[name].day
		whole.merge(day)
		s.Days = append(s.Days, SpentDay{Day: name, Spent: day.all, Models: ranked(day.models), Lanes: ranked(day.lanes), Accounts: ranked(day.accounts)})
	}
	s.Spent, s.Models, s.Lanes, s.Accounts = whole.all, ranked(whole.models), ranked(whole.lanes), ranked(whole.accounts)
	return s, nil
}

// lastDays names the last n days, oldest first.
func (e *Engine) lastDays(now time.Time, n int) []string {
	days := make([]string, n)
	year, month, day := now.In(e.cfg.Location).Date()
	for i := range days {
		days[i] = time.Date(year, month, day-n+1+i, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
	}
	return days
}

// stale are those of the days that have to be added up anew.
func (e *Engine) stale(now time.Time, days []string) []string {
	today := e.calendar(now).day
	return slices.DeleteFunc(slices.Clone(days), func(day string) bool {
		kept, known := e.spending.spent[day]
		age, good := now.Sub(kept.at), pastFor
		if day == today {
			good = todayFor
		}
		return known && age >= 0 && age < good
	})
}

// addUp reads the tasks of the days, newest first.
func (e *Engine) addUp(ctx context.Context, now time.Time, days []string) error {
	if len(days) == 0 {
		return nil
	}
	fresh := map[string]*dayTally{}
	for _, day := range days {
		fresh[day] = newTally()
	}
	before := e.endOf(days[len(days)-1])
	for more := true; more; {
		err := e.view(ctx, func(tx Tx) error {
			page, err := tx.Tasks(before, spendingPage)
			for i := range page {
				if day := fresh[page[i].day()]; day != nil {
					day.count(&page[i])
				}
				before = page[i].ID
			}
			more = len(page) == spendingPage && before > e.beginOf(days[0])
			return err
		})
		if err != nil {
			return err
		}
	}
	if e.spending.spent == nil {
		e.spending.spent = map[string]addedUp{}
	}
	for name, day := range fresh {
		e.spending.spent[name] = addedUp{now, day}
	}
	return nil
}

// Ids are made before their task is accepted, by a clock that may be set back
// in between: so much earlier or later than the day an id may be.
const idSlack = 48 * time.Hour

// beginOf is an id that is smaller than those of the day.
func (e *Engine) beginOf(day string) TaskID { return e.idAt(day, -idSlack) }

// endOf is an id that is greater than those of the day.
func (e *Engine) endOf(day string) TaskID { return e.idAt(day, 24*time.Hour+idSlack) }

func (e *Engine) idAt(day string, later time.Duration) TaskID {
	t, err := time.ParseInLocation(time.DateOnly, day, e.cfg.Location)
	if err != nil {
		return ""
	}
	return idFrom(t.Add(later))
}

// day is the one whose window of everybody bears the task.
func (t *Task) day() string {
	for _, s := range t.Hold.Shares {
		if s.Window.Kind() == WindowTotal {
			_, day, _ := strings.Cut(string(s.Window), "/")
			return day
		}
	}
	return ""
}

func (d *dayTally) count(t *Task) {
	one := Spent{Tasks: 1, Credits: t.Charged - t.Refunded, Lost: t.OperatorLoss}
	switch {
	case t.State == Succeeded:
		one.Succeeded = 1
	case t.State.Final() && t.State != Canceled:
		one.Failed = 1
	}
	d.all.add(one)
	in(d.models, t.Request.Model).add(one)
	in(d.lanes, string(t.Request.Origin.Lane)).add(one)
	in(d.accounts, string(t.Account)).add(one)
}

func (d *dayTally) merge(o *dayTally) {
	d.all.add(o.all)
	for _, both := range []struct{ into, from map[string]*Spent }{{d.models, o.models}, {d.lanes, o.lanes}, {d.accounts, o.accounts}} {
		for name, s := range both.from {
			in(both.into, name).add(*s)
		}
	}
}

func in(all map[string]*Spent, name string) *Spent {
	if all[name] == nil {
		all[name] = &Spent{}
	}
	return all[name]
}

// ranked lists those who spent most first.
func ranked(all map[string]*Spent) []SpentBy {
	list := make([]SpentBy, 0, len(all))
	for name, s := range all {
		list = append(list, SpentBy{name, *s})
	}
	slices.SortFunc(list, func(a, b SpentBy) int {
		return cmp.Or(cmp.Compare(b.Credits, a.Credits), cmp.Compare(b.Tasks, a.Tasks), strings.Compare(a.Name, b.Name))
	})
	return list
}
