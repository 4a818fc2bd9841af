package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiebot/bots/web/console"
	"kiebot/core"
	"kiebot/kie"
)

// The link that the command line prints opens the console of the running
// process, once, and what it opened goes on over a restart.
func TestConsoleByLink(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	out, wrong, code := p.kiebot("console")
	if code != 0 {
		t.Fatalf("kiebot console ended with %d: %s", code, wrong)
	}
	link := strings.TrimSpace(out)
	first := visitor(t)
	if inside := enter(t, first, link); !strings.Contains(inside, "Log out") {
		t.Fatalf("the link %s leads to %s", link, inside)
	}
	if again := enter(t, visitor(t), link); !strings.Contains(again, "used already") {
		t.Errorf("a second time the link leads to %s", again)
	}
	p.stop()
	p.start()
	if after := page(t)(first.Get(p.base + console.Path)); !strings.Contains(after, "Log out") {
		t.Error("the session has ended with the process")
	}
}

// The demo's page leads into the console, where nothing else does: there is no
// password, and no socket to ask for a link.
func TestConsoleOfTheDemo(t *testing.T) {
	server := quickKie(t)
	a, err := newApp(t.Context(), settings{
		kieKeys: []kieKey{{core.DefaultKieAccount, kie.Secret(server.Key())}}, kieURL: server.URL(), uploadURL: server.URL(),
		dataDir: t.TempDir(), location: time.UTC, locale: "en",
	}, options{open: true, demo: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	public := httptest.NewServer(a.handler)
	defer public.Close()
	guest := visitor(t)
	link := regexp.MustCompile(`href="(/api/[a-z]+)"`).FindStringSubmatch(page(t)(guest.Get(public.URL)))
	if link == nil {
		t.Fatal("the page has no link")
	}
	resp, err := guest.Get(public.URL + link[1])
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if inside := enter(t, guest, resp.Request.URL.String()); !strings.Contains(inside, "Log out") {
		t.Errorf("the link %s leads to %s", link[1], inside)
	}
}

func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// enter follows a link to the console and presses its button.
func enter(t *testing.T, client *http.Client, link string) string {
	t.Helper()
	form := url.Values{}
	for _, field := range regexp.MustCompile(`name="(token|key)" value="([^"]+)"`).FindAllStringSubmatch(page(t)(client.Get(link)), -1) {
		form.Set(field[1], field[2])
	}
	address, _, _ := strings.Cut(link, "?")
	return page(t)(client.PostForm(address, form))
}

// page reads the answer to a request.
func page(t *testing.T) func(*http.Response, error) string {
	return func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
}
