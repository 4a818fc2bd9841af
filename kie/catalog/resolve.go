package catalog

import (
	"slices"
	"strings"
)

// Resolve finds the model to run for a name and what is given with it: the
// same options that Build takes. A name stands for its whole family, and the
// files decide which model of it runs: with an image "flux" edits that image,
// without one it draws. The model's own id is preferred when it can use what is
// given. Nothing needs to fit in the end; Build says what is missing.
//
// The error is an *UnknownModelError, or a *RetiredModelError when Kie has the
// model no more.
func (c *Catalog) Resolve(name string, options map[Option]string) (Model, error) {
	i, ok := c.byName[fold(name)]
	if !ok {
		return Model{}, &UnknownModelError{Name: name, Nearest: c.nearest(fold(name))}
	}
	named := c.entries[i]
	m := named.model()
	if fold(m.ID) != fold(name) || m.misfit(options) > 0 {
		m = c.bestOf(named, options)
	}
	if !m.Status.Runs() {
		return Model{}, &RetiredModelError{
			Name: name, ID: m.ID, Title: m.Title, Status: m.Status, Reason: m.Reason, Replacement: m.Replacement,
		}
	}
	return m.clone(), nil
}

// bestOf returns the model of a family that fits best; of equals the named
// one, then the first in the data.
func (c *Catalog) bestOf(named *entry, options map[Option]string) *Model {
	best := named.model()
	least := best.misfit(options)
	for _, e := range c.byFamily[named.head.Family] {
		if e == named || e.head.Status.Runs() != named.head.Status.Runs() {
			continue
		}
		if misfit := e.model().misfit(options); misfit < least {
			best, least = e.model(), misfit
		}
	}
	return best
}

// misfit counts the files that the model has no use for, and the files it
// needs and does not get.
func (m *Model) misfit(options map[Option]string) int {
	left := gather(options)
	placed := m.place(left)
	misfit := 0
	for _, files := range left {
		misfit += len(files)
	}
	given := func(name string) bool { return len(placed[name]) > 0 }
	for _, in := range m.Inputs {
		switch {
		case in.Required && in.Media != "" && !given(in.Name):
			misfit++
		case in.MaxItems > 0 && len(placed[in.Name]) > in.MaxItems:
			misfit += len(placed[in.Name]) - in.MaxItems
		case given(in.Name) && slices.ContainsFunc(in.NotWith, given):
			misfit++
		}
	}
	if len(m.RequireOneOf) > 0 && !slices.ContainsFunc(m.RequireOneOf, func(set []string) bool { return m.possible(set, given) }) {
		misfit++
	}
	return misfit
}

// possible says whether the files of a set of inputs are there; the rest of it
// a person may still type.
func (m *Model) possible(set []string, given func(string) bool) bool {
	return !slices.ContainsFunc(set, func(name string) bool {
		in, _ := m.Input(name)
		return (in.Media != "" || in.Option == EarlierTask) && !given(name)
	})
}

// Family is a group of models that a person sees as one, or a model that is
// alone.
type Family struct {
	Name   string // a name that Resolve takes
	Title  string // name for people
	Kind   Kind
	Models []string // ids, the one for a prompt alone first
}

// Families returns the families of the given kinds, or of all, that have a
// current model, in the order of Models. Each holds the current ones only.
func (c *Catalog) Families(kind ...Kind) []Family {
	var families []Family
	at := map[string]int{}
	for _, e := range c.entries {
		m := e.head
		if m.Status != Current || len(kind) > 0 && !slices.Contains(kind, m.Kind) {
			continue
		}
		if i, seen := at[m.Family]; seen && m.Family != "" {
			families[i].Models = append(families[i].Models, m.ID)
			continue
		}
		at[m.Family] = len(families)
		name := m.Family
		if name == "" {
			name = m.ID
		}
		families = append(families, Family{Name: name, Title: m.Title, Kind: m.Kind, Models: []string{m.ID}})
	}
	return families
}

// checkFamilies makes sure that the name of a family leads into it, and that
// it is of one kind.
func (c *Catalog) checkFamilies(report func(format string, args ...any)) {
	first := map[string]Model{}
	for _, e := range c.entries {
		m := e.head
		if m.Family == "" {
			continue
		}
		i, known := c.byName[fold(m.Family)]
		if !known || c.entries[i].head.Family != m.Family {
			report("model %q: the family %q is no name of one of its models", m.ID, m.Family)
		}
		if other, seen := first[m.Family]; seen && other.Kind != m.Kind {
			report("model %q: %q of the same family is of another kind", m.ID, other.ID)
		} else if !seen {
			first[m.Family] = m
		}
	}
}

// Search returns the models of the given kinds, or of all, whose ids, aliases,
// titles, tasks or families go with the words of text, best first: those that
// begin with it, then those that contain it, then those that are spelt alike.
// Models that run come before those that do not. An empty text finds all.
func (c *Catalog) Search(text string, kind ...Kind) []Model {
	type match struct {
		entry *entry
		rank  int
	}
	var found []match
	for _, e := range c.entries {
		if len(kind) > 0 && !slices.Contains(kind, e.head.Kind) {
			continue
		}
		if rank, near := e.head.rank(fold(text)); near {
			if !e.head.Status.Runs() {
				rank += 1000
			}
			found = append(found, match{e, rank})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.rank - b.rank })
	models := make([]Model, len(found))
	for i, m := range found {
		models[i] = m.entry.model().clone()
	}
	return models
}

// rank is how well a model goes with a folded text; smaller is better.
func (m *Model) rank(text string) (rank int, near bool) {
	if text == "" {
		return 0, true
	}
	const secondary = 50 // a task or a family says less than a name
	best := -1
	try := func(name string, more int) {
		if rank, ok := closeness(text, fold(name)); ok && (best < 0 || rank+more < best) {
			best = rank + more
		}
	}
	try(m.ID, 0)
	try(m.Title, 0)
	for _, alias := range m.Aliases {
		try(alias, 0)
	}
	if text := strings.TrimSpace(text); len(text) >= enough {
		for _, task := range append([]string{m.Task, m.Family}, m.Tasks...) {
			if strings.Contains(fold(task), text) {
				try(task, secondary)
			}
		}
	}
	return best, best >= 0
}
