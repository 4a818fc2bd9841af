package discord

import (
	"regexp"
	"testing"

	"kiebot/bots/discord/discordtest"
)

// english are words that stand in most English sentences, and in no other
// language of ours.
var english = regexp.MustCompile(`(?i)\b(the|and|of|was|is|are|your|you|left|today|nothing|credits?|usually|done|waiting|starting|generating|that|this|with|for|from|what|in queue)\b`)

// Whoever has one of the languages asks for a picture and reads of it, and of
// what is refused, in that language alone.
func TestTalkInTheLanguageOfEverybody(t *testing.T) {
	for _, language := range append(languages(), language{"en", "en-US"}) {
		t.Run(language.locale, func(t *testing.T) {
			inWorld(t, worldConfig{}, func(t *testing.T, w *world) {
				who := w.discord.Person("🐈", discordtest.Locale(language.locale))
				w.guild.Joins(who)
				at := w.channel.As(who)
				for _, asked := range []struct {
					files  int
					values []discordtest.Value
					name   string
				}{
					{1, []discordtest.Value{set("prompt", "🐈"), set("aspect_ratio", "16:9")}, "/imagine"},
					{0, []discordtest.Value{set("prompt", "🐈"), set("model", "imagin4")}, "/imagine"},
					{0, []discordtest.Value{set("prompt", "🐈"), set("duration", "7")}, "/video"},
					{0, []discordtest.Value{set("prompt", "🐈")}, "/edit"},
					{0, nil, "/balance"}, {0, nil, "/cancel"}, {0, nil, "/queue"}, {0, nil, "/settings"}, {0, nil, "/link"},
				} {
					m := at.Types(asked.name, asked.values...).Becomes(t, made(asked.files))
					words := m.Words()
					for _, b := range m.Buttons() {
						words += "\n" + b.Label
					}
					if word := english.FindString(words); (word != "") != (language.code == "en") || rawText.MatchString(words) {
						t.Errorf("%s %s: not in this language: %q", asked.name, m, word)
					}
				}
			})
		})
	}
}
