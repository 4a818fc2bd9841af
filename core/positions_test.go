package core_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// counted counts the commits of a store.
type counted struct {
	core.Store
	commits atomic.Int64
}

func (c *counted) Update(ctx context.Context, fn func(core.Tx) error) error {
	c.commits.Add(1)
	return c.Store.Update(ctx, fn)
}

// from is a request of somebody, in a chat of their own unless lane names another.
func from(user string, lane core.Lane) core.Request {
	req := request("a cat")
	req.Origin.Identity.User = user
	if req.Origin.Lane = lane; lane == "" {
		req.Origin.Lane = core.NewLane("chat", user)
	}
	return req
}

// queue fills the limit of creations, whose answers do not come for a minute,
// and lets so many more people wait.
func (w *world) queue(people int, lane core.Lane) (waiting []core.TaskID) {
	w.t.Helper()
	w.kie.Always(kietest.CallCreate, kietest.Hold(nil))
	for range 20 {
		w.submit(from("early", ""))
	}
	synctest.Wait()
	for n := range people {
		waiting = append(waiting, w.submit(from(fmt.Sprint("person", n), lane)))
	}
	nap(4 * time.Second) // until everybody has their message and it was looked at
	return waiting
}

func (w *world) cancel(id core.TaskID) {
	w.t.Helper()
	_, err := w.engine.Cancel(w.t.Context(), w.task(id).Request.Origin.Identity, string(id))
	w.must(err)
}

// When the queue moves, those in front see it, by one edit each and no commit.
func TestWaitingMessagesFollowTheQueue(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		store := &counted{}
		w.reopen(func(s core.Store) core.Store { store.Store = s; return store })
		w.run()
		waiting := w.queue(30, "")
		for i, id := range waiting {
			if got := w.chat.last(id).Position; got != i+1 || w.chat.progress(id) != 0 {
				t.Errorf("number %d was told %d, after %d edits", i+1, got, w.chat.progress(id))
			}
		}
		before := store.commits.Load()
		w.cancel(waiting[0])
		nap(10 * time.Second)
		for i, id := range waiting[1:] {
			position, edits := i+1, 1
			if position > 20 { // too far back to be told of every step
				position, edits = i+2, 0
			}
			if got := w.chat.last(id).Position; got != position || w.chat.progress(id) != edits {
				t.Errorf("number %d was told %d by %d edits, want %d by %d", i+1, got, w.chat.progress(id), position, edits)
			}
		}
		if n := store.commits.Load() - before; n > 2 {
			t.Errorf("%d commits; the cancel and its delivery are two", n)
		}
	})
}

// A queue that moves all the time does not edit a chat more often than it may be.
func TestMovingQueueSparesTheChat(t *testing.T) {
	const gap = 5 * time.Second
	p := &platform{pace: func(core.Lane) core.Pace { return core.Pace{Edits: gap} }}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		ahead := w.queue(10, "")
		var waiting []core.TaskID
		for n := range 4 {
			waiting = append(waiting, w.submit(from(fmt.Sprint("member", n), "chat:group")))
		}
		for _, id := range ahead {
			nap(time.Second)
			w.cancel(id)
		}
		nap(25 * time.Second)
		for i, id := range waiting {
			if got := w.chat.last(id).Position; got != i+1 {
				t.Errorf("number %d was told %d at last", i+1, got)
			}
		}
		edits := p.to(func(d core.Delivery) bool { return d.Lane == "chat:group" && d.Kind == core.DeliverProgress })
		wantRate(t, "the group", edits, core.Rate{Calls: 1, Per: gap})
		if len(edits) < 4 || len(edits) > 7 {
			t.Errorf("%d edits in 35 seconds", len(edits))
		}
	})
}

// Who waited for credits, and then for a turn, is told that it goes on.
func TestWaitingMessagesSayThatItGoesOn(t *testing.T) {
	playOn(t, &platform{}, nil, func(t *testing.T, w *world) {
		w.kie.SetBalance(0)
		var waiting []core.TaskID
		for n := range 45 {
			waiting = append(waiting, w.submit(from(fmt.Sprint("person", n), "")))
		}
		edits := func() (n int) {
			for _, id := range waiting {
				n += w.chat.progress(id)
			}
			return n
		}
		nap(30 * time.Second)
		for _, id := range waiting {
			if p := w.chat.last(id); p.Paused != core.FailNoCredits {
				t.Fatalf("paused for %q", p.Paused)
			}
		}
		before := edits()
		nap(5 * time.Minute)
		if n := edits() - before; n > 10 {
			t.Errorf("%d edits although nothing moves; one task a minute is tried", n)
		}
		w.kie.SetBalance(1_000_000)
		w.until("it goes on", func() bool { return len(w.kie.Tasks()) >= 20 })
		nap(7 * time.Second) // two looks
		still := 0
		for _, id := range waiting {
			is, err := w.engine.Snapshot(t.Context(), id)
			w.must(err)
			if is.Position == 0 || is.Position > 20 {
				continue
			}
			still++
			if told := w.chat.last(id); told.Paused != "" || told.Position != is.Position {
				t.Errorf("number %d is told that it is number %d and waits for %q", is.Position, told.Position, told.Paused)
			}
		}
		if still < 15 {
			t.Errorf("only %d wait for their turn", still)
		}
	})
}
