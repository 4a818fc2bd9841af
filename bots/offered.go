package bots

import (
	"cmp"
	"fmt"
	"slices"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// offered is the catalogue as people see it: without the models that admins
// turned off, and with the ones to use where none is named that they chose. A
// model that is off can still be looked up, since there are jobs that it made.
type offered struct {
	Catalog
	engine *core.Engine
}

// offError says that the model of a name is off.
type offError struct {
	model   catalog.Model
	nearest catalog.Model // that is on; without an id when there is none
}

// Error is for the program alone: people read "problem.off".
func (e *offError) Error() string { return fmt.Sprintf("the model %s is off", e.model.ID) }

// Lookup implements core.Catalog.
func (c offered) Lookup(name string) (catalog.Model, error) {
	m, err := c.Catalog.Lookup(name)
	return c.marked(m), err
}

// marked is the model that knows whether it is used where none is named.
func (c offered) marked(m catalog.Model) catalog.Model {
	if c.engine.ChangesModels() && m.ID != "" {
		m.KindDefault = m.ID == c.defaultFor(m.Kind).ID
	}
	return m
}

// DefaultFor is the model that an admin chose, else the catalogue's, else the
// first that makes something from a prompt alone.
func (c offered) DefaultFor(kind catalog.Kind) catalog.Model {
	m := c.defaultFor(kind)
	m.KindDefault = m.ID != ""
	return m
}

func (c offered) defaultFor(kind catalog.Kind) catalog.Model {
	if id := c.engine.DefaultModel(kind); id != "" {
		if m, err := c.Catalog.Lookup(id); err == nil && m.Kind == kind && c.has(m) && fromWords(m) {
			return m
		}
	}
	m := c.Catalog.DefaultFor(kind)
	if m.ID == "" || c.has(m) {
		return m
	}
	for _, family := range c.Families(kind) {
		for _, id := range family.Models {
			if m, err := c.Catalog.Lookup(id); err == nil && fromWords(m) {
				return m
			}
		}
	}
	return catalog.Model{}
}

// has says whether the model runs and is on.
func (c offered) has(m catalog.Model) bool { return m.Status.Runs() && !c.engine.ModelOff(m) }

// Families lists what is on.
func (c offered) Families(kind ...catalog.Kind) []catalog.Family {
	all := c.Catalog.Families(kind...)
	if !c.engine.ChangesModels() {
		return all
	}
	for i, family := range all {
		off := func(id string) bool { return c.engine.ModelOff(catalog.Model{ID: id, Family: family.Name}) }
		all[i].Models = slices.DeleteFunc(family.Models, off)
	}
	return slices.DeleteFunc(all, func(f catalog.Family) bool { return len(f.Models) == 0 })
}

// Resolve finds the model that a name means; the error is an *offError when
// that is off.
func (c offered) Resolve(name string, options map[catalog.Option]string) (catalog.Model, error) {
	m, err := c.Catalog.Resolve(name, options)
	if err == nil && !c.has(m) {
		return catalog.Model{}, &offError{model: m, nearest: c.nearest(m)}
	}
	return c.marked(m), err
}

// nearest is the model to take in the place of one that is off: of its family
// the first that needs nothing that it does not, else the one of its kind.
func (c offered) nearest(m catalog.Model) catalog.Model {
	for _, family := range c.Families(m.Kind) {
		if family.Name != cmp.Or(m.Family, m.ID) {
			continue
		}
		for _, id := range family.Models {
			if other, err := c.Catalog.Lookup(id); err == nil && needsNoMore(other, m) {
				return other
			}
		}
	}
	return c.DefaultFor(m.Kind)
}

// needsNoMore says whether all that the one model must be given, the other must too.
func needsNoMore(m, than catalog.Model) bool {
	return !slices.ContainsFunc(m.Inputs, func(in catalog.Input) bool {
		return demanded(in) && !slices.ContainsFunc(than.Inputs, func(other catalog.Input) bool { return demanded(other) && other.Option == in.Option })
	})
}
