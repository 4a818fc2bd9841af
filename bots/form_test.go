package bots

import (
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// What comes in a field of its own is what would have been typed.
func TestGivenOptions(t *testing.T) {
	for _, test := range []struct {
		text                      string
		given                     []Given
		prompt, options, problems string
	}{
		{text: "/imagine a cat", given: []Given{{"ar", "16:9"}, {"model", "imagen4"}, {"spoiler", "on"}}, prompt: "a cat", options: "model=imagen4 ar=16:9 spoiler=on"},
		{text: "/imagine a cat --seed 7", given: []Given{{"no", `a "red" hat, --ar 1:1`}}, prompt: "a cat", options: `seed=7 no=a "red" hat, --ar 1:1`},
		{text: "/imagine a cat --ar 1:1", given: []Given{{"ar", "16:9"}}, prompt: "a cat", options: "ar=16:9", problems: "repeated_flag --ar"},
		{text: "/imagine a cat", given: []Given{{"arr", "16:9"}}, prompt: "a cat", problems: "unknown_flag --arr --ar"},
		{text: "/speak hello", given: []Given{{"ar", "16:9"}}, prompt: "hello", problems: "misplaced_flag --ar"},
		{text: "/imagine", given: []Given{{"image", "https://example.com/cat.png"}}, options: "image=https://example.com/cat.png"},
		{text: "/imagine a cat\ndogs", given: []Given{{"no", "birds"}}, prompt: "a cat", options: "no=birds", problems: "second_line --no"},
	} {
		c := parse(test.text, test.given...)
		if c.prompt != test.prompt || opts(c) != test.options || faults(c) != test.problems {
			t.Errorf("%s %v: %q, %q, %q", test.text, test.given, c.prompt, opts(c), faults(c))
		}
	}
}

// Every field can be given, and its name leads back to it.
func TestFields(t *testing.T) {
	b := quietBot(t)
	for _, locale := range Languages() {
		for _, c := range b.Commands(locale) {
			if c.Makes != (len(c.Fields) > 0) || c.Makes && c.Argument == "" {
				t.Errorf("/%s makes=%t with %d fields and %q", c.Name, c.Makes, len(c.Fields), c.Argument)
			}
			for _, f := range c.Fields {
				if found, ok := findFlag(f.Name); !ok || string(found.option) != f.Name || f.Title == "" || f.Type == "" {
					t.Errorf("/%s: field %+v", c.Name, f)
				}
				if found, _ := findFlag(f.Name); found.option.IsFile() != f.Type.IsFile() {
					t.Errorf("/%s: field %+v", c.Name, f)
				}
			}
		}
	}
}

func TestComplete(t *testing.T) {
	b := quietBot(t)
	for _, test := range []struct {
		command, field, typed string
		others                []Given
		first                 string // the beginning of the values
	}{
		{command: "imagine", field: "model", first: "imagen-fast imagen "},
		{command: "imagine", field: "model", typed: "flux", first: "flux flux-2/flex kontext"},
		{command: "imagine", field: "model", typed: "nothing at all like it", first: "imagen-fast imagen "},
		{command: "imagine", field: "ar", others: []Given{{"model", "imagen4"}}, first: "1:1 "},
		{command: "imagine", field: "ar", typed: "16", first: "16:9"},
		{command: "imagine", field: "ar", typed: "99:1", first: "1:1 "},
		{command: "imagine", field: "n", first: "1 2 3 4"},
		{command: "imagine", field: "no"},
		{command: "balance", field: "model"},
		{command: "nothing", field: "model"},
		{command: "imagine", field: "nothing"},
	} {
		var values []string
		for _, s := range b.Complete(t.Context(), test.command, test.field, test.typed, test.others, "en") {
			values = append(values, s.Insert)
			if s.Label == "" {
				t.Errorf("%+v: %+v has no label", test, s)
			}
		}
		got := strings.Join(values, " ")
		if !strings.HasPrefix(got+" ", test.first) || test.first == "" && got != "" || len(values) > maxSuggestions {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// A file goes to the field that it was given in.
func TestFilesOfFields(t *testing.T) {
	c, _ := findCommand("video")
	cat := attached("cat.jpg", "image/jpeg", 1000)
	first, last := cat, cat
	first.For, last.For = "first", "last"
	s := session{call: parse("/video waves"), in: Incoming{Files: []Attached{last, first, cat}}, files: map[catalog.Option]core.InputFile{}}
	s.call.command = c
	s.takeAttached()
	for _, option := range []catalog.Option{catalog.FirstFrame, catalog.LastFrame, catalog.ImageFile} {
		if s.call.options[option] == "" {
			t.Errorf("no %s in %v", option, s.call.options)
		}
	}
	if len(s.files) != 3 {
		t.Errorf("%d files", len(s.files))
	}
}
