package telegram

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-telegram/bot"

	"kiebot/core"
)

// Trap 7: the library's errors lose the HTTP status of whatever is no answer of
// the Bot API, and its own types are not found when they are wrapped.
func TestTrap7EveryFailureKeepsItsStatus(t *testing.T) {
	answer := func(code int, words, more string) string {
		return fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q%s}`, code, words, more)
	}
	for _, test := range []struct {
		name   string
		status int
		kind   string
		body   string
		want   callError
		means  failure
	}{
		{"flood", 429, "application/json", answer(429, "Too Many Requests: retry after 17", `,"parameters":{"retry_after":17}`),
			callError{Status: 429, Code: 429, RetryAfter: 17 * time.Second}, failWait},
		{"flood page of a proxy", 429, "text/html", "<html>slow down</html>", callError{Status: 429, RetryAfter: 9 * time.Second}, failWait},
		{"moved", 400, "application/json", answer(400, "Bad Request: group chat was upgraded to a supergroup chat", `,"parameters":{"migrate_to_chat_id":-1009999999999}`),
			callError{Status: 400, Code: 400, MovedTo: -1009999999999}, failMoved},
		{"bad gateway", 502, "text/html", "<html>502</html>", callError{Status: 502}, failUnknown},
		{"internal", 500, "application/json", answer(500, "Internal Server Error", ""), callError{Status: 500, Code: 500}, failUnknown},
		{"too large, by a proxy", 413, "text/html", "<html>413</html>", callError{Status: 413}, failTooLarge},
		{"too large", 413, "application/json", answer(413, "Request Entity Too Large", ""), callError{Status: 413, Code: 413}, failTooLarge},
		{"nonsense", 200, "application/json", "null", callError{Status: 200}, failUnknown},
		{"nothing", 200, "", "", callError{Status: 200}, failUnknown},
		{"blocked", 403, "application/json", answer(403, "Forbidden: bot was blocked by the user", ""), callError{Status: 403, Code: 403}, failChat},
		{"redirect", 302, "text/html", "", callError{Status: 302}, failUnknown},
		{"unauthorized", 401, "application/json", answer(401, "Unauthorized", ""), callError{Status: 401, Code: 401}, failToken},
	} {
		c := wireClient(t, func(*http.Request) (*http.Response, error) {
			r := reply(test.status, test.kind, test.body)
			r.Header.Set("Retry-After", "9")
			r.Header.Set("Location", "http://telegram.test/bot"+testToken)
			return r, nil
		})
		_, err := c.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: 1, Text: "x"})
		var got *callError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got.Method != "sendMessage" || got.Status != test.want.Status || got.Code != test.want.Code || got.MovedTo != test.want.MovedTo ||
			test.means == failWait && got.RetryAfter != test.want.RetryAfter || meaning(err) != test.means {
			t.Errorf("%s: %+v means %d", test.name, got, meaning(err))
		}
		if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "<html") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Trap 11: no error names the token, whatever the connection says.
func TestTrap11NoErrorNamesTheToken(t *testing.T) {
	c := wireClient(t, func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("dialing for %s: refused", r.URL)
	})
	_, err := c.GetMe(t.Context())
	if err == nil || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

// Trap 10: the library's constructor calls getMe and fails with it. Ours calls
// nothing, so that kiebot starts while Telegram cannot be reached.
func TestTrap10NewClientCallsNothing(t *testing.T) {
	wireClient(t, func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was called", r.URL.Path)
		return nil, errors.New("no connection")
	})
}

// A message that exists is not sent again because its answer has something new in it.
func TestAnswerThatCannotBeReadIsNoFailure(t *testing.T) {
	c := wireClient(t, func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"ok":true,"result":{"message_id":"seven"}}`), nil
	})
	_, err := c.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: 1, Text: "x"})
	if !sentAnyway(err) {
		t.Errorf("%v", err)
	}
}

