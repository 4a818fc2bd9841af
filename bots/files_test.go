package bots

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// desk is what lies on a person's desk: files by name.
func desk(typed string) (core.InputFile, error) {
	files := map[string]core.InputFile{
		"cat.png":   {Name: "cat.png", Type: "image/png", Size: 2e6},
		"dog.jpg":   {Name: "dog.jpg", Type: "image/jpg; q=1", Size: 2e6},
		"huge.png":  {Name: "huge.png", Type: "image/png", Size: 31_000_001},
		"sea.mp4":   {Name: "sea.mp4", Type: "video/mp4", Size: 2e6},
		"song.mp3":  {Name: "song.mp3", Type: "audio/mp3", Size: 2e6},
		"thing.bin": {Name: "thing.bin", Type: "application/octet-stream"},
		"notes.txt": {Name: "notes.txt", Type: "text/plain; charset=utf-8", Size: 20},
	}
	file, ok := files[typed]
	switch {
	case typed == "locked.png":
		return file, errors.New("permission denied")
	case !ok:
		return file, fmt.Errorf("opening: %w", fs.ErrNotExist)
	}
	file.Ref = json.RawMessage(`"` + typed + `"`)
	return file, nil
}

// gives is what a person hears at once in a chat that takes files.
func (w *world) gives(text string) Reply {
	in := w.incoming(ada, "en", text)
	in.Attach = desk
	return w.bot.Command(w.t.Context(), in)
}

// requested is the request that an accepted command led to.
func (w *world) requested(text string) core.Request {
	w.t.Helper()
	reply := w.gives(text)
	if len(reply.Accepted) == 0 {
		w.t.Fatalf("%s: %s", text, reply.Text)
	}
	task, err := w.engine.Task(w.t.Context(), ada, string(reply.Accepted[0]))
	must(w.t, err)
	return task.Request
}

// The files decide which model of a family runs, and where they go in its input.
func TestFilesGoWhereTheModelWantsThem(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, test := range []struct{ text, model, input, files string }{
		{"/imagine bluer --model flux --image cat.png", "flux-2/pro-image-to-image", `"input_urls":["kiebot-file:0"]`, "cat.png"},
		{"/imagine bluer --model flux", "flux-2/pro-text-to-image", `"prompt":"bluer"`, ""},
		{"/imagine bluer --model flux --image https://a.test/x.png", "flux-2/pro-image-to-image", `"input_urls":["https://a.test/x.png"]`, ""},
		{"/imagine both --model flux --image cat.png --image https://a.test/x.png --image dog.jpg", "flux-2/pro-image-to-image",
			`"input_urls":["kiebot-file:0","https://a.test/x.png","kiebot-file:1"]`, "cat.png dog.jpg"},
		{"/imagine both --model flux --image2 cat.png --image dog.jpg", "flux-2/pro-image-to-image", `"input_urls":["kiebot-file:0","kiebot-file:1"]`, "dog.jpg cat.png"},
		{"/imagine bluer --model flux --image thing.bin", "flux-2/pro-image-to-image", `"kiebot-file:0"`, "thing.bin"},
		{"/video waves --model kling --image cat.png", "kling/v2-5-turbo-image-to-video-pro", `"kiebot-file:0"`, "cat.png"},
		{"/video waves --model kling --first cat.png --last dog.jpg", "kling/v2-5-turbo-image-to-video-pro", `"tail_image_url":"kiebot-file:1"`, "cat.png dog.jpg"},
		{"/video waves --image cat.png", "bytedance/v1-pro-image-to-video", `"kiebot-file:0"`, "cat.png"},
		{"/generate --model recraft/crisp-upscale --image cat.png", "recraft/crisp-upscale", `"image":"kiebot-file:0"`, "cat.png"},
		{"/generate --model infinitalk/from-audio hello --image cat.png --audio song.mp3", "infinitalk/from-audio", `"kiebot-file:1"`, "cat.png song.mp3"},
		{"/imagine --image cat.png --model remove-background", "recraft/remove-background", `"image":"kiebot-file:0"`, "cat.png"},
	} {
		req := w.requested(test.text)
		input, err := json.Marshal(req.Input)
		must(t, err)
		var files []string
		for _, f := range req.Files {
			files = append(files, f.Name)
			if string(f.Ref) != `"`+f.Name+`"` {
				t.Errorf("%s: %+v", test.text, f)
			}
		}
		if req.Model != test.model || !strings.Contains(string(input), test.input) || strings.Join(files, " ") != test.files {
			t.Errorf("%s\nruns %s with %s and %v\nwant %s with %s and %s", test.text, req.Model, input, files, test.model, test.input, test.files)
		}
		if req.Prompt == "" {
			t.Errorf("%s: nothing to show as what was asked for", test.text)
		}
	}
}

