package media

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// serveHTTP starts a server on loopback and returns its address.
func serveHTTP(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// serveFile starts a server that answers every request with a file of testdata,
// called a web page.
func serveFile(t *testing.T, name string) string {
	t.Helper()
	data := fixture(t, name)
	return serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write(data)
	})
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newFetcher(t *testing.T, cfg FetcherConfig) *Fetcher {
	t.Helper()
	fetcher, err := NewFetcher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return fetcher
}

// rawHost returns a Dial function whose other end reads a request and then runs
// answer. It needs no socket, so it works in a synctest bubble.
func rawHost(answer func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, host := net.Pipe()
		go func() {
			defer host.Close()
			var request strings.Builder
			for !strings.HasSuffix(request.String(), "\r\n\r\n") {
				if _, err := io.CopyN(&request, host, 1); err != nil {
					return
				}
			}
			answer(host)
		}()
		return client, nil
	}
}

// serveTLS starts a server on loopback with a certificate nobody signed.
func serveTLS(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}
