package discord

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/kie/kietest"
)

var set, attach = discordtest.Set, discordtest.Attach

// picture is a small PNG.
func picture(t *testing.T) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := png.Encode(&data, image.NewGray(image.Rect(0, 0, 320, 200))); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func TestImagine(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a *cat* astronaut"), set("aspect_ratio", "16:9"))
		if took := asked.Answer(t).After; took > 300*time.Millisecond {
			t.Errorf("the first answer took %v", took)
		}
		result := asked.Becomes(t, made(1, "a *cat* astronaut", "16:9"))
		if result.Flags&discordtest.FlagComponentsV2 == 0 || result.For != "" || !strings.Contains(result.Words(), `\*cat\*`) {
			t.Errorf("%s", result)
		}
		russian := w.channel.As(w.eva).Types("/imagine", set("prompt", "кот в космосе"))
		russian.Becomes(t, made(1, "кот в космосе", "кредит"))
	})
}

// A refusal is the first answer, for the person's eyes only; TestASlowAnswer is
// about one that takes longer.
func TestRefusal(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.eva).Types("/imagine", set("prompt", "кот"), set("model", "nothing"))
		if m := asked.Becomes(t, says("nothing")); m.For != w.eva.ID() || asked.Answer(t).Deferred() {
			t.Errorf("%s", m)
		}
		if all := w.channel.FromBot(); len(all) != 0 {
			t.Errorf("everybody sees %s", all)
		}
	})
}

// A request that waits is canceled by whoever made it and by nobody else.
func TestCancel(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		stop := w.kie.Always(kietest.CallCreate, kietest.Answer(429, "too many requests"))
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		waiting := asked.Becomes(t, func(m discordtest.Message) bool { return says("a cat")(m) && len(m.Components) > 0 })
		if m := w.eva.Presses(waiting, "Cancel").Original(t); m.For != w.eva.ID() {
			t.Errorf("%s", m)
		}
		w.ada.Presses(waiting, "Cancel").Answer(t)
		asked.Becomes(t, says("a cat", "Canceled"))
		stop()
	})
}

func TestButtonsUnderAResult(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		result := at.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		at.Next(t)
		w.ada.Presses(result, "Again")
		w.discord.Becomes(t, at.Next(t), made(1, "a cat"))
		info := w.ada.Presses(result, "Info")
		if m := info.Becomes(t, says("a cat", "Model")); m.For != w.ada.ID() {
			t.Errorf("%s", m)
		}
		form := w.ada.Presses(result, "Edit").Modal(t)
		if first := form.Fields()[0]; first.Value != "a cat" {
			t.Errorf("the form begins with %q", first.Value)
		}
		form.Submits(set("words", "a dog\nin two lines")).Becomes(t, made(1, "a dog"))
		at.Next(t)
		at.Next(t)
		w.ada.Presses(result, "Animate")
		w.discord.Becomes(t, at.Next(t), made(1, "a cat"))
		stranger := w.eva.Presses(result, "Again")
		if m := stranger.Original(t); m.For != w.eva.ID() {
			t.Errorf("%s", m)
		}
		w.ada.Presses(result, "Delete").Answer(t)
		w.discord.Until(t, func() bool {
			return !slices.ContainsFunc(w.channel.FromBot(), func(m discordtest.Message) bool { return m.ID == result.ID })
		})
	})
}

// Without words a form asks for them, with what was chosen before.
func TestForm(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		form := w.channel.As(w.ada).Types("/imagine", set("aspect_ratio", "16:9")).Modal(t)
		form.Submits(set("words", "a cat\nno dogs")).Becomes(t, made(1, "a cat", "16:9"))
		edit := w.channel.As(w.eva).Types("/imagine").Modal(t)
		edit.Submits(set("words", "шляпа"), attach("files", "cat.png", picture(t))).Becomes(t, made(1, "шляпа"))
		if n := w.uploads(); n != 1 {
			t.Errorf("%d uploads", n)
		}
	})
}

func TestCompletion(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		model := at.Picks(t, "/imagine", "model", "imagen4")
		ratio := at.Picks(t, "/imagine", "aspect_ratio", "16", model)
		at.Types("/imagine", set("prompt", "a cat"), model, ratio).Becomes(t, made(1, "a cat", "16:9"))
		for _, typed := range []string{"", "nothing like it", strings.Repeat("x", 100)} {
			asked := at.Completes("/imagine", "model", typed)
			if found := asked.Choices(t); len(found) == 0 || len(found) > 25 || !strings.Contains(found[0].Name, "credit") {
				t.Errorf("%q: %v", typed, found)
			}
			if took := asked.Answer(t).After; took > 50*time.Millisecond {
				t.Errorf("%q took %v", typed, took)
			}
		}
	})
}

func TestEditWithAnAttachment(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		w.channel.As(w.ada).Types("/edit", set("prompt", "a red hat"), attach("image", "cat.png", picture(t))).Becomes(t, made(1, "a red hat"))
		message := w.channel.As(w.eva).Writes("смотри", attach("", "cat.png", picture(t)))
		w.channel.As(w.eva).UsesOn(message, "Animate").Modal(t).Submits(set("words", "машет лапой")).Becomes(t, made(1, "машет лапой"))
		if n := w.uploads(); n != 2 {
			t.Errorf("%d uploads", n)
		}
	})
}

