package core

import (
	"context"
	"errors"
	"time"
)

// Balance is what an account has used of its window.
type Balance struct {
	Limit    Limit
	Used     Credits // settled
	Held     Credits // reserved for tasks that are under way
	ResetsAt time.Time
	Active   int // tasks under way
}

// Left is what can still be spent; meaningless when the limit is Unlimited.
func (b Balance) Left() Credits { return max(Credits(b.Limit)-b.Used-b.Held, 0) }

// Balance reports the person's usage. Somebody unknown has used nothing.
func (e *Engine) Balance(ctx context.Context, who Identity) (Balance, error) {
	now := e.cfg.Now()
	b := Balance{Limit: e.cfg.UserDaily}
	err := e.view(ctx, func(tx Tx) error {
		b.ResetsAt = e.dayWindow("", now).Ends
		account, err := tx.AccountOf(who)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		usage, err := tx.Usage(e.dayWindow(account.ID, now).ID)
		if err != nil {
			return err
		}
		b.Used, b.Held = usage.Settled, usage.Held
		open, err := openTasks(tx, account)
		b.Active = len(open)
		return err
	})
	return b, err
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

// ownTask finds a task by id and checks that it is this person's.
func ownTask(tx Tx, who Identity, id string) (Task, error) {
	find := func() (Task, error) { return tx.Task(TaskID(id)) }
	if len(id) == shortChars {
		find = func() (Task, error) { return tx.TaskByShort(id) }
	}
	task, err := find()
	if errors.Is(err, ErrNotFound) {
		return Task{}, &Refusal{Reason: ReasonNoTask}
	}
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
