package kietest_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func TestTaskPassesThroughItsStates(t *testing.T) {
	for _, end := range []struct {
		name   string
		faults []kietest.Fault
		state  string
	}{
		{"success", nil, kietest.StateSuccess},
		{"failure", []kietest.Fault{kietest.Fail("501", "generation failed")}, kietest.StateFail},
	} {
		t.Run(end.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.NextCreate(end.faults...)
				id := c.create("a cat")
				var seen []string
				for range 60 {
					state := "unknown"
					if a := c.call(http.MethodGet, recordPath+id, ""); a.Code == http.StatusOK {
						var r record
						a.decode(c, &r)
						state = r.State
						checkRecord(c, r)
					} else {
						a.want(c, http.StatusUnprocessableEntity, "recordInfo is null")
					}
					if len(seen) == 0 || seen[len(seen)-1] != state {
						seen = append(seen, state)
					}
					pass(100 * time.Millisecond)
				}
				// The default RecordDelay of one second may hide the first states.
				want := []string{"unknown", kietest.StateWaiting, kietest.StateQueuing, kietest.StateGenerating, end.state}
				if seen = slices.DeleteFunc(seen, func(s string) bool { return s == kietest.StateWaiting }); !slices.Equal(seen, slices.Delete(slices.Clone(want), 1, 2)) {
					t.Errorf("states were %v, want %v", seen, want)
				}
			})
		})
	}
}

// checkRecord holds a record against docs.kie.ai "Get Task Details".
func checkRecord(c caller, r record) {
	c.Helper()
	running := r.State != kietest.StateSuccess && r.State != kietest.StateFail
	switch {
	case r.Model != picture || r.OperationType != picture || r.Param != r.ParamJSON || r.CreateTime == 0 || r.UpdateTime < r.CreateTime:
		c.Errorf("record misses what every state has: %+v", r)
	case running != (r.CompleteTime == nil) || running != (r.CostTime == nil):
		c.Errorf("%s with completeTime %v and costTime %v", r.State, r.CompleteTime, r.CostTime)
	case running && (r.SuccessFlag != 0 || r.ResultJSON == nil || *r.ResultJSON != "" || r.Response != nil || r.FailCode != nil):
		c.Errorf("%s shows a result: %+v", r.State, r)
	case running && r.CreditsConsumed != 8:
		c.Errorf("%s reserves %v credits, want 8", r.State, r.CreditsConsumed)
	case r.State == kietest.StateSuccess && (r.SuccessFlag != 1 || r.CreditsConsumed != 8 || r.FailCode != nil || *r.CostTime < 3 || *r.CostTime > 5):
		c.Errorf("success is wrong: %+v", r)
	case r.State == kietest.StateFail && (r.SuccessFlag != 3 || r.CreditsConsumed != 0 || r.ResultJSON != nil || *r.FailCode != "501" || *r.FailMsg != "generation failed"):
		c.Errorf("failure is wrong: %+v", r)
	}
	if r.State == kietest.StateSuccess {
		var parsed results
		if err := json.Unmarshal([]byte(*r.ResultJSON), &parsed); err != nil || !slices.Equal(parsed.ResultURLs, r.Response.ResultURLs) || len(parsed.ResultURLs) != 1 {
			c.Errorf("resultJson %q and response %+v differ: %v", *r.ResultJSON, r.Response, err)
		}
	}
}

func TestEarlyStatesWithoutRecordDelay(t *testing.T) {
	cfg := fast()
	cfg.RecordDelay = -1
	bubble(t, cfg, func(c caller) {
		id := c.create("a cat")
		if r := c.record(id); r.State != kietest.StateWaiting {
			t.Errorf("first state is %s, want waiting", r.State)
		}
	})
}

func TestParamIsTextInText(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		id := c.createFor(picture, map[string]any{"prompt": `say "hi"`, "seed": "12345678901234567890"}, "http://bot.test/hook")
		pass(time.Second)
		var param struct{ Model, Input, CallBackURL string }
		if err := json.Unmarshal([]byte(c.record(id).Param), &param); err != nil {
			t.Fatal(err)
		}
		var input struct{ Prompt, Seed string }
		if err := json.Unmarshal([]byte(param.Input), &input); err != nil {
			t.Fatalf("input %q is not JSON text: %v", param.Input, err)
		}
		if input.Prompt != `say "hi"` || input.Seed != "12345678901234567890" || param.Model != picture || param.CallBackURL != "http://bot.test/hook" {
			t.Errorf("param lost something: %+v, %+v", param, input)
		}
	})
}

