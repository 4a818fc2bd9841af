package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Modal is a form that the bot opened for a person ("Modal").
type Modal struct {
	CustomID   string
	Title      string
	Components []Component

	in *Interaction
}

// opens reads the form of an answer.
func (in *Interaction) opens(answer *Answer, data map[string]any) error {
	var p problems
	for _, name := range []string{"custom_id", "title", "components"} {
		if zero(data[name]) {
			p.add([]string{"data", name}, "BASE_TYPE_REQUIRED", "This field is required")
		}
	}
	if p.err() != nil {
		return p.err()
	}
	path := []string{"data", "components"}
	c := &checker{shapes: in.s.shapes}
	c.value(path, in.s.shapes["modal"].fields["components"], data["components"])
	if c.err() != nil {
		return c.err()
	}
	var form struct {
		CustomID   string      `json:"custom_id"`
		Title      string      `json:"title"`
		Components []Component `json:"components"`
	}
	if err := convert(data, &form); err != nil {
		return err
	}
	k := &composing{ids: map[int]bool{}, customs: map[string]bool{}, modal: true}
	form.Components = k.all(path, form.Components)
	k.number(form.Components)
	k.labels(path, form.Components)
	if k.err() != nil {
		return k.err()
	}
	answer.Modal = &Modal{CustomID: form.CustomID, Title: form.Title, Components: form.Components, in: in}
	return nil
}

// labels: an input in a row carries its own label, one in a label does not.
func (k *composing) labels(path []string, list []Component) {
	for _, c := range list {
		switch {
		case c.Type == compRow && c.Components[0].Label == "":
			k.add(path, "BASE_TYPE_REQUIRED", "This field is required")
		case c.Component != nil && c.Component.Type == compInput && c.Component.Label != "":
			k.add(path, "DISCORDTEST_LABEL", "An input in a label has no label of its own.")
		}
	}
}

// offer reads the choices of an answer.
func (in *Interaction) offer(answer *Answer, data map[string]any) error {
	if data["choices"] == nil {
		return formError("data.choices", "BASE_TYPE_REQUIRED", "This field is required")
	}
	if err := convert(data["choices"], &answer.Choices); err != nil {
		return err
	}
	var p problems
	checkChoices(&p, []string{"data", "choices"}, Parameter{Type: in.focused(), Choices: answer.Choices})
	return p.err()
}

// focused is the kind of the option that is completed.
func (in *Interaction) focused() int {
	var payload struct {
		Data struct{ Options []focusable }
	}
	if json.Unmarshal(in.payload, &payload) != nil {
		return optString
	}
	for options := payload.Data.Options; len(options) > 0; {
		for _, o := range options {
			if o.Focused {
				return o.Type
			}
		}
		options = options[0].Options
	}
	return optString
}

type focusable struct {
	Type    int
	Focused bool
	Options []focusable
}

// Fields are the parts of the form that people fill in.
func (m *Modal) Fields() []Component {
	return slices.DeleteFunc(flatten(m.Components), func(c Component) bool { return c.CustomID == "" })
}

// Submits fills the form in and sends it. Fields that are not named keep what
// they began with. Like a client it panics when something required is missing,
// or a value is not one that can be given.
func (m *Modal) Submits(values ...Value) *Interaction {
	s := m.in.s
	s.mu.Lock()
	defer s.mu.Unlock()
	k := Speaker{&View{s: s, room: m.in.room, person: m.in.person}}
	for _, v := range values {
		if !slices.ContainsFunc(m.Fields(), func(c Component) bool { return c.CustomID == v.name }) {
			panic(fmt.Sprintf("discordtest: the form has no field %q", v.name))
		}
	}
	res := resolved{}
	data := map[string]any{"custom_id": m.CustomID, "components": m.fill(k, m.Components, values, res)}
	if len(res) > 0 {
		data["resolved"] = res
	}
	in := &Interaction{Kind: kindModal, Name: m.CustomID, source: m.in.source, owners: m.in.owners}
	return k.start(in, data)
}

// fill is "Modal Submit Data Structure".
func (m *Modal) fill(k Speaker, list []Component, values []Value, res resolved) []any {
	out := []any{}
	for _, c := range list {
		part := map[string]any{"type": c.Type, "id": c.ID}
		if c.CustomID != "" {
			part["custom_id"] = c.CustomID
			key, value := fillOne(k, c, valueOf(c, values), res)
			part[key] = value
		}
		if c.Components != nil {
			part["components"] = m.fill(k, c.Components, values, res)
		}
		if c.Component != nil {
			part["component"] = m.fill(k, []Component{*c.Component}, values, res)[0]
		}
		out = append(out, part)
	}
	return out
}

// valueOf is what was given for a field, or what it began with.
func valueOf(c Component, values []Value) []Value {
	given := slices.DeleteFunc(slices.Clone(values), func(v Value) bool { return v.name != c.CustomID })
	if len(given) > 0 {
		return given
	}
	switch c.Type {
	case compInput:
		return []Value{Set(c.CustomID, c.Value)}
	case compCheckbox:
		return []Value{Set(c.CustomID, c.Default)}
	}
	var chosen []string
	for _, o := range c.Options {
		if o.Default {
			chosen = append(chosen, o.Value)
		}
	}
	for _, d := range c.Defaults {
		chosen = append(chosen, d.ID)
	}
	if chosen == nil {
		return nil
	}
	return []Value{Set(c.CustomID, chosen)}
}

// fillOne is what a field sends, and under which name.
func fillOne(k Speaker, c Component, given []Value, res resolved) (string, any) {
	switch c.Type {
	case compInput:
		return "value", mustWrite(c, given)
	case compCheckbox:
		on, is := given[0].value.(bool)
		if !is {
			panic(fmt.Sprintf("discordtest: the field %s is checked with a bool", c.CustomID))
		}
		return "value", on
	case compUpload:
		return "values", mustUpload(k, c, given, res)
	}
	var picked []string
	for _, v := range given {
		switch value := v.value.(type) {
		case string:
			picked = append(picked, value)
		case []string:
			picked = append(picked, value...)
		default:
			panic(fmt.Sprintf("discordtest: the field %s does not take %v", c.CustomID, v.value))
		}
	}
	mustPick(c, picked)
	for kind, all := range k.resolveIDs(c.Type, picked) {
		for id, value := range all {
			res.add(kind, id, value)
		}
	}
	if c.Type != compRadio {
		return "values", append([]string{}, picked...)
	}
	if len(picked) == 0 {
		return "value", nil
	}
	return "value", picked[0]
}

func mustWrite(c Component, given []Value) string {
	text, is := given[0].value.(string)
	n := utf8.RuneCountInString(text)
	most := 4000
	if c.MaxLength > 0 {
		most = c.MaxLength
	}
	required := c.Required == nil || *c.Required
	if !is || n > most || required && n == 0 || n > 0 && n < c.MinLength {
		panic(fmt.Sprintf("discordtest: the field %s does not take %q", c.CustomID, text))
	}
	return text
}

func mustUpload(k Speaker, c Component, given []Value, res resolved) []string {
	ids := []string{}
	for _, v := range given {
		if v.file == nil || !fitsFile(c.FileTypes, v.file.name) {
			panic(fmt.Sprintf("discordtest: the field %s takes files", c.CustomID))
		}
		f := k.s.keep(k.room, v.file.name, v.file.kind, v.file.data, true)
		res.add("attachments", f.ID, f.Attachment)
		ids = append(ids, f.ID)
	}
	mustPick(c, ids)
	return ids
}
