package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
	"kiebot/core/media"
)

// stored writes the files of the parcel's outputs, with so many bytes.
func stored(t testing.TB, p core.Parcel, size int64) core.Parcel {
	t.Helper()
	dir := t.TempDir()
	for i := range p.Tasks {
		for n := range p.Tasks[i].Outputs {
			f := p.Tasks[i].Outputs[n].File
			if f == nil {
				continue
			}
			f.Path, f.Size = filepath.Join(dir, f.Name), size
			if err := os.WriteFile(f.Path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(f.Path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

func TestOneMessageStandsForABatch(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverAccepted, group)
	p.Position = 3
	shown := r.must(p)
	first := r.desk.last("sendMessage")
	if first.form["chat_id"] != "-100500" || first.form["message_thread_id"] != "3" || first.form["text"] != "a cat – Ada (#3)" ||
		!strings.Contains(first.form["reply_parameters"], `"message_id":7`) || !strings.Contains(first.form["reply_parameters"], `"allow_sending_without_reply":true`) ||
		!strings.Contains(first.form["entities"], `"type":"code"`) || !strings.Contains(first.form["reply_markup"], `"copy_text":{"text":"/imagine a cat"}`) ||
		!strings.Contains(first.form["link_preview_options"], `"is_disabled":true`) {
		t.Errorf("%+v", first.form)
	}
	if shown.Message != first.id || shown.Chat != -100500 {
		t.Errorf("%+v", shown)
	}
	p.Delivery.Kind, p.Shown = core.DeliverProgress, shown.raw(t)
	if again := r.must(p); again.Shows != shown.Shows || r.desk.methods() != "sendMessage" {
		t.Errorf("nothing changed, and %s was called", r.desk.methods())
	}
	p.Position = 2
	moved := r.must(p)
	if edit := r.desk.last("editMessageText"); edit.form["message_id"] != strconv.Itoa(first.id) || edit.form["text"] != "a cat – Ada (#2)" {
		t.Errorf("%+v", edit.form)
	}
	if moved.Message != first.id || moved.Shows == shown.Shows {
		t.Errorf("%+v", moved)
	}
}

// In a group that got half of what it takes in a minute, a reaction says that a
// request was taken, and the messages are left for results.
func TestReactionInABusyGroup(t *testing.T) {
	r := newRoom(t)
	r.traffic.note(-100500, groupMessages/2, time.Now())
	shown := r.must(parcel(core.DeliverAccepted, group))
	form := r.desk.last("setMessageReaction").form
	if r.desk.methods() != "setMessageReaction" || form["message_id"] != "7" || form["reaction"] != `[{"type":"emoji","emoji":"👀"}]` || shown.Message != 0 {
		t.Errorf("%s %+v: %+v", r.desk.methods(), form, shown)
	}
	p := parcel(core.DeliverProgress, group)
	for _, message := range []int{0, 50} {
		p.Shown = receipt{Chat: -100500, Message: message}.raw(t)
		if kept := r.must(p); kept.Message != message || r.desk.methods() != "setMessageReaction" {
			t.Errorf("%s: %+v", r.desk.methods(), kept)
		}
	}
	p.Delivery.Kind, p.Shown = core.DeliverNotice, shown.raw(t)
	if shown = r.must(p); r.desk.methods() != "setMessageReaction sendMessage" || shown.Message == 0 {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
	r.desk.forget()
	r.desk.answer("setMessageReaction", refuse(400, "Bad Request: REACTION_INVALID"))
	if shown := r.must(parcel(core.DeliverAccepted, group)); r.desk.methods() != "setMessageReaction sendMessage" || shown.Message == 0 {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
	if r.must(parcel(core.DeliverAccepted, private)); r.desk.methods() != "setMessageReaction sendMessage sendMessage" {
		t.Errorf("%s", r.desk.methods())
	}
}

// "message is not modified" is what was wanted; a message that somebody deleted
// is not written again by progress, but by the news that something is wrong.
func TestEditsThatCannotBeMade(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverProgress, private)
	p.Shown = receipt{Chat: 77, Message: 50}.raw(t)
	r.desk.answer("editMessageText", refuse(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"))
	if shown := r.must(p); shown.Message != 50 || shown.Shows == "" {
		t.Errorf("%+v", shown)
	}
	r.desk.answer("editMessageText", refuse(400, "Bad Request: message to edit not found"))
	shown := r.must(p)
	if shown.Message != 0 {
		t.Errorf("%+v", shown)
	}
	r.desk.forget()
	p.Shown = shown.raw(t)
	if r.must(p); r.desk.methods() != "" {
		t.Errorf("%s was called about a deleted message", r.desk.methods())
	}
	p.Delivery.Kind = core.DeliverNotice
	if shown = r.must(p); shown.Message == 0 || r.desk.methods() != "sendMessage" {
		t.Errorf("%+v after %s", shown, r.desk.methods())
	}
}

// The end is a new message, so that people hear of it, and then the one that
// stood for the batch is gone.
func TestEndIsANewMessageAndTheOldOneGoes(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, group, video(0)), 5000)
	p.Shown = receipt{Chat: -100500, Message: 50}.raw(t)
	shown := r.must(p)
	sent := r.desk.last("sendVideo")
	if sent.form["width"] != "1280" || sent.form["height"] != "720" || sent.form["duration"] != "5" || sent.form["supports_streaming"] != "true" ||
		sent.form["caption"] != "a cat\nImagen · 8 credits" || len(sent.form["video"]) != 5000 || sent.form["message_thread_id"] != "3" {
		t.Errorf("%+v", sent.form)
	}
	if r.desk.methods() != "sendVideo deleteMessage" || r.desk.last("deleteMessage").form["message_id"] != "50" {
		t.Errorf("%s", r.desk.methods())
	}
	file := shown.Files["01jd00000000000001-0"]
	if shown.Message != sent.id || !shown.End || file.As != asVideo || file.ID != fmt.Sprintf("video-%d", sent.id) || shown.Done != nil {
		t.Errorf("%+v", shown)
	}
}

func TestFailureAndCancel(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverFinal, private)
	p.Tasks[0].State, p.Shown = core.Failed, receipt{Chat: 77, Message: 50}.raw(t)
	if shown := r.must(p); r.desk.methods() != "sendMessage deleteMessage" || shown.Message == 0 || !strings.Contains(r.desk.last("sendMessage").form["reply_markup"], "again:") {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
	r.desk.forget()
	p.Tasks[0].State = core.Canceled // its owner looks at the message
	if shown := r.must(p); r.desk.methods() != "editMessageText" || shown.Message != 50 || !shown.End {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
	r.desk.forget()
	r.desk.answer("editMessageText", refuse(400, "Bad Request: message to edit not found"))
	r.desk.answer("deleteMessage", refuse(400, "Bad Request: message to delete not found"))
	if shown := r.must(p); r.desk.methods() != "editMessageText sendMessage deleteMessage" || shown.Message == 0 {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
}

// A message that may not be deleted any more says at least how it ended.
func TestMessageThatCannotBeDeleted(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, picture(0)), 5000)
	p.Shown = receipt{Chat: 77, Message: 50}.raw(t)
	r.desk.answer("deleteMessage", refuse(400, "Bad Request: message can't be deleted"))
	if r.must(p); r.desk.methods() != "sendPhoto deleteMessage editMessageText" || r.desk.last("editMessageText").form["message_id"] != "50" {
		t.Errorf("%s", r.desk.methods())
	}
}

func TestAlbums(t *testing.T) {
	for _, test := range []struct {
		name    string
		outputs []core.Output
		want    string
		albums  []int
	}{
		{"four pictures", []core.Output{picture(0), picture(1), picture(2), picture(3)}, "sendMediaGroup sendMessage", []int{4}},
		{"pictures and a video", []core.Output{picture(0), video(1), picture(2)}, "sendMediaGroup sendMessage", []int{3}},
		{"two songs and a picture", []core.Output{song(0), song(1), picture(2)}, "sendMediaGroup sendPhoto sendMessage", []int{2}},
		{"eleven pictures", pictures(11), "sendMediaGroup sendMediaGroup sendMessage", []int{6, 5}},
		{"a song and its words", []core.Output{song(0), {Kind: "text", Text: "la la"}}, "sendAudio sendMessage", nil},
	} {
		r := newRoom(t)
		p := stored(t, parcel(core.DeliverFinal, private, test.outputs...), 5000)
		shown := r.must(p)
		if r.desk.methods() != test.want || len(shown.Files) < len(test.outputs)-1 {
			t.Errorf("%s: %s, files %+v", test.name, r.desk.methods(), shown.Files)
		}
		var albums []int
		for _, c := range r.desk.calls {
			if c.method == "sendMediaGroup" {
				albums = append(albums, strings.Count(c.form["media"], `"type"`))
			}
		}
		if fmt.Sprint(albums) != fmt.Sprint(test.albums) {
			t.Errorf("%s: albums of %v, want %v", test.name, albums, test.albums)
		}
		closing, first := r.desk.last("sendMessage"), r.desk.calls[0]
		for _, c := range r.desk.calls {
			if c.method != "sendChatAction" {
				first = c
				break
			}
		}
		if !strings.Contains(closing.form["reply_markup"], "again:") || closing.form["disable_notification"] != "true" || closing.id != shown.Message {
			t.Errorf("%s: the closing message is %+v", test.name, closing.form)
		}
		if first.form["disable_notification"] != "" || !strings.Contains(first.form["reply_parameters"], `"message_id":7`) {
			t.Errorf("%s: the first message is %+v", test.name, first.form)
		}
		if !strings.Contains(closing.form["reply_parameters"], fmt.Sprintf(`"message_id":%d`, shown.Others[0])) {
			t.Errorf("%s: the closing message replies to %s, the files are %v", test.name, closing.form["reply_parameters"], shown.Others)
		}
	}
}

// A song has title, performer, length and its picture, alone and in an album.
func TestSongs(t *testing.T) {
	cover := pictureFile(t, 900, 900, encodePNG)
	outputs := []core.Output{song(0), song(1)}
	for i := range outputs {
		outputs[i].Title, outputs[i].Cover = "Waves", &cover
	}
	r := newRoom(t)
	r.must(stored(t, parcel(core.DeliverFinal, private, outputs[0]), 5000))
	alone := r.desk.last("sendAudio").form
	if alone["title"] != "Waves" || alone["performer"] != "Imagen" || alone["duration"] != "60" {
		t.Errorf("%+v", alone)
	}
	r.must(stored(t, parcel(core.DeliverFinal, private, outputs...), 5000))
	album := r.desk.last("sendMediaGroup").form
	if strings.Count(album["media"], `"title":"Waves"`) != 2 || strings.Count(album["media"], `"thumbnail":"attach://cover-`) != 2 {
		t.Errorf("%s", album["media"])
	}
	for _, data := range []string{alone["thumbnail"], album["cover-01jd00000000000001-0.jpg"], album["cover-01jd00000000000001-1.jpg"]} {
		made, err := jpeg.Decode(strings.NewReader(data))
		if err != nil || made.Bounds().Dx() != coverSide || len(data) >= 200_000 {
			t.Errorf("a cover of %d bytes: %v", len(data), err)
		}
	}
}

// A video has its picture, where there is one that Telegram takes, alone and in
// an album; one that is none keeps no video from going.
func TestVideoThumbnails(t *testing.T) {
	cover := pictureFile(t, 1280, 720, encodePNG)
	outputs := []core.Output{video(0), video(1)}
	outputs[0].Cover = &cover
	r := newRoom(t)
	r.must(stored(t, parcel(core.DeliverFinal, private, outputs[0]), 5000))
	alone := r.desk.last("sendVideo").form
	r.must(stored(t, parcel(core.DeliverFinal, private, outputs...), 5000))
	album := r.desk.last("sendMediaGroup").form
	if strings.Count(album["media"], `"thumbnail":"attach://cover-`) != 1 {
		t.Errorf("%s", album["media"])
	}
	for _, data := range []string{alone["thumbnail"], album["cover-01jd00000000000001-0.jpg"]} {
		made, err := jpeg.Decode(strings.NewReader(data))
		if err != nil || made.Bounds().Size() != image.Pt(coverSide, coverSide*9/16) || len(data) >= 200_000 {
			t.Errorf("a cover of %d bytes: %v", len(data), err)
		}
	}
	cover.Path += ".gone"
	r.must(stored(t, parcel(core.DeliverFinal, private, outputs[0]), 5000))
	if form := r.desk.last("sendVideo").form; form["thumbnail"] != "" || len(form["video"]) != 5000 {
		t.Errorf("%d bytes with a cover of %d", len(form["video"]), len(form["thumbnail"]))
	}
}

func pictures(n int) (all []core.Output) {
	for i := range n {
		all = append(all, picture(i))
	}
	return all
}

// Trap 12: the library gives every file one type, so its name decides what
// Telegram takes it for; and in an album the names of the parts have to differ
// from each other and from the fields.
func TestTrap12NamesHaveTheirExtensions(t *testing.T) {
	r := newRoom(t)
	names := map[string]bool{}
	r.must(stored(t, parcel(core.DeliverFinal, private, picture(0), video(1), picture(2)), 5000))
	form := r.desk.last("sendMediaGroup")
	for name, file := range form.form {
		if len(file) == 5000 {
			names[name] = true
			if !strings.Contains(form.form["media"], `"attach://`+name+`"`) || form.files[name] != name {
				t.Errorf("%s is not in %s, and called %q", name, form.form["media"], form.files[name])
			}
		}
	}
	if len(names) != 3 || !names["01jd00000000000001-0.png"] || !names["01jd00000000000001-1.mp4"] {
		t.Errorf("%v", names)
	}
	one := song(0)
	one.Title = "Waves"
	r.must(stored(t, parcel(core.DeliverFinal, private, one), 5000))
	if got := r.desk.last("sendAudio").files["audio"]; got != "Waves.mp3" {
		t.Errorf("a song is called %q", got)
	}
}

// While a large file is on its way the chat shows so, in its topic, every four
// seconds; while a small one is, nobody would see it.
func TestChatActionWhileUploading(t *testing.T) {
	for size, want := range map[int64]int{actionFrom: 3, actionFrom - 1: 0} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t)
			api, err := newClient(testToken, "http://telegram.test", slowly{r.desk})
			if err != nil {
				t.Fatal(err)
			}
			r.api = api
			r.must(stored(t, parcel(core.DeliverFinal, group, video(0)), size))
			var actions []deskCall
			for _, c := range r.desk.calls {
				if c.method == "sendChatAction" {
					actions = append(actions, c)
				}
			}
			if len(actions) != want {
				t.Fatalf("%d actions for %d bytes, want %d", len(actions), size, want)
			}
			for _, c := range actions {
				if c.form["action"] != "upload_video" || c.form["message_thread_id"] != "3" {
					t.Errorf("%+v", c.form)
				}
			}
		})
	}
}

// Albums are no larger than one call takes.
func TestAlbumsFitIntoOneCall(t *testing.T) {
	r := newRoom(t)
	d := &delivery{talker: r.talker}
	var items []*item
	for i := range 5 {
		items = append(items, &item{key: strconv.Itoa(i), steps: []shape{asVideo}, file: media.File{Size: 20 << 20}})
	}
	var sizes []int
	for _, group := range d.groups(items) {
		sizes = append(sizes, len(group))
	}
	if fmt.Sprint(sizes) != "[2 2 1]" {
		t.Errorf("five videos of 20 MB go in groups of %v", sizes)
	}
}

// Each refusal takes a file down one step, and no further than the link.
func TestLadderByError(t *testing.T) {
	r := newRoom(t)
	file := pictureFile(t, 400, 300, encodePNG)
	p := parcel(core.DeliverFinal, private, picture(0))
	p.Tasks[0].Outputs[0].File = &file
	r.desk.answer("sendPhoto", refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), refuse(400, "Bad Request: IMAGE_PROCESS_FAILED"))
	r.desk.answer("sendDocument", "broken")
	if _, err := r.Deliver(t.Context(), p); err == nil || errors.As(err, new(*core.DeliveryError)) {
		t.Errorf("a connection that breaks is not a refusal: %v", err)
	}
	r.desk.answer("sendPhoto", refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), refuse(400, "Bad Request: IMAGE_PROCESS_FAILED"))
	r.desk.answer("sendDocument", `{"ok":false,"error_code":413,"description":"Request Entity Too Large"}`)
	r.desk.forget()
	shown := r.must(p)
	if r.desk.methods() != "sendPhoto sendDocument sendPhoto sendMessage" {
		t.Errorf("%s", r.desk.methods())
	}
	said := r.desk.last("sendMessage").form
	if !strings.Contains(said["entities"], `"url":"https://files.test/01jd00000000000001-0.png"`) || !strings.Contains(said["text"], "1 too large, until 2026-11-26") {
		t.Errorf("%+v", said)
	}
	if shown.Message == 0 || len(shown.Files) != 0 {
		t.Errorf("%+v", shown)
	}
}

