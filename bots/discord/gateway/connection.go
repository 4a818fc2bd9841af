package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

const (
	helloFor    = 10 * time.Second // from the connection to the first word
	readyFor    = 10 * time.Minute // to a session: in an outage it comes late, but comes
	replayFor   = time.Minute      // to the end of a resume
	writeFor    = 5 * time.Second
	closeFor    = time.Second
	longestBeat = 10 * time.Minute
	frameMax    = 16 << 20 // bytes
	frameKeep   = 1 << 20  // bytes of the buffer that are kept for the next

	// Discord takes 120 payloads in 60 s (Using Gateway, Rate Limiting). These
	// make 110 at most.
	sendRate  = rate.Limit(1)
	sendBurst = 50

	closeForGood = websocket.CloseNormalClosure
	closeForNow  = 4000 // with 1000 and 1001 Discord would end the session
)

// connection is one WebSocket from its beginning to its end. One goroutine
// reads; another writes and closes.
type connection struct {
	*shard
	ws      *websocket.Conn
	address string
	leave   *start // to begin a session; nil in a resume
	first   sent   // what introduces the bot
	allowed *rate.Limiter

	hello chan time.Duration // the time between heartbeats, once
	asked chan struct{}      // Discord wants a heartbeat now
	acked atomic.Bool        // since the latest heartbeat that was due

	// The rest is of the reading goroutine.
	began    time.Time
	interval time.Duration // of heartbeats; 0 before the hello
	ready    bool          // the session is begun or resumed
	worked   bool          // and that is more than a first impression
}

func newConnection(s *shard, ws *websocket.Conn, address string, leave *start) *connection {
	c := &connection{
		shard: s, ws: ws, address: address, leave: leave, began: time.Now(), allowed: rate.NewLimiter(sendRate, sendBurst),
		hello: make(chan time.Duration, 1), asked: make(chan struct{}, 1),
	}
	token := s.cfg.Token.reveal()
	if c.resumes() {
		c.first = sent{opResume, resume{Token: token, Session: s.session.id, Seq: s.seq.Load()}}
	} else {
		c.first = sent{opIdentify, identify{
			Token:      token,
			Properties: properties{OS: runtime.GOOS, Browser: "kiebot", Device: "kiebot"},
			Shard:      [2]int{s.id, s.count},
		}}
	}
	c.acked.Store(true)
	return c
}

func (c *connection) resumes() bool { return c.leave == nil }

// run is the connection's life. Its error says what ended it.
func (c *connection) run(parent context.Context) error {
	ctx, end := context.WithCancelCause(parent)
	var writer sync.WaitGroup
	writer.Go(func() {
		end(c.write(ctx))
		c.close(parent.Err() != nil && !c.lasts()) // and with that the reading
	})
	end(c.read())
	writer.Wait()
	return context.Cause(ctx) // the first of both
}

// close says goodbye, for good or so that the session stays.
func (c *connection) close(forGood bool) {
	code := closeForNow
	if forGood {
		code = closeForGood
	}
	// Whoever is gone hears nothing any more: what fails here says nothing new.
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeFor))
	c.ws.Close()
}

