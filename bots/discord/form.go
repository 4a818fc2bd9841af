package discord

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

var errStalled = errors.New("the connection takes no more data")

// upload is a file that goes out with a call: one on the disk, or bytes.
type upload struct {
	name string
	kind string // media type
	path string
	size int64
	data []byte // in place of path
}

// form is a body of several parts (Discord docs, "Uploading Files"): the JSON
// and then the files, read from the disk while they are sent, so that they
// cost no memory.
type form struct {
	boundary string
	size     int64
	parts    []func() (io.ReadCloser, error)
	idle     *time.Timer

	mu   sync.Mutex // a transport may close it while it is read
	open io.ReadCloser
	over bool // everything was read
}

// newForm makes the body. stall is called when it is not read on for stallFor,
// which no deadline of the transport sees.
func newForm(payload []byte, files []upload, stall func()) *form {
	f := &form{boundary: rand.Text()}
	f.add(fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n", f.boundary))
	f.add(string(payload))
	for n, file := range files {
		f.add(fmt.Sprintf("\r\n--%s\r\nContent-Disposition: form-data; name=\"files[%d]\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
			f.boundary, n, quoted(file.name), file.kind))
		if file.data != nil {
			f.add(string(file.data))
			continue
		}
		f.size += file.size
		f.parts = append(f.parts, func() (io.ReadCloser, error) { return os.Open(file.path) })
	}
	f.add("\r\n--" + f.boundary + "--\r\n")
	f.idle = time.AfterFunc(stallFor, stall)
	return f
}

// quoted is a file's name in a header.
func quoted(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(name)
}

func (f *form) add(text string) {
	f.size += int64(len(text))
	f.parts = append(f.parts, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil })
}

func (f *form) contentType() string { return "multipart/form-data; boundary=" + f.boundary }

// done says whether everything was read.
func (f *form) done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over
}

// Read implements io.Reader.
func (f *form) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle.Reset(stallFor)
	for {
		if f.open == nil {
			if len(f.parts) == 0 {
				f.over = true
				return 0, io.EOF
			}
			part, err := f.parts[0]()
			if err != nil {
				return 0, fmt.Errorf("opening a file to send: %w", err)
			}
			f.open, f.parts = part, f.parts[1:]
		}
		n, err := f.open.Read(p)
		if errors.Is(err, io.EOF) {
			f.open.Close()
			f.open, err = nil, nil
			f.over = len(f.parts) == 0
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close implements io.Closer.
func (f *form) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle.Stop()
	f.parts = nil
	if f.open != nil {
		f.open.Close()
		f.open = nil
	}
	return nil
}