// A 12000-pixel picture goes as a file, and a video that is too large as a
// signed link of ours where we can be reached.
func TestLadderBeforeTheFirstTry(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, picture(0)), 5000)
	p.Tasks[0].Outputs[0].File.Width = 12000
	if r.must(p); r.desk.methods() != "sendDocument" || r.desk.last("sendDocument").form["disable_content_type_detection"] != "true" {
		t.Errorf("%s", r.desk.methods())
	}
	links, err := media.NewLinks(make([]byte, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	links.Base = "https://bot.test"
	r.links = links
	r.desk.forget()
	r.must(stored(t, parcel(core.DeliverFinal, private, video(0)), 60<<20))
	if said := r.desk.last("sendMessage").form; r.desk.methods() != "sendMessage" || !strings.Contains(said["entities"], `https://bot.test/files/01jd00000000000001-0.mp4?exp=`) {
		t.Errorf("%s: %+v", r.desk.methods(), said)
	}
	r.desk.forget()
	r.must(stored(t, parcel(core.DeliverFinal, private, video(0)), 0))
	if r.desk.methods() != "sendMessage" {
		t.Errorf("an empty file: %s", r.desk.methods())
	}
	r.desk.forget()
	r.limits = limitsOf(true)
	r.must(stored(t, parcel(core.DeliverFinal, private, video(0)), 60<<20))
	if r.desk.methods() != "sendVideo" {
		t.Errorf("at a local server: %s", r.desk.methods())
	}
}

// Telegram does not say which file of an album it does not take.
func TestAlbumThatIsRefusedIsSentOneByOne(t *testing.T) {
	r := newRoom(t)
	r.desk.answer("sendMediaGroup", refuse(400, `Bad Request: failed to send message #2 with the error message "IMAGE_PROCESS_FAILED"`))
	r.desk.answer("sendPhoto", "", refuse(400, "Bad Request: IMAGE_PROCESS_FAILED"))
	shown := r.must(stored(t, parcel(core.DeliverFinal, private, picture(0), picture(1)), 5000))
	if r.desk.methods() != "sendMediaGroup sendPhoto sendPhoto sendDocument sendMessage" || shown.Files["01jd00000000000001-1"].As != asDocument {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
}

// What was sent before a call failed is not sent again.
func TestPartOfAResultIsNotSentTwice(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, song(0), song(1), picture(2)), 5000)
	p.Shown = receipt{Chat: 77, Message: 50}.raw(t)
	r.desk.answer("sendPhoto", "broken")
	r.desk.answer("sendMessage", refuse(500, "Internal Server Error"))
	r.desk.answer("deleteMessage", "broken")
	for _, want := range []string{"sendMediaGroup sendPhoto", "sendPhoto sendMessage", "sendMessage deleteMessage"} {
		part, err := r.Deliver(t.Context(), p)
		if err == nil || part == nil || r.desk.methods() != want {
			t.Fatalf("%s, %v; want %s", r.desk.methods(), err, want)
		}
		p.Delivery.Part = part
		r.desk.forget()
	}
	shown := r.must(p)
	if r.desk.methods() != "deleteMessage" || len(shown.Files) != 3 || len(shown.Others) != 3 || shown.Message == 0 {
		t.Errorf("%s: %+v", r.desk.methods(), shown)
	}
}

