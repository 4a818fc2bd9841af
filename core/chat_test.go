package core_test

import (
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// A chat that gets another lane keeps its limit and what it has used and
// holds, however often it moves and however often that is told.
func TestMoveChatKeepsItsLimitAndWhatItUsed(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		ctx := t.Context()
		in := func(lane core.Lane) error {
			req := request("a cat")
			req.Origin.Lane = lane
			_, err := w.engine.Submit(ctx, req)
			return err
		}
		w.must(w.engine.SetChatLimit(ctx, admin(""), "chat:room", pictures(3)))
		w.untilShown(w.submit(request("used")))
		w.must(in("chat:room")) // held while the chat moves
		for range 2 {
			w.must(w.engine.MoveChat(ctx, "chat:room", "chat:hall"))
		}
		w.must(in("chat:hall"))
		w.must(w.engine.MoveChat(ctx, "chat:hall", "chat:palace"))
		for _, lane := range []core.Lane{"chat:room", "chat:hall", "chat:palace"} {
			if r := wantRefusal(t, in(lane), core.ReasonQuota); r.Window.Kind() != core.WindowChat {
				t.Errorf("%s: %+v", lane, r)
			}
		}
		w.must(w.engine.SetChatLimit(ctx, admin(""), "chat:palace", pictures(4)))
		w.must(in("chat:palace"))
		wantRefusal(t, in("chat:palace"), core.ReasonQuota)
		w.must(in("chat:elsewhere"))
		w.recount()
	})
}
