package telegram

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
)

// commandTalks has a conversation about every command, by its name.
func commandTalks() map[string]func(*talk) {
	return map[string]func(*talk){
		"imagine": func(c *talk) {
			c.hears("/imagine", "text", c.in("Say what you want", "Напишите, что сделать"), c.in("Nothing was charged.", "Ничего не списано."))
			c.hears(c.in("/imagine a cat --ar 16:9", "/imagine кот --ar 16:9"), "photo", c.in("a cat", "кот"), "16:9", c.in("left today", "сегодня осталось"))
			c.hears("/image a bird", "photo", "a bird")
			c.hears("/imagine a cat --model imagin4", "text", "imagin4", c.in("Did you mean", "Может быть"))
			c.hears("/imagine a fish --n 2", "text", "a fish")
		},
		"video": func(c *talk) {
			c.hears("/video waves --dur 5", "video", "waves", c.in("5 s", "5 с"))
			c.hears("/video waves --dur 7", "text", "--dur", c.in("Nothing was charged.", "Ничего не списано."))
		},
		"edit": func(c *talk) {
			c.hears("/edit bluer", "text", c.in("works from a job", "берёт готовое задание"))
			cat := c.made("/imagine a cat", "photo")
			c.hears("/edit "+cat+" bluer", "photo", "bluer")
		},
		"upscale": func(c *talk) {
			c.hears("/upscale zzzzzzzz", "text", c.in("no such job", "Такого задания нет"))
			small := c.hears("/imagine a cat", "photo")
			c.hears("/upscale "+jobIn(small.Words()), "photo", "a cat", "Upscale")
		},
		"animate": func(c *talk) {
			song := c.made("/speak hello", "audio")
			c.hears("/animate "+song, "text", c.in("nothing to work from", "нечего взять"))
			cat := c.made("/imagine a cat", "photo")
			c.hears("/animate "+cat+" it waves", "video", "it waves")
		},
		"music": func(c *talk) {
			c.hears("/music a waltz", "audio")
		},
		"speak": func(c *talk) {
			c.hears("/speak Good morning --voice Rachel", "audio", "Good morning")
			c.hears("/speak", "text", c.in("Say what you want", "Напишите, что сделать"))
		},
		"generate": func(c *talk) {
			c.hears("/generate --model seedream a cat", "photo", "a cat", "Seedream")
			menu := c.hears("/generate a dog", "text", c.in("What kind of model?", "Какая нужна модель?"))
			if _, ok := menu.Button(c.in("Pictures", "Картинки")); !ok {
				c.t.Errorf("%s", menu)
			}
		},
		"models": func(c *talk) {
			menu := c.hears("/models", "text", c.in("What you can choose with --model", "Вот что можно выбрать через --model"))
			if _, ok := menu.Button(c.in("Videos", "Видео")); !ok {
				c.t.Errorf("%s", menu)
			}
			c.hears("/models imagen4", "text", "Google Imagen 4", c.in("Names:", "Имена:"))
			c.hears("/models nonsense", "text", c.in("There is no model", "Нет модели"))
		},
		"balance": func(c *talk) {
			c.hears("/balance", "text", c.in("Used today: 0 credits.", "Сегодня потрачено: 0 кредитов."))
			c.hears("/imagine a cat --model imagen4", "photo")
			c.hears("/balance", "text", c.in("Used today: 8 credits.", "Сегодня потрачено: 8 кредитов."))
		},
		"queue": func(c *talk) {
			c.hears("/queue", "text", c.in("Nothing of yours is under way", "У вас сейчас ничего не делается"))
			c.waits("/imagine a cat")
			c.hears("/queue", "text", c.in("1 job under way", "В работе 1 задание"), "a cat", c.in("in queue", "в очереди"))
		},
		"history": func(c *talk) {
			c.hears("/history", "text", c.in("not made anything yet", "ещё ничего не делали"))
			job := c.made("/imagine a cat", "photo")
			c.hears("/history", "text", "a cat", c.in("done", "готово"), job)
		},
		"show": func(c *talk) {
			c.hears("/show", "text", c.in("works from a job", "берёт готовое задание"))
			job := c.made("/imagine a cat", "photo")
			c.hears("/show "+job, "photo", "a cat", job)
		},
		"cancel": func(c *talk) {
			c.hears("/cancel", "text", c.in("nothing to cancel", "отменять нечего"))
			waits := c.waits("/imagine a cat")
			c.hears("/cancel", "text", c.in("Canceled. Nothing was charged.", "Отменено. Ничего не списано."))
			c.ann.Private().Becomes(c.t, waits, finds("text", "a cat", c.in("Canceled.", "Отменено.")))
		},
		"settings": func(c *talk) {
			menu := c.hears("/settings", "text", c.in("Your settings", "Ваши настройки"))
			if _, ok := menu.Button(c.in("Language: automatic", "Язык: как в приложении")); !ok {
				c.t.Errorf("%s", menu)
			}
		},
		"link": func(c *talk) {
			words := c.hears("/link", "text", c.in("Your code:", "Ваш код:")).Words()
			code := strings.Fields(words[strings.Index(words, "/link "):])[1]
			c.hears("/link "+code, "text", c.in("You made this code here", "Этот код получен здесь же"))
			bob := c.tg.Person("Bob", telegramtest.Language(c.locale))
			bob.Types("/link " + code)
			bob.Until(c.t, finds("text", c.in("Linked", "Связано")))
		},
		"privacy": func(c *talk) {
			cat := c.made("/imagine a cat", "photo")
			<-time.After(time.Minute) // until that it was shown is stored
			c.hears("/privacy", "text", c.in("What is kept about you", "Что о вас хранится"), "90", "14")
			menu := c.ann.Until(c.t, finds("text", c.in("What is kept about you", "Что о вас хранится")))
			c.ann.Presses(menu, "📄")
			sent := c.after(menu, "document")
			if data := string(c.tg.FileBytes(sent.Document.FileID)); !strings.Contains(data, `"prompt":"a cat"`) || strings.Count(data, "\n") < 3 {
				c.t.Errorf("the data is %q", data)
			}
			c.ann.Presses(menu, "🗑️")
			asks := c.ann.Private().Becomes(c.t, menu, finds("text", c.in("That cannot be undone", "Вернуть это будет нельзя")))
			c.ann.Presses(asks, "⬅️")
			menu = c.ann.Private().Becomes(c.t, asks, finds("text", c.in("What is kept about you", "Что о вас хранится")))
			c.ann.Presses(menu, "🗑️")
			asks = c.ann.Private().Becomes(c.t, menu, finds("text", c.in("That cannot be undone", "Вернуть это будет нельзя")))
			c.ann.Presses(asks, "🗑️")
			c.ann.Private().Becomes(c.t, asks, finds("text", c.in("Deleted: 1 request", "Удалено: 1 запрос")))
			c.hears("/show "+cat, "text", c.in("no such job", "Такого задания нет"))
			c.hears("/history", "text", c.in("not made anything yet", "ещё ничего не делали"))
		},
		"buy": func(c *talk) {
			menu := c.hears("/buy", "text", c.in("Credits on top of your limits", "Кредиты сверх ваших лимитов"))
			if _, ok := menu.Button(c.in("100 Stars: 500 credits", "100 звёзд: 500 кредитов")); !ok {
				c.t.Errorf("%s", menu)
			}
		},
		"terms": func(c *talk) {
			c.hears("/terms", "text", c.in("You buy credits for this bot", "Вы покупаете кредиты для этого бота"))
		},
		"paysupport": func(c *talk) {
			c.hears("/paysupport", "text", c.in("Something is wrong with a payment", "Что-то не так с платежом"))
		},
		"admin": func(c *talk) {
			c.hears("/admin grant telegram:123 50", "text", c.in("Only those who run this bot can do that.", "Это могут только те, кто управляет этим ботом."))
		},
		"help": func(c *talk) {
			c.hears("/help", "text", c.in("Hello!", "Здравствуйте!"), "/imagine", "/settings")
			c.hears("/start", "text", c.in("Hello!", "Здравствуйте!"))
			c.hears("/help video", "text", "/video", "--dur", c.in("For example", "Например"))
			c.hears("/help weather", "text", "/weather", c.in("There is no command", "Нет команды"))
		},
	}
}

