package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
)

// desk is the other end of every call: it notes what came and says yes, unless
// it was told what to say.
type desk struct {
	t  testing.TB
	mu sync.Mutex

	calls []deskCall
	says  map[string][]string // by method, in order; "" is yes
	next  int
}

type deskCall struct {
	method string
	form   map[string]string
	files  map[string]string // names of the files in it
	id     int               // of the message that was made, or of the first of an album
}

func refuse(code int, words string) string {
	return fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q}`, code, words)
}

func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	method := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	form, files := sentForm(d.t, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if queue := d.says[method]; len(queue) > 0 {
		d.says[method] = queue[1:]
		switch {
		case queue[0] == "broken":
			d.calls = append(d.calls, deskCall{method: method, form: form, files: files})
			return nil, fmt.Errorf("connection reset by peer")
		case queue[0] != "":
			d.calls = append(d.calls, deskCall{method: method, form: form, files: files})
			return reply(200, "application/json", queue[0]), nil
		}
	}
	d.next++
	d.calls = append(d.calls, deskCall{method: method, form: form, files: files, id: d.next})
	return reply(200, "application/json", `{"ok":true,"result":`+d.result(method, form)+`}`), nil
}

func (d *desk) result(method string, form map[string]string) string {
	message := func(id int, kind string) string {
		switch kind {
		case "photo":
			return fmt.Sprintf(`{"message_id":%d,"photo":[{"file_id":"small"},{"file_id":"photo-%d"}]}`, id, id)
		case "":
			return fmt.Sprintf(`{"message_id":%d}`, id)
		}
		return fmt.Sprintf(`{"message_id":%d,%q:{"file_id":"%s-%d"}}`, id, kind, kind, id)
	}
	switch method {
	case "sendMediaGroup":
		var album []struct{ Type string }
		if err := json.Unmarshal([]byte(form["media"]), &album); err != nil {
			d.t.Error(err)
		}
		var all []string
		for i, one := range album {
			if i > 0 {
				d.next++
			}
			all = append(all, message(d.next, one.Type))
		}
		return "[" + strings.Join(all, ",") + "]"
	case "deleteMessage", "sendChatAction", "setMessageReaction":
		return "true"
	case "sendMessage", "editMessageText":
		return message(d.next, "")
	}
	return message(d.next, strings.ToLower(strings.TrimPrefix(method, "send")))
}

// methods lists what was called, without chat actions.
func (d *desk) methods() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, c := range d.calls {
		if c.method != "sendChatAction" {
			all = append(all, c.method)
		}
	}
	return strings.Join(all, " ")
}

// last is the last call of the method.
func (d *desk) last(method string) deskCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.calls) - 1; i >= 0; i-- {
		if d.calls[i].method == method {
			return d.calls[i]
		}
	}
	d.t.Errorf("%s was not called", method)
	return deskCall{}
}

func (d *desk) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = nil
}

// answer is what the desk says to the next calls of the method.
func (d *desk) answer(method string, says ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.says[method] = says
}

// plainWords words deliveries without an engine.
type plainWords struct{}

func (plainWords) Show(_ context.Context, p core.Parcel) bots.Message {
	lead := p.Tasks[0]
	m := bots.Message{
		ID: string(lead.ID), Kind: p.Delivery.Kind, State: lead.State, Prompt: lead.Request.Prompt,
		Name: "Ada", Model: "Imagen", Status: string(lead.State),
		Buttons: []bots.Button{{Emoji: "🔄", Label: "Again", Data: "again:" + string(lead.ID)}, {Emoji: "✏️", Label: "Edit", Text: "/imagine a cat"}},
	}
	if p.Position > 0 {
		m.Status = fmt.Sprintf("#%d", p.Position)
	}
	for _, t := range p.Tasks {
		for _, o := range t.Outputs {
			one := bots.Media{Task: t.ID, Kind: media.Kind(o.Kind), File: o.File, Title: o.Title, Cover: o.Cover, Text: o.Text}
			if o.File == nil {
				one.URL = o.URL
			}
			m.Media = append(m.Media, one)
		}
	}
	if lead.State.Final() {
		m.Details = "Imagen · 8 credits"
	}
	return m
}

func (plainWords) TooLarge(_ core.Parcel, n int, until time.Time) string {
	return fmt.Sprintf("%d too large, until %s", n, until.UTC().Format(time.DateOnly))
}

// room is a talker with a desk.
type room struct {
	*talker
	t     testing.TB
	desk  *desk
	moves []string
}

func newRoom(t testing.TB) *room {
	t.Helper()
	r := &room{t: t, desk: &desk{t: t, says: map[string][]string{}, next: 100}}
	api, err := newClient(testToken, "http://telegram.test", r.desk)
	if err != nil {
		t.Fatal(err)
	}
	r.talker = &talker{
		sharers: func() int { return 1 },
		api:     api, words: plainWords{}, limits: limitsOf(false), log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		now: time.Now, shrinker: media.NewShrinker(),
		moved: func(_ context.Context, from, to core.Lane) error {
			r.moves = append(r.moves, string(from)+" "+string(to))
			return nil
		},
	}
	return r
}

const (
	private = core.Lane("telegram:77")
	group   = core.Lane("telegram:-100500")
)

// parcel is a batch of one task in the lane, asked for by message 7 in topic 3.
func parcel(kind core.DeliveryKind, lane core.Lane, outputs ...core.Output) core.Parcel {
	state := core.Queued
	if kind == core.DeliverFinal || kind == core.DeliverShow || kind == core.DeliverLate {
		state = core.Succeeded
	}
	return core.Parcel{
		Delivery: core.Delivery{ID: 1, Lane: lane, Lead: "01jd00000000000001", Kind: kind},
		Tasks: []core.Task{{
			ID: "01jd00000000000001", State: state, Outputs: outputs, Finished: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
			Request: core.Request{Prompt: "a cat", Origin: core.Origin{
				Identity: core.Identity{Platform: Platform, User: "77"}, Lane: lane, Ref: json.RawMessage(`{"thread":3,"message":7}`),
			}},
		}},
	}
}

func picture(n int) core.Output {
	return made(n, kie.KindImage, media.File{Type: "image/png", Kind: media.Image, Width: 64, Height: 64})
}

func video(n int) core.Output {
	return made(n, kie.KindVideo, media.File{Type: "video/mp4", Kind: media.Video, Width: 1280, Height: 720, Duration: 4500 * time.Millisecond})
}

func song(n int) core.Output {
	return made(n, kie.KindAudio, media.File{Type: "audio/mpeg", Kind: media.Audio, Duration: time.Minute})
}

// made is an output without its file; put writes it.
func made(n int, kind kie.Kind, f media.File) core.Output {
	f.Name = "01jd00000000000001-" + strconv.Itoa(n) + map[string]string{"image/png": ".png", "video/mp4": ".mp4", "audio/mpeg": ".mp3"}[f.Type]
	return core.Output{URL: "https://files.test/" + f.Name, Kind: kind, File: &f}
}

// must is a delivery that succeeds.
func (r *room) must(p core.Parcel) receipt {
	r.t.Helper()
	data, err := r.Deliver(r.t.Context(), p)
	if err != nil {
		r.t.Fatal(err)
	}
	return readReceipt(data)
}

func (r receipt) raw(t testing.TB) json.RawMessage {
	t.Helper()
	data, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// cutter breaks the connection under every file.
type cutter struct{ desk *desk }

func (c cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	if underway(r.Body) {
		return nil, fmt.Errorf("connection reset by peer")
	}
	return c.desk.RoundTrip(r)
}

// slowly takes ten seconds for every file.
type slowly struct{ desk *desk }

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	if underway(r.Body) {
		<-time.After(10 * time.Second)
	}
	return s.desk.RoundTrip(r)
}
