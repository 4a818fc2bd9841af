package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kiebot/bots/web/webtest"
	"kiebot/core"
)

// enter logs in as a person does.
func enter(b *webtest.Tab) {
	b.Wait("the login", `document.querySelector('input[type=password]')`)
	b.Do(chromedp.Focus(chromedp.CSS("input[type=password]")))
	b.Keys(password + "\r")
	b.Wait("the console", `document.querySelector('nav')`)
}

// shots looks at the page as it is on a phone and on a desk, by day and by
// night, checks that nothing sticks out at the sides and that fingers hit what
// they touch, and keeps pictures in the folder KIEBOT_SHOTS, if that is set.
func shots(t *testing.T, b *webtest.Tab, name string) {
	t.Helper()
	for _, width := range []int64{webtest.Phone, webtest.Desk} {
		for _, scheme := range []string{"light", "dark"} {
			b.LookWhole(width, scheme)
			if got := webtest.Eval[int64](b, `document.documentElement.scrollWidth`); got > width {
				t.Errorf("%s: at %d pixels the page is %d wide", name, width, got)
			}
			if width == webtest.Phone {
				for _, small := range webtest.Eval[[]string](b, tooSmall) {
					t.Errorf("%s: too small to touch: %s", name, small)
				}
			}
			b.Shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	b.Look(webtest.Desk, "light")
}

// tooSmall lists what is touched and is less than 40 pixels high. A link within
// a line of text is as high as the text.
const tooSmall = `[...document.querySelectorAll('button, input:not([type=hidden]), select, summary, nav a, a.button, .cards a, .figures a')]
	.filter((one) => one.offsetParent && one.getBoundingClientRect().height < 40)
	.map((one) => one.outerHTML.slice(0, 90) + ' ' + one.getBoundingClientRect().height)`

// press clicks what the selector finds, and waits for the page after it.
func press(b *webtest.Tab, selector string) {
	webtest.Eval[bool](b, `(document.querySelector('main').dataset.old = 'yes', true)`)
	b.Do(chromedp.Click(chromedp.CSS(selector)))
	b.Wait("the next page", `document.readyState === 'complete' && document.querySelector('main') && !document.querySelector('main').dataset.old`)
}

// fill types the text into the field, in place of what is there.
func fill(b *webtest.Tab, selector, text string) {
	webtest.Eval[bool](b, fmt.Sprintf(`(document.querySelector(%q).value = '', true)`, selector))
	b.Do(chromedp.Focus(chromedp.CSS(selector)))
	b.Keys(text)
}

func goTo(b *webtest.Tab, w *world, path string) {
	b.Do(chromedp.Navigate(w.server.URL + Path + path))
	b.Wait("the page", `document.readyState === 'complete' && document.querySelector('main')`)
}

func TestEveryPageInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := webtest.Open(t, w.server.URL+Path)
	b.Wait("the login", `document.querySelector('input[type=password]')`)
	shots(t, b, "1-login")
	enter(b)
	for name, path := range map[string]string{
		"2-now": "", "3-tasks": "/tasks", "4-task": "/tasks/" + string(s.tasks[0].ID), "5-task-failed": "/tasks/" + string(s.tasks[len(s.tasks)-1].ID),
		"5-task-waits": "/tasks/" + string(s.tasks[len(s.tasks)-7].ID), "6-accounts": "/accounts", "7-account": "/accounts/" + characters()[1].Identity.String(), "8-spending": "/spending", "9-models": "/models", "a-audit": "/audit",
	} {
		goTo(b, w, path)
		shots(t, b, name)
	}
	b.CheckClean(w.server.URL)
}

func TestReplicasInABrowser(t *testing.T) {
	t.Parallel()
	w := newManned(t, "en", crew()...)
	b := webtest.Open(t, w.server.URL+Path+"/replicas")
	enter(b)
	shots(t, b, "b-replicas")
	b.CheckClean(w.server.URL)
}

// What an operator does of an evening, with the mouse and the keys.
func TestAnEveningAtTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := webtest.Open(t, w.server.URL+Path+"/tasks")
	b.Wait("the login", `document.querySelector('input[type=password]')`)
	fill(b, "input[type=password]", "not the password")
	press(b, "button.main")
	b.Wait("the refusal", `/not the password/.test(document.querySelector('[role=alert]')?.textContent)`)
	enter(b)
	b.Wait("the page that was wanted", `location.pathname === '/console/tasks' && document.querySelector('table.tasks')`)

	var found core.Task
	for _, one := range s.tasks {
		if strings.HasPrefix(one.Request.Prompt, "кот-космонавт") && one.Charged > 0 {
			found = one
		}
	}
	fill(b, "input[name=q]", "КОТ-космонавт")
	press(b, "form[role=search] button")
	b.Wait("what was found", `[...document.querySelectorAll('.words')].length > 0 && [...document.querySelectorAll('.words')].every((one) => one.textContent.startsWith('кот-космонавт'))`)
	fill(b, "input[name=q]", found.ID.Short())
	press(b, "form[role=search] button")
	b.Wait("the task", `location.pathname.endsWith('`+string(found.ID)+`') && document.querySelector('.media img').naturalWidth === 480`)
	before := spent(b, w)
	goTo(b, w, "/tasks/"+string(found.ID))
	b.Do(chromedp.Click(chromedp.CSS("details summary")))
	fill(b, "form input[name=why]", "came out wrong")
	press(b, "form button.danger")
	b.Wait("the refund", `/came out wrong/.test(document.querySelector('.timeline').textContent)`)
	w.wait(11 * time.Minute) // what is past is added up anew every ten minutes
	if after := spent(b, w); after != before-float64(found.Charged)/1000 {
		t.Errorf("the chart has %g credits after %s were given back of %g", after, found.Charged, before)
	}

	goTo(b, w, "/accounts/"+found.Request.Origin.Identity.String())
	fill(b, "input[name=amount]", "1234.5")
	fill(b, "form:has([value=grant]) input[name=why]", "helps a lot")
	press(b, "form:has([value=grant]) button")
	b.Wait("the grant", `/1,234.5/.test(document.querySelector('.facts').textContent) && document.querySelector('.notice')`)
	shots(t, b, "b-granted")

	goTo(b, w, "")
	b.Do(chromedp.Click(chromedp.CSS("details.panel summary")))
	fill(b, "details input[name=why]", "repairs")
	press(b, "#pause")
	b.Wait("the pause", `/repairs/.test(document.querySelector('.live .notice')?.textContent)`)
	shots(t, b, "c-paused")
	must(t, w.engine.SetPaused(t.Context(), core.Act{By: "telegram:1"}, false))
	b.Wait("that somebody else goes on", `!document.querySelector('#resume')`)
	must(t, w.engine.SetPaused(t.Context(), core.Act{By: "telegram:1"}, true))
	b.Wait("the pause of somebody else", `document.querySelector('#resume')`)
	press(b, "#resume")
	b.Wait("that it goes on", `!document.querySelector('#resume')`)
	goTo(b, w, "/audit")
	shots(t, b, "d-audit")
	press(b, ".logout button")
	b.Wait("the login", `document.querySelector('input[type=password]')`)
	b.CheckClean(w.server.URL, "status of 403", "Autofocus processing was blocked") // the test is quicker than the page
}

// spent is the sum of the bars of the first chart, by their heights.
func spent(b *webtest.Tab, w *world) float64 {
	goTo(b, w, "/spending")
	return webtest.Eval[float64](b, `(() => {
		const ticks = [...document.querySelectorAll('#credits > svg > text')].map((one) => [Number(one.getAttribute('y')), Number(one.textContent.replace(',', ''))]);
		const scale = (ticks[ticks.length - 1][1] - ticks[0][1]) / (ticks[0][0] - ticks[ticks.length - 1][0]);
		const sum = [...document.querySelectorAll('#credits rect')].reduce((all, one) => all + Number(one.getAttribute('height')) * scale, 0);
		return Math.round(sum);
	})()`)
}
