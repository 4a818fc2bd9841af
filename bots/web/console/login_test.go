package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kiebot/core"
)

// insiders are addresses that only who was let in may see.
func insiders() []string {
	return []string{"", "/models", "/audit", "/replicas", "/nothing"}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.browser()
	for _, path := range insiders() {
		if got := b.get(Path + path); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), Path+"/login") {
			t.Errorf("%s answers a stranger with %d", path, got.status)
		}
	}
	b.get(Path + "/audit?before=7").leads(Path + "/login?next=" + url.QueryEscape(Path+"/audit?before=7"))
	b.login("a-wild-guess").want(http.StatusForbidden, "not the password")
	b.get(Path).want(http.StatusSeeOther)
	b.post(Path+"/login", "password", password, "next", Path+"/audit").leads(Path + "/audit")
	for _, path := range insiders() {
		want := http.StatusOK
		if path == "/nothing" {
			want = http.StatusNotFound
		}
		b.get(Path+path).want(want, "Log out")
	}
	b.get(Path + "/login").leads(Path)
	if got := w.console.Guesses(); got != (Guesses{Wrong: 1}) {
		t.Errorf("counted %+v", got)
	}
	if log := w.log.String(); strings.Contains(log, "a-wild-guess") || strings.Contains(log, password) || !strings.Contains(log, "failed to get into the console") {
		t.Errorf("the log says %s", log)
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	u, err := url.Parse(w.server.URL + Path)
	must(t, err)
	kept := b.http.Jar.Cookies(u)
	b.post(Path + "/logout").leads(Path + "/login")
	b.get(Path).want(http.StatusSeeOther)
	b.http.Jar.SetCookies(u, kept) // a copy of the cookie is worth nothing
	b.get(Path).want(http.StatusSeeOther)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	w.wait(sessionLife - time.Minute)
	b.get(Path).want(http.StatusOK)
	w.wait(2 * time.Minute)
	b.get(Path).want(http.StatusSeeOther)
	other := w.in()
	for range sessionsMax {
		w.wait(time.Minute)
		w.in()
	}
	other.get(Path).want(http.StatusSeeOther)
	if g := w.guestbook(); len(g.Sessions) > sessionsMax || len(g.Invites) > 0 {
		t.Errorf("%d sessions and %d invitations are kept", len(g.Sessions), len(g.Invites))
	}
}

// guestbook is what the store keeps.
func (w *world) guestbook() (g guestbook) {
	w.t.Helper()
	must(w.t, w.store.View(w.t.Context(), func(tx core.Tx) error {
		data, err := tx.Setting(doorSetting)
		must(w.t, err)
		return json.Unmarshal(data, &g)
	}))
	return g
}

// What is over is forgotten, and of the secrets nothing but a digest is kept.
func TestGuestbook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	path, _, err := w.console.Invite(t.Context())
	must(t, err)
	w.in()
	b := w.in()
	g := w.guestbook()
	if len(g.Sessions) != 2 || len(g.Invites) != 1 {
		t.Fatalf("kept is %+v", g)
	}
	cookie, _, _ := strings.Cut(strings.TrimPrefix(b.login(password).header.Get("Set-Cookie"), w.console.door.cookieName()+"="), ";")
	kept, err := json.Marshal(w.guestbook())
	must(t, err)
	for _, secret := range []string{cookie, strings.TrimPrefix(path, Path+"/enter?key="), password} {
		if len(secret) < 8 || strings.Contains(string(kept), secret) {
			t.Errorf("%q is in %s", secret, kept)
		}
	}
	w.wait(sessionLife)
	w.in()
	if g := w.guestbook(); len(g.Sessions) != 1 || len(g.Invites) != 0 {
		t.Errorf("after a day %+v is kept", g)
	}
}

