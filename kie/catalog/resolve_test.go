package catalog_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// options reads "prompt image image2" into options with something in each.
func options(words string) map[catalog.Option]string {
	given := map[catalog.Option]string{}
	for word := range strings.FieldsSeq(words) {
		name, value, has := strings.Cut(word, "=")
		if !has {
			value = "https://example.com/" + name
		}
		given[catalog.Option(name)] = value
	}
	return given
}

func TestResolve(t *testing.T) {
	tests := []struct{ name, given, want string }{
		// The names that people already use, as they type them.
		{"bytedance/seedream", "prompt", "bytedance/seedream"},
		{"flux-2/pro", "prompt", "flux-2/pro-text-to-image"},
		{"flux-2/pro", "prompt image", "flux-2/pro-image-to-image"},
		{"google/imagen4", "prompt", "google/imagen4"},
		{"ideogram/v3", "prompt", "ideogram/v3-text-to-image"},
		{"ideogram/v3", "prompt image", "ideogram/v3-remix"},
		{"ideogram/v3", "prompt image mask", "ideogram/v3-edit"},
		{"grok-imagine/text-to-image", "prompt", "grok-imagine/text-to-image"},
		{"grok-imagine/text-to-image", "prompt image", "grok-imagine/image-to-image"},
		{"kling/v2-1-pro", "prompt image", "kling/v2-1-pro"},
		{"kling/v2-1-pro", "prompt", "kling/v2-1-pro"},
		{"hailuo/2-3-pro", "prompt image", "hailuo/2-3-image-to-video-pro"},
		{"wan/2-2-turbo", "prompt", "wan/2-2-a14b-text-to-video-turbo"},
		{"wan/2-2-turbo", "prompt image", "wan/2-2-a14b-image-to-video-turbo"},
		{"wan/2-2-turbo", "prompt image audio", "wan/2-2-a14b-speech-to-video-turbo"},
		{"bytedance/v1-pro", "prompt", "bytedance/v1-pro-text-to-video"},
		{"bytedance/v1-pro", "prompt first_frame", "bytedance/v1-pro-image-to-video"},
		{"elevenlabs/text-to-speech", "prompt", "elevenlabs/text-to-speech-turbo-2-5"},
		{"suno/v4", "prompt", "suno-V4"},
		{"seedream", "prompt", "seedream/4.5-text-to-image"},
		{"seedream", "prompt image image2", "seedream/4.5-edit"},
		{"veo", "prompt", "veo-3-1"},
		{"veo", "prompt image", "veo-3-1"},
		{"suno", "prompt", "ai-music-api/generate"},
		{"runway", "prompt", "runway"},
		{"kling", "prompt", "kling/v2-5-turbo-text-to-video-pro"},
		{"kling", "prompt image", "kling/v2-5-turbo-image-to-video-pro"},
		{"kling", "prompt first_frame last_frame", "kling/v2-5-turbo-image-to-video-pro"},
		{"hailuo", "prompt", "hailuo/02-text-to-video-standard"},
		{"hailuo", "prompt image", "hailuo/02-image-to-video-standard"},
		{"flux", "prompt", "flux-2/pro-text-to-image"},
		{"FLUX", "prompt image image2 image3", "flux-2/pro-image-to-image"},
		// What is given decides within a family.
		{"nano-banana", "prompt image", "google/nano-banana-edit"},
		{"nano-banana-2", "prompt image", "nano-banana-2"},
		{"minimax-h3", "prompt", "minimax-h3/text-to-video"},
		{"minimax-h3", "prompt first_frame", "minimax-h3/image-to-video"},
		{"minimax-h3", "prompt image image2", "minimax-h3/image-to-video"},
		{"minimax-h3", "prompt image image2 image3", "minimax-h3/reference-to-video"},
		{"minimax-h3", "prompt video", "minimax-h3/reference-to-video"},
		{"wan/2-7", "prompt audio", "wan/2-7-text-to-video"},
		{"wan/2-7", "prompt video", "wan/2-7-videoedit"},
		{"wan/2-7", "prompt first_frame last_frame audio", "wan/2-7-image-to-video"},
		{"pixverse", "prompt first_frame last_frame", "pixverse-v6/transition"},
		{"kling-3.0-omni", "prompt image video", "kling-3.0-omni/reference-to-video"},
		{"ideogram/character", "prompt image image2", "ideogram/character-remix"},
		// The exact id stays when another of the family is no better.
		{"minimax-h3/reference-to-video", "prompt image", "minimax-h3/reference-to-video"},
		{"bytedance/v1-pro-image-to-video", "", "bytedance/v1-pro-text-to-video"},
		{"z-image", "prompt image", "z-image"},
	}
	c := load(t)
	for _, test := range tests {
		given := options(test.given)
		m, err := c.Resolve(test.name, given)
		if err != nil || m.ID != test.want {
			t.Errorf("%s with %s: %q, %v; want %q", test.name, test.given, m.ID, err, test.want)
		}
		if !maps.Equal(given, options(test.given)) {
			t.Errorf("%s: Resolve changed its argument", test.name)
		}
	}
}

