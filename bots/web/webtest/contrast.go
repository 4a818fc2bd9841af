package webtest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// CheckContrast checks the colours that a style sheet gives :root, once for
// light and once for dark. The pairs are a colour and the one it is on, by the
// names of their variables: "ink paper". Text needs a contrast of 4.5 at least,
// borders of fields and what is drawn 3 (WCAG 2.2, 1.4.3 and 1.4.11).
func CheckContrast(t testing.TB, css string, least float64, pairs ...string) {
	t.Helper()
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllStringSubmatch(css, -1)
	if len(schemes) != 2 {
		t.Fatalf("found %d sets of colours, want one for light and one for dark", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]float64{}
		for _, c := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(scheme[1], -1) {
			colours[c[1]] = luminance(t, c[2])
		}
		for _, pair := range pairs {
			front, back, _ := strings.Cut(pair, " ")
			a, b := colours[front], colours[back]
			if got := (max(a, b) + .05) / (min(a, b) + .05); got < least {
				t.Errorf("scheme %d: %s on %s has %.2f, want %.1f", i+1, front, back, got, least)
			}
		}
	}
}

// luminance is the relative luminance of an sRGB colour, as WCAG defines it.
func luminance(t testing.TB, hex string) float64 {
	t.Helper()
	value, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift uint) float64 {
		c := float64(value>>shift&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*part(16) + .7152*part(8) + .0722*part(0)
}
