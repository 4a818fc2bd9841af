package core

import (
	"context"
	"errors"
	"slices"
)

// resume takes up what was under way, of the duties that this replica has then.
// A task that was being created when the process died has an unknown outcome and
// is never sent again.
func (e *Engine) resume(ctx context.Context) error {
	if err := e.afterRestore(ctx); err != nil {
		return err
	}
	if _, err := e.callbackKey(ctx); err != nil {
		return err
	}
	if err := e.recallSettings(ctx); err != nil {
		return err
	}
	if err := e.spread(ctx); err != nil {
		return err
	}
	if e.posts.is(DutyChores) != away {
		return nil // then everything was listed
	}
	return e.takeUp(ctx, []Duty{dutyQueue})
}

// forgetPlans empties the schedules of a former run. What is stored from now on
// is planned, or listed: so it comes before there is a lease that it could be under.
func (e *Engine) forgetPlans() {
	e.creator.clear()
	e.uploads.clear()
	for _, a := range e.kies {
		a.tracker.clear()
	}
	e.graces.clear()
	e.clocks.clear()
}

// takeUp lists what waits under the duties and takes up what this replica is
// about to do. With the chores come the tasks of Kie accounts that nobody has,
// so that everything is listed.
func (e *Engine) takeUp(ctx context.Context, duties []Duty) error {
	missing := map[string]int{}
	switch unnamed := e.kieAccount(""); {
	case slices.Contains(duties, DutyChores):
		duties = nil
	case unnamed != nil && slices.Contains(duties, unnamed.post.duty): // it has the tasks of when there was one account
		duties = append(slices.Clone(duties), DutyOf(""))
	}
	for last := (Work{}); ; {
		some, err := e.store.Work(ctx, duties, last, workMany)
		if err != nil {
			return err
		}
		for _, w := range some {
			if w.State.atKie() && e.kieAccount(w.KieAccount) == nil {
				missing[w.KieAccount]++
			}
			if err := e.take(ctx, w); err != nil {
				return err
			}
			last = w
		}
		if len(some) < workMany {
			return e.tellOfRemoved(ctx, missing)
		}
	}
}

const workMany = 1000

// take takes up one piece of work, unless another replica does it, or this one
// did so before.
func (e *Engine) take(ctx context.Context, w Work) error {
	switch {
	case w.Delivery != 0:
		return e.takeDelivery(ctx, w)
	case w.State == Queued:
	case e.dutyFor(w.KieAccount) != coming:
		return nil
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
	if w.State == Queued && w.Account == "" { // stored by a version that did not need it
		t, err := e.load(ctx, w.Task)
		if err != nil {
			return err
		}
		w = t.Work()
	}
	e.recall(w)
	return nil
}

// dutyFor says how far this replica is in the duty of the Kie account. Who does
// the chores looks after those that are not configured.
func (e *Engine) dutyFor(kieAccount string) presence {
	if a := e.kieAccount(kieAccount); a != nil {
		return a.post.is()
	}
	return e.posts.is(DutyChores)
}

func (e *Engine) takeDelivery(ctx context.Context, w Work) error {
	if e.posts.is(w.Lane.Duty()) != coming {
		return nil
	}
	err := e.store.View(ctx, func(tx Tx) error {
		d, err := tx.Delivery(w.Delivery)
		if err == nil {
			e.courier.recall(d)
		}
		return err
	})
	if errors.Is(err, ErrNotFound) { // withdrawn since
		return nil
	}
	return err
}

// recall is plan for a task of which nothing but this is known, and that only
// news since it was listed can have put into a schedule. The rest is looked up when
// it is due, since a start may not take long for a million of them.
func (e *Engine) recall(w Work) {
	switch w.State {
	case Queued:
		e.creator.put(w.turn(), w.Due)
	case Unresolved:
		e.graces.put(w.Task, w.Due)
	default:
		if w.State == Running {
			e.recallClock(w.Task)
		}
		if a := e.kieAccount(w.KieAccount); a != nil { // else it was removed
			a.tracker.recall(w.Task, w.Due)
		}
	}
}
