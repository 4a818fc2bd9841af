package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"kiebot/kie/kietest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testToken  = "MTIzNDU2Nzg5.Gabcde.secret-part_of-the-token"
	testPrompt = "a prompt nobody else may read" // in every payload
	testBeat   = 40 * time.Second
	testJitter = 0.25
)

// The codes with which the bot may close, so that its session stays or ends.
const (
	keeps = 4000
	ends  = 1000
)

// peer is Discord as far as its gateway goes: a test says what it does, line by
// line, and it is strict about what it is sent. All of it is in memory, for
// synctest bubbles.
type peer struct {
	t       *testing.T
	network *kietest.Listener
	lines   chan *line
	base    time.Time

	mu       sync.Mutex
	plan     string // the answer of GET /gateway/bot
	rest     []http.HandlerFunc
	asked    int                // calls of it
	upgrade  []http.HandlerFunc // in place of the next handshakes
	dials    []func() error     // in place of the next connections
	identify time.Time          // of the latest that identified looked at
	sessions int
	session  *peerSession      // of the latest shard that identified
	raw      []json.RawMessage // of the interactions, as Take got them
	taken    []string          // ids of the interactions that arrived
	log      []string
}

// peerSession is a session as Discord keeps it: with all its events, and open
// to a resume while valid.
type peerSession struct {
	id     string
	events []string
}

func emptyPeer(t *testing.T) *peer {
	p := &peer{t: t, network: kietest.NewListener(), lines: make(chan *line, 64), base: time.Now()}
	p.plans(1, 1000, 0, 1)
	return p
}

// newPeer is one that serves until the end of the test.
func newPeer(t *testing.T) *peer {
	p := emptyPeer(t)
	server := &http.Server{Handler: http.HandlerFunc(p.serve), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(p.network) })
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
	return p
}

// plans sets the answer of Get Gateway Bot.
func (p *peer) plans(shards, remaining int, reset time.Duration, concurrency int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = fmt.Sprintf(`{"url":"ws://gateway.test","shards":%d,"session_start_limit":{"total":1000,"remaining":%d,"reset_after":%d,"max_concurrency":%d}}`,
		shards, remaining, reset.Milliseconds(), concurrency)
}

// Dial is the network.
func (p *peer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	fault := take(&p.dials)
	p.mu.Unlock()
	if fault != nil {
		if err := fault(); err != nil {
			return nil, err
		}
	}
	return p.network.DialContext(ctx, network, address)
}

// take removes the first of a list; zero when there is none.
func take[T any](list *[]T) (first T) {
	if len(*list) > 0 {
		first = (*list)[0]
		*list = (*list)[1:]
	}
	return first
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("User-Agent") != userAgent {
		p.t.Errorf("User-Agent is %q", r.Header.Get("User-Agent"))
	}
	switch r.URL.Path {
	case "/api/v10/gateway/bot":
		p.serveREST(w, r)
	case "/", "/resume":
		p.serveSocket(w, r)
	default:
		p.t.Errorf("call of %s", r.URL.Path)
	}
}

func (p *peer) serveREST(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bot "+testToken || r.Method != http.MethodGet {
		p.t.Errorf("%s with Authorization %q", r.Method, got)
	}
	p.mu.Lock()
	p.asked++
	fault, plan := take(&p.rest), p.plan
	p.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, plan)
}

// calls is how often the bot asked where the gateway is.
func (p *peer) calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *peer) serveSocket(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "v=10&encoding=json" || r.Header.Get("Authorization") != "" || r.Header.Get("Sec-WebSocket-Extensions") != "" {
		p.t.Errorf("connection with %s and %v", r.URL.RawQuery, r.Header)
	}
	p.mu.Lock()
	fault := take(&p.upgrade)
	p.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	var upgrader websocket.Upgrader
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the bot went away
	}
	l := &line{peer: p, ws: ws, path: r.URL.Path, host: r.Host, lock: make(chan struct{}, 1), got: make(chan request, 4096), end: make(chan int, 1)}
	l.acking.Store(true)
	p.lines <- l
	l.pump()
}

// line is one connection of the bot, as seen by Discord.
type line struct {
	*peer
	ws     *websocket.Conn
	path   string
	host   string
	lock   chan struct{} // of writing
	acking atomic.Bool   // heartbeats are answered
	seq    atomic.Int64  // of the latest event that was sent
	got    chan request  // what the bot sent
	end    chan int      // the code that the bot closed with; 0 for none

	known bool        // the bot introduced itself; of the pump
	sends []time.Time // of what the bot sent; of the pump
}

// request is a payload of the bot.
type request struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	at   time.Duration   // since the test began
}

// accept waits for the bot to connect.
func (p *peer) accept() *line {
	p.t.Helper()
	select {
	case l := <-p.lines:
		return l
	case <-time.After(3 * time.Hour):
		p.t.Fatal("the bot does not connect")
		return nil
	}
}

