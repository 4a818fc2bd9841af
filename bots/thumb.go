package bots

import (
	"context"
	"log/slog"
	"time"

	"kiebot/core/media"
)

// The pictures of a list: how many every chat shows together, and how large
// they are, in pixels.
const (
	thumbsMax = 10
	thumbSide = 640
)

// thumbFor is how long a picture that is not here is waited for.
const thumbFor = 10 * time.Second

// Thumb is an item with its picture made smaller.
type Thumb struct {
	Item
	JPEG []byte
}

// Thumbs makes the pictures of a list smaller, at most ten and each no longer
// than ratio times as wide as high, or the other way round. A picture that
// cannot be read is logged and left out.
func Thumbs(ctx context.Context, shrinker *media.Shrinker, items []Item, ratio int, log *slog.Logger) []Thumb {
	var all []Thumb
	for _, item := range items {
		if item.Picture == nil || len(all) == thumbsMax {
			continue
		}
		data, err := item.thumb(ctx, shrinker, ratio)
		if err != nil {
			log.Info("a picture of a list cannot be shown", "task", string(item.Task), "error", err)
			continue
		}
		all = append(all, Thumb{item, data})
	}
	return all
}

// thumb makes the item's picture smaller, and fetches it before when it is not here.
func (i Item) thumb(ctx context.Context, shrinker *media.Shrinker, ratio int) ([]byte, error) {
	picture := *i.Picture
	if picture.Path == "" && i.bring != nil {
		within, cancel := context.WithTimeout(ctx, thumbFor)
		defer cancel()
		var err error
		if picture, err = i.bring(within, picture.Name); err != nil {
			return nil, err
		}
	}
	return shrinker.JPEG(ctx, picture, thumbSide, ratio)
}
