package kietest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the service promises for callbacks (docs.kie.ai, callback pages): an
// answer is awaited for 15 seconds and after three failed retries it gives up.
const (
	callbackTimeout  = 15 * time.Second
	callbackAttempts = 4
)

// errForeign is the outcome of a callback to a host that must not be reached.
var errForeign = errors.New("the target is not a loopback address")

// post is a callback on its way.
type post struct {
	taskID  string
	url     string
	body    []byte
	key     string // signs it, empty for no signature
	forged  bool
	attempt int // finished ones
}

// notice is the body of a callback (docs.kie.ai "Task Callback").
type notice struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data any    `json:"data"`
}

// notice writes the callback about a task that has reached a stage.
func (t *task) notice(at stage) []byte {
	d := t.at.dialect
	if t.final == StateFail {
		return encode(notice{d.codeOf(t), d.messageOf(t), d.refused(t)})
	}
	return encode(notice{http.StatusOK, d.done, d.called(t, at)})
}

// announce plans the callback of a task that has reached a stage. The mutex is
// held.
func (s *Server) announce(t *task, at time.Time, reached stage) {
	if t.callback == "" || t.faults.never {
		return
	}
	if t.faults.reordered && reached < stageComplete {
		at = t.plan.done.Add(time.Duration(stageComplete-reached) * time.Second)
	}
	p := &post{taskID: t.id, url: t.callback, body: t.notice(reached), key: s.cfg.HMACKey}
	s.plan(event{at: at.Add(t.faults.late), post: p})
	if t.faults.twice {
		s.plan(event{at: at.Add(t.faults.late), post: new(*p)})
	}
}

// forge plans the callbacks that somebody else invents about a running task.
// The mutex is held.
func (s *Server) forge(t *task) {
	if t.callback == "" || !t.faults.forgedSignature && !t.faults.forgedToken {
		return
	}
	at := t.plan.queuing
	invented := *t
	invented.base += "/invented"
	invented.final, invented.stage, invented.ended = StateSuccess, stageComplete, at
	_, invented.result = produce(&invented, s.cfg.Shrink)
	body := invented.notice(stageComplete)
	if t.faults.forgedSignature {
		p := &post{taskID: t.id, url: t.callback, body: body, forged: true}
		if s.cfg.HMACKey != "" {
			p.key = "not " + s.cfg.HMACKey
		}
		s.plan(event{at: at, post: p})
	}
	if t.faults.forgedToken {
		s.plan(event{at: at, post: &post{taskID: t.id, url: spoilToken(t.callback), body: body, key: s.cfg.HMACKey, forged: true}})
	}
}

// spoilToken reverses the last element of a URL's path.
func spoilToken(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	cut := strings.LastIndexByte(u.Path, '/') + 1
	last := []byte(u.Path[cut:])
	slices.Reverse(last)
	u.Path = u.Path[:cut] + string(last)
	return u.String()
}

// post starts one attempt to deliver a callback. The mutex is held.
func (s *Server) post(p *post) {
	if s.closed {
		return
	}
	s.posting.Add(1)
	s.wg.Go(func() {
		defer s.posting.Done()
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-s.life.done:
			return
		}
		s.attempt(p)
	})
}

// attempt posts a callback once, remembers the outcome and plans the retry.
func (s *Server) attempt(p *post) {
	started := s.cfg.Now()
	status, err := s.send(p, started)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.attempt++
	done := Callback{
		Time: started, TaskID: p.taskID, URL: p.url, Attempt: p.attempt, Status: status, Err: err,
		Forged: p.forged, Undeliverable: errors.Is(err, errForeign),
	}
	s.posts = append(s.posts, done)
	s.log.LogAttrs(s.life, slog.LevelDebug, "callback sent", slog.String("task", p.taskID),
		slog.Int("attempt", p.attempt), slog.Int("status", status), slog.Bool("undeliverable", done.Undeliverable))
	switch {
	case status == http.StatusOK || s.closed:
	case done.Undeliverable || p.attempt == callbackAttempts:
		t := s.tasks[p.taskID]
		t.unheard = t.unheard || !p.forged
	default:
		s.plan(event{at: s.cfg.Now().Add(s.cfg.CallbackRetry), post: p})
	}
}

func (s *Server) send(p *post, now time.Time) (status int, err error) {
	ctx, cancel := context.WithTimeout(s.life, callbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(p.body))
	if err != nil {
		return 0, err
	}
	if s.cfg.CallbackTransport == nil && !isLoopback(req.URL.Hostname()) {
		return 0, fmt.Errorf("posting a callback: %w", errForeign)
	}
	req.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		stamp := strconv.FormatInt(now.Unix(), 10)
		req.Header.Set("X-Webhook-Timestamp", stamp)
		req.Header.Set("X-Webhook-Signature", signature(p.key, p.taskID, stamp))
	}
	resp, err := s.callback.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, err
}

// signature follows docs.kie.ai "Webhook Verification". It is written here
// once more, not shared with the client, so that a mistake in either shows.
func signature(key, taskID, stamp string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(taskID + "." + stamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newCallbackClient returns the client that posts callbacks. It follows no
// redirect: only a 200 counts.
func newCallbackClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// drainCallbacks waits until no attempt is under way, at most for d.
func (s *Server) drainCallbacks(d time.Duration) {
	idle := make(chan struct{})
	s.wg.Go(func() {
		s.posting.Wait()
		close(idle)
	})
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}
