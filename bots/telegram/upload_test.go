package telegram

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

const testToken = "12345:aaaaaaaaaabbbbbbbbbbccccccccccddddd"

// wire is a server made of a function.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func reply(status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}

func wireClient(t *testing.T, w wire) *client {
	t.Helper()
	c, err := newClient(testToken, "http://telegram.test", w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fileOfBytes(t *testing.T, name string, data []byte) *upload {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return newUpload(path, int64(len(data)))
}

// sentForm reads what a call sent: fields and files by name, and the names of
// the files.
func sentForm(t testing.TB, r *http.Request) (got, files map[string]string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != r.ContentLength {
		t.Errorf("%d bytes came, %d were announced", len(data), r.ContentLength)
	}
	got, files = map[string]string{}, map[string]string{}
	for form := multipart.NewReader(bytes.NewReader(data), params["boundary"]); ; {
		part, err := form.NextPart()
		if err != nil {
			return got, files
		}
		value, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		got[part.FormName()] = string(value)
		if part.FileName() != "" {
			files[part.FormName()] = part.FileName()
		}
	}
}

// Trap 9: the library holds whole uploads in memory. A file goes from the disk
// to the connection instead, in a body of known length that can be read again,
// which HTTP/2 needs when a connection is being closed.
func TestTrap9UploadIsNotHeldInMemory(t *testing.T) {
	one, two := make([]byte, 3<<20), []byte{}
	_, _ = rand.Read(one)
	first, second := fileOfBytes(t, "a.mp4", one), fileOfBytes(t, "b.mp4", two)
	var again []byte
	c := wireClient(t, func(r *http.Request) (*http.Response, error) {
		copied, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		form, _ := sentForm(t, r)
		if form["a.mp4"] != string(one) || form["b.mp4"] != "" || !strings.Contains(form["media"], "attach://a.mp4") {
			t.Errorf("the form has a.mp4 with %d bytes, media %s", len(form["a.mp4"]), form["media"])
		}
		again, _ = io.ReadAll(copied)
		if int64(len(again)) != r.ContentLength {
			t.Errorf("read again it has %d bytes, not %d", len(again), r.ContentLength)
		}
		return reply(200, "application/json", `{"ok":true,"result":[{"message_id":7}]}`), copied.Close()
	})
	album := []models.InputMedia{
		&models.InputMediaVideo{Media: "attach://a.mp4", MediaAttachment: first.reader()},
		&models.InputMediaVideo{Media: "attach://b.mp4", MediaAttachment: second.reader()},
	}
	sent, err := c.SendMediaGroup(withUploads(t.Context(), first, second), &bot.SendMediaGroupParams{ChatID: 1, Media: album})
	if err != nil || len(sent) != 1 || sent[0].ID != 7 {
		t.Errorf("%v, %v", sent, err)
	}
}

// Files stand in the form in the library's order, whatever order they are listed in.
func TestFilesAreFoundInAnyOrder(t *testing.T) {
	a, b := fileOfBytes(t, "a", []byte("AAA")), fileOfBytes(t, "b", []byte("B"))
	parts, err := splitForm([]byte("x"+b.mark+"y"+a.mark+"z"), []*upload{a, b})
	if err != nil {
		t.Fatal(err)
	}
	body := newBody(parts, func() {})
	data, err := io.ReadAll(body)
	if err != nil || string(data) != "xByAAAz" || underway(body) {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := splitForm([]byte("nothing here"), []*upload{a}); err == nil {
		t.Error("a form without the file was taken")
	}
}

func TestFileThatIsCutOrGone(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"cut":  func(path string) error { return os.Truncate(path, 1) },
		"gone": os.Remove,
	} {
		up := fileOfBytes(t, "a.mp4", []byte("AAA"))
		if err := spoil(up.path); err != nil {
			t.Fatal(err)
		}
		c := wireClient(t, func(r *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return nil, err
		})
		_, err := c.SendVideo(withUploads(t.Context(), up), &bot.SendVideoParams{ChatID: 1, Video: up.file("a.mp4")})
		if err == nil || meaning(err) != failUnknown || !cutOff(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Trap 8: one time limit for a whole upload fails large files on slow lines.
// An upload may take as long as it moves; one that stands still is given up.
func TestTrap8SlowUploadIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := fileOfBytes(t, "a.mp4", make([]byte, 1<<20))
		for _, test := range []struct {
			pause time.Duration
			fails bool
		}{{50 * time.Second, false}, {70 * time.Second, true}} {
			c := wireClient(t, func(r *http.Request) (*http.Response, error) {
				buf := make([]byte, 128<<10)
				for {
					wait := time.NewTimer(test.pause)
					select {
					case <-wait.C:
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					if _, err := r.Body.Read(buf); err == io.EOF {
						return reply(200, "application/json", `{"ok":true,"result":{"message_id":1}}`), r.Body.Close()
					} else if err != nil {
						return nil, err
					}
				}
			})
			began := time.Now()
			_, err := c.SendVideo(withUploads(t.Context(), up), &bot.SendVideoParams{ChatID: 1, Video: up.file("a.mp4")})
			if (err != nil) != test.fails || test.fails && !errors.Is(err, errStalled) {
				t.Errorf("reading every %v: after %v %v", test.pause, time.Since(began), err)
			}
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := wireClient(t, func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	if _, err := c.GetMe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
