// Package clip cuts texts to the lengths that chat platforms take, which count
// UTF-16 units, without breaking what people see as one character.
package clip

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Units is the length of the text in UTF-16 units.
func Units(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}

// Shorten is the text with at most so many units, an ellipsis at its end where
// something was cut.
func Shorten(s string, most int) string {
	if Units(s) <= most {
		return s
	}
	return strings.TrimRightFunc(s[:Fit(s, most-1)], unicode.IsSpace) + "…"
}

// Break is where, in bytes, the text is best cut so that what is before has at
// most so many units: behind a line or a word in its second half.
func Break(s string, most int) int {
	n := Fit(s, most)
	for _, at := range []int{strings.LastIndexByte(s[:n], '\n'), strings.LastIndexFunc(s[:n], unicode.IsSpace)} {
		if at > n/2 {
			return at
		}
	}
	return n
}

// Fit is how many bytes of the text have at most so many units. Only a single
// character that has more of them is broken.
func Fit(s string, most int) int {
	used, n, state := 0, 0, -1
	for rest := s; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += Units(cluster); used > most {
			break
		}
		n += len(cluster)
	}
	if n > 0 || s == "" {
		return n
	}
	for used = 0; n < len(s); { // one character with more marks than fit
		r, size := utf8.DecodeRuneInString(s[n:])
		if used += Units(string(r)); used > most {
			break
		}
		n += size
	}
	return n
}