// write introduces the bot and sends the heartbeats, until ctx ends.
func (c *connection) write(ctx context.Context) error {
	var interval time.Duration
	select {
	case interval = <-c.hello:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.introduce(ctx); err != nil {
		return err
	}
	beat := time.NewTimer(time.Duration(c.cfg.Jitter() * float64(interval)))
	defer beat.Stop()
	for {
		select {
		case <-c.asked:
		case <-beat.C:
			if !c.acked.Swap(false) {
				return &failure{what: "Discord did not answer a heartbeat"}
			}
			beat.Reset(interval)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.send(ctx, sent{opHeartbeat, c.latest()}); err != nil {
			return err
		}
	}
}

// introduce begins or resumes the session.
func (c *connection) introduce(ctx context.Context) error {
	if !c.resumes() {
		defer c.leave.identified()
	}
	return c.send(ctx, c.first)
}

// latest is what a heartbeat says: how far the session was heard.
func (c *connection) latest() *int64 {
	seq := c.seq.Load()
	if seq == 0 {
		return nil
	}
	return &seq
}

func (c *connection) send(ctx context.Context, what sent) error {
	payload, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if err := c.allowed.Wait(ctx); err != nil {
		return err
	}
	if err = c.ws.SetWriteDeadline(time.Now().Add(writeFor)); err == nil {
		err = c.ws.WriteMessage(websocket.TextMessage, payload)
	}
	if err != nil {
		return &failure{what: "the connection to Discord broke", cause: err}
	}
	return nil
}

// read takes what comes, until nothing does any more or Discord says that the
// connection is over.
func (c *connection) read() error {
	c.ws.SetReadLimit(frameMax)
	var frame bytes.Buffer
	for {
		err := c.next(&frame)
		if err == nil {
			err = c.take(frame.Bytes())
		}
		if err != nil {
			return err
		}
		if frame.Cap() > frameKeep {
			frame = bytes.Buffer{}
		}
	}
}

// next reads a frame.
func (c *connection) next(frame *bytes.Buffer) error {
	frame.Reset()
	err := c.ws.SetReadDeadline(c.deadline())
	if err != nil {
		return unread(err)
	}
	kind, r, err := c.ws.NextReader()
	if err == nil && kind != websocket.TextMessage {
		err = errBroken
	}
	if err == nil {
		_, err = frame.ReadFrom(r)
	}
	if err != nil {
		return c.unreadable(err)
	}
	return nil
}

// unreadable is why a frame could not be read. What a resume repeats and cannot
// be read would be repeated for ever.
func (c *connection) unreadable(err error) *failure {
	f := unread(err)
	if f.cause == errBroken && c.resumes() && !c.ready {
		f.fate = gone
	}
	return f
}

// deadline is when the next frame has to be there.
func (c *connection) deadline() time.Time {
	if c.interval == 0 {
		return c.began.Add(helloFor)
	}
	next := time.Now().Add(c.interval * 3 / 2)
	by := c.began.Add(readyFor)
	if c.resumes() {
		by = c.began.Add(replayFor)
	}
	if !c.ready && by.Before(next) {
		return by
	}
	return next
}

// take handles a frame. What is not known is ignored.
func (c *connection) take(frame []byte) error {
	e, err := parse(frame)
	if err != nil {
		return c.unreadable(err)
	}
	switch e.Operation {
	case opDispatch:
		return c.dispatch(e)
	case opHeartbeat:
		select {
		case c.asked <- struct{}{}:
		default: // one is about to be sent
		}
	case opReconnect:
		return &failure{what: "Discord asked for a new connection"}
	case opInvalid:
		return c.invalid(e.RawData)
	case opHello:
		return c.greet(e.RawData)
	case opAck:
		c.acked.Store(true)
		c.worked = c.worked || c.ready
		c.health.acked()
	}
	return nil
}

// greet reads the hello.
func (c *connection) greet(data []byte) error {
	var hello struct {
		Millis int64 `json:"heartbeat_interval"`
	}
	if err := json.Unmarshal(data, &hello); err != nil || hello.Millis < 1 || hello.Millis > longestBeat.Milliseconds() {
		return c.unreadable(errBroken)
	}
	if c.interval == 0 {
		c.interval = time.Duration(hello.Millis) * time.Millisecond
		c.hello <- c.interval
	}
	return nil
}

// invalid reads that there is no session, or not on this connection.
func (c *connection) invalid(data []byte) *failure {
	f := &failure{what: "Discord refused the session"}
	if string(data) != "true" {
		f.fate = gone
		f.after = time.Second + time.Duration(c.cfg.Jitter()*float64(4*time.Second))
	}
	return f
}

// dispatch handles an event. Only what was handled counts as heard: a resume
// repeats everything else.
func (c *connection) dispatch(e *discordgo.Event) error {
	switch e.Type {
	case eventReady:
		if err := c.begin(e.RawData); err != nil {
			return err
		}
	case eventResumed:
		c.session.until = time.Time{}
		c.worked = true
		c.up()
	case eventInteraction:
		if len(e.RawData) == 0 {
			return c.unreadable(errBroken)
		}
		c.give(bytes.Clone(e.RawData))
	}
	if e.Sequence > c.seq.Load() {
		c.seq.Store(e.Sequence)
	}
	return nil
}

// begin reads what a resume will need.
func (c *connection) begin(data []byte) error {
	var ready struct {
		Session string `json:"session_id"`
		URL     string `json:"resume_gateway_url"`
	}
	if err := json.Unmarshal(data, &ready); err != nil || ready.Session == "" {
		return c.unreadable(errBroken)
	}
	address, err := socket(ready.URL, c.plain)
	if err != nil {
		address = c.address // better than none
	}
	c.session = session{id: ready.Session, url: address}
	c.up()
	return nil
}

// up notes that the session is there.
func (c *connection) up() {
	c.ready = true
	c.health.connected(c.interval)
	c.log.Info("connected to Discord", "resumed", c.resumes())
}

// give hands an interaction on. A panic of whoever takes it ends there.
func (c *connection) give(raw json.RawMessage) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("taking an interaction panicked", "stack", string(debug.Stack()))
		}
	}()
	c.cfg.Take(raw)
}
