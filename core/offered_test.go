package core_test

import (
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func (w *world) policy(edit func(*core.Policy)) error {
	w.t.Helper()
	return w.engine.ChangePolicy(w.t.Context(), byAdmin, edit)
}

func (w *world) mustRule(edit func(*core.Policy)) {
	w.t.Helper()
	if err := w.policy(edit); err != nil {
		w.t.Fatalf("ChangePolicy: %v", err)
	}
}

// A model that is off is refused, by whatever way it is asked for; what was
// accepted before goes on, over a restart.
func TestModelOff(t *testing.T) {
	zero := core.Limit(0)
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		before := w.submit(request("before"))
		w.untilShown(before)
		w.mustRule(func(p *core.Policy) { p.ConfirmAbove = &zero })
		_, err := w.engine.Submit(t.Context(), request("asked"))
		question := wantRefusal(t, err, core.ReasonConfirm).Question
		w.mustRule(func(p *core.Policy) { p.ConfirmAbove = nil })
		queued := w.submit(request("queued"))
		w.mustRule(func(p *core.Policy) { p.Off = []string{"imagen4"} })

		for name, ask := range map[string]func() (core.Receipt, error){
			"anew": func() (core.Receipt, error) { return w.engine.Submit(t.Context(), request("anew")) },
			"again": func() (core.Receipt, error) {
				return w.engine.Again(t.Context(), string(before), "key", request("").Origin)
			},
			"confirmed": func() (core.Receipt, error) { return w.engine.Confirm(t.Context(), ada, question) },
		} {
			_, err := ask()
			if refusal := wantRefusal(t, err, core.ReasonOff); refusal.Model != imageModel {
				t.Errorf("%s: it is about %q", name, refusal.Model)
			}
		}
		w.reopen(nil)
		w.run()
		if task := w.untilShown(queued); task.State != core.Succeeded {
			t.Errorf("what was accepted before is %s", task.State)
		}
		_, err = w.engine.Submit(t.Context(), request("after the restart"))
		wantRefusal(t, err, core.ReasonOff)
		w.mustRule(func(p *core.Policy) { p.Off = nil })
		if _, err := w.engine.Confirm(t.Context(), ada, question); err != nil {
			t.Errorf("it is on again, and refused: %v", err)
		}
	})
}

func TestRulesAboutModels(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		wantRefusal(t, w.policy(func(p *core.Policy) { p.Off = []string{"nonsense"} }), core.ReasonModel)
		for kind, name := range map[catalog.Kind]string{
			catalog.Image: "nonsense", catalog.Music: imageModel, catalog.Video: "kling/v2-1-standard",
		} {
			err := w.policy(func(p *core.Policy) { p.Defaults = map[catalog.Kind]string{kind: name} })
			if reason := reasonOf(err); reason != core.ReasonModel && reason != core.ReasonNoDefault {
				t.Errorf("%s as the default for %s: %v", name, kind, err)
			}
		}
		w.mustRule(func(p *core.Policy) { p.Defaults = map[catalog.Kind]string{catalog.Image: "imagen4"} })
		if id := w.engine.DefaultModel(catalog.Image); id != imageModel {
			t.Errorf("the default is %q", id)
		}
		if err := w.engine.ResetPolicy(t.Context(), byAdmin); err != nil {
			t.Fatal(err)
		}
		if id := w.engine.DefaultModel(catalog.Image); id != "" {
			t.Errorf("the default is still %q", id)
		}
	})
}
