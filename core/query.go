package core

import (
	"context"
	"errors"
	"time"
)

// Standing is how a window stands.
type Standing struct {
	Window   WindowKind
	Limit    Limit
	Used     Credits // settled
	Held     Credits // reserved for tasks that are under way
	ResetsAt time.Time
}

// Left is what can still be spent; meaningless when the limit is Unlimited.
func (s Standing) Left() Credits { return max(Credits(s.Limit)-s.Used-s.Held, 0) }

// Balance is what a person has used and can use.
type Balance struct {
	Day, Month Standing
	// There are the limits of where the person asks: the chat's day, the
	// place's day and month, the person's day in the place.
	There   []Standing
	Granted Credits // what is left of granted and bought credits, for when the windows are used up
	Owed    Credits // spent of what was bought and paid back; what is granted or bought next pays it off
	Tier    string  // of the account, empty when it has none
	Running int     // tasks that Kie may have: creating, unresolved, running
	Queued  int     // tasks that wait
}

// Active is how many tasks are under way.
func (b Balance) Active() int { return b.Running + b.Queued }

// Left is what can still be spent now: what day and month leave, then granted
// credits, as far as the chat and its place allow.
func (b Balance) Left() Limit {
	own := lesser(b.Day.allowance(), b.Month.allowance())
	if own != Unlimited {
		own += Limit(b.Granted)
	}
	for _, s := range b.There {
		own = lesser(own, s.allowance())
	}
	return own
}

// allowance is Left as a Limit.
func (s Standing) allowance() Limit {
	if s.Limit == Unlimited {
		return Unlimited
	}
	return Limit(s.Left())
}

func lesser(a, b Limit) Limit {
	if a == Unlimited || b != Unlimited && b < a {
		return b
	}
	return a
}

// Balance reports how the person stands who asks from there. Somebody unknown
// has used nothing. Its time grows with the number of tasks under way.
func (e *Engine) Balance(ctx context.Context, origin Origin) (Balance, error) {
	var b Balance
	err := e.view(ctx, func(tx Tx) error {
		account, err := accountOrNone(tx, origin.Identity)
		if err != nil {
			return err
		}
		b, err = e.wholeBalance(tx, account, origin)
		return err
	})
	return b, err
}

// wholeBalance is balance with the tasks under way counted.
func (e *Engine) wholeBalance(tx Tx, account Account, origin Origin) (Balance, error) {
	b, err := e.balance(tx, account, origin)
	if err != nil {
		return Balance{}, err
	}
	open, err := openTasks(tx, account)
	if err != nil {
		return Balance{}, err
	}
	for _, id := range open {
		t, err := tx.Task(id)
		if err != nil {
			return Balance{}, err
		}
		if t.State == Queued {
			b.Queued++
		}
	}
	b.Running = len(open) - b.Queued
	return b, nil
}

// Left is Balance.Left alone, in constant time.
func (e *Engine) Left(ctx context.Context, origin Origin) (Limit, error) {
	var b Balance
	err := e.view(ctx, func(tx Tx) error {
		account, err := accountOrNone(tx, origin.Identity)
		if err == nil {
			b, err = e.balance(tx, account, origin)
		}
		return err
	})
	return b.Left(), err
}

// accountOrNone is the person's account, the zero one for somebody unknown.
func accountOrNone(tx Tx, who Identity) (Account, error) {
	account, err := tx.AccountOf(who)
	if errors.Is(err, ErrNotFound) {
		return Account{}, nil
	}
	return account, err
}

func (e *Engine) balance(tx Tx, account Account, origin Origin) (Balance, error) {
	asked, err := e.asked(tx, account, origin, e.cfg.Now())
	if err != nil {
		return Balance{}, err
	}
	b := Balance{Tier: account.Tier}
	own := e.personal(asked)
	var failed [3]error
	b.Day, failed[0] = standing(tx, own[0])
	b.Month, failed[1] = standing(tx, own[1])
	for _, w := range e.there(asked) {
		if w.Limit == Unlimited {
			continue
		}
		s, err := standing(tx, w)
		if err != nil {
			return Balance{}, err
		}
		b.There = append(b.There, s)
	}
	granted, err := tx.Usage(grantedWindow(account.ID))
	b.Granted, b.Owed = grantedOf(granted)
	failed[2] = err
	return b, errors.Join(failed[:]...)
}

func standing(tx Tx, w Window) (Standing, error) {
	usage, err := tx.Usage(w.ID)
	return Standing{Window: w.ID.Kind(), Limit: w.Limit, Used: usage.Settled, Held: usage.Held, ResetsAt: w.Ends}, err
}

// History lists the person's tasks, newest first, at most limit, those older
// than before (all when it is empty).
func (e *Engine) History(ctx context.Context, who Identity, before TaskID, limit int) ([]Task, error) {
	var tasks []Task
	err := e.view(ctx, func(tx Tx) error {
		account, err := tx.AccountOf(who)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		tasks, err = tasksOf(tx, account, before, limit)
		return err
	})
	return tasks, err
}

// Task finds one of the person's tasks by its id, whole or short. It answers
// with a *Refusal when there is none or it belongs to somebody else.
func (e *Engine) Task(ctx context.Context, who Identity, id string) (Task, error) {
	var task Task
	err := e.view(ctx, func(tx Tx) error {
		var err error
		task, err = ownTask(tx, who, id)
		return err
	})
	return task, err
}

// AnyTask finds a task by its id, whole or short, whoever's it is: it is for admins.
func (e *Engine) AnyTask(ctx context.Context, id string) (Task, error) {
	var task Task
	err := e.view(ctx, func(tx Tx) (err error) {
		task, err = findTask(tx, id)
		return err
	})
	return task, err
}

// Batch gives all tasks accepted together with this one, in order.
func (e *Engine) Batch(ctx context.Context, task Task) ([]Task, error) {
	var tasks []Task
	err := e.view(ctx, func(tx Tx) error {
		var err error
		tasks, err = batch(tx, task)
		return err
	})
	return tasks, err
}

func batch(tx Tx, task Task) ([]Task, error) {
	tasks := make([]Task, 0, len(task.Batch))
	for _, id := range task.Batch {
		t, err := tx.Task(id)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// findTask finds a task by its id, whole or short.
func findTask(tx Tx, id string) (Task, error) {
	if len(id) == shortChars {
		return orNoTask(tx.TaskByShort(id))
	}
	return orNoTask(tx.Task(TaskID(id)))
}

// orNoTask refuses when the store has no such task.
func orNoTask(t Task, err error) (Task, error) {
	if errors.Is(err, ErrNotFound) {
		return Task{}, &Refusal{Reason: ReasonNoTask}
	}
	return t, err
}

// ownTask finds a task by id and checks that it is this person's.
func ownTask(tx Tx, who Identity, id string) (Task, error) {
	task, err := findTask(tx, id)
	if err != nil {
		return Task{}, err
	}
	account, err := tx.AccountOf(who)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Task{}, err
	}
	if !account.has(task.Account) {
		return Task{}, &Refusal{Reason: ReasonNotYours, Task: task.ID}
	}
	return task, nil
}

// view wraps what is not a refusal into one, so that a caller always has a sentence for the person.
func (e *Engine) view(ctx context.Context, fn func(Tx) error) error {
	return unavailable(e.store.View(ctx, fn))
}

func unavailable(err error) error {
	var refusal *Refusal
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	return &Refusal{Reason: ReasonUnavailable, Err: err}
}
