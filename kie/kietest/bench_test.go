package kietest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kiebot/kie/kietest"
)

// BenchmarkTasks creates and reads tasks without a network. The clock moves a
// second with each task, so that the limits are kept.
func BenchmarkTasks(b *testing.B) {
	var seconds int64
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	clock := make(chan int64, 1)
	clock <- 0
	srv := kietest.New(kietest.Config{Credits: 1 << 60, RecordDelay: -1, Now: func() time.Time {
		now := <-clock
		clock <- now
		return start.Add(time.Duration(now) * time.Second)
	}})
	defer srv.Close()
	h := srv.Handler()
	send := func(method, path, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+srv.Key())
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w
	}
	for b.Loop() {
		<-clock
		seconds++
		clock <- seconds
		w := send(http.MethodPost, createPath, fmt.Sprintf(`{"model":"google/imagen4","input":{"prompt":"cat %d"}}`, seconds))
		_, rest, found := strings.Cut(w.Body.String(), `"taskId":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if !found || !strings.Contains(send(http.MethodGet, recordPath+id, "").Body.String(), `"state":"waiting"`) {
			b.Fatalf("createTask answered %s", w.Body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}
