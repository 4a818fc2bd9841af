package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// editOf asks to change the first output of the task.
func editOf(t *testing.T, parent core.Task) core.Request {
	t.Helper()
	file, ok := core.OutputFile(parent, 0)
	if !ok {
		t.Fatalf("task %s has no output: %+v", parent.ID, parent.Outputs)
	}
	req := request("make it blue")
	req.Model, req.Parent = editModel, parent.ID
	req.Files, req.Input["image_urls"] = []core.InputFile{file}, []any{core.FileValue(0)}
	return req
}

func TestAnOutputIsTheInputOfTheNextTask(t *testing.T) {
	playFiles(t, func(t *testing.T, w *world, s *shelf, u *uploads) {
		parent := w.untilShown(w.submit(request("a cat")))
		link := parent.Outputs[0].URL
		folder := filepath.Join(w.dir, "media")
		for _, step := range []struct {
			name   string
			before func()
			want   string // where Kie is told to look
		}{
			{"soon: Kie still has it", func() {}, link},
			{"later: our copy goes there", func() { nap(13 * time.Hour) }, "https://uploads.example/1/"},
			{"our copy is swept: fetched once more", func() {
				if err := os.RemoveAll(folder); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(folder, 0o700); err != nil {
					t.Fatal(err)
				}
			}, "https://uploads.example/2/"},
		} {
			step.before()
			task := w.untilShown(w.submit(editOf(t, w.task(parent.ID))))
			if task.State != core.Succeeded || task.Request.Parent != parent.ID {
				t.Errorf("%s: %s with parent %q, %+v", step.name, task.State, task.Request.Parent, task.Failure)
			}
			all := w.kie.Tasks()
			if got, _ := all[len(all)-1].Input["image_urls"].([]any); len(got) != 1 || !strings.HasPrefix(got[0].(string), step.want) {
				t.Errorf("%s: Kie got %v, want %s…", step.name, got, step.want)
			}
		}
		if s.opens != 0 {
			t.Errorf("the platform was asked for %d files, want none", s.opens)
		}
		for _, data := range u.got {
			if len(data) < 100 {
				t.Errorf("uploaded %d bytes, want a picture", len(data))
			}
		}
	})
}

func TestAnOutputThatIsGoneEverywhereIsRefunded(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		parent := w.untilShown(w.submit(request("a cat")))
		nap(15 * 24 * time.Hour) // Kie keeps results for 14 days
		if err := os.RemoveAll(filepath.Join(w.dir, "media")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(w.dir, "media"), 0o700); err != nil {
			t.Fatal(err)
		}
		task := w.untilShown(w.submit(editOf(t, w.task(parent.ID))))
		if task.State != core.Failed || task.Failure.Reason != core.FailFile || task.Failure.Message == "" {
			t.Errorf("ended %s, %+v, want it to fail for its file", task.State, task.Failure)
		}
		if u := w.balance(ada); u.Held != 0 {
			t.Errorf("held %v, want a refund", u.Held)
		}
	})
}

func TestOnlyFilesAreOutputFiles(t *testing.T) {
	task := core.Task{ID: "0123456789abcdefgh", Outputs: []core.Output{{Text: "words"}, {URL: "https://kie.example/a.png"}}}
	for index, want := range map[int]bool{-1: false, 0: false, 1: true, 2: false} {
		if _, ok := core.OutputFile(task, index); ok != want {
			t.Errorf("output %d: %v, want %v", index, ok, want)
		}
	}
}

// Pressed on another platform, the files still come from where they were given.
func TestAgainOpensFilesWhereTheyCameFrom(t *testing.T) {
	playFiles(t, func(t *testing.T, w *world, s *shelf, _ *uploads) {
		first := w.untilShown(w.submit(editRequest("one.png")))
		w.link(ada, adaPhone)
		nap(13 * time.Hour)
		receipt, err := w.engine.Again(t.Context(), string(first.ID), "chat:again", core.Origin{Identity: adaPhone, Lane: "chat:room"})
		if err != nil {
			t.Fatal(err)
		}
		if task := w.untilShown(receipt.Tasks[0]); task.State != core.Succeeded || s.opens != 2 {
			t.Errorf("ended %s after %d opens, %+v", task.State, s.opens, task.Failure)
		}
	})
}

// Made again with other words, it is a request of its own, once per update.
func TestAgainWithOtherWords(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		first := w.untilShown(w.submit(request("a cat")))
		edit := func(r *core.Request) {
			r.Prompt, r.Input = "a dog", map[string]any{"prompt": "a dog"}
		}
		var ids []core.TaskID
		for range 2 {
			receipt, err := w.engine.AgainWith(t.Context(), string(first.ID), "chat:edit", roomOf(ada, false), edit)
			w.must(err)
			ids = append(ids, receipt.Tasks...)
		}
		if ids[0] != ids[1] {
			t.Errorf("tasks %v for one update", ids)
		}
		task := w.untilShown(ids[0])
		if task.Request.Prompt != "a dog" || task.Request.Parent != first.ID || w.kie.Tasks()[1].Input["prompt"] != "a dog" {
			t.Errorf("%+v", task.Request)
		}
		if before := w.task(first.ID).Request; before.Prompt != "a cat" || before.Input["prompt"] != "a cat" {
			t.Errorf("the earlier task became %+v", before)
		}
		_, err := w.engine.AgainWith(t.Context(), string(first.ID), "chat:other", roomOf(adaPhone, false), edit)
		wantRefusal(t, err, core.ReasonNotYours)
	})
}
