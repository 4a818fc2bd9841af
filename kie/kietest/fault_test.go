package kietest_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/kie/kietest"
)

// createBody is a valid order.
const createBody = `{"model":"google/imagen4","input":{"prompt":"a cat"}}`

func TestFaultsOfCreate(t *testing.T) {
	released := make(chan struct{})
	close(released)
	tests := []struct {
		name   string
		faults []kietest.Fault
		tasks  int
		check  func(t *testing.T, a answer, err error)
	}{
		{"answer", []kietest.Fault{kietest.Answer(455, "maintenance")}, 0, wantCode(455, "maintenance")},
		{"answer after", []kietest.Fault{kietest.After(kietest.Answer(500, "oops"))}, 1, wantCode(500, "oops")},
		{"html", []kietest.Fault{kietest.HTML(502)}, 0, wantHTML(502)},
		{"html after", []kietest.Fault{kietest.After(kietest.HTML(403))}, 1, wantHTML(403)},
		{"html 200", []kietest.Fault{kietest.HTML(200)}, 0, wantHTML(200)},
		{"drop", []kietest.Fault{kietest.Drop()}, 0, wantLost},
		{"drop after", []kietest.Fault{kietest.After(kietest.Drop())}, 1, wantLost},
		{"null task id", []kietest.Fault{kietest.NullTaskID()}, 0, wantNull},
		{"null task id after", []kietest.Fault{kietest.After(kietest.NullTaskID())}, 1, wantNull},
		{"released hold", []kietest.Fault{kietest.Hold(released)}, 1, wantCode(200, "success")},
		{"released hold after", []kietest.Fault{kietest.After(kietest.Hold(released))}, 1, wantCode(200, "success")},
		{"together", []kietest.Fault{kietest.Fail("400", "no"), kietest.After(kietest.Drop())}, 1, wantLost},
		{"slow", []kietest.Fault{kietest.Slow(time.Minute)}, 1, wantCode(200, "success")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.NextCreate(test.faults...)
				a, err := c.try(c.request(http.MethodPost, createPath, createBody))
				test.check(t, a, err)
				if got := len(c.Tasks()); got != test.tasks {
					t.Errorf("%d tasks exist, want %d", got, test.tasks)
				}
				c.create("the next call is undisturbed")
			})
		})
	}
}

func wantCode(code int, text string) func(*testing.T, answer, error) {
	return func(t *testing.T, a answer, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a.want(t, code, text)
	}
}

func wantHTML(status int) func(*testing.T, answer, error) {
	return func(t *testing.T, a answer, err error) {
		t.Helper()
		if err != nil || a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.HasPrefix(string(a.body), "<html>") {
			t.Errorf("got HTTP %d, %q, %v; want a page with status %d", a.status, a.body, err, status)
		}
	}
}

func wantLost(t *testing.T, a answer, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("got HTTP %d, want a lost connection", a.status)
	}
}

func wantNull(t *testing.T, a answer, err error) {
	t.Helper()
	if wantCode(200, "success")(t, a, err); string(a.Data) != "null" {
		t.Errorf("data is %s, want null", a.Data)
	}
}

func TestHeldCreate(t *testing.T) {
	for _, after := range []bool{false, true} {
		bubble(t, fast(), func(c caller) {
			release := make(chan struct{})
			hold := kietest.Hold(release)
			if after {
				hold = kietest.After(hold)
			}
			c.NextCreate(hold)
			answered := make(chan answer)
			go func() {
				a, err := c.try(c.request(http.MethodPost, createPath, createBody))
				if err != nil {
					t.Error(err)
				}
				answered <- a
			}()
			synctest.Wait()
			if exists := len(c.Tasks()) == 1; exists != after {
				t.Errorf("while held after=%v the task exists: %v", after, exists)
			}
			close(release)
			(<-answered).want(c, 200, "success")
			if len(c.Tasks()) != 1 {
				t.Errorf("%d tasks, want 1", len(c.Tasks()))
			}
		})
	}
}

