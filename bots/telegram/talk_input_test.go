package telegram

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

// input is a kind of file that people give, what they ask for with it, and the
// kind of message in which the result comes.
type input struct {
	name  string
	media func(n uint8) telegramtest.Media
	ask   string
	comes string
	alone bool // it cannot have words of its own, only an answer
}

// everyInput needs a video and a sound that can be played.
func everyInput(t *testing.T, film, song telegramtest.Message) []input {
	const redo, cover = "/video --model wan/2-6-video-to-video", "/music --model ai-music-api/upload-and-cover-audio"
	clip := func(n uint8) []byte { return append(film.Bytes(), 0, 0, 0, 9, 'f', 'r', 'e', 'e', n) } // a box that means nothing
	tune := func(n uint8) []byte { return append(song.Bytes(), n) }
	side, long := film.File(), film.File().Duration
	return []input{
		{"a photo", func(n uint8) telegramtest.Media { return telegramtest.Photo(dot(t, n)) }, "/edit", "photo", false},
		{"a picture as a file", func(n uint8) telegramtest.Media { return telegramtest.Document("a.png", dot(t, n)) }, "/edit", "photo", false},
		{"a photo that is to move", func(n uint8) telegramtest.Media { return telegramtest.Photo(dot(t, n)) }, "/animate", "video", false},
		{"a sticker", func(n uint8) telegramtest.Media { return telegramtest.Sticker(dot(t, n)) }, "/edit", "photo", true},
		{"a video", func(n uint8) telegramtest.Media {
			return telegramtest.Video(clip(n), side.Width, side.Height, long)
		}, redo, "video", false},
		{"a video as a file", func(n uint8) telegramtest.Media {
			m := telegramtest.Document("a.mp4", clip(n))
			m.MIME = "video/mp4"
			return m
		}, redo, "video", false},
		{"an animation", func(n uint8) telegramtest.Media {
			return telegramtest.Animation(clip(n), side.Width, side.Height, long)
		}, redo, "video", false},
		{"a round video", func(n uint8) telegramtest.Media { return telegramtest.VideoNote(clip(n), 240, long) }, redo, "video", true},
		{"music", func(n uint8) telegramtest.Media { return telegramtest.Audio("song.mp3", tune(n), 20) }, cover, "text", false},
		{"a voice", func(n uint8) telegramtest.Media { return telegramtest.Voice(tune(n), 3) }, cover, "text", false},
	}
}

// ways are how a file comes to the bot with what is asked for.
func (c *talk) ways(group *telegramtest.Chat, bob *telegramtest.Person) map[string]func(m telegramtest.Media, ask, words string) *telegramtest.Chat {
	return map[string]func(telegramtest.Media, string, string) *telegramtest.Chat{
		"with its own words": func(m telegramtest.Media, ask, words string) *telegramtest.Chat {
			c.ann.Sends(m, ask+" "+words)
			return c.ann.Private()
		},
		"under a command that answers": func(m telegramtest.Media, ask, words string) *telegramtest.Chat {
			c.ann.RepliesWith(c.ann.Types("/queue"), m, ask+" "+words)
			return c.ann.Private()
		},
		"an answer to it": func(m telegramtest.Media, ask, words string) *telegramtest.Chat {
			c.ann.Replies(c.ann.Sends(m, ""), ask+" "+words)
			return c.ann.Private()
		},
		"an answer to somebody else’s": func(m telegramtest.Media, ask, words string) *telegramtest.Chat {
			command, options, _ := strings.Cut(ask, " ")
			group.As(c.ann).Replies(group.As(bob).Sends(m, ""), command+"@testbot "+options+" "+words)
			return group
		},
	}
}

// Whatever kind of file somebody gives, in whatever way, Kie gets its very
// bytes, and the result comes where it was asked for.
func TestTalkEveryInput(t *testing.T) {
	inEveryLanguage(t, townConfig{change: func(c *core.Config) { c.UserDaily = 100_000_000 }}, func(t *testing.T, c *talk) {
		bob := c.tg.Person("Bob")
		group := c.tg.Group("cats", c.ann, bob)
		film := c.hears("/video waves --dur 5", "video")
		song := c.hears("/speak hello", "audio")
		n := 0
		for _, in := range everyInput(t, film, song) {
			for way, gives := range c.ways(group, bob) {
				if in.alone && way != "an answer to it" && way != "an answer to somebody else’s" {
					continue
				}
				n++
				media, words := in.media(uint8(n)), fmt.Sprintf("%s №%d.", c.in("make it blue", "сделай синим"), n)
				chat := gives(media, in.ask, words)
				c.understands(chat.Until(t, finds(in.comes, words, c.in("left today", "сегодня осталось"))))
				if got := c.inputs(); len(got) != 1 || !bytes.Equal(c.fetched(got[0]), media.Data) {
					t.Errorf("%s, %s: Kie got %q", in.name, way, got)
				}
			}
		}
	})
}

// Several files are one request: an album's pictures in their order, a picture
// and the voice that answers it; of an album that was answered, the picture that
// the answer is at.
func TestTalkSeveralInputs(t *testing.T) {
	inEveryLanguage(t, townConfig{change: func(c *core.Config) { c.UserDaily = 100_000_000 }}, func(t *testing.T, c *talk) {
		song := c.hears("/speak hello", "audio").Bytes()
		gets := func(what string, want ...[]byte) {
			t.Helper()
			var got [][]byte
			for _, url := range c.inputs() {
				got = append(got, c.fetched(url))
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%s: Kie got %d files, want %d", what, len(got), len(want))
			}
		}
		album := c.ann.SendsAlbum("/edit --model nano-banana-2 "+c.in("together", "вместе"), telegramtest.Photo(dot(t, 1)), telegramtest.Document("b.png", dot(t, 2)))
		c.after(album[1], "photo", c.in("together", "вместе"))
		gets("an album", dot(t, 1), dot(t, 2))
		answer := c.ann.Replies(album[1], "/edit "+c.in("alone", "отдельно"))
		c.after(answer, "photo", c.in("alone", "отдельно"))
		gets("one of an album", dot(t, 2))
		silent := c.ann.SendsAlbum("", telegramtest.Photo(dot(t, 3)), telegramtest.Photo(dot(t, 4)))
		c.after(silent[1], "text", c.in("Nothing was charged.", "Ничего не списано."))
		speaks := c.ann.RepliesWith(c.ann.Sends(telegramtest.Photo(dot(t, 5)), ""), telegramtest.Audio("hello.mp3", song, 3), "/generate --model kling/ai-avatar-standard "+c.in("he says", "он говорит"))
		c.after(speaks, "video", c.in("he says", "он говорит"))
		gets("a sound and a picture", song, dot(t, 5))
		c.ann.Replies(speaks, "/balance") // has no use for files
		c.after(speaks, "text", c.in("Used today", "Сегодня потрачено"))
	})
}
