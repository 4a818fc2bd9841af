package catalog

import (
	"maps"
	"testing"
)

func TestFiltered(t *testing.T) {
	models, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	with, without := 0, 0
	for _, family := range models.Families() {
		for _, id := range family.Models {
			m, err := models.Lookup(id)
			if err != nil {
				t.Fatal(err)
			}
			given := map[string]any{"prompt": "x"}
			before := maps.Clone(given)
			filtered := m.Filtered(given)
			if !maps.Equal(given, before) {
				t.Fatalf("%s: what was given changed to %v", m.ID, given)
			}
			if !m.IsFiltered(filtered) {
				t.Errorf("%s: not filtered by %v", m.ID, filtered)
			}
			if m.IsFiltered(given) != maps.Equal(filtered, given) {
				t.Errorf("%s: filtered is %v of %v", m.ID, m.IsFiltered(given), given)
			}
			if len(filtered) > len(given) {
				with++
			} else {
				without++
			}
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("%d models have a filter and %d none", with, without)
	}
}
