package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

// process is a kiebot serve of its own, on a data folder that outlives it.
type process struct {
	t      *testing.T
	dir    string
	listen string
	kie    *kietest.Server
	env    []string
	cmd    *exec.Cmd
	exited chan error
	log    *logBuffer // of this life
	lives  logBuffer  // of all of them
	client *http.Client
	base   string // http://127.0.0.1:port
	access string // what opens the chat

	private bool // no PUBLIC_URL, so no callbacks
}

// logBuffer keeps what a process logs, to be read while it runs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is everything so far.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var accessLink = regexp.MustCompile(`(http://[0-9.:]+)/\?access=([0-9a-f]+)`)

// launch starts kiebot serve against the Kie server.
func launch(t *testing.T, server *kietest.Server, env ...string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", kie: server, env: env}
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command("kiebot", "serve")
	p.cmd.Dir = p.dir
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + p.dir,
		"KIE_API_KEY=" + p.kie.Key(), "KIE_API_URL=" + p.kie.URL(), "LISTEN_ADDR=" + p.listen, "METRICS_ADDR=127.0.0.1:0", "LOG_FORMAT=text", "DATA_DIR=" + filepath.Join(p.dir, "data"),
	}, p.env...)
	if p.base != "" && !p.private {
		p.cmd.Env = append(p.cmd.Env, "PUBLIC_URL="+p.base)
	}
	p.log = &logBuffer{}
	p.cmd.Stderr = io.MultiWriter(p.log, &p.lives)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	link := p.readLink(out)
	p.access = link[2]
	cmd, exited := p.cmd, make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.exited = exited
	p.base, p.listen = link[1], strings.TrimPrefix(link[1], "http://")
	p.enter(link[2])
}

// readLink waits for the access link that serve prints.
func (p *process) readLink(out io.Reader) []string {
	p.t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if link := accessLink.FindStringSubmatch(lines.Text()); link != nil {
			return link
		}
	}
	p.t.Fatalf("serve printed no access link: %v\n%s", p.cmd.Wait(), p.log)
	return nil
}

// enter opens the access link as a browser does.
func (p *process) enter(token string) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.client = &http.Client{Jar: jar, Timeout: 30 * time.Second}
	resp, err := p.client.Get(p.base + "/?access=" + token)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("the access link answers %d", resp.StatusCode)
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill()
	<-p.exited
	p.client.CloseIdleConnections()
	p.cmd = nil
}

// stop is what systemd does.
func (p *process) stop() {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("%v\n%s", err, p.log)
	}
	if err := <-p.exited; err != nil {
		p.t.Errorf("stopped with %v\n%s", err, p.log)
	}
	if took := time.Since(began); took > 10*time.Second {
		p.t.Errorf("stopping took %v", took)
	}
	p.client.CloseIdleConnections()
	p.cmd = nil
}

// said is what the page is told about a command.
type said struct {
	Accepted bool   `json:"accepted"`
	Refused  bool   `json:"refused"`
	Text     string `json:"text"`
}

// command types into the chat.
func (p *process) command(key, text string) (said, error) {
	body, err := json.Marshal(map[string]string{"key": key, "text": text})
	if err != nil {
		return said{}, err
	}
	resp, err := p.client.Post(p.base+"/api/command", "application/json", bytes.NewReader(body))
	if err != nil {
		return said{}, err
	}
	defer resp.Body.Close()
	var a said
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return said{}, fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	return a, nil
}

// shown is what the page shows about one request.
type shown struct {
	Key    string     `json:"key"`
	State  core.State `json:"state"`
	Status string     `json:"status"`
	Notes  []string   `json:"notes"`
	Final  bool       `json:"final"`
	Media  []struct {
		Src string `json:"src"`
	} `json:"media"`
}

// says reports whether the message has the word.
func (m shown) says(word string) bool {
	return strings.Contains(m.Status+strings.Join(m.Notes, " "), word)
}

