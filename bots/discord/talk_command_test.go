package discord

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/kie/kietest"
)

// talk is a conversation of one person in one language.
type talk struct {
	*world
	who *discordtest.Person
	at  discordtest.Speaker
}

// inEveryLanguage runs the conversation in each, over both ways.
func inEveryLanguage(t *testing.T, cfg worldConfig, test func(*testing.T, *talk)) {
	t.Helper()
	for _, locale := range []string{"en", "ru"} {
		t.Run(locale, func(t *testing.T) {
			both(t, cfg, func(t *testing.T, w *world) { test(t, w.talk(locale)) })
		})
	}
}

func (w *world) talk(locale string) *talk {
	who := map[string]*discordtest.Person{"en": w.ada, "ru": w.eva}[locale]
	return &talk{w, who, w.channel.As(who)}
}

// in is what is said in the language of the conversation.
func (c *talk) in(english, russian string) string {
	if c.who == c.eva {
		return russian
	}
	return english
}

// rawText is what is shown for a text that there is not.
var rawText = regexp.MustCompile(`{{|<no value>|(^|[ •])[a-z_]+\.[a-z_.]*[a-z]($|[ .])`)

// understands looks whether a message is in the language of the conversation.
func (c *talk) understands(m discordtest.Message) {
	c.t.Helper()
	words := m.Words()
	for _, b := range m.Buttons() {
		words += " " + b.Label
	}
	if cyrillic(words) != (c.who == c.eva) || rawText.MatchString(m.Words()) {
		c.t.Errorf("%s: not in this language", m)
	}
}

func cyrillic(words string) bool {
	return strings.IndexFunc(words, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) >= 0
}

// hears waits until what answers the interaction has so many files and says all the parts.
func (c *talk) hears(asked *discordtest.Interaction, files int, parts ...string) discordtest.Message {
	c.t.Helper()
	m := asked.Becomes(c.t, made(files, parts...))
	c.understands(m)
	return m
}

// says runs a command that makes nothing.
func (c *talk) says(command, about string, parts ...string) discordtest.Message {
	c.t.Helper()
	var values []discordtest.Value
	if about != "" {
		values = append(values, set("about", about))
	}
	return c.hears(c.at.Types(command, values...), 0, parts...)
}

// makes runs a command that makes something.
func (c *talk) makes(command, prompt string, files int, values ...discordtest.Value) discordtest.Message {
	c.t.Helper()
	return c.hears(c.at.Types(command, append(values, set("prompt", prompt))...), files, c.in("left today", "сегодня осталось"))
}

// refused runs a command that is refused, and says why to the person alone.
func (c *talk) refused(command string, reason string, values ...discordtest.Value) {
	c.t.Helper()
	m := c.hears(c.at.Types(command, values...), 0, reason, c.in("Nothing was charged.", "Ничего не списано."))
	if m.For != c.who.ID() {
		c.t.Errorf("%s", m)
	}
}

// waits asks for a picture, which then waits at us.
func (c *talk) waits() *discordtest.Interaction {
	c.t.Helper()
	c.kie.SetBalance(0)
	asked := c.at.Types("/imagine", set("prompt", "a cat"))
	c.hears(asked, 0, c.in("has no credits left", "нет кредитов"))
	return asked
}

// jobIn is the id of the job that the words of a result end with.
func jobIn(m discordtest.Message) string {
	words := strings.Fields(m.Words())
	return words[len(words)-1]
}

