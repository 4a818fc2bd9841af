package telegram

import (
	"regexp"
	"testing"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
)

// english are words that stand in most English sentences, and in no other
// language of ours.
var english = regexp.MustCompile(`(?i)\b(the|and|of|was|is|are|your|you|left|today|nothing|credits?|usually|done|waiting|starting|generating|that|this|with|for|from|what|in queue)\b`)

// Whoever has one of the languages asks for a picture and reads of everything
// on its way, and of what is refused, in that language alone.
func TestTalkInTheLanguageOfEverybody(t *testing.T) {
	for _, language := range bots.Languages() {
		t.Run(language, func(t *testing.T) {
			inTown(t, townConfig{}, func(t *testing.T, w *town) {
				c := &talk{w, language, w.tg.Person("🐈", telegramtest.Language(language))}
				heard := func(m telegramtest.Message) {
					words := m.Words()
					for _, row := range m.Buttons() {
						for _, b := range row {
							words += "\n" + b.Text
						}
					}
					if word := english.FindString(words); (word != "") != (language == "en") {
						t.Errorf("%s: not in this language: %q", m, word)
					}
				}
				c.ann.Types("/imagine 🐈 --ar 16:9")
				way := c.ann.Next(t)
				c.understands(way)
				heard(way)
				heard(c.ann.Until(t, finds("photo", "🐈", "16:9")))
				for _, typed := range []string{
					"/imagine", "/imagine 🐈 --ar 99:1 --seed x", "/imagine 🐈 --model imagin4", "/video 🐈 --dur 7", "/edit 🐈",
					"/cancel", "/balance", "/queue", "/settings", "/link", "/help imagine",
				} {
					heard(c.hears(typed, "text"))
				}
			})
		})
	}
}
