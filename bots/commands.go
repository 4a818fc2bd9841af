package bots

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// command is one row of the command table. Its texts are the messages
// "command.NAME" (one line: what it does) and "example.NAME".
type command struct {
	name    string
	aliases []string
	// makes is the kind of media that the command asks a model for, perhaps
	// anyKind; empty for a command that is answered at once.
	makes catalog.Kind
	// takes are the options that can be typed with it, in the order in which to show them.
	takes []catalog.Option
	// from are the kinds of results that the command works from: what it is
	// told first is then the id of a job.
	from []media.Kind
	// emoji is the symbol of its button under such a result; empty for none.
	emoji string
	// argued says that a command which makes nothing can be told something:
	// the message "argument.NAME" says what.
	argued bool
	// verbatim says that what is typed after it is taken as it is: nothing in it is an option.
	verbatim bool
	// audience is who is offered the command.
	audience Audience
	// answer handles a command that makes nothing.
	answer func(*Bot, context.Context, session) Reply
	// when says whether the bot has the command; nil means that every bot has it.
	when func(*Bot) bool
}

// commands is the command table, in the order in which to show it.
func commands() []command { return slices.Concat(makers, answerers()) }

// makers are the rows of those that make something. Each takes every switch.
// Nobody may change them.
var makers = withSwitches([]command{
	{name: "imagine", aliases: []string{"image"}, makes: catalog.Image, takes: []catalog.Option{
		modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		catalog.ImageFile, catalog.MaskFile, setOption,
	}},
	{name: "video", makes: catalog.Video, takes: []catalog.Option{
		modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Duration, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		catalog.ImageFile, catalog.FirstFrame, catalog.LastFrame, catalog.VideoFile, catalog.AudioFile, setOption,
	}},
	{name: editCommand, makes: catalog.Image, from: []media.Kind{media.Image}, takes: []catalog.Option{
		modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		catalog.ImageFile, catalog.MaskFile, setOption,
	}},
	{name: upscaleCommand, emoji: "⬆️", makes: anyKind, from: []media.Kind{media.Image, media.Video}, takes: []catalog.Option{
		modelOption, catalog.Resolution, catalog.ImageFile, catalog.VideoFile, setOption,
	}},
	{name: animateCommand, emoji: "🎬", makes: catalog.Video, from: []media.Kind{media.Image}, takes: []catalog.Option{
		modelOption, catalog.AspectRatio, catalog.Resolution, catalog.Duration, catalog.Count, catalog.Seed, catalog.NegativePrompt,
		catalog.ImageFile, catalog.LastFrame, catalog.AudioFile, setOption,
	}},
	{name: "music", makes: catalog.Music, takes: []catalog.Option{
		modelOption, catalog.Duration, catalog.Count, catalog.AudioFile, setOption,
	}},
	{name: "speak", makes: catalog.Speech, takes: []catalog.Option{
		modelOption, catalog.Voice, catalog.Count, setOption,
	}},
	{name: "generate", makes: anyKind, takes: everyOption()},
})

func withSwitches(rows []command) []command {
	for i, c := range rows {
		for _, f := range flags {
			if f.bare && !slices.Contains(c.takes, f.option) {
				rows[i].takes = append(rows[i].takes, f.option)
			}
		}
	}
	return rows
}

// answerers are the rows of those that make nothing. They are no variable,
// because the answers look into the table themselves.
func answerers() []command {
	return []command{
		{name: "models", argued: true, answer: (*Bot).models},
		{name: "balance", answer: (*Bot).balance},
		{name: "queue", answer: (*Bot).queue},
		{name: "history", answer: (*Bot).history},
		{name: "show", argued: true, answer: (*Bot).show},
		{name: "cancel", argued: true, answer: (*Bot).cancel},
		{name: "settings", audience: ForAdmins, answer: (*Bot).settingsCommand},
		{name: "link", audience: ForOne, argued: true, answer: (*Bot).link},
		{name: "privacy", audience: ForOne, answer: (*Bot).privacy},
		{name: "buy", audience: ForOne, answer: (*Bot).buy, when: (*Bot).Selling},
		{name: "terms", audience: ForOne, answer: (*Bot).terms, when: (*Bot).Selling},
		{name: "paysupport", audience: ForOne, answer: (*Bot).paySupport, when: (*Bot).Selling},
		{name: adminCommand, audience: ForOperators, argued: true, verbatim: true, answer: (*Bot).admin},
		{name: "help", aliases: []string{"start"}, argued: true, answer: (*Bot).help},
	}
}

// The commands that work from a job.
const (
	editCommand    = "edit"
	upscaleCommand = "upscale"
	animateCommand = "animate"
)

// anyKind is what a command makes that runs any model, and whose model must be named.
const anyKind catalog.Kind = "any"

func everyOption() []catalog.Option {
	var all []catalog.Option
	for _, f := range flags {
		all = append(all, f.option)
	}
	return all
}

// The options that are no inputs of a model: which one, its raw inputs, and
// switches.
const (
	modelOption   catalog.Option = "model"
	setOption     catalog.Option = "set"
	spoilerOption catalog.Option = "spoiler" // hide the result until somebody looks
	privateOption catalog.Option = "private" // show the result to nobody but who asked
	menuOption    catalog.Option = "menu"    // choose the rest with buttons first
)

// What a switch can be.
const (
	switchOn  = "on"
	switchOff = "off"
)

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
	// bare says that it is a switch: it stands alone, or with "=off".
	bare bool
	// many says that it can be given several times, or numbered: --image2.
	many bool
}

