package telegramtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

func ids(t *testing.T, list []map[string]json.RawMessage) []int64 {
	t.Helper()
	var found []int64
	for _, u := range list {
		n, err := strconv.ParseInt(string(u["update_id"]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, n)
	}
	return found
}

// An update is given out until a call asks for a later one ("getUpdates").
func TestOffset(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	for range 150 {
		ann.Types("x")
	}
	first := ids(t, b.updates(nil))
	if len(first) != 100 || !slices.Equal(ids(t, b.updates(nil)), first) {
		t.Errorf("the same call gives %d updates, or others the second time", len(first))
	}
	if got := ids(t, b.updates(fields{"limit": 3, "offset": first[9] + 1})); !slices.Equal(got, first[10:13]) {
		t.Errorf("after the tenth come %v", got)
	}
	if b.s.Pending() != 140 {
		t.Errorf("%d wait; want 140", b.s.Pending())
	}
	if got := ids(t, b.updates(fields{"offset": -2})); len(got) != 2 || got[1] != first[0]+149 || b.s.Pending() != 2 {
		t.Errorf("the last two are %v, and %d wait", got, b.s.Pending())
	}
	b.clean()
}

// allowed_updates lasts until another call gives it, and decides what is
// queued.
func TestAllowedUpdates(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	b.updates(fields{"allowed_updates": []string{"callback_query"}})
	ann.Types("x")
	b.updates(nil)
	ann.Types("x")
	if b.s.Pending() != 0 {
		t.Error("a message was queued that the bot did not ask for")
	}
	b.updates(fields{"allowed_updates": []string{}})
	ann.Types("x")
	if b.s.Pending() != 1 {
		t.Error("the default does not come back")
	}
	b.s.RawUpdate("brain_wave", `{"level":3}`)
	repeated := ids(t, b.updates(fields{"offset": -1}))[0]
	b.s.RepeatUpdate(repeated)
	if got := ids(t, b.updates(nil)); !slices.Equal(got, []int64{repeated, repeated}) {
		t.Errorf("the repeated updates are %v", got)
	}
	if got := b.updates(fields{"offset": -1}); len(got) != 1 || string(got[0]["brain_wave"]) != `{"level":3}` {
		t.Errorf("the unknown update is %s", got)
	}
}

// A call waits for the next update, 50 seconds at most. A second one ends the
// first with 409, and so does a webhook.
func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := telegramtest.NewMemoryServer(telegramtest.Config{Patience: time.Hour})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		begun := time.Now()
		if got := b.updates(fields{"timeout": 50}); len(got) != 0 || time.Since(begun) != 50*time.Second {
			t.Errorf("%d updates after %v", len(got), time.Since(begun))
		}
		answers := make(chan reply, 3)
		poll := func() { answers <- b.call("getUpdates", fields{"timeout": 50}) }
		go poll()
		s.Until(t, s.Polling)
		ann.Types("x")
		b.took(nil, <-answers)
		b.updates(fields{"offset": -1})
		b.s.Until(t, func() bool { return !s.Polling() })

		ann.Private()
		b.updates(fields{"offset": 1 << 50})
		go poll()
		s.Until(t, s.Polling)
		go poll()
		b.refused(<-answers, "Conflict: terminated by other getUpdates request")
		s.Until(t, s.Polling)
		b.must(nil, "setWebhook", fields{"url": "https://example.com/hook"})
		b.refused(<-answers, "Conflict: terminated by setWebhook request")
		b.refused(b.call("getUpdates", nil), "Conflict: can't use getUpdates method while webhook is active")
		b.must(nil, "deleteWebhook", nil)
		b.updates(nil)
		b.clean()
	})
}

// hook is a webhook of a test. It answers status, or 200 without one.
type hook struct {
	status atomic.Int64
	header string
	bodies chan []byte
	secret string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Telegram-Bot-Api-Secret-Token") != h.secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if status := h.status.Load(); status != 0 {
		if h.header != "" {
			w.Header().Set("Retry-After", h.header)
		}
		w.WriteHeader(int(status))
		return
	}
	h.bodies <- body
}

// transport brings calls to a handler without a network.
type transport struct{ h http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// An update is delivered until the webhook takes it: again at once, then with
// pauses that double up to a minute or two, or as long as Retry-After says.
// Those of one chat keep their order and do not hold up other chats.
func TestWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{bodies: make(chan []byte, 100), secret: "hush"}
		s := telegramtest.NewMemoryServer(telegramtest.Config{Patience: 48 * time.Hour, WebhookTransport: transport{h}})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		ann.Types("before")
		b.must(nil, "setWebhook", fields{"url": "https://example.com/hook", "secret_token": "hush"})
		s.Until(t, func() bool { return s.Pending() == 0 })

		h.status.Store(500)
		begun := time.Now()
		ann.Types("one")
		ann.Types("two")
		s.Until(t, func() bool { return len(s.Deliveries()) == 8 })
		if took := time.Since(begun); took != (1+2+4+8+16)*time.Second {
			t.Errorf("seven attempts took %v", took)
		}
		var info struct {
			URL       string `json:"url"`
			Pending   int    `json:"pending_update_count"`
			LastError string `json:"last_error_message"`
		}
		b.must(&info, "getWebhookInfo", nil)
		if info.Pending != 2 || info.LastError != "Wrong response from the webhook: 500 Internal Server Error" || info.URL == "" {
			t.Errorf("getWebhookInfo is %+v", info)
		}
		h.status.Store(0)
		s.Until(t, func() bool { return s.Pending() == 0 })
		close(h.bodies)
		var words []string
		for body := range h.bodies {
			var u struct{ Message telegramtest.Message }
			if err := json.Unmarshal(body, &u); err != nil {
				t.Fatal(err)
			}
			words = append(words, u.Message.Text)
		}
		if !slices.Equal(words, []string{"before", "one", "two"}) {
			t.Errorf("the webhook took %q", words)
		}
		b.clean()
	})
}

// A webhook that asks for a pause gets it.
func TestWebhookRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{bodies: make(chan []byte, 100), header: "600"}
		s := telegramtest.NewMemoryServer(telegramtest.Config{Patience: 48 * time.Hour, WebhookTransport: transport{h}})
		defer s.Close()
		b, ann := bot{t, s}, s.Person("Ann")
		b.must(nil, "setWebhook", fields{"url": "https://example.com/hook"})
		h.status.Store(503)
		begun := time.Now()
		ann.Types("one")
		s.Until(t, func() bool { return len(s.Deliveries()) == 2 })
		if took := time.Since(begun); took != 10*time.Minute {
			t.Errorf("the second attempt came after %v", took)
		}
	})
}
