package core_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// post sends a callback to the address, as Kie or as somebody who pretends.
func (w *world) post(address, body string, header http.Header) int {
	w.t.Helper()
	client := &http.Client{Transport: w.hooks.transport}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name := range header {
		req.Header.Set(name, header.Get(name))
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestCallbackIsChecked(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		kieTask := w.kie.Tasks()[0]
		good, err := url.Parse(kieTask.CallbackURL)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"code":200,"data":{"taskId":%q,"state":"success","resultJson":"{\"resultUrls\":[\"https://example.com/evil.png\"]}"}}`, kieTask.ID)
		at := func(path string) string { u := *good; u.Path = path; return u.String() }
		for name, c := range map[string]struct {
			address, body string
			want          int
		}{
			"wrong token":   {at("/hooks/kie/" + string(id) + "/" + strings.Repeat("0", 32)), body, 403},
			"no such task":  {at("/hooks/kie/000000000000000000/" + strings.Repeat("0", 32)), body, 403},
			"not an id":     {at("/hooks/kie/x/" + strings.Repeat("0", 32)), body, 404},
			"not JSON":      {good.String(), "success!", 400},
			"no task id":    {good.String(), `{"code":200,"data":{}}`, 400},
			"too large":     {good.String(), strings.Repeat(" ", 2<<20) + body, 400},
			"claims to end": {good.String(), body, 200},
		} {
			if got := w.post(c.address, c.body, nil); got != c.want {
				t.Errorf("%s: status %d, want %d", name, got, c.want)
			}
		}
		nap(10 * time.Second)
		if task := w.task(id); task.State != core.Running || len(task.Outputs) != 0 {
			t.Errorf("a callback's claim was believed: %s, %v", task.State, task.Outputs)
		}
		w.kie.Release(kieTask.ID)
		w.untilShown(id)
	})
}

func TestCallbackSignature(t *testing.T) {
	verifier := &kie.Verifier{Keys: []kie.Secret{"old-key-of-ours", "new-key-of-ours"}}
	kieCfg := kietest.Config{HMACKey: "new-key-of-ours"}
	play(t, kieCfg, func(c *core.Config) { c.Verifier = verifier }, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.CallbackForgedSignature())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		kieTask := w.kie.Tasks()[0]
		body := fmt.Sprintf(`{"taskId":%q,"code":200}`, kieTask.ID)
		for name, c := range map[string]struct {
			header http.Header
			want   int
		}{
			"none":    {nil, 401},
			"wrong":   {kie.Sign("another key", kieTask.ID, time.Now()), 401},
			"stale":   {kie.Sign("old-key-of-ours", kieTask.ID, time.Now().Add(-time.Hour)), 401},
			"rotated": {kie.Sign("old-key-of-ours", kieTask.ID, time.Now()), 200},
		} {
			if got := w.post(kieTask.CallbackURL, body, c.header); got != c.want {
				t.Errorf("%s: status %d, want %d", name, got, c.want)
			}
		}
		w.untilShown(id)
		forged, real := 0, 0
		for _, c := range w.kie.Callbacks() {
			switch {
			case c.Forged && c.Status == 401:
				forged++
			case !c.Forged && c.Status == 200:
				real++
			}
		}
		if forged == 0 || real != 1 {
			t.Errorf("%d forged callbacks refused, %d real ones taken: %+v", forged, real, w.kie.Callbacks())
		}
	})
}

func TestCallbacksOfEveryKind(t *testing.T) {
	for name, fault := range map[string]kietest.Fault{
		"twice":         kietest.CallbackTwice(),
		"forged token":  kietest.CallbackForgedToken(),
		"before answer": kietest.CallbackEarly(),
		"never":         kietest.CallbackNever(),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(fault)
				id := w.submit(request("a cat"))
				w.untilShown(id)
				nap(time.Minute)
				synctest.Wait()
				wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal)
				if got := w.balance(ada); got != (core.Usage{Settled: imagePrice}) {
					t.Errorf("the window has %+v", got)
				}
				if n := len(w.kie.Tasks()); n != 1 {
					t.Errorf("%d Kie tasks", n)
				}
			})
		})
	}
}

// A callback that names another Kie task than the one we know changes nothing.
func TestCallbackOfAnotherKieTask(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		before := w.untilState(id, core.Running).Kie
		address := w.kie.Tasks()[0].CallbackURL
		if got := w.post(address, `{"taskId":"ffffffffffffffffffffffffffffffff","code":200}`, nil); got != 200 {
			t.Errorf("status %d", got)
		}
		if after := w.task(id); after.Kie != before || after.State != core.Running {
			t.Errorf("the task is now %s at %s", after.State, after.Kie)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
	})
}

// A callback that cannot be committed is not acknowledged: Kie sends it again.
func TestCallbackWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		w.mayDie = true
		w.run()
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		w.shut()
		r := httptest.NewRequest(http.MethodPost, w.kie.Tasks()[0].CallbackURL, strings.NewReader(`{"taskId":"x","code":200}`))
		parts := strings.Split(r.URL.Path, "/")
		r.SetPathValue("task", parts[3])
		r.SetPathValue("token", parts[4])
		answer := httptest.NewRecorder()
		w.engine.CallbackHandler().ServeHTTP(answer, r)
		if answer.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", answer.Code)
		}
	})
}
