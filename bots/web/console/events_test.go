package console

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiebot/bots/web/site"
	"kiebot/core"
)

// listen opens the stream of a browser that is logged in.
func (b *browser) listen(ctx context.Context, query string) *bufio.Reader {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.w.server.URL+Path+"/events"+query, nil)
	must(b.t, err)
	resp, err := b.http.Do(req)
	must(b.t, err)
	b.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("the stream answers %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	return bufio.NewReader(resp.Body)
}

// next reads one event.
func next(t *testing.T, stream *bufio.Reader) (name, data string) {
	t.Helper()
	for {
		line, err := stream.ReadString('\n')
		must(t, err)
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "event":
			name = value
		case "data":
			data = value
		case "":
			return name, data
		}
	}
}

func TestStreamShowsWhatHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	stream := b.listen(t.Context(), "")
	name, data := next(t, stream)
	var html string
	must(t, json.Unmarshal([]byte(data), &html))
	if name != "part" || !strings.Contains(html, "Kie accounts") || strings.Contains(html, "<html") {
		t.Fatalf("the first event is %s: %s", name, html)
	}
	b.post(Path+"/act", "act", "pause", "why", "a look at the <pipes>").leads(Path)
	name, data = next(t, stream)
	must(t, json.Unmarshal([]byte(data), &html))
	if name != "part" || !strings.Contains(html, "a look at the &lt;pipes&gt;") {
		t.Errorf("after the pause comes %s: %s", name, html)
	}
	b.post(Path + "/logout").leads(Path + "/login")
	if name, _ = next(t, stream); name != "bye" {
		t.Errorf("after the logout comes %s", name)
	}
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		t.Errorf("after the end come %q, %v", rest, err)
	}
}

func TestStreamOfATask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	var waits core.Task
	for _, one := range s.tasks {
		if one.State == core.Queued {
			waits = one
		}
	}
	stream := b.listen(t.Context(), "?task="+string(waits.ID))
	if name, data := next(t, stream); name != "part" || !strings.Contains(data, "queued") {
		t.Fatalf("the first event is %s: %s", name, data)
	}
	_, err := w.engine.CancelTask(t.Context(), core.Act{By: "telegram:1"}, waits.ID)
	must(t, err)
	for name, data := "", ""; name != "over"; {
		was := data
		if name, data = next(t, stream); name == "over" && !strings.Contains(was, "canceled") {
			t.Errorf("before the end the task was %s", was)
		}
	}
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		t.Errorf("after the end come %q, %v", rest, err)
	}
	if rest, err := io.ReadAll(b.listen(t.Context(), "?task=nonsense")); err != nil || len(rest) > 0 {
		t.Errorf("of no task come %q, %v", rest, err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	ctx, leave := context.WithCancel(t.Context())
	for range listenersMax {
		next(t, b.listen(ctx, ""))
	}
	b.get(Path + "/events").want(http.StatusServiceUnavailable)
	b.do(http.MethodHead, Path+"/events", "").want(http.StatusOK)
	leave()
	waitUntil(t, func() bool {
		w.console.live.mu.Lock()
		defer w.console.live.mu.Unlock()
		return w.console.live.pages == 0
	})
	stream := b.listen(t.Context(), "")
	next(t, stream)
	w.console.Close()
	if _, err := io.ReadAll(stream); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	b.get(Path + "/events").want(http.StatusServiceUnavailable)
}

// waitUntil asks until it is so.
func waitUntil(t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(10 * time.Second); !so(); {
		select {
		case <-late:
			t.Fatal("it does not happen")
		case <-tick.C:
		}
	}
}

// stuck is a connection whose other side takes nothing.
type stuck struct {
	http.ResponseWriter
	header http.Header
	until  chan time.Time
}

func (s *stuck) Header() http.Header { return s.header }

func (s *stuck) WriteHeader(int) {}

func (s *stuck) SetWriteDeadline(t time.Time) error { s.until <- t; return nil }

func (s *stuck) Write([]byte) (int, error) { return 0, net.ErrClosed }

// A page that takes nothing is given up when its time is over.
func TestStreamGivesUpSlowPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+Path+"/events", nil)
	must(t, err)
	for _, cookie := range b.http.Jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	slow := &stuck{header: http.Header{}, until: make(chan time.Time, 1)}
	w.console.events(slow, r)
	if in := time.Until(<-slow.until); in > site.WriteFor || in < site.WriteFor/2 {
		t.Errorf("a page has %s to take an event", in)
	}
	if w.console.live.pages != 0 {
		t.Error("it is still counted")
	}
}
