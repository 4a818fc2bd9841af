package kie

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNesting bounds how often JSON text is taken out of a string. Kie wraps
// once, in param twice.
const maxNesting = 3

// object is a JSON object whose fields are read leniently: the same field
// comes as number or string, as object or as JSON text, in camelCase or
// snake_case, depending on the model and the year.
type object map[string]json.RawMessage

// parseObject reads a JSON object, also one that is the text of a string.
func parseObject(raw json.RawMessage) (object, bool) {
	var o object
	if err := json.Unmarshal(unwrap(raw), &o); err != nil || o == nil {
		return nil, false
	}
	return o, true
}

// unwrap returns the JSON inside a string that holds an object, a list or a
// string as JSON text, and anything else unchanged: lyrics may begin with a
// bracket, too.
func unwrap(raw json.RawMessage) json.RawMessage {
	for range maxNesting {
		if len(raw) == 0 || raw[0] != '"' {
			break
		}
		inner := strings.TrimSpace(text(raw))
		if inner == "" || !strings.ContainsRune(`{["`, rune(inner[0])) || !json.Valid([]byte(inner)) {
			break
		}
		raw = json.RawMessage(inner)
	}
	return raw
}

// field returns the first of the named fields that says something: neither
// absent nor null nor an empty string. Names are given in camelCase; each is
// tried in snake_case as well.
func (o object) field(names ...string) json.RawMessage {
	var buffer [64]byte
	for _, name := range names {
		if raw := bytes.TrimSpace(o[name]); says(raw) {
			return raw
		}
		// Looking up converted bytes allocates nothing, and many fields are
		// looked for that are not there.
		if raw := bytes.TrimSpace(o[string(appendSnake(buffer[:0], name))]); says(raw) {
			return raw
		}
	}
	return nil
}

// says reports whether a field's value is neither absent nor null nor an empty
// string.
func says(raw []byte) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) && !bytes.Equal(raw, []byte(`""`))
}

// text returns the field as a string; see the function text.
func (o object) text(names ...string) string { return text(o.field(names...)) }

// snake turns camelCase into snake_case.
func snake(name string) string { return string(appendSnake(nil, name)) }

// appendSnake appends the snake_case of an ASCII name.
func appendSnake(to []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			to = append(to, '_')
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

// text returns a JSON string's value, a number's or boolean's literal, and ""
// for anything else.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		if inner := raw[1:]; len(inner) > 0 && plainString(inner) {
			return string(inner[:len(inner)-1])
		}
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

// plainString reports whether what follows a string's first quote is the
// string itself and its last quote: most are, and need no decoder.
func plainString(rest []byte) bool {
	for i, c := range rest {
		if c == '"' {
			return i == len(rest)-1
		}
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return false
}

// number reads a JSON number or a number in a string.
func number(raw json.RawMessage) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text(raw)), 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// integer reads a whole JSON number or one in a string.
func integer(raw json.RawMessage) (int, bool) {
	n, ok := number(raw)
	if !ok || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return 0, false
	}
	return int(n), true
}

// envelope is the frame of all Kie replies and callbacks. Older samples have
// message where newer ones have msg.
type envelope struct {
	code    int // never 0
	message string
	data    json.RawMessage // nil when absent, null or empty
	fields  object
}

// parseEnvelope reads a body that is a JSON object with a numeric code.
func parseEnvelope(body []byte) (envelope, bool) {
	o, ok := parseObject(body)
	if !ok {
		return envelope{}, false
	}
	code, ok := integer(o.field("code"))
	if !ok || code == 0 {
		return envelope{}, false
	}
	return envelope{
		code:    code,
		message: oneLine(o.text("msg", "message")),
		data:    o.field("data"),
		fields:  o,
	}, true
}
