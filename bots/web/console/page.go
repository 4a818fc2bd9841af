package console

import (
	"bytes"
	"crypto/rand"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
)

//go:embed templates assets texts
var embedded embed.FS

// view is what every page is made of.
type view struct {
	Lang, Title, Version string
	Page                 string  // the name of the template
	Token                string  // for forms
	In                   bool    // somebody is logged in
	Here                 string  // the address of the page, where an act leads back to
	Notice               *notice // about what was just done
	Nav                  []place
	Data                 any
}

// place is a line of the navigation.
type place struct {
	Name, Title, Path string
	Here              bool
}

// places are the pages that the navigation leads to; one of them, or of what
// hangs under it, is being shown.
func (c *Console) places(shown string) []place {
	all := []place{{Name: "now", Path: Path}}
	for _, name := range []string{"tasks", "accounts", "spending", "models", "audit", "replicas"} {
		all = append(all, place{Name: name, Path: Path + "/" + name})
	}
	for i := range all {
		all[i].Title = c.say.word(all[i].Name + ".title")
		all[i].Here = all[i].Name == shown || all[i].Name == shown+"s"
	}
	return all
}

// notice is what came of an act.
type notice struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad,omitempty"`
}

// readPages parses every page together with what all have.
func (c *Console) readPages() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(c.functions()).ParseFS(embedded, "templates/shared/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: reading the pages: %w", err)
	}
	files, err := embedded.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("console: reading the pages: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		if file.IsDir() {
			continue
		}
		page, err := shared.Clone()
		if err == nil {
			page, err = page.ParseFS(embedded, path.Join("templates", file.Name()))
		}
		if err != nil {
			return nil, fmt.Errorf("console: reading the pages: %w", err)
		}
		pages[strings.TrimSuffix(file.Name(), ".html")] = page
	}
	return pages, nil
}

// render answers with the page. Somebody new gets a cookie first, which its
// forms belong to.
func (c *Console) render(rw http.ResponseWriter, r *http.Request, status int, page, title string, data any) {
	cookie := c.door.cookie(r)
	session, err := c.door.session(r.Context(), cookie)
	if err != nil {
		c.log.Error("rendering a page of the console", "page", page, "error", err) // as for a stranger
	}
	if cookie == "" {
		cookie = rand.Text()
		c.door.give(rw, r, cookie)
	}
	v := view{
		Lang: c.say.lang, Title: c.say.word(title), Version: c.cfg.Version, Page: page, In: session != nil,
		Token: c.door.formToken(cookie), Here: within(r.URL.RequestURI()), Data: data,
	}
	if session != nil {
		v.Notice, v.Nav = c.told(r, cookie, session), c.places(page)
	}
	body, err := c.execute(page, "page", v)
	if err != nil {
		c.log.Error("rendering a page of the console", "page", page, "error", err)
		http.Error(rw, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	rw.Write(body)
}

// told takes what there is to say; what cannot be taken is said again.
func (c *Console) told(r *http.Request, cookie string, s *session) *notice {
	if s.Notice == nil {
		return nil
	}
	if err := c.door.tell(r.Context(), cookie, nil); err != nil {
		c.log.Error("what was done in the console will be said again", "error", err)
	}
	return s.Notice
}

// execute makes one part of a page.
func (c *Console) execute(page, part string, data any) ([]byte, error) {
	var body bytes.Buffer
	if err := c.pages[page].ExecuteTemplate(&body, part, data); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// problem answers with a page that says what is wrong.
func (c *Console) problem(rw http.ResponseWriter, r *http.Request, status int, what string) {
	c.render(rw, r, status, "problem", "problem.title", c.say.word(what))
}

func (c *Console) nothingHere(rw http.ResponseWriter, r *http.Request) {
	c.problem(rw, r, http.StatusNotFound, "problem.nothing")
}

// failed answers that something could not be read.
func (c *Console) failed(rw http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		c.log.Error("reading what a page of the console shows", "path", r.URL.Path, "error", err)
	}
	c.problem(rw, r, http.StatusServiceUnavailable, "problem.unavailable")
}
