package telegram

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"
)

// The library builds the whole body of a call in memory before it sends it, so
// eight videos of 50 MB would take 400 MB. A file is therefore given to it as
// a mark, and the transport sends the file where the mark stands: the body
// has a known length and can be read again, which the library holds it in
// memory for, and an upload takes the memory of one copy buffer.

var errStalled = errors.New("the connection takes no more data")

// upload is a file on disk that goes out with a call.
type upload struct {
	path string
	size int64
	mark string // what stands for it in the body; nobody can guess it
}

func newUpload(path string, size int64) *upload {
	return &upload{path: path, size: size, mark: "kiebot-file-" + rand.Text()}
}

// reader is what the library gets in place of the file. Each form needs a new one.
func (u *upload) reader() io.Reader { return strings.NewReader(u.mark) }

// file is the upload as a field of a call.
func (u *upload) file(name string) models.InputFile {
	return &models.InputFileUpload{Filename: name, Data: u.reader()}
}

type uploadsKey struct{}

// withUploads lets the files go out with the call that gets the context.
func withUploads(ctx context.Context, files ...*upload) context.Context {
	return context.WithValue(ctx, uploadsKey{}, files)
}

// putFiles puts the files of the request's context into its body. stall is
// called when a body is not read on for stallFor, which no deadline of the
// transport sees.
func putFiles(req *http.Request, stall func()) error {
	files, _ := req.Context().Value(uploadsKey{}).([]*upload)
	if len(files) == 0 || req.Body == nil {
		return nil
	}
	form, err := io.ReadAll(req.Body)
	if err != nil {
		return fmt.Errorf("reading a form: %w", err)
	}
	parts, err := splitForm(form, files)
	if err != nil {
		return err
	}
	req.ContentLength = 0
	for _, p := range parts {
		req.ContentLength += p.length()
	}
	req.GetBody = func() (io.ReadCloser, error) { return newBody(parts, stall), nil }
	req.Body, err = req.GetBody()
	return err
}

// part is a stretch of a body: bytes of the form, or a file.
type part struct {
	form []byte
	file *upload
}

func (p part) length() int64 {
	if p.file != nil {
		return p.file.size
	}
	return int64(len(p.form))
}

// splitForm cuts the form at the marks of the files.
func splitForm(form []byte, files []*upload) ([]part, error) {
	var parts []part
	for len(files) > 0 {
		first, at := -1, len(form)
		for i, f := range files {
			if n := bytes.Index(form[:at], []byte(f.mark)); n >= 0 {
				first, at = i, n
			}
		}
		if first < 0 {
			return nil, errors.New("a file is not in the form that it belongs to")
		}
		f := files[first]
		parts = append(parts, part{form: form[:at]}, part{file: f})
		form = form[at+len(f.mark):]
		files = append(append([]*upload(nil), files[:first]...), files[first+1:]...)
	}
	return append(parts, part{form: form}), nil
}

// body reads the parts one after the other. It has one file open at most.
type body struct {
	mu    sync.Mutex // a transport may close it while it is read
	parts []part
	open  *os.File
	from  io.Reader // the rest of parts[0]; nil when it was not begun
	left  int64     // of parts[0]
	ended bool      // everything was read
	idle  *time.Timer
}

// underway reports whether the body holds files and was not read to its end.
func underway(r io.Reader) bool {
	b, ok := r.(*body)
	if !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.ended
}

func newBody(parts []part, stall func()) *body {
	return &body{parts: parts, idle: time.AfterFunc(stallFor, stall)}
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle.Reset(stallFor)
	for len(b.parts) > 0 {
		if err := b.begin(); err != nil {
			return 0, err
		}
		n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		switch {
		case b.left == 0:
			b.end()
		case errors.Is(err, io.EOF):
			return n, io.ErrUnexpectedEOF // the file was cut since its size was read
		case err != nil:
			return n, fmt.Errorf("reading a media file: %w", err)
		}
		if n > 0 {
			return n, nil
		}
	}
	b.idle.Stop()
	return 0, io.EOF
}

// begin opens the first part, unless it is open.
func (b *body) begin() error {
	if b.from != nil {
		return nil
	}
	first := b.parts[0]
	b.left = first.length()
	if first.file == nil {
		b.from = bytes.NewReader(first.form)
		return nil
	}
	f, err := os.Open(first.file.path)
	if err != nil {
		return fmt.Errorf("opening a media file: %w", err)
	}
	b.open, b.from = f, f
	return nil
}

// end goes on to the next part.
func (b *body) end() {
	if b.open != nil {
		b.open.Close()
	}
	b.parts, b.open, b.from = b.parts[1:], nil, nil
	b.ended = len(b.parts) == 0
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle.Stop()
	b.parts = nil
	if b.open == nil {
		return nil
	}
	return b.open.Close()
}