// commandTalks has a conversation about every command, by its name.
func commandTalks() map[string]func(*talk) {
	return map[string]func(*talk){
		"imagine": func(c *talk) {
			c.makes("/imagine", "a cat", 1, set("aspect_ratio", "16:9"))
			c.makes("/imagine", "a fish", 2, set("count", 2))
			c.refused("/imagine", c.in("Did you mean", "Может быть"), set("prompt", "a cat"), set("model", "imagin4"))
			c.hears(c.at.Types("/imagine").Modal(c.t).Submits(set("words", "a bird")), 1, "a bird")
		},
		"video": func(c *talk) {
			c.makes("/video", "waves", 1)
			c.hears(c.at.Types("/video").Modal(c.t).Submits(set("words", "dunes")), 1, "dunes")
		},
		"edit": func(c *talk) {
			c.refused("/edit", c.in("works from a job", "берёт готовое задание"), set("prompt", "bluer"))
			cat := c.makes("/imagine", "a cat", 1)
			c.makes("/edit", jobIn(cat)+" bluer", 1)
			c.makes("/edit", "bluer", 1, attach("image", "cat.png", picture(c.t)))
		},
		"upscale": func(c *talk) {
			c.refused("/upscale", c.in("no such job", "Такого задания нет"), set("prompt", "zzzzzzzz"))
			cat := c.makes("/imagine", "a cat", 1)
			c.makes("/upscale", jobIn(cat), 1)
		},
		"animate": func(c *talk) {
			song := c.makes("/speak", "hello", 1)
			c.refused("/animate", c.in("nothing to work from", "нечего взять"), set("prompt", jobIn(song)))
			cat := c.makes("/imagine", "a cat", 1)
			c.makes("/animate", jobIn(cat)+" it waves", 1)
			c.makes("/animate", "it waves", 1, attach("image", "cat.png", picture(c.t)))
		},
		"music": func(c *talk) { c.makes("/music", "a waltz", 2) },
		"speak": func(c *talk) { c.makes("/speak", "Good morning", 1, set("voice", "Rachel")) },
		"generate": func(c *talk) {
			c.makes("/generate", "a cat", 1, set("model", "seedream"))
			menu := c.hears(c.at.Types("/generate", set("prompt", "a dog")), 0, c.in("What kind of model?", "Какая нужна модель?"))
			if _, ok := menu.Button(c.in("Pictures", "Картинки")); !ok {
				c.t.Errorf("%s", menu)
			}
		},
		"models": func(c *talk) {
			menu := c.says("/models", "", c.in("What you can choose with", "Вот что можно выбрать через"))
			if _, ok := menu.Button(c.in("Videos", "Видео")); !ok {
				c.t.Errorf("%s", menu)
			}
			c.says("/models", "imagen4", "Google Imagen 4", c.in("Names:", "Имена:"))
			c.says("/models", "nonsense", c.in("There is no model", "Нет модели"))
		},
		"balance": func(c *talk) {
			c.says("/balance", "", c.in("Used today: 0 credits.", "Сегодня потрачено: 0 кредитов."))
			c.makes("/imagine", "a cat", 1, set("model", "imagen4"))
			c.says("/balance", "", c.in("Used today: 8 credits.", "Сегодня потрачено: 8 кредитов."))
		},
		"queue": func(c *talk) {
			c.says("/queue", "", c.in("Nothing of yours is under way", "У вас сейчас ничего не делается"))
			c.waits()
			c.says("/queue", "", c.in("1 job under way", "В работе 1 задание"), "a cat", c.in("in queue", "в очереди"))
		},
		"history": func(c *talk) {
			c.says("/history", "", c.in("not made anything yet", "ещё ничего не делали"))
			cat := c.makes("/imagine", "a cat", 1)
			c.says("/history", "", "a cat", c.in("done", "готово"), jobIn(cat))
		},
		"show": func(c *talk) {
			c.says("/show", "", c.in("works from a job", "берёт готовое задание"))
			cat := jobIn(c.makes("/imagine", "a cat", 1))
			c.hears(c.at.Types("/show", set("about", cat)), 1, "a cat", cat)
		},
		"cancel": func(c *talk) {
			c.says("/cancel", "", c.in("nothing to cancel", "отменять нечего"))
			waiting := c.waits()
			c.says("/cancel", "", c.in("Canceled. Nothing was charged.", "Отменено. Ничего не списано."))
			c.hears(waiting, 0, "a cat", c.in("Canceled.", "Отменено."))
		},
		"settings": func(c *talk) {
			menu := c.says("/settings", "", c.in("Your settings", "Ваши настройки"))
			if _, ok := menu.Button(c.in("Language: automatic", "Язык: как в приложении")); !ok {
				c.t.Errorf("%s", menu)
			}
		},
		"link": func(c *talk) {
			words := strings.ReplaceAll(c.says("/link", "", c.in("Your code:", "Ваш код:")).Words(), `\`, "")
			code := strings.Trim(strings.Fields(words[strings.Index(words, "/link "):])[1], ".`")
			c.says("/link", code, c.in("You made this code here", "Этот код получен здесь же"))
		},
		"privacy": func(c *talk) {
			cat := jobIn(c.makes("/imagine", "a cat", 1))
			<-time.After(time.Minute) // until that it was shown is stored
			menu := c.says("/privacy", "", c.in("What is kept about you", "Что о вас хранится"), "90", "14")
			c.who.Presses(menu, "📄").Answer(c.t)
			sent := c.at.Until(c.t, func(m discordtest.Message) bool {
				return len(m.Attachments) == 1 && m.Attachments[0].Filename == "kiebot.jsonl"
			})
			if data := string(c.discord.FileBytes(sent.Attachments[0].ID)); !sent.Ephemeral() || !strings.Contains(data, `"prompt":"a cat"`) || strings.Count(data, "\n") < 3 {
				c.t.Errorf("%s: the data is %q", sent, data)
			}
			turns := func(symbol string, parts ...string) {
				c.who.Presses(menu, symbol)
				menu = c.discord.Becomes(c.t, menu, says(parts...))
				c.understands(menu)
			}
			turns("🗑️", c.in("That cannot be undone", "Вернуть это будет нельзя"))
			turns("⬅️", c.in("What is kept about you", "Что о вас хранится"))
			turns("🗑️", c.in("That cannot be undone", "Вернуть это будет нельзя"))
			turns("🗑️", c.in("Deleted: 1 request", "Удалено: 1 запрос"))
			c.says("/show", cat, c.in("no such job", "Такого задания нет"))
			c.says("/history", "", c.in("not made anything yet", "ещё ничего не делали"))
		},
		"admin": func(c *talk) {
			refused := c.in("Only those who run this bot can do that.", "Это могут только те, кто управляет этим ботом.")
			c.hears(c.who.Types("/admin", set("do", "grant discord:1 50")), 0, refused)
			c.hears(c.who.Types("/admin"), 0, refused)
		},
		"help": func(c *talk) {
			c.says("/help", "", c.in("Hello!", "Здравствуйте!"), "/imagine", "/settings")
			c.says("/help", "video", "/video", c.in("For example", "Например"))
			c.says("/help", "weather", "/weather", c.in("There is no command", "Нет команды"))
		},
	}
}

// There is a conversation about every command, in both languages and both ways.
func TestTalkEveryCommand(t *testing.T) {
	talks := commandTalks()
	var commands []string
	inWorld(t, worldConfig{}, func(_ *testing.T, w *world) {
		for _, c := range w.ours.cfg.Bot.Commands("en") {
			commands = append(commands, c.Name)
		}
	})
	if told := slices.Sorted(maps.Keys(talks)); !slices.Equal(told, slices.Sorted(slices.Values(commands))) {
		t.Fatalf("there are conversations about %q, and the commands %q", told, commands)
	}
	for _, name := range commands {
		t.Run(name, func(t *testing.T) {
			inEveryLanguage(t, worldConfig{change: plenty}, func(_ *testing.T, c *talk) { talks[name](c) })
		})
	}
}

func plenty(c *core.Config) { c.UserDaily = 10_000_000 }

// Every option of every command is taken, whatever its type, and answered in
// the language of who used it.
func TestTalkEveryOption(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		c.kie.Always(kietest.CallCreate, kietest.Answer(500, "no"))
		n := 0
		for _, command := range c.discord.Commands("") {
			if command.DefaultMemberPermissions != nil {
				continue // nobody here is offered it: TestAdmin is about it
			}
			for _, p := range command.Options {
				value := set(p.Name, "7")
				switch p.Type {
				case optionInteger:
					value = set(p.Name, 1)
				case optionBoolean:
					value = set(p.Name, true)
				case optionAttachment:
					value = attach(p.Name, "a"+endingOf(p.Name), picture(t))
				}
				values := []discordtest.Value{value}
				if p.Name != fieldPrompt && slices.ContainsFunc(command.Options, func(o discordtest.Parameter) bool { return o.Name == fieldPrompt }) {
					values = append(values, set(fieldPrompt, "a cat"))
				}
				c.understands(c.at.Types("/"+command.Name, values...).Becomes(t, func(m discordtest.Message) bool { return !m.Loading() && m.Words() != "" }))
				if n++; n%10 == 0 {
					<-time.After(time.Minute)
				}
			}
		}
		if n < 50 {
			t.Errorf("%d options", n)
		}
	})
}

