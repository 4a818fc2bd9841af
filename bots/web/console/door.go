package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"kiebot/core"
)

// door knows who may come in. Who was let in stands in the store, so that it
// counts at every replica and over a restart.
type door struct {
	store    core.Store
	key      []byte
	password []byte // its digest; nil when there is none
	public   *url.URL
	now      func() time.Time
	guesses  *guesses
}

func newDoor(cfg Config) (*door, error) {
	d := &door{store: cfg.Store, key: cfg.Key, now: cfg.Now, guesses: newGuesses()}
	if cfg.Password != "" {
		d.password = d.sum("password", cfg.Password)
	}
	if cfg.PublicURL != "" {
		public, err := url.Parse(cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		d.public = public
	}
	return d, nil
}

// sum keys a text for one use of it.
func (d *door) sum(use, text string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte("kiebot console " + use + "\n" + text))
	return mac.Sum(nil)
}

// digest stands for a secret that a browser holds, and does not lead back to it.
// With another password it is another one: no session outlives the change.
func (d *door) digest(secret string) string {
	return hex.EncodeToString(d.sum("digest", string(d.password)+"\n"+secret))
}

// isPassword takes the same time for every wrong one.
func (d *door) isPassword(typed string) bool {
	return d.password != nil && hmac.Equal(d.password, d.sum("password", typed))
}

// formToken belongs to the browser's cookie: a page of another site, which
// cannot read the cookie, cannot make it.
func (d *door) formToken(cookie string) string {
	return base64.RawURLEncoding.EncodeToString(d.sum("form", cookie))
}

func (d *door) isFormToken(cookie, given string) bool {
	return cookie != "" && hmac.Equal([]byte(d.formToken(cookie)), []byte(given))
}

// cookieName differs between two kiebots on one host: cookies do not know ports.
func (d *door) cookieName() string {
	return "kiebot_console_" + hex.EncodeToString(d.sum("name", "")[:4])
}

func (d *door) cookie(r *http.Request) string {
	cookie, err := r.Cookie(d.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// give sends the browser the cookie.
func (d *door) give(rw http.ResponseWriter, r *http.Request, value string) {
	d.set(rw, r, value, int(sessionLife/time.Second))
}

func (d *door) set(rw http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(rw, &http.Cookie{
		Name: d.cookieName(), Value: value, Path: Path, MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.secure(r),
	})
}

// secure reports whether the cookie may travel by TLS only. With an https
// PublicURL that is so everywhere but on the machine itself, where the operator
// can open the console without the proxy.
func (d *door) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return d.public != nil && d.public.Scheme == "https" && !isLoopback(r.Host)
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}
