package discordtest_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

// endpoint is a bot's own server. It checks signatures, answers PING, and leaves
// the rest to say.
type endpoint struct {
	key ed25519.PublicKey
	say func(w http.ResponseWriter, in fields)
}

func newEndpoint(t *testing.T, s *discordtest.Server, say func(http.ResponseWriter, fields)) *endpoint {
	t.Helper()
	key, err := hex.DecodeString(s.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return &endpoint{key: key, say: say}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	signature, _ := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
	if err != nil || len(signature) != ed25519.SignatureSize || !ed25519.Verify(e.key, append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), signature) {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	var in fields
	if json.Unmarshal(body, &in) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	if in["type"] == 1.0 {
		replies(w, `{"type":1}`)
		return
	}
	e.say(w, in)
}

func replies(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, body)
}

// carried takes requests to a handler without a connection.
type carried struct{ http.Handler }

func (c carried) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result(), nil
}

// hooked is a bot whose interactions are posted to an endpoint.
func hooked(t *testing.T, say func(http.ResponseWriter, fields)) (bot, discordtest.Speaker) {
	t.Helper()
	b := newBot(t, discordtest.Config{})
	front := httptest.NewServer(newEndpoint(t, b.s, say))
	t.Cleanup(front.Close)
	if err := b.s.SetEndpoint(front.URL + "/hooks/discord"); err != nil {
		t.Fatal(err)
	}
	ann := b.s.Person("Ann")
	b.register(imagine())
	return b, b.s.Guild("cats", ann).Channel("general").As(ann)
}

// The reply of the endpoint is the first answer, with files when it has some;
// the rest goes by the token.
func TestEndpoint(t *testing.T) {
	var form bytes.Buffer
	f := multipart.NewWriter(&form)
	f.WriteField("payload_json", `{"type":4,"data":{"content":"here"}}`)
	part, _ := f.CreateFormFile("files[0]", "cat.png")
	part.Write(picture(t, 2, 2))
	f.Close()
	b, chat := hooked(t, func(w http.ResponseWriter, in fields) {
		prompt := in["data"].(map[string]any)["options"].([]any)[0].(map[string]any)["value"]
		switch prompt {
		case "wait":
			replies(w, `{"type":5,"data":{"flags":64}}`)
		case "file":
			w.Header().Set("Content-Type", f.FormDataContentType())
			w.Write(form.Bytes())
		case "wrong":
			replies(w, `{"type":4,"data":{"content":"x","text":"y"}}`)
		case "text":
			io.WriteString(w, `{"type":5}`)
		case "later":
			w.WriteHeader(http.StatusAccepted)
		}
	})
	in := chat.Types("/imagine", discordtest.Set("prompt", "wait"))
	if a := in.Answer(t); !a.Deferred() || !in.Original(t).Ephemeral() {
		t.Errorf("the answer is %+v", a)
	}
	b.must(nil, "PATCH", b.hook(in)+"/messages/@original", fields{"content": "done"})
	if m := chat.Types("/imagine", discordtest.Set("prompt", "file")).Original(t); len(m.Attachments) != 1 || m.Content != "here" {
		t.Errorf("the message is %v", m)
	}
	for _, prompt := range []string{"wrong", "text", "silence"} {
		in := chat.Types("/imagine", discordtest.Set("prompt", prompt))
		b.s.Until(t, func() bool {
			all := b.s.Deliveries()
			return all[len(all)-1].Interaction == in.ID
		})
		if _, is := in.Answered(); is {
			t.Errorf("%s is an answer", prompt)
		}
	}
	for _, d := range b.s.Deliveries()[2:] {
		if d.Problem == "" || d.Status != 200 {
			t.Errorf("the delivery is %+v", d)
		}
	}
	later := chat.Types("/imagine", discordtest.Set("prompt", "later"))
	b.took(nil, b.answers(later, 4, fields{"content": "by a callback"}))
	later.Answer(t)
	b.clean()
}

// Forged deliveries, those of another time, and one that comes again to the letter.
func TestForgeries(t *testing.T) {
	seen := make(chan string, 10)
	b, chat := hooked(t, func(w http.ResponseWriter, in fields) {
		seen <- in["id"].(string)
		replies(w, `{"type":5}`)
	})
	in := chat.Types("/imagine", discordtest.Set("prompt", "x"))
	in.Answer(t)
	<-seen
	for _, how := range []discordtest.Forgery{discordtest.NoSignature, discordtest.WrongKey, discordtest.OtherBody, discordtest.NoHex} {
		if d := in.Forge(how); d.Status != http.StatusUnauthorized || d.Forgery != how {
			t.Errorf("forgery %d is %+v", how, d)
		}
	}
	for _, how := range []discordtest.Forgery{discordtest.OldTime, discordtest.LaterTime} {
		if d := in.Forge(how); d.Status != 200 || <-seen != in.ID {
			t.Errorf("a delivery of another time is %+v", d)
		}
	}
	in.Redeliver()
	if id := <-seen; id != in.ID {
		t.Errorf("the second delivery is of %s", id)
	}
	b.s.Until(t, func() bool { return len(b.s.Deliveries()) == 8 })
	if d := b.s.Deliveries()[7]; !strings.Contains(d.Problem, "answered before") {
		t.Errorf("the second delivery is %+v", d)
	}
}

// An endpoint that does not check signatures, or says nothing to PING, is not
// taken.
func TestBadEndpoints(t *testing.T) {
	b := newBot(t, discordtest.Config{})
	for _, h := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { replies(w, `{"type":1}`) },
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"type":1}`) },
		http.NotFound,
	} {
		front := httptest.NewServer(h)
		if err := b.s.SetEndpoint(front.URL); err == nil {
			t.Error("it was taken")
		}
		b.refused(b.call("PATCH", "/applications/@me", fields{"interactions_endpoint_url": front.URL}), 400, 50035, "could not be verified")
		front.Close()
	}
	if err := b.s.SetEndpoint("nowhere"); err == nil {
		t.Error("it was taken")
	}
	front := httptest.NewServer(newEndpoint(t, b.s, nil))
	defer front.Close()
	b.must(nil, "PATCH", "/applications/@me", fields{"interactions_endpoint_url": front.URL})
	var app fields
	b.must(&app, "GET", "/applications/@me", nil)
	if app["interactions_endpoint_url"] != front.URL || app["verify_key"] != b.s.PublicKey() {
		t.Errorf("the application is %v", app)
	}
}

// In a bubble a reply that takes three seconds is too late.
func TestSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &carried{}
		s := discordtest.NewMemoryServer(discordtest.Config{Transport: slow})
		defer s.Close()
		slow.Handler = newEndpoint(t, s, func(w http.ResponseWriter, _ fields) {
			time.Sleep(3 * time.Second)
			replies(w, `{"type":5}`)
		})
		if err := s.SetEndpoint("https://bot.test/hooks/discord"); err != nil {
			t.Fatal(err)
		}
		b, ann := bot{t, s}, s.Person("Ann")
		s.Guild("cats", ann)
		b.register(imagine())
		ann.Types("/imagine", discordtest.Set("prompt", "x")).Failed(t)
		synctest.Wait()
		if d := s.Deliveries(); len(d) != 1 || d[0].Problem == "" || d[0].Took != 3*time.Second {
			t.Errorf("deliveries are %+v", d)
		}
	})
}