// watch reads the chat until a message satisfies the condition.
func (p *process) watch(what string, until func(shown) bool) shown {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 60*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/api/events", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	stream := &http.Client{Jar: p.client.Jar}
	defer stream.CloseIdleConnections()
	resp, err := stream.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	last := ""
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if len(data) > len("{}") {
			last = data
		}
		for _, m := range messagesIn(p.t, data) {
			if until(m) {
				return m
			}
		}
	}
	p.t.Fatalf("never shown: %s (%v); the last was %s\n%s", what, lines.Err(), last, p.log)
	return shown{}
}

// messagesIn reads an event: the first one holds all messages, the later ones one each.
func messagesIn(t *testing.T, data string) []shown {
	t.Helper()
	var first struct {
		Messages []shown `json:"messages"`
	}
	var one shown
	if err := errors.Join(json.Unmarshal([]byte(data), &first), json.Unmarshal([]byte(data), &one)); err != nil {
		t.Fatalf("event %s: %v", data, err)
	}
	return append(first.Messages, one)
}

// eventually looks again and again at what another process does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

func quickKie(t *testing.T) *kietest.Server { return signingKie(t, "") }

// signingKie is quick, and signs its callbacks with the key.
func signingKie(t *testing.T, key string) *kietest.Server {
	t.Helper()
	durations := kietest.Durations{Image: 300 * time.Millisecond, Video: 300 * time.Millisecond, Music: 300 * time.Millisecond, Speech: 300 * time.Millisecond}
	server := kietest.NewServer(kietest.Config{HMACKey: key, Durations: durations, RecordDelay: 50 * time.Millisecond, CallbackRetry: time.Second, Shrink: 4})
	t.Cleanup(server.Close)
	return server
}

func called(server *kietest.Server, call kietest.Call) bool {
	return slices.ContainsFunc(server.Requests(), func(r kietest.Request) bool { return r.Call == call })
}

// The process is killed at every station of a task's life and started again
// on the same DATA_DIR: one final state, the right quota, one Kie task, and
// the reply in the chat.
func TestKillAtEveryStation(t *testing.T) {
	stations := map[string]struct {
		prepare func(*kietest.Server, <-chan struct{}) (lift func())
		reached func(*testing.T, *process)
	}{
		"accepted": {
			func(s *kietest.Server, _ <-chan struct{}) func() {
				return s.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
			},
			func(_ *testing.T, p *process) { // queued for seconds, so that the kill meets no call under way
				p.watch("it waits for its turn", func(m shown) bool { return m.State == core.Queued && m.says("busy") })
			},
		},
		"creating": {
			func(s *kietest.Server, gate <-chan struct{}) func() {
				s.NextCreate(kietest.After(kietest.Hold(gate)), kietest.HoldTask())
				return func() { s.Release(s.Tasks()[0].ID) }
			},
			func(t *testing.T, p *process) {
				eventually(t, "Kie has the task", func() bool { return len(p.kie.Tasks()) == 1 })
			},
		},
		"running": {
			func(s *kietest.Server, _ <-chan struct{}) func() {
				s.NextCreate(kietest.HoldTask())
				return func() { s.Release(s.Tasks()[0].ID) }
			},
			func(_ *testing.T, p *process) {
				p.watch("it runs", func(m shown) bool { return m.State == core.Running })
			},
		},
		"finished": {
			func(s *kietest.Server, _ <-chan struct{}) func() {
				return s.Always(kietest.CallFile, kietest.HTML(503))
			},
			func(t *testing.T, p *process) {
				eventually(t, "the file is asked for", func() bool { return called(p.kie, kietest.CallFile) })
			},
		},
		"delivering": {
			func(s *kietest.Server, gate <-chan struct{}) func() {
				s.NextCreate(kietest.FilesStall(1000, gate))
				return func() {}
			},
			func(t *testing.T, p *process) {
				eventually(t, "the file is on its way", func() bool {
					parts, _ := filepath.Glob(filepath.Join(p.dir, "data", "media", ".part-*"))
					return len(parts) == 1
				})
			},
		},
	}
	for name, station := range stations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := quickKie(t)
			p := launch(t, server)
			p.stop() // now the port is known, and callbacks can be switched on
			p.start()
			gate := make(chan struct{})
			lift := station.prepare(server, gate)
			a, err := p.command("command-one", "/imagine a cat astronaut")
			if err != nil || !a.Accepted {
				t.Fatalf("%+v, %v", a, err)
			}
			station.reached(t, p)
			p.kill()
			lift()
			close(gate)
			p.start()
			m := p.watch("the end", func(m shown) bool { return m.Final })
			p.checkEnd(m, name)
		})
	}
}

