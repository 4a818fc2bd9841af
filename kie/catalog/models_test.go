package catalog_test

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// Every embedded entry keeps the promises that the others build on.
func TestEveryModel(t *testing.T) {
	c := load(t)
	ids := map[string]bool{}
	for _, m := range c.All() {
		t.Run(m.ID, func(t *testing.T) {
			if ids[m.ID] {
				t.Error("the id is there twice")
			}
			ids[m.ID] = true
			checkNames(t, c, m)
			checkSource(t, m)
			checkSample(t, m)
			checkPricedInputs(t, m)
			for _, in := range m.Inputs {
				checkInput(t, m, in)
			}
		})
	}
	if len(ids) != 214 {
		t.Errorf("%d models; there were 214 in October 2026", len(ids))
	}
}

func TestCountsByStatus(t *testing.T) {
	want := map[catalog.Status]int{
		catalog.Current: 181, catalog.Documented: 4, catalog.LegacyEndpoint: 15, catalog.Legacy: 11, catalog.Retired: 3,
	}
	got := map[catalog.Status]int{}
	for _, m := range load(t).All() {
		got[m.Status]++
		if m.Status != catalog.Current && (m.Reason == "" || m.Title == m.ID) {
			t.Errorf("%s: %q, reason %q", m.ID, m.Title, m.Reason)
		}
		if (m.Status == catalog.LegacyEndpoint || m.Status == catalog.Retired) != (m.Endpoint != catalog.Jobs) && !strings.HasPrefix(m.ID, "gemini-omni-") {
			t.Errorf("%s: status %s at endpoint %s", m.ID, m.Status, m.Endpoint)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

func checkNames(t *testing.T, c *catalog.Catalog, m catalog.Model) {
	for _, name := range append([]string{m.ID}, m.Aliases...) {
		if found, err := c.Lookup(name); err != nil || found.ID != m.ID {
			t.Errorf("the name %q leads to %q, %v", name, found.ID, err)
		}
	}
	for _, name := range append([]string{m.Family}, m.Aliases...) {
		if !regexp.MustCompile(`^([a-z0-9][a-z0-9./-]*)?$`).MatchString(name) {
			t.Errorf("the name %q is hard to type", name)
		}
	}
	if m.Family == "" {
		return
	}
	if found, err := c.Lookup(m.Family); err != nil || found.Family != m.Family || found.Kind != m.Kind {
		t.Errorf("the family %q leads to %q, %v", m.Family, found.ID, err)
	}
}

func checkSource(t *testing.T, m catalog.Model) {
	source, err := url.Parse(m.Source)
	if err != nil || source.Scheme != "https" || source.Host != "docs.kie.ai" {
		t.Errorf("source %q is no page of Kie's documentation", m.Source)
	}
}

// checkSample builds an input from nothing but the schema: what Validate
// accepts must also have a price, if the model has one.
func checkSample(t *testing.T, m catalog.Model) {
	input, lengths := sample(m, "")
	if err := m.Validate(input); err != nil {
		t.Errorf("an input made from the schema: %v", err)
	}
	for _, in := range m.Inputs {
		if url, ok := input[in.Name].(string); ok && in.Media != "" {
			lengths[url] = 5
		}
		for _, item := range listOf(input[in.Name]) {
			if url, ok := item.(string); ok {
				lengths[url] = 5
			}
		}
	}
	cost, err := m.EstimateFor(input, lengths)
	if len(m.Price.Rates) > 0 && (err != nil || (cost <= 0) != (m.Price.Per == catalog.Free)) {
		t.Errorf("it costs %s, %v", cost, err)
	}
	delete(input, "")
	for _, in := range m.Inputs {
		if !in.Required {
			continue
		}
		without := maps.Clone(input)
		delete(without, in.Name)
		if err := m.Validate(without); err == nil {
			t.Errorf("Validate accepts an input without %s", in.Name)
		}
	}
}

func listOf(value any) []any {
	items, _ := value.([]any)
	return items
}

// What decides the price is always sent, so that a change of Kie's default
// cannot change the price behind our back. That takes a default, except for
// files, which are given or not, and for what must be given anyway.
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
		if in.Type != catalog.Array && in.Media == "" && !in.Required && sent[name] == nil {
			t.Errorf("%s decides the price but is not sent by default", name)
		}
	}
}

func checkInput(t *testing.T, m catalog.Model, in catalog.Input) {
	if in.Description == "" || strings.Contains(strings.ToLower(in.Name), "callback") {
		t.Errorf("input %s has no description, or does not belong here", in.Name)
	}
	if in.Media == "" && (in.MaxMB > 0 || len(in.Accept) > 0 || in.Frames) {
		t.Errorf("input %s is no file, but has limits of one", in.Name)
	}
	if (in.Media == "image") != (in.Option == catalog.ImageFile || in.Option == catalog.FirstFrame || in.Option == catalog.LastFrame || in.Option == catalog.MaskFile) && in.Option != "" {
		t.Errorf("input %s: media %q is filled by %q", in.Name, in.Media, in.Option)
	}
	values := append(slices.Clone(in.Enum), in.AlsoValues...)
	if in.Default != nil {
		values = append(values, in.Default)
	}
	for _, value := range values {
		input, _ := sample(m, "")
		input[in.Name] = value
		if err := m.Validate(input); err != nil {
			t.Errorf("%s %v: %v", in.Name, value, err)
		}
	}
	if in.Option == "" || in.Option == catalog.Prompt || in.Media != "" {
		return
	}
	for _, choice := range in.Choices() {
		checkChoice(t, m, in, choice)
	}
}

// checkChoice types a choice in another case.
func checkChoice(t *testing.T, m catalog.Model, in catalog.Input, choice string) {
	options := promptOnly(m)
	options[in.Option] = strings.ToUpper(choice)
	if in.Option == catalog.Voice {
		options[in.Option] = choice
	}
	input, err := m.Build(options)
	var problems *catalog.ProblemsError
	if errors.As(err, &problems) {
		for _, p := range problems.Problems {
			if p.Option == in.Option {
				t.Errorf("%s %s, which is offered, is refused: %v", in.Option, choice, p)
			}
		}
		return
	}
	if err := m.Validate(input); err != nil {
		t.Errorf("%s %s makes an input that is refused: %v", in.Option, choice, err)
	}
}

// promptOnly holds a prompt for models that have one.
func promptOnly(m catalog.Model) map[catalog.Option]string {
	options := map[catalog.Option]string{}
	if _, ok := m.ByOption(catalog.Prompt); ok {
		options[catalog.Prompt] = "p"
	}
	return options
}

// Models lists what a prompt alone runs, so that a chat can offer it.
func TestModelsRunFromAPrompt(t *testing.T) {
	c := load(t)
	for _, m := range c.Models() {
		if in, ok := m.ByOption(catalog.Prompt); !ok || in.Type != catalog.String {
			t.Errorf("%s: the prompt is %+v, %v; want a text", m.ID, in, ok)
		}
		input, err := m.Build(map[catalog.Option]string{catalog.Prompt: "a cat astronaut"})
		if err != nil {
			t.Errorf("%s: a prompt alone is not enough: %v", m.ID, err)
			continue
		}
		if err := m.Validate(input); err != nil {
			t.Errorf("%s: Validate refuses what Build made: %v", m.ID, err)
		}
		if cost, err := m.Estimate(input); err != nil || cost <= 0 || m.Status != catalog.Current {
			t.Errorf("%s, %s: a prompt costs %s, %v", m.ID, m.Status, cost, err)
		}
	}
	if some, all := len(c.Models()), len(c.All()); some < 60 || some >= all {
		t.Errorf("%d models of %d run from a prompt", some, all)
	}
	if c.DefaultFor(catalog.Music).ID != "ai-music-api/generate" {
		t.Error("no default for music")
	}
}

// A person who has the standard quota of 100 credits a day should be able to
// try each default several times.
func TestDefaultsFitADailyQuota(t *testing.T) {
	c := load(t)
	most := map[catalog.Kind]catalog.Credits{catalog.Image: 10_000, catalog.Video: 40_000, catalog.Speech: 10_000, catalog.Music: 12_000}
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
