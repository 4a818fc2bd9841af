package bots

import (
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
)

func (w *world) choose(who core.Identity, edit func(*core.PersonSettings)) {
	w.t.Helper()
	must(w.t, w.engine.ChangeSettings(w.t.Context(), w.incoming(who, "en", "").Origin, edit))
}

func (w *world) chooseForChat(edit func(*core.ChatSettings)) {
	w.t.Helper()
	origin := w.incoming(ada, "en", "").Origin
	origin.Admin = true
	must(w.t, w.engine.ChangeChatSettings(w.t.Context(), origin, edit))
}

func (w *world) task(id core.TaskID, who core.Identity) core.Task {
	w.t.Helper()
	task, err := w.engine.Task(w.t.Context(), who, string(id))
	must(w.t, err)
	return task
}

// Where none is named, it is the person's model, else the chat's, else the
// catalogue's; one that left the catalogue is named in a note.
func TestChosenModels(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		runs := func(who core.Identity, text, want string) Message {
			t.Helper()
			reply := w.types(who, text)
			if len(reply.Accepted) != 1 {
				t.Fatalf("%s: %+v", text, reply)
			}
			if got := w.task(reply.Accepted[0], who).Request.Model; got != want {
				t.Errorf("%s: %s ran, want %s", text, got, want)
			}
			return w.untilEnd(reply.Accepted[0])
		}
		standard := w.models.DefaultFor(catalog.Image).ID
		image := func(id string) map[catalog.Kind]string { return map[catalog.Kind]string{catalog.Image: id} }
		w.chooseForChat(func(s *core.ChatSettings) { s.Models = image("google/imagen4-fast") })
		w.choose(ada, func(s *core.PersonSettings) { s.Models = image("google/imagen4") })
		m := runs(ada, "a cat", "google/imagen4")
		if len(m.Notes) != 0 {
			t.Errorf("%q", m.Notes)
		}
		runs(bob, "a cat", "google/imagen4-fast")
		runs(ada, "a cat --model seedream-v4", "bytedance/seedream-v4-text-to-image")
		runs(ada, "/video waves", w.models.DefaultFor(catalog.Video).ID)

		w.choose(ada, func(s *core.PersonSettings) { s.Models = image("gone/for-good") })
		m = runs(ada, "a cat", "google/imagen4-fast")
		if len(m.Notes) != 1 {
			t.Fatalf("%q", m.Notes)
		}
		wantText(t, m.Notes[0], "The chosen model gone/for-good is not there any more", "Google Imagen 4 Fast", "/settings")
		w.chooseForChat(func(s *core.ChatSettings) { s.Models = image("kling/v2-1-pro") }) // no picture
		runs(ada, "a cat", standard)
		if m = runs(ada, "a cat --model "+standard, standard); len(m.Notes) != 0 {
			t.Errorf("a model that was named: %q", m.Notes)
		}
		// What is typed for an old request is still that request.
		edit := m.Buttons[1]
		runs(ada, edit.Text, standard)
	})
}

// What is said wins over what was chosen; what the chat chose for all wins over both.
func TestSpoilersAndPrivacy(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		yes := true
		for _, test := range []struct {
			text            string
			hidden, private bool
		}{
			{"a cat", false, false}, {"a cat --spoiler", true, false}, {"--private a cat", false, true},
			{"a cat --spoiler=off", false, false},
		} {
			m := w.untilEnd(w.accepted(test.text))
			if m.Spoiler != test.hidden || m.Private != test.private || m.Prompt != "a cat" {
				t.Errorf("%s: %+v", test.text, m)
			}
		}
		w.choose(ada, func(s *core.PersonSettings) { s.Spoiler = &yes })
		if m := w.untilEnd(w.accepted("a cat")); !m.Spoiler {
			t.Error("the person wants it hidden")
		}
		if m := w.untilEnd(w.accepted("a cat --spoiler=off")); m.Spoiler {
			t.Error("the person said that it is not hidden")
		}
		w.chooseForChat(func(s *core.ChatSettings) { s.Spoiler = true })
		m := w.untilEnd(w.accepted("a cat --spoiler=off"))
		if !m.Spoiler {
			t.Error("the chat wants everything hidden")
		}
		if again := w.presses(ada, m.Buttons[0]); !w.untilEnd(again.Accepted[0]).Spoiler {
			t.Error("again is not hidden")
		}
	})
}

// A chosen language is that of every answer, and of what comes later.
func TestChosenLanguage(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.choose(ada, func(s *core.PersonSettings) { s.Language = "ru" })
		wantText(t, w.types(ada, "/balance").Text, "потрачено")
		m := w.untilEnd(w.accepted("a cat"))
		wantText(t, m.Status, "готово")
		wantText(t, w.presses(ada, Button{Data: "nonsense"}).Text, "Ничего не списано.")
		wantText(t, w.types(bob, "/balance").Text, "Used today")
	})
}
