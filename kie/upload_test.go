package kie

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// uploadHost stands in for Kie's upload host: it keeps what it is given by
// name, as Kie does.
type uploadHost struct {
	t     *testing.T
	mu    sync.Mutex
	calls []string // paths
	files map[string]string
	last  received
	// trouble answers a call in place of the host, given its number from 1.
	// Stored tells whether the file was kept before.
	trouble func(n int, w http.ResponseWriter) bool
	loses   bool // whether trouble strikes after the file was kept
}

// received is what came with one upload.
type received struct{ folder, name, mediaType, content, url string }

func (h *uploadHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, r.URL.Path)
	n := len(h.calls)
	if h.trouble != nil && !h.loses && h.trouble(n, w) {
		return
	}
	got, err := readUpload(r)
	if err != nil {
		h.t.Errorf("%s: %v", r.URL.Path, err)
	}
	h.last = got
	h.files[got.folder+"/"+got.name] = got.content + got.url
	if h.trouble != nil && h.loses && h.trouble(n, w) {
		return
	}
	_, _ = fmt.Fprintf(w, `{"success":true,"code":200,"msg":"File uploaded successfully","data":{"success":true,"fileName":%q,"filePath":%q,`+
		`"downloadUrl":"https://tempfile.redpandaai.co/kieai/17/%s","fileSize":%d,"mimeType":"image/png","uploadedAt":"2025-01-01T12:00:00.000Z"}}`,
		got.name, got.folder+"/"+got.name, got.name, len(got.content))
}

// readUpload reads any of the three calls.
func readUpload(r *http.Request) (received, error) {
	if r.Header.Get("Authorization") != "Bearer "+testKey.Reveal() || r.Header.Get("User-Agent") != defaultAgent {
		return received{}, fmt.Errorf("header %v", r.Header)
	}
	if r.URL.Path == "/api/file-stream-upload" {
		return readForm(r)
	}
	var body struct{ Base64Data, UploadPath, FileName, FileURL string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return received{}, err
	}
	got := received{folder: body.UploadPath, name: body.FileName, url: body.FileURL}
	data := body.Base64Data
	if head, tail, ok := strings.Cut(data, ";base64,"); ok {
		got.mediaType, data = strings.TrimPrefix(head, "data:"), tail
	}
	content, err := base64.StdEncoding.DecodeString(data)
	got.content = string(content)
	return got, err
}

func readForm(r *http.Request) (received, error) {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		return received{}, err
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		return received{}, err
	}
	content, err := io.ReadAll(file)
	if header.Filename != r.FormValue("fileName") {
		err = errors.Join(err, fmt.Errorf("two names: %q and %q", header.Filename, r.FormValue("fileName")))
	}
	return received{
		folder: r.FormValue("uploadPath"), name: r.FormValue("fileName"), mediaType: header.Header.Get("Content-Type"), content: string(content),
	}, err
}

// host starts an upload host and returns a client for it whose API is
// elsewhere.
func host(t *testing.T) (*Client, *uploadHost) {
	t.Helper()
	h := &uploadHost{t: t, files: map[string]string{}}
	client := serve(t, h.ServeHTTP)
	client.base, client.uploadBase = "http://127.0.0.1:1", client.base
	return client, h
}

