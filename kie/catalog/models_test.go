package catalog_test

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// prices is what a request costs by kie.ai/pricing: for each model the raw
// inputs that matter and the credits.
func prices() map[string]map[string]string {
	return map[string]map[string]string{
		"google/imagen4-fast":           {"": "4", "aspect_ratio=1:1": "4"},
		"google/imagen4":                {"": "8"},
		"google/imagen4-ultra":          {"": "12"},
		"nano-banana-2":                 {"": "8", "resolution=1K": "8", "resolution=2K": "12", "resolution=4K": "18"},
		"nano-banana-2-lite":            {"": "4"},
		"nano-banana-pro":               {"": "18", "resolution=1K": "18", "resolution=2K": "18", "resolution=4K": "24"},
		"google/nano-banana":            {"": "4"},
		"seedream/4.5-text-to-image":    {"": "6.5", "quality=high": "6.5"},
		"seedream/5-lite-text-to-image": {"": "5.5", "quality=ultra": "5.5"},
		"seedream/5-pro-text-to-image":  {"": "7", "quality=basic": "7", "quality=high": "14"},
		"bytedance/seedream-v4-text-to-image": {
			"": "5", "max_images=1": "5", "max_images=3": "15", "max_images=6": "30", "image_resolution=4K": "5",
		},
		"bytedance/seedream":                   {"": "3.5"},
		"flux-2/pro-text-to-image":             {"": "5", "resolution=1K": "5", "resolution=2K": "7"},
		"flux-2/flex-text-to-image":            {"": "14", "resolution=1K": "14", "resolution=2K": "24"},
		"gpt-image-2-text-to-image":            {"": "6", "resolution=1K": "6", "resolution=2K": "10", "resolution=4K": "16"},
		"gpt-image/1.5-text-to-image":          {"": "4", "quality=medium": "4", "quality=high": "22"},
		"ideogram/v3-text-to-image":            {"": "7", "rendering_speed=TURBO": "3.5", "rendering_speed=BALANCED": "7", "rendering_speed=QUALITY": "10"},
		"grok-imagine/text-to-image":           {"": "4", "enable_pro=false": "4", "enable_pro=true": "5"},
		"grok-imagine-image-2-0/text-to-image": {"": "4"},
		"qwen3/text-to-image":                  {"": "4.8", "resolution=2K": "4.8"},
		"qwen3/pro-text-to-image":              {"": "6.4", "resolution=1K": "6.4", "resolution=2K": "12"},
		"qwen2-1/text-to-image":                {"": "4", "resolution=1K": "4", "resolution=2K": "8"},
		"qwen2/text-to-image":                  {"": "6"},
		"z-image":                              {"": "0.8"},
		"bytedance/v1-pro-text-to-video": {
			"": "30", "resolution=480p": "14", "resolution=720p": "30", "resolution=1080p": "70", "resolution=1080p duration=10": "140",
		},
		"bytedance/v1-lite-text-to-video": {
			"": "22.5", "resolution=480p": "10", "resolution=720p duration=10": "45", "resolution=1080p": "50",
		},
		"bytedance/seedance-1.5-pro": {
			"": "14", "duration=5": "17.5", "duration=12 resolution=480p": "21", "resolution=1080p": "30",
			"generate_audio=true resolution=480p": "14", "generate_audio=true resolution=720p": "28",
			"generate_audio=true resolution=1080p duration=12": "180",
		},
		"grok-imagine/text-to-video": {
			"": "14.4", "duration=30": "72", "resolution=720p": "27", "resolution=1080p duration=10": "80",
		},
		"kling/v2-5-turbo-text-to-video-pro": {"": "42", "duration=5": "42", "duration=10": "84"},
		"kling-2.6/text-to-video": {
			"": "55", "duration=10": "110", "sound=true": "110", "sound=true duration=10": "220",
		},
		"kling/v3-turbo-text-to-video": {
			"": "90", "duration=3": "54", "duration=15 resolution=1080p": "337.5",
		},
		"kling/v2-1-master-text-to-video": {"": "160", "duration=10": "320"},
		"wan/2-5-text-to-video":           {"": "60", "resolution=1080p": "100", "resolution=1080p duration=10": "200"},
		"wan/2-6-text-to-video": {
			"": "104.5", "resolution=720p": "70", "resolution=720p duration=10": "140", "resolution=720p duration=15": "209.5",
			"duration=10": "209.5", "duration=15": "315",
		},
		"wan/2-7-text-to-video":            {"": "120", "resolution=720p": "80", "duration=15": "360"},
		"hailuo/02-text-to-video-standard": {"": "30", "duration=10": "50"},
		"hailuo/02-text-to-video-pro":      {"": "57"},
		"minimax-h3/text-to-video":         {"": "78", "resolution=768P": "48", "duration=15": "195"},
		"pixverse-v6/text-to-video": {
			"": "36", "quality=360p": "20", "quality=540p": "28", "quality=1080p duration=1": "14.4",
			"generate_audio_switch=true quality=360p": "28", "generate_audio_switch=true quality=540p": "36",
			"generate_audio_switch=true": "48", "generate_audio_switch=true quality=1080p duration=15": "276",
		},
		"happyhorse-1-1/text-to-video": {"": "145", "resolution=720p": "112.5", "duration=15": "435"},
		"elevenlabs/text-to-speech-turbo-2-5": {
			"": "6", "text=short": "6", "text=1000": "6", "text=1001": "12", "text=5000": "30",
		},
		"elevenlabs/text-to-speech-multilingual-v2": {"": "12", "text=1000": "12", "text=1001": "24", "text=5000": "60"},
	}
}