// flags is the flag table; nobody may change it.
var flags = []flag{
	{option: modelOption, names: []string{"model", "m"}, sample: "imagen4"},
	{option: catalog.AspectRatio, names: []string{"ar", "aspect", "aspect-ratio", "ratio"}, sample: "16:9"},
	{option: catalog.Resolution, names: []string{"res", "resolution", "quality"}, sample: "2K"},
	{option: catalog.Duration, names: []string{"dur", "duration", "seconds"}, sample: "5"},
	{option: catalog.Voice, names: []string{"voice"}, sample: "Rachel", phrase: true},
	{option: catalog.Count, names: []string{"n", "count"}, sample: "2"},
	{option: catalog.Seed, names: []string{"seed"}, sample: "7"},
	{option: catalog.NegativePrompt, names: []string{"no", "negative", "negative-prompt"}, sample: "text, blur", phrase: true},
	{option: catalog.ImageFile, names: []string{"image"}, sample: "https://example.com/cat.png", many: true},
	{option: catalog.FirstFrame, names: []string{"first", "first-frame"}, sample: "https://example.com/dawn.png"},
	{option: catalog.LastFrame, names: []string{"last", "last-frame"}, sample: "https://example.com/dusk.png"},
	{option: catalog.MaskFile, names: []string{"mask"}, sample: "https://example.com/mask.png"},
	{option: catalog.VideoFile, names: []string{"video"}, sample: "https://example.com/sea.mp4", many: true},
	{option: catalog.AudioFile, names: []string{"audio"}, sample: "https://example.com/song.mp3", many: true},
	{option: catalog.EarlierTask, names: []string{"task"}, sample: "0c4f2d9a"},
	{option: setOption, names: []string{"set"}, sample: "style=jazz"},
	{option: spoilerOption, names: []string{"spoiler"}, bare: true},
	{option: privateOption, names: []string{"private"}, bare: true},
	{option: menuOption, names: []string{"menu"}, bare: true},
}

// String is the flag as people are told to type it.
func (f flag) String() string { return "--" + f.names[0] }

// text is the key of the message that explains the flag.
func (f flag) text() string {
	base, _ := numbered(f.names[0])
	return "flag." + base
}

// at is the flag for the nth of several files, which has a name of its own.
func (f flag) at(n int) flag {
	if n > 1 {
		f.option, f.names, f.many = f.option.Numbered(n), []string{f.names[0] + strconv.Itoa(n)}, false
	}
	return f
}

// numbered takes image2 apart into image and 2; without a number it is 1.
func numbered(name string) (base string, n int) {
	base = strings.TrimRight(name, "0123456789")
	digits := name[len(base):]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || digits[0] == '0' || n > mostFiles {
		return name, 1
	}
	return base, n
}

// mostFiles is the largest number in a flag's name; no model takes as many files.
const mostFiles = 99

// findCommand finds a row by its name or an alias, in any case.
func findCommand(name string) (command, bool) {
	if c, ok := findIn(makers, name); ok {
		return c, true
	}
	return findIn(answerers(), name)
}

func findIn(rows []command, name string) (command, bool) {
	i := slices.IndexFunc(rows, func(c command) bool {
		return strings.EqualFold(c.name, name) || slices.ContainsFunc(c.aliases, func(a string) bool { return strings.EqualFold(a, name) })
	})
	if i < 0 {
		return command{}, false
	}
	return rows[i], true
}

// command finds one of the commands that the bot has.
func (b *Bot) command(name string) (command, bool) {
	c, ok := findCommand(name)
	return c, ok && b.has(c)
}

// has says whether the bot has the command; some do not have all.
func (b *Bot) has(c command) bool { return c.when == nil || c.when(b) }

// told are the commands that the bot has, but for those of the operators.
func (b *Bot) told() []command {
	return slices.DeleteFunc(commands(), func(c command) bool { return c.audience == ForOperators || !b.has(c) })
}

// commandFor finds the command that makes media of the kind from nothing but words.
func commandFor(kind catalog.Kind) (command, bool) {
	i := slices.IndexFunc(makers, func(c command) bool { return c.makes == kind && c.from == nil })
	if i < 0 {
		return command{}, false
	}
	return makers[i], true
}

// findFlag finds a row by any of its names, in any case, with hyphens or
// underscores; for --image2, the row of --image as it is for the second file.
func findFlag(name string) (flag, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	return searchFlags(name, func(f flag, name string) bool { return slices.Contains(f.names, name) })
}

// flagFor is the flag that sets an option; false when nothing typed does.
func flagFor(option catalog.Option) (flag, bool) {
	return searchFlags(string(option), func(f flag, name string) bool { return string(f.option) == name })
}

func searchFlags(name string, is func(flag, string) bool) (flag, bool) {
	if i := slices.IndexFunc(flags, func(f flag) bool { return is(f, name) }); i >= 0 {
		return flags[i], true
	}
	base, n := numbered(name)
	i := slices.IndexFunc(flags, func(f flag) bool { return f.many && is(f, base) })
	if i < 0 {
		return flag{}, false
	}
	return flags[i].at(n), true
}

// has says whether the command takes the option.
func (c command) has(option catalog.Option) bool {
	base, _ := numbered(string(option))
	return slices.Contains(c.takes, option) || option.IsFile() && slices.Contains(c.takes, catalog.Option(base))
}

// secondLine says whether a second line of text is what should not be in the
// result. Where the kind is not known before the model is, it may be lyrics.
func (c command) secondLine() bool {
	return c.makes != anyKind && slices.Contains(c.takes, catalog.NegativePrompt)
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
