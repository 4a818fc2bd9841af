package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	"github.com/chromedp/chromedp/kb"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

// tab is a Chromium with one page in it.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	requests []string
	errors   []string
}

// openTab starts a Chromium of its own, which ends with the test, and opens the chat in it. Without one
// the test fails on CI and is skipped elsewhere.
func openTab(t testing.TB, address string) *tab {
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
	b := &tab{t: t}
	var closeTab context.CancelFunc
	b.ctx, closeTab = chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	t.Cleanup(func() {
		if err := chromedp.Cancel(b.ctx); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
	})
	must(t, chromedp.Listen(b.ctx, b.note))
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	b.look(1280, "light")
	b.do(chromedp.Navigate(address))
	b.wait("the chat to connect", `document.querySelector('#log').getAttribute('aria-busy') === 'false'`)
	return b
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
func (b *tab) note(event any) {
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

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, actions...))
}

// call gives Chromium a command of its own protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	must(b.t, err)
	return result
}

// eval evaluates the expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	must(b.t, err)
	return result
}

// wait waits until the expression is true in the page.
func (b *tab) wait(what, expression string) {
	b.t.Helper()
	limited, stop := context.WithTimeout(b.ctx, time.Minute)
	defer stop()
	script := `new Promise((done) => { const look = () => (` + expression + `) ? done(true) : setTimeout(look, 20); look(); })`
	_, err := chromedp.Run(limited, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.shot("failed")
		b.t.Fatalf("waiting for %s: %v\nthe log: %s", what, err, eval[string](b, `document.querySelector('#log').innerText`))
	}
}

func (b *tab) count(selector string) int {
	b.t.Helper()
	return eval[int](b, fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

// keys types as a person does, into whatever has the focus.
func (b *tab) keys(text string) { b.t.Helper(); b.do(chromedp.KeyEvent(text)) }

// say types a command and sends it.
func (b *tab) say(command string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS("#input")))
	b.keys(command)
	b.keys(kb.Enter)
}

const phone = 390

// look sets the size of the window and the colours that the person prefers.
func (b *tab) look(width int64, scheme string) {
	b.t.Helper()
	size := chromedp.EmulateViewport(width, 860)
	if width == phone {
		size = chromedp.EmulateViewport(width, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do(size)
	b.prefer(scheme, "no-preference")
}

// prefer sets what the person prefers: light or dark, and no-preference or reduce.
func (b *tab) prefer(scheme, motion string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
}

// shots looks at the page as it is on a phone and on a desk, by day and by
// night. It checks that nothing sticks out at the sides, and keeps pictures in
// the folder KIEBOT_SHOTS, if that is set.
func (b *tab) shots(name string) {
	b.t.Helper()
	for _, width := range []int64{phone, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			b.look(width, scheme)
			widths := eval[[]int64](b, `[document.documentElement.scrollWidth, document.querySelector('#scroller').scrollWidth - document.querySelector('#scroller').clientWidth]`)
			if got := eval[int](b, `document.querySelector('.bar').offsetHeight`); got > 60 {
				b.t.Errorf("%s: at %d pixels the bar is %d high", name, width, got)
			}
			if widths[0] > width || widths[1] > 0 {
				b.t.Errorf("%s: at %d pixels the page is %d wide and the chat sticks out by %d", name, width, widths[0], widths[1])
			}
			b.shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	b.look(1280, "light")
}

func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("KIEBOT_SHOTS")
	if dir == "" {
		return
	}
	picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	must(b.t, os.MkdirAll(dir, 0o755))
	must(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o644))
}

// checkClean fails the test for anything the page loaded from elsewhere and
// for anything it complained about.
func (b *tab) checkClean(address string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requests {
		// The buttons of Chromium's own player are data.
		if !strings.HasPrefix(url, address+"/") && !strings.HasPrefix(url, "data:image/svg+xml") {
			b.t.Errorf("the page asked for %s", url)
		}
	}
	if len(b.requests) < 5 {
		b.t.Errorf("only these requests were seen: %v", b.requests)
	}
	for _, text := range b.errors {
		b.t.Errorf("the page says: %s", text)
	}
}

const picturesThere = `[...document.querySelectorAll('.card img')].filter((img) => img.complete && img.naturalWidth > 0).length`

func TestChatInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	if b.count("#welcome:not([hidden]) .chips button") != 4 {
		t.Error("an empty chat does not welcome anybody")
	}
	b.shots("1-welcome")

	b.say("/imagine a cat astronaut")
	b.wait("a placeholder", `document.querySelector('.card.open .shimmer')`)
	b.wait("a clock", `/\d:\d\d/.test(document.querySelector('.card .status')?.textContent)`)
	b.shots("2-working")
	b.wait("the picture", picturesThere+` === 1`)
	b.wait("the button", `document.querySelector('.card .buttons button')`)
	if got := eval[string](b, `document.querySelector('.bubble').innerText`); !strings.Contains(got, "/imagine a cat astronaut") {
		t.Errorf("the person's command is shown as %q", got)
	}
	b.shots("3-picture")

	b.do(chromedp.Click(chromedp.CSS(`.card .buttons button`)))
	b.wait("another picture", picturesThere+` === 2`)
	sources := eval[[]string](b, `[...document.querySelectorAll('.card img')].map((img) => img.src)`)
	if len(sources) != 2 || sources[0] == sources[1] {
		t.Errorf("the pictures are %v", sources)
	}

	b.say("/imagine")
	b.wait("a refusal", `document.querySelector('.reply.refused')`)
	if got := eval[string](b, `document.querySelector('.reply.refused').innerText`); !strings.Contains(got, "Nothing was charged") {
		t.Errorf("the refusal is %q", got)
	}
	b.say("/help")
	b.wait("the help", `document.querySelectorAll('.items .line').length > 5`)
	b.shots("4-refusal-and-help")

	before := eval[string](b, `document.querySelector('#log').innerText`)
	b.do(chromedp.Reload())
	b.wait("the chat again", `document.querySelector('#log').getAttribute('aria-busy') === 'false' && `+picturesThere+` === 2`)
	if after := eval[string](b, `document.querySelector('#log').innerText`); after != before {
		t.Errorf("before the reload:\n%s\nafter:\n%s", before, after)
	}
	b.checkClean(w.address)
}

func TestEveryKindOfResultInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	w.kie.Always(kietest.CallCreate, kietest.HoldTask())
	b.say("/imagine a lighthouse in a storm, oil on canvas --ar 16:9 --n 2")
	b.say("/video waves on a beach at dusk")
	b.say("/speak Good morning, everyone!")
	b.wait("three cards", `document.querySelectorAll('.card.open').length === 3`)
	b.shots("5-all-working")
	for released := 0; released < 4; {
		for _, task := range w.kie.Tasks() {
			if w.kie.Release(task.ID) {
				released++
			}
		}
		b.wait("the page to answer", "true")
	}
	b.wait("two pictures", picturesThere+` === 2`)
	b.wait("a video that plays", `document.querySelector('.card video')?.videoWidth > 0`)
	b.wait("sound that plays", `document.querySelector('.card audio')?.duration > 0`)
	b.wait("all ends", `document.querySelectorAll('.card.open').length === 0`)
	b.shots("6-all-done")
	eval[chromedp.Void](b, `document.querySelector('#scroller').scrollTo(0, 0)`)
	b.shots("6-batch")
	video := eval[map[string]bool](b, `(({controls, loop, muted, playsInline}) => ({controls, loop, muted, playsInline}))(document.querySelector('video'))`)
	for name, on := range video {
		if !on {
			t.Errorf("the video lacks %s", name)
		}
	}
	b.checkClean(w.address)
}

