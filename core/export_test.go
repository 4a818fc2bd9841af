package core

import "context"

// Lanes is how many chats the courier holds something about.
func (e *Engine) Lanes() int {
	e.courier.mu.Lock()
	defer e.courier.mu.Unlock()
	return len(e.courier.lanes)
}

// Resume takes up what is under way, as Run does before it moves anything, and
// does something while it has that: with its lease it leaves its duties.
func (e *Engine) Resume(ctx context.Context, do func()) error {
	return e.leased(ctx, func(ctx context.Context) error {
		err := e.resume(ctx)
		if err == nil {
			do()
		}
		return err
	})
}

// Waiting is how many tasks wait in memory.
func (e *Engine) Waiting() int {
	n := e.graces.len()
	for _, t := range []*turns{e.creator, e.uploads} {
		t.mu.Lock()
		n += t.later.len() + len(t.due)
		t.mu.Unlock()
	}
	for _, a := range e.kies {
		a.tracker.mu.Lock()
		n += a.tracker.queue.len()
		a.tracker.mu.Unlock()
	}
	return n
}

// Clocks is how many chats show how long a task has been running.
func (e *Engine) Clocks() int { return e.clocks.len() }

// CallbackURL is where Kie reports the end of the task, once there was a callback or the engine has run.
func (e *Engine) CallbackURL(id TaskID) string { return e.callbackURL(id) }
