package discord

import (
	"fmt"
	"testing"

	"kiebot/bots/discord/discordtest"
)

// filtered says whether the newest task at Kie has its content filter on.
func (w *world) filtered() bool {
	tasks := w.kie.Tasks()
	return tasks[len(tasks)-1].Input["nsfw_checker"] == true
}

// Outside age-restricted channels the content filter is on, whatever is asked
// for; a thread is as its channel is.
func TestAgeRestricted(t *testing.T) {
	both(t, worldConfig{safe: true}, func(t *testing.T, w *world) {
		adults := w.guild.Channel("adults")
		adults.SetNSFW(true)
		for name, c := range map[string]struct {
			at       discordtest.Speaker
			filtered bool
		}{
			"a channel":                  {w.channel.As(w.ada), true},
			"a thread":                   {w.channel.Thread("cats").As(w.ada), true},
			"a direct message":           {w.ada.Private().As(w.ada), true},
			"an age-restricted channel":  {adults.As(w.ada), false},
			"a thread in such a channel": {adults.Thread("nudes").As(w.ada), false},
		} {
			for _, words := range []string{"a statue", "a statue --set nsfw_checker=false"} {
				c.at.Types("/imagine", set("prompt", words), set("model", "google/nano-banana")).Becomes(t, made(1, "a statue"))
				if w.filtered() != c.filtered {
					t.Errorf("%s, %q: filtered is %v", name, words, !c.filtered)
				}
			}
		}
	})
}

// Models that have more than a switch are asked for their strict side, and in an
// age-restricted channel for what the person wants.
func TestAgeRestrictedModes(t *testing.T) {
	both(t, worldConfig{safe: true}, func(t *testing.T, w *world) {
		adults := w.guild.Channel("adults")
		adults.SetNSFW(true)
		for _, c := range []struct {
			model, input string
			loose        string
			strict       string
		}{
			{"flux-kontext-pro", "safetyTolerance", "6", "2"},
			{"flux1-kontext", "safety_tolerance", "6", "2"},
			{"grok-imagine/text-to-video", "mode", "spicy", "normal"},
		} {
			words := "a statue --set " + c.input + "=" + c.loose
			for at, want := range map[discordtest.Speaker]string{w.channel.As(w.ada): c.strict, adults.As(w.ada): c.loose} {
				at.Types("/generate", set("prompt", words), set("model", c.model)).Becomes(t, made(1, "a statue"))
				tasks := w.kie.Tasks()
				if got := fmt.Sprint(tasks[len(tasks)-1].Input[c.input]); got != want {
					t.Errorf("%s of %s is %s and not %s", c.input, c.model, got, want)
				}
			}
		}
	})
}

// What was made in an age-restricted channel stays there.
func TestAgeRestrictedResultStaysThere(t *testing.T) {
	both(t, worldConfig{safe: true}, func(t *testing.T, w *world) {
		adults := w.guild.Channel("adults")
		adults.SetNSFW(true)
		at := adults.As(w.ada)
		result := at.Types("/imagine", set("prompt", "a statue"), set("model", "google/nano-banana")).Becomes(t, made(1, "a statue"))
		job := jobIn(result)
		for _, c := range []struct {
			at   discordtest.Speaker
			says string
		}{{w.channel.As(w.ada), "without a content filter"}, {w.ada.Private().As(w.ada), "without a content filter"}} {
			c.at.Types("/show", set("about", job)).Becomes(t, says(c.says))
			c.at.Types("/upscale", set("prompt", job)).Becomes(t, says(c.says))
		}
		at.Types("/show", set("about", job)).Becomes(t, made(1, "a statue"))
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("Kie has %d tasks", n)
		}
	})
}

// While Discord does not say what a thread's channel is, it is not age-restricted.
func TestAgeRestrictedThreadUnknown(t *testing.T) {
	both(t, worldConfig{safe: true}, func(t *testing.T, w *world) {
		adults := w.guild.Channel("adults")
		adults.SetNSFW(true)
		w.discord.Fault(discordtest.Fault{Route: "GET /channels/{channel}", Status: 502})
		at := adults.Thread("nudes").As(w.ada)
		for _, filtered := range []bool{true, false} {
			at.Types("/imagine", set("prompt", "a statue"), set("model", "google/nano-banana")).Becomes(t, made(1, "a statue"))
			if w.filtered() != filtered {
				t.Errorf("filtered is %v", !filtered)
			}
		}
	})
}
