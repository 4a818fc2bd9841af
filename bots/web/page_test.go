package web

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestPageSpeaksTheBrowsersLanguage(t *testing.T) {
	for _, tt := range []struct{ accept, locale, want string }{
		{"", "", "en"}, {"en-GB,en;q=0.9", "ru", "en"}, {"ru", "", "ru"}, {"ru-RU,ru;q=0.9,en;q=0.8", "", "ru"},
		{"de-DE,de;q=0.9,ru;q=0.5", "", "ru"}, {"de", "", "en"}, {"de", "ru", "ru"}, {"", "ru-RU", "ru"}, {"\x00;;q=", "ru", "ru"}, {"", "xx", "en"},
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
	english := reflect.ValueOf(all["en"])
	for _, lang := range languages() {
		texts := reflect.ValueOf(all[lang])
		for i := range texts.NumField() {
			name := texts.Type().Field(i).Name
			if texts.Field(i).IsZero() {
				t.Errorf("%s has no text for %s", lang, name)
			}
			if !same(texts.Field(i), english.Field(i)) && lang == "en" {
				t.Errorf("%s differs from itself", name)
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

func same(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }

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
	used := regexp.MustCompile(`\bT\.(\w+)`).FindAllStringSubmatch(string(w.assets["chat.js"].body), -1)
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

// Text needs a contrast of 4.5 to 1, borders of fields 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
func TestColoursHaveContrast(t *testing.T) {
	css := string(newTestWeb(t, &desk{}, nil).assets["chat.css"].body)
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllStringSubmatch(css, -1)
	if len(schemes) != 2 {
		t.Fatalf("found %d sets of colours, want one for light and one for dark", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]float64{}
		for _, c := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(scheme[1], -1) {
			colours[c[1]] = luminance(t, c[2])
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 4.5}, {"ink", "raised", 4.5}, {"ink", "sunken", 4.5}, {"soft", "paper", 4.5}, {"soft", "raised", 4.5}, {"soft", "sunken", 4.5},
			{"accent", "raised", 4.5}, {"accent", "paper", 3}, {"accent-ink", "accent", 4.5}, {"mine-ink", "mine", 4.5}, {"mine-soft", "mine", 4.5},
			{"bad", "raised", 4.5}, {"bad", "bad-wash", 4.5}, {"edge", "raised", 3}, {"edge", "paper", 3},
		} {
			a, b := colours[pair.front], colours[pair.back]
			if got := (max(a, b) + .05) / (min(a, b) + .05); got < pair.least {
				t.Errorf("scheme %d: %s on %s has %.2f, want %.1f", i+1, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of an sRGB colour, as WCAG defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	value, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift uint) float64 {
		c := float64(value>>shift&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*part(16) + .7152*part(8) + .0722*part(0)
}
