package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openSpool(t *testing.T, dir string, cfg FetcherConfig) *Spool {
	t.Helper()
	spool, err := OpenSpool(dir, newFetcher(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	return spool
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestSpoolFetch(t *testing.T) {
	base := serveFile(t, "clip.mp4")
	dir := filepath.Join(t.TempDir(), "data", "media") // made by OpenSpool
	spool := openSpool(t, dir, FetcherConfig{Trusted: []string{base}})
	got, err := spool.Fetch(t.Context(), "01jd5-0", base+"/result.png?sig=1", Image)
	if err != nil {
		t.Fatal(err)
	}
	data := fixture(t, "clip.mp4")
	want := File{
		Path: filepath.Join(dir, "01jd5-0.mp4"), Name: "01jd5-0.mp4", Type: "video/mp4", Kind: Video,
		Size: int64(len(data)), Width: 64, Height: 36, Duration: got.Duration,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	stored, err := os.ReadFile(got.Path)
	if err != nil || !bytes.Equal(stored, data) {
		t.Errorf("stored %d bytes (%v), want %d", len(stored), err, len(data))
	}
	if diff := cmp.Diff([]string{"01jd5-0.mp4"}, filesIn(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

// A finished file is there after a restart, when its link is long dead.
func TestSpoolFetchStored(t *testing.T) {
	var hits atomic.Int32
	base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		w.Write(fixture(t, "still.png"))
	})
	dir := t.TempDir()
	cfg := FetcherConfig{Trusted: []string{base}}
	first, err := openSpool(t, dir, cfg).Fetch(t.Context(), "a", base, Image)
	if err != nil {
		t.Fatal(err)
	}
	reopened := openSpool(t, dir, cfg)
	second, err := reopened.Fetch(t.Context(), "a", "https://gone.invalid/", Image)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the stored file is described in another way (-first +second):\n%s", diff)
	}
	if err := reopened.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := reopened.Fetch(t.Context(), "a", base, Image); err != nil || hits.Load() != 2 {
		t.Errorf("after Remove: %d downloads, %v", hits.Load(), err)
	}
}

func TestSpoolKeys(t *testing.T) {
	table := []struct {
		key string
		ok  bool
	}{
		{"a", true},
		{"01jd5zz-12", true},
		{strings.Repeat("a", 64), true},
		{"", false},
		{strings.Repeat("a", 65), false},
		{"A", false},
		{"a.b", false},
		{"a_b", false},
		{"../a", false},
		{"a/b", false},
		{`a\b`, false},
		{"a\x00", false},
		{"ä", false},
		{".part-1", false},
	}
	base := serveFile(t, "still.png")
	spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
	for _, row := range table {
		if _, err := spool.Fetch(t.Context(), row.key, base, Image); (err == nil) != row.ok {
			t.Errorf("Fetch(%q): %v, want ok = %v", row.key, err, row.ok)
		}
		if err := spool.Remove(row.key); (err == nil) != row.ok {
			t.Errorf("Remove(%q): %v, want ok = %v", row.key, err, row.ok)
		}
	}
	if left := filesIn(t, spool.dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSpoolFailureLeavesNothing(t *testing.T) {
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			http.NotFound(w, r)
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte("half"))
		case "/big":
			w.Write(make([]byte, 20_000))
		}
	})
	spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}, MaxBytes: 10_000})
	for path, kind := range map[string]ErrorKind{
		"/gone": HTTPStatus, "/cut": Network, "/big": TooBig, "/empty": Network,
	} {
		_, err := spool.Fetch(t.Context(), "a", base+path, Image)
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != kind {
			t.Errorf("%s: %v, want kind %q", path, err, kind)
		}
		if left := filesIn(t, spool.dir); len(left) > 0 {
			t.Errorf("%s: left behind: %v", path, left)
		}
	}
}

func TestSpoolCrashLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".part-123", ".part-", "a-0.png", "notes"} {
		if err := os.WriteFile(filepath.Join(dir, name), fixture(t, "still.png"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openSpool(t, dir, FetcherConfig{})
	if diff := cmp.Diff([]string{"a-0.png", "notes"}, filesIn(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func TestOpenSpoolBadFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpool(file, newFetcher(t, FetcherConfig{})); err == nil {
		t.Error("a file was opened as a spool")
	}
	leftover := filepath.Join(t.TempDir(), ".part-1", "x") // a folder that is not empty
	if err := os.MkdirAll(leftover, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSpool(filepath.Dir(filepath.Dir(leftover)), newFetcher(t, FetcherConfig{})); err == nil {
		t.Error("a leftover that cannot be removed was passed over")
	}
}

func TestSpoolDisk(t *testing.T) {
	base := serveFile(t, "still.png")
	wantDisk := func(t *testing.T, err error, text string) {
		t.Helper()
		failed, ok := errors.AsType[*Error](err)
		if !ok || failed.Kind != Disk || !failed.Temporary() || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want kind %q with %q", err, Disk, text)
		}
	}
	t.Run("folder gone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "media")
		spool := openSpool(t, dir, FetcherConfig{Trusted: []string{base}})
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		_, err := spool.Fetch(t.Context(), "a", base, Image)
		wantDisk(t, err, "could not be stored")
	})
	t.Run("name taken by a folder", func(t *testing.T) {
		spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
		if err := os.Mkdir(filepath.Join(spool.dir, "a.png"), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := spool.Fetch(t.Context(), "a", base, Image)
		wantDisk(t, err, "could not be stored")
	})
	t.Run("full", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
		if err != nil {
			t.Skip("this system has no /dev/full:", err)
		}
		defer full.Close()
		spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
		wantDisk(t, spool.fill(t.Context(), full, base), "the disk is full")
	})
	t.Run("no sync", func(t *testing.T) {
		read, write, err := os.Pipe() // can be written to but not synced
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		defer write.Close()
		spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
		wantDisk(t, spool.fill(t.Context(), write, base), "could not be stored")
	})
}

func TestSpoolSharesDownloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var downloads atomic.Int32
		release := make(chan struct{})
		png := fixture(t, "still.png")
		spool := openSpool(t, t.TempDir(), FetcherConfig{
			Trusted: []string{"http://host.test"},
			Dial: rawHost(func(conn net.Conn) {
				downloads.Add(1)
				<-release
				io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\n"+string(png))
			}),
		})
		files := make([]File, 20)
		var callers sync.WaitGroup
		for i := range files {
			callers.Go(func() {
				var err error
				if files[i], err = spool.Fetch(t.Context(), "a", "http://host.test/", Image); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := downloads.Load(); n != 1 {
			t.Errorf("%d downloads under way, want 1", n)
		}
		close(release)
		callers.Wait()
		for i := range files {
			if files[i] != files[0] || files[i].Name != "a.png" {
				t.Errorf("caller %d got %+v", i, files[i])
			}
		}
		if len(spool.flights) > 0 {
			t.Errorf("%d finished downloads are remembered", len(spool.flights))
		}
	})
}

// A failure is shared, but a caller who gives up takes nobody along: the next
// one downloads for itself.
func TestSpoolSharedFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var downloads atomic.Int32
		spool := openSpool(t, t.TempDir(), FetcherConfig{
			Trusted: []string{"http://host.test"},
			Dial: rawHost(func(conn net.Conn) {
				if downloads.Add(1) == 1 {
					hang(conn)
					return
				}
				<-time.After(time.Second)
				io.WriteString(conn, "HTTP/1.0 410 Gone\r\n\r\n")
			}),
		})
		impatient, leave := context.WithCancel(t.Context())
		errs := make([]error, 4)
		var callers sync.WaitGroup
		call := func(i int, ctx context.Context) {
			callers.Go(func() { _, errs[i] = spool.Fetch(ctx, "a", "http://host.test/", Image) })
			synctest.Wait()
		}
		call(0, impatient)   // leads the first download
		call(1, t.Context()) // waits, then leads or joins the second
		call(2, t.Context())
		brief, done := context.WithTimeout(t.Context(), time.Millisecond)
		defer done()
		call(3, brief)
		<-brief.Done()
		leave()
		callers.Wait()
		if !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[3], context.DeadlineExceeded) {
			t.Errorf("those who gave up got %v and %v", errs[0], errs[3])
		}
		for _, err := range errs[1:3] {
			if failed, ok := errors.AsType[*Error](err); !ok || failed.Status != http.StatusGone {
				t.Errorf("a caller who waited got %v", err)
			}
		}
		if n := downloads.Load(); n != 2 {
			t.Errorf("%d downloads, want 2", n)
		}
	})
}

// What a task record holds is enough to find the file, wherever the data
// directory has been moved.
func TestSpoolResolve(t *testing.T) {
	base := serveFile(t, "xing.mp3")
	spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
	file, err := spool.Fetch(t.Context(), "a", base, Image)
	if err != nil {
		t.Fatal(err)
	}
	record, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(record), spool.dir) {
		t.Errorf("the record holds an absolute path: %s", record)
	}
	var read File
	if err := json.Unmarshal(record, &read); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(spool.dir, moved); err != nil {
		t.Fatal(err)
	}
	reopened := openSpool(t, moved, FetcherConfig{})
	found, err := reopened.Resolve(read)
	if err != nil {
		t.Fatal(err)
	}
	file.Path = filepath.Join(moved, "a.mp3")
	if diff := cmp.Diff(file, found); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
	f, err := reopened.Open(read)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := io.ReadAll(f); err != nil || !bytes.Equal(data, fixture(t, "xing.mp3")) {
		t.Errorf("read %d bytes, %v", len(data), err)
	}
}

func TestSpoolResolveMissing(t *testing.T) {
	spool := openSpool(t, filepath.Join(t.TempDir(), "media"), FetcherConfig{})
	outside := filepath.Join(filepath.Dir(spool.dir), "out.png")
	for _, path := range []string{outside, filepath.Join(spool.dir, "notes"), filepath.Join(spool.dir, ".part-1.png")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"", "a.png", "../out.png", "..", ".", "/etc/passwd", outside, "notes", ".part-1.png", "a.html", "a/../../out.png",
	} {
		if file, err := spool.Resolve(File{Name: name}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Resolve(%q) = %q, %v", name, file.Path, err)
		}
		if f, err := spool.Open(File{Name: name}); !errors.Is(err, fs.ErrNotExist) {
			f.Close()
			t.Errorf("Open(%q): %v", name, err)
		}
	}
}
