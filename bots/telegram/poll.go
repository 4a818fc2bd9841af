package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	pollFor   = 50 * time.Second // the longest that the server waits (Bot API, getUpdates)
	pollLimit = 100
	firstWait = time.Second // after a call that failed, then twice as long
	mostWait  = time.Minute
)

// allowedUpdates is what is asked for; everything else stays at Telegram.
func (t *Telegram) allowedUpdates() []string {
	all := []string{"message", "channel_post", "callback_query", "inline_query"}
	if t.cfg.Till != nil && t.cfg.Till.Selling() {
		all = append(all, "pre_checkout_query")
	}
	return all
}

// poll gets updates until ctx ends. It tells Telegram that they arrived only
// when each is handled or stored. It ends at once when ctx does, having told
// Telegram what it has.
func (t *Telegram) poll(ctx context.Context) {
	var next int64
	err := t.steadily(ctx, "reading where getting updates stopped", func() (err error) {
		next, err = readOffset(ctx, t.cfg.Store, t.cfg.Now())
		return err
	})
	if err != nil {
		return // ctx ended
	}
	heard := t.cfg.Now()
	for ctx.Err() == nil {
		if t.cfg.Now().Sub(heard) > offsetFor {
			next = 0 // ids may begin anew, and everything before is confirmed
		}
		var raw []json.RawMessage
		err := t.steadily(ctx, "getting updates", func() error {
			raw, err = t.api.updates(ctx, next, pollFor, t.allowedUpdates())
			return err
		})
		if err != nil {
			break // ctx ended
		}
		// An id below the offset is one of a new beginning.
		if after := t.readAll(raw); after.next > 0 {
			next, heard = after.next, t.cfg.Now()
			after.updates = t.checkouts(ctx, after.updates)
			if t.steadily(ctx, "storing updates", func() error { return t.keep(ctx, after) }) != nil {
				break
			}
		}
	}
}

// arrived is what one call of getUpdates gave.
type arrived struct {
	updates []update
	next    int64
}

// readAll decodes what came. What is broken is noted and left out.
func (t *Telegram) readAll(raw []json.RawMessage) arrived {
	var all arrived
	for _, one := range raw {
		u, err := readUpdate(one)
		all.next = max(all.next, u.ID+1)
		if err != nil {
			t.skipped(u.ID, err)
			continue
		}
		all.updates = append(all.updates, u)
	}
	return all
}

// keep sees to it that Telegram may forget what arrived.
func (t *Telegram) keep(ctx context.Context, a arrived) error {
	if err := t.receiver.take(ctx, a.updates); err != nil {
		return err
	}
	return putOffset(ctx, t.cfg.Engine, a.next, t.cfg.Now())
}

// steadily makes a call until it succeeds, with growing pauses, and keeps the
// health up to date. Its error is that of ctx.
func (t *Telegram) steadily(ctx context.Context, what string, call func() error) error {
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		err := call()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.health.note(t.log, what, err)
		if err == nil {
			return nil
		}
		pause := wait/2 + rand.N(wait/2)
		var failed *callError
		switch {
		case errors.As(err, &failed) && failed.RetryAfter > 0:
			pause = failed.RetryAfter
		case trouble(err) == errToken:
			pause = mostWait // nothing that goes away by itself soon
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// updates calls getUpdates.
func (c *client) updates(ctx context.Context, offset int64, wait time.Duration, allowed []string) ([]json.RawMessage, error) {
	var found []json.RawMessage
	err := c.post(ctx, "getUpdates", map[string]any{
		"offset": offset, "limit": pollLimit, "timeout": int(wait.Seconds()), "allowed_updates": allowed,
	}, &found)
	return found, err
}

// post calls a method whose answer the library would not give as it came.
func (c *client) post(ctx context.Context, method string, params, result any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/bot"+c.token+"/"+method, bytes.NewReader(body))
	if err != nil {
		return &callError{Method: method, Cause: c.presentable(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body) // Do has it in memory
	if err != nil {
		return &callError{Method: method, Status: resp.StatusCode, Cause: err}
	}
	answer := struct {
		Result any `json:"result"`
	}{result}
	if err := json.Unmarshal(data, &answer); err != nil {
		return &callError{Method: method, Status: resp.StatusCode, Description: "the answer is of another form than it should be"}
	}
	return nil
}
