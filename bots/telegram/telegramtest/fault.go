package telegramtest

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// Fault is one way for calls to go wrong. The zero values of its first four
// fields mean the next call, whatever it is.
type Fault struct {
	Method string // of the calls it strikes; empty means all but getUpdates, "file" means downloads
	ChatID int64  // of the calls it strikes; 0 means all
	Skip   int    // how many such calls pass first
	Times  int    // how many it strikes: 0 means one, a negative number all

	// After lets the call be executed first: only its answer is wrong.
	After bool

	// Status and Text are the error answered, with RetryAfter seconds and the
	// chat id MigrateTo in its parameters. Text is the whole description,
	// such as "Forbidden: bot was blocked by the user"; empty means the usual
	// one of that status.
	Status     int
	Text       string
	RetryAfter int
	MigrateTo  int64

	// HTML answers Status with the page of a broken gateway.
	HTML bool
	// Drop breaks the connection without an answer.
	Drop bool
	// ResetAfter breaks the connection when this many bytes of the request's
	// body were read, or all when there are fewer. 0 means never. It strikes
	// before the chat is known, so ChatID must be 0.
	ResetAfter int64
	// Slow sends the answer in two halves, this much apart.
	Slow time.Duration
	// Hang gives no answer until the client leaves or the server is closed.
	Hang bool
}

// The moments at which faults strike.
type faultMoment int

const (
	faultUpload faultMoment = iota // before the body is read
	faultBefore                    // before the call is executed
	faultAfter                     // when it was executed
)

func (f *Fault) moment() faultMoment {
	switch {
	case f.ResetAfter > 0:
		return faultUpload
	case f.After || f.Slow > 0:
		return faultAfter
	}
	return faultBefore
}

// Fault orders trouble. Faults are tried in the order in which they were
// ordered, and one call meets at most one of each moment. stop ends it early.
func (s *Server) Fault(f Fault) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = cmp.Or(f.Times, 1)
	s.faults = append(s.faults, &f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(g *Fault) bool { return g == &f })
	}
}

// strike takes the fault that meets this call at this moment, or nil.
func (s *Server) strike(method string, chat int64, at faultMoment) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || f.moment() != at || !f.meets(method, chat) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		struck := *f
		return &struck
	}
	return nil
}

func (f *Fault) meets(method string, chat int64) bool {
	if f.Method == "" && (method == "getUpdates" || method == "file") {
		return false
	}
	return (f.Method == "" || f.Method == method) && (f.ChatID == 0 || f.ChatID == chat)
}

// status is what the log says of a call that this fault struck.
func (f *Fault) status(usual int) int {
	switch {
	case f.Drop || f.Hang:
		return 0
	case f.HTML:
		return cmp.Or(f.Status, http.StatusBadGateway)
	case f.Slow > 0:
		return usual
	}
	return cmp.Or(f.Status, http.StatusInternalServerError)
}

// spoil answers in place of usual.
func (f *Fault) spoil(w http.ResponseWriter, r *http.Request, done <-chan struct{}, usual func(http.ResponseWriter)) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-done:
		}
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(cmp.Or(f.Status, http.StatusBadGateway))
		_, _ = io.WriteString(w, "<html><head><title>Bad Gateway</title></head><body><center><h1>nginx</h1></center></body></html>")
	case f.Slow > 0:
		slowly(w, f.Slow, done, usual)
	default:
		answer(w, f.err())
	}
}

func (f *Fault) err() error {
	status := cmp.Or(f.Status, http.StatusInternalServerError)
	e := &apiError{code: status, text: f.Text, retryAfter: f.RetryAfter, migratedTo: f.MigrateTo}
	if e.text == "" {
		e.text = http.StatusText(status)
	}
	return e
}

// slowly sends what usual writes in two halves.
func slowly(w http.ResponseWriter, pause time.Duration, done <-chan struct{}, usual func(http.ResponseWriter)) {
	whole := httptest.NewRecorder()
	usual(whole)
	body := whole.Body.Bytes()
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-time.After(pause):
	case <-done:
	}
	_, _ = w.Write(body[len(body)/2:])
}

// breakUpload reads a part of the body and resets the connection.
func (f *Fault) breakUpload(w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, f.ResetAfter)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0) // a reset in place of an orderly end
	}
	conn.Close()
}
