package bots

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// buttonLabels are what can be pressed under a message.
func buttonLabels(m Message) string {
	var all []string
	for _, b := range m.Buttons {
		all = append(all, b.Label)
	}
	return strings.Join(all, ", ")
}

// pressed is the button of that label.
func pressed(t *testing.T, buttons []Button, label string) Button {
	t.Helper()
	i := slices.IndexFunc(buttons, func(b Button) bool { return b.Label == label })
	if i < 0 {
		t.Fatalf("no button %q in %+v", label, buttons)
	}
	return buttons[i]
}

// lastInput is what Kie was given last.
func (w *world) lastInput() kietest.Task {
	all := w.kie.Tasks()
	return all[len(all)-1]
}

func TestResultsAreWorkedOn(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		parent := w.untilEnd(w.accepted("a cat astronaut"))
		id := core.TaskID(parent.ID)
		link := w.lastInput()
		for _, test := range []struct {
			name    string
			ask     func() Reply
			kind    media.Kind
			prompt  string // what the chat shows
			command string
		}{
			{"upscale pressed", func() Reply { return w.presses(ada, pressed(t, parent.Buttons, "Upscale")) }, media.Image, "a cat astronaut", "upscale"},
			{"upscale typed", func() Reply { return w.types(ada, pressed(t, parent.Buttons, "Upscale").Text) }, media.Image, "a cat astronaut", "upscale"},
			{"upscale with a model", func() Reply {
				return w.types(ada, "/upscale #"+strings.ToUpper(id.Short())+" --model topaz/image-upscale")
			}, media.Image, "a cat astronaut", "upscale"},
			{"animate pressed", func() Reply { return w.presses(ada, pressed(t, parent.Buttons, "Animate")) }, media.Video, "a cat astronaut", "animate"},
			{"animate typed", func() Reply { return w.types(ada, "/animate "+id.Short()+" the cat waves --dur 5") }, media.Video, "the cat waves", "animate"},
			{"a video", func() Reply {
				video := w.untilEnd(w.accepted("/animate " + id.Short()))
				return w.presses(ada, pressed(t, video.Buttons, "Upscale"))
			}, media.Video, "a cat astronaut", "upscale"},
			{"edit typed", func() Reply { return w.types(ada, "/edit "+string(id)+" give it a hat") }, media.Image, "give it a hat", "edit"},
			{"an id as a file", func() Reply { return w.types(ada, "/imagine as a drawing --model nano-banana --image "+id.Short()) }, media.Image, "as a drawing", "imagine"},
		} {
			reply := test.ask()
			if len(reply.Accepted) != 1 {
				t.Errorf("%s: %+v", test.name, reply)
				continue
			}
			m := w.untilEnd(reply.Accepted[0])
			if m.State != core.Succeeded || len(m.Media) != 1 || m.Media[0].Kind != test.kind || m.Prompt != test.prompt {
				t.Errorf("%s: %+v", test.name, m)
			}
			task, err := w.engine.Task(t.Context(), ada, m.ID)
			if err != nil || test.name != "a video" && task.Request.Parent != id || task.Request.Command != test.command {
				t.Errorf("%s: parent %q, command %q, %v", test.name, task.Request.Parent, task.Request.Command, err)
			}
			if got := w.lastInput(); got.ID == link.ID || !strings.Contains(strings.Join(textsOf(got.Input), " "), w.kie.URL()) {
				t.Errorf("%s: Kie got %v, want the result of the first job", test.name, got.Input)
			}
		}
		reply := w.types(ada, "/upscale "+id.Short())
		if m := w.untilEnd(reply.Accepted[0]); strings.Contains(buttonLabels(m), "Upscale") {
			t.Errorf("what was made larger offers %s", buttonLabels(m))
		}
	})
}

// A file that is no result is made larger, too, by a model that nobody has to name.
func TestFilesAreMadeLarger(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, text := range []string{"/upscale --image cat.png", "/upscale --image cat.png --model topaz/image-upscale"} {
		req := w.requested(text)
		if m, err := w.models.Lookup(req.Model); err != nil || m.Task != "upscale" || m.Kind != catalog.Image || len(req.Files) != 1 {
			t.Errorf("%s: %+v, %v", text, req, err)
		}
	}
	wantText(t, w.gives("/upscale --video sea.mp4").Text, "how long “sea.mp4” is", "Nothing was charged.") // only a video's model asks that
}

