package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const cookieLife = 90 * 24 * time.Hour

// gate decides who may use the page.
type gate struct {
	token  []byte // what the link has to carry, keyed; nil when everybody may
	cookie http.Cookie
	public *url.URL // nil when there is none
}

func newGate(access, publicURL string) (*gate, error) {
	g := &gate{}
	if publicURL != "" {
		public, err := url.Parse(publicURL)
		if err != nil || public.Host == "" {
			return nil, fmt.Errorf("web: Config.PublicURL %q is not an address", publicURL)
		}
		g.public = public
	}
	if access == "" {
		return g, nil
	}
	g.token = keyed(access, "link")
	g.cookie = http.Cookie{
		// Cookies do not know ports: two kiebots on one host need two names.
		Name:  "kiebot_" + hex.EncodeToString(keyed(access, "name")[:4]),
		Value: base64.RawURLEncoding.EncodeToString(keyed(access, "cookie")),
		Path:  "/", MaxAge: int(cookieLife / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	return g, nil
}

// keyed derives a value from the token that does not lead back to it.
func keyed(token, use string) []byte {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("kiebot web " + use))
	return mac.Sum(nil)
}

func (g *gate) open() bool { return g.token == nil }

// opens reports whether the link's token is the right one.
func (g *gate) opens(token string) bool {
	return !g.open() && hmac.Equal(keyed(token, "link"), g.token)
}

// known reports whether the browser was let in before.
func (g *gate) known(r *http.Request) bool {
	cookie, err := r.Cookie(g.cookie.Name)
	return err == nil && hmac.Equal([]byte(cookie.Value), []byte(g.cookie.Value))
}

// secure reports whether the browser talks TLS, to us or to a proxy before us.
func (g *gate) secure(r *http.Request) bool {
	return r.TLS != nil || g.public != nil && g.public.Scheme == "https" && strings.EqualFold(r.Host, g.public.Host)
}

// hostAllowed guards an open page against DNS rebinding, where a foreign page
// gives its own name our address and so becomes our origin. It cannot do that
// with an IP address or with localhost.
func (g *gate) hostAllowed(hostport string) bool {
	if g.public != nil && strings.EqualFold(hostport, g.public.Host) {
		return true
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// guard lets through who may use the page, and lets browsers in that bring the token.
func (w *Web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case w.gate.open() && w.gate.hostAllowed(r.Host):
			next.ServeHTTP(rw, r)
		case w.gate.open():
			t := w.textsFor(r)
			w.closed(rw, r, http.StatusForbidden, closedPage{Title: t.ClosedTitle, Text: t.WrongHost})
		case r.Method == http.MethodGet && r.URL.Path == "/" && w.gate.opens(r.URL.Query().Get("access")):
			w.letIn(rw, r)
		case w.gate.known(r):
			next.ServeHTTP(rw, r)
		default:
			t := w.textsFor(r)
			w.closed(rw, r, http.StatusUnauthorized, closedPage{Title: t.ClosedTitle, Text: t.ClosedText})
		}
	})
}

// letIn sets the cookie and takes the token out of the address. A browser that
// follows a link from another site does not send a strict cookie along a
// redirect, but does once our own page sends it on.
func (w *Web) letIn(rw http.ResponseWriter, r *http.Request) {
	cookie := w.gate.cookie
	cookie.Secure = w.gate.secure(r)
	http.SetCookie(rw, &cookie)
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		w.closed(rw, r, http.StatusOK, closedPage{Title: w.textsFor(r).Opening, Next: "/"})
		return
	}
	rw.Header().Set("Cache-Control", "no-store")
	http.Redirect(rw, r, "/", http.StatusSeeOther)
}
