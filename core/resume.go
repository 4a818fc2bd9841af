package core

import (
	"context"
	"errors"
	"time"
)

// resume claims everything that was under way. A task that was being created
// when the process died has an unknown outcome and is never sent again.
func (e *Engine) resume(ctx context.Context) error {
	if err := e.afterRestore(ctx); err != nil {
		return err
	}
	if _, err := e.callbackKey(ctx); err != nil {
		return err
	}
	if err := e.recallDurations(ctx); err != nil {
		return err
	}
	if err := errors.Join(e.recallPause(ctx), e.recallRules(ctx)); err != nil {
		return err
	}
	if err := e.store.View(ctx, func(tx Tx) error { return e.recallAccounts(tx, true) }); err != nil {
		return err
	}
	for _, a := range e.kies {
		a.atKie.Store(0)
	}
	return e.claim(ctx)
}

// forgetPlans empties the schedules of a former run. What is stored from now on
// is planned, or claimed: so it comes before there is a lease that it could be under.
func (e *Engine) forgetPlans() {
	e.creator.clear()
	e.uploads.clear()
	for _, a := range e.kies {
		a.tracker.clear()
	}
	e.graces.clear()
	e.clocks.clear()
}

// claimLoop takes up what others leave: replicas that died or stopped.
func (e *Engine) claimLoop(ctx context.Context) {
	for failed := 0; ; {
		e.store.Await(ctx)
		if ctx.Err() != nil {
			return
		}
		err := e.claim(ctx)
		if err == nil {
			failed = 0
			continue
		}
		if ctx.Err() == nil {
			e.log.Error("taking up what another replica left", "error", err)
		}
		failed++
		select {
		case <-time.After(backoff(failed, time.Second, maxBackoff)):
		case <-ctx.Done():
		}
	}
}

// claim takes up all work that nobody does.
func (e *Engine) claim(ctx context.Context) error {
	missing := map[string]int{}
	for {
		work, err := e.store.Claim(ctx, *e.lease.Load(), claimMany)
		if err != nil {
			return err
		}
		if len(work) == 0 {
			return e.tellOfRemoved(ctx, missing)
		}
		for _, w := range work {
			if w.State.atKie() && e.kieAccount(w.KieAccount) == nil {
				missing[w.KieAccount]++
			}
			if err := e.take(ctx, w); err != nil {
				return err
			}
		}
	}
}

const claimMany = 1000

func (e *Engine) take(ctx context.Context, w Work) error {
	if w.Delivery != 0 {
		return e.store.View(ctx, func(tx Tx) error {
			d, err := tx.Delivery(w.Delivery)
			if err == nil {
				e.courier.recall(d)
			}
			return err
		})
	}
	if w.State.atKie() {
		e.count(w.KieAccount, 1)
	}
	if w.State == Creating {
		return e.changeTask(ctx, w.Task, func(c *change, t *Task) error {
			if t.State != Creating {
				return nil
			}
			_, err := c.apply(t, Lost)
			return err
		})
	}
	t := Task{ID: w.Task, State: w.State, Due: w.Due, Account: w.Account, KieAccount: w.KieAccount}
	if w.State == Queued && w.Account == "" { // stored by a version that did not need it
		var err error
		if t, err = e.load(ctx, w.Task); err != nil {
			return err
		}
	}
	e.recall(t)
	return nil
}

// recall is plan for a task of which nothing but this is known, and that only
// news since the claim can have put into a schedule. The rest is looked up when
// it is due, since a start may not take long for a million of them.
func (e *Engine) recall(t Task) {
	switch t.State {
	case Queued:
		e.creator.put(turnOf(t), t.Due)
	case Unresolved:
		e.graces.put(t.ID, t.Due)
	default:
		if t.State == Running {
			e.recallClock(t.ID)
		}
		if tracker := e.trackerOf(t); tracker != nil { // else its Kie account was removed
			tracker.recall(t.ID, t.Due)
		}
	}
}
