package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// Models of Kie whose prices need what the embedded ones do not: input files,
// automatic durations, surcharges per file.
func TestEstimateOfHarderPrices(t *testing.T) {
	const (
		video = `"inputs": [
			{"name": "prompt", "type": "string"},
			{"name": "resolution", "type": "string", "enum": ["480p", "720p"], "default": "720p"},
			{"name": "duration", "type": "integer", "min": -1, "max": 15, "default": 5},
			{"name": "videos", "type": "array", "items": "string", "media": "video", "max_items": 3}],
			"price": {"per": "second", "rates": [
				{"when": {"resolution": "480p", "videos": false}, "credits": 19},
				{"when": {"resolution": "720p", "videos": false}, "credits": 41},
				{"when": {"resolution": "480p", "videos": true}, "credits": 11.5},
				{"when": {"resolution": "720p", "videos": true}, "credits": 25}],
			"units": [{"measure": "value", "input": "duration"}, {"measure": "seconds", "input": "videos", "at_most": 15}]}`
		edit = `"inputs": [
			{"name": "quality", "type": "string", "enum": ["basic", "high"], "default": "basic"},
			{"name": "images", "type": "array", "items": "string", "media": "image"}],
			"price": {"per": "image", "rates": [
				{"when": {"quality": "basic"}, "credits": 7}, {"when": {"quality": "high"}, "credits": 14}],
			"extras": [{"credits": 0.5, "for": {"measure": "items", "input": "images", "after": 1}}]}`
		avatar = `"inputs": [{"name": "audio_url", "type": "string", "media": "audio", "required": true},
			{"name": "resolution", "type": "string", "enum": ["480p", "720p"]}],
			"price": {"per": "second", "rates": [
				{"when": {"resolution": "480p"}, "credits": 3}, {"when": {"resolution": "720p"}, "credits": 12}],
			"units": [{"measure": "seconds", "input": "audio_url", "at_most": 15}]}`
		dialogue = `"inputs": [{"name": "dialogue", "type": "array", "items": "object", "required": true}],
			"price": {"per": "1000 characters", "rates": [{"credits": 14}],
			"units": [{"measure": "characters", "input": "dialogue", "each": 1000}]}`
		upscale = `"inputs": [{"name": "factor", "type": "string", "enum": ["1", "2", "4"]}],
			"price": {"per": "video", "rates": [{"when": {"factor": 4}, "credits": 14}, {"credits": 8}]}`
		discount = `"inputs": [{"name": "fast", "type": "boolean"}],
			"price": {"per": "video", "rates": [{"when": {"fast": true}, "credits": 5}, {"credits": 8}]}`
		count = `"inputs": [{"name": "n", "type": "number", "enum": [1, 2, 4]}],
			"price": {"per": "image", "rates": [{"credits": 1.5}], "units": [{"measure": "value", "input": "n"}]}`
		gift = `"inputs": [], "price": {"per": "free", "rates": [{"credits": 0}]}`
	)
	files := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`"https://example.com/f",`, n), ",") + "]"
	}
	tests := []struct{ name, model, raw, want string }{
		{"without video", video, `{}`, "205"},
		{"other resolution", video, `{"resolution":"480p","duration":4}`, "76"},
		{"empty list of videos", video, `{"videos":[]}`, "205"},
		{"video in, its longest length", video, `{"videos":` + files(1) + `}`, "500"},
		{"video in, cheap", video, `{"videos":` + files(2) + `,"resolution":"480p","duration":10}`, "287.5"},
		{"automatic duration", video, `{"duration":-1}`, "615"},
		{"no images", edit, `{}`, "7"},
		{"the first image is free", edit, `{"images":` + files(1) + `}`, "7"},
		{"four images", edit, `{"images":` + files(4) + `,"quality":"high"}`, "15.5"},
		{"undecided is dearest", avatar, `{"audio_url":"https://example.com/a.mp3"}`, "180"},
		{"decided", avatar, `{"audio_url":"https://example.com/a.mp3","resolution":"480p"}`, "45"},
		{"a file still to come, its longest length", avatar, `{}`, "180"},
		{"dialogue counts every text", dialogue, `{"dialogue":[{"text":"` + strings.Repeat("a", 600) + `","voice":"A"},{"text":"` + strings.Repeat("b", 400) + `","voice":"B"}]}`, "28"},
		{"dialogue of numbers", dialogue, `{"dialogue":[1,2]}`, "14"},
		{"condition written as a number", upscale, `{"factor":"4"}`, "14"},
		{"fallback", upscale, `{"factor":"2"}`, "8"},
		{"fallback is not first", upscale, `{}`, "14"},
		{"undecided discount does not count", discount, `{}`, "8"},
		{"discount", discount, `{"fast":true}`, "5"},
		{"no discount", discount, `{"fast":false}`, "8"},
		{"count", count, `{"n":2}`, "3"},
		{"undecided count is the largest choice", count, `{}`, "6"},
		{"nothing to pay", gift, `{}`, "0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := mustParseOne(t, test.model)
			got, err := m.Estimate(decode(t, test.raw))
			if err != nil || got.String() != test.want {
				t.Errorf("Estimate(%s) = %s, %v; want %s", test.raw, got, err, test.want)
			}
		})
	}
}

