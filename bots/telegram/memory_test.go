package telegram

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-telegram/bot"
)

const (
	videoBytes  = 50<<20 - formRoom
	videosLimit = 8 << 20 // of memory, for eight of them at once
)

// Eight videos of 50 MB on their way at once, the most that core hands over,
// over real connections: memory grows by a bound that knows nothing of 50 MB.
func TestTrap9EightVideosTakeLittleMemory(t *testing.T) {
	var began sync.WaitGroup
	began.Add(8)
	goOn := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.CopyN(io.Discard, r.Body, videoBytes/2)
		began.Done()
		<-goOn
		n, _ := io.Copy(io.Discard, r.Body)
		if err != nil || n < videoBytes/2 {
			t.Errorf("the second half has %d bytes; %v", n, err)
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":1}}`)
	}))
	defer server.Close()
	transport := NewTransport()
	defer transport.CloseIdleConnections()
	c, err := newClient(testToken, server.URL, transport)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.mp4")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, videoBytes); err != nil {
		t.Fatal(err)
	}
	before := heap()
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			up := newUpload(path, videoBytes)
			if _, err := c.SendVideo(withUploads(t.Context(), up), &bot.SendVideoParams{ChatID: 1, Video: up.file("a.mp4")}); err != nil {
				t.Error(err)
			}
		})
	}
	began.Wait()
	grown := int64(heap()) - int64(before)
	close(goOn)
	started := time.Now()
	calls.Wait()
	t.Logf("%.1f MiB more while eight videos of 50 MB are half sent; the other half took %v", float64(grown)/(1<<20), time.Since(started))
	if grown > videosLimit {
		t.Errorf("memory grew by %d bytes, want at most %d", grown, videosLimit)
	}
}

// heap is what is allocated and reachable, with what the stacks take.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
