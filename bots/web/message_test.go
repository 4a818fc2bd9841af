package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// pipeWriter sends what a handler writes through a pipe.
type pipeWriter struct {
	http.ResponseWriter
	to io.Writer
}

func (p pipeWriter) Write(b []byte) (int, error) { return p.to.Write(b) }
func (p pipeWriter) Flush()                      {}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

func parcel(change func(*core.Task)) core.Parcel {
	task := aTask(7)
	change(&task)
	return core.Parcel{Delivery: core.Delivery{Lead: task.ID, Kind: core.DeliverFinal}, Tasks: []core.Task{task}}
}

func TestMessageKeepsTheCommandAsTyped(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	for _, tt := range []struct {
		name, ref, parent string
		text              string
		again             bool
	}{
		{"typed", `{"text":"/imagine a cat --seed 7"}`, "", "/imagine a cat --seed 7", false},
		{"pressed", `{"text":"/imagine a cat --seed 7","again":true}`, "x", "/imagine a cat --seed 7", true},
		{"without", ``, "", "/imagine a cat", false},
		{"not ours", `[1]`, "x", "/imagine a cat", true},
	} {
		m := w.message(t.Context(), parcel(func(task *core.Task) {
			task.Request.Origin.Ref = json.RawMessage(tt.ref)
			task.Request.Parent = core.TaskID(tt.parent)
		}))
		if m.Text != tt.text || m.Again != tt.again {
			t.Errorf("%s: %q, again %t", tt.name, m.Text, m.Again)
		}
	}
}

func TestMessageShowsFilesByLinkAndForeignOnesNever(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	m := w.message(t.Context(), parcel(func(task *core.Task) {
		task.Outputs = []core.Output{
			{File: &media.File{Name: "abc.png", Width: 1600, Height: 900}},
			{URL: "https://files.example.org/x.png"},
		}
	}))
	if len(m.Media) != 2 {
		t.Fatalf("media %+v", m.Media)
	}
	file, link := m.Media[0], m.Media[1]
	if !strings.HasPrefix(file.Src, media.LinkPrefix+"abc.png?") || file.Link != "" || file.Ratio != 1.7777 || file.Name != "abc.png" {
		t.Errorf("file %+v", file)
	}
	if link.Src != "" || link.Link != "https://files.example.org/x.png" {
		t.Errorf("link %+v", link)
	}
}

// A link that changed with every message would make the browser fetch the file every time.
func TestLinksStayTheSameAllDay(t *testing.T) {
	midnight := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	var now time.Time
	links, err := media.NewLinks([]byte(strings.Repeat("k", 32)), func() time.Time { now = now.Add(time.Millisecond); return now })
	if err != nil {
		t.Fatal(err)
	}
	w := newTestWeb(t, &desk{}, func(c *Config) { c.Links, c.Now = links, func() time.Time { return now } })
	at := func(t time.Time) string { now = t; return w.link("a.png") }
	first := at(midnight)
	for _, later := range []time.Duration{time.Nanosecond, 999 * time.Millisecond, time.Hour, 24*time.Hour - time.Second} {
		if got := at(midnight.Add(later)); got != first {
			t.Errorf("after %s the link is %s, at midnight it was %s", later, got, first)
		}
	}
	if at(midnight.Add(24*time.Hour)) == first {
		t.Error("the link is the same the next day")
	}
}

func TestExpectedShape(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	models, err := catalog.Default()
	must(t, err)
	for kind, want := range map[catalog.Kind]string{
		catalog.Image: "image", catalog.Video: "video", catalog.Music: "audio", catalog.Speech: "audio",
	} {
		for _, model := range models.Models(kind) {
			shape, ratio := w.expect(core.Request{Model: model.ID})
			if shape != want || (ratio > 0) != (want != "audio") {
				t.Errorf("%s: %s %v", model.ID, shape, ratio)
			}
			if in, ok := model.ByOption(catalog.AspectRatio); ok && want != "audio" {
				checkRatios(t, w, model, in)
			}
		}
	}
	if shape, _ := w.expect(core.Request{Model: "no such model"}); shape != "" {
		t.Errorf("an unknown model will be %s", shape)
	}
}

// checkRatios tries every format that the model has, and its default.
func checkRatios(t *testing.T, w *Web, model catalog.Model, in catalog.Input) {
	t.Helper()
	for _, choice := range in.Enum {
		_, ratio := w.expect(core.Request{Model: model.ID, Input: map[string]any{in.Name: choice}})
		want, known := parseRatio(fmt.Sprint(choice))
		if known && ratio != want || ratio <= 0 || ratio > 10 {
			t.Errorf("%s as %v: ratio %v", model.ID, choice, ratio)
		}
	}
	if want, known := parseRatio(fmt.Sprint(in.Default)); known {
		if _, ratio := w.expect(core.Request{Model: model.ID}); ratio != want {
			t.Errorf("%s by default: ratio %v, want %v", model.ID, ratio, want)
		}
	}
}

func TestParseRatio(t *testing.T) {
	for text, want := range map[string]float64{
		"16:9": 1.7777, "9:16": .5625, "1:1": 1, "21:9": 2.3333, "16x9": 1.7777, "landscape_16_9": 1.7777, "portrait_16_9": .5625,
		"portrait_4_3": .75, "landscape_4_3": 1.3333, "square": 1, "square_hd": 1,
		"": 0, "auto": 0, "0:1": 0, "1:0": 0, "<nil>": 0, "161:9": 0, "1:1:1": 0, "adaptive": 0,
	} {
		got, ok := parseRatio(text)
		if got != want || ok != (want > 0) {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
}

// A button for what the page cannot do, or need not, is left out; a text to be
// changed goes into the input field.
func TestButtonsOfThePage(t *testing.T) {
	got := buttons([]bots.Button{
		{Emoji: "🔄", Label: "Again", Data: "1:again:x"},
		{Emoji: "✏️", Label: "Edit prompt", Data: "1:edit:x", Text: "/imagine a cat", Edit: true},
		{Emoji: "✏️", Label: "Edit prompt", Data: "1:edit:x", Edit: true},
		{Emoji: "📥", Label: "Original", Data: "1:original:x", Needs: bots.CanSendFile},
		{Emoji: "🗑️", Label: "Delete", Data: "1:delete:x", Needs: bots.CanDelete},
	})
	want := []button{{"🔄", "Again", "1:again:x", ""}, {"✏️", "Edit prompt", "", "/imagine a cat"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("buttons %+v, want %+v", got, want)
	}
}

// News stands under no command and is kept by the page alone.
func TestNewsMessage(t *testing.T) {
	m := newsMessage(core.Delivery{ID: 9, Kind: core.DeliverNews, Created: time.UnixMilli(5), Text: "Tea at five."})
	if m.ID != "news:9" || m.Key != m.ID || m.Text != "" || m.Prompt != "Tea at five." || !m.Final || !m.Copy || m.At != 5 {
		t.Errorf("%+v", m)
	}
}