func TestMeaning(t *testing.T) {
	for words, want := range map[string]failure{
		"Bad Request: message is not modified: specified new message content and reply markup are exactly the same": failSame,
		"Bad Request: message to edit not found":                                            failGone,
		"Bad Request: message to delete not found":                                          failGone,
		"Bad Request: message can't be deleted for everyone":                                failKept,
		"Bad Request: message to be replied not found":                                      failReply,
		"Bad Request: message thread not found":                                             failTopic,
		"Bad Request: TOPIC_CLOSED":                                                         failTopic,
		"Bad Request: chat not found":                                                       failChat,
		"Bad Request: not enough rights to send photos to the chat":                         failChat,
		"Bad Request: CHAT_SEND_VIDEOS_FORBIDDEN":                                           failChat,
		"Bad Request: PHOTO_INVALID_DIMENSIONS":                                             failContent,
		"Bad Request: IMAGE_PROCESS_FAILED":                                                 failContent,
		"Bad Request: wrong type of the web page content":                                   failContent,
		"Bad Request: wrong file identifier/HTTP URL specified":                             failFileID,
		"Bad Request: can't use file of type Photo as Document":                             failFileID,
		"Bad Request: query is too old and response timeout expired or query ID is invalid": failLate,
		"Bad Request: failed to send message #2 with the error message \"CHAT_RESTRICTED\"": failChat,
	} {
		if got := meaning(&callError{Status: 400, Code: 400, Description: words}); got != want {
			t.Errorf("%s means %d, want %d", words, got, want)
		}
	}
}

func TestPaceIsTelegrams(t *testing.T) {
	if p := Pace("telegram:-1001"); p.Edits != 5*time.Second || p.Rates[1] != (core.Rate{Calls: 20, Per: time.Minute}) {
		t.Errorf("a group: %+v", p)
	}
	if p := Pace("telegram:77"); p.Edits != 3*time.Second || len(p.Rates) != 1 {
		t.Errorf("a private chat: %+v", p)
	}
	if p := Pace(""); p.Rates[0] != (core.Rate{Calls: 30, Per: time.Second}) {
		t.Errorf("all: %+v", p)
	}
}

func TestTraffic(t *testing.T) {
	var f traffic
	now := time.Now()
	if f.wait(-1, now) != 0 || f.room(-1, 20, now) != 0 {
		t.Error("a silent chat has to wait")
	}
	f.note(-1, 12, now)
	f.note(-1, 6, now.Add(10*time.Second))
	now = now.Add(20 * time.Second)
	if f.room(-1, 2, now) != 0 || f.room(-1, 3, now) != 40*time.Second || f.room(-1, 20, now) != 50*time.Second || f.room(-1, 40, now) != 50*time.Second {
		t.Errorf("room for 3 after %v, for 20 after %v", f.room(-1, 3, now), f.room(-1, 20, now))
	}
	if f.refused(-1, time.Minute, now, 1) || f.wait(-1, now) != time.Minute || f.wait(-2, now) != 0 {
		t.Error("a chat that got its share waits alone")
	}
	if f.refused(-3, time.Hour, now, 1) || f.wait(-2, now) != 0 {
		t.Error("a group in slow mode stops everything")
	}
	for chat := range 15 {
		f.note(int64(100+chat), 1, now)
	}
	if !f.refused(-2, 10*time.Second, now, 1) || f.wait(5, now.Add(time.Second)) != 9*time.Second || f.wait(-1, now) != time.Minute {
		t.Error("a chat that got nothing while much was sent cannot be the reason")
	}
	var part traffic
	for chat := range 7 {
		part.note(int64(100+chat), 1, now)
	}
	if part.refused(-2, time.Second, now, 1) || !part.refused(-2, time.Second, now, 2) {
		t.Error("of two replicas half of it is much")
	}
	f.note(7, 1, now.Add(2*time.Minute))
	if len(f.recent) != 1 || len(f.until) != 1 {
		t.Errorf("%d chats are remembered, %d of them as waiting", len(f.recent), len(f.until))
	}
}
