package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// shelf is a Source whose files have their name as contents.
type shelf struct {
	mu    sync.Mutex
	opens int
	fail  func(core.InputFile) error
}

// Open implements core.Source.
func (s *shelf) Open(_ context.Context, f core.InputFile) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	if s.fail != nil {
		if err := s.fail(f); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(strings.NewReader(f.Name)), nil
}

// uploads is Kie with an upload host that counts and can fail.
type uploads struct {
	core.Kie
	mu   sync.Mutex
	got  []string
	fail func(n int) error
}

// Upload implements core.Kie.
func (u *uploads) Upload(_ context.Context, f kie.File) (kie.UploadedFile, error) {
	data, err := io.ReadAll(f.Content)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, string(data))
	if u.fail != nil {
		if err := u.fail(len(u.got)); err != nil {
			return kie.UploadedFile{}, err
		}
	}
	return kie.UploadedFile{URL: fmt.Sprintf("https://uploads.example/%d/%s", len(u.got), f.Name)}, err
}

const editModel = "google/nano-banana-edit"

func editRequest(names ...string) core.Request {
	req := request("make it blue")
	req.Model = editModel
	var urls []any
	for n, name := range names {
		urls = append(urls, core.FileValue(n))
		req.Files = append(req.Files, core.InputFile{Name: name, Ref: []byte(`{}`)})
	}
	req.Input["image_urls"] = urls
	return req
}

// playFiles is play with a source and an upload host.
func playFiles(t *testing.T, test func(*testing.T, *world, *shelf, *uploads)) {
	t.Helper()
	s, u := &shelf{}, &uploads{}
	change := func(c *core.Config) {
		u.Kie = c.Kie[0].Client
		c.Kie[0].Client = u
		c.Sources = map[string]core.Source{"chat": s}
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) { test(t, w, s, u) })
}

func TestFilesAreGivenToKieFirst(t *testing.T) {
	playFiles(t, func(t *testing.T, w *world, _ *shelf, u *uploads) {
		id := w.submit(editRequest("one.png", "two.png"))
		if task := w.untilShown(id); task.State != core.Succeeded {
			t.Fatalf("ended %s, %+v", task.State, task.Failure)
		}
		sent := fmt.Sprint(w.kie.Tasks()[0].Input["image_urls"])
		if want := "[https://uploads.example/1/one.png https://uploads.example/2/two.png]"; sent != want {
			t.Errorf("Kie got %s, want %s", sent, want)
		}
		if kept := fmt.Sprint(w.task(id).Request.Input["image_urls"]); strings.Contains(kept, "https:") {
			t.Errorf("the request was changed: %s", kept)
		}
	})
}

// A host that is away for a while only delays the task; what was uploaded is not uploaded again.
func TestUploadIsTriedAgain(t *testing.T) {
	playFiles(t, func(t *testing.T, w *world, s *shelf, u *uploads) {
		u.fail = func(n int) error {
			if n == 2 || n == 3 {
				return &kie.Error{Kind: kie.ErrTemporary, Op: "upload", Message: "away"}
			}
			return nil
		}
		id := w.submit(editRequest("one.png", "two.png"))
		if task := w.untilShown(id); task.State != core.Succeeded {
			t.Fatalf("ended %s, %+v", task.State, task.Failure)
		}
		if got := strings.Join(u.got, " "); got != "one.png two.png two.png two.png" {
			t.Errorf("uploaded %s", got)
		}
	})
}

func TestFileThatCannotBeHad(t *testing.T) {
	for name, c := range map[string]struct {
		source error
		upload error
		reason core.Reason
		waits  time.Duration
	}{
		"gone":           {fs.ErrNotExist, nil, core.FailFile, 0},
		"refused by Kie": {nil, &kie.Error{Kind: kie.ErrInvalid, Op: "upload", Message: "too large"}, core.FailFile, 0},
		"source is away": {errors.New("timeout"), nil, core.FailAway, core.KeyPatience},
	} {
		t.Run(name, func(t *testing.T) {
			playFiles(t, func(t *testing.T, w *world, s *shelf, u *uploads) {
				s.fail = func(core.InputFile) error { return c.source }
				u.fail = func(int) error { return c.upload }
				task := w.untilShown(w.submit(editRequest("one.png")))
				if task.State != core.Failed || task.Failure.Reason != c.reason {
					t.Errorf("ended %s, %+v", task.State, task.Failure)
				}
				if c.reason == core.FailFile && task.Failure.Message != "one.png" {
					t.Errorf("the failure names %q", task.Failure.Message)
				}
				if waited := task.Finished.Sub(task.Created); waited < c.waits || waited > c.waits+5*time.Minute {
					t.Errorf("given up after %v", waited)
				}
				if got := w.balance(ada); got != (core.Usage{}) {
					t.Errorf("the window has %+v", got)
				}
				if n := len(w.kie.Creates()); n != 0 {
					t.Errorf("createTask was called %d times", n)
				}
			})
		})
	}
}

// brokenOnce is a shelf whose first file breaks off while it is read.
type brokenOnce struct{ shelf }

// Open implements core.Source.
func (s *brokenOnce) Open(ctx context.Context, f core.InputFile) (io.ReadCloser, error) {
	content, err := s.shelf.Open(ctx, f)
	if s.opens == 1 {
		return io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(content))), err
	}
	return content, err
}

// A platform that breaks off in the middle of a file is asked again.
func TestFileThatBreaksOffIsReadAgain(t *testing.T) {
	source := &brokenOnce{}
	change := func(c *core.Config) { c.Sources = map[string]core.Source{"chat": source} }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		task := w.untilShown(w.submit(editRequest("one.png")))
		if task.State != core.Succeeded || source.opens != 2 {
			t.Errorf("ended %s (%+v) after %d opens, want 2", task.State, task.Failure, source.opens)
		}
	})
}

// An upload that has become old is made again before the task is created.
func TestOldUploadIsRepeated(t *testing.T) {
	playFiles(t, func(t *testing.T, w *world, _ *shelf, u *uploads) {
		w.kie.NextCreate(kietest.Answer(455, "maintenance"))
		id := w.submit(editRequest("one.png"))
		w.until("it waits with its file", func() bool { return w.task(id).Waiting != "" })
		w.stop()
		nap(13 * time.Hour)
		w.run()
		w.untilShown(id)
		if len(u.got) != 2 {
			t.Errorf("uploaded %d times, want 2", len(u.got))
		}
	})
}

func TestRetiredModelIsRefused(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		req := request("a cat")
		req.Model = "sora-2-pro-text-to-video"
		_, err := w.engine.Submit(t.Context(), req)
		if refusal := wantRefusal(t, err, core.ReasonRetired); refusal.Err == nil {
			t.Error("the refusal does not say why")
		}
	})
}
