package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// Whatever a person sends can be downloaded by the bot and shown again.
func TestKindsFromPeople(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann", telegramtest.Username("ann"), telegramtest.LastName("Lee"), telegramtest.ID(77))
	data := []byte("some bytes")
	for kind, c := range map[string]struct {
		media  telegramtest.Media
		folder string
	}{
		"photo":      {telegramtest.Photo(picture(t, 10, 10)), "photos/"},
		"document":   {telegramtest.Document("a.txt", data), "documents/"},
		"video":      {telegramtest.Video(data, 16, 9, 5), "videos/"},
		"animation":  {telegramtest.Animation(data, 16, 9, 5), "animations/"},
		"audio":      {telegramtest.Audio("a.mp3", data, 5), "music/"},
		"voice":      {telegramtest.Voice(data, 5), "voices/"},
		"sticker":    {telegramtest.Sticker(data), "stickers/"},
		"video_note": {telegramtest.VideoNote(data, 240, 5), "video_notes/"},
	} {
		t.Run(kind, func(t *testing.T) {
			sent := ann.Sends(c.media, "")
			var m map[string]json.RawMessage
			raw := b.updates(fields{"offset": -1})[0]["message"]
			if err := json.Unmarshal(raw, &m); err != nil || m[kind] == nil || !bytes.Contains(raw, []byte(`"username":"ann"`)) {
				t.Fatalf("the bot was told %s, %v", raw, err)
			}
			var f telegramtest.File
			b.must(&f, "getFile", fields{"file_id": sent.FileID()})
			if !strings.HasPrefix(f.FilePath, c.folder) || f.FileSize != int64(len(c.media.Data)) {
				t.Errorf("getFile says %+v", f)
			}
			if got := b.download(f.FilePath); !bytes.Equal(got, c.media.Data) || !bytes.Equal(b.s.FileBytes(sent.FileID()), got) {
				t.Errorf("downloaded %q", got)
			}
		})
	}
	b.clean()
}

func (b bot) download(path string) []byte {
	b.t.Helper()
	answer, err := b.s.Client().Get(b.s.URL() + "/file/bot" + b.s.Token() + "/" + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// What the bot says of a file is what is shown.
func TestKindsFromBot(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	data, small := []byte("some bytes"), picture(t, 320, 180)
	for _, c := range []struct {
		kind, method string
		params       fields
		check        func(telegramtest.MediaFile) bool
	}{
		{"video", "sendVideo", fields{"width": 16, "height": 9, "duration": 5, "supports_streaming": true, "has_spoiler": true}, func(f telegramtest.MediaFile) bool {
			return f.Width == 16 && f.Height == 9 && f.Duration == 5 && f.Streaming
		}},
		{"audio", "sendAudio", fields{"title": "Song", "performer": "Ann", "duration": 5}, func(f telegramtest.MediaFile) bool {
			return f.Title == "Song" && f.Performer == "Ann" && f.Duration == 5
		}},
		{"animation", "sendAnimation", fields{"width": 16, "height": 9}, func(f telegramtest.MediaFile) bool { return f.Width == 16 }},
		{"document", "sendDocument", nil, func(f telegramtest.MediaFile) bool { return f.FileName == "document.bin" && f.FileSize == 10 }},
		{"voice", "sendVoice", fields{"duration": 5}, func(f telegramtest.MediaFile) bool { return f.Duration == 5 }},
	} {
		t.Run(c.kind, func(t *testing.T) {
			params := fields{"chat_id": ann.ID(), "caption": "look"}
			for name, value := range c.params {
				params[name] = value
			}
			files := map[string][]byte{c.kind: data}
			if c.kind != "voice" {
				files["thumbnail"] = small
			}
			b.took(nil, b.upload(c.method, params, files))
			m := ann.Next(t)
			if m.Kind() != c.kind || !c.check(m.File()) || m.Caption != "look" || !bytes.Equal(m.Bytes(), data) || m.Spoiler != (c.kind == "video") {
				t.Errorf("%v: %+v", m, m.File())
			}
			if c.kind != "voice" && !bytes.Equal(m.Thumbnail(), small) {
				t.Errorf("the thumbnail has %d bytes", len(m.Thumbnail()))
			}
		})
	}
	b.clean()
}

// The service drops a thumbnail that is too large, or was sent before, without
// a word. A cover may be a photo that was sent before.
func TestThumbnails(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.took(nil, b.upload("sendVideo", fields{"chat_id": ann.ID()}, map[string][]byte{"video": []byte("x"), "thumbnail": picture(t, 321, 180)}))
	if m := ann.Next(t); m.Thumbnail() != nil {
		t.Error("a thumbnail of 321 pixels is shown")
	}
	if got := b.s.Complaints(); len(got) != 1 || got[0].Parameter != "thumbnail" || !strings.HasPrefix(got[0].String(), "sendVideo: thumbnail: ") {
		t.Errorf("complaints are %v", got)
	}
	photo := ann.Sends(telegramtest.Photo(picture(t, 100, 100)), "")
	b.took(nil, b.upload("sendVideo", fields{"chat_id": ann.ID(), "thumbnail": photo.FileID()}, map[string][]byte{"video": []byte("x")}))
	if m := ann.Next(t); m.Thumbnail() != nil || len(b.s.Complaints()) != 2 {
		t.Errorf("a thumbnail by its id is shown, or complaints are %v", b.s.Complaints())
	}
	b.took(nil, b.upload("sendVideo", fields{"chat_id": ann.ID(), "cover": photo.FileID()}, map[string][]byte{"video": []byte("x")}))
	if m := ann.Next(t); len(m.Video.Cover) != 2 {
		t.Errorf("the cover is %+v", m.Video.Cover)
	}
}

// A local server's files can go, as its operator may delete them.
func TestRemoveFile(t *testing.T) {
	b := newBot(t, telegramtest.Config{Local: true})
	sent := b.s.Person("Ann").Sends(telegramtest.Document("a.txt", []byte("x")), "")
	var f telegramtest.File
	b.must(&f, "getFile", fields{"file_id": sent.FileID()})
	if err := b.s.RemoveFile(sent.FileID()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.FilePath); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if err := b.s.RemoveFile("x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removing what is not there: %v", err)
	}
}

// People's albums share an id and have the caption at the first item; chat
// actions are kept.
func TestAlbumsAndActions(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	photo := telegramtest.Photo(picture(t, 10, 10))
	album := ann.SendsAlbum("/edit blue", photo, photo)
	if len(album) != 2 || album[0].MediaGroupID == "" || album[0].MediaGroupID != album[1].MediaGroupID || album[0].Caption != "/edit blue" || album[1].Caption != "" {
		t.Errorf("the album is %v", album)
	}
	if again := ann.Forwards(album[0]); again.FileID() != album[0].FileID() || again.ID == album[0].ID {
		t.Errorf("forwarded it is %v", again)
	}
	if reply := ann.RepliesWith(album[0], photo, "this"); reply.ReplyTo == nil || reply.ReplyTo.ID != album[0].ID || reply.ReplyTo.Photo == nil {
		t.Errorf("the reply is %v", reply)
	}
	b.must(nil, "sendChatAction", fields{"chat_id": ann.ID(), "action": "upload_photo"})
	if got := ann.Private().Actions(); len(got) != 1 || got[0].Action != "upload_photo" {
		t.Errorf("actions are %v", got)
	}
	b.clean()
}
