// Package webtest drives a real Chromium through our pages, in tests.
package webtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a Chromium with one page in it.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	requests []string
	errors   []string
}

// Open starts a Chromium of its own, which ends with the test, and opens the
// address in it. Without one the test fails on CI and is skipped elsewhere.
func Open(t testing.TB, address string) *Tab {
	t.Helper()
	path := chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("lang", "en-US"),
		chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1280, 860),
		// A child of Chromium's that lives on would keep its output, and so the test, open.
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { cmd.WaitDelay = 10 * time.Second }),
	)
	limited, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	t.Cleanup(stop)
	allocator, end := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(end)
	b := &Tab{t: t}
	var closeTab context.CancelFunc
	b.ctx, closeTab = chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	t.Cleanup(func() {
		if err := chromedp.Cancel(b.ctx); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
	})
	b.must(chromedp.Listen(b.ctx, b.note))
	Call(b, network.Enable, network.EnableParams{})
	Call(b, log.Enable, cdp.Empty{})
	b.Look(Desk, "light")
	b.Do(chromedp.Navigate(address))
	return b
}

func (b *Tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no Chromium, and CI has to run this test")
	}
	t.Skip("there is no Chromium here (Debian: apt-get install chromium)")
	return ""
}

// note keeps what the page asked for and what went wrong in it.
func (b *Tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, fmt.Sprintf("%+v", *e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		said := "console " + e.Type.String()
		for _, arg := range e.Args {
			said += " " + string(arg.Value) + arg.Description
		}
		b.errors = append(b.errors, said)
	case *log.EventEntryAdded:
		b.errors = append(b.errors, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

// Do does what a person does, or fails the test.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, actions...))
}

// Call gives Chromium a command of its own protocol.
func Call[P, R any](b *Tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	b.must(err)
	return result
}

// Eval evaluates the expression in the page.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	b.must(err)
	return result
}

// navigations is how often the page may change while something is waited for.
const navigations = 50

// Wait waits until the expression is true in the page.
func (b *Tab) Wait(what, expression string) {
	b.t.Helper()
	limited, stop := context.WithTimeout(b.ctx, time.Minute)
	defer stop()
	script := `new Promise((done) => { const look = () => (` + expression + `) ? done(true) : setTimeout(look, 20); look(); })`
	var err error
	for range navigations {
		// A page that gives way to another one takes the question with it.
		if _, err = chromedp.Run(limited, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err == nil || limited.Err() != nil {
			break
		}
	}
	if err != nil {
		b.Shot("failed")
		b.t.Fatalf("waiting for %s: %v\nthe page: %s", what, err, Eval[string](b, `document.body.innerText`))
	}
}

// Count counts the elements that the selector finds.
func (b *Tab) Count(selector string) int {
	b.t.Helper()
	return Eval[int](b, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

// Keys types as a person does, into whatever has the focus.
func (b *Tab) Keys(text string) { b.t.Helper(); b.Do(chromedp.KeyEvent(text)) }

// How wide the windows are that pages are looked at in.
const (
	Phone int64 = 390
	Desk  int64 = 1280
)

// Look sets the size of the window and the colours that the person prefers.
func (b *Tab) Look(width int64, scheme string) {
	b.t.Helper()
	size := chromedp.EmulateViewport(width, 860)
	if width == Phone {
		size = chromedp.EmulateViewport(width, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.Do(size)
	b.Prefer(scheme, "no-preference")
}

// Prefer sets what the person prefers: light or dark, and no-preference or reduce.
func (b *Tab) Prefer(scheme, motion string) {
	b.t.Helper()
	Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
}

// Shot keeps a picture of what can be seen in the folder KIEBOT_SHOTS, if that is set.
func (b *Tab) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("KIEBOT_SHOTS")
	if dir == "" {
		return
	}
	picture := Call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	b.must(os.MkdirAll(dir, 0o755))
	b.must(os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o644))
}

// LookWhole is Look with a window as high as the page, up to four screens.
func (b *Tab) LookWhole(width int64, scheme string) {
	b.t.Helper()
	b.Look(width, scheme)
	height := Eval[int64](b, `Math.min(document.documentElement.scrollHeight, 3400)`)
	size := chromedp.EmulateViewport(width, height)
	if width == Phone {
		size = chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.Do(size)
}

// Requests are the addresses that were asked for so far.
func (b *Tab) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...)
}

// CheckClean fails the test for anything the pages loaded from elsewhere and
// for anything they complained about, but for what one of the known texts is in.
func (b *Tab) CheckClean(address string, known ...string) {
	b.t.Helper()
	requests := b.Requests()
	for _, url := range requests {
		// The buttons of Chromium's own player are data.
		if !strings.HasPrefix(url, address+"/") && !strings.HasPrefix(url, "data:image/svg+xml") {
			b.t.Errorf("the page asked for %s", url)
		}
	}
	if len(requests) < 5 {
		b.t.Errorf("only these requests were seen: %v", requests)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.errors {
		if !containsOne(text, known) {
			b.t.Errorf("the page says: %s", text)
		}
	}
}

func containsOne(text string, known []string) bool {
	for _, k := range known {
		if strings.Contains(text, k) {
			return true
		}
	}
	return false
}
