package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

func TestRawInputs(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, test := range []struct{ text, input string }{
		{"/music a song --set instrumental=true", `"instrumental":true`},
		{"/music a song --set INSTRUMENTAL=true", `"instrumental":true`},
		{"/music a song --set style_weight=0.5 --set style=\"slow jazz\"", `"style":"slow jazz","style_weight":0.5`},
		{"/music a song --set title=7", `"title":"7"`},
		{"/music a song --set title=[1]", `"title":"[1]"`},
		{"/music a song --set title=null", `"title":"null"`},
		{"/music a song --set model=V5", `"model":"V5"`},
		{`/generate --model suno a song --set audio_urls=["https://a.test/1.mp3"]`, `"audio_urls":["https://a.test/1.mp3"]`},
		{"/generate --model suno --set prompt=x", `"prompt":"x"`},
		{`/generate --model google/nano-banana-edit bluer --set image_urls=["https://a.test/1.png"]`, `"image_urls":["https://a.test/1.png"]`},
		{"/imagine a cat --model seedream-v4 --set max_images=3", `"max_images":3`},
		{"/generate --model separate-vocals --set task_id=x --set audio_id=y", `"audio_id":"y","task_id":"x"`},
		{"/generate --model separate-vocals --task x --set audio_id=y", `"audio_id":"y","task_id":"x"`},
	} {
		input, err := json.Marshal(w.requested(test.text).Input)
		must(t, err)
		if !strings.Contains(string(input), test.input) && !holds(t, string(input), "{"+test.input+"}") {
			t.Errorf("%s\ngave %s, want %s", test.text, input, test.input)
		}
	}
	for text, want := range map[string][]string{
		"/music a song --set instrumental=maybe":               {"instrumental must be true or false, not “maybe”."},
		"/music a song --set titel=x":                          {"Suno has no input “titel”.", "Did you mean title?"},
		"/music a song --set style_weight=2":                   {"style_weight"},
		"/music a song --set duration=30 --dur 20":             {"duration cannot be given together with --dur."},
		"/generate --model separate-vocals --set task_id=x":    {"needs --set audio_id"},
		"/music a song --set titel=x --dur 5 --set style":      {"3 things", "not “style”", "--set style=jazz", "titel", "--dur must be from 10"},
		"/generate --model ai-music-api/extend a song":         {"Suno Extend needs audio_id: add --set audio_id=…"},
		"/generate a song --set style=jazz":                    {"/generate runs any model, so it needs one"},
		"/music a song --model imagen4":                        {"makes pictures: use it with /imagine."},
		"/generate --model suno a song --set prompt=\"a cat\"": {"prompt cannot be given together with a prompt."},
	} {
		reply := w.types(ada, text)
		if !reply.Refused {
			t.Errorf("%s: %+v", text, reply)
		}
		wantText(t, reply.Text, append(want, "Nothing was charged.")...)
	}
}

// holds says whether the object has all fields of the other one.
func holds(t *testing.T, object, part string) bool {
	t.Helper()
	var all, some map[string]any
	must(t, json.Unmarshal([]byte(object), &all))
	must(t, json.Unmarshal([]byte(part), &some))
	for name, value := range some {
		if fmt.Sprint(all[name]) != fmt.Sprint(value) {
			return false
		}
	}
	return true
}

// clips is a Source with a video and a sound.
type clips struct{}

// Open implements core.Source.
func (clips) Open(_ context.Context, f core.InputFile) (io.ReadCloser, error) {
	if strings.HasPrefix(f.Type, "video/") {
		return os.Open("../core/media/testdata/clip.mp4")
	}
	return os.Open("../core/media/testdata/plain.mp3")
}

// Every model in use can be asked for by typing what its card says it needs;
// where the length of a file is paid for, the file has to be given itself.
func TestEveryModelCanBeTyped(t *testing.T) {
	w := newWorld(t, func(c *core.Config) {
		c.UserDaily, c.Sources = core.Unlimited, map[string]core.Source{"chat": clips{}}
	})
	ran, measured := 0, 0
	for _, m := range w.models.All() {
		if m.Status != catalog.Current {
			continue
		}
		text := typedFor(m)
		reply := w.types(ada, text)
		if strings.Contains(reply.Text, "give the file itself") {
			measured++
			reply = w.gives(strings.ReplaceAll(text, "https://example.com/", ""))
		}
		switch {
		case len(reply.Accepted) > 0:
			task, err := w.engine.Task(t.Context(), ada, string(reply.Accepted[0]))
			must(t, err)
			if task.Request.Model != m.ID {
				t.Errorf("%s\nran %s", text, task.Request.Model)
			}
			ran++
		case !strings.Contains(reply.Text, "what this would cost"):
			t.Errorf("%s\n%s", text, reply.Text)
		}
	}
	if ran < 150 || measured == 0 {
		t.Errorf("%d models ran, %d after measuring a file", ran, measured)
	}
}

// typedFor writes the shortest command that a model can run.
func typedFor(m catalog.Model) string {
	text := "/generate --model " + m.ID
	needed := map[string]bool{}
	if len(m.RequireOneOf) > 0 {
		for _, name := range m.RequireOneOf[0] {
			needed[name] = true
		}
	}
	numbers := map[catalog.Option]int{}
	prompt := ""
	for _, in := range m.Inputs {
		if !needed[in.Name] && (!in.Required || in.Default != nil) {
			continue
		}
		f, ok := flagFor(in.Option)
		switch {
		case in.Option == catalog.Prompt:
			prompt = " -- a cat"
		case ok && in.Option.IsFile():
			for range max(1, in.MinItems) {
				numbers[in.Option]++
				text += " " + f.at(numbers[in.Option]).String() + " " + f.sample
			}
		case ok:
			text += " " + f.String() + " " + sample(in, f.sample)
		default:
			text += " --set " + in.Name + "=" + quoteValue(sample(in, "x"))
		}
	}
	return text + prompt
}

