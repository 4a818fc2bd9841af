package core

import (
	"context"
	"errors"
	"sync"
	"time"

	"kiebot/kie"
)

// gate holds creations back while the operator's key is refused or has no
// credits. One task at a time is let through to see whether that has changed.
type gate struct {
	mu     sync.Mutex
	reason Reason
	retry  time.Time
}

// pass lets the caller through, or says why and until when not.
func (g *gate) pass(now time.Time) (Reason, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == "" {
		return "", time.Time{}
	}
	if !now.Before(g.retry) {
		g.retry = now.Add(keyPark)
		return "", time.Time{}
	}
	return g.reason, g.retry
}

// state says why and until when the gate is closed; an empty reason means open.
func (g *gate) state() (Reason, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason, g.retry
}

// set closes the gate, or opens it with an empty reason. It reports whether that is a change.
func (g *gate) set(reason Reason, retry time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := g.reason != reason
	g.reason, g.retry = reason, retry
	return changed
}

// createLoop takes queued tasks in order of acceptance. A task leaves for Kie
// only with a slot of the limiter in hand, taken before creating is
// committed, so that a crash while waiting for the limiter costs nothing.
//
// A task with files first gives them to Kie; that takes no slot.
func (e *Engine) createLoop(ctx, work context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	uploads := make(chan struct{}, uploadsMax)
	for {
		id, ok := e.creator.next(ctx)
		if !ok {
			return
		}
		if reason, retry := e.gate.pass(e.cfg.Now()); reason != "" {
			e.postpone(work, id, reason, retry)
			continue
		}
		if e.needsFiles(ctx, id) {
			under.Go(func() {
				uploads <- struct{}{}
				defer func() { <-uploads }()
				e.prepare(ctx, id)
			})
			continue
		}
		release, err := e.slots.Acquire(ctx)
		if err != nil {
			return // stopping; the task is still queued
		}
		under.Go(func() {
			defer release()
			e.create(work, id)
		})
	}
}

// postpone lets the task wait for a usable key, for an hour at most.
func (e *Engine) postpone(ctx context.Context, id TaskID, reason Reason, retry time.Time) {
	err := e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Queued {
			return nil
		}
		patience := t.Created.Add(KeyPatience)
		if !c.now.Before(patience) {
			t.Failure = &Failure{Reason: reason}
			_, err := c.apply(t, GiveUp)
			return err
		}
		t.Due = earlier(retry, patience)
		if t.Waiting != reason {
			t.Waiting = reason
			c.progress = append(c.progress, *t)
		}
		return c.putTask(*t)
	})
	if err != nil {
		e.log.Error("postponing a task", "task", id, "error", err)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// create commits creating, asks Kie, and commits what came of it.
func (e *Engine) create(ctx context.Context, id TaskID) {
	var task Task
	sent := false
	err := e.changeTask(ctx, id, func(c *change, t *Task) error {
		sent = false
		if t.State != Queued {
			return nil
		}
		_, err := c.apply(t, Send)
		task, sent = *t, true
		return err
	})
	if err != nil {
		e.log.Error("sending a task", "task", id, "error", err)
		return
	}
	if !sent {
		return
	}
	reqCtx, cancel := context.WithTimeout(ctx, createFor)
	ref, createErr := e.cfg.Kie.Create(reqCtx, e.createRequest(task))
	cancel()
	if err := e.created(ctx, id, ref, createErr); err != nil {
		// The record says creating: the next start makes it unresolved.
		e.log.Error("storing the answer to createTask", "task", id, "kie_task", ref.TaskID, "error", err)
	}
}

// createRequest is what goes to Kie for the task.
func (e *Engine) createRequest(t Task) kie.CreateRequest {
	req := kie.CreateRequest{Endpoint: kie.Jobs, Model: t.Request.Model, Input: inputOf(t.Request), CallbackURL: e.callbackURL(t.ID)}
	if model, err := e.cfg.Catalog.Lookup(t.Request.Model); err == nil {
		req.Endpoint, req.Model = kie.Endpoint(model.Endpoint), model.ModelValue
	}
	if info, ok := req.Endpoint.Info(); ok && info.Callback && req.CallbackURL == "" {
		req.CallbackURL = noCallback
	}
	return req
}

// noCallback is given to the endpoints that insist on a callback address when
// there is none: the result is read in any case.
const noCallback = "https://callback.invalid/"

// created commits the outcome of createTask.
func (e *Engine) created(ctx context.Context, id TaskID, ref kie.Ref, createErr error) error {
	e.adjustGate(id, createErr)
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		switch on := eventOf(createErr); on {
		case Created:
			return c.adopt(t, ref, Created)
		case NotTaken:
			return c.requeue(t, createErr)
		case Refused:
			t.Failure = failureOf(createErr)
			_, err := c.apply(t, on)
			return err
		default:
			e.log.Warn("the outcome of createTask is unknown; it is not sent again", "task", id, "error", createErr)
			_, err := c.apply(t, on)
			return err
		}
	})
}