func TestTaskIDs(t *testing.T) {
	hex32 := regexp.MustCompile(`^[0-9a-f]{32}$`)
	ids := func(seed uint64) []string {
		var ids []string
		cfg := fast()
		cfg.Seed = seed
		bubble(t, cfg, func(c caller) {
			for i := range 3 {
				ids = append(ids, c.create(fmt.Sprint(i)))
			}
		})
		return ids
	}
	one, same, other := ids(1), ids(1), ids(2)
	if !slices.Equal(one, same) || slices.Equal(one, other) || one[0] == one[1] {
		t.Errorf("ids %v, with the same seed %v, with another %v", one, same, other)
	}
	for _, id := range one {
		if !hex32.MatchString(id) {
			t.Errorf("id %q is not 32 hex digits", id)
		}
	}
}

func TestCreateRefusals(t *testing.T) {
	long := strings.Repeat("я", 5001)
	tests := []struct {
		name, body string
		code       int
		text       string
	}{
		{"no JSON", `{"model":`, 400, "JSON"},
		{"wrong field type", `{"model":7}`, 400, "JSON"},
		{"no model", `{"input":{"prompt":"x"}}`, 422, "model"},
		{"unknown model", `{"model":"google/imagen5","input":{"prompt":"x"}}`, 422, "not supported"},
		{"alias in place of an id", `{"model":"GOOGLE/imagen4","input":{"prompt":"x"}}`, 422, "not supported"},
		{"no input", `{"model":"google/imagen4"}`, 422, "input"},
		{"input null", `{"model":"google/imagen4","input":null}`, 422, "input"},
		{"input as text", `{"model":"google/imagen4","input":"{}"}`, 422, "input"},
		{"missing field", `{"model":"google/imagen4","input":{}}`, 500, "prompt"},
		{"empty field", `{"model":"google/imagen4","input":{"prompt":""}}`, 500, "prompt"},
		{"null field", `{"model":"google/imagen4","input":{"prompt":null}}`, 500, "prompt"},
		{"misspelt field", `{"model":"google/imagen4","input":{"promt":"x"}}`, 500, "prompt"},
		{"field of another type", `{"model":"google/imagen4","input":{"prompt":7}}`, 422, "prompt must be of type string"},
		{"prompt too long", `{"model":"google/imagen4","input":{"prompt":"` + long + `"}}`, 422, "5000"},
		{"not a choice", `{"model":"google/imagen4","input":{"prompt":"x","aspect_ratio":"5:3"}}`, 422, "aspect_ratio"},
		{"number as text", `{"model":"google/imagen4-fast","input":{"prompt":"x","seed":"7"}}`, 422, "seed"},
		{"fraction for an integer", `{"model":"google/imagen4-fast","input":{"prompt":"x","seed":7.5}}`, 422, "seed"},
		{"text as number", `{"model":"wan/2-6-text-to-video","input":{"prompt":"x","duration":5}}`, 422, "duration"},
		{"boolean as text", `{"model":"z-image","input":{"prompt":"x","aspect_ratio":"1:1","nsfw_checker":"yes"}}`, 422, "nsfw_checker"},
		{"out of range", `{"model":"bytedance/seedream-v4-text-to-image","input":{"prompt":"x","max_images":7}}`, 422, "max_images"},
		{"one in place of a list", `{"model":"nano-banana-2","input":{"prompt":"x","image_input":"https://e.test/a.png"}}`, 422, "image_input"},
		{"list of others", `{"model":"nano-banana-2","input":{"prompt":"x","image_input":[1]}}`, 422, "image_input"},
		{"media that is no link", `{"model":"nano-banana-2","input":{"prompt":"x","image_input":["/etc/passwd"]}}`, 422, "image_input"},
		{"object for a text", `{"model":"google/imagen4","input":{"prompt":{"a":1}}}`, 422, "prompt"},
		{"callback that is no link", `{"model":"google/imagen4","input":{"prompt":"x"},"callBackUrl":"ftp://e.test/"}`, 422, "callBackUrl"},
		{"callback without host", `{"model":"google/imagen4","input":{"prompt":"x"},"callBackUrl":"/hook"}`, 422, "callBackUrl"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				a := c.call(http.MethodPost, createPath, test.body).want(c, test.code, test.text)
				if string(a.Data) != "null" {
					t.Errorf("data is %s, want null", a.Data)
				}
				if len(c.Tasks()) != 0 || c.Balance() != kietest.DefaultCredits {
					t.Errorf("a refused call left %d tasks and a balance of %s", len(c.Tasks()), c.Balance())
				}
			})
		})
	}
}

