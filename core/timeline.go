package core

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Moment is something that is known to have happened to a task, or that waits
// to happen. Kind says which of the others are set.
type Moment struct {
	At   time.Time
	Kind MomentKind

	Entry    *Entry    // of the ledger
	Audit    *Audit    // what an admin did
	Delivery *Delivery // that waits to be shown; At is when it was made
	Failure  *Failure
	Why      string // of MomentUndelivered: the adapter's words
}

// MomentKind says what a Moment is.
type MomentKind string

// The kinds of moments.
const (
	MomentAccepted    MomentKind = "accepted"
	MomentSent        MomentKind = "sent"        // createTask left, the last time
	MomentTaken       MomentKind = "taken"       // Kie's id became known
	MomentOverdue     MomentKind = "overdue"     // first found unfinished after the soft deadline
	MomentEmpty       MomentKind = "empty"       // first success without outputs
	MomentFinished    MomentKind = "finished"    // final; Failure when it did not succeed
	MomentShown       MomentKind = "shown"       // the end of its batch was shown
	MomentUndelivered MomentKind = "undelivered" // it was given up to show it
	MomentBooked      MomentKind = "booked"      // Entry
	MomentActed       MomentKind = "acted"       // Audit
	MomentWaits       MomentKind = "waits"       // Delivery
)

// Timeline is all that is known about one task.
type Timeline struct {
	Task    Task
	Account Account  // who has it now
	Moments []Moment // in order of time
}

// Bounds of what a Timeline looks through: the person's ledger, the audit log,
// and what waits to be shown.
const (
	timelineScan = 20_000
	timelinePage = 500 // that are read at once
)

// Timeline finds anybody's task by its id, whole or short, and what is known
// about it. It answers with a *Refusal when there is none.
func (e *Engine) Timeline(ctx context.Context, id string) (Timeline, error) {
	var line Timeline
	err := e.view(ctx, func(tx Tx) error {
		t, err := findTask(tx, id)
		if err != nil {
			return err
		}
		lead := t
		if t.Lead() != t.ID {
			if lead, err = tx.Task(t.Lead()); err != nil {
				return err
			}
		}
		line = Timeline{Task: t, Moments: ownMoments(&t, &lead)}
		if line.Account, err = account(tx, t.Account); err != nil {
			return err
		}
		for _, read := range []func(Tx) error{line.readLedger, line.readAudits, line.readDeliveries} {
			if err := read(tx); err != nil {
				return err
			}
		}
		slices.SortStableFunc(line.Moments, func(a, b Moment) int { return a.At.Compare(b.At) })
		return nil
	})
	return line, err
}

// ownMoments are those that the task itself knows of.
func ownMoments(t, lead *Task) []Moment {
	all := []Moment{
		{At: t.Created, Kind: MomentAccepted}, {At: t.Sent, Kind: MomentSent}, {At: t.Started, Kind: MomentTaken},
		{At: t.Overdue, Kind: MomentOverdue}, {At: t.EmptyAt, Kind: MomentEmpty},
		{At: t.Finished, Kind: MomentFinished, Failure: t.Failure}, {At: lead.Delivered, Kind: MomentShown},
	}
	if lead.Undelivered != nil {
		all = append(all, Moment{At: lead.Undelivered.At, Kind: MomentUndelivered, Why: lead.Undelivered.Reason})
	}
	return slices.DeleteFunc(all, func(m Moment) bool { return m.At.IsZero() })
}

// readLedger adds what was booked for the task, in the ledger of the account
// that asked for it and of the one that it was linked into.
func (l *Timeline) readLedger(tx Tx) error {
	err := l.readEntries(tx, l.Task.Account)
	if l.Account.ID != l.Task.Account {
		err = errors.Join(err, l.readEntries(tx, l.Account.ID))
	}
	return err
}

func (l *Timeline) readEntries(tx Tx, id AccountID) error {
	after := uint64(0)
	for looked := 0; looked < timelineScan; {
		page, err := tx.Entries(id, after, timelinePage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, entry := range page {
			if entry.Task == l.Task.ID {
				l.Moments = append(l.Moments, Moment{At: entry.At, Kind: MomentBooked, Entry: &entry})
			}
			after = entry.Seq
		}
		looked += len(page)
	}
	return nil
}

// readAudits adds what admins did to the task.
func (l *Timeline) readAudits(tx Tx) error {
	before := uint64(0)
	for looked := 0; looked < timelineScan; {
		page, err := tx.Audits(before, timelinePage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, audit := range page {
			if audit.At.Before(l.Task.Created) {
				return nil
			}
			if audit.Target == string(l.Task.ID) {
				l.Moments = append(l.Moments, Moment{At: audit.At, Kind: MomentActed, Audit: &audit})
			}
			before = audit.Seq
		}
		looked += len(page)
	}
	return nil
}

// readDeliveries adds what waits to be shown of the task's batch.
func (l *Timeline) readDeliveries(tx Tx) error {
	all, err := tx.Deliveries(0, timelineScan)
	for _, d := range all {
		if d.Lead == l.Task.Lead() && cmp.Or(d.Task, l.Task.ID) == l.Task.ID {
			l.Moments = append(l.Moments, Moment{At: d.Created, Kind: MomentWaits, Delivery: &d})
		}
	}
	return err
}
