package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kiebot/bots"
	"kiebot/bots/web/webtest"
)

func TestPageSpeaksTheBrowsersLanguage(t *testing.T) {
	for _, tt := range []struct{ accept, locale, want string }{
		{"", "", "en"}, {"en-GB,en;q=0.9", "ru", "en"}, {"ru", "", "ru"}, {"ru-RU,ru;q=0.9,en;q=0.8", "", "ru"},
		{"de-DE,de;q=0.9,ru;q=0.5", "", "ru"}, {"de", "", "en"}, {"de", "ru", "ru"}, {"", "ru-RU", "ru"}, {"\x00;;q=", "ru", "ru"}, {"", "xx", "en"},
		{"uk,ru;q=0.5", "", "ru"}, {"uk", "", "en"}, {"*", "", "en"},
	} {
		w := newTestWeb(t, &desk{}, func(c *Config) { c.Locale = tt.locale })
		resp := do(w, "GET", "http://localhost/", "", func(r *http.Request) { r.Header.Set("Accept-Language", tt.accept) })
		body := text(t, resp)
		if !strings.Contains(body, `<html lang="`+tt.want+`">`) || !strings.Contains(body, w.texts[tt.want].Welcome) {
			t.Errorf("%q with default %q: not in %s", tt.accept, tt.locale, tt.want)
		}
	}
}

// Strict decoding finds a key too many; this finds one that is missing.
func TestTextsAreCompleteInEveryLanguage(t *testing.T) {
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range bots.Languages() {
		texts := reflect.ValueOf(all[lang])
		for i := range texts.NumField() {
			name := texts.Type().Field(i).Name
			if texts.Field(i).IsZero() {
				t.Errorf("%s has no text for %s", lang, name)
			}
		}
		if len(all[lang].Examples) != len(all["en"].Examples) {
			t.Errorf("%s has %d examples", lang, len(all[lang].Examples))
		}
		for _, e := range all[lang].Examples {
			if e.Label == "" || !strings.HasPrefix(e.Command, "/") {
				t.Errorf("%s has the example %+v", lang, e)
			}
		}
	}
}

// The script asks for texts by the names that the page hands over.
func TestScriptUsesTextsThatExist(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	data, err := json.Marshal(w.texts["en"])
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]any
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`\bT\.(\w+)`).FindAllStringSubmatch(string(readAsset(t, "chat.js")), -1)
	if len(used) < 10 {
		t.Fatalf("found %d uses of texts", len(used))
	}
	for _, name := range used {
		if known[name[1]] == nil {
			t.Errorf("the script uses %s", name[0])
		}
	}
}

func TestPageHoldsNothingForeignAndNothingInline(t *testing.T) {
	w := newTestWeb(t, &desk{}, func(c *Config) { c.Demo, c.Version = true, "1.2.3<b>" })
	body := text(t, do(w, "GET", "http://localhost/", "", nil))
	for _, want := range []string{"Demo", "kiebot 1.2.3&lt;b&gt;", `id="texts">{"demo"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"http://", "https://", "style=", "onclick", "javascript:"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if scripts := regexp.MustCompile(`<script[^>]*>`).FindAllString(body, -1); len(scripts) != 2 {
		t.Errorf("scripts %v", scripts)
	}
}

// The page leads to the console where there is one, by a link of its own for
// everybody, and strangers do not get one.
func TestConsoleLink(t *testing.T) {
	made := 0
	w := newTestWeb(t, &desk{}, func(c *Config) {
		c.Console = func(context.Context) (string, error) {
			made++
			return fmt.Sprint("/console/enter?key=", made), nil
		}
	})
	if body := text(t, do(w, "GET", "http://localhost/", "", nil)); !strings.Contains(body, `<a href="/api/console">`) {
		t.Error("the page has no link to the console")
	}
	for n := 1; n <= 2; n++ {
		resp := do(w, "GET", "http://localhost/api/console", "", nil)
		if want := fmt.Sprint("/console/enter?key=", n); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != want {
			t.Errorf("%d leads to %q, want %q", resp.StatusCode, resp.Header.Get("Location"), want)
		}
	}
	if resp := do(w, "GET", "http://evil.example/api/console", "", nil); resp.StatusCode == http.StatusSeeOther || made != 2 {
		t.Errorf("a page of another name gets %d and %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	without := newTestWeb(t, &desk{}, nil)
	if body := text(t, do(without, "GET", "http://localhost/", "", nil)); strings.Contains(body, "console\">") {
		t.Error("the page leads to a console that is not there")
	}
	if resp := do(without, "GET", "http://localhost/api/console", "", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a console: %d", resp.StatusCode)
	}
}

func TestAssets(t *testing.T) {
	w := newTestWeb(t, &desk{}, nil)
	for name, kind := range map[string]string{"chat.js": "text/javascript; charset=utf-8", "chat.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		resp := do(w, "GET", "http://localhost/assets/"+name, "", nil)
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != kind || tag == "" || text(t, resp) == "" {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
		again := do(w, "GET", "http://localhost/assets/"+name, "", func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s asked for again: %s", name, again.Status)
		}
	}
	for _, name := range []string{"nothing.js", "..%2fpage.html", "page.html"} {
		if resp := do(w, "GET", "http://localhost/assets/"+name, "", nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

func TestColoursHaveContrast(t *testing.T) {
	webtest.CheckContrast(t, string(readAsset(t, "chat.css")), 4.5,
		"ink paper", "ink raised", "ink sunken", "soft paper", "soft raised", "soft sunken", "accent raised",
		"accent-ink accent", "mine-ink mine", "mine-soft mine", "bad raised", "bad bad-wash",
	)
	webtest.CheckContrast(t, string(readAsset(t, "chat.css")), 3,
		"accent paper", "edge raised", "edge paper",
	)
}

func readAsset(t *testing.T, name string) []byte {
	t.Helper()
	data, err := embedded.ReadFile("assets/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
