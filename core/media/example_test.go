package media_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"kiebot/core/media"
)

// A result is fetched once, described by its bytes, and served under a signed
// link.
func Example() {
	host := httptest.NewServer(http.FileServer(http.Dir("testdata")))
	defer host.Close()
	dir, err := os.MkdirTemp("", "media")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	fetcher, err := media.NewFetcher(media.FetcherConfig{Trusted: []string{host.URL}})
	if err != nil {
		fmt.Println(err)
		return
	}
	spool, err := media.OpenSpool(dir, fetcher)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := spool.Fetch(context.Background(), "task-0", host.URL+"/rotated.mp4", media.Video)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Name, file.Type, file.Width, file.Height, file.Duration)

	links, err := media.NewLinks([]byte(strings.Repeat("k", 32)), time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, links.Path(file.Name, time.Hour), nil)
	links.Handler(spool, nil).ServeHTTP(answer, request)
	fmt.Println(answer.Code, answer.Header().Get("Content-Type"))
	// Output:
	// task-0.mp4 video/mp4 36 64 1.2s
	// 200 video/mp4
}

func ExampleError() {
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = fetcher.Fetch(context.Background(), "https://169.254.169.254/latest?token=1", os.Stdout)
	if failed, ok := err.(*media.Error); ok {
		fmt.Println(failed.Kind, failed.Temporary())
		fmt.Println(failed)
	}
	// Output:
	// blocked address false
	// fetching from 169.254.169.254: its address 169.254.169.254 is not public
}
