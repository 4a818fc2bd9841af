package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kind says what a model produces.
type Kind string

// The kinds of models, as they are written in the data and by people.
const (
	Image  Kind = "image"
	Video  Kind = "video"
	Music  Kind = "music"
	Speech Kind = "speech"
)

// Kinds returns every kind in the order in which the catalogue lists them.
func Kinds() []Kind { return []Kind{Image, Video, Music, Speech} }

// ParseKind reads a kind in any case. Its error names the kinds there are.
func ParseKind(text string) (Kind, error) {
	kind := Kind(strings.ToLower(strings.TrimSpace(text)))
	if !slices.Contains(Kinds(), kind) {
		return "", fmt.Errorf("kind %s: must be image, video, music or speech", quoted(text))
	}
	return kind, nil
}

// Option is a setting that a person can type for any model, or a file that can
// be given to it, whatever name the model itself has for it.
type Option string

// The options. Prompt is the text to draw, film or speak. Duration is in
// seconds. Count asks for that many outputs of one Kie task.
const (
	Prompt         Option = "prompt"
	NegativePrompt Option = "negative_prompt"
	AspectRatio    Option = "aspect_ratio"
	Resolution     Option = "resolution"
	Duration       Option = "duration"
	Count          Option = "count"
	Seed           Option = "seed"
	Voice          Option = "voice"
)

// The options that are files; their values are URLs, or whatever stands for one
// until the file is uploaded. Several files of one kind are image, image2,
// image3 and so on: see Option.Numbered. EarlierTask is the id of an earlier
// Kie task whose result is to be worked on.
const (
	ImageFile   Option = "image"
	FirstFrame  Option = "first_frame"
	LastFrame   Option = "last_frame"
	AudioFile   Option = "audio"
	VideoFile   Option = "video"
	MaskFile    Option = "mask"
	EarlierTask Option = "task"
)

func knownOption(option Option) bool {
	switch option {
	case Prompt, NegativePrompt, AspectRatio, Resolution, Duration, Count, Seed, Voice, EarlierTask:
		return true
	}
	return option.IsFile()
}

// Type is the JSON type that Kie wants for an input.
type Type string

// The types of inputs. An Integer is a number without a fraction.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	Array   Type = "array"
)

// Input is one field of a model's input object.
type Input struct {
	Name        string `json:"name"`                  // as Kie spells it
	Type        Type   `json:"type"`                  // the JSON type that is sent
	Items       string `json:"items,omitempty"`       // JSON type of an Array's elements
	Option      Option `json:"option,omitempty"`      // which option fills it; empty: only raw inputs do
	Media       string `json:"media,omitempty"`       // image, video, audio or document: its value, or each element, is the URL of a file
	Required    bool   `json:"required,omitempty"`    // Kie refuses a request without it
	Description string `json:"description,omitempty"` // one English phrase

	// Default is what Kie assumes without the input, or what is sent for a
	// required one. It has the Go type of canonical values: string, int64
	// (Integer), float64 (Number), bool or []any; nil means that there is none.
	Default any `json:"default,omitempty"`
	// Enum lists the values that Kie accepts, canonical like Default.
	Enum []any `json:"enum,omitempty"`
	// Values maps what a person types to the value that is sent, for instance
	// "1:1" to "square_hd". The values themselves can be typed too.
	Values map[string]any `json:"values,omitempty"`

	Min       *float64 `json:"min,omitempty"`        // smallest number, inclusive
	Max       *float64 `json:"max,omitempty"`        // largest number, inclusive
	MaxLength int      `json:"max_length,omitempty"` // longest text in characters (code points); 0: no limit
	MinItems  int      `json:"min_items,omitempty"`  // fewest elements of a given Array
	MaxItems  int      `json:"max_items,omitempty"`  // most elements of an Array; 0: no limit

	MaxMB  int      `json:"max_mb,omitempty"` // largest file in MB of 10^6 bytes; 0: none is documented
	Accept []string `json:"accept,omitempty"` // media types of the files it takes; empty: none are documented
	// Frames says that a list of images holds the first frame and then the last.
	Frames bool `json:"frames,omitempty"`

	NotWith []string `json:"not_with,omitempty"` // inputs that must not be given together with it
	Needs   string   `json:"needs,omitempty"`    // an input that must be given with it

	// AlsoTypes and AlsoValues are what Kie is known to accept beyond its
	// published schema: Validate lets them pass, nobody is offered them. An
	// AlsoTypes of Array on a text input is a list of such texts.
	AlsoTypes  []Type `json:"also_types,omitempty"`
	AlsoValues []any  `json:"also_values,omitempty"`
}

