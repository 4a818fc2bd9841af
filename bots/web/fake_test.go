package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk stands in for engine and bot where a test is about this package alone.
// The tests in chromium_test.go run against the real ones.
type desk struct {
	mu      sync.Mutex
	tasks   []core.Task // newest first
	kinds   map[core.TaskID]core.DeliveryKind
	heard   []bots.Incoming
	pressed []string
	reply   bots.Reply
	details string // of every message
	fail    error
	// announced is what other replicas would hear: the topic and the words.
	announced []string
	// onSnapshot runs in Snapshot, outside the lock, when set.
	onSnapshot func(core.TaskID)
}

func (d *desk) History(_ context.Context, _ core.Identity, before core.TaskID, limit int) ([]core.Task, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []core.Task
	for _, t := range d.tasks {
		if (before == "" || t.ID < before) && len(out) < limit {
			out = append(out, t)
		}
	}
	return out, d.fail
}

func (d *desk) Snapshot(_ context.Context, lead core.TaskID) (core.Parcel, error) {
	p, err := d.parcel(lead)
	if d.onSnapshot != nil {
		d.onSnapshot(lead)
	}
	return p, err
}

func (d *desk) OnAnnounced(string, func(json.RawMessage)) {}

func (d *desk) Announce(_ context.Context, topic string, data json.RawMessage) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.announced = append(d.announced, topic+" "+string(data))
	return d.fail
}

func (d *desk) parcel(lead core.TaskID) (core.Parcel, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := core.Parcel{Delivery: core.Delivery{Lead: lead, Kind: d.kinds[lead]}}
	for _, t := range d.tasks {
		if t.Lead() == lead && d.kinds[lead] != "" {
			p.Tasks = append([]core.Task{t}, p.Tasks...)
		}
	}
	if len(p.Tasks) == 0 {
		return p, &core.Refusal{Reason: core.ReasonNoTask}
	}
	p.Shown = p.Tasks[0].Shown
	return p, nil
}

// add puts a batch in front of the others.
func (d *desk) add(kind core.DeliveryKind, tasks ...core.Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = map[core.TaskID]core.DeliveryKind{}
	}
	for _, t := range tasks {
		d.tasks = append([]core.Task{t}, d.tasks...)
	}
	d.kinds[tasks[0].Lead()] = kind
}

func (d *desk) Command(_ context.Context, in bots.Incoming) bots.Reply {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, in)
	return d.reply
}

func (d *desk) Press(ctx context.Context, in bots.Incoming, data string) bots.Reply {
	d.mu.Lock()
	d.pressed = append(d.pressed, data)
	d.mu.Unlock()
	return d.Command(ctx, in)
}

func (d *desk) Show(_ context.Context, p core.Parcel) bots.Message {
	m := bots.Message{ID: string(p.Tasks[0].ID), Kind: p.Delivery.Kind, State: p.Tasks[0].State,
		Prompt: p.Tasks[0].Request.Prompt, Status: "status of " + string(p.Delivery.Kind), Details: d.details}
	for _, o := range p.Tasks[0].Outputs {
		m.Media = append(m.Media, bots.Media{Kind: media.Kind(o.Kind), File: o.File, URL: o.URL, Title: o.Title, Text: o.Text})
	}
	return m
}

func (d *desk) Suggest(text, locale string) []bots.Suggestion {
	return []bots.Suggestion{{Insert: text + "!", Label: locale, Detail: "detail"}}
}

func taskID(n int) core.TaskID { return core.TaskID(fmt.Sprintf("%010d%08d", n, n)) }

// aTask is a batch of one in the chat of "me".
func aTask(n int) core.Task {
	id := taskID(n)
	return core.Task{ID: id, Batch: []core.TaskID{id}, State: core.Running, Created: time.UnixMilli(int64(n) * 1000),
		Request: core.Request{Key: fmt.Sprintf("web:key-%d", n), Command: "imagine", Prompt: "a cat", Origin: core.Origin{Lane: "web:me"}}}
}

func newTestWeb(t testing.TB, d *desk, change func(*Config)) *Web {
	t.Helper()
	data, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	links, err := media.NewLinks([]byte(strings.Repeat("k", 32)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Engine: d, Bot: d, Catalog: data, Links: links, Identity: core.Identity{User: "me"}}
	if change != nil {
		change(&cfg)
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// serve runs the chat on loopback. The client keeps no idle connections and follows no redirect.
func serve(t testing.TB, w *Web) (*httptest.Server, *http.Client) {
	t.Helper()
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(w.Close) // before the server's, which waits for open streams
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return server, client
}

// events is an open stream as a page would read it.
type events struct {
	t    testing.TB
	body *bufio.Reader
}

func listen(t testing.TB, client *http.Client, base string) *events {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("events answered %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	return &events{t: t, body: bufio.NewReader(resp.Body)}
}

// next reads one event; ok is false at the end of the stream.
func (e *events) next() (name string, data []byte, ok bool) {
	e.t.Helper()
	for {
		line, err := e.body.ReadString('\n')
		if err != nil {
			return "", nil, false
		}
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
		case "event":
			name = value
		case "data":
			data = []byte(value)
		case "":
			return name, data, true
		default:
			e.t.Fatalf("line %q of an event", line)
		}
	}
}

// want reads one event of that name into v.
func (e *events) want(name string, v any) {
	e.t.Helper()
	got, data, ok := e.next()
	if !ok || got != name {
		e.t.Fatalf("event %q (ok %t), want %q", got, ok, name)
	}
	if err := json.Unmarshal(data, v); err != nil {
		e.t.Fatalf("event %s: %v", data, err)
	}
}

type synced struct {
	Now      int64     `json:"now"`
	Messages []message `json:"messages"`
}
