package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots"
	"kiebot/bots/web/site"
	"kiebot/core"
)

func postJSON(w *Web, path, body string) *http.Response {
	return do(w, "POST", "http://localhost"+path, body, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept-Language", "ru")
	})
}

func TestCommandReachesTheBot(t *testing.T) {
	d := &desk{reply: bots.Reply{Accepted: []core.TaskID{"1"}}}
	w := newTestWeb(t, d, func(c *Config) { c.Name = "Ann" })
	resp := postJSON(w, "/api/command", `{"key":"0123-abcd","text":"/imagine a cat --ar 16:9"}`)
	var got reply
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	if !got.Accepted || got.Text != "" || got.At == 0 {
		t.Errorf("reply %+v", got)
	}
	want := bots.Incoming{Key: "web:0123-abcd", Text: "/imagine a cat --ar 16:9", Origin: core.Origin{
		Identity: core.Identity{Platform: "web", User: "me"}, Name: "Ann", Lane: "web:me", Locale: "ru",
		Ref: json.RawMessage(`{"text":"/imagine a cat --ar 16:9"}`),
	}}
	if len(d.heard) != 1 || !reflect.DeepEqual(d.heard[0], want) {
		t.Errorf("heard %+v\nwant  %+v", d.heard, want)
	}
}

