package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"

	"golang.org/x/text/language"

	"kiebot/bots"
)

//go:embed page.html closed.html assets texts
var embedded embed.FS

// texts are the page's own words in one language.
type texts struct {
	Demo        string    `json:"demo"`
	Menu        string    `json:"menu"`
	Models      string    `json:"models"`
	Balance     string    `json:"balance"`
	Help        string    `json:"help"`
	Chat        string    `json:"chat"`
	NoScript    string    `json:"no_script"`
	Welcome     string    `json:"welcome"`
	Lead        string    `json:"lead"`
	Examples    []example `json:"examples"`
	DemoNote    string    `json:"demo_note"`
	Console     string    `json:"console"`
	Latest      string    `json:"latest"`
	Suggestions string    `json:"suggestions"`
	Message     string    `json:"message"`
	Placeholder string    `json:"placeholder"`
	Send        string    `json:"send"`
	Enlarge     string    `json:"enlarge"`
	Save        string    `json:"save"`
	Close       string    `json:"close"`
	You         string    `json:"you"`
	Bot         string    `json:"bot"`
	Sending     string    `json:"sending"`
	NotSent     string    `json:"not_sent"`
	Unsure      string    `json:"unsure"`
	TooLong     string    `json:"too_long"`
	Retry       string    `json:"retry"`
	Offline     string    `json:"offline"`
	NoAccess    string    `json:"no_access"`
	Gone        string    `json:"gone"`
	OpenLink    string    `json:"open_link"`
	File        string    `json:"file"`
	ClosedTitle string    `json:"closed_title"`
	ClosedText  string    `json:"closed_text"`
	WrongHost   string    `json:"wrong_host"`
	Opening     string    `json:"opening"`
}

type example struct {
	Label   string `json:"label"`
	Command string `json:"command"`
}

func loadTexts() (map[string]texts, error) {
	all := map[string]texts{}
	for _, lang := range bots.Languages() {
		data, err := embedded.ReadFile("texts/" + lang + ".json")
		if err != nil {
			return nil, fmt.Errorf("web: reading texts: %w", err)
		}
		var t texts
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&t); err != nil {
			return nil, fmt.Errorf("web: reading texts in %q: %w", lang, err)
		}
		all[lang] = t
	}
	return all, nil
}

// locale is the first language of the browser's that there are texts in.
func (w *Web) locale(r *http.Request) string {
	// A malformed header is as good as none.
	wanted, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	for _, tag := range wanted {
		if code, ok := bots.Language(tag.String()); ok {
			return code
		}
	}
	if code, ok := bots.Language(w.cfg.Locale); ok {
		return code
	}
	return "en"
}

func (w *Web) textsFor(r *http.Request) texts { return w.texts[w.locale(r)] }

type chatPage struct {
	Lang    string
	T       texts
	Demo    bool
	Version string
	Console string // the path that leads there; empty for none
}

// page serves the chat without any message in it: those come over the event
// stream, first of all, in the one way there is.
func (w *Web) page(rw http.ResponseWriter, r *http.Request) {
	p := chatPage{Lang: w.locale(r), T: w.textsFor(r), Demo: w.cfg.Demo, Version: w.cfg.Version}
	if w.cfg.Console != nil {
		p.Console = consolePath
	}
	w.render(rw, http.StatusOK, "page.html", p)
}

// consolePath leads from the page to the operator's console.
const consolePath = "/api/console"

// console goes on to the console, by a link made for this time alone.
func (w *Web) console(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Cache-Control", "no-store")
	to, err := w.cfg.Console(r.Context())
	if err != nil {
		w.log.Error("making a link to the console", "error", err)
		http.Error(rw, "The console cannot be opened at the moment.", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(rw, r, to, http.StatusSeeOther)
}

type closedPage struct {
	Lang, Title, Text string
	Next              string // where to go on by itself; may be empty
}

// closed serves a page without any part that would need access.
func (w *Web) closed(rw http.ResponseWriter, r *http.Request, status int, p closedPage) {
	p.Lang = w.locale(r)
	w.render(rw, status, "closed.html", p)
}

func (w *Web) render(rw http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := w.pages.ExecuteTemplate(&body, name, data); err != nil {
		w.log.Error("rendering a page", "page", name, "error", err)
		http.Error(rw, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	rw.WriteHeader(status)
	rw.Write(body.Bytes())
}

// isJSON reports whether the request says that its body is JSON. A foreign
// page cannot say that without being asked first by the browser.
func isJSON(r *http.Request) bool {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json" && slices.Contains([]string{"", "utf-8", "UTF-8"}, params["charset"])
}
