package bots

import (
	"testing"
	"time"

	"kiebot/core"
)

func TestThePriceIsAskedAbout(t *testing.T) {
	limit := core.Limit(5000)
	play(t, func(c *core.Config) { c.Policy.ConfirmAbove = &limit }, func(t *testing.T, w *world) {
		w.untilEnd(w.accepted("cheap"))
		ask := func(text string) Reply {
			t.Helper()
			reply := w.types(ada, text)
			if !reply.Asks || reply.Refused || len(reply.Buttons) != 2 || len(reply.Accepted) > 0 {
				t.Fatalf("%s: %+v, want a question", text, reply)
			}
			return reply
		}
		question := ask("a cat --model imagen4")
		wantText(t, question.Text, "costs up to 8 credits", "more than 5 credits", "Nothing was charged.")
		if question.Buttons[0].Label != "Yes, for 8 credits" || question.Buttons[1].Label != "Cancel" {
			t.Errorf("buttons %+v", question.Buttons)
		}
		wantText(t, w.presses(bob, question.Buttons[0]).Text, "somebody else’s", "Nothing was charged.")
		wantText(t, w.presses(bob, question.Buttons[1]).Text, "somebody else’s")
		yes := w.presses(ada, question.Buttons[0])
		if len(yes.Accepted) != 1 {
			t.Fatalf("%+v", yes)
		}
		m := w.untilEnd(yes.Accepted[0])
		if again := w.presses(ada, question.Buttons[0]); len(again.Accepted) != 1 || again.Accepted[0] != yes.Accepted[0] {
			t.Errorf("pressed twice: %+v", again)
		}

		question = ask("a dog --model imagen4")
		wantText(t, w.presses(ada, question.Buttons[1]).Text, "Canceled. Nothing was charged.")
		wantText(t, w.presses(ada, question.Buttons[0]).Text, "not open any more")

		question = ask("late --model imagen4")
		<-time.After(core.QuestionFor)
		wantText(t, w.presses(ada, question.Buttons[0]).Text, "not open any more", "Nothing was charged.")

		if reply := w.presses(ada, m.Buttons[0]); !reply.Asks {
			t.Errorf("again: %+v, want a question", reply)
		}
	})
}
