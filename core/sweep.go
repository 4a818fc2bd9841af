package core

import (
	"context"
	"errors"
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

// spool fetches a file into the spool, and has that swept when it is above its
// bound then.
func (e *Engine) spool(ctx context.Context, key, url string, kind media.Kind) (media.File, error) {
	file, err := e.cfg.Spool.Fetch(ctx, key, url, kind)
	if e.cfg.Spool.Exceeds(e.cfg.MediaKept.Bytes) {
		select {
		case e.full <- struct{}{}:
		default:
		}
	}
	return file, err
}

// sweepLoop keeps the spool within its bounds: every sweepPause, and when a
// file that was fetched brings it above what it may have.
func (e *Engine) sweepLoop(ctx context.Context) {
	ticks := time.NewTicker(sweepPause)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-e.full:
		}
		if err := e.sweepMedia(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("sweeping the media folder", "error", err)
		}
	}
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

// waitsFor reports whether a delivery waits that shows the file. When that
// cannot be found out the file stays.
func (e *Engine) waitsFor(ctx context.Context, name string) bool {
	id, _, _ := strings.Cut(name, mediaKeySep)
	t, err := e.load(ctx, TaskID(id))
	if errors.Is(err, ErrNotFound) {
		return false
	}
	return err != nil || e.courier.waits(t.Lead())
}
