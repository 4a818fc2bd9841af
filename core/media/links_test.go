package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func testKey() []byte { return bytes.Repeat([]byte("k"), 32) }

// testTime has a fraction, so that rounding the expiry shows.
func testTime() time.Time { return time.Unix(1_800_000_000, 500) }

func newLinks(t testing.TB, key []byte) *Links {
	t.Helper()
	links, err := NewLinks(key, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return links
}

// newHandler serves a spool that holds "a-0.png", "a-0.mp4" and "a-0.txt", next
// to files that no link may reach.
func newHandler(t testing.TB, links *Links) http.Handler {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "media")
	fetcher, err := NewFetcher(FetcherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	spool, err := OpenSpool(dir, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	for path, from := range map[string]string{
		"media/a-0.png": "still.png", "media/a-0.mp4": "clip.mp4", "media/a-0.txt": "page.html",
		"outside.png": "still.png", "media/.part-1": "still.png", "media/page.html": "page.html",
	} {
		if err := os.WriteFile(filepath.Join(parent, path), fixture(t, from), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return links.Handler(spool, nil)
}

func get(handler http.Handler, method, target string, header http.Header) *http.Response {
	req := httptest.NewRequest(method, target, nil)
	for name, values := range header {
		req.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	return recorder.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNewLinksKey(t *testing.T) {
	if _, err := NewLinks(make([]byte, 31), time.Now); err == nil {
		t.Error("a short key was accepted")
	}
	key := testKey()
	links := newLinks(t, key)
	before := links.Path("a-0.png", time.Hour)
	clear(key)
	if links.Path("a-0.png", time.Hour) != before {
		t.Error("the caller's key is shared, not copied")
	}
}

func TestLinksURL(t *testing.T) {
	links := newLinks(t, testKey())
	path := links.Path("a-0.png", time.Hour)
	if want := "/files/a-0.png?exp=1800003601&sig="; !strings.HasPrefix(path, want) {
		t.Errorf("Path is %s, want %s…", path, want)
	}
	for base, want := range map[string]string{
		"":                           path,
		"https://bot.example.org":    "https://bot.example.org" + path,
		"https://bot.example.org/k/": "https://bot.example.org/k" + path,
	} {
		links.Base = base
		if got := links.URL("a-0.png", time.Hour); got != want {
			t.Errorf("URL with base %q is %s, want %s", base, got, want)
		}
	}
}

func TestLinksServe(t *testing.T) {
	links := newLinks(t, testKey())
	handler := newHandler(t, links)
	table := []struct{ name, query, contentType, disposition string }{
		{"a-0.png", "", "image/png", "inline; filename=a-0.png"},
		{"a-0.mp4", "&download=0", "video/mp4", "inline; filename=a-0.mp4"},
		{"a-0.mp4", "&download=1", "video/mp4", "attachment; filename=a-0.mp4"},
		{"a-0.txt", "", "text/plain; charset=utf-8", "inline; filename=a-0.txt"},
	}
	fixtures := map[string]string{"a-0.png": "still.png", "a-0.mp4": "clip.mp4", "a-0.txt": "page.html"}
	for _, row := range table {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp := get(handler, method, links.Path(row.name, time.Hour)+row.query, nil)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: status %d, %s", method, row.name, resp.StatusCode, body(t, resp))
			}
			want := map[string]string{
				"Content-Type": row.contentType, "Content-Disposition": row.disposition,
				"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "sandbox", "Accept-Ranges": "bytes",
			}
			for name, value := range want {
				if got := resp.Header.Get(name); got != value {
					t.Errorf("%s %s: %s is %q, want %q", method, row.name, name, got, value)
				}
			}
			content := body(t, resp)
			if method == http.MethodGet && content != string(fixture(t, fixtures[row.name])) {
				t.Errorf("%s: got %d bytes", row.name, len(content))
			}
		}
	}
}

func TestLinksRange(t *testing.T) {
	links := newLinks(t, testKey())
	handler := newHandler(t, links)
	data := string(fixture(t, "clip.mp4"))
	path := links.Path("a-0.mp4", time.Hour)
	resp := get(handler, http.MethodGet, path, http.Header{"Range": {"bytes=100-199"}})
	if resp.StatusCode != http.StatusPartialContent || body(t, resp) != data[100:200] {
		t.Errorf("part: status %d, %s", resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	resp = get(handler, http.MethodGet, path, http.Header{"Range": {"bytes=-10"}})
	if resp.StatusCode != http.StatusPartialContent || body(t, resp) != data[len(data)-10:] {
		t.Errorf("end: status %d, %s", resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	resp = get(handler, http.MethodGet, path, http.Header{"Range": {"bytes=999999-"}})
	if resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: status %d", resp.StatusCode)
	}
}

func TestLinksRefuse(t *testing.T) {
	links := newLinks(t, testKey())
	handler := newHandler(t, links)
	stranger := newLinks(t, bytes.Repeat([]byte("x"), 32))
	good, err := url.Parse(links.Path("a-0.png", time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	exp, sig := good.Query().Get("exp"), good.Query().Get("sig")
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		t.Fatal(err)
	}
	bent := bytes.Clone(raw)
	bent[31] ^= 1
	link := func(name, exp, sig string) string {
		return LinkPrefix + name + "?" + url.Values{"exp": {exp}, "sig": {sig}}.Encode()
	}
	encode := base64.RawURLEncoding.EncodeToString
	table := []struct {
		name, target string
		status       int
		sentence     string
	}{
		{"good", link("a-0.png", exp, sig), 200, ""},
		{"one second before the end", links.Path("a-0.png", time.Second), 200, ""},
		{"other file", link("a-0.mp4", exp, sig), 403, "not valid"},
		{"later expiry", link("a-0.png", exp+"0", sig), 403, "not valid"},
		{"same expiry in other digits", link("a-0.png", "0"+exp, sig), 403, "not valid"},
		{"no expiry", LinkPrefix + "a-0.png?sig=" + sig, 403, "not valid"},
		{"no signature", LinkPrefix + "a-0.png?exp=" + exp, 403, "not valid"},
		{"nothing", LinkPrefix + "a-0.png", 403, "not valid"},
		{"one bit off", link("a-0.png", exp, encode(bent)), 403, "not valid"},
		{"cut signature", link("a-0.png", exp, encode(raw[:16])), 403, "not valid"},
		{"longer signature", link("a-0.png", exp, encode(append(raw, 0))), 403, "not valid"},
		{"signature in hex", link("a-0.png", exp, "zz%"), 403, "not valid"},
		{"other key", stranger.Path("a-0.png", time.Hour), 403, "not valid"},
		{"expiry is no number", link("a-0.png", "soon", encode(links.sign("a-0.png", "soon"))), 403, "not valid"},
		{"expired", links.Path("a-0.png", -time.Second), 403, "expired"},
		{"long expired", links.Path("a-0.png", -1000*time.Hour), 403, "expired"},
		{"expired and forged", stranger.Path("a-0.png", -time.Hour), 403, "not valid"},
		{"no such file", links.Path("b-0.png", time.Hour), 404, "no longer stored"},
		{"outside", links.Path("../outside.png", time.Hour), 404, "no longer stored"},
		{"outside by way of a folder", links.Path("x/../../outside.png", time.Hour), 404, "no longer stored"},
		{"absolute", links.Path("/etc/passwd", time.Hour), 404, "no longer stored"},
		{"unfinished", links.Path(".part-1", time.Hour), 404, "no longer stored"},
		{"unknown format", links.Path("page.html", time.Hour), 404, "no longer stored"},
		{"folder", links.Path("", time.Hour), 404, "no longer stored"},
	}
	for _, row := range table {
		resp := get(handler, http.MethodGet, row.target, nil)
		text := body(t, resp)
		if resp.StatusCode != row.status || !strings.Contains(text, row.sentence) {
			t.Errorf("%s: status %d, %q; want %d with %q", row.name, resp.StatusCode, text, row.status, row.sentence)
		}
		if row.status == http.StatusOK {
			continue
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: a refusal may be cached: %q", row.name, got)
		}
		if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%s: a refusal is %q", row.name, got)
		}
	}
}

func TestLinksExpiry(t *testing.T) {
	clock := time.Unix(1_800_000_000, 0)
	links, err := NewLinks(testKey(), func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	handler := newHandler(t, links)
	path := links.Path("a-0.png", time.Minute)
	for after, want := range map[time.Duration]int{
		0: 200, time.Minute - time.Nanosecond: 200, time.Minute: 403, time.Hour: 403, -time.Hour: 200,
	} {
		clock = time.Unix(1_800_000_000, 0).Add(after)
		if resp := get(handler, http.MethodGet, path, nil); resp.StatusCode != want {
			t.Errorf("after %v: status %d, want %d", after, resp.StatusCode, want)
		}
	}
}

func TestLinksMethod(t *testing.T) {
	links := newLinks(t, testKey())
	resp := get(newHandler(t, links), http.MethodPost, links.Path("a-0.png", time.Hour), nil)
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("status %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

// No query but the one that was signed opens a file.
func FuzzLinksVerify(f *testing.F) {
	links := newLinks(f, testKey())
	good, err := url.Parse(links.Path("a-0.png", time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a-0.png", good.RawQuery)
	f.Add("a-0.mp4", good.RawQuery)
	f.Add("a-0.png", good.RawQuery+"&download=1")
	f.Add("a-0.png", "exp=1&"+good.RawQuery)
	f.Add("../a-0.png", "exp=9223372036854775807&sig=")
	f.Fuzz(func(t *testing.T, name, rawQuery string) {
		query, err := url.ParseQuery(rawQuery)
		if err != nil {
			return
		}
		left, err := links.verify(name, query)
		signed := name == "a-0.png" && query.Get("exp") == good.Query().Get("exp") && query.Get("sig") == good.Query().Get("sig")
		if (err == nil) != signed {
			t.Errorf("%q with %q: %v", name, rawQuery, err)
		}
		if err == nil && (left <= 0 || left > time.Hour+time.Second) {
			t.Errorf("good for %v", left)
		}
	})
}

// What the spool does not have is brought, for who has a link to it alone.
func TestFilesAreBrought(t *testing.T) {
	links := newLinks(t, testKey())
	fetcher, err := NewFetcher(FetcherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	spool, err := OpenSpool(dir, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	handler := links.Handler(spool, func(_ context.Context, name string) (File, error) {
		asked = append(asked, name)
		switch name {
		case "gone-0.png":
			return File{}, fmt.Errorf("%q: %w", name, fs.ErrNotExist)
		case "late-0.png":
			return File{}, errors.New("the network is down")
		}
		return File{}, os.WriteFile(filepath.Join(dir, name), fixture(t, "still.png"), 0o600)
	})
	forged := strings.TrimPrefix(links.Path("other-0.png", time.Hour), LinkPrefix+"other-0.png")
	if resp := get(handler, http.MethodGet, LinkPrefix+"a-0.png"+forged, nil); resp.StatusCode != http.StatusForbidden || len(asked) > 0 {
		t.Errorf("with the signature of another file: %s, and %q were asked for", resp.Status, asked)
	}
	for _, c := range []struct {
		name string
		want int
	}{{"a-0.png", 200}, {"a-0.png", 200}, {"gone-0.png", 404}, {"late-0.png", 503}, {"page.html", 404}} {
		if resp := get(handler, http.MethodGet, links.Path(c.name, time.Hour), nil); resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.name, resp.Status, c.want)
		}
	}
	if want := []string{"a-0.png", "gone-0.png", "late-0.png"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}
