package discord

import "testing"

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
