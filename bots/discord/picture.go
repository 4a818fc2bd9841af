package discord

import (
	"context"
	"fmt"

	"github.com/bwmarrin/discordgo"

	"kiebot/bots"
	"kiebot/bots/clip"
)

const altMax = 1024 // of a description (Discord docs, "Media Gallery Item Structure")

// picture shows the pictures of a list below it, smaller than they are, to who
// sees the list. What cannot be made smaller is left out.
func (d *Discord) picture(ctx context.Context, o *opening, items []bots.Item) error {
	words := newDraft()
	words.Flags |= flagComponents
	var gallery []discordgo.MediaGalleryItem
	for i, one := range bots.Thumbs(ctx, d.shrinker, items, renditionRatio, d.log) {
		name, alt := fmt.Sprintf("%d.jpg", i+1), clip.Shorten(one.Title+" – "+one.Detail, altMax)
		words.attach(upload{name: name, kind: "image/jpeg", data: one.JPEG}, one.Spoiler)
		gallery = append(gallery, discordgo.MediaGalleryItem{
			Media: discordgo.UnfurledMediaItem{URL: "attachment://" + name}, Description: &alt, Spoiler: one.Spoiler,
		})
	}
	if len(gallery) == 0 {
		return nil
	}
	words.Components = append(words.Components, discordgo.MediaGallery{Items: gallery})
	return d.below(ctx, o, words)
}

// document shows a file of words below what was said; nil shows nothing.
func (d *Discord) document(ctx context.Context, o *opening, file *bots.Document) error {
	if file == nil {
		return nil
	}
	words := newDraft()
	words.attach(upload{name: file.Name, kind: file.Type, data: file.Data}, false)
	return d.below(ctx, o, words)
}

// below is a further message for who sees the answer, which may be on its way
// to Discord still.
func (d *Discord) below(ctx context.Context, o *opening, words draft) error {
	if !o.in.direct() {
		words = words.alone()
	}
	return soon(ctx, func() error {
		_, err := d.furtherTo(ctx, o.in.ref(false), words)
		return err
	})
}
