package catalog_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiebot/kie/catalog"
)

// jsonText shows a value as it goes to Kie.
func jsonText(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

func TestBuild(t *testing.T) {
	tests := []struct {
		model   string
		options map[catalog.Option]string
		want    string // the input as JSON
	}{
		{"imagen4-fast", map[catalog.Option]string{"prompt": "a cat"}, `{"prompt":"a cat"}`},
		{"imagen4-fast", map[catalog.Option]string{"prompt": "  a\ncat ", "seed": "7"}, `{"prompt":"a\ncat","seed":7}`},
		{"imagen4", map[catalog.Option]string{"prompt": "a cat", "seed": "7"}, `{"prompt":"a cat","seed":"7"}`},
		{"imagen4", map[catalog.Option]string{"prompt": "a cat", "negative_prompt": "text", "aspect_ratio": "AUTO"}, `{"aspect_ratio":"auto","negative_prompt":"text","prompt":"a cat"}`},
		{"imagen4", map[catalog.Option]string{"prompt": "a cat", "seed": "", "aspect_ratio": "  "}, `{"prompt":"a cat"}`},
		{"imagen4", map[catalog.Option]string{"prompt": "a cat", "duration": " "}, `{"prompt":"a cat"}`},
		{"bytedance/seedream", map[catalog.Option]string{"prompt": "a cat", "aspect_ratio": "1:1"}, `{"image_size":"square_hd","prompt":"a cat"}`},
		{"bytedance/seedream", map[catalog.Option]string{"prompt": "a cat", "aspect_ratio": "16x9"}, `{"image_size":"landscape_16_9","prompt":"a cat"}`},
		{"bytedance/seedream", map[catalog.Option]string{"prompt": "a cat", "aspect_ratio": "16/9"}, `{"image_size":"landscape_16_9","prompt":"a cat"}`},
		{"bytedance/seedream", map[catalog.Option]string{"prompt": "a cat", "aspect_ratio": "Square"}, `{"image_size":"square","prompt":"a cat"}`},
		{"seedream-v4", map[catalog.Option]string{"prompt": "a cat", "count": "3", "resolution": "4k"}, `{"image_resolution":"4K","max_images":3,"prompt":"a cat"}`},
		{"seedream/5-pro", map[catalog.Option]string{"prompt": "a cat", "resolution": "2k"}, `{"aspect_ratio":"1:1","prompt":"a cat","quality":"high"}`},
		{"kling", map[catalog.Option]string{"prompt": "a cat", "duration": "10"}, `{"duration":"10","prompt":"a cat"}`},
		{"kling", map[catalog.Option]string{"prompt": "a cat", "duration": "10s"}, `{"duration":"10","prompt":"a cat"}`},
		{"kling-2.6", map[catalog.Option]string{"prompt": "a cat"}, `{"aspect_ratio":"1:1","duration":"5","prompt":"a cat","sound":false}`},
		{"minimax", map[catalog.Option]string{"prompt": "a cat", "duration": "4 Seconds", "resolution": "768p"}, `{"aspect_ratio":"16:9","duration":4,"prompt":"a cat","resolution":"768P"}`},
		{"wan/2-7", map[catalog.Option]string{"prompt": "a cat", "duration": "7 sec", "aspect_ratio": "9×16"}, `{"duration":7,"prompt":"a cat","ratio":"9:16","resolution":"1080p"}`},
		{"bytedance/v1-pro", map[catalog.Option]string{"prompt": "a cat", "seed": "-1"}, `{"duration":"5","prompt":"a cat","resolution":"720p","seed":-1}`},
		{"elevenlabs", map[catalog.Option]string{"prompt": "hello", "voice": "rachel"}, `{"text":"hello","voice":"Rachel"}`},
		{"elevenlabs-multilingual", map[catalog.Option]string{"prompt": "hello"}, `{"text":"hello","voice":"EkK5I93UQWFDigLMpZcX"}`},
	}
	for _, test := range tests {
		m := lookup(t, test.model)
		given := maps.Clone(test.options)
		input, err := m.Build(test.options)
		if err != nil {
			t.Errorf("%s %v: %v", test.model, test.options, err)
			continue
		}
		if got := jsonText(input); got != test.want {
			t.Errorf("%s %v:\n got %s\nwant %s", test.model, test.options, got, test.want)
		}
		if err := m.Validate(input); err != nil {
			t.Errorf("%s %v: Validate: %v", test.model, test.options, err)
		}
		if !maps.Equal(given, test.options) {
			t.Errorf("%s: Build changed its argument to %v", test.model, test.options)
		}
	}
}

func pointer(f float64) *float64 { return &f }

func TestBuildRefuses(t *testing.T) {
	tests := []struct {
		name, model string
		options     map[catalog.Option]string
		want        []catalog.Problem
		sentence    string
	}{
		{
			"no prompt", "imagen4", nil,
			[]catalog.Problem{{Code: catalog.Missing, Input: "prompt", Option: "prompt"}},
			"Google Imagen 4: prompt is missing",
		}, {
			"blank prompt", "elevenlabs", map[catalog.Option]string{"prompt": " \n\t"},
			[]catalog.Problem{{Code: catalog.Missing, Input: "text", Option: "prompt"}},
			"ElevenLabs Turbo 2.5: prompt is missing",
		}, {
			"prompt too long, in characters", "z-image", map[catalog.Option]string{"prompt": strings.Repeat("ж", 1003)},
			[]catalog.Problem{{Code: catalog.TooLong, Input: "prompt", Option: "prompt", Given: strings.Repeat("ж", 60) + "…", Limit: 1000, Actual: 1003}},
			"Z-Image: prompt has 1003 characters, 3 more than the 1000 allowed",
		}, {
			"not a ratio", "flux", map[catalog.Option]string{"prompt": "p", "aspect_ratio": "5:7"},
			[]catalog.Problem{{Code: catalog.NotAChoice, Input: "aspect_ratio", Option: "aspect_ratio", Given: "5:7", Nearest: "3:4", Choices: []string{"1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3"}}},
			`Flux 2 Pro: aspect_ratio cannot be "5:7"; did you mean "3:4"? (choices: 1:1, 4:3, 3:4, 16:9, 9:16, 3:2, 2:3)`,
		}, {
			"choices as typed, not as sent", "bytedance/seedream", map[catalog.Option]string{"prompt": "p", "aspect_ratio": "21x9"},
			[]catalog.Problem{{Code: catalog.NotAChoice, Input: "image_size", Option: "aspect_ratio", Given: "21x9", Nearest: "16:9", Choices: []string{"1:1", "3:4", "9:16", "4:3", "16:9"}}},
			`Seedream 3: aspect_ratio cannot be "21x9"; did you mean "16:9"? (choices: 1:1, 3:4, 9:16, 4:3, 16:9)`,
		}, {
			"nearest voice", "elevenlabs-multilingual", map[catalog.Option]string{"prompt": "p", "voice": "Rachle"},
			nil, `ElevenLabs Multilingual 2: voice cannot be "Rachle"; did you mean "Rachel"? (choices: Rachel, `,
		}, {
			"seed with letters", "imagen4-fast", map[catalog.Option]string{"prompt": "p", "seed": "seven"},
			[]catalog.Problem{{Code: catalog.WrongType, Input: "seed", Option: "seed", Given: "seven", Want: catalog.Integer}},
			`Google Imagen 4 Fast: seed must be a whole number, not "seven"`,
		}, {
			"seed with a fraction", "imagen4-fast", map[catalog.Option]string{"prompt": "p", "seed": "7.5"},
			[]catalog.Problem{{Code: catalog.WrongType, Input: "seed", Option: "seed", Given: "7.5", Want: catalog.Integer}},
			`Google Imagen 4 Fast: seed must be a whole number, not "7.5"`,
		}, {
			"duration out of range", "grok-video", map[catalog.Option]string{"prompt": "p", "duration": "40s"},
			[]catalog.Problem{{Code: catalog.OutOfRange, Input: "duration", Option: "duration", Given: "40s", Min: pointer(6), Max: pointer(30)}},
			`Grok Imagine Video: duration must be from 6 to 30, not 40s`,
		}, {
			"duration not a choice", "kling", map[catalog.Option]string{"prompt": "p", "duration": "7"},
			[]catalog.Problem{{Code: catalog.NotAChoice, Input: "duration", Option: "duration", Given: "7", Nearest: "5", Choices: []string{"5", "10"}}},
			`Kling 2.5 Turbo Pro: duration cannot be "7"; did you mean "5"? (choices: 5, 10)`,
		}, {
			"option it does not have", "z-image", map[catalog.Option]string{"prompt": "p", "seed": "7"},
			[]catalog.Problem{{Code: catalog.Unsupported, Option: "seed", Given: "7", Choices: []string{"prompt", "aspect_ratio"}}},
			`Z-Image: it has no option "seed" (choices: prompt, aspect_ratio)`,
		}, {
			"option that nobody has", "z-image", map[catalog.Option]string{"prompt": "p", "colour": "red"},
			[]catalog.Problem{{Code: catalog.Unsupported, Option: "colour", Given: "red", Choices: []string{"prompt", "aspect_ratio"}}},
			`Z-Image: it has no option "colour" (choices: prompt, aspect_ratio)`,
		}, {
			"everything at once", "bytedance/v1-pro", map[catalog.Option]string{"aspect_ratio": "2:1", "duration": "x", "seed": "-2", "voice": "Rachel", "count": "2"},
			[]catalog.Problem{
				{Code: catalog.Missing, Input: "prompt", Option: "prompt"},
				{Code: catalog.NotAChoice, Input: "aspect_ratio", Option: "aspect_ratio", Given: "2:1", Nearest: "16:9", Choices: []string{"21:9", "16:9", "4:3", "1:1", "3:4", "9:16"}},
				{Code: catalog.NotAChoice, Input: "duration", Option: "duration", Given: "x", Choices: []string{"5", "10"}},
				{Code: catalog.OutOfRange, Input: "seed", Option: "seed", Given: "-2", Min: pointer(-1), Max: pointer(2147483647)},
				{Code: catalog.Unsupported, Option: "count", Given: "2", Choices: []string{"prompt", "aspect_ratio", "resolution", "duration", "seed"}},
				{Code: catalog.Unsupported, Option: "voice", Given: "Rachel", Choices: []string{"prompt", "aspect_ratio", "resolution", "duration", "seed"}},
			},
			`Seedance 1 Pro: prompt is missing; aspect_ratio cannot be "2:1"; did you mean`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := lookup(t, test.model)
			input, err := m.Build(test.options)
			var problems *catalog.ProblemsError
			if input != nil || !errors.As(err, &problems) {
				t.Fatalf("Build = %v, %v; want a ProblemsError", input, err)
			}
			if problems.Model != m.ID || problems.Title != m.Title {
				t.Errorf("the error is about %q, %q", problems.Model, problems.Title)
			}
			if diff := cmp.Diff(test.want, problems.Problems); test.want != nil && diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(err.Error(), test.sentence) {
				t.Errorf("Error() = %q; want %q", err, test.sentence)
			}
		})
	}
}

