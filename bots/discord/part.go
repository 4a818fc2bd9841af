package discord

import "kiebot/bots/clip"

// part is a component of a message, with the fields of every kind that we send
// (Discord docs, "Component Reference"; only Components V2 has the last four).
type part struct {
	Type       int           `json:"type"`
	Components []part        `json:"components,omitempty"` // of a row
	Style      int           `json:"style,omitempty"`      // of a button
	Label      string        `json:"label,omitempty"`
	Emoji      *emoji        `json:"emoji,omitempty"`
	CustomID   string        `json:"custom_id,omitempty"`
	URL        string        `json:"url,omitempty"`
	Content    string        `json:"content,omitempty"` // of a text
	Items      []galleryItem `json:"items,omitempty"`   // of a gallery
	File       *unfurled     `json:"file,omitempty"`
	Spoiler    bool          `json:"spoiler,omitempty"` // of a file
}

type emoji struct {
	Name string `json:"name"`
}

// galleryItem is a picture or a video.
type galleryItem struct {
	Media       unfurled `json:"media"`
	Description string   `json:"description,omitempty"`
	Spoiler     bool     `json:"spoiler,omitempty"`
}

// unfurled is a file by its address.
type unfurled struct {
	URL string `json:"url"`
}

// uploaded is a file of the same message.
func uploaded(name string) unfurled { return unfurled{URL: "attachment://" + name} }

// The kinds of components, those of forms among them.
const (
	componentRow     = 1
	componentButton  = 2
	componentInput   = 4
	componentText    = 10
	componentGallery = 12
	componentFile    = 13
	componentLabel   = 18
	componentUpload  = 19
)

// The styles of buttons.
const (
	styleSecondary = 2
	styleLink      = 5
)

func row(buttons []part) part {
	return part{Type: componentRow, Components: buttons}
}

func textDisplay(words string) part {
	return part{Type: componentText, Content: words}
}

func gallery(items []galleryItem) part {
	return part{Type: componentGallery, Items: items}
}

// button is one that is pressed, or, with an address, leads there.
func button(label, symbol, data, url string) part {
	b := part{Type: componentButton, Style: styleSecondary, Label: clip.Shorten(label, labelMax), CustomID: data, URL: url}
	if url != "" {
		b.Style = styleLink
	}
	if symbol != "" {
		b.Emoji = &emoji{Name: symbol}
	}
	return b
}
