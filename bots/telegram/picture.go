package telegram

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
)

// picture shows the pictures of a list below it, smaller than they are. They are
// a further comfort: what cannot be shown is left out.
func (t *Telegram) picture(ctx context.Context, at place, items []bots.Item) {
	thumbs := bots.Thumbs(ctx, t.shrinker, items, photoRatio, t.log)
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

// sendThumbs sends them as an album, for which there must be two at least.
func (t *Telegram) sendThumbs(ctx context.Context, at place, thumbs []bots.Thumb) error {
	if len(thumbs) == 1 {
		one, says := thumbs[0], captionOf(thumbs[0])
		_, err := t.api.SendPhoto(ctx, &bot.SendPhotoParams{
			ChatID: at.chat, MessageThreadID: at.thread, DisableNotification: true, HasSpoiler: one.Spoiler,
			Photo:   &models.InputFileUpload{Filename: "1.jpg", Data: bytes.NewReader(one.JPEG)},
			Caption: says.String(), CaptionEntities: says.entities,
		})
		return err
	}
	var album []models.InputMedia
	for i, one := range thumbs {
		says := captionOf(one)
		album = append(album, &models.InputMediaPhoto{
			Media: fmt.Sprintf("attach://%d.jpg", i+1), MediaAttachment: bytes.NewReader(one.JPEG), HasSpoiler: one.Spoiler,
			Caption: says.String(), CaptionEntities: says.entities,
		})
	}
	_, err := t.api.SendMediaGroup(ctx, &bot.SendMediaGroupParams{
		ChatID: at.chat, MessageThreadID: at.thread, DisableNotification: true, Media: album,
	})
	return err
}

// captionOf is the line of the list.
func captionOf(one bots.Thumb) *text {
	says := &text{}
	says.item(one.Item)
	return says
}
