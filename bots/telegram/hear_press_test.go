package telegram

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/kie/kietest"
)

// Who may not use the bot is told the ids that the operator needs, and nothing
// is made; who may is answered.
func TestHearStrangers(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		allow := []string{"telegram:1", "telegram:chat:-1"}
		inTown(t, townConfig{change: func(c *core.Config) { c.Policy.Allow = allow }}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(locale))
			friend := w.tg.Person("Bob", telegramtest.ID(1))
			chat := w.tg.Group("cats", ann)
			ann.Types("a cat")
			if m := ann.Next(t); !strings.Contains(m.Words(), "telegram:"+strconv.FormatInt(ann.ID(), 10)) {
				t.Errorf("%s", m)
			}
			chat.As(ann).Types("/imagine@testbot a cat")
			if m := chat.Next(t); !strings.Contains(m.Words(), "telegram:chat:"+strconv.FormatInt(chat.ID(), 10)) {
				t.Errorf("%s", m)
			}
			if n := len(w.kie.Tasks()); n != 0 {
				t.Errorf("%d requests", n)
			}
			friend.Types("a dog")
			friend.Until(t, finds("photo", "a dog"))
		})
	}
}

// What is for one person alone goes to their private chat; who never wrote
// there is asked to, and nothing of it is said in the group.
func TestHearPrivateAnswers(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(locale))
			chat := w.tg.Group("cats", ann)
			chat.As(ann).Types("/link@testbot")
			asks := chat.Next(t)
			if !strings.Contains(asks.Words(), "testbot") {
				t.Errorf("%s", asks)
			}
			ann.Starts("")
			ann.Next(t)
			chat.As(ann).Types("/link@testbot")
			told := ann.Next(t)
			if heard := w.silent(chat); len(heard) != 1 || told.Words() == asks.Words() {
				t.Errorf("%v, and alone %s", heard, told)
			}
		})
	}
}

// Every press stops spinning at once: one that is accepted without words, one
// that is refused with a window, one that takes long before it is done.
func TestHearPresses(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann, bob := w.tg.Person("Ann", telegramtest.Language(locale)), w.tg.Person("Bob", telegramtest.Language(locale))
			chat := w.tg.Group("cats", ann, bob)
			chat.As(ann).Types("/imagine@testbot a cat")
			picture := chat.Until(t, finds("photo", "a cat"))
			began := time.Now()
			if a := ann.Presses(picture, "🔄").Answer(t); a.Text != "" || a.At.Sub(began) > pressFor+time.Second {
				t.Errorf("accepted: %+v after %v", a, a.At.Sub(began))
			}
			w.tg.Until(t, func() bool { return len(w.prompts()) == 2 })
			for _, press := range []*telegramtest.Press{
				bob.Presses(picture, "🔄"), bob.Forges(picture, "1:cancel:"+strings.Repeat("0", 18)), bob.Forges(picture, "1:again:x"),
				bob.Forges(picture, "0:again:"+strings.Repeat("0", 18)), bob.Forges(picture, "\x00\xff::::"), bob.Forges(picture, strings.Repeat("1:", 32)),
				bob.Forges(picture, "1:settings:x:take:y"),
			} {
				if a := press.Answer(t); a.Text == "" || !a.Alert {
					t.Errorf("%q: %+v", press.Data, a)
				}
			}
			if n := len(w.prompts()); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A press of a message that is not there any more counts all the same.
func TestHearPressesOfWhatIsGone(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("a cat")
		picture := ann.Until(t, finds("photo", "a cat"))
		ann.Deletes(picture)
		ann.PressesStale(picture, "🔄").Answer(t)
		w.tg.Until(t, func() bool { return len(w.prompts()) == 2 })
		w.tg.RawUpdate("callback_query", fmt.Sprintf(`{"id":"77","from":{"id":%d,"is_bot":false,"first_name":"Ann"},"chat_instance":"1","data":"1:again:x"}`, ann.ID()))
		w.silent(ann.Private())
		for _, c := range w.tg.Calls("answerCallbackQuery") {
			if c.Params["callback_query_id"] == "77" {
				return
			}
		}
		t.Error("a press without a message was not answered")
	})
}

// Kie is slow, a press is not: it stops spinning within a second or two, and
// what it asked for comes later. One that Telegram held back for too long is
// carried out without an answer.
func TestHearSlowAndStalePresses(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("a cat")
		picture := ann.Until(t, finds("photo", "a cat"))
		stop := w.kie.Always(kietest.CallCreate, kietest.Slow(20*time.Second))
		began := time.Now()
		if a := ann.Presses(picture, "🔄").Answer(t); a.At.Sub(began) > 2*time.Second {
			t.Errorf("after %v", a.At.Sub(began))
		}
		w.tg.Until(t, func() bool { return len(w.prompts()) == 2 })
		stop()
		w.silent(ann.Private())
		w.tg.Fault(telegramtest.Fault{Method: "answerCallbackQuery", Status: 400, Text: "Bad Request: query is too old and response timeout expired or query ID is invalid"})
		late := ann.Presses(picture, "🔄")
		w.tg.Until(t, func() bool { return len(w.prompts()) == 3 })
		if _, answered := late.Answered(); answered {
			t.Error("it was answered")
		}
		ann.Presses(picture, "ℹ️").Answer(t)
		w.stale = append(w.stale, late)
	})
}

// The pen asks for other words where they are typed, of nobody but who asked
// first; the bin takes all messages of a result.
func TestHearEditAndDelete(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(locale))
			chat := w.tg.Group("cats", ann)
			typed := chat.As(ann).Types("/imagine@testbot a cat")
			ann.Presses(chat.Until(t, finds("photo", "a cat")), "✏️").Answer(t)
			asks := chat.Until(t, func(m telegramtest.Message) bool { return m.Markup != nil && m.Markup.ForceReply })
			if !asks.Markup.Selective || asks.ReplyTo == nil || asks.ReplyTo.ID != typed.ID {
				t.Errorf("%s: %+v", asks, asks.Markup)
			}
			w.silent(chat)
			w.end()
			w.start()
			chat.As(ann).Replies(asks, "пёс 😀")
			chat.Until(t, finds("photo", "пёс 😀"))
			asked := chat.As(ann).Types("/imagine@testbot a whale --n 3")
			shown := func() (n int) {
				for _, m := range chat.FromBot() {
					if m.ID > asked.ID {
						n++
					}
				}
				return n
			}
			end := chat.Until(t, func(m telegramtest.Message) bool { return finds("text", "a whale")(m) && len(m.Buttons()) > 1 })
			<-time.After(time.Minute) // until it is stored what shows the result
			if n := shown(); n != 4 {
				t.Errorf("%d messages show three pictures", n)
			}
			ann.Presses(end, "🗑️").Answer(t)
			w.tg.Until(t, func() bool { return shown() == 0 })
		})
	}
}

// A group that becomes a supergroup takes its requests along: what was asked
// for before arrives there, and what is asked for later.
func TestHearMigration(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann", telegramtest.Language("ru"))
		chat := w.tg.BasicGroup("кошки", ann)
		old := chat.ID()
		chat.As(ann).Types("/imagine@testbot кот")
		w.tg.Until(t, func() bool { return len(w.prompts()) == 1 })
		chat.Migrates()
		chat.Until(t, finds("photo", "кот"))
		chat.As(ann).Types("/imagine@testbot пёс")
		chat.Until(t, finds("photo", "пёс"))
		now, err := chatRecord(t, w, laneOf(chat.ID()))
		w.must(err)
		if now.First != laneOf(old) {
			t.Errorf("%+v, want it to be what was %d", now, old)
		}
	})
}
