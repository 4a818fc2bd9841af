package discordtest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"kiebot/bots/discord/discordtest"
)

// wire is a bot's end of a connection to the gateway.
type wire struct {
	t  *testing.T
	ws *websocket.Conn
	// stream reads what zlib-stream packs, over all of the connection.
	stream io.Reader
	packed bytes.Buffer
}

type event struct {
	Op int             `json:"op"`
	D  json.RawMessage `json:"d"`
	S  *int            `json:"s"`
	T  string          `json:"t"`
}

func dial(t *testing.T, s *discordtest.Server, where string) *wire {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.DialContext}
	ws, answer, err := d.DialContext(t.Context(), where, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	t.Cleanup(func() { ws.Close() })
	return &wire{t: t, ws: ws}
}

func gateway(s *discordtest.Server) string {
	return strings.Replace(s.URL(), "http", "ws", 1) + "/gateway/?v=10&encoding=json"
}

// next reads a payload. It fails the test when there is none.
func (w *wire) next() event {
	w.t.Helper()
	e, err := w.read()
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *wire) read() (e event, err error) {
	kind, text, err := w.ws.ReadMessage()
	if err != nil {
		return e, err
	}
	if kind == websocket.BinaryMessage {
		return w.unpack(text)
	}
	return e, json.Unmarshal(text, &e)
}

// unpack reads a payload of zlib-stream, or one that is compressed alone.
func (w *wire) unpack(text []byte) (e event, err error) {
	alone := w.stream == nil
	w.packed.Write(text)
	if alone {
		if w.stream, err = zlib.NewReader(&w.packed); err != nil {
			return e, err
		}
	}
	return e, json.NewDecoder(w.stream).Decode(&e)
}

// expects reads a payload of this kind.
func (w *wire) expects(op int, name string) event {
	w.t.Helper()
	e := w.next()
	if e.Op != op || e.T != name {
		w.t.Fatalf("payload is op %d %q %.200s; want op %d %q", e.Op, e.T, e.D, op, name)
	}
	return e
}

// closes reads until the connection is closed with this code.
func (w *wire) closes(code int) {
	w.t.Helper()
	for {
		_, err := w.read()
		var closed *websocket.CloseError
		if errors.As(err, &closed) && closed.Code == code {
			return
		} else if err != nil {
			w.t.Errorf("the connection ends with %v; want code %d", err, code)
			return
		}
	}
}

func (w *wire) says(op int, d any) {
	w.t.Helper()
	if err := w.ws.WriteJSON(fields{"op": op, "d": d}); err != nil {
		w.t.Fatal(err)
	}
}

func identity(s *discordtest.Server) fields {
	return fields{"token": s.Token(), "intents": 0, "properties": fields{"os": "linux", "browser": "x", "device": "x"}}
}

type ready struct {
	SessionID string `json:"session_id"`
	Resume    string `json:"resume_gateway_url"`
}

// identified is a connection with a session.
func identified(t *testing.T, s *discordtest.Server, more fields) (*wire, ready) {
	t.Helper()
	w := dial(t, s, gateway(s))
	w.expects(10, "")
	id := identity(s)
	for name, value := range more {
		id[name] = value
	}
	w.says(2, id)
	var r ready
	if err := json.Unmarshal(w.expects(0, "READY").D, &r); err != nil {
		t.Fatal(err)
	}
	return w, r
}

// resumes is a new connection that takes the session up after event seq.
func resumes(t *testing.T, s *discordtest.Server, r ready, seq int) *wire {
	t.Helper()
	w := dial(t, s, r.Resume+"/?v=10&encoding=json")
	w.expects(10, "")
	w.says(6, fields{"token": s.Token(), "session_id": r.SessionID, "seq": seq})
	return w
}

