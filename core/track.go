package core

import (
	"context"
	"strconv"
	"sync"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
)

// Kie's documentation ("Get Task Details") advises 2 to 3 seconds in the first
// half minute, then 5 to 10, then 15 to 30 after two minutes.
const (
	firstRead    = 2 * time.Second
	lostAfter    = time.Minute // an id that Kie does not know yet is normal for so long
	softDeadline = 15 * time.Minute
)

func readPace(age time.Duration) time.Duration {
	switch {
	case age < 30*time.Second:
		return 2500 * time.Millisecond
	case age < 2*time.Minute:
		return 7 * time.Second
	case age < softDeadline:
		return 20 * time.Second
	default:
		return time.Minute
	}
}

// hardDeadline is when a task that Kie still calls unfinished expires.
func hardDeadline(kind catalog.Kind) time.Duration {
	if kind == catalog.Image || kind == catalog.Speech {
		return time.Hour
	}
	return 3 * time.Hour
}

// trackLoop reads what is due from Kie, within the budget of reads. A stop
// cuts reads off: they are made again after the next start.
func (e *Engine) trackLoop(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	slots := make(chan struct{}, readersMax)
	for {
		id, ok := e.tracker.next(ctx)
		if !ok || e.reads.Wait(ctx) != nil {
			return // what was taken is still due in the store
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		under.Go(func() {
			defer func() { <-slots }()
			e.track(ctx, id)
		})
	}
}

// track does what is due for one task that was sent.
func (e *Engine) track(ctx context.Context, id TaskID) {
	task, err := e.load(ctx, id)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		e.log.Error("loading a task that is due", "task", id, "error", err)
		return
	}
	switch {
	case task.Due.IsZero():
	case task.State == Unresolved:
		err = e.graceOver(ctx, id)
	case !task.Kie.IsZero():
		err = e.read(ctx, task)
	}
	if err != nil {
		e.log.Error("following a task", "task", id, "error", err)
		e.tracker.put(id, e.cfg.Now().Add(time.Minute))
	}
}

// graceOver refunds a task that nobody claimed in time.
func (e *Engine) graceOver(ctx context.Context, id TaskID) error {
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Unresolved || t.Due.After(c.now) {
			return nil
		}
		t.Failure = &Failure{Reason: FailUnknown}
		c.e.log.Warn("an unresolved task was refunded; Kie may have charged for it", "task", id)
		_, err := c.apply(t, GraceOver)
		return err
	})
}

// read asks Kie and commits what has changed. A read that finds the task
// still running costs no commit.
func (e *Engine) read(ctx context.Context, task Task) error {
	readCtx, cancel := context.WithTimeout(ctx, readFor)
	status, err := e.cfg.Kie.Status(readCtx, task.Kie)
	cancel()
	now := e.cfg.Now()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return e.unread(ctx, task, err, now)
	}
	switch {
	case status.State == kie.Fail:
		return e.failed(ctx, task.ID, status)
	case status.State == kie.Success && len(status.Outputs) > 0:
		return e.succeeded(ctx, task.ID, status)
	case status.State == kie.Success:
		return e.empty(ctx, task.ID, status)
	}
	return e.unfinished(ctx, task, now)
}

// unread decides about a read that failed: an outage postpones, and only an
// answer that Kie does not know the task counts as one that says unfinished.
func (e *Engine) unread(ctx context.Context, task Task, err error, now time.Time) error {
	age := now.Sub(task.Started)
	if kie.KindOf(err) == kie.ErrNotFound {
		if age > lostAfter {
			e.log.Warn("Kie does not know a task that it named", "task", task.ID, "kie_task", task.Kie.TaskID, "error", err)
		}
		return e.unfinished(ctx, task, now)
	}
	e.log.Warn("reading a task failed; it will be read again", "task", task.ID, "error", err)
	e.tracker.put(task.ID, now.Add(max(readPace(age), 5*time.Second)))
	return nil
}

// unfinished plans the next read, or ends the task after the hard deadline.
func (e *Engine) unfinished(ctx context.Context, task Task, now time.Time) error {
	since := task.Started
	if task.State.Final() {
		since = task.Finished
	}
	age := now.Sub(since)
	if age < hardDeadline(e.kindOf(task)) {
		e.tracker.put(task.ID, now.Add(readPace(age)))
		e.courier.refresh(task, false)
		return nil
	}
	return e.changeTask(ctx, task.ID, func(c *change, t *Task) error {
		if t.State.Final() {
			t.Due = time.Time{}
			return c.putTask(*t)
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
	t.Late, t.OperatorLoss, t.Due = true, charged, time.Time{}
	c.e.log.Warn("a result came after the end: delivered free, an operator loss", "task", t.ID, "credits", charged.String())
	if err := c.putTask(*t); err != nil {
		return err
	}
	return c.tell(Delivery{Lane: t.Request.Origin.Lane, Lead: t.Lead(), Task: t.ID, Kind: DeliverLate})
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
		if t.State.Final() {
			t.Due = time.Time{}
			return c.putTask(*t)
		}
		t.OperatorLoss, _ = chargeOf(t, status)
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
		ours = append(ours, Output{URL: o.URL, Kind: o.Kind, Text: o.Text, Title: o.Title, Duration: o.Duration})
	}
	return ours
}

func codeText(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}
