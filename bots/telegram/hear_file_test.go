package telegram

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// dot is a small picture; those of other numbers have other bytes.
func dot(t *testing.T, n uint8) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 512, 512))
	m.Set(1, 1, color.RGBA{n, n, n, 255})
	var data bytes.Buffer
	if err := png.Encode(&data, m); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// inputs lists the files that the last request to Kie had, by their fields' names.
func (w *town) inputs() (urls []string) {
	tasks := w.kie.Tasks()
	input := tasks[len(tasks)-1].Input
	for _, name := range slices.Sorted(maps.Keys(input)) {
		value := input[name]
		for _, one := range append(list(value), value) {
			if url, ok := one.(string); ok && strings.HasPrefix(url, w.kie.URL()) {
				urls = append(urls, url)
			}
		}
	}
	return urls
}

func list(value any) []any {
	all, _ := value.([]any)
	return slices.Clone(all)
}

// fetched is what Kie has under the address.
func (w *town) fetched(url string) []byte {
	w.t.Helper()
	resp, err := w.kie.Client().Get(url)
	w.must(err)
	defer resp.Body.Close()
	var data bytes.Buffer
	_, err = data.ReadFrom(resp.Body)
	w.must(err)
	return data.Bytes()
}

// A picture comes with its caption, with the message that a command answers, as
// a photo, as a file or as a sticker. It goes to Kie through us, byte by byte.
func TestHearPictures(t *testing.T) {
	for _, local := range []bool{false, true} {
		inTown(t, townConfig{telegram: telegramtest.Config{ReadsAll: true, Local: local}}, func(t *testing.T, w *town) {
			ann := w.tg.Person("Ann")
			chat := w.tg.Group("cats", ann)
			for n, ask := range []func(data []byte, words string){
				func(data []byte, words string) { ann.Sends(telegramtest.Photo(data), "/edit "+words) },
				func(data []byte, words string) { ann.Sends(telegramtest.Document("a.png", data), "/edit "+words) },
				func(data []byte, words string) {
					ann.Replies(ann.Sends(telegramtest.Sticker(data), ""), "/edit "+words)
				},
				func(data []byte, words string) {
					ann.RepliesWith(ann.Types("/queue"), telegramtest.Photo(data), "/EDIT@testbot "+words)
				},
				func(data []byte, words string) {
					bob := chat.As(w.tg.Person("Bob"))
					chat.As(ann).Replies(bob.Sends(telegramtest.Photo(data), "my cat"), "/edit "+words)
				},
				func(data []byte, words string) { chat.As(ann).Sends(telegramtest.Photo(data), "@testbot /edit "+words) },
			} {
				data, words := dot(t, uint8(n)), "make it blue №"+string(rune('1'+n))
				ask(data, words)
				w.tg.Until(t, func() bool { return slices.Contains(w.prompts(), words) })
				if got := w.inputs(); len(got) != 1 || !bytes.Equal(w.fetched(got[0]), data) {
					t.Errorf("local %v, way %d: Kie got %q", local, n+1, got)
				}
			}
		})
	}
}

// last is the newest message of the chat, whoever wrote it.
func last(chat *telegramtest.Chat) telegramtest.Message {
	all := chat.Messages()
	return all[len(all)-1]
}

// An album is one request, its pictures in their order, whichever has the words.
func TestHearAlbum(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann", telegramtest.Language("ru"))
		var album []telegramtest.Media
		for n := range uint8(4) {
			album = append(album, telegramtest.Photo(dot(t, n)))
		}
		ann.SendsAlbum("/edit собери их вместе --model nano-banana-2", album...)
		ann.Until(t, finds("photo", "собери их вместе"))
		if n := len(w.kie.Tasks()); n != 1 {
			t.Fatalf("%d requests", n)
		}
		got := w.inputs()
		if len(got) != len(album) {
			t.Fatalf("Kie got %q", got)
		}
		for i, url := range got {
			if !bytes.Equal(w.fetched(url), album[i].Data) {
				t.Errorf("picture %d is another one", i+1)
			}
		}
	})
}

