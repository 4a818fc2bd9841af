package core

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// Verified is what Verify looked at.
type Verified struct {
	Accounts, Tasks, Entries, Windows, Deliveries int
	Problems                                      int
}

// Verify recomputes every balance from the ledger and the open tasks, and
// checks that the records agree with each other: every window is the sum of
// its postings, what it holds is the sum of the shares of open tasks, every
// task's entries say what its state says, every name leads to what has it.
// Each problem is reported as one line of text, for operators. The error is
// about reading the store.
//
// It works on one snapshot and keeps in memory the windows of chats and days
// and one person's tasks at a time.
func Verify(ctx context.Context, store Store, report func(problem string)) (Verified, error) {
	v := verifier{report: report, shared: map[WindowID]Usage{}, held: map[WindowID]Credits{}}
	pruned, err := prunedBefore(ctx, store)
	if err != nil {
		return v.seen, err
	}
	v.before = pruned.before
	err = store.View(ctx, func(tx Tx) error {
		v.tx = tx
		for _, check := range []func(context.Context) error{v.accounts, v.windows, v.deliveries} {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return v.seen, err
}

// verifier is one run of Verify.
type verifier struct {
	tx     Tx
	before time.Time // ledger, tasks and windows from before it may be gone
	report func(string)
	seen   Verified
	shared map[WindowID]Usage   // what all ledgers say of windows that are nobody's own
	held   map[WindowID]Credits // what all open tasks hold in them
}

func (v *verifier) wrong(format string, args ...any) {
	v.seen.Problems++
	v.report(fmt.Sprintf(format, args...))
}

// verifyMany is how many records are read at once.
const verifyMany = 500

// pages reads one page after the other; next is given the last record of the
// page before, the zero one at first.
func pages[T any](ctx context.Context, next func(last T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for {
			page, err := next(last)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(last, err)
				return
			}
			for _, one := range page {
				if !yield(one, nil) {
					return
				}
				last = one
			}
			if len(page) < verifyMany {
				return
			}
		}
	}
}

// accounts checks every person with all that belongs to them.
func (v *verifier) accounts(ctx context.Context) error {
	all := pages(ctx, func(last Account) ([]Account, error) { return v.tx.Accounts(last.ID, verifyMany) })
	for a, err := range all {
		if err != nil {
			return fmt.Errorf("reading accounts: %w", err)
		}
		v.seen.Accounts++
		if err := v.identities(a); err != nil {
			return err
		}
		if a.Into != "" {
			continue // with the account that remains
		}
		if err := v.person(ctx, a); err != nil {
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	return nil
}

// identities checks that the account is found by its identities, and that
// linked accounts name each other.
func (v *verifier) identities(a Account) error {
	for _, who := range a.Identities {
		switch found, err := v.tx.AccountOf(who); {
		case errors.Is(err, ErrNotFound) || err == nil && found.ID != a.ID:
			v.wrong("account %s has the identity %s, which leads to %q", a.ID, who, found.ID)
		case err != nil:
			return err
		}
	}
	for _, id := range a.From {
		switch from, err := v.tx.Account(id); {
		case errors.Is(err, ErrNotFound) || err == nil && from.Into != a.ID:
			v.wrong("account %s was linked into %s and leads to %q", id, a.ID, from.Into)
		case err != nil:
			return err
		}
	}
	if a.Into == "" {
		return nil
	}
	switch into, err := v.tx.Account(a.Into); {
	case errors.Is(err, ErrNotFound) || err == nil && !into.has(a.ID):
		v.wrong("account %s leads to %s, which does not know it", a.ID, a.Into)
	case err != nil:
		return err
	}
	return nil
}

// person is everything of one person: what the ledgers of all their accounts
// say, and what their tasks hold.
type person struct {
	sums  map[WindowID]Usage
	held  map[WindowID]Credits
	tasks map[TaskID]*taskSum
}

// taskSum is what the ledger says of one task.
type taskSum struct {
	held  Credits // of all windows together
	kinds map[EntryKind]bool
}

func (v *verifier) person(ctx context.Context, a Account) error {
	p := person{sums: map[WindowID]Usage{}, held: map[WindowID]Credits{}, tasks: map[TaskID]*taskSum{}}
	for _, id := range a.ids() {
		if err := v.ledger(ctx, p, id); err != nil {
			return err
		}
	}
	for _, id := range a.ids() {
		if err := v.tasks(ctx, p, id); err != nil {
			return err
		}
	}
	return v.own(p, a)
}

// ledger adds up one account's entries.
func (v *verifier) ledger(ctx context.Context, p person, id AccountID) error {
	entries := pages(ctx, func(last Entry) ([]Entry, error) { return v.tx.Entries(id, last.Seq, verifyMany) })
	for e, err := range entries {
		if err != nil {
			return fmt.Errorf("reading the ledger: %w", err)
		}
		v.seen.Entries++
		sum := p.tasks[e.Task]
		if sum == nil {
			sum = &taskSum{kinds: map[EntryKind]bool{}}
			p.tasks[e.Task] = sum
		}
		sum.kinds[e.Kind] = true
		for _, posting := range e.Postings {
			sum.held += posting.Held
			sums := p.sums
			if !ownWindow(posting.Window) {
				sums = v.shared
			}
			u := sums[posting.Window]
			sums[posting.Window] = Usage{Held: u.Held + posting.Held, Settled: u.Settled + posting.Settled, Granted: u.Granted + posting.Granted}
		}
	}
	return nil
}

// ownWindow reports whether the window is one person's.
func ownWindow(w WindowID) bool {
	return slices.Contains(accountWindows(), string(w.Kind()))
}

// tasks checks one account's tasks, newest first, against its ledger.
func (v *verifier) tasks(ctx context.Context, p person, id AccountID) error {
	open, err := v.tx.OpenTasks(id)
	if err != nil {
		return err
	}
	tasks := pages(ctx, func(last Task) ([]Task, error) { return v.tx.TasksOf(id, last.ID, verifyMany) })
	for t, err := range tasks {
		if err != nil {
			return fmt.Errorf("reading tasks: %w", err)
		}
		v.seen.Tasks++
		if listed := slices.Contains(open, t.ID); listed == t.State.Final() {
			v.wrong("task %s is %s, listed as open: %v", t.ID, t.State, listed)
		}
		if found, err := v.tx.Task(t.ID); err != nil || found.Account != id || !slices.Contains(t.Batch, t.ID) {
			v.wrong("task %s of account %s leads to account %q, batch %v: %v", t.ID, id, found.Account, t.Batch, err)
		}
		v.task(p, t)
	}
	return nil
}

// task holds one task against its entries.
func (v *verifier) task(p person, t Task) {
	sum := p.tasks[t.ID]
	if sum == nil {
		sum = &taskSum{}
	}
	var holds Credits
	if !t.State.Final() {
		for _, s := range t.Hold.Shares {
			holds += s.Amount
			held := p.held
			if !ownWindow(s.Window) {
				held = v.held
			}
			held[s.Window] += s.Amount
		}
	}
	if whole := !t.Created.Before(v.before); whole && (sum.held != holds || !sum.kinds[EntryHold]) {
		v.wrong("task %s is %s and holds %s, its entries %s", t.ID, t.State, holds, sum.held)
	}
	if !t.State.Final() || t.Finished.Before(v.before) {
		return
	}
	if end := endOf(t.State); !sum.kinds[end] {
		v.wrong("task %s is %s and its ledger has no %s", t.ID, t.State, end)
	}
}

// endOf is the entry without which a task does not end.
func endOf(s State) EntryKind {
	if s == Succeeded {
		return EntrySettle
	}
	return EntryRefund
}

// own checks the windows of one person.
func (v *verifier) own(p person, a Account) error {
	for _, id := range a.ids() {
		for _, kind := range accountWindows() {
			windows, err := windowsOf(v.tx, kind, id)
			if err != nil {
				return err
			}
			for _, w := range windows {
				mention(p.sums, w.Window)
			}
		}
	}
	return v.compare(p.sums, p.held)
}

// mention lets compare look at the window, even if no entry names it.
func mention(sums map[WindowID]Usage, id WindowID) {
	if _, there := sums[id]; !there {
		sums[id] = Usage{}
	}
}

// compare holds windows against what the ledger and open tasks say of them.
func (v *verifier) compare(sums map[WindowID]Usage, held map[WindowID]Credits) error {
	for id := range held {
		mention(sums, id)
	}
	for _, id := range slices.Sorted(maps.Keys(sums)) {
		if id.over(v.before) {
			continue // it may be pruned in part
		}
		v.seen.Windows++
		usage, err := v.tx.Usage(id)
		if err != nil {
			return err
		}
		if sum := sums[id]; usage != sum {
			v.wrong("window %s has %s, its ledger comes to %s", id, usage, sum)
		}
		if usage.Held != held[id] {
			v.wrong("window %s holds %s, its open tasks %s", id, usage.Held, held[id])
		}
	}
	return nil
}

// String is "held 1, settled 2, granted 3".
func (u Usage) String() string {
	return fmt.Sprintf("held %s, settled %s, granted %s", u.Held, u.Settled, u.Granted)
}

// windows checks those that are nobody's own, and finds those of nobody at all.
func (v *verifier) windows(ctx context.Context) error {
	all := pages(ctx, func(last WindowUsage) ([]WindowUsage, error) { return v.tx.Usages("", last.Window, verifyMany) })
	for w, err := range all {
		if err != nil {
			return fmt.Errorf("reading windows: %w", err)
		}
		if !ownWindow(w.Window) {
			mention(v.shared, w.Window)
			continue
		}
		switch _, err := v.tx.Account(w.Window.owner()); {
		case errors.Is(err, ErrNotFound):
			v.wrong("window %s is of an account that is not there", w.Window)
		case err != nil:
			return err
		}
	}
	return v.compare(v.shared, v.held)
}

// deliveries checks that what waits to be shown is about tasks that are there.
func (v *verifier) deliveries(ctx context.Context) error {
	all := pages(ctx, func(last Delivery) ([]Delivery, error) { return v.tx.Deliveries(last.ID, verifyMany) })
	for d, err := range all {
		if err != nil {
			return fmt.Errorf("reading deliveries: %w", err)
		}
		v.seen.Deliveries++
		for _, id := range []TaskID{d.Lead, d.Task} {
			if id == "" && (id == d.Task || d.Kind == DeliverNews) {
				continue
			}
			switch _, err := v.tx.Task(id); {
			case errors.Is(err, ErrNotFound):
				v.wrong("delivery %d (%s) is about task %s, which is not there", d.ID, d.Kind, id)
			case err != nil:
				return err
			}
		}
	}
	return nil
}
