package kie_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
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

// Check a callback in a handler of one's own; CallbackHandler is ready made.
func ExampleVerifier() {
	verifier := kie.Verifier{Keys: []kie.Secret{"the new key", "the old key"}} // while they are being exchanged
	body := []byte(`{"code":200,"data":{"taskId":"281e5b0f","state":"success"}}`)
	header := kie.Sign("the old key", "281e5b0f", time.Now()) // what Kie would send

	fmt.Println(verifier.Verify(header, body))
	fmt.Println(verifier.Verify(http.Header{}, body))
	// Output:
	// <nil>
	// kie: the callback is not signed: is a webhook HMAC key set in kie.ai/settings?
}

// Keep below Kie's limit, whatever the latency: one limiter for all clients of
// an account.
func ExampleCreationLimiter() {
	server := kieServer()
	defer server.Close()
	client, err := kie.New(kie.Config{
		APIKey: "your-key", BaseURL: server.URL,
		Creations: kie.NewCreationLimiter(20, 10*time.Second),
	})
	if err != nil {
		log.Fatal(err)
	}
	ref, err := client.Create(context.Background(), kie.CreateRequest{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}})
	fmt.Println(ref, err)
	// Output: jobs:281e5b0f <nil>
}
