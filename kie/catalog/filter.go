package catalog

import (
	"maps"
	"slices"
)

// mostTolerance is the loosest moderation of Flux Kontext that is strict: Kie
// takes it when nothing is said and goes no further in an edit (docs.kie.ai,
// "Flux Kontext API": safetyTolerance is 0 to 6, and 0 to 2 for edits).
const mostTolerance = 2

// loose says whether a value of the input leaves the model's content filter off
// or lax, and what is strict instead. Kie's pages of the models describe the
// inputs; the switches are mostly off when nothing is said.
func (in Input) loose(value any) (strict any, loose bool) {
	switch in.Name {
	case "nsfw_checker", "enable_safety_checker":
		return true, in.Type == Boolean && value != true
	case "safety_tolerance", "safetyTolerance":
		level, ok := whole(in.meant(value))
		return int64(mostTolerance), ok && level > mostTolerance
	case "mode":
		return "normal", slices.Contains(in.Enum, any("spicy")) && in.meant(value) == "spicy"
	}
	return nil, false
}

// meant is the value as the input has it, or what Kie takes without one; nil
// when it is no value of the input.
func (in Input) meant(value any) any {
	if value == nil {
		return in.Default
	}
	meant, _ := in.coerce(value)
	return meant
}

// loose are the inputs to change for the model's content filter to be strict.
func (m Model) loose(input map[string]any) map[string]any {
	change := map[string]any{}
	for _, in := range m.Inputs {
		if strict, loose := in.loose(input[in.Name]); loose {
			change[in.Name] = strict
		}
	}
	return change
}

// Filtered is the input with the model's content filter on and strict, where it
// has one; the input itself stays as it is. What a model without such an input
// makes is up to its maker, and nothing in a request decides about it.
func (m Model) Filtered(input map[string]any) map[string]any {
	change := m.loose(input)
	if input == nil {
		return change
	}
	filtered := maps.Clone(input)
	maps.Copy(filtered, change)
	return filtered
}

// IsFiltered says whether Filtered would change nothing.
func (m Model) IsFiltered(input map[string]any) bool { return len(m.loose(input)) == 0 }
