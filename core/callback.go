package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"kiebot/kie"
)

const (
	callbackSetting = "callback_secret"
	callbackMax     = 1 << 20 // bytes of a callback body
	tokenChars      = 32
)

// callbackSecret is what the tokens in callback addresses are made from. It
// is made once and kept in the store.
type callbackSecret struct {
	mu  sync.Mutex
	key []byte
}

func (e *Engine) callbackKey(ctx context.Context) ([]byte, error) {
	e.secret.mu.Lock()
	defer e.secret.mu.Unlock()
	if e.secret.key != nil {
		return e.secret.key, nil
	}
	fresh := make([]byte, sha256.Size)
	if _, err := io.ReadFull(e.cfg.Rand, fresh); err != nil {
		return nil, fmt.Errorf("making the callback secret: %w", err)
	}
	var key []byte
	err := e.write(ctx, func(tx Tx) error {
		var err error
		if key, err = tx.Setting(callbackSetting); !errors.Is(err, ErrNotFound) {
			return err
		}
		key = fresh
		return tx.PutSetting(callbackSetting, key)
	})
	if err != nil {
		return nil, fmt.Errorf("loading the callback secret: %w", err)
	}
	e.secret.key = key
	return key, nil
}

func callbackToken(key []byte, id TaskID) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil))[:tokenChars]
}

// callbackURL is where Kie reports the end of the task; empty without a public address.
func (e *Engine) callbackURL(id TaskID) string {
	e.secret.mu.Lock()
	defer e.secret.mu.Unlock()
	if e.cfg.CallbackBase == "" || e.secret.key == nil {
		return ""
	}
	address, err := url.JoinPath(e.cfg.CallbackBase, "hooks", "kie", string(id), callbackToken(e.secret.key, id))
	if err != nil {
		return ""
	}
	return address
}

// CallbackHandler takes Kie's callbacks. Mount it under a pattern with the
// wildcards {task} and {token}: "POST /hooks/kie/{task}/{token}".
//
// A callback is only a hint, since Kie's signature does not cover the body
// (docs.kie.ai, "Webhook Verification"): after the token in the address, and
// the signature when a key is configured, it makes the task due, names the
// Kie task where nobody knew it, commits that, and answers. What happened is
// then read from Kie with our own key.
func (e *Engine) CallbackHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, text := e.callback(r)
		if e.cfg.Observer != nil {
			e.cfg.Observer.CalledBack(status)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "{\"code\":%d,\"msg\":%q}\n", status, text)
	})
}

func (e *Engine) callback(r *http.Request) (int, string) {
	id, err := ParseTaskID(r.PathValue("task"))
	if err != nil {
		return http.StatusNotFound, "no such task"
	}
	key, err := e.callbackKey(r.Context())
	if err != nil {
		return http.StatusServiceUnavailable, "try again later"
	}
	if !hmac.Equal([]byte(r.PathValue("token")), []byte(callbackToken(key, id))) {
		e.log.Warn("a callback with a wrong token was refused", "task", id)
		return http.StatusForbidden, "wrong token"
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, callbackMax))
	if err != nil {
		return http.StatusBadRequest, "the body could not be read"
	}
	if e.cfg.Verifier != nil {
		if err := e.cfg.Verifier.Verify(r.Header, body); err != nil {
			e.log.Warn("a callback that no webhook key verifies was refused", "task", id, "error", err)
			return http.StatusUnauthorized, "the signature does not verify"
		}
	}
	parsed, err := kie.ParseCallback(body)
	if err != nil {
		return http.StatusBadRequest, "not a callback of Kie's"
	}
	return e.hint(r.Context(), id, parsed.TaskID)
}

// hint commits that Kie has something to say about the task.
func (e *Engine) hint(ctx context.Context, id TaskID, kieTask string) (int, string) {
	err := e.update(ctx, func(c *change) error {
		t, err := c.Task(id)
		if err != nil {
			return err
		}
		known := t.Kie
		ref := kie.Ref{Endpoint: e.endpointOf(t), TaskID: kieTask}
		if err := c.adopt(&t, ref, Callback); err != nil {
			return err
		}
		if t.State == Succeeded || t.Late || t.Kie != ref {
			return nil
		}
		if t.State.Final() && known == ref && t.Failure != nil && t.Failure.Reason == FailKie {
			return nil // Kie itself said that it failed, and says so again
		}
		t.Due = urgent()
		if t.State.Final() {
			t.Attempts = 0
		}
		return c.putTask(t)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound, "no such task"
	case err != nil:
		e.log.Error("storing a callback", "task", id, "error", err)
		return http.StatusServiceUnavailable, "try again later"
	}
	return http.StatusOK, "success"
}
