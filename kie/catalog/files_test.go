package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

const filmer = `"inputs": [
	{"name": "prompt", "type": "string", "option": "prompt", "required": true},
	{"name": "start", "type": "string", "media": "image", "option": "first_frame"},
	{"name": "end", "type": "string", "media": "image", "option": "last_frame", "needs": "start"},
	{"name": "refs", "type": "array", "items": "string", "media": "image", "option": "image", "max_items": 2, "not_with": ["start"]},
	{"name": "clip", "type": "string", "media": "video", "option": "video"},
	{"name": "sounds", "type": "array", "items": "string", "media": "audio", "option": "audio"}]`

const (
	framesOnly = `"inputs": [
		{"name": "image_url", "type": "string", "media": "image", "option": "first_frame", "required": true},
		{"name": "tail", "type": "string", "media": "image", "option": "last_frame"}]`
	oneList = `"inputs": [{"name": "image_urls", "type": "array", "items": "string", "media": "image", "option": "image", "frames": true, "max_items": 2}]`
	several = `"inputs": [
		{"name": "image_url", "type": "string", "media": "image", "option": "image", "required": true},
		{"name": "mask_url", "type": "string", "media": "image", "option": "mask"},
		{"name": "style", "type": "array", "items": "string", "media": "image", "option": "image", "max_items": 2},
		{"name": "more", "type": "array", "items": "string", "media": "image", "option": "image", "max_items": 1}]`
	textOnly = `"inputs": [{"name": "prompt", "type": "string", "option": "prompt"}]`
)

func TestBuildPlacesFiles(t *testing.T) {
	tests := []struct{ name, model, given, want string }{
		{"references", filmer, "prompt=p image=a image2=b", `{"prompt":"p","refs":["a","b"]}`},
		{"in the order of their numbers", several, "image10=d image2=b image=a image3=c", `{"image_url":"a","more":["d"],"style":["b","c"]}`},
		{"frames", filmer, "prompt=p first_frame=a last_frame=b", `{"end":"b","prompt":"p","start":"a"}`},
		{"other media", filmer, "prompt=p video=v audio=x audio2=y", `{"clip":"v","prompt":"p","sounds":["x","y"]}`},
		{"an image as the first frame", framesOnly, "image=a", `{"image_url":"a"}`},
		{"two images as both frames", framesOnly, "image=a image2=b", `{"image_url":"a","tail":"b"}`},
		{"an image beside the first frame", framesOnly, "first_frame=a image=b", `{"image_url":"a","tail":"b"}`},
		{"a frame as an image", oneList, "first_frame=a", `{"image_urls":["a"]}`},
		{"frames as images", oneList, "first_frame=a last_frame=b", `{"image_urls":["a","b"]}`},
		{"an image, then the last frame", oneList, "image=a last_frame=b", `{"image_urls":["a","b"]}`},
		{"a mask", several, "image=a mask=m", `{"image_url":"a","mask_url":"m"}`},
		{"blanks are nothing", filmer, "prompt=p image=", `{"prompt":"p"}`},
	}
	for _, test := range tests {
		m := mustParseOne(t, test.model)
		input, err := m.Build(options(test.given))
		if got := jsonText(input); err != nil || got != test.want {
			t.Errorf("%s: %s, %v; want %s", test.name, got, err, test.want)
		}
		if err := m.Validate(input); err != nil {
			t.Errorf("%s: Validate: %v", test.name, err)
		}
	}
}

