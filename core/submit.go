package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kiebot/kie/catalog"
)

// Receipt says what Submit accepted.
type Receipt struct {
	Tasks    []TaskID // the batch, in order
	Hold     Credits  // reserved, all tasks together: the most it can normally cost
	Repeated bool     // this Key was accepted before; nothing new was made
}

// Submit accepts the request or refuses it with a *Refusal. When it returns
// nil, account, hold, tasks and the delivery that tells the person are
// durable, in one commit; the chat shows it by way of the lane. It blocks for
// up to a minute for each file whose length decides the price, to read it.
func (e *Engine) Submit(ctx context.Context, req Request) (Receipt, error) {
	receipt, checked, err := e.look(ctx, req)
	if err != nil || receipt.Repeated {
		return receipt, unavailable(e.announced(ctx, req.Origin, e.warned(ctx, req, err)))
	}
	estimate, err := e.price(ctx, &req)
	if err != nil {
		return Receipt{}, err
	}
	err = e.update(ctx, func(c *change) error {
		receipt, err = seenBefore(c.Tx, req.Key, c.now)
		if err != nil || receipt.Repeated {
			return err
		}
		receipt, err = c.accept(req, estimate, checked)
		return err
	})
	if refusal, ok := isQuestion(err); ok {
		return Receipt{}, e.ask(ctx, req, refusal)
	}
	return receipt, unavailable(e.warned(ctx, req, err))
}

// look finds the receipt of an earlier time, else refuses what would be refused
// at any price, before anything is done for the request: nobody makes us read
// files who may not ask. It also says what list the request was held against.
func (e *Engine) look(ctx context.Context, req Request) (receipt Receipt, checked *Prompts, err error) {
	now := e.cfg.Now()
	err = e.store.View(ctx, func(tx Tx) error {
		receipt, err = seenBefore(tx, req.Key, now)
		if err != nil || receipt.Repeated {
			return err
		}
		asked, err := e.askedBy(tx, req.Origin, now)
		if err != nil {
			return err
		}
		if err := allowed(tx, asked, 0); err != nil {
			return err
		}
		if err := e.fitParent(tx, req); err != nil {
			return err
		}
		if err := e.on(asked, req.Model); err != nil {
			return err
		}
		checked = asked.policy.Prompts
		return checked.check(req)
	})
	return receipt, checked, err
}

// seenBefore is the receipt of a key that was accepted before, else an empty one.
func seenBefore(tx Tx, key string, now time.Time) (Receipt, error) {
	seen, err := tx.Seen(key)
	switch {
	case errors.Is(err, ErrNotFound):
		return Receipt{}, nil
	case err != nil || !seen.Expires.After(now):
		return Receipt{}, err
	}
	return Receipt{Tasks: seen.Tasks, Repeated: true}, nil
}

// price checks the request against the catalogue and says what one task costs
// at most. It may note the lengths of files in the request.
func (e *Engine) price(ctx context.Context, req *Request) (Credits, error) {
	if req.Key == "" || req.Origin.Identity.Platform == "" || req.Origin.Lane == "" {
		return 0, fmt.Errorf("core: a request needs Key, Origin.Identity and Origin.Lane")
	}
	if req.Count < 0 || req.Count > MaxBatch {
		return 0, &Refusal{Reason: ReasonCount}
	}
	model, err := e.cfg.Catalog.Lookup(req.Model)
	if err != nil {
		return 0, &Refusal{Reason: ReasonModel, Err: err}
	}
	if !model.Status.Runs() {
		return 0, &Refusal{Reason: ReasonRetired, Err: retired(req.Model, model)}
	}
	if req.Origin.Safe {
		req.Input = model.Filtered(req.Input)
	}
	if err := model.Validate(req.Input); err != nil {
		return 0, &Refusal{Reason: ReasonInput, Err: err}
	}
	if err := checkFiles(model, *req); err != nil {
		return 0, err
	}
	return e.estimate(ctx, model, req)
}

func retired(name string, m catalog.Model) error {
	return &catalog.RetiredModelError{
		Name: name, ID: m.ID, Title: m.Title, Status: m.Status, Reason: m.Reason, Replacement: m.Replacement,
	}
}

// accept books the holds and stores the batch with the delivery that tells of it.
func (c *change) accept(req Request, estimate Credits, checked *Prompts) (Receipt, error) {
	account, err := c.accountFor(req.Origin.Identity)
	if err != nil {
		return Receipt{}, err
	}
	count := max(req.Count, 1)
	total := estimate * Credits(count)
	windows, own, err := c.admit(account, req, total, checked)
	if err != nil {
		return Receipt{}, err
	}
	ids := make([]TaskID, count)
	for i := range ids {
		id, err := c.e.ids.next(c.now)
		if err != nil {
			return Receipt{}, err
		}
		ids[i] = TaskID(id)
	}
	kieAccount, bound, err := c.parentsKieAccount(req)
	if err != nil {
		return Receipt{}, err
	}
	for _, id := range ids {
		task := Task{
			ID: id, Account: account.ID, Batch: ids, State: Queued, Request: req, Created: c.now, Due: c.now,
			KieAccount: kieAccount, KieBound: bound,
		}
		if err := c.hold(&task, estimate, own, windows); err != nil {
			return Receipt{}, err
		}
		own = max(own-estimate, 0)
		if err := c.putTask(task); err != nil {
			return Receipt{}, err
		}
		c.moved(&task, "")
	}
	if err := c.tell(Delivery{Lane: req.Origin.Lane, Lead: ids[0], Kind: DeliverAccepted}); err != nil {
		return Receipt{}, err
	}
	seen := Seen{Key: req.Key, Tasks: ids, Expires: c.now.Add(SeenFor)}
	return Receipt{Tasks: ids, Hold: total}, c.PutSeen(seen, c.now)
}

