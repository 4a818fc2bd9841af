package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// retention is how long finished tasks are kept when nothing is configured.
	retention = 90 * 24 * time.Hour
	// A look for what is too old comes a minute after the start, then every hour.
	pruneFirst = time.Minute
	prunePause = time.Hour
	// pruneMany bounds what one commit of the janitor touches, so that people
	// do not wait behind it.
	pruneMany = 200

	prunedSetting = "pruned_before"
)

// pruneLoop forgets, once a day, what is older than the retention.
func (e *Engine) pruneLoop(ctx context.Context) {
	timer := time.NewTimer(pruneFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := e.prune(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("forgetting what is too old", "error", err)
		}
		timer.Reset(prunePause)
	}
}

// prune forgets tasks that were over, windows that were over and ledger lines
// that were written before the first moment of the day that is Retention ago.
// A batch is over when nothing about it waits to be shown or read any more: a
// clock that is set ahead, or a platform that is off, takes no result, and the
// file stays bounded since a platform that is off takes no requests either.
// What remains of the ledger is its sums: a carry entry an account, and every
// month's window. It can be cut off and called again at any point.
func (e *Engine) prune(ctx context.Context) error {
	year, month, day := e.cfg.Now().Add(-e.cfg.Retention).In(e.cfg.Location).Date()
	before := time.Date(year, month, day, 0, 0, 0, 0, e.cfg.Location)
	done, err := prunedBefore(ctx, e.store)
	if err != nil || !before.After(done.full) {
		return err
	}
	// Verify passes over windows that are on the way out, so it is told first.
	if err := e.setPruned(ctx, pruned{before: before, full: done.full}); err != nil {
		return err
	}
	for _, step := range []func(context.Context, time.Time) error{e.pruneTasks, e.pruneWindows, e.pruneLedgers} {
		if err := step(ctx, before); err != nil {
			return err
		}
	}
	return e.setPruned(ctx, pruned{before: before, full: before})
}

// pruned says up to when was pruned: begun for what is before before, and
// finished for what is before full.
type pruned struct{ before, full time.Time }

func prunedBefore(ctx context.Context, store Store) (p pruned, err error) {
	err = store.View(ctx, func(tx Tx) error {
		value, err := tx.Setting(prunedSetting)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		before, full, _ := strings.Cut(string(value), " ")
		return errors.Join(p.before.UnmarshalText([]byte(before)), p.full.UnmarshalText([]byte(full)))
	})
	if err != nil {
		return p, fmt.Errorf("reading what was pruned: %w", err)
	}
	return p, nil
}

func (e *Engine) setPruned(ctx context.Context, p pruned) error {
	value := p.before.Format(time.RFC3339) + " " + p.full.Format(time.RFC3339)
	return e.write(ctx, func(tx Tx) error { return tx.PutSetting(prunedSetting, []byte(value)) })
}

// pruneTasks forgets batches that were over before the time. Those that are
// not, although they ended before it, stay at the head of the list.
func (e *Engine) pruneTasks(ctx context.Context, before time.Time) error {
	var waiting backlog
	if err := e.store.View(ctx, waiting.read); err != nil {
		return fmt.Errorf("looking for what waits to be shown: %w", err)
	}
	for kept, more := 0, true; more; {
		var stay []TaskID
		err := e.write(ctx, func(tx Tx) error {
			if err := waiting.read(tx); err != nil {
				return err
			}
			ended, err := tx.FinishedTasks(before, kept+pruneMany)
			if err != nil {
				return err
			}
			ended = ended[min(kept, len(ended)):]
			more = len(ended) == pruneMany
			stay, err = pruneBatches(tx, ended, func(t Task) bool { return overBefore(t, before) }, waiting)
			return err
		})
		if err != nil {
			return fmt.Errorf("forgetting tasks: %w", err)
		}
		kept += len(stay)
	}
	return nil
}

// pruneBatches forgets the batches of the tasks that are over as a whole, with
// nothing waiting to be shown, and says which of the tasks stay.
func pruneBatches(tx Tx, ids []TaskID, over func(Task) bool, waiting backlog) (stay []TaskID, err error) {
	for _, id := range ids {
		task, err := tx.Task(id)
		if errors.Is(err, ErrNotFound) {
			continue // it went with an earlier one of its batch
		}
		if err != nil {
			return nil, err
		}
		tasks, err := batch(tx, task)
		if err != nil {
			return nil, err
		}
		if waiting.leads[task.Lead()] || slices.ContainsFunc(tasks, func(t Task) bool { return !over(t) }) {
			stay = append(stay, id)
			continue
		}
		for _, t := range tasks {
			if err := tx.DeleteTask(t.ID); err != nil {
				return nil, err
			}
		}
	}
	return stay, nil
}

