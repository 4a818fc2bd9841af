package telegram

import (
	"context"
	"slices"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/bots/clip"
)

// scope is where a menu of commands is offered: a person sees that of the
// narrowest that fits (Bot API, "Determining list of commands").
type scope struct {
	is     models.BotCommandScope
	offers []bots.Audience
}

func scopes() []scope {
	return []scope{
		{&models.BotCommandScopeAllPrivateChats{}, []bots.Audience{bots.ForAll, bots.ForOne, bots.ForAdmins}},
		{&models.BotCommandScopeAllGroupChats{}, []bots.Audience{bots.ForAll}},
		{&models.BotCommandScopeAllChatAdministrators{}, []bots.Audience{bots.ForAll, bots.ForAdmins, bots.ForOperators}},
	}
}

// operatorScopes are the private chats with those who run the bot, whose menu
// has what is theirs besides.
func operatorScopes(ids ...int64) []scope {
	var all []scope
	for _, id := range ids {
		all = append(all, scope{&models.BotCommandScopeChat{ChatID: id}, []bots.Audience{bots.ForAll, bots.ForOne, bots.ForAdmins, bots.ForOperators}})
	}
	return all
}

// greetOperator sets the menu of an operator who begins to talk with the bot: a
// chat that was not there yet could have none.
func (t *Telegram) greetOperator(ctx context.Context, id int64) {
	if slices.Contains(t.cfg.Operators, id) {
		t.receiver.work.Go(func() { t.setMenus(ctx, operatorScopes(id)) })
	}
}

// showMenus sets the lists of commands that chats offer, in each language that
// there are texts in, where they are others than are set. That a chat offers
// none is no reason not to answer: what fails is logged.
func (t *Telegram) showMenus(ctx context.Context) {
	t.setMenus(ctx, slices.Concat(scopes(), operatorScopes(t.cfg.Operators...)))
}

func (t *Telegram) setMenus(ctx context.Context, in []scope) {
	for _, language := range append([]string{""}, bots.Languages()...) {
		commands := t.cfg.Bot.Commands(language)
		for _, s := range in {
			err := t.setMenu(ctx, s, language, commands)
			if err != nil && meaning(err) != failChat && ctx.Err() == nil { // an operator who has not begun to talk with the bot has no chat
				t.log.Warn("setting the menu of commands", "language", language, "error", err)
			}
		}
	}
}

// setMenu sets the menu of one scope in one language; empty is for everybody else.
func (t *Telegram) setMenu(ctx context.Context, s scope, language string, commands []bots.Command) error {
	var want []models.BotCommand
	for _, c := range commands {
		if slices.Contains(s.offers, c.Audience) {
			want = append(want, models.BotCommand{Command: c.Name, Description: clip.Shorten(c.Title, descriptionMost)})
		}
	}
	have, err := t.api.GetMyCommands(ctx, &bot.GetMyCommandsParams{Scope: s.is, LanguageCode: language})
	if err != nil || slices.Equal(have, want) {
		return err
	}
	_, err = t.api.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: want, Scope: s.is, LanguageCode: language})
	return err
}

const descriptionMost = 256 // characters of a command's description (Bot API, BotCommand)
