package kietest_test

import (
	"context"
	"fmt"
	"time"

	"kiebot/kie"
	"kiebot/kie/kietest"
)

// A client is tested against a server on a loopback port. Faults are ordered
// beforehand; what happened is looked up afterwards.
func Example() {
	srv := kietest.NewServer(kietest.Config{
		Durations:   kietest.Durations{Image: 50 * time.Millisecond},
		RecordDelay: -1,
	})
	defer srv.Close()
	client, err := kie.New(kie.Config{
		BaseURL:    srv.URL(),
		APIKey:     kie.Secret(srv.Key()),
		HTTPClient: srv.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	cat := kie.CreateRequest{Model: "google/imagen4", Input: map[string]any{"prompt": "a cat"}}

	srv.NextCreate(kietest.After(kietest.Drop())) // the task exists, its reply is lost
	_, err = client.Create(ctx, cat)
	fmt.Println(kie.KindOf(err))

	ref, err := client.Create(ctx, cat)
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := client.Wait(ctx, ref)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.State, len(status.Outputs), "picture")
	fmt.Println(len(srv.Tasks()), "tasks,", srv.Balance(), "credits left")
	// Output:
	// unknown outcome
	// success 1 picture
	// 2 tasks, 9984 credits left
}

// In a synctest bubble the server listens in memory: minutes pass at once.
func ExampleNewMemoryServer() {
	srv := kietest.NewMemoryServer(kietest.Config{})
	defer srv.Close()
	client, err := kie.New(kie.Config{BaseURL: srv.URL(), APIKey: kie.Secret(srv.Key()), HTTPClient: srv.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	credits, err := client.Credits(context.Background())
	fmt.Println(credits, err)
	// Output: 10000 <nil>
}
