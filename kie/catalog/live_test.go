package catalog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiebot/kie/catalog"
)

// asLive is what Kie would say if nothing had changed.
func asLive(c *catalog.Catalog) []catalog.Live {
	var live []catalog.Live
	for _, m := range c.All() {
		if m.Status == catalog.Current {
			live = append(live, catalog.Live{ID: m.ID, Title: m.Title, Kind: m.Kind, Inputs: m.Inputs})
		}
	}
	return live
}

func lines(found []catalog.Difference) string {
	var b strings.Builder
	for _, d := range found {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

func TestDiffOfTheSameIsNothing(t *testing.T) {
	c := load(t)
	if found := catalog.Diff(c, asLive(c)); len(found) > 0 {
		t.Errorf("differences:\n%s", lines(found))
	}
}

func TestDiff(t *testing.T) {
	c := mustParse(t, `{"models": [
		{"id": "a", "title": "A", "kind": "image", "task": "t", "default_for_kind": true, "source": "https://docs.kie.ai/", "inputs": [
			{"name": "prompt", "type": "string", "max_length": 500},
			{"name": "size", "type": "string", "enum": ["S", "L"], "also_values": ["M"]},
			{"name": "n", "type": "integer", "also_types": ["string"]},
			{"name": "files", "type": "array", "max_items": 4},
			{"name": "old", "type": "boolean"}],
		 "price": {"per": "image", "rates": [{"when": {"size": "S"}, "credits": 7.5}, {"credits": 12}],
			"extras": [{"credits": 0.5, "for": {"measure": "items", "input": "files"}}]}},
		{"id": "gone", "title": "Gone", "kind": "image", "task": "t", "source": "https://docs.kie.ai/", "inputs": []},
		{"id": "back", "title": "Back", "kind": "image", "task": "t", "status": "retired", "reason": "old", "source": "https://docs.kie.ai/", "inputs": []},
		{"id": "still-gone", "title": "X", "kind": "image", "task": "t", "status": "retired", "reason": "old", "source": "https://docs.kie.ai/", "inputs": []},
		{"id": "elsewhere", "title": "X", "kind": "image", "task": "t", "endpoint": "veo", "status": "legacy-endpoint", "reason": "old", "source": "https://docs.kie.ai/", "inputs": []},
		{"id": "at-once", "title": "Y", "kind": "image", "task": "t", "endpoint": "omni-audio", "source": "https://docs.kie.ai/", "inputs": []}]}`)
	live := []catalog.Live{
		{ID: "new", Title: "New one"},
		{ID: "a", PriceText: "S costs 7.50 credits ($0.0375), L 14, files 0.5 each", Inputs: []catalog.Input{
			{Name: "prompt", Type: catalog.String, Required: true, MaxLength: 400},
			{Name: "size", Type: catalog.String, Enum: []any{"S", "M", "XL"}},
			{Name: "n", Type: catalog.String},
			{Name: "files ", Type: catalog.Array, MaxItems: 3},
			{Name: "style", Type: catalog.String},
			{Name: "callBackUrl", Type: catalog.String},
		}},
		{ID: "back"},
	}
	want := `price a: 12 → S costs 7.50 credits ($0.0375), L 14, files 0.5 each
input-changed a prompt: optional; 500 characters → required; 400 characters
input-changed a size: with L; without → without; with XL
input-changed a files: 4 entries → 3 entries
input-added a style: – → string
input-dropped a old: boolean → –
vanished gone: Gone → –
returned back: retired → current
vanished at-once: Y → –
appeared new: – → New one
`
	if diff := cmp.Diff(want, lines(catalog.Diff(c, live))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func mustParse(t *testing.T, data string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Parse(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An entry made of what Kie says can be written, laid over the catalogue, and
// used once somebody prices it.
func TestLiveModel(t *testing.T) {
	live := catalog.Live{
		ID: "vendor/film", Title: "Film", Kind: catalog.Video, Task: "Text to Video", PriceText: "5 credits",
		Inputs: []catalog.Input{
			{Name: "prompt", Type: catalog.String, Required: true},
			{Name: "text", Type: catalog.String},
			{Name: "image_size", Type: catalog.String, Enum: []any{"square_hd", "landscape_16_9"}},
			{Name: "image_url", Type: catalog.String},
			{Name: "tail_image_url", Type: catalog.String},
			{Name: "reference_video_urls ", Type: catalog.Array, Items: "string"},
			{Name: "audio_url", Type: catalog.String},
			{Name: "mask_url", Type: catalog.String},
			{Name: "task_id", Type: catalog.String},
			{Name: "output_format", Type: catalog.String, Enum: []any{"mp4", "url"}},
			{Name: "callBackUrl", Type: catalog.String},
		},
	}
	m := live.Model()
	got := map[string]catalog.Option{}
	for _, in := range m.Inputs {
		got[in.Name] = in.Option
	}
	want := map[string]catalog.Option{
		"prompt": catalog.Prompt, "text": "", "image_size": catalog.AspectRatio, "image_url": catalog.FirstFrame,
		"tail_image_url": catalog.LastFrame, "reference_video_urls": catalog.VideoFile, "audio_url": catalog.AudioFile,
		"mask_url": catalog.MaskFile, "task_id": catalog.EarlierTask, "output_format": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := catalog.Write(&b, []catalog.Model{m}); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Overlay(load(t), &b)
	if err != nil {
		t.Fatal(err)
	}
	if found := of(t, c, "vendor/film"); found.Price.Note != "5 credits" || len(found.Price.Rates) != 0 || found.Status != catalog.Current {
		t.Errorf("%+v", found)
	}
	if in, _ := m.Input("image_size"); in.Values["16:9"] != "landscape_16_9" {
		t.Errorf("ratios: %v", in.Values)
	}
}

// The names of Kie's inputs say enough to find the files among them.
func TestGuessesAgreeWithTheCatalogue(t *testing.T) {
	wrong, all := 0, 0
	for _, m := range load(t).All() {
		live := catalog.Live{ID: m.ID, Kind: m.Kind}
		for _, in := range m.Inputs {
			in.Option, in.Media = "", ""
			live.Inputs = append(live.Inputs, in)
		}
		for i, in := range live.Model().Inputs {
			all++
			if in.Media != m.Inputs[i].Media {
				wrong++
				t.Logf("%s %s: guessed %q, is %q", m.ID, in.Name, in.Media, m.Inputs[i].Media)
			}
		}
	}
	if all < 1000 || wrong > all/100 {
		t.Errorf("%d of %d wrong", wrong, all)
	}
}
