package telegram

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// What is typed in a group is for us when it begins with a command of ours or
// with our name; everything else is left alone.
func TestHearGroup(t *testing.T) {
	for _, locale := range []string{"en", "ru"} {
		inTown(t, townConfig{telegram: telegramtest.Config{Username: "CatBot", ReadsAll: true}}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(locale))
			chat := w.tg.Group("cats", ann)
			for _, text := range []string{
				"hello all", "/weather", "/weather now", "/imagine@dogbot a fish", "@dogbot a fish", "look at /imagine a fish", "/", "@", "//imagine a fish",
			} {
				chat.As(ann).Types(text)
			}
			if heard := w.silent(chat); len(heard) != 0 {
				t.Errorf("answered what was for others: %v", heard)
			}
			for typed, want := range map[string]string{
				"/imagine@catbot a cat": "a cat",
				"/IMAGINE@CatBot a dog": "a dog",
				"/Image a bird":         "a bird",
				"/imagine \"a cow\"":    "a cow",
				"/imagine «кит в море»": "кит в море",
				"@catbot a horse":       "a horse",
				"@CATBOT\na mouse":      "a mouse",
				"/imagine 😀 котёнок 🇪🇪 в космосе 👩‍👩‍👧": "😀 котёнок 🇪🇪 в космосе 👩‍👩‍👧",
				"/imagine@catbot\ta <b>bold</b> *x*":    "a <b>bold</b> *x*",
			} {
				asked := chat.As(ann).Types(typed)
				chat.Until(t, func(m telegramtest.Message) bool {
					return finds("photo", want)(m) && m.ReplyTo != nil && m.ReplyTo.ID == asked.ID
				})
				if bad := marksBesideCode(chat.FromBot()...); len(bad) > 0 {
					t.Errorf("%q became %v", typed, bad)
				}
				if got := w.prompts(); got[len(got)-1] != want {
					t.Errorf("%q asked for %q", typed, got[len(got)-1])
				}
			}
		})
	}
}

// marksBesideCode lists entities that no prompt may become.
func marksBesideCode(all ...telegramtest.Message) (bad []string) {
	for _, m := range all {
		for _, e := range append(slices.Clone(m.Entities), m.CaptionEntities...) {
			if e.Type != "code" {
				bad = append(bad, e.Type+" "+e.Slice(m.Words()))
			}
		}
	}
	return bad
}

// In a private chat every word is a prompt, and every command gets an answer.
func TestHearPrivate(t *testing.T) {
	for _, test := range []struct{ locale, help, unknown string }{{"en", "/imagine", "weather"}, {"ru", "/imagine", "weather"}} {
		inTown(t, townConfig{}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann", telegramtest.Language(test.locale))
			ann.Starts("")
			if m := ann.Next(t); !strings.Contains(m.Words(), test.help) {
				t.Errorf("%s", m)
			}
			ann.Types("/weather")
			if m := ann.Next(t); !strings.Contains(m.Words(), test.unknown) {
				t.Errorf("%s", m)
			}
			ann.Types("кот в сапогах 😀")
			ann.Until(t, finds("photo", "кот в сапогах 😀"))
			ann.Types("/imagine a harbour --model imagen4\nship, boat")
			ann.Until(t, finds("photo", "a harbour"))
			last := w.kie.Tasks()[len(w.kie.Tasks())-1].Input
			if last["prompt"] != "a harbour" || last["negative_prompt"] != "ship, boat" {
				t.Errorf("asked for %v", last)
			}
			if got := w.prompts(); !slices.Equal(got, []string{"кот в сапогах 😀", "a harbour"}) {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

// What was edited was asked for already, bots talk to nobody, and a post of a
// channel is not asked for again where it is repeated.
func TestHearNothing(t *testing.T) {
	inTown(t, townConfig{telegram: telegramtest.Config{ReadsAll: true}}, func(t *testing.T, w *town) {
		ann, robot := w.tg.Person("Ann"), w.tg.Person("Robot", telegramtest.AnotherBot())
		chat := w.tg.Group("cats", ann, robot)
		chat.As(robot).Types("/imagine@testbot a cat")
		robot.Types("/imagine a cat")
		said := chat.As(ann).Types("hello")
		chat.As(ann).Edits(said, "/imagine a cat")
		w.tg.RawUpdate("message", fmt.Sprintf(`{"message_id":900,"date":1,"chat":{"id":%d,"type":"supergroup","title":"cats"},`+
			`"from":{"id":777000,"is_bot":false,"first_name":"Telegram"},"sender_chat":{"id":-1009,"type":"channel","title":"news"},`+
			`"is_automatic_forward":true,"text":"/imagine a cat"}`, chat.ID()))
		if heard := w.silent(chat); len(heard) != 0 || len(w.kie.Tasks()) != 0 {
			t.Errorf("%v", heard)
		}
		if heard := robot.Private().FromBot(); len(heard) != 0 {
			t.Errorf("%v", heard)
		}
	})
}

// An anonymous admin writes as the group and a channel as itself: each is an
// account of its own, and what is private is said to nobody.
func TestHearGroupsAndChannels(t *testing.T) {
	inTown(t, townConfig{telegram: telegramtest.Config{ReadsAll: true}}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		chat, channel := w.tg.Group("cats", ann), w.tg.Channel("news")
		hidden := chat.AsAnonymousAdmin(ann, "boss")
		hidden.Types("/imagine@testbot a cat")
		chat.Until(t, finds("photo", "a cat"))
		chat.AsChannel(channel).Types("/imagine@testbot a dog")
		chat.Until(t, finds("photo", "a dog"))
		channel.AsChannel(channel).Types("/imagine a bird")
		channel.Until(t, finds("photo", "a bird"))
		before := len(w.silent(chat))
		hidden.Types("/link")
		if after := w.silent(chat); len(after) != before {
			t.Errorf("%v", after[before:])
		}
	})
}

// A link to the bot opens a result or explains a command; a made-up one greets.
func TestHearDeepLinks(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		ann.Types("a cat")
		picture := ann.Until(t, finds("photo", "a cat"))
		words := strings.Fields(picture.Words())
		short := words[len(words)-1]
		ann.Starts("show-" + short)
		w.alone(ann.Private(), 2)
		ann.Starts("help-video")
		ann.Until(t, finds("text", "/video"))
		for _, payload := range []string{"", "show-", "show-../../x", "drop-all", "help-video_x"} {
			bob.Starts(payload)
			if m := bob.Next(t); !strings.Contains(m.Words(), "/imagine") {
				t.Errorf("%q: %s", payload, m)
			}
		}
		bob.Starts("show-" + short) // somebody else's
		if m := bob.Next(t); m.Kind() != "text" {
			t.Errorf("%s", m)
		}
	})
}

// The longest prompt that can be typed is answered with a sentence or made.
func TestHearFourThousandEmoji(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types(strings.Repeat("😀", 2048)) // 4,096 UTF-16 units
		ann.Next(t)
		w.tg.Until(t, func() bool { return len(ann.Private().FromBot()) > 0 })
		ann.Types("a cat")
		ann.Until(t, finds("photo", "a cat"))
	})
}
