package catalog_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiebot/kie/catalog"
)

func TestValidateAccepts(t *testing.T) {
	tests := []struct{ model, raw string }{
		{"imagen4", `{"prompt":"p"}`},
		{"imagen4", `{"prompt":"p","seed":null,"negative_prompt":""}`},
		{"imagen4-fast", `{"prompt":"p","seed":-5}`},
		{"z-image", `{"prompt":"` + strings.Repeat("ж", 1000) + `","aspect_ratio":"1:1"}`},
		{"grok-video", `{"prompt":"p","duration":6}`},
		{"grok-video", `{"prompt":"p","duration":30,"mode":"fun","nsfw_checker":false}`},
		{"kling", `{"prompt":"p","cfg_scale":0}`},
		{"kling", `{"prompt":"p","cfg_scale":1,"duration":"10"}`},
		{"nano-banana-2", `{"prompt":"p","image_input":["https://example.com/a.png"]}`},
		{"nano-banana-2", `{"prompt":"p","image_input":[]}`},
	}
	for _, test := range tests {
		if err := lookup(t, test.model).Validate(decode(t, test.raw)); err != nil {
			t.Errorf("%s %s: %v", test.model, test.raw, err)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	ratios := []string{"2:3", "3:2", "1:1", "16:9", "9:16"}
	grok := []string{"prompt", "aspect_ratio", "mode", "duration", "resolution", "nsfw_checker"}
	url := `"https://example.com/a.png"`
	tests := []struct {
		name, model, raw string
		want             []catalog.Problem
		sentence         string
	}{
		{
			"nothing", "grok-video", `{}`,
			[]catalog.Problem{{Code: catalog.Missing, Input: "prompt", Option: "prompt"}},
			"prompt is missing",
		}, {
			"blank", "grok-video", `{"prompt":" \n"}`,
			[]catalog.Problem{{Code: catalog.Missing, Input: "prompt", Option: "prompt"}},
			"prompt is missing",
		}, {
			"null", "grok-video", `{"prompt":null}`,
			[]catalog.Problem{{Code: catalog.Missing, Input: "prompt", Option: "prompt"}},
			"prompt is missing",
		}, {
			"missing choice", "z-image", `{"prompt":"p"}`,
			[]catalog.Problem{{Code: catalog.Missing, Input: "aspect_ratio", Option: "aspect_ratio", Choices: []string{"1:1", "4:3", "3:4", "16:9", "9:16"}}},
			"aspect_ratio is missing (choices: 1:1, 4:3, 3:4, 16:9, 9:16)",
		}, {
			"misspelt name", "grok-video", `{"prompt":"p","durration":6}`,
			[]catalog.Problem{{Code: catalog.Unknown, Input: "durration", Given: "durration", Nearest: "duration", Choices: grok}},
			`there is no input "durration"; did you mean "duration"? (choices: prompt, aspect_ratio, mode, duration, resolution, nsfw_checker)`,
		}, {
			"name in another case", "grok-video", `{"prompt":"p","Duration":6}`,
			[]catalog.Problem{{Code: catalog.Unknown, Input: "Duration", Given: "Duration", Nearest: "duration", Choices: grok}},
			`there is no input "Duration"; did you mean "duration"?`,
		}, {
			"number as text", "wan/2-7", `{"prompt":"p","duration":"6"}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "duration", Option: "duration", Given: "6", Want: catalog.Integer}},
			`duration must be a whole number, not "6"`,
		}, {
			"text as number", "kling", `{"prompt":"p","duration":5}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "duration", Option: "duration", Given: "5", Want: catalog.String}},
			`duration must be text, not "5"`,
		}, {
			"prompt as list", "grok-video", `{"prompt":["p"]}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "prompt", Option: "prompt", Given: `["p"]`, Want: catalog.String}},
			`prompt must be text, not "[\"p\"]"`,
		}, {
			"boolean as number", "grok-video", `{"prompt":"p","nsfw_checker":1}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "nsfw_checker", Given: "1", Want: catalog.Boolean}},
			`nsfw_checker must be true or false, not "1"`,
		}, {
			"fraction of a second", "grok-video", `{"prompt":"p","duration":6.5}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "duration", Option: "duration", Given: "6.5", Want: catalog.Integer}},
			`duration must be a whole number, not "6.5"`,
		}, {
			"too short", "grok-video", `{"prompt":"p","duration":5}`,
			[]catalog.Problem{{Code: catalog.OutOfRange, Input: "duration", Option: "duration", Given: "5", Min: pointer(6), Max: pointer(30)}},
			"duration must be from 6 to 30, not 5",
		}, {
			"just above", "kling", `{"prompt":"p","cfg_scale":1.001}`,
			[]catalog.Problem{{Code: catalog.OutOfRange, Input: "cfg_scale", Given: "1.001", Min: pointer(0), Max: pointer(1)}},
			"cfg_scale must be from 0 to 1, not 1.001",
		}, {
			"not a choice", "grok-video", `{"prompt":"p","aspect_ratio":"16:10"}`,
			[]catalog.Problem{{Code: catalog.NotAChoice, Input: "aspect_ratio", Option: "aspect_ratio", Given: "16:10", Nearest: "3:2", Choices: ratios}},
			`aspect_ratio cannot be "16:10"; did you mean "3:2"?`,
		}, {
			"another case", "grok-video", `{"prompt":"p","resolution":"720P"}`,
			[]catalog.Problem{{Code: catalog.NotAChoice, Input: "resolution", Option: "resolution", Given: "720P", Nearest: "720p", Choices: []string{"480p", "720p", "1080p"}}},
			`resolution cannot be "720P"; did you mean "720p"?`,
		}, {
			"too many files", "nano-banana-2", `{"prompt":"p","image_input":[` + strings.Repeat(url+",", 14) + url + `]}`,
			nil, "image has 15 entries, at most 14 are allowed",
		}, {
			"a file that is a number", "nano-banana-2", `{"prompt":"p","image_input":[` + url + `,5]}`,
			[]catalog.Problem{{Code: catalog.WrongType, Input: "image_input", Option: "image", Given: `["https://example.com/a.png",5]`, Want: catalog.Array}},
			"image must be a list, not",
		}, {
			"everything at once", "grok-video", `{"aspect_ratio":4,"duration":99,"mode":"wild","zoom":1,"ratio":"1:1"}`,
			[]catalog.Problem{
				{Code: catalog.Missing, Input: "prompt", Option: "prompt"},
				{Code: catalog.WrongType, Input: "aspect_ratio", Option: "aspect_ratio", Given: "4", Want: catalog.String},
				{Code: catalog.NotAChoice, Input: "mode", Given: "wild", Choices: []string{"fun", "normal", "spicy"}},
				{Code: catalog.OutOfRange, Input: "duration", Option: "duration", Given: "99", Min: pointer(6), Max: pointer(30)},
				{Code: catalog.Unknown, Input: "ratio", Given: "ratio", Nearest: "aspect_ratio", Choices: grok},
				{Code: catalog.Unknown, Input: "zoom", Given: "zoom", Choices: grok},
			},
			`prompt is missing; aspect_ratio must be text, not "4"; mode cannot be "wild"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := lookup(t, test.model)
			err := m.Validate(decode(t, test.raw))
			var problems *catalog.ProblemsError
			if !errors.As(err, &problems) {
				t.Fatalf("Validate: %v; want a ProblemsError", err)
			}
			if diff := cmp.Diff(test.want, problems.Problems); test.want != nil && diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(err.Error(), m.Title+": "+test.sentence) {
				t.Errorf("Error() = %q; want %q", err, test.sentence)
			}
		})
	}
}