func TestPressReachesTheBotAndKeepsTheCommand(t *testing.T) {
	d := &desk{reply: bots.Reply{Refused: true, Text: "It is over already.", Items: []bots.Item{{Group: "g", Title: "a", Insert: "/b", Task: "t", State: core.Failed}},
		Buttons: []bots.Button{{Emoji: "🔄", Label: "Again", Data: "1:again:x"}}}}
	w := newTestWeb(t, d, nil)
	resp := postJSON(w, "/api/press", `{"key":"0123-abcd","data":"1:cancel:x","text":"/imagine a cat"}`)
	var got reply
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	got.At = 0
	want := reply{Refused: true, Text: "It is over already.", Items: []item{{Group: "g", Title: "a", Insert: "/b", Task: "t", State: core.Failed}},
		Buttons: []button{{"🔄", "Again", "1:again:x", ""}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reply %+v\nwant  %+v", got, want)
	}
	if len(d.pressed) != 1 || d.pressed[0] != "1:cancel:x" || string(d.heard[0].Origin.Ref) != `{"text":"/imagine a cat","again":true}` {
		t.Errorf("pressed %v, heard %+v", d.pressed, d.heard)
	}
}

func TestBadPosts(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	key := `{"key":"12345678","text":"`
	for _, tt := range []struct {
		name, kind, body string
		want             int
	}{
		{"a form", "application/x-www-form-urlencoded", key + `x"}`, 415},
		{"plain text", "text/plain", key + `x"}`, 415},
		{"no type", "", key + `x"}`, 415},
		{"another charset", "application/json; charset=utf-16", key + `x"}`, 415},
		{"with a charset", "application/json; charset=utf-8", key + `x"}`, 200},
		{"nothing", "application/json", ``, 400},
		{"half", "application/json", key, 400},
		{"two", "application/json", key + `x"}{}`, 400},
		{"a list", "application/json", `[]`, 400},
		{"no key", "application/json", `{"text":"x"}`, 400},
		{"a short key", "application/json", `{"key":"1234567","text":"x"}`, 400},
		{"a long key", "application/json", `{"key":"` + strings.Repeat("1", 65) + `","text":"x"}`, 400},
		{"a strange key", "application/json", `{"key":"1234567:","text":"x"}`, 400},
		{"nearly too much", "application/json", key + strings.Repeat("x", bodyMax-len(key)-2) + `"}`, 200},
		{"too much", "application/json", key + strings.Repeat("x", bodyMax-len(key)-1) + `"}`, 413},
	} {
		before := len(d.heard)
		resp := do(w, "POST", "http://localhost/api/command", tt.body, func(r *http.Request) { r.Header.Set("Content-Type", tt.kind) })
		if resp.StatusCode != tt.want || (len(d.heard) > before) != (tt.want == 200) {
			t.Errorf("%s: %s, want %d; %d commands heard", tt.name, resp.Status, tt.want, len(d.heard)-before)
		}
	}
	for _, path := range []string{"/api/command", "/api/press"} {
		if resp := do(w, "GET", "http://localhost"+path, "", nil); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}

func TestSuggest(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	for target, want := range map[string]string{
		"/api/suggest?text=/im": `[{"insert":"/im!","label":"en","detail":"detail"}]`,
		"/api/suggest?text=":    `[]`,
		"/api/suggest":          `[]`,
		"/api/suggest?text=" + strings.Repeat("x", 4001):     `[]`,
		"/api/suggest?text=" + "%D0%BA%D0%BE%D1%82%20%26%3C": `[{"insert":"кот \u0026\u003c!","label":"en","detail":"detail"}]`,
	} {
		if got := text(t, do(w, "GET", "http://localhost"+target, "", nil)); got != want {
			t.Errorf("%.40s: %s, want %s", target, got, want)
		}
	}
}

func TestStreamBeginsWithTheRecentMessages(t *testing.T) {
	d := &desk{}
	for n := range 120 {
		d.add(core.DeliverFinal, aTask(n))
	}
	pair := aTask(200)
	second := aTask(201)
	pair.Batch = []core.TaskID{pair.ID, second.ID}
	second.Batch = pair.Batch
	d.add(core.DeliverProgress, pair, second)
	elsewhere := aTask(202)
	elsewhere.Request.Origin.Lane = "telegram:7"
	d.add(core.DeliverFinal, elsewhere)
	d.add("", aTask(203)) // pruned between the two reads

	w := newTestWeb(t, d, func(c *Config) { c.Now = func() time.Time { return time.UnixMilli(5000) } })
	server, client := serve(t, w)
	var got synced
	listen(t, client, server.URL).want("sync", &got)
	var ids []string
	for _, m := range got.Messages {
		ids = append(ids, m.ID)
	}
	var want []string
	for n := 72; n < 120; n++ { // with the pair and the pruned one that is fifty
		want = append(want, string(taskID(n)))
	}
	want = append(want, string(pair.ID))
	if !reflect.DeepEqual(ids, want) || got.Now != 5000 {
		t.Errorf("now %d, ids %v\nwant %v", got.Now, ids, want)
	}
	if last := got.Messages[len(got.Messages)-1]; last.Count != 2 || last.Final || !got.Messages[0].Final {
		t.Errorf("the pair is %+v", last)
	}
}

func TestStreamOfAnEmptyChat(t *testing.T) {
	server, client := serve(t, newTestWeb(t, &desk{}, nil))
	name, data, ok := listen(t, client, server.URL).next()
	if !ok || name != "sync" || !strings.Contains(string(data), `"messages":[]`) {
		t.Errorf("%s %s", name, data)
	}
}

func TestDeliverReachesEveryPage(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	server, client := serve(t, w)
	pages := []*events{listen(t, client, server.URL), listen(t, client, server.URL)}
	for _, page := range pages {
		page.want("sync", &synced{})
	}
	for _, kind := range []core.DeliveryKind{core.DeliverAccepted, core.DeliverProgress, core.DeliverFinal} {
		d.add(kind, aTask(1))
		deliver(t, w, d, 1)
		for _, page := range pages {
			var m message
			page.want("upsert", &m)
			if m.ID != string(taskID(1)) || m.Status != "status of "+string(kind) || m.Key != "key-1" || m.At != 1000 || m.Final != (kind == core.DeliverFinal) {
				t.Errorf("after %s: %+v", kind, m)
			}
		}
		d.tasks = nil
	}
}

// deliver hands the batch to the adapter as the engine would.
func deliver(t testing.TB, w *Web, d *desk, n int) json.RawMessage {
	t.Helper()
	p, err := d.parcel(taskID(n))
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := w.Deliver(t.Context(), p)
	if err != nil || len(receipt) == 0 {
		t.Fatalf("Deliver: receipt %q, %v; without a receipt the engine sends no progress", receipt, err)
	}
	return receipt
}

func TestDeliverWithoutAPageIsSeenLater(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	d.add(core.DeliverFinal, aTask(1))
	deliver(t, w, d, 1)
	server, client := serve(t, w)
	var got synced
	listen(t, client, server.URL).want("sync", &got)
	if len(got.Messages) != 1 || !got.Messages[0].Final {
		t.Errorf("messages %+v", got.Messages)
	}
}

// The line under a result says how many credits were left when it came.
func TestDetailsStayAsTheyWereShown(t *testing.T) {
	d := &desk{details: "52 left today"}
	w := newTestWeb(t, d, nil)
	d.add(core.DeliverFinal, aTask(1))
	shown := deliver(t, w, d, 1)
	w.hub = hub{} // as after a restart
	d.tasks[0].Shown = shown
	d.details = "8 left today"
	data, err := w.snapshot(t.Context())
	if err != nil || !strings.Contains(string(data), "52 left today") {
		t.Errorf("%s, %v", data, err)
	}
	d.kinds[taskID(1)] = core.DeliverProgress
	if data, err = w.snapshot(t.Context()); err != nil || !strings.Contains(string(data), "8 left today") {
		t.Errorf("under way: %s, %v", data, err)
	}
}

// What happens while a page connects is either in the sync or comes after it.
func TestNothingIsMissedWhileConnecting(t *testing.T) {
	d := &desk{}
	d.add(core.DeliverProgress, aTask(1))
	w := newTestWeb(t, d, nil)
	d.onSnapshot = func(core.TaskID) {
		d.onSnapshot = nil
		d.add(core.DeliverFinal, aTask(2))
		deliver(t, w, d, 2)
	}
	server, client := serve(t, w)
	page := listen(t, client, server.URL)
	var got synced
	page.want("sync", &got)
	var m message
	page.want("upsert", &m)
	if len(got.Messages) != 1 || m.ID != string(taskID(2)) {
		t.Errorf("sync %+v, then %+v", got.Messages, m)
	}
}

// The engine commits that the end was shown only after Deliver: a page that
// connects in between reads a store that does not know of it.
func TestEndIsNotMissedBeforeItIsCommitted(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	d.add(core.DeliverFinal, aTask(1))
	deliver(t, w, d, 1)
	d.kinds[taskID(1)] = core.DeliverProgress
	server, client := serve(t, w)
	var got synced
	listen(t, client, server.URL).want("sync", &got)
	if len(got.Messages) != 1 || !got.Messages[0].Final {
		t.Errorf("messages %+v", got.Messages)
	}
}

func TestStreamOfAStoreThatFails(t *testing.T) {
	d := &desk{fail: &core.Refusal{Reason: core.ReasonUnavailable, Err: errors.New("disk secret")}}
	resp := do(newTestWeb(t, d, nil), "GET", "http://localhost/api/events", "", nil)
	if body := text(t, resp); resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "secret") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestCloseEndsStreamsAndRefusesNewOnes(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	server, client := serve(t, w)
	page := listen(t, client, server.URL)
	page.want("sync", &synced{})
	w.Close()
	w.Close()
	if name, _, ok := page.next(); ok {
		t.Errorf("after Close came %q", name)
	}
	if resp := do(w, "GET", "http://localhost/api/events", "", nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close a new stream gets %s", resp.Status)
	}
	d.add(core.DeliverFinal, aTask(1))
	deliver(t, w, d, 1)
}

// stuck is a connection whose other end has stopped reading.
type stuck struct {
	http.ResponseWriter
	after    int // bytes that still fit
	blocked  chan struct{}
	released chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.after -= len(p); s.after > 0 {
		return len(p), nil
	}
	select {
	case <-s.blocked:
	default:
		close(s.blocked)
	}
	<-s.released
	return 0, errors.New("broken")
}

func TestSlowPageHoldsUpNobody(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	server, client := serve(t, w)
	good := listen(t, client, server.URL)
	good.want("sync", &synced{})

	slow := &stuck{ResponseWriter: httptest.NewRecorder(), after: 200, blocked: make(chan struct{}), released: make(chan struct{})}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		w.Handler().ServeHTTP(slow, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/api/events", nil))
	}()
	d.add(core.DeliverProgress, aTask(1))
	for range 3 * clientBuffer {
		deliver(t, w, d, 1)
		good.want("upsert", &message{})
	}
	<-slow.blocked
	w.hub.mu.Lock()
	connected := len(w.hub.clients)
	w.hub.mu.Unlock()
	if connected != 1 {
		t.Errorf("%d pages are connected, want the good one", connected)
	}
	close(slow.released)
	<-gone
}

func TestHubGivesUpWhoIsBehindAndOnlyThem(t *testing.T) {
	var h hub
	slow, err := h.join()
	if err != nil {
		t.Fatal(err)
	}
	for n := range clientBuffer {
		h.publish("id", false, fmt.Appendf(nil, "%d", n))
	}
	quick, err := h.join()
	if err != nil {
		t.Fatal(err)
	}
	h.publish("id", false, []byte("last"))
	var got []string
	for data := range slow.messages {
		got = append(got, string(data))
	}
	if len(got) != clientBuffer || got[0] != "0" {
		t.Errorf("the slow page got %v", got)
	}
	if data := <-quick.messages; string(data) != "last" {
		t.Errorf("the quick page got %s", data)
	}
	h.leave(slow)
	h.leave(quick)
	h.leave(quick)
	if len(h.clients) != 0 {
		t.Errorf("%d pages left", len(h.clients))
	}
}

func TestHubKeepsFewEnds(t *testing.T) {
	var h hub
	for n := range 3 * finalsKept {
		h.publish(fmt.Sprint(n), true, []byte("a"))
		h.publish(fmt.Sprint(n), true, []byte("b"))
	}
	if len(h.finals) != finalsKept || len(h.order) != finalsKept {
		t.Errorf("%d kept, %d in order", len(h.finals), len(h.order))
	}
	if h.final("0") != nil || string(h.final(fmt.Sprint(3*finalsKept-1))) != "b" {
		t.Error("not the latest are kept")
	}
}

// A replica that stood still may tell of progress when another one has shown the end.
func TestNothingComesAfterTheEnd(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	c, err := w.hub.join()
	if err != nil {
		t.Fatal(err)
	}
	d.add(core.DeliverProgress, aTask(1))
	deliver(t, w, d, 1)
	d.kinds[taskID(1)] = core.DeliverFinal
	deliver(t, w, d, 1)
	for _, said := range d.announced {
		topic, data, _ := strings.Cut(said, " ")
		if topic != "web" {
			t.Errorf("it is announced under %q", topic)
		}
		w.heard(json.RawMessage(data))
	}
	w.heard(json.RawMessage("nonsense"))
	w.hub.leave(c)
	var ends []bool
	for data := range c.messages {
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, m.Final)
	}
	if want := []bool{false, true, true}; !slices.Equal(ends, want) {
		t.Errorf("ends are %v, want %v", ends, want)
	}
}

// What the others could not be told is shown again.
func TestDeliverFailsWhenItCannotBeAnnounced(t *testing.T) {
	d := &desk{fail: errors.New("the database is away")}
	w := newTestWeb(t, d, nil)
	_, err := w.Deliver(t.Context(), core.Parcel{Delivery: core.Delivery{ID: 1, Kind: core.DeliverNews, Text: "news"}})
	var final *core.DeliveryError
	if !errors.Is(err, d.fail) || errors.As(err, &final) {
		t.Errorf("Deliver: %v", err)
	}
}

func TestStreamBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWeb(t, &desk{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		read, write := io.Pipe()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			rec := httptest.NewRecorder()
			w.Handler().ServeHTTP(pipeWriter{rec, write}, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/api/events", nil))
		}()
		page := &events{t: t, body: newReader(read)}
		page.want("sync", &synced{})
		begun := time.Now()
		page.want("beat", &struct{}{})
		page.want("beat", &struct{}{})
		if since := time.Since(begun); since != 2*site.Heartbeat {
			t.Errorf("two beats in %s", since)
		}
		cancel()
		<-gone
	})
}
