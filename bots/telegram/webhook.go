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
// WebhookPath, on every replica that runs. It answers 200 only when the update
// is handled or stored; everything else makes Telegram send it again.
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

// receive returns when Telegram may forget the update: it is handled, or whoever
// has the duty finds it in the inbox.
func (t *Telegram) receive(u update) error {
	t.mu.Lock()
	ctx := t.running
	t.mu.Unlock()
	if ctx == nil || ctx.Err() != nil {
		return errStopped
	}
	if len(t.checkouts(ctx, []update{u})) == 0 {
		return nil
	}
	if took, err := t.take(u); took {
		return err
	}
	return t.receiver.inbox.put(ctx, u)
}

// take handles an update without the inbox, where that is right: when this
// replica has the duty, and no other may just have put an earlier one of the same
// chat into the inbox. Telegram sends an update of a chat when the one before it
// is answered.
func (t *Telegram) take(u update) (took bool, err error) {
	t.mu.Lock()
	ctx := t.serving
	if ctx == nil || t.cfg.Engine.Sharers() > 1 {
		t.mu.Unlock()
		return false, nil
	}
	t.receiver.work.Add(1)
	t.mu.Unlock()
	defer t.receiver.work.Done()
	err = t.receiver.take(ctx, []update{u})
	return err == nil || ctx.Err() == nil, err
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
