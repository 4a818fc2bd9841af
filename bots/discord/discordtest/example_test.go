package discordtest_test

import (
	"fmt"
	"net/http"
	"strings"

	"kiebot/bots/discord/discordtest"
)

// A conversation, with a bot that says one thing.
func Example() {
	s := discordtest.NewServer(discordtest.Config{Username: "catbot"})
	defer s.Close()

	// The bot is at work here; it knows s.URL() and s.Token().
	call := func(method, path, body string) {
		r, err := http.NewRequest(method, s.URL()+"/api/v10"+path, strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("Authorization", "Bot "+s.Token())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", "DiscordBot (https://example.org, 1.0)")
		answer, err := s.Client().Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer.Body.Close()
	}
	call("PUT", "/applications/"+s.ApplicationID()+"/commands", `[{"name":"imagine","description":"Makes a picture"}]`)

	ann := s.Person("Ann", discordtest.Locale("ru"))
	chat := s.Guild("cats", ann).Channel("general")
	in := chat.As(ann).Types("/imagine")
	call("POST", "/interactions/"+in.ID+"/"+in.Token+"/callback", `{"type":4,"data":{"content":"🐱","components":[
		{"type":1,"components":[{"type":2,"style":2,"label":"🔄 again","custom_id":"again"}]}]}}`)

	for _, m := range chat.FromBot() {
		fmt.Println(m.Content)
		fmt.Println(ann.Presses(m, "🔄").Name)
	}
	fmt.Println(len(s.Unanswered()), "left unanswered,", len(s.Complaints()), "complaints")
	// Output:
	// 🐱
	// again
	// 1 left unanswered, 0 complaints
}
