package kie

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

func share(f float64) *float64 { return &f }

func TestModels(t *testing.T) {
	var uri string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		uri = r.RequestURI
		_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"total":2,"models":[
			{"model":"google/imagen4","slug":"imagen4","title":"Imagen 4","provider":"Google","taskType":["Text to Image"],"description":null,"pricingDesc":"8 credits"},
			{"model":"wan/3-0","taskType":"Text to Video, Image to Video","pricingDesc":null},{"title":"no id"},null]}}`)
	})
	got, err := client.Models(t.Context(), ModelQuery{TaskTypes: []string{"Text to Image", "Lip Sync"}, Provider: "Google", Text: "a&b"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "/api/v1/models?provider=Google&q=a%26b&taskType=Text%20to%20Image%2CLip%20Sync"; uri != want {
		t.Errorf("asked for %s, want %s", uri, want)
	}
	want := []Model{
		{ID: "google/imagen4", Slug: "imagen4", Title: "Imagen 4", Provider: "Google", TaskTypes: []string{"Text to Image"}, Pricing: "8 credits"},
		{ID: "wan/3-0", TaskTypes: []string{"Text to Video", "Image to Video"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
}

func TestModelsShapes(t *testing.T) {
	for data, want := range map[string]int{
		`{"models":[]}`: 0, `[{"model":"a"},{"model":"b"}]`: 2, `"{\"models\":[{\"model\":\"a\"}]}"`: 1, `{"models":"[{\"model\":\"a\"}]"}`: 1,
		`{"models":null}`: -1, `{}`: -1, `"later"`: -1, `7`: -1, `null`: -1,
	} {
		got, ok := decodeModels([]byte(data))
		if ok != (want >= 0) || ok && len(got) != want {
			t.Errorf("%s reads as %v, %v", data, got, ok)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := serveInMemory(t, scripted(`{"code":200,"data":{}}`).ServeHTTP).Models(t.Context(), ModelQuery{})
		wantError(t, err, ErrTemporary, "list models")
	})
}

// modelServer answers the three calls about one model, and keeps what was
// asked.
func modelServer(t *testing.T, data string) (*Client, *[]string) {
	t.Helper()
	asked := &[]string{}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.RequestURI)
		_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":`+data+`}`)
	}), asked
}

func TestModelSchema(t *testing.T) {
	client, asked := modelServer(t, `{"model":"a","openapi":{"openapi":"3.1.0"}}`)
	got, err := client.ModelSchema(t.Context(), "bytedance/seedream v4")
	if err != nil || string(got) != `{"openapi":"3.1.0"}` {
		t.Errorf("schema %s, %v", got, err)
	}
	// The slash stays, everything else is escaped.
	if want := []string{"/api/v1/models/bytedance/seedream%20v4/schema"}; !slices.Equal(*asked, want) {
		t.Errorf("asked for %v, want %v", *asked, want)
	}
	for data, want := range map[string]string{`{"openapi":null}`: "", `{"openapi":"{\"openapi\":\"3.1.0\"}"}`: `{"openapi":"3.1.0"}`} {
		client, _ := modelServer(t, data)
		if got, err := client.ModelSchema(t.Context(), "a"); err != nil || string(got) != want {
			t.Errorf("%s gives %q, %v", data, got, err)
		}
	}
}

func TestModelPrice(t *testing.T) {
	client, asked := modelServer(t, `{"model":"a","pricingDesc":"8 credits per image"}`)
	got, err := client.ModelPrice(t.Context(), "google/imagen4")
	if err != nil || got != "8 credits per image" || (*asked)[0] != "/api/v1/models/google/imagen4/price" {
		t.Errorf("price %q, %v, asked %v", got, err, *asked)
	}
}

