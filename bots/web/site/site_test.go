package site

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAssets(t *testing.T) {
	t.Parallel()
	assets, err := ReadAssets(fstest.MapFS{
		"assets/a.js": {Data: []byte("let a;")}, "assets/b.css": {Data: []byte("b{}")}, "assets/c.svg": {Data: []byte("<svg/>")}, "assets/d": {Data: []byte("d")},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{name}", assets)
	get := func(path, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	for name, kind := range map[string]string{"a.js": "text/javascript", "b.css": "text/css", "c.svg": "image/svg+xml", "d": "application/octet-stream"} {
		first := get("/assets/"+name, "")
		if first.Code != http.StatusOK || !strings.HasPrefix(first.Header().Get("Content-Type"), kind) {
			t.Errorf("%s is answered with %d, %s", name, first.Code, first.Header().Get("Content-Type"))
		}
		if again := get("/assets/"+name, first.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s is sent again: %d", name, again.Code)
		}
	}
	for _, path := range []string{"/assets/e.js", "/assets/..%2fsite.go", "/assets/a.js%00"} {
		if got := get(path, ""); got.Code != http.StatusNotFound {
			t.Errorf("%s is answered with %d", path, got.Code)
		}
	}
	if _, err := ReadAssets(fstest.MapFS{}); err == nil {
		t.Error("no folder, no error")
	}
}

func TestProtect(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	Protect(ContentPolicy("'none'"), http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	policy := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "trusted-types 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || w.Code != http.StatusNotFound || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("answered with %d, %v", w.Code, w.Header())
	}
}