// textsOf lists the texts in an input.
func textsOf(input map[string]any) (all []string) {
	for _, value := range input {
		switch v := value.(type) {
		case string:
			all = append(all, v)
		case []any:
			for _, one := range v {
				if text, ok := one.(string); ok {
					all = append(all, text)
				}
			}
		}
	}
	return all
}

func TestOneOfSeveralResultsIsChosen(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		parent := w.untilEnd(w.accepted("a cat --n 3"))
		id := core.TaskID(parent.ID)
		reply := w.presses(ada, pressed(t, parent.Buttons, "Upscale"))
		wantText(t, reply.Text, "Which one?")
		if len(reply.Buttons) != 3 || reply.Buttons[1].Label != "2" {
			t.Fatalf("%+v, want three to choose from", reply)
		}
		batch, err := w.engine.Task(t.Context(), ada, parent.ID)
		must(t, err)
		m := w.presses(ada, reply.Buttons[1])
		task, err := w.engine.Task(t.Context(), ada, string(m.Accepted[0]))
		if err != nil || task.Request.Parent != batch.Batch[1] {
			t.Errorf("the second is %s, want %s (%v)", task.Request.Parent, batch.Batch[1], err)
		}
		edit := w.types(ada, "/edit "+id.Short()+" a hat")
		if len(edit.Buttons) != 3 || edit.Buttons[2].Data != "" || edit.Buttons[2].Text != "/edit "+id.Short()+":3 a hat" {
			t.Errorf("%+v, want three to choose from", edit)
		}
		if reply := w.types(ada, edit.Buttons[2].Text); len(reply.Accepted) != 1 {
			t.Errorf("%+v", reply)
		}
		wantText(t, w.types(ada, "/edit "+id.Short()+":4 a hat").Text, "only 3", "Nothing was charged.")
	})
}

func TestGrokGoesOnWithItsOwnTask(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("/video waves --model grok-imagine/text-to-video"))
		reply := w.presses(ada, pressed(t, m.Buttons, "Upscale"))
		if len(reply.Accepted) != 1 {
			t.Fatalf("%+v", reply)
		}
		first := w.lastInput()
		w.untilEnd(reply.Accepted[0])
		if got := w.lastInput(); got.Model != "grok-imagine/upscale" || got.Input["task_id"] != first.ID {
			t.Errorf("Kie got %s %v, want it to go on with %s", got.Model, got.Input, first.ID)
		}
		task, err := w.engine.Task(t.Context(), ada, string(reply.Accepted[0]))
		if err != nil || string(task.Request.Parent) != m.ID {
			t.Errorf("parent %q (%v), want %s", task.Request.Parent, err, m.ID)
		}
	})
}

func TestFollowRefusals(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		picture := w.untilEnd(w.accepted("a cat"))
		video := w.untilEnd(w.accepted("/video waves"))
		w.kie.NextCreate(kietest.Fail("501", "no"))
		failed := w.untilEnd(w.accepted("a dog"))
		short := func(m Message) string { return core.TaskID(m.ID).Short() }
		for text, want := range map[string]string{
			"/upscale":                                 "/upscale works from a job: /upscale 0c4f2d9a",
			"/show":                                    "/show works from a job: /show 0c4f2d9a",
			"/show zzzzzzzz":                           "no such job",
			"/animate a cat":                           "works from a job",
			"/upscale zzzzzzzz":                        "no such job",
			"/edit " + short(picture):                  "needs a prompt",
			"/edit " + short(video) + " x":             "needs pictures that are finished",
			"/animate " + short(failed):                "nothing to work from",
			"/edit " + short(picture) + ":2 a hat":     "has only 1",
			"/edit " + short(picture) + ":0 a hat":     "works from a job",
			"/imagine x --image " + short(video):       "nothing to work from",
			"/imagine x --image " + short(picture)[:7]: "files cannot be given here",
		} {
			reply := w.types(ada, text)
			if !reply.Refused {
				t.Errorf("%s: %+v", text, reply)
			}
			wantText(t, reply.Text, want, "Nothing was charged.")
		}
		for _, text := range []string{"/show " + short(picture), "/upscale " + short(picture), "/animate " + short(picture), "/edit " + short(picture) + " x", "/imagine x --image " + short(picture)} {
			wantText(t, w.types(bob, text).Text, "somebody else’s", "Nothing was charged.")
		}
		wantText(t, w.presses(bob, pressed(t, picture.Buttons, "Info")).Text, "somebody else’s")
	})
}

