package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const token = "k3y-that-nobody-guesses"

func locked(c *Config) { c.Access = token }

// do sends a request through the handler; change may set headers.
func do(w *Web, method, target, body string, change func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	return rec.Result()
}

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAccessIsNeededForEverything(t *testing.T) {
	w := newTestWeb(t, &desk{}, locked)
	wrong := func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: w.gate.cookie.Name, Value: token}) // the token itself is no cookie
	}
	for _, tt := range []struct{ method, target string }{
		{"GET", "/"}, {"GET", "/?access="}, {"GET", "/?access=wrong"}, {"GET", "/assets/chat.js"},
		{"GET", "/api/events"}, {"GET", "/api/suggest?text=x&access=" + token},
		{"POST", "/api/command"}, {"POST", "/api/press"}, {"POST", "/?access=" + token}, {"GET", "/nothing"},
	} {
		for name, change := range map[string]func(*http.Request){"no cookie": nil, "wrong cookie": wrong} {
			resp := do(w, tt.method, tt.target, "", change)
			body := text(t, resp)
			if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "Open the link that kiebot printed") {
				t.Errorf("%s %s with %s: %s\n%s", tt.method, tt.target, name, resp.Status, body)
			}
			if len(resp.Cookies()) > 0 || strings.Contains(body, token) {
				t.Errorf("%s %s with %s gives something away: %v %s", tt.method, tt.target, name, resp.Cookies(), body)
			}
		}
	}
}

func TestAccessLinkLetsInAndLeavesTheAddress(t *testing.T) {
	w := newTestWeb(t, &desk{}, locked)
	resp := do(w, "GET", "/?access="+token, "", nil)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the link answered %s to %q", resp.Status, resp.Header.Get("Location"))
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v, want one", cookies)
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || c.MaxAge <= 0 || strings.Contains(c.Raw, token) {
		t.Errorf("cookie %q", c.Raw)
	}
	page := do(w, "GET", "/", "", func(r *http.Request) { r.AddCookie(c) })
	if body := text(t, page); page.StatusCode != http.StatusOK || !strings.Contains(body, "What shall we make?") {
		t.Errorf("with the cookie: %s\n%s", page.Status, body)
	}
}

// A strict cookie is not sent along a redirect that began on another site.
func TestAccessLinkFollowedFromAnotherSite(t *testing.T) {
	w := newTestWeb(t, &desk{}, locked)
	resp := do(w, "GET", "/?access="+token, "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	if body := text(t, resp); resp.StatusCode != http.StatusOK || !strings.Contains(body, `content="0;url=/"`) || strings.Contains(body, token) {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	if len(resp.Cookies()) != 1 {
		t.Errorf("cookies %v, want one", resp.Cookies())
	}
}

func TestCookieIsSecureBehindTLS(t *testing.T) {
	for _, tt := range []struct {
		public, target string
		want           bool
	}{
		{"", "http://localhost/", false},
		{"", "https://chat.example.org/", true},
		{"https://chat.example.org", "http://chat.example.org/", true}, // a proxy ended TLS
		{"https://chat.example.org", "http://127.0.0.1:8080/", false},
		{"http://localhost:8080", "http://localhost:8080/", false},
	} {
		w := newTestWeb(t, &desk{}, func(c *Config) { c.Access, c.PublicURL = token, tt.public })
		cookies := do(w, "GET", tt.target+"?access="+token, "", nil).Cookies()
		if len(cookies) != 1 || cookies[0].Secure != tt.want {
			t.Errorf("public %q, asked for %s: cookies %v, want secure %t", tt.public, tt.target, cookies, tt.want)
		}
	}
}

func TestCookiesOfTwoTokensDiffer(t *testing.T) {
	one := newTestWeb(t, &desk{}, locked)
	two := newTestWeb(t, &desk{}, func(c *Config) { c.Access = token + "2" })
	if one.gate.cookie.Name == two.gate.cookie.Name || one.gate.cookie.Value == two.gate.cookie.Value {
		t.Error("two chats on one host would share a cookie")
	}
}

func TestHostOfAnOpenPage(t *testing.T) {
	w := newTestWeb(t, &desk{}, func(c *Config) { c.PublicURL = "https://Chat.example.org:8443" })
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LocalHost.": 200, "kiebot.localhost:80": 200,
		"127.0.0.1:8080": 200, "[::1]:8080": 200, "[::1]": 200, "192.168.1.20:8080": 200,
		"chat.example.org:8443": 200, "chat.example.org": 403, "evil.example": 403, "evil.example:8080": 403,
		"localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "": 403, "notlocalhost": 403,
	} {
		resp := do(w, "GET", "/", "", func(r *http.Request) { r.Host = host })
		if resp.StatusCode != want {
			t.Errorf("host %q: %s, want %d", host, resp.Status, want)
		}
	}
}

func TestNewRefusesAnAddressThatIsNone(t *testing.T) {
	for _, address := range []string{"chat.example.org", "://", "https://"} {
		if _, err := newGate("", address); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestOnlyThePageItselfMayPost(t *testing.T) {
	d := &desk{}
	w := newTestWeb(t, d, nil)
	for _, tt := range []struct {
		name    string
		headers map[string]string
		want    int
	}{
		{"the page", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200},
		{"an old browser", map[string]string{"Origin": "http://localhost"}, 200},
		{"a program", nil, 200},
		{"another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		{"another port", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}, 403},
		{"an old browser elsewhere", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a sandboxed frame", map[string]string{"Origin": "null"}, 403},
	} {
		for _, path := range []string{"/api/command", "/api/press"} {
			before := len(d.heard)
			resp := do(w, "POST", "http://localhost"+path, `{"key":"12345678","text":"/help","data":"x"}`, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json")
				for name, value := range tt.headers {
					r.Header.Set(name, value)
				}
			})
			if resp.StatusCode != tt.want || (len(d.heard) > before) != (tt.want == 200) {
				t.Errorf("%s from %s: %s, %d commands heard", path, tt.name, resp.Status, len(d.heard)-before)
			}
		}
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	for name, change := range map[string]func(*Config){"open": nil, "locked": locked} {
		w := newTestWeb(t, &desk{}, change)
		for _, target := range []string{"/", "/assets/chat.css", "/nothing", "/api/suggest"} {
			h := do(w, "GET", "http://localhost"+target, "", nil).Header
			policy := h.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "script-src 'self'", "base-uri 'none'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s %s: policy %q lacks %s", name, target, policy, want)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
				t.Errorf("%s %s: policy %q allows too much", name, target, policy)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s %s: headers %v", name, target, h)
			}
		}
	}
}

// FuzzHost looks for a name that passes and that a foreign site could own.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost", "[::1]:80", "127.0.0.1", "evil.example", "[fe80::1%25eth0]:80", "127.1", "0x7f.1", "a.localhost.", ":80", "[", "]"} {
		f.Add(host)
	}
	g := &gate{}
	f.Fuzz(func(t *testing.T, host string) {
		if !g.hostAllowed(host) {
			return
		}
		name := (&url.URL{Host: host}).Hostname()
		last := name[strings.LastIndex(strings.TrimSuffix(name, "."), ".")+1:]
		isName := strings.ContainsAny(last, "ghjkmnpqrstuvwxyzGHJKMNPQRSTUVWXYZ") && !strings.Contains(name, ":")
		if isName && !strings.EqualFold(strings.TrimSuffix(last, "."), "localhost") {
			t.Errorf("host %q passes", host)
		}
	})
}