// Whatever stands in for an id in older notes leads to something that runs with
// what it needs, or says why not.
func TestReferenceNamesRun(t *testing.T) {
	needs := map[string]string{"kling/v2-1-pro": "prompt image", "hailuo/2-3-pro": "prompt image"}
	names := []string{
		"bytedance/seedream", "flux-2/pro", "google/imagen4", "ideogram/v3", "grok-imagine/text-to-image", "kling/v2-1-pro",
		"hailuo/2-3-pro", "wan/2-2-turbo", "bytedance/v1-pro", "elevenlabs/text-to-speech", "suno/v4",
		"seedream", "veo", "suno", "runway", "kling", "hailuo", "flux",
	}
	for _, name := range names {
		given := options("prompt")
		if needs[name] != "" {
			given = options(needs[name])
		}
		m, err := load(t).Resolve(name, given)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		input, err := m.Build(given)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cost, err := m.Estimate(input); err != nil || cost <= 0 {
			t.Errorf("%s costs %s, %v", name, cost, err)
		}
	}
}

func TestResolveRefusesWhatIsGone(t *testing.T) {
	tests := []struct{ name, given, id, nearest string }{
		{"sora2/pro", "prompt", "sora-2-pro-text-to-video", "veo-3-1"},
		{"sora2/pro", "prompt image", "sora-2-pro-image-to-video", "veo-3-1"},
		{"midjourney", "prompt", "midjourney", "seedream/4.5-text-to-image"},
		{"suno/v3.5", "prompt", "suno-V3_5", "ai-music-api/generate"},
		{"elevenlabs/speech-to-text", "audio", "elevenlabs/speech-to-text", ""},
	}
	c := load(t)
	for _, test := range tests {
		m, err := c.Resolve(test.name, options(test.given))
		var gone *catalog.RetiredModelError
		if !errors.As(err, &gone) || m.ID != "" {
			t.Errorf("%s: %q, %v; want a RetiredModelError", test.name, m.ID, err)
			continue
		}
		if gone.Name != test.name || gone.ID != test.id || gone.Replacement != test.nearest || gone.Reason == "" || gone.Title == "" || gone.Status.Runs() {
			t.Errorf("%s: %+v", test.name, gone)
		}
		if text := err.Error(); !strings.Contains(text, gone.Reason) || !strings.Contains(text, test.nearest) || strings.HasSuffix(text, ": ") {
			t.Errorf("%q", text)
		}
		if m, err := c.Lookup(gone.ID); err != nil || m.ID != test.id {
			t.Errorf("Lookup(%s): %q, %v", gone.ID, m.ID, err)
		}
	}
	var unknown *catalog.UnknownModelError
	if _, err := c.Resolve("klign", nil); !errors.As(err, &unknown) || unknown.Nearest[0] != "kling" {
		t.Errorf("klign: %v", err)
	}
}

// With the files that a model needs its own id leads to it, and its family's
// name to something those files fit.
func TestEveryModelIsReached(t *testing.T) {
	c := load(t)
	for _, m := range c.All() {
		if !m.Status.Runs() {
			continue
		}
		given := needed(m)
		if found, err := c.Resolve(m.ID, given); err != nil || found.ID != m.ID {
			t.Errorf("%s with %v leads to %q, %v", m.ID, given, found.ID, err)
		}
		if m.Family == "" {
			continue
		}
		found, err := c.Resolve(m.Family, given)
		if err != nil || found.Family != m.Family {
			t.Errorf("%s with %v leads to %q, %v", m.Family, given, found.ID, err)
			continue
		}
		for option := range given {
			if _, most := found.Takes(option); most == 0 {
				t.Errorf("%s with %v leads to %s, which takes no %s", m.Family, given, found.ID, option)
			}
		}
	}
}

// needed are the files without which a model does not run.
func needed(m catalog.Model) map[catalog.Option]string {
	given := map[catalog.Option]string{}
	input, _ := sample(m, "")
	number := map[catalog.Option]int{}
	for _, in := range m.Inputs {
		if !in.Option.IsFile() || input[in.Name] == nil {
			continue
		}
		for range max(1, len(listOf(input[in.Name]))) {
			number[in.Option]++
			given[in.Option.Numbered(number[in.Option])] = "https://example.com/" + in.Name
		}
	}
	return given
}