// sample is a value that an input takes.
func sample(in catalog.Input, text string) string {
	switch {
	case len(in.Choices()) > 0:
		return in.Choices()[0]
	case in.Min != nil:
		return number(in.Min)
	case in.Media != "" && in.Type == catalog.Array:
		return `["https://example.com/cat.png"]`
	case in.Media != "":
		return "https://example.com/cat.png"
	case in.Type == catalog.Array:
		return `["x"]`
	case in.Type == catalog.Boolean:
		return "true"
	case in.Type != catalog.String:
		return "12"
	}
	return text
}

// The names that people know models by lead somewhere, or are told why not.
func TestKnownNames(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for name, want := range map[string]string{
		"bytedance/seedream": "bytedance/seedream", "flux-2/pro": "flux-2/pro-text-to-image", "google/imagen4": "google/imagen4",
		"ideogram/v3": "ideogram/v3-text-to-image", "grok-imagine/text-to-image": "grok-imagine/text-to-image",
		"kling/v2-1-pro": "kling/v2-1-pro", "hailuo/2-3-pro": "hailuo/2-3-image-to-video-pro",
		"wan/2-2-turbo": "wan/2-2-a14b-text-to-video-turbo", "bytedance/v1-pro": "bytedance/v1-pro-text-to-video",
		"elevenlabs/text-to-speech": "elevenlabs/text-to-speech-turbo-2-5", "suno/v4": "suno-V4",
		"seedream": "seedream/4.5-text-to-image", "veo": "veo-3-1", "suno": "ai-music-api/generate", "runway": "runway",
		"kling": "kling/v2-5-turbo-text-to-video-pro", "hailuo": "hailuo/02-text-to-video-standard", "flux": "flux-2/pro-text-to-image",
	} {
		text := "/generate a cat --model " + name
		reply := w.gives(text)
		if reply.Refused && strings.Contains(reply.Text, "needs --") {
			reply = w.gives(text + " --image cat.png")
		}
		if len(reply.Accepted) == 0 {
			t.Errorf("%s: %s", name, reply.Text)
			continue
		}
		task, err := w.engine.Task(t.Context(), ada, string(reply.Accepted[0]))
		must(t, err)
		if task.Request.Model != want || task.Request.Command != "generate" {
			t.Errorf("%s ran %s, want %s", name, task.Request.Model, want)
		}
	}
	for _, text := range []string{"/generate a cat --model sora2/pro", "/video a cat --model sora2/pro", "/models sora2/pro"} {
		wantText(t, w.types(ada, text).Text, "Sora 2 Pro cannot be used: Kie took the Sora 2 family out of its catalogue", "nearest current model is Veo 3.1: --model veo.", "Nothing was charged.")
	}
}

// Whatever is typed after --set either fits the model or is refused with a reason.
func FuzzRawInputs(f *testing.F) {
	for _, seed := range [][2]string{
		{"instrumental", "true"}, {"INSTRUMENTAL", "1"}, {"style", "jazz"}, {"style_weight", "0.50"}, {"style_weight", "1e999"},
		{"duration", "99999999999999999999"}, {"image_urls", `["https://a.test/1.png", 2]`}, {"image_urls", "kiebot-file:0"},
		{"audio_urls", `{"a":[`}, {"prompt", "null"}, {"", ""}, {"title", "\xff"}, {"nonsense", "[[]] x"},
	} {
		f.Add("ai-music-api/generate", seed[0], seed[1])
	}
	f.Add("kling-3.0/video", "multi_prompt", `[{"prompt": "a", "duration": 3}]`)
	models, err := catalog.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, input, value string) {
		m, err := models.Lookup(name)
		if err != nil {
			return
		}
		built, err := build(m, map[catalog.Option]string{catalog.Prompt: "a cat"}, []rawInput{{input, value}})
		var problems *catalog.ProblemsError
		switch {
		case err != nil && (!errors.As(err, &problems) || len(problems.Problems) == 0):
			t.Errorf("%s %q=%q: %v", name, input, value, err)
		case err == nil && m.Validate(built) != nil:
			t.Errorf("%s %q=%q became %v, which is not valid: %v", name, input, value, built, m.Validate(built))
		}
		if _, err := json.Marshal(built); err != nil {
			t.Errorf("%v cannot be sent: %v", built, err)
		}
	})
}

// A song, and a picture made of a picture, come out of the engine.
func TestMusicAndEditsComeOut(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		edit := w.untilEnd(w.accepted("/imagine bluer --model flux --image https://example.com/cat.png"))
		if edit.State != core.Succeeded || len(edit.Media) != 1 {
			t.Errorf("%+v", edit)
		}
		wantText(t, edit.Details, "Flux 2 Pro Edit", "5 credits")
		song := w.untilEnd(w.accepted("/music a slow waltz --set instrumental=true"))
		if song.State != core.Succeeded || len(song.Media) == 0 || song.Media[0].Kind != media.Audio {
			t.Errorf("%+v", song)
		}
		wantText(t, song.Details, "Suno", "12 credits")
	})
}
