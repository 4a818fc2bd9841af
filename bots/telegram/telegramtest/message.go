package telegramtest

import (
	"fmt"
	"slices"
	"strings"
)

// String shows a message in a line or a few.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ", m.ID)
	switch {
	case m.From != nil:
		b.WriteString(m.From.FirstName)
	case m.SenderChat != nil:
		b.WriteString(m.SenderChat.Title)
	}
	fmt.Fprintf(&b, ": [%s] %s", m.Kind(), m.Words())
	for _, row := range m.Buttons() {
		b.WriteString("\n    ")
		for _, button := range row {
			fmt.Fprintf(&b, " [%s]", button.Text)
		}
	}
	if m.Edits > 0 {
		fmt.Fprintf(&b, " (edited %d times)", m.Edits)
	}
	if m.Deleted {
		b.WriteString(" (deleted)")
	}
	return b.String()
}

// Kind is "text", "invoice", "service", or the kind of the message's file:
// photo, video, audio, voice, animation, document, sticker or video_note.
func (m Message) Kind() string {
	switch {
	case m.file != nil:
		return m.file.kind
	case m.Text != "":
		return "text"
	case m.Invoice != nil:
		return "invoice"
	}
	return "service"
}

// Words is the text or the caption.
func (m Message) Words() string {
	if m.Text != "" {
		return m.Text
	}
	return m.Caption
}

// FileID is the id of the message's file, for a photo that of its largest
// size; empty without one.
func (m Message) FileID() string {
	if m.file == nil {
		return ""
	}
	return m.file.id
}

// Bytes is the content of the message's file, nil without one. It panics when
// the disk fails.
func (m Message) Bytes() []byte {
	if m.file == nil {
		return nil
	}
	return m.file.blob.bytes()
}

// File is the message's file as the bot described it, the zero value without
// one. A photo is described in the same way.
func (m Message) File() MediaFile {
	if m.file == nil {
		return MediaFile{}
	}
	return *m.file.media()
}

// Thumbnail is the content of the thumbnail that came with the file, nil
// without one.
func (m Message) Thumbnail() []byte {
	if m.file == nil || m.file.thumbnail == nil {
		return nil
	}
	return m.file.thumbnail.blob.bytes()
}

// Buttons are the rows of the message's inline keyboard.
func (m Message) Buttons() [][]Button {
	if m.ReplyMarkup == nil {
		return nil
	}
	return m.ReplyMarkup.Inline
}

// Button finds the first button with this label or, when there is none, with
// the label in its text.
func (m Message) Button(label string) (Button, bool) {
	all := slices.Concat(m.Buttons()...)
	for _, fits := range []func(Button) bool{
		func(b Button) bool { return b.Text == label },
		func(b Button) bool { return strings.Contains(b.Text, label) },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true
		}
	}
	return Button{}, false
}

// Marked returns the parts of the text or caption that entities of this type
// mark.
func (m Message) Marked(kind string) []string {
	marks := m.Entities
	if m.Text == "" {
		marks = m.CaptionEntities
	}
	var parts []string
	for _, e := range marks {
		if e.Type == kind {
			parts = append(parts, e.Slice(m.Words()))
		}
	}
	return parts
}
