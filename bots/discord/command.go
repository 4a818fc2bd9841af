package discord

import (
	"encoding/json"
	"slices"
	"strings"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/core/media"
)

// asked is what a command asks for.
type asked struct {
	in    bots.Incoming
	press string // the data of a button that does it
	form  any    // a form that has to be filled in first; nil for none
	alone bool   // the answer is for nobody else
	kept  string // the interaction under which the files were kept; empty when none were
	says  string // why it cannot be done; empty when it can
}

// The fields that are no options of bots.Command's.
const (
	fieldPrompt = "prompt" // of what makes something
	fieldAbout  = "about"  // of every other command
	fieldDo     = "do"     // of the operators'
	fieldWords  = "words"  // of a form
	fieldFiles  = "files"
)

// asked reads a command; false when we do not have it, or not any more.
func (d *Discord) asked(i *interaction) (asked, bool) {
	switch i.Data.Type {
	case commandMessage:
		return d.aboutMessage(i)
	case commandUser:
		return d.aboutPerson(i)
	}
	c, ok := d.commands[d.unprefixed(i.Data.Name)]
	if !ok || i.Data.Type != commandSlash {
		return asked{}, false
	}
	values := map[string]string{}
	for _, o := range i.Data.Options {
		values[o.Name] = o.text()
	}
	words := values[fieldPrompt] + values[fieldAbout]
	if c.Audience == bots.ForOperators {
		words = directed(values)
	}
	out := asked{in: d.incoming(i, values["private"] == "true"), alone: values["private"] == "true" || !c.Makes && c.Name != "show"}
	out.in.Text, out.in.Given = "/"+c.Name+" "+words, given(i.Data.Options)
	out.in.Files = i.filesOf()
	if c.Makes && c.From == nil && words == "" && len(out.in.Files) == 0 {
		out.form = d.promptForm(i, c, out.in.Given)
	}
	return out, true
}

// directed are the words of an operator, with whom they are about behind the act.
func directed(values map[string]string) string {
	act, rest, _ := strings.Cut(strings.TrimSpace(values[fieldDo]), " ")
	for _, about := range aboutFields() {
		if id := values[about.name]; id != "" {
			act += " " + about.mention + id + ">"
		}
	}
	return act + " " + rest
}

func (d *Discord) unprefixed(name string) string { return strings.TrimPrefix(name, d.cfg.Prefix) }

// The types of options (Discord docs, "Application Command Option Type").
const (
	optionText       = 3
	optionInteger    = 4
	optionBoolean    = 5
	optionUser       = 6
	optionChannel    = 7
	optionRole       = 8
	optionAttachment = 11
)

// given are the options beside the words and the files.
func given(options []option) []bots.Given {
	var all []bots.Given
	for _, o := range options {
		switch {
		case o.Name == fieldPrompt || o.Name == fieldAbout || o.Type == optionAttachment || o.Focused:
		case o.Type == optionBoolean:
			all = append(all, bots.Given{Name: o.Name, Value: map[bool]string{true: "on", false: "off"}[o.text() == "true"]})
		default:
			all = append(all, bots.Given{Name: o.Name, Value: o.text()})
		}
	}
	return all
}

// incoming is the interaction as something that a person sent.
func (d *Discord) incoming(i *interaction, private bool) bots.Incoming {
	who := core.Identity{Platform: Platform, User: i.person().ID}
	o := core.Origin{
		Identity: who, Name: i.name(), Lane: i.lane(), Locale: i.Locale, Ref: i.ref(private).encode(),
	}
	if i.Guild != "" {
		guild := Platform + ":guild:" + i.Guild
		o.Place, o.Roles = core.Place(guild), append(o.Roles, guild)
	}
	o.Roles = append(o.Roles, Platform+":channel:"+i.ChannelID)
	if i.Channel.thread() && i.Channel.Parent != "" {
		o.Roles = append(o.Roles, Platform+":channel:"+i.Channel.Parent) // what goes for a channel goes for its threads
	}
	if i.Member != nil {
		for _, role := range i.Member.Roles {
			o.Roles = append(o.Roles, Platform+":role:"+role)
		}
		o.Admin = permissions(i.Member.Permissions)&(mayManage|mayAdminister) != 0
	}
	return bots.Incoming{Key: Platform + ":" + i.ID, Origin: o}
}

// filesOf are the files that came in the command's fields.
func (i *interaction) filesOf() []bots.Attached {
	var all []bots.Attached
	for _, o := range i.Data.Options {
		if a, ok := i.Data.Resolved.Attachments[o.text()]; ok && o.Type == optionAttachment {
			all = append(all, a.attached(o.Name))
		}
	}
	return all
}

// attached is the file as one that came along, for the field of that name.
func (a attachment) attached(field string) bots.Attached {
	out := bots.Attached{For: field, File: core.InputFile{Name: a.Name, Type: a.Type, Size: a.Size, Ref: fileRef{a.URL}.encode()}}
	if a.Size == 0 {
		out.Unusable = bots.Empty
	}
	return out
}

// formPrefix begins the name of a form that stands for a command. The options
// that were chosen follow, where there is room, or the interaction whose files
// were kept.
const (
	formPrefix = "form:"
	customMax  = 100 // characters of a custom_id
)

