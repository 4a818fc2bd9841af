package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ReasonUnderWay refuses to forget somebody of whom something is still under
// way: it is paid for, and its result would be lost. Refusal.Task is one of it.
const ReasonUnderWay Reason = "under_way"

// forgetMany bounds the tasks that one commit forgets, but for what is left of
// the last one's batch.
const forgetMany = 100

// Forgotten is what Forget did, and what it left.
type Forgotten struct {
	Tasks     int     // forgotten, with their files
	Left      Credits // that were granted or bought and remain the person's
	Purchases int     // that are still known
	Blocked   bool    // and so still known
}

// Forget deletes what is kept about the person and about everybody that the
// person is linked with: requests with their words and results, the fetched
// files, what was begun and not asked for, what was chosen, and every reason in
// the ledger. It says who asked for it in the audit log.
//
// What money and order need stays: the account with its identities, limits,
// credits, block and the use of its windows, or that a stranger was turned down;
// the ledger's amounts; purchases, which can be paid back; and the audit log.
// Of somebody with a task that is not over, or that is still to be shown,
// nothing is deleted, and a *Refusal with ReasonUnderWay says so.
//
// It commits a bounded part at a time. When it ends early, also because of what
// was asked for meanwhile, it can be called again, and goes on where it stopped.
func (e *Engine) Forget(ctx context.Context, act Act, who Identity) (Forgotten, error) {
	var done Forgotten
	if err := act.check(); err != nil {
		return done, err
	}
	var waiting backlog
	if err := e.view(ctx, func(tx Tx) error { return checkOver(ctx, tx, who, &waiting) }); err != nil {
		return done, unavailable(err)
	}
	for {
		n, err := e.forgetTasks(ctx, who, &waiting)
		done.Tasks += n
		if err != nil {
			return done, unavailable(err)
		}
		if n > 0 {
			continue
		}
		if err := e.forgetReasons(ctx, who, &done); err != nil {
			return done, unavailable(err)
		}
		err = e.act(ctx, act, "forget", who.String(), func(c *change) (string, error) { return "", c.forgetRest(who, &done) })
		if !errors.Is(err, errMoreToForget) {
			return done, err
		}
	}
}

// Keeps is for how long finished tasks are kept from when they were shown, and
// fetched media from its last use.
func (e *Engine) Keeps() (tasks, media time.Duration) {
	return e.cfg.Retention, e.cfg.MediaKept.Retention
}

// errMoreToForget says that something was asked for meanwhile.
var errMoreToForget = errors.New("core: there are new tasks to forget")

// checkOver refuses when something of the person is under way.
func checkOver(ctx context.Context, tx Tx, who Identity, waiting *backlog) error {
	account, err := accountOrNone(tx, who)
	if err != nil || account.ID == "" {
		return err
	}
	if err := waiting.read(tx); err != nil {
		return err
	}
	tasks := pages(ctx, func(last Task) ([]Task, error) { return tasksOf(tx, account, last.ID, verifyMany) })
	for t, err := range tasks {
		if err != nil {
			return err
		}
		if !isOver(t) || waiting.leads[t.Lead()] {
			return &Refusal{Reason: ReasonUnderWay, Task: t.ID}
		}
	}
	return nil
}