// Likewise for a text that takes several messages.
func TestPartOfATextIsNotSentTwice(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverFinal, private, core.Output{Kind: "text", Text: strings.Repeat("la la la\n", 1000)})
	r.desk.answer("sendMessage", "", "broken")
	part, err := r.Deliver(t.Context(), p)
	if err == nil || part == nil {
		t.Fatalf("%s, %v", part, err)
	}
	p.Delivery.Part = part
	shown := r.must(p)
	var said []string
	for _, c := range r.desk.calls {
		if c.id != 0 {
			said = append(said, c.form["text"])
		}
		if buttons := c.form["reply_markup"] != ""; buttons != (c.id == shown.Message) && c.id != 0 {
			t.Errorf("message %d has buttons: %t", c.id, buttons)
		}
	}
	if n := strings.Count(strings.Join(said, "\n"), "la la la"); n != 1000 || len(said) != 3 || len(shown.Others) != 2 {
		t.Errorf("%d of 1000 lines in %d messages; %+v", n, len(said), shown)
	}
}

// Shown once more it costs no upload, even when we have the file no more.
func TestShownOnceMoreByFileID(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverShow, private, picture(0)), 5000)
	p.Copied = receipt{Chat: 1, Message: 2, Files: map[string]sentFile{"01jd00000000000001-0": {As: asPhoto, ID: "known"}}}.raw(t)
	r.must(p)
	if got := r.desk.last("sendPhoto").form["photo"]; got != "known" || r.desk.methods() != "sendPhoto" {
		t.Errorf("%s with %q", r.desk.methods(), got)
	}
	r.desk.answer("sendPhoto", refuse(400, "Bad Request: wrong file identifier/HTTP URL specified"))
	if shown := r.must(p); len(r.desk.last("sendPhoto").form["photo"]) != 5000 || shown.Files["01jd00000000000001-0"].ID == "known" {
		t.Errorf("%+v", shown)
	}
	p.Tasks[0].Outputs[0].File = nil
	r.desk.forget()
	r.must(p)
	if got := r.desk.last("sendPhoto").form["photo"]; got != "known" || r.desk.methods() != "sendPhoto" {
		t.Errorf("%s with %q", r.desk.methods(), got)
	}
	r.desk.answer("sendPhoto", refuse(400, "Bad Request: wrong file identifier/HTTP URL specified"))
	r.must(p)
	if said := r.desk.last("sendMessage").form; !strings.Contains(said["entities"], "https://files.test/") {
		t.Errorf("%+v", said)
	}
}