// checkEnd holds the end against the promises, and the file against being one.
func (p *process) checkEnd(m shown, station string) {
	p.t.Helper()
	if m.State != core.Succeeded || len(m.Media) != 1 || m.Key != "command-one" {
		p.t.Fatalf("the chat shows %+v\n%s", m, p.log)
	}
	resp, err := p.client.Get(p.base + m.Media[0].Src)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	picture, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "image/") || len(picture) < 1000 {
		p.t.Errorf("the file: status %d, %d bytes, %v", resp.StatusCode, len(picture), err)
	}
	if n := len(p.kie.Tasks()); n != 1 {
		p.t.Errorf("%d Kie tasks, want 1", n)
	}
	again, err := p.command("command-one", "/imagine a cat astronaut") // the page sends it again
	if err != nil || !again.Accepted {
		p.t.Errorf("the same command again: %+v, %v", again, err)
	}
	p.stop()
	p.checkStore(station)
}

// checkStore reads what the stopped process left.
func (p *process) checkStore(station string) {
	p.t.Helper()
	store, err := bolt.Open(filepath.Join(p.dir, "data", "kiebot.db"), bolt.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	err = store.View(p.t.Context(), func(tx core.Tx) error {
		account, err := tx.AccountOf(core.Identity{Platform: "web", User: "local"})
		if err != nil {
			return err
		}
		tasks, err := tx.TasksOf(account.ID, "", 10)
		if err != nil {
			return err
		}
		if len(tasks) != 1 || tasks[0].State != core.Succeeded || tasks[0].Delivered.IsZero() || !tasks[0].Due.IsZero() {
			p.t.Errorf("%s: the store has %d tasks, the first %+v", station, len(tasks), tasks[0])
		}
		usage, err := tx.Usage(tasks[0].Hold.Shares[0].Window)
		if usage != (core.Usage{Settled: tasks[0].Charged}) || usage.Settled != core.Credits(p.kie.Tasks()[0].Credits) {
			p.t.Errorf("%s: used %+v, Kie charged %s", station, usage, p.kie.Tasks()[0].Credits)
		}
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
}

// One person presses fifty times at once, with room for ten. After twenty
// answers there is silence.
func TestFiftyCommandsAtOnce(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t), "QUOTA_USER_DAILY=40", "MAX_ACTIVE_PER_USER=unlimited")
	var mu sync.Mutex
	accepted, refused, silent := 0, 0, 0
	var people sync.WaitGroup
	for n := range 50 {
		people.Go(func() {
			a, err := p.command(fmt.Sprintf("command-%03d", n), "/imagine a cat --model google/imagen4-fast")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case a.Accepted:
				accepted++
			case a.Refused && strings.Contains(a.Text, "Nothing was charged"):
				refused++
			case a.Refused && a.Text == "":
				silent++
			}
		})
	}
	people.Wait()
	if accepted != 10 || refused < 10 || refused+silent != 40 {
		t.Errorf("%d accepted, %d refused with a sentence and %d in silence, want 10 and 40", accepted, refused, silent)
	}
	p.stop()
}

