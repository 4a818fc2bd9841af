package discordtest

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// conn is one connection to the gateway. One goroutine reads, one writes.
type conn struct {
	s        *Server
	ws       *websocket.Conn
	stream   *zlib.Writer // of zlib-stream, nil without
	packed   bytes.Buffer // what stream has written
	resuming bool         // came by resume_gateway_url

	// Guarded by the server's lock.
	session  *session
	compress bool // every event by itself
	deaf     bool // answers nothing any more
	sends    []time.Time
	code     int // it was closed with

	mu    sync.Mutex // guards the queue
	queue []frame
	ended bool
	wake  chan struct{}
}

// frame is something to write: text, or the end.
type frame struct {
	text   []byte
	alone  bool // compressed by itself
	close  int
	reason string
}

func newConn(s *Server, ws *websocket.Conn, r *http.Request) *conn {
	c := &conn{s: s, ws: ws, wake: make(chan struct{}, 1), resuming: strings.HasPrefix(r.URL.Path, "/gateway/resume")}
	if r.URL.Query().Get("compress") == "zlib-stream" {
		c.stream = zlib.NewWriter(&c.packed)
	}
	return c
}

// put queues a frame.
func (c *conn) put(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, f)
	c.ring()
}

// ring wakes the writer. It wants c.mu.
func (c *conn) ring() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// end lets the writer write what is queued and return.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.ring()
}

// write writes what is queued until the connection ends, and then closes it.
func (c *conn) write() {
	defer c.ws.Close()
	for range c.wake {
		c.mu.Lock()
		frames, ended := c.queue, c.ended
		c.queue = nil
		c.mu.Unlock()
		for _, f := range frames {
			if !c.writeFrame(f) {
				return
			}
		}
		if ended {
			return
		}
	}
}

// writeFrame says whether to go on.
func (c *conn) writeFrame(f frame) bool {
	_ = c.ws.SetWriteDeadline(time.Now().Add(time.Minute)) // a net.Conn that is open takes it
	switch {
	case f.close != 0:
		text := websocket.FormatCloseMessage(f.close, f.reason)
		_ = c.ws.WriteControl(websocket.CloseMessage, text, time.Now().Add(time.Second))
		_ = c.ws.SetReadDeadline(time.Now().Add(time.Second)) // for the other side's close
		return true
	case c.stream != nil:
		c.packed.Reset()
		_, err := c.stream.Write(f.text)
		return errors.Join(err, c.stream.Flush(), c.ws.WriteMessage(websocket.BinaryMessage, c.packed.Bytes())) == nil
	case f.alone:
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		_, err := z.Write(f.text)
		return errors.Join(err, z.Close(), c.ws.WriteMessage(websocket.BinaryMessage, packed.Bytes())) == nil
	}
	return c.ws.WriteMessage(websocket.TextMessage, f.text) == nil
}

// payload is what goes over the gateway, either way ("Payload Structure").
type payload struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  *int            `json:"s"`
	Type *string         `json:"t"`
}

// say sends a payload that is no event.
func (c *conn) say(op int, data string) {
	text, _ := json.Marshal(payload{Op: op, Data: json.RawMessage(data)}) // data is a constant of ours
	c.put(frame{text: text})
}

// dispatch sends an event. It wants the server's lock.
func (c *conn) dispatch(e event) {
	text, _ := json.Marshal(payload{Op: opDispatch, Data: e.data, Seq: &e.seq, Type: &e.name}) // data was JSON before
	c.put(frame{text: text, alone: c.compress && c.stream == nil})
}

// close closes with a code.
func (c *conn) close(code int, reason string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.closeWith(code, reason)
}

// closeWith is close for who holds the server's lock.
func (c *conn) closeWith(code int, reason string) {
	if c.code == 0 {
		c.code = code
		c.put(frame{close: code, reason: reason})
	}
}

// drop resets the connection.
func (c *conn) drop() { abort(c.ws.NetConn()) }

// read handles what the bot sends until the connection ends.
func (c *conn) read() {
	for {
		kind, text, err := c.ws.ReadMessage()
		var closed *websocket.CloseError
		var timeout net.Error
		switch {
		case errors.As(err, &closed):
			c.closedBy(closed.Code)
			return
		case errors.As(err, &timeout) && timeout.Timeout() && !c.closing():
			c.close(closeTimeout, "Session timed out.")
			return
		case err != nil:
			return
		case c.closing():
		case kind != websocket.TextMessage || len(text) > maxPayload:
			c.close(closeDecode, "Error while decoding payload.")
		default:
			c.hear(text)
		}
	}
}

func (c *conn) closing() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.code != 0
}

// closedBy notes the code the bot closed with.
func (c *conn) closedBy(code int) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.code == 0 {
		c.code = code
	}
}

// patience is how long the gateway waits for a heartbeat.
func (c *conn) patience() { _ = c.ws.SetReadDeadline(time.Now().Add(c.s.cfg.Heartbeat * 3 / 2)) }
