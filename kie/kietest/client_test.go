package kietest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// client is our own client, for tests of both sides together.
func (c caller) client() *kie.Client {
	c.Helper()
	client, err := kie.New(kie.Config{BaseURL: c.URL(), APIKey: kie.Secret(c.Key()), HTTPClient: c.Client()})
	if err != nil {
		c.Fatal(err)
	}
	return client
}

// cat is an order for a picture.
func cat() kie.CreateRequest {
	return kie.CreateRequest{Model: picture, Input: map[string]any{"prompt": "a cat"}}
}

// TestClientAndServerAgree proves the distinction that money depends on: when
// the client says that nothing happened, no task exists, and when a task may
// exist, it says so.
func TestClientAndServerAgree(t *testing.T) {
	tests := []struct {
		name   string
		faults []kietest.Fault
		kind   kie.ErrorKind
		tasks  int
	}{
		{"no trouble", nil, 0, 1},
		{"rate", []kietest.Fault{kietest.Answer(429, "too often")}, kie.ErrRate, 0},
		{"maintenance", []kietest.Fault{kietest.Answer(455, "later")}, kie.ErrMaintenance, 0},
		{"credits", []kietest.Fault{kietest.Answer(402, "poor")}, kie.ErrCredits, 0},
		{"key over its cap", []kietest.Fault{kietest.Answer(433, "cap")}, kie.ErrCredits, 0},
		{"auth", []kietest.Fault{kietest.Answer(401, "who")}, kie.ErrAuth, 0},
		{"invalid", []kietest.Fault{kietest.Answer(422, "wrong")}, kie.ErrInvalid, 0},
		{"server error in an envelope", []kietest.Fault{kietest.Answer(500, "oops")}, kie.ErrRefused, 0},
		{"gateway page", []kietest.Fault{kietest.HTML(502)}, kie.ErrUnknownOutcome, 0},
		{"gateway page after", []kietest.Fault{kietest.After(kietest.HTML(502))}, kie.ErrUnknownOutcome, 1},
		{"page with status 200", []kietest.Fault{kietest.After(kietest.HTML(200))}, kie.ErrUnknownOutcome, 1},
		{"dropped", []kietest.Fault{kietest.Drop()}, kie.ErrUnknownOutcome, 0},
		{"reply lost", []kietest.Fault{kietest.After(kietest.Drop())}, kie.ErrUnknownOutcome, 1},
		{"no id", []kietest.Fault{kietest.After(kietest.NullTaskID())}, kie.ErrUnknownOutcome, 1},
		{"slow body", []kietest.Fault{kietest.Slow(time.Second)}, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, fast(), func(c caller) {
				c.NextCreate(test.faults...)
				ref, err := c.client().Create(c.Context(), cat())
				if kie.KindOf(err) != test.kind || ref.IsZero() != (test.kind != 0) {
					t.Errorf("Create gave %v, %v; want %v", ref, err, test.kind)
				}
				if len(c.Tasks()) != test.tasks || len(c.Creates()) != 1 {
					t.Errorf("%d tasks of %d calls, want %d of 1", len(c.Tasks()), len(c.Creates()), test.tasks)
				}
			})
		})
	}
}

func TestClientReadsWhatTheServerWrites(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		client := c.client()
		c.NextCreate(kietest.EmptyResult(2))
		ref, err := client.Create(c.Context(), cat())
		if err != nil {
			t.Fatal(err)
		}
		status, err := client.Wait(c.Context(), ref)
		if err != nil || status.State != kie.Success || len(status.Outputs) != 1 || *status.Credits != 8_000 || status.Completed.Sub(status.Created) < 3*time.Second {
			t.Errorf("status %+v, %v", status, err)
		}
		link, err := client.DownloadURL(c.Context(), status.Outputs[0].URL)
		if err != nil || !strings.HasPrefix(link, status.Outputs[0].URL+"?") {
			t.Errorf("link %q, %v", link, err)
		}
		c.NextCreate(kietest.Fail("400", "refused by moderation"))
		if ref, err = client.Create(c.Context(), cat()); err != nil {
			t.Fatal(err)
		}
		if status, err = client.Wait(c.Context(), ref); err != nil || status.State != kie.Fail || status.Failure.Message != "refused by moderation" {
			t.Errorf("status %+v, %v", status, err)
		}
		if credits, err := client.Credits(c.Context()); err != nil || catalog.Credits(credits) != c.Balance() {
			t.Errorf("credits %v, %v; want %v", credits, err, c.Balance())
		}
	})
}