// endingOf is that of a file's name for the option.
func endingOf(option string) string {
	switch {
	case strings.HasPrefix(option, "audio"):
		return ".mp3"
	case strings.HasPrefix(option, "video"):
		return ".mp4"
	}
	return ".png"
}

// Under a result are these buttons and no others, and each leads to what it says.
func TestTalkEveryButton(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		result := c.makes("/imagine", "a cat", 1)
		c.at.Next(t)
		next := func(words string) { c.understands(c.discord.Becomes(t, c.at.Next(t), made(1, words))) }
		press := func(english, russian string) *discordtest.Interaction {
			return c.who.Presses(result, c.in(english, russian))
		}
		leads := map[string]func(){
			c.in("Again", "Ещё раз"): func() { press("Again", "Ещё раз"); next("a cat") },
			c.in("Edit prompt", "Изменить запрос"): func() {
				form := press("Edit prompt", "Изменить запрос").Modal(t)
				if first := form.Fields()[0]; first.Value != "a cat" || cyrillic(form.Title) != (c.who == c.eva) {
					t.Errorf("%+v", form)
				}
				form.Submits(set("words", "a dog"))
				next("a dog")
			},
			c.in("Upscale", "Увеличить"): func() { press("Upscale", "Увеличить"); next("a cat") },
			c.in("Animate", "Оживить"):   func() { press("Animate", "Оживить"); next("a cat") },
			c.in("Info", "Подробности"): func() {
				info := c.hears(press("Info", "Подробности"), 0, c.in("Model", "Модель"), c.in("Cost", "Стоимость"), jobIn(result))
				if info.For != c.who.ID() {
					t.Errorf("%s", info)
				}
			},
			c.in("Delete", "Удалить"): func() {
				press("Delete", "Удалить").Answer(t)
				c.discord.Becomes(t, result, func(m discordtest.Message) bool { return m.Deleted })
			},
		}
		var labels []string
		for _, b := range result.Buttons() {
			labels = append(labels, b.Label)
		}
		if told := slices.Sorted(maps.Keys(leads)); !slices.Equal(told, slices.Sorted(slices.Values(labels))) {
			t.Fatalf("there are conversations about %q, and the buttons %q", told, labels)
		}
		for _, label := range labels { // the last one deletes
			leads[label]()
		}
	})
}