// Where the catalogue has nothing that makes a result larger, that is said.
func TestNothingMakesItLarger(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		picture := core.TaskID(w.untilEnd(w.accepted("a cat")).ID).Short()
		video := core.TaskID(w.untilEnd(w.accepted("/video waves")).ID).Short()
		var gone []string
		for _, m := range w.models.All() {
			if m.Task == "upscale" {
				gone = append(gone, fmt.Sprintf(`{"id": %q, "status": "retired", "reason": "gone"}`, m.ID))
			}
		}
		var err error
		w.models, err = catalog.Overlay(w.models, strings.NewReader(`{"models": [`+strings.Join(gone, ",")+`]}`))
		must(t, err)
		w.restartWords()
		for id, want := range map[string]string{
			picture:                          "There is no model with a known price that makes such pictures larger.",
			video:                            "There is no model with a known price that makes such videos larger.",
			"--image https://a.test/cat.png": "There is no model with a known price that makes such pictures larger.",
			"--video https://a.test/cat.mp4": "There is no model with a known price that makes such videos larger.",
		} {
			reply := w.types(ada, "/upscale "+id)
			if !reply.Refused {
				t.Errorf("%+v", reply)
			}
			wantText(t, reply.Text, want, "Nothing was charged.")
		}
		if made := len(w.kie.Tasks()); made != 2 {
			t.Errorf("%d Kie tasks, want the two that were to be made larger", made)
		}
	})
}

func TestFollowExamples(t *testing.T) {
	play(t, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		id := core.TaskID(w.untilEnd(w.accepted("a cat")).ID).Short()
		for _, locale := range Languages() {
			for _, c := range commands() {
				text := w.bot.voice(locale).say("example."+c.name, nil)
				if c.from == nil && c.name != "show" {
					continue
				}
				if !strings.Contains(text, "0c4f2d9a") {
					t.Errorf("%s names no job", text)
				}
				in := w.incoming(ada, locale, strings.ReplaceAll(text, "0c4f2d9a", id))
				if reply := w.bot.Command(t.Context(), in); len(reply.Accepted) != 1 {
					t.Errorf("%s: %+v", text, reply)
				}
			}
		}
	})
}

func TestQueueShowsWhatIsUnderWay(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		wantText(t, w.types(ada, "/queue").Text, "Nothing of yours is under way")
		w.untilEnd(w.accepted("over"))
		w.kie.NextCreate(kietest.HoldTask())
		runs := w.accepted("a cat")
		w.until(runs, "running", func(m Message) bool { return m.State == core.Running })
		w.kie.SetBalance(0)
		waits := w.types(ada, "a dog --n 2").Accepted[0]
		w.until(waits, "that it waits", func(m Message) bool { return len(m.Notes) > 0 })
		reply := w.types(ada, "/queue")
		wantText(t, reply.Text, "2 jobs")
		if len(reply.Items) != 2 || reply.Items[0].Task != waits || reply.Items[1].Task != runs {
			t.Fatalf("%+v", reply)
		}
		wantText(t, reply.Items[0].Detail, "in queue", "job "+waits.Short())
		wantText(t, reply.Items[1].Detail, "generating", "job "+runs.Short())
		if other := w.types(bob, "/queue"); len(other.Items) != 0 {
			t.Errorf("somebody else sees %+v", other)
		}
		w.types(ada, "/cancel")
		w.kie.Release(w.kie.Tasks()[1].ID)
		w.untilEnd(runs)
	})
}