func TestHeldCreateWhoseClientLeaves(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.NextCreate(kietest.Hold(make(chan struct{})))
		c.Client().Timeout = 5 * time.Second
		if _, err := c.try(c.request(http.MethodPost, createPath, createBody)); err == nil {
			t.Error("a held call was answered")
		}
		synctest.Wait()
		if len(c.Tasks()) != 0 {
			t.Error("the call was executed although its client left")
		}
	})
}

func TestCloseEndsHeldCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kietest.NewMemoryServer(fast())
		c := caller{t, srv}
		srv.NextCreate(kietest.Hold(make(chan struct{})))
		lost := make(chan error)
		go func() {
			_, err := c.try(c.request(http.MethodPost, createPath, createBody))
			lost <- err
		}()
		synctest.Wait()
		srv.Close()
		if <-lost == nil {
			t.Error("the held call was answered")
		}
		srv.Close() // twice does no harm
	})
}

func TestFaultsAreTakenInOrder(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.NextCreate(kietest.Answer(429, "first"))
		c.NextCreate(kietest.Answer(500, "second"))
		stop := c.CreateWhen(func(model string, input map[string]any) bool {
			return model == picture && input["prompt"] == "a cat"
		}, kietest.Answer(422, "no cats"))
		c.call(http.MethodPost, createPath, createBody).want(c, 429, "first")
		c.call(http.MethodPost, createPath, createBody).want(c, 500, "second")
		c.call(http.MethodPost, createPath, createBody).want(c, 422, "no cats")
		c.call(http.MethodPost, createPath, createBody).want(c, 422, "no cats")
		c.create("a dog")
		stop()
		c.create("a cat")
		stop()
	})
}

func TestFaultsAreChosenByTheRequest(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		var seen []kietest.Creation
		stop := c.CreateWith(func(asked kietest.Creation) []kietest.Fault {
			seen = append(seen, asked)
			if len(seen) == 1 {
				return []kietest.Fault{kietest.Answer(429, "the first")}
			}
			return nil
		})
		body := `{"model":"google/imagen4","callBackUrl":"http://localhost/hook","input":{"prompt":"a cat"}}`
		c.call(http.MethodPost, createPath, body).want(c, 429, "the first")
		c.call(http.MethodPost, createPath, body).want(c, 200, "success")
		stop()
		c.call(http.MethodPost, createPath, body).want(c, 200, "success")
		want := kietest.Creation{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}, CallbackURL: "http://localhost/hook"}
		if len(seen) != 2 || !reflect.DeepEqual(seen[1], want) {
			t.Errorf("asked %d times, the last about %+v", len(seen), seen[len(seen)-1])
		}
	})
}

func TestFaultsOfOtherCalls(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		id := c.create("a cat")
		link := c.finished(id).Response.ResultURLs[0]
		for _, call := range []struct {
			call               kietest.Call
			method, path, body string
		}{
			{kietest.CallRecord, http.MethodGet, recordPath + id, ""},
			{kietest.CallCredit, http.MethodGet, creditPath, ""},
			{kietest.CallDownloadURL, http.MethodPost, downloadPath, `{"url":"` + link + `"}`},
		} {
			c.Next(call.call, kietest.Answer(455, "maintenance"))
			c.call(call.method, call.path, call.body).want(c, 455, "maintenance")
			c.call(call.method, call.path, call.body).want(c, 200, "success")
			stop := c.Always(call.call, kietest.HTML(503))
			for range 2 {
				wantHTML(503)(t, c.call(call.method, call.path, call.body), nil)
			}
			stop()
			c.call(call.method, call.path, call.body).want(c, 200, "success")
		}
		c.Next(kietest.CallFile, kietest.HTML(502))
		wantHTML(502)(t, c.fetch(link), nil)
		stop := c.Always(kietest.CallFile, kietest.Drop())
		if _, err := c.tryFetch(link); err == nil {
			t.Error("a dropped download succeeded")
		}
		stop()
		c.Next(kietest.CallFile, kietest.Slow(time.Minute))
		start := time.Now()
		if a := c.fetch(link); a.status != http.StatusOK || time.Since(start) < time.Minute {
			t.Errorf("a slow download took %v", time.Since(start))
		}
	})
}