func TestCreateAccepts(t *testing.T) {
	inputs := map[string]map[string]any{
		"bytedance/seedream-v4-text-to-image":       {"prompt": "x", "max_images": 6, "seed": 1},
		"nano-banana-2":                             {"prompt": "x", "image_input": []string{"https://e.test/a.png"}, "resolution": "4K"},
		"kling-2.6/text-to-video":                   {"prompt": "x", "sound": false, "aspect_ratio": "1:1", "duration": "5"},
		"bytedance/seedream":                        {"prompt": "x", "guidance_scale": 2.5},
		"elevenlabs/text-to-speech-turbo-2-5":       {"text": "x", "stability": 0.5},
		"grok-imagine-image-2-0/text-to-image":      {"prompt": strings.Repeat("long ", 3000), "aspect_ratio": "1:1"},
		"elevenlabs/text-to-speech-multilingual-v2": {"text": "x", "voice": "Rachel", "speed": nil},
	}
	bubble(t, fast(), func(c caller) {
		for model, input := range inputs {
			c.createFor(model, input, "")
		}
		if len(c.Tasks()) != len(inputs) {
			t.Errorf("%d tasks, want %d", len(c.Tasks()), len(inputs))
		}
	})
}

// TestCatalogExamplesAreAccepted proves that what the catalogue completes for
// a bare prompt passes the server's own, independent checks, for all models.
func TestCatalogExamplesAreAccepted(t *testing.T) {
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	cfg := fast()
	cfg.Credits = 100_000_000
	for _, m := range models.Models() {
		bubble(t, cfg, func(c caller) {
			in, ok := m.ByOption(catalog.Prompt)
			if !ok {
				t.Fatalf("%s has no prompt", m.ID)
			}
			input := m.Complete(map[string]any{in.Name: "a cat"})
			want, err := m.Estimate(input)
			if err != nil {
				t.Fatalf("%s: %v", m.ID, err)
			}
			c.createFor(m.ID, input, "")
			if got := c.Tasks()[0].Credits; got != want || got <= 0 {
				t.Errorf("%s costs %s, want %s", m.ID, got, want)
			}
		})
	}
}

func TestIgnoredInputsAreNoted(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		c.createFor(picture, map[string]any{"prompt": "x", "image_input": []string{"https://e.test/a.png"}, "n": 2}, "")
		want := []kietest.IgnoredInput{{Model: picture, Name: "image_input"}, {Model: picture, Name: "n"}}
		if got := c.IgnoredInputs(); !slices.Equal(got, want) {
			t.Errorf("ignored %v, want %v", got, want)
		}
	})
}

func TestAuthentication(t *testing.T) {
	tests := []struct {
		name   string
		header [2]string
		text   string
	}{
		{"none", [2]string{}, "access permissions"},
		{"apikey header", [2]string{"Apikey", kietest.DefaultKey}, "access permissions"},
		{"wrong key", [2]string{"Authorization", "Bearer nobody"}, "Authentication failed"},
		{"no bearer", [2]string{"Authorization", kietest.DefaultKey}, "access permissions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				for _, path := range []string{createPath, recordPath + "x", creditPath, downloadPath} {
					method := http.MethodGet
					if path == createPath || path == downloadPath {
						method = http.MethodPost
					}
					req := c.request(method, path, `{}`)
					req.Header.Del("Authorization")
					if test.header[0] != "" {
						req.Header.Set(test.header[0], test.header[1])
					}
					a, err := c.try(req)
					if err != nil {
						t.Fatal(err)
					}
					a.want(c, http.StatusUnauthorized, test.text)
				}
			})
		})
	}
}

func TestApikeyBesideBearerIsRefused(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		req := c.request(http.MethodGet, creditPath, "")
		req.Header.Set("apikey", c.Key())
		a, err := c.try(req)
		if err != nil {
			t.Fatal(err)
		}
		a.want(c, http.StatusUnauthorized, "access permissions")
	})
}

func TestPathsAndMethods(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		for _, path := range []string{"/", "/api/v1/account/balance", "/api/v1/user/credits", "/api/v1/jobs/create", "/api/v1/veo/task", "/api/v1/modelsx", "/api/file-upload"} {
			if a := c.call(http.MethodGet, path, ""); a.status != http.StatusNotFound || a.Code != http.StatusNotFound {
				t.Errorf("GET %s is HTTP %d, code %d; want 404", path, a.status, a.Code)
			}
		}
		for path, method := range map[string]string{
			createPath: http.MethodGet, recordPath + "x": http.MethodPost, creditPath: http.MethodPut, downloadPath: http.MethodDelete,
		} {
			if a := c.call(method, path, ""); a.status != http.StatusMethodNotAllowed || a.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s is HTTP %d, code %d; want 405", method, path, a.status, a.Code)
			}
		}
	})
}

