package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text writes a scalar the way a person would: 5, not 5.0. Lists and objects
// come out as JSON.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return ""
	case []any, map[string]any:
		if encoded, err := json.Marshal(v); err == nil {
			return string(encoded)
		}
	}
	return fmt.Sprint(value)
}

// quoted shortens what somebody gave so that a message stays readable.
func quoted(given string) string {
	return strconv.Quote(shorten(given))
}

// shorten keeps the first characters of a long text.
func shorten(given string) string {
	const most = 60
	if utf8.RuneCountInString(given) <= most {
		return given
	}
	return string([]rune(given)[:most]) + "…"
}

// number reads any Go value that JSON writes as a number.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// whole reads any Go value that JSON writes as a number without a fraction.
func whole(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, true
		}
	}
	// Beyond 2^53 a float64 no longer tells neighbouring integers apart.
	const exact = 1 << 53
	f, ok := number(value)
	if !ok || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, false
	}
	return int64(f), true
}

// list reads a JSON array.
func list(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case []string:
		items := make([]any, len(v))
		for i, s := range v {
			items[i] = s
		}
		return items, true
	}
	return nil, false
}

// entries lists what a value holds: the elements of a list, or the value
// itself; nothing when it is absent or empty.
func (in Input) entries(value any) []any {
	if value == nil || in.empty(value) {
		return nil
	}
	if items, isList := list(value); isList {
		return items
	}
	return []any{value}
}

// canonical turns a value that already has the input's JSON type into the Go
// type documented at Input.Default.
func (in Input) canonical(value any) (any, bool) {
	switch in.Type {
	case String:
		s, ok := value.(string)
		return s, ok
	case Integer:
		return asAny(whole(value))
	case Number:
		return asAny(number(value))
	case Boolean:
		b, ok := value.(bool)
		return b, ok
	case Array:
		return asAny(list(value))
	}
	return nil, false
}

func asAny[T any](value T, ok bool) (any, bool) { return value, ok }

// coerce turns a value of another type into the one the input wants where
// nothing is lost: "6" into 6 and back, one text into a list of one, another
// case into the spelling of the enum.
func (in Input) coerce(value any) (any, bool) {
	if converted, ok := in.canonical(value); ok {
		return in.spelling(converted), true
	}
	switch in.Type {
	case String:
		if _, ok := number(value); ok {
			return in.spelling(text(value)), true
		}
	case Integer, Number:
		if s, ok := value.(string); ok {
			return in.parseNumber(strings.TrimSpace(s))
		}
	case Boolean:
		if s, ok := value.(string); ok {
			return parseBoolean(s)
		}
	case Array:
		if s, ok := value.(string); ok && in.Items == "string" {
			return []any{s}, true
		}
	}
	return nil, false
}

func (in Input) parseNumber(s string) (any, bool) {
	if in.Type == Integer {
		i, err := strconv.ParseInt(s, 10, 64)
		return i, err == nil
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func parseBoolean(s string) (any, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return nil, false
}

// spelling returns the enum's own spelling of a text that differs from it only
// in case: Kie takes "2K" for one model and "4k" for another.
func (in Input) spelling(value any) any {
	s, ok := value.(string)
	if !ok || in.offers(value) {
		return value
	}
	for _, choice := range in.Enum {
		if strings.EqualFold(text(choice), s) {
			return choice
		}
	}
	return value
}

// offers says whether the input's enum, if it has one, holds the value, or Kie
// is known to accept it.
func (in Input) offers(value any) bool {
	same := func(choice any) bool { return text(choice) == text(value) }
	return len(in.Enum) == 0 || slices.ContainsFunc(in.Enum, same) || slices.ContainsFunc(in.AlsoValues, same)
}
