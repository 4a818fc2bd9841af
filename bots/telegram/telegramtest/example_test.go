package telegramtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"kiebot/bots/telegram/telegramtest"
)

// A conversation, with a bot that says one thing.
func Example() {
	s := telegramtest.NewServer(telegramtest.Config{Username: "catbot"})
	defer s.Close()

	ann := s.Person("Ann", telegramtest.Language("ru"))
	chat := s.Group("cats", ann)
	chat.As(ann).Types("/imagine@catbot a cat")

	// The bot is at work here; it knows s.URL() and s.Token().
	answer, err := http.PostForm(s.URL()+"/bot"+s.Token()+"/sendMessage", url.Values{
		"chat_id": {strconv.FormatInt(chat.ID(), 10)}, "text": {"🐱"},
		"reply_markup": {`{"inline_keyboard":[[{"text":"🔄 again","callback_data":"again"}]]}`},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()

	for _, m := range chat.FromBot() {
		fmt.Println(m.Text)
		fmt.Println(ann.Presses(m, "🔄").Data)
	}
	fmt.Println(len(s.Calls("sendMessage")), "call,", len(s.Complaints()), "complaints")
	// Output:
	// 🐱
	// again
	// 1 call, 0 complaints
}
