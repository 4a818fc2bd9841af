package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kiebot/core"
)

func TestActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	person := "telegram:100000000"
	page := Path + "/accounts/" + person
	act := func(says string, pairs ...string) {
		t.Helper()
		b.post(Path+"/act", append(pairs, "back", page)...).leads(page)
		if got := b.get(page).want(http.StatusOK, `class="notice`); !strings.Contains(got.body, says) {
			t.Errorf("%v: the page says %s", pairs, got.body[strings.Index(got.body, `class="notice`):][:200])
		}
		if strings.Contains(b.get(page).body, `class="notice`) {
			t.Errorf("%v: it is said twice", pairs)
		}
	}
	act("50", "act", "grant", "who", person, "amount", "50", "why", "helped   a lot; spoke <b>well</b>")
	act("7", "act", "limit", "who", person, "day", "7", "month", "")
	act("9", "act", "limit", "who", person, "day", "unlimited", "month", "9")
	act("gold", "act", "tier", "who", person, "tier", "gold")
	act(person, "act", "block", "who", person, "why", "спам")
	b.get(page).want(http.StatusOK, "спам", "Unblock")
	act(person, "act", "unblock", "who", person)
	act(person, "act", "reset", "who", person)
	act("grant", "act", "words", "words", "help")
	act("grant", "act", "words", "words", "gramt "+person+" 5") // the nearest
	act("", "act", "grant", "who", person, "amount", "lots")

	balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: who(100_000_000)})
	must(t, err)
	if balance.Granted != 50_000 || balance.Tier != "gold" {
		t.Errorf("the person has %+v", balance)
	}
	audits, err := w.engine.Audits(t.Context(), 0, 100)
	must(t, err)
	if len(audits) != 7 || audits[6].By != Operator || audits[6].Action != "grant" || audits[6].Why != "helped   a lot; spoke <b>well</b>" {
		t.Errorf("%d audits, the first is %+v", len(audits), audits[len(audits)-1])
	}
	b.get(Path+"/audit").want(http.StatusOK, "spoke &lt;b&gt;well&lt;/b&gt;", page)

	var paid core.Task
	for _, one := range s.tasks {
		if one.Charged > 0 {
			paid = one
		}
	}
	refund := []string{"act", "refund", "task", string(paid.ID), "why", "came out wrong", "back", Path + "/tasks/" + string(paid.ID)}
	b.get(Path+"/tasks/"+string(paid.ID)).want(http.StatusOK, `value="refund"`)
	b.post(Path+"/act", refund...).leads(Path + "/tasks/" + string(paid.ID))
	after := b.get(Path+"/tasks/"+string(paid.ID)).want(http.StatusOK, "given back", "came out wrong")
	if strings.Contains(after.body, `value="refund"`) {
		t.Error("what was given back can be given back again")
	}
}

func TestCancelAndShowAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := w.seed()
	b := w.in()
	of := func(state core.State) core.Task {
		for _, one := range s.tasks {
			if one.State == state {
				return one
			}
		}
		t.Fatalf("no task is %s", state)
		return core.Task{}
	}
	waits, made, runs := of(core.Queued), of(core.Succeeded), of(core.Running)
	page := Path + "/tasks/" + string(waits.ID)
	b.get(page).want(http.StatusOK, `value="cancel"`)
	b.post(Path+"/act", "act", "cancel", "task", string(waits.ID), "why", "a mistake", "back", page).leads(page)
	if after := b.get(page).want(http.StatusOK, "canceled", "a mistake"); strings.Contains(after.body, `value="cancel"`) {
		t.Error("what is canceled can be canceled")
	}
	page = Path + "/tasks/" + string(made.ID)
	b.get(page).want(http.StatusOK, `value="retry"`)
	b.post(Path+"/act", "act", "retry", "task", string(made.ID), "back", page).leads(page)
	b.get(page).want(http.StatusOK, "waits to be shown")
	page = Path + "/tasks/" + string(runs.ID)
	if strings.Contains(b.get(page).want(http.StatusOK).body, `action="/console/act"`) {
		t.Error("something can be done about a task that runs")
	}
}

func TestModelsOnAndOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	row := func(id string) string {
		t.Helper()
		page := b.get(Path + "/models").want(http.StatusOK).body
		page = page[strings.Index(page, ">"+id+"</code>"):]
		return page[:strings.Index(page, "</tr>")]
	}
	back := []string{"back", Path + "/models"}
	b.post(Path+"/act", append(back, "act", "models", "switch", "off", "model", "z-image")...).leads(Path + "/models")
	if got := row("z-image"); !strings.Contains(got, `form="on"`) {
		t.Errorf("what is off is shown as %s", got)
	}
	b.post(Path+"/act", append(back, "act", "models", "switch", "on", "model", "z-image")...).leads(Path + "/models")
	if got := row("z-image"); !strings.Contains(got, `form="off"`) || !strings.Contains(got, `form="default-image"`) {
		t.Errorf("what is on again is shown as %s", got)
	}
	b.post(Path+"/act", append(back, "act", "default", "kind", "image", "model", "z-image")...).leads(Path + "/models")
	if got := row("z-image"); strings.Contains(got, `form="default-image"`) {
		t.Errorf("the default is shown as %s", got)
	}
	if got := row("google/imagen4-fast"); !strings.Contains(got, `form="default-image"`) {
		t.Errorf("what was the default is shown as %s", got)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	paused := func() bool {
		t.Helper()
		_, on, err := w.engine.Paused(t.Context())
		must(t, err)
		return on
	}
	b.post(Path+"/act", "act", "pause", "why", "repairs").leads(Path)
	if b.get(Path).want(http.StatusOK, "repairs", `id="resume"`); !paused() {
		t.Error("it goes on")
	}
	b.post(Path+"/act", "act", "resume").leads(Path)
	if b.get(Path).want(http.StatusOK, `id="pause"`); paused() {
		t.Error("it is still paused")
	}
}

// What no page of ours sends does nothing.
func TestActsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	for _, pairs := range [][]string{
		{}, {"act", "nonsense"}, {"act", "grant"}, {"act", "grant", "who", "telegram:1 telegram:2", "amount", "5"}, {"act", "grant", "who", "telegram:1"},
		{"act", "block", "why", "no person"}, {"act", "grant", "who", "telegram:1", "amount", "5 5"},
	} {
		b.post(Path+"/act", pairs...).want(http.StatusBadRequest, "Nothing was done")
	}
	stranger := w.browser()
	stranger.post(Path+"/act", "act", "grant", "who", "telegram:1", "amount", "5").leads(Path + "/login")
	b.do(http.MethodPost, Path+"/act", url.Values{"act": {"grant"}, "who": {"telegram:1"}, "amount": {"5"}}.Encode()).want(http.StatusForbidden)
	b.do(http.MethodGet, Path+"/act?act=grant&who=telegram:1&amount=5", "")
	b.post(Path+"/act", "act", "grant", "who", "telegram:1", "amount", "5", "back", "https://evil.example/console/").leads(Path)
	audits, err := w.engine.Audits(t.Context(), 0, 10)
	must(t, err)
	if len(audits) != 1 {
		t.Errorf("%d acts were done: %+v", len(audits), audits)
	}
}
