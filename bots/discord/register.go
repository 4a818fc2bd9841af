package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"kiebot/bots"
	"kiebot/bots/clip"
	"kiebot/core"
	"kiebot/kie/catalog"
)

// registered is a command as Discord keeps it (Discord docs, "Application
// Command Structure"), the part of it that we set.
type registered struct {
	Type         int               `json:"type"`
	Name         string            `json:"name"`
	Names        map[string]string `json:"name_localizations,omitempty"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations,omitempty"`
	Options      []field           `json:"options,omitempty"`
	Permissions  string            `json:"default_member_permissions,omitempty"`
	Installs     []int             `json:"integration_types,omitempty"`
	Contexts     []int             `json:"contexts,omitempty"`
}

type field struct {
	Type         int               `json:"type"`
	Name         string            `json:"name"`
	Names        map[string]string `json:"name_localizations,omitempty"`
	Description  string            `json:"description"`
	Descriptions map[string]string `json:"description_localizations,omitempty"`
	Required     bool              `json:"required,omitempty"`
	Complete     bool              `json:"autocomplete,omitempty"`
	Least        int               `json:"min_value,omitempty"`
	Most         int               `json:"max_value,omitempty"`
	Longest      int               `json:"max_length,omitempty"`
	FileTypes    []string          `json:"file_types,omitempty"`
}

const (
	commandMost = 32   // characters of a command's name
	textMost    = 100  // characters of a description
	promptMost  = 6000 // of an option, and Discord's own bound
	imagesMost  = 4    // fields for pictures
	optionMost  = 25
)

// register sets the commands where Discord has others.
func (d *Discord) register(ctx context.Context, app string) error {
	want := d.registered()
	var have []registered
	list := call{method: http.MethodGet, route: "/applications/{}/commands", args: []string{app}, query: map[string][]string{"with_localizations": {"true"}}}
	if err := patiently(ctx, func() error { return d.api.do(ctx, list, &have) }); err != nil {
		return err
	}
	same, err := alike(have, want)
	if err != nil || same {
		return err
	}
	return patiently(ctx, func() error {
		return d.api.do(ctx, call{method: http.MethodPut, route: list.route, args: list.args, body: want}, nil)
	})
}

// alike compares the commands, in whatever order they come.
func alike(a, b []registered) (bool, error) {
	one, err := canonical(a)
	if err != nil {
		return false, err
	}
	other, err := canonical(b)
	return slices.Equal(one, other), err
}

func canonical(all []registered) ([]string, error) {
	var out []string
	for _, c := range all {
		slices.Sort(c.Installs)
		slices.Sort(c.Contexts)
		data, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encoding a command: %w", err)
		}
		out = append(out, string(data))
	}
	slices.Sort(out)
	return out, nil
}

// registered are our commands: for guilds and for people who install the bot for
// themselves, in guilds, in its own conversations and in those of others.
func (d *Discord) registered() []registered {
	var all []registered
	add := func(r registered) {
		r.Installs, r.Contexts = []int{0, 1}, []int{0, 1, 2}
		if r.Permissions != "" { // which no conversation of others has
			r.Contexts = r.Contexts[:2]
		}
		all = append(all, r)
	}
	words := map[string][]bots.Command{} // by language
	for _, l := range languages() {
		words[l.code] = d.cfg.Bot.Commands(l.code)
	}
	for n, c := range d.cfg.Bot.Commands("en") {
		add(d.slash(c, func(language string) bots.Command { return words[language][n] }))
	}
	for n, c := range messageMenu() {
		r := registered{Type: commandMessage, Name: d.cfg.Prefix + c.name, Names: map[string]string{}}
		for _, language := range languages() {
			r.Names[language.locale] = clip.Shorten(d.cfg.Prefix+d.cfg.Bot.Labels(language.code).Menu[n], commandMost)
		}
		add(r)
		if c.command != "" {
			r.Type = commandUser
			add(r)
		}
	}
	return all
}

// language is one that there are texts in, beside English, and what Discord
// calls it.
type language struct{ code, locale string }

// languages are those that Discord has too ("Locales").
func languages() []language {
	var all []language
	for _, code := range bots.Languages() {
		for _, locale := range locales(code) {
			all = append(all, language{code, locale})
		}
	}
	return all
}

