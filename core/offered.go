package core

import (
	"cmp"
	"context"
	"slices"

	"kiebot/kie/catalog"
)

// Admins turn models off and on again and choose the one of each kind that is
// used where none is named. It applies to what is accepted afterwards: what was
// accepted before goes on.

const (
	// ReasonOff refuses a model that an admin turned off; Refusal.Model.
	ReasonOff Reason = "model_off"
	// ReasonNoDefault refuses to use a model where none is named: it is of
	// another kind, does not run, or needs more than a prompt; Refusal.Model.
	ReasonNoDefault Reason = "no_default"
)

// ModelOff reports whether an admin has turned the model off, by the rules that
// were read last: whatever is asked about a person reads them.
func (e *Engine) ModelOff(m catalog.Model) bool { return isOff(e.rules().Off, m) }

// DefaultModel is the model that an admin chose for the kind, by catalogue id
// and the rules that were read last; empty when none did.
func (e *Engine) DefaultModel(kind catalog.Kind) string { return e.rules().Defaults[kind] }

// ChangesModels reports whether ModelOff or DefaultModel have anything to say.
func (e *Engine) ChangesModels() bool {
	rules := e.rules()
	return len(rules.Off)+len(rules.Defaults) > 0
}

// rules is the policy that was read last.
func (e *Engine) rules() Policy {
	if known := e.decoded.Load(); known != nil {
		return known.policy
	}
	return e.cfg.Policy
}

// recallRules reads the policy.
func (e *Engine) recallRules(ctx context.Context) error {
	return e.store.View(ctx, func(tx Tx) error {
		_, err := e.policy(tx)
		return err
	})
}

// isOff reports whether the model, or its family, is on the list.
func isOff(off []string, m catalog.Model) bool {
	return slices.Contains(off, m.ID) || slices.Contains(off, cmp.Or(m.Family, m.ID))
}

// on refuses a model that is off, everywhere or in the place. One that the
// catalogue does not have is refused elsewhere.
func (e *Engine) on(a asked, model string) error {
	if len(a.policy.Off)+len(a.place.Rules.Off) == 0 {
		return nil
	}
	m, err := e.cfg.Catalog.Lookup(model)
	switch {
	case err != nil:
		return nil
	case isOff(a.policy.Off, m):
		return &Refusal{Reason: ReasonOff, Model: m.ID}
	case isOff(a.place.Rules.Off, m):
		return &Refusal{Reason: ReasonPlaceModel}
	}
	return nil
}

// checkModels refuses what is new in the rules about models and cannot be, and
// puts the catalogue's ids for other names.
func (e *Engine) checkModels(set *Policy, was Policy) error {
	for i, name := range set.Off {
		if slices.Contains(was.Off, name) {
			continue // also of a model that the catalogue has no more
		}
		m, err := e.cfg.Catalog.Lookup(name)
		if err != nil {
			return &Refusal{Reason: ReasonModel, Err: err}
		}
		if name != m.Family {
			set.Off[i] = m.ID
		}
	}
	for kind, name := range set.Defaults {
		if was.Defaults[kind] == name {
			continue
		}
		m, err := e.cfg.Catalog.Lookup(name)
		switch {
		case err != nil:
			return &Refusal{Reason: ReasonModel, Err: err}
		case m.Kind != kind || !m.Status.Runs() || !fromPrompt(m):
			return &Refusal{Reason: ReasonNoDefault, Model: m.ID}
		}
		set.Defaults[kind] = m.ID
	}
	return nil
}

// fromPrompt reports whether a prompt is all that the model needs.
func fromPrompt(m catalog.Model) bool {
	return !slices.ContainsFunc(m.Inputs, func(in catalog.Input) bool {
		return in.Required && in.Default == nil && in.Option != catalog.Prompt
	})
}