// silent says that the bot does not connect for as long.
func (p *peer) silent(d time.Duration) {
	p.t.Helper()
	select {
	case <-p.lines:
		p.t.Fatal("the bot connects too early")
	case <-time.After(d):
	}
}

func (p *peer) since() time.Duration { return time.Since(p.base) }

// pump reads what the bot sends.
func (l *line) pump() {
	defer l.ws.Close()
	for {
		kind, payload, err := l.ws.ReadMessage()
		if err != nil {
			code := 0
			if closed, is := err.(*websocket.CloseError); is && closed.Code != websocket.CloseAbnormalClosure {
				code = closed.Code
			}
			l.end <- code
			return
		}
		var r request
		if kind != websocket.TextMessage || len(payload) > 4096 || strict(payload, &r) != nil {
			l.t.Errorf("the bot sent %d bytes of kind %d that are no payload", len(payload), kind)
		}
		r.at = l.since()
		l.check(r)
		if r.Op == opHeartbeat && l.acking.Load() {
			l.write(`{"op":11}`)
		}
		l.got <- r
	}
}

// strict decodes JSON that has nothing more than it should.
func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// check is what Discord would close the connection for.
func (l *line) check(r request) {
	l.sends = append(l.sends, time.Now())
	if n := len(l.sends); n > 120 && l.sends[n-1].Sub(l.sends[n-121]) < time.Minute {
		l.t.Error("the bot sends more than 120 payloads in a minute")
	}
	introduction := r.Op == opIdentify || r.Op == opResume
	if introduction == l.known {
		l.t.Errorf("the bot sent op %d; introduced %t", r.Op, l.known)
	}
	l.known = true
	switch r.Op {
	case opIdentify, opResume:
	case opHeartbeat:
		var seq *int64
		if err := json.Unmarshal(r.Data, &seq); err != nil || seq != nil && (*seq < 1 || *seq > l.seq.Load()) {
			l.t.Errorf("the bot heard up to %s of %d", r.Data, l.seq.Load())
		}
	default:
		l.t.Errorf("the bot sent op %d", r.Op)
	}
}

func (l *line) write(payload string) {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	l.ws.SetWriteDeadline(time.Now().Add(time.Minute))
	l.ws.WriteMessage(websocket.TextMessage, []byte(payload)) // a bot that went away is no mistake
}

// next is what the bot sends within so long.
func (l *line) next(within time.Duration) request {
	l.t.Helper()
	select {
	case r := <-l.got:
		return r
	case <-time.After(within):
		l.t.Fatal("the bot sends nothing")
		return request{}
	}
}

func (l *line) hello() {
	l.write(fmt.Sprintf(`{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":%d,"_trace":["x"]}}`, testBeat.Milliseconds()))
}

// identified reads the identify of the shard, the latest of which was a while ago.
func (l *line) identified(shard, of int) {
	l.t.Helper()
	if got := l.identifies(of); got != shard {
		l.t.Errorf("shard %d identifies", got)
	}
	if !l.identify.IsZero() && time.Since(l.identify) < identifyGap {
		l.t.Errorf("two identifies within %s", time.Since(l.identify))
	}
	l.identify = time.Now()
}

// identifies reads an identify and says of which shard.
func (l *line) identifies(of int) int {
	l.t.Helper()
	r := l.next(time.Minute)
	var d struct {
		Token      string            `json:"token"`
		Properties map[string]string `json:"properties"`
		Intents    *int              `json:"intents"`
		Shard      []int             `json:"shard"`
	}
	if err := strict(r.Data, &d); err != nil || r.Op != opIdentify || len(d.Shard) != 2 {
		l.t.Fatalf("op %d in place of an identify (%v)", r.Op, err)
	}
	p := d.Properties
	if d.Token != testToken || len(p) != 3 || p["os"] == "" || p["browser"] == "" || p["device"] == "" || d.Intents == nil || *d.Intents != 0 || d.Shard[1] != of {
		l.t.Errorf("identify with %s", r.Data)
	}
	if l.host != "gateway.test" || l.path != "/" {
		l.t.Errorf("identify at %s%s", l.host, l.path)
	}
	return d.Shard[0]
}

// ready begins a session.
func (l *line) ready() { l.readies("[]", "ws://resume.test/resume") }

// readies begins a session with these servers, to be resumed at the address.
func (l *line) readies(servers, resume string) {
	l.mu.Lock()
	l.sessions++
	l.session = &peerSession{id: fmt.Sprintf("session-%d", l.sessions)}
	id := l.session.id
	l.mu.Unlock()
	l.seq.Store(0)
	l.event(eventReady, fmt.Sprintf(`{"v":10,"user":{"username":%q},"guilds":%s,"session_id":%q,"resume_gateway_url":%q}`, testPrompt, servers, id, resume))
}

