package core

import (
	"context"
	"slices"
)

// What admins do to tasks of anybody, beside RefundTask.

// ReasonWaits refuses to show what waits to be shown already.
const ReasonWaits Reason = "waits"

// CancelTask is Cancel for an admin, of anybody's task.
func (e *Engine) CancelTask(ctx context.Context, act Act, id TaskID) (Task, error) {
	var task Task
	var refusal *Refusal
	err := e.act(ctx, act, "cancel", string(id), func(c *change) (string, error) {
		var err error
		if task, err = orNoTask(c.Task(id)); err != nil {
			return "", err
		}
		refusal, err = c.cancel(&task)
		switch {
		case err != nil || refusal == nil:
			return string(Canceled), err
		case refusal.Reason == ReasonCancelLater:
			return "if Kie does not take it", nil
		}
		return "", refusal // and nothing is in the audit log
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return task, err
}

// Redeliver shows the end of the task's batch again, in the chat where it is
// shown: what was given up is tried anew, and what was shown is shown once more.
func (e *Engine) Redeliver(ctx context.Context, act Act, id TaskID) (Task, error) {
	var lead Task
	err := e.act(ctx, act, "redeliver", string(id), func(c *change) (string, error) {
		t, err := orNoTask(c.Task(id))
		if err != nil {
			return "", err
		}
		tasks, err := batch(c.Tx, t)
		if err != nil {
			return "", err
		}
		if !allFinal(tasks) {
			return "", &Refusal{Reason: ReasonNotYet, Task: t.ID}
		}
		lead = tasks[0]
		return string(lead.Lane()), c.showAgain(lead)
	})
	return lead, err
}

func (c *change) showAgain(lead Task) error {
	if err := c.nothingWaits(lead.ID); err != nil {
		return err
	}
	d := Delivery{Lane: lead.Lane(), Lead: lead.ID, Kind: DeliverFinal}
	switch gaveUp := lead.Undelivered; {
	case gaveUp != nil:
		if gaveUp.Kind == DeliverLate {
			d.Kind, d.Task = DeliverLate, lead.ID
		}
		lead.Undelivered = nil
		if err := c.putTask(lead); err != nil {
			return err
		}
	case !lead.Delivered.IsZero():
		key, err := c.e.ids.next(c.now)
		if err != nil {
			return err
		}
		origin := lead.Request.Origin
		origin.Lane = lead.Lane()
		d.Kind, d.Key, d.Origin = DeliverShow, "redeliver:"+key, &origin
	}
	return c.tell(d)
}

// nothingWaits refuses when the end of the batch waits to be shown.
func (c *change) nothingWaits(lead TaskID) error {
	waiting, err := c.Deliveries(0, overviewMost)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(waiting, func(d Delivery) bool { return d.Lead == lead && d.Kind != DeliverAccepted && d.Kind != DeliverNotice }) {
		return &Refusal{Reason: ReasonWaits, Task: lead}
	}
	return nil
}
