package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"kiebot/kie"
)

// Source opens the files that people gave on one platform.
type Source interface {
	// Open starts reading the file from its beginning; the caller closes it.
	// It may be called more than once for one file, days after it was given.
	// An error that is fs.ErrNotExist means that the file is gone for good;
	// any other is tried again.
	Open(ctx context.Context, file InputFile) (io.ReadCloser, error)
}

// uploadLives is how long an uploaded file is used without being uploaded
// again. Kie keeps uploads for 24 hours at least ("File Upload Quickstart").
const uploadLives = 12 * time.Hour

// unready reports whether the file has to be uploaded before its task can be
// created at the Kie account.
func (f InputFile) unready(kieAccount string, now time.Time) bool {
	return f.URL == "" || f.KieAccount != kieAccount || now.Sub(f.Uploaded) > uploadLives
}

// unready reports whether a file of the task has to be uploaded first.
func (t Task) unready(kieAccount string, now time.Time) bool {
	return slices.ContainsFunc(t.Request.Files, func(f InputFile) bool { return f.unready(kieAccount, now) })
}

// errGone marks a file that no further try can bring.
var errGone = errors.New("the file cannot be had")

// uploadLoop gives the files of tasks to Kie, one task after the other. People
// take turns here, too. There are uploadsMax such loops.
func (e *Engine) uploadLoop(ctx, work context.Context) {
	for {
		next, ok := e.uploads.next(ctx, func(string) bool { return !e.pause.on() })
		if !ok {
			return
		}
		task, err := e.load(work, next.id)
		if err == nil && task.State == Queued {
			e.prepare(ctx, task)
		} else if err != nil && !errors.Is(err, ErrNotFound) {
			e.log.Error("loading a task to prepare", "task", next.id, "error", err)
			e.uploads.put(next, e.cfg.Now().Add(storePause))
		}
	}
}

// prepare gives the task's files to a Kie account and commits where they are.
// What cannot be prepared is tried again for an hour, then the task fails, refunded.
func (e *Engine) prepare(ctx context.Context, task Task) {
	a, why, retry := e.choose(task, e.cfg.Now())
	if a == nil {
		e.postpone(ctx, task, why, retry)
		return
	}
	files := slices.Clone(task.Request.Files)
	var err error
	for i := range files {
		if !files[i].unready(a.name, e.cfg.Now()) {
			continue
		}
		if err = e.upload(ctx, a, task, &files[i]); err != nil {
			err = fmt.Errorf("preparing %q: %w", files[i].Name, err)
			break
		}
	}
	if ctx.Err() != nil {
		return // stopping; the task is still queued
	}
	if err := e.prepared(ctx, task.ID, a, files, err); err != nil {
		e.log.Error("storing what was prepared", "task", task.ID, "error", err)
		e.creator.put(turnOf(task), e.cfg.Now().Add(storePause))
	}
}

// upload opens one file at its platform and gives it to Kie.
func (e *Engine) upload(ctx context.Context, a *kieAccount, t Task, file *InputFile) error {
	content, err := e.open(ctx, t.Request, *file)
	if err != nil {
		return err
	}
	defer content.Close()
	source := &watched{Reader: content}
	up, err := a.client.Upload(withTask(ctx, t.ID), kie.File{Content: source, Size: sizeOf(*file), Name: file.Name, Type: file.Type, Folder: "kiebot"})
	if source.failed != nil { // its platform broke off; that can pass
		return fmt.Errorf("reading it: %w", source.failed)
	}
	switch kie.KindOf(err) {
	case kie.ErrInvalid, kie.ErrRefused, kie.ErrNotFound:
		return errors.Join(errGone, err)
	}
	if err != nil {
		return err
	}
	file.URL, file.Uploaded, file.KieAccount = up.URL, e.cfg.Now(), a.name
	return nil
}

// watched remembers that a file could not be read to its end.
type watched struct {
	io.Reader
	failed error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.failed = err
	}
	return n, err
}

// open starts reading a file at its platform; the error is errGone when no
// further try can bring it.
func (e *Engine) open(ctx context.Context, r Request, file InputFile) (io.ReadCloser, error) {
	source := e.sourceOf(r, file)
	if source == nil {
		return nil, fmt.Errorf("%w: its platform is not connected", errGone)
	}
	content, err := source.Open(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(errGone, err)
	}
	return content, err
}

func sizeOf(f InputFile) int64 {
	if f.Size == 0 {
		return -1
	}
	return f.Size
}

// prepared commits the addresses, a later try, or the end.
func (e *Engine) prepared(ctx context.Context, id TaskID, a *kieAccount, files []InputFile, failed error) error {
	if failed != nil {
		e.log.Warn("a file of a request could not be given to Kie", "task", id, "error", failed)
	}
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Queued {
			return nil
		}
		t.Request.Files, t.KieAccount = files, a.name
		over, err := c.outOfPatience(t)
		switch {
		case err != nil:
			return err
		case failed == nil:
			t.Due, t.Attempts = c.now, 0
			return c.putTask(*t)
		case errors.Is(failed, errGone):
			t.Failure = &Failure{Reason: FailFile, Message: missing(files, a.name, c.now)}
			_, err := c.apply(t, Unprepared)
			return err
		case over:
			t.Failure = &Failure{Reason: FailAway}
			_, err := c.apply(t, GiveUp)
			return err
		}
		t.Attempts++
		t.Due = c.now.Add(backoff(t.Attempts, time.Second, time.Minute))
		return c.putTask(*t)
	})
}

// missing names the first file that Kie does not have.
func missing(files []InputFile, kieAccount string, now time.Time) string {
	for _, f := range files {
		if f.unready(kieAccount, now) {
			return f.Name
		}
	}
	return ""
}
