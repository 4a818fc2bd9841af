package bots

import (
	"context"
	"errors"
	"strings"
	"testing"

	"kiebot/core"
)

// knock is the alert about a stranger, with the longest ids that there are.
var knock = core.Alert{
	Kind: core.AlertStranger, Name: "Bob", Who: core.Identity{Platform: "discord", User: "9223372036854775807"}, Lane: "discord:3",
	Roles: []string{"discord:guild:9223372036854775806", "discord:channel:9223372036854775805"}, Locale: "ru-RU",
}

// told is what was said to whom without being asked.
type told map[string]string

func (m told) tell(_ context.Context, to core.Identity, words string) error {
	if words == "" || to.User == "-1009" {
		return errors.New("nobody is there")
	}
	m[to.String()] = words
	return nil
}

// withDoors runs the test where boss decides who is let in.
func withDoors(t *testing.T, test func(*testing.T, *world, told)) {
	t.Helper()
	governed(t, func(t *testing.T, w *world) {
		said := told{}
		w.tells = said.tell
		w.restartWords()
		test(t, w, said)
	})
}

func TestLettingStrangersIn(t *testing.T) {
	withDoors(t, func(t *testing.T, w *world, said told) {
		_, buttons := w.bot.Alert(knock, "en")
		if len(buttons) != 3 {
			t.Fatalf("%+v", buttons)
		}
		for _, b := range buttons {
			if len(b.Data) > 64 {
				t.Errorf("%q has %d bytes", b.Data, len(b.Data))
			}
			for _, who := range []core.Identity{bob, ada, {Platform: "discord", User: "boss"}} {
				in := w.incoming(who, "en", "")
				in.Origin.Admin, in.Origin.Roles, in.Origin.Place = true, []string{"chat:chat:7"}, "chat:7"
				if reply := w.bot.Press(t.Context(), in, b.Data); !reply.Refused || !reply.Alert || reply.Replaces || !strings.Contains(reply.Text, "Only those who run this bot") {
					t.Errorf("%s: %+v", who, reply)
				}
			}
		}
		w.restart() // all that a button needs is in its data
		for n, says := range []string{
			"discord:9223372036854775807 can use the bot now. They have been told.",
			"discord:guild:9223372036854775806 can use the bot now. They have been told.",
			"That was decided already",
		} {
			reply := w.presses(boss, buttons[n])
			wantText(t, reply.Text, says)
			if !reply.Replaces || len(reply.Buttons) > 0 || reply.Refused {
				t.Errorf("%+v", reply)
			}
		}
		wantText(t, said["discord:9223372036854775807"], "Вас впустили.") // in the language they speak
		clear(said)
		wantText(t, w.presses(boss, buttons[0]).Text, "could use the bot already")
		audits, err := w.engine.Audits(t.Context(), 0, 9)
		must(t, err)
		if len(said) > 0 || len(audits) != 2 || audits[1].Action != "allow" || audits[1].Target != knock.Who.String() || audits[1].By != boss.String() {
			t.Errorf("pressed again: %v, %+v", said, audits)
		}
	})
}

func TestTurningStrangersDown(t *testing.T) {
	withDoors(t, func(t *testing.T, w *world, said told) {
		_, buttons := w.bot.Alert(knock, "en")
		wantText(t, w.presses(boss, buttons[2]).Text, "is not let in, and I will not ask again. /admin allow discord:9223372036854775807")
		wantText(t, w.presses(boss, buttons[2]).Text, "decided already")
		if len(said) > 0 {
			t.Errorf("%v", said)
		}
		// Another admin may see it otherwise.
		wantText(t, w.presses(boss, buttons[0]).Text, "can use the bot now")
		for _, data := range []string{"1:in:", "1:in:telegram", "1:all:telegram:chat:1", "1:all:a:b:c:d:e:f", "1:deny:x", "1:in:a:b:c:d"} {
			if reply := w.presses(boss, Button{Data: data}); !reply.Refused {
				t.Errorf("%s: %+v", data, reply)
			}
		}
	})
}

// A group is told as itself, and where it cannot be, whoever asked.
func TestWhoIsToldOfBeingLetIn(t *testing.T) {
	withDoors(t, func(t *testing.T, w *world, said told) {
		let := func(chat string) string {
			_, buttons := w.bot.Alert(core.Alert{
				Kind: core.AlertStranger, Name: "Bob", Who: core.Identity{Platform: "telegram", User: "5"}, Roles: []string{"telegram:chat:" + chat},
			}, "en")
			return w.presses(boss, buttons[1]).Text
		}
		wantText(t, let("-1001"), "telegram:chat:-1001 can use the bot now. They have been told.")
		wantText(t, said["telegram:-1001"], "Everybody here has been let in.")
		wantText(t, let("-1009"), "They have been told.")
		wantText(t, said["telegram:5"], "You have been let in.")
		w.tells = nil
		w.restartWords()
		wantText(t, let("-1002"), "I could not tell them.")
	})
}

// Who is not let in is told whom to ask, and that they know.
func TestStrangersHearThatTheyWereAnnounced(t *testing.T) {
	play(t, func(c *core.Config) {
		c.Policy.Allow, c.Alert = []string{}, func(context.Context, core.Alert) error { return nil }
	}, func(t *testing.T, w *world) {
		wantText(t, w.types(ada, "a cat").Text, "you are chat:ada. They know that you asked. Nothing was charged.")
		wantText(t, w.types(ada, "/imagine a cat --menu").Text, "They know that you asked.")
	})
}
