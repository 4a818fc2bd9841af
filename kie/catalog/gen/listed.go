package main

import (
	"strings"

	"kiebot/kie/catalog"
)

// listed is one model as the list has it.
type listed struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	Task         string     `json:"task"`
	Tasks        []string   `json:"tasks"`
	Endpoint     string     `json:"endpoint"`
	ModelValue   string     `json:"modelValue"`
	Inputs       []field    `json:"inputs"`
	RequireOneOf [][]string `json:"requireOneOf"`
	Output       string     `json:"output"`
	CreditNote   string     `json:"creditNote"`
	Status       string     `json:"status"`
	Caution      string     `json:"caution"`
	Source       string     `json:"source"`
}

// field is one input of a listed model.
type field struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Items       string   `json:"items"`
	Required    bool     `json:"required"`
	Default     any      `json:"default"`
	Enum        []any    `json:"enum"`
	Min         *float64 `json:"min"`
	Max         *float64 `json:"max"`
	MinItems    int      `json:"minItems"`
	MaxItems    int      `json:"maxItems"`
	MaxLength   int      `json:"maxLength"`
	Media       string   `json:"media"`
	MaxMB       int      `json:"maxMB"`
	Accept      []string `json:"accept"`
	Description string   `json:"description"`
}

// file says where the model belongs; chat models belong nowhere.
func (l listed) file() string {
	switch l.Kind {
	case "image", "video":
		return l.Kind + ".json"
	case "music", "audio":
		return "sound.json"
	}
	return ""
}

func (l listed) kind() catalog.Kind {
	switch {
	case l.Kind == "audio" && l.Task == "sound-effect":
		return catalog.Music
	case l.Kind == "audio":
		return catalog.Speech
	}
	return catalog.Kind(l.Kind)
}

// endpoint maps a path to the name that package kie has for it.
func endpoint(path string) string {
	short := map[string]string{
		"/api/v1/veo/generate": "veo", "/api/v1/veo/extend": "veo-extend", "/api/v1/runway/generate": "runway",
		"/api/v1/aleph/generate": "aleph", "/api/v1/gpt4o-image/generate": "4o-image",
		"/api/v1/flux/kontext/generate": "flux-kontext", "/api/v1/generate": "suno",
		"/api/v1/mj/generate": "midjourney", "/api/v1/modify/generate": "luma-modify",
		"/api/v1/omni/audio/create": "omni-audio", "/api/v1/omni/character/create": "omni-character",
	}
	if name, ok := short[path]; ok {
		return name
	}
	return path
}

// model makes an entry: everything but what only a person can say.
func (l listed) model() catalog.Model {
	live := catalog.Live{ID: l.ID, Kind: l.kind(), Task: l.Task, PriceText: l.CreditNote}
	for _, f := range l.Inputs {
		// What a client sends by itself is no input: the model, where the
		// entries of an endpoint differ in nothing else.
		if value, _ := f.Default.(string); f.Name == "model" && l.Endpoint != catalog.Jobs && (value == l.ID || value == l.ModelValue) {
			l.ModelValue = value
			continue
		}
		live.Inputs = append(live.Inputs, f.input())
	}
	m := live.Model()
	m.Tasks, m.Output, m.Status, m.Endpoint = l.Tasks, catalog.Output(l.Output), catalog.Status(l.Status), endpoint(l.Endpoint)
	m.ModelValue, m.Note, m.RequireOneOf = l.ModelValue, l.Caution, l.RequireOneOf
	if m.Task == "tts" {
		m.Task = "text-to-speech"
	}
	if m.Status != catalog.Current {
		m.Reason = "Kie lists it as " + l.Status
	}
	if l.Source != "" {
		m.Source = l.Source
	}
	return m
}

// input makes an input as Kie describes it.
func (f field) input() catalog.Input {
	in := catalog.Input{
		Name: f.Name, Type: catalog.Type(f.Type), Items: f.Items, Required: f.Required, Description: f.Description,
		Default: f.Default, Enum: f.Enum, Min: f.Min, Max: f.Max, MaxLength: f.MaxLength,
		MinItems: f.MinItems, MaxItems: f.MaxItems, MaxMB: f.MaxMB,
	}
	// Ids of tasks, and lists of objects that hold URLs, are no files.
	if f.Media != "task" && (f.Type == "string" || f.Items == "string") {
		in.Media = strings.Replace(f.Media, "mask", "image", 1)
	}
	for _, accept := range f.Accept {
		in.Accept = append(in.Accept, strings.TrimSuffix(accept, "."))
	}
	// Seconds are whole where they are numbers.
	if in.Name == "duration" && in.Type == catalog.Number {
		in.Type = catalog.Integer
	}
	return in
}
