package site

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Bounds of a stream of events.
const (
	Heartbeat = 15 * time.Second // so that a connection that died is noticed
	WriteFor  = 10 * time.Second // how long a page may take to accept one event
)

// Events sends events to one page (HTML standard, "Server-sent events").
type Events struct {
	rw      http.ResponseWriter
	control *http.ResponseController
}

// NewEvents sets the headers of a stream. Nothing is sent yet.
func NewEvents(rw http.ResponseWriter) Events {
	h := rw.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return Events{rw: rw, control: http.NewResponseController(rw)}
}

// Send sends one event. The data has no line breaks, as JSON has none. The error
// means that the page is gone, or did not accept it in time.
func (e Events) Send(event string, data []byte) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(WriteFor)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprintf(e.rw, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return e.control.Flush()
}
