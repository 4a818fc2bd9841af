package bots

import (
	"slices"
	"testing"

	"kiebot/core"
)

// What a person made is found by its words, in any order and case; the button
// is named in the language that the person chose.
func TestRecent(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		for _, prompt := range []string{"a Black cat", "кот в Сапогах", "two black dogs"} {
			w.untilEnd(w.accepted(prompt))
		}
		find := func(who core.Identity, words string) (prompts []string, label string) {
			t.Helper()
			offer, err := w.bot.Recent(t.Context(), w.incoming(who, "en", "").Origin, words)
			must(t, err)
			for _, task := range offer.Tasks {
				prompts = append(prompts, task.Request.Prompt)
			}
			return prompts, offer.New
		}
		for words, want := range map[string][]string{
			"":           {"two black dogs", "кот в Сапогах", "a Black cat"},
			"BLACK":      {"two black dogs", "a Black cat"},
			" сапог КОТ": {"кот в Сапогах"},
			"black bird": nil,
		} {
			if got, _ := find(ada, words); !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", words, got, want)
			}
		}
		if got, label := find(bob, ""); len(got) != 0 || label != "Make something new" {
			t.Errorf("a stranger finds %q under %q", got, label)
		}
		w.choose(ada, func(s *core.PersonSettings) { s.Language = "ru" })
		if _, label := find(ada, ""); label != "Сделать новое" {
			t.Errorf("%q", label)
		}
	})
}
