package catalog_test

import (
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

func TestStatusRuns(t *testing.T) {
	for status, want := range map[catalog.Status]bool{
		catalog.Current: true, catalog.Documented: true, catalog.LegacyEndpoint: true,
		catalog.Legacy: false, catalog.Retired: false, "": false, "sleeping": false,
	} {
		if status.Runs() != want {
			t.Errorf("%q.Runs() = %v", status, !want)
		}
	}
}

func TestWhatGoesWithoutSaying(t *testing.T) {
	m := mustParseOne(t, `"inputs": []`)
	if m.Status != catalog.Current || m.Endpoint != catalog.Jobs || m.ModelValue != "vendor/test" || m.Output != catalog.OutputImage {
		t.Errorf("%+v", m)
	}
	m = mustParseOne(t, `"endpoint": "runway", "output": "json", "inputs": []`)
	if m.Endpoint != "runway" || m.ModelValue != "" || m.Output != catalog.OutputJSON {
		t.Errorf("%+v", m)
	}
	m = mustParseOne(t, `"endpoint": "suno", "model_value": "V5", "inputs": []`)
	if m.ModelValue != "V5" {
		t.Errorf("%+v", m)
	}
	for kind, want := range map[catalog.Kind]catalog.Output{
		catalog.Image: catalog.OutputImage, catalog.Video: catalog.OutputVideo,
		catalog.Music: catalog.OutputAudio, catalog.Speech: catalog.OutputAudio,
	} {
		if kind.Output() != want {
			t.Errorf("%s makes %s", kind, kind.Output())
		}
	}
}

func TestRetiredModelErrorWithoutReplacement(t *testing.T) {
	err := &catalog.RetiredModelError{Name: strings.Repeat("x", 1000), Reason: "it is old"}
	if text := err.Error(); !strings.HasSuffix(text, "cannot be used: it is old") || len(text) > 150 {
		t.Errorf("%q", text)
	}
}

// The older endpoints get what their body wants: the model where it has such a
// field, nothing that the client adds by itself, camelCase names.
func TestOlderEndpoints(t *testing.T) {
	want := map[string][2]string{
		"veo3": {"veo", "veo3"}, "veo3_fast": {"veo", "veo3_fast"}, "veo3_lite": {"veo", "veo3_lite"}, "veo-extend": {"veo-extend", ""},
		"runway-generate": {"runway", ""}, "runway-aleph": {"aleph", ""}, "gpt4o-image": {"4o-image", ""},
		"flux-kontext-pro": {"flux-kontext", "flux-kontext-pro"}, "flux-kontext-max": {"flux-kontext", "flux-kontext-max"},
		"suno-V3_5": {"suno", "V3_5"}, "suno-V4": {"suno", "V4"}, "suno-V4_5": {"suno", "V4_5"}, "suno-V4_5PLUS": {"suno", "V4_5PLUS"},
		"suno-V4_5ALL": {"suno", "V4_5ALL"}, "suno-V5": {"suno", "V5"}, "suno-V5_5": {"suno", "V5_5"},
		"midjourney": {"midjourney", ""}, "luma-modify": {"luma-modify", ""},
		"gemini-omni-audio": {"omni-audio", ""}, "gemini-omni-character": {"omni-character", ""},
	}
	for _, m := range load(t).All() {
		pair, older := want[m.ID]
		if !older {
			pair = [2]string{catalog.Jobs, m.ID}
		}
		if m.Endpoint != pair[0] || m.ModelValue != pair[1] {
			t.Errorf("%s: endpoint %q, model %q; want %q", m.ID, m.Endpoint, m.ModelValue, pair)
		}
		if _, has := m.Input("model"); has && m.ModelValue != "" && older {
			t.Errorf("%s has its model twice", m.ID)
		}
	}
}
