package discordtest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// apiError is an answer that is an error ("Opcodes and Status Codes", "JSON";
// "Reference", "Error Messages").
type apiError struct {
	status   int
	code     int
	text     string
	problems problems
	limit    *limited
}

// limited is what an answer with status 429 says beside ("Rate Limits").
type limited struct {
	after  time.Duration
	global bool
	scope  string // user, global or shared
	html   bool   // that of Cloudflare
}

func (e *apiError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s (%d): %s", e.status, e.text, e.code, e.problems), ": ")
}

func unauthorized() error { return &apiError{status: 401, text: "401: Unauthorized"} }
func notFound() error     { return &apiError{status: 404, text: "404: Not Found"} }
func notAllowed() error   { return &apiError{status: 405, text: "405: Method Not Allowed"} }
func badJSON() error {
	return &apiError{status: 400, code: 50109, text: "The request body contains invalid JSON."}
}
func tooLarge() error {
	return &apiError{status: 413, code: 40005, text: "Request entity too large"}
}

func unknown(code int, what string) error {
	return &apiError{status: http.StatusNotFound, code: code, text: "Unknown " + what}
}

func unknownChannel() error { return unknown(10003, "Channel") }
func unknownGuild() error   { return unknown(10004, "Guild") }
func unknownMessage() error { return unknown(10008, "Message") }

func forbidden(code int, text string) error {
	return &apiError{status: http.StatusForbidden, code: code, text: text}
}

func missingAccess() error      { return forbidden(50001, "Missing Access") }
func missingPermissions() error { return forbidden(50013, "Missing Permissions") }

func badRequest(code int, text string) error {
	return &apiError{status: http.StatusBadRequest, code: code, text: text}
}

func emptyMessage() error { return badRequest(50006, "Cannot send an empty message") }

func tooMany(l limited) error {
	return &apiError{status: http.StatusTooManyRequests, text: "You are being rate limited.", limit: &l}
}

// problem is what is wrong at one place of a body.
type problem struct {
	path       []string
	code, text string
}

// problems are all that is wrong with a body.
type problems []problem

func (p *problems) add(path []string, code, format string, args ...any) {
	*p = append(*p, problem{path, code, fmt.Sprintf(format, args...)})
}

// err is the error that tells the problems, nil when there are none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &apiError{status: http.StatusBadRequest, code: 50035, text: "Invalid Form Body", problems: p}
}

// formError is the error of one problem.
func formError(path, code, text string) error {
	return problems{{strings.Split(path, "."), code, text}}.err()
}

// String shows each problem with its place.
func (p problems) String() string {
	var lines []string
	for _, one := range p {
		lines = append(lines, strings.Join(one.path, ".")+": "+one.code+": "+one.text)
	}
	return strings.Join(lines, "; ")
}

// MarshalJSON nests the problems as their places are nested, the list at each
// place under _errors.
func (p problems) MarshalJSON() ([]byte, error) {
	type said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	root := map[string]any{}
	for _, one := range p {
		at := root
		for _, name := range one.path {
			below, has := at[name].(map[string]any)
			if !has {
				below = map[string]any{}
				at[name] = below
			}
			at = below
		}
		list, _ := at["_errors"].([]said)
		at["_errors"] = append(list, said{one.code, one.text})
	}
	return json.Marshal(root)
}

// write sends the error.
func (e *apiError) write(w http.ResponseWriter) {
	if e.limit != nil {
		e.limit.write(w)
		return
	}
	sendJSON(w, e.status, struct {
		Message string   `json:"message"`
		Code    int      `json:"code"`
		Errors  problems `json:"errors,omitempty"`
	}{e.text, e.code, e.problems})
}

// write sends status 429 with its headers. The one of Cloudflare is a page and
// has no headers of the API's.
func (l *limited) write(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(l.after.Seconds()))))
	if l.html {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, "<!doctype html><html><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head><body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>")
		return
	}
	w.Header().Set("X-RateLimit-Scope", l.scope)
	if l.global {
		w.Header().Set("X-RateLimit-Global", "true")
	}
	text := "You are being rate limited."
	if l.scope == "shared" {
		text = "The resource is being rate limited."
	}
	sendJSON(w, http.StatusTooManyRequests, struct {
		Message    string  `json:"message"`
		RetryAfter float64 `json:"retry_after"`
		Global     bool    `json:"global"`
	}{text, math.Ceil(l.after.Seconds()*1000) / 1000, l.global})
}

func sendJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may be gone
}
