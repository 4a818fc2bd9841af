// Package catalog is Kie's models as data: what each model is called, which
// inputs it wants, what it costs.
//
// The data is models.json, embedded in the program: facts of Kie's public
// documentation (docs.kie.ai) and prices (kie.ai/pricing) of October 2026. Its
// fields are those of Model, Input and Price; to add a model, add an entry and
// its prices to the table of the tests. Where it is stricter than Kie, by a
// required input or a default, the price depends on it. Nothing here talks to
// Kie.
//
// From a person's words to a request: Catalog.Lookup, Model.Build,
// Model.Estimate. From a raw input object: Model.Complete, Model.Validate,
// Model.Estimate. A Catalog never changes after it was parsed, so it can be used from
// many goroutines; whatever it returns is a copy that belongs to the caller.
package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed models.json
var embedded string

// Catalog is a set of models. The zero value is empty.
type Catalog struct {
	models []Model        // by kind, each kind's default first, else in the file's order
	byName map[string]int // folded ids and aliases to indexes of models
	names  []string       // ids and aliases as written, for suggestions
}

// Default parses the embedded data. It takes some milliseconds: call it once.
func Default() (*Catalog, error) {
	return Parse(strings.NewReader(embedded))
}

// Parse reads a catalogue from JSON, one object {"models": [...]}, and checks
// it: names must be unique, defaults must fit their own inputs, and every
// combination of priced choices must have a price. The error names everything
// that is wrong. It reads r to the end.
func Parse(r io.Reader) (*Catalog, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	var file struct {
		Models []Model `json:"models"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("reading the catalogue: line %d: %w", line(data, decoder.InputOffset(), err), err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("reading the catalogue: there is more after its end")
	}
	return assemble(file.Models)
}

// line finds where decoding stopped; the decoder's own offset is only precise
// for some errors.
func line(data []byte, offset int64, err error) int {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &wrong):
		offset = wrong.Offset
	}
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// assemble checks and orders models and indexes their names.
func assemble(models []Model) (*Catalog, error) {
	var wrong []error
	for i := range models {
		wrong = append(wrong, models[i].prepare()...)
	}
	rank := func(m Model) int {
		if m.KindDefault {
			return 2 * slices.Index(kinds(), m.Kind)
		}
		return 2*slices.Index(kinds(), m.Kind) + 1
	}
	slices.SortStableFunc(models, func(a, b Model) int { return rank(a) - rank(b) })
	c := &Catalog{models: models, byName: make(map[string]int)}
	for i, m := range models {
		wrong = append(wrong, c.index(i, m)...)
	}
	wrong = append(wrong, c.checkDefaults()...)
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("checking the catalogue: %w", err)
	}
	return c, nil
}

// index registers the names of one model.
func (c *Catalog) index(i int, m Model) []error {
	var wrong []error
	for _, name := range append([]string{m.ID}, m.Aliases...) {
		if other, taken := c.byName[fold(name)]; taken {
			wrong = append(wrong, fmt.Errorf("model %q: the name %q belongs to %q already", m.ID, name, c.models[other].ID))
			continue
		}
		c.byName[fold(name)] = i
		c.names = append(c.names, name)
	}
	return wrong
}

// fold makes names that differ in case, blanks or underscores the same.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' {
			return '-'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(name)))
}

// Models returns the models of the given kinds, or all: images, videos, music,
// speech, each kind with its default first. The order is the same each time.
func (c *Catalog) Models(kind ...Kind) []Model {
	var models []Model
	for _, m := range c.models {
		if len(kind) == 0 || slices.Contains(kind, m.Kind) {
			models = append(models, m.clone())
		}
	}
	return models
}

// Lookup finds a model by its id or an alias; case, and whether words are
// joined by blanks, hyphens or underscores, does not matter. The error is an
// *UnknownModelError.
func (c *Catalog) Lookup(name string) (Model, error) {
	if i, ok := c.byName[fold(name)]; ok {
		return c.models[i].clone(), nil
	}
	return Model{}, &UnknownModelError{Name: name, Nearest: c.nearest(fold(name))}
}

// nearest suggests up to three names of different models.
func (c *Catalog) nearest(name string) []string {
	const most = 3
	var nearest []string
	var models []int
	for _, candidate := range Nearest(name, c.names, len(c.names)) {
		i := c.byName[fold(candidate)]
		if len(nearest) < most && !slices.Contains(models, i) {
			nearest, models = append(nearest, candidate), append(models, i)
		}
	}
	return nearest
}

// DefaultFor returns the model to use when a person names none. It is the zero
// Model when the catalogue has no model of that kind.
func (c *Catalog) DefaultFor(kind Kind) Model {
	for _, m := range c.models {
		if m.Kind == kind && m.KindDefault {
			return m.clone()
		}
	}
	return Model{}
}

// UnknownModelError says that no model has a name.
type UnknownModelError struct {
	Name    string   // as it was typed
	Nearest []string // up to three names of different models, best first
}

// Error is one English sentence with the nearest names.
func (e *UnknownModelError) Error() string {
	message := "there is no model " + quoted(e.Name)
	if len(e.Nearest) > 0 {
		message += "; nearest: " + strings.Join(e.Nearest, ", ")
	}
	return message
}
