package discordtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Opcodes of the gateway ("Gateway Opcodes").
const (
	opDispatch     = 0
	opHeartbeat    = 1
	opIdentify     = 2
	opPresence     = 3
	opVoice        = 4
	opResume       = 6
	opReconnect    = 7
	opMembers      = 8
	opInvalid      = 9
	opHello        = 10
	opHeartbeatAck = 11
	opSoundboard   = 31
	opChannelInfo  = 43
)

// Close codes of the gateway ("Gateway Close Event Codes").
const (
	closeUnknownOp     = 4001
	closeDecode        = 4002
	closeUnidentified  = 4003
	closeToken         = 4004
	closeIdentified    = 4005
	closeSequence      = 4007
	closeRate          = 4008
	closeTimeout       = 4009
	closeShard         = 4010
	closeMustShard     = 4011
	closeVersion       = 4012
	closeIntents       = 4013
	closeDisallowed    = 4014
	guildsPerShard     = 2500
	maxPayload         = 4096
	sendsPerMinute     = 120
	identifyPause      = 5 * time.Second
	resumeLife         = 3 * time.Minute
	keptEvents         = 10_000
	intentGuilds       = 1 << 0
	knownIntents       = 1<<17 - 1 | 1<<20 | 1<<21 | 1<<24 | 1<<25
	privilegedIntents  = 1<<1 | 1<<8 | 1<<15
	identifyWindow     = 24 * time.Hour
	guildsPerSuggested = 1000
)

// gate is the gateway: who is connected, and what went on.
type gate struct {
	conns      map[*conn]bool
	sessions   map[string]*session
	begun      []*session        // all there ever were
	identifies int               // in this window
	window     time.Time         // its end
	last       map[int]time.Time // when the last session began, by rate limit key
	faults     []*GatewayFault
}

func newGate() gate {
	return gate{conns: map[*conn]bool{}, sessions: map[string]*session{}, last: map[int]time.Time{}}
}

// gatewayURL is where the gateway is. It wants s.mu.
func (s *Server) gatewayURL(path string) string {
	return strings.Replace(s.url(), "http", "ws", 1) + path
}

// getGateway follows "Get Gateway".
func (s *Server) getGateway(*call) (any, error) {
	return map[string]any{"url": s.gatewayURL("/gateway/")}, nil
}

// getGatewayBot follows "Get Gateway Bot".
func (s *Server) getGatewayBot(*call) (any, error) {
	shards := s.cfg.Shards
	if shards == 0 {
		shards = 1 + len(s.joined())/guildsPerSuggested
	}
	s.renew()
	return map[string]any{
		"url": s.gatewayURL("/gateway/"), "shards": shards,
		"session_start_limit": map[string]any{
			"total": s.cfg.Identifies, "remaining": max(0, s.cfg.Identifies-s.gate.identifies),
			"reset_after": max(0, s.gate.window.Sub(s.now()).Milliseconds()), "max_concurrency": s.cfg.Concurrency,
		},
	}, nil
}

// renew begins a new day of identifies when the last one is over.
func (s *Server) renew() {
	if !s.now().Before(s.gate.window) {
		s.gate.identifies, s.gate.window = 0, s.now().Add(identifyWindow)
	}
}

// joined are the guilds the bot is in.
func (s *Server) joined() []*Guild {
	return slices.DeleteFunc(slices.Clone(s.guilds), func(g *Guild) bool { return !g.hasBot })
}

// serveGateway is one connection, from its handshake to its end.
func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	if f := s.suffers(AtDial); f != nil {
		f.refuse(w, r, s.done)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := newConn(s, ws, r)
	if !s.admit(c) {
		ws.Close()
		return
	}
	defer s.leave(c)
	s.wg.Go(c.write)
	query := r.URL.Query()
	switch {
	case query.Get("v") != "9" && query.Get("v") != "10":
		c.close(closeVersion, "Invalid API version")
	case query.Get("encoding") != "json", !slices.Contains([]string{"", "zlib-stream"}, query.Get("compress")):
		c.close(closeDecode, "Error while decoding payload.")
	default:
		c.hello()
	}
	c.read()
}

// admit takes a connection, unless the server was closed or is down.
func (s *Server) admit(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.down {
		return false
	}
	s.gate.conns[c] = true
	s.touch()
	return true
}

// leave forgets a connection. Its session can be resumed, unless the bot closed
// it with 1000 or 1001, or the code forbids it ("Resuming").
func (s *Server) leave(c *conn) {
	s.mu.Lock()
	delete(s.gate.conns, c)
	if c.session != nil && c.session.conn == c {
		c.session.conn, c.session.away = nil, s.now()
		if slices.Contains([]int{websocket.CloseNormalClosure, websocket.CloseGoingAway, closeToken, closeShard, closeMustShard, closeIntents, closeDisallowed}, c.code) {
			s.forget(c.session)
		}
	}
	s.touch()
	s.mu.Unlock()
	c.end()
}

// dropConnections ends every connection of the gateway with a reset.
func (s *Server) dropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.gate.conns {
		c.drop()
	}
}

// forget ends a session for good. It wants s.mu.
func (s *Server) forget(z *session) {
	z.over = true
	z.events = nil
	delete(s.gate.sessions, z.id)
}

// publish sends an event to every session of the guild's shard that wants it;
// what belongs to no guild goes to shard 0 ("Sharding"). It wants s.mu.
func (s *Server) publish(intent int, guild, name string, value any) {
	if len(s.gate.sessions) == 0 {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic("discordtest: an event that is no JSON: " + err.Error())
	}
	for _, z := range s.gate.sessions {
		shard := 0
		if guild != "" {
			shard = int((intID(guild) >> 22) % int64(z.shard[1]))
		}
		if z.shard[0] == shard && (intent == 0 || z.intents&intent != 0) {
			s.send(z, name, data)
		}
	}
}

// send gives an event its number and sends it, or keeps it for a resume. It
// wants s.mu.
func (s *Server) send(z *session, name string, data []byte) {
	z.seq++
	e := event{z.seq, name, data}
	z.events = append(z.events, e)
	if len(z.events) > keptEvents {
		z.events = slices.Delete(z.events, 0, len(z.events)/2)
	}
	if z.conn != nil && s.suffer(AtEvent, z.conn) == nil {
		z.conn.dispatch(e)
	}
}