// The original is a file of its own, whatever was shown before.
func TestOriginalIsADocument(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverShow, private, picture(0)), 5000)
	p.Delivery.Original = true
	p.Copied = receipt{Files: map[string]sentFile{"01jd00000000000001-0": {As: asPhoto, ID: "photo"}}}.raw(t)
	r.must(p)
	if got := r.desk.last("sendDocument").form["document"]; r.desk.methods() != "sendDocument" || len(got) != 5000 {
		t.Errorf("%s with %d bytes", r.desk.methods(), len(got))
	}
	p.Copied = receipt{Files: map[string]sentFile{"01jd00000000000001-0": {As: asDocument, ID: "known"}}}.raw(t)
	if r.must(p); r.desk.last("sendDocument").form["document"] != "known" {
		t.Errorf("%+v", r.desk.last("sendDocument").form)
	}
	r.desk.forget()
	p = stored(t, parcel(core.DeliverShow, private, video(0), picture(1)), 5000)
	p.Delivery.Original = true
	if r.must(p); strings.Count(r.desk.last("sendMediaGroup").form["media"], `"type":"document"`) != 2 {
		t.Errorf("%s: %s", r.desk.methods(), r.desk.last("sendMediaGroup").form["media"])
	}
}

func TestSpoiler(t *testing.T) {
	r := newRoom(t)
	for _, outputs := range [][]core.Output{{picture(0)}, {video(0)}, {picture(0), video(1)}} {
		for _, hidden := range []bool{false, true} {
			p := stored(t, parcel(core.DeliverFinal, private, outputs...), 5000)
			p.Tasks[0].Request.Spoiler = hidden
			r.desk.forget()
			r.must(p)
			first := r.desk.calls[0].form
			if got := strings.Count(first["media"], `"has_spoiler":true`) + strings.Count(first["has_spoiler"], "true"); got != len(outputs) && hidden || got > 0 && !hidden {
				t.Errorf("hidden %t: %d of %d are", hidden, got, len(outputs))
			}
		}
	}
}