// What cannot be used is refused with a sentence that names the limit or the
// types; nothing goes to Kie.
func TestHearFilesThatDoNotFit(t *testing.T) {
	big := telegramtest.Document("big.png", []byte("x"))
	big.Size = 21 << 20
	huge := big
	huge.Size = 3 << 30
	heic := telegramtest.Document("photo.heic", []byte("\x00\x00\x00\x18ftypheic"))
	unnamed := heic
	heic.MIME, unnamed.MIME = "image/heic", "application/octet-stream"
	for _, test := range []struct {
		name  string
		media telegramtest.Media
		says  []string
	}{
		{"21 MB", big, []string{"big.png", "21"}},
		{"3 GB", huge, []string{"big.png", "21"}},
		{"nothing", telegramtest.Document("empty.png", []byte{}), []string{"empty.png"}},
		{"HEIC", heic, []string{"photo.heic", "PNG"}},
		{"HEIC that does not say so", unnamed, []string{"photo.heic"}},
		{"a text", telegramtest.Document("notes.txt", []byte("hello")), []string{"notes.txt", "PNG"}},
	} {
		inEveryLanguage(t, townConfig{}, func(t *testing.T, c *talk) {
			sent := c.ann.Sends(test.media, "/edit make it blue")
			c.after(sent, "text", append(test.says, c.in("othing was charged", "ичего не списано"))...)
			if n := len(c.kie.Tasks()); n != 0 {
				t.Errorf("%s: %d requests", test.name, n)
			}
		})
	}
}

// A local Bot API server hands over more, as a file on this machine; one that
// is gone when it is needed fails the request, for nothing.
func TestHearLargeFilesOnALocalServer(t *testing.T) {
	inTown(t, townConfig{telegram: telegramtest.Config{Local: true}}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		data := append(dot(t, 1), make([]byte, 21<<20)...) // a PNG may have anything behind its end
		asked := ann.Sends(telegramtest.Document("big.png", data), "/edit make it blue")
		ann.Until(t, finds("photo", "make it blue"))
		if got := w.inputs(); len(got) != 1 || len(w.fetched(got[0])) != len(data) {
			t.Errorf("Kie got %q", got)
		}
		gone := ann.Sends(telegramtest.Document("other.png", dot(t, 2)), "")
		w.silent(ann.Private())
		w.must(w.tg.RemoveFile(gone.FileID()))
		w.must(w.tg.RemoveFile(asked.FileID()))
		before := len(ann.Private().FromBot())
		ann.Replies(gone, "/edit make it red")
		w.tg.Until(t, func() bool { return len(ann.Private().FromBot()) > before })
		ann.Until(t, finds("text", "make it red"))
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// Where the local server's folder is not there at all, its files are not gone:
// the machine is set up wrongly, and another one may have them.
func TestLocalServerWhoseFilesAreElsewhere(t *testing.T) {
	dir := t.TempDir()
	for path, gone := range map[string]bool{filepath.Join(dir, "photos", "file_1.jpg"): false, filepath.Join(dir, "file_1.jpg"): true} {
		if _, err := openLocal(path); err == nil || errors.Is(err, fs.ErrNotExist) != gone {
			t.Errorf("%s: %v, gone for good should be %t", path, err, gone)
		}
	}
}

// What comes without a word is answered with what can be done with it, and
// where a command has no use for a file its words are enough.
func TestHearOtherKinds(t *testing.T) {
	clip := []byte("\x00\x00\x00\x18ftypmp42")
	inEveryLanguage(t, townConfig{}, func(t *testing.T, c *talk) {
		for _, media := range []telegramtest.Media{
			telegramtest.Video(clip, 640, 360, 3), telegramtest.VideoNote(clip, 240, 3), telegramtest.Animation(clip, 320, 240, 2),
			telegramtest.Audio("song.mp3", []byte("ID3"), 20), telegramtest.Voice([]byte("OggS"), 3), telegramtest.Photo(dot(t, 1)),
		} {
			c.after(c.ann.Sends(media, ""), "text", c.in("Nothing was charged.", "Ничего не списано."))
		}
		if n := len(c.kie.Tasks()); n != 0 {
			t.Errorf("%d requests", n)
		}
		c.after(c.ann.RepliesWith(c.ann.Types("/queue"), telegramtest.Voice([]byte("OggS"), 3), "/imagine a cat"), "photo", "a cat")
		if got := c.inputs(); len(got) != 0 {
			t.Errorf("Kie got %q", got)
		}
	})
}
