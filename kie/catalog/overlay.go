package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Overlay returns a catalogue with an operator's own entries on top of base,
// which stays as it is. The file has the form that Parse reads, but an entry
// whose id base knows needs only the fields that change: inputs are merged by
// name, every other field is replaced, so a price is given whole. Setting the
// status of a model to current makes it usable again. An entry that is
// default_for_kind takes that from the one in base. A new model's title and
// source may be missing.
//
// The error names everything that is wrong. It reads r to the end.
func Overlay(base *Catalog, r io.Reader) (*Catalog, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue file: %w", err)
	}
	var file struct {
		Models []json.RawMessage `json:"models"`
	}
	if err := decode(data, &file); err != nil {
		return nil, fmt.Errorf("reading the catalogue file: %w", err)
	}
	o := overlay{base: base, changed: map[string]*entry{}, marked: map[Kind]string{}}
	for i, raw := range file.Models {
		o.add(i, raw)
	}
	c, wrong := assemble(o.entries())
	if err := errors.Join(append(o.wrong, wrong...)...); err != nil {
		return nil, fmt.Errorf("checking the catalogue file: %w", err)
	}
	return c, nil
}

// overlay gathers the entries of a file.
type overlay struct {
	base    *Catalog
	changed map[string]*entry // by id
	order   []string
	marked  map[Kind]string // id of an entry of the file that says it is its kind's default
	wrong   []error
}

// add merges the file's entry of that index.
func (o *overlay) add(i int, raw json.RawMessage) {
	var fields map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields["id"], &id) != nil || id == "" {
		o.wrong = append(o.wrong, fmt.Errorf("entry %d: it must be an object with an id", i+1))
		return
	}
	if o.changed[id] != nil {
		o.wrong = append(o.wrong, fmt.Errorf("model %q: it is there twice", id))
		return
	}
	m, wrong := merge(o.start(id), fields)
	if len(wrong) == 0 {
		wrong = m.prepare()
	}
	for _, err := range wrong {
		if !slices.ContainsFunc(o.wrong, func(other error) bool { return other.Error() == err.Error() }) {
			o.wrong = append(o.wrong, err)
		}
	}
	if fields["default_for_kind"] != nil && m.KindDefault {
		o.marked[m.Kind] = id
	}
	o.changed[id] = &entry{head: m}
	o.order = append(o.order, id)
}

// start is what the fields of an entry are put on.
func (o *overlay) start(id string) Model {
	for _, e := range o.base.entries {
		if e.head.ID == id {
			return e.model().clone()
		}
	}
	return Model{ID: id, Title: id, Source: "https://docs.kie.ai/"}
}

// merge puts the fields of an entry on a model, which it changes.
func merge(m Model, fields map[string]json.RawMessage) (Model, []error) {
	report := func(err error) []error { return []error{fmt.Errorf("model %q: %w", m.ID, err)} }
	inputs := fields["inputs"]
	fields = maps.Clone(fields)
	delete(fields, "inputs")
	if fields["price"] != nil {
		m.Price = Price{}
	}
	if fields["status"] != nil && fields["reason"] == nil {
		m.Reason, m.Replacement = "", ""
	}
	if err := over(&m, fields); err != nil {
		return m, report(err)
	}
	if inputs == nil {
		return m, nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(inputs, &list); err != nil {
		return m, report(fmt.Errorf("inputs: %w", err))
	}
	var wrong []error
	for _, raw := range list {
		if err := m.mergeInput(raw); err != nil {
			wrong = append(wrong, report(err)...)
		}
	}
	return m, wrong
}

// mergeInput changes the input of that name, or adds it.
func (m *Model) mergeInput(fields map[string]json.RawMessage) error {
	var name string
	if err := json.Unmarshal(fields["name"], &name); err != nil || name == "" {
		return errors.New("inputs: one has no name")
	}
	i := slices.IndexFunc(m.Inputs, func(in Input) bool { return in.Name == name })
	if i < 0 {
		m.Inputs = append(m.Inputs, Input{})
		i = len(m.Inputs) - 1
	}
	if fields["values"] != nil {
		m.Inputs[i].Values = nil // or the old ones would stay
	}
	if err := over(&m.Inputs[i], fields); err != nil {
		return fmt.Errorf("input %s: %w", name, err)
	}
	return nil
}

// over decodes fields into what has other fields already.
func over(into any, fields map[string]json.RawMessage) error {
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	var syntax *json.UnmarshalTypeError
	if err := strict(data).Decode(into); errors.As(err, &syntax) {
		return fmt.Errorf("%s cannot be a JSON %s", syntax.Field, syntax.Value)
	} else if err != nil {
		return err
	}
	return nil
}

// entries returns the entries of base, changed where the file says so, then
// the new ones.
func (o *overlay) entries() []*entry {
	var entries []*entry
	known := map[string]bool{}
	for _, e := range o.base.entries {
		id := e.head.ID
		known[id] = true
		if o.changed[id] != nil {
			e = o.changed[id]
		}
		if other := o.marked[e.head.Kind]; e.head.KindDefault && other != "" && other != id {
			m := e.model().clone()
			m.KindDefault = false
			e = &entry{head: m}
		}
		entries = append(entries, e)
	}
	for _, id := range o.order {
		if !known[id] {
			entries = append(entries, o.changed[id])
		}
	}
	return entries
}

// File is an operator's catalogue file, an Overlay that is read again when it
// changes. It starts no goroutine: somebody calls Reload now and then. Its
// methods can be called from many goroutines.
type File struct {
	path    string
	base    *Catalog
	mu      sync.Mutex
	seen    stamp
	current atomic.Pointer[Catalog]
}

// stamp is what tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
	failure  string
}

// NewFile returns a file that has not been read yet: until Reload does, its
// catalogue is base.
func NewFile(path string, base *Catalog) *File {
	f := &File{path: path, base: base}
	f.current.Store(base)
	return f
}

// Catalog returns the catalogue of the last good version of the file.
func (f *File) Catalog() *Catalog { return f.current.Load() }

// Reload reads the file if its time or size has changed since the last call,
// and says whether there is another catalogue now. A version that cannot be
// read or is wrong is reported once and changes nothing: the last good one
// stays. It blocks for the reading.
func (f *File) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := look(f.path)
	if now == f.seen {
		return false, nil
	}
	f.seen = now
	if err != nil {
		return false, fmt.Errorf("reading the catalogue file: %w", err)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return false, fmt.Errorf("reading the catalogue file: %w", err)
	}
	defer file.Close()
	next, err := Overlay(f.base, file)
	if err != nil {
		return false, err
	}
	f.current.Store(next)
	return true, nil
}

func look(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{failure: err.Error()}, err
	}
	return stamp{modified: info.ModTime(), size: info.Size()}, nil
}
