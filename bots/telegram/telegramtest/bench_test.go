package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// serve passes a call to the server without a connection.
func serve(b *testing.B, s *telegramtest.Server, method string, params fields) reply {
	body, err := json.Marshal(params)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/bot"+s.Token()+"/"+method, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var answer reply
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !answer.OK {
		b.Fatalf("%s: %v %s", method, err, answer.Description)
	}
	return answer
}

// What the server itself costs an update: typed, polled and confirmed in
// batches of a hundred.
func BenchmarkUpdate(b *testing.B) {
	s := telegramtest.New(telegramtest.Config{})
	defer s.Close()
	ann := s.Person("Ann")
	offset := int64(0)
	for i := range b.N {
		ann.Types("/imagine a cat astronaut")
		if i%100 != 99 {
			continue
		}
		var batch []struct {
			ID int64 `json:"update_id"`
		}
		if err := json.Unmarshal(serve(b, s, "getUpdates", fields{"offset": offset}).Result, &batch); err != nil {
			b.Fatal(err)
		}
		offset = batch[len(batch)-1].ID + 1
	}
}

// What the server itself costs a message of the bot.
func BenchmarkSendMessage(b *testing.B) {
	s := telegramtest.New(telegramtest.Config{})
	defer s.Close()
	ann := s.Person("Ann")
	asked := ann.Starts("")
	for range b.N {
		serve(b, s, "sendMessage", fields{"chat_id": ann.ID(), "text": "a cat – @ann (#3 in queue)", "reply_parameters": fields{"message_id": asked.ID}})
	}
}
