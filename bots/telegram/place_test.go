package telegram

import (
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

// The admins of a group make its rules, which hold for the others there and
// nowhere else, and go along when the group moves.
func TestTalkRulesOfAGroup(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Боб", telegramtest.Language("ru"))
		chat, other := w.tg.BasicGroup("cats", ann, bob), w.tg.Group("dogs", bob)
		chat.SetStatus(ann, "administrator")
		chat.SetStatus(bob, "member")
		act := func(who *telegramtest.Person) (core.Act, error) {
			t.Helper()
			tasks, err := w.engine.History(t.Context(), identity(who.ID()), "", 1)
			w.must(err)
			return w.engine.PlaceAct(t.Context(), tasks[0].Request.Origin, "our rules")
		}
		chat.As(ann).Types("/imagine@testbot a cat")
		chat.Until(t, finds("photo", "a cat"))
		anns, err := act(ann)
		w.must(err)
		chat.As(bob).Types("/imagine@testbot кот")
		chat.Until(t, finds("photo", "кот"))
		if _, err := act(bob); err == nil {
			t.Error("a member acts for the group")
		}
		w.must(w.engine.ChangePlace(t.Context(), anns, core.Place(laneOf(chat.ID())), func(r *core.PlaceRules) {
			r.Blocked = map[string]string{identity(bob.ID()).String(): "шум"}
		}))
		chat.As(bob).Types("/imagine@testbot ещё кот")
		chat.Until(t, finds("text", "вас заблокировали администраторы (шум)"))
		chat.Migrates()
		chat.As(ann).Types("/imagine@testbot a bird")
		chat.Until(t, finds("photo", "a bird"))
		chat.As(bob).Types("/imagine@testbot и ещё кот")
		chat.Until(t, finds("text", "вас заблокировали администраторы (шум)"))
		other.As(bob).Types("/imagine@testbot пёс")
		other.Until(t, finds("photo", "пёс"))
		bob.Types("/imagine конь")
		bob.Until(t, finds("photo", "конь"))
		if n := len(w.prompts()); n != 5 {
			t.Errorf("%d pictures were made, want five: %q", n, w.prompts())
		}
	})
}
