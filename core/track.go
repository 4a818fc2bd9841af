package core

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
)

const (
	lostAfter  = time.Minute     // an id that Kie does not know yet is normal for so long
	firstRetry = 5 * time.Second // after a read that failed
	closeReads = 4               // part of its age within which two reads tell when a task ended
)

// trackLoop reads from one Kie account what its tracker says, within the
// budget of reads. A stop cuts reads off: they are made again after the next start.
func (e *Engine) trackLoop(ctx context.Context, a *kieAccount) {
	var under sync.WaitGroup
	defer under.Wait()
	for {
		if a.tracker.reads.acquire(ctx) != nil {
			return
		}
		l, ok := a.tracker.next(ctx)
		if !ok {
			a.tracker.reads.refund()
			a.tracker.reads.release()
			return // what was taken is still due in the store
		}
		under.Go(func() {
			defer a.tracker.reads.release()
			e.track(ctx, a, l)
		})
	}
}

// graceLoop ends the grace time of unresolved tasks.
func (e *Engine) graceLoop(ctx context.Context) {
	for {
		id, ok := e.graces.next(ctx)
		if !ok {
			return
		}
		if err := e.graceOver(ctx, id); err != nil {
			e.log.Error("refunding an unresolved task", "task", id, "error", err)
			e.graces.put(id, e.cfg.Now().Add(storePause))
		}
	}
}

// readByExpectation reports whether nothing but the model's usual duration
// says when to read the task.
func readByExpectation(t Task) bool {
	return t.State == Running && t.EmptyAt.IsZero() && !t.Started.IsZero() && !t.Due.Equal(urgent())
}

// watch is what the tracker needs to know of a task that Kie has.
func (e *Engine) watch(t Task) watch {
	return watch{since: t.Started.UnixNano(), model: e.learned.number(t.Request.Model, e.kindOf(t)), heard: t.Due.Equal(urgent())}
}

// track does what is due for one task that the Kie account has.
func (e *Engine) track(ctx context.Context, a *kieAccount, l look) {
	task, err := e.load(ctx, l.id)
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, ErrNotFound) {
		a.tracker.reads.refund()
		return
	}
	if err != nil {
		e.log.Error("loading a task that is due", "task", l.id, "error", err)
		a.tracker.again(l, e.cfg.Now().Add(storePause))
		return
	}
	if task.Due.IsZero() || task.Kie.IsZero() || task.State == Unresolved || e.trackerOf(task) != a.tracker {
		a.tracker.reads.refund()
		return
	}
	if l.since == 0 { // recalled after a restart
		e.clock(task)
	}
	if w := e.watch(task); l.since == 0 && readByExpectation(task) && !a.tracker.worthwhile(w, e.cfg.Now()) {
		a.tracker.reads.refund() // it is too early for its model
		a.tracker.follow(l.id, w)
		return
	}
	if err := e.read(ctx, a, task, l); err != nil {
		e.log.Error("following a task", "task", l.id, "error", err)
		a.tracker.again(l, e.cfg.Now().Add(storePause))
	}
}

// graceOver refunds a task that nobody claimed in time.
func (e *Engine) graceOver(ctx context.Context, id TaskID) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Unresolved || t.Due.After(c.now) {
			return nil
		}
		t.Failure = &Failure{Reason: FailUnknown}
		if err := c.alert(Alert{Kind: AlertUnresolved, Task: id, KieAccount: t.KieAccount, Credits: t.Hold.Amount}); err != nil {
			return err
		}
		_, err := c.apply(t, GraceOver)
		return err
	})
}

// read asks Kie and commits what has changed. A read that finds the task
// still running costs no commit.
func (e *Engine) read(ctx context.Context, a *kieAccount, task Task, l look) error {
	status, err := a.read(withTask(ctx, task.ID), task.Kie)
	now := e.cfg.Now()
	if ctx.Err() != nil {
		return nil
	}
	if task.KieAccount == "" && kie.KindOf(err) == kie.ErrNotFound {
		if other := e.whoHas(ctx, task.Kie, a); other != nil {
			return e.foundAt(ctx, task.ID, other)
		}
	}
	if err != nil {
		return e.unread(ctx, a, task, l, err, now)
	}
	switch {
	case status.State == kie.Fail:
		return e.failed(ctx, task.ID, status)
	case status.State == kie.Success && len(status.Outputs) > 0:
		e.learn(task, l, status, now)
		return e.succeeded(ctx, task.ID, status)
	case status.State == kie.Success:
		return e.empty(ctx, task.ID, status)
	}
	return e.unfinished(ctx, a, task, l, now)
}