func TestInfoShowsWhatWasSent(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("a cat --ar 16:9 --model imagen4 --seed 7"))
		reply := w.presses(ada, pressed(t, m.Buttons, "Info"))
		if reply.Refused || reply.Text != "a cat" {
			t.Errorf("%+v", reply)
		}
		got := map[string]string{}
		for _, item := range reply.Items {
			got[item.Title] = item.Detail
		}
		for title, want := range map[string]string{
			"Model": "Google Imagen 4 · google/imagen4", "--ar": "16:9", "--seed": "7", "Cost": "8 credits", "Job": core.TaskID(m.ID).Short(),
		} {
			if got[title] != want {
				t.Errorf("%s is %q, want %q", title, got[title], want)
			}
		}
	})
}

// What the edit button puts into the field makes the same request.
func TestEditPromptTypesTheSameRequest(t *testing.T) {
	w := newWorld(t, func(c *core.Config) { c.UserDaily = core.Unlimited })
	for _, text := range []string{
		"a cat",
		"/imagine a cat --ar 16:9 --model imagen4 --seed 7 --n 3",
		"/imagine a cat --model imagen4 --no dogs, blur",
		"/imagine a cat\ndogs",
		`/imagine "a sign that says --ar 1:1" --ar 16:9`,
		"/imagine -- two\nlines",
		"/imagine a cat --n 2 --model seedream-v4 --res 2K",
		"/imagine make it blue --model nano-banana --image https://example.com/a.png --image https://example.com/b.png",
		"/video waves --dur 10 --model kling",
		"/video it moves --model kling --first https://example.com/a.png",
		"/music a slow waltz about the sea --set instrumental=true",
		"/speak Good morning, everyone! --voice Rachel",
		"/generate --model seedream a cat astronaut --ar 16:9",
		"/upscale --image https://example.com/a.png --model topaz/image-upscale --set upscale_factor=4",
	} {
		first := w.request(t, text)
		again := w.bot.retyped(first)
		second := w.request(t, again)
		if first.Model != second.Model || first.Count != second.Count || first.Prompt != second.Prompt || !reflect.DeepEqual(plainInput(first.Input), plainInput(second.Input)) {
			t.Errorf("%q\ntyped again as %q\nis %s ×%d %v\nwant %s ×%d %v", text, again, second.Model, second.Count, second.Input, first.Model, first.Count, first.Input)
		}
	}
	if got := w.bot.retyped(core.Request{Command: "imagine", Model: "google/imagen4", Files: []core.InputFile{{Name: "a.png"}}}); got != "" {
		t.Errorf("a request with a file is typed as %q", got)
	}
}

// request is what a typed command asks for.
func (w *world) request(t *testing.T, text string) core.Request {
	t.Helper()
	req, wrong := w.bot.request(session{voice: w.bot.voice("en"), in: w.incoming(ada, "en", text), call: parse(text)})
	if len(wrong) > 0 {
		t.Fatalf("%s: %v", text, wrong)
	}
	return req
}

func plainInput(input map[string]any) map[string]string {
	texts := map[string]string{}
	for name := range maps.Keys(input) {
		texts[name] = plain(input[name])
	}
	return texts
}

func TestShowBringsAResultAgain(t *testing.T) {
	play(t, nil, func(t *testing.T, w *world) {
		m := w.untilEnd(w.accepted("a cat --model imagen4 --seed 7"))
		reply := w.types(ada, "/show "+core.TaskID(m.ID).Short())
		if len(reply.Accepted) != 1 || string(reply.Accepted[0]) != m.ID {
			t.Fatalf("%+v", reply)
		}
		again := w.until(reply.Accepted[0], "it once more", func(m Message) bool { return m.Kind == core.DeliverShow })
		if !reflect.DeepEqual(again.Media, m.Media) || again.Details != m.Details || buttonLabels(again) != buttonLabels(m) {
			t.Errorf("shown again as %+v\nwas %+v", again, m)
		}
		w.kie.SetBalance(0)
		wantText(t, w.types(ada, "/show "+w.accepted("a dog").Short()).Text, "not finished yet")
	})
}