func TestTwoProcessesOnOneFolder(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	second := exec.Command("kiebot", "serve")
	second.Dir = p.dir
	second.Env = slices.DeleteFunc(slices.Clone(p.cmd.Env), func(v string) bool { return strings.HasPrefix(v, "LISTEN_ADDR=") })
	second.Env = append(second.Env, "LISTEN_ADDR=127.0.0.1:0")
	out, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another kiebot is running on this DATA_DIR") {
		t.Errorf("%v: %s", err, out)
	}
	third := exec.Command("kiebot", "serve")
	third.Dir = t.TempDir()
	third.Env = []string{"PATH=" + os.Getenv("PATH"), "KIE_API_KEY=" + p.kie.Key(), "LISTEN_ADDR=" + p.listen, "DATA_DIR=" + third.Dir}
	out, err = third.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "LISTEN_ADDR is in use") {
		t.Errorf("%v: %s", err, out)
	}
	fourth := exec.Command("kiebot", "serve")
	fourth.Dir = t.TempDir()
	fourth.Env = []string{"PATH=" + os.Getenv("PATH"), "KIE_API_KEY=" + p.kie.Key(), "LISTEN_ADDR=127.0.0.1:0", "METRICS_ADDR=" + p.listen, "DATA_DIR=" + fourth.Dir}
	out, err = fourth.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "METRICS_ADDR is in use") {
		t.Errorf("%v: %s", err, out)
	}
	p.stop()
}

// Kie answers with a broken gateway's page: the person is told, and nothing is sent twice.
func TestKieDown(t *testing.T) {
	t.Parallel()
	server := quickKie(t)
	server.NextCreate(kietest.HTML(502))
	p := launch(t, server)
	if a, err := p.command("command-one", "/imagine a cat"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.watch("it is told", func(m shown) bool { return m.State == core.Unresolved })
	p.kill()
	p.start()
	p.watch("it is still told", func(m shown) bool { return m.State == core.Unresolved })
	if n := len(server.Creates()); n != 1 {
		t.Errorf("createTask was called %d times", n)
	}
	p.stop()
}

func TestHealth(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	eventually(t, "kiebot is ready", p.ready)
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := p.client.Get(p.base + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	resp, err := new(http.Client).Get(p.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the chat without the link: %d, want 401", resp.StatusCode)
	}
	p.stop()
}

// The Kie server alone serves any client: here our own.
func TestKieOnly(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "kiebot", "demo", "--kie-only", "--listen", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(settings) < 3 && lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok {
			settings[name] = value
		}
	}
	client, err := kie.New(kie.Config{APIKey: kie.Secret(settings["KIE_API_KEY"]), BaseURL: settings["KIE_API_URL"]})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := client.Create(t.Context(), kie.CreateRequest{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}})
	if err != nil {
		t.Fatal(err)
	}
	status, err := client.Wait(t.Context(), ref)
	if err != nil || status.State != kie.Success || len(status.Outputs) != 1 || !strings.HasPrefix(status.Outputs[0].URL, settings["KIE_API_URL"]) {
		t.Errorf("%+v, %v", status, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// CATALOG_FILE is read again when it changes; a broken version changes nothing.
func TestCatalogFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "own.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entry := `{"models": [{"id": "google/imagen4", "price": {"per": "image", "rates": [{"credits": %s}]}}]}`
	write(fmt.Sprintf(entry, "9.5"))
	p := launch(t, quickKie(t), "CATALOG_FILE="+path)
	asks := 0
	price := func() string {
		asks++
		a, err := p.command(fmt.Sprintf("command-%06d", asks), "/models google/imagen4")
		if err != nil {
			t.Fatal(err)
		}
		return a.Text
	}
	if text := price(); !strings.Contains(text, "9.5 credits") {
		t.Errorf("before the change: %s", text)
	}
	write(fmt.Sprintf(entry, "12.25"))
	eventually(t, "the change is noticed", func() bool { return strings.Contains(p.log.String(), "CATALOG_FILE was read again") })
	if text := price(); !strings.Contains(text, "12.25 credits") {
		t.Errorf("after the change: %s", text)
	}
	write("{")
	eventually(t, "the mistake is noticed", func() bool { return strings.Contains(p.log.String(), "not taken over") })
	if text := price(); !strings.Contains(text, "12.25 credits") {
		t.Errorf("after a broken version: %s", text)
	}
	p.stop()
}
