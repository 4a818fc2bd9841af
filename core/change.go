package core

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// change is one transaction of the engine, with what has to be told to its
// loops once it is committed.
type change struct {
	Tx
	e          *Engine
	now        time.Time
	tasks      []Task           // stored; their due work is scheduled
	deliveries []Delivery       // stored; their lanes are woken
	handed     []Delivery       // stored; they go to another lane
	progress   []Task           // what their chats show has changed
	settings   []string         // written
	stored     bool             // what was learned about durations is stored with it
	arrived    map[string]int64 // by Kie account: how many more tasks it has
	alerts     []Alert
	observed
}

// update commits fn and then, only then, wakes the loops. fn may run more than
// once. While the engine runs it is committed under its lease.
func (e *Engine) update(ctx context.Context, fn func(*change) error) error {
	for {
		lease := e.lease.Load()
		err := e.updateUnder(ctx, lease, fn)
		if !errors.Is(err, ErrLeaseLost) || e.lease.Load() == lease {
			return err
		}
	}
}

// write is update for what the loops need not know.
func (e *Engine) write(ctx context.Context, fn func(Tx) error) error {
	return e.update(ctx, func(c *change) error { return fn(c.Tx) })
}

func (e *Engine) updateUnder(ctx context.Context, lease *Lease, fn func(*change) error) error {
	var done change
	err := e.store.Update(ctx, func(tx Tx) error {
		e.courier.forget(done.deliveries) // of a run that did not count
		done = change{}
		if lease != nil {
			if err := tx.Guard(*lease); err != nil {
				return err
			}
		}
		c := change{Tx: tx, e: e, now: e.cfg.Now()}
		if err := fn(&c); err != nil {
			return err
		}
		if err := c.notify(); err != nil {
			return err
		}
		done = c
		e.courier.expect(c.deliveries)
		return nil
	})
	if err != nil {
		e.courier.forget(done.deliveries)
		return err
	}
	done.announce()
	return nil
}

func (c *change) announce() {
	if c.stored {
		c.e.learned.stored(c.now)
	}
	for name, more := range c.arrived {
		c.e.count(name, more)
	}
	for _, t := range c.tasks {
		c.e.plan(t)
	}
	for _, a := range c.alerts {
		c.e.announceAlert(a)
	}
	for _, d := range c.deliveries {
		c.e.courier.push(d)
	}
	for _, t := range c.progress {
		c.e.courier.refresh(progressOf(t), true)
	}
	c.observed.tell(c.e.cfg.Observer)
}

// plan puts the task's next step into the schedule of the loop that does it.
// Two commits at once may be planned in either order. An entry too many is
// harmless, since the record decides; one too few would be for ever.
func (e *Engine) plan(t Task) {
	e.clock(t)
	switch {
	case t.State == Creating:
		return // taken out when it left; what came of it may have been planned already
	case t.State == Queued && !t.Due.IsZero():
		e.creator.put(turnOf(t), t.Due)
		return
	}
	e.creator.drop(t.ID)
	if t.State == Unresolved {
		e.graces.put(t.ID, t.Due)
		return
	}
	e.graces.drop(t.ID)
	a := e.kieAccount(t.KieAccount)
	if a == nil || a.post.is() == away { // it waits in the store, for that account or for another replica
		return
	}
	tracker := a.tracker
	switch {
	case t.Due.IsZero():
		tracker.drop(t.ID)
	case readByExpectation(t):
		tracker.follow(t.ID, e.watch(t))
	default:
		tracker.put(t.ID, t.Due)
	}
}

func (c *change) putTask(t Task) error {
	c.tasks = append(c.tasks, t)
	return c.PutTask(t)
}

// apply feeds the event to the state machine and books, stamps and tells what
// the table says, in this transaction. The caller has filled in what the event
// brought: Kie, Outputs, Failure, Charged, Due.
func (c *change) apply(t *Task, on Event) (Verdict, error) {
	move, verdict := Decide(t.State, on)
	if verdict == Impossible {
		return verdict, fmt.Errorf("task %s: event %q cannot happen in state %q", t.ID, on, t.State)
	}
	if verdict == Ignored {
		return verdict, nil
	}
	was := t.State
	c.arrive(t.KieAccount, was, move.To)
	t.State = move.To
	c.stamp(t)
	if err := c.book(t, move.Money); err != nil {
		return verdict, err
	}
	if err := c.putTask(*t); err != nil {
		return verdict, err
	}
	c.moved(t, was)
	return verdict, c.tellOf(t, move.Tell)
}

// arrive counts how many tasks a Kie account has.
func (c *change) arrive(kieAccount string, from, to State) {
	if from.atKie() == to.atKie() {
		return
	}
	if c.arrived == nil {
		c.arrived = map[string]int64{}
	}
	if to.atKie() {
		c.arrived[kieAccount]++
	} else {
		c.arrived[kieAccount]--
	}
}

// stamp notes the time of the new state.
func (c *change) stamp(t *Task) {
	switch {
	case t.State == Creating:
		t.Sent, t.Due = c.now, c.now
	case t.State == Unresolved:
		t.Due = c.now.Add(c.e.cfg.Grace)
	case t.State == Running:
		t.Started, t.Attempts, t.Waiting = c.now, 0, ""
		t.Due = c.now
		if tracker := c.e.trackerOf(*t); tracker != nil {
			t.Due = tracker.first(c.e.watch(*t))
		}
	case t.State.Final():
		t.Finished, t.Due, t.Attempts, t.Waiting = c.now, time.Time{}, 0, ""
		if t.State == Expired {
			t.lookBack(c.now)
		}
	}
}

// tellOf stores the delivery that a transition causes.
func (c *change) tellOf(t *Task, what Tell) error {
	switch what {
	case TellProgress:
		c.progress = append(c.progress, *t)
	case TellNotice:
		return c.tell(Delivery{Lane: t.Lane(), Lead: t.Lead(), Task: t.ID, Kind: DeliverNotice})
	case TellFinal:
		return c.tellFinal(t)
	}
	return nil
}

// tellFinal stores the final delivery when the batch's last task has ended.
func (c *change) tellFinal(t *Task) error {
	tasks, err := batch(c.Tx, *t)
	if err != nil {
		return err
	}
	if !allFinal(tasks) {
		c.progress = append(c.progress, *t)
		return nil
	}
	return c.tell(Delivery{Lane: t.Lane(), Lead: t.Lead(), Kind: DeliverFinal})
}

func (c *change) tell(d Delivery) error {
	d.Created = c.now
	id, err := c.AddDelivery(d)
	if err != nil {
		return err
	}
	d.ID = id
	c.deliveries = append(c.deliveries, d)
	return nil
}

// load reads the task for a loop that looks at it.
func (e *Engine) load(ctx context.Context, id TaskID) (task Task, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		task, err = tx.Task(id)
		return err
	})
	return task, err
}

// changeTask loads the task and lets fn work on it; nothing is done when the task is gone.
func (e *Engine) changeTask(ctx context.Context, id TaskID, fn func(*change, *Task) error) error {
	err := e.update(context.WithoutCancel(ctx), func(c *change) error {
		t, err := c.Task(id)
		if err != nil {
			return err
		}
		return fn(c, &t)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