// eventOf translates the outcome of createTask. Only what surely was not
// taken may be sent again.
func eventOf(err error) Event {
	if err == nil {
		return Created
	}
	switch kie.KindOf(err) {
	case kie.ErrRate, kie.ErrMaintenance, kie.ErrTemporary, kie.ErrAuth, kie.ErrCredits:
		return NotTaken
	case kie.ErrInvalid, kie.ErrNotFound, kie.ErrRefused:
		return Refused
	default:
		return Lost
	}
}

// waitingFor says why a task that Kie did not take waits.
func waitingFor(err error) Reason {
	switch kie.KindOf(err) {
	case kie.ErrAuth:
		return FailKey
	case kie.ErrCredits:
		return FailNoCredits
	case kie.ErrMaintenance:
		return FailUpkeep
	case kie.ErrRate:
		return WaitBusy
	default:
		return FailAway
	}
}

// adjustGate closes the gate when the key cannot be used and opens it when it can.
func (e *Engine) adjustGate(id TaskID, createErr error) {
	reason := Reason("")
	if createErr != nil {
		switch kie.KindOf(createErr) {
		case kie.ErrAuth, kie.ErrCredits:
			reason = waitingFor(createErr)
		case kie.ErrInvalid, kie.ErrNotFound, kie.ErrRefused: // an answer that only a good key gets
		default:
			return
		}
	}
	if !e.gate.set(reason, e.cfg.Now().Add(keyPark)) {
		return
	}
	if reason != "" {
		e.log.Error("creations are paused", "reason", reason, "task", id, "error", createErr)
		return
	}
	e.log.Info("creations go on")
	e.creator.hurry()
}

func failureOf(err error) *Failure {
	f := &Failure{Reason: FailRefused}
	var kieErr *kie.Error
	if errors.As(err, &kieErr) {
		f.Code, f.Message = codeText(kieErr.Code), kieErr.Message
	}
	return f
}

// adopt notes Kie's id for the task: by the answer to createTask or by a callback.
func (c *change) adopt(t *Task, ref kie.Ref, on Event) error {
	if !t.Kie.IsZero() && t.Kie != ref {
		c.e.log.Error("two Kie tasks for one task: the second is an operator loss",
			"task", t.ID, "kie_task", t.Kie.TaskID, "second", ref.TaskID)
		if err := c.loss(t, ref, t.Hold.Amount, "a second Kie task, by its estimate"); err != nil {
			return err
		}
		return c.putTask(*t)
	}
	if t.Kie.IsZero() {
		t.Kie = ref
		_, verdict := Decide(t.State, on)
		if verdict == Ignored {
			return c.putTask(*t)
		}
	}
	_, err := c.apply(t, on)
	return err
}

// requeue puts back a task that Kie surely did not take.
func (c *change) requeue(t *Task, createErr error) error {
	t.Attempts++
	t.Waiting = waitingFor(createErr)
	t.Due = c.now.Add(notTakenWait(createErr, t.Attempts))
	verdict, err := c.apply(t, NotTaken)
	if err != nil || verdict != Moved {
		return err
	}
	if t.CancelWanted {
		_, err = c.apply(t, Cancel)
		return err
	}
	if t.Waiting != WaitBusy && !c.now.Before(t.Created.Add(KeyPatience)) {
		t.Failure = &Failure{Reason: t.Waiting}
		_, err = c.apply(t, GiveUp)
	}
	return err
}

// notTakenWait is how long a task waits before it is offered to Kie again.
func notTakenWait(err error, attempts int) time.Duration {
	var kieErr *kie.Error
	if errors.As(err, &kieErr) && kieErr.RetryAfter > 0 {
		return min(kieErr.RetryAfter, maxBackoff)
	}
	switch kie.KindOf(err) {
	case kie.ErrRate:
		return creationsPer / 2
	case kie.ErrAuth, kie.ErrCredits:
		return keyPark
	default:
		return backoff(attempts, time.Second, time.Minute)
	}
}

// backoff doubles from first with every attempt up to most.
func backoff(attempts int, first, most time.Duration) time.Duration {
	if attempts > 20 {
		return most
	}
	return min(first<<max(attempts-1, 0), most)
}
