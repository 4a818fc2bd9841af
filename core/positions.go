package core

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// positionsShown is for how many of those who wait their message follows
	// when the queue moves. Who is further back sees the place of when it was
	// last shown.
	positionsShown = 20
	// positionsKnown is of how many it is remembered what their message says:
	// of more, so that moving to and fro at the border causes no edits.
	positionsKnown = 2 * positionsShown
	// positionsMost bounds what is remembered while nothing moves for anybody.
	positionsMost = 1000
	// pauseShown is of how many the message follows a pause, and its end.
	pauseShown = positionsMost / 2
)

// place is what a message says of a task that waits: where it stands, or why
// nobody's turn comes.
type place struct {
	position int
	paused   Reason
}

// placeOf leaves the position out while nothing moves: tasks are then looked
// at every minute, each at another time, which changes their order for a moment.
func placeOf(position int, paused Reason) place {
	if paused != "" {
		return place{paused: paused}
	}
	return place{position: position}
}

// positions is what the messages of those who wait in front say. What it does
// not know costs an edit too many. All methods may be called concurrently.
type positions struct {
	mu    sync.Mutex
	shown map[TaskID]shownPlace
}

type shownPlace struct {
	place
	at time.Time
}

func newPositions() *positions { return &positions{shown: map[TaskID]shownPlace{}} }

// note remembers what the parcel is about to show.
func (s *positions) note(p Parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lead := p.Tasks[0]
	if lead.State != Queued || p.Paused == "" && p.Position > positionsKnown {
		delete(s.shown, lead.ID)
		return
	}
	if len(s.shown) == positionsMost {
		clear(s.shown)
	}
	s.shown[lead.ID] = shownPlace{placeOf(p.Position, p.Paused), time.Now()}
}

// saysPaused reports whether the task's message says that an admin paused.
func (s *positions) saysPaused(id TaskID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown[id].paused == ReasonPaused
}

// wrong lists the tasks whose messages say something else than is true by now,
// those that have done so longest first.
func (s *positions) wrong(now map[TaskID]place) []TaskID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wrong []TaskID
	for id, is := range now {
		if s.shown[id].place != is {
			wrong = append(wrong, id)
		}
	}
	slices.SortFunc(wrong, func(a, b TaskID) int {
		return cmp.Or(s.shown[a].at.Compare(s.shown[b].at), cmp.Compare(now[a].position, now[b].position))
	})
	return wrong
}

// positionLoop has the messages of those who wait follow the queue. However
// fast that moves, it looks once in progressGap.
func (e *Engine) positionLoop(ctx context.Context) {
	pace := rate.NewLimiter(rate.Every(progressGap), 1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.creator.moved:
		}
		if pace.Wait(ctx) != nil {
			return
		}
		switch done, err := e.showPositions(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.log.Error("loading those who wait in front", "error", err)
		case !done:
			e.creator.shift()
		}
	}
}

// showPositions asks for edits of the messages that say the wrong place. It
// answers false when the chats of some have to be left alone for a moment.
func (e *Engine) showPositions(ctx context.Context) (done bool, err error) {
	waiting, places := map[TaskID]Task{}, map[TaskID]place{}
	err = e.store.View(ctx, func(tx Tx) error {
		for i, id := range e.creator.ahead(pauseShown) {
			if i >= positionsShown && !e.pause.on() && !e.places.saysPaused(id) {
				continue
			}
			t, err := tx.Task(id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if t.State == Queued && t.Lead() == id { // the place of a batch is its first task's
				paused, _ := e.paused(t)
				waiting[id], places[id] = t, placeOf(i+1, paused)
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	done = true
	for _, id := range e.places.wrong(places) {
		done = e.courier.refreshSeldom(waiting[id]) && done
	}
	return done, nil
}
