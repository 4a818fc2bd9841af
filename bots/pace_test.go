package bots

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
)

// slow gives the world's bot a bound on its answers.
func (w *world) slow(t *testing.T, atOnce int) {
	bot, err := New(Config{Engine: w.engine, Catalog: w.models, Answers: atOnce})
	must(t, err)
	w.bot = bot
}

func TestAnswersAreBoundedThenSilent(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.slow(t, 5)
		for _, text := range []string{"/balance", "/imagine", "/help", "/nonsense", "/cancel"} {
			if reply := w.types(ada, text); reply.Text == "" || reply.Silent {
				t.Errorf("%s: %+v, want an answer", text, reply)
			}
		}
		reply := w.types(ada, "/balance")
		wantText(t, reply.Text, "a lot at once", "in under a minute", "Nothing was charged.")
		if !reply.Refused || reply.Silent {
			t.Errorf("the sixth is answered with %+v, want a refusal in words", reply)
		}
		for _, text := range []string{"/balance", "/imagine", "/nonsense"} {
			if reply := w.types(ada, text); !reply.Silent || reply.Text != "" {
				t.Errorf("%s: %+v, want silence", text, reply)
			}
		}
		if reply := w.presses(ada, Button{Data: "rubbish"}); !reply.Silent {
			t.Errorf("a press is answered with %+v, want silence", reply)
		}
		if reply := w.types(bob, "/balance"); reply.Silent || reply.Refused {
			t.Errorf("somebody else gets %+v", reply)
		}
		w.untilEnd(w.accepted("a cat")) // what makes something goes on
		<-time.After(quietFor)
		for n := range 5 {
			if reply := w.types(ada, "/balance"); reply.Silent || reply.Refused {
				t.Errorf("answer %d after the silence: %+v", n+1, reply)
			}
		}
		if reply := w.types(ada, "/balance"); !strings.Contains(reply.Text, "a lot at once") {
			t.Errorf("after five more: %+v, want to be asked to slow down again", reply)
		}
	})
}

func TestAnUpdateThatComesAgainIsNotCounted(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.slow(t, 2)
		in := w.incoming(ada, "en", "/balance")
		for range 50 {
			if reply := w.bot.Command(t.Context(), in); reply.Silent || reply.Refused {
				t.Fatalf("%+v", reply)
			}
		}
		if reply := w.types(ada, "/help"); reply.Silent || reply.Refused {
			t.Errorf("the second update: %+v", reply)
		}
		third := w.incoming(ada, "en", "/help")
		for range 3 {
			wantText(t, w.bot.Command(t.Context(), third).Text, "a lot at once")
		}
	})
}

func TestPaceForgetsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		who := func(n int) core.Identity { return core.Identity{Platform: "chat", User: fmt.Sprint(n)} }
		for n := range 3 * paceMax {
			if got, _ := p.ask(who(n), "a", time.Now()); got != answered {
				t.Fatalf("person %d: verdict %v", n, got)
			}
		}
		if len(p.people) != paceMax || p.recent.Len() != paceMax {
			t.Errorf("%d and %d people are remembered, want %d", len(p.people), p.recent.Len(), paceMax)
		}
		if got, until := p.ask(who(3*paceMax-1), "b", time.Now()); got != slowed || time.Until(until) != quietFor {
			t.Errorf("the latest person: verdict %v until %v, want to be remembered", got, until)
		}
		if got, _ := p.ask(who(0), "b", time.Now()); got != answered {
			t.Errorf("the first person: verdict %v, want to be forgotten", got)
		}
	})
}
