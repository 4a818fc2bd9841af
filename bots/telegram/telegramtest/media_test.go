package telegramtest_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// Photos keep to 10 MB, 10000 pixels of width and height together, and a
// ratio of 20 ("sendPhoto").
func TestPhotoRules(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	chat := fields{"chat_id": ann.ID()}
	refused := []struct {
		name, sentence string
		data           []byte
	}{
		{"too wide", "Bad Request: PHOTO_INVALID_DIMENSIONS", picture(t, 9990, 600)},
		{"too narrow", "Bad Request: PHOTO_INVALID_DIMENSIONS", picture(t, 2101, 100)},
		{"too many bytes", "Bad Request: file of size 10485761 bytes is too big for a photo", append(picture(t, 8, 8), make([]byte, 10<<20-len(picture(t, 8, 8))+1)...)},
		{"empty", "Bad Request: file must be non-empty", nil},
		{"no picture", "Bad Request: IMAGE_PROCESS_FAILED", []byte("<svg/>")},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			b.refused(b.upload("sendPhoto", chat, map[string][]byte{"photo": c.data}), c.sentence)
		})
	}
	b.took(nil, b.upload("sendPhoto", chat, map[string][]byte{"photo": picture(t, 2000, 100)}))
	b.took(nil, b.upload("sendPhoto", chat, map[string][]byte{"photo": picture(t, 5000, 5000)}))
	b.clean()
}

// A file_id sends a file again, as what it is and not as something else; its
// link holds the token and ends.
func TestFileIDs(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	photo := picture(t, 400, 300)
	b.took(nil, b.upload("sendPhoto", fields{"chat_id": ann.ID()}, map[string][]byte{"photo": photo}))
	first := ann.Next(t)
	for _, size := range first.Photo {
		b.must(nil, "sendPhoto", fields{"chat_id": ann.ID(), "photo": size.FileID})
		if again := ann.Next(t); !bytes.Equal(again.Bytes(), photo) || again.FileID() != first.FileID() {
			t.Errorf("sent again by the id of its size of %d pixels it is %v", size.Width, again)
		}
	}
	b.refused(b.call("sendVideo", fields{"chat_id": ann.ID(), "video": first.FileID()}), "Bad Request: can't use file of type Photo as Video")
	b.refused(b.call("sendVideo", fields{"chat_id": ann.ID(), "video": "AgAC"}), "Bad Request: wrong file identifier/HTTP URL specified")

	var f telegramtest.File
	b.must(&f, "getFile", fields{"file_id": first.FileID()})
	answer, err := b.s.Client().Get(b.s.URL() + "/file/bot" + b.s.Token() + "/" + f.FilePath)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !bytes.Equal(got, photo) {
		t.Errorf("downloaded %d bytes with status %d, %v", len(got), answer.StatusCode, err)
	}
	big := ann.Sends(telegramtest.Media{Kind: "document", Name: "film.mp4", Data: []byte("x"), Size: 3 << 30}, "")
	b.refused(b.call("getFile", fields{"file_id": big.FileID()}), "Bad Request: file is too big")
	b.clean()
}

// An upload above 50 MB is refused as a whole.
func TestTooLarge(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	r := b.upload("sendDocument", fields{"chat_id": ann.ID()}, map[string][]byte{"document": make([]byte, 50<<20+1)})
	if r.Status != http.StatusRequestEntityTooLarge || !strings.HasPrefix(r.Description, "Request Entity Too Large") {
		t.Errorf("answer is %d %q", r.Status, r.Description)
	}
	b.took(nil, b.upload("sendDocument", fields{"chat_id": ann.ID()}, map[string][]byte{"document": make([]byte, 50<<20)}))
	b.clean()
}
