package discordtest

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of "Component Reference".
const (
	maxComponents = 40
	maxDisplayed  = 4000 // characters in all text displays
)

// compose puts the components of a draft into a message and checks what goes
// across fields: the shapes of both kinds of messages, what buttons and menus
// need, and that files which are shown are there.
func (s *Server) compose(m *Message, d *draft) (problems, error) {
	modern := m.Flags&FlagComponentsV2 != 0
	if modern {
		defer func() { noteHidden(m, d) }()
	}
	if !d.has("components") {
		return nil, nil
	}
	list := d.fields["components"]
	if list == nil {
		list = []any{}
	}
	kind := "classic"
	if modern {
		kind = "modern"
	}
	c := &checker{shapes: s.shapes}
	path := at(d.path, "components")
	c.value(path, s.shapes[kind].fields["components"], list)
	if len(c.problems) > 0 {
		return c.problems, nil
	}
	var components []Component
	if err := convert(list, &components); err != nil {
		return nil, err
	}
	k := &composing{files: m.Attachments, ids: map[int]bool{}, customs: map[string]bool{}}
	m.Components = k.all(path, components)
	k.number(m.Components)
	m.Components = s.showAll(m.Components)
	switch {
	case modern && k.count > maxComponents:
		k.add(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The total number of components must be %d or fewer", maxComponents)
	case k.text > maxDisplayed:
		k.add(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "The total size of all displayable text components exceeds maximum size of %d", maxDisplayed)
	}
	return k.problems, nil
}

// noteHidden complains of files that a message of components does not show:
// nobody sees them.
func noteHidden(m *Message, d *draft) {
	shown := map[string]bool{}
	for _, c := range flatten(m.Components) {
		for _, p := range c.pictures() {
			shown[p.AttachmentID] = true
		}
	}
	for _, a := range m.Attachments {
		if !shown[a.ID] {
			d.note("attachments", "no component shows the file %s", a.Filename)
		}
	}
}

// pictures are what a component itself shows.
func (c *Component) pictures() []*Picture {
	var all []*Picture
	for _, p := range []*Picture{c.Media, c.File} {
		if p != nil {
			all = append(all, p)
		}
	}
	for i := range c.Items {
		all = append(all, &c.Items[i].Media)
	}
	return all
}

// flatten lists components with all that is in them, from the top.
func flatten(list []Component) []Component {
	var all []Component
	for _, c := range list {
		all = append(all, c)
		all = append(all, flatten(c.Components)...)
		for _, inner := range []*Component{c.Component, c.Accessory} {
			if inner != nil {
				all = append(all, flatten([]Component{*inner})...)
			}
		}
	}
	return all
}

// composing is the check of one list of components.
type composing struct {
	problems
	files   []Attachment
	ids     map[int]bool
	customs map[string]bool
	count   int
	text    int
	modal   bool
}

func (k *composing) all(path []string, list []Component) []Component {
	out := make([]Component, 0, len(list))
	for i, c := range list {
		out = append(out, k.one(at(path, strconv.Itoa(i)), c))
	}
	return out
}

func (k *composing) one(path []string, c Component) Component {
	k.count++
	k.unique(path, c)
	k.text += utf8.RuneCountInString(c.Content)
	switch c.Type {
	case compRow:
		k.row(path, c)
	case compButton:
		k.button(path, c)
	case compInput:
		k.input(path, c)
	case compSelect, compSelect + 2, compSelect + 3, compSelect + 4, compSelect + 5, compUpload, compRadio, compCheckboxes:
		k.menu(path, c)
	}
	c = k.picture(path, c)
	if c.Components != nil {
		c.Components = k.all(at(path, "components"), c.Components)
	}
	if c.Accessory != nil {
		inner := k.one(at(path, "accessory"), *c.Accessory)
		c.Accessory = &inner
	}
	if c.Component != nil {
		inner := k.one(at(path, "component"), *c.Component)
		c.Component = &inner
	}
	return c
}

func (k *composing) unique(path []string, c Component) {
	if c.ID != 0 && k.ids[c.ID] {
		k.add(at(path, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
	}
	if c.CustomID != "" && k.customs[c.CustomID] {
		k.add(at(path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
	}
	k.ids[c.ID], k.customs[c.CustomID] = true, true
}

// number gives every component without an id the next free one ("Anatomy of a
// Component").
func (k *composing) number(list []Component) {
	next := 1
	var walk func([]Component)
	give := func(c *Component) {
		if c.ID == 0 {
			for k.ids[next] {
				next++
			}
			c.ID = next
			k.ids[next] = true
		}
	}
	walk = func(list []Component) {
		for i := range list {
			give(&list[i])
			walk(list[i].Components)
			for _, inner := range []*Component{list[i].Accessory, list[i].Component} {
				if inner != nil {
					give(inner)
				}
			}
		}
	}
	walk(list)
}

// row: five buttons or one menu ("Action Row").
func (k *composing) row(path []string, c Component) {
	width := 0
	for _, inner := range c.Components {
		if inner.Type == compButton {
			width++
		} else {
			width += 5
		}
	}
	if width > 5 {
		k.add(at(path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
	}
}

// button: a link has an address, any other a custom_id ("Button").
func (k *composing) button(path []string, c Component) {
	const link = 5
	switch {
	case c.Style == link && c.URL == "":
		k.add(at(path, "url"), "BASE_TYPE_REQUIRED", "This field is required")
	case c.Style == link && c.CustomID != "", c.Style != link && c.CustomID != "" && c.URL != "":
		k.add(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A custom id and url cannot both be specified")
	case c.Style != link && c.URL != "":
		k.add(at(path, "url"), "DISCORDTEST_BUTTON", "Only a button of style 5 has an address.")
	case c.Style != link && c.CustomID == "":
		k.add(at(path, "custom_id"), "BASE_TYPE_REQUIRED", "This field is required")
	}
	if c.Label == "" && c.Emoji == nil {
		k.add(path, "BUTTON_COMPONENT_INVALID_EMPTY", "A button must have a label or an emoji")
	}
	if c.Emoji != nil && c.Emoji.ID == "" && (c.Emoji.Name == "" || c.Emoji.Name[0] < 0x80 && !strings.ContainsAny(c.Emoji.Name, "\u20e3")) {
		k.add(at(path, "emoji"), "COMPONENT_INVALID_EMOJI", "Invalid emoji")
	}
}

func (k *composing) input(path []string, c Component) {
	switch {
	case !k.modal:
		k.add(path, "DISCORDTEST_INPUT", "A text input stands in a modal.")
	case c.MaxLength != 0 && c.MinLength > c.MaxLength:
		k.add(at(path, "min_length"), "DISCORDTEST_RANGE", "min_length is larger than max_length.")
	case c.MaxLength != 0 && utf8.RuneCountInString(c.Value) > c.MaxLength:
		k.add(at(path, "value"), "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", c.MaxLength)
	}
}

// menu: as many choices as may be picked, each once; in messages nothing is
// required.
func (k *composing) menu(path []string, c Component) {
	least, most := span(c)
	switch {
	case least > most:
		k.add(at(path, "min_values"), "SELECT_COMPONENT_MIN_VALUES_EXCEED_MAX_VALUES", "min_values is larger than max_values.")
	case c.Options != nil && most > len(c.Options):
		k.add(at(path, "max_values"), "SELECT_COMPONENT_MAX_VALUES_EXCEED_OPTIONS", "There are only %d options.", len(c.Options))
	case c.Required != nil && !k.modal:
		k.add(at(path, "required"), "DISCORDTEST_REQUIRED", "Only a menu in a modal can be required.")
	case c.Disabled && k.modal:
		k.add(at(path, "disabled"), "DISCORDTEST_DISABLED", "A menu in a modal cannot be disabled.")
	}
	if k.modal && c.Min != nil && *c.Min == 0 && (c.Required == nil || *c.Required) {
		k.add(at(path, "min_values"), "DISCORDTEST_REQUIRED", "min_values can only be 0 when required is false.")
	}
	checkFileTypes(&k.problems, at(path, "file_types"), c.FileTypes)
	k.options(path, c, least, most)
}

// options: each value once, and no more or fewer to begin with than can be
// picked.
func (k *composing) options(path []string, c Component, least, most int) {
	values, chosen := map[string]bool{}, len(c.Defaults)
	for i, o := range c.Options {
		if values[o.Value] {
			k.add(at(at(at(path, "options"), strconv.Itoa(i)), "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		values[o.Value] = true
		if o.Default {
			chosen++
		}
	}
	if chosen > most || len(c.Defaults) > 0 && chosen < least {
		k.add(path, "SELECT_COMPONENT_INVALID_DEFAULT_VALUES", "The number of default values must be between min_values and max_values.")
	}
}

// span is how many values a menu takes.
func span(c Component) (least, most int) {
	least, most = 1, 1
	if c.Type == compCheckboxes {
		most = len(c.Options)
	}
	if c.Min != nil {
		least = *c.Min
	}
	if c.Max != nil {
		most = *c.Max
	}
	if c.Required != nil && !*c.Required {
		least = 0
	}
	return least, most
}

// picture resolves attachment://name ("Unfurled Media Item Structure"). A file
// component shows nothing else.
func (k *composing) picture(path []string, c Component) Component {
	c.Media, c.File = clone(c.Media), clone(c.File)
	c.Items = append([]Item(nil), c.Items...)
	for _, p := range c.pictures() {
		name, is := strings.CutPrefix(p.URL, "attachment://")
		if !is && c.Type == compFile {
			k.add(at(path, "file"), "DISCORDTEST_FILE", "A file component shows attachments only.")
		}
		if !is {
			continue
		}
		found := k.fileID(name)
		if found == "" {
			k.add(path, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", "The referenced attachment '%s' was not found in this message", name)
		}
		*p = Picture{AttachmentID: found}
	}
	return c
}

func (k *composing) fileID(name string) string {
	for _, a := range k.files {
		if a.Filename == name {
			return a.ID
		}
	}
	return ""
}

func clone(p *Picture) *Picture {
	if p == nil {
		return nil
	}
	same := *p
	return &same
}