// Without a model, a picture leads to one that takes it.
func TestDefaultModelTakesTheFiles(t *testing.T) {
	w := newWorld(t, nil)
	req := w.requested("/imagine bluer --image cat.png")
	model, err := w.models.Lookup(req.Model)
	must(t, err)
	if in, ok := holder(model, req.Input, core.FileValue(0)); !ok || in.Media != "image" || model.Kind != catalog.Image {
		t.Errorf("%s with %v", req.Model, req.Input)
	}
	if plain := w.requested("/imagine bluer"); plain.Model != w.models.DefaultFor(catalog.Image).ID || plain.Files != nil {
		t.Errorf("%+v", plain)
	}
}

func TestWrongFiles(t *testing.T) {
	w := newWorld(t, nil)
	for text, want := range map[string][]string{
		"/imagine bluer --model flux --image mouse.png":                 {"--image: there is no file “mouse.png”."},
		"/imagine bluer --model flux --image locked.png":                {"--image: the file “locked.png” cannot be read."},
		"/imagine bluer --model flux --image http://a.test/x.png":       {"--image: “http://a.test/x.png” is no https link."},
		"/imagine bluer --model flux --image https://":                  {"“https://” is no https link."},
		"/imagine bluer --model flux --image file:///etc/passwd":        {"is no https link"},
		"/imagine bluer --model flux --image song.mp3":                  {"“song.mp3” is audio/mp3; Flux 2 Pro Edit takes JPEG, PNG, WEBP."},
		"/imagine bluer --model flux --image huge.png":                  {"“huge.png” has 31.1 MB; Flux 2 Pro Edit takes at most 10 MB."},
		"/imagine bluer --model flux --image cat.png --image2 huge.png": {"“huge.png” has 31.1 MB"},
		"/imagine bluer --model flux --image a --image2 b --ar 7:3":     {"3 things", "no file “a”", "--image2: there is no file “b”", "--ar cannot be “7:3”"},
		"/imagine bluer --model z-image --image cat.png":                {"Z-Image does not have --image."},
		"/video waves --model kling/v2-1-pro":                           {"Kling 2.1 Pro needs --first."},
		"/imagine waves --model kling --image cat.png":                  {"makes videos: use it with /video."},
		"/imagine --image cat.png":                                      {"needs a prompt."},
		"/generate --model infinitalk x --image cat.png":                {"InfiniteTalk needs --audio."},
		"/video waves --model veo/extend":                               {"--task"},
	} {
		reply := w.gives(text)
		if !reply.Refused || len(reply.Accepted) > 0 {
			t.Errorf("%s: %+v", text, reply)
		}
		wantText(t, reply.Text, append(want, "Nothing was charged.")...)
	}
	wantText(t, w.types(ada, "/imagine bluer --model flux --image cat.png").Text, "files cannot be given here", "https link", "Nothing was charged.")
}

