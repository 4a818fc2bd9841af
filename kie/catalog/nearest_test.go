package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

func TestNearest(t *testing.T) {
	flags := []string{"model", "ar", "seed", "no", "n", "dur", "voice"}
	ids := []string{"google/imagen4", "google/imagen4-fast", "kling-2.6/text-to-video", "kling", "hailuo", "nano-banana-2"}
	tests := []struct {
		name       string
		candidates []string
		n          int
		want       []string
	}{
		{"modle", flags, 1, []string{"model"}},
		{"MODEL", flags, 1, []string{"model"}},
		{"sed", flags, 1, []string{"seed"}},
		{"dura", flags, 1, []string{"dur"}},
		{"dru", flags, 1, []string{"dur"}},
		{"vo", flags, 1, []string{"voice"}},
		{"durations", flags, 1, []string{"dur"}},
		{"xyzzy", flags, 3, nil},
		{"x", flags, 3, nil},
		{"x", []string{"5", "10"}, 3, nil},
		{"", flags, 3, nil},
		{"   ", flags, 3, nil},
		{"seed", nil, 3, nil},
		{"seed", flags, 0, nil},
		{"seed", flags, -1, nil},
		{"imagen4-fst", ids, 1, []string{"google/imagen4-fast"}},
		{"imagen4", ids, 3, []string{"google/imagen4", "google/imagen4-fast"}},
		{"imagen", ids, 1, []string{"google/imagen4"}},
		{"kling-2.7", ids, 1, []string{"kling"}},
		{"banana", ids, 1, []string{"nano-banana-2"}},
		{" Hailou ", ids, 1, []string{"hailuo"}},
		{"хайло", []string{"хайлуо", "клинг"}, 3, []string{"хайлуо"}},
		{"seed", []string{"Seed", "seed", "seed"}, 3, []string{"Seed", "seed"}},
		{strings.Repeat("a", 1<<20), ids, 3, nil},
		{"\xff\xfe", ids, 3, nil},
	}
	for _, test := range tests {
		got := catalog.Nearest(test.name, test.candidates, test.n)
		if !slices.Equal(got, test.want) {
			t.Errorf("Nearest(%.20q, n=%d) = %q; want %q", test.name, test.n, got, test.want)
		}
	}
}

func TestNearestPutsPrefixBeforeSubstringBeforeTypo(t *testing.T) {
	got := catalog.Nearest("seed", []string{"weed", "oneseed", "seedream", "SEED"}, 4)
	want := []string{"SEED", "seedream", "oneseed", "weed"}
	if !slices.Equal(got, want) {
		t.Errorf("Nearest = %q; want %q", got, want)
	}
}