// foundAt notes which Kie account has a task of which that was not known, and
// has it read there.
func (e *Engine) foundAt(ctx context.Context, id TaskID, a *kieAccount) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.KieAccount != "" || t.Due.IsZero() {
			return nil
		}
		c.arrive(t.KieAccount, t.State, Queued)
		c.arrive(a.name, Queued, t.State)
		t.KieAccount, t.Due = a.name, urgent()
		return c.putTask(*t)
	})
}

// unread decides about a read that failed: an outage postpones, the longer it
// lasts the further, and only an answer that Kie does not know the task
// counts as one that says unfinished.
func (e *Engine) unread(ctx context.Context, a *kieAccount, task Task, l look, err error, now time.Time) error {
	age := now.Sub(task.Started)
	if kie.KindOf(err) == kie.ErrNotFound {
		if age > lostAfter {
			e.log.Warn("Kie does not know a task that it named", "task", task.ID, "kie_task", task.Kie.TaskID, "error", err)
		}
		return e.unfinished(ctx, a, task, l, now)
	}
	e.log.Warn("reading a task failed; it will be read again", "task", task.ID, "error", err)
	unread := age - seconds(l.lastAge())
	a.tracker.again(l, now.Add(min(max(unread/4, firstRetry), slowGap)))
	return nil
}

// unfinished plans the next read, tells the person once after the soft
// deadline, and ends the task after the hard one; an ended one is looked back at.
func (e *Engine) unfinished(ctx context.Context, a *kieAccount, task Task, l look, now time.Time) error {
	if task.State.Final() {
		return e.stillUnfinished(ctx, task)
	}
	w := e.watch(task)
	w.heard = w.heard || l.heard
	age := max(now.Sub(w.began()), 0)
	limits := deadlinesOf(e.kindOf(task))
	if age >= limits.hard {
		return e.expire(ctx, task.ID)
	}
	if age >= limits.soft && task.Overdue.IsZero() {
		if err := e.overdue(ctx, task.ID); err != nil {
			return err
		}
	}
	w.last = uint32(age.Milliseconds())
	a.tracker.follow(task.ID, w)
	return nil
}

// overdue tells the person that it takes longer than it should.
func (e *Engine) overdue(ctx context.Context, id TaskID) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Running || !t.Overdue.IsZero() {
			return nil
		}
		t.Overdue = c.now
		if err := c.PutTask(*t); err != nil {
			return err
		}
		return c.tell(Delivery{Lane: t.Lane(), Lead: t.Lead(), Task: t.ID, Kind: DeliverNotice})
	})
}

// stillUnfinished plans the next look back at a task that has ended here and not at Kie.
func (e *Engine) stillUnfinished(ctx context.Context, read Task) error {
	return e.changeTask(ctx, read.ID, func(c *change, t *Task) error {
		if !t.Due.Equal(read.Due) { // a callback came meanwhile
			return nil
		}
		t.lookBack(c.now)
		return c.putTask(*t)
	})
}

// expire ends a task that a read past the hard deadline found unfinished.
func (e *Engine) expire(ctx context.Context, id TaskID) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State.Final() {
			return nil
		}
		t.Failure = &Failure{Reason: FailLate}
		_, err := c.apply(t, Deadline)
		return err
	})
}

func (e *Engine) kindOf(task Task) catalog.Kind {
	model, err := e.cfg.Catalog.Lookup(task.Request.Model)
	if err != nil {
		return catalog.Video
	}
	return model.Kind
}

// learn counts how long the task took: by Kie's clock, and where that is
// silent by ours, half-way between the last two reads if they are close.
func (e *Engine) learn(task Task, l look, status kie.Status, now time.Time) {
	if task.State != Running {
		return
	}
	took := status.Completed.Sub(status.Created)
	if status.Created.IsZero() || status.Completed.IsZero() {
		age, last := now.Sub(task.Started), seconds(l.lastAge())
		if l.last == 0 || (age-last)*closeReads > age {
			return
		}
		took = (age + last) / 2
	}
	if kind := e.kindOf(task); took > 0 && took <= deadlinesOf(kind).hard {
		e.learned.learn(task.Request.Model, kind, took)
	}
}