func TestBuildRefusesFiles(t *testing.T) {
	tests := []struct {
		name, model, given string
		code               catalog.Code
		sentence           string
	}{
		{"too many for a list", filmer, "prompt=p image=a image2=b image3=c", catalog.TooMany, "Test: image has 3 entries, at most 2 are allowed"},
		{"too many for frames", framesOnly, "image=a image2=b image3=c", catalog.TooMany, "Test: image has 3 entries, at most 2 are allowed"},
		{"too many videos", filmer, "prompt=p video=a video2=b", catalog.TooMany, "Test: video has 2 entries, at most 1 are allowed"},
		{"too many for all lists", several, "image=a image2=b image3=c image4=d image5=e", catalog.TooMany, "Test: image has 2 entries, at most 1 are allowed"},
		{"none at all", textOnly, "prompt=p image=a", catalog.Unsupported, `Test: it has no option "image" (choices: prompt)`},
		{"no place for the last frame", several, "image=a last_frame=b", catalog.Unsupported, `Test: it has no option "last_frame" (choices: image, mask)`},
		{"required", framesOnly, "", catalog.Missing, "Test: first_frame is missing"},
		{"not together", filmer, "prompt=p image=a first_frame=b", catalog.Apart, "Test: image cannot be given together with first_frame"},
		{"one needs the other", filmer, "prompt=p last_frame=b", catalog.Missing, "Test: first_frame is missing"},
		{"no such number", filmer, "prompt=p image01=a", catalog.Unsupported, `Test: it has no option "image01"`},
	}
	for _, test := range tests {
		_, err := mustParseOne(t, test.model).Build(options(test.given))
		var problems *catalog.ProblemsError
		if !errors.As(err, &problems) || len(problems.Problems) != 1 || problems.Problems[0].Code != test.code {
			t.Errorf("%s: %v; want one problem %s", test.name, err, test.code)
			continue
		}
		if got := err.Error(); len(got) < len(test.sentence) || got[:len(test.sentence)] != test.sentence {
			t.Errorf("%s: %q; want %q", test.name, got, test.sentence)
		}
	}
}

func TestTakes(t *testing.T) {
	tests := []struct {
		model       string
		option      catalog.Option
		least, most int
	}{
		{filmer, catalog.ImageFile, 0, 2},
		{filmer, "image2", 0, 2},
		{filmer, catalog.FirstFrame, 0, 1},
		{filmer, catalog.AudioFile, 0, -1},
		{filmer, catalog.MaskFile, 0, 0},
		{filmer, catalog.Prompt, 0, 0},
		{framesOnly, catalog.ImageFile, 1, 2},
		{framesOnly, catalog.FirstFrame, 1, 1},
		{oneList, catalog.FirstFrame, 0, 2},
		{oneList, catalog.LastFrame, 0, 2},
		{several, catalog.ImageFile, 1, 4},
		{several, catalog.LastFrame, 0, 0},
		{textOnly, catalog.ImageFile, 0, 0},
	}
	for _, test := range tests {
		least, most := mustParseOne(t, test.model).Takes(test.option)
		if least != test.least || most != test.most {
			t.Errorf("%s: %d to %d; want %d to %d", test.option, least, most, test.least, test.most)
		}
	}
}

func TestFileOptions(t *testing.T) {
	for option, want := range map[catalog.Option]bool{
		"image": true, "image2": true, "image14": true, "audio3": true, "video": true, "mask": true, "first_frame": true,
		"image1": false, "image0": false, "image02": false, "first_frame2": false, "mask2": false, "prompt": false, "": false,
		"seed": false, "2": false, "image99999999999999999999": false,
	} {
		if option.IsFile() != want {
			t.Errorf("%q.IsFile() = %v", option, !want)
		}
	}
	if a, b := catalog.ImageFile.Numbered(1), catalog.ImageFile.Numbered(12); a != "image" || b != "image12" {
		t.Errorf("%q, %q", a, b)
	}
}

// What lies between inputs is checked in raw inputs too.
func TestValidateTogether(t *testing.T) {
	const rules = `"inputs": [
		{"name": "task_id", "type": "string", "option": "task", "not_with": ["url"]},
		{"name": "url", "type": "string", "media": "video", "option": "video"},
		{"name": "from", "type": "number"},
		{"name": "to", "type": "number", "needs": "from"}],
		"require_one_of": [["task_id"], ["url", "from"]]`
	m := mustParseOne(t, rules)
	for raw, want := range map[string]string{
		`{"task_id":"t"}`:                    "",
		`{"url":"u","from":1}`:               "",
		`{"task_id":"t","from":1,"to":2}`:    "",
		`{}`:                                 "Test: one of these is needed: task; video and from",
		`{"task_id":" ","from":1}`:           "Test: one of these is needed: task; video",
		`{"url":"u"}`:                        "Test: one of these is needed: task; from",
		`{"task_id":"t","url":"u"}`:          "Test: task cannot be given together with video",
		`{"task_id":"t","to":2}`:             "Test: from is missing",
		`{"task_id":"t","url":null,"to":""}`: `Test: to must be a number, not ""`,
	} {
		got := ""
		if err := m.Validate(decode(t, raw)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q; want %q", raw, got, want)
		}
	}
}