// A session goes on over a restart, and not over a change of the password.
func TestSessionsAndRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	for password, status := range map[string]int{password: http.StatusOK, "another one": http.StatusSeeOther, "": http.StatusSeeOther} {
		cfg := w.console.cfg
		cfg.Password = password
		again, err := New(cfg)
		must(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil)
		u, err := url.Parse(w.server.URL + Path)
		must(t, err)
		for _, cookie := range b.http.Jar.Cookies(u) {
			r.AddCookie(cookie)
		}
		rec := httptest.NewRecorder()
		again.Handler().ServeHTTP(rec, r)
		if rec.Code != status {
			t.Errorf("with the password %q it answers %d, want %d", password, rec.Code, status)
		}
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	for public, secure := range map[string]bool{"": false, "https://bot.example.org": true} {
		w := newWorld(t, func(c *Config) { c.PublicURL = public })
		b := w.browser()
		b.change = func(r *http.Request) { r.Host = "bot.example.org" }
		first := b.get(Path + "/login").header.Get("Set-Cookie")
		for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=" + Path} {
			if !strings.Contains(first, attribute) {
				t.Errorf("the cookie %q is not %s", first, attribute)
			}
		}
		if strings.Contains(first, "Secure") != secure {
			t.Errorf("with PublicURL %q the cookie is %q", public, first)
		}
	}
	w := newWorld(t, nil)
	b := w.browser()
	before := b.get(Path + "/login").header.Get("Set-Cookie")
	if after := b.login(password).header.Get("Set-Cookie"); after == "" || after == before {
		t.Error("the cookie of before the login goes on after it")
	}
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.in()
	b := w.browser()
	for _, value := range []string{"x", strings.Repeat("A", 26), strings.Repeat("A", 5000), "%00", "../../etc"} {
		b.change = func(r *http.Request) { r.Header.Set("Cookie", w.console.door.cookieName()+"="+value) }
		b.get(Path).want(http.StatusSeeOther)
		b.get(Path+"/events").want(http.StatusOK, "event: bye")
	}
}

func TestOneTimeLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Password = "" })
	b := w.browser()
	b.get(Path+"/login").want(http.StatusOK, "kiebot console", "CONSOLE_PASSWORD")
	if strings.Contains(b.get(Path+"/login").body, `type="password"`) {
		t.Error("a password is asked for that nobody has")
	}
	b.login("").want(http.StatusForbidden)

	path, until, err := w.console.Invite(t.Context())
	must(t, err)
	if left := until.Sub(w.now()); left > inviteLife || left < inviteLife-time.Minute {
		t.Errorf("the link works for %s", left)
	}
	link, err := url.Parse(path)
	must(t, err)
	key := link.Query().Get("key")
	for range 3 { // looking at it does not use it up
		b.get(path).want(http.StatusOK, key)
	}
	b.do(http.MethodHead, path, "").want(http.StatusOK)
	b.post(Path+"/enter", "key", key).leads(Path)
	b.get(Path).want(http.StatusOK)
	w.browser().post(Path+"/enter", "key", key).want(http.StatusForbidden, "used already")

	path, _, err = w.console.Invite(t.Context())
	must(t, err)
	link, err = url.Parse(path)
	must(t, err)
	w.wait(inviteLife)
	w.browser().post(Path+"/enter", "key", link.Query().Get("key")).want(http.StatusForbidden)
	w.browser().post(Path + "/enter").want(http.StatusForbidden)
}

func TestGuesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.browser()
	for range triesOfOne {
		b.login("guess").want(http.StatusForbidden)
	}
	refused := b.login(password) // not even looked at
	refused.want(http.StatusTooManyRequests, "too many")
	if refused.header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	if got := w.console.Guesses(); got != (Guesses{Wrong: triesOfOne, Refused: 1}) {
		t.Errorf("counted %+v", got)
	}
	path, _, err := w.console.Invite(t.Context()) // the way in past a flood
	must(t, err)
	link, err := url.Parse(path)
	must(t, err)
	b.post(Path+"/enter", "key", link.Query().Get("key")).leads(Path)

	w.wait(oneEvery)
	w.browser().login(password).leads(Path)
}

