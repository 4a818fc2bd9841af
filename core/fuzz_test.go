package core_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// FuzzTaskID: what is accepted as an id is one, as it stands.
func FuzzTaskID(f *testing.F) {
	f.Add("00vhnczb02r851tbe3")
	f.Add("00VHNCZB02R851TBE3")
	f.Add("00vhnczb02r851tbei")
	f.Add("../../hooks/kie/x")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := core.ParseTaskID(text)
		if err != nil {
			return
		}
		if string(id) != text || len(text) != 18 || url.PathEscape(text) != text || !strings.HasSuffix(text, id.Short()) {
			t.Errorf("%q is accepted as %q", text, id)
		}
	})
}

// FuzzCallback: without its token nobody reaches a task, and with it a
// callback only ever makes the task look at Kie.
func FuzzCallback(f *testing.F) {
	f.Add("00vhnczb02r851tbe3", "0123456789abcdef0123456789abcdef", []byte(`{"code":200,"data":{"taskId":"x"}}`))
	f.Add("", "", []byte(`{"taskId":"281e5b0f39b9f1d2","code":501}`))
	f.Add("x", "y", []byte(`{"code":200,"data":{"task_id":"x","callbackType":"first","data":[]}}`))
	f.Add("", "", []byte("success"))
	w := newWorld(f, kietest.Config{}, nil)
	f.Cleanup(w.close)
	w.callback("000000000000000000", "", nil) // the secret of the tokens is made for the first callback
	kept := w.submit(request("nobody knows its token"))
	path := strings.Split(w.engine.CallbackURL(w.submit(request("its token is known"))), "/")
	known, token := path[len(path)-2], path[len(path)-1]
	f.Fuzz(func(t *testing.T, task, guess string, body []byte) {
		w.t = t
		if guess == token {
			t.Skip()
		}
		for _, id := range []string{task, string(kept), known} {
			if status := w.callback(id, guess, body); status != 403 && status != 404 {
				t.Errorf("status %d for task %q with token %q", status, id, guess)
			}
		}
		if state := w.task(kept).State; state != core.Queued {
			t.Errorf("a task is %s by a callback without its token", state)
		}
		status := w.callback(known, token, body)
		now := w.task(core.TaskID(known))
		switch {
		case status != 200 && status != 400:
			t.Errorf("status %d for %q", status, body)
		case now.State != core.Queued && (now.State != core.Running || now.Kie.IsZero()):
			t.Errorf("a callback made the task %s at %q", now.State, now.Kie)
		case len(now.Outputs) != 0 || now.Charged != 0:
			t.Errorf("a callback's claim was believed: %+v, %s", now.Outputs, now.Charged)
		}
	})
}

func (w *world) callback(task, token string, body []byte) int {
	r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
	r.SetPathValue("task", task)
	r.SetPathValue("token", token)
	answer := httptest.NewRecorder()
	w.engine.CallbackHandler().ServeHTTP(answer, r)
	return answer.Code
}
