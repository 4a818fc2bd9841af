package kie

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

const (
	// maxCallback caps a callback's body. Records of long lyrics stay below
	// 100 kB.
	maxCallback = 1 << 20
	// callbackAnswer is what docs.kie.ai shows as the answer to a callback.
	callbackAnswer = `{"code":200,"msg":"success"}`
	// maxWorking is how many functions run at a time.
	maxWorking = 64
)

// CallbackHandler receives Kie's callbacks over HTTP: it checks, answers, and
// only then works. Make one with [NewCallbackHandler].
type CallbackHandler struct {
	verifier *Verifier
	work     func(Callback)

	mu      sync.Mutex
	closed  bool
	slots   chan struct{}
	running sync.WaitGroup
}

// NewCallbackHandler returns a handler that runs work once for each callback
// that verifier accepts, in a goroutine of its own and up to 64 at a time. Kie
// repeats callbacks, so work must not mind the same one twice; it should mark
// the task as due and read it with [Client.Status].
//
// A nil verifier accepts everything: only right when the URL itself holds a
// secret. Whoever made the handler ends it with [CallbackHandler.Close].
func NewCallbackHandler(verifier *Verifier, work func(Callback)) *CallbackHandler {
	return &CallbackHandler{verifier: verifier, work: work, slots: make(chan struct{}, maxWorking)}
}

// ServeHTTP answers 200 with {"code":200,"msg":"success"}, as docs.kie.ai asks
// for, and runs the function afterwards. It answers 405 to anything but POST,
// 413 to more than 1 MiB, 401 without a right signature, 400 to a body that is
// no callback, and 503 when it is closed or 64 functions run: Kie sends the
// callback again.
func (h *CallbackHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "callbacks come by POST", http.StatusMethodNotAllowed)
		return
	}
	callback, status, reason := h.read(w, r)
	if status != 0 {
		http.Error(w, reason, status)
		return
	}
	if !h.begin() {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// With the length known, the flush ends the answer.
	w.Header().Set("Content-Length", strconv.Itoa(len(callbackAnswer)))
	// When Kie has gone, it will come again; the work is worth doing either way.
	_, _ = io.WriteString(w, callbackAnswer)
	_ = http.NewResponseController(w).Flush()
	go func() {
		defer h.end()
		h.work(callback)
	}()
}

// read returns the callback, or the status and reason of the refusal.
func (h *CallbackHandler) read(w http.ResponseWriter, r *http.Request) (Callback, int, string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return Callback{}, http.StatusRequestEntityTooLarge, "the body is too large"
		}
		return Callback{}, http.StatusBadRequest, "the body cannot be read"
	}
	callback, parseErr := ParseCallback(body)
	if h.verifier != nil {
		// Unsigned nonsense is answered like any unsigned body.
		if err := h.verifier.Verify(r.Header, body); err != nil && KindOf(err) == 0 {
			return Callback{}, http.StatusUnauthorized, "not signed by Kie"
		}
	}
	if parseErr != nil {
		return Callback{}, http.StatusBadRequest, "not a callback"
	}
	return callback, 0, ""
}

// begin takes a slot unless all are taken or the handler is closed.
func (h *CallbackHandler) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	select {
	case h.slots <- struct{}{}:
		h.running.Add(1)
		return true
	default:
		return false
	}
}

// end gives a slot back.
func (h *CallbackHandler) end() {
	<-h.slots
	h.running.Done()
}

// Close refuses further callbacks and waits until the running functions have
// returned. It may be called more than once.
func (h *CallbackHandler) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.running.Wait()
}