func TestUploadChoosesByItsSize(t *testing.T) {
	large := strings.Repeat("x", maxBase64+1)
	for _, test := range []struct {
		name, content string
		size          int64
		path          string
	}{
		{"nothing", "", 0, "/api/file-base64-upload"},
		{"small", "picture", 7, "/api/file-base64-upload"},
		{"just small enough", large[1:], maxBase64, "/api/file-base64-upload"},
		{"large", large, maxBase64 + 1, "/api/file-stream-upload"},
		{"small of unknown size", "picture", -1, "/api/file-base64-upload"},
		{"large of unknown size", large, -1, "/api/file-stream-upload"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, h := host(t)
			var last atomic.Int64
			got, err := client.Upload(t.Context(), File{
				Content: iotest.HalfReader(strings.NewReader(test.content)), Size: test.size, Name: "My Cat é.PNG", Type: "image/png", Folder: "/bot/in/",
				Progress: func(sent int64) {
					if sent < last.Swap(sent) {
						t.Errorf("progress went back to %d", sent)
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(h.calls) != 1 || h.calls[0] != test.path {
				t.Errorf("calls %v, want one of %s", h.calls, test.path)
			}
			if h.last.content != test.content || h.last.folder != "bot/in" || h.last.mediaType != "image/png" {
				t.Errorf("received %d bytes of %q in %q", len(h.last.content), h.last.mediaType, h.last.folder)
			}
			if !strings.HasPrefix(h.last.name, "My_Cat-") || !strings.HasSuffix(h.last.name, ".png") || len(h.last.name) < 30 {
				t.Errorf("name %q", h.last.name)
			}
			want := UploadedFile{
				URL: "https://tempfile.redpandaai.co/kieai/17/" + h.last.name, Name: h.last.name, Path: "bot/in/" + h.last.name,
				Type: "image/png", Size: int64(len(test.content)), Uploaded: time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC),
			}
			if got != want {
				t.Errorf("uploaded %+v, want %+v", got, want)
			}
			if last.Load() != int64(len(test.content)) {
				t.Errorf("progress ended at %d of %d", last.Load(), len(test.content))
			}
		})
	}
}

func TestUploadURL(t *testing.T) {
	client, h := host(t)
	got, err := client.UploadURL(t.Context(), "https://h/cat.png?x=1", "cat.png", "")
	if err != nil || !strings.HasPrefix(got.URL, "https://tempfile.redpandaai.co/kieai/17/cat-") {
		t.Errorf("uploaded %+v, %v", got, err)
	}
	if h.calls[0] != "/api/file-url-upload" || h.last.url != "https://h/cat.png?x=1" || h.last.folder != "uploads" {
		t.Errorf("call %v with %+v", h.calls, h.last)
	}
}

func TestUniqueName(t *testing.T) {
	seen := map[string]bool{}
	for name, want := range map[string][2]string{
		"cat.png": {"cat-", ".png"}, "": {"", ""}, ".png": {"", ".png"}, "no extension": {"no_extension-", ""}, "a.tar.GZ": {"atar-", ".gz"},
		"../../etc/passwd": {"passwd-", ""}, `C:\me\cat.jpg`: {"cat-", ".jpg"}, "猫.webp": {"", ".webp"}, "a/": {"a-", ""},
		"-x_.p/g": {"g-", ""}, strings.Repeat("a", 500) + ".mp4": {strings.Repeat("a", maxStem) + "-", ".mp4"}, "x.\r\nSet-Cookie: y": {"x-", ".set-cookie_y"},
	} {
		got := uniqueName(name)
		if !strings.HasPrefix(got, want[0]) || !strings.HasSuffix(got, want[1]) || len(got) != len(want[0])+26+len(want[1]) {
			t.Errorf("%q becomes %q, want %q, 26 characters, %q", name, got, want[0], want[1])
		}
		if seen[got] || uniqueName(name) == got {
			t.Errorf("%q came twice", got)
		}
		seen[got] = true
	}
}

// uploadWay is a way to give Kie a file. repeats says whether the call is sent
// again by itself.
type uploadWay struct {
	repeats bool
	do      func(context.Context, *Client) (UploadedFile, error)
}

func uploads() map[string]uploadWay {
	return map[string]uploadWay{
		"base64": {true, func(ctx context.Context, c *Client) (UploadedFile, error) {
			return c.UploadBase64(ctx, File{Content: strings.NewReader("cat"), Size: 3, Name: "cat.png"})
		}},
		"stream": {false, func(ctx context.Context, c *Client) (UploadedFile, error) {
			return c.UploadStream(ctx, File{Content: strings.NewReader("cat"), Size: 3, Name: "cat.png"})
		}},
		"url": {true, func(ctx context.Context, c *Client) (UploadedFile, error) {
			return c.UploadURL(ctx, "https://h/cat.png", "cat.png", "")
		}},
	}
}

// TestUploadsWithoutAnAnswer: in both forms of failure, not stored and stored
// with the answer lost. A repeated upload goes under the same name, so that
// there is one file in the end.
func TestUploadsWithoutAnAnswer(t *testing.T) {
	for name, way := range uploads() {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stored %v", name, stored), func(t *testing.T) {
				client, h := host(t)
				h.loses = stored
				h.trouble = func(n int, _ http.ResponseWriter) bool {
					if n == 1 {
						panic(http.ErrAbortHandler)
					}
					return false
				}
				got, err := way.do(t.Context(), client)
				h.mu.Lock()
				defer h.mu.Unlock()
				if way.repeats {
					if err != nil || got.URL == "" || len(h.calls) != 2 || len(h.files) != 1 {
						t.Errorf("%+v, %v after %d calls that left %d files", got, err, len(h.calls), len(h.files))
					}
					return
				}
				wantError(t, err, ErrTemporary, "upload file")
				if len(h.calls) != 1 || len(h.files) != map[bool]int{true: 1}[stored] {
					t.Errorf("%d calls left %d files", len(h.calls), len(h.files))
				}
			})
		}
	}
}

