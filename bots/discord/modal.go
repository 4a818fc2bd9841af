package discord

import (
	"kiebot/bots"
	"kiebot/bots/clip"
)

// The components of forms that discordgo does not have (Discord docs,
// "Component Reference").
const (
	componentInput  = 4
	componentLabel  = 18
	componentUpload = 19
)

// modal is a form, of at most five fields.
type modal struct {
	CustomID   string  `json:"custom_id"`
	Title      string  `json:"title"`
	Components []label `json:"components"`
}

type label struct {
	Type      int    `json:"type"`
	Label     string `json:"label"`
	Component any    `json:"component"`
}

type textInput struct {
	Type     int    `json:"type"`
	CustomID string `json:"custom_id"`
	Style    int    `json:"style"`
	Most     int    `json:"max_length"`
	Required bool   `json:"required"`
	Value    string `json:"value,omitempty"`
}

type fileUpload struct {
	Type     int    `json:"type"`
	CustomID string `json:"custom_id"`
	Least    int    `json:"min_values"`
	Most     int    `json:"max_values"`
	Required bool   `json:"required"`

	FileTypes []string `json:"file_types"`
}

const (
	titleMax     = 45
	inputMax     = 4000
	filesMost    = 10
	severalLines = 2 // a style
)

// wordsForm asks for words, which may have several lines.
func wordsForm(name string, l bots.Labels, draft string) modal {
	return modal{CustomID: name, Title: clip.Shorten(l.Ask, titleMax), Components: []label{{
		Type: componentLabel, Label: clip.Shorten(l.Prompt, titleMax), Component: textInput{
			Type: componentInput, CustomID: fieldWords, Style: severalLines, Most: inputMax, Required: true, Value: draft[:clip.Fit(draft, inputMax)],
		},
	}}}
}
