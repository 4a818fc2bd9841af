package discordtest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
)

// Whatever is sent, an error has the shape of the service, and one call can not
// break the server for the next.
func FuzzRequest(f *testing.F) {
	const posting, asking = "/channels/{channel}/messages", "/interactions/{interaction}/{token}/callback"
	for _, seed := range []struct{ method, path, kind, body string }{
		{"POST", posting, "application/json", `{"content":"a","embeds":[{"title":"b","fields":[{"name":"c","value":"d"}]}],"allowed_mentions":{"parse":["users"]},"nonce":1,"enforce_nonce":true}`},
		{"POST", posting, "application/json", `{"flags":32768,"components":[{"type":17,"components":[{"type":9,"components":[{"type":10,"content":"a"}],"accessory":{"type":11,"media":{"url":"attachment://a"}}}]}]}`},
		{"POST", posting, "application/json", `{"components":[{"type":1,"components":[{"type":3,"custom_id":"a","options":[{"label":"a","value":"b"}],"min_values":-1}]}]}`},
		{"POST", posting, "application/json", `{"message_reference":{"message_id":1},"attachments":[{"id":1e99}],"content":"<@5>"}`},
		{"POST", posting, "application/json", `[null,{"a":[]},1e400]`},
		{"POST", posting, "application/json", `{"components":[{"Component":[]}]}`},
		{"POST", posting, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a\"\r\n\r\nGIF89a\x00\x00\x01\x00\r\n--x--\r\n"},
		{"POST", posting, "multipart/form-data", "--x--"},
		{"PATCH", posting + "/{message}", "application/json", `{"content":null,"attachments":[{"id":"0"},null]}`},
		{"PUT", posting + "/{message}/reactions/%F0%9F%91%8D/@me", "", ""},
		{"POST", asking, "application/json", `{"type":9,"data":{"custom_id":"a","title":"b","components":[{"type":18,"label":"c","component":{"type":21,"custom_id":"d","options":[{"label":"a","value":"b"},{"label":"b","value":"c"}]}}]}}`},
		{"POST", asking, "application/json", `{"type":4,"data":{"content":5}}`},
		{"POST", asking, "application/json", `{"type":8,"data":{"choices":[{"name":"a","value":[]}]}}`},
		{"POST", asking + "?with_response=true", "application/json", `{"type":5,"data":{"flags":64}}`},
		{"PATCH", "/webhooks/{application}/{token}/messages/@original", "application/json", `{"content":"a"}`},
		{"PUT", "/applications/{application}/commands", "application/json", `[{"name":"a","description":"b","options":[{"type":4,"name":"c","description":"d","choices":[{"name":"e","value":{}}]}]}]`},
		{"PATCH", "/applications/@me", "application/json", `{"interactions_endpoint_url":null}`},
		{"GET", "/gateway/bot", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.kind, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, method, path, kind string, body []byte) {
		s := discordtest.New(discordtest.Config{Transport: carried{http.NotFoundHandler()}})
		defer s.Close()
		ann := s.Person("Ann")
		s.Guild("cats", ann)
		call := func(method, path, kind string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			path, query, _ := strings.Cut(path, "?")
			r.Method, r.URL.Path, r.URL.RawQuery = method, "/api/v10"+path, query
			r.Header.Set("Authorization", "Bot "+s.Token())
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			s.ServeHTTP(w, r)
			var failed struct{ Message *string }
			if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &failed) != nil || failed.Message == nil || w.Code == 500) {
				t.Errorf("%s %s answers %d %q", method, path, w.Code, w.Body)
			}
			return w
		}
		call("PUT", "/applications/"+s.ApplicationID()+"/commands", "application/json", []byte(`[{"name":"imagine","description":"x"}]`))
		in := ann.Types("/imagine")
		m := ann.Writes("hello")
		call(method, strings.NewReplacer("{channel}", ann.Private().ID(), "{message}", m.ID, "{application}", s.ApplicationID(),
			"{interaction}", in.ID, "{token}", in.Token).Replace(path), kind, body)
		if w := call("GET", "/users/@me", "", nil); w.Code != http.StatusOK {
			t.Errorf("after it the bot is %d", w.Code)
		}
	})
}
