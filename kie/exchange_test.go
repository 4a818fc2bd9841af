package kie

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// createOnce calls Create and checks the kind of its error.
func createOnce(t *testing.T, client *Client, kind ErrorKind) *Error {
	t.Helper()
	ref, err := client.Create(t.Context(), CreateRequest{Model: "m"})
	if !ref.IsZero() {
		t.Errorf("an error comes with the reference %v", ref)
	}
	return wantError(t, err, kind, "create task")
}

// TestCreateNothingSent: these are safe to send again, because no server saw
// a request.
func TestCreateNothingSent(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		e := createOnce(t, newTestClient(t, "http://"+listener.Addr().String(), nil), ErrTemporary)
		if !errors.Is(e, syscall.ECONNREFUSED) || !strings.HasPrefix(e.Message, "nothing was sent: ") {
			t.Errorf("error %v", e)
		}
	})
	t.Run("no such host", func(t *testing.T) {
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "kie.test", IsNotFound: true}
		}}
		createOnce(t, newTestClient(t, "http://kie.test", transport), ErrTemporary)
	})
	t.Run("certificate not trusted", func(t *testing.T) {
		server, count := countingServer(t, (*httptest.Server).StartTLS)
		createOnce(t, newTestClient(t, server.URL, nil), ErrTemporary)
		if count.Load() != 0 {
			t.Error("the request was sent")
		}
	})
	t.Run("no TLS on the other side", func(t *testing.T) {
		server, count := countingServer(t, (*httptest.Server).Start)
		createOnce(t, newTestClient(t, strings.Replace(server.URL, "http:", "https:", 1), nil), ErrTemporary)
		if count.Load() != 0 {
			t.Error("the request was sent")
		}
	})
	t.Run("context ended before", func(t *testing.T) {
		server, count := countingServer(t, (*httptest.Server).Start)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newTestClient(t, server.URL, nil).Create(ctx, CreateRequest{Model: "m"})
		wantError(t, err, ErrTemporary, "create task")
		if !errors.Is(err, context.Canceled) || count.Load() != 0 {
			t.Errorf("error %v after %d requests", err, count.Load())
		}
	})
	t.Run("context ends while connecting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := newTestClient(t, "http://kie.test", transport).Create(ctx, CreateRequest{Model: "m"})
			wantError(t, err, ErrTemporary, "create task")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v hides the context's", err)
			}
		})
	})
	t.Run("context ends while waiting for a connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			client := serveInMemory(t, func(w http.ResponseWriter, _ *http.Request) {
				close(entered) // panics at a second request
				<-release
				_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
			})
			client.http.Transport.(*http.Transport).MaxConnsPerHost = 1
			first := make(chan error, 1)
			go func() {
				_, err := client.Create(t.Context(), CreateRequest{Model: "m"})
				first <- err
			}()
			<-entered
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := client.Create(ctx, CreateRequest{Model: "m"})
			wantError(t, err, ErrTemporary, "create task")
			close(release)
			if err := <-first; err != nil {
				t.Error(err)
			}
		})
	})
}

// countingServer counts requests and answers each like a created task.
func countingServer(t *testing.T, start func(*httptest.Server)) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	count := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		count.Add(1)
		_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(server)
	t.Cleanup(server.Close)
	return server, count
}

// TestCreateOutcomeUnknown: the request left, no usable answer came back. Each
// case happens in two forms, Kie having executed it or not, which look alike;
// in both the client must send once and say that it does not know.
func TestCreateOutcomeUnknown(t *testing.T) {
	endings := map[string]func(w http.ResponseWriter){
		"connection closed": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"connection reset":  reset,
		"body cut": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
		},
		"chunks cut": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"body too large": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"},"pad":"`+strings.Repeat("x", maxBody)+`"}`)
		},
		"not HTTP": func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, testKey.Reveal()+"\r\n")
			_ = conn.Close()
		},
		"502": func(w http.ResponseWriter) { http.Error(w, "<html>Bad gateway</html>", http.StatusBadGateway) },
	}
	for name, end := range endings {
		for _, executed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, executed %v", name, executed), func(t *testing.T) {
				var requests, tasks atomic.Int64
				client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					requests.Add(1)
					if executed {
						tasks.Add(1)
					}
					end(w)
				})
				e := createOnce(t, client, ErrUnknownOutcome)
				if e.Err != nil {
					wantPlain(t, e.Err.Error())
				}
				if tooLarge := strings.Contains(e.Message, "exceeds"); tooLarge != (name == "body too large") {
					t.Errorf("message %q", e.Message)
				}
				if requests.Load() != 1 || tasks.Load() > 1 {
					t.Errorf("%d requests made %d tasks", requests.Load(), tasks.Load())
				}
			})
		}
	}
}

