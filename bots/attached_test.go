package bots

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"kiebot/core"
)

// nothing is a Source whose files are never opened in these tests.
type nothing struct{}

// Open implements core.Source.
func (nothing) Open(context.Context, core.InputFile) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}

func attached(name, mediaType string, size int64) Attached {
	return Attached{File: core.InputFile{Name: name, Type: mediaType, Size: size, Ref: []byte(`{}`)}}
}

// Files that come along go where the command takes them; what it cannot use
// is left out, and what the chat cannot hand over is said.
func TestFilesThatComeAlong(t *testing.T) {
	w := newWorld(t, func(c *core.Config) {
		c.UserDaily, c.Sources = core.Unlimited, map[string]core.Source{"chat": nothing{}}
	})
	cat, dog := attached("cat.jpg", "image/jpeg", 1000), attached("dog.png", "image/png", 1000)
	song := attached("song.mp3", "audio/mpeg", 1000)
	types := func(text string, files ...Attached) Reply {
		w.updates++
		return w.bot.Command(t.Context(), Incoming{
			Key: fmt.Sprint("attached-", w.updates), Origin: core.Origin{Identity: ada, Lane: "chat:ada", Locale: "en"}, Text: text, Files: files,
		})
	}
	for _, test := range []struct {
		text  string
		files []Attached
		want  int // files in the request
	}{
		{"make it blue", []Attached{cat}, 1},
		{"/edit make it blue", []Attached{cat}, 1},
		{"/edit put them together", []Attached{cat, dog}, 2},
		{"/animate walking", []Attached{cat}, 1},
		{"/speak hello", []Attached{cat}, 0},
		{"/imagine a cat", []Attached{song}, 0},
	} {
		reply := types(test.text, test.files...)
		if len(reply.Accepted) == 0 {
			t.Errorf("%s: %+v", test.text, reply)
			continue
		}
		task, err := w.engine.Task(t.Context(), ada, string(reply.Accepted[0]))
		must(t, err)
		if len(task.Request.Files) != test.want {
			t.Errorf("%s: %+v", test.text, task.Request.Files)
		}
	}
	large := attached("film.png", "image/png", 60_000_000)
	large.Unusable, large.Limit = TooLarge, 20_000_000
	wantText(t, types("/edit bluer", large).Text, "“film.png” has 60 MB", "up to 20 MB", "Nothing was charged.")
	empty, moving := cat, attached("sticker", "image/webp", 10)
	empty.Unusable, moving.Unusable = Empty, Moving
	wantText(t, types("/edit bluer", empty).Text, "is empty")
	wantText(t, types("/edit bluer", moving).Text, "moves")
	wantText(t, types("/edit bluer", attached("photo.heic", "image/heic", 1000)).Text, "image/heic", "takes")
}

func TestCommandsForAMenu(t *testing.T) {
	w := newWorld(t, nil)
	w.sells()
	english, russian := w.bot.Commands("en"), w.bot.Commands("ru")
	if len(english) != len(commands()) ||
		english[0].Name != "imagine" || english[0].Aliases[0] != "image" {
		t.Errorf("%+v", english)
	}
	for i, c := range english {
		if c.Title == "" || c.Title == russian[i].Title {
			t.Errorf("%+v, %+v", c, russian[i])
		}
	}
}