func TestParseRefusesRulesThatCannotWork(t *testing.T) {
	for rules, want := range map[string]string{
		`"inputs": [{"name": "a", "type": "string", "needs": "b"}]`:                                                       `no other input "b"`,
		`"inputs": [{"name": "a", "type": "string", "not_with": ["a"]}]`:                                                  `no other input "a"`,
		`"inputs": [], "require_one_of": [["a"]]`:                                                                         `require_one_of: there is no input "a"`,
		`"inputs": [], "require_one_of": [[]]`:                                                                            "a set is empty",
		`"inputs": [{"name": "a", "type": "string", "option": "image"}]`:                                                  "with media",
		`"inputs": [{"name": "a", "type": "string", "option": "image2", "media": "image"}]`:                               "without a number",
		`"inputs": [{"name": "a", "type": "string", "media": "film"}]`:                                                    `media "film"`,
		`"inputs": [{"name": "a", "type": "string", "max_mb": -1}]`:                                                       "negative",
		`"inputs": [{"name": "a", "type": "integer", "also_values": ["x"]}]`:                                              "also_values",
		`"inputs": [], "status": "sleeping"`:                                                                              `status "sleeping"`,
		`"inputs": [], "output": "smell"`:                                                                                 `output "smell"`,
		`"inputs": [], "status": "retired"`:                                                                               "reason",
		`"inputs": [], "reason": "why not"`:                                                                               "reason",
		`"inputs": [], "status": "retired", "reason": "old", "replacement": "x"`:                                          `replacement "x"`,
		`"inputs": [], "family": "f"`:                                                                                     `family "f"`,
		`"inputs": [{"name": "a", "type": "array", "option": "seed"}, {"name": "b", "type": "string", "option": "seed"}]`: "and once",
	} {
		if _, err := parseOne(rules); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", rules, err, want)
		}
	}
}

// What Kie takes beyond its schema passes, but is not offered.
func TestValidateRelaxed(t *testing.T) {
	m := mustParseOne(t, `"inputs": [
		{"name": "n", "type": "integer", "min": 6, "max": 30, "also_types": ["string"]},
		{"name": "mode", "type": "string", "enum": ["std", "pro"], "also_values": ["720p"]},
		{"name": "url", "type": "string", "max_items": 2, "max_length": 3, "also_types": ["array"]}]`)
	for raw, want := range map[string]string{
		`{"n":6,"mode":"std","url":"u"}`: "",
		`{"n":"6"}`:                      "",
		`{"n":"5"}`:                      `Test: n must be from 6 to 30, not 5`,
		`{"n":"six"}`:                    `Test: n must be a whole number, not "six"`,
		`{"n":true}`:                     `Test: n must be a whole number, not "true"`,
		`{"mode":"720p"}`:                "",
		`{"mode":"1080p"}`:               `Test: mode cannot be "1080p" (choices: std, pro)`,
		`{"url":["u","v"]}`:              "",
		`{"url":["u","v","w"]}`:          "Test: url has 3 entries, at most 2 are allowed",
		`{"url":["u",5]}`:                `Test: url must be a list, not "[\"u\",5]"`,
		`{"url":5}`:                      `Test: url must be text, not "5"`,
	} {
		got := ""
		if err := m.Validate(decode(t, raw)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q; want %q", raw, got, want)
		}
	}
	if in, _ := m.Input("mode"); len(in.Choices()) != 2 {
		t.Errorf("offered: %q", in.Choices())
	}
	if got := jsonText(m.Complete(decode(t, `{"n":"6","url":["u"]}`))); got != `{"n":6,"url":["u"]}` {
		t.Errorf("Complete: %s", got)
	}
}
