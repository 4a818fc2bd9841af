package kie

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// maxMessage is how many characters of a foreign text are kept.
const maxMessage = 300

// oneLine makes a foreign text fit for a log line or a chat: one line, no
// control characters, nothing that reverses the direction of writing, valid
// UTF-8, at most maxMessage characters. A page of HTML is named, not quoted.
func oneLine(s string) string {
	if isHTML([]byte(s)) {
		return "an HTML page"
	}
	var b strings.Builder
	kept, gap := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			gap = kept > 0
			continue
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			kept, gap = kept+1, false
		}
		if kept >= maxMessage-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		kept++
	}
	return b.String()
}

// isHTML recognises a page by its beginning.
func isHTML(body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html"))
}

// describe says in a few words what a reply without an envelope was, such as
// "HTTP 502 with an HTML page".
func describe(status int, body []byte) string {
	what := "text that is not JSON"
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		what = "an empty body"
	case isHTML(body):
		what = "an HTML page"
	case body[0] == '{' || body[0] == '[':
		what = "JSON that is not Kie's"
	}
	return fmt.Sprintf("HTTP %d with %s", status, what)
}