// Limits that no embedded model has yet.
func TestValidateLimitsOfOtherModels(t *testing.T) {
	m := mustParseOne(t, `"inputs": [
		{"name": "colors", "type": "array", "items": "object", "required": true, "min_items": 3, "max_items": 4},
		{"name": "least", "type": "number", "min": 0.5},
		{"name": "most", "type": "number", "max": 2},
		{"name": "steps", "type": "integer", "enum": [10, 20]},
		{"name": "free", "type": "number"}],
		"price": {"per": "image", "rates": [{"credits": 1}]}`)
	three := `{"hex":"#fff"},{"hex":"#000"},{"hex":"#f00"}`
	tests := map[string]string{
		`{"colors":[` + three + `]}`:                 "",
		`{"colors":[]}`:                              "Test: colors is missing",
		`{"colors":[1,2]}`:                           "Test: colors has 2 entries, at least 3 are needed",
		`{"colors":[` + three + `,1,2]}`:             "Test: colors has 5 entries, at most 4 are allowed",
		`{"colors":[` + three + `],"least":0.25}`:    "Test: least must be at least 0.5, not 0.25",
		`{"colors":[` + three + `],"most":3}`:        "Test: most must be at most 2, not 3",
		`{"colors":[` + three + `],"steps":20}`:      "",
		`{"colors":[` + three + `],"steps":12}`:      `Test: steps cannot be "12"; did you mean "10"? (choices: 10, 20)`,
		`{"colors":[` + three + `],"free":"x"}`:      `Test: free must be a number, not "x"`,
		`{"colors":[` + three + `],"free":-1e300}`:   "",
		`{"colors":{"a":1}}`:                         `Test: colors must be a list, not "{\"a\":1}"`,
		`{"colors":[` + three + `],"free":{"a":[]}}`: `Test: free must be a number, not "{\"a\":[]}"`,
	}
	for raw, want := range tests {
		got := ""
		if err := m.Validate(decode(t, raw)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q; want %q", raw, got, want)
		}
	}
}

