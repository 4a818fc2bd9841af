package telegram

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
)

// What only the operator can put right. The sentences are for readiness and
// the log.
var (
	errToken     = errors.New("Telegram does not accept TELEGRAM_TOKEN: get the present one from @BotFather and start kiebot again")
	errUnreached = errors.New("Telegram cannot be reached: look at TELEGRAM_API_URL, and at this machine's network")
	errConflict  = errors.New("another program gets this bot's updates: stop it, or give this one a bot of its own")
)

// trouble is the sentence for an error that does not go away by itself; nil
// for every other.
func trouble(err error) error {
	var failed *callError
	if !errors.As(err, &failed) {
		return nil
	}
	switch {
	case failed.Code == http.StatusConflict:
		return errConflict
	case meaning(err) == failToken:
		return errToken
	}
	return nil
}

// health is how receiving is. The zero value has not begun.
type health struct {
	mu    sync.Mutex
	begun bool
	err   error // of the latest call; nil when it went well
	fails int   // in a row
}

// note keeps how a call went. A failure is logged when it is the first, and
// then more and more rarely while it lasts.
func (h *health) note(log *slog.Logger, what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		if h.fails > 0 {
			log.Info("Telegram works again", "after_failures", h.fails)
		}
		h.begun, h.err, h.fails = true, nil, 0
		return
	}
	h.fails++
	h.err = err
	if sentence := trouble(err); sentence != nil {
		h.err = sentence
	}
	if h.fails&(h.fails-1) == 0 { // 1, 2, 4, 8, …
		log.Warn("Telegram fails and is tried again", "what", what, "failures", h.fails, "error", h.err)
	}
}

// rest forgets how receiving was when another replica has it.
func (h *health) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err, h.fails = nil, 0
}

var errNotBegun = errors.New("Telegram was not reached yet")

// state is nil unless Telegram was never reached yet, or the operator has to do
// something. Without the duty nothing is received here, and it stays nil.
func (h *health) state() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.err == errToken || h.err == errConflict:
		return h.err
	case !h.begun:
		return errNotBegun
	}
	return nil
}
