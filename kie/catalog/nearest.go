package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Nearest returns up to n of the candidates that somebody who typed name may
// have meant, best first: the same name in another case, then names that begin
// with it, then names that contain it, then names that differ in few letters
// (about one in three) or go on where a name ends. An id such as "google/imagen4-fast" is also compared
// by the part after its last slash. It returns nothing when everything is too
// far away. Candidates of equal rank keep their order, and none is returned
// twice.
func Nearest(name string, candidates []string, n int) []string {
	type match struct {
		candidate string
		rank      int
	}
	name = strings.ToLower(strings.TrimSpace(name))
	var found []match
	for _, candidate := range candidates {
		if rank, near := closeness(name, strings.ToLower(candidate)); near {
			found = append(found, match{candidate, rank})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(a.rank, b.rank) })
	var nearest []string
	for _, m := range found {
		if len(nearest) < n && !slices.Contains(nearest, m.candidate) {
			nearest = append(nearest, m.candidate)
		}
	}
	return nearest
}

// closeness ranks one candidate, both in lower case; a smaller rank is nearer.
func closeness(name, candidate string) (rank int, near bool) {
	const prefix, substring, similar, shorter = 1, 2, 3, 100
	last := candidate[strings.LastIndexByte(candidate, '/')+1:]
	switch {
	case name == "" || candidate == "":
		return 0, false
	case name == candidate:
		return 0, true
	case strings.HasPrefix(candidate, name) || strings.HasPrefix(last, name):
		return prefix, true
	case len(name) >= enough && strings.Contains(candidate, name):
		return substring, true
	}
	if d, ok := distance(name, candidate); ok {
		return similar + 2*d, true
	}
	if d, ok := distance(name, last); ok {
		return similar + 2*d + 1, true
	}
	return shorter, len(candidate) >= enough && strings.HasPrefix(name, candidate)
}

// enough is how many bytes a part of a name must have to say something.
const enough = 3

// distance counts the letters in which two names differ; two swapped neighbours
// are one difference, because that is the commonest slip. It does not look at
// names whose lengths alone put them too far apart, nor at very long ones, so
// that no name costs much time.
func distance(a, b string) (d int, near bool) {
	la, lb := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	const longest = 100
	limit := min((max(la, lb)+2)/3, 5)
	if max(la, lb)-min(la, lb) > limit || la > longest {
		return 0, false
	}
	if swapped(a, b) {
		return 1, true
	}
	d = levenshtein.ComputeDistance(a, b)
	return d, d <= limit && d < min(la, lb)
}

// swapped says whether two names differ only in the order of two neighbours.
func swapped(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) != len(y) {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && slices.Equal(x[i+2:], y[i+2:])
}