// An interaction comes without any intent; what is missed comes again.
func TestResume(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann := b.s.Person("Ann")
	chat := b.s.Guild("cats", ann).Channel("general").As(ann)
	b.register(imagine())
	var told struct {
		URL    string
		Shards int
		Limit  struct{ Total, Remaining int } `json:"session_start_limit"`
	}
	b.must(&told, "GET", "/gateway/bot", nil)
	if told.Shards != 1 || told.Limit.Remaining != 1000 || !strings.HasPrefix(told.URL, "ws://127.0.0.1:") {
		t.Errorf("the gateway is %+v", told)
	}
	w, r := identified(t, b.s, nil)
	b.s.Online(t)
	first := chat.Types("/imagine", discordtest.Set("prompt", "one"))
	e := w.expects(0, "INTERACTION_CREATE")
	if *e.S != 2 || !bytes.Contains(e.D, []byte(first.ID)) {
		t.Errorf("the event is %d %s", *e.S, e.D)
	}
	b.s.Interrupt(discordtest.GatewayFault{Drop: true})
	b.s.Until(t, func() bool { return !b.s.Sessions()[0].Connected })
	second := chat.Types("/imagine", discordtest.Set("prompt", "two"))
	w = resumes(t, b.s, r, 1)
	for _, in := range []*discordtest.Interaction{first, second} {
		if e := w.expects(0, "INTERACTION_CREATE"); !bytes.Contains(e.D, []byte(in.ID)) {
			t.Errorf("the event is %s", e.D)
		}
	}
	w.expects(0, "RESUMED")
	second.Redeliver()
	w.expects(0, "INTERACTION_CREATE")
	if z := b.s.Sessions(); len(z) != 1 || z[0].Resumes != 1 || z[0].Over {
		t.Errorf("sessions are %+v", z)
	}
	b.clean()
}

// What the gateway closes a connection for.
func TestCloseCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		code int
		do   func(*wire, *discordtest.Server)
	}{
		{"unknown opcode", 4001, func(w *wire, s *discordtest.Server) { w.says(2, identity(s)); w.says(20, nil) }},
		{"no JSON", 4002, func(w *wire, s *discordtest.Server) { w.ws.WriteMessage(websocket.TextMessage, []byte("{")) }},
		{"large", 4002, func(w *wire, s *discordtest.Server) { w.says(1, strings.Repeat("x", 4096)) }},
		{"no intents", 4002, func(w *wire, s *discordtest.Server) { w.says(2, fields{"token": s.Token(), "properties": fields{}}) }},
		{"unidentified", 4003, func(w *wire, s *discordtest.Server) { w.says(3, fields{}) }},
		{"token", 4004, func(w *wire, s *discordtest.Server) { w.says(2, with(identity(s), "token", "x")) }},
		{"twice", 4005, func(w *wire, s *discordtest.Server) { w.says(2, identity(s)); w.says(2, identity(s)) }},
		{"sequence", 4007, func(w *wire, s *discordtest.Server) { w.says(2, identity(s)); w.says(1, 9) }},
		{"rate", 4008, func(w *wire, s *discordtest.Server) {
			for range 121 {
				w.says(1, nil)
			}
		}},
		{"shard", 4010, func(w *wire, s *discordtest.Server) { w.says(2, with(identity(s), "shard", []int{2, 2})) }},
		{"intent", 4013, func(w *wire, s *discordtest.Server) { w.says(2, with(identity(s), "intents", 1<<30)) }},
		{"privileged", 4014, func(w *wire, s *discordtest.Server) { w.says(2, with(identity(s), "intents", 1<<15)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := discordtest.NewServer(discordtest.Config{})
			defer s.Close()
			w := dial(t, s, gateway(s))
			w.expects(10, "")
			c.do(w, s)
			w.closes(c.code)
		})
	}
	s := discordtest.NewServer(discordtest.Config{})
	defer s.Close()
	w := dial(t, s, strings.Replace(gateway(s), "v=10", "v=6", 1))
	w.closes(4012)
}

// Guilds are spread over shards; more than 2500 on one are refused, and those
// who want to know hear of each.
func TestShards(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	ann := b.s.Person("Ann")
	b.register(imagine())
	for range 2501 {
		b.s.Guild("cats", ann)
	}
	w := dial(t, b.s, gateway(b.s))
	w.expects(10, "")
	w.says(2, identity(b.s))
	w.closes(4011)
	shards := []*wire{}
	for i := range 2 {
		w, _ := identified(t, b.s, fields{"shard": []int{i, 2}, "intents": 1})
		shards = append(shards, w)
		n := 0
		for range b.s.Sessions()[i].Events - 1 {
			w.expects(0, "GUILD_CREATE")
			n++
		}
		if n == 0 {
			t.Errorf("shard %d hears of no guild", i)
		}
	}
	b.s.Online(t)
	g := b.s.Guild("dogs", ann)
	w = shards[shardOf(g.ID(), 2)]
	w.expects(0, "GUILD_CREATE")
	in := g.Channel("general").As(ann).Types("/imagine", discordtest.Set("prompt", "x"))
	if e := w.expects(0, "INTERACTION_CREATE"); !bytes.Contains(e.D, []byte(in.ID)) {
		t.Errorf("the event is %s", e.D)
	}
	ann.Types("/imagine", discordtest.Set("prompt", "x"))
	shards[0].expects(0, "INTERACTION_CREATE")
	g.Kicks()
	w.expects(0, "GUILD_DELETE")
}

