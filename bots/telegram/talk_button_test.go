package telegram

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/kie/kietest"
)

// shown is a job in some state, as the chat shows it.
type shown struct {
	name    string
	make    func(*talk) telegramtest.Message
	buttons string // by their symbols
	again   string // the kind of message that shows the same made once more
}

func everyState() []shown {
	return []shown{
		{"waiting", func(c *talk) telegramtest.Message { return c.waits("/imagine a cat") }, "❌", ""},
		{"canceled", func(c *talk) telegramtest.Message {
			waits := c.waits("/imagine a cat")
			c.ann.Presses(waits, "❌").Answer(c.t)
			over := c.ann.Private().Becomes(c.t, waits, finds("text", c.in("Canceled.", "Отменено.")))
			c.kie.SetBalance(kietest.DefaultCredits)
			return over
		}, "🔄 ✏️", "photo"},
		{"failed", func(c *talk) telegramtest.Message {
			c.fails()
			return c.hears("/imagine a cat", "text", c.in("Kie tried and failed.", "Kie попробовал, но не вышло."))
		}, "🔁 ✏️", "photo"},
		{"a picture", func(c *talk) telegramtest.Message { return c.hears("/imagine a cat", "photo") }, "🔄 ✏️ ⬆️ 🎬 📥 ℹ️ 🗑️", "photo"},
		{"pictures", func(c *talk) telegramtest.Message {
			return c.hears("/imagine a cat --n 2", "text", "a cat", c.in("left today", "сегодня осталось"))
		}, "🔄 ✏️ ⬆️ 🎬 📥 ℹ️ 🗑️", "text"},
		{"a video", func(c *talk) telegramtest.Message { return c.hears("/video a cat --dur 5", "video") }, "🔄 ✏️ ⬆️ 📥 ℹ️ 🗑️", "video"},
		{"speech", func(c *talk) telegramtest.Message { return c.hears("/speak a cat", "audio") }, "🔄 ✏️ ℹ️ 🗑️", "audio"},
	}
}

// pressing is what a button says, in both languages, and what its press leads to.
type pressing struct {
	english, russian string
	leads            func(c *talk, from shown, on, last telegramtest.Message)
}

// pressings has every button under a job, by its symbol.
func pressings() map[string]pressing {
	again := func(c *talk, from shown, _, last telegramtest.Message) { c.after(last, from.again, "a cat") }
	onward := func(english, russian string, kind func(telegramtest.Message) string) pressing {
		return pressing{english, russian, func(c *talk, from shown, on, last telegramtest.Message) {
			if from.name == "pictures" {
				c.after(last, "text", c.in("Which one?", "Какую взять?"))
				return
			}
			c.after(last, kind(on), "a cat")
		}}
	}
	return map[string]pressing{
		"❌": {"Cancel", "Отменить", func(c *talk, _ shown, on, _ telegramtest.Message) {
			c.ann.Private().Becomes(c.t, on, finds("text", "a cat", c.in("Canceled. Nothing was charged.", "Отменено. Ничего не списано.")))
		}},
		"🔄": {"Again", "Ещё раз", again},
		"🔁": {"Try again", "Попробовать снова", again},
		"✏️": {"Edit prompt", "Изменить запрос", func(c *talk, from shown, _, last telegramtest.Message) {
			asks := c.after(last, "text", c.in("What should it be instead?", "Что сделать вместо этого?"))
			c.ann.Replies(asks, "a dog")
			c.after(asks, from.again, "a dog")
		}},
		"⬆️": onward("Upscale", "Увеличить", telegramtest.Message.Kind),
		"🎬":  onward("Animate", "Оживить", func(telegramtest.Message) string { return "video" }),
		"📥":  {"Original", "Оригинал", func(c *talk, _ shown, _, last telegramtest.Message) { c.after(last, "document") }},
		"ℹ️": {"Info", "Подробности", func(c *talk, _ shown, on, last telegramtest.Message) {
			c.after(last, "text", c.in("Model", "Модель"), c.in("Cost", "Стоимость"), jobIn(on.Words()))
		}},
		"🗑️": {"Delete", "Удалить", func(c *talk, _ shown, on, _ telegramtest.Message) {
			c.ann.Private().Becomes(c.t, on, func(m telegramtest.Message) bool { return m.Deleted })
		}},
	}
}

// Under a job in every state are its buttons, and each leads to what it says.
func TestTalkEveryButton(t *testing.T) {
	all, pressed := pressings(), map[string]bool{}
	for _, state := range everyState() {
		t.Run(state.name, func(t *testing.T) {
			inEveryLanguage(t, townConfig{change: func(c *core.Config) { c.UserDaily = 10_000_000 }}, func(t *testing.T, c *talk) {
				on := state.make(c)
				<-time.After(time.Minute) // until it is stored what shows it
				var symbols []string
				for _, button := range slices.Concat(on.Buttons()...) {
					symbol, label, _ := strings.Cut(button.Text, " ")
					press, ok := all[symbol]
					if !ok || label != c.in(press.english, press.russian) {
						t.Fatalf("there is no conversation about %q", button.Text)
					}
					last := last(c.ann.Private())
					c.ann.Presses(on, button.Text).Answer(t)
					press.leads(c, state, on, last)
					symbols, pressed[symbol] = append(symbols, symbol), true
				}
				if got := strings.Join(symbols, " "); got != state.buttons {
					t.Errorf("there are %s, want %s", got, state.buttons)
				}
			})
		})
	}
	for symbol := range all {
		if !pressed[symbol] {
			t.Errorf("nobody pressed %s", symbol)
		}
	}
}

// What costs more than the person wants to pay unasked is asked about, with the
// price on the button; no is an answer, too.
func TestTalkThePrice(t *testing.T) {
	limit := core.Limit(5000)
	inEveryLanguage(t, townConfig{change: func(c *core.Config) { c.Policy.ConfirmAbove = &limit }}, func(t *testing.T, c *talk) {
		price := c.in("costs up to 8 credits", "стоит до 8 кредитов")
		asks := c.hears("/imagine a cat --model imagen4", "text", price)
		if a := c.ann.Presses(asks, c.in("❌ Cancel", "❌ Отменить")).Answer(t); !strings.Contains(a.Text, c.in("Nothing was charged.", "Ничего не списано.")) {
			t.Errorf("%+v", a)
		}
		if a := c.ann.Presses(asks, "✅").Answer(t); !a.Alert || !strings.Contains(a.Text, c.in("not open any more", "уже закрыт")) {
			t.Errorf("%+v", a)
		}
		asks = c.hears("/imagine a dog --model imagen4", "text", price)
		c.ann.Presses(asks, c.in("✅ Yes, for 8 credits", "✅ Да, за 8 кредитов")).Answer(t)
		c.after(asks, "photo", "a dog")
		if n := len(c.kie.Tasks()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}
