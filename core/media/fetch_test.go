package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fails fetches rawURL, which must fail with an error of the given kind.
func fails(t *testing.T, f *Fetcher, rawURL string, dst io.Writer, kind ErrorKind) *Error {
	t.Helper()
	_, err := f.Fetch(t.Context(), rawURL, dst)
	got, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error is %v, want an *Error", err)
	}
	if got.Kind != kind {
		t.Errorf("kind %q (%v), want %q", got.Kind, err, kind)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error quotes the URL or the answer: %v", err)
	}
	return got
}

func TestFetch(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // several buffers
	var header http.Header
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.Header().Set("Set-Cookie", "id=1")
		w.Write(want)
	})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base + "/api/"}, UserAgent: "test/1"})
	for range 2 { // the second time to see that the cookie is not sent back
		var got bytes.Buffer
		n, err := fetcher.Fetch(t.Context(), base+"/file?sig=secret", &got)
		if err != nil {
			t.Fatal(err)
		}
		if n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("got %d bytes, counted %d, want %d", got.Len(), n, len(want))
		}
		for _, name := range []string{"Authorization", "Cookie", "Referer"} {
			if value := header.Get(name); value != "" {
				t.Errorf("%s: %s was sent", name, value)
			}
		}
		if header.Get("User-Agent") != "test/1" {
			t.Errorf("User-Agent is %q", header.Get("User-Agent"))
		}
	}
}

func TestFetchStatus(t *testing.T) {
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(code)
		fmt.Fprint(w, "secret")
	})
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base}})
	table := []struct {
		code      int
		temporary bool
	}{
		{201, false}, {206, false}, {304, false}, {400, false}, {401, false}, {403, false}, {404, true},
		{408, true}, {410, false}, {425, true}, {429, true}, {500, true}, {502, true}, {503, true},
	}
	for _, row := range table {
		got := fails(t, fetcher, fmt.Sprintf("%s/%d?sig=secret", base, row.code), io.Discard, HTTPStatus)
		if got.Status != row.code || got.Temporary() != row.temporary || "http://"+got.Host != base {
			t.Errorf("%d: got %+v, temporary %v", row.code, got, got.Temporary())
		}
		if !strings.Contains(got.Error(), strconv.Itoa(row.code)) {
			t.Errorf("the status is not in %q", got)
		}
	}
}

func TestFetchRedirects(t *testing.T) {
	var referer []string
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		referer = append(referer, r.Header.Get("Referer"))
		left, _ := strconv.Atoi(r.URL.Path[1:])
		if left == 0 {
			fmt.Fprint(w, "done")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d?sig=secret", left-1), http.StatusFound)
	})
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base}})
	var got strings.Builder
	if _, err := fetcher.Fetch(t.Context(), base+"/5?sig=secret", &got); err != nil || got.String() != "done" {
		t.Errorf("after five redirects: %q, %v", got.String(), err)
	}
	if all := strings.Join(referer, ""); all != "" {
		t.Errorf("a referrer was sent: %s", all)
	}
	if err := fails(t, fetcher, base+"/6?sig=secret", io.Discard, HTTPStatus); err.Temporary() {
		t.Error("a chain of redirects is called temporary")
	}
}

func TestFetchSizeLimit(t *testing.T) {
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Path[1:])
		if r.URL.RawQuery != "chunked" {
			w.Header().Set("Content-Length", r.URL.Path[1:])
		}
		w.Write(make([]byte, size))
	})
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base}, MaxBytes: 100_000})
	for _, query := range []string{"", "?chunked"} {
		if n, err := fetcher.Fetch(t.Context(), base+"/100000"+query, io.Discard); n != 100_000 || err != nil {
			t.Errorf("the largest allowed file%s: %d bytes, %v", query, n, err)
		}
		var got bytes.Buffer
		if err := fails(t, fetcher, base+"/100001"+query, &got, TooBig); err.Temporary() || err.Host == "" {
			t.Errorf("got %+v", err)
		}
		if most := 100_000 * len(query) / len("?chunked"); got.Len() > most { // nothing when the length is announced
			t.Errorf("%d bytes were written, want at most %d", got.Len(), most)
		}
	}
	if err := fails(t, fetcher, base+"/0", io.Discard, Network); !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
}

// Answers a broken or hostile host gives, byte for byte.
func TestFetchBrokenAnswer(t *testing.T) {
	table := []struct {
		name, answer, want string
		kind               ErrorKind
	}{
		{"closed", "", "EOF", Network},
		{"cut in headers", "HTTP/1.1 200 OK\r\nContent-", "could not be understood", Network},
		{"cut in body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret", "unexpected EOF", Network},
		{"cut in chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nsecret", "unexpected EOF", Network},
		{"not HTTP", "secret secret\r\n\r\n", "could not be understood", Network},
		{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n", "could not be understood", Network},
		{"huge header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("secret", 20_000) + "\r\n\r\n", "could not be understood", Network},
		{"bad redirect", "HTTP/1.1 302 Found\r\nLocation: https://[secret?secret\r\n\r\n", "could not be understood", Network},
		{"redirect nowhere", "HTTP/1.1 302 Found\r\n\r\n", "302", HTTPStatus},
		{"redirect with password", "HTTP/1.1 302 Found\r\nLocation: http://secret:secret@host.test/\r\n\r\n", "user name", BlockedAddress},
		{"bad gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nsecret", "", Network},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			fetcher := newFetcher(t, FetcherConfig{
				Trusted: []string{"http://host.test"},
				Dial:    rawHost(func(conn net.Conn) { io.WriteString(conn, row.answer) }),
			})
			err := fails(t, fetcher, "http://host.test/secret?sig=secret", io.Discard, row.kind)
			if !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "host.test") {
				t.Errorf("error is %q, want host.test and %q in it", err, row.want)
			}
			if err.Temporary() != (row.kind == Network) {
				t.Errorf("temporary = %v", err.Temporary())
			}
		})
	}
}

func TestFetchUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	listener.Close()
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base}})
	failed := fails(t, fetcher, base+"/secret?sig=secret", io.Discard, Network)
	if !errors.Is(failed, syscall.ECONNREFUSED) || !failed.Temporary() {
		t.Errorf("got %v, temporary %v", failed, failed.Temporary())
	}
}

// A self-signed certificate is refused, also from a trusted host.
func TestFetchBadCertificate(t *testing.T) {
	base := serveTLS(t)
	failed := fails(t, newFetcher(t, FetcherConfig{Trusted: []string{base}}), base+"/secret", io.Discard, Network)
	if !strings.Contains(failed.Error(), "certificate") {
		t.Errorf("got %v", failed)
	}
}

func TestFetchIdleTimeout(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
	table := []struct {
		name   string
		answer func(net.Conn)
		want   time.Duration // when it fails, 0 when it succeeds
	}{
		{"no answer", hang, 30 * time.Second},
		{"stops", func(conn net.Conn) {
			io.WriteString(conn, head+"a")
			hang(conn)
		}, 30 * time.Second},
		{"slow", func(conn net.Conn) {
			for _, part := range []string{head, "a", "b", "c", "d"} {
				<-time.After(29 * time.Second)
				io.WriteString(conn, part)
			}
		}, 0},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fetcher := newFetcher(t, FetcherConfig{Trusted: []string{"http://host.test"}, Dial: rawHost(row.answer)})
				start := time.Now()
				if row.want == 0 {
					if n, err := fetcher.Fetch(t.Context(), "http://host.test/a", io.Discard); n != 4 || err != nil {
						t.Errorf("got %d bytes, %v", n, err)
					}
					return
				}
				failed := fails(t, fetcher, "http://host.test/a", io.Discard, Network)
				if took := time.Since(start); took != row.want || !failed.Temporary() {
					t.Errorf("failed after %v, want %v (%v)", took, row.want, failed)
				}
				if !strings.Contains(failed.Error(), "sent nothing for 30s") || failed.Host != "host.test" {
					t.Errorf("error is %q", failed)
				}
			})
		})
	}
}

// hang says nothing until the other side gives up.
func hang(conn net.Conn) { io.Copy(io.Discard, conn) }

// A slow disk is not a silent host.
func TestFetchSlowWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetcher := newFetcher(t, FetcherConfig{
			Trusted: []string{"http://host.test"},
			Dial: rawHost(func(conn net.Conn) {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
				io.WriteString(conn, "b")
			}),
		})
		dst := writerFunc(func(p []byte) (int, error) {
			<-time.After(time.Hour)
			return len(p), nil
		})
		if _, err := fetcher.Fetch(t.Context(), "http://host.test/a", dst); err != nil {
			t.Error(err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestFetchContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetcher := newFetcher(t, FetcherConfig{
			Trusted: []string{"http://host.test"},
			Dial: rawHost(func(conn net.Conn) {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na")
				hang(conn)
			}),
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		n, err := fetcher.Fetch(ctx, "http://host.test/secret", io.Discard)
		if n != 1 || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %d bytes, %v", n, err)
		}
		canceled, stop := context.WithCancel(t.Context())
		stop()
		if _, err = fetcher.Fetch(canceled, "http://host.test/", io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFetchDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full:", err)
	}
	defer full.Close()
	base := serveFile(t, "still.png")
	fetcher := newFetcher(t, FetcherConfig{Trusted: []string{base}})
	failed := fails(t, fetcher, base+"/secret?sig=secret", full, Disk)
	if !strings.Contains(failed.Error(), "the disk is full") || !errors.Is(failed, syscall.ENOSPC) || !failed.Temporary() {
		t.Errorf("got %v", failed)
	}
}

func TestNewFetcherTrusted(t *testing.T) {
	table := []struct {
		base string
		ok   bool
	}{
		{"http://127.0.0.1:8081", true},
		{"https://api.kie.ai/", true},
		{"http://[::1]:8081", true},
		{"", false},
		{"127.0.0.1:8081", false},
		{"localhost", false},
		{"ftp://host", false},
		{"http://", false},
		{"https://:443", false},
		{"http://user:secret@host", false},
		{"http://secret host", false},
	}
	for _, row := range table {
		_, err := NewFetcher(FetcherConfig{Trusted: []string{"https://first.example", row.base}})
		if (err == nil) != row.ok {
			t.Errorf("%q: error %v, want ok = %v", row.base, err, row.ok)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "2")) {
			t.Errorf("%q: error %q does not number the entry, or quotes it", row.base, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	for raw, want := range map[string]string{
		"https://API.kie.ai/v1?a=b": "https://api.kie.ai:443",
		"http://localhost":          "http://localhost:80",
		"http://[::1]:8081/x":       "http://::1:8081",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(u); got != want {
			t.Errorf("origin(%s) = %s, want %s", raw, got, want)
		}
	}
}