func shardOf(guild string, shards uint64) uint64 {
	var id uint64
	fmt.Sscan(guild, &id)
	return (id >> 22) % shards
}

// Both ways of compression carry the same.
func TestCompression(t *testing.T) {
	s := discordtest.NewServer(discordtest.Config{})
	defer s.Close()
	identified(t, s, fields{"compress": true})
	w := dial(t, s, gateway(s)+"&compress=zlib-stream")
	w.expects(10, "")
	w.says(2, identity(s))
	w.expects(0, "READY")
	w.says(1, 1)
	w.expects(11, "")
}

// Heartbeats keep a connection; without them it times out and can be resumed.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.NewMemoryServer(discordtest.Config{})
		defer s.Close()
		w, r := identified(t, s, nil)
		for range 5 {
			time.Sleep(40 * time.Second)
			w.says(1, 1)
			w.expects(11, "")
		}
		begun := time.Now()
		w.closes(4009)
		if took := time.Since(begun); took < 41*time.Second || took > 63*time.Second {
			t.Errorf("it timed out after %v", took)
		}
		resumes(t, s, r, 1).expects(0, "RESUMED")
		if z := s.Sessions()[0]; z.Beats != 5 {
			t.Errorf("the session is %+v", z)
		}
	})
}

// Trouble that is ordered: each kind, at each moment.
func TestGatewayFaults(t *testing.T) {
	s := discordtest.NewServer(discordtest.Config{Heartbeat: time.Minute})
	defer s.Close()
	soon := func(w *wire) { w.ws.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) }
	silent := func(w *wire) {
		t.Helper()
		soon(w)
		if e, err := w.read(); err == nil {
			t.Errorf("there is op %d %s", e.Op, e.T)
		}
	}

	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtDial, Drop: true})
	if _, _, err := websocket.DefaultDialer.Dial(gateway(s), nil); err == nil {
		t.Error("a reset handshake succeeds")
	}
	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtDial, Close: 503})
	if _, answer, err := websocket.DefaultDialer.Dial(gateway(s), nil); err == nil || answer.StatusCode != 503 {
		t.Errorf("a refused handshake is %v", err)
	}
	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtHello})
	silent(dial(t, s, gateway(s)))

	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtIdentify, Reconnect: true})
	w := dial(t, s, gateway(s))
	w.expects(10, "")
	w.says(2, identity(s))
	w.expects(7, "")

	w, r := identified(t, s, nil)
	s.Interrupt(discordtest.GatewayFault{Invalid: true, Resumable: true})
	if e := w.expects(9, ""); string(e.D) != "true" {
		t.Errorf("op 9 says %s", e.D)
	}
	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtHeartbeat})
	w.says(1, 1)
	silent(w)
	s.FaultGateway(discordtest.GatewayFault{At: discordtest.AtResume, Reconnect: true})
	resumes(t, s, r, 1).expects(7, "")
	resumes(t, s, r, 1).expects(0, "RESUMED")

	w, r = identified(t, s, nil)
	s.Interrupt(discordtest.GatewayFault{Close: 4000})
	w.closes(4000)
	resumes(t, s, r, 1).expects(0, "RESUMED")
	s.Interrupt(discordtest.GatewayFault{Invalid: true})
	if e := resumes(t, s, r, 1).expects(9, ""); string(e.D) != "false" {
		t.Errorf("op 9 says %s", e.D)
	}

	w, _ = identified(t, s, nil)
	s.Interrupt(discordtest.GatewayFault{})
	w.says(1, 1)
	silent(w)
	up := s.Down()
	if _, _, err := websocket.DefaultDialer.Dial(gateway(s), nil); err == nil {
		t.Error("a server that is down takes connections")
	}
	up()
	identified(t, s, nil)
}

// A bot that closes with 1000 has no session left; a day has so many sessions,
// and the token is reset when there are more.
func TestSessionLimits(t *testing.T) {
	b := newBot(t, discordtest.Config{Identifies: 2})
	w, r := identified(t, b.s, nil)
	w.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
	b.s.Until(t, func() bool { return b.s.Sessions()[0].Over })
	resumes(t, b.s, r, 1).expects(9, "")
	identified(t, b.s, nil)
	w = dial(t, b.s, gateway(b.s))
	w.expects(10, "")
	w.says(2, identity(b.s))
	w.closes(4004)
	b.refused(b.call("GET", "/users/@me", nil), 401, 0, "401: Unauthorized")
}