// forgetTasks deletes a page of the person's batches, each whole, with their
// files on this disk, and says how many tasks that were. The files go first: what
// is left of a task without files is found again. Other replicas remove theirs
// when they hear of the commit.
func (e *Engine) forgetTasks(ctx context.Context, who Identity, waiting *backlog) (int, error) {
	var page []Task
	err := e.view(ctx, func(tx Tx) (err error) {
		page, err = newestBatches(tx, who)
		return err
	})
	if err != nil {
		return 0, err
	}
	var ids []TaskID
	var keys []string // of the files that there may be
	for _, t := range page {
		ids = append(ids, t.ID)
		for n := range t.Outputs {
			keys = append(keys, mediaKey(t.ID, n), mediaKey(t.ID, n)+mediaCover)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	if err := e.removeFiles(keys); err != nil {
		return 0, fmt.Errorf("removing the files of what is forgotten: %w", err)
	}
	said, err := json.Marshal(keys)
	if err != nil {
		return 0, err
	}
	err = e.write(ctx, func(tx Tx) error {
		if err := waiting.read(tx); err != nil {
			return err
		}
		stay, err := pruneBatches(tx, ids, isOver, *waiting)
		if err == nil && len(stay) > 0 {
			err = &Refusal{Reason: ReasonUnderWay, Task: stay[0]}
		}
		if err != nil {
			return err
		}
		return say(tx, filesTopic, said)
	})
	if err != nil {
		return 0, err
	}
	return len(ids), nil
}

// newestBatches lists the tasks of the person's newest batches.
func newestBatches(tx Tx, who Identity) ([]Task, error) {
	account, err := accountOrNone(tx, who)
	if err != nil || account.ID == "" {
		return nil, err
	}
	newest, err := tasksOf(tx, account, "", forgetMany)
	if err != nil {
		return nil, err
	}
	var page []Task
	read := map[TaskID]bool{}
	for _, t := range newest {
		if read[t.Lead()] {
			continue
		}
		read[t.Lead()] = true
		tasks, err := batch(tx, t)
		if err != nil {
			return nil, err
		}
		page = append(page, tasks...)
	}
	return page, nil
}

// forgetReasons deletes what the ledger of the person says in words, but for
// what names a payment.
func (e *Engine) forgetReasons(ctx context.Context, who Identity, done *Forgotten) error {
	var account Account
	err := e.view(ctx, func(tx Tx) (err error) {
		account, err = accountOrNone(tx, who)
		return err
	})
	if err != nil || account.ID == "" {
		return err
	}
	done.Purchases = 0
	for _, id := range account.ids() {
		if err := e.silenceLedger(ctx, id, done); err != nil {
			return err
		}
	}
	return nil
}

// silenceLedger does that for one account, and counts its purchases.
func (e *Engine) silenceLedger(ctx context.Context, id AccountID, done *Forgotten) error {
	for after := uint64(0); ; {
		var page []Entry
		err := e.write(ctx, func(tx Tx) (err error) {
			if page, err = tx.Entries(id, after, pruneMany); err != nil {
				return err
			}
			for _, entry := range page {
				if err := wordless(tx, entry); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, entry := range page {
			if after = entry.Seq; entry.Kind == EntryBuy {
				done.Purchases++
			}
		}
		if len(page) < pruneMany {
			return nil
		}
	}
}

// wordless stores the entry without its words.
func wordless(tx Tx, entry Entry) error {
	if entry.Kind == EntryBuy || entry.Kind == EntryPayback || entry.Why == "" && entry.By == "" {
		return nil
	}
	entry.Why, entry.By = "", ""
	return tx.PutEntry(entry)
}

// forgetRest deletes what is left when there are no tasks, and makes the
// account one that nothing was chosen for.
func (c *change) forgetRest(who Identity, done *Forgotten) error {
	account, err := accountOrNone(c.Tx, who)
	if err != nil {
		return err
	}
	people := []Identity{who}
	if account.ID != "" {
		people = account.Identities
		left, err := tasksOf(c.Tx, account, "", 1)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return errMoreToForget
		}
		usage, err := c.Usage(grantedWindow(account.ID))
		if err != nil {
			return err
		}
		done.Left, _ = grantedOf(usage)
		done.Blocked = account.Blocked != nil
		account.Settings = PersonSettings{}
		if err := c.PutAccount(account); err != nil {
			return err
		}
	}
	for _, id := range account.ids() {
		if err := c.withdrawLink(id); err != nil {
			return err
		}
	}
	for _, one := range people {
		if err := errors.Join(c.DeleteSetting(draftSetting(one)), c.DeleteSetting(questionSetting(one)), c.DeleteSetting(guessSetting(one))); err != nil {
			return err
		}
	}
	return c.forgetAlerts(people)
}

// forgetAlerts drops what waits to be told to the operator about the people.
func (c *change) forgetAlerts(people []Identity) error {
	var box outbox
	if known, err := settingJSON(c.Tx, alertsSetting, &box); err != nil || !known {
		return err
	}
	box.Alerts = slices.DeleteFunc(box.Alerts, func(a Alert) bool { return slices.Contains(people, a.Who) })
	return c.putJSON(alertsSetting, box)
}
