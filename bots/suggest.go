package bots

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// Suggestion is one way to go on typing.
type Suggestion struct {
	Insert string // the whole new text
	Label  string // what is inserted, short
	Detail string // what it means, or what it costs
}

// maxSuggestions is what Discord allows and nobody reads more of.
const maxSuggestions = 25

// Suggest offers up to 25 ways to go on typing, best first: commands, flags
// that were not used yet, models with their price, values of an option. It
// works from memory.
func (b *Bot) Suggest(text, locale string) []Suggestion {
	text = strings.TrimLeftFunc(strings.ToValidUTF8(text, ""), unicode.IsSpace)
	v := b.voice(locale)
	found := b.suggest(v, text)
	return found[:min(len(found), maxSuggestions)]
}

func (b *Bot) suggest(v voice, text string) []Suggestion {
	if strings.HasPrefix(text, "/") && wordEnd(text) == len(text) {
		return b.suggestCommands(v, "", text, func(c command) string { return "/" + c.name })
	}
	return b.suggestAfter(v, parse(text), text, lastWord(text))
}

// lastWord is where the word begins that is being typed; len(text) when the
// text ends with white space.
func lastWord(text string) int {
	return len(strings.TrimRightFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }))
}

// suggestAfter goes on after a command and perhaps some of what belongs to it.
func (b *Bot) suggestAfter(v voice, c call, text string, word int) []Suggestion {
	if !c.known {
		return nil
	}
	if c.command.makes == "" {
		return b.suggestArgument(v, c, text, word)
	}
	// A word of dashes and letters at the end is a flag in the making.
	if begun := text[word:]; strings.HasPrefix(begun, "-") || strings.HasPrefix(begun, "—") || strings.HasPrefix(begun, "–") {
		if !strings.ContainsAny(begun, "=:") {
			return b.suggestFlags(v, parse(text[:word]), text[:word], strings.TrimLeftFunc(begun, isDash))
		}
	}
	if n := len(c.typed); n > 0 && c.typed[n-1].known && c.typed[n-1].end == len(text) && !c.verbatim {
		last := c.typed[n-1]
		return b.suggestValues(v, c, last.flag.option, text[:last.value], text[last.value:])
	}
	if word == len(text) && strings.HasPrefix(text, "/") && !c.verbatim {
		return b.suggestFlags(v, c, text, "")
	}
	return nil
}

func (b *Bot) suggestCommands(v voice, before, begun string, written func(command) string) []Suggestion {
	var found []Suggestion
	fits := func(c command) int {
		return rank(strings.TrimPrefix(begun, "/"), append([]string{c.name}, c.aliases...)...)
	}
	rows := slices.DeleteFunc(b.told(), func(c command) bool { return fits(c) == far })
	slices.SortStableFunc(rows, func(x, y command) int { return fits(x) - fits(y) })
	for _, c := range rows {
		found = append(found, Suggestion{Insert: before + written(c) + " ", Label: written(c), Detail: v.say("command."+c.name, nil)})
	}
	return found
}

// suggestArgument goes on after /models and /help.
func (b *Bot) suggestArgument(v voice, c call, text string, word int) []Suggestion {
	before, begun := text[:word], text[word:]
	switch {
	case strings.TrimSpace(strings.TrimPrefix(before, text[:wordEnd(text)])) != "":
		return nil // the argument is there already
	case c.command.name == "help":
		return b.suggestCommands(v, before, begun, func(c command) string { return c.name })
	case c.command.name == "models":
		var found []Suggestion
		for _, kind := range catalog.Kinds() {
			if begun == "" || strings.HasPrefix(string(kind), strings.ToLower(begun)) {
				found = append(found, Suggestion{Insert: before + string(kind), Label: string(kind), Detail: v.say("kind."+string(kind), nil)})
			}
		}
		return append(found, v.suggestModels(b.offers(), before, begun)...)
	}
	return nil
}

// suggestFlags offers the flags that can still be added.
func (b *Bot) suggestFlags(v voice, c call, before, begun string) []Suggestion {
	model, _ := b.chooseModel(c, core.Settings{})
	var found []Suggestion
	for _, option := range c.command.takes {
		row, _ := flagFor(option)
		f, ok := b.nextFlag(c, row, model)
		if !ok || rank(begun, append(f.names, row.names...)...) == far {
			continue
		}
		found = append(found, Suggestion{Insert: before + f.String() + " ", Label: f.String(), Detail: v.say(f.text(), nil)})
	}
	return found
}

// nextFlag says whether a flag is of use to the model, and not used up; of
// several files, which is the next. Without a model it goes by the command.
func (b *Bot) nextFlag(c call, f flag, m catalog.Model) (flag, bool) {
	if c.command.makes == anyKind && m.ID == "" && f.option != modelOption {
		return f, false // which other ones there are, the model decides
	}
	p := parser{call: c}
	next := p.nextFree(f)
	if _, used := c.options[next.option]; used {
		return f, false
	}
	if f.option.IsFile() {
		return next, b.roomFor(c, next.option, m)
	}
	_, has := m.ByOption(f.option)
	return f, has || m.ID == "" || f.option == modelOption || f.option == catalog.Count || f.option == setOption || f.bare
}

