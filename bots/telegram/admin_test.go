package telegram

import (
	"testing"
	"testing/synctest"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

// bossID is who runs the bot in these tests.
const bossID = 777_000_777

// governed is a town where nobody but the boss is let in, who has written to the bot.
func governed(t *testing.T, test func(*testing.T, *town, *telegramtest.Person)) {
	t.Helper()
	inTown(t, townConfig{admins: []core.Identity{identity(bossID)}, strict: true}, func(t *testing.T, w *town) {
		boss := w.tg.Person("Boss", telegramtest.ID(bossID))
		boss.Starts("")
		boss.Next(t)
		test(t, w, boss)
	})
}

// A stranger asks; an admin lets them in with one press, after a restart. The
// question cannot be pressed twice, nor by anybody else.
func TestTalkStrangerIsLetIn(t *testing.T) {
	governed(t, func(t *testing.T, w *town, boss *telegramtest.Person) {
		ann := w.tg.Person("Ann", telegramtest.Language("ru"))
		ann.Types("/imagine кот")
		ann.Until(t, finds("text", "Впустить вас может", "Там уже знают о вашей просьбе."))
		question := boss.Until(t, finds("text", "Ann ("+identity(ann.ID()).String()+") would like to use the bot"))
		ann.Types("/imagine ещё один кот")
		ann.Until(t, finds("text", "Впустить вас может"))
		synctest.Wait() // the question counts as asked
		w.end()
		w.start()
		if answer := ann.Presses(question, "✅").Answer(t); !answer.Alert {
			t.Errorf("somebody else's press: %+v", answer)
		}
		boss.Presses(question, "✅")
		boss.Private().Becomes(t, question, finds("text", "can use the bot now. They have been told."))
		ann.Until(t, finds("text", "Вас впустили."))
		ann.Types("/imagine кот")
		ann.Until(t, finds("photo", "кот"))
		boss.Types("/admin audit")
		boss.Until(t, finds("text", "allow "+identity(ann.ID()).String(), "asked to be let in"))
		if n := len(boss.Private().FromBot()); n != 3 { // the welcome, the question and the audit log
			t.Errorf("the boss heard %d things", n)
		}
	})
}

// Two presses at once do it once.
func TestTalkStrangerIsLetInOnce(t *testing.T) {
	governed(t, func(t *testing.T, w *town, boss *telegramtest.Person) {
		ann := w.tg.Person("Ann")
		ann.Types("/imagine a cat")
		question := boss.Until(t, finds("text", "would like to use the bot"))
		boss.Presses(question, "✅")
		boss.Presses(question, "✅")
		ann.Until(t, finds("text", "You have been let in."))
		w.tg.Until(t, func() bool { return len(w.tg.Unanswered()) == 0 })
		audits, err := w.engine.Audits(t.Context(), 0, 9)
		if err != nil || len(audits) != 1 {
			t.Errorf("%+v, %v", audits, err)
		}
		if n := len(ann.Private().FromBot()); n != 2 {
			t.Errorf("Ann heard %d things", n)
		}
	})
}

// A whole group is let in, and is told so itself.
func TestTalkGroupIsLetIn(t *testing.T) {
	governed(t, func(t *testing.T, w *town, boss *telegramtest.Person) {
		ann := w.tg.Person("Ann")
		group := w.tg.Group("cats", ann)
		group.As(ann).Types("/imagine@testbot a cat")
		group.Until(t, finds("text", "or everybody here"))
		question := boss.Until(t, finds("text", "would like to use the bot in telegram:chat:"))
		boss.Presses(question, "👥")
		group.Until(t, finds("text", "Everybody here has been let in."))
		group.As(ann).Types("/imagine@testbot a cat")
		group.Until(t, finds("photo", "a cat"))
	})
}

// An answer to somebody's message is about them; in a group the admin alone sees
// what was done.
func TestTalkAdminInAGroup(t *testing.T) {
	governed(t, func(t *testing.T, w *town, boss *telegramtest.Person) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		group := w.tg.Group("cats", bob, ann, boss)
		spam := group.As(ann).Types("buy my cats")
		group.As(boss).Replies(spam, "/admin@testbot block spam")
		boss.Until(t, finds("text", identity(ann.ID()).String()+" is blocked."))
		group.As(ann).Types("/admin@testbot unblock " + identity(ann.ID()).String())
		group.Until(t, finds("text", "Only those who run this bot can do that."))
		// Bob has opened the group: once he is let in he makes its rules, and no others.
		group.As(bob).Types("/admin@testbot limit everybody 5")
		group.Until(t, finds("text", "or everybody here"))
		boss.Types("/admin allow " + identity(bob.ID()).String())
		boss.Until(t, finds("text", "can use the bot now"))
		bob.Starts("")
		bob.Next(t)
		group.As(bob).Types("/admin@testbot limit everybody 5")
		bob.Until(t, finds("text", "Limits of everybody here: 5 credits a day."))
		group.As(bob).Types("/admin@testbot grant " + identity(bob.ID()).String() + " 5")
		bob.Until(t, finds("text", "grant is only for those who run this bot."))
		if said := group.FromBot(); len(said) != 2 {
			t.Errorf("the group saw %s", said)
		}
		audits, err := w.engine.Audits(t.Context(), 0, 9)
		if err != nil || len(audits) != 3 || audits[2].Action != "block" || audits[2].Why != "spam" || audits[0].Target != string(laneOf(group.ID())) {
			t.Errorf("%+v, %v", audits, err)
		}
	})
}

// Who is answered: in a topic every message answers the one that opened it, which
// is about nobody, and answers to bots are about nobody either.
func TestAnswered(t *testing.T) {
	ann, bot := &person{ID: 5}, &person{ID: 6, IsBot: true}
	for name, test := range map[string]struct {
		m    message
		want core.Identity
	}{
		"nobody":              {message{}, core.Identity{}},
		"a person":            {message{Answers: &message{ID: 7, From: ann}}, identity(5)},
		"a bot":               {message{Answers: &message{ID: 7, From: bot}}, core.Identity{}},
		"an anonymous admin":  {message{Answers: &message{ID: 7, From: bot, Sender: &chat{ID: -100}}}, identity(-100)},
		"a channel's post":    {message{Answers: &message{ID: 7, Sender: &chat{ID: -100}}}, core.Identity{}},
		"who opened a topic":  {message{InTopic: true, Thread: 7, Answers: &message{ID: 7, From: ann}}, core.Identity{}},
		"somebody in a topic": {message{InTopic: true, Thread: 7, Answers: &message{ID: 8, From: ann}}, identity(5)},
		"a thread's first":    {message{Thread: 7, Answers: &message{ID: 7, From: ann}}, identity(5)},
	} {
		if got := test.m.answered(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