// everything is a town with every command that there can be.
func everything() townConfig {
	return townConfig{packs: []bots.Pack{{Stars: 100, Credits: 500_000}}}
}

// There is a conversation about every command.
func TestTalkEveryCommand(t *testing.T) {
	talks := commandTalks()
	for _, locale := range []string{"en", "ru"} {
		var commands []string
		inTown(t, everything(), func(_ *testing.T, w *town) {
			for _, c := range w.telegram.cfg.Bot.Commands(locale) {
				commands = append(commands, c.Name)
			}
		})
		if told := slices.Sorted(maps.Keys(talks)); !slices.Equal(told, slices.Sorted(slices.Values(commands))) {
			t.Fatalf("there are conversations about %q, and the commands %q", told, commands)
		}
		for _, name := range commands {
			t.Run(locale+"/"+name, func(t *testing.T) {
				inTown(t, everything(), func(t *testing.T, w *town) {
					talks[name](&talk{w, locale, w.tg.Person("Ann", telegramtest.Language(locale))})
				})
			})
		}
	}
}

// In a group every command and every other name of it is answered where it was
// typed, in the language of who typed it; what is for one person alone is not.
func TestTalkCommandsInGroups(t *testing.T) {
	inEveryLanguage(t, everything(), func(t *testing.T, c *talk) {
		c.ann.Starts("")
		c.ann.Next(t)
		chat := c.tg.Forum("cats", c.ann).Topic("black ones")
		for _, command := range c.telegram.cfg.Bot.Commands(c.locale) {
			for _, name := range append([]string{command.Name}, command.Aliases...) {
				asked := chat.As(c.ann).Types("/" + strings.ToUpper(name) + "@TestBot")
				if slices.Contains([]string{"link", "buy", "admin", "privacy"}, name) {
					c.understands(c.ann.Next(t))
					continue
				}
				answer := chat.Next(t)
				c.understands(answer)
				if answer.ReplyTo == nil || answer.ReplyTo.ID != asked.ID || answer.ThreadID != chat.ThreadID() {
					t.Errorf("/%s: %s", name, answer)
				}
			}
		}
		if n := len(c.kie.Tasks()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}