func TestContentTypes(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		req := c.request(http.MethodPost, createPath, order(c, picture, map[string]any{"prompt": "x"}, ""))
		req.Header.Set("Content-Type", "text/plain")
		a, err := c.try(req)
		if err != nil {
			t.Fatal(err)
		}
		a.want(c, http.StatusBadRequest, "Content-Type")
		if got := a.header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
			t.Errorf("reply has Content-Type %q", got)
		}
		huge := `{"model":"google/imagen4","input":{"prompt":"` + strings.Repeat("x", 5<<20) + `"}}`
		c.call(http.MethodPost, createPath, huge).want(c, http.StatusBadRequest, "too large")
	})
}

func TestGzip(t *testing.T) {
	srv := kietest.New(fast())
	defer srv.Close()
	for _, accept := range []string{"gzip", "identity"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, creditPath, nil)
		req.Header.Set("Authorization", "Bearer "+srv.Key())
		req.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		srv.Handler().ServeHTTP(w, req)
		var a answer
		if accept == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
				t.Fatalf("reply is not compressed: %v", err)
			}
			err = json.NewDecoder(z).Decode(&a)
			if err != nil {
				t.Fatal(err)
			}
		} else if err := json.NewDecoder(w.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		a.status = w.Code
		a.want(t, http.StatusOK, "success")
	}
}

func TestRecordInfoRefusals(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubble(t, cfg, func(c caller) {
		c.call(http.MethodGet, "/api/v1/jobs/recordInfo", "").want(c, http.StatusBadRequest, "taskId")
		c.call(http.MethodGet, recordPath+"nobody", "").want(c, http.StatusUnprocessableEntity, "recordInfo is null")
		id := c.create("a cat")
		pass(2 * time.Second)
		c.record(id)
		req := c.request(http.MethodGet, recordPath+id, "")
		req.Header.Set("Authorization", "Bearer two")
		a, err := c.try(req)
		if err != nil {
			t.Fatal(err)
		}
		a.want(c, http.StatusUnprocessableEntity, "recordInfo is null")
	})
}

func TestReadLimitPerTask(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		one, two := c.create("one"), c.create("two")
		pass(2 * time.Second)
		for range 10 {
			c.record(one)
		}
		c.call(http.MethodGet, recordPath+one, "").want(c, http.StatusTooManyRequests, "frequency")
		c.record(two)
		pass(time.Second)
		c.record(one)
	})
}

func TestCreateLimitSlides(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		body := order(c, picture, map[string]any{"prompt": "x"}, "")
		for range 10 {
			c.call(http.MethodPost, createPath, body).want(c, 200, "")
		}
		pass(6 * time.Second)
		for range 10 {
			c.call(http.MethodPost, createPath, body).want(c, 200, "")
		}
		over := c.call(http.MethodPost, createPath, body).want(c, http.StatusTooManyRequests, "frequency is too high")
		if string(over.Data) != "null" {
			t.Errorf("data over the limit is %s", over.Data)
		}
		if got := c.MaxCreatesInWindow(); got != 21 {
			t.Errorf("MaxCreatesInWindow is %d, want 21", got)
		}
		pass(4 * time.Second) // the first ten leave the window
		for range 10 {
			c.call(http.MethodPost, createPath, body).want(c, 200, "")
		}
		c.call(http.MethodPost, createPath, body).want(c, http.StatusTooManyRequests, "")
		if len(c.Tasks()) != 30 || len(c.Creates()) != 32 {
			t.Errorf("%d tasks and %d calls, want 30 and 32", len(c.Tasks()), len(c.Creates()))
		}
	})
}

func TestInvalidCreatesCountTowardsTheLimit(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		for range 20 {
			c.call(http.MethodPost, createPath, `{}`).want(c, 422, "")
		}
		c.call(http.MethodPost, createPath, `{}`).want(c, http.StatusTooManyRequests, "")
	})
}

