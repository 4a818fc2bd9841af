package web

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"kiebot/bots"
	"kiebot/bots/web/webtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

// tab is a Chromium with the chat in it.
type tab struct {
	*webtest.Tab
	t testing.TB
}

// openTab opens the chat and waits until it is connected.
func openTab(t testing.TB, address string) *tab {
	t.Helper()
	b := &tab{Tab: webtest.Open(t, address), t: t}
	b.Wait("the chat to connect", `document.querySelector('#log').getAttribute('aria-busy') === 'false'`)
	return b
}

// say types a command and sends it.
func (b *tab) say(command string) {
	b.t.Helper()
	b.Do(chromedp.Focus(chromedp.CSS("#input")))
	b.Keys(command)
	b.Keys(kb.Enter)
}

// shots looks at the page as it is on a phone and on a desk, by day and by
// night. It checks that nothing sticks out at the sides, and keeps pictures in
// the folder KIEBOT_SHOTS, if that is set.
func (b *tab) shots(name string) {
	b.t.Helper()
	for _, width := range []int64{webtest.Phone, webtest.Desk} {
		for _, scheme := range []string{"light", "dark"} {
			b.Look(width, scheme)
			widths := eval[[]int64](b, `[document.documentElement.scrollWidth, document.querySelector('#scroller').scrollWidth - document.querySelector('#scroller').clientWidth]`)
			if got := eval[int](b, `document.querySelector('.bar').offsetHeight`); got > 60 {
				b.t.Errorf("%s: at %d pixels the bar is %d high", name, width, got)
			}
			if widths[0] > width || widths[1] > 0 {
				b.t.Errorf("%s: at %d pixels the page is %d wide and the chat sticks out by %d", name, width, widths[0], widths[1])
			}
			b.Shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	b.Look(webtest.Desk, "light")
}

// eval evaluates the expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return webtest.Eval[T](b.Tab, expression)
}

const picturesThere = `[...document.querySelectorAll('.card img')].filter((img) => img.complete && img.naturalWidth > 0).length`

func TestChatInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	if b.Count("#welcome:not([hidden]) .chips button") != 4 {
		t.Error("an empty chat does not welcome anybody")
	}
	b.shots("1-welcome")

	b.say("/imagine a cat astronaut")
	b.Wait("a placeholder", `document.querySelector('.card.open .shimmer')`)
	b.Wait("a clock", `/\d:\d\d/.test(document.querySelector('.card .status')?.textContent)`)
	b.shots("2-working")
	b.Wait("the picture", picturesThere+` === 1`)
	b.Wait("the button", `document.querySelector('.card .buttons button')`)
	if got := eval[string](b, `document.querySelector('.bubble').innerText`); !strings.Contains(got, "/imagine a cat astronaut") {
		t.Errorf("the person's command is shown as %q", got)
	}
	b.shots("3-picture")

	b.Do(chromedp.Click(chromedp.CSS(`.card .buttons button`)))
	b.Wait("another picture", picturesThere+` === 2`)
	sources := eval[[]string](b, `[...document.querySelectorAll('.card img')].map((img) => img.src)`)
	if len(sources) != 2 || sources[0] == sources[1] {
		t.Errorf("the pictures are %v", sources)
	}

	b.say("/history")
	b.Wait("the history in pictures", `[...document.querySelectorAll('.items .thumb')].filter((img) => img.naturalWidth > 0).length === 2`)
	b.shots("3-history")

	b.say("/imagine")
	b.Wait("a refusal", `document.querySelector('.reply.refused')`)
	if got := eval[string](b, `document.querySelector('.reply.refused').innerText`); !strings.Contains(got, "Nothing was charged") {
		t.Errorf("the refusal is %q", got)
	}
	b.say("/help")
	b.Wait("the help", `document.querySelectorAll('.items .line').length > 5`)
	b.shots("4-refusal-and-help")

	before := eval[string](b, `document.querySelector('#log').innerText`)
	b.Do(chromedp.Reload())
	b.Wait("the chat again", `document.querySelector('#log').getAttribute('aria-busy') === 'false' && `+picturesThere+` === 2`)
	if after := eval[string](b, `document.querySelector('#log').innerText`); after != before {
		t.Errorf("before the reload:\n%s\nafter:\n%s", before, after)
	}
	b.CheckClean(w.address)
}

func TestEveryKindOfResultInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	w.kie.Always(kietest.CallCreate, kietest.HoldTask())
	b.say("/imagine a lighthouse in a storm, oil on canvas --ar 16:9 --n 2")
	b.say("/video waves on a beach at dusk")
	b.say("/speak Good morning, everyone!")
	b.Wait("three cards", `document.querySelectorAll('.card.open').length === 3`)
	b.shots("5-all-working")
	for released := 0; released < 4; {
		for _, task := range w.kie.Tasks() {
			if w.kie.Release(task.ID) {
				released++
			}
		}
		b.Wait("the page to answer", "true")
	}
	b.Wait("two pictures", picturesThere+` === 2`)
	b.Wait("a video that plays", `document.querySelector('.card video')?.videoWidth > 0`)
	b.Wait("sound that plays", `document.querySelector('.card audio')?.duration > 0`)
	b.Wait("all ends", `document.querySelectorAll('.card.open').length === 0`)
	b.shots("6-all-done")
	eval[chromedp.Void](b, `document.querySelector('#scroller').scrollTo(0, 0)`)
	b.shots("6-batch")
	video := eval[map[string]bool](b, `(({controls, loop, muted, playsInline}) => ({controls, loop, muted, playsInline}))(document.querySelector('video'))`)
	for name, on := range video {
		if !on {
			t.Errorf("the video lacks %s", name)
		}
	}
	b.CheckClean(w.address)
}

// Everything that the mouse can do is done here without it.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	const field = `document.querySelector('#input').value`
	b.Keys("/im")
	b.Wait("suggestions", `document.querySelector('#options:not([hidden]) li')`)
	b.Keys(kb.ArrowDown)
	b.Wait("a chosen suggestion", `document.querySelector('#input').getAttribute('aria-activedescendant') === document.querySelector('[aria-selected=true]')?.id`)
	b.shots("7-suggestions")
	b.Keys(kb.Enter)
	b.Wait("the suggestion in the field", field+` === '/imagine '`)
	b.Wait("the next suggestions", `document.querySelector('#options:not([hidden]) li')`)
	b.Keys(kb.Escape)
	b.Wait("no suggestions", `document.querySelector('#options').hidden && document.querySelector('#input').getAttribute('aria-expanded') === 'false'`)
	b.Keys("a fox --a")
	b.Wait("the flag", `document.querySelector('#options:not([hidden]) li')`)
	b.Keys(kb.Tab)
	b.Wait("the flag in the field", field+`.startsWith('/imagine a fox --ar')`)
	b.Keys("1:1")
	b.Keys(kb.Enter)
	b.Wait("a sent command", field+` === ''`)
	b.Wait("the picture", picturesThere+` === 1`)

	b.Keys(kb.ArrowUp)
	b.Wait("the last command", field+`.startsWith('/imagine a fox --ar')`)
	b.Keys(kb.ArrowDown)
	b.Wait("an empty field", field+` === ''`)

	b.Wait("the button", `document.querySelector('.card .buttons button')`)
	back := func() { b.Do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) }
	back()
	for _, label := range []string{"Info", "Animate", "Upscale", "Edit prompt", "Again"} {
		if got := eval[string](b, `document.activeElement.innerText`); got != label {
			t.Fatalf("the focus is on %q, want %q", got, label)
		}
		back()
	}
	back()
	b.Keys(kb.Enter)
	b.Wait("the large picture", `document.querySelector('#viewer').open && document.querySelector('#viewer img').naturalWidth > 0`)
	b.shots("8-large")
	b.Keys(kb.Escape)
	b.Wait("the chat", `!document.querySelector('#viewer').open && document.activeElement.classList.contains('enlarge')`)
	b.Keys(kb.Tab)
	b.Keys(kb.Tab)
	b.Keys(kb.Enter)
	b.Wait("another picture", picturesThere+` === 2`)
	b.CheckClean(w.address)
}

