package clip

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// family is one character to people, and eleven UTF-16 units.
const family = "👨‍👩‍👧‍👦"

func TestUnits(t *testing.T) {
	for _, text := range []string{"", "a cat", "кот", "😀", family, "\xff"} {
		if got, want := Units(text), len(utf16.Encode([]rune(text))); got != want {
			t.Errorf("%q has %d units, not %d", text, want, got)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"a cat", 5, "a cat"},
		{"a cat", 4, "a c…"},
		{"a cat", 3, "a…"},
		{family + family, 22, family + family},
		{family + family, 21, family + "…"},
	} {
		if got := Shorten(test.text, test.most); got != test.want {
			t.Errorf("%q in %d: %q", test.text, test.most, got)
		}
	}
}

func TestBreak(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string // what is before the cut
	}{
		{"one longer line\nand another", 20, "one longer line"},
		{"some words in one line", 16, "some words in"},
		{"x " + strings.Repeat("y", 40), 16, "x " + strings.Repeat("y", 14)},
		{strings.Repeat(family, 3), 24, strings.Repeat(family, 2)},
		{"a" + strings.Repeat("\u0301", 40), 16, "a" + strings.Repeat("\u0301", 15)},
	} {
		if got := test.text[:Break(test.text, test.most)]; got != test.want {
			t.Errorf("%q in %d: %q", test.text, test.most, got)
		}
	}
}