// rawInput turns "resolution=2K duration=10" into a completed input; a text of
// a number stands for that many characters.
func rawInput(m catalog.Model, words string) map[string]any {
	input := map[string]any{}
	for _, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(word, "=")
		input[name] = value
		if lengths := map[string]int{"1000": 1000, "1001": 1001, "5000": 5000}; name == "text" && lengths[value] > 0 {
			input[name] = strings.Repeat("ä", lengths[value])
		}
	}
	for _, in := range m.Inputs {
		if in.Option == catalog.Prompt && input[in.Name] == nil {
			input[in.Name] = "a cat astronaut"
		}
	}
	return m.Complete(input)
}

func TestPrices(t *testing.T) {
	c := load(t)
	table := prices()
	for _, m := range c.Models() {
		if len(table[m.ID]) == 0 {
			t.Errorf("%s has no line in the table of prices", m.ID)
		}
		for words, want := range table[m.ID] {
			input := rawInput(m, words)
			if err := m.Validate(input); err != nil {
				t.Errorf("%s with %q: %v", m.ID, words, err)
			}
			if got, err := m.Estimate(input); err != nil || got.String() != want {
				t.Errorf("%s with %q: %s credits, %v; want %s", m.ID, words, got, err, want)
			}
		}
		for _, rate := range m.Price.Rates {
			if !priced(m, rate, table[m.ID]) {
				t.Errorf("%s: no line of the table tests the rate %+v", m.ID, rate)
			}
		}
		delete(table, m.ID)
	}
	for id := range table {
		t.Errorf("the table of prices has %s, which is no model", id)
	}
}

// priced says whether one of the lines of the table meets a rate's conditions.
func priced(m catalog.Model, rate catalog.Rate, lines map[string]string) bool {
	for words := range lines {
		input, meets := rawInput(m, words), true
		for name, values := range rate.When {
			meets = meets && slices.Contains(values, strings.Trim(jsonText(input[name]), `"`))
		}
		if meets {
			return true
		}
	}
	return false
}

func TestEveryModel(t *testing.T) {
	c := load(t)
	ids := map[string]bool{}
	for _, m := range c.Models() {
		t.Run(m.ID, func(t *testing.T) {
			if ids[m.ID] {
				t.Error("the id is there twice")
			}
			ids[m.ID] = true
			checkNames(t, c, m)
			checkSource(t, m)
			checkPrompt(t, m)
			checkPricedInputs(t, m)
			for _, in := range m.Inputs {
				checkInput(t, m, in)
			}
		})
	}
	if len(ids) < 25 {
		t.Errorf("only %d models", len(ids))
	}
}

