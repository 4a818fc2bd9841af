package kie

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// redacted is what every printed form of a set [Secret] shows.
const redacted = "redacted"

// Secret is a text that must not be printed: an API key or an HMAC key. All
// its printed and encoded forms are "redacted", or empty when it is empty;
// [Secret.Reveal] is the only way to the value.
//
// The fmt package ignores methods of values in unexported struct fields, so a
// struct that keeps a Secret there leaks it under %v; keep it in an exported
// field or behind a pointer.
type Secret string

// Reveal returns the value itself, to be sent or compared, never printed.
func (s Secret) Reveal() string { return string(s) }

// String returns "redacted", or "" for the empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns the same as String.
func (s Secret) GoString() string { return s.String() }

// Format writes what String returns, whatever the verb: without it, %x or %d
// would print the value.
func (s Secret) Format(f fmt.State, _ rune) {
	// fmt offers no way to report a failed write from here.
	_, _ = f.Write([]byte(s.String()))
}

// MarshalJSON returns what String returns as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
