package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func keepNone(string) bool { return false }

// fillSpool puts files of ten bytes into the spool, the first used the given
// number of hours before now, and so on.
func fillSpool(t *testing.T, s *Spool, now time.Time, ages ...int) {
	t.Helper()
	for i, age := range ages {
		path := filepath.Join(s.dir, fmt.Sprintf("f%d.png", i))
		if err := os.WriteFile(path, make([]byte, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		used := now.Add(-time.Duration(age) * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSweep(t *testing.T) {
	now := time.Now()
	forever := 1000 * time.Hour
	for name, row := range map[string]struct {
		limits Limits
		keep   string
		want   Swept
		left   []string
	}{
		"nothing to do":         {Limits{forever, 100}, "", Swept{0, 0, 40}, []string{"f0.png", "f1.png", "f2.png", "f3.png"}},
		"too old":               {Limits{25 * time.Hour, 100}, "", Swept{2, 20, 20}, []string{"f1.png", "f3.png"}},
		"too many bytes":        {Limits{forever, 39}, "", Swept{1, 10, 30}, []string{"f0.png", "f1.png", "f3.png"}},
		"exactly fits":          {Limits{forever, 20}, "", Swept{2, 20, 20}, []string{"f1.png", "f3.png"}},
		"nothing may stay":      {Limits{forever, 0}, "", Swept{4, 40, 0}, []string{}},
		"the oldest is pending": {Limits{forever, 20}, "f2.png", Swept{2, 20, 20}, []string{"f2.png", "f3.png"}},
		"pending above all":     {Limits{0, 0}, "f2.png", Swept{3, 30, 10}, []string{"f2.png"}},
	} {
		t.Run(name, func(t *testing.T) {
			spool := openSpool(t, t.TempDir(), FetcherConfig{})
			fillSpool(t, spool, now, 30, 20, 40, 10)
			got, err := spool.Sweep(t.Context(), now, row.limits, func(name string) bool { return name == row.keep })
			if err != nil || got != row.want {
				t.Errorf("swept %+v, %v; want %+v", got, err, row.want)
			}
			if diff := cmp.Diff(row.left, filesIn(t, spool.dir)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}

// There is something to sweep for when a file came and all are too many, until
// the next sweep.
func TestExceeds(t *testing.T) {
	base := serveFile(t, "still.png")
	dir := t.TempDir()
	fillSpool(t, openSpool(t, dir, FetcherConfig{}), time.Now(), 3, 2, 1)
	spool := openSpool(t, dir, FetcherConfig{Trusted: []string{base}})
	exceeds := func(when string, bytes int64, want bool) {
		t.Helper()
		if got := spool.Exceeds(bytes); got != want {
			t.Errorf("%s: above %d bytes: %v", when, bytes, got)
		}
	}
	exceeds("at first", 29, false) // nothing has come
	file, err := spool.Fetch(t.Context(), "a", base, Image)
	if err != nil {
		t.Fatal(err)
	}
	exceeds("with another", 30+file.Size, false)
	exceeds("with another", 30+file.Size-1, true)
	if _, err := spool.Sweep(t.Context(), time.Now(), Limits{Retention: time.Hour * 9, Bytes: 20 + file.Size}, keepNone); err != nil {
		t.Fatal(err)
	}
	exceeds("after the sweep", 0, false)
	if _, err := spool.Fetch(t.Context(), "a", base, Image); err != nil {
		t.Fatal(err)
	}
	exceeds("with one that was there", 0, false)
	if file, err = spool.Fetch(t.Context(), "b", base, Image); err != nil {
		t.Fatal(err)
	}
	exceeds("with one more", 20+2*file.Size, false)
	exceeds("with one more", 20+2*file.Size-1, true)
}

// What is not a finished file of the spool is nobody's business.
func TestSweepLeavesTheRest(t *testing.T) {
	spool := openSpool(t, t.TempDir(), FetcherConfig{})
	for _, name := range []string{".part-1", "notes", "a.html"} {
		if err := os.WriteFile(filepath.Join(spool.dir, name), make([]byte, 10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(spool.dir, "b.png"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := spool.Sweep(t.Context(), time.Now(), Limits{}, keepNone)
	if err != nil || got != (Swept{}) {
		t.Errorf("swept %+v, %v", got, err)
	}
	if n := len(filesIn(t, spool.dir)); n != 4 {
		t.Errorf("%d files left, want 4", n)
	}
}

func TestSweepStops(t *testing.T) {
	spool := openSpool(t, t.TempDir(), FetcherConfig{})
	now := time.Now()
	fillSpool(t, spool, now, 3, 2, 1)
	ctx, cancel := context.WithCancel(t.Context())
	got, err := spool.Sweep(ctx, now, Limits{}, func(string) bool { cancel(); return false })
	if !errors.Is(err, context.Canceled) || got != (Swept{1, 10, 20}) {
		t.Errorf("swept %+v, %v; want one file", got, err)
	}
	if err := os.RemoveAll(spool.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Sweep(t.Context(), now, Limits{}, keepNone); err == nil {
		t.Error("a missing folder was swept")
	}
}

// Fetching and opening a file put off its end; looking it up does not.
func TestSweepGoesByLastUse(t *testing.T) {
	base := serveFile(t, "still.png")
	spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
	now := time.Now()
	fillSpool(t, spool, now, 30, 30, 30)
	if _, err := spool.Fetch(t.Context(), "f0", base, Image); err != nil {
		t.Fatal(err)
	}
	opened, err := spool.Open(File{Name: "f1.png"})
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	if _, err := spool.Resolve(File{Name: "f2.png"}); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Sweep(t.Context(), now, Limits{Retention: 24 * time.Hour, Bytes: 100}, keepNone); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"f0.png", "f1.png"}, filesIn(t, spool.dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// A file that is being fetched, or fetched again, is not taken from under its reader.
func TestSweepLeavesFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		spool := openSpool(t, t.TempDir(), FetcherConfig{
			Trusted: []string{"http://host.test"},
			Dial: rawHost(func(conn net.Conn) {
				<-release
				io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\n"+string(fixture(t, "still.png")))
			}),
		})
		done := make(chan error)
		go func() {
			_, err := spool.Fetch(t.Context(), "a", "http://host.test/", Image)
			done <- err
		}()
		synctest.Wait()
		fillSpool(t, spool, time.Now(), 5)
		if err := os.Rename(filepath.Join(spool.dir, "f0.png"), filepath.Join(spool.dir, "a.png")); err != nil {
			t.Fatal(err)
		}
		got, err := spool.Sweep(t.Context(), time.Now(), Limits{}, keepNone)
		if err != nil || got.Files != 0 {
			t.Errorf("swept %+v, %v while it is fetched", got, err)
		}
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got, err := spool.Sweep(t.Context(), time.Now().Add(time.Second), Limits{}, keepNone); err != nil || got.Files != 1 {
			t.Errorf("swept %+v, %v afterwards", got, err)
		}
	})
}

// A web page in place of a picture is not stored: the file may come yet.
func TestSpoolRefusesText(t *testing.T) {
	base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!DOCTYPE html><title>Access denied</title>")
	})
	spool := openSpool(t, t.TempDir(), FetcherConfig{Trusted: []string{base}})
	for _, kind := range []Kind{Image, Video, Audio} {
		_, err := spool.Fetch(t.Context(), "a", base, kind)
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != NotMedia || !failed.Temporary() {
			t.Errorf("%s: %v, want a temporary error of kind %q", kind, err, NotMedia)
		}
	}
	if left := filesIn(t, spool.dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if file, err := spool.Fetch(t.Context(), "a", base, Other); err != nil || file.Kind != Text {
		t.Errorf("where anything may come: %+v, %v", file, err)
	}
}
