package bots

import (
	"context"
	"strings"

	"kiebot/kie/catalog"
)

// Field is one option of a command, for a platform that has a field for each.
type Field struct {
	Name  string // lower case, with underscores; Given.Name and Attached.For say it back
	Label string // the name in the language, one lower case word
	Title string // what it means, one line
	Type  FieldType
	// Many says that there can be several: of image also image2, image3 and so on.
	Many bool
	// Listed says that Complete has values for it.
	Listed bool
}

// FieldType is what a field takes.
type FieldType string

// The types of fields. A file's says what it has to be.
const (
	FieldText   FieldType = "text"
	FieldNumber FieldType = "number" // whole
	FieldSwitch FieldType = "switch"
	FieldImage  FieldType = "image"
	FieldVideo  FieldType = "video"
	FieldAudio  FieldType = "audio"
)

// IsFile says whether the field takes a file.
func (t FieldType) IsFile() bool { return t == FieldImage || t == FieldVideo || t == FieldAudio }

// Given is an option that came in a field of its own, not in the text.
type Given struct{ Name, Value string }

// fields are the options of the command, as fields.
func (v voice) fields(c command) []Field {
	var all []Field
	for _, option := range c.takes {
		if f, ok := flagFor(option); ok {
			all = append(all, Field{
				Name: string(option), Label: v.say("field."+string(option), nil), Title: v.say(f.text(), nil), Type: f.fieldType(), Many: f.many && f.option.IsFile(), Listed: f.listed(),
			})
		}
	}
	return all
}

// listed says whether there are values to choose from.
func (f flag) listed() bool {
	return f.fieldType() == FieldText && f.option != catalog.NegativePrompt && f.option != catalog.EarlierTask
}

func (f flag) fieldType() FieldType {
	switch f.option {
	case catalog.ImageFile, catalog.FirstFrame, catalog.LastFrame, catalog.MaskFile:
		return FieldImage
	case catalog.VideoFile:
		return FieldVideo
	case catalog.AudioFile:
		return FieldAudio
	case catalog.Count, catalog.Seed:
		return FieldNumber
	}
	if f.bare {
		return FieldSwitch
	}
	return FieldText
}

// setGiven takes an option that came in its own field, as if it had been typed.
func (p *parser) setGiven(g Given) {
	t := typedFlag{name: "--" + g.Name, missing: g.Value == ""}
	if t.flag, t.known = findFlag(g.Name); !t.known {
		p.report(problem{code: unknownFlag, name: shorten(t.name, 30), nearest: nearestFlag(g.Name, p.call.command), choices: p.call.command.flags()})
		return
	}
	p.set(t, g.Value)
}

// Complete offers up to 25 values for one field of a command, best first, from
// what was typed there and what the other fields say. Insert is the value. It
// works from memory, but for the names of tiers, and is never empty where the
// field has a list of values: when nothing fits what was typed, it is all of it.
// Of /admin every field is its words.
func (b *Bot) Complete(ctx context.Context, command, field, typed string, others []Given, locale string) []Suggestion {
	c, known := findCommand(command)
	if known && c.name == adminCommand {
		return b.completeAct(ctx, b.voice(locale), typed)
	}
	f, ok := findFlag(field)
	if !known || !ok {
		return nil
	}
	p := parser{call: call{command: c, known: true, options: map[catalog.Option]string{}}}
	for _, g := range others {
		if g.Value != "" {
			p.setGiven(g)
		}
	}
	typed = strings.TrimSpace(strings.ToValidUTF8(typed, ""))
	found := b.suggestValues(b.voice(locale), p.call, f.option, "", typed)
	if len(found) == 0 {
		found = b.suggestValues(b.voice(locale), p.call, f.option, "", "")
	}
	for i := range found {
		found[i].Insert = unquote(strings.TrimSpace(found[i].Insert))
	}
	return found[:min(len(found), maxSuggestions)]
}

// form is the command for a platform that has fields.
func (v voice) form(c command) Command {
	out := Command{Name: c.name, Label: v.say("name."+c.name, nil), Aliases: c.aliases, Title: v.say("command."+c.name, nil), Audience: c.audience, Makes: c.makes != "", From: c.from, Fields: v.fields(c)}
	switch {
	case c.from != nil:
		out.Argument = v.say("argument.job", nil)
	case c.makes != "":
		out.Argument = v.say("argument.prompt", nil)
	case c.argued:
		out.Argument = v.say("argument."+c.name, nil)
	}
	return out
}

// Labels are the words of what a platform has beside messages: forms, and
// entries of menus.
type Labels struct {
	Ask    string // the title of a form that asks for words
	Prompt string // its field
	Files  string // a field for pictures
	Late   string // instead of a form that can be opened no more
	Gone   string // a command that there is not any more
	// Why a command of the menu of a message, or of a person, does nothing there.
	NoPicture, Theirs, NoPortrait string
	// What can be picked in fields of their own: whom an act of an admin is about.
	Person, Channel, Role string
	Alone                 string   // a note that what takes long comes as a direct message, since the bot may not write there
	Menu                  []string // of what can be done with a picture: edit, animate, upscale, and say what made it
}

// Labels are the words in the language that fits the locale best.
func (b *Bot) Labels(locale string) Labels {
	v := b.voice(locale)
	return Labels{
		Ask: v.say("label.ask", nil), Prompt: v.say("label.prompt", nil), Files: v.say("label.files", nil),
		Late: v.say("label.late", nil), Gone: v.say("label.gone", nil), NoPicture: v.say("label.no_picture", nil), Theirs: v.say("label.theirs", nil), NoPortrait: v.say("label.no_portrait", nil), Alone: v.say("label.alone", nil),
		Person: v.say("label.person", nil), Channel: v.say("label.channel", nil), Role: v.say("label.role", nil),
		Menu: []string{v.say("label.edit", nil), v.say("label.animate", nil), v.say("label.upscale", nil), v.say("label.info", nil)},
	}
}
