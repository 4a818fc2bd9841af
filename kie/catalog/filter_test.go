package catalog

import (
	"encoding/json"
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

// What a person can loosen is at most as loose as Kie has it when nothing is
// said; what is stricter, or no value of the input, stays as it is.
func TestFilteredIsStrict(t *testing.T) {
	models, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, input string
		value, want  any
	}{
		{"flux-kontext-pro", "safetyTolerance", int64(6), int64(2)},
		{"flux-kontext-max", "safetyTolerance", int64(3), int64(2)},
		{"flux-kontext-max", "safetyTolerance", int64(2), int64(2)},
		{"flux-kontext-max", "safetyTolerance", int64(0), int64(0)},
		{"flux-kontext-max", "safetyTolerance", nil, nil},
		{"flux1-kontext", "safety_tolerance", json.Number("5"), int64(2)},
		{"flux1-kontext", "safety_tolerance", "6", int64(2)},
		{"flux1-kontext", "safety_tolerance", "lax", "lax"},
		{"grok-imagine/text-to-video", "mode", "spicy", "normal"},
		{"grok-imagine/image-to-video", "mode", "SPICY", "normal"},
		{"grok-imagine/image-to-video", "mode", "fun", "fun"},
		{"grok-imagine/image-to-video", "mode", nil, nil},
		{"kling-3.0/video", "mode", "spicy", "spicy"}, // no mode of it
		{"kling-3.0/video", "mode", "4K", "4K"},
	} {
		m, err := models.Lookup(c.model)
		if err != nil {
			t.Fatal(err)
		}
		filtered := m.Filtered(map[string]any{"nsfw_checker": true, c.input: c.value})
		if got := filtered[c.input]; got != c.want {
			t.Errorf("%s: %s %v becomes %v and not %v", c.model, c.input, c.value, got, c.want)
		}
		if got := m.IsFiltered(map[string]any{"nsfw_checker": true, c.input: c.value}); got != (c.value == c.want) {
			t.Errorf("%s: %s %v: filtered is %v", c.model, c.input, c.value, got)
		}
	}
}