func TestLongChoicesAreCutInSentences(t *testing.T) {
	_, err := lookup(t, "elevenlabs").Build(map[catalog.Option]string{"prompt": "p", "voice": "nobody"})
	var problems *catalog.ProblemsError
	if !errors.As(err, &problems) || len(problems.Problems) != 1 {
		t.Fatalf("Build: %v", err)
	}
	if n := len(problems.Problems[0].Choices); n < 100 {
		t.Errorf("the problem itself has only %d choices", n)
	}
	if !strings.HasSuffix(err.Error(), "80 more)") {
		t.Errorf("Error() = %q", err)
	}
}

func TestComplete(t *testing.T) {
	tests := []struct{ model, raw, want string }{
		// Defaults: of required inputs, and of those that decide the price.
		{"kling-2.6", `{"prompt":"p"}`, `{"aspect_ratio":"1:1","duration":"5","prompt":"p","sound":false}`},
		{"flux", `{}`, `{"aspect_ratio":"1:1","resolution":"1K"}`},
		{"imagen4", `{}`, `{}`},
		{"kling", `{"duration":null,"cfg_scale":null}`, `{"duration":"5"}`},
		// Types, where nothing is lost.
		{"kling", `{"duration":10}`, `{"duration":"10"}`},
		{"grok-video", `{"duration":"6"}`, `{"duration":6,"resolution":"480p"}`},
		{"grok-video", `{"duration":" 6 "}`, `{"duration":6,"resolution":"480p"}`},
		{"kling", `{"cfg_scale":"0.25"}`, `{"cfg_scale":0.25,"duration":"5"}`},
		{"kling-2.6", `{"sound":"Yes"}`, `{"aspect_ratio":"1:1","duration":"5","sound":true}`},
		{"kling-2.6", `{"sound":"off"}`, `{"aspect_ratio":"1:1","duration":"5","sound":false}`},
		{"nano-banana-2", `{"image_input":"https://example.com/a.png"}`, `{"image_input":["https://example.com/a.png"],"resolution":"1K"}`},
		{"imagen4", `{"seed":7}`, `{"seed":"7"}`},
		{"imagen4-fast", `{"seed":7.0}`, `{"seed":7}`},
		// Case.
		{"flux", `{"resolution":"2k"}`, `{"aspect_ratio":"1:1","resolution":"2K"}`},
		// What cannot be converted or is unknown stays for Validate.
		{"grok-video", `{"duration":"long"}`, `{"duration":"long","resolution":"480p"}`},
		{"imagen4-fast", `{"seed":7.5,"colour":1}`, `{"colour":1,"seed":7.5}`},
		{"kling-2.6", `{"sound":"maybe"}`, `{"aspect_ratio":"1:1","duration":"5","sound":"maybe"}`},
		{"kling-2.6", `{"sound":1}`, `{"aspect_ratio":"1:1","duration":"5","sound":1}`},
		{"imagen4-fast", `{"prompt":true}`, `{"prompt":true}`},
		{"nano-banana-2", `{"image_input":5}`, `{"image_input":5,"resolution":"1K"}`},
	}
	for _, test := range tests {
		m := lookup(t, test.model)
		raw := decode(t, test.raw)
		if got := jsonText(m.Complete(raw)); got != test.want {
			t.Errorf("%s: Complete(%s) = %s; want %s", test.model, test.raw, got, test.want)
		}
		if jsonText(raw) != jsonText(decode(t, test.raw)) {
			t.Errorf("%s: Complete changed its argument to %s", test.model, jsonText(raw))
		}
	}
}

