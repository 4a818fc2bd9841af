// Package site is what all our pages in a browser have in common: static files and the headers that guard them.
package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// Assets are static files by name: scripts, styles and pictures.
type Assets map[string]asset

type asset struct {
	body []byte
	kind string
	etag string
}

// ReadAssets reads the files of the folder "assets".
func ReadAssets(files fs.FS) (Assets, error) {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("reading assets: %w", err)
	}
	all := Assets{}
	for _, entry := range entries {
		body, err := fs.ReadFile(files, path.Join("assets", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading assets: %w", err)
		}
		sum := sha256.Sum256(body)
		all[entry.Name()] = asset{body: body, kind: assetType(entry.Name()), etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return all, nil
}

// assetType does not ask the system's own table, which may be missing or changed.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

// ServeHTTP answers with the file that the pattern's {name} names.
func (a Assets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	one, ok := a[r.PathValue("name")]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "no-cache") // ask every time; the tag saves the transfer
	h.Set("ETag", one.etag)
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(one.body))
}

// ContentPolicy allows this host and nothing else: no inline script or style, no
// frame around the page, and no text that the browser would parse as HTML, but
// what goes through one of the Trusted Types policies, 'none' or a name.
func ContentPolicy(trusted string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types " + trusted
}

// Protect sets the headers that guard a page, with its content policy.
func Protect(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(rw, r)
	})
}
