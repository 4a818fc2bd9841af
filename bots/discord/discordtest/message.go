package discordtest

import (
	"fmt"
	"slices"
	"strings"
)

// String shows a message in a line or a few.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", m.ID, m.Author.Username, strings.ReplaceAll(m.Words(), "\n", "\n    "))
	for _, a := range m.Attachments {
		fmt.Fprintf(&b, "\n    file %s (%s, %d bytes)", a.Filename, a.ContentType, a.Size)
	}
	for _, c := range flatten(m.Components) {
		if c.Type == compButton {
			fmt.Fprintf(&b, " [%s]", c.title())
		}
	}
	for _, state := range []struct {
		is   bool
		name string
	}{{m.Loading(), "thinking"}, {m.For != "", "ephemeral"}, {m.Edits > 0, "edited"}, {m.Deleted, "deleted"}} {
		if state.is {
			fmt.Fprintf(&b, " (%s)", state.name)
		}
	}
	return b.String()
}

// Loading says that the message shows "thinking…": an answer that was deferred.
func (m Message) Loading() bool { return m.Flags&FlagLoading != 0 }

// Ephemeral says that only one person sees the message.
func (m Message) Ephemeral() bool { return m.For != "" }

// Buttons are the buttons of a message, wherever they stand.
func (m Message) Buttons() []Component {
	return slices.DeleteFunc(flatten(m.Components), func(c Component) bool { return c.Type != compButton })
}

// Button finds the first button with this label, emoji or both or, when there
// is none, with the label in its text.
func (m Message) Button(label string) (Component, bool) {
	all := m.Buttons()
	for _, fits := range []func(Component) bool{
		func(c Component) bool {
			return c.title() == label || c.Label == label || c.Emoji != nil && c.Emoji.Name == label
		},
		func(c Component) bool { return strings.Contains(c.title(), label) },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true
		}
	}
	return Component{}, false
}

// title is what a button shows.
func (c Component) title() string {
	if c.Emoji == nil {
		return c.Label
	}
	return strings.TrimSpace(c.Emoji.Name + " " + c.Label)
}

// Menu finds a select by its custom_id or placeholder, or with "" the first.
func (m Message) Menu(name string) (Component, bool) {
	for _, c := range flatten(m.Components) {
		if c.Type == compSelect || c.Type > compInput && c.Type < compSection {
			if name == "" || c.CustomID == name || c.Placeholder == name {
				return c, true
			}
		}
	}
	return Component{}, false
}

// Shown lists what the galleries, thumbnails, file components and embeds of a
// message show.
func (m Message) Shown() []Item {
	var all []Item
	for _, c := range flatten(m.Components) {
		all = append(all, c.Items...)
		for _, p := range []*Picture{c.Media, c.File} {
			if p != nil {
				all = append(all, Item{Media: *p, Description: c.Description, Spoiler: c.Spoiler})
			}
		}
	}
	for _, e := range m.Embeds {
		for _, p := range []*Picture{e.Image, e.Thumbnail} {
			if p != nil {
				all = append(all, Item{Media: *p})
			}
		}
	}
	return all
}

// FileBytes is the content of the attachment with this id. It panics when there
// is none.
func (s *Server) FileBytes(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil {
		panic("discordtest: no attachment " + id)
	}
	return f.data
}
