package core_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

func newsRoom(n int) core.Lane { return core.NewLane("chat", fmt.Sprint("news-", n)) }

// subscribe lets so many rooms have news.
func (w *world) subscribe(rooms int) {
	w.t.Helper()
	for n := range rooms {
		origin := core.Origin{Identity: ada, Lane: newsRoom(n), Place: core.Place(newsRoom(n)), Admin: true}
		if err := w.engine.SetNews(w.t.Context(), origin, true); err != nil {
			w.t.Fatal(err)
		}
	}
}

// news lists what was told in each room, in order.
func (c *chat) news() map[core.Lane][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := map[core.Lane][]string{}
	seen := map[core.DeliveryID]bool{}
	for _, p := range c.log {
		if p.Delivery.Kind == core.DeliverNews && !(c.known != nil && seen[p.Delivery.ID]) {
			seen[p.Delivery.ID] = true
			told[p.Delivery.Lane] = append(told[p.Delivery.Lane], p.Delivery.Text)
		}
	}
	return told
}

func TestBroadcast(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.subscribe(5)
		gone := &core.DeliveryError{Permanent: true, Fallback: newsRoom(1), Err: errors.New("kicked")}
		w.chat.set(func(p core.Parcel) error {
			switch {
			case p.Delivery.Lane == newsRoom(3):
				return gone
			case p.Delivery.Lane == newsRoom(4) && p.Delivery.Attempts < 2:
				return errors.New("connection reset")
			}
			return nil
		})
		if err := w.engine.SetNews(t.Context(), core.Origin{Identity: ada, Lane: newsRoom(0)}, false); err != nil {
			t.Fatal(err)
		}
		send := func(text string, chats int) {
			t.Helper()
			if n, err := w.engine.Broadcast(t.Context(), byAdmin, text); err != nil || n != chats {
				t.Errorf("%d chats, %v, want %d", n, err, chats)
			}
			nap(time.Minute)
		}
		send(" Tea at five. ", 4)
		_, err := w.engine.Broadcast(t.Context(), byAdmin, "Tea at five.")
		wantRefusal(t, err, core.ReasonNewsTwice)
		send("Tea at six.", 3)
		told := w.chat.news()
		for n, want := range []int{0, 2, 2, 0, 2} {
			if got := told[newsRoom(n)]; len(got) != want || want == 2 && !slices.Equal(got, []string{"Tea at five.", "Tea at six."}) {
				t.Errorf("room %d was told %q", n, got)
			}
		}
		for _, text := range []string{"", " \n", strings.Repeat("x", 1001)} {
			_, err := w.engine.Broadcast(t.Context(), byAdmin, text)
			wantRefusal(t, err, core.ReasonNoNews)
		}
		_, err = w.engine.Broadcast(t.Context(), core.Act{By: "chat:eve", Place: "chat:room"}, "Buy this.")
		wantRefusal(t, err, core.ReasonPlaceOnly)
		stranger := core.Origin{Identity: ada, Lane: "chat:room", Place: "chat:room"}
		wantRefusal(t, w.engine.SetNews(t.Context(), stranger, true), core.ReasonNotAdmin)
		w.chat.set(func(core.Parcel) error { return errors.New("connection reset") })
		send("Tea at seven.", 3)
		if _, err := core.Verify(t.Context(), w.store, func(problem string) { t.Error(problem) }); err != nil {
			t.Error(err)
		}
	})
}

// A group that becomes a supergroup is told once.
func TestNewsMovesWithTheChat(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.subscribe(1)
		if err := w.engine.MoveChat(t.Context(), newsRoom(0), newsRoom(7)); err != nil {
			t.Fatal(err)
		}
		if n, err := w.engine.Broadcast(t.Context(), byAdmin, "Tea at five."); n != 1 || err != nil {
			t.Errorf("%d chats, %v", n, err)
		}
		nap(time.Minute)
		if told := w.chat.news(); len(told[newsRoom(0)]) != 0 || len(told[newsRoom(7)]) != 1 {
			t.Errorf("told: %v", told)
		}
	})
}

// News waits for whatever else the chat is to be shown, also when it was there first.
func TestNewsComesLast(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		origin := request("").Origin
		if err := w.engine.SetNews(t.Context(), origin, true); err != nil {
			t.Fatal(err)
		}
		w.chat.set(func(core.Parcel) error {
			return &core.DeliveryError{RetryAfter: time.Minute, Everywhere: true, Err: errors.New("busy")}
		})
		id := w.submit(request("a cat"))
		if _, err := w.engine.Broadcast(t.Context(), byAdmin, "Tea at five."); err != nil {
			t.Fatal(err)
		}
		w.untilState(id, core.Succeeded)
		w.chat.set(nil)
		w.until("all was shown", func() bool { return len(w.chat.news()) == 1 && !w.task(id).Delivered.IsZero() })
		w.chat.mu.Lock()
		defer w.chat.mu.Unlock()
		if last := w.chat.log[len(w.chat.log)-1]; last.Delivery.Kind != core.DeliverNews {
			t.Errorf("the last was %q", last.Delivery.Kind)
		}
	})
}

// Wherever the process dies, every chat is told once, where the platform knows
// a repeated call.
func TestBroadcastDiesAtEveryCommit(t *testing.T) {
	const rooms = 4
	for _, after := range []bool{false, true} {
		for at, died := 1, true; died && !t.Failed(); at++ {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kietest.Config{}, nil)
				defer w.close()
				w.chat.known = map[core.DeliveryID]int{}
				w.subscribe(rooms)
				var d *witness
				w.reopen(func(s core.Store) core.Store { d = newWitness(s); return d })
				d.arm(at, after)
				w.mayDie = true
				w.run()
				_, _ = w.engine.Broadcast(t.Context(), byAdmin, "Tea at five.")
				select {
				case <-d.dead:
				case <-time.After(10 * time.Minute):
					died = false
				}
				synctest.Wait()
				w.reopen(nil)
				w.run()
				if _, err := w.engine.Broadcast(t.Context(), byAdmin, "Tea at five."); err != nil {
					wantRefusal(t, err, core.ReasonNewsTwice)
				}
				nap(10 * time.Minute)
				told := w.chat.news()
				for n := range rooms {
					if len(told[newsRoom(n)]) != 1 {
						t.Errorf("commit %d, after %v: room %d was told %q", at, after, n, told[newsRoom(n)])
					}
				}
			})
			if at > 100 {
				t.Fatal("there are more commits than there can be")
			}
		}
	}
}
