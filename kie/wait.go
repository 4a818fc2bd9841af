package kie

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	// recordGrace is how long a missing record is put down to its creation
	// being recent.
	recordGrace = 60 * time.Second
	// outputGrace is how long a success without outputs is read again.
	outputGrace = 2 * time.Minute
)

// Status asks once how a task stands: GET /api/v1/jobs/recordInfo (docs.kie.ai,
// "Get Task Details"), or the record call of the older endpoint that created
// it. A task that Kie does not know gives [ErrNotFound]; that is normal for
// some seconds after its creation. Nothing is asked about what was answered at
// once.
func (c *Client) Status(ctx context.Context, ref Ref) (Status, error) {
	info, ok := ref.Endpoint.Info()
	if !ok || ref.Endpoint == "" || ref.TaskID == "" {
		return Status{}, &Error{Kind: ErrInvalid, Op: opStatus, Message: "the reference does not name a task of a known endpoint"}
	}
	if info.AtOnce() {
		status, ok := answered(ref)
		if !ok {
			return Status{}, &Error{Kind: ErrInvalid, Op: opStatus, Message: "the reference holds no answer"}
		}
		return status, nil
	}
	env, err := c.query(ctx, call{
		op: opStatus, method: http.MethodGet, path: info.Record, query: url.Values{"taskId": {ref.TaskID}},
	})
	if err != nil {
		return Status{}, err
	}
	if env.data == nil {
		return Status{}, &Error{Kind: ErrNotFound, Op: opStatus, Code: 200, Message: "Kie has no record of this task"}
	}
	status, ok := decodeRecord(info, ref, env.data)
	if !ok {
		return Status{}, unusable(opStatus, "a record without a state")
	}
	return status, nil
}

// Wait reads a task until its state is final and returns that status, also
// when the state is [Fail]: then Status.Failure has the reason. It asks at the
// pace that docs.kie.ai advises ("Get Task Details"): every 3 s in the first
// half minute, every 5 s up to two minutes, every 15 s from then on.
//
// Errors that look temporary are waited out. A missing record is tolerated for
// 60 s, since a new task takes some seconds to appear, and a success without
// outputs is read again for two minutes. ctx decides how long all this may
// last: allow 15 minutes for images, 30 for video and music. When it ends,
// Wait returns the last status it saw and an [ErrTemporary] that wraps the
// context's error; the task goes on at Kie and is billed, so wait for the same
// Ref again instead of creating another.
func (c *Client) Wait(ctx context.Context, ref Ref) (Status, error) {
	var (
		last  Status
		empty time.Time // the first success without outputs
		start = time.Now()
		seen  = start // the last time a record existed
	)
	for {
		status, err := c.Status(ctx, ref)
		now := time.Now()
		switch {
		case err == nil:
			last, seen = status, now
			if status.State == Success && empty.IsZero() {
				empty = now
			}
			if status.State == Fail || status.State == Success && (len(status.Outputs) > 0 || now.Sub(empty) >= outputGrace) {
				return status, nil
			}
		case !waitable(err, now.Sub(seen)):
			return last, err
		}
		if interrupted := sleep(ctx, max(pace(now.Sub(start)), askedPause(err))); interrupted != nil {
			return last, &Error{
				Kind: ErrTemporary, Op: opWait, Err: interrupted,
				Message: fmt.Sprintf("no final state in time (%v); the task goes on at Kie", interrupted),
			}
		}
	}
}

// pace is the pause before the next question.
func pace(elapsed time.Duration) time.Duration {
	switch {
	case elapsed < 30*time.Second:
		return 3 * time.Second
	case elapsed < 2*time.Minute:
		return 5 * time.Second
	}
	return 15 * time.Second
}

// waitable reports whether an error may pass, given how long no record was
// seen.
func waitable(err error, unseen time.Duration) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.passing() || e.Kind == ErrNotFound && unseen < recordGrace)
}

// askedPause is how long Kie asked to wait, if it did.
func askedPause(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
