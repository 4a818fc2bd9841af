package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kiebot/core"
)

// The settings under which the store keeps what receiving has to remember.
const (
	inboxSetting  = "telegram_inbox"
	offsetSetting = "telegram_offset"
)

// inbox is the updates that Telegram may forget and that are not handled yet,
// as they came: those that take long, such as an album whose pictures come one
// by one. It is one small record, for nearly all updates are handled before
// Telegram is told that they arrived, and never get here.
type inbox struct {
	store core.Store

	writing sync.Mutex // locked before mu

	mu    sync.Mutex
	held  map[int64]json.RawMessage // by update id
	stale bool                      // the store has something else
}

func newInbox(store core.Store) *inbox {
	return &inbox{store: store, held: map[int64]json.RawMessage{}}
}

// load reads what a former process left, in order.
func (b *inbox) load(ctx context.Context) ([]json.RawMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, err := readSetting(ctx, b.store, inboxSetting)
	if err != nil || data == nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &b.held); err != nil {
		return nil, fmt.Errorf("decoding the stored updates: %w", err)
	}
	var ids []int64
	for id := range b.held {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	left := make([]json.RawMessage, 0, len(ids))
	for _, id := range ids {
		left = append(left, b.held[id])
	}
	return left, nil
}

// keep stores the updates; when it returns nil they survive a kill.
func (b *inbox) keep(ctx context.Context, jobs []*job) error {
	b.mu.Lock()
	for _, j := range jobs {
		if _, there := b.held[j.update.ID]; !there && !j.isDone() && j.update.raw != nil {
			b.held[j.update.ID] = j.update.raw
			b.stale = true
		}
	}
	b.mu.Unlock()
	return b.save(ctx)
}

// drop forgets updates that were handled.
func (b *inbox) drop(ctx context.Context, ids []int64) error {
	b.mu.Lock()
	held := false
	for _, id := range ids {
		if _, there := b.held[id]; there {
			delete(b.held, id)
			b.stale, held = true, true
		}
	}
	b.mu.Unlock()
	if !held {
		return nil
	}
	return b.save(ctx)
}

// save returns when the store has what is held. Writes follow each other, so
// that an older one cannot undo a newer; who waits for its turn finds that the
// one before has written what it came for.
func (b *inbox) save(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	if !b.stale {
		b.mu.Unlock()
		return nil
	}
	b.stale = false
	data, err := json.Marshal(b.held)
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encoding updates: %w", err)
	}
	if err := putSetting(ctx, b.store, inboxSetting, data); err != nil {
		b.mu.Lock()
		b.stale = true
		b.mu.Unlock()
		return err
	}
	return nil
}

func readSetting(ctx context.Context, store core.Store, name string) (value []byte, err error) {
	err = store.View(ctx, func(tx core.Tx) error {
		value, err = tx.Setting(name)
		if errors.Is(err, core.ErrNotFound) {
			value, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return value, nil
}

func putSetting(ctx context.Context, store core.Store, name string, value []byte) error {
	if err := store.Update(ctx, func(tx core.Tx) error { return tx.PutSetting(name, value) }); err != nil {
		return fmt.Errorf("storing %s: %w", name, err)
	}
	return nil
}

// offset is the next update that getUpdates has to give.
type offset struct {
	Next int64     `json:"next"`
	At   time.Time `json:"at"`
}

// offsetFor is how long a stored offset says something. After a week without
// updates their ids begin anew at random (Bot API, Update).
const offsetFor = 6 * 24 * time.Hour

// readOffset is where the former process stopped, zero when that is not known.
func readOffset(ctx context.Context, store core.Store, now time.Time) (int64, error) {
	data, err := readSetting(ctx, store, offsetSetting)
	if err != nil || data == nil {
		return 0, err
	}
	var o offset
	if err := json.Unmarshal(data, &o); err != nil || now.Sub(o.At) > offsetFor {
		return 0, nil // as if it was the first start: Telegram knows what it gave
	}
	return o.Next, nil
}

func putOffset(ctx context.Context, store core.Store, next int64, now time.Time) error {
	data, err := json.Marshal(offset{Next: next, At: now})
	if err != nil {
		return fmt.Errorf("encoding the offset: %w", err)
	}
	return putSetting(ctx, store, offsetSetting, data)
}
