package telegram

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

// A kill after an update was handled and before Telegram knows: with the
// stored offset it does not come again, without it it comes and makes nothing.
func TestKillBeforeTheConfirmation(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann")
			ann.Types("/queue")
			ann.Next(t)
			w.silent(ann.Private())
			stop := w.tg.Fault(telegramtest.Fault{Method: "getUpdates", Times: -1, Status: 502, HTML: true})
			ann.Types("a cat")
			w.tg.Until(t, func() bool { return len(w.prompts()) == 1 })
			if w.tg.Pending() != 1 {
				t.Errorf("%d updates wait", w.tg.Pending())
			}
			w.stop()
			if forgets {
				w.must(w.store.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteSetting(offsetSetting) }))
			}
			next, err := readOffset(t.Context(), w.store, time.Now())
			w.must(err)
			w.must(w.store.Close())
			stop()
			calls := len(w.tg.Calls("getUpdates"))
			w.start()
			if first := w.tg.Calls("getUpdates")[calls].Params["offset"]; first != strconv.FormatInt(next, 10) {
				t.Errorf("it went on at %s, stored was %d", first, next)
			}
			ann.Until(t, finds("photo", "a cat"))
			w.silent(ann.Private())
			<-time.After(time.Minute)
			if got := w.prompts(); !slices.Equal(got, []string{"a cat"}) {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

// inward carries what Telegram sends to the handler of the ear that runs.
type inward struct{ handler func() http.Handler }

// RoundTrip implements http.RoundTripper.
func (i inward) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	i.handler().ServeHTTP(answer, r)
	return answer.Result(), nil
}

// flaky is a store that can be told to fail.
type flaky struct {
	core.Store
	fails atomic.Bool
}

// Update implements core.Store.
func (f *flaky) Update(ctx context.Context, change func(core.Tx) error) error {
	if f.fails.Load() {
		return errors.New("no space left on device")
	}
	return f.Store.Update(ctx, change)
}

// While the store fails, what takes long is answered with 500: Telegram keeps
// it and sends it again, and in the end it was handled once.
func TestTrap6WebhookWhileTheStoreFails(t *testing.T) {
	var e *ear
	carry := inward{func() http.Handler { return e.telegram.Handler() }}
	listening(t, telegramtest.Config{WebhookTransport: carry}, func(t *testing.T, now *ear) {
		e = now
		gate := make(chan struct{})
		e.bot.slow = func(context.Context) { <-gate }
		ann, bob := e.tg.Person("Ann"), e.tg.Person("Bob")
		e.flaky.fails.Store(true)
		ann.Types("one")
		bob.Types("two")
		<-time.After(5 * time.Minute)
		if n := e.tg.Pending(); n != 2 {
			t.Errorf("%d updates wait, want both", n)
		}
		e.flaky.fails.Store(false)
		e.tg.Until(t, func() bool { return e.tg.Pending() == 0 })
		ann.Types("three")
		close(gate)
		e.tg.Until(t, func() bool { return e.tg.Pending() == 0 })
		synctest.Wait()
		got := e.bot.all()
		slices.Sort(got)
		if !slices.Equal(got, []string{"one", "three", "two"}) {
			t.Errorf("%q", got)
		}
		failed := 0
		for _, d := range e.tg.Deliveries() {
			if d.Status == http.StatusInternalServerError {
				failed++
			}
		}
		if failed < 4 {
			t.Errorf("%d deliveries were refused", failed)
		}
	})
}

// A conversation by webhook is the same as one by polling.
func TestTalkByWebhook(t *testing.T) {
	var w *town
	carry := inward{func() http.Handler { return w.telegram.Handler() }}
	inTown(t, townConfig{hook: true, telegram: telegramtest.Config{WebhookTransport: carry}}, func(t *testing.T, now *town) {
		w = now
		ann := w.tg.Person("Ann", telegramtest.Language("ru"))
		ann.Types("кот")
		picture := ann.Until(t, finds("photo", "кот"))
		ann.Presses(picture, "🔄").Answer(t)
		w.tg.Until(t, func() bool { return len(w.prompts()) == 2 })
		ann.SendsAlbum("/edit вместе", telegramtest.Photo(dot(t, 1)), telegramtest.Photo(dot(t, 2)))
		ann.Until(t, finds("photo", "вместе"))
		if n := len(w.inputs()); n != 2 {
			t.Errorf("%d pictures of the album", n)
		}
	})
}
