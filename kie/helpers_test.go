package kie

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"
)

// testKey is long enough to be looked for in replies.
const testKey = Secret("0123456789abcdef0123456789abcdef")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTestClient returns a client for the given base URL that keeps no
// connections beyond the test.
func newTestClient(t testing.TB, base string, transport http.RoundTripper) *Client {
	t.Helper()
	if transport == nil {
		transport = &http.Transport{}
	}
	httpClient := &http.Client{Transport: transport}
	t.Cleanup(httpClient.CloseIdleConnections)
	client, err := New(Config{APIKey: testKey, BaseURL: base, HTTPClient: httpClient})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// serve starts a loopback server and returns a client for it.
func serve(t testing.TB, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return newTestClient(t, server.URL, nil)
}

// serveInMemory is serve without sockets, for use in a synctest bubble.
func serveInMemory(t testing.TB, handler http.HandlerFunc) *Client {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	// Only after the body is read does the server notice that a client left.
	readFirst := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			handler(w, r)
		}
	})
	server := &http.Server{Handler: readFirst, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	return newTestClient(t, "http://kie.test", &http.Transport{DialContext: listener.dial})
}

// pipeListener is a net.Listener of in-memory connections.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reply is one answer of a scripted server.
type reply struct {
	status int // 0 means 200
	header map[string]string
	body   string
}

// script answers each request with the next reply, the last one for ever, and
// counts the requests.
type script struct {
	replies []reply
	count   atomic.Int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := int(s.count.Add(1))
	r := s.replies[min(n, len(s.replies))-1]
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_, _ = io.WriteString(w, r.body)
}

// scripted returns a script of the given bodies.
func scripted(bodies ...string) *script {
	s := &script{}
	for _, body := range bodies {
		s.replies = append(s.replies, reply{body: body})
	}
	return s
}

// envelopeOf returns the text of an envelope.
func envelopeOf(t testing.TB, code int, msg string, data any) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"code": code, "msg": msg, "data": data})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantError checks kind, operation and the promises that hold for every error.
func wantError(t testing.TB, err error, kind ErrorKind, op string) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want an *Error of kind %q", err, err, kind)
	}
	if e.Kind != kind {
		t.Errorf("kind %q, want %q (%v)", e.Kind, kind, err)
	}
	if e.Op != op {
		t.Errorf("op %q, want %q", e.Op, op)
	}
	wantPlain(t, err.Error())
	return e
}

// wantPlain checks that a text is fit to be shown: one bounded line, without
// the key.
func wantPlain(t testing.TB, text string) {
	t.Helper()
	if strings.Contains(text, testKey.Reveal()) {
		t.Errorf("the key shows in %q", text)
	}
	if utf8.RuneCountInString(text) > maxMessage+100 {
		t.Errorf("text of %d characters", utf8.RuneCountInString(text))
	}
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		t.Errorf("control characters or bad UTF-8 in %q", text)
	}
}

// debugLogger writes everything to w.
func debugLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// jobsInfo is the table's line for Jobs.
func jobsInfo() EndpointInfo {
	info, _ := Jobs.Info()
	return info
}
