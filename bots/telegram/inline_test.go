package telegram

import (
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// Each kind of result is offered to who made it and to nobody else, also after
// a restart, and is sent elsewhere without an upload.
func TestInline(t *testing.T) {
	for locale, label := range map[string]string{"en": "Make something new", "ru": "Сделать новое"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann, bob := w.tg.Person("Ann", telegramtest.Language(locale)), w.tg.Person("Bob")
			ann.Types("/imagine a Black cat")
			ann.Until(t, finds("photo", "Black"))
			ann.Types("/imagine four cats --n 4")
			ann.Until(t, finds("text", "four cats", "1"))
			ann.Types("/video a red dog --dur 5")
			ann.Until(t, finds("video", "red dog"))
			ann.Types("/music a slow waltz")
			ann.Until(t, finds("audio"))
			<-time.After(time.Minute) // until what was sent is noted
			w.end()
			w.start()
			for words, want := range map[string]int{"": 8, "CAT black": 1, "cat": 5, "dog": 1, "waltz": 2, "bird": 0} {
				if got := ann.Queries(words).Answer(t); len(got.Results) != want || !got.Personal || got.CacheTime != inlineCache {
					t.Errorf("%q: %+v, want %d results", words, got, want)
				}
			}
			if got := bob.Queries("").Answer(t); len(got.Results) != 0 || got.Button == nil {
				t.Errorf("a stranger gets %+v", got)
			}
			group := w.tg.Group("dogs", ann, bob)
			for words, kind := range map[string]string{"black": "photo", "dog": "video", "waltz": "audio"} {
				q := ann.Queries(words)
				if sent := ann.Chooses(q, q.Answer(t).Results[0], group); sent.Kind() != kind {
					t.Errorf("%q sends %s", words, sent)
				}
			}
			button := ann.Queries("").Answer(t).Button
			if button == nil || button.Text != label {
				t.Fatalf("%+v", button)
			}
			ann.Starts(button.StartParameter)
			ann.Until(t, finds("text", "/help"))
		})
	}
}

// A query that cannot be answered holds up neither what comes after it nor commands.
func TestInlineFaults(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		w.tg.Fault(telegramtest.Fault{Method: "answerInlineQuery", Hang: true})
		began := time.Now()
		ann.Queries("a")
		ann.Queries("ab").Answer(t)
		if waited := time.Since(began); waited > 2*inlineFor {
			t.Errorf("waited for %s", waited)
		}
	})
}