func TestCredits(t *testing.T) {
	cfg := fast()
	cfg.Credits = 20_500
	bubble(t, cfg, func(c caller) {
		credit := func(want string) {
			t.Helper()
			if got := string(c.call(http.MethodGet, creditPath, "").want(c, 200, "success").Data); got != want {
				t.Errorf("credit is %s, want %s", got, want)
			}
		}
		credit("20.5")
		c.NextCreate(kietest.Fail("500", "upstream"))
		c.create("fails")
		credit("12.5") // reserved
		c.create("works")
		credit("4.5")
		c.call(http.MethodPost, createPath, order(c, picture, map[string]any{"prompt": "x"}, "")).want(c, http.StatusPaymentRequired, "insufficient")
		pass(6 * time.Second)
		credit("12.5") // the failed one gave its credits back
		c.NextCreate(kietest.Consume(3_000))
		c.create("cheaper")
		credit("4.5")
		pass(6 * time.Second)
		credit("9.5")
		if tasks := c.Tasks(); tasks[0].Credits != 0 || tasks[1].Credits != 8_000 || tasks[2].Credits != 3_000 {
			t.Errorf("tasks cost %s, %s, %s", tasks[0].Credits, tasks[1].Credits, tasks[2].Credits)
		}
		c.SetBalance(0)
		credit("0")
	})
}

func TestEmptyAccount(t *testing.T) {
	cfg := fast()
	cfg.Credits = -1
	bubble(t, cfg, func(c caller) {
		c.call(http.MethodPost, createPath, order(c, picture, map[string]any{"prompt": "x"}, "")).want(c, http.StatusPaymentRequired, "")
	})
}

func TestAccountsAreApart(t *testing.T) {
	cfg := fast()
	cfg.Keys = []string{"one", "two"}
	bubble(t, cfg, func(c caller) {
		for range 20 {
			c.create("x")
		}
		req := c.request(http.MethodPost, createPath, order(c, picture, map[string]any{"prompt": "x"}, ""))
		req.Header.Set("Authorization", "Bearer two")
		a, err := c.try(req)
		if err != nil {
			t.Fatal(err)
		}
		a.want(c, 200, "success") // the first account's limit is used up
		if c.BalanceOf("one") != kietest.DefaultCredits-160_000 || c.BalanceOf("two") != kietest.DefaultCredits-8_000 || c.BalanceOf("three") != 0 {
			t.Errorf("balances are %s and %s", c.BalanceOf("one"), c.BalanceOf("two"))
		}
		if tasks := c.Tasks(); tasks[20].Key != "two" || tasks[0].Key != "one" {
			t.Error("tasks name the wrong account")
		}
	})
}

func TestDurationsDependOnKindAndSeed(t *testing.T) {
	length := func(cfg kietest.Config, model string, input map[string]any) time.Duration {
		var d time.Duration
		bubble(t, cfg, func(c caller) {
			c.createFor(model, input, "")
			pass(time.Hour)
			task := c.Tasks()[0]
			d = task.Ended.Sub(task.Created)
		})
		return d
	}
	seeded := func(seed uint64) kietest.Config { return kietest.Config{Seed: seed} }
	aCat := map[string]any{"prompt": "a cat"}
	image := length(seeded(1), picture, aCat)
	if image != length(seeded(1), picture, aCat) || image == length(seeded(2), picture, aCat) {
		t.Error("durations do not follow the seed")
	}
	video := length(seeded(1), "hailuo/02-text-to-video-pro", aCat)
	speech := length(seeded(1), "elevenlabs/text-to-speech-turbo-2-5", map[string]any{"text": "hello"})
	for name, got := range map[string][2]time.Duration{
		"image":  {image, kietest.Realistic().Image},
		"video":  {video, kietest.Realistic().Video},
		"speech": {speech, kietest.Realistic().Speech},
	} {
		if got[0] < got[1]*3/4 || got[0] > got[1]*5/4 {
			t.Errorf("%s took %v, want %v ± a quarter", name, got[0], got[1])
		}
	}
}

func TestClockThatJumps(t *testing.T) {
	bubble(t, fast(), func(c caller) { // only for the helpers
		var now atomic.Int64 // unix seconds
		cfg := fast()
		cfg.Now = func() time.Time { return time.Unix(now.Load(), 0) }
		srv := kietest.NewMemoryServer(cfg)
		defer srv.Close()
		c.Server = srv
		id := c.create("a cat")
		now.Add(3600)
		if r := c.record(id); r.State != kietest.StateSuccess || *r.CostTime > 5 {
			t.Errorf("after an hour the task is %s and took %d s", r.State, *r.CostTime)
		}
		now.Add(-7200)
		if s := c.Tasks()[0].State; s != kietest.StateSuccess {
			t.Errorf("a clock set back made the task %s again", s)
		}
	})
}
