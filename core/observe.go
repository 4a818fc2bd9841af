package core

import "context"

// workKey is the key of withTask's value.
type workKey struct{}

// withTask is a context for what is done for the task.
func withTask(ctx context.Context, id TaskID) context.Context {
	return context.WithValue(ctx, workKey{}, id)
}

// TaskOf is the task that Kie is asked about or for, in the contexts that a Kie
// gets; empty when it is no task. A log can add it to what Kie's client says,
// which knows of no tasks.
func TaskOf(ctx context.Context) TaskID {
	id, _ := ctx.Value(workKey{}).(TaskID)
	return id
}

// Observer hears of what was committed, for metrics. It is called in no
// particular order, from many goroutines, and must not block. It is told after
// the commit, so that a kill can lose what it counts, and nothing else.
type Observer interface {
	// Moved is told of a task that was accepted, with an empty from, and of every
	// change of its state. The task must not be changed.
	Moved(t *Task, from State)
	// Booked is told of an entry of the ledger.
	Booked(e *Entry)
	// Shown is told that the end of a batch is in its chat; lead is its first task.
	Shown(lead *Task)
	// CalledBack is told of a callback, and the HTTP status it was answered with.
	CalledBack(status int)
}

// observed is what an Observer is told of once it is committed.
type observed struct {
	moves   []observedMove
	entries []Entry
	ends    []Task
}

type observedMove struct {
	task Task
	from State
}

// moved notes a move, when somebody wants to hear of it.
func (c *change) moved(t *Task, from State) {
	if c.e.cfg.Observer != nil {
		c.moves = append(c.moves, observedMove{*t, from})
	}
}

// booked notes an entry.
func (c *change) booked(e Entry) {
	if c.e.cfg.Observer != nil {
		c.entries = append(c.entries, e)
	}
}

// endShown notes that the end of a batch is in its chat.
func (c *change) endShown(lead *Task) {
	if c.e.cfg.Observer != nil {
		c.ends = append(c.ends, *lead)
	}
}

// tell tells the observer, if there is one.
func (o *observed) tell(to Observer) {
	if to == nil {
		return
	}
	for i := range o.moves {
		to.Moved(&o.moves[i].task, o.moves[i].from)
	}
	for i := range o.entries {
		to.Booked(&o.entries[i])
	}
	for i := range o.ends {
		to.Shown(&o.ends[i])
	}
}
