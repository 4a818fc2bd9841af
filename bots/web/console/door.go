package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bounds of who is let in, and for how long.
const (
	sessionLife = 12 * time.Hour
	sessionsMax = 64 // the oldest of more ends
	inviteLife  = 10 * time.Minute
	invitesMax  = 8
)

// digest stands for a secret that a browser holds; it does not lead back to it.
type digest [sha256.Size]byte

// session is one browser that was let in.
type session struct {
	began time.Time
	// notice is what the page after an act says about it, once.
	notice *notice
}

// door knows who may come in.
type door struct {
	key      []byte
	password []byte // its digest; nil when there is none
	public   *url.URL
	now      func() time.Time
	guesses  *guesses

	mu       sync.Mutex
	sessions map[digest]*session
	invites  map[digest]time.Time // by when they end
}

func newDoor(cfg Config) (*door, error) {
	d := &door{key: cfg.Key, now: cfg.Now, guesses: newGuesses(), sessions: map[digest]*session{}, invites: map[digest]time.Time{}}
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

func (d *door) digest(secret string) digest { return digest(d.sum("digest", secret)) }

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

// give sends the browser a new cookie, and returns its value.
func (d *door) give(rw http.ResponseWriter, r *http.Request) string {
	value := rand.Text()
	d.set(rw, r, value, int(sessionLife/time.Second))
	return value
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

// enter begins a session for a browser that has shown that it may, under a new
// cookie: whoever knew the one before knows nothing of the session.
func (d *door) enter(rw http.ResponseWriter, r *http.Request) {
	value := d.give(rw, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy()
	if len(d.sessions) >= sessionsMax {
		d.dropOldest()
	}
	d.sessions[d.digest(value)] = &session{began: d.now()}
}

// leave ends the session of the cookie.
func (d *door) leave(cookie string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, d.digest(cookie))
}

// known reports whether the cookie's session is there and not over.
func (d *door) known(cookie string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session(cookie) != nil
}

// session finds the cookie's session, nil when there is none. The caller holds the lock.
func (d *door) session(cookie string) *session {
	s := d.sessions[d.digest(cookie)]
	if cookie == "" || s == nil || d.over(s) {
		return nil
	}
	return s
}

func (d *door) over(s *session) bool { return d.now().Sub(s.began) >= sessionLife }

// tell leaves what the session's next page says.
func (d *door) tell(cookie string, n notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.session(cookie); s != nil {
		s.notice = &n
	}
}

// told takes what there is to say.
func (d *door) told(cookie string) *notice {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.session(cookie)
	if s == nil {
		return nil
	}
	n := s.notice
	s.notice = nil
	return n
}

// invite makes a secret that lets one browser in, until the time.
func (d *door) invite() (secret string, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy()
	if len(d.invites) >= invitesMax {
		clear(d.invites) // more than anybody has a use for: the new one counts
	}
	secret, until = rand.Text(), d.now().Add(inviteLife)
	d.invites[d.digest(secret)] = until
	return secret, until
}

// accept uses an invitation up and reports whether there was one.
func (d *door) accept(secret string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tidy()
	key := d.digest(secret)
	_, there := d.invites[key]
	delete(d.invites, key)
	return there
}

// tidy forgets what is over. The caller holds the lock.
func (d *door) tidy() {
	for key, s := range d.sessions {
		if d.over(s) {
			delete(d.sessions, key)
		}
	}
	for key, until := range d.invites {
		if !d.now().Before(until) {
			delete(d.invites, key)
		}
	}
}

// dropOldest ends one session. The caller holds the lock.
func (d *door) dropOldest() {
	var oldest digest
	var since time.Time
	for key, s := range d.sessions {
		if since.IsZero() || s.began.Before(since) {
			oldest, since = key, s.began
		}
	}
	delete(d.sessions, oldest)
}