// While a job waits it can be canceled, and what failed or was canceled can be
// made again or with other words.
func TestTalkButtonsOfOtherStates(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		waiting := c.waits()
		c.who.Presses(waiting.Original(t), c.in("Cancel", "Отменить")).Answer(t)
		over := c.hears(waiting, 0, "a cat", c.in("Canceled.", "Отменено."))
		c.kie.SetBalance(kietest.DefaultCredits)
		c.who.Presses(over, c.in("Again", "Ещё раз"))
		c.at.Until(t, made(1, "a cat"))
		c.kie.NextCreate(kietest.Fail("501", "no"))
		asked := c.at.Types("/imagine", set("prompt", "a dog"))
		failed := c.hears(asked, 0, c.in("Kie tried and failed.", "Kie попробовал, но не вышло."))
		c.who.Presses(failed, c.in("Try again", "Попробовать снова"))
		c.at.Until(t, made(1, "a dog"))
		c.who.Presses(failed, c.in("Edit prompt", "Изменить запрос")).Modal(t).Submits(set("words", "a bird"))
		c.at.Until(t, made(1, "a bird"))
	})
}

// What costs more than a person wants to pay unasked is asked about.
func TestTalkThePrice(t *testing.T) {
	limit := core.Limit(5000)
	inEveryLanguage(t, worldConfig{change: func(c *core.Config) { c.Policy.ConfirmAbove = &limit }}, func(t *testing.T, c *talk) {
		price := c.in("costs up to 8 credits", "стоит до 8 кредитов")
		asks := c.hears(c.at.Types("/imagine", set("prompt", "a cat"), set("model", "imagen4")), 0, price)
		c.who.Presses(asks, c.in("Cancel", "Отменить")).Answer(t)
		asks = c.hears(c.at.Types("/imagine", set("prompt", "a dog"), set("model", "imagen4")), 0, price)
		c.who.Presses(asks, c.in("Yes, for 8 credits", "Да, за 8 кредитов")).Answer(t)
		c.at.Until(t, made(1, "a dog"))
		if n := len(c.kie.Tasks()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A message's menu says at once where it has nothing to work from: no form is
// filled in for nothing.
func TestTalkMessageCommandsWithoutAPicture(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		song := c.makes("/speak", "hello", 1)
		refuses := func(on *discordtest.Interaction, part string) {
			if m := c.hears(on, 0, part); m.For != c.who.ID() {
				c.t.Errorf("everybody sees %s", m)
			}
		}
		for _, theirs := range []discordtest.Message{c.at.Writes("look"), c.at.Writes("look", attach("", "notes.txt", []byte("hello")))} {
			for _, row := range messageMenu() {
				if row.button == "info" {
					refuses(c.at.UsesOn(theirs, row.name), c.in("does not show what this bot made", "не то, что сделал этот бот"))
					continue
				}
				refuses(c.at.UsesOn(theirs, row.name), c.in("no picture or video", "нет картинки или видео"))
				if row.button != "edit" { // that is to change what is said
					refuses(c.at.UsesOn(song, row.name), c.in("no picture or video", "нет картинки или видео"))
				}
			}
		}
		if n := len(c.kie.Tasks()); n != 1 {
			c.t.Errorf("Kie has %d tasks", n)
		}
	})
}

// The commands of a message's menu, on one of ours and on somebody's picture.
func TestTalkEveryMessageCommand(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		result := c.makes("/imagine", "a cat", 1)
		theirs := c.at.Writes("look", attach("", "cat.png", picture(t)))
		for _, row := range messageMenu() {
			on := c.at.UsesOn(result, row.name)
			switch row.button {
			case "info":
				c.hears(on, 0, c.in("Model", "Модель"))
				continue
			case "edit":
				c.hears(on.Modal(t).Submits(set("words", "a dog")), 1, "a dog")
			default:
				c.hears(on, 1, "a cat")
			}
			if row.words {
				c.hears(c.at.UsesOn(theirs, row.name).Modal(t).Submits(set("words", "bluer")), 1, "bluer")
			} else {
				c.hears(c.at.UsesOn(theirs, row.name), 1, c.in("left today", "сегодня осталось"))
			}
		}
	})
}

// The commands of a person's menu work from the picture that the person has of
// themselves, and say so where there is none.
func TestTalkEveryPersonCommand(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		max := c.discord.Person("Max", discordtest.Portrait(picture(t)))
		c.guild.Joins(max)
		requests := 0
		for _, row := range messageMenu() {
			if row.command == "" {
				continue
			}
			none := c.hears(c.at.UsesOnPerson(c.who, row.name), 0, c.in("has no profile picture", "нет аватара"), c.in("Nothing was charged.", "Ничего не списано."))
			if none.For != c.who.ID() {
				t.Errorf("everybody sees %s", none)
			}
			on := c.at.UsesOnPerson(max, row.name)
			if row.words {
				on = on.Modal(t).Submits(set("words", "a hat"))
			}
			c.hears(on, 1, c.in("left today", "сегодня осталось"))
			requests++
		}
		if n := c.uploads(); n != requests || requests == 0 {
			t.Errorf("%d of %d requests had a picture", n, requests)
		}
	})
}
