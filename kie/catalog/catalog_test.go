package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"kiebot/kie/catalog"
)

// load returns the embedded catalogue.
func load(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lookup returns one model of the embedded catalogue.
func lookup(t testing.TB, name string) catalog.Model {
	t.Helper()
	m, err := load(t).Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// parseOne reads a catalogue of one model, given as its JSON fields after the
// ones that every model needs.
func parseOne(fields string) (catalog.Model, error) {
	c, err := catalog.Parse(strings.NewReader(`{"models": [{
		"id": "vendor/test", "title": "Test", "kind": "image", "task": "text-to-image",
		"default_for_kind": true, "source": "https://docs.kie.ai/", ` + fields + `}]}`))
	if err != nil {
		return catalog.Model{}, err
	}
	return c.Lookup("vendor/test")
}

func mustParseOne(t *testing.T, fields string) catalog.Model {
	t.Helper()
	m, err := parseOne(fields)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLookup(t *testing.T) {
	c := load(t)
	tests := map[string]string{
		"google/imagen4":             "google/imagen4",
		"GOOGLE/Imagen4":             "google/imagen4",
		"  google/imagen4 ":          "google/imagen4",
		"imagen4":                    "google/imagen4",
		"Nano Banana 2":              "nano-banana-2",
		"nano_banana_2":              "nano-banana-2",
		"seedream":                   "seedream/4.5-text-to-image",
		"bytedance/seedream":         "bytedance/seedream",
		"flux":                       "flux-2/pro-text-to-image",
		"flux-2/pro":                 "flux-2/pro-text-to-image",
		"ideogram/v3":                "ideogram/v3-text-to-image",
		"grok-imagine/text-to-image": "grok-imagine/text-to-image",
		"kling":                      "kling/v2-5-turbo-text-to-video-pro",
		"wan":                        "wan/2-5-text-to-video",
		"hailuo":                     "hailuo/02-text-to-video-standard",
		"bytedance/v1-pro":           "bytedance/v1-pro-text-to-video",
		"elevenlabs":                 "elevenlabs/text-to-speech-turbo-2-5",
		"elevenlabs/text-to-speech":  "elevenlabs/text-to-speech-turbo-2-5",
	}
	for name, want := range tests {
		m, err := c.Lookup(name)
		if err != nil || m.ID != want {
			t.Errorf("Lookup(%q) = %q, %v; want %q", name, m.ID, err, want)
		}
	}
}

func TestLookupOfUnknownNameSuggests(t *testing.T) {
	c := load(t)
	tests := []struct {
		name string
		want []string // the beginning of the suggestions
	}{
		{"klign", []string{"kling"}},
		{"flux-3/pro", []string{"flux-2/pro"}},
		{"imagen5", []string{"imagen4"}},
		{"google/imagen4-fst", []string{"google/imagen4-fast"}},
		{"nano banana 3", []string{"nano-banana-2"}},
		{"xyzzy-9000", nil},
		{"", nil},
	}
	for _, test := range tests {
		_, err := c.Lookup(test.name)
		var unknown *catalog.UnknownModelError
		if !errors.As(err, &unknown) {
			t.Errorf("Lookup(%q): %v; want an UnknownModelError", test.name, err)
			continue
		}
		if unknown.Name != test.name || len(unknown.Nearest) > 3 || len(unknown.Nearest) < len(test.want) ||
			!slices.Equal(unknown.Nearest[:len(test.want)], test.want) || (test.want == nil && unknown.Nearest != nil) {
			t.Errorf("Lookup(%q): %+v; want nearest %q", test.name, unknown, test.want)
		}
		for _, name := range unknown.Nearest {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name %q", err, name)
			}
		}
	}
}

func TestSuggestionsAreDifferentModels(t *testing.T) {
	c := load(t)
	_, err := c.Lookup("seedreem")
	var unknown *catalog.UnknownModelError
	if !errors.As(err, &unknown) || len(unknown.Nearest) == 0 {
		t.Fatalf("Lookup: %v", err)
	}
	var ids []string
	for _, name := range unknown.Nearest {
		m, err := c.Lookup(name)
		if err != nil || slices.Contains(ids, m.ID) {
			t.Errorf("%q: %v, or the same model as another of %q", name, err, unknown.Nearest)
		}
		ids = append(ids, m.ID)
	}
}

func TestUnknownNameIsShortened(t *testing.T) {
	_, err := load(t).Lookup(strings.Repeat("ü", 10_000))
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestModelsByKindWithDefaultFirst(t *testing.T) {
	c := load(t)
	all := c.Models()
	var joined []string
	for _, kind := range []catalog.Kind{catalog.Image, catalog.Video, catalog.Music, catalog.Speech} {
		models := c.Models(kind)
		for i, m := range models {
			if m.Kind != kind || m.KindDefault != (i == 0) {
				t.Errorf("Models(%s)[%d] is %s, kind %s, default %v", kind, i, m.ID, m.Kind, m.KindDefault)
			}
			joined = append(joined, m.ID)
		}
		if want := c.DefaultFor(kind); len(models) > 0 && models[0].ID != want.ID {
			t.Errorf("Models(%s) begins with %s; want the default %s", kind, models[0].ID, want.ID)
		}
	}
	var ids []string
	for _, m := range all {
		ids = append(ids, m.ID)
	}
	if !slices.Equal(ids, joined) {
		t.Errorf("Models() = %q; want the kinds one after another, %q", ids, joined)
	}
	if n := len(c.Models(catalog.Image, catalog.Speech)); n != len(c.Models(catalog.Image))+len(c.Models(catalog.Speech)) {
		t.Errorf("Models(image, speech) has %d models", n)
	}
}

func TestNoDefaultWithoutModels(t *testing.T) {
	var empty catalog.Catalog
	if m := empty.DefaultFor(catalog.Image); m.ID != "" {
		t.Errorf("DefaultFor = %q", m.ID)
	}
	if _, err := empty.Lookup("kling"); err == nil {
		t.Error("Lookup in an empty catalogue found something")
	}
	if models := empty.Models(); len(models) != 0 {
		t.Errorf("Models = %v", models)
	}
}

func TestParseKind(t *testing.T) {
	for text, want := range map[string]catalog.Kind{"image": catalog.Image, "Video": catalog.Video, " MUSIC ": catalog.Music, "speech": catalog.Speech} {
		if got, err := catalog.ParseKind(text); err != nil || got != want {
			t.Errorf("ParseKind(%q) = %q, %v", text, got, err)
		}
	}
	if _, err := catalog.ParseKind("audio"); err == nil || !strings.Contains(err.Error(), "speech") {
		t.Errorf("ParseKind(audio): %v; want an error that lists the kinds", err)
	}
}

// What a caller does to a returned model must not reach the catalogue.
func TestReturnedModelsAreCopies(t *testing.T) {
	const data = `"aliases": ["alias"], "inputs": [
		{"name": "prompt", "type": "string", "option": "prompt", "required": true},
		{"name": "size", "type": "string", "option": "aspect_ratio", "enum": ["a", "b"], "values": {"1:1": "a"}},
		{"name": "n", "type": "integer", "min": 1, "max": 4, "default": 1},
		{"name": "tags", "type": "array", "items": "string", "required": true, "default": ["x"]}],
		"price": {"per": "image", "rates": [{"when": {"size": ["a", "b"]}, "credits": 2}],
			"units": [{"measure": "value", "input": "n"}],
			"extras": [{"credits": 1, "for": {"measure": "items", "input": "tags"}}]}`
	c, err := catalog.Parse(strings.NewReader(`{"models": [{"id": "m", "title": "M", "kind": "image", "task": "t",
		"default_for_kind": true, "source": "https://docs.kie.ai/", ` + data + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(m catalog.Model) {
		m.Aliases[0] = "spoilt"
		m.Inputs[0].Name = "spoilt"
		m.Inputs[1].Enum[0] = "spoilt"
		m.Inputs[1].Values["1:1"] = "spoilt"
		*m.Inputs[2].Min, *m.Inputs[2].Max = 9, 9
		m.Inputs[3].Default.([]any)[0] = "spoilt"
		m.Complete(nil)["tags"].([]any)[0] = "spoilt"
		m.Price.Rates[0].Credits = 9
		m.Price.Rates[0].When["size"][0] = "spoilt"
		m.Price.Units[0].Input = "spoilt"
		m.Price.Extras[0].Credits = 9
	}
	spoil(c.Models()[0])
	spoil(c.DefaultFor(catalog.Image))
	m, err := c.Lookup("alias")
	if err != nil {
		t.Fatal(err)
	}
	spoil(m)
	m, err = c.Lookup("m")
	if err != nil {
		t.Fatal(err)
	}
	input, err := m.Build(map[catalog.Option]string{catalog.Prompt: "p", catalog.AspectRatio: "1:1"})
	if err != nil || input["size"] != "a" || input["tags"].([]any)[0] != "x" {
		t.Errorf("Build = %v, %v", input, err)
	}
	if cost, err := m.Estimate(input); err != nil || cost != 3000 {
		t.Errorf("Estimate = %s, %v; want 3", cost, err)
	}
}

func TestParseRefuses(t *testing.T) {
	model := func(id, fields string) string {
		return `{"id": "` + id + `", "title": "T", "kind": "image", "task": "t", "source": "https://docs.kie.ai/",
			"price": {"per": "image", "rates": [{"credits": 1}]}` + fields + `}`
	}
	one := func(fields string) string {
		return `{"models": [` + model("m", `, "default_for_kind": true`+fields) + `]}`
	}
	input := func(fields string) string { return one(`, "inputs": [{"name": "x", ` + fields + `}]`) }
	tests := map[string]struct{ data, want string }{
		"nothing":                {``, "EOF"},
		"not JSON":               {"{\n\"models\": [\n}", "line 3"},
		"unknown field":          {"{\"models\": [\n{\"idd\": \"m\"}]}", "line 2"},
		"wrong type":             {"{\n\n\"models\": [{\"id\": 5}]}", "line 3"},
		"more after the end":     {one(``) + `{}`, "more after its end"},
		"no title":               {`{"models": [{"id": "m"}]}`, "must not be empty"},
		"kind":                   {`{"models": [{"id": "m", "kind": "film"}]}`, `kind "film"`},
		"http source":            {`{"models": [{"id": "m", "source": "http://docs.kie.ai/"}]}`, "https URL"},
		"two of one id":          {`{"models": [` + model("m", `, "default_for_kind": true`) + `,` + model("M", ``) + `]}`, `"M" belongs to "m" already`},
		"alias of another":       {`{"models": [` + model("a", `, "default_for_kind": true`) + `,` + model("b", `, "aliases": ["A"]`) + `]}`, `"A" belongs to "a" already`},
		"no default":             {`{"models": [` + model("m", ``) + `]}`, "0 models are its default"},
		"two defaults":           {`{"models": [` + model("a", `, "default_for_kind": true`) + `,` + model("b", `, "default_for_kind": true`) + `]}`, "2 models are its default"},
		"input without name":     {one(`, "inputs": [{"name": "", "type": "string"}]`), "the name must be there"},
		"input twice":            {one(`, "inputs": [{"name": "x", "type": "string"}, {"name": "x", "type": "string"}]`), "and once"},
		"unknown option":         {input(`"type": "string", "option": "colour"`), `option "colour"`},
		"option twice":           {one(`, "inputs": [{"name": "x", "type": "string", "option": "seed"}, {"name": "y", "type": "string", "option": "seed"}]`), "and once"},
		"unknown type":           {input(`"type": "text"`), `type "text"`},
		"default of wrong type":  {input(`"type": "integer", "default": "5"`), `default "5" must be a whole number`},
		"default with fraction":  {input(`"type": "integer", "default": 5.5`), "must be a whole number"},
		"default not a choice":   {input(`"type": "string", "enum": ["a"], "default": "b"`), `cannot be "b"`},
		"default out of range":   {input(`"type": "number", "min": 1, "default": 0.5`), "at least 1"},
		"default above":          {input(`"type": "number", "max": 1, "default": 1.5`), "at most 1"},
		"enum of wrong type":     {input(`"type": "string", "enum": ["a", 5]`), "must be text"},
		"value not in enum":      {input(`"type": "string", "enum": ["a"], "values": {"1:1": "b"}`), `cannot be "b"`},
		"boolean as text":        {input(`"type": "boolean", "default": "true"`), "must be true or false"},
		"min above max":          {input(`"type": "number", "min": 2, "max": 1`), "min is above max"},
		"negative limit":         {input(`"type": "string", "max_length": -1`), "negative"},
		"credits with exponent":  {strings.Replace(one(``), `"credits": 1`, `"credits": 1e3`, 1), "not a decimal number"},
		"credits as text":        {strings.Replace(one(``), `"credits": 1`, `"credits": "1"`, 1), "not a decimal number"},
		"credits too fine":       {strings.Replace(one(``), `"credits": 1`, `"credits": 0.0001`, 1), "more than three decimals"},
		"forgotten credits":      {strings.Replace(one(``), `"credits": 1`, `"when": {}`, 1), `per "free" go together`},
		"free with a price":      {strings.Replace(one(``), `"per": "image"`, `"per": "free"`, 1), `per "free" go together`},
		"no unit":                {strings.Replace(one(``), `"per": "image"`, `"per": ""`, 1), "per is empty"},
		"negative rate":          {strings.Replace(one(``), `"credits": 1`, `"credits": -1`, 1), "rate is negative"},
		"condition on nothing":   {strings.Replace(one(``), `"credits"`, `"when": {"size": "L"}, "credits"`, 1), "size=L cannot happen"},
		"broken condition value": {strings.Replace(one(``), `"credits"`, `"when": {"size": }, "credits"`, 1), "invalid character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Parse(strings.NewReader(test.data))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse: %v; want an error with %q", err, test.want)
			}
		})
	}
}

func TestParseNamesEverythingThatIsWrong(t *testing.T) {
	_, err := catalog.Parse(strings.NewReader(`{"models": [
		{"id": "a", "kind": "film", "source": "nowhere"},
		{"id": "b", "title": "B", "kind": "image", "task": "t", "source": "https://docs.kie.ai/",
		 "inputs": [{"name": "x", "type": "string", "default": 5}, {"name": "y", "type": "integer", "enum": ["z"]}]}]}`))
	if err == nil {
		t.Fatal("Parse accepted it")
	}
	for _, want := range []string{`"film"`, `"nowhere"`, "must not be empty", "input x", "input y", "are its default"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestParseReportsAFailedRead(t *testing.T) {
	broken := errors.New("broken disk")
	if _, err := catalog.Parse(io.MultiReader(bytes.NewReader([]byte(`{`)), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("Parse: %v", err)
	}
}