func TestPriceAndResultsByButtons(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, core.Policy{User: core.Limits{Daily: new(core.Limit(500_000))}, ConfirmAbove: new(core.Limit(50_000))})
	b := openTab(t, w.address)
	back := func() { b.Do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) }
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
	b.Wait("two pictures", picturesThere+` === 2`)
	press("Edit prompt")
	b.Wait("the command in the field", `document.querySelector('#input').value.startsWith('/imagine a cat astronaut --ar 16:9 --n 2') && document.activeElement.id === 'input'`)
	eval[bool](b, `((document.querySelector('#input').value = ''), true)`)
	press("Upscale")
	b.Wait("which one", `document.querySelectorAll('.answer > .buttons button').length === 2`)
	back()
	focused("2")
	b.Keys(kb.Enter)
	b.Wait("a larger one", picturesThere+` === 3`)
	press("Info")
	b.Wait("what was sent", `document.querySelector('.note .items .line')`)

	b.say("/video waves rolling onto a beach --n 2")
	b.Wait("the price", `document.querySelectorAll('.answer > .buttons button').length === 4`)
	b.shots("9-price")
	back()
	focused("Cancel")
	back()
	focused("Yes, for 60 credits")
	b.Do(chromedp.Reload()) // the question is still there
	b.Wait("the chat again", `document.querySelector('#log').getAttribute('aria-busy') === 'false' && document.querySelectorAll('.answer > .buttons button').length === 4`)
	back()
	back()
	focused("Yes, for 60 credits")
	b.Keys(kb.Enter)
	b.Wait("two videos", `document.querySelectorAll('.card video').length === 2`)

	b.say("/video the same at night --n 2")
	b.Wait("the price", `[...document.querySelectorAll('.buttons button')].some((one) => one.innerText.startsWith('Yes'))`)
	back()
	focused("Cancel")
	b.Keys(kb.Enter)
	b.Wait("the answer", `document.querySelector('#log').innerText.includes('Canceled. Nothing was charged.')`)
	if eval[bool](b, `[...document.querySelectorAll('.buttons button')].some((one) => one.innerText.startsWith('Yes'))`) {
		t.Error("the question that was answered can still be answered")
	}

	id := eval[string](b, `document.querySelector('.card .details').innerText.split('job ')[1].trim()`)
	b.say("/show " + id)
	b.Wait("the pictures once more", picturesThere+` === 5`)
	b.Do(chromedp.Reload())
	b.Wait("them after a reload", picturesThere+` === 5`)
	b.shots("10-buttons")
	b.CheckClean(w.address)
}

func TestPageSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	b.say("/imagine a cat astronaut")
	b.Wait("the picture", picturesThere+` === 1`)
	b.say("/imagine a dog on the moon")
	b.Wait("the next one under way", `document.querySelectorAll('.card.open').length === 1`)
	w.stop()
	b.Wait("the banner", `document.querySelector('#banner').textContent !== ''`)
	b.shots("9-offline")
	b.say("/balance") // is sent when there is somebody to send it to
	w.start()
	b.Wait("the connection", `document.querySelector('#banner').textContent === ''`)
	b.Wait("the other picture", picturesThere+` === 2`)
	b.Wait("the balance", `/Left/.test(document.querySelector('.turn:last-child .reply')?.textContent)`)
	if n := b.Count(".turn"); n != 3 {
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
	b.Wait("the second try", `sent.length === 2`)
	b.Wait("the picture", picturesThere+` === 1`)
	same := eval[bool](b, `sent[0] === sent[1]`)
	if !same || b.Count(".turn") != 1 || len(w.kie.Tasks()) != 1 {
		t.Errorf("same key %t, %d turns, %d Kie tasks", same, b.Count(".turn"), len(w.kie.Tasks()))
	}
}

func TestHostileTextIsOnlyText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	prompt := `<img src=x onerror=alert(1)> "><script>alert(2)</script> ` + strings.Repeat("w", 300)
	b.say("/imagine " + prompt)
	b.Wait("the picture", picturesThere+` === 1`)
	b.say("/nonsense " + prompt)
	b.Wait("a refusal", `document.querySelector('.reply.refused')`)
	b.shots("10-hostile")
	if n := b.Count("#log script, #log img[src=x]"); n != 0 {
		t.Errorf("%d elements came out of a text", n)
	}
	shown, err := json.Marshal(prompt)
	must(t, err)
	if !eval[bool](b, fmt.Sprintf(`document.querySelector('.card .prompt').textContent === %s`, shown)) {
		t.Error("the prompt is not shown as it was typed")
	}
	b.CheckClean(w.address)
}

func TestRussianPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	webtest.Call(b.Tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "ru"}})
	b.Do(chromedp.Reload())
	b.Wait("the chat", `document.documentElement.lang === 'ru' && document.querySelector('#log').getAttribute('aria-busy') === 'false'`)
	b.shots("11-russian")
	b.say("/imagine кот-космонавт")
	b.Wait("the picture", picturesThere+` === 1`)
	if got := eval[string](b, `document.querySelector('.card').innerText`); !strings.Contains(got, "Ещё") && !strings.Contains(got, "раз") {
		t.Errorf("the card is not in Russian: %s", got)
	}
	b.say("/models")
	b.Wait("the models", `document.querySelector('.items details')`)
	b.Do(chromedp.Click(chromedp.CSS(`.items summary`)))
	if eval[float64](b, `document.querySelector('.items summary').getBoundingClientRect().top`) < 0 {
		t.Error("opening a list moves its beginning out of sight")
	}
	b.shots("12-models")
	b.CheckClean(w.address)
}

func TestTroubleInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := openTab(t, w.address)
	w.kie.NextCreate(kietest.Fail("500", "The prompt was flagged by the content filter."))
	b.say("/imagine something that Kie refuses")
	b.Wait("the failure", `document.querySelector('.card[data-state=failed] .status')`)
	if got := eval[string](b, `document.querySelector('.card').innerText`); !strings.Contains(got, "flagged") || !strings.Contains(got, "Nothing was charged") {
		t.Errorf("the failure is told as %q", got)
	}

	b.say("/imagine too many at once --n 10 --model google/imagen4-ultra")
	b.Wait("the refusal", `/120 credits.*60 credits.*Nothing was charged/.test(document.querySelector('.turn:last-child .reply.refused')?.textContent)`)

	w.kie.Always(kietest.CallCreate, kietest.Answer(402, "insufficient credits"))
	b.say("/imagine a cat that nobody pays for")
	b.Wait("the button", `document.querySelector('.turn:last-child .buttons button')`)
	b.Wait("the reason", `/no credits/.test(document.querySelector('.turn:last-child .notes')?.textContent)`)
	b.shots("13-trouble-waiting")
	b.Prefer("light", "reduce")
	b.Wait("no motion", `document.querySelector('.shimmer') && document.getAnimations().length === 0`)
	b.Prefer("light", "no-preference")
	b.Wait("motion", `document.getAnimations().length > 0`)
	b.Do(chromedp.Click(chromedp.CSS(`.turn:last-child .buttons button`)))
	b.Wait("the end", `document.querySelector('.turn:last-child .card[data-state=canceled]')`)
	if said := strings.Count(eval[string](b, `document.querySelector('.turn:last-child').innerText`), "Canceled"); said != 1 {
		t.Errorf("that it was canceled is said %d times", said)
	}
	b.say("/history")
	b.Wait("the history", `document.querySelectorAll('.items .line').length === 2`)
	b.shots("14-trouble-and-history")
	b.CheckClean(w.address)
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
	b.Wait("the lost file", `document.querySelector('.gone')`)
	b.shots("15-rare")
	if n := b.Count(`a[href="https://files.example.org/result.png"][target=_blank][rel~=noopener]`); n != 1 {
		t.Errorf("there are %d links to the foreign file", n)
	}
	if got := eval[string](b, `document.querySelector('p.text').textContent`); got != "A poem\nabout <b>rain</b>." {
		t.Errorf("the text is %q", got)
	}
	if n := b.Count(`a[download="model.bin"][href^="/files/model.bin"]`); n != 1 {
		t.Errorf("there are %d links to save the file", n)
	}
	for _, url := range b.Requests() {
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
	b.Wait("an answer", `/Come in/.test(document.querySelector('.reply')?.textContent)`)
	b.Do(chromedp.Reload())
	b.Wait("the answer after a reload", `/Come in/.test(document.querySelector('.reply')?.textContent)`)
	b.CheckClean(server.URL)
}
