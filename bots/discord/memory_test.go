package discord

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/discord/discordtest"
)

const (
	resultBytes  = 9 << 20
	resultsLimit = 4 << 20 // of memory, for eight of them at once
)

// resultFile is a file of that many bytes.
func resultFile(t *testing.T, size int64) upload {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.mp4")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return upload{name: "a.mp4", kind: "video/mp4", path: path, size: size}
}

func posting(file upload) call {
	d := saying("a cat", nil)
	d.attach(file, false)
	return call{method: http.MethodPost, route: "/channels/{}/messages", args: []string{"1"}, body: d, files: d.uploads}
}

// Eight results of 9 MB on their way at once, over real connections: memory
// grows by a bound that knows nothing of 9 MB.
func TestTrap11EightResultsTakeLittleMemory(t *testing.T) {
	var began sync.WaitGroup
	began.Add(8)
	goOn := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.CopyN(io.Discard, r.Body, resultBytes/2)
		began.Done()
		<-goOn
		n, _ := io.Copy(io.Discard, r.Body)
		if err != nil || n < resultBytes/2 {
			t.Errorf("the second half has %d bytes; %v", n, err)
		}
		_, _ = io.WriteString(w, `{"id":"5","channel_id":"1"}`)
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, file := newClient(discordtest.DefaultToken, server.URL, transport), resultFile(t, resultBytes)
	before := heap()
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			var m message
			if err := c.do(t.Context(), posting(file), &m); err != nil || m.ID != "5" {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
	began.Wait()
	grown := int64(heap()) - int64(before)
	close(goOn)
	calls.Wait()
	t.Logf("%.1f MiB more while eight results of 9 MB are half sent", float64(grown)/(1<<20))
	if grown > resultsLimit {
		t.Errorf("memory grew by %d bytes, want at most %d", grown, resultsLimit)
	}
}

// heap is what is allocated and reachable, with what the stacks take.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// line takes bodies a piece at a time, or none at all.
type line struct {
	pause time.Duration // between two pieces
	stops bool          // after the first
}

// RoundTrip implements http.RoundTripper.
func (l line) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	for piece := make([]byte, 64<<10); ; {
		if _, err := r.Body.Read(piece); err == io.EOF {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		}
		pause := time.After(l.pause)
		if l.stops {
			pause = nil
		}
		select {
		case <-pause:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// An upload takes as long as it moves; one that does not is given up, and so is
// one whose delivery ends.
func TestTrap11SlowUploads(t *testing.T) {
	for _, test := range []struct {
		line line
		want func(error) bool
		took time.Duration
	}{
		{line{pause: 2 * time.Second}, func(err error) bool { return err == nil }, 5 * time.Minute},
		{line{stops: true}, notSent, stallFor},
		{line{pause: 50 * time.Second}, func(err error) bool { return meaning(err) == failUnknown }, 10 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, file := newClient(discordtest.DefaultToken, "http://discord.test", test.line), resultFile(t, resultBytes)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			began := time.Now()
			err := c.do(ctx, posting(file), nil)
			took := time.Since(began)
			if !test.want(err) || took < test.took-20*time.Second || took > test.took+20*time.Second {
				t.Errorf("%+v: %v after %v", test.line, err, took)
			}
		})
	}
}
