package main

import (
	"slices"
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
	m := catalog.Model{
		ID: l.ID, Title: l.ID, Kind: l.kind(), Task: l.Task, Tasks: l.Tasks, Output: catalog.Output(l.Output),
		Status: catalog.Status(l.Status), Endpoint: endpoint(l.Endpoint), ModelValue: l.ModelValue, Note: l.Caution,
		RequireOneOf: l.RequireOneOf, Source: l.Source, Price: catalog.Price{Note: l.CreditNote},
	}
	if m.Task == "tts" {
		m.Task = "text-to-speech"
	}
	if m.Status != catalog.Current {
		m.Reason = "Kie lists it as " + l.Status
	}
	if m.Source == "" {
		m.Source = "https://docs.kie.ai/"
	}
	for _, f := range l.Inputs {
		// The callback address is no input: the client sets it. So is the model
		// of an endpoint whose entries differ in nothing else.
		if f.Name == "callBackUrl" || f.Name == "model" && m.Endpoint != catalog.Jobs && m.Endpoint != "veo-extend" {
			if value, ok := f.Default.(string); ok {
				m.ModelValue = value
			}
			continue
		}
		m.Inputs = append(m.Inputs, l.input(f, m))
	}
	return m
}

// input makes one input of m.
func (l listed) input(f field, m catalog.Model) catalog.Input {
	in := catalog.Input{
		Name: f.Name, Type: catalog.Type(f.Type), Items: f.Items, Required: f.Required, Description: f.Description,
		Default: f.Default, Enum: f.Enum, Min: f.Min, Max: f.Max, MaxLength: f.MaxLength,
		MinItems: f.MinItems, MaxItems: f.MaxItems, MaxMB: f.MaxMB,
	}
	if f.Media != "" && f.Media != "task" && f.Type != "array" || f.Items == "string" {
		in.Media = f.Media
	}
	if in.Media == "mask" {
		in.Media = "image"
	}
	for _, accept := range f.Accept {
		in.Accept = append(in.Accept, strings.TrimSuffix(accept, "."))
	}
	if in.Name == "n_frames" || in.Name == "duration" && in.Type == catalog.Number {
		in.Type = wholeType(f)
	}
	in.Option = option(f, in, l.Inputs)
	if in.Option == catalog.AspectRatio && slices.Contains(in.Enum, any("square_hd")) {
		in.Values = sizes(in.Enum)
	}
	if in.Option == catalog.AspectRatio && slices.Contains(in.Enum, any("landscape")) {
		in.Values = map[string]any{"16:9": "landscape", "9:16": "portrait"}
	}
	return in
}

// wholeType keeps a text a text and makes a number of seconds a whole one.
func wholeType(f field) catalog.Type {
	if f.Type == "string" {
		return catalog.String
	}
	return catalog.Integer
}

// option finds the option that fills a field, by its name and what stands
// beside it.
func option(f field, in catalog.Input, beside []field) catalog.Option {
	has := func(name string) bool {
		return slices.ContainsFunc(beside, func(other field) bool { return other.Name == name })
	}
	if in.Media != "" || f.Media == "task" {
		return fileOption(f, in, has)
	}
	switch f.Name {
	case "prompt", "text":
		return catalog.Prompt
	case "negative_prompt":
		return catalog.NegativePrompt
	case "aspect_ratio", "aspectRatio", "ratio":
		return catalog.AspectRatio
	case "image_size":
		if !has("aspect_ratio") {
			return catalog.AspectRatio
		}
	case "resolution", "image_resolution", "output_resolution":
		return catalog.Resolution
	case "quality":
		if strings.HasSuffix(firstText(f.Enum), "0p") {
			return catalog.Resolution
		}
	case "duration", "n_frames", "duration_seconds":
		return catalog.Duration
	case "num_images", "max_images", "n":
		return catalog.Count
	case "seed", "seeds":
		return catalog.Seed
	case "voice":
		return catalog.Voice
	}
	return ""
}

func firstText(enum []any) string {
	if len(enum) == 0 {
		return ""
	}
	text, _ := enum[0].(string)
	return text
}

// fileOption tells frames, masks and plain files apart.
func fileOption(f field, in catalog.Input, has func(string) bool) catalog.Option {
	switch {
	case f.Media == "task":
		return catalog.EarlierTask
	case f.Media == "mask":
		return catalog.MaskFile
	case in.Media == "audio":
		return catalog.AudioFile
	case in.Media == "video":
		return catalog.VideoFile
	case in.Media != "image":
		return ""
	case strings.HasPrefix(f.Name, "last_frame"), f.Name == "tail_image_url", f.Name == "end_image_url":
		return catalog.LastFrame
	case strings.HasPrefix(f.Name, "first_frame"), f.Name == "image_url" && (has("tail_image_url") || has("end_image_url")):
		return catalog.FirstFrame
	}
	return catalog.ImageFile
}

// sizes lets people type ratios where sizes have names.
func sizes(enum []any) map[string]any {
	all := map[string]any{
		"1:1": "square_hd", "3:4": "portrait_4_3", "9:16": "portrait_16_9", "4:3": "landscape_4_3", "16:9": "landscape_16_9",
		"2:3": "portrait_3_2", "3:2": "landscape_3_2", "21:9": "landscape_21_9",
	}
	for ratio, size := range all {
		if !slices.Contains(enum, size) {
			delete(all, ratio)
		}
	}
	return all
}
