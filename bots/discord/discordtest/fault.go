package discordtest

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"
)

// Fault is one way for calls to go wrong. The zero values of its first four
// fields mean the next call, whatever it is.
type Fault struct {
	Route   string // of the calls it strikes, as Call.Route; "GET file" means downloads; empty means all calls but downloads
	Channel string // id of the channel of the calls it strikes; empty means all
	Files   bool   // strikes only those that bring files; not with ResetAfter
	Skip    int    // how many such calls pass first
	Times   int    // how many it strikes: 0 means one, a negative number all

	// After lets the call be executed first: only its answer is wrong.
	After bool

	// Status, Code and Text are the error answered. Zero values mean 500 and
	// the usual text of that status.
	Status int
	Code   int
	Text   string
	// RetryAfter makes the error a 429 with Scope: user, global or shared.
	RetryAfter time.Duration
	Scope      string

	// HTML answers Status with a page: that of a broken gateway, or with
	// RetryAfter that of Cloudflare's ban.
	HTML bool
	// Drop breaks the connection without an answer.
	Drop bool
	// ResetAfter breaks the connection when this many bytes of the request's
	// body were read, or all when there are fewer. 0 means never. It strikes
	// before the body is known.
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
func (s *Server) strike(c *Call, at faultMoment) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || f.moment() != at || !f.meets(c) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times = max(f.Times-1, min(f.Times, -1))
		struck := *f
		return &struck
	}
	return nil
}

func (f *Fault) meets(c *Call) bool {
	if f.Route == "" && c.Route == downloads {
		return false
	}
	return (f.Route == "" || f.Route == c.Route) && (f.Channel == "" || f.Channel == c.ChannelID) && (!f.Files || len(c.Files) > 0)
}

// status is what the log says of a call that this fault struck.
func (f *Fault) status(usual int) int {
	switch {
	case f.Drop || f.Hang:
		return 0
	case f.RetryAfter > 0:
		return http.StatusTooManyRequests
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
	case f.RetryAfter > 0:
		l := limited{after: f.RetryAfter, scope: cmp.Or(f.Scope, "user"), global: f.Scope == "global", html: f.HTML}
		l.write(w)
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.status(0))
		_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>")
	case f.Slow > 0:
		slowly(w, f.Slow, done, usual)
	default:
		status := f.status(0)
		failed := apiError{status: status, code: f.Code, text: cmp.Or(f.Text, http.StatusText(status))}
		failed.write(w)
	}
}

// slowly sends what usual writes in two halves.
func slowly(w http.ResponseWriter, pause time.Duration, done <-chan struct{}, usual func(http.ResponseWriter)) {
	whole := httptest.NewRecorder()
	usual(whole)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Code)
	body := whole.Body.Bytes()
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-done:
	case <-time.After(pause):
	}
	_, _ = w.Write(body[len(body)/2:])
}

// breakUpload reads a part of the body and resets the connection.
func (f *Fault) breakUpload(w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, f.ResetAfter)
	reset(w)
}
