package discord

import (
	"slices"
	"testing"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
)

// The commands are offered everywhere, to everybody, in every language, with
// what their options take.
func TestCommandsAsRegistered(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		all := w.discord.Commands("")
		for _, c := range all {
			if !slices.Equal(c.IntegrationTypes, []int{0, 1}) || c.Name != "admin" && !slices.Equal(c.Contexts, []int{0, 1, 2}) {
				t.Errorf("%s is for %v and %v", c.Name, c.IntegrationTypes, c.Contexts)
			}
			for _, l := range languages() {
				if c.NameLocalizations[l.locale] == "" || c.Type == commandSlash && c.DescriptionLocalizations[l.locale] == "" {
					t.Errorf("%s has no words in %s", c.Name, l.locale)
				}
				for _, p := range c.Options {
					if p.DescriptionLocalizations[l.locale] == "" {
						t.Errorf("%s of %s has no words in %s", p.Name, c.Name, l.locale)
					}
				}
			}
		}
		n := slices.IndexFunc(all, func(c discordtest.Command) bool { return c.Name == "imagine" })
		options := map[string]discordtest.Parameter{}
		for _, p := range all[n].Options {
			options[p.Name] = p
		}
		if p := options["prompt"]; p.Type != optionText || p.MaxLength == nil || *p.MaxLength != promptMost {
			t.Errorf("%+v", p)
		}
		if p := options["count"]; p.Type != optionInteger || p.MinValue == nil || *p.MinValue != 1 || p.MaxValue == nil || *p.MaxValue != core.MaxBatch {
			t.Errorf("%+v", p)
		}
		for _, name := range []string{"image", "image2", "image3", "image4"} {
			if p := options[name]; p.Type != optionAttachment || !slices.Equal(p.FileTypes, []string{"image"}) {
				t.Errorf("%+v", p)
			}
		}
		for _, name := range []string{"model", "aspect_ratio", "resolution"} {
			if p := options[name]; p.Type != optionText || !p.Autocomplete {
				t.Errorf("%+v", p)
			}
		}
	})
}

// The commands are set once, and again only when Discord has others.
func TestCommandsAreSetWhereTheyDiffer(t *testing.T) {
	inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
		sets := func() int { return len(w.discord.Calls("PUT /applications/{application}/commands")) }
		w.end()
		w.start()
		if n := sets(); n != 1 {
			t.Errorf("a second start made %d calls in all", n)
		}
		w.end()
		w.cfg.prefix = "kie-"
		w.start()
		w.discord.Until(t, func() bool { return sets() == 2 })
		w.channel.As(w.ada).Types("/kie-imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
	})
}
