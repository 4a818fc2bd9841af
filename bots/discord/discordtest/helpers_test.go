package discordtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kiebot/bots/discord/discordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bot calls the server as a bot does, without any library.
type bot struct {
	t *testing.T
	s *discordtest.Server
}

// reply is an answer of the API.
type reply struct {
	Status int
	Header http.Header
	Body   []byte

	Message    string
	Code       int
	Errors     any
	RetryAfter float64 `json:"retry_after"`
	Global     bool
}

type fields map[string]any

func newBot(t *testing.T, cfg discordtest.Config) bot {
	t.Helper()
	s := discordtest.NewServer(cfg)
	t.Cleanup(s.Close)
	return bot{t, s}
}

// call sends JSON; with a nil body, none.
func (b bot) call(method, path string, body any) reply {
	b.t.Helper()
	if body == nil {
		return b.send(method, path, "", nil)
	}
	text, is := body.(string)
	if !is {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(raw)
	}
	return b.send(method, path, "application/json", strings.NewReader(text))
}

func (b bot) send(method, path, kind string, body io.Reader) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.s.URL()+"/api/v10"+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bot "+b.s.Token())
	r.Header.Set("User-Agent", "DiscordBot (https://example.org, 1.0)")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := b.s.Client().Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	out := reply{Status: answer.StatusCode, Header: answer.Header}
	if out.Body, err = io.ReadAll(answer.Body); err != nil {
		b.t.Fatal(err)
	}
	if out.Status >= 400 && answer.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(out.Body, &out); err != nil {
			b.t.Fatalf("%s %s: the answer is no error: %v", method, path, err)
		}
	}
	return out
}

// upload sends payload_json and files, each named after its part.
func (b bot) upload(method, path string, body any, files map[string][]byte) reply {
	b.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := w.WriteField("payload_json", string(raw)); err != nil {
			b.t.Fatal(err)
		}
	}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		part, err := w.CreateFormFile(fmt.Sprintf("files[%d]", i), name)
		if err == nil {
			_, err = part.Write(files[name])
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.send(method, path, w.FormDataContentType(), &form)
}

// must is call for one that succeeds; it decodes the answer into value, unless
// that is nil.
func (b bot) must(value any, method, path string, body any) {
	b.t.Helper()
	b.took(value, b.call(method, path, body))
}

func (b bot) took(value any, r reply) {
	b.t.Helper()
	if r.Status >= 300 {
		b.t.Fatalf("refused: %d %s", r.Status, r.Body)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(r.Body, value); err != nil {
		b.t.Fatal(err)
	}
}

// refused checks that a call failed with this status, code and, when it is not
// empty, a body that has this text.
func (b bot) refused(r reply, status, code int, text string) {
	b.t.Helper()
	if r.Status != status || r.Code != code || !strings.Contains(string(r.Body), text) {
		b.t.Errorf("answer is %d %s; want %d, code %d, with %s", r.Status, r.Body, status, code, text)
	}
}

// answers sends the first answer to an interaction.
func (b bot) answers(in *discordtest.Interaction, kind int, data any) reply {
	b.t.Helper()
	body := fields{"type": kind}
	if data != nil {
		body["data"] = data
	}
	return b.call("POST", callback(in), body)
}

func callback(in *discordtest.Interaction) string {
	return "/interactions/" + in.ID + "/" + in.Token + "/callback"
}

// hook is the path of the interaction's webhook.
func (b bot) hook(in *discordtest.Interaction) string {
	return "/webhooks/" + b.s.ApplicationID() + "/" + in.Token
}

// register registers commands everywhere.
func (b bot) register(commands ...fields) {
	b.t.Helper()
	b.must(nil, "PUT", "/applications/"+b.s.ApplicationID()+"/commands", commands)
}

// imagine is a command with one of most kinds of options.
func imagine() fields {
	return fields{"name": "imagine", "description": "Makes a picture", "integration_types": []int{0, 1}, "contexts": []int{0, 1, 2}, "options": []fields{
		{"type": 3, "name": "prompt", "description": "What to see", "required": true, "max_length": 4000},
		{"type": 3, "name": "model", "description": "Which model", "autocomplete": true},
		{"type": 3, "name": "aspect_ratio", "description": "Its sides", "choices": []fields{{"name": "Wide", "value": "16:9"}, {"name": "Square", "value": "1:1"}}},
		{"type": 4, "name": "count", "description": "How many", "min_value": 1, "max_value": 4},
		{"type": 5, "name": "private", "description": "Only for you"},
		{"type": 6, "name": "for", "description": "For whom"},
		{"type": 11, "name": "image", "description": "To begin with", "file_types": []string{"image", ".webp"}},
	}}
}

// asked is a bot with the command, a guild with a channel and Ann, who has just
// typed it.
func asked(t *testing.T, cfg discordtest.Config) (bot, *discordtest.Person, *discordtest.Channel, *discordtest.Interaction) {
	t.Helper()
	b := newBot(t, cfg)
	ann := b.s.Person("Ann")
	chat := b.s.Guild("cats", ann).Channel("general")
	b.register(imagine())
	return b, ann, chat, chat.As(ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
}

func (b bot) clean() {
	b.t.Helper()
	for _, c := range b.s.Complaints() {
		b.t.Errorf("complaint: %v", c)
	}
}

// picture is a PNG of these sides.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// row is an action row of components.
func row(components ...fields) fields { return fields{"type": 1, "components": components} }

func button(label, id string) fields {
	return fields{"type": 2, "style": 2, "label": label, "custom_id": id}
}
