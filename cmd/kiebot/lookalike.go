package main

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// farthest is how many letters of a name may be wrong for it to look like one
// of ours. Names shorter than shortest look like too many.
const (
	farthest = 2
	shortest = 6
)

// findLookalikes finds variables that look like settings and are none: a limit
// with a slip in its name would limit nothing.
func findLookalikes(environ []string, found *problems) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		bare := strings.TrimSuffix(name, "_FILE")
		if order(name) >= 0 || order(bare) >= 0 || len(bare) < shortest {
			continue
		}
		if near := nearest(bare); near != "" {
			found.add(name, "is no setting of kiebot: %s is", near+strings.TrimPrefix(name, bare))
		}
	}
}

// nearest is the setting whose name is most like this one, empty when none is.
func nearest(name string) string {
	best, near := farthest+1, ""
	for _, v := range variables() {
		if distance := levenshtein.ComputeDistance(strings.ToUpper(name), v.name); distance < best {
			best, near = distance, v.name
		}
	}
	return near
}