// begin is a connection up to its session.
func (l *line) begin() {
	l.t.Helper()
	l.hello()
	l.identified(0, 1)
	l.ready()
}

// resumes takes a resume and repeats what was missed.
func (l *line) resumes() {
	l.t.Helper()
	l.hello()
	seq := l.asksResume()
	l.mu.Lock()
	missed := slices.Clone(l.session.events[seq:])
	l.mu.Unlock()
	for _, e := range missed {
		l.seq.Add(1)
		l.write(e)
	}
	l.event(eventResumed, `{"_trace":[]}`)
}

// asksResume reads a resume and gives its sequence number.
func (l *line) asksResume() int64 {
	l.t.Helper()
	r := l.next(time.Minute)
	var d struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     int64  `json:"seq"`
	}
	if err := strict(r.Data, &d); err != nil || r.Op != opResume {
		l.t.Fatalf("op %d in place of a resume (%v)", r.Op, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.Token != testToken || d.Session != l.session.id || d.Seq < 1 || d.Seq > int64(len(l.session.events)) {
		l.t.Errorf("resume with %s", r.Data)
	}
	if l.host != "resume.test" || l.path != "/resume" {
		l.t.Errorf("resume at %s%s", l.host, l.path)
	}
	l.seq.Store(d.Seq)
	return d.Seq
}

// missed adds an event to the session without sending it.
func (p *peer) missed(name, data string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := fmt.Sprintf(`{"t":%q,"s":%d,"op":0,"d":%s}`, name, len(p.session.events)+1, data)
	p.session.events = append(p.session.events, e)
	return e
}

// event sends one in the session.
func (l *line) event(name, data string) {
	l.seq.Add(1)
	l.write(l.missed(name, data))
}

func interaction(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":2,"data":{"options":[{"value":%q}]}}`, id, testPrompt)
}

// interacts sends an interaction.
func (l *line) interacts(id string) { l.event(eventInteraction, interaction(id)) }

// over waits until the bot closes, and checks with which code.
func (l *line) over(code int) {
	l.t.Helper()
	select {
	case got := <-l.end:
		if got != code {
			l.t.Errorf("the bot closed with %d, want %d", got, code)
		}
	case <-time.After(time.Hour):
		l.t.Fatal("the bot does not close")
	}
}

// closes ends the connection with a code.
func (l *line) closes(code int) {
	l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, testPrompt), time.Now().Add(time.Minute))
	<-l.end
}

// breaks ends the connection without a word.
func (l *line) breaks() {
	l.ws.Close()
	<-l.end
}

// Write implements io.Writer for the log, in which nothing may be that was
// meant for Discord or the person alone.
func (p *peer) Write(text []byte) (int, error) {
	p.secret("the log", string(text))
	p.mu.Lock()
	p.log = append(p.log, string(text))
	p.mu.Unlock()
	return p.t.Output().Write(text)
}

func (p *peer) secret(where, text string) {
	if strings.Contains(text, "secret") || strings.Contains(text, testPrompt) || strings.Contains(text, "session-") {
		p.t.Errorf("%s has what it must not: %s", where, text)
	}
}

// took are the ids of the interactions that arrived.
func (p *peer) took() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken)
}

func (p *peer) Take(raw json.RawMessage) {
	var i struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &i); err != nil || !strings.Contains(string(raw), testPrompt) {
		p.t.Errorf("not an interaction: %s", raw)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken, p.raw = append(p.taken, i.ID), append(p.raw, raw)
}

// running is a gateway that runs.
type running struct {
	*Gateway
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// start runs a gateway. change may alter the configuration.
func (p *peer) start(change func(*Config)) *running {
	p.t.Helper()
	cfg := Config{
		Token: testToken, URL: "http://discord.test/api/v10", Take: p.Take, Dial: p.Dial,
		Logger: slog.New(slog.NewTextHandler(p, nil)), Jitter: func() float64 { return testJitter },
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(p.t.Context())
	r := &running{Gateway: g, t: p.t, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- g.Run(ctx) }()
	p.t.Cleanup(stop)
	return r
}

// ends stops the gateway, which ends within so long.
func (r *running) ends(within time.Duration) {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Error(err)
		}
	case <-time.After(within):
		r.t.Fatal("Run does not end")
	}
}

// gives is what Run ends with by itself.
func (r *running) gives(p *peer) error {
	r.t.Helper()
	select {
	case err := <-r.done:
		if err == nil {
			r.t.Fatal("Run ended without a reason")
		}
		p.secret("the error", err.Error())
		return err
	case <-time.After(time.Hour):
		r.t.Fatal("Run does not end")
		return nil
	}
}

// meets runs a test against a peer, on fake time.
func meets(t *testing.T, test func(t *testing.T, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newPeer(t)) })
}
