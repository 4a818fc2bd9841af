package telegram

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/kie/catalog"
)

// everyStep is what the buttons of all menus do: the menu, what is done in it,
// and the symbol of the button where it has one.
func everyStep() []string {
	return []string{
		"chat: ⬅️", "chat: 👥", "chat:daily", "chat:day 💳", "chat:family", "chat:kind", "chat:kind ▶️", "chat:kind ◀️",
		"chat:kind ⬅️", "chat:model", "chat:news 📣", "chat:spoiler 🙈", "chat:unset ↩️", "chat:who 👥",
		"draft: ⬅️", "draft:drop ❌", "draft:family", "draft:kind", "draft:kind ▶️", "draft:kind ◀️", "draft:kind ⬅️",
		"draft:kind 🧩", "draft:kinds ⬅️", "draft:kinds 🧩", "draft:make ✅", "draft:model", "draft:set", "draft:set ✔️", "draft:values",
		"models:ask ✏️", "models:def ⭐", "models:family", "models:kind", "models:kind ▶️", "models:kind ◀️", "models:kind ⬅️",
		"models:kinds ⬅️", "models:model",
		"settings: ⬅️", "settings:above", "settings:ask 💳", "settings:family", "settings:kind", "settings:kind ▶️", "settings:kind ◀️",
		"settings:kind ⬅️", "settings:lang 🌐", "settings:model", "settings:spoiler 🙈", "settings:unset ↩️",
	}
}

// stepOf is the button's entry there.
func stepOf(b telegramtest.Button) string {
	parts := strings.SplitN(b.CallbackData, ":", 5)
	symbol, _, _ := strings.Cut(b.Text, " ")
	step := parts[1] + ":" + parts[3]
	if r := []rune(symbol)[0]; !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		step += " " + symbol
	}
	return step
}

// walk presses every kind of button of the menus and of the pages that they lead
// to, and looks at what comes of it.
type walk struct {
	*talk
	chat    *telegramtest.Chat
	pressed map[string]bool // by step
}

// from walks through the menu that is shown in the message and presses one button
// of each kind, but for those that end it.
func (w *walk) from(menu telegramtest.Message) {
	w.t.Helper()
	pages, seen := []telegramtest.Message{menu}, map[string]bool{}
	for len(pages) > 0 {
		page := pages[0]
		pages = pages[1:]
		for _, b := range slices.Concat(page.Buttons()...) {
			step := stepOf(b)
			if seen[step] || strings.HasSuffix(step, "✅") || strings.HasSuffix(step, "❌") {
				continue
			}
			seen[step] = true
			pages = append(pages, w.press(page, b))
		}
	}
}

// press presses a button, as it was when the page was shown, and is the page or
// the message that it leads to.
func (w *walk) press(page telegramtest.Message, b telegramtest.Button) telegramtest.Message {
	w.t.Helper()
	last := last(w.chat)
	answer := w.ann.PressesStale(page, b.Text).Answer(w.t)
	<-time.After(2 * time.Minute) // a group takes so many pages in a minute and no more
	w.pressed[stepOf(b)] = true
	if answer.Alert {
		w.t.Errorf("%s is answered by %q", b.Text, answer.Text)
	}
	now := w.chat.Message(page.ID)
	if newest := w.chat.FromBot(); newest[len(newest)-1].ID > last.ID {
		now = newest[len(newest)-1]
	}
	if strings.HasSuffix(stepOf(b), "🌐") {
		w.chooses(func(p *core.PersonSettings) { p.Language = "" }) // it is another one now
		return now
	}
	w.understands(now)
	return now
}

// chooses changes the person's settings as a press would.
func (c *talk) chooses(edit func(*core.PersonSettings)) {
	c.t.Helper()
	c.must(c.engine.ChangeSettings(c.t.Context(), core.Origin{Identity: identity(c.ann.ID()), Lane: laneOf(c.ann.ID())}, edit))
}

// Every button of every menu leads somewhere, in the language of who presses it.
func TestTalkEveryMenu(t *testing.T) {
	inEveryLanguage(t, townConfig{}, func(t *testing.T, c *talk) {
		w := walk{c, c.tg.Group("cats", c.ann), map[string]bool{}}
		chosen := map[catalog.Kind]string{catalog.Image: "google/imagen4"}
		origin := core.Origin{Identity: identity(c.ann.ID()), Lane: laneOf(w.chat.ID()), Admin: true}
		c.must(c.engine.ChangeChatSettings(t.Context(), origin, func(s *core.ChatSettings) { s.Models = chosen }))
		opens := func(words string) telegramtest.Message {
			w.chat.As(c.ann).Types(words)
			<-time.After(2 * time.Minute)
			all := w.chat.FromBot()
			return all[len(all)-1]
		}
		for _, words := range []string{"/settings", "/models", "/imagine a cat --menu", "/generate a cat"} {
			c.chooses(func(p *core.PersonSettings) { p.Models = chosen })
			w.from(opens(words))
		}
		asks := w.chat.Until(t, func(m telegramtest.Message) bool { return m.Markup != nil && m.Markup.ForceReply })
		w.chat.As(c.ann).Replies(asks, "a bird")
		w.understands(w.chat.Until(t, func(m telegramtest.Message) bool { return finds("text", "a bird")(m) && len(m.Buttons()) > 1 }))
		c.must(c.engine.ChangeChatSettings(t.Context(), origin, func(s *core.ChatSettings) { *s = core.ChatSettings{} }))
		for _, end := range []string{"❌", "✅"} {
			menu := opens("/imagine a dog --menu --model imagen4")
			b, ok := menu.Button(end)
			if !ok {
				t.Fatalf("%s", menu)
			}
			w.press(menu, b)
		}
		w.understands(w.chat.Until(t, finds("photo", "a dog")))
		if got := slices.Sorted(maps.Keys(w.pressed)); !slices.Equal(got, slices.Sorted(slices.Values(everyStep()))) {
			t.Errorf("pressed were %q", got)
		}
	})
}
