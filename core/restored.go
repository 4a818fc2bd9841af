package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A copy of a store knows nothing of what happened after it was taken. When it
// takes the place of the store, what is queued in it may have been created at
// Kie since, and what was being created surely was asked for. A copy therefore
// carries a mark, and an engine that finds one sends none of these: the queued
// ones end, refunded and told so, and those being created become unresolved like
// after any kill. What ran is read from Kie as always. So a restored backup, by
// whatever means it got to its place, costs results, never a second payment.

// copySetting holds the mark. Nothing but a copy has it.
const copySetting = "copy"

// copyMark is what a copy knows of itself. The queued tasks are named: by the
// time of their acceptance they could not be told from new ones, should somebody
// have set the clock.
type copyMark struct {
	Taken  time.Time `json:"taken"`
	Queued []TaskID  `json:"queued,omitempty"`
}

// restoreMany is how many tasks are listed, or ended, at once.
const restoreMany = 500

// MarkCopy notes in a copy of a store that it is one, and when it was taken. A
// copy of a copy was taken when that was.
func MarkCopy(ctx context.Context, store Store, taken time.Time) error {
	err := store.Update(ctx, func(tx Tx) error {
		mark := copyMark{Taken: taken.UTC()}
		if _, err := settingJSON(tx, copySetting, &mark); err != nil {
			return err
		}
		mark.Queued = nil // there may be more by now
		for last, more := TaskID(""), true; more; {
			queued, err := tx.TasksIn(Queued, last, restoreMany)
			if err != nil {
				return err
			}
			mark.Queued = append(mark.Queued, queued...)
			if more = len(queued) == restoreMany; more {
				last = queued[restoreMany-1]
			}
		}
		data, err := json.Marshal(mark)
		if err != nil {
			return err
		}
		return tx.PutSetting(copySetting, data)
	})
	if err != nil {
		return fmt.Errorf("marking a copy: %w", err)
	}
	return nil
}

// CopyTaken is when the store was copied, zero when it is no copy, or an engine
// has run on it since.
func CopyTaken(ctx context.Context, store Store) (time.Time, error) {
	mark, err := readMark(ctx, store)
	return mark.Taken, err
}

func readMark(ctx context.Context, store Store) (mark copyMark, err error) {
	err = store.View(ctx, func(tx Tx) error {
		_, err := settingJSON(tx, copySetting, &mark)
		return err
	})
	if err != nil {
		return mark, fmt.Errorf("reading when it was copied: %w", err)
	}
	return mark, nil
}

// afterRestore ends what is queued in a restored copy, before anything is sent.
// It can be cut off at any point and is then done again.
func (e *Engine) afterRestore(ctx context.Context) error {
	mark, err := readMark(ctx, e.store)
	if err != nil || mark.Taken.IsZero() {
		return err
	}
	e.log.Warn("the database is a restored copy: what was queued in it is ended and refunded, since it may have been sent after that", "taken", mark.Taken, "tasks", len(mark.Queued))
	for some := range slices.Chunk(mark.Queued, restoreMany) {
		if err := e.update(ctx, func(c *change) error { return c.endQueued(some) }); err != nil {
			return fmt.Errorf("ending what was queued in a restored copy: %w", err)
		}
	}
	return e.update(ctx, func(c *change) error {
		if _, err := c.Setting(copySetting); errors.Is(err, ErrNotFound) {
			return nil // another replica was faster
		}
		if err := c.DeleteSetting(copySetting); err != nil {
			return err
		}
		return c.alert(Alert{Kind: AlertRestored, Count: len(mark.Queued), Detail: mark.Taken.In(e.cfg.Location).Format("2006-01-02 15:04 MST")})
	})
}

// endQueued ends those of the tasks that are still queued.
func (c *change) endQueued(ids []TaskID) error {
	for _, id := range ids {
		t, err := c.Task(id)
		if errors.Is(err, ErrNotFound) || err == nil && t.State != Queued {
			continue // ended by an earlier attempt, or canceled
		}
		if err != nil {
			return err
		}
		t.Failure = &Failure{Reason: FailRestored}
		if _, err := c.apply(&t, GiveUp); err != nil {
			return err
		}
	}
	return nil
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