func TestUploadsAnsweredWithTrouble(t *testing.T) {
	for name, way := range uploads() {
		for body, want := range map[string]ErrorKind{
			`{"success":false,"code":401,"msg":"no","data":null}`:                             ErrAuth,
			`{"success":false,"code":400,"msg":"bad","data":null}`:                            ErrInvalid,
			`{"success":false,"code":405,"msg":"Method not allowed"}`:                         ErrRefused,
			`{"success":false,"code":200,"msg":"no","data":null}`:                             ErrRefused,
			`{"success":true,"code":200,"msg":"ok","data":{"success":false}}`:                 ErrRefused,
			`{"success":true,"code":200,"msg":"ok","data":{"downloadUrl":"file:///x"}}`:       ErrTemporary,
			`{"success":true,"code":200,"msg":"ok","data":null}`:                              ErrTemporary,
			`{"success":true,"code":200,"message":"ok","data":{"fileUrl":"https://h/1.png"}}`: 0,
		} {
			t.Run(name+" "+body, func(t *testing.T) {
				client, h := host(t)
				h.trouble = func(_ int, w http.ResponseWriter) bool {
					_, _ = io.WriteString(w, body)
					return true
				}
				h.loses = true
				got, err := way.do(t.Context(), client)
				if want == 0 {
					if err != nil || got.URL != "https://h/1.png" {
						t.Errorf("uploaded %+v, %v", got, err)
					}
					return
				}
				wantError(t, err, want, "upload file")
			})
		}
	}
}

func TestUploadRefusesBadFiles(t *testing.T) {
	client, h := host(t)
	good := func() io.Reader { return strings.NewReader("cat") }
	for name, f := range map[string]File{
		"no content":       {Size: 3},
		"parent folder":    {Content: good(), Size: 3, Folder: "a/../b"},
		"folder with line": {Content: good(), Size: 3, Folder: "a\nb"},
		"bad type":         {Content: good(), Size: 3, Type: "image/png\r\nX: y"},
		"no type":          {Content: good(), Size: 3, Type: "picture of a cat"},
		"too short":        {Content: good(), Size: 4},
		"too long":         {Content: good(), Size: 2},
		"not readable":     {Content: io.MultiReader(good(), failing{}), Size: 7},
		"unknown size":     {Content: io.MultiReader(good(), failing{}), Size: -1},
	} {
		for _, do := range []func(context.Context, File) (UploadedFile, error){client.Upload, client.UploadBase64} {
			_, err := do(t.Context(), f)
			wantError(t, err, ErrInvalid, "upload file")
			if (name == "not readable" || name == "unknown size") && !errors.Is(err, errFailing) {
				t.Errorf("%s: %v hides the cause", name, err)
			}
		}
	}
	_, err := client.UploadBase64(t.Context(), File{Content: good(), Size: maxBase64 + 1})
	wantError(t, err, ErrInvalid, "upload file")
	_, err = client.UploadBase64(t.Context(), File{Content: io.LimitReader(zeros{}, maxBase64+1), Size: -1})
	wantError(t, err, ErrInvalid, "upload file")
	for _, address := range []string{"", "cat.png", "file:///etc/passwd"} {
		_, err := client.UploadURL(t.Context(), address, "", "")
		wantError(t, err, ErrInvalid, "upload file")
	}
	_, err = client.UploadURL(t.Context(), "https://h/1.png", "", "..")
	wantError(t, err, ErrInvalid, "upload file")
	if len(h.calls) != 0 {
		t.Errorf("%d requests were sent", len(h.calls))
	}
}

