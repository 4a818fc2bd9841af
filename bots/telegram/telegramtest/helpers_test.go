package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"kiebot/bots/telegram/telegramtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bot calls the server as a bot does, without any library.
type bot struct {
	t *testing.T
	s *telegramtest.Server
}

// reply is an answer of the Bot API.
type reply struct {
	Status      int
	Header      http.Header
	OK          bool
	Result      json.RawMessage
	ErrorCode   int `json:"error_code"`
	Description string
	Parameters  struct {
		RetryAfter      int   `json:"retry_after"`
		MigrateToChatID int64 `json:"migrate_to_chat_id"`
	}
}

type fields map[string]any

func newBot(t *testing.T, cfg telegramtest.Config) bot {
	t.Helper()
	s := telegramtest.NewServer(cfg)
	t.Cleanup(s.Close)
	return bot{t, s}
}

// call posts JSON.
func (b bot) call(method string, params fields) reply {
	b.t.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(method, "application/json", bytes.NewReader(body))
}

func (b bot) post(method, kind string, body io.Reader) reply {
	b.t.Helper()
	answer, err := b.s.Client().Post(b.s.URL()+"/bot"+b.s.Token()+"/"+method, kind, body)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	r := reply{Status: answer.StatusCode, Header: answer.Header}
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil {
		b.t.Fatalf("%s: the answer is no JSON: %v", method, err)
	}
	return r
}

// upload posts a form with fields and files, the files named after their
// parts.
func (b bot) upload(method string, params fields, files map[string][]byte) reply {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		text, is := params[name].(string)
		if !is {
			raw, err := json.Marshal(params[name])
			if err != nil {
				b.t.Fatal(err)
			}
			text = string(raw)
		}
		if err := form.WriteField(name, text); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := form.CreateFormFile(name, name+".bin")
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.post(method, form.FormDataContentType(), &body)
}

// must is call for one that succeeds; it decodes the result into value, unless
// that is nil.
func (b bot) must(value any, method string, params fields) {
	b.t.Helper()
	b.took(value, b.call(method, params))
}

func (b bot) took(value any, r reply) {
	b.t.Helper()
	if !r.OK || r.Status != 200 {
		b.t.Fatalf("refused: %d %s", r.Status, r.Description)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(r.Result, value); err != nil {
		b.t.Fatal(err)
	}
}

// refused checks that a call failed with this sentence, or one that begins
// with it.
func (b bot) refused(r reply, sentence string) {
	b.t.Helper()
	if r.OK || !strings.HasPrefix(r.Description, sentence) || r.ErrorCode != r.Status {
		b.t.Errorf("answer is %d %q; want %q", r.Status, r.Description, sentence)
	}
}

// updates polls once.
func (b bot) updates(params fields) []map[string]json.RawMessage {
	b.t.Helper()
	var list []map[string]json.RawMessage
	b.must(&list, "getUpdates", params)
	return list
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

func id(p *telegramtest.Person) string { return strconv.FormatInt(p.ID(), 10) }
