package discordtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// session is what a bot has identified for. It outlives its connections.
type session struct {
	id      string
	shard   [2]int
	intents int
	seq     int
	events  []event // that may be sent again
	conn    *conn   // nil while the bot is away
	away    time.Time
	begun   time.Time
	resumes int
	beats   int
	over    bool
}

// event is one dispatch of a session.
type event struct {
	seq  int
	name string
	data []byte
}

// Session is what is known of a session of the gateway.
type Session struct {
	ID        string
	Shard     [2]int // which of how many
	Intents   int
	Begun     time.Time
	Connected bool
	Over      bool // it cannot be resumed any more
	Resumes   int
	Beats     int // heartbeats
	Events    int // sent or kept
}

// Sessions returns every session that was ever identified for, oldest first.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Session
	for _, z := range s.gate.begun {
		all = append(all, Session{
			ID: z.id, Shard: z.shard, Intents: z.intents, Begun: z.begun, Connected: z.conn != nil, Over: z.over,
			Resumes: z.resumes, Beats: z.beats, Events: z.seq,
		})
	}
	return all
}

// Online waits until the bot is connected with all of its shards.
func (s *Server) Online(t T) {
	t.Helper()
	s.wait(t, s.online, func() string { return fmt.Sprintf("the bot is not connected; %d sessions", len(s.gate.sessions)) })
}

func (s *Server) online() bool {
	there := map[int]map[int]bool{}
	for _, z := range s.gate.sessions {
		if z.conn != nil {
			if there[z.shard[1]] == nil {
				there[z.shard[1]] = map[int]bool{}
			}
			there[z.shard[1]][z.shard[0]] = true
		}
	}
	for count, shards := range there {
		if len(shards) == count {
			return true
		}
	}
	return false
}

// hello is the first thing the gateway says.
func (c *conn) hello() {
	if c.s.suffers(AtHello, c) != nil {
		return
	}
	c.patience()
	c.say(opHello, fmt.Sprintf(`{"heartbeat_interval":%d,"_trace":[]}`, c.s.cfg.Heartbeat.Milliseconds()))
}

// hear handles one payload of the bot.
func (c *conn) hear(text []byte) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.deaf {
		return
	}
	var p payload
	value, err := decodeJSON(text)
	if err != nil || json.Unmarshal(text, &p) != nil {
		c.closeWith(closeDecode, "Error while decoding payload.")
		return
	}
	fields, _ := value.(map[string]any)
	if _, named := fields["op"]; !named {
		c.closeWith(closeDecode, "Error while decoding payload.")
		return
	}
	now := s.now()
	c.sends = append(slices.DeleteFunc(c.sends, func(at time.Time) bool { return now.Sub(at) >= time.Minute }), now)
	switch {
	case len(c.sends) > sendsPerMinute:
		c.closeWith(closeRate, "Rate limited.")
	case p.Op == opHeartbeat:
		c.heartbeat(fields["d"])
	case p.Op == opIdentify && c.session != nil, p.Op == opResume && c.session != nil:
		c.closeWith(closeIdentified, "Already authenticated.")
	case p.Op == opIdentify:
		c.identify(p.Data, fields["d"])
	case p.Op == opResume:
		c.resume(p.Data, fields["d"])
	case c.session == nil:
		c.closeWith(closeUnidentified, "Not authenticated.")
	case !slices.Contains([]int{opPresence, opVoice, opMembers, opSoundboard, opChannelInfo}, p.Op):
		c.closeWith(closeUnknownOp, "Unknown opcode.")
	}
	s.touch()
}

// heartbeat is acknowledged. Its number is that of the last event the bot has.
func (c *conn) heartbeat(d any) {
	if d != nil {
		n, err := strconv.Atoi(fmt.Sprint(d))
		if _, is := d.(json.Number); !is || err != nil {
			c.closeWith(closeDecode, "Error while decoding payload.")
			return
		}
		if c.session != nil && n > c.session.seq {
			c.closeWith(closeSequence, "Invalid seq.")
			return
		}
	}
	if c.session != nil {
		c.session.beats++
	}
	c.patience()
	if c.s.suffer(AtHeartbeat, c) == nil {
		c.say(opHeartbeatAck, "null")
	}
}