// TestLimiterKeepsTheServerQuiet proves the client's limiter against the
// server's.
func TestLimiterKeepsTheServerQuiet(t *testing.T) {
	bubble(t, fast(), func(c caller) {
		limiter, client := kie.NewCreationLimiter(20, 10*time.Second), c.client()
		var group sync.WaitGroup
		for range 70 {
			group.Go(func() {
				release, err := limiter.Acquire(c.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				if _, err := client.Create(c.Context(), cat()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if c.MaxCreatesInWindow() != 20 || len(c.Tasks()) != 70 {
			t.Errorf("at most %d creations in 10 s and %d tasks, want 20 and 70", c.MaxCreatesInWindow(), len(c.Tasks()))
		}
	})
}

// TestBalanceAddsUp lets random histories run and counts the credits.
func TestBalanceAddsUp(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			bubble(t, fast(), func(c caller) {
				var held []string
				for range 40 {
					var faults []kietest.Fault
					switch rng.IntN(6) {
					case 0:
						faults = append(faults, kietest.Fail("500", "no"))
					case 1:
						faults = append(faults, kietest.Consume(catalog.Credits(rng.IntN(12_000))))
					case 2:
						faults = append(faults, kietest.HoldTask())
					case 3:
						faults = append(faults, kietest.Answer(500, "no"))
					}
					c.NextCreate(faults...)
					c.call(http.MethodPost, createPath, createBody)
					pass(time.Duration(rng.IntN(2000)) * time.Millisecond)
					if tasks := c.Tasks(); len(tasks) > 0 && rng.IntN(3) == 0 {
						held = append(held, tasks[rng.IntN(len(tasks))].ID)
						c.Release(held[len(held)-1])
					}
					checkBalance(c)
				}
				for _, task := range c.Tasks() {
					c.Release(task.ID)
				}
				pass(time.Minute)
				checkBalance(c)
				for _, task := range c.Tasks() {
					if task.State != kietest.StateSuccess && task.State != kietest.StateFail {
						t.Errorf("a task is %s in the end", task.State)
					}
				}
			})
		})
	}
}

// checkBalance holds the balance against what the tasks say.
func checkBalance(c caller) {
	c.Helper()
	sum := c.Balance()
	for _, task := range c.Tasks() {
		sum += task.Credits
	}
	if sum != kietest.DefaultCredits {
		c.Errorf("balance and tasks add up to %s, want %s", sum, kietest.DefaultCredits)
	}
}

func TestConcurrentUse(t *testing.T) {
	srv := kietest.NewServer(kietest.Config{Shrink: 16, RecordDelay: -1, Durations: kietest.Durations{Image: time.Millisecond}, Keys: []string{"a", "b", "c", "d"}})
	var group sync.WaitGroup
	for _, key := range []string{"a", "b", "c", "d"} {
		group.Go(func() {
			c := caller{t, srv}
			for range 5 {
				req := c.request(http.MethodPost, createPath, order(t, picture, map[string]any{"prompt": key}, "http://127.0.0.1:1/refused"))
				req.Header.Set("Authorization", "Bearer "+key)
				if a, err := c.try(req); err != nil || a.Code != 200 {
					t.Errorf("createTask gave code %d, %v", a.Code, err)
				}
				for _, task := range srv.Tasks() {
					for _, url := range task.URLs {
						if a, err := c.tryFetch(url); err != nil || a.status != http.StatusOK {
							t.Errorf("GET %s gave %d, %v", url, a.status, err)
						}
					}
				}
				srv.Balance()
				srv.Requests()
				srv.Callbacks()
				srv.MaxCreatesInWindow()
				srv.Next(kietest.CallCredit, kietest.Drop())
			}
		})
	}
	group.Wait()
	if len(srv.Tasks()) != 20 {
		t.Errorf("%d tasks, want 20", len(srv.Tasks()))
	}
	srv.Close()
}

func TestCallsAfterCloseAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := kietest.NewMemoryServer(fast())
		srv.Close()
		c := caller{t, srv}
		if _, err := c.try(c.request(http.MethodGet, creditPath, "")); err == nil {
			t.Error("a closed server answers")
		}
	})
}

// FuzzCreateTask sends arbitrary bodies: the server must answer each with an
// envelope, and make a task exactly when it says so.
func FuzzCreateTask(f *testing.F) {
	for _, seed := range []string{
		createBody, `{}`, `[]`, `null`, `{"model":"google/imagen4","input":null}`, `{"model":"google/imagen4","input":[]}`,
		`{"model":"google/imagen4","input":{"prompt":"x","seed":1e400}}`, `{"model":"google/imagen4-fast","input":{"prompt":"x","seed":-9223372036854775809}}`,
		`{"model":"nano-banana-2","input":{"prompt":"x","image_input":[["https://e.test"]]}}`, "\xff", `{"model":"google/imagen4","input":{"prompt":"\ud800"}}`,
		`{"model":"bytedance/seedream-v4-text-to-image","input":{"prompt":"x","max_images":1e18}}`,
		`{"model":"google/imagen4","input":{"prompt":"x"},"callBackUrl":"http://[::1"}`,
	} {
		f.Add(seed)
	}
	models, err := catalog.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		cfg := fast()
		cfg.Catalog = models
		bubble(t, cfg, func(c caller) {
			a := c.call(http.MethodPost, createPath, body)
			if made := a.Code == http.StatusOK; a.Code == 0 || made != (len(c.Tasks()) == 1) {
				t.Errorf("code %d with %d tasks", a.Code, len(c.Tasks()))
			}
			pass(time.Minute)
			for _, task := range c.Tasks() {
				if task.State != kietest.StateSuccess || len(task.URLs) == 0 {
					t.Errorf("task ended as %s with %v", task.State, task.URLs)
				}
			}
		})
	})
}
