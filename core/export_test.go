package core

import "context"

// Lanes is how many chats the courier holds something about.
func (e *Engine) Lanes() int {
	e.courier.mu.Lock()
	defer e.courier.mu.Unlock()
	return len(e.courier.lanes)
}

// Resume claims what is under way, under a lease, as Run does before it moves anything.
func (e *Engine) Resume(ctx context.Context) error { return e.leased(ctx, e.resume) }

// Waiting is how many tasks wait in memory.
func (e *Engine) Waiting() int {
	n := 0
	for _, s := range []*schedule{e.creator, e.graces} {
		s.mu.Lock()
		n += s.queue.len()
		s.mu.Unlock()
	}
	e.tracker.mu.Lock()
	defer e.tracker.mu.Unlock()
	return n + e.tracker.queue.len()
}

// CallbackURL is where Kie reports the end of the task, once there was a callback or the engine has run.
func (e *Engine) CallbackURL(id TaskID) string { return e.callbackURL(id) }
