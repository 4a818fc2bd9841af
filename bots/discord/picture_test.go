package discord

import (
	"strings"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
)

// The pictures of /history stand below it, for who asked alone, what is a
// spoiler hidden; what nobody else may see elsewhere is not among them there.
func TestHistoryHasPictures(t *testing.T) {
	both(t, worldConfig{safe: true}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		at.Types("/history").Becomes(t, says("not made anything yet"))
		adults := w.guild.Channel("adults")
		adults.SetNSFW(true)
		adults.As(w.ada).Types("/imagine", set("prompt", "a statue"), set("model", "google/nano-banana")).Becomes(t, made(1, "a statue"))
		at.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		at.Types("/imagine", set("prompt", "two dogs"), set("count", 2), set("spoiler", true)).Becomes(t, made(2, "two dogs"))
		<-time.After(time.Second) // until it is noted which files these were
		for _, c := range []struct {
			at    discordtest.Speaker
			shown string
		}{{at, "dogs dogs cat"}, {adults.As(w.ada), "dogs dogs cat statue"}} {
			c.at.Types("/history").Becomes(t, says("a statue"))
			var shown []string
			album := c.at.Until(t, func(m discordtest.Message) bool {
				return m.Ephemeral() && len(m.Attachments) == len(strings.Fields(c.shown))
			})
			for _, one := range album.Shown() {
				words := strings.Fields(strings.Split(one.Description, " – ")[0])
				shown = append(shown, words[len(words)-1])
				if one.Spoiler != strings.Contains(one.Description, "dogs") {
					t.Errorf("%s: hidden is %v", one.Description, one.Spoiler)
				}
			}
			if got := strings.Join(shown, " "); got != c.shown {
				t.Errorf("there are pictures of %s, want %s", got, c.shown)
			}
		}
	})
}
