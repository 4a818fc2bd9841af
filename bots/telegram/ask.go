package telegram

import (
	"context"
	"errors"
	"net/http"
)

// Self is what Telegram says about a bot (Bot API, User and WebhookInfo).
type Self struct {
	Username string
	Groups   bool // it can be added to groups
	Reads    bool // it gets everything that is written in groups: its privacy mode is off
	Inline   bool // it can be asked in every chat, as @name words
	// Webhook says that updates are sent, in place of being asked for; Failed
	// is why the latest one could not be, in Telegram's words.
	Webhook bool
	Failed  string
}

// Ask asks who the bot with the token is. An empty url is DefaultURL, a nil
// transport one with fitting bounds. The error is a sentence for the operator.
func Ask(ctx context.Context, token Token, url string, transport http.RoundTripper) (Self, error) {
	api, err := newClient(token.reveal(), serverURL(url), transport)
	if err != nil {
		return Self{}, err
	}
	me, err := api.GetMe(ctx)
	if err != nil {
		return Self{}, asked(err)
	}
	hook, err := api.GetWebhookInfo(ctx)
	if err != nil {
		return Self{}, asked(err)
	}
	return Self{
		Username: me.Username, Groups: me.CanJoinGroups, Reads: me.CanReadAllGroupMessages, Inline: me.SupportInlineQueries,
		Webhook: hook.URL != "", Failed: hook.LastErrorMessage,
	}, nil
}

// asked is a failure of Ask for the operator to read.
func asked(err error) error {
	if sentence := trouble(err); sentence != nil {
		return sentence
	}
	var failed *callError
	if errors.As(err, &failed) && failed.Status == 0 {
		return errUnreached
	}
	return err
}