// isOver reports whether the task ended and nothing more is to be read of it.
func isOver(t Task) bool { return !t.Finished.IsZero() && t.Due.IsZero() }

// overBefore reports whether the last thing that happened to the task was before
// the time: it is over, and the end was shown or given up.
func overBefore(t Task, before time.Time) bool {
	last := later(t.Finished, t.Delivered)
	if t.Undelivered != nil {
		last = later(last, t.Undelivered.At)
	}
	return isOver(t) && last.Before(before)
}

// backlog is the batches of which something waits to be shown, as far as the
// deliveries were read. What was shown since keeps its batch for a day more.
type backlog struct {
	leads map[TaskID]bool
	last  DeliveryID
}

// read adds what was stored since it read the last time.
func (b *backlog) read(tx Tx) error {
	if b.leads == nil {
		b.leads = map[TaskID]bool{}
	}
	for more := true; more; {
		deliveries, err := tx.Deliveries(b.last, pruneMany)
		if err != nil {
			return err
		}
		for _, d := range deliveries {
			b.leads[d.Lead], b.last = true, d.ID
		}
		more = len(deliveries) == pruneMany
	}
	return nil
}

// over reports whether the window is a day that ended before the time. Its
// day is the end of its name; months and granted credits are never over.
func (w WindowID) over(before time.Time) bool {
	day := string(w[strings.LastIndexByte(string(w), '/')+1:])
	return len(day) == len(time.DateOnly) && day < before.Format(time.DateOnly)
}

// pruneWindows forgets days that were over before the time.
func (e *Engine) pruneWindows(ctx context.Context, before time.Time) error {
	for after, more := WindowID(""), true; more; {
		err := e.write(ctx, func(tx Tx) error {
			windows, err := tx.Usages("", after, pruneMany)
			if err != nil {
				return err
			}
			for _, w := range windows {
				if w.Window.over(before) && w.Usage.Held == 0 {
					if err := tx.DeleteUsage(w.Window); err != nil {
						return err
					}
				}
			}
			if more = len(windows) == pruneMany; more {
				after = windows[pruneMany-1].Window
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("forgetting windows: %w", err)
		}
	}
	return nil
}

// pruneLedgers replaces each account's older ledger by its sums.
func (e *Engine) pruneLedgers(ctx context.Context, before time.Time) error {
	for after := AccountID(""); ; {
		var accounts []Account
		err := e.store.View(ctx, func(tx Tx) (err error) {
			accounts, err = tx.Accounts(after, pruneMany)
			return err
		})
		if err != nil {
			return fmt.Errorf("listing accounts: %w", err)
		}
		for _, a := range accounts {
			if err := e.pruneLedger(ctx, a.ID, before); err != nil {
				return fmt.Errorf("summing up the ledger of account %s: %w", a.ID, err)
			}
			after = a.ID
		}
		if len(accounts) < pruneMany {
			return nil
		}
	}
}

func (e *Engine) pruneLedger(ctx context.Context, id AccountID, before time.Time) error {
	for more := true; more; {
		err := e.write(ctx, func(tx Tx) error {
			entries, err := tx.Entries(id, 0, pruneMany)
			if err != nil {
				return err
			}
			old := slices.IndexFunc(entries, func(e Entry) bool { return !e.At.Before(before) })
			if old < 0 {
				old = len(entries)
			}
			more = old == pruneMany
			return carry(tx, id, entries[:old], before)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// carry replaces the account's first entries by one that has their sums, of
// windows that are not over.
func carry(tx Tx, id AccountID, entries []Entry, before time.Time) error {
	if len(entries) == 0 || len(entries) == 1 && entries[0].Kind == EntryCarry {
		return nil
	}
	sum := Entry{Account: id, Kind: EntryCarry, Seq: entries[len(entries)-1].Seq, At: entries[len(entries)-1].At}
	for _, e := range entries {
		for _, p := range e.Postings {
			if !p.Window.over(before) {
				sum.add(p)
			}
		}
		if err := tx.DeleteEntry(id, e.Seq); err != nil {
			return err
		}
	}
	return tx.PutEntry(sum)
}

// add adds the posting to the one of its window.
func (e *Entry) add(p Posting) {
	for i := range e.Postings {
		if sum := &e.Postings[i]; sum.Window == p.Window {
			sum.Held += p.Held
			sum.Settled += p.Settled
			sum.Granted += p.Granted
			return
		}
	}
	e.Postings = append(e.Postings, p)
}