// locales are Discord's names of a language. English has none: its texts are
// those that everybody else reads.
func locales(code string) []string {
	switch code {
	case "en":
		return nil
	case "es":
		return []string{"es-ES", "es-419"}
	case "zh":
		return []string{"zh-CN", "zh-TW"}
	default:
		return []string{code}
	}
}

// slash is the command as Discord keeps it; in gives its words in a language.
func (d *Discord) slash(c bots.Command, in func(language string) bots.Command) registered {
	r := registered{Type: commandSlash, Name: d.cfg.Prefix + c.Name, Description: short(c.Title)}
	r.Names = localized(func(language string) string { return d.cfg.Prefix + in(language).Label })
	r.Descriptions = localized(func(language string) string { return in(language).Title })
	if c.Audience == bots.ForOperators {
		return d.forOperators(r, c, in)
	}
	if c.Argument != "" {
		f := field{Type: optionText, Name: fieldAbout, Description: short(c.Argument)}
		if c.Makes {
			f.Name, f.Longest = fieldPrompt, promptMost
		}
		f.Descriptions = localized(func(language string) string { return in(language).Argument })
		r.Options = append(r.Options, f)
	}
	for k, f := range c.Fields {
		title := localized(func(language string) string { return in(language).Fields[k].Title })
		for _, n := range numbers(f) {
			one := fieldOf(f, f.Name+n, title)
			one.Names = localized(func(language string) string { return in(language).Fields[k].Label + n })
			r.Options = append(r.Options, one)
		}
	}
	r.Options = r.Options[:min(len(r.Options), optionMost)]
	return r
}

// forOperators is a command of the operators': its words, which are completed,
// and whom they are about, which Discord lets them pick. In a guild members see
// it who may manage that; everybody in a conversation with the bot.
func (d *Discord) forOperators(r registered, c bots.Command, in func(language string) bots.Command) registered {
	r.Permissions = strconv.Itoa(mayManage)
	r.Options = append(r.Options, field{
		Type: optionText, Name: fieldDo, Description: short(c.Argument), Complete: true, Longest: promptMost,
		Descriptions: localized(func(language string) string { return in(language).Argument }),
	})
	for _, about := range aboutFields() {
		l := func(language string) string { return about.label(d.cfg.Bot.Labels(language)) }
		r.Options = append(r.Options, field{Type: about.kind, Name: about.name, Description: short(l("en")), Descriptions: localized(l)})
	}
	return r
}

// aboutField is an option of the operators' command for whom it is about: what
// is picked stands behind the act, as if it had been mentioned there.
type aboutField struct {
	name    string
	kind    int
	mention string // before the id
	label   func(bots.Labels) string
}

func aboutFields() []aboutField {
	return []aboutField{
		{"person", optionUser, "<@", func(l bots.Labels) string { return l.Person }},
		{"channel", optionChannel, "<#", func(l bots.Labels) string { return l.Channel }},
		{"role", optionRole, "<@&", func(l bots.Labels) string { return l.Role }},
	}
}

// numbers are what the names of the field's options end with: of pictures there
// can be several.
func numbers(f bots.Field) []string {
	all := []string{""}
	for n := 2; f.Many && f.Type == bots.FieldImage && n <= imagesMost; n++ {
		all = append(all, strconv.Itoa(n))
	}
	return all
}

func fieldOf(f bots.Field, name string, titles map[string]string) field {
	out := field{Type: optionText, Name: name, Description: short(f.Title), Descriptions: titles, Complete: f.Listed}
	switch {
	case f.Type.IsFile():
		out.Type, out.FileTypes = optionAttachment, []string{string(f.Type)}
	case f.Type == bots.FieldSwitch:
		out.Type = optionBoolean
	case f.Type == bots.FieldNumber:
		out.Type = optionInteger
		if f.Name == string(catalog.Count) {
			out.Least, out.Most = 1, core.MaxBatch
		}
	}
	return out
}

func short(text string) string { return clip.Shorten(text, textMost) }

func localized(text func(language string) string) map[string]string {
	all := map[string]string{}
	for _, l := range languages() {
		all[l.locale] = short(text(l.code))
	}
	return all
}
