package catalog

import (
	"maps"
	"slices"
)

// filters are the inputs that switch the model's content filter on. Kie's pages
// of the models describe them; most are off when nothing is said.
func (m Model) filters() []string {
	return slices.DeleteFunc([]string{"nsfw_checker", "enable_safety_checker"}, func(name string) bool {
		in, ok := m.Input(name)
		return !ok || in.Type != Boolean
	})
}

// Filtered is the input with the model's content filter switched on, where it
// has one; the input itself stays as it is. What a model without such an input
// makes is up to its maker, and nothing in a request decides about it.
func (m Model) Filtered(input map[string]any) map[string]any {
	filtered := maps.Clone(input)
	for _, name := range m.filters() {
		if filtered == nil {
			filtered = map[string]any{}
		}
		filtered[name] = true
	}
	return filtered
}

// IsFiltered says whether Filtered would change nothing.
func (m Model) IsFiltered(input map[string]any) bool {
	return !slices.ContainsFunc(m.filters(), func(name string) bool { return input[name] != true })
}
