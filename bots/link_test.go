package bots

import (
	"regexp"
	"testing"
	"time"

	"kiebot/core"
)

func TestLinkGoesThroughBothChats(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		elsewhere := core.Identity{Platform: "phone", User: "4711"}
		lead := w.accepted("a cat --model imagen4")
		w.untilEnd(lead)
		offer := w.types(ada, "/link")
		if !offer.Private || offer.Refused {
			t.Errorf("%+v, want a code for nobody else's eyes", offer)
		}
		wantText(t, offer.Text, "In the other chat, type: /link ", "in 10 minutes")
		code := regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`).FindString(offer.Text)
		wantText(t, w.types(ada, "/link "+code).Text, "You made this code here", "Nothing was charged.")
		wantText(t, w.types(elsewhere, "/link 0000-0000").Text, "no such code", "Nothing was charged.")
		wantText(t, w.types(elsewhere, "/link "+code).Text, "one account now, with one quota")
		wantText(t, w.types(elsewhere, "/balance").Text, "Used today: 8 credits")
		wantText(t, w.types(elsewhere, "/link "+code).Text, "one account already")
		wantText(t, w.types(bob, "/link "+code).Text, "has been used")
		if reply := w.types(elsewhere, "/history"); len(reply.Items) != 1 || reply.Items[0].Task != lead {
			t.Errorf("the history elsewhere is %+v", reply)
		}
		late := regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`).FindString(w.types(bob, "/link").Text)
		<-time.After(core.LinkCodeFor)
		wantText(t, w.types(ada, "/link "+late).Text, "too old")
		for range 5 {
			w.types(ada, "/link wrong")
		}
		wantText(t, w.types(ada, "/link wrong").Text, "Too many wrong codes", "in 10 minutes")
	})
}