// The link to an attachment ends within hours. It is read at once: what is made
// of it later comes of Kie's copy, and when that is gone too nothing is charged.
func TestAnAttachmentWhoseLinkEnds(t *testing.T) {
	inWorld(t, worldConfig{hook: true, discord: discordtest.Config{LinkLife: 2 * time.Minute}}, func(t *testing.T, w *world) {
		at := w.channel.As(w.ada)
		result := at.Types("/edit", set("prompt", "a red hat"), attach("image", "cat.png", picture(t))).Becomes(t, made(1, "a red hat"))
		<-time.After(time.Hour)
		w.ada.Presses(result, "Again")
		at.Until(t, func(m discordtest.Message) bool { return m.ID != result.ID && made(1, "a red hat")(m) })
		<-time.After(13 * time.Hour)
		w.ada.Presses(result, "Again")
		at.Until(t, says("cat.png", "could not be handed to Kie", "othing was charged"))
		if n := w.uploads(); n != 2 || len(w.kie.Tasks()) != 2 {
			t.Errorf("%d requests, %d with a file", len(w.kie.Tasks()), n)
		}
	})
}

func TestPrivate(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		result := w.channel.As(w.ada).Types("/imagine", set("prompt", "a secret"), set("private", true)).Becomes(t, made(1, "a secret"))
		if result.For != w.ada.ID() {
			t.Errorf("%s", result)
		}
	})
}

// In direct messages nothing is ephemeral: it stays.
func TestDirectMessages(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		if m := w.ada.Types("/balance").Original(t); m.For != "" {
			t.Errorf("%s", m)
		}
		w.ada.Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
	})
}

func TestVideoAndMusic(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		video := w.channel.As(w.ada).Types("/video", set("prompt", "waves")).Becomes(t, made(1, "waves"))
		if video.Flags&discordtest.FlagComponentsV2 != 0 || !strings.HasSuffix(video.Attachments[0].Filename, ".mp4") {
			t.Errorf("%s", video)
		}
		song := w.channel.As(w.ada).Types("/music", set("prompt", "a waltz")).Becomes(t, made(2, "a waltz"))
		if song.Flags&discordtest.FlagComponentsV2 != 0 {
			t.Errorf("%s", song)
		}
	})
}

func TestBatch(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		w.channel.As(w.ada).Types("/imagine", set("prompt", "cats"), set("count", 4)).Becomes(t, made(4, "cats"))
	})
}

// A result is hidden until somebody looks where the person or the channel wants
// that, and nowhere else.
func TestSpoilers(t *testing.T) {
	inWorld(t, worldConfig{hook: true, change: plenty}, func(t *testing.T, w *world) {
		modest := w.guild.Channel("modest")
		admin := core.Origin{Identity: w.boss(), Lane: core.NewLane(Platform, modest.ID()), Admin: true}
		w.must(w.engine.ChangeChatSettings(t.Context(), admin, func(s *core.ChatSettings) { s.Spoiler = true }))
		for _, c := range []struct {
			at     *discordtest.Channel
			asked  bool
			hidden bool
		}{{w.channel, false, false}, {w.channel, true, true}, {modest, false, true}} {
			for command, files := range map[string]int{"/imagine": 1, "/video": 1, "/music": 2} {
				m := c.at.As(w.ada).Types(command, set("prompt", "cats"), set("spoiler", c.asked)).Becomes(t, made(files, "cats"))
				for _, one := range m.Attachments {
					if one.Spoiler != c.hidden {
						t.Errorf("%s: a file's spoiler is %v", m, one.Spoiler)
					}
				}
				for _, one := range m.Shown() {
					if one.Spoiler != c.hidden {
						t.Errorf("%s: a picture's spoiler is %v", m, one.Spoiler)
					}
				}
			}
		}
	})
}

// Every command that makes nothing is answered, in both languages.
func TestAnswers(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		for _, who := range []*discordtest.Person{w.ada, w.eva} {
			for _, name := range []string{"/models", "/balance", "/queue", "/history", "/settings", "/link", "/help", "/cancel"} {
				if m := w.channel.As(who).Types(name).Original(t); m.For != who.ID() || m.Words() == "" {
					t.Errorf("%s: %s", name, m)
				}
			}
		}
	})
}

// The pages of a menu take each other's place.
func TestMenu(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		menu := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"), set("menu", true))
		page := menu.Original(t)
		w.ada.Presses(page, "Model").Answer(t)
		page = menu.Becomes(t, func(m discordtest.Message) bool { return m.Edits > 0 })
		w.ada.Presses(page, "Back").Answer(t)
		page = menu.Becomes(t, func(m discordtest.Message) bool { return m.Edits > 1 })
		w.ada.Presses(page, "Make").Answer(t)
		w.discord.Until(t, func() bool {
			all := w.channel.As(w.ada).FromBot()
			return len(all) == 1 && made(1, "a cat")(all[0])
		})
	})
}

func TestShow(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		result := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		words := strings.Fields(result.Words())
		id := words[len(words)-1]
		w.channel.As(w.ada).Types("/show", set("about", id)).Becomes(t, made(1, "a cat"))
	})
}