// identify follows "Identify Structure". It wants the server's lock.
func (c *conn) identify(data json.RawMessage, value any) {
	s := c.s
	if s.suffer(AtIdentify, c) != nil {
		return
	}
	var in struct {
		Token    string
		Compress bool
		Shard    *[2]int
		Intents  int
	}
	if err := s.conform("identify", value); err != nil || json.Unmarshal(data, &in) != nil {
		s.complain("identify", "%v", err)
		c.closeWith(closeDecode, "Error while decoding payload.")
		return
	}
	shard := [2]int{0, 1}
	if in.Shard != nil {
		shard = *in.Shard
	}
	switch s.renew(); {
	case !s.knows(in.Token):
		c.closeWith(closeToken, "Authentication failed.")
	case shard[1] < 1 || shard[0] < 0 || shard[0] >= shard[1]:
		c.closeWith(closeShard, "Invalid shard.")
	case len(s.joined()) > guildsPerShard*shard[1]:
		c.closeWith(closeMustShard, "Sharding required.")
	case in.Intents&^knownIntents != 0:
		c.closeWith(closeIntents, "Invalid intent(s).")
	case in.Intents&privilegedIntents != 0:
		c.closeWith(closeDisallowed, "Disallowed intent(s).")
	case s.gate.identifies >= s.cfg.Identifies: // "Session Start Limit": the token is reset
		s.revoked = true
		c.closeWith(closeToken, "Authentication failed.")
	case s.flood.on && s.now().Sub(s.gate.last[shard[0]%s.cfg.Concurrency]) < identifyPause: // "Rate Limiting", max_concurrency
		c.say(opInvalid, "false")
	default:
		c.compress = in.Compress
		c.begin(shard, in.Intents)
	}
}

func (s *Server) knows(token string) bool {
	return !s.revoked && strings.TrimPrefix(token, "Bot ") == s.cfg.Token
}

// begin starts a session and tells the bot of it, and of its guilds when it
// wants to know ("Ready").
func (c *conn) begin(shard [2]int, intents int) {
	s := c.s
	s.gate.identifies++
	s.gate.last[shard[0]%s.cfg.Concurrency] = s.now()
	z := &session{id: strings.ToLower(s.secret(32)), shard: shard, intents: intents, conn: c, begun: s.now()}
	c.session = z
	s.gate.sessions[z.id] = z
	s.gate.begun = append(s.gate.begun, z)
	mine := slices.DeleteFunc(s.joined(), func(g *Guild) bool { return int((intID(g.id)>>22)%int64(shard[1])) != shard[0] })
	unavailable := []any{}
	for _, g := range mine {
		unavailable = append(unavailable, map[string]any{"id": g.id, "unavailable": true})
	}
	ready, _ := json.Marshal(map[string]any{ // ids and texts only
		"v": 10, "user": s.bot, "guilds": unavailable, "session_id": z.id, "shard": shard,
		"resume_gateway_url": strings.TrimSuffix(s.gatewayURL("/gateway/resume"), "/"),
		"application":        map[string]any{"id": s.cfg.ApplicationID, "flags": 0}, "session_type": "normal", "private_channels": []any{}, "_trace": []any{},
	})
	s.send(z, "READY", ready)
	if intents&intentGuilds == 0 {
		return
	}
	for _, g := range mine {
		whole, _ := json.Marshal(g.create()) // the same
		s.send(z, "GUILD_CREATE", whole)
	}
}

// resume follows "Resuming": what the bot missed comes again, then RESUMED. It
// wants the server's lock.
func (c *conn) resume(data json.RawMessage, value any) {
	s := c.s
	var in struct {
		Token     string
		SessionID string `json:"session_id"`
		Seq       int
	}
	if err := s.conform("resume", value); err != nil || json.Unmarshal(data, &in) != nil {
		s.complain("resume", "%v", err)
		c.closeWith(closeDecode, "Error while decoding payload.")
		return
	}
	if s.suffer(AtResume, c) != nil {
		return
	}
	if !c.resuming {
		s.complain("resume", "a resume at another address than resume_gateway_url")
	}
	z := s.gate.sessions[in.SessionID]
	switch {
	case !s.knows(in.Token):
		c.closeWith(closeToken, "Authentication failed.")
	case z == nil || z.conn == nil && s.now().Sub(z.away) > resumeLife || len(z.events) == 0 || in.Seq < z.events[0].seq-1:
		c.say(opInvalid, "false")
	case in.Seq > z.seq:
		c.closeWith(closeSequence, "Invalid seq.")
	default:
		c.replay(z, in.Seq)
	}
}

func (c *conn) replay(z *session, seq int) {
	if z.conn != nil {
		z.conn.closeWith(cmp.Or(z.conn.code, 4000), "Unknown error.") // a newer connection takes over
		z.conn.session = nil
	}
	z.conn, c.session = c, z
	z.resumes++
	for _, e := range z.events {
		if e.seq > seq {
			c.dispatch(e)
		}
	}
	c.s.send(z, "RESUMED", []byte(`{"_trace":[]}`))
}