// A price by the length of files, which are known, partly known, or not.
func TestEstimateForLengths(t *testing.T) {
	const (
		edit = `"inputs": [
			{"name": "video", "type": "string", "media": "video", "required": true},
			{"name": "refs", "type": "array", "items": "string", "media": "video"}],
			"price": {"per": "second", "rates": [{"credits": 2}],
			"units": [{"measure": "seconds", "input": "video", "at_most": 30}, {"measure": "seconds", "input": "refs", "at_most": 15}]}`
		unbounded = `"inputs": [{"name": "video", "type": "string", "media": "video"}],
			"price": {"per": "second", "rates": [{"credits": 2}], "units": [{"measure": "seconds", "input": "video"}]}`
		frames = `"inputs": [
			{"name": "frames", "type": "integer", "min": 40, "max": 120, "default": 80},
			{"name": "fps", "type": "number", "min": 4, "max": 60}],
			"price": {"per": "second", "rates": [{"credits": 12}], "units": [{"measure": "value", "input": "frames", "over": "fps"}]}`
	)
	lengths := catalog.Lengths{"five": 5, "short": 0.2, "long": 61.5, "none": 0, "odd": -3, "endless": 1e300}
	tests := []struct{ name, model, raw, want string }{
		{"known", edit, `{"video":"five"}`, "10"},
		{"rounded up", edit, `{"video":"short"}`, "2"},
		{"longer than is allowed", edit, `{"video":"long"}`, "124"},
		{"no length at all", edit, `{"video":"none"}`, "0"},
		{"not known", edit, `{"video":"?"}`, "60"},
		{"still to come", edit, `{}`, "60"},
		{"blank", edit, `{"video":" "}`, "60"},
		{"a length that cannot be", edit, `{"video":"odd"}`, "60"},
		{"a length that never ends", edit, `{"video":"endless"}`, "60"},
		{"several", edit, `{"video":"five","refs":["five","five","short"]}`, "32"},
		{"one of several is not known", edit, `{"video":"five","refs":["five","?"]}`, "40"},
		{"the known ones are longer", edit, `{"video":"five","refs":["long","?"]}`, "134"},
		{"an empty list", edit, `{"video":"five","refs":[]}`, "10"},
		{"known without a limit", unbounded, `{"video":"long"}`, "124"},
		{"not known without a limit", unbounded, `{"video":"?"}`, ""},
		{"optional and absent", unbounded, `{}`, "0"},
		{"divided", frames, `{"frames":120,"fps":24}`, "60"},
		{"divided and rounded up", frames, `{"frames":121,"fps":24}`, "72"},
		{"the default divided", frames, `{"fps":16}`, "60"},
		{"the slowest when nothing is said", frames, `{"frames":40}`, "120"},
		{"divided by nothing", frames, `{"frames":40,"fps":0}`, ""},
		{"divided by a word", frames, `{"frames":40,"fps":"x"}`, ""},
		{"divided by next to nothing", frames, `{"frames":40,"fps":1e-300}`, ""},
	}
	for _, test := range tests {
		m := mustParseOne(t, test.model)
		got, err := m.EstimateFor(decode(t, test.raw), lengths)
		if test.want == "" {
			if !errors.Is(err, catalog.ErrNoPrice) || got != 0 {
				t.Errorf("%s: %s, %v; want ErrNoPrice", test.name, got, err)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("%s: %s, %v; want %s", test.name, got, err, test.want)
		}
	}
}

// An input that Validate would refuse must not get a price that is too low.
func TestEstimateRefusesWhatItCannotPrice(t *testing.T) {
	tests := []struct{ model, raw string }{
		{"flux", `{"prompt":"p","resolution":"8K"}`},
		{"flux", `{"prompt":"p","resolution":{}}`},
		{"grok-video", `{"prompt":"p","duration":"long"}`},
		{"grok-video", `{"prompt":"p","duration":1e300}`},
		{"grok-video", `{"prompt":"p","duration":[6]}`},
		{"seedream-v4", `{"prompt":"p","max_images":true}`},
	}
	for _, test := range tests {
		m := lookup(t, test.model)
		if got, err := m.Estimate(decode(t, test.raw)); !errors.Is(err, catalog.ErrNoPrice) {
			t.Errorf("%s %s: %s, %v; want ErrNoPrice", test.model, test.raw, got, err)
		}
	}
}

func TestEstimateRoundsUp(t *testing.T) {
	m := lookup(t, "grok-video")
	if got, err := m.Estimate(map[string]any{"duration": 6.2, "resolution": "480p"}); err != nil || got.String() != "16.8" {
		t.Errorf("6.2 seconds cost %s, %v; want the price of 7", got, err)
	}
}

func TestEstimateDoesNotOverflow(t *testing.T) {
	const huge = `9000000000000000`
	m := mustParseOne(t, `"inputs": [{"name": "n", "type": "integer", "max": 9}, {"name": "files", "type": "array"}],
		"price": {"per": "image", "rates": [{"credits": `+huge+`}], "units": [{"measure": "value", "input": "n"}],
		"extras": [{"credits": `+huge+`, "for": {"measure": "items", "input": "files"}}]}`)
	for _, raw := range []string{`{"n":2}`, `{"n":1,"files":[1]}`, `{"n":1,"files":[1,2]}`} {
		if got, err := m.Estimate(decode(t, raw)); err == nil {
			t.Errorf("%s: %d, want an error", raw, got)
		}
	}
}

func TestParseRefusesPricesThatCannotWork(t *testing.T) {
	const inputs = `"inputs": [
		{"name": "size", "type": "string", "enum": ["S", "L"]},
		{"name": "sound", "type": "boolean"},
		{"name": "seconds", "type": "integer"},
		{"name": "count", "type": "integer", "max": 9},
		{"name": "text", "type": "string"},
		{"name": "files", "type": "array"},
		{"name": "url", "type": "string", "media": "audio"}], `
	rates := func(s string) string { return `"price": {"per": "image", "rates": [` + s + `]}` }
	units := func(s string) string {
		return `"price": {"per": "second", "rates": [{"credits": 1}], "units": [` + s + `]}`
	}
	tests := map[string]struct{ price, want string }{
		"a choice without a rate":    {rates(`{"when": {"size": "S"}, "credits": 1}`), "no rate fits map[size:L]"},
		"a pair without a rate":      {rates(`{"when": {"size": "S"}, "credits": 1}, {"when": {"size": "L", "sound": true}, "credits": 2}`), "map[size:L sound:false]"},
		"presence without a rate":    {rates(`{"when": {"url": true}, "credits": 1}`), "map[url:false]"},
		"a choice that is not there": {rates(`{"when": {"size": ["S", "M"]}, "credits": 1}, {"credits": 2}`), "size=M cannot happen"},
		"a condition on free text":   {rates(`{"when": {"text": "S"}, "credits": 1}, {"credits": 2}`), "text=S cannot happen"},
		"a condition on a number":    {rates(`{"when": {"seconds": 5}, "credits": 1}, {"credits": 2}`), "seconds=5 cannot happen"},
		"presence as a value":        {rates(`{"when": {"files": "yes"}, "credits": 1}, {"credits": 2}`), "files=yes cannot happen"},
		"no such input":              {units(`{"measure": "value", "input": "minutes"}`), `no input "minutes"`},
		"a number without an end":    {units(`{"measure": "value", "input": "seconds"}`), "does not work"},
		"text as a number":           {units(`{"measure": "value", "input": "text"}`), "does not work"},
		"blocks of nothing":          {units(`{"measure": "characters", "input": "text"}`), "does not work"},
		"items of a text":            {units(`{"measure": "items", "input": "text"}`), "does not work"},
		"a file of negative length":  {units(`{"measure": "seconds", "input": "url", "at_most": -1}`), "does not work"},
		"divided by nothing known":   {units(`{"measure": "value", "input": "count", "over": "seconds"}`), "does not work"},
		"divided by nothing":         {units(`{"measure": "value", "input": "count", "over": "minutes"}`), "does not work"},
		"length of a text":           {units(`{"measure": "seconds", "input": "text", "at_most": 5}`), "does not work"},
		"unknown measure":            {units(`{"measure": "pixels", "input": "files"}`), "does not work"},
		"negative extra":             {`"price": {"per": "image", "rates": [{"credits": 1}], "extras": [{"credits": -1, "for": {"measure": "items", "input": "files"}}]}`, "negative"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseOne(inputs + test.price)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse: %v; want an error with %q", err, test.want)
			}
		})
	}
}

