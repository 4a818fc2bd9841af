package telegram

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
)

// thumbSide is how large the pictures of a list are, in pixels.
const thumbSide = 640

// thumb is a picture of a line, with the line as its caption.
type thumb struct {
	data    []byte
	says    *text
	spoiler bool
}

// picture shows the pictures of a list below it, smaller than they are. They are
// a further comfort: what cannot be shown is left out.
func (t *Telegram) picture(ctx context.Context, at place, items []bots.Item) {
	thumbs := t.thumbs(ctx, items)
	if len(thumbs) == 0 {
		return
	}
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, len(thumbs), func() error { return t.sendThumbs(ctx, at, thumbs) })
	})
	if err != nil {
		t.log.Warn("the pictures of a list were not shown", "lane", string(at.lane), "error", err)
	}
}

func (t *Telegram) thumbs(ctx context.Context, items []bots.Item) []thumb {
	var all []thumb
	for _, item := range items {
		if item.Picture == nil || len(all) == albumMax {
			continue
		}
		data, err := t.shrinker.JPEG(ctx, *item.Picture, thumbSide, photoRatio)
		if err != nil {
			t.log.Info("a picture of a list cannot be shown", "task", item.Task, "error", err)
			continue
		}
		says := &text{}
		says.item(item)
		all = append(all, thumb{data: data, says: says, spoiler: item.Spoiler})
	}
	return all
}

// sendThumbs sends them as an album, for which there must be two at least.
func (t *Telegram) sendThumbs(ctx context.Context, at place, thumbs []thumb) error {
	if len(thumbs) == 1 {
		one := thumbs[0]
		_, err := t.api.SendPhoto(ctx, &bot.SendPhotoParams{
			ChatID: at.chat, MessageThreadID: at.thread, DisableNotification: true, HasSpoiler: one.spoiler,
			Photo:   &models.InputFileUpload{Filename: "1.jpg", Data: bytes.NewReader(one.data)},
			Caption: one.says.String(), CaptionEntities: one.says.entities,
		})
		return err
	}
	var album []models.InputMedia
	for i, one := range thumbs {
		album = append(album, &models.InputMediaPhoto{
			Media: fmt.Sprintf("attach://%d.jpg", i+1), MediaAttachment: bytes.NewReader(one.data), HasSpoiler: one.spoiler,
			Caption: one.says.String(), CaptionEntities: one.says.entities,
		})
	}
	_, err := t.api.SendMediaGroup(ctx, &bot.SendMediaGroupParams{
		ChatID: at.chat, MessageThreadID: at.thread, DisableNotification: true, Media: album,
	})
	return err
}