func TestGuessesFromManyAddresses(t *testing.T) {
	t.Parallel()
	g := newGuesses()
	now := time.Now()
	allowed := 0
	for i := range 10_000 {
		if g.allow(fmt.Sprintf("2001:db8:%x::/64", i), now) {
			allowed++
		}
	}
	if allowed != triesOfAll {
		t.Errorf("%d attempts were let through at once, want %d", allowed, triesOfAll)
	}
	if len(g.of) > addressesOf {
		t.Errorf("%d addresses are remembered", len(g.of))
	}
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	must(t, err)
	for remote, want := range map[string]string{
		"192.0.2.7:99": "192.0.2.7", "[::ffff:192.0.2.7]:99": "192.0.2.7", "[2001:db8::1]:99": "2001:db8::/64", "odd": "odd", "@:1": "@",
	} {
		if r.RemoteAddr = remote; addressOf(r) != want {
			t.Errorf("%s counts as %s, want %s", remote, addressOf(r), want)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/console/tasks?state=failed": "/console/tasks?state=failed", "": Path, "/console": Path, "/": Path, "//evil.example/console/": Path,
		"https://evil.example/console/x": Path, "/console/\\evil": Path, "/console/login": Path, "javascript:alert(1)": Path, "/consoles/x": Path,
		"/console/../x": Path, "/console/%zz": Path,
	} {
		if got := within(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestFormsAreOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stranger, b := w.browser(), w.in()
	foreign := stranger.get(Path + "/login").token()
	for name, form := range map[string]url.Values{
		"no token":                   {},
		"the token of another":       {"token": {foreign}},
		"a token of before":          {"token": {"x"}},
		"the right one in the query": {},
	} {
		path := Path + "/logout"
		if name == "the right one in the query" {
			path += "?token=" + url.QueryEscape(b.get(Path).token())
		}
		b.do(http.MethodPost, path, form.Encode()).want(http.StatusForbidden, "Nothing was done")
	}
	token := url.Values{"token": {b.get(Path).token()}}.Encode()
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		b.change = func(r *http.Request) { r.Header.Set(header, value) }
		b.do(http.MethodPost, Path+"/logout", token).want(http.StatusForbidden, "another site")
	}
	b.change = nil
	b.do(http.MethodPost, Path+"/logout", token+"&why="+strings.Repeat("w", bodyMax)).want(http.StatusRequestEntityTooLarge)
	b.do(http.MethodPost, Path+"/logout", "%zz").want(http.StatusBadRequest)
	b.get(Path).want(http.StatusOK)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if got := b.do(method, Path+"/logout?token="+url.QueryEscape(b.get(Path).token()), ""); got.status == http.StatusSeeOther || got.status == http.StatusOK && method != http.MethodHead {
			t.Errorf("%s on a form answers %d", method, got.status)
		}
	}
	b.get(Path).want(http.StatusOK)
	b.do(http.MethodPost, Path+"/audit", token).want(http.StatusMethodNotAllowed)
}

// patience keeps the deadlines that reading is given.
type patience struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (p *patience) SetReadDeadline(t time.Time) error { p.until = append(p.until, t); return nil }

// A form that trickles in is given up; one that is there has all the time for what it asks.
func TestSlowForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path+"/login", strings.NewReader("password=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rw := &patience{ResponseRecorder: httptest.NewRecorder()}
	w.console.form(func(http.ResponseWriter, *http.Request) {})(rw, r)
	if len(rw.until) != 2 || time.Until(rw.until[0]) > formIn || time.Until(rw.until[0]) < formIn/2 || !rw.until[1].IsZero() {
		t.Errorf("the deadlines are %v", rw.until)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.in()
	for _, path := range append(insiders(), "/login", "/enter", "/assets/console.css", "/assets/nothing") {
		h := b.get(Path + path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": contentPolicy(), "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		} {
			if h.Get(name) != want {
				t.Errorf("%s has %s %q", path, name, h.Get(name))
			}
		}
		if got := h.Get("Cache-Control"); got != "no-store" && !strings.HasPrefix(path, "/assets/") {
			t.Errorf("%s may be kept: %q", path, got)
		}
	}
}
