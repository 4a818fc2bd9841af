package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// front answers on the public address for as long as the process lives. While
// kiebot starts or stops, monitors are told so, and everybody else is asked to
// come again: opening a large store takes seconds, and ending what is under way
// does, too.
type front struct {
	server  *http.Server
	address string              // how a browser on this machine reaches it
	app     atomic.Pointer[app] // nil while starting
	ended   chan error          // why nothing is served any more; closed after that
}

// Why kiebot is not ready before it runs, and after that.
var (
	errStarting = errors.New("kiebot is starting")
	errStopping = errors.New("kiebot is stopping")
)

// openFront serves until close.
func openFront(listener net.Listener, log *slog.Logger) *front {
	f := &front{address: address(listener), ended: make(chan error, 1)}
	f.server = &http.Server{
		Handler: f, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		err := f.server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		f.ended <- err
		close(f.ended)
	}()
	return f
}

// open lets requests through to the app.
func (f *front) open(a *app) {
	if a.reach == "" {
		a.reach = f.address
	}
	f.app.Store(a)
}

// close cuts off whoever is still being answered.
func (f *front) close() {
	f.server.Close()
	for range f.ended {
		continue // until nothing is served
	}
}

// away is why requests are not taken; nil when they are.
func (f *front) away() error {
	switch a := f.app.Load(); {
	case a == nil:
		return errStarting
	case a.stopping.Load():
		return errStopping
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	away := f.away()
	switch {
	case away == nil:
		f.app.Load().handler.ServeHTTP(w, r)
	case r.URL.Path == "/healthz":
		answer(w, nil)
	case r.URL.Path == "/readyz":
		answerReady(w, []check{{Name: "running", Reason: away.Error()}})
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%v. Try again in a moment; nothing was done or charged.", away), http.StatusServiceUnavailable)
	}
}