// promptForm asks for the words of a command that was used without any, and
// for files.
func (d *Discord) promptForm(i *interaction, c bots.Command, chosen []bots.Given) any {
	data, err := json.Marshal(chosen)
	name := formPrefix + c.Name + ":"
	if err == nil && len(chosen) > 0 && len(name)+len(data) <= customMax {
		name += string(data)
	}
	l := d.cfg.Bot.Labels(i.Locale)
	form := wordsForm(name, l, "")
	if slices.ContainsFunc(c.Fields, func(f bots.Field) bool { return f.Type == bots.FieldImage }) {
		form.Components = append(form.Components, label{Type: componentLabel, Label: l.Files, Component: fileUpload{
			Type: componentUpload, CustomID: fieldFiles, Most: filesMost, FileTypes: []string{string(bots.FieldImage)},
		}})
	}
	return form
}

// formed reads a form that stands for a command; false when it is another one.
func (d *Discord) formed(i *interaction, written map[string]component) (asked, bool) {
	name, ok := strings.CutPrefix(i.Data.CustomID, formPrefix)
	if !ok {
		return asked{}, false
	}
	name, chosen, _ := strings.Cut(name, ":")
	earlier, kept := strings.CutPrefix(chosen, "@")
	if kept {
		chosen = ""
	}
	var options []bots.Given
	if chosen != "" && json.Unmarshal([]byte(chosen), &options) != nil {
		options = nil
	}
	private := slices.Contains(options, bots.Given{Name: "private", Value: "on"})
	out := asked{in: d.incoming(i, private), alone: private}
	out.in.Text, out.in.Given = "/"+name+" "+written[fieldWords].Value, options
	if kept {
		out.kept = earlier
	}
	for _, id := range written[fieldFiles].Values {
		if a, ok := i.Data.Resolved.Attachments[id]; ok {
			out.in.Files = append(out.in.Files, a.attached(""))
		}
	}
	return out, true
}

// aboutMessage reads a command of a message's menu.
func (d *Discord) aboutMessage(i *interaction) (asked, bool) {
	m, there := i.Data.Resolved.Messages[i.Data.Target]
	c, known := d.inMenu(i.Data.Name)
	if !there || !known {
		return asked{}, false
	}
	l, ours := d.cfg.Bot.Labels(i.Locale), ""
	each(m.Components, func(one component) {
		if strings.Contains(one.CustomID, ":"+c.button+":") {
			ours = one.CustomID
		}
	})
	switch {
	case ours != "":
		return asked{in: d.incoming(i, false), press: ours, alone: c.alone}, true
	case c.command == "":
		return asked{says: l.Theirs}, true
	}
	var files []bots.Attached
	for _, a := range m.Attachments {
		if d.worksFrom(c.command, a.Type) {
			files = append(files, a.attached(""))
		}
	}
	if len(files) == 0 {
		return asked{says: l.NoPicture}, true
	}
	return d.workingOn(i, c, files), true
}

// aboutPerson reads a command of a person's menu, which works from their
// profile picture.
func (d *Discord) aboutPerson(i *interaction) (asked, bool) {
	who, there := i.Data.Resolved.Users[i.Data.Target]
	c, known := d.inMenu(i.Data.Name)
	switch {
	case !there || !known || c.command == "":
		return asked{}, false
	case who.Avatar == "":
		return asked{says: d.cfg.Bot.Labels(i.Locale).NoPortrait}, true
	}
	return d.workingOn(i, c, []bots.Attached{d.api.portrait(who)}), true
}

// workingOn is the command of a menu with what it works from, and a form where
// it has to be told what to do, behind which the files are to be kept.
func (d *Discord) workingOn(i *interaction, c menuCommand, files []bots.Attached) asked {
	out := asked{in: d.incoming(i, false)}
	out.in.Text, out.in.Files = "/"+c.command, files
	if c.words {
		out.kept = i.ID
		out.form = wordsForm(formPrefix+c.command+":@"+i.ID, d.cfg.Bot.Labels(i.Locale), "")
	}
	return out
}

// menuCommand is a row of the menu of a message, or of a person: what it is
// called, and the button that does the same under a message of ours.
type menuCommand struct {
	name    string
	button  string
	command string // for a message of somebody else's, or a person; empty for none
	alone   bool
	words   bool // it is told what to do with the picture
}

// worksFrom says whether the command takes a file of that type. What Discord
// does not know the type of is found out later.
func (d *Discord) worksFrom(command, mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	return mediaType == "" || slices.Contains(d.commands[command].From, media.Kind(kind))
}

// inMenu is the row of that name; false when there is none, or not any more.
func (d *Discord) inMenu(name string) (menuCommand, bool) {
	for _, c := range messageMenu() {
		if d.cfg.Prefix+c.name == name {
			return c, true
		}
	}
	return menuCommand{}, false
}

func messageMenu() []menuCommand {
	return []menuCommand{
		{name: "Edit", button: "edit", command: "edit", words: true},
		{name: "Animate", button: "animate", command: "animate", words: true},
		{name: "Upscale", button: "upscale", command: "upscale"},
		{name: "What made this?", button: "info", alone: true},
	}
}
