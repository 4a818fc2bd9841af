package discord

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kiebot/bots/discord/discordtest"
	"kiebot/kie/kietest"
)

// tokenBegins is how the token of every interaction begins: "interaction:" in
// base64.
const tokenBegins = "aW50ZXJhY3Rpb246"

// secrecy looks for the bot's token and those of interactions where they must
// never be: in the log, and in what goes to Kie.
type secrecy struct {
	t       *testing.T
	secrets [][]byte

	mu    sync.Mutex
	lines []string // of the log
	asked int      // calls to Kie
}

func newSecrecy(t *testing.T, token string) *secrecy {
	_, secret, _ := strings.Cut(token, ".")
	return &secrecy{t: t, secrets: [][]byte{[]byte(secret), []byte(tokenBegins)}}
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
	for _, secret := range s.secrets {
		if bytes.Contains(data, secret) {
			s.t.Errorf("%s has a token", where)
		}
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
	var whole bytes.Buffer
	if err := r.Header.Write(&whole); err != nil {
		return nil, err
	}
	whole.WriteString(r.URL.String())
	w.by.mu.Lock()
	w.by.asked++
	w.by.mu.Unlock()
	if r.Body != nil {
		r = r.Clone(r.Context())
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &whole), r.Body}
	}
	resp, err := w.RoundTripper.RoundTrip(r)
	w.by.look("a call to Kie", whole.Bytes())
	return resp, err
}

// leftOver reports what must not be left after a conversation.
func (w *world) leftOver() {
	w.t.Helper()
	for _, c := range w.discord.Complaints() {
		w.t.Errorf("Discord complains: %s", c)
	}
	for _, c := range w.discord.Early() {
		w.t.Errorf("%s came before the time that Discord had asked for", c.Route)
	}
	for _, c := range w.discord.Calls() {
		w.callsNobody(c.Route, c.Body)
	}
	w.spy.mu.Lock()
	defer w.spy.mu.Unlock()
	if w.spy.asked == 0 && len(w.kie.Tasks()) > 0 {
		w.t.Error("nothing that went to Kie was looked at")
	}
}

// callsNobody reports a message that does not say outright that nobody is to
// be called: then Discord reads mentions out of its text.
func (w *world) callsNobody(where string, body []byte) {
	w.t.Helper()
	var sent struct {
		Type       int
		Data       json.RawMessage
		Components json.RawMessage
	}
	if json.Unmarshal(body, &sent) != nil {
		return
	}
	switch {
	case sent.Type == respondMessage || sent.Type == respondUpdate:
		body = sent.Data
	case sent.Type != 0 || sent.Components == nil: // no message
		return
	}
	if !bytes.Contains(body, []byte(`"allowed_mentions":{"parse":[]}`)) {
		w.t.Errorf("%s: %s may call somebody", where, body)
	}
}

// pinged are those whom the bot called in the channel.
func pinged(chat discordtest.Speaker) (all []string) {
	for _, m := range chat.FromBot() {
		all = append(all, m.Pinged...)
	}
	return all
}