func checkNames(t *testing.T, c *catalog.Catalog, m catalog.Model) {
	for _, name := range append([]string{m.ID}, m.Aliases...) {
		if found, err := c.Lookup(name); err != nil || found.ID != m.ID {
			t.Errorf("the name %q leads to %q, %v", name, found.ID, err)
		}
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9./-]*$`).MatchString(name) {
			t.Errorf("the name %q is hard to type", name)
		}
	}
}

func checkSource(t *testing.T, m catalog.Model) {
	source, err := url.Parse(m.Source)
	if err != nil || source.Scheme != "https" || source.Host != "docs.kie.ai" {
		t.Errorf("source %q is no page of Kie's documentation", m.Source)
	}
}

func checkPrompt(t *testing.T, m catalog.Model) {
	if in, ok := m.ByOption(catalog.Prompt); !ok || !in.Required || in.Type != catalog.String {
		t.Errorf("the prompt is %+v, %v; want a required text", in, ok)
	}
	input, err := m.Build(map[catalog.Option]string{catalog.Prompt: "a cat astronaut"})
	if err != nil {
		t.Fatalf("a prompt alone is not enough: %v", err)
	}
	if err := m.Validate(input); err != nil {
		t.Errorf("Validate refuses what Build made: %v", err)
	}
	if cost, err := m.Estimate(input); err != nil || cost <= 0 {
		t.Errorf("a prompt costs %s, %v", cost, err)
	}
}

// What decides the price is always sent, so that a change of Kie's default
// cannot change the price behind our back. That takes a default.
func checkPricedInputs(t *testing.T, m catalog.Model) {
	var names []string
	for _, rate := range m.Price.Rates {
		for name := range rate.When {
			names = append(names, name)
		}
	}
	for _, units := range m.Price.Units {
		names = append(names, units.Input)
	}
	sent := m.Complete(nil)
	for _, name := range names {
		in, _ := m.Input(name)
		if in.Option != catalog.Prompt && sent[name] == nil {
			t.Errorf("%s decides the price but is not sent by default", name)
		}
	}
}

func checkInput(t *testing.T, m catalog.Model, in catalog.Input) {
	if in.Description == "" || strings.Contains(strings.ToLower(in.Name), "callback") {
		t.Errorf("input %s has no description, or does not belong here", in.Name)
	}
	if in.Default != nil {
		input := rawInput(m, "")
		input[in.Name] = in.Default
		if err := m.Validate(input); err != nil {
			t.Errorf("the default of %s: %v", in.Name, err)
		}
	}
	if in.Option == "" || in.Option == catalog.Prompt {
		return
	}
	for _, choice := range in.Choices() {
		options := map[catalog.Option]string{catalog.Prompt: "p", in.Option: strings.ToUpper(choice)}
		if in.Option == catalog.Voice {
			options[in.Option] = choice
		}
		input, err := m.Build(options)
		if err != nil {
			t.Errorf("%s %s, which is offered, is refused: %v", in.Option, choice, err)
		} else if err := m.Validate(input); err != nil {
			t.Errorf("%s %s makes an input that is refused: %v", in.Option, choice, err)
		}
	}
}

// A person who has the standard quota of 100 credits a day should be able to
// try each default several times.
func TestDefaultsFitADailyQuota(t *testing.T) {
	c := load(t)
	most := map[catalog.Kind]catalog.Credits{catalog.Image: 10_000, catalog.Video: 40_000, catalog.Speech: 10_000}
	for kind, limit := range most {
		m := c.DefaultFor(kind)
		input, err := m.Build(map[catalog.Option]string{catalog.Prompt: "a cat astronaut"})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if cost, err := m.Estimate(input); err != nil || cost > limit {
			t.Errorf("the default for %s costs %s, %v; want at most %s", kind, cost, err, limit)
		}
	}
	for _, option := range []catalog.Option{catalog.AspectRatio, catalog.Seed} {
		for _, kind := range []catalog.Kind{catalog.Image, catalog.Video} {
			if _, ok := c.DefaultFor(kind).ByOption(option); !ok {
				t.Errorf("the default for %s has no %s", kind, option)
			}
		}
	}
}

func TestInputAndOptionLookups(t *testing.T) {
	m := lookup(t, "bytedance/seedream")
	if in, ok := m.Input("image_size"); !ok || in.Option != catalog.AspectRatio {
		t.Errorf("Input(image_size) = %+v, %v", in, ok)
	}
	if _, ok := m.Input("Image_Size"); ok {
		t.Error("Input ignores case, which Kie does not")
	}
	if in, ok := m.ByOption(catalog.AspectRatio); !ok || in.Name != "image_size" {
		t.Errorf("ByOption(aspect_ratio) = %+v, %v", in, ok)
	}
	for _, option := range []catalog.Option{catalog.Duration, "", "colour"} {
		if in, ok := m.ByOption(option); ok {
			t.Errorf("ByOption(%q) = %+v", option, in)
		}
	}
	want := []catalog.Option{catalog.Prompt, catalog.AspectRatio, catalog.Seed}
	if got := m.Options(); !slices.Equal(got, want) {
		t.Errorf("Options = %q; want %q", got, want)
	}
}

func TestChoices(t *testing.T) {
	tests := []struct {
		model  string
		option catalog.Option
		want   []string
	}{
		{"bytedance/seedream", catalog.AspectRatio, []string{"1:1", "3:4", "9:16", "4:3", "16:9"}},
		{"flux", catalog.Resolution, []string{"1K", "2K"}},
		{"seedream/5-pro", catalog.Resolution, []string{"1K", "2K"}},
		{"kling", catalog.Duration, []string{"5", "10"}},
		{"minimax", catalog.Duration, []string{"4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}},
		{"imagen4", catalog.Seed, nil},
	}
	for _, test := range tests {
		in, ok := lookup(t, test.model).ByOption(test.option)
		if got := in.Choices(); !ok || !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %q, %v; want %q", test.model, test.option, got, ok, test.want)
		}
	}
}

func TestModelWithoutPriceIsKnownButCannotBeEstimated(t *testing.T) {
	m := mustParseOne(t, `"inputs": [{"name": "prompt", "type": "string"}]`)
	if cost, err := m.Estimate(map[string]any{"prompt": "p"}); !errors.Is(err, catalog.ErrNoPrice) || !strings.Contains(err.Error(), m.ID) {
		t.Errorf("Estimate = %s, %v; want ErrNoPrice with the model's id", cost, err)
	}
}