func TestParseBoundsThePriceTable(t *testing.T) {
	var inputs, when []string
	for _, name := range strings.Split("abcdefghijklmnop", "") {
		inputs = append(inputs, `{"name": "`+name+`", "type": "boolean"}`)
		when = append(when, `"`+name+`": true`)
	}
	_, err := parseOne(`"inputs": [` + strings.Join(inputs, ",") + `], "price": {"per": "image", "rates": [
		{"when": {` + strings.Join(when, ",") + `}, "credits": 1}, {"credits": 2}]}`)
	if err == nil || !strings.Contains(err.Error(), "more than 10000 combinations") {
		t.Errorf("Parse: %v", err)
	}
}

func TestUnmeasured(t *testing.T) {
	models := load(t)
	for _, test := range []struct {
		model string
		input map[string]any
		want  string
	}{
		{"topaz/video-upscale", map[string]any{"video_url": "a.mp4"}, "[a.mp4]"},
		{"topaz/video-upscale", map[string]any{"video_url": " "}, "[]"},
		{"happyhorse/video-edit", map[string]any{"video_url": "a.mp4"}, "[a.mp4]"}, // counted twice, measured once
		{"volcengine/video-to-video-lip-sync", map[string]any{"video_url": "a.mp4", "audio_url": "b.mp3"}, "[b.mp3 a.mp4]"},
		{"bytedance/seedance-2-5", map[string]any{"reference_video_urls": []any{"a.mp4", "b.mp4", "a.mp4"}}, "[a.mp4 b.mp4]"},
		{"bytedance/seedance-2-5", map[string]any{"prompt": "waves"}, "[]"},
		{"kling-3.0/motion-control", map[string]any{"video_urls": []any{"a.mp4"}}, "[]"}, // 30 s at most
	} {
		m, err := models.Lookup(test.model)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.Unmeasured(test.input)); got != test.want {
			t.Errorf("%s with %v: %s, want %s", test.model, test.input, got, test.want)
		}
	}
}