// A file that says nothing about itself is left to Kie; one that does is checked.
func TestAccepts(t *testing.T) {
	for _, test := range []struct {
		media, accept, given string
		want                 bool
	}{
		{"image", "image/jpeg image/png", "image/png", true},
		{"image", "image/jpeg image/png", "image/jpg", true},
		{"image", "image/jpeg image/png", "IMAGE/PNG; a=b", true},
		{"image", "image/jpeg image/png", "image/gif", false},
		{"image", "image/jpeg image/png", "", true},
		{"image", "image/jpeg image/png", "application/octet-stream", true},
		{"audio", "audio/mpeg audio/x-wav", "audio/mp3", true},
		{"audio", "audio/mpeg audio/x-wav", "audio/vnd.wave", true},
		{"audio", "audio/m4a audio/x-flac", "audio/mp4", true},
		{"audio", "audio/m4a audio/x-flac", "audio/flac", true},
		{"audio", "audio/x-aac", "audio/aac", true},
		{"video", "video/avi", "video/x-msvideo", true},
		{"audio", "", "audio/ogg", true},
		{"audio", "", "video/mp4", false},
		{"image", "", "text/plain", false},
		{"document", "", "text/plain", true},
	} {
		in := catalog.Input{Media: test.media, Accept: strings.Fields(test.accept)}
		if got := accepts(in, test.given); got != test.want {
			t.Errorf("an input for %s (%s) and a file of type %q: %v", test.media, test.accept, test.given, got)
		}
	}
	v := quietBot(t).voice("ru")
	for size, want := range map[int64]string{10_000_001: "10,1", 31_000_000: "31", 1: "0,1"} {
		if got := v.megabytes(size); got != want {
			t.Errorf("%d bytes are %s MB, want %s", size, got, want)
		}
	}
	if got := strings.Join(v.typesOf(catalog.Input{Media: "audio", Accept: []string{"audio/mpeg", "audio/mp3", "audio/x-ms-wma"}}), " "); got != "MPEG MS-WMA" {
		t.Errorf("types %q", got)
	}
	if got := v.typesOf(catalog.Input{Media: "audio"}); len(got) != 1 || got[0] != "записи" {
		t.Errorf("types %q", got)
	}
}

// An earlier job of one's own stands for the Kie task behind it; nobody else's does.
func TestEarlierJob(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		lead := w.accepted("/imagine a cat --model grok-imagine/text-to-image")
		w.untilEnd(lead)
		task, err := w.engine.Task(t.Context(), ada, string(lead))
		must(t, err)
		for _, typed := range []string{lead.Short(), "#" + strings.ToUpper(lead.Short()), string(lead), task.Kie.TaskID} {
			req := w.requested("/generate --model grok-imagine/upscale --task " + typed)
			if req.Input["task_id"] != task.Kie.TaskID {
				t.Errorf("--task %s became %v, want %s", typed, req.Input, task.Kie.TaskID)
			}
		}
		bobs := w.bot.Command(t.Context(), w.incoming(bob, "en", "/generate --model grok-imagine/upscale --task "+lead.Short()))
		if len(bobs.Accepted) == 1 {
			other, err := w.engine.Task(t.Context(), bob, string(bobs.Accepted[0]))
			must(t, err)
			if other.Request.Input["task_id"] == task.Kie.TaskID {
				t.Error("somebody else's job was used")
			}
		}
	})
}

// Where the length of a file decides the price, a link or a file that does not
// tell its length is refused with a sentence that says so.
func TestLengthsThatNobodyKnows(t *testing.T) {
	w := newWorld(t, nil)
	wantText(t, w.gives("/generate --model topaz/video-upscale --video https://a.test/clip.mp4").Text,
		"how long the file behind “https://a.test/clip.mp4” is", "give the file itself", "Nothing was charged.")
	wantText(t, w.gives("/generate --model kling/ai-avatar-pro hello --image cat.png --audio song.mp3").Text,
		"how long “song.mp3” is", "MP4, MOV, MP3", "Nothing was charged.")
}

// What stands for a file is not for people to type.
func TestTypedFileValues(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, text := range []string{
		"/generate --model google/nano-banana-edit bluer --set image_urls=[\"kiebot-file:0\"]",
		"/generate --model flux-2/pro-image-to-image bluer --image cat.png --set input_urls=[\"kiebot-file:0\"]",
		"/imagine kiebot-file:0",
	} {
		if reply := w.gives(text); !reply.Refused {
			t.Errorf("%s: accepted", text)
		}
	}
	wantText(t, w.gives("/generate --model recraft/crisp-upscale --set image=kiebot-file:3").Text, "cannot be “kiebot-file:3”", "Nothing was charged.")
}
