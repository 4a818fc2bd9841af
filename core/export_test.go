package core

// Lanes is how many chats the courier holds something about.
func (e *Engine) Lanes() int {
	e.courier.mu.Lock()
	defer e.courier.mu.Unlock()
	return len(e.courier.lanes)
}
