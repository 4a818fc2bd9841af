package telegram

import (
	"context"
	"slices"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
)

// showMenu sets the list of commands that chats offer, in each language that
// there are texts in, where it is another one than is set. That a chat offers
// none is no reason not to answer: what fails is logged.
func (t *Telegram) showMenu(ctx context.Context) {
	for _, language := range append([]string{""}, bots.Languages()...) {
		if err := t.setMenu(ctx, language); err != nil && ctx.Err() == nil {
			t.log.Warn("setting the menu of commands", "language", language, "error", err)
		}
	}
}

// setMenu sets the menu of one language; empty is for everybody else.
func (t *Telegram) setMenu(ctx context.Context, language string) error {
	var want []models.BotCommand
	for _, c := range t.cfg.Bot.Commands(language) {
		want = append(want, models.BotCommand{Command: c.Name, Description: clip.Shorten(c.Title, descriptionMost)})
	}
	have, err := t.api.GetMyCommands(ctx, &bot.GetMyCommandsParams{LanguageCode: language})
	if err != nil {
		return err
	}
	if slices.Equal(have, want) {
		return nil
	}
	_, err = t.api.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: want, LanguageCode: language})
	return err
}

const descriptionMost = 256 // characters of a command's description (Bot API, BotCommand)
