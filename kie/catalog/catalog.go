// Package catalog is Kie's models as data: what each model is called, which
// inputs it wants, what it costs.
//
// The data is image.json, video.json and sound.json, embedded in the program:
// facts of Kie's public documentation (docs.kie.ai) and prices (kie.ai/pricing)
// of October 2026, in the form that Write gives them. Their fields are those of
// Model, Input and Price; to add a model, add an entry, and lines for its
// prices to testdata/prices.txt. Where an entry is stricter than Kie, by a
// required input, a default or a choice left out, it is mostly because the
// price depends on it. Nothing here talks to Kie.
//
// From a person's words to a request: Catalog.Resolve, Model.Build,
// Model.Estimate. From a raw input object: Catalog.Lookup, Model.Complete,
// Model.Validate, Model.Estimate. Where a price depends on how long a file is,
// Model.Unmeasured names the files and Model.EstimateFor takes their lengths.
// An operator's own entries and prices come with Overlay and File; Diff
// compares with what Kie lists now, a list of Live.
// A Catalog never changes after it was made, so it can be used from many
// goroutines; whatever it returns is a copy that belongs to the caller.
package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Catalog is a set of models. The zero value is empty.
type Catalog struct {
	entries  []*entry            // by kind, each kind's default first, else in the file's order
	byName   map[string]int      // folded ids and aliases to indexes of entries
	byFamily map[string][]*entry // those that have one, in the order of entries
	names    []string            // ids and aliases as written, for suggestions
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
	if err := decode(data, &file); err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	var wrong []error
	entries := make([]*entry, len(file.Models))
	for i := range file.Models {
		wrong = append(wrong, file.Models[i].prepare()...)
		entries[i] = &entry{head: file.Models[i]}
	}
	c, more := assemble(entries)
	if err := errors.Join(append(wrong, more...)...); err != nil {
		return nil, fmt.Errorf("checking the catalogue: %w", err)
	}
	return c, nil
}

// decode reads one JSON value strictly; its errors name the line.
func decode(data []byte, into any) error {
	decoder := strict(data)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("line %d: %w", line(data, decoder.InputOffset(), err), err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more after its end")
	}
	return nil
}

// strict keeps numbers as they are written and takes no unknown fields.
func strict(data []byte) *json.Decoder {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	return decoder
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

// assemble orders entries and indexes their names.
func assemble(entries []*entry) (*Catalog, []error) {
	rank := func(m Model) int {
		if m.KindDefault {
			return 2 * slices.Index(Kinds(), m.Kind)
		}
		return 2*slices.Index(Kinds(), m.Kind) + 1
	}
	slices.SortStableFunc(entries, func(a, b *entry) int { return rank(a.head) - rank(b.head) })
	c := &Catalog{entries: entries, byName: make(map[string]int, 3*len(entries)), byFamily: map[string][]*entry{}}
	var wrong []error
	for i, e := range entries {
		wrong = append(wrong, c.index(i, e.head)...)
		if family := e.head.Family; family != "" {
			c.byFamily[family] = append(c.byFamily[family], e)
		}
	}
	wrong = append(append(wrong, c.checkDefaults()...), c.checkReplacements()...)
	c.checkFamilies(func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) })
	return c, wrong
}

// index registers the names of one model.
func (c *Catalog) index(i int, m Model) []error {
	var wrong []error
	for _, name := range append([]string{m.ID}, m.Aliases...) {
		if other, taken := c.byName[fold(name)]; taken {
			wrong = append(wrong, fmt.Errorf("model %q: the name %q belongs to %q already", m.ID, name, c.entries[other].head.ID))
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

// Models returns the models of the given kinds, or of all, that a prompt alone
// runs: current ones with a known price. Images come first, then videos, music
// and speech, each kind with its default first. The order is the same each time.
func (c *Catalog) Models(kind ...Kind) []Model {
	return c.pick(kind, (*entry).runsFromPrompt)
}

// All returns every model of the given kinds, or of all kinds, whatever it
// needs and whether it can be used or not, in the order of Models.
func (c *Catalog) All(kind ...Kind) []Model {
	return c.pick(kind, func(*entry) bool { return true })
}

func (c *Catalog) pick(kind []Kind, wanted func(*entry) bool) []Model {
	var models []Model
	for _, e := range c.entries {
		if (len(kind) == 0 || slices.Contains(kind, e.head.Kind)) && wanted(e) {
			models = append(models, e.model().clone())
		}
	}
	return models
}

// Lookup finds a model by its id or an alias, whatever its status; case, and
// whether words are joined by blanks, hyphens or underscores, does not matter.
// The error is an *UnknownModelError.
func (c *Catalog) Lookup(name string) (Model, error) {
	if i, ok := c.byName[fold(name)]; ok {
		return c.entries[i].model().clone(), nil
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
	for _, e := range c.entries {
		if e.head.Kind == kind && e.head.KindDefault {
			return e.model().clone()
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
