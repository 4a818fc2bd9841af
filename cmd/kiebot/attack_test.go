package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/kie/kietest"
)

// besieged is a kiebot with everything that listens turned on.
func besieged(t *testing.T) *process {
	t.Helper()
	telegram := telegramtest.NewServer(telegramtest.Config{Local: true})
	t.Cleanup(telegram.Close)
	discord := discordtest.NewServer(discordtest.Config{})
	t.Cleanup(discord.Close)
	kie := signingKie(t, "hmac-key")
	p := launch(t, kie, "KIE_WEBHOOK_KEY=hmac-key", "TELEGRAM_TOKEN="+telegram.Token(), "TELEGRAM_API_URL="+telegram.URL(),
		"DISCORD_TOKEN="+discord.Token(), "DISCORD_API_URL="+discord.URL(), "ALLOW=everyone")
	p.stop() // now the port is known
	p.env = append(p.env, "TELEGRAM_MODE=webhook", "DISCORD_PUBLIC_KEY="+discord.PublicKey())
	p.start()
	return p
}

// alive fails when an ordinary request is not answered soon.
func (p *process) alive(when string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
	defer cancel()
	if status, _ := p.send(ctx, http.MethodGet, "/healthz", "", nil); status != http.StatusOK {
		p.t.Errorf("%s: /healthz answers %d", when, status)
	}
}

// send makes a request as a stranger, without the cookie of the chat.
func (p *process) send(ctx context.Context, method, path, body string, header http.Header) (status int, answer string) {
	p.t.Helper()
	u, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	u.Opaque = path // as it is, with its dots
	req := (&http.Request{Method: method, URL: u, Host: u.Host, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}).WithContext(ctx)
	if body == "" {
		req.Body = nil
	}
	stranger := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := stranger.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(data)
}

// What is forged, guessed, too large or asked for by tricks is refused, and says
// nothing about what is there.
func TestAttackRequests(t *testing.T) {
	p := besieged(t)
	large := strings.Repeat("x", 4<<20)
	const task, token = "01jd0000000000000000000000", "00000000000000000000000000000000"
	rows := []struct{ name, method, path, body string }{
		{"a page without the link", "GET", "/", ""},
		{"a guessed link", "GET", "/?access=" + token, ""},
		{"a command without the cookie", "POST", "/api/command", `{"key":"k","text":"/imagine x"}`},
		{"events without the cookie", "GET", "/api/events", ""},
		{"a callback for no task", "POST", "/hooks/kie/none/" + token, "{}"},
		{"a callback with a forged token", "POST", "/hooks/kie/" + task + "/" + token, `{"code":200,"data":{"taskId":"x"}}`},
		{"a callback that is huge", "POST", "/hooks/kie/" + task + "/" + token, large},
		{"a webhook without a secret", "POST", "/hooks/telegram", `{"update_id":1}`},
		{"an update that is huge", "POST", "/hooks/telegram", large},
		{"an interaction without a signature", "POST", "/hooks/discord", `{"type":1}`},
		{"an interaction that is huge", "POST", "/hooks/discord", large},
		{"a file by a forged link", "GET", "/files/" + token + "/a.png?expires=9999999999&signature=" + token, ""},
		{"a file above the folder", "GET", "/files/../../../../etc/passwd", ""},
		{"the same, encoded", "GET", "/files/..%2f..%2f..%2f..%2fetc%2fpasswd", ""},
		{"the same, encoded twice", "GET", "/files/%252e%252e/%252e%252e/etc/passwd", ""},
		{"the same, with a backslash", "GET", `/files/..\..\kiebot.db`, ""},
		{"the database", "GET", "/files/kiebot.db", ""},
		{"a zero byte", "GET", "/files/a%00.png", ""},
		{"metrics, which are elsewhere", "GET", "/metrics", ""},
		{"the profiler", "GET", "/debug/pprof/", ""},
		{"a method that is none", "BREW", "/hooks/kie/" + task + "/" + token, ""},
		{"a proxy's request", "CONNECT", "127.0.0.1:22", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, answer := p.send(t.Context(), row.method, row.path, row.body, nil)
			if status >= 200 && status < 300 && !strings.Contains(answer, "access") || status >= 500 {
				t.Errorf("answers %d: %.200s", status, answer)
			}
			for _, secret := range []string{"root:", p.kie.Key(), "hmac-key", p.dir} {
				if strings.Contains(answer, secret) {
					t.Errorf("the answer holds %q: %.200s", secret, answer)
				}
			}
		})
	}
	p.alive("after all of it")
	refused := 0.0
	for name, n := range p.metrics() {
		if strings.HasPrefix(name, "kiebot_http_requests_total{") && strings.Contains(name, `code="4`) {
			refused += n
		}
	}
	if refused < float64(len(rows)-2) { // the first two get the page that says how to come in
		t.Errorf("%v of %d requests were counted as refused", refused, len(rows))
	}
	if len(p.kie.Tasks()) != 0 {
		t.Error("Kie was asked for something")
	}
	p.stop()
}

// slowFor is after how long a connection that sends next to nothing is cut.
const slowFor = 40 * time.Second