// Choices returns what a person can type for the input, in the order in which
// to show it: the keys of Values where it has them, else its Enum. It is empty
// when any text or number will do. The slice belongs to the caller.
func (in Input) Choices() []string {
	if len(in.Values) == 0 {
		return in.rawChoices()
	}
	choices := slices.Sorted(maps.Keys(in.Values))
	raw := in.rawChoices()
	slices.SortStableFunc(choices, func(a, b string) int {
		return slices.Index(raw, text(in.Values[a])) - slices.Index(raw, text(in.Values[b]))
	})
	return choices
}

// rawChoices returns the values that Kie accepts, as text.
func (in Input) rawChoices() []string {
	var choices []string
	for _, value := range in.Enum {
		choices = append(choices, text(value))
	}
	return choices
}

func (in Input) clone() Input {
	in.Enum = slices.Clone(in.Enum)
	in.Accept, in.NotWith = slices.Clone(in.Accept), slices.Clone(in.NotWith)
	in.AlsoTypes, in.AlsoValues = slices.Clone(in.AlsoTypes), slices.Clone(in.AlsoValues)
	in.Values = maps.Clone(in.Values)
	in.Min, in.Max = clonePointer(in.Min), clonePointer(in.Max)
	if list, ok := in.Default.([]any); ok {
		in.Default = slices.Clone(list)
	}
	return in
}

func clonePointer(p *float64) *float64 {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Model is one model of Kie: what it wants, what it costs. A Model that a
// Catalog returned is a copy and belongs to the caller.
type Model struct {
	ID          string   `json:"id"`                        // its name; for Jobs models the value of createTask's model field
	Title       string   `json:"title"`                     // name for people
	Kind        Kind     `json:"kind"`                      // what it is used for
	Task        string   `json:"task"`                      // Kie's word for what it does, e.g. text-to-image
	Tasks       []string `json:"tasks,omitempty"`           // everything it does, when that is more than Task
	Output      Output   `json:"output,omitempty"`          // what comes out; never empty in a Catalog
	KindDefault bool     `json:"default_for_kind,omitzero"` // used when a person names no model
	Aliases     []string `json:"aliases,omitempty"`         // other names it answers to
	Family      string   `json:"family,omitempty"`          // models of one family are one model to a person; empty: it is alone

	Status      Status `json:"status,omitempty"`      // whether it can be used; never empty in a Catalog
	Reason      string `json:"reason,omitempty"`      // why its Status is not Current, an English clause
	Replacement string `json:"replacement,omitempty"` // id of the nearest current model, if there is one

	// Endpoint is where to ask for it, in the words of package kie: Jobs, or
	// one of the older endpoints ("veo", "suno", …). Never empty in a Catalog.
	Endpoint string `json:"endpoint,omitempty"`
	// ModelValue stands in the request's model field. Empty: there is no such
	// field. For Jobs it is the ID unless the data says otherwise.
	ModelValue string `json:"model_value,omitempty"`
	Note       string `json:"note,omitempty"` // what is not certain about the entry

	// RequireOneOf lists sets of inputs, of which one must be given whole.
	RequireOneOf [][]string `json:"require_one_of,omitempty"`
	Inputs       []Input    `json:"inputs"` // in the order in which to show them
	Price        Price      `json:"price"`  // what it costs
	Source       string     `json:"source"` // the public page that describes it
}

// Input returns the input of that exact name.
func (m Model) Input(name string) (Input, bool) {
	return m.find(func(in Input) bool { return in.Name == name })
}

// ByOption returns the input that an option fills; false means that this model
// does not have the option.
func (m Model) ByOption(option Option) (Input, bool) {
	return m.find(func(in Input) bool { return in.Option == option && option != "" })
}

func (m Model) find(matches func(Input) bool) (Input, bool) {
	if i := slices.IndexFunc(m.Inputs, matches); i >= 0 {
		return m.Inputs[i], true
	}
	return Input{}, false
}

// Options returns the options that the model has, in the order of its inputs.
// The slice belongs to the caller.
func (m Model) Options() []Option {
	var options []Option
	for _, in := range m.Inputs {
		if in.Option != "" && !slices.Contains(options, in.Option) {
			options = append(options, in.Option)
		}
	}
	return options
}

func (m Model) clone() Model {
	m.Aliases, m.Tasks = slices.Clone(m.Aliases), slices.Clone(m.Tasks)
	m.RequireOneOf = slices.Clone(m.RequireOneOf)
	for i, set := range m.RequireOneOf {
		m.RequireOneOf[i] = slices.Clone(set)
	}
	m.Inputs = slices.Clone(m.Inputs)
	for i := range m.Inputs {
		m.Inputs[i] = m.Inputs[i].clone()
	}
	m.Price = m.Price.clone()
	return m
}
