package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

// Token is a bot's token. Printed and encoded it is "redacted".
type Token string

// valid is the form of a token, with nothing around it that was copied along.
func (t Token) valid() bool {
	return regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`).MatchString(t.reveal())
}

func (t Token) reveal() string { return string(t) }

// Format implements fmt.Formatter.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// String is "redacted".
func (Token) String() string { return "redacted" }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements encoding.TextMarshaler.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