// decode reads JSON the way a store or a request handler does.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var input map[string]any
	if err := json.Unmarshal([]byte(text), &input); err != nil {
		t.Fatal(err)
	}
	return input
}

// A list of images that is charged for has to be sent even if it is Kie's own
// default.
func TestCompleteSendsWhatExtrasDependOn(t *testing.T) {
	m := mustParseOne(t, `"inputs": [{"name": "styles", "type": "array", "items": "string", "default": ["a", "b"]}],
		"price": {"per": "image", "rates": [{"credits": 1}], "extras": [{"credits": 2, "for": {"measure": "items", "input": "styles"}}]}`)
	input := m.Complete(nil)
	if got := jsonText(input); got != `{"styles":["a","b"]}` {
		t.Errorf("Complete(nil) = %s", got)
	}
	for _, raw := range []map[string]any{input, {"styles": []string{"a", "b"}}, {}} {
		if err := m.Validate(raw); err != nil {
			t.Errorf("%v: %v", raw, err)
		}
		if cost, err := m.Estimate(raw); err != nil || cost != 5000 {
			t.Errorf("%v: %s, %v; want 5", raw, cost, err)
		}
	}
}

func TestCompleteTakesNumbersOfAnyGoType(t *testing.T) {
	m := lookup(t, "grok-video")
	for _, six := range []any{6, int64(6), 6.0, json.Number("6"), "6"} {
		input := m.Complete(map[string]any{"prompt": "p", "duration": six})
		if err := m.Validate(input); err != nil {
			t.Errorf("%T: %v", six, err)
		}
		if cost, err := m.Estimate(input); err != nil || cost != 14_400 {
			t.Errorf("%T: %s, %v", six, cost, err)
		}
		if input["duration"] != int64(6) {
			t.Errorf("%T became %T", six, input["duration"])
		}
	}
}

