package kie_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"kiebot/kie"
)

// kieServer answers like Kie for one task that is done at once. A real program
// leaves Config.BaseURL empty.
func kieServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/jobs/createTask":
			_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"taskId":"281e5b0f"}}`)
		case "/api/v1/jobs/recordInfo":
			_, _ = io.WriteString(w, `{"code":200,"msg":"success","data":{"taskId":"281e5b0f","model":"google/imagen4","state":"success",`+
				`"resultJson":"{\"resultUrls\":[\"https://tempfile.aiquickdraw.com/r/cat.png\"]}","creditsConsumed":8}}`)
		default:
			_, _ = io.WriteString(w, `{"code":402,"msg":"Credits insufficient","data":null}`)
		}
	}))
}

// Create a task and wait for its result.
func Example() {
	server := kieServer()
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()

	ref, err := client.Create(ctx, kie.CreateRequest{
		Model: "google/imagen4",
		Input: map[string]any{"prompt": "a cat astronaut", "aspect_ratio": "16:9"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("created", ref) // store it: it survives a restart

	status, err := client.Wait(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}
	if status.State == kie.Fail {
		log.Fatal(status.Failure.Message)
	}
	for _, output := range status.Outputs {
		fmt.Println(output.Kind, output.URL)
	}
	fmt.Println("credits:", status.Credits)
	// Output:
	// created jobs:281e5b0f
	// image https://tempfile.aiquickdraw.com/r/cat.png
	// credits: 8
}

// Decide by the kind of an error.
func ExampleKindOf() {
	server := kieServer()
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Credits(context.Background())
	if kie.KindOf(err) == kie.ErrCredits {
		fmt.Println("top up at kie.ai/pricing")
	}
	fmt.Println(err)
	// Output:
	// top up at kie.ai/pricing
	// kie: read credits: Credits insufficient (credits, code 402)
}

// Receive callbacks: check, remember, answer at once, and read the result
// elsewhere with Client.Status.
func ExampleVerifier() {
	verifier := kie.Verifier{Keys: []kie.Secret{"key from kie.ai/settings"}}
	due := make(chan string, 100)
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot read the body", http.StatusBadRequest)
			return
		}
		if err := verifier.Verify(r.Header, body); err != nil {
			http.Error(w, "not signed by Kie", http.StatusForbidden)
			return
		}
		callback, err := kie.ParseCallback(body)
		if err != nil {
			http.Error(w, "not a callback", http.StatusBadRequest)
			return
		}
		due <- callback.TaskID
		_, _ = io.WriteString(w, `{"code":200,"msg":"success"}`)
	}

	// What Kie would send:
	r := httptest.NewRequest(http.MethodPost, "/hooks/kie", strings.NewReader(`{"code":200,"data":{"taskId":"281e5b0f","state":"success"}}`))
	r.Header = kie.Sign("key from kie.ai/settings", "281e5b0f", time.Now())
	w := httptest.NewRecorder()
	handler(w, r)
	fmt.Println(w.Code, "and", <-due, "is due to be read")
	// Output: 200 and 281e5b0f is due to be read
}

// Keep below Kie's limit, whatever the latency.
func ExampleCreationLimiter() {
	server := kieServer()
	defer server.Close()
	client, err := kie.New(kie.Config{APIKey: "your-key", BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	limiter := kie.NewCreationLimiter(20, 10*time.Second) // one per account

	ctx := context.Background()
	release, err := limiter.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	ref, err := client.Create(ctx, kie.CreateRequest{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}})
	release()
	fmt.Println(ref, err)
	// Output: jobs:281e5b0f <nil>
}