func TestLongCaptionGoesOnInAReply(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, picture(0)), 5000)
	r.words = longWords{strings.Repeat("👩‍🚀 ", 400)}
	shown := r.must(p)
	caption, rest := r.desk.last("sendPhoto").form["caption"], r.desk.last("sendMessage").form
	if clip.Units(caption) > captionMax || clip.Units(caption) < captionMax-16 || r.desk.methods() != "sendPhoto sendMessage" {
		t.Errorf("%s, a caption of %d units", r.desk.methods(), clip.Units(caption))
	}
	if n := strings.Count(caption+rest["text"], "👩‍🚀"); n != 400 {
		t.Errorf("%d of 400 astronauts arrived", n)
	}
	if !strings.Contains(rest["reply_parameters"], fmt.Sprintf(`"message_id":%d`, shown.Message)) {
		t.Errorf("%+v", rest)
	}
}

type longWords struct{ details string }

func (w longWords) Show(ctx context.Context, p core.Parcel) (m bots.Message) {
	m = plainWords{}.Show(ctx, p)
	m.Details = w.details
	return m
}

func (longWords) TooLarge(core.Parcel, int, time.Time) string { return "" }

// A prompt of 4096 emoji fits wherever it is shown.
func TestPromptOf4096Emoji(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverAccepted, private, picture(0)), 5000)
	p.Tasks[0].Request.Prompt = strings.Repeat("👨‍👩‍👧‍👦", 4096)
	r.must(p)
	p.Delivery.Kind, p.Tasks[0].State = core.DeliverFinal, core.Succeeded
	r.must(p)
	if n := clip.Units(r.desk.last("sendMessage").form["text"]); n > textMax {
		t.Errorf("a text of %d units", n)
	}
	if n := clip.Units(r.desk.last("sendPhoto").form["caption"]); n > captionMax {
		t.Errorf("a caption of %d units", n)
	}
}

