package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kiebot runs a subcommand on the process's DATA_DIR.
func (p *process) kiebot(args ...string) (out, wrong string, code int) {
	p.t.Helper()
	cmd := exec.Command("kiebot", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, []string{"DATA_DIR=" + filepath.Join(p.dir, "data")}, &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

func TestSocketOfARunningKiebot(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	path := filepath.Join(p.dir, "data", socketName)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Fatalf("the socket: %v, %v", info.Mode(), err)
	}
	eventually(t, "kiebot is ready", p.ready)
	if out, wrong, code := p.kiebot("healthcheck"); code != 0 || out != "ok\n" {
		t.Errorf("while it runs: %d, %q, %s", code, out, wrong)
	}
	p.kill()
	if out, wrong, code := p.kiebot("healthcheck"); code != exitFailed || !strings.Contains(wrong, "kiebot is not running on this DATA_DIR") || out != "" {
		t.Errorf("after kill -9: %d, %q, %s", code, out, wrong)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the killed process's socket: %v", err)
	}
	p.start()
	eventually(t, "kiebot is ready again", p.ready)
	if _, wrong, code := p.kiebot("healthcheck"); code != 0 {
		t.Errorf("in place of the dead socket: %d, %s", code, wrong)
	}
	p.stop()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stopped process leaves its socket: %v", err)
	}
	if _, wrong, code := p.kiebot("healthcheck"); code != exitFailed || !strings.Contains(wrong, "kiebot is not running") {
		t.Errorf("after a stop: %d, %s", code, wrong)
	}
}

// long is a folder whose socket has a name that no sockaddr_un can hold.
func long(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSocketIsReplacedOnlyWhenNobodyListens(t *testing.T) {
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long(t)} {
		t.Run(name, func(t *testing.T) {
			first, err := listenLocal(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := listenLocal(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "another program listens on "+socketPath(dir)) {
				t.Errorf("beside a live one: %v", err)
			}
			first.Close() // as a kill does it: the file stays
			second, err := listenLocal(t.Context(), dir)
			if err != nil {
				t.Fatalf("in place of a dead one: %v", err)
			}
			defer second.Close()
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 1 || left[0].Type() != fs.ModeSocket {
				t.Errorf("the folder has %v, %v", left, err)
			}
		})
	}
}

func TestSocketLeavesAloneWhatIsNone(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(path string) error{
		"a file":   func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":   func(path string) error { return os.Symlink("/dev/null", path) },
	} {
		path := socketPath(dir)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := listenLocal(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "is in the way") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestLocalClient(t *testing.T) {
	dir := long(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /good", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("good\n")) })
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no, and why", http.StatusConflict) })
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("POST /most", func(w http.ResponseWriter, r *http.Request) {
		var most *http.MaxBytesError
		if _, err := new(bytes.Buffer).ReadFrom(r.Body); errors.As(err, &most) {
			http.Error(w, "too much", http.StatusRequestEntityTooLarge)
		}
	})
	client := local(settings{dataDir: dir})
	ask := func(method, path, body string) (string, error) {
		var out bytes.Buffer
		err := client.stream(t.Context(), &out, method, path, strings.NewReader(body))
		return out.String(), err
	}
	if _, err := ask("GET", "/good", ""); !errors.Is(err, errNotRunning) {
		t.Errorf("without a socket: %v", err)
	}
	l, err := listenLocal(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{socket: l, socketFile: socketPath(dir), local: mux, log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.serveLocal(ctx)
	}()
	if out, err := ask("GET", "/good", ""); out != "good\n" || err != nil {
		t.Errorf("a good answer: %q, %v", out, err)
	}
	if _, err := ask("GET", "/bad", ""); err == nil || err.Error() != "no, and why" {
		t.Errorf("a bad answer: %v", err)
	}
	if out, err := ask("GET", "/cut", ""); out != "half" || err == nil {
		t.Errorf("half an answer: %q, %v", out, err)
	}
	if _, err := ask("POST", "/most", strings.Repeat("x", localMost+1)); err == nil || err.Error() != "too much" {
		t.Errorf("a body that is too large: %v", err)
	}
	stop()
	<-ended
	if _, err := ask("GET", "/good", ""); !errors.Is(err, errNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}
