package core

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// While an admin has paused kiebot nothing more is accepted and nothing that is
// queued leaves for Kie. What Kie has goes on, is delivered and settled.
//
// The hour that a queued task waits for a usable key or a file does not run
// then: it begins anew when the pause ends. So nothing fails because somebody
// paused, however long, and nothing waits for more than an hour after it.

// ReasonPaused refuses a request, or says why a queued task waits, while an
// admin has paused kiebot; Refusal.Why is what the admin said.
const ReasonPaused Reason = "paused"

// Pause is who paused kiebot, and why.
type Pause struct {
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"` // people read it
	At  time.Time `json:"at"`            // since when
}

// pauseSetting is where pausing is stored.
const pauseSetting = "paused"

// pausing is the pause, if there is one, and when the last one ended.
type pausing struct {
	Now   *Pause    `json:"now,omitempty"`
	Ended time.Time `json:"ended,omitzero"`
}

// patience is until when the queued task waits for what it cannot do without.
func (p pausing) patience(t Task, now time.Time) time.Time {
	if p.Now != nil {
		return now.Add(KeyPatience)
	}
	return later(t.Created, p.Ended).Add(KeyPatience)
}

func pausingIn(tx Tx) (p pausing, err error) {
	_, err = settingJSON(tx, pauseSetting, &p)
	return p, err
}

// pauseKnown is what the loops know of the pause. It is a hint that spares them
// work, and what people are shown: whether a task leaves, or is given up, is
// decided by the store, in the transaction that does it.
type pauseKnown struct {
	reading sync.Mutex // one after the other, so that the last one knows the last commit
	known   atomic.Pointer[pausing]
}

// get is what is known; nothing is paused until something was read.
func (k *pauseKnown) get() pausing {
	if p := k.known.Load(); p != nil {
		return *p
	}
	return pausing{}
}

// on reports whether kiebot is paused, as far as is known.
func (k *pauseKnown) on() bool { return k.get().Now != nil }

// Paused says whether an admin has paused kiebot, and who, why and since when.
func (e *Engine) Paused(ctx context.Context) (pause Pause, paused bool, err error) {
	err = e.view(ctx, func(tx Tx) error {
		now, err := pausingIn(tx)
		if paused = now.Now != nil; paused {
			pause = *now.Now
		}
		return err
	})
	return pause, paused, err
}

// SetPaused pauses kiebot or ends that. Pausing once more changes who did and
// why, not since when.
func (e *Engine) SetPaused(ctx context.Context, act Act, on bool) error {
	name := "resume"
	if on {
		name = "pause"
	}
	err := e.act(ctx, act, name, "everybody", func(c *change) (string, error) {
		p, err := pausingIn(c.Tx)
		if err != nil {
			return "", err
		}
		switch {
		case on && p.Now != nil:
			p.Now.By, p.Now.Why = act.By, act.Why
		case on:
			p.Now = &Pause{By: act.By, Why: act.Why, At: c.now}
		case p.Now != nil:
			p.Now, p.Ended = nil, c.now
		}
		return "", c.putJSON(pauseSetting, p)
	})
	if err != nil {
		return err
	}
	e.notePause(ctx)
	return nil
}

// notePause is recallPause after a commit. When the store fails it does so for
// everything; what is known stays a hint.
func (e *Engine) notePause(ctx context.Context) {
	if err := e.recallPause(context.WithoutCancel(ctx)); err != nil {
		e.log.Error("reading the pause", "error", err)
	}
}

// recallPause tells the loops of the pause that the store has.
func (e *Engine) recallPause(ctx context.Context) error {
	e.pause.reading.Lock()
	defer e.pause.reading.Unlock()
	var p pausing
	err := e.store.View(ctx, func(tx Tx) (err error) {
		p, err = pausingIn(tx)
		return err
	})
	if err != nil {
		return err
	}
	e.pause.known.Store(&p)
	e.creator.stir()
	e.uploads.stir()
	e.creator.shift()
	return nil
}

// running refuses a request while kiebot is paused.
func running(tx Tx) error {
	p, err := pausingIn(tx)
	if err == nil && p.Now != nil {
		return &Refusal{Reason: ReasonPaused, Why: p.Now.Why}
	}
	return err
}

// outOfPatience reports whether the queued task has waited long enough.
func (c *change) outOfPatience(t *Task) (bool, error) {
	p, err := pausingIn(c.Tx)
	return !c.now.Before(p.patience(*t, c.now)), err
}