// roomFor says whether one more file can be given, perhaps to another model:
// of the family, if one was named.
func (b *Bot) roomFor(c call, option catalog.Option, m catalog.Model) bool {
	c.options = maps.Clone(c.options)
	c.options[option] = "a file"
	if other, _ := b.chooseModel(c, core.Settings{}); other.ID != "" {
		m = other
	}
	given := 0
	base, _ := numbered(string(option))
	for one := range c.options {
		if name, _ := numbered(string(one)); name == base {
			given++
		}
	}
	_, most := m.Takes(option)
	return m.ID == "" || most < 0 || given <= most
}

// suggestValues offers what an option can be set to.
func (b *Bot) suggestValues(v voice, c call, option catalog.Option, before, begun string) []Suggestion {
	switch {
	case option == modelOption && c.command.makes == anyKind:
		return v.suggestModels(b.offers(), before, begun)
	case option == modelOption:
		return v.suggestModels(b.offers(c.command.makes), before, begun)
	case option == setOption:
		return b.suggestInputs(v, c, before, begun)
	case !c.command.has(option):
		return nil
	}
	model, _ := b.chooseModel(c, core.Settings{})
	field, has := model.ByOption(option)
	values := valuesOf(field)
	if option == catalog.Count && !has {
		values = numbers(1, core.MaxBatch)
	}
	return v.suggestAll(field, values, before, begun)
}

func (v voice) suggestAll(field catalog.Input, values []string, before, begun string) []Suggestion {
	var found []Suggestion
	for _, value := range values {
		if strings.HasPrefix(strings.ToLower(value), strings.ToLower(begun)) {
			standard := field.Name != "" && value == typed(field, field.Default)
			found = append(found, Suggestion{Insert: before + quoteValue(value) + " ", Label: value, Detail: v.standard(standard)})
		}
	}
	return found
}

// suggestInputs goes on after --set: an input that no other flag sets, or what
// it can be set to.
func (b *Bot) suggestInputs(v voice, c call, before, begun string) []Suggestion {
	model, _ := b.chooseModel(c, core.Settings{})
	if name, value, given := strings.Cut(begun, "="); given {
		field, _ := model.Input(name)
		values := valuesOf(field)
		if field.Type == catalog.Boolean {
			values = []string{"true", "false"}
		}
		return v.suggestAll(field, values, before+name+"=", value)
	}
	var found []Suggestion
	for _, in := range model.Inputs {
		used := slices.ContainsFunc(c.raw, func(r rawInput) bool { return r.name == in.Name })
		if in.Option == "" && !used && rank(begun, in.Name) != far {
			found = append(found, Suggestion{Insert: before + in.Name + "=", Label: in.Name + "=", Detail: in.Description})
		}
	}
	return found
}

// valuesOf lists an input's choices; of a small range, the whole numbers in it.
func valuesOf(field catalog.Input) []string {
	if choices := field.Choices(); len(choices) > 0 {
		return choices
	}
	if field.Type != catalog.Integer || field.Min == nil || field.Max == nil || *field.Max-*field.Min >= 100 {
		return nil
	}
	return numbers(int(*field.Min), int(*field.Max))
}

func numbers(from, to int) []string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, strconv.Itoa(n))
	}
	return all
}

// quoteValue keeps a value with spaces together.
func quoteValue(value string) string {
	if strings.ContainsFunc(value, unicode.IsSpace) {
		return `"` + value + `"`
	}
	return value
}

// suggestModels offers the models whose names begin with, contain or resemble
// what was typed, in that order.
func (v voice) suggestModels(offers []offer, before, begun string) []Suggestion {
	type match struct {
		offer
		rank int
	}
	var matches []match
	for _, o := range offers {
		names := slices.Concat([]string{o.family.Name, o.family.Title, o.name}, o.family.Models, o.model.Aliases)
		if r := rank(begun, names...); r != far {
			matches = append(matches, match{o, r})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return a.rank - b.rank })
	matches = matches[:min(len(matches), maxSuggestions)]
	var found []Suggestion
	for _, m := range matches {
		found = append(found, Suggestion{
			Insert: before + m.name + " ", Label: m.name,
			Detail: dots(m.model.Title, v.offered(m.model)),
		})
	}
	return found
}

// far is the rank of what does not match at all.
const far = 3

// rank says how well the best of the names goes with what was typed so far:
// 0 begins with it, 1 contains it, 2 resembles it.
func rank(begun string, names ...string) int {
	begun = strings.ToLower(begun)
	best := far
	for _, name := range names {
		name = strings.ToLower(name)
		switch i := strings.Index(name, begun); {
		case i == 0 || i > 0 && name[i-1] == '/':
			return 0
		case i > 0 && len(begun) > 1:
			best = min(best, 1)
		case len(begun) > 2 && len(catalog.Nearest(begun, []string{name}, 1)) > 0:
			best = min(best, 2)
		}
	}
	return best
}