// What Build makes of a prompt and those files, Validate accepts, for every
// model whose other inputs have defaults.
func TestEveryModelIsBuiltFromFiles(t *testing.T) {
	built := 0
	for _, m := range load(t).All() {
		given := needed(m)
		whole, _ := sample(m, "")
		for _, in := range m.Inputs {
			if in.Option == catalog.Prompt || in.Option == catalog.EarlierTask && whole[in.Name] != nil {
				given[in.Option] = "a cat"
			}
		}
		input, err := m.Build(given)
		var problems *catalog.ProblemsError
		if errors.As(err, &problems) {
			checkOnlyRawMissing(t, m, problems)
			continue
		}
		built++
		if err := m.Validate(input); err != nil {
			t.Errorf("%s: %v", m.ID, err)
		}
	}
	if built < 180 {
		t.Errorf("only %d models run with options alone", built)
	}
}

// checkOnlyRawMissing makes sure that nothing is wrong but required inputs that
// no option fills.
func checkOnlyRawMissing(t *testing.T, m catalog.Model, err *catalog.ProblemsError) {
	t.Helper()
	for _, p := range err.Problems {
		if p.Code != catalog.NoneOfSets && (p.Code != catalog.Missing || p.Option != "") {
			t.Errorf("%s: %v", m.ID, p)
		}
	}
}

// Every model that is not alone can be reached by its family's name and the
// files it is for, and every family resolves.
func TestFamilies(t *testing.T) {
	c := load(t)
	seen := map[string]bool{}
	for _, f := range c.Families() {
		m, err := c.Resolve(f.Name, nil)
		if err != nil || !slices.Contains(f.Models, m.ID) || f.Title == "" || m.Kind != f.Kind {
			t.Errorf("%+v leads to %q, %v", f, m.ID, err)
		}
		for _, id := range f.Models {
			m, err := c.Lookup(id)
			if err != nil || seen[id] || m.Status != catalog.Current {
				t.Errorf("%s: %q, %v, or it is there twice", f.Name, id, err)
			}
			seen[id] = true
		}
	}
	if len(seen) != 181 {
		t.Errorf("%d models in families, want the 181 current ones", len(seen))
	}
	for _, f := range c.Families(catalog.Music) {
		if f.Kind != catalog.Music {
			t.Errorf("Families(music) has %+v", f)
		}
	}
	if f := c.Families(catalog.Image)[0]; f.Models[0] != c.DefaultFor(catalog.Image).ID {
		t.Errorf("the first family is %+v", f)
	}
}

func TestSearch(t *testing.T) {
	c := load(t)
	ids := func(text string, kind ...catalog.Kind) []string {
		var found []string
		for _, m := range c.Search(text, kind...) {
			found = append(found, m.ID)
		}
		return found
	}
	tests := []struct {
		text  string
		kind  catalog.Kind
		first string
		has   []string
		not   []string
	}{
		{"kling", "", "kling/v2-5-turbo-text-to-video-pro", []string{"kling-3.0/video", "kling/ai-avatar-pro"}, []string{"veo-3-1"}},
		{"Kling 3 Omni", "", "kling-3.0-omni/text-to-video", nil, nil},
		{"klng", catalog.Video, "kling/v2-5-turbo-text-to-video-pro", nil, nil},
		{"banana", catalog.Image, "google/nano-banana", []string{"nano-banana-pro"}, []string{"z-image"}},
		{"upscale", "", "", []string{"topaz/image-upscale", "topaz/video-upscale", "recraft/crisp-upscale"}, []string{"veo-3-1"}},
		{"lip-sync", "", "volcengine/video-to-video-lip-sync", []string{"kling/ai-avatar-standard"}, nil},
		{"veo", "", "veo-3-1", []string{"veo3_fast", "veo/extend"}, nil},
		{"sora", "", "sora-2-text-to-video", nil, nil},
		{"midjourny", "", "midjourney", nil, nil},
		{"speech", catalog.Speech, "", []string{"google/gemini-3-1-flash-tts"}, []string{"wan/2-2-a14b-speech-to-video-turbo"}},
	}
	for _, test := range tests {
		var kind []catalog.Kind
		if test.kind != "" {
			kind = append(kind, test.kind)
		}
		found := ids(test.text, kind...)
		if len(found) == 0 || test.first != "" && found[0] != test.first {
			t.Errorf("Search(%q) = %q; want %q first", test.text, found, test.first)
		}
		for _, id := range test.has {
			if !slices.Contains(found, id) {
				t.Errorf("Search(%q) does not find %s: %q", test.text, id, found)
			}
		}
		for _, id := range test.not {
			if slices.Contains(found, id) {
				t.Errorf("Search(%q) finds %s", test.text, id)
			}
		}
	}
	if found := ids("xyzzy-9000"); len(found) != 0 {
		t.Errorf("Search(xyzzy-9000) = %q", found)
	}
	if n := len(ids("")); n != 214 {
		t.Errorf("an empty text finds %d models", n)
	}
}

func TestSearchPutsWhatRunsFirst(t *testing.T) {
	gone := false
	for _, m := range load(t).Search("") {
		if gone && m.Status.Runs() {
			t.Fatalf("%s comes after models that are gone", m.ID)
		}
		gone = gone || !m.Status.Runs()
	}
}
