package bots

import (
	"slices"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
)

var byOperator = core.Act{By: core.CommandLine, Why: "moving house"}

func (w *world) rules(edit func(*core.Policy)) {
	w.t.Helper()
	must(w.t, w.engine.ChangePolicy(w.t.Context(), byOperator, edit))
}

func TestPausedIsSaid(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		must(t, w.engine.SetPaused(t.Context(), byOperator, true))
		wantText(t, w.types(ada, "/imagine a cat").Text, "has paused it for a while (moving house)", "Nothing was charged.")
		must(t, w.engine.SetPaused(t.Context(), core.Act{By: core.CommandLine}, true))
		wantText(t, w.types(ada, "/imagine a cat").Text, "has paused it for a while, so")
		must(t, w.engine.SetPaused(t.Context(), byOperator, false))
		w.untilEnd(w.accepted("/imagine a cat"))
	})
}

// A model that is off is nowhere offered, and who names it is told the nearest
// that is on.
func TestModelOffIsNotOffered(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		standard := w.models.DefaultFor(catalog.Image)
		inList := func(m catalog.Model) bool {
			return slices.ContainsFunc(w.types(ada, "/models image").Items, func(i Item) bool { return i.Title == m.Title })
		}
		suggested := func(m catalog.Model) bool {
			return slices.ContainsFunc(w.bot.Suggest("/imagine a cat --model "+shortest(m), "en"), func(s Suggestion) bool { return s.Label == shortest(m) })
		}
		if !inList(standard) || !suggested(standard) {
			t.Fatal("the model is not offered at first")
		}
		must(t, w.engine.ChangeSettings(t.Context(), w.incoming(ada, "en", "").Origin, func(p *core.PersonSettings) {
			p.Models = map[catalog.Kind]string{catalog.Image: standard.ID}
		}))
		w.rules(func(p *core.Policy) { p.Off = []string{standard.ID} })
		if inList(standard) || suggested(standard) {
			t.Error("the model is still offered")
		}
		wantText(t, w.types(ada, "/imagine a cat --model "+standard.ID).Text, standard.Title+" is turned off here.", "The nearest current model is ", "Nothing was charged.")
		wantText(t, w.types(ada, "/models "+standard.ID).Text, "is turned off here")
		message := w.untilEnd(w.accepted("/imagine a cat"))
		if !strings.Contains(strings.Join(message.Notes, " "), standard.Title) {
			t.Errorf("nothing says that the chosen model is not used: %q", message.Notes)
		}
		w.rules(func(p *core.Policy) { p.Off = nil })
		if !inList(standard) || !suggested(standard) {
			t.Error("the model is on again and not offered")
		}
	})
}

// The model that an admin chose is used and marked where none is named; one
// that is off is not.
func TestDefaultOfAdmins(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		w.rules(func(p *core.Policy) { p.Defaults = map[catalog.Kind]string{catalog.Image: "google/imagen4-ultra"} })
		m, _ := w.bot.catalog.Lookup("google/imagen4-ultra")
		was, _ := w.bot.catalog.Lookup(w.models.DefaultFor(catalog.Image).ID)
		if !m.KindDefault || was.KindDefault || w.bot.catalog.DefaultFor(catalog.Image).ID != m.ID {
			t.Errorf("the default is %q", w.bot.catalog.DefaultFor(catalog.Image).ID)
		}
		lead := w.accepted("/imagine a cat")
		w.untilEnd(lead)
		if task, err := w.engine.AnyTask(t.Context(), string(lead)); err != nil || task.Request.Model != m.ID {
			t.Errorf("%s was made, %v", task.Request.Model, err)
		}
		w.rules(func(p *core.Policy) { p.Off = []string{m.ID} })
		if got := w.bot.catalog.DefaultFor(catalog.Image).ID; got != was.ID {
			t.Errorf("with it off the default is %q", got)
		}
		w.rules(func(p *core.Policy) { p.Off = []string{m.ID, was.ID} })
		if got := w.bot.catalog.DefaultFor(catalog.Image); got.ID == was.ID || got.ID == m.ID || !fromWords(got) {
			t.Errorf("with both off the default is %q", got.ID)
		}
	})
}

// What prompts may not say is refused wherever they can be typed, with the
// warnings that are left and without the rule.
func TestPromptListIsPolite(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		done := w.accepted("/imagine a cat")
		w.untilEnd(done)
		w.rules(func(p *core.Policy) {
			p.Prompts = &core.Prompts{Words: []string{"gore"}, Patterns: []string{"bl(oo|00)d"}}
		})
		for _, typed := range []string{"/imagine gore", "/imagine a cat --no bl00d", "/generate --model google/imagen4 a cat --set negative_prompt=gore", "/edit " + done.Short() + " more gore"} {
			text := w.types(ada, typed).Text
			wantText(t, text, "what it asks for is not allowed", "Nothing was charged.")
			if strings.Contains(text, "gore") || strings.Contains(text, "warning") {
				t.Errorf("%s is answered with %q", typed, text)
			}
		}
		w.rules(func(p *core.Policy) { p.Prompts.Warnings = 6 })
		wantText(t, w.types(ada, "/imagine gore and so on").Text, "This is warning 5 of 6")
		wantText(t, w.types(ada, "/imagine gore for ever").Text, "It was warning 6 of 6, and you are blocked now.")
		wantText(t, w.types(ada, "/imagine a cat").Text, "you have been blocked")
	})
}

// A person switches the operator's news in /settings; in a group its admins do.
func TestNewsSwitch(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		button := func(r Reply, of string) Button {
			t.Helper()
			i := slices.IndexFunc(r.Buttons, func(b Button) bool { return strings.Contains(b.Label, of) })
			if i < 0 {
				t.Fatalf("no button %q in %+v", of, r.Buttons)
			}
			return r.Buttons[i]
		}
		chats := func(text string) int {
			t.Helper()
			n, err := w.engine.Broadcast(t.Context(), byOperator, text)
			must(t, err)
			return n
		}
		if n := chats("one"); n != 0 {
			t.Errorf("%d chats are told at first", n)
		}
		on := w.presses(ada, button(w.types(ada, "/settings"), "News of this bot"))
		if n := chats("two"); n != 1 {
			t.Errorf("%d chats are told after %+v", n, on)
		}
		w.presses(ada, button(on, "News of this bot"))
		if n := chats("three"); n != 0 {
			t.Errorf("%d chats are told after it was switched off", n)
		}
	})
}
