package telegram

import (
	"strings"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// A menu is one message whose pages follow each other, in rows; a stranger's
// press is answered by a window.
func TestTalkMenus(t *testing.T) {
	for _, test := range []struct{ locale, settings, ask, usual, kinds, video string }{
		{"en", "Your settings", "Ask first above", "as usual", "What kind of model?", "Videos"},
		{"ru", "Ваши настройки", "Спрашивать", "как у всех", "Какая нужна модель?", "Видео"},
	} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann, bob := w.tg.Person("Ann", telegramtest.Language(test.locale)), w.tg.Person("Bob")
			chat := w.tg.Group("cats", ann, bob)
			chat.As(ann).Types("/settings@testbot")
			menu := chat.Next(t)
			if rows := menu.Buttons(); !strings.Contains(menu.Words(), test.settings) || len(rows) != 5 || len(rows[0]) != 2 {
				t.Errorf("%s with %d rows", menu, len(rows))
			}
			ann.Presses(menu, test.ask).Answer(t)
			w.end()
			w.start()
			menu = chat.Becomes(t, menu, finds("text", test.usual))
			if a := bob.Presses(menu, test.usual).Answer(t); !a.Alert || !strings.Contains(a.Text, "somebody else’s") {
				t.Errorf("%+v", a)
			}
			ann.Presses(menu, test.usual).Answer(t)
			chat.Becomes(t, menu, finds("text", test.settings))

			chat.As(ann).Types("/models@testbot")
			models := chat.Next(t)
			ann.Presses(models, test.video).Answer(t)
			models = chat.Becomes(t, models, finds("text", test.video))
			if len(models.Buttons()) < 5 {
				t.Errorf("%s with %d rows", models, len(models.Buttons()))
			}
			w.alone(chat, 2)
		})
	}
}

// A draft's menu goes when its request starts.
func TestTalkDraft(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/imagine a cat --menu --model imagen4")
		menu := ann.Next(t)
		ann.Presses(menu, "Spoiler").Answer(t)
		menu = ann.Private().Becomes(t, menu, func(m telegramtest.Message) bool { return m.Edits == 1 })
		ann.Presses(menu, "Make it, for 8 credits").Answer(t)
		ann.Until(t, finds("photo", "a cat"))
		w.alone(ann.Private(), 1)
	})
}

// Another prompt is asked for, and the answer to that message is taken for it,
// after a restart too, in a group as well.
func TestTalkEditAndDelete(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		chat := w.tg.Group("cats", ann)
		chat.As(ann).Types("/imagine@testbot a cat --ar 16:9")
		cat := chat.Until(t, finds("photo", "a cat"))
		ann.Presses(cat, "Edit prompt").Answer(t)
		question := chat.Until(t, finds("text", "instead"))
		w.end()
		w.start()
		chat.As(ann).Replies(question, "a dog")
		chat.Until(t, finds("photo", "a dog", "16:9"))

		ann.Presses(cat, "Delete").Answer(t)
		w.tg.Until(t, func() bool { return chat.Message(cat.ID).Deleted })
	})
}

// What is for one person alone is not shown in the group.
func TestTalkPrivateResult(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		ann.Starts("")
		ann.Next(t)
		chat := w.tg.Group("cats", ann, bob)
		chat.As(ann).Types("/imagine@testbot a cat --private")
		cat := ann.Until(t, finds("photo", "a cat"))
		if strings.Contains(cat.Words(), "cannot show") {
			t.Errorf("%s", cat)
		}
		w.alone(chat, 0)
	})
}

