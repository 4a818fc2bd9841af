package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a console over a real engine and a real store, on loopback.
type world struct {
	t       testing.TB
	dir     string
	store   core.Store
	engine  *core.Engine
	console *Console
	server  *httptest.Server
	log     *lockedBuffer
	late    atomic.Int64 // by how much the clock is ahead
}

const password = "correct horse battery"

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// silent is a chat that takes everything.
type silent struct{}

func (silent) Deliver(context.Context, core.Parcel) (json.RawMessage, error) { return nil, nil }

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }

func (w *world) wait(d time.Duration) { w.late.Add(int64(d)) }

func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "kiebot.db"), bolt.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return newWorldOn(t, store, change)
}

// newWorldOn is a replica that works on the store.
func newWorldOn(t testing.TB, store core.Store, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, store: store, log: &lockedBuffer{}, dir: t.TempDir()}
	// Noon, whenever the test runs: what was minutes ago was today.
	w.wait(time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.log)
		}
	})
	kieServer := kietest.NewServer(kietest.Config{Seed: 7})
	t.Cleanup(kieServer.Close)
	models, err := catalog.Default()
	must(t, err)
	client, err := kie.New(kie.Config{APIKey: kie.Secret(kieServer.Key()), BaseURL: kieServer.URL()})
	must(t, err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{kieServer.URL()}})
	must(t, err)
	spool, err := media.OpenSpool(filepath.Join(w.dir, "media"), fetcher)
	must(t, err)
	links, err := media.NewLinks([]byte(strings.Repeat("s", 32)), time.Now)
	must(t, err)
	w.engine, err = core.New(core.Config{
		Store: w.store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, Now: w.now,
		Policy:   core.Policy{User: core.Limits{Daily: new(core.Limit(100_000)), Monthly: new(core.Limit(2_000_000))}},
		Adapters: map[string]core.Adapter{"telegram": silent{}, "discord": silent{}, "web": silent{}},
	})
	must(t, err)
	bot, err := bots.New(bots.Config{Engine: w.engine, Catalog: models, Answers: -1, Now: w.now})
	must(t, err)
	cfg := Config{
		Engine: w.engine, Store: w.store, Bot: bot, Catalog: models, Links: links, Key: []byte(strings.Repeat("k", 32)), Password: password,
		Version: "0.0.0-test", Logger: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.now,
	}
	if change != nil {
		change(&cfg)
	}
	w.console, err = New(cfg)
	must(t, err)
	mux := http.NewServeMux()
	mux.Handle(media.LinkPrefix, links.Handler(spool, w.engine.Bring))
	mux.Handle(Path, w.console.Handler())
	mux.Handle(Path+"/", w.console.Handler())
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	t.Cleanup(w.console.Close) // before the server's, which waits for open streams
	return w
}

// browser is somebody at the console who follows no redirect by itself.
type browser struct {
	t    testing.TB
	w    *world
	http *http.Client
	// change is done to every request before it is sent, when set.
	change func(*http.Request)
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	return &browser{t: w.t, w: w, http: &http.Client{
		Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a request was answered with.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, path, body string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.w.server.URL+path, strings.NewReader(body))
	must(b.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.change != nil {
		b.change(req)
	}
	resp, err := b.http.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(b.t, err)
	return answer{t: b.t, status: resp.StatusCode, header: resp.Header, body: string(text)}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, "") }

// post sends a form with the token that the browser's pages have.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{"token": {b.get(Path + "/enter").token()}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form.Encode())
}

func (b *browser) login(password string) answer {
	b.t.Helper()
	return b.post(Path+"/login", "password", password)
}

// in is a browser that is logged in.
func (w *world) in() *browser {
	w.t.Helper()
	b := w.browser()
	b.login(password).want(http.StatusSeeOther)
	return b
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]*)"`)

// token is the one of the first form on the page.
func (a answer) token() string {
	found := tokenField.FindStringSubmatch(a.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

func (a answer) want(status int, texts ...string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("answered %d to %s, want %d: %s", a.status, a.header.Get("Location"), status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("the page lacks %q:\n%s", text, a.body)
		}
	}
	return a
}

func (a answer) leads(to string) {
	a.t.Helper()
	if a.want(http.StatusSeeOther).header.Get("Location") != to {
		a.t.Errorf("leads to %s, want %s", a.header.Get("Location"), to)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func who(n int) core.Identity { return core.Identity{Platform: "telegram", User: fmt.Sprint(n)} }
