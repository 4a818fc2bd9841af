package catalog

import (
	"maps"
	"slices"
	"strings"
)

// Build turns options as a person typed them into the input object to send,
// with the types the model wants: --duration 5 becomes "5" for one model and 5
// for another, an aspect ratio of 1:1 becomes "square_hd" where sizes have
// names. Case does not matter for choices, "5s" is a duration of 5 and "16x9" a
// ratio of 16:9. An option whose text is empty counts as not given. Defaults
// are filled in as Complete does.
//
// The error is nil or a *ProblemsError with all problems: those of the model's
// inputs in their order, then the options it does not have. The map belongs
// to the caller.
func (m Model) Build(options map[Option]string) (map[string]any, error) {
	var found []Problem
	input := make(map[string]any)
	for _, in := range m.Inputs {
		given := strings.TrimSpace(options[in.Option])
		switch {
		case in.Option != "" && given != "":
			value, problem := in.parse(given)
			if problem.Code != "" {
				found = append(found, problem)
			}
			input[in.Name] = value
		case in.Required && in.Default == nil:
			found = append(found, Problem{Code: Missing, Input: in.Name, Option: in.Option, Choices: in.Choices()})
		}
	}
	found = append(found, m.unsupported(options)...)
	if err := m.problems(found); err != nil {
		return nil, err
	}
	return m.Complete(input), nil
}

// unsupported returns a problem for each option that the model does not have.
func (m Model) unsupported(options map[Option]string) []Problem {
	var found []Problem
	for _, option := range slices.Sorted(maps.Keys(options)) {
		if _, has := m.ByOption(option); has || strings.TrimSpace(options[option]) == "" {
			continue
		}
		problem := Problem{Code: Unsupported, Option: option, Given: shorten(options[option])}
		for _, has := range m.Options() {
			problem.Choices = append(problem.Choices, string(has))
		}
		found = append(found, problem)
	}
	return found
}

// parse reads a typed text. The problem, if its Code is set, speaks of what
// can be typed, not of what would be sent.
func (in Input) parse(given string) (any, Problem) {
	typed := in.tidy(given)
	for word, value := range in.Values {
		if strings.EqualFold(word, typed) {
			return value, Problem{}
		}
	}
	value, ok := in.coerce(typed)
	if !ok {
		return given, Problem{Code: WrongType, Input: in.Name, Option: in.Option, Given: shorten(given), Want: in.Type}
	}
	problem, bad := in.check(value, true)
	if !bad {
		return value, Problem{}
	}
	problem.Given = shorten(given)
	if problem.Code == NotAChoice {
		problem.Choices = in.Choices()
		problem.Nearest = nearestChoice(typed, problem.Choices)
	}
	return value, problem
}

// tidy accepts the ways in which people write durations and ratios.
func (in Input) tidy(given string) string {
	switch in.Option {
	case Duration:
		// The letters of "5s", "5 sec" and "5 seconds".
		return strings.TrimRight(strings.ToLower(given), " second")
	case AspectRatio:
		return strings.NewReplacer("x", ":", "X", ":", "×", ":", "/", ":", " ", "").Replace(given)
	}
	return given
}

// Complete returns a copy of a raw input object in which every value that has
// another JSON type than the model wants is converted where nothing is lost,
// and the defaults of required inputs and of those that decide the price are
// filled in: what is priced is sent, so that Kie's own default cannot change
// the price. Values that cannot be converted stay for Validate to report.
// The copy belongs to the caller; lists inside may be shared with input.
func (m Model) Complete(input map[string]any) map[string]any {
	completed := make(map[string]any, len(input))
	maps.Copy(completed, input)
	for _, in := range m.Inputs {
		value := completed[in.Name]
		if value == nil {
			delete(completed, in.Name)
			if in.Default != nil && (in.Required || m.Price.dependsOn(in.Name)) {
				completed[in.Name] = in.clone().Default
			}
		} else if converted, ok := in.coerce(value); ok {
			completed[in.Name] = converted
		}
	}
	return completed
}
