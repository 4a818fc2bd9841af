package kie

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"sync"
	"time"
)

// formParts returns what stands before and after the content in a multipart
// form (RFC 7578), and the form's content type.
func formParts(folder, name, mediaType string) (head, tail []byte, contentType string, err error) {
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	err = errors.Join(form.WriteField("uploadPath", folder), form.WriteField("fileName", name))
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename=%q`, name))
	header.Set("Content-Type", mediaType)
	_, partErr := form.CreatePart(header)
	split := b.Len()
	if err = errors.Join(err, partErr, form.Close()); err != nil {
		return nil, nil, "", fmt.Errorf("writing the form: %w", err)
	}
	return b.Bytes()[:split], b.Bytes()[split:], form.FormDataContentType(), nil
}

// sized reads a file's content and insists on its size. The transport reads in
// a goroutine of its own, so the outcome is guarded.
type sized struct {
	File
	read int64

	mu  sync.Mutex
	err error
}

// Read returns the content, and an error when it is shorter or longer than
// promised.
func (s *sized) Read(p []byte) (int, error) {
	n, err := s.Content.Read(p)
	s.read += int64(n)
	switch {
	case s.Size >= 0 && s.read > s.Size:
		err = fmt.Errorf("it is longer than %d bytes", s.Size)
	case s.Size >= 0 && errors.Is(err, io.EOF) && s.read < s.Size:
		err = fmt.Errorf("it ends after %d of %d bytes: %w", s.read, s.Size, io.ErrUnexpectedEOF)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return n, err
}

// failed returns why the content could not be read to its end, if so.
func (s *sized) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// reporter tells how far a body was read.
type reporter struct {
	source io.Reader
	guard  *guard
	report func(int64)
	// of and scale turn bytes of the body into bytes of the content: the
	// former is the body's length, zero when both are the same.
	of, scale int64
	read      int64
}

// Read passes bytes on and reports them.
func (r *reporter) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.read += int64(n)
	r.guard.moved()
	if n > 0 && r.report != nil {
		sent := r.read
		if r.of > 0 {
			sent = sent * r.scale / r.of
		}
		r.report(sent)
	}
	return n, err
}

// guard ends an upload that stands still.
type guard struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// newGuard returns a guard and the context that it cancels.
func newGuard(ctx context.Context) (*guard, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	g := &guard{ctx: ctx, cancel: cancel}
	g.timer = time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	return g, ctx
}

// moved starts the time anew.
func (g *guard) moved() {
	if g.timer.Stop() {
		g.timer.Reset(stallAfter)
	}
}

// stop releases what the guard holds.
func (g *guard) stop() {
	g.timer.Stop()
	g.cancel(nil)
}

// explain puts the guard's reason in place of "context canceled".
func (g *guard) explain(err error) error {
	e, ok := errors.AsType[*Error](err)
	if ok && errors.Is(context.Cause(g.ctx), errStalled) {
		e.Err, e.Message = errStalled, "the upload stalled: "+errStalled.Error()
	}
	return err
}