// admit refuses what the account may not ask for. The answer is what the
// request is booked in, and how much the person's own windows can bear.
func (c *change) admit(account Account, req Request, total Credits, checked *Prompts) ([]Window, Credits, error) {
	asked, err := c.e.asked(c.Tx, account, req.Origin, c.now)
	if err != nil {
		return nil, 0, err
	}
	if err := allowed(c.Tx, asked, total); err != nil {
		return nil, 0, err
	}
	if err := c.e.on(asked, req.Model); err != nil {
		return nil, 0, err
	}
	if list := asked.policy.Prompts; list != checked { // it was changed in between
		if err := list.check(req); err != nil {
			return nil, 0, err
		}
	}
	windows := c.e.windows(asked, req.Model)
	own, err := c.room(windows, account.ID, total)
	if err != nil {
		return nil, 0, err
	}
	if limit := asked.confirmAbove(); limit != Unlimited && total > max(Credits(limit), req.Confirmed) {
		return nil, 0, &Refusal{Reason: ReasonConfirm, Need: total, Limit: Credits(limit)}
	}
	return windows, own, nil
}

// allowed refuses what no window decides about.
func allowed(tx Tx, a asked, total Credits) error {
	if err := a.welcome(); err != nil {
		return err
	}
	if err := running(tx); err != nil {
		return err
	}
	if most := orUnlimited(a.policy.MaxRequest); most != Unlimited && total > Credits(most) {
		return &Refusal{Reason: ReasonTooDear, Need: total, Limit: Credits(most)}
	}
	if a.policy.MaxActive == nil || *a.policy.MaxActive < 0 {
		return nil
	}
	most := *a.policy.MaxActive
	open, err := openTasks(tx, a.account)
	if err != nil || len(open) < most {
		return err
	}
	// Tasks of one batch count once, so they have to be told apart.
	requests := map[TaskID]bool{}
	for _, id := range open {
		task, err := tx.Task(id)
		if err != nil {
			return err
		}
		requests[task.Lead()] = true
	}
	if len(requests) >= most {
		return &Refusal{Reason: ReasonActive, Max: most}
	}
	return nil
}

// invited refuses whom the operator does not let in, or blocked.
func (a asked) invited() error {
	if a.policy.Allow != nil && !anyOf(a.policy.Allow, a.names()) {
		return &Refusal{Reason: ReasonStranger, Who: a.origin.Identity, Roles: a.origin.Roles}
	}
	return a.account.unblocked()
}

// welcome refuses who may not ask for anything there, whatever it costs.
func (a asked) welcome() error {
	if err := a.invited(); err != nil {
		return err
	}
	if a.chat.Settings.AdminsOnly && !a.origin.Admin {
		return &Refusal{Reason: ReasonAdminsOnly}
	}
	return a.welcomeThere()
}

// unblocked refuses who was blocked.
func (a Account) unblocked() error {
	if a.Blocked == nil {
		return nil
	}
	return &Refusal{Reason: ReasonBlocked, Why: a.Blocked.Why}
}

// accountFor finds the person's account or opens one.
func (c *change) accountFor(who Identity) (Account, error) {
	account, err := c.AccountOf(who)
	if !errors.Is(err, ErrNotFound) {
		return account, err
	}
	id, err := c.e.ids.next(c.now)
	if err != nil {
		return Account{}, err
	}
	account = Account{ID: AccountID(id), Identities: []Identity{who}, Created: c.now}
	return account, c.PutAccount(account)
}

// Cancel stops a task that is still queued, and refunds it; the answer is the
// task as it is then. While it is being created the wish is remembered and
// the refusal says so; once Kie has it, it cannot be stopped.
func (e *Engine) Cancel(ctx context.Context, who Identity, id string) (Task, error) {
	var task Task
	var refusal *Refusal
	err := e.update(ctx, func(c *change) error {
		var err error
		refusal = nil
		if task, err = ownTask(c.Tx, who, id); err != nil {
			return err
		}
		refusal, err = c.cancel(&task)
		return err
	})
	if err != nil {
		return Task{}, unavailable(err)
	}
	if refusal != nil {
		return task, refusal
	}
	return task, nil
}

// cancel stops the task if it can be stopped; else the refusal says why not. A
// task that is being created remembers it.
func (c *change) cancel(t *Task) (*Refusal, error) {
	was := t.State
	verdict, err := c.apply(t, Cancel)
	if err != nil || verdict == Moved {
		return nil, err
	}
	refusal := &Refusal{Reason: whyNotCanceled(was), Task: t.ID, Need: t.Hold.Amount}
	if was == Creating && !t.CancelWanted {
		t.CancelWanted = true
		return refusal, c.putTask(*t)
	}
	return refusal, nil
}

func whyNotCanceled(s State) Reason {
	switch s {
	case Creating:
		return ReasonCancelLater
	case Running:
		return ReasonNotCancel
	case Unresolved:
		return ReasonUncertain
	default:
		return ReasonFinished
	}
}
