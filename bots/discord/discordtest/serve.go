package discordtest

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ServeHTTP answers one call of the API, one download, or one connection to
// the gateway. It refuses calls after Close with status 503.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	open, down := s.enter()
	if !open {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	path := r.URL.EscapedPath()
	switch {
	case down:
		reset(w)
	case strings.HasPrefix(path, "/api/"):
		s.serveAPI(w, r, strings.TrimPrefix(path, "/api"))
	case strings.HasPrefix(path, "/gateway"):
		s.serveGateway(w, r)
	case strings.HasPrefix(path, "/attachments/"), strings.HasPrefix(path, "/ephemeral-attachments/"), strings.HasPrefix(path, "/avatars/"):
		s.serveFile(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) enter() (open, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, false
	}
	s.wg.Add(1)
	return true, s.down
}

// reset breaks the connection of a request.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	abort(conn)
}

// abort ends a connection by a reset in place of an orderly end.
func abort(conn net.Conn) {
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// serveAPI follows a call from its address to its answer. Versions 9 and 10
// are the same here ("Reference", "API Versioning").
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, path string) {
	rest, is := strings.CutPrefix(path, "/v10")
	if !is {
		rest, is = strings.CutPrefix(path, "/v9")
	}
	if !is && apiVersion.MatchString(path) {
		s.stray(w, r.Method+" "+path, badRequest(50041, "Invalid API version"))
		return
	}
	route, params, err := s.match(r.Method, rest)
	if !is || err != nil {
		s.stray(w, r.Method+" "+path, err)
		return
	}
	c := &call{route: route, params: params, query: r.URL.Query()}
	begun := s.begin(c)
	if f := s.strike(begun, faultUpload); f != nil {
		s.end(begun, c, 0, nil)
		f.breakUpload(w, r)
		return
	}
	err = c.read(r.Header, r.Body)
	if failed := (*apiError)(nil); err != nil && !errors.As(err, &failed) {
		s.end(begun, c, 0, err) // the client left in the middle of its request
		panic(http.ErrAbortHandler)
	}
	s.describe(begun, c)
	if f := s.strike(begun, faultBefore); f != nil {
		s.finish(w, r, begun, c, f, nil, nil)
		return
	}
	result, err := s.execute(w, r, c, err)
	s.finish(w, r, begun, c, s.strike(begun, faultAfter), result, err)
}

// stray answers a call of something that is not in the table.
func (s *Server) stray(w http.ResponseWriter, what string, err error) {
	failed := err
	if failed == nil {
		failed = notFound()
	}
	s.mu.Lock()
	s.enlist(&Call{Route: what, Status: statusOf(nil, failed)})
	s.complaints = append(s.complaints, Complaint{Time: s.now(), Route: what, Problem: "no such route"})
	s.touch()
	s.mu.Unlock()
	write(w, nil, failed)
}

// finish writes the log and then the answer, as f spoils it when it is not nil.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, begun *Call, c *call, f *Fault, result any, err error) {
	status := statusOf(result, err)
	if f != nil {
		status = f.status(status)
		s.countFault(f, status)
	}
	s.end(begun, c, status, err)
	defer s.told(begun)
	if f == nil {
		write(w, result, err)
		return
	}
	f.spoil(w, r, s.done, func(w http.ResponseWriter) { write(w, result, err) })
}

// execute checks a call and runs it. invalid is what was wrong with its body.
func (s *Server) execute(w http.ResponseWriter, r *http.Request, c *call, invalid error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.banned(); err != nil {
		return nil, err
	}
	result, err := s.permitted(w, r, c, invalid)
	s.countInvalid(statusOf(result, err))
	s.touch()
	return result, err
}

func (s *Server) permitted(w http.ResponseWriter, r *http.Request, c *call, invalid error) (any, error) {
	s.greet(r, c)
	if !c.route.open && (s.revoked || r.Header.Get("Authorization") != "Bot "+s.cfg.Token) {
		return nil, unauthorized()
	}
	if err := s.paced(w.Header(), c); err != nil {
		return nil, err
	}
	if invalid == nil {
		invalid = c.check(s)
	}
	if invalid != nil {
		return nil, invalid
	}
	if id := c.params["application"]; id != "" && id != s.cfg.ApplicationID {
		return nil, unknown(10002, "Application")
	}
	return c.route.run(s, c)
}

var apiVersion = regexp.MustCompile(`^/v[0-9]+/`)

var userAgent = regexp.MustCompile(`^DiscordBot \(\S+, ?\S+\)`)

// greet complains of a client that does not say who it is ("Reference", "User
// Agent"): the service may block it.
func (s *Server) greet(r *http.Request, c *call) {
	if !userAgent.MatchString(r.UserAgent()) {
		c.note("User-Agent", "%q does not begin like DiscordBot ($url, $versionNumber)", r.UserAgent())
	}
}

func statusOf(result any, err error) int {
	var failed *apiError
	switch {
	case errors.As(err, &failed):
		return failed.status
	case err != nil:
		return http.StatusInternalServerError
	case result == nil:
		return http.StatusNoContent
	}
	if made, is := result.(created); is {
		return made.status
	}
	return http.StatusOK
}

// created is a result whose answer has another status than 200.
type created struct {
	status int
	value  any
}

// write sends an answer.
func write(w http.ResponseWriter, result any, err error) {
	var failed *apiError
	switch {
	case errors.As(err, &failed):
		failed.write(w)
		return
	case err != nil:
		sendJSON(w, http.StatusInternalServerError, map[string]any{"message": "500: Internal Server Error", "code": 0})
		return
	}
	status := statusOf(result, nil)
	switch made := result.(type) {
	case nil:
		w.WriteHeader(status)
	case created:
		sendJSON(w, status, made.value)
	default:
		sendJSON(w, status, result)
	}
}

func (s *Server) debug(c *Call) {
	s.cfg.Logger.Debug("discord call", slog.String("route", c.Route), slog.String("status", strconv.Itoa(c.Status)), slog.Duration("took", time.Since(c.Time)))
}
