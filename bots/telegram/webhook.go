package telegram

import (
	"context"
	"crypto/hmac"
	"errors"
	"io"
	"net/http"

	"github.com/go-telegram/bot"
)

// WebhookPath is where Handler has to be mounted.
const WebhookPath = "/hooks/telegram"

const (
	secretHeader = "X-Telegram-Bot-Api-Secret-Token"
	webhookMax   = 1 << 20 // bytes of one update
)

// Handler takes updates from Telegram (Bot API, setWebhook), at POST
// WebhookPath. It answers 200 only when the update is handled or stored;
// everything else makes Telegram send it again.
func (t *Telegram) Handler() http.Handler { return http.HandlerFunc(t.hook) }

func (t *Telegram) hook(w http.ResponseWriter, r *http.Request) {
	if !hmac.Equal([]byte(r.Header.Get(secretHeader)), []byte(t.cfg.Secret.reveal())) || t.cfg.Secret == "" {
		http.Error(w, "wrong secret", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhookMax))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "cut off", http.StatusBadRequest)
		return
	}
	u, err := readUpdate(body)
	if err != nil {
		t.skipped(u.ID, err)
		return // sent again it would be no better, and hold up its chat for a day
	}
	if err := t.receive(u); err != nil {
		t.log.Error("storing an update of the webhook", "update", u.ID, "error", err)
		http.Error(w, "try again", http.StatusInternalServerError)
	}
}

var errStopped = errors.New("kiebot is not running")

// receive hands an update to the running Run.
func (t *Telegram) receive(u update) error {
	t.mu.Lock()
	ctx := t.running
	t.mu.Unlock()
	if ctx == nil || ctx.Err() != nil {
		return errStopped
	}
	return t.receiver.take(ctx, t.checkouts(ctx, []update{u}))
}

// setWebhook tells Telegram where to send updates, or that they will be asked for.
func (t *Telegram) setWebhook(ctx context.Context) error {
	if !t.cfg.Webhook {
		_, err := t.api.DeleteWebhook(ctx, &bot.DeleteWebhookParams{})
		return err
	}
	_, err := t.api.SetWebhook(ctx, &bot.SetWebhookParams{
		URL: t.cfg.PublicURL + WebhookPath, SecretToken: t.cfg.Secret.reveal(), AllowedUpdates: t.allowedUpdates(), MaxConnections: atOnce,
	})
	return err
}
