package bots

import (
	"context"
	"slices"
	"strings"

	"kiebot/kie/catalog"
)

// command is one row of the command table. Its texts are the messages
// "command.NAME" (one line: what it does) and "example.NAME".
type command struct {
	name    string
	aliases []string
	// makes is the kind of media that the command asks a model for; empty for
	// a command that is answered at once.
	makes catalog.Kind
	// takes are the options that can be typed with it, in the order in which to show them.
	takes []catalog.Option
	// answer handles a command that makes nothing.
	answer func(*Bot, context.Context, session) Reply
}

// commands is the command table, in the order in which to show it.
func commands() []command {
	return []command{
		{name: "imagine", aliases: []string{"image"}, makes: catalog.Image, takes: []catalog.Option{
			modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		}},
		{name: "video", makes: catalog.Video, takes: []catalog.Option{
			modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Duration, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		}},
		{name: "speak", makes: catalog.Speech, takes: []catalog.Option{
			modelOption, catalog.Voice, catalog.Count,
		}},
		{name: "models", answer: (*Bot).models},
		{name: "balance", answer: (*Bot).balance},
		{name: "history", answer: (*Bot).history},
		{name: "cancel", answer: (*Bot).cancel},
		{name: "help", aliases: []string{"start"}, answer: (*Bot).help},
	}
}

// modelOption is the one option that is not an input of a model.
const modelOption catalog.Option = "model"

// plainCommand is what a text without a slash means.
const plainCommand = "imagine"

// flag is one row of the flag table. Its text is the message "flag.NAME", by
// its first name.
type flag struct {
	option catalog.Option
	names  []string // the first is the one that is shown
	sample string   // a value, for examples
	// phrase says that the value may have several words: it then runs to the
	// next flag or the end of the line.
	phrase bool
}

// flags is the flag table.
func flags() []flag {
	return []flag{
		{option: modelOption, names: []string{"model", "m"}, sample: "imagen4"},
		{option: catalog.AspectRatio, names: []string{"ar", "aspect", "aspect-ratio", "ratio"}, sample: "16:9"},
		{option: catalog.Resolution, names: []string{"res", "resolution", "quality"}, sample: "2K"},
		{option: catalog.Duration, names: []string{"dur", "duration", "seconds"}, sample: "5"},
		{option: catalog.Voice, names: []string{"voice"}, sample: "Rachel", phrase: true},
		{option: catalog.Count, names: []string{"n", "count"}, sample: "2"},
		{option: catalog.Seed, names: []string{"seed"}, sample: "7"},
		{option: catalog.NegativePrompt, names: []string{"no", "negative", "negative-prompt"}, sample: "text, blur", phrase: true},
	}
}

// String is the flag as people are told to type it.
func (f flag) String() string { return "--" + f.names[0] }

// findCommand finds a row by its name or an alias, in any case.
func findCommand(name string) (command, bool) {
	rows := commands()
	i := slices.IndexFunc(rows, func(c command) bool {
		return strings.EqualFold(c.name, name) || slices.ContainsFunc(c.aliases, func(a string) bool { return strings.EqualFold(a, name) })
	})
	if i < 0 {
		return command{}, false
	}
	return rows[i], true
}

// commandFor finds the command that makes media of the kind.
func commandFor(kind catalog.Kind) (command, bool) {
	rows := commands()
	i := slices.IndexFunc(rows, func(c command) bool { return c.makes == kind && kind != "" })
	if i < 0 {
		return command{}, false
	}
	return rows[i], true
}

// findFlag finds a row by any of its names, in any case, with hyphens or underscores.
func findFlag(name string) (flag, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	rows := flags()
	i := slices.IndexFunc(rows, func(f flag) bool { return slices.Contains(f.names, name) })
	if i < 0 {
		return flag{}, false
	}
	return rows[i], true
}

// flagFor is the flag that sets an option; false when nothing typed does.
func flagFor(option catalog.Option) (flag, bool) {
	rows := flags()
	i := slices.IndexFunc(rows, func(f flag) bool { return f.option == option })
	if i < 0 {
		return flag{}, false
	}
	return rows[i], true
}

// flags lists the flags that the command takes, as they are typed.
func (c command) flags() []string {
	var names []string
	for _, option := range c.takes {
		if f, ok := flagFor(option); ok {
			names = append(names, f.String())
		}
	}
	return names
}
