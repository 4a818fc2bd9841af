package discord

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// WebhookPath is where Handler has to be mounted.
const WebhookPath = "/hooks/discord"

const (
	signatureHeader = "X-Signature-Ed25519"
	timestampHeader = "X-Signature-Timestamp"
	webhookMax      = 1 << 20         // bytes of one interaction
	signedFor       = time.Minute     // how old a signature may be, or how far ahead
	answerWithin    = 3 * time.Second // Discord waits no longer
)

// Handler takes interactions from Discord, at POST WebhookPath, when it is the
// application's interactions endpoint: only those that Discord has signed, in
// the last minute, and each of them once.
func (d *Discord) Handler() http.Handler { return http.HandlerFunc(d.hook) }

func (d *Discord) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhookMax))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "cut off", http.StatusBadRequest)
		return
	case !d.signed(r.Header, body):
		http.Error(w, "wrong signature", http.StatusUnauthorized)
		return
	}
	i := &interaction{}
	if json.Unmarshal(body, i) != nil || i.ID == "" {
		http.Error(w, "no interaction", http.StatusBadRequest)
		return
	}
	if i.Type == typePing {
		respond(w, response{Type: respondPong})
		return
	}
	d.mu.Lock()
	ctx, runs := d.working, d.running != nil && d.running.Err() == nil
	if runs { // finish waits for it
		d.work.Add(1)
		defer d.work.Done()
	}
	d.mu.Unlock()
	switch {
	case !runs:
		http.Error(w, "not running", http.StatusServiceUnavailable)
	case !d.seen.add(i.ID):
		http.Error(w, "seen before", http.StatusConflict)
	default:
		d.answerHook(ctx, w, r, i)
	}
}

// answerHook handles the interaction and answers the request with what comes of
// it first; the rest goes on.
func (d *Discord) answerHook(ctx context.Context, w http.ResponseWriter, r *http.Request, i *interaction) {
	first := make(chan response, 1) // one without a type says that there is none
	gone := make(chan struct{})
	defer close(gone)
	d.work.Go(func() {
		d.handle(ctx, &opening{in: i, send: func(_ context.Context, r response) (message, error) {
			select {
			case <-gone:
				return message{}, errHookGone
			case first <- r:
				return message{}, nil
			}
		}})
		select {
		case first <- response{}:
		default: // there was one
		}
	})
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	select {
	case answer := <-first:
		if answer.Type == 0 {
			http.Error(w, "nothing to answer", http.StatusBadRequest) // it is of a type that we do not know
			return
		}
		respond(w, answer)
	case <-r.Context().Done():
	case <-late.C:
		http.Error(w, "too late", http.StatusServiceUnavailable)
	}
}

var errHookGone = errors.New("discord: nobody waits for the answer any more")

func respond(w http.ResponseWriter, answer response) {
	data, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

// signed verifies that the body is Discord's, and new.
func (d *Discord) signed(header http.Header, body []byte) bool {
	at := header.Get(timestampHeader)
	seconds, err := strconv.ParseInt(at, 10, 64)
	signature, err2 := hex.DecodeString(header.Get(signatureHeader))
	if err != nil || err2 != nil || len(signature) != ed25519.SignatureSize || d.key == nil {
		return false
	}
	age := d.now().Sub(time.Unix(seconds, 0))
	return age.Abs() <= signedFor && ed25519.Verify(d.key, append([]byte(at), body...), signature)
}
