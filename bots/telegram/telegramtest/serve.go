package telegramtest

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ServeHTTP answers one call of the Bot API or one download. It refuses calls
// after Close with status 503.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	if path, is := strings.CutPrefix(r.URL.Path, "/file/bot"); is {
		s.serveFile(w, r, path)
		return
	}
	path, is := strings.CutPrefix(r.URL.Path, "/bot")
	token, name, hasMethod := strings.Cut(path, "/")
	switch {
	case !is || !hasMethod || !strings.Contains(token, ":"):
		answer(w, notFound())
	case token != s.cfg.Token:
		answer(w, unauthorized())
	default:
		s.serveMethod(w, r, strings.ToLower(name))
	}
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Add(1)
	return true
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request, name string) {
	m := s.methods[name]
	if m == nil {
		s.unknownMethod(name)
		answer(w, notFound())
		return
	}
	begun := s.begin(m.name)
	if f := s.strike(m.name, 0, faultUpload); f != nil {
		s.end(begun, nil, 0, nil)
		f.breakUpload(w, r)
		return
	}
	c, err := s.readCall(r, s.uploadLimit())
	var failed *apiError
	if err != nil && !errors.As(err, &failed) {
		s.end(begun, c, 0, err) // the client left in the middle of its request
		panic(http.ErrAbortHandler)
	}
	c.method = m
	s.describe(begun, c)
	if f := s.strike(m.name, begun.ChatID, faultBefore); f != nil {
		s.finish(w, r, begun, c, f, nil, nil)
		return
	}
	var result any
	if err == nil {
		result, err = s.execute(r, begun, c)
	}
	s.finish(w, r, begun, c, s.strike(m.name, begun.ChatID, faultAfter), result, err)
}

// finish writes the log and then the answer, as f spoils it when it is not nil.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, begun *Call, c *call, f *Fault, result any, err error) {
	status := statusOf(err)
	if f != nil {
		status = f.status(status)
	}
	s.end(begun, c, status, err)
	defer s.told(begun)
	if f == nil {
		write(w, result, err)
		return
	}
	f.spoil(w, r, s.done, func(w http.ResponseWriter) { write(w, result, err) })
}

func (s *Server) execute(r *http.Request, begun *Call, c *call) (any, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if s.cfg.RefuseUnknown && len(c.notes) > 0 {
		return nil, badRequest("%s: %s", c.notes[0].Parameter, c.notes[0].Problem)
	}
	if c.method.run == nil {
		return s.getUpdates(r.Context(), c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.pace(begun, c); err != nil {
		return nil, err
	}
	result, err := c.method.run(s, c)
	s.touch()
	return result, err
}

func statusOf(err error) int {
	var failed *apiError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &failed):
		return failed.code
	}
	return http.StatusInternalServerError
}

// write sends an answer.
func write(w http.ResponseWriter, result any, err error) {
	var failed *apiError
	switch {
	case errors.As(err, &failed):
		answer(w, err)
		return
	case err != nil:
		answer(w, &apiError{code: http.StatusInternalServerError, text: "Internal Server Error"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(envelope{OK: true, Result: result}) // the client may be gone
}

func answer(w http.ResponseWriter, err error) {
	var failed *apiError
	errors.As(err, &failed)
	w.Header().Set("Content-Type", "application/json")
	if failed.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(failed.retryAfter))
	}
	w.WriteHeader(failed.code)
	_ = json.NewEncoder(w).Encode(failed.envelope()) // the client may be gone
}

// uploadLimit is the size of the largest file a request may bring ("Sending
// files", "Using a Local Bot API Server").
func (s *Server) uploadLimit() int64 {
	if s.cfg.Local {
		return 2000 << 20
	}
	return 50 << 20
}

func (s *Server) debug(call *Call) {
	s.cfg.Logger.Debug("bot api call", slog.String("method", call.Method), slog.Int("status", call.Status), slog.Duration("took", time.Since(call.Time)))
}