// TestStreamWithBadContent: what is wrong with the content shows only while it
// is being sent.
func TestStreamWithBadContent(t *testing.T) {
	for name, f := range map[string]File{
		"too short":    {Content: strings.NewReader("cat"), Size: 40},
		"too long":     {Content: strings.NewReader("a cat"), Size: 3},
		"not readable": {Content: io.MultiReader(strings.NewReader("cat"), failing{}), Size: 7},
		"no size":      {Content: io.MultiReader(strings.NewReader("cat"), failing{}), Size: -1},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			client.uploadBase = client.base
			_, err := client.UploadStream(t.Context(), f)
			wantError(t, err, ErrInvalid, "upload file")
		})
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestStreamMemory: a film of 100 MB passes through without being held.
func TestStreamMemory(t *testing.T) {
	const size = 100 << 20
	var got atomic.Int64
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got.Store(n)
		if r.ContentLength != n {
			t.Errorf("announced %d bytes, sent %d", r.ContentLength, n)
		}
		_, _ = io.WriteString(w, `{"code":200,"data":{"downloadUrl":"https://h/1.mp4"}}`)
	})
	client.uploadBase = client.base
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := client.Upload(t.Context(), File{Content: io.LimitReader(zeros{}, size), Size: size, Name: "film.mp4"}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&now)
	if allocated := now.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated for %d", allocated, size)
	}
	if got.Load() < size {
		t.Errorf("%d bytes arrived", got.Load())
	}
}

// TestUploadMayTakeLong: no limit on the whole, only on standing still.
func TestUploadMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"code":200,"data":{"downloadUrl":"https://h/1.mp4"}}`)
		})
		client.uploadBase = client.base
		client.http.Timeout = time.Minute // that of New
		slow := &slowly{pause: 90 * time.Second, left: 10}
		start := time.Now()
		if _, err := client.UploadStream(t.Context(), File{Content: slow, Size: 10}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 10*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestUploadStalls(t *testing.T) {
	for name, way := range uploads() {
		if name == "url" {
			continue // an ordinary exchange
		}
		synctest.Test(t, func(t *testing.T) {
			client := serveInMemory(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			client.uploadBase = client.base
			start := time.Now()
			_, err := way.do(t.Context(), client)
			e := wantError(t, err, ErrTemporary, "upload file")
			if !strings.Contains(e.Message, "stalled") || time.Since(start) != stallAfter {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		})
	}
}

// slowly gives one byte at a time.
type slowly struct {
	pause time.Duration
	left  int
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	<-time.After(s.pause)
	s.left--
	p[0] = 'x'
	return 1, nil
}

// TestUploadObeysLimits: uploads are queries for Config.Queries.
func TestUploadObeysLimits(t *testing.T) {
	for name, way := range uploads() {
		client, h := host(t)
		client.queries = rate.NewLimiter(0, 0)
		_, err := way.do(t.Context(), client)
		wantError(t, err, ErrTemporary, "upload file")
		if len(h.calls) != 0 {
			t.Errorf("%s: sent in spite of the limiter", name)
		}
	}
}

func TestUploadCanceled(t *testing.T) {
	client := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	client.uploadBase = client.base
	ctx, cancel := context.WithCancel(t.Context())
	content := io.MultiReader(bytes.NewReader([]byte("ca")), io.LimitReader(canceling{cancel}, 1))
	_, err := client.UploadStream(ctx, File{Content: content, Size: 3})
	wantError(t, err, ErrTemporary, "upload file")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// canceling ends the context in the middle of a file.
type canceling struct{ cancel context.CancelFunc }

func (c canceling) Read(p []byte) (int, error) {
	c.cancel()
	p[0] = 't'
	return 1, nil
}