func TestSeedKeepsAllItsDigits(t *testing.T) {
	m := lookup(t, "imagen4-fast")
	input, err := m.Build(map[catalog.Option]string{"prompt": "p", "seed": "9007199254740993"})
	if err != nil || jsonText(input["seed"]) != "9007199254740993" {
		t.Errorf("Build = %v, %v", input, err)
	}
	// As float64 the number may already be another one.
	if err := m.Validate(map[string]any{"prompt": "p", "seed": float64(1 << 60)}); err == nil {
		t.Error("a float64 beyond 2^53 passed as a whole number")
	}
}

func TestBuildReportsProblemsInAStableOrder(t *testing.T) {
	m := lookup(t, "z-image")
	options := map[catalog.Option]string{"voice": "x", "seed": "1", "count": "2", "duration": "5", "resolution": "2K"}
	var first []catalog.Problem
	for range 20 {
		_, err := m.Build(options)
		var problems *catalog.ProblemsError
		if !errors.As(err, &problems) {
			t.Fatal(err)
		}
		if first == nil {
			first = problems.Problems
		}
		if !slices.EqualFunc(first, problems.Problems, func(a, b catalog.Problem) bool { return a.String() == b.String() }) {
			t.Fatalf("%v, then %v", first, problems.Problems)
		}
	}
}
