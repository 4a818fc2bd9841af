package core

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// TaskID names a task for ever. It is 18 characters of lower-case base 32:
// ten of milliseconds since 1970, then eight that are random, so ids sort by
// the time they were made and the last eight are what people are shown.
type TaskID string

// AccountID names an account; it has the layout of a TaskID.
type AccountID string

// DeliveryID numbers deliveries in the order in which they were committed.
// The store assigns it; zero means not stored yet.
type DeliveryID uint64

const (
	idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32: no i, l, o, u
	timeChars  = 10
	shortChars = 8
	idChars    = timeChars + shortChars
)

// Short is the part of the id that people see and type, eight characters.
func (id TaskID) Short() string {
	if len(id) < shortChars {
		return string(id)
	}
	return string(id[len(id)-shortChars:])
}

// ParseTaskID accepts a whole id as found in a URL or a button.
func ParseTaskID(s string) (TaskID, error) {
	if len(s) != idChars || strings.Trim(s, idAlphabet) != "" {
		return "", fmt.Errorf("task id %q: want %d characters of 0-9 and a-z", trimTo(s, 32), idChars)
	}
	return TaskID(s), nil
}

// ids makes identifiers that sort in the order they were made, even when the
// clock stands still or jumps back while the process runs.
type ids struct {
	mu   sync.Mutex
	rand io.Reader
	last uint64 // milliseconds of the newest id
}

func (g *ids) next(now time.Time) (string, error) {
	var random [8]byte
	if _, err := io.ReadFull(g.rand, random[:]); err != nil {
		return "", fmt.Errorf("reading randomness for an id: %w", err)
	}
	g.mu.Lock()
	g.last = max(g.last+1, uint64(max(now.UnixMilli(), 0)))
	ms := g.last
	g.mu.Unlock()
	return base32(ms, timeChars) + base32(binary.BigEndian.Uint64(random[:]), shortChars), nil
}

// idFrom is smaller than every id that is made from the moment on.
func idFrom(t time.Time) TaskID {
	return TaskID(base32(uint64(max(t.UnixMilli(), 0)), timeChars) + strings.Repeat("0", shortChars))
}

func base32(v uint64, chars int) string {
	out := make([]byte, chars)
	for i := chars - 1; i >= 0; i-- {
		out[i] = idAlphabet[v&31]
		v >>= 5
	}
	return string(out)
}

// trimTo cuts s to at most n bytes for use in a message.
func trimTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