// reset ends the connection with RST, as a crashed host does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func packed(body string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.Bytes()
}

func TestCreateTimesOutAfterSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var executed atomic.Int64
		client := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
			executed.Add(1)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := client.Create(ctx, CreateRequest{Model: "m"})
		wantError(t, err, ErrUnknownOutcome, "create task")
		if !errors.Is(err, context.DeadlineExceeded) || executed.Load() != 1 {
			t.Errorf("error %v after %d requests", err, executed.Load())
		}
	})
}

func TestCreateTimesOutInTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"code":200,`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := client.Create(ctx, CreateRequest{Model: "m"})
		wantError(t, err, ErrUnknownOutcome, "create task")
	})
}

// TestOwnClientTimesOut: the client that New makes gives up by itself.
func TestOwnClientTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := serveInMemory(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		client, err := New(Config{APIKey: testKey, BaseURL: "http://kie.test"})
		if err != nil {
			t.Fatal(err)
		}
		defer client.http.CloseIdleConnections()
		client.http.Transport.(*http.Transport).DialContext = silent.http.Transport.(*http.Transport).DialContext
		start := time.Now()
		createOnce(t, client, ErrUnknownOutcome)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("gave up after %v", took)
		}
	})
}

// TestCreateOverHTTP2: the same signals hold for the protocol that Kie speaks.
func TestCreateOverHTTP2(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("protocol %s", r.Proto)
		}
		if requests.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
			return
		}
		panic(http.ErrAbortHandler)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newTestClient(t, server.URL, server.Client().Transport)
	if ref, err := client.Create(t.Context(), CreateRequest{Model: "m"}); err != nil || ref.TaskID != "t1" {
		t.Fatalf("Create = %v, %v", ref, err)
	}
	createOnce(t, client, ErrUnknownOutcome)
	if requests.Load() != 2 {
		t.Errorf("%d requests", requests.Load())
	}
}

// opaque is a transport that tells nothing about its steps.
type opaque struct{}

func (opaque) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("lost") }

func TestCreateThroughOpaqueTransport(t *testing.T) {
	e := createOnce(t, newTestClient(t, "http://kie.test", opaque{}), ErrUnknownOutcome)
	if e.Message != "no answer after sending: lost" {
		t.Errorf("message %q", e.Message)
	}
}

// TestRedirectsAreNotFollowed: neither would the key be safe elsewhere nor the
// method kept.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		t.Cleanup(other.Close)
		server := &script{replies: []reply{{
			status: status, header: map[string]string{"Location": other.URL}, body: `{"code":200,"data":{"taskId":"t1"}}`,
		}}}
		client := serve(t, server.ServeHTTP)
		e := createOnce(t, client, ErrRefused)
		if !strings.Contains(e.Message, "check the base URL") {
			t.Errorf("message %q", e.Message)
		}
		_, err := client.Credits(t.Context())
		wantError(t, err, ErrRefused, "read credits")
		if server.count.Load() != 2 || elsewhere.Load() != 0 {
			t.Errorf("HTTP %d: %d requests here, %d elsewhere", status, server.count.Load(), elsewhere.Load())
		}
	}
}

func TestGzip(t *testing.T) {
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed(`{"code":200,"data":12.5}`))
	}
	server := httptest.NewServer(http.HandlerFunc(handler))
	t.Cleanup(server.Close)
	for _, disabled := range []bool{false, true} {
		// With compression disabled the transport neither asks nor unpacks.
		client := newTestClient(t, server.URL, &http.Transport{DisableCompression: disabled})
		if got, err := client.Credits(t.Context()); err != nil || got != 12500 {
			t.Errorf("DisableCompression %v: %v, %v", disabled, got, err)
		}
	}
}

// TestBrokenGzip: whoever unpacks, the caller learns that there is no answer.
func TestBrokenGzip(t *testing.T) {
	for name, body := range map[string][]byte{
		"not packed": []byte(`{"code":200,"data":{"taskId":"t1"}}`),
		"cut":        packed(`{"code":200,"data":{"taskId":"t1"}}`)[:20],
		"bomb":       packed(strings.Repeat(" ", 4*maxBody)),
	} {
		for _, disabled := range []bool{false, true} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(body)
			}))
			t.Cleanup(server.Close)
			t.Logf("%s, DisableCompression %v", name, disabled)
			createOnce(t, newTestClient(t, server.URL, &http.Transport{DisableCompression: disabled}), ErrUnknownOutcome)
		}
	}
}

func TestContentTypeDoesNotMatter(t *testing.T) {
	for _, contentType := range []string{"", "text/html", "text/plain; charset=GBK", "application/octet-stream"} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if contentType != "" {
				w.Header().Set("Content-Type", contentType)
			}
			_, _ = io.WriteString(w, `{"code":200,"data":1}`)
		})
		if got, err := client.Credits(t.Context()); err != nil || got != 1000 {
			t.Errorf("Content-Type %q: %v, %v", contentType, got, err)
		}
	}
}

// TestReadsAreRepeated: how often, with which pauses, and when not.
func TestReadsAreRepeated(t *testing.T) {
	const balance = `{"code":200,"data":1}`
	rate := reply{body: `{"code":429,"msg":"Your call frequency is too high.","data":null}`}
	after := func(value string) reply {
		return reply{status: 429, header: map[string]string{"Retry-After": value}}
	}
	tests := []struct {
		name     string
		replies  []reply
		kind     ErrorKind // 0 for success
		requests int64
		min, max time.Duration
	}{
		{"at once", []reply{{body: balance}}, 0, 1, 0, 0},
		{"second try", []reply{rate, {body: balance}}, 0, 2, 250 * time.Millisecond, 750 * time.Millisecond},
		{"third try", []reply{{status: 502}, rate, {body: balance}}, 0, 3, 750 * time.Millisecond, 2250 * time.Millisecond},
		{"three tries are enough", []reply{rate, rate, rate, {body: balance}}, ErrRate, 3, 750 * time.Millisecond, 2250 * time.Millisecond},
		{"page, then answer", []reply{{status: 503, body: "<html>"}, {body: balance}}, 0, 2, 250 * time.Millisecond, 750 * time.Millisecond},
		{"refused", []reply{{body: `{"code":401,"msg":"no"}`}, {body: balance}}, ErrAuth, 1, 0, 0},
		{"seconds", []reply{after("7"), {body: balance}}, 0, 2, 7 * time.Second, 7 * time.Second},
		{"date", []reply{after("Sat, 01 Jan 2000 00:00:10 GMT"), {body: balance}}, 0, 2, 10 * time.Second, 10 * time.Second},
		{"date in the past", []reply{after("Fri, 31 Dec 1999 23:00:00 GMT"), {body: balance}}, 0, 2, 250 * time.Millisecond, 750 * time.Millisecond},
		{"too long to sit out", []reply{after("31"), {body: balance}}, ErrRate, 1, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock starts at 2000-01-01 00:00:00 UTC
				server := &script{replies: test.replies}
				client := serveInMemory(t, server.ServeHTTP)
				start := time.Now()
				_, err := client.Credits(t.Context())
				took := time.Since(start)
				if test.kind != 0 {
					wantError(t, err, test.kind, "read credits")
				} else if err != nil {
					t.Error(err)
				}
				if n := server.count.Load(); n != test.requests {
					t.Errorf("%d requests, want %d", n, test.requests)
				}
				if took < test.min || took > test.max {
					t.Errorf("took %v, want %v to %v", took, test.min, test.max)
				}
			})
		})
	}
}

// A caller who plans its own reads hears of each refusal.
func TestReadsAreSentAsOftenAsConfigured(t *testing.T) {
	server := &script{replies: []reply{{body: `{"code":429,"msg":"Your call frequency is too high.","data":null}`}, {body: `{"code":200,"data":1}`}}}
	listener := httptest.NewServer(server)
	defer listener.Close()
	client, err := New(Config{APIKey: "k", BaseURL: listener.URL, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Credits(t.Context())
	wantError(t, err, ErrRate, "read credits")
	if n := server.count.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestReadsSurviveLostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		client := serveInMemory(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) < 3 {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, `{"code":200,"data":1}`)
		})
		if _, err := client.Credits(t.Context()); err != nil || requests.Load() != 3 {
			t.Errorf("%v after %d requests", err, requests.Load())
		}
	})
}

// TestReadsObeyTheContext: no pause outlives the context, and none is begun
// that cannot end in time.
func TestReadsObeyTheContext(t *testing.T) {
	later := reply{status: 429, header: map[string]string{"Retry-After": "20"}}
	t.Run("deadline nearer than the pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := serveInMemory(t, (&script{replies: []reply{later}}).ServeHTTP)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			_, err := client.Credits(ctx)
			if e := wantError(t, err, ErrRate, "read credits"); e.RetryAfter != 20*time.Second || time.Since(start) != 0 {
				t.Errorf("RetryAfter %v after %v", e.RetryAfter, time.Since(start))
			}
		})
	})
	t.Run("canceled in the pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := serveInMemory(t, (&script{replies: []reply{later}}).ServeHTTP)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(3*time.Second, cancel)
			start := time.Now()
			_, err := client.Credits(ctx)
			wantError(t, err, ErrRate, "read credits")
			if !errors.Is(err, context.Canceled) || time.Since(start) != 3*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	})
	t.Run("canceled in the call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var requests atomic.Int64
			client := serveInMemory(t, func(_ http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				<-r.Context().Done()
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := client.Credits(ctx)
			wantError(t, err, ErrTemporary, "read credits")
			if !errors.Is(err, context.DeadlineExceeded) || requests.Load() != 1 {
				t.Errorf("%v after %d requests", err, requests.Load())
			}
		})
	})
}

func TestCreateReportsRetryAfter(t *testing.T) {
	server := &script{replies: []reply{{
		header: map[string]string{"Retry-After": "12"}, body: `{"code":429,"msg":"Your call frequency is too high.","data":null}`,
	}}}
	if e := createOnce(t, serve(t, server.ServeHTTP), ErrRate); e.RetryAfter != 12*time.Second {
		t.Errorf("RetryAfter %v", e.RetryAfter)
	}
	if n := server.count.Load(); n != 1 {
		t.Errorf("createTask was sent %d times", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"": 0, "0": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "1.5": 0, "soon": 0,
		strconv.Itoa(1 << 40):                0,
		"Tue, 20 Oct 2026 12:00:30 GMT":      30 * time.Second,
		"Tuesday, 20-Oct-26 12:00:30 GMT":    30 * time.Second,
		"Tue, 20 Oct 2026 11:00:00 GMT":      0,
		"Tue, 20 Oct 2026 12:00:30 GMT junk": 0,
	}
	for value, want := range tests {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", value, got, want)
		}
	}
}

// TestLogLines: one line for each exchange says which call it was and how it
// went, and nothing of what was said.
func TestLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		const secret = "https://files.test/private.png"
		client := serveInMemory(t, scripted(
			`{"code":500,"msg":"`+testKey.Reveal()+` `+secret+`"}`, `{"code":200,"data":{"state":"waiting","param":"`+secret+`"}}`,
			`{"code":200,"data":{"taskId":"hidden-id"}}`, `{"code":200,"data":"https://h/d"}`, `{"code":200,"data":{"pricingDesc":"8"}}`,
			`{"code":200,"data":{"downloadUrl":"`+secret+`"}}`, `<html>`,
		).ServeHTTP)
		client.log, client.uploadBase = debugLogger(&logged), client.base
		input := map[string]any{"image_url": secret, "prompt": "hidden-prompt"}
		for _, err := range []error{
			second(client.Status(t.Context(), Ref{Jobs, "hidden-id"})),
			second(client.Create(t.Context(), CreateRequest{Model: "hidden-model", Input: input, CallbackURL: secret})),
			second(client.DownloadURL(t.Context(), secret)),
			second(client.ModelPrice(t.Context(), "hidden/model")),
			second(client.Upload(t.Context(), File{Content: strings.NewReader("hidden-content"), Size: 14, Name: "hidden-name.png"})),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		wantError(t, second(client.Create(t.Context(), CreateRequest{Model: "m"})), ErrUnknownOutcome, "create task")
		got := logged.String()
		for _, hidden := range []string{testKey.Reveal(), secret, "hidden", "files.test", "h/d"} {
			if strings.Contains(got, hidden) {
				t.Errorf("%q shows in the log:\n%s", hidden, got)
			}
		}
		lines := []string{
			"op=\"read task\" method=GET route=/api/v1/jobs/recordInfo code=500 duration=0s kind=temporary",
			"op=\"read task\" method=GET route=/api/v1/jobs/recordInfo code=200 duration=0s kind=none",
			"op=\"create task\" method=POST route=/api/v1/jobs/createTask code=200 duration=0s kind=none",
			"method=POST route=/api/v1/common/download-url code=200",
			"method=GET route=/api/v1/models/{model}/price code=200",
			"op=\"upload file\" method=POST route=/api/file-base64-upload code=200",
			"route=/api/v1/jobs/createTask code=0 duration=0s kind=\"unknown outcome\"",
		}
		for n, line := range strings.Split(strings.TrimSpace(got), "\n") {
			if n >= len(lines) || !strings.Contains(line, lines[n]) {
				t.Errorf("line %d: %s", n, line)
			}
		}
		if n := strings.Count(got, "\n"); n != len(lines) {
			t.Errorf("%d lines, want %d", n, len(lines))
		}
	})
}

// second drops a call's result.
func second[T any](_ T, err error) error { return err }
