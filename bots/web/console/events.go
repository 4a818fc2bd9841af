package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"kiebot/bots/web/site"
)

// Bounds of the event streams.
const (
	listenersMax = 16
	lookEvery    = 2 * time.Second
)

// live counts the pages that listen. The zero value is ready.
type live struct {
	mu     sync.Mutex
	pages  int
	closed bool
	ended  chan struct{}
}

// join counts one page in; nil when there are too many, or after close. The
// channel is closed when the streams have to end.
func (l *live) join() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.pages >= listenersMax {
		return nil
	}
	if l.ended == nil {
		l.ended = make(chan struct{})
	}
	l.pages++
	return l.ended
}

func (l *live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages--
}

func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.ended != nil {
		close(l.ended)
	}
	l.closed = true
}

// part is what a stream keeps up to date: the template "live" of a page.
type part struct {
	page string
	here string // the address of the page, where an act leads back to
	load func(context.Context) (data any, over bool, err error)
}

// partOf is what the page that listens wants: its task, or what goes on.
func (c *Console) partOf(r *http.Request) part {
	id := r.URL.Query().Get("task")
	if id == "" {
		return part{page: "now", here: Path, load: func(ctx context.Context) (any, bool, error) {
			d, err := c.now(ctx)
			return d, false, err
		}}
	}
	return part{page: "task", here: within(Path + "/tasks/" + id), load: func(ctx context.Context) (any, bool, error) {
		timeline, err := c.cfg.Engine.Timeline(ctx, id)
		return c.taskData(timeline), timeline.Task.State.Final(), err
	}}
}

// events sends the part once and then whenever it has changed, until the page
// goes, cannot keep up, its session ends, or Close.
func (c *Console) events(rw http.ResponseWriter, r *http.Request) {
	s := stream{Events: site.NewEvents(rw)}
	if r.Method == http.MethodHead {
		return
	}
	ended := c.live.join()
	if ended == nil {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		http.Error(rw, "too many pages are listening", http.StatusServiceUnavailable)
		return
	}
	defer c.live.leave()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for c.update(r, &s) == nil {
		select {
		case <-r.Context().Done():
			return
		case <-ended:
			return
		case <-look.C:
		}
	}
}

// Why a stream ends by itself.
var (
	errBye  = errors.New("the session is over")
	errOver = errors.New("nothing will change any more")
)

// update sends what is new to the page.
func (c *Console) update(r *http.Request, s *stream) error {
	cookie := c.door.cookie(r)
	session, err := c.door.session(r.Context(), cookie)
	if err != nil {
		return err
	}
	if session == nil {
		return errors.Join(s.send("bye", []byte("{}")), errBye)
	}
	p := c.partOf(r)
	data, over, err := p.load(r.Context())
	if err != nil {
		return err
	}
	html, err := c.execute(p.page, "live", view{Token: c.door.formToken(cookie), Here: p.here, Data: data})
	if err != nil {
		c.log.Error("rendering a part of the console", "page", p.page, "error", err)
		return err
	}
	body, err := json.Marshal(string(html))
	if err != nil {
		return err
	}
	if err := s.change(body); err != nil || !over {
		return err
	}
	return errors.Join(s.send("over", []byte("{}")), errOver)
}

// stream sends a part to one page.
type stream struct {
	site.Events
	last []byte
	sent time.Time
}

// change sends the part unless the page has it, and a beat now and then.
func (s *stream) change(body []byte) error {
	if bytes.Equal(body, s.last) {
		if time.Since(s.sent) < site.Heartbeat {
			return nil
		}
		return s.send("beat", []byte("{}"))
	}
	s.last = body
	return s.send("part", body)
}

// send is Send, and when.
func (s *stream) send(event string, data []byte) error {
	s.sent = time.Now()
	return s.Send(event, data)
}
