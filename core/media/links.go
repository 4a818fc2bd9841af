package media

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LinkPrefix is the path under which signed links live, and where
// [Links.Handler] has to be mounted.
const LinkPrefix = "/files/"

var (
	errBadLink = errors.New("this link is not valid")
	errExpired = errors.New("this link has expired")
)

// Links makes and serves links to spooled files that need no login: whoever has
// one may read that one file until the link expires. It is safe for concurrent
// use.
type Links struct {
	// Base is put in front of the path by URL: the address under which the
	// handler is reached from outside, such as https://bot.example.org. It is
	// set before the first use and may be empty.
	Base string

	key []byte
	now func() time.Time
}

// NewLinks returns Links that sign with key, which has at least 32 bytes, is
// copied, and stays the same for as long as links should work. now is the wall
// clock.
func NewLinks(key []byte, now func() time.Time) (*Links, error) {
	if len(key) < sha256.Size {
		return nil, fmt.Errorf("the key for signed links has %d bytes, fewer than %d", len(key), sha256.Size)
	}
	return &Links{key: slices.Clone(key), now: now}, nil
}

// Path returns a link to the spooled file called name, relative to the handler's
// host, which works for ttl, rounded up to a second. It does not check that the
// file is there. With "&download=1" at its end a browser saves the file instead
// of showing it.
func (l *Links) Path(name string, ttl time.Duration) string {
	expires := strconv.FormatInt(l.now().Add(ttl+time.Second-1).Unix(), 10)
	query := url.Values{"exp": {expires}, "sig": {base64.RawURLEncoding.EncodeToString(l.sign(name, expires))}}
	return LinkPrefix + url.PathEscape(name) + "?" + query.Encode()
}

// URL returns the link of [Links.Path] under Base.
func (l *Links) URL(name string, ttl time.Duration) string {
	return strings.TrimRight(l.Base, "/") + l.Path(name, ttl)
}

// sign covers a label too, so that a signature made with the same key for
// another purpose is never a link.
func (l *Links) sign(name, expires string) []byte {
	mac := hmac.New(sha256.New, l.key)
	fmt.Fprintf(mac, "kiebot file link\n%s\n%s", name, expires)
	return mac.Sum(nil)
}

// verify returns how long the link is still good for. Only the owner of a real
// link learns that it has expired.
func (l *Links) verify(name string, query url.Values) (time.Duration, error) {
	expires := query.Get("exp")
	sig, err := base64.RawURLEncoding.Strict().DecodeString(query.Get("sig"))
	if err != nil || !hmac.Equal(sig, l.sign(name, expires)) {
		return 0, errBadLink
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return 0, errBadLink
	}
	left := time.Unix(seconds, 0).Sub(l.now())
	if left <= 0 {
		return 0, errExpired
	}
	return left, nil
}

// Handler serves files of spool under LinkPrefix to requests with a valid link,
// with ranges. A file that spool does not have is asked of bring first, by its
// name, which puts it there; its error is fs.ErrNotExist when the file is gone
// for good. Nil brings nothing. A wrong or expired link is answered with status
// 403 and a sentence, a file that is gone with 404, one that cannot be brought
// now with 503.
func (l *Links) Handler(spool *Spool, bring func(ctx context.Context, name string) (File, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "A file link can only be read.")
			return
		}
		name := strings.TrimPrefix(r.URL.Path, LinkPrefix)
		left, err := l.verify(name, r.URL.Query())
		if err != nil {
			refuse(w, http.StatusForbidden, "Sorry, "+err.Error()+". Ask for the result again to get a new one.")
			return
		}
		f, err := spool.Open(File{Name: name})
		if errors.Is(err, fs.ErrNotExist) && bring != nil && validName(name) {
			if _, err = bring(r.Context(), name); err == nil {
				f, err = spool.Open(File{Name: name})
			}
		}
		switch {
		case err == nil:
			defer f.Close()
			serve(w, r, f, name, left)
		case errors.Is(err, fs.ErrNotExist):
			refuse(w, http.StatusNotFound, "This file is no longer stored here.")
		default:
			w.Header().Set("Retry-After", "30")
			refuse(w, http.StatusServiceUnavailable, "This file cannot be read at the moment. Try again in a minute.")
		}
	})
}

func serve(w http.ResponseWriter, r *http.Request, f *os.File, name string, left time.Duration) {
	info, err := f.Stat()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "This file cannot be read at the moment.")
		return
	}
	format, _ := formatByExt(filepath.Ext(name)) // Open accepts known ones only
	disposition := "inline"
	if r.URL.Query().Get("download") == "1" {
		disposition = "attachment"
	}
	h := w.Header()
	h.Set("Content-Type", format.Type)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int(left/time.Second)))
	protect(h)
	http.ServeContent(w, r, "", info.ModTime(), f)
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Cache-Control", "no-store")
	protect(w.Header())
	http.Error(w, sentence, status)
}

// protect keeps a browser from treating the answer as a page of this site.
func protect(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
}
