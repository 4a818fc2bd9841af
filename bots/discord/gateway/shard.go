package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	dialFor   = 10 * time.Second
	resumeFor = time.Minute // that a session is tried to be resumed
	rhythm    = time.Second // the least between two connections being made
	firstWait = time.Second // after a connection that did not work, then twice as long
	mostWait  = time.Minute
)

// shard is one of the connections that make up a bot, again and again.
type shard struct {
	*Gateway
	log       *slog.Logger
	id, count int
	lasts     func() bool // says whether a session that is left can be resumed
	health    *health
	session   session
	seq       atomic.Int64 // of the session's latest event; 0 before the first
}

func newShard(g *Gateway, id, count int, lasts func() bool) *shard {
	return &shard{Gateway: g, log: g.log.With("shard", id), id: id, count: count, lasts: lasts, health: newHealth()}
}

// session is what a resume needs. The zero value is none.
type session struct {
	id    string
	url   string    // to connect to
	until time.Time // when to give it up; zero while it is in use
}

// run stays connected until ctx ends, then its error is nil, or until there is
// no hope.
func (s *shard) run(ctx context.Context) error {
	for fails := 0; ; {
		began := time.Now()
		worked, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		f := failureOf(err)
		if f.fate == hopeless {
			return f
		}
		if fails++; worked {
			fails = 0
		}
		s.down(f, fails)
		pause := max(s.backoff(fails), f.after, time.Until(began.Add(rhythm)))
		if sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// down notes that there is no connection, and what that means for the session.
func (s *shard) down(f *failure, fails int) {
	if f.fate == gone {
		s.session = session{}
	}
	if s.session.id != "" && s.session.until.IsZero() {
		s.session.until = time.Now().Add(resumeFor)
	}
	s.health.lost(f)
	switch {
	case fails == 0:
		s.log.Info("connecting to Discord anew", "why", f)
	case fails&(fails-1) == 0: // 1, 2, 4, 8, …
		s.log.Warn("no connection to Discord, tried again", "failures", fails, "error", f)
	}
}

// connect makes one connection and says how it ended, and whether it worked:
// Discord took the resume, or answered a heartbeat in a new session.
func (s *shard) connect(ctx context.Context) (worked bool, err error) {
	if !s.session.until.IsZero() && time.Now().After(s.session.until) {
		s.session = session{}
	}
	address, leave := s.session.url, (*start)(nil)
	if s.session.id == "" {
		s.seq.Store(0)
		if leave, err = s.starts.begin(ctx, s.id); err != nil {
			return false, err
		}
		defer leave.end()
		if address, err = socket(leave.url, s.plain); err != nil {
			return false, err
		}
	}
	ws, err := s.dial(ctx, address)
	if err != nil {
		return false, err
	}
	c := newConnection(s, ws, address, leave)
	err = c.run(ctx)
	return c.worked, err
}

// dial opens the WebSocket.
func (s *shard) dial(ctx context.Context, address string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	// The library looks at the deadline, but not at the end of ctx, once there
	// is a connection.
	ended := func() bool { return true }
	dialer := websocket.Dialer{
		NetDialContext: func(dialing context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.cfg.Dial(dialing, network, addr)
			if err == nil {
				ended = context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
		Proxy: s.proxy,
	}
	ws, resp, err := dialer.DialContext(ctx, address, http.Header{"User-Agent": {userAgent}})
	ended()
	switch {
	case err == nil:
		return ws, nil
	case resp != nil:
		return nil, refusal(resp)
	}
	return nil, &failure{what: "Discord's gateway cannot be reached", cause: err}
}
