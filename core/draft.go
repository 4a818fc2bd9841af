package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A draft is a request that a person is still putting together, press by
// press. It is in the store, so that every press works after a restart, and
// what it says is its caller's own.

// ReasonNoDraft refuses a draft that is not open any more, or that was
// somebody else's.
const ReasonNoDraft Reason = "no_draft"

const (
	// DraftFor is how long a draft is kept after its last change. It is less
	// than SeenFor, so that what a draft became is known as long as it can be asked for.
	DraftFor = SeenFor / 2
	// draftsMax is how many drafts of one person are kept; the oldest make room.
	draftsMax = 5
	// draftMax is how large one may be, in bytes.
	draftMax = 64 << 10
)

// Draft is one draft.
type Draft struct {
	ID      string          `json:"id"`
	Data    json.RawMessage `json:"data"` // the caller's own, opaque to core
	From    string          `json:"from"` // the update that began it
	Expires time.Time       `json:"expires"`
	// Tasks is what it became; then it does not change any more.
	Tasks []TaskID `json:"-"`
}

// Key is the Request.Key under which the draft is submitted: it becomes one
// batch, however often that is tried.
func (d Draft) Key() string { return "draft:" + d.ID }

func draftSetting(who Identity) string { return "drafts/" + who.String() }

// drafts lists what is kept of the person, the oldest first.
func drafts(tx Tx, who Identity, now time.Time) ([]Draft, error) {
	var all []Draft
	_, err := settingJSON(tx, draftSetting(who), &all)
	return slices.DeleteFunc(all, func(d Draft) bool { return !now.Before(d.Expires) }), err
}

// draft finds one of them, and what it became.
func draft(tx Tx, who Identity, id string, now time.Time) (all []Draft, at int, err error) {
	all, err = drafts(tx, who, now)
	if err != nil {
		return nil, 0, err
	}
	at = slices.IndexFunc(all, func(d Draft) bool { return d.ID == id })
	if at < 0 {
		return nil, 0, &Refusal{Reason: ReasonNoDraft}
	}
	seen, err := tx.Seen(all[at].Key())
	if errors.Is(err, ErrNotFound) || err == nil && !seen.Expires.After(now) {
		return all, at, nil
	}
	all[at].Tasks = seen.Tasks
	return all, at, err
}

// NewDraft keeps a draft for the person of the origin, who must be one that may
// ask for something there. The key is that of the platform's update: the same
// key again gives the same draft.
func (e *Engine) NewDraft(ctx context.Context, origin Origin, key string, data json.RawMessage) (Draft, error) {
	if len(data) > draftMax {
		return Draft{}, fmt.Errorf("core: a draft of %d bytes is too large", len(data))
	}
	var made Draft
	who := origin.Identity
	err := e.update(ctx, func(c *change) error {
		account, err := accountOrNone(c.Tx, who)
		if err != nil {
			return err
		}
		asked, err := c.e.asked(c.Tx, account, origin, c.now)
		if err != nil {
			return err
		}
		if err := asked.welcome(); err != nil {
			return err
		}
		all, err := drafts(c.Tx, who, c.now)
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(all, func(d Draft) bool { return d.From == key }); at >= 0 {
			made = all[at]
			return nil
		}
		id, err := c.e.ids.next(c.now)
		if err != nil {
			return err
		}
		made = Draft{ID: id, Data: data, From: key, Expires: c.now.Add(DraftFor)}
		all = append(all, made)
		return c.putJSON(draftSetting(who), all[max(len(all)-draftsMax, 0):])
	})
	return made, unavailable(e.announced(ctx, origin, err))
}

// Draft reads one of the person's drafts.
func (e *Engine) Draft(ctx context.Context, who Identity, id string) (Draft, error) {
	var found Draft
	err := e.view(ctx, func(tx Tx) error {
		all, at, err := draft(tx, who, id, e.cfg.Now())
		if err == nil {
			found = all[at]
		}
		return err
	})
	return found, err
}

// EditDraft lets edit change what one of the person's drafts says, and gives
// the draft as it is then. A draft that became something is given as it is.
// edit may be called more than once; its error comes back.
func (e *Engine) EditDraft(ctx context.Context, who Identity, id string, edit func(json.RawMessage) (json.RawMessage, error)) (Draft, error) {
	var edited Draft
	err := e.update(ctx, func(c *change) error {
		all, at, err := draft(c.Tx, who, id, c.now)
		if err != nil {
			return err
		}
		edited = all[at]
		if len(edited.Tasks) > 0 {
			return nil
		}
		if edited.Data, err = edit(edited.Data); err != nil {
			return err
		}
		edited.Expires = c.now.Add(DraftFor)
		all[at] = edited
		return c.putJSON(draftSetting(who), all)
	})
	return edited, unavailable(err)
}

// DropDraft forgets one of the person's drafts. What it became stays.
func (e *Engine) DropDraft(ctx context.Context, who Identity, id string) error {
	return unavailable(e.update(ctx, func(c *change) error {
		all, at, err := draft(c.Tx, who, id, c.now)
		if err != nil {
			return err
		}
		if all = slices.Delete(all, at, at+1); len(all) == 0 {
			return c.DeleteSetting(draftSetting(who))
		}
		return c.putJSON(draftSetting(who), all)
	}))
}