// Admins of a group decide who may ask there; who the admins are is asked for
// once in a while, and nobody waits for it when Telegram does not say.
func TestTalkAdmins(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		chat := w.tg.Group("cats", ann, bob)
		chat.SetStatus(ann, "administrator")
		chat.SetStatus(bob, "member")
		chat.As(ann).Types("/settings@testbot")
		menu := chat.Next(t)
		ann.Presses(menu, "This chat").Answer(t)
		menu = chat.Becomes(t, menu, finds("text", "The settings of this chat"))
		if a := bob.Presses(menu, "Who may ask").Answer(t); !a.Alert || !strings.Contains(a.Text, "Only an admin") {
			t.Errorf("%+v", a)
		}
		ann.Presses(menu, "Who may ask: everybody").Answer(t)
		chat.Becomes(t, menu, func(m telegramtest.Message) bool { return m.Edits == 2 })
		chat.As(bob).Types("/imagine@testbot a dog")
		chat.Until(t, finds("text", "only its admins"))
		chat.As(ann).Types("/imagine@testbot a cat")
		chat.Until(t, finds("photo", "a cat"))
		chat.AsAnonymousAdmin(ann, "").Types("/imagine@testbot a bird")
		chat.Until(t, finds("photo", "a bird"))
		if n := len(w.tg.Calls("getChatAdministrators")); n != 1 {
			t.Errorf("the admins were asked for %d times", n)
		}

		chat.SetStatus(bob, "administrator")
		<-time.After(adminsFor)
		stop := w.tg.Fault(telegramtest.Fault{Method: "getChatAdministrators", Status: 500})
		chat.As(ann).Types("/imagine@testbot another cat")
		chat.Until(t, finds("photo", "another cat"))
		stop()
		<-time.After(adminsAgain)
		chat.As(bob).Types("/imagine@testbot a dog")
		chat.Until(t, finds("photo", "a dog"))
	})
}

// What is for one person alone is not made for somebody whom it could not be
// shown to: in a group they are told where to write first, and pay nothing. That
// holds for a menu's button and for a job that is made once more, also of other
// words, too.
func TestTalkPrivateResultForNobody(t *testing.T) {
	for locale, says := range map[string]string{"en": "Nothing was charged", "ru": "Ничего не списано"} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(locale))
			chat := w.tg.Group("cats", ann)
			refused := finds("text", "https://t.me/testbot?start=new", says)
			chat.As(ann).Types("/imagine@testbot a cat --private")
			if m := chat.Next(t); !refused(m) {
				t.Errorf("%s", m)
			}
			chat.As(ann).Types("/imagine@testbot a dog --private --menu --model imagen4")
			menu := chat.Next(t)
			ann.Presses(menu, "✅").Answer(t)
			if m := chat.Next(t); !refused(m) {
				t.Errorf("%s", m)
			}
			if n := len(w.kie.Tasks()); n != 0 {
				t.Errorf("%d requests", n)
			}

			ann.Starts("new")
			ann.Next(t)
			ann.Presses(menu, "✅").Answer(t)
			dog := ann.Until(t, finds("photo", "a dog"))
			w.silent(chat)
			chat.As(ann).Types("/show@testbot " + jobIn(dog.Words()))
			shown := chat.Until(t, finds("photo", "a dog"))
			ann.Blocks()
			ann.Presses(shown, "🔄").Answer(t)
			if m := chat.Until(t, func(m telegramtest.Message) bool { return m.ID > shown.ID }); !refused(m) {
				t.Errorf("%s", m)
			}
			ann.Presses(shown, "✏️").Answer(t)
			asks := chat.Until(t, func(m telegramtest.Message) bool { return m.Markup != nil && m.Markup.ForceReply })
			answer := chat.As(ann).Replies(asks, "a bird")
			if m := chat.Until(t, func(m telegramtest.Message) bool { return m.ID > answer.ID }); !refused(m) {
				t.Errorf("%s", m)
			}
			if n := len(w.kie.Tasks()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// While Telegram does not say whether somebody can be written to, nothing is refused.
func TestTalkPrivateResultWhileNobodyKnows(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		chat := w.tg.Group("cats", ann)
		ann.Starts("")
		w.tg.Fault(telegramtest.Fault{Method: "sendChatAction", Hang: true})
		chat.As(ann).Types("/imagine@testbot a cat --private")
		ann.Until(t, finds("photo", "a cat"))
		w.alone(chat, 0)
	})
}
