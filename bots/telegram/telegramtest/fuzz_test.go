package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// Whatever is posted, the answer is an envelope, and one call can not break
// the server for the next.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, kind, body string }{
		{"sendMessage", "application/json", `{"chat_id":5000000001,"text":"a <b>cat</b>","parse_mode":"HTML","reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":"b"}]]}}`},
		{"sendMessage", "application/json", `{"chat_id":5000000001,"text":"😀b","entities":[{"type":"bold","offset":-1,"length":9223372036854775807}]}`},
		{"sendMessage", "application/x-www-form-urlencoded", "chat_id=5000000001&text=%"},
		{"editMessageText", "application/json", `{"chat_id":5000000001,"message_id":21,"text":"y","reply_markup":{"inline_keyboard":[]}}`},
		{"editMessageMedia", "application/json", `{"chat_id":5000000001,"message_id":21,"media":{"type":"photo","media":"attach://a"}}`},
		{"sendMediaGroup", "application/json", `{"chat_id":5000000001,"media":[{"type":"photo"},{"type":"video"}]}`},
		{"sendPhoto", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n5000000001\r\n--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nGIF89a\x00\x00\x01\x00\r\n--x--\r\n"},
		{"sendPhoto", "multipart/form-data", "--x--"},
		{"setMyCommands", "application/json", `{"commands":[{"command":"a","description":"b"}],"scope":{"type":"chat","chat_id":1.5}}`},
		{"answerInlineQuery", "application/json", `{"inline_query_id":"1","results":[null,{"type":"article"}]}`},
		{"sendInvoice", "application/json", `{"chat_id":5000000001,"title":"a","description":"b","payload":"c","currency":"XTR","prices":[null]}`},
		{"setMessageReaction", "application/json", `{"chat_id":5000000001,"message_id":21,"reaction":[{"type":"emoji","emoji":" "}]}`},
		{"getUpdates", "application/json", `{"offset":-9223372036854775808,"limit":0}`},
		{"setWebhook", "application/json", `{"url":"%zz"}`},
	} {
		f.Add(seed.method, seed.kind, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, method, kind string, body []byte) {
		if bytes.Contains(body, []byte("timeout")) {
			t.Skip("a call that waits")
		}
		s := telegramtest.New(telegramtest.Config{Dir: t.TempDir(), WebhookTransport: transport{http.NotFoundHandler()}})
		defer s.Close()
		s.Person("Ann").Starts("")
		call := func(method, kind string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			r.URL.Path = "/bot" + s.Token() + "/" + method
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			s.ServeHTTP(w, r)
			var envelope struct{ OK bool }
			if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.OK != (w.Code == http.StatusOK) {
				t.Errorf("%s answers %d %q: %v", method, w.Code, w.Body, err)
			}
			return w
		}
		call("sendMessage", "application/json", []byte(`{"chat_id":5000000001,"text":"x"}`))
		call(method, kind, body)
		if w := call("getMe", "", nil); w.Code != http.StatusOK {
			t.Errorf("after it getMe answers %d", w.Code)
		}
	})
}
