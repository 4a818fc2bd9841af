package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// readiness is what /readyz answers.
type readiness struct {
	status int
	Ready  bool
	Checks []check
}

// readyz asks the address anew, over a connection of its own.
func readyz(t *testing.T, base string) (got readiness) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get(base + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got.status = resp.StatusCode
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// is fails unless kiebot says that it is starting, or whatever the reason is.
func (r readiness) is(t *testing.T, reason string) {
	t.Helper()
	if r.status != http.StatusServiceUnavailable || r.Ready || len(r.Checks) != 1 || r.Checks[0] != (check{Name: "running", Reason: reason}) {
		t.Errorf("/readyz answers %+v, want 503 and that %s", r, reason)
	}
}

func (r readiness) isReady(t *testing.T) {
	t.Helper()
	if r.status != http.StatusOK || !r.Ready || len(r.Checks) < 4 {
		t.Errorf("/readyz answers %+v, want 200", r)
	}
	for _, c := range r.Checks {
		if !c.OK || c.Reason != "" {
			t.Errorf("%+v", c)
		}
	}
}

// From the first moment somebody answers: that kiebot is starting, and then that
// it is ready.
func TestReadyWhileStarting(t *testing.T) {
	t.Parallel()
	server := quickKie(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	front := openFront(listener, log)
	defer front.close()
	base := address(listener)
	readyz(t, base).is(t, "kiebot is starting")
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/": http.StatusServiceUnavailable, "/hooks/telegram": http.StatusServiceUnavailable} {
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || err != nil || want == http.StatusServiceUnavailable && !strings.Contains(string(said), "Try again in a moment") {
			t.Errorf("%s answers %d: %s, %v", path, resp.StatusCode, said, err)
		}
	}
	a, err := newApp(t.Context(), settings{
		kieKeys: []kieKey{{core.DefaultKieAccount, kie.Secret(server.Key())}}, kieURL: server.URL(), uploadURL: server.URL(),
		dataDir: t.TempDir(), location: time.UTC, locale: "en",
	}, options{open: true}, log)
	if err != nil {
		t.Fatal(err)
	}
	readyz(t, base).is(t, "kiebot is starting")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	front.open(a) // what was under way is not taken up yet
	if got := readyz(t, base); got.status != http.StatusServiceUnavailable || got.Checks[0] != (check{Name: "running", Reason: "kiebot is starting"}) {
		t.Errorf("/readyz answers %+v before the engine runs", got)
	}
	go func() { ended <- a.run(ctx, front) }()
	eventually(t, "the engine runs", a.engine.Resumed)
	readyz(t, base).isReady(t)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}

// While a stop waits for an answer of Kie's, monitors are told, and nobody's
// request is taken.
func TestReadyWhileStopping(t *testing.T) {
	t.Parallel()
	server := quickKie(t)
	p := launch(t, server)
	eventually(t, "kiebot is ready", p.ready)
	gate := make(chan struct{})
	server.NextCreate(kietest.After(kietest.Hold(gate)))
	if a, err := p.command("command-one", "/imagine a cat"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	eventually(t, "Kie has the task", func() bool { return len(server.Tasks()) == 1 })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.stop()
	}()
	eventually(t, "it stops", func() bool { return strings.Contains(p.log.String(), "stopping") })
	readyz(t, p.base).is(t, "kiebot is stopping")
	if status, said := p.send(t.Context(), http.MethodPost, "/api/command", `{"key":"command-two","text":"/imagine a dog"}`, nil); status != http.StatusServiceUnavailable || !strings.Contains(said, "nothing was done or charged") {
		t.Errorf("a command is answered with %d: %s", status, said)
	}
	close(gate)
	<-stopped
}
