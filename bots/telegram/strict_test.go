package telegram

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/core/media"
)

// strictRoom is a room whose desk is a real Bot API server, and a person there.
func strictRoom(t *testing.T, test func(t *testing.T, r *room, ann *telegramtest.Person)) {
	t.Helper()
	server := telegramtest.NewServer(telegramtest.Config{RefuseUnknown: true})
	defer server.Close()
	transport := &http.Transport{DialContext: server.DialContext}
	defer transport.CloseIdleConnections()
	r := newRoom(t)
	api, err := newClient(server.Token(), server.URL(), transport)
	if err != nil {
		t.Fatal(err)
	}
	r.api = api
	ann := server.Person("Ann")
	ann.Types("hello")
	test(t, r, ann)
	for _, c := range server.Complaints() {
		t.Errorf("Telegram complains: %s", c)
	}
}

// What the record says of a file can be wrong, and what Telegram says counts:
// each of these arrives as the next best thing, and none is tried for ever.
func TestFilesThatTelegramDoesNotTake(t *testing.T) {
	wide := func(b *bytes.Buffer, _ image.Image) error {
		return png.Encode(b, image.NewPaletted(image.Rect(0, 0, 12000, 100), color.Palette{color.White}))
	}
	strictRoom(t, func(t *testing.T, r *room, ann *telegramtest.Person) {
		for _, test := range []struct {
			name  string
			file  func(*media.File)
			bytes func(path string) error
			want  string
		}{
			{"12000 pixels", func(*media.File) {}, nil, "document"},
			{"12000 pixels that nobody knows of", func(f *media.File) { f.Width, f.Height = 640, 480 }, nil, "document"},
			{"a broken picture", func(f *media.File) { f.Width, f.Height = 640, 480 }, func(path string) error { return os.WriteFile(path, []byte("\x89PNG\r\n\x1a\nno picture"), 0o600) }, "document"},
			{"60 MB", func(f *media.File) { f.Size, f.Kind, f.Type, f.Name = 60<<20, media.Video, "video/mp4", "01jd-0.mp4" }, func(path string) error { return os.Truncate(path, 60<<20) }, "text"},
			{"nothing", func(f *media.File) { f.Size = 0 }, func(path string) error { return os.Truncate(path, 0) }, "text"},
			{"nothing that nobody knows of", func(f *media.File) { f.Width, f.Height = 640, 480 }, func(path string) error { return os.Truncate(path, 0) }, ""},
		} {
			file := pictureFile(t, 1, 1, wide)
			if test.bytes != nil {
				if err := test.bytes(file.Path); err != nil {
					t.Fatal(err)
				}
			}
			if info, err := os.Stat(file.Path); err == nil && !strings.Contains(test.name, "nobody knows") {
				file.Size = info.Size()
			}
			test.file(&file)
			p := parcel(core.DeliverFinal, laneOf(ann.ID()), picture(0))
			p.Tasks[0].Outputs[0].File = &file
			_, err := r.Deliver(t.Context(), p)
			if test.want == "" {
				if err == nil || !cutOff(err) {
					t.Errorf("%s: %v", test.name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			if got := ann.Next(t); got.Kind() != test.want {
				t.Errorf("%s arrives as %s, want a %s", test.name, got, test.want)
			}
		}
	})
}

// At a local server a video of 60 MB goes as it is, in little memory.
func TestLargeVideoAtALocalServer(t *testing.T) {
	server := telegramtest.NewServer(telegramtest.Config{Local: true, Dir: t.TempDir()})
	defer server.Close()
	transport := &http.Transport{DialContext: server.DialContext}
	defer transport.CloseIdleConnections()
	r := newRoom(t)
	api, err := newClient(server.Token(), server.URL(), transport)
	if err != nil {
		t.Fatal(err)
	}
	r.api, r.limits = api, limitsOf(true)
	ann := server.Person("Ann")
	ann.Types("hello")
	p := parcel(core.DeliverFinal, laneOf(ann.ID()), video(0))
	f := p.Tasks[0].Outputs[0].File
	f.Path, f.Size = filepath.Join(t.TempDir(), "a.mp4"), 60<<20
	head := []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42")
	if err := os.WriteFile(f.Path, head, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(f.Path, f.Size); err != nil {
		t.Fatal(err)
	}
	r.must(p)
	if got := ann.Next(t); got.Kind() != "video" || got.File().FileSize != 60<<20 {
		t.Errorf("%s: %+v", got, got.File())
	}
}
