package core

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A copy of a store knows nothing of what happened after it was taken. When it
// takes the place of the store, what is queued in it may have been created at
// Kie since, and what was being created surely was asked for. A copy therefore
// carries a mark, and an engine that finds one sends none of these: the queued
// ones end, refunded and told so, and those being created become unresolved like
// after any kill. What ran is read from Kie as always. So a restored backup, by
// whatever means it got to its place, costs results, never a second payment.

// copySetting holds when a copy was taken. Nothing but a copy has it.
const copySetting = "copy_taken"

// MarkCopy notes in a copy of a store that it is one, and when it was taken: not
// before the snapshot, so that no task in it is younger. A copy that has a mark
// keeps it.
func MarkCopy(ctx context.Context, store Store, taken time.Time) error {
	err := store.Update(ctx, func(tx Tx) error {
		if _, err := tx.Setting(copySetting); !errors.Is(err, ErrNotFound) {
			return err
		}
		return tx.PutSetting(copySetting, []byte(taken.UTC().Format(time.RFC3339Nano)))
	})
	if err != nil {
		return fmt.Errorf("marking a copy: %w", err)
	}
	return nil
}

// CopyTaken is when the store was copied, zero when it is no copy, or an engine
// has run on it since.
func CopyTaken(ctx context.Context, store Store) (taken time.Time, err error) {
	err = store.View(ctx, func(tx Tx) error {
		value, err := tx.Setting(copySetting)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return errors.Join(err, taken.UnmarshalText(value))
	})
	if err != nil {
		return taken, fmt.Errorf("reading when it was copied: %w", err)
	}
	return taken, nil
}

// afterRestore ends what is queued in a restored copy, before anything is sent.
// It can be cut off at any point and is then done again. What was accepted by
// this process already is younger than the copy, and stays.
func (e *Engine) afterRestore(ctx context.Context) error {
	taken, err := CopyTaken(ctx, e.store)
	if err != nil || taken.IsZero() {
		return err
	}
	e.log.Warn("the database is a restored copy: what was queued in it is ended and refunded, since it may have been sent after that", "taken", taken)
	ended := 0
	for after, more := AccountID(""), true; more; {
		var accounts []Account
		err := e.store.View(ctx, func(tx Tx) (err error) {
			accounts, err = tx.Accounts(after, restoreMany)
			return err
		})
		if err != nil {
			return fmt.Errorf("listing accounts: %w", err)
		}
		for _, a := range accounts {
			n, err := e.endQueued(ctx, a.ID, taken)
			if err != nil {
				return fmt.Errorf("ending what account %s had in the queue: %w", a.ID, err)
			}
			ended, after = ended+n, a.ID
		}
		more = len(accounts) == restoreMany
	}
	return e.update(ctx, func(c *change) error {
		if err := c.DeleteSetting(copySetting); err != nil {
			return err
		}
		return c.alert(Alert{Kind: AlertRestored, Count: ended, Detail: taken.In(e.cfg.Location).Format("2006-01-02 15:04 MST")})
	})
}

// restoreMany is how many accounts are read, and tasks ended, at once.
const restoreMany = 500

// endQueued ends the account's queued tasks that were in the copy.
func (e *Engine) endQueued(ctx context.Context, id AccountID, taken time.Time) (ended int, err error) {
	var open []TaskID
	err = e.store.View(ctx, func(tx Tx) (err error) {
		open, err = tx.OpenTasks(id)
		return err
	})
	for err == nil && len(open) > 0 {
		some := open[:min(len(open), restoreMany)]
		open = open[len(some):]
		n := 0
		err = e.update(ctx, func(c *change) error {
			n = 0
			for _, id := range some {
				t, err := c.Task(id)
				if err != nil {
					return err
				}
				if t.State != Queued || t.Created.After(taken) {
					continue
				}
				t.Failure = &Failure{Reason: FailRestored}
				if _, err := c.apply(&t, GiveUp); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		ended += n
	}
	return ended, err
}

// BackupFailed tells the operator that there is no new backup, and why: once an
// hour at most.
func (e *Engine) BackupFailed(ctx context.Context, why error) error {
	err := e.update(ctx, func(c *change) error {
		return c.alertSeldom(Alert{Kind: AlertBackup, Detail: why.Error()})
	})
	if err != nil {
		return fmt.Errorf("storing an alert: %w", err)
	}
	return nil
}
