package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kiebot/core"
)

// The settings under which the store keeps what receiving has to remember.
const (
	inboxPrefix   = "telegram_inbox/" // before an update's id
	inboxBefore   = "telegram_inbox"  // older versions kept all updates in one
	offsetSetting = "telegram_offset"
)

func inboxSetting(id int64) string { return inboxPrefix + strconv.FormatInt(id, 10) }

// inbox is the updates that Telegram may forget and that are not handled yet,
// as they came, each a setting of its own: those that take long, such as an
// album whose pictures come one by one, and those that came while another
// replica had the duty, or might have. Where there is one replica nearly all
// updates are handled before Telegram is told that they arrived, and never get
// here.
type inbox struct {
	store  core.Store
	engine Engine
	more   chan struct{} // has room for one: "something was heard"

	writing sync.Mutex // locked before mu

	mu      sync.Mutex
	held    map[int64]bool            // what the store has, as far as this replica handles it
	unsaved map[int64]json.RawMessage // what the store has to get; nil is what it has to forget
	open    bool                      // this replica has the duty
	heard   []int64                   // what was put in since then, in the order of the commits
}

func newInbox(store core.Store, engine Engine) *inbox {
	return &inbox{store: store, engine: engine, more: make(chan struct{}, 1), held: map[int64]bool{}, unsaved: map[int64]json.RawMessage{}}
}

// begin lists what is there, in order. What comes afterwards is heard of.
func (b *inbox) begin(ctx context.Context) ([]json.RawMessage, error) {
	b.mu.Lock()
	b.open, b.heard = true, nil
	clear(b.held)
	clear(b.unsaved)
	b.mu.Unlock()
	if err := b.convert(ctx); err != nil {
		return nil, err
	}
	var found []core.Setting
	err := b.store.View(ctx, func(tx core.Tx) (err error) {
		found, err = listed(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the stored updates: %w", err)
	}
	updates := map[int64]json.RawMessage{}
	for _, one := range found {
		if id := updateID(one.Name); id > 0 {
			updates[id] = one.Value
		}
	}
	return b.hold(slices.Sorted(maps.Keys(updates)), updates), nil
}

// end has nothing heard of any more.
func (b *inbox) end() {
	b.mu.Lock()
	b.open = false
	b.mu.Unlock()
}

func listed(tx core.Tx) (all []core.Setting, err error) {
	for after := inboxPrefix; ; after = all[len(all)-1].Name {
		page, err := tx.Settings(after, 100)
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			if !strings.HasPrefix(one.Name, inboxPrefix) {
				return all, nil
			}
			all = append(all, one)
		}
		if len(page) == 0 {
			return all, nil
		}
	}
}

// updateID is the update that the setting has; 0 when it has none.
func updateID(setting string) int64 {
	id, err := strconv.ParseInt(strings.TrimPrefix(setting, inboxPrefix), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// hold notes that the store has the updates, and gives those that are there in
// the order of the ids.
func (b *inbox) hold(ids []int64, updates map[int64]json.RawMessage) (all []json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if raw, there := updates[id]; there {
			b.held[id] = true
			all = append(all, raw)
		}
	}
	return all
}

// convert gives what an older version left a setting for each update.
func (b *inbox) convert(ctx context.Context) error {
	data, err := readSetting(ctx, b.store, inboxBefore)
	if err != nil || data == nil {
		return err
	}
	var updates map[int64]json.RawMessage
	if err := json.Unmarshal(data, &updates); err != nil {
		return fmt.Errorf("decoding the stored updates: %w", err)
	}
	values := map[string][]byte{inboxBefore: nil}
	for id, raw := range updates {
		values[inboxSetting(id)] = raw
	}
	return b.engine.PutSettings(ctx, values)
}

// put stores an update for whoever has the duty.
func (b *inbox) put(ctx context.Context, u update) error {
	setting := inboxSetting(u.ID)
	if err := b.engine.PutSettings(ctx, map[string][]byte{setting: u.raw}); err != nil {
		return err
	}
	b.hear(setting)
	return nil
}

// hear notes that an update may have been put in.
func (b *inbox) hear(setting string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := updateID(setting)
	if !b.open || id == 0 {
		return
	}
	b.heard = append(b.heard, id)
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// next lists what was heard of since begin, or the call before.
func (b *inbox) next(ctx context.Context) ([]json.RawMessage, error) {
	b.mu.Lock()
	ids := b.heard
	b.heard = nil
	b.mu.Unlock()
	updates := map[int64]json.RawMessage{}
	err := b.store.View(ctx, func(tx core.Tx) error {
		for _, id := range ids {
			switch raw, err := tx.Setting(inboxSetting(id)); {
			case err == nil:
				updates[id] = raw
			case !errors.Is(err, core.ErrNotFound): // it is handled already
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.mu.Lock()
		b.heard = append(ids, b.heard...)
		b.mu.Unlock()
		return nil, fmt.Errorf("reading stored updates: %w", err)
	}
	return b.hold(ids, updates), nil
}

// keep stores the updates; when it returns nil they survive a kill.
func (b *inbox) keep(ctx context.Context, jobs []*job) error {
	b.mu.Lock()
	for _, j := range jobs {
		if id := j.update.ID; !b.held[id] && !j.isDone() && j.update.raw != nil {
			b.held[id], b.unsaved[id] = true, j.update.raw
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
		if b.held[id] {
			delete(b.held, id)
			b.unsaved[id], held = nil, true
		}
	}
	b.mu.Unlock()
	if !held {
		return nil
	}
	return b.save(ctx)
}

// save returns when the store has what it has to get. Writes follow each other,
// so that an older one cannot undo a newer; who waits for its turn finds that the
// one before has written what it came for.
func (b *inbox) save(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	saving := b.unsaved
	b.unsaved = map[int64]json.RawMessage{}
	b.mu.Unlock()
	if len(saving) == 0 {
		return nil
	}
	values := map[string][]byte{}
	for id, raw := range saving {
		values[inboxSetting(id)] = raw
	}
	err := b.engine.PutSettings(ctx, values)
	if err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(saving, b.unsaved)
	b.unsaved = saving
	return fmt.Errorf("storing updates: %w", err)
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

func putOffset(ctx context.Context, engine Engine, next int64, now time.Time) error {
	data, err := json.Marshal(offset{Next: next, At: now})
	if err != nil {
		return fmt.Errorf("encoding the offset: %w", err)
	}
	return engine.PutSettings(ctx, map[string][]byte{offsetSetting: data})
}