// Everything that the mouse can do is done here without it.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	const field = `document.querySelector('#input').value`
	b.keys("/im")
	b.wait("suggestions", `document.querySelector('#options:not([hidden]) li')`)
	b.keys(kb.ArrowDown)
	b.wait("a chosen suggestion", `document.querySelector('#input').getAttribute('aria-activedescendant') === document.querySelector('[aria-selected=true]').id`)
	b.shots("7-suggestions")
	b.keys(kb.Enter)
	b.wait("the suggestion in the field", field+` === '/imagine '`)
	b.wait("the next suggestions", `document.querySelector('#options:not([hidden]) li')`)
	b.keys(kb.Escape)
	b.wait("no suggestions", `document.querySelector('#options').hidden && document.querySelector('#input').getAttribute('aria-expanded') === 'false'`)
	b.keys("a fox --a")
	b.wait("the flag", `document.querySelector('#options:not([hidden]) li')`)
	b.keys(kb.Tab)
	b.wait("the flag in the field", field+`.startsWith('/imagine a fox --ar')`)
	b.keys("1:1")
	b.keys(kb.Enter)
	b.wait("a sent command", field+` === ''`)
	b.wait("the picture", picturesThere+` === 1`)

	b.keys(kb.ArrowUp)
	b.wait("the last command", field+`.startsWith('/imagine a fox --ar')`)
	b.keys(kb.ArrowDown)
	b.wait("an empty field", field+` === ''`)

	b.wait("the button", `document.querySelector('.card .buttons button')`)
	back := func() { b.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) }
	back()
	for _, label := range []string{"Info", "Animate", "Upscale", "Edit prompt", "Again"} {
		if got := eval[string](b, `document.activeElement.innerText`); got != label {
			t.Fatalf("the focus is on %q, want %q", got, label)
		}
		back()
	}
	back()
	b.keys(kb.Enter)
	b.wait("the large picture", `document.querySelector('#viewer').open && document.querySelector('#viewer img').naturalWidth > 0`)
	b.shots("8-large")
	b.keys(kb.Escape)
	b.wait("the chat", `!document.querySelector('#viewer').open && document.activeElement.classList.contains('enlarge')`)
	b.keys(kb.Tab)
	b.keys(kb.Tab)
	b.keys(kb.Enter)
	b.wait("another picture", picturesThere+` === 2`)
	b.checkClean(w.address)
}

func TestPriceAndResultsByButtons(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, core.Policy{User: core.Limits{Daily: new(core.Limit(500_000))}, ConfirmAbove: new(core.Limit(50_000))})
	b := openTab(t, w.address)
	back := func() { b.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) }
	focused := func(label string) {
		t.Helper()
		if got := eval[string](b, `document.activeElement.innerText`); got != label {
			t.Fatalf("the focus is on %q, want %q", got, label)
		}
	}
	press := func(label string) {
		t.Helper()
		eval[bool](b, `([...document.querySelectorAll('.buttons button')].findLast((one) => one.innerText === `+strconv.Quote(label)+`).click(), true)`)
	}
	b.say("/imagine a cat astronaut --n 2 --ar 16:9")
	b.wait("two pictures", picturesThere+` === 2`)
	press("Edit prompt")
	b.wait("the command in the field", `document.querySelector('#input').value.startsWith('/imagine a cat astronaut --ar 16:9 --n 2') && document.activeElement.id === 'input'`)
	eval[bool](b, `((document.querySelector('#input').value = ''), true)`)
	press("Upscale")
	b.wait("which one", `document.querySelectorAll('.answer > .buttons button').length === 2`)
	back()
	focused("2")
	b.keys(kb.Enter)
	b.wait("a larger one", picturesThere+` === 3`)
	press("Info")
	b.wait("what was sent", `document.querySelector('.note .items .line')`)

	b.say("/video waves rolling onto a beach --n 2")
	b.wait("the price", `document.querySelectorAll('.answer > .buttons button').length === 4`)
	b.shots("9-price")
	back()
	focused("Cancel")
	back()
	focused("Yes, for 60 credits")
	b.do(chromedp.Reload()) // the question is still there
	b.wait("the chat again", `document.querySelector('#log').getAttribute('aria-busy') === 'false' && document.querySelectorAll('.answer > .buttons button').length === 4`)
	back()
	back()
	focused("Yes, for 60 credits")
	b.keys(kb.Enter)
	b.wait("two videos", `document.querySelectorAll('.card video').length === 2`)

	b.say("/video the same at night --n 2")
	b.wait("the price", `[...document.querySelectorAll('.buttons button')].some((one) => one.innerText.startsWith('Yes'))`)
	back()
	focused("Cancel")
	b.keys(kb.Enter)
	b.wait("the answer", `document.querySelector('#log').innerText.includes('Canceled. Nothing was charged.')`)
	if eval[bool](b, `[...document.querySelectorAll('.buttons button')].some((one) => one.innerText.startsWith('Yes'))`) {
		t.Error("the question that was answered can still be answered")
	}

	id := eval[string](b, `document.querySelector('.card .details').innerText.split('job ')[1].trim()`)
	b.say("/show " + id)
	b.wait("the pictures once more", picturesThere+` === 5`)
	b.do(chromedp.Reload())
	b.wait("them after a reload", picturesThere+` === 5`)
	b.shots("10-buttons")
	b.checkClean(w.address)
}

func TestPageSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	b.say("/imagine a cat astronaut")
	b.wait("the picture", picturesThere+` === 1`)
	b.say("/imagine a dog on the moon")
	b.wait("the next one under way", `document.querySelectorAll('.card.open').length === 1`)
	w.stop()
	b.wait("the banner", `document.querySelector('#banner').textContent !== ''`)
	b.shots("9-offline")
	b.say("/balance") // is sent when there is somebody to send it to
	w.start()
	b.wait("the connection", `document.querySelector('#banner').textContent === ''`)
	b.wait("the other picture", picturesThere+` === 2`)
	b.wait("the balance", `/Left/.test(document.querySelector('.turn:last-child .reply')?.textContent)`)
	if n := b.count(".turn"); n != 3 {
		t.Errorf("there are %d turns", n)
	}
	if tasks := len(w.kie.Tasks()); tasks != 2 {
		t.Errorf("Kie has %d tasks", tasks)
	}
}

// The page repeats a command whose answer got lost. It is accepted once.
func TestLostAnswerIsNotTwoTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	eval[chromedp.Void](b, `{
		const real = fetch; let lost = 0;
		window.sent = [];
		window.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (path === '/api/command') { sent.push(options.body); if (lost++ === 0) throw new TypeError('lost'); }
			return answer;
		};
	}`)
	b.say("/imagine a cat astronaut")
	b.wait("the second try", `sent.length === 2`)
	b.wait("the picture", picturesThere+` === 1`)
	same := eval[bool](b, `sent[0] === sent[1]`)
	if !same || b.count(".turn") != 1 || len(w.kie.Tasks()) != 1 {
		t.Errorf("same key %t, %d turns, %d Kie tasks", same, b.count(".turn"), len(w.kie.Tasks()))
	}
}

func TestHostileTextIsOnlyText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	prompt := `<img src=x onerror=alert(1)> "><script>alert(2)</script> ` + strings.Repeat("w", 300)
	b.say("/imagine " + prompt)
	b.wait("the picture", picturesThere+` === 1`)
	b.say("/nonsense " + prompt)
	b.wait("a refusal", `document.querySelector('.reply.refused')`)
	b.shots("10-hostile")
	if n := b.count("#log script, #log img[src=x]"); n != 0 {
		t.Errorf("%d elements came out of a text", n)
	}
	shown, err := json.Marshal(prompt)
	must(t, err)
	if !eval[bool](b, fmt.Sprintf(`document.querySelector('.card .prompt').textContent === %s`, shown)) {
		t.Error("the prompt is not shown as it was typed")
	}
	b.checkClean(w.address)
}

func TestRussianPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "ru"}})
	b.do(chromedp.Reload())
	b.wait("the chat", `document.documentElement.lang === 'ru' && document.querySelector('#log').getAttribute('aria-busy') === 'false'`)
	b.shots("11-russian")
	b.say("/imagine кот-космонавт")
	b.wait("the picture", picturesThere+` === 1`)
	if got := eval[string](b, `document.querySelector('.card').innerText`); !strings.Contains(got, "Ещё") && !strings.Contains(got, "раз") {
		t.Errorf("the card is not in Russian: %s", got)
	}
	b.say("/models")
	b.wait("the models", `document.querySelector('.items details')`)
	b.do(chromedp.Click(chromedp.CSS(`.items summary`)))
	if eval[float64](b, `document.querySelector('.items summary').getBoundingClientRect().top`) < 0 {
		t.Error("opening a list moves its beginning out of sight")
	}
	b.shots("12-models")
	b.checkClean(w.address)
}

func TestTroubleInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	w.kie.NextCreate(kietest.Fail("500", "The prompt was flagged by the content filter."))
	b.say("/imagine something that Kie refuses")
	b.wait("the failure", `document.querySelector('.card[data-state=failed] .status')`)
	if got := eval[string](b, `document.querySelector('.card').innerText`); !strings.Contains(got, "flagged") || !strings.Contains(got, "Nothing was charged") {
		t.Errorf("the failure is told as %q", got)
	}

	b.say("/imagine too many at once --n 10 --model google/imagen4-ultra")
	b.wait("the refusal", `/120 credits.*60 credits.*Nothing was charged/.test(document.querySelector('.turn:last-child .reply.refused')?.textContent)`)

	w.kie.Always(kietest.CallCreate, kietest.Answer(402, "insufficient credits"))
	b.say("/imagine a cat that nobody pays for")
	b.wait("the button", `document.querySelector('.turn:last-child .buttons button')`)
	b.wait("the reason", `/no credits/.test(document.querySelector('.turn:last-child .notes')?.textContent)`)
	b.shots("13-trouble-waiting")
	b.prefer("light", "reduce")
	b.wait("no motion", `document.querySelector('.shimmer') && document.getAnimations().length === 0`)
	b.prefer("light", "no-preference")
	b.wait("motion", `document.getAnimations().length > 0`)
	b.do(chromedp.Click(chromedp.CSS(`.turn:last-child .buttons button`)))
	b.wait("the end", `document.querySelector('.turn:last-child .card[data-state=canceled]')`)
	if said := strings.Count(eval[string](b, `document.querySelector('.turn:last-child').innerText`), "Canceled"); said != 1 {
		t.Errorf("that it was canceled is said %d times", said)
	}
	b.say("/history")
	b.wait("the history", `document.querySelectorAll('.items .line').length === 2`)
	b.shots("14-trouble-and-history")
	b.checkClean(w.address)
}

// What the demo never makes: a link, a text, a file to save, a file that is gone.
func TestRareResultsInABrowser(t *testing.T) {
	t.Parallel()
	d := &desk{details: "model · 1 credit"}
	task := aTask(1)
	task.State = core.Succeeded
	task.Outputs = []core.Output{
		{Kind: "image", URL: "https://files.example.org/result.png"},
		{Kind: "text", Text: "A poem\nabout <b>rain</b>."},
		{Kind: "other", File: &media.File{Name: "model.bin", Kind: media.Other}},
		{Kind: "image", File: &media.File{Name: "gone.png", Kind: media.Image, Width: 16, Height: 9}},
	}
	d.add(core.DeliverFinal, task)
	server, _ := serve(t, newTestWeb(t, d, nil))
	b := openTab(t, server.URL)
	b.wait("the lost file", `document.querySelector('.gone')`)
	b.shots("15-rare")
	if n := b.count(`a[href="https://files.example.org/result.png"][target=_blank][rel~=noopener]`); n != 1 {
		t.Errorf("there are %d links to the foreign file", n)
	}
	if got := eval[string](b, `document.querySelector('p.text').textContent`); got != "A poem\nabout <b>rain</b>." {
		t.Errorf("the text is %q", got)
	}
	if n := b.count(`a[download="model.bin"][href^="/files/model.bin"]`); n != 1 {
		t.Errorf("there are %d links to save the file", n)
	}
	for _, url := range b.requests {
		if !strings.HasPrefix(url, server.URL+"/") {
			t.Errorf("the page asked for %s", url)
		}
	}
}

func TestAccessLinkInABrowser(t *testing.T) {
	t.Parallel()
	d := &desk{reply: bots.Reply{Text: "Come in."}}
	server, _ := serve(t, newTestWeb(t, d, locked))
	b := openTab(t, server.URL+"/?access="+token)
	if got := eval[string](b, `location.href + document.cookie`); got != server.URL+"/" {
		t.Errorf("the page is at %q and sees the cookie", got)
	}
	b.say("/help")
	b.wait("an answer", `/Come in/.test(document.querySelector('.reply')?.textContent)`)
	b.do(chromedp.Reload())
	b.wait("the answer after a reload", `/Come in/.test(document.querySelector('.reply')?.textContent)`)
	b.checkClean(server.URL)
}
