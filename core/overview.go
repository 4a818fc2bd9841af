package core

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Overview is how kiebot stands at a moment.
type Overview struct {
	At    time.Time
	Tasks map[State]TaskCount // those that are not final
	Kie   []KieAccountState

	Deliveries int       // that wait to be shown
	BackOff    int       // of them, those that failed at least once
	Oldest     time.Time // when the one that waits longest was made; zero without one
	Untried    time.Time // likewise of those that this replica shows and has not tried yet

	Today Usage   // of everybody
	Month Credits // settled in this month, of everybody
	Lost  Credits // operator losses of this month
}

// overviewFor is how long an Overview is taken for the present. What it costs
// grows with the tasks and deliveries under way: a millisecond for thousands.
const overviewFor = time.Second

// overviewMost is how many deliveries are counted.
const overviewMost = 10_000

// overviews keeps the latest one.
type overviews struct {
	mu     sync.Mutex
	latest Overview
}

// Overview says how kiebot stands, as of a second ago at most. It may be asked
// as often as one likes. What it holds is shared and must not be changed.
func (e *Engine) Overview(ctx context.Context) (Overview, error) {
	e.overview.mu.Lock()
	defer e.overview.mu.Unlock()
	now := e.cfg.Now()
	if age := now.Sub(e.overview.latest.At); age >= 0 && age < overviewFor {
		return e.overview.latest, nil
	}
	fresh := Overview{At: now, Kie: e.KieAccounts()}
	err := e.view(ctx, func(tx Tx) error {
		counts, err := tx.CountTasks()
		fresh.Tasks = counts
		return errors.Join(err, e.countDeliveries(tx, &fresh), e.sumUp(tx, &fresh))
	})
	if err == nil {
		e.overview.latest = fresh
	}
	return fresh, err
}

func (e *Engine) countDeliveries(tx Tx, o *Overview) error {
	all, err := tx.Deliveries(0, overviewMost)
	o.Deliveries = len(all)
	for _, d := range all {
		o.Oldest = sooner(o.Oldest, d.Created)
		if d.Attempts > 0 {
			o.BackOff++
			continue
		}
		if e.courier.parts[d.Lane.part()].is() == here {
			o.Untried = sooner(o.Untried, d.Created)
		}
	}
	return err
}

// sumUp reads the credits of the day and the month.
func (e *Engine) sumUp(tx Tx, o *Overview) error {
	cal := e.calendar(o.At)
	today, err := tx.Usage(windowID(WindowTotal, cal.day))
	if err != nil {
		return err
	}
	lost, err := tx.Usage(windowID(WindowLoss, cal.month))
	if err != nil {
		return err
	}
	days, err := tx.Usages(windowID(WindowTotal, cal.month), "", 31)
	if err != nil {
		return err
	}
	o.Today, o.Lost = today, lost.Settled
	for _, day := range days {
		o.Month += day.Usage.Settled
	}
	return nil
}

// Person is an account as an operator sees it.
type Person struct {
	Account Account
	Balance Balance   // without what roles in a chat may add
	Latest  time.Time // when a request was accepted last; zero for never
	Name    string    // what the chat of that request calls the person; may be empty
}

// People lists accounts by id, those greater than after, at most limit.
// Accounts that were linked into others are not listed. Next is the after of
// the next call, empty at the end.
func (e *Engine) People(ctx context.Context, after AccountID, limit int) (people []Person, next AccountID, err error) {
	err = e.view(ctx, func(tx Tx) error {
		people, next = nil, ""
		accounts, err := tx.Accounts(after, limit)
		if err != nil {
			return err
		}
		for _, account := range accounts {
			if account.Into != "" {
				continue
			}
			person, err := e.person(tx, account)
			if err != nil {
				return err
			}
			people = append(people, person)
		}
		if len(accounts) == limit && limit > 0 {
			next = accounts[limit-1].ID
		}
		return nil
	})
	return people, next, err
}

func (e *Engine) person(tx Tx, account Account) (Person, error) {
	var origin Origin
	if len(account.Identities) > 0 {
		origin.Identity = account.Identities[0]
	}
	balance, err := e.wholeBalance(tx, account, origin)
	if err != nil {
		return Person{}, err
	}
	latest, err := tasksOf(tx, account, "", 1)
	if err != nil {
		return Person{}, err
	}
	p := Person{Account: account, Balance: balance}
	if len(latest) > 0 {
		p.Latest, p.Name = latest[0].Created, latest[0].Request.Origin.Name
	}
	return p, nil
}
