package telegram

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// secrecy looks for the bot's token where it must never be: in what goes to
// Kie and in the log.
type secrecy struct {
	t      *testing.T
	secret []byte // the part of the token after its colon

	mu    sync.Mutex
	lines []string // of the log
	asked int      // calls to Kie
	sent  int64    // bytes of their bodies
}

func newSecrecy(t *testing.T, token string) *secrecy {
	_, secret, _ := strings.Cut(token, ":")
	return &secrecy{t: t, secret: []byte(secret)}
}

// Write implements io.Writer for the log.
func (s *secrecy) Write(line []byte) (int, error) {
	s.mu.Lock()
	s.lines = append(s.lines, string(line))
	s.mu.Unlock()
	s.look("the log", line)
	return s.t.Output().Write(line)
}

func (s *secrecy) look(where string, data []byte) {
	if bytes.Contains(data, s.secret) {
		s.t.Errorf("%s has the bot's token", where)
	}
}

// logged counts the lines of the log that contain the words.
func (s *secrecy) logged(words string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.lines {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// over is a client for Kie whose every request is looked at, whole.
func (s *secrecy) over(kie *kietest.Server) *http.Client {
	return &http.Client{Transport: watched{kie.Client().Transport, s}}
}

type watched struct {
	http.RoundTripper
	by *secrecy
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	var head bytes.Buffer
	if err := r.Header.Write(&head); err != nil {
		return nil, err
	}
	w.by.look("a call to Kie", append(head.Bytes(), r.URL.String()...))
	w.by.mu.Lock()
	w.by.asked++
	w.by.mu.Unlock()
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = &watchedBody{ReadCloser: r.Body, by: w.by}
	}
	return w.RoundTripper.RoundTrip(r)
}

// watchedBody is looked at as it is sent, over the borders of its pieces.
type watchedBody struct {
	io.ReadCloser
	by   *secrecy
	tail []byte
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tail = append(b.tail, p[:n]...)
	b.by.look("a call to Kie", b.tail)
	b.tail = bytes.Clone(b.tail[max(0, len(b.tail)-len(b.by.secret)):])
	b.by.mu.Lock()
	b.by.sent += int64(n)
	b.by.mu.Unlock()
	return n, err
}

// server is the address of the Bot API server: Telegram's own, unless it is a local one.
func (w *town) server() string {
	if w.cfg.telegram.Local {
		return w.tg.URL()
	}
	return DefaultURL
}

// plainly goes to Telegram's own server without TLS: it is in memory.
type plainly struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plainly) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return p.RoundTripper.RoundTrip(r)
}

// prompts lists what Kie was asked for, in order.
func (w *town) prompts() (all []string) {
	for _, t := range w.kie.Tasks() {
		prompt, _ := t.Input["prompt"].(string)
		all = append(all, prompt)
	}
	return all
}

// leftOver reports what must not be left after a conversation.
func (w *town) leftOver() {
	w.t.Helper()
	for _, p := range w.tg.Unanswered() {
		if !slices.Contains(w.stale, p) {
			w.t.Errorf("the press of %s was never answered", p.Data)
		}
	}
	for _, c := range w.tg.Complaints() {
		w.t.Errorf("Telegram complains: %s", c)
	}
	for _, c := range w.tg.Early() {
		w.t.Errorf("%s came before the time that Telegram had asked for", c.Method)
	}
	w.spy.mu.Lock()
	defer w.spy.mu.Unlock()
	if w.spy.asked == 0 && len(w.kie.Tasks()) > 0 {
		w.t.Error("nothing that went to Kie was looked at")
	}
}

// silent waits until everything that came is dealt with and says what the bot
// wrote in the chat since it had n messages there.
func (w *town) silent(chat *telegramtest.Chat) []telegramtest.Message {
	w.t.Helper()
	w.tg.Until(w.t, func() bool { return w.tg.Polling() && w.tg.Pending() == 0 })
	return chat.FromBot()
}
