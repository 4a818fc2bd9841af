package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kiebot/kie"
)

// createLoop lets queued tasks take turns. A task leaves for Kie only with a
// slot of its Kie account's limiter in hand, taken before creating is
// committed, so that a crash while waiting for the limiter costs nothing.
//
// A task with files first gives them to Kie, by the upload loops.
func (e *Engine) createLoop(ctx, work context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	for {
		next, ok := e.creator.next(ctx, e.servable)
		if !ok {
			return // what was taken is still queued in the store
		}
		task, a := e.attend(work, next)
		if a == nil {
			continue
		}
		release, ok := a.begin()
		if !ok { // its account was not the one whose turn it is; there it waits
			e.creator.put(turn{id: next.id, person: next.person, kie: a.name}, e.cfg.Now())
			continue
		}
		a.gate.pass(e.cfg.Now())
		a.leaving.Add(1)
		under.Go(func() { a.end(release, e.create(work, task, a)) })
	}
}

// attend looks at a task whose turn came. It answers with the Kie account that
// it can be created at now, or nil when something else had to be done.
func (e *Engine) attend(ctx context.Context, next turn) (Task, *kieAccount) {
	task, err := e.load(ctx, next.id)
	if err != nil {
		if !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			e.log.Error("loading a queued task", "task", next.id, "error", err)
			e.creator.put(next, e.cfg.Now().Add(storePause))
		}
		return Task{}, nil
	}
	if task.State != Queued {
		return Task{}, nil
	}
	a, why, retry := e.choose(task, e.cfg.Now())
	switch {
	case a == nil:
		e.postpone(ctx, task, why, retry)
		return Task{}, nil
	case task.unready(a.name, e.cfg.Now()):
		e.uploads.put(turn{id: task.ID, person: task.Account, kie: a.name}, e.cfg.Now())
		return Task{}, nil
	}
	return task, a
}

// postpone lets the task wait for a usable key, for an hour at most. A task
// that is known to wait for the same reason is only looked at again: while all
// accounts are parked that is every task, once a minute, and costs no commit.
func (e *Engine) postpone(ctx context.Context, task Task, reason Reason, retry time.Time) {
	patience := e.pause.get().patience(task, e.cfg.Now())
	due := earlier(retry, patience)
	switch now := e.cfg.Now(); {
	case e.elsewhere(task): // the replica that has its account deals with it
		e.creator.put(turnOf(task), now.Add(keyPark))
		return
	case reason == "": // an account was opened in between
		e.creator.put(turnOf(task), now)
		return
	case reason == task.Waiting && now.Before(patience):
		e.creator.put(turnOf(task), due)
	default:
		waits, err := e.wait(ctx, task.ID, reason, retry)
		if err != nil {
			e.log.Error("postponing a task", "task", task.ID, "error", err)
			e.creator.put(turnOf(task), now.Add(storePause))
			return
		}
		if !waits {
			return
		}
	}
	// Whoever opened an account meanwhile did not see this task wait.
	now := e.cfg.Now()
	if a, _, _ := e.choose(task, now); a != nil {
		e.creator.put(turnOf(task), now)
	}
}

