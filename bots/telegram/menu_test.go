package telegram

import (
	"slices"
	"testing"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
)

// Each kind of chat offers its commands in each language: a person alone all of
// them, a group those that are for everybody there, and its admins theirs too.
func TestMenus(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		w.tg.Until(t, func() bool { return len(w.tg.Calls("setMyCommands")) == 3*(1+len(bots.Languages())) })
		offered := func(scope, language string) (names []string) {
			for _, c := range w.tg.Commands(scope, language) {
				names = append(names, c.Name)
			}
			return names
		}
		for _, language := range []string{"", "en", "ru"} {
			var all []string
			for _, c := range w.telegram.cfg.Bot.Commands(language) {
				all = append(all, c.Name)
			}
			without := func(names ...string) []string {
				return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(names, name) })
			}
			for scope, want := range map[string][]string{
				"all_private_chats": without("admin"), "all_chat_administrators": without("link", "privacy"), "all_group_chats": without("link", "privacy", "settings", "admin"), "default": nil,
			} {
				if got := offered(scope, language); !slices.Equal(got, want) {
					t.Errorf("%s in %q offers %q, want %q", scope, language, got, want)
				}
			}
		}
		if en, ru := w.tg.Commands("all_group_chats", ""), w.tg.Commands("all_group_chats", "ru"); en[0].Description == ru[0].Description {
			t.Errorf("%q in both languages", en[0].Description)
		}
	})
}

// Who runs the bot is offered /admin in the chat with it, from the first word
// on and after every start; nobody else is.
func TestMenuOfAnOperator(t *testing.T) {
	const first = 5_000_000_001 // the number of the first person
	inTown(t, townConfig{operators: []int64{first}}, func(t *testing.T, w *town) {
		general := 3 * (1 + len(bots.Languages()))
		w.tg.Until(t, func() bool { return len(w.tg.Calls("setMyCommands")) == general }) // there is no chat yet
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		if ann.ID() != first {
			t.Fatalf("Ann is %d", ann.ID())
		}
		bob.Types("/start")
		bob.Next(t)
		ann.Types("/start")
		ann.Next(t)
		every := general + 1 + len(bots.Languages())
		w.tg.Until(t, func() bool { return len(w.tg.Calls("setMyCommands")) == every })
		for _, language := range []string{"", "en", "ru"} {
			want := w.telegram.cfg.Bot.Commands(language)
			got := ann.Commands(language)
			if len(got) != len(want) || !slices.ContainsFunc(got, func(c telegramtest.Command) bool { return c.Name == "admin" }) {
				t.Errorf("in %q an operator is offered %+v", language, got)
			}
			if others := bob.Commands(language); others != nil {
				t.Errorf("in %q Bob is offered %+v", language, others)
			}
		}
		ann.Private().As(ann).Types("/start")
		w.end()
		w.start()
		w.tg.Until(t, w.tg.Polling)
		if n := len(w.tg.Calls("setMyCommands")); n != every {
			t.Errorf("set %d times, want %d", n, every)
		}
		if w.spy.logged("setting the menu") > 0 {
			t.Error("it is logged that an operator did not begin to talk yet")
		}
	})
}

// A menu is set when it is another one than is there, and only then.
func TestMenusAreSetOnce(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		all := 3 * (1 + len(bots.Languages()))
		asked := func(times int) {
			t.Helper()
			w.tg.Until(t, func() bool { return len(w.tg.Calls("getMyCommands")) == times*all && w.tg.Polling() })
		}
		asked(1)
		w.end()
		w.start()
		asked(2)
		if n := len(w.tg.Calls("setMyCommands")); n != all {
			t.Errorf("set %d times by two starts, want %d", n, all)
		}
		w.end()
		w.tg.SetCommands("all_group_chats", "ru", telegramtest.Command{Name: "old", Description: "of before"})
		w.start()
		asked(3)
		w.tg.Until(t, func() bool { return len(w.tg.Calls("setMyCommands")) > all })
		if n, now := len(w.tg.Calls("setMyCommands")), w.tg.Commands("all_group_chats", "ru"); n != all+1 || now[0].Name != "imagine" {
			t.Errorf("set %d times when one was another, it has %+v", n, now)
		}
	})
}

// Answers do not wait for a menu, and one that cannot be set keeps no other from it.
func TestMenusHoldNothingUp(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		w.end()
		stop := w.tg.Fault(telegramtest.Fault{Method: "getMyCommands", Hang: true})
		w.start()
		ann := w.tg.Person("Ann")
		ann.Types("/queue")
		ann.Next(t)
		stop()
		w.end()
		w.tg.SetCommands("all_private_chats", "ru")
		w.tg.Fault(telegramtest.Fault{Method: "getMyCommands", Status: 500})
		w.start()
		w.tg.Until(t, func() bool { return len(w.tg.Commands("all_private_chats", "ru")) > 1 })
	})
}