// A receipt of another adapter, or none at all, is no reason to fail.
func TestForeignReceipt(t *testing.T) {
	r := newRoom(t)
	p := parcel(core.DeliverFinal, private)
	p.Shown = json.RawMessage(`["what","ever"]`)
	if r.must(p); r.desk.methods() != "sendMessage" {
		t.Errorf("%s", r.desk.methods())
	}
	p.Delivery.Lane = "telegram:nowhere"
	if _, err := r.Deliver(t.Context(), p); err == nil {
		t.Error("shown nowhere")
	}
}

// A server that closes the connection on a file that it will not have cannot
// be told from a bad line at once; after some attempts it is.
func TestConnectionThatAlwaysBreaksUnderAFile(t *testing.T) {
	r := newRoom(t)
	p := stored(t, parcel(core.DeliverFinal, private, video(0)), 5000)
	api, err := newClient(testToken, "http://telegram.test", cutter{r.desk})
	if err != nil {
		t.Fatal(err)
	}
	r.api = api
	for range cutMax {
		part, err := r.Deliver(t.Context(), p)
		if err == nil || part == nil || r.desk.methods() != "" {
			t.Fatalf("%s, %v", part, err)
		}
		p.Delivery.Part = part
	}
	shown := r.must(p)
	if got := r.desk.methods(); got != "sendMessage" || shown.Cuts != 0 {
		t.Errorf("%s, %+v", got, shown)
	}
}

// News is shown as it was written, under no command; a chat that is gone is
// not tried again.
func TestNews(t *testing.T) {
	r := newRoom(t)
	news := core.Parcel{Delivery: core.Delivery{ID: 9, Kind: core.DeliverNews, Lane: group, Text: "Tea <b>at five</b>, *all* of you"}}
	if _, err := r.Deliver(t.Context(), news); err != nil {
		t.Fatal(err)
	}
	form := r.desk.last("sendMessage").form
	if form["text"] != news.Delivery.Text || form["entities"] != "" || form["reply_parameters"] != "" || form["chat_id"] != "-100500" {
		t.Errorf("%+v", form)
	}
	r.desk.answer("sendMessage", refuse(403, "Forbidden: bot was kicked from the supergroup chat"))
	_, err := r.Deliver(t.Context(), news)
	var known *core.DeliveryError
	if !errors.As(err, &known) || !known.Permanent || known.Fallback != "" {
		t.Errorf("a chat that is gone: %v", err)
	}
}
