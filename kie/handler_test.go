package kie

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const calledBack = `{"code":200,"msg":"success","data":{"taskId":"t1","state":"success"}}`

// post sends a callback to a handler behind a real server.
func post(t *testing.T, server *httptest.Server, header http.Header, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range header {
		r.Header.Set(name, header.Get(name))
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// TestHandlerAnswersFirst: the answer arrives while the function still runs,
// and Close waits for the function.
func TestHandlerAnswersFirst(t *testing.T) {
	began, release := make(chan Callback), make(chan struct{})
	var finished atomic.Bool
	handler := NewCallbackHandler(&Verifier{Keys: []Secret{"k"}}, func(c Callback) {
		began <- c
		<-release
		finished.Store(true)
	})
	server := httptest.NewServer(handler)
	defer server.Close()
	status, body := post(t, server, Sign("k", "t1", time.Now()), calledBack)
	if status != http.StatusOK || body != `{"code":200,"msg":"success"}` {
		t.Errorf("HTTP %d with %s", status, body)
	}
	if c := <-began; c.TaskID != "t1" || !c.Final() {
		t.Errorf("callback %+v", c)
	}
	closed := make(chan struct{})
	go func() {
		handler.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("Close did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	if status, _ := post(t, server, Sign("k", "t1", time.Now()), calledBack); status != http.StatusOK && status != http.StatusServiceUnavailable {
		t.Errorf("HTTP %d while closing", status)
	}
	close(release)
	<-closed
	if !finished.Load() {
		t.Error("the function did not finish")
	}
	if status, _ := post(t, server, Sign("k", "t1", time.Now()), calledBack); status != http.StatusServiceUnavailable {
		t.Errorf("HTTP %d from a closed handler", status)
	}
	handler.Close() // harmless
}

func TestHandlerRefuses(t *testing.T) {
	handler := NewCallbackHandler(&Verifier{Keys: []Secret{"k"}, Now: func() time.Time { return signedAt }}, func(c Callback) {
		t.Errorf("worked on %+v", c)
	})
	defer handler.Close()
	signed := Sign("k", "t1", signedAt)
	tests := []struct {
		name, method string
		header       http.Header
		body         string
		status       int
	}{
		{"GET", http.MethodGet, signed, calledBack, http.StatusMethodNotAllowed},
		{"unsigned", http.MethodPost, http.Header{}, calledBack, http.StatusUnauthorized},
		{"unsigned nonsense", http.MethodPost, http.Header{}, "<html>", http.StatusUnauthorized},
		{"signed with another key", http.MethodPost, Sign("x", "t1", signedAt), calledBack, http.StatusUnauthorized},
		{"signed for another task", http.MethodPost, Sign("k", "t2", signedAt), calledBack, http.StatusUnauthorized},
		{"signed long ago", http.MethodPost, Sign("k", "t1", signedAt.Add(-time.Hour)), calledBack, http.StatusUnauthorized},
		{"no task", http.MethodPost, signed, `{"code":200}`, http.StatusBadRequest},
		{"too large", http.MethodPost, signed, `{"taskId":"t1","pad":"` + strings.Repeat("x", maxCallback) + `"}`, http.StatusRequestEntityTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/hook", strings.NewReader(test.body))
			r.Header = test.header
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("HTTP %d, want %d", w.Code, test.status)
			}
			if strings.Contains(w.Body.String(), `"code":200`) {
				t.Errorf("a refusal reads %s", w.Body)
			}
		})
	}
	t.Run("body cut", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/hook", io.MultiReader(strings.NewReader("{"), failing{}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("HTTP %d", w.Code)
		}
	})
}

// failing is a reader that cannot be read.
type failing struct{}

var errFailing = errors.New("the disk is gone")

func (failing) Read([]byte) (int, error) { return 0, errFailing }

// TestHandlerWithoutVerifier: the URL is the secret then.
func TestHandlerWithoutVerifier(t *testing.T) {
	got := make(chan Callback, 1)
	handler := NewCallbackHandler(nil, func(c Callback) { got <- c })
	defer handler.Close()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hook/secret", strings.NewReader(calledBack)))
	if c := <-got; w.Code != http.StatusOK || c.TaskID != "t1" {
		t.Errorf("HTTP %d, callback %+v", w.Code, c)
	}
}

// TestHandlerIsBounded: a flood is sent away rather than piled up.
func TestHandlerIsBounded(t *testing.T) {
	release := make(chan struct{})
	var worked atomic.Int64
	handler := NewCallbackHandler(nil, func(Callback) {
		<-release
		worked.Add(1)
	})
	for n := range maxWorking + 3 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(calledBack)))
		if want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[n < maxWorking]; w.Code != want {
			t.Errorf("callback %d: HTTP %d, want %d", n, w.Code, want)
		}
	}
	close(release)
	handler.Close()
	if worked.Load() != maxWorking {
		t.Errorf("%d functions ran", worked.Load())
	}
}
