package core

import "errors"

// What is not fit for everybody is kept from where an adapter says that it must
// not be shown (Origin.Safe): a request from there has the model's content
// filter switched on, whatever it asks for, and what was made elsewhere without
// it is neither shown there nor worked from. A model that has no such input is
// taken as it is: its maker filters, and nobody here can change it.

// ReasonAgeRestricted refuses to bring what was made without a content filter
// to where Origin.Safe wants one.
const ReasonAgeRestricted Reason = "age_restricted"

// fit says whether what the task made may be shown where Origin.Safe is.
func (e *Engine) fit(t *Task) bool {
	if t.Request.Origin.Safe {
		return true
	}
	model, err := e.cfg.Catalog.Lookup(t.Request.Model)
	return err == nil && model.IsFiltered(t.Request.Input)
}

// fitParent refuses a request that works from what must not be shown there.
func (e *Engine) fitParent(tx Tx, req Request) error {
	if !req.Origin.Safe || req.Parent == "" {
		return nil
	}
	parent, err := tx.Task(req.Parent)
	if errors.Is(err, ErrNotFound) {
		return nil // forgotten, and so is its result
	}
	if err == nil && !e.fit(&parent) {
		return &Refusal{Reason: ReasonAgeRestricted, Task: parent.ID}
	}
	return err
}