// storeDurations stores what was learned along with this change, now and then.
func (c *change) storeDurations() error {
	if !c.e.learned.unstored(c.now) {
		return nil
	}
	value, err := c.e.learned.encode()
	if err != nil {
		return err
	}
	c.stored = true
	return c.PutSetting(durationsSetting, value)
}

// recallDurations loads what was learned before. Losing it costs some reads, so nothing stops for it.
func (e *Engine) recallDurations(ctx context.Context) error {
	var value []byte
	err := e.store.View(ctx, func(tx Tx) (err error) {
		value, err = tx.Setting(durationsSetting)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("loading what was learned about durations: %w", err)
	}
	if err := e.learned.decode(value); err != nil {
		e.log.Error("what was learned about durations cannot be read; it is learned anew", "error", err)
	}
	return nil
}

func (e *Engine) failed(ctx context.Context, id TaskID, status kie.Status) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State.Final() {
			t.Due = time.Time{}
			return c.putTask(*t)
		}
		t.Failure = &Failure{Reason: FailKie}
		if status.Failure != nil {
			t.Failure.Code, t.Failure.Message = status.Failure.Code, status.Failure.Message
		}
		_, err := c.apply(t, Fail)
		return err
	})
}

func (e *Engine) succeeded(ctx context.Context, id TaskID, status kie.Status) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State == Succeeded || t.Late {
			return nil
		}
		if err := c.storeDurations(); err != nil {
			return err
		}
		t.Outputs = outputsOf(status.Outputs)
		charged, reported := chargeOf(t, status)
		if t.State.Final() {
			return c.late(t, charged)
		}
		t.Charged, t.Estimated = charged, !reported
		_, err := c.apply(t, Success)
		return err
	})
}

// late delivers what came after the end: free, once, and as an operator loss.
func (c *change) late(t *Task, charged Credits) error {
	t.Late, t.Due = true, time.Time{}
	if err := c.loss(t, t.Kie, charged, "a result after the end"); err != nil {
		return err
	}
	c.e.log.Warn("a result came after the end: delivered free, an operator loss", "task", t.ID, "credits", charged.String())
	if err := c.putTask(*t); err != nil {
		return err
	}
	return c.tell(Delivery{Lane: t.Lane(), Lead: t.Lead(), Task: t.ID, Kind: DeliverLate})
}

// empty reads a success without outputs again for two minutes.
func (e *Engine) empty(ctx context.Context, id TaskID, status kie.Status) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.EmptyAt.IsZero() {
			t.EmptyAt = c.now
		}
		if c.now.Sub(t.EmptyAt) < emptyFor {
			t.Due = c.now.Add(5 * time.Second)
			return c.putTask(*t)
		}
		charged, _ := chargeOf(t, status)
		if err := c.loss(t, t.Kie, charged, "a success without outputs"); err != nil {
			return err
		}
		if t.State.Final() {
			t.Due = time.Time{}
			return c.putTask(*t)
		}
		t.Failure = &Failure{Reason: FailEmpty}
		c.e.log.Warn("a success without outputs was refunded: an operator loss", "task", id, "credits", t.OperatorLoss.String())
		_, err := c.apply(t, Empty)
		return err
	})
}

// chargeOf is what Kie consumed; where it reports nothing, the hold.
func chargeOf(t *Task, status kie.Status) (Credits, bool) {
	if status.Credits == nil || *status.Credits < 0 {
		return t.Hold.Amount, false
	}
	return Credits(*status.Credits), true
}

func outputsOf(outputs []kie.Output) []Output {
	ours := make([]Output, 0, len(outputs))
	for _, o := range outputs {
		out := Output{URL: o.URL, Kind: o.Kind, Text: o.Text, Title: o.Title, Duration: o.Duration}
		if o.Kind == kie.KindAudio || o.Kind == kie.KindVideo {
			out.CoverURL = o.CoverURL
		}
		ours = append(ours, out)
	}
	return ours
}

func codeText(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