// wait commits why the queued task waits and until when, and answers true; or
// that it has waited long enough.
func (e *Engine) wait(ctx context.Context, id TaskID, reason Reason, retry time.Time) (waits bool, err error) {
	err = e.changeTask(ctx, id, func(c *change, t *Task) error {
		waits = false
		if t.State != Queued {
			return nil
		}
		p, err := pausingIn(c.Tx)
		if err != nil {
			return err
		}
		patience := p.patience(*t, c.now)
		if !c.now.Before(patience) {
			t.Failure = &Failure{Reason: reason}
			_, err := c.apply(t, GiveUp)
			return err
		}
		t.Due, waits = earlier(retry, patience), true
		if t.Waiting != reason {
			t.Waiting = reason
			c.progress = append(c.progress, *t)
		}
		return c.putTask(*t)
	})
	return waits, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// create commits creating, asks Kie, and commits what came of it. It answers
// whether Kie was, or may have been, asked.
func (e *Engine) create(ctx context.Context, task Task, a *kieAccount) (sent bool) {
	id := task.ID
	var req kie.CreateRequest
	paused := false
	err := e.changeTask(ctx, id, func(c *change, t *Task) error {
		sent, paused = false, false
		if t.State != Queued {
			return nil
		}
		p, err := pausingIn(c.Tx)
		if paused = p.Now != nil; paused || err != nil {
			c.tasks = append(c.tasks, *t) // it takes its turn when that is over
			return err
		}
		if t.unready(a.name, c.now) { // another replica gave its files to another account
			c.tasks = append(c.tasks, *t)
			return nil
		}
		if err := e.offered(t.Request); err != nil {
			return c.withdraw(t, err)
		}
		req, sent = e.createRequest(*t), true
		t.KieAccount, t.Endpoint, t.ModelValue = a.name, req.Endpoint, req.Model
		if err := c.noteSent(a); err != nil {
			return err
		}
		_, err = c.apply(t, Send)
		return err
	})
	a.leaving.Add(-1)
	if err != nil {
		e.log.Error("sending a task", "task", id, "error", err)
		e.creator.put(turnOf(task), e.cfg.Now().Add(storePause))
		return false
	}
	if paused {
		e.notePause(ctx)
	}
	if !sent {
		return false
	}
	if !e.lasts() { // stopped for longer than that: another replica knows it as lost
		e.log.Error("a task is not sent: the lease ended meanwhile", "task", id)
		return false
	}
	reqCtx, cancel := context.WithTimeout(withTask(ctx, id), createFor)
	ref, createErr := a.client.Create(reqCtx, req)
	cancel()
	if err := e.created(ctx, id, a, ref, createErr); err != nil {
		// The record says creating: the next start makes it unresolved.
		e.log.Error("storing the answer to createTask", "task", id, "kie_task", ref.TaskID, "error", err)
	}
	return true
}

// offered says whether the catalogue still has the request's model, runs it and
// knows its price. It was so at acceptance; the operator's file may have
// changed while the task waited.
func (e *Engine) offered(req Request) error {
	model, err := e.cfg.Catalog.Lookup(req.Model)
	if err != nil {
		return err
	}
	if !model.Status.Runs() {
		return retired(req.Model, model)
	}
	_, err = model.EstimateFor(req.Input, req.lengths())
	return err
}

// withdraw ends a queued task whose model is offered no more.
func (c *change) withdraw(t *Task, why error) error {
	c.e.log.Warn("a queued task is not sent: its model is offered no more", "task", t.ID, "model", t.Request.Model, "error", why)
	t.Failure = &Failure{Reason: FailModel}
	_, err := c.apply(t, GiveUp)
	return err
}

// endpointOf is where the task's Kie tasks are: where it was sent, whatever the
// catalogue says by now.
func (e *Engine) endpointOf(t Task) kie.Endpoint {
	return cmp.Or(t.Endpoint, t.Kie.Endpoint, e.createRequest(t).Endpoint)
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
func (e *Engine) created(ctx context.Context, id TaskID, a *kieAccount, ref kie.Ref, createErr error) error {
	e.adjustGate(a, createErr)
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if err := c.tellOfAccount(a, createErr); err != nil {
			return err
		}
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

// keyTrouble reports whether the Kie account cannot be used for anything.
func keyTrouble(err error) bool {
	kind := kie.KindOf(err)
	return kind == kie.ErrAuth || kind == kie.ErrCredits
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
func (e *Engine) adjustGate(a *kieAccount, createErr error) {
	reason := Reason("")
	switch kind := kie.KindOf(createErr); {
	case keyTrouble(createErr):
		reason = waitingFor(createErr)
	case createErr == nil, kind == kie.ErrInvalid, kind == kie.ErrNotFound, kind == kie.ErrRefused: // an answer that only a good key gets
	default:
		return
	}
	if !a.gate.set(reason, e.cfg.Now().Add(keyPark)) {
		return
	}
	if reason != "" {
		a.balance.park()
		return
	}
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
		return c.second(t, ref)
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

// second notes that Kie made another task for t: an operator loss by its
// estimate, booked and told once however often Kie names it.
func (c *change) second(t *Task, ref kie.Ref) error {
	if slices.Contains(t.Lost, ref.TaskID) {
		return nil
	}
	if err := c.alert(Alert{
		Kind: AlertSecondTask, Task: t.ID, KieAccount: t.KieAccount, Credits: t.Hold.Amount,
		Detail: fmt.Sprintf("Kie tasks %s and %s", t.Kie.TaskID, ref.TaskID),
	}); err != nil {
		return err
	}
	if err := c.loss(t, ref, t.Hold.Amount, "a second Kie task, by its estimate"); err != nil {
		return err
	}
	return c.putTask(*t)
}

// requeue puts back a task that Kie surely did not take.
func (c *change) requeue(t *Task, createErr error) error {
	t.Attempts++
	t.Waiting = waitingFor(createErr)
	t.Due = c.now.Add(notTakenWait(createErr, t.Attempts))
	if reason, _ := c.e.paused(*t); reason == "" && keyTrouble(createErr) {
		t.Due = c.now // another account takes it
	}
	verdict, err := c.apply(t, NotTaken)
	if err != nil || verdict != Moved {
		return err
	}
	if t.CancelWanted {
		_, err = c.apply(t, Cancel)
		return err
	}
	over, err := c.outOfPatience(t)
	if t.Waiting != WaitBusy && over && err == nil {
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