func TestMisplacedFaultsPanic(t *testing.T) {
	srv := kietest.New(fast())
	defer srv.Close()
	for name, order := range map[string]func(){
		"task fault elsewhere": func() { srv.Next(kietest.CallRecord, kietest.Stick()) },
		"null id elsewhere":    func() { srv.Always(kietest.CallCredit, kietest.NullTaskID()) },
		"after a task fault":   func() { srv.NextCreate(kietest.After(kietest.Stick())) },
		"after slow":           func() { srv.NextCreate(kietest.After(kietest.Slow(1))) },
		"after reset":          func() { srv.NextCreate(kietest.After(kietest.Reset())) },
		"late elsewhere":       func() { srv.Next(kietest.CallUpload, kietest.CallbackLate(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			order()
		})
	}
}

func TestStuckAndHeldTasks(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault kietest.Fault
		state string
		after time.Duration // from Release to the end
	}{
		{"stuck", kietest.Stick(), kietest.StateWaiting, 5 * time.Second},
		{"held", kietest.HoldTask(), kietest.StateGenerating, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.NextCreate(test.fault)
				id := c.create("a cat")
				pass(time.Hour)
				if r := c.record(id); r.State != test.state {
					t.Errorf("after an hour the task is %s, want %s", r.State, test.state)
				}
				if !c.Release(id) {
					t.Error("Release knew nothing to release")
				}
				pass(test.after)
				if r := c.record(id); r.State != kietest.StateSuccess {
					t.Errorf("after Release the task is %s", r.State)
				}
				if c.Release(id) || c.Release("nobody") {
					t.Error("Release released nothing and said otherwise")
				}
			})
		})
	}
}

func TestReleaseBeforeItsTimeChangesNothing(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.NextCreate(kietest.HoldTask())
		id := c.create("a cat")
		c.Release(id)
		pass(2 * time.Second)
		if r := c.record(id); r.State == kietest.StateSuccess {
			t.Error("Release made the task faster")
		}
		c.finished(id)
	})
}

func TestEmptyResult(t *testing.T) {
	for _, n := range []int{2, -1} {
		bubble(t, fast(), func(c caller) {
			c.NextCreate(kietest.EmptyResult(n))
			id := c.create("a cat")
			empty := 0
			for range 5 {
				if r := c.finished(id); r.State == kietest.StateSuccess && *r.ResultJSON == "" && r.Response == nil {
					empty++
				}
			}
			if want := map[int]int{2: 2, -1: 5}[n]; empty != want {
				t.Errorf("EmptyResult(%d): %d of 5 reads were empty, want %d", n, empty, want)
			}
		})
	}
}

func TestUnknownFor(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.NextCreate(kietest.UnknownFor(time.Minute))
		id := c.create("a cat")
		pass(time.Minute - time.Nanosecond)
		c.call(http.MethodGet, recordPath+id, "").want(c, 422, "recordInfo is null")
		pass(time.Nanosecond)
		if r := c.record(id); r.State != kietest.StateSuccess {
			t.Errorf("task is %s", r.State)
		}
	})
}

func TestFaultsOfFiles(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.NextCreate(kietest.FilesMissing(2))
		link := c.finished(c.create("missing")).Response.ResultURLs[0]
		for _, want := range []int{404, 404, 200, 200} {
			if a := c.fetch(link); a.status != want {
				t.Errorf("status %d, want %d", a.status, want)
			}
		}
		c.NextCreate(kietest.FilesGone())
		link = c.finished(c.create("gone")).Response.ResultURLs[0]
		if a := c.fetch(link); a.status != http.StatusNotFound {
			t.Errorf("a gone file has status %d", a.status)
		}
	})
}

func TestStalledFile(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		release := make(chan struct{})
		c.NextCreate(kietest.FilesStall(1000, release))
		link := c.finished(c.create("stalls")).Response.ResultURLs[0]
		c.Client().Timeout = 10 * time.Second
		if a, err := c.tryFetch(link); err == nil || len(a.body) != 1000 {
			t.Errorf("a stalled download gave %d bytes, %v", len(a.body), err)
		}
		close(release)
		if a := c.fetch(link); a.status != http.StatusOK || len(a.body) <= 1000 {
			t.Errorf("after the release the download gave %d bytes", len(a.body))
		}
	})
}
