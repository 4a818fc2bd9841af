package discord

import (
	"strings"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
)

// How much of a prompt is repeated, in UTF-16 units: nearly all of it while
// somebody waits, its beginning under a result. Marking what would be markup
// doubles it at most.
const (
	wayPrompt = 600
	endPrompt = 300
	nameMax   = 64
)

// wayText is a batch that is under way: prompt – name (status), and notes.
func wayText(m bots.Message) string {
	words := plainly(clip.Shorten(m.Prompt, wayPrompt))
	if m.Name != "" {
		if words != "" {
			words += " – "
		}
		words += plainly(clip.Shorten(m.Name, nameMax))
	}
	switch {
	case m.Status == "":
	case words == "":
		words = plainly(m.Status)
	default:
		words += " (" + plainly(m.Status) + ")"
	}
	return lines(append([]string{words}, marked(m.Notes)...)...)
}

// endText is what is said under a result, or in place of one.
func endText(m bots.Message, large string) string {
	said := []string{}
	for _, one := range m.Media {
		if one.Text != "" {
			said = append(said, plainly(one.Title), plainly(one.Text), "")
		}
	}
	said = append(said, plainly(clip.Shorten(m.Prompt, endPrompt)))
	if m.State != core.Succeeded || m.Kind == core.DeliverLate {
		said = append(said, plainly(m.Status))
	}
	said = append(said, large)
	if m.Details != "" {
		said = append(said, "-# "+plainly(m.Details))
	}
	return lines(append(said, marked(m.Notes)...)...)
}

func marked(all []string) []string {
	var out []string
	for _, one := range all {
		out = append(out, plainly(one))
	}
	return out
}

// lines puts those that say something below each other.
func lines(all ...string) string {
	var out []string
	for _, one := range all {
		if strings.TrimSpace(one) != "" {
			out = append(out, one)
		}
	}
	return strings.Join(out, "\n")
}
