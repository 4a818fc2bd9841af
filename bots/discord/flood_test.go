package discord

import (
	"strings"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
)

// 100 people ask in five channels at once, under Discord's limits of pace: no
// call comes before its time, hardly any is refused, and every result arrives.
func TestFloodOf100PeopleInFiveChannels(t *testing.T) {
	both(t, worldConfig{discord: discordtest.Config{Flood: true}}, func(t *testing.T, w *world) {
		var all []*discordtest.Interaction
		for range 5 {
			chat := w.guild.Channel("pictures")
			for range 20 {
				p := w.discord.Person("Ann")
				w.guild.Joins(p)
				all = append(all, chat.As(p).Types("/imagine", set("prompt", "a cat")))
			}
		}
		began := time.Now()
		for _, asked := range all {
			if took := asked.Answer(t).After; took > 300*time.Millisecond {
				t.Errorf("the first answer took %v", took)
			}
			asked.Becomes(t, made(1, "a cat"))
		}
		t.Logf("all shown after %v with %d calls; %d were refused", time.Since(began), len(w.discord.Calls()), w.discord.Invalid())
		if n := w.discord.Invalid(); n > 5 {
			t.Errorf("%d calls were refused", n)
		}
	})
}

// With the longest prefix every name still fits, and is understood.
func TestPrefix(t *testing.T) {
	prefix := strings.Repeat("kie-", 4)
	both(t, worldConfig{prefix: prefix}, func(t *testing.T, w *world) {
		for _, c := range w.discord.Commands("") {
			if !strings.HasPrefix(c.Name, prefix) || c.NameLocalizations["ru"] != "" && !strings.HasPrefix(c.NameLocalizations["ru"], prefix) {
				t.Errorf("%s, %v", c.Name, c.NameLocalizations)
			}
		}
		at := w.channel.As(w.ada)
		model := at.Picks(t, "/"+prefix+"imagine", "model", "imagen4")
		result := at.Types("/"+prefix+"imagine", set("prompt", "a cat"), model).Becomes(t, made(1, "a cat"))
		at.UsesOn(result, prefix+"Upscale").Becomes(t, made(1, "a cat"))
	})
}
