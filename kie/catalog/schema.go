package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ReadSchema fills Inputs and RequireOneOf from the OpenAPI document that Kie
// keeps for each model (docs.kie.ai "Market", /api/v1/models/ID/schema): the
// properties of the request's input object, or of the request itself where it
// has none, in their order. Alternatives become one list of inputs, of which
// those that all alternatives require are required. It fails when the document
// has no such request.
func (l *Live) ReadSchema(openapi []byte) error {
	document := &document{data: openapi}
	request, err := document.request()
	if err != nil {
		return fmt.Errorf("schema of %s: %w", l.ID, err)
	}
	body := document.flatten(request, 0)
	if i := slices.IndexFunc(body.Properties, func(p property) bool { return p.name == "input" }); i >= 0 {
		body = document.flatten(body.Properties[i].schema, 0)
	}
	l.Inputs, l.RequireOneOf = []Input{}, nil
	for _, p := range body.Properties {
		l.Inputs = append(l.Inputs, document.input(p, slices.Contains(body.Required, p.name)))
	}
	l.RequireOneOf = body.sets()
	return nil
}

// document is an OpenAPI document.
type document struct {
	data  []byte
	steps int // how many schemas have been looked at
}

// How far references and alternatives are followed: circles end, and a document
// made to grow without end does too. Kie's have some dozens of schemas.
const (
	deepest   = 16
	mostSteps = 1000
)

// schema is the part of a JSON Schema that Kie uses.
type schema struct {
	Ref         string     `json:"$ref"`
	Type        jsonType   `json:"type"`
	Properties  properties `json:"properties"`
	Required    []string   `json:"required"`
	Items       *schema    `json:"items"`
	Enum        []any      `json:"enum"`
	Default     any        `json:"default"`
	Minimum     *float64   `json:"minimum"`
	Maximum     *float64   `json:"maximum"`
	MinItems    int        `json:"minItems"`
	MaxItems    int        `json:"maxItems"`
	MaxLength   int        `json:"maxLength"`
	Description string     `json:"description"`
	AllOf       []schema   `json:"allOf"`
	OneOf       []schema   `json:"oneOf"`
	AnyOf       []schema   `json:"anyOf"`

	branches [][]string // what each alternative requires
}

// jsonType is a type, or the first that is not null of several.
type jsonType string

// UnmarshalJSON reads one type or a list of them.
func (t *jsonType) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = jsonType(one)
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return err
	}
	for _, name := range several {
		if name != "null" && *t == "" {
			*t = jsonType(name)
		}
	}
	return nil
}

// properties keeps the order in which they are written.
type properties []property

type property struct {
	name   string
	schema schema
}

// UnmarshalJSON reads an object.
func (p *properties) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return errors.New("properties are no object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var value schema
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		*p = append(*p, property{name.(string), value})
	}
	return nil
}

// request finds the schema of what is posted, that of createTask first.
func (d *document) request() (schema, error) {
	var api struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct {
						Schema *schema `json:"schema"`
					} `json:"content"`
				} `json:"requestBody"`
			} `json:"post"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(d.data, &api); err != nil {
		return schema{}, err
	}
	var found *schema
	best := ""
	for path, item := range api.Paths {
		posted := item.Post.RequestBody.Content["application/json"].Schema
		rank := path
		if strings.HasSuffix(path, "/createTask") {
			rank = " " + path
		}
		if posted != nil && (found == nil || rank < best) {
			found, best = posted, rank
		}
	}
	if found == nil {
		return schema{}, errors.New("it has no request with a JSON body")
	}
	return *found, nil
}

// resolve follows a local reference, "#/components/schemas/Some%20Name".
func (d *document) resolve(s schema, depth int) schema {
	pointer, local := strings.CutPrefix(s.Ref, "#/")
	if !local || depth > deepest {
		return s
	}
	data := d.data
	for part := range strings.SplitSeq(pointer, "/") {
		if unescaped, err := url.PathUnescape(part); err == nil {
			part = unescaped
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil {
			return s
		}
		data = object[part]
	}
	var target schema
	if json.Unmarshal(data, &target) != nil {
		return s
	}
	return d.resolve(target, depth+1)
}

// flatten joins what a schema is made of.
func (d *document) flatten(s schema, depth int) schema {
	if d.steps++; depth > deepest || d.steps > mostSteps {
		return schema{}
	}
	s = d.resolve(s, depth)
	for _, part := range s.AllOf {
		part = d.flatten(part, depth+1)
		s.add(part.Properties)
		s.Required = append(s.Required, part.Required...)
		s.branches = append(s.branches, part.branches...)
	}
	for _, branch := range slices.Concat(s.OneOf, s.AnyOf) {
		branch = d.flatten(branch, depth+1)
		s.add(branch.Properties)
		s.branches = append(s.branches, branch.Required)
	}
	return s
}

// add takes over properties that are not there yet.
func (s *schema) add(more properties) {
	for _, p := range more {
		if !slices.ContainsFunc(s.Properties, func(own property) bool { return own.name == p.name }) {
			s.Properties = append(s.Properties, p)
		}
	}
}

// sets returns what each alternative requires beyond the rest; nothing when
// one of them requires no more.
func (s schema) sets() [][]string {
	var sets [][]string
	for _, branch := range s.branches {
		set := without(branch, s.Required)
		for i, name := range set {
			set[i] = strings.TrimSpace(name)
		}
		if len(set) == 0 {
			return nil
		}
		sets = append(sets, set)
	}
	return sets
}

// input turns a property into an input.
func (d *document) input(p property, required bool) Input {
	s := d.flatten(p.schema, 0)
	in := Input{
		Name: p.name, Type: Type(s.Type), Required: required, Description: s.Description, Default: s.Default, Enum: s.Enum,
		Min: s.Minimum, Max: s.Maximum, MinItems: s.MinItems, MaxItems: s.MaxItems, MaxLength: s.MaxLength,
	}
	for _, choice := range slices.Concat(s.OneOf, s.AnyOf) {
		choice = d.flatten(choice, 1)
		in.Type = cmp.Or(in.Type, Type(choice.Type))
		in.Enum = append(in.Enum, choice.Enum...)
	}
	if s.Items != nil {
		in.Items = string(d.flatten(*s.Items, 0).Type)
	}
	return in
}