// Connections that send a byte now and then are cut, headers and bodies alike,
// and others are answered meanwhile.
func TestAttackSlowly(t *testing.T) {
	t.Parallel()
	p := besieged(t)
	var all sync.WaitGroup
	for name, first := range map[string]string{
		"headers": "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ",
		"body":    "POST /hooks/kie/01jd0000000000000000000000/00000000000000000000000000000000 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		"update":  "POST /hooks/telegram HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
		"signed":  "POST /hooks/discord HTTP/1.1\r\nHost: x\r\nX-Signature-Ed25519: 00\r\nX-Signature-Timestamp: 0\r\nContent-Length: 1000\r\n\r\n{",
		"nothing": "",
	} {
		for range 20 {
			all.Go(func() {
				if took, err := trickle(p.listen, first); err != nil || took > slowFor {
					t.Errorf("%s: cut after %v: %v", name, took, err)
				}
			})
		}
	}
	p.alive("under a hundred slow connections")
	all.Wait()
	p.alive("after them")
	p.stop()
}

// trickle sends the beginning of a request and then a byte a second, until the
// other side has enough.
func trickle(address, first string) (time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	if _, err := io.WriteString(conn, first); err != nil {
		return 0, err
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, _ = io.Copy(io.Discard, conn)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-cut:
			return time.Since(began), nil
		case <-tick.C:
			_, _ = conn.Write([]byte("x")) // what fails is read, too
		}
		if time.Since(began) > 2*slowFor {
			return time.Since(began), errors.New("it is still open")
		}
	}
}

// racing says whether the race detector is in the binary, which takes memory of its own.
func racing(t *testing.T) bool {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("the binary does not know how it was built")
	}
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// resident is how much memory the process has, in bytes.
func (p *process) resident() int {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("the system does not tell how much memory a process has")
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				p.t.Fatal(err)
			}
			return kib << 10
		}
	}
	p.t.Fatal("no VmRSS")
	return 0
}

// evilKie stands between kiebot and a Kie.ai, and names other files as results.
type evilKie struct {
	*httptest.Server
	leads atomic.Pointer[string] // where the files are said to be
}

var resultLink = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/[^"\\]+`)

func newEvilKie(t *testing.T, server *kietest.Server) *evilKie {
	t.Helper()
	to, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	e := &evilKie{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(resp *http.Response) error {
			if !strings.HasSuffix(resp.Request.URL.Path, "/recordInfo") {
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			body = resultLink.ReplaceAllLiteral(body, []byte(*e.leads.Load()))
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, found := strings.CutPrefix(r.URL.Path, "/redirect/"); found {
			http.Redirect(w, r, "http://"+to, http.StatusFound)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

// A result that is said to be inside of the operator's network is not fetched,
// whether it is named, redirected to, or what a name leads to.
func TestAttackBySSRF(t *testing.T) {
	var hits atomic.Int32
	inside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		_, _ = io.WriteString(w, "the secret of the inside")
	})
	plain, secure := httptest.NewServer(inside), httptest.NewTLSServer(inside)
	defer plain.Close()
	defer secure.Close()
	secure.Config.ErrorLog = nil
	if conn, err := tls.Dial("tcp", secure.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	} else {
		conn.Close()
	}
	host := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	_, port, err := net.SplitHostPort(host(secure))
	if err != nil {
		t.Fatal(err)
	}
	server := quickKie(t)
	evil := newEvilKie(t, server)
	p := launch(t, server, "KIE_API_URL="+evil.URL, "MAX_ACTIVE_PER_USER=unlimited")
	p.stop() // now the port is known, and Kie calls back
	p.start()
	for name, leads := range map[string]string{
		"http":               "http://" + host(plain) + "/a.png",
		"https":              "https://" + host(secure) + "/a.png",
		"a redirect":         evil.URL + "/redirect/" + host(plain) + "/a.png",
		"a name":             "https://localhost:" + port + "/a.png",
		"a long name":        "https://localhost.:" + port + "/a.png",
		"mapped into IPv6":   "https://[::ffff:127.0.0.1]:" + port + "/a.png",
		"a number":           "https://2130706433:" + port + "/a.png",
		"the cloud's own":    "http://169.254.169.254/latest/meta-data/",
		"a file":             "file:///etc/passwd",
		"a name and a user":  "https://api.kie.ai@" + host(secure) + "/a.png",
		"another protocol":   "gopher://" + host(plain) + "/a.png",
		"the trusted, twice": "http://" + strings.TrimPrefix(evil.URL, "http://") + "@" + host(plain) + "/a.png",
	} {
		t.Run(name, func(t *testing.T) {
			evil.leads.Store(&leads)
			key := "request-" + strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name)
			answer, err := p.command(key, "/imagine a cat "+name)
			if err != nil || !answer.Accepted {
				t.Fatalf("%s: %+v, %v", name, answer, err)
			}
			m := p.watch("the end", func(m shown) bool { return m.Final && m.Key == key })
			if len(m.Media) > 0 && m.Media[0].Src != "" {
				t.Errorf("%s: a file was fetched: %+v", name, m)
			}
		})
	}
	if blocked := p.metrics()[`kiebot_fetches_total{outcome="blocked_address"}`]; blocked < 10 {
		t.Errorf("%v fetches were counted as blocked", blocked)
	}
	p.stop()
	if n := hits.Load(); n != 0 {
		t.Errorf("the inside was asked %d times", n)
	}
}