func TestGivenIsShortened(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	m := lookup(t, "grok-video")
	err := m.Validate(map[string]any{"prompt": long, "mode": long, "duration": long, long: 1, "aspect_ratio": []any{long}})
	var problems *catalog.ProblemsError
	if !errors.As(err, &problems) || len(problems.Problems) != 5 {
		t.Fatalf("Validate: %v", err)
	}
	if len(err.Error()) > 2000 {
		t.Errorf("the sentence has %d bytes", len(err.Error()))
	}
}

// The chat layer words problems in several languages from the fields alone; a
// code without a sentence in English would show that one was forgotten here.
func TestEveryCodeHasASentence(t *testing.T) {
	codes := []catalog.Code{
		catalog.Missing, catalog.Unknown, catalog.WrongType, catalog.NotAChoice, catalog.OutOfRange,
		catalog.TooLong, catalog.TooMany, catalog.TooFew, catalog.Unsupported,
	}
	seen := map[string]bool{}
	for _, code := range codes {
		sentence := catalog.Problem{Code: code, Input: "x", Want: catalog.Array}.String()
		if sentence == "x is not right" || seen[sentence] {
			t.Errorf("%s: %q", code, sentence)
		}
		seen[sentence] = true
	}
	if got := (catalog.Problem{Code: "new", Input: "x"}).String(); got != "x is not right" {
		t.Errorf("unknown code: %q", got)
	}
	if got := (catalog.Problem{Code: catalog.OutOfRange, Input: "x", Given: "5"}).String(); got != "x must be a number, not 5" {
		t.Errorf("range without bounds: %q", got)
	}
}

func TestProblemsErrorKeepsNumbersAsGiven(t *testing.T) {
	m := lookup(t, "grok-video")
	err := m.Validate(map[string]any{"prompt": "p", "duration": json.Number("600")})
	if err == nil || !strings.HasSuffix(err.Error(), "not 600") {
		t.Errorf("Validate: %v", err)
	}
}
