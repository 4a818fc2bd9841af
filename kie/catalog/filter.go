package catalog

import "maps"

// filters are the inputs that switch a model's content filter on. Kie's pages
// of the models describe them; most are off when nothing is said.
func filters() []string { return []string{"nsfw_checker", "enable_safety_checker"} }

// Filtered is the input with the model's content filter switched on, where it
// has one; the input itself stays as it is. What a model without such an input
// makes is up to its maker, and nothing in a request decides about it.
func (m Model) Filtered(input map[string]any) map[string]any {
	filtered := maps.Clone(input)
	for _, name := range filters() {
		if in, ok := m.Input(name); ok && in.Type == Boolean {
			if filtered == nil {
				filtered = map[string]any{}
			}
			filtered[name] = true
		}
	}
	return filtered
}

// IsFiltered says whether Filtered would change nothing.
func (m Model) IsFiltered(input map[string]any) bool {
	for _, name := range filters() {
		if in, ok := m.Input(name); ok && in.Type == Boolean && input[name] != true {
			return false
		}
	}
	return true
}
