package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"kiebot/kie/catalog"
)

// What people and chats have chosen is stored with the account and the chat.
// A person's choice wins over the chat's; what is only the chat's to decide
// (who may ask, and its day) and what only may become stricter (the spoiler,
// the price above which to ask) holds whatever the person chose.

// ReasonAdminsOnly refuses somebody who is no admin of a chat where only its
// admins may ask.
const ReasonAdminsOnly Reason = "admins_only"

// ReasonNotAdmin refuses a change of a chat's settings by somebody who is no
// admin of the chat.
const ReasonNotAdmin Reason = "not_admin"

// PersonSettings are what a person chose. What is zero was not chosen.
type PersonSettings struct {
	// Models are the models to use when the person names none, by catalogue id.
	Models map[catalog.Kind]string `json:"models,omitempty"`
	// Spoiler says whether results are hidden until somebody looks.
	Spoiler *bool `json:"spoiler,omitempty"`
	// Language is that of the answers, BCP 47; empty is the platform's.
	Language string `json:"language,omitempty"`
	// ConfirmAbove is the price above which to ask first. It counts where it
	// is below Policy.ConfirmAbove.
	ConfirmAbove *Limit `json:"confirm_above,omitempty"`
}

// ChatSettings are what the admins of a chat chose for it. What is zero was
// not chosen.
type ChatSettings struct {
	// Models are for those who name none and have chosen none.
	Models map[catalog.Kind]string `json:"models,omitempty"`
	// Spoiler hides every result in the chat until somebody looks.
	Spoiler bool `json:"spoiler,omitempty"`
	// AdminsOnly lets nobody but the chat's admins ask for anything there.
	AdminsOnly bool `json:"admins_only,omitempty"`
	// Daily is what the chat may use in a day. It counts where it is below
	// what the operator allows.
	Daily *Limit `json:"daily,omitempty"`
	// News lets the operator's news be told in the chat; Engine.SetNews sets it.
	News bool `json:"news,omitempty"`
}

// Settings are all that apply to who asks where, each as it was chosen.
type Settings struct {
	Person PersonSettings
	Chat   ChatSettings
	// The operator's bounds: the price above which people must be asked, and
	// what the chat may use in a day.
	ConfirmAbove, ChatDaily Limit
}

// Model is the model to use for the kind where none is named, by catalogue
// id; empty when nobody chose one.
func (s Settings) Model(kind catalog.Kind) string {
	if id := s.Person.Models[kind]; id != "" {
		return id
	}
	return s.Chat.Models[kind]
}

// Spoiler says whether results are hidden that were asked for without a word about it.
func (s Settings) Spoiler() bool {
	return s.Chat.Spoiler || s.Person.Spoiler != nil && *s.Person.Spoiler
}

// over is what the one chose, and where that is nothing, the other.
func (s PersonSettings) over(base PersonSettings) PersonSettings {
	s.Models = mapsOver(s.Models, base.Models)
	s.Spoiler, s.ConfirmAbove = first(s.Spoiler, base.Spoiler), first(s.ConfirmAbove, base.ConfirmAbove)
	if s.Language == "" {
		s.Language = base.Language
	}
	return s
}

// over is what was chosen for a chat, with what was chosen before it moved.
func (s ChatSettings) over(base ChatSettings) ChatSettings {
	s.Models = mapsOver(s.Models, base.Models)
	s.Spoiler, s.AdminsOnly = s.Spoiler || base.Spoiler, s.AdminsOnly || base.AdminsOnly
	s.Daily = first(s.Daily, base.Daily)
	return s
}

// mapsOver is what was chosen, with what only the base has.
func mapsOver[K comparable, V any](chosen, base map[K]V) map[K]V {
	if len(base) == 0 {
		return chosen
	}
	all := maps.Clone(base)
	maps.Copy(all, chosen)
	return all
}

// Settings reads what applies to who asks there.
func (e *Engine) Settings(ctx context.Context, origin Origin) (Settings, error) {
	var s Settings
	err := e.view(ctx, func(tx Tx) error {
		account, err := accountOrNone(tx, origin.Identity)
		if err != nil {
			return err
		}
		asked, err := e.asked(tx, account, origin, e.cfg.Now())
		s = Settings{
			Person: account.Settings, Chat: asked.chat.Settings,
			ConfirmAbove: orUnlimited(asked.policy.ConfirmAbove), ChatDaily: asked.operatorsDaily(),
		}
		return err
	})
	return s, err
}

// ChangeSettings lets edit change what the person of the origin chose, unless
// nobody let them in. It may be called more than once.
func (e *Engine) ChangeSettings(ctx context.Context, origin Origin, edit func(*PersonSettings)) error {
	return unavailable(e.update(ctx, func(c *change) error {
		account, err := c.accountFor(origin.Identity)
		if err != nil {
			return err
		}
		asked, err := c.e.asked(c.Tx, account, origin, c.now)
		if err != nil {
			return err
		}
		var refusal *Refusal
		if errors.As(asked.welcome(), &refusal) && refusal.Reason == ReasonStranger {
			return refusal // and the account that was opened for it is not kept
		}
		account.Settings.Models = maps.Clone(account.Settings.Models)
		edit(&account.Settings)
		return c.PutAccount(account)
	}))
}

// ChangeChatSettings lets edit change what was chosen for the chat of the
// origin, when the platform says that its person is an admin there, and the
// operator lets them in. It may be called more than once. The change is in the audit log.
func (e *Engine) ChangeChatSettings(ctx context.Context, origin Origin, edit func(*ChatSettings)) error {
	return e.actThere(ctx, origin, "chat settings", func(c *change, asked asked) (string, error) {
		chat := asked.chat
		chat.Settings.Models = maps.Clone(chat.Settings.Models)
		news := chat.Settings.News
		edit(&chat.Settings)
		chat.Settings.News = news // it has a list of its own
		value, err := json.Marshal(chat.Settings)
		if err != nil {
			return "", fmt.Errorf("encoding the settings of a chat: %w", err)
		}
		return string(value), c.PutChat(chat)
	})
}

// actThere is act of the origin's person, who must be an admin there, on its chat.
func (e *Engine) actThere(ctx context.Context, origin Origin, action string, fn func(*change, asked) (detail string, err error)) error {
	act := Act{By: origin.Identity.String()}
	return e.act(ctx, act, action, string(origin.Lane), func(c *change) (string, error) {
		account, err := accountOrNone(c.Tx, origin.Identity)
		if err != nil {
			return "", err
		}
		asked, err := e.asked(c.Tx, account, origin, c.now)
		if err != nil {
			return "", err
		}
		if err := asked.manages(); err != nil {
			return "", err
		}
		return fn(c, asked)
	})
}

// hide makes spoilers of what is shown in a chat that wants nothing else.
func hide(tx Tx, tasks []Task, lane Lane) error {
	chat, err := chatOrNone(tx, lane)
	for i := range tasks {
		tasks[i].Request.Spoiler = tasks[i].Request.Spoiler || chat.Settings.Spoiler
	}
	return err
}

// operatorsDaily is what the operator lets the chat use in a day.
func (a asked) operatorsDaily() Limit {
	return orUnlimited(first(a.chat.Limits.Daily, a.policy.Chat))
}

// confirmAbove is the price above which the person is asked.
func (a asked) confirmAbove() Limit {
	return lesser(orUnlimited(a.policy.ConfirmAbove), orUnlimited(a.account.Settings.ConfirmAbove))
}