func TestModelSuccessRate(t *testing.T) {
	client, asked := modelServer(t, `{"model":"a","points":[
		{"start":1790000000000,"end":"2026-09-21T16:23:20Z","successRate":0.98,"errorRate":"0.02","isNormal":true},
		{"start":1790000600,"successRate":null,"errorRate":null,"isNormal":"0"}, 3]}`)
	got, err := client.ModelSuccessRate(t.Context(), "google/imagen4")
	if err != nil || (*asked)[0] != "/api/v1/models/google/imagen4/success-rate" {
		t.Fatalf("%v, asked %v", err, *asked)
	}
	want := []SuccessRate{
		{Start: time.UnixMilli(1790000000000), End: time.Date(2026, 9, 21, 16, 23, 20, 0, time.UTC), Success: share(0.98), Failure: share(0.02), Normal: true},
		{Start: time.Unix(1790000600, 0)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
}

// aboutModel are the calls that take a model.
func aboutModel() map[string]func(context.Context, *Client, string) error {
	return map[string]func(context.Context, *Client, string) error{
		"read model schema": func(ctx context.Context, c *Client, model string) error {
			_, err := c.ModelSchema(ctx, model)
			return err
		},
		"read model price": func(ctx context.Context, c *Client, model string) error {
			_, err := c.ModelPrice(ctx, model)
			return err
		},
		"read model success rate": func(ctx context.Context, c *Client, model string) error {
			_, err := c.ModelSuccessRate(ctx, model)
			return err
		},
	}
}

func TestModelCallsFail(t *testing.T) {
	for op, do := range aboutModel() {
		synctest.Test(t, func(t *testing.T) {
			server := scripted(`{"code":404,"msg":"The model name you specified is not supported.","data":null}`)
			client := serveInMemory(t, server.ServeHTTP)
			wantError(t, do(t.Context(), client, "a/b"), ErrNotFound, op)
			for _, model := range []string{"", "/", "a/", "a//b", "../chat", "a/./b", ".."} {
				wantError(t, do(t.Context(), client, model), ErrInvalid, op)
			}
			if n := server.count.Load(); n != 1 {
				t.Errorf("%s: %d requests", op, n)
			}
			wantError(t, do(t.Context(), serveInMemory(t, scripted(`{"code":200,"data":null}`).ServeHTTP), "a"), ErrTemporary, op)
		})
	}
}

// TestDiscoveryBudget: the four calls share one request per second, also
// between clients that are given the same limiter, and retries count.
func TestDiscoveryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var arrivals []time.Time
		handler := func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			arrivals = append(arrivals, time.Now())
			n := len(arrivals)
			mu.Unlock()
			if n == 5 {
				_, _ = io.WriteString(w, `{"code":429,"msg":"too often"}`)
				return
			}
			_, _ = io.WriteString(w, `{"code":200,"data":{"models":[]}}`)
		}
		first, second := serveInMemory(t, handler), serveInMemory(t, handler)
		second.discovery = first.discovery
		var group sync.WaitGroup
		for n := range 12 {
			group.Go(func() {
				client := []*Client{first, second}[n%2]
				if _, err := client.Models(t.Context(), ModelQuery{}); err != nil {
					t.Error(err)
				}
				for op, do := range aboutModel() {
					if err := do(t.Context(), client, "a"); err != nil {
						t.Errorf("%s: %v", op, err)
					}
				}
			})
		}
		group.Wait()
		if len(arrivals) < 48 {
			t.Fatalf("%d requests arrived", len(arrivals))
		}
		for i := 1; i < len(arrivals); i++ {
			// The limiter counts in floating point, which may be a nanosecond short.
			if gap := arrivals[i].Sub(arrivals[i-1]); gap < time.Second-time.Microsecond {
				t.Errorf("two requests within %v", gap)
			}
		}
	})
}

// TestQueryLimiter: reading calls wait, buying calls do not.
func TestQueryLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, scripted(`{"code":200,"data":{"taskId":"t1","state":"waiting"}}`).ServeHTTP)
		client.queries = rate.NewLimiter(2, 1)
		start := time.Now()
		for range 5 {
			if _, err := client.Status(t.Context(), Ref{Jobs, "t1"}); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Create(t.Context(), CreateRequest{Model: "m"}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("5 queries at 2 per second took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := client.Credits(ctx)
		if e := wantError(t, err, ErrTemporary, "read credits"); !strings.HasPrefix(e.Message, "nothing was sent: ") {
			t.Errorf("message %q", e.Message)
		}
	})
}
