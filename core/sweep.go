package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kiebot/core/media"
)

// What the spool keeps when nothing is configured, and how often it is swept.
const (
	mediaRetention = 14 * 24 * time.Hour
	mediaMax       = 10 << 30
	sweepPause     = 10 * time.Minute
)

const (
	// leftPause is how often is looked for files of tasks that are forgotten.
	// One that was used in the last leftFor stays until the next look.
	leftPause = time.Hour
	leftFor   = time.Hour
	leftMany  = 200 // files whose tasks are looked for in one transaction
	unkeptMax = 64  // notes of another replica that wait
)

// filesTopic is under which the replica that forgets tasks says the keys of their files.
const filesTopic = "files"

// spool fetches a file into the spool, and has that swept when it is above its
// bound then.
func (e *Engine) spool(ctx context.Context, key, url string, kind media.Kind) (media.File, error) {
	file, err := e.cfg.Spool.Fetch(ctx, key, url, kind)
	if e.cfg.Spool.Exceeds(e.cfg.MediaKept.Bytes) {
		signal(e.full)
	}
	return file, err
}

// sweepLoop keeps the spool within its bounds: every sweepPause, and when a
// file that was fetched brings it above what it may have. It removes files of
// what was forgotten: when another replica says so, and, since this one may have
// been down then, what it finds at first and every leftPause.
func (e *Engine) sweepLoop(ctx context.Context) {
	ticks := time.NewTicker(sweepPause)
	defer ticks.Stop()
	looks := time.NewTicker(leftPause)
	defer looks.Stop()
	err := e.sweepLeft(ctx)
	for {
		if err != nil && ctx.Err() == nil {
			e.log.Error("sweeping the media folder", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case keys := <-e.unkept:
			err = e.removeFiles(keys)
		case <-looks.C:
			err = e.sweepLeft(ctx)
		case <-ticks.C:
			err = e.sweepMedia(ctx)
		case <-e.full:
			err = e.sweepMedia(ctx)
		}
	}
}

// hearFiles has the files removed of what another replica has forgotten. Too
// many at once are left to the next look.
func (e *Engine) hearFiles(data json.RawMessage) {
	var keys []string
	if err := json.Unmarshal(data, &keys); err != nil {
		e.log.Error("reading of which files another replica spoke", "error", err)
		return
	}
	select {
	case e.unkept <- keys:
	default:
	}
}

func (e *Engine) removeFiles(keys []string) error {
	var failed []error
	for _, key := range keys {
		failed = append(failed, e.cfg.Spool.Remove(key))
	}
	return errors.Join(failed...)
}

// sweepLeft removes files of tasks that the store does not have.
func (e *Engine) sweepLeft(ctx context.Context) error {
	keys, err := e.cfg.Spool.Keys(e.cfg.Now().Add(-leftFor))
	if err != nil {
		return err
	}
	removed := 0
	for some := range slices.Chunk(keys, leftMany) {
		left, err := e.leftOf(ctx, some)
		if err != nil {
			return err
		}
		if err := e.removeFiles(left); err != nil {
			return err
		}
		removed += len(left)
	}
	if removed > 0 {
		e.log.Info("media of forgotten tasks was removed", "files", removed)
	}
	return nil
}

// leftOf picks the keys whose tasks the store does not have.
func (e *Engine) leftOf(ctx context.Context, keys []string) (left []string, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		left = nil
		for _, key := range keys {
			id, _, _ := strings.Cut(key, mediaKeySep)
			_, err := tx.Task(TaskID(id))
			if errors.Is(err, ErrNotFound) {
				left = append(left, key)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the tasks of files: %w", err)
	}
	return left, nil
}

// sweepMedia removes fetched files that nobody has used for long, and more
// when there are too many bytes. What waits to be shown stays. It must not be
// called before the courier has what the store knows.
func (e *Engine) sweepMedia(ctx context.Context) error {
	done, err := e.cfg.Spool.Sweep(ctx, e.cfg.Now(), e.cfg.MediaKept, func(name string) bool { return e.waitsFor(ctx, name) })
	if done.Files > 0 {
		e.log.Info("media was removed", "files", done.Files, "bytes", done.Freed, "left", done.Left)
	}
	return err
}

// waitsFor reports whether the file is still to be shown: here or, as its lane
// may come here, by another replica. When that cannot be found out the file stays.
func (e *Engine) waitsFor(ctx context.Context, name string) bool {
	id, _, _ := strings.Cut(name, mediaKeySep)
	t, err := e.load(ctx, TaskID(id))
	if err == nil && t.Lead() != t.ID {
		t, err = e.load(ctx, t.Lead())
	}
	if errors.Is(err, ErrNotFound) {
		return false
	}
	return err != nil || t.Delivered.IsZero() && t.Undelivered == nil || e.courier.waits(t.ID)
}
