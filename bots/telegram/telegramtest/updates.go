package telegramtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// queue holds the updates that the bot has not confirmed ("Getting updates").
type queue struct {
	next    int64 // id
	waiting []*update
	allowed []string      // nil means the default
	arrived chan struct{} // closed when one arrives, nil when nobody waits
	kinds   map[string]bool
	oust    chan string // to the call that waits, nil when none does
}

// update is one update that waits.
type update struct {
	id   int64
	kind string
	lane string // updates of a lane are delivered to a webhook in order
	body json.RawMessage
	at   time.Time
}

// updateKinds are the fields of "Update", and whether they are sent to a bot
// that asked for none in particular.
func updateKinds() map[string]bool {
	return map[string]bool{
		"message": true, "edited_message": true, "channel_post": true, "edited_channel_post": true,
		"business_connection": true, "business_message": true, "edited_business_message": true, "deleted_business_messages": true,
		"message_reaction": false, "message_reaction_count": false, "inline_query": true, "chosen_inline_result": true,
		"callback_query": true, "shipping_query": true, "pre_checkout_query": true, "purchased_paid_media": true,
		"poll": true, "poll_answer": true, "my_chat_member": true, "chat_member": false, "chat_join_request": true,
		"chat_boost": true, "removed_chat_boost": true, "managed_bot": true, "guest_message": true,
		"subscription": true, "stopped_message_generation": true,
	}
}

// wants says whether the bot asked for this kind of update. Kinds that are not
// in the documentation are always sent: they stand for those to come.
func (q *queue) wants(kind string) bool {
	usual, known := q.kinds[kind]
	switch {
	case !known:
		return true
	case len(q.allowed) == 0:
		return usual
	}
	return slices.Contains(q.allowed, kind)
}

// lifetime is how long an update waits for the bot.
func lifetime(kind string) time.Duration {
	switch kind {
	case "callback_query", "shipping_query", "pre_checkout_query":
		return queryLifetime
	}
	return 24 * time.Hour
}

// queryLifetime is how long a query can be answered.
const queryLifetime = 150 * time.Second

// push puts an update into the queue. It wants s.mu.
func (s *Server) push(kind, lane string, value any) {
	if !s.queue.wants(kind) {
		return
	}
	body, err := json.Marshal(map[string]any{"update_id": s.queue.next, kind: value})
	if err != nil {
		panic(err) // the types of this package can be encoded; raw updates were checked
	}
	s.pushBody(kind, lane, body)
}

func (s *Server) pushBody(kind, lane string, body json.RawMessage) {
	s.queue.waiting = append(s.queue.waiting, &update{id: s.queue.next, kind: kind, lane: lane, body: body, at: s.now()})
	s.queue.next++
	if s.queue.arrived != nil {
		close(s.queue.arrived)
		s.queue.arrived = nil
	}
	s.deliver()
	s.touch()
}

// RawUpdate sends the bot an update of any kind, also one that does not exist.
// value is JSON; when it is not, the bot gets it all the same.
func (s *Server) RawUpdate(kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushBody(kind, kind, json.RawMessage(fmt.Sprintf(`{"update_id":%d,%q:%s}`, s.queue.next, kind, value)))
}

// RepeatUpdate sends again, with the same id, the update of that id if it is
// still waiting, as a webhook whose answer was lost does.
func (s *Server) RepeatUpdate(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.queue.waiting {
		if u.id == id {
			twin := *u
			s.queue.waiting = append(s.queue.waiting, &twin)
			s.deliver()
			return
		}
	}
}

// Pending is how many updates the bot has not confirmed.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	return len(s.queue.waiting)
}

// expire drops updates that waited too long. It wants s.mu.
func (s *Server) expire() {
	now := s.now()
	s.queue.waiting = slices.DeleteFunc(s.queue.waiting, func(u *update) bool { return now.Sub(u.at) > lifetime(u.kind) })
}

// forget drops confirmed updates: those below offset, or all but the last
// -offset. It wants s.mu.
func (s *Server) forget(offset int64) {
	q := &s.queue
	switch {
	case offset > 0:
		q.waiting = slices.DeleteFunc(q.waiting, func(u *update) bool { return u.id < offset })
	case offset < 0:
		q.waiting = slices.Clone(q.waiting[max(0, int64(len(q.waiting))+offset):])
	}
}

// getUpdates follows "getUpdates". Unlike other handlers it is called without
// the lock, since it waits.
func (s *Server) getUpdates(ctx context.Context, c *call) (any, error) {
	limit := min(max(c.int("limit"), 1), 100)
	if !c.has("limit") {
		limit = 100
	}
	ousted, err := s.beginPoll(c)
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(time.Duration(min(max(c.int("timeout"), 0), 50)) * time.Second)
	defer timeout.Stop()
	defer s.endPoll(ousted)
	for {
		batch, arrived := s.batch(int(limit))
		if len(batch) > 0 {
			return batch, nil
		}
		select {
		case <-arrived:
		case why := <-ousted:
			return nil, conflict(why)
		case <-timeout.C:
			return []json.RawMessage{}, nil
		case <-ctx.Done():
			return []json.RawMessage{}, nil
		case <-s.done:
			return []json.RawMessage{}, nil
		}
	}
}

func (s *Server) beginPoll(c *call) (chan string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook.url != "" {
		return nil, conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if err := s.setAllowed(c); err != nil {
		return nil, err
	}
	s.oustPoller("terminated by other getUpdates request; make sure that only one bot instance is running")
	s.queue.oust = make(chan string, 1)
	s.forget(c.int("offset"))
	s.touch()
	return s.queue.oust, nil
}

// oustPoller ends the getUpdates call that waits. It wants s.mu.
func (s *Server) oustPoller(why string) {
	if s.queue.oust != nil {
		s.queue.oust <- why
		s.queue.oust = nil
	}
}

func (s *Server) endPoll(mine chan string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.oust == mine {
		s.queue.oust = nil
	}
}

// batch returns the first updates, and a channel that is closed when another
// arrives.
func (s *Server) batch(limit int) ([]json.RawMessage, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	var bodies []json.RawMessage
	for _, u := range s.queue.waiting[:min(limit, len(s.queue.waiting))] {
		bodies = append(bodies, u.body)
	}
	if s.queue.arrived == nil {
		s.queue.arrived = make(chan struct{})
	}
	return bodies, s.queue.arrived
}

// setAllowed takes allowed_updates, which lasts until another call gives it.
func (s *Server) setAllowed(c *call) error {
	if !c.has("allowed_updates") {
		return nil
	}
	var allowed []string
	if err := c.object("allowed_updates", &allowed); err != nil {
		return err
	}
	for _, kind := range allowed {
		if _, known := s.queue.kinds[kind]; !known {
			c.note("allowed_updates", "%q is no kind of update", kind)
		}
	}
	s.queue.allowed = allowed
	return nil
}

// AllowedUpdates returns the kinds of updates the bot asked for, empty for the
// default.
func (s *Server) AllowedUpdates() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queue.allowed)
}

// Polling says whether a getUpdates call waits right now.
func (s *Server) Polling() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.oust != nil
}
