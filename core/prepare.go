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

// unready reports whether the file has to be uploaded before its task can be created.
func (f InputFile) unready(now time.Time) bool {
	return f.URL == "" || now.Sub(f.Uploaded) > uploadLives
}

// needsFiles looks the task up; a task that is gone or cannot be read needs none.
func (e *Engine) needsFiles(ctx context.Context, id TaskID) bool {
	t, err := e.load(ctx, id)
	now := e.cfg.Now()
	return err == nil && t.State == Queued &&
		slices.ContainsFunc(t.Request.Files, func(f InputFile) bool { return f.unready(now) })
}

// errGone marks a file that no further try can bring.
var errGone = errors.New("the file cannot be had")

// prepare gives the task's files to Kie and commits where they are. What
// cannot be prepared is tried again for an hour, then the task fails, refunded.
func (e *Engine) prepare(ctx context.Context, id TaskID) {
	task, err := e.load(ctx, id)
	if err != nil {
		e.log.Error("loading a task to prepare", "task", id, "error", err)
		return
	}
	files := slices.Clone(task.Request.Files)
	for i := range files {
		if !files[i].unready(e.cfg.Now()) {
			continue
		}
		if err = e.upload(ctx, task, &files[i]); err != nil {
			err = fmt.Errorf("preparing %q: %w", files[i].Name, err)
			break
		}
	}
	if ctx.Err() != nil {
		return // stopping; the task is still queued
	}
	if err := e.prepared(ctx, id, files, err); err != nil {
		e.log.Error("storing what was prepared", "task", id, "error", err)
	}
}

// upload opens one file at its platform and gives it to Kie.
func (e *Engine) upload(ctx context.Context, t Task, file *InputFile) error {
	content, err := e.open(ctx, t.Request, *file)
	if err != nil {
		return err
	}
	defer content.Close()
	up, err := e.cfg.Kie.Upload(ctx, kie.File{Content: content, Size: sizeOf(*file), Name: file.Name, Type: file.Type, Folder: "kiebot"})
	switch kie.KindOf(err) {
	case kie.ErrInvalid, kie.ErrRefused, kie.ErrNotFound:
		return errors.Join(errGone, err)
	}
	if err != nil {
		return err
	}
	file.URL, file.Uploaded = up.URL, e.cfg.Now()
	return nil
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
func (e *Engine) prepared(ctx context.Context, id TaskID, files []InputFile, failed error) error {
	if failed != nil {
		e.log.Warn("a file of a request could not be given to Kie", "task", id, "error", failed)
	}
	return e.changeTask(ctx, id, func(c *change, t *Task) error {
		if t.State != Queued {
			return nil
		}
		t.Request.Files = files
		switch {
		case failed == nil:
			t.Due, t.Attempts = c.now, 0
			return c.putTask(*t)
		case errors.Is(failed, errGone):
			t.Failure = &Failure{Reason: FailFile, Message: missing(files, c.now)}
			_, err := c.apply(t, Unprepared)
			return err
		case !c.now.Before(t.Created.Add(KeyPatience)):
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
func missing(files []InputFile, now time.Time) string {
	for _, f := range files {
		if f.unready(now) {
			return f.Name
		}
	}
	return ""
}
