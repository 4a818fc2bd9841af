package core

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// How often a chat is asked to show how long a task has been running. Reads
// are too rare for that: they come when a result can be expected.
const (
	clocksMax      = 50   // tasks looked at per second; when more run, each has to wait
	clocksRecalled = 1000 // tasks whose clocks go on at once after a restart; those of others when they are read
	clockYoung     = 5 * time.Second
	clockOld       = 15 * time.Second // after two minutes
	clockSlow      = time.Minute      // after ten
)

func clockGap(age time.Duration) time.Duration {
	switch {
	case age < 2*time.Minute:
		return clockYoung
	case age < 10*time.Minute:
		return clockOld
	default:
		return clockSlow
	}
}

// clock has the chat show how long the task has been running for as long as it
// runs. News of how it was before may come after that of its running.
func (e *Engine) clock(t Task) {
	switch {
	case t.State == Running:
		e.clocks.put(t.ID, e.cfg.Now().Add(clockYoung))
	case t.State.Final():
		e.clocks.drop(t.ID)
	}
}

// recallClock is clock for a task that is taken up.
func (e *Engine) recallClock(id TaskID) {
	if e.clocks.len() < clocksRecalled {
		e.clocks.put(id, e.cfg.Now().Add(clockYoung))
	}
}

// clockLoop asks for progress edits of what runs.
func (e *Engine) clockLoop(ctx context.Context) {
	pace := rate.NewLimiter(clocksMax, clocksMax)
	for {
		id, ok := e.clocks.next(ctx)
		if !ok || pace.Wait(ctx) != nil {
			return
		}
		task, err := e.load(ctx, id)
		switch {
		case ctx.Err() != nil || errors.Is(err, ErrNotFound):
		case err != nil:
			e.log.Error("loading a task that runs", "task", id, "error", err)
			e.clocks.put(id, e.cfg.Now().Add(clockSlow))
		case task.State == Running:
			e.courier.refresh(progressOf(task), false)
			now := e.cfg.Now()
			e.clocks.put(id, now.Add(clockGap(now.Sub(task.Started))))
		}
	}
}
