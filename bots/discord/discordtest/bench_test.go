package discordtest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
)

// serve passes a call to the server without a connection.
func serve(b *testing.B, s *discordtest.Server, method, path, body string) {
	r := httptest.NewRequest(method, "/api/v10"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bot "+s.Token())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "DiscordBot (https://example.org, 1.0)")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code >= 300 {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// What the server itself costs an interaction: typed, deferred and edited.
func BenchmarkInteraction(b *testing.B) {
	s := discordtest.New(discordtest.Config{})
	defer s.Close()
	ann := s.Person("Ann")
	chat := s.Guild("cats", ann).Channel("general").As(ann)
	serve(b, s, http.MethodPut, "/applications/"+s.ApplicationID()+"/commands", `[{"name":"imagine","description":"x","options":[{"type":3,"name":"prompt","description":"x"}]}]`)
	b.ResetTimer()
	for range b.N {
		in := chat.Types("/imagine", discordtest.Set("prompt", "a cat astronaut"))
		serve(b, s, http.MethodPost, "/interactions/"+in.ID+"/"+in.Token+"/callback", `{"type":5}`)
		serve(b, s, http.MethodPatch, "/webhooks/"+s.ApplicationID()+"/"+in.Token+"/messages/@original",
			`{"content":"a cat – @ann (#3 in queue)","allowed_mentions":{"parse":[]},"components":[{"type":1,"components":[{"type":2,"style":2,"label":"cancel","custom_id":"cancel:1"}]}]}`)
	}
}
