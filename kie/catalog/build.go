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
// Files go where the model wants them, into a list or an input of their own:
// image, image2 and so on in their order, a first frame to the first image
// where there is no other place for it, and images to the frames of a model
// that has nothing but frames.
//
// The error is nil or a *ProblemsError with all problems: those of the model's
// inputs in their order, then the options it does not have, then what must be
// given together or apart. The map belongs to the caller.
func (m Model) Build(options map[Option]string) (map[string]any, error) {
	given, left := gather(options), gather(options)
	placed := m.place(left)
	var found []Problem
	input := make(map[string]any)
	for _, in := range m.Inputs {
		value, problem := in.take(options, placed[in.Name])
		if problem.Code != "" {
			found = append(found, problem)
		}
		if value != nil {
			input[in.Name] = value
		}
	}
	found = append(found, m.unsupported(options)...)
	found = append(found, m.misplaced(given, left)...)
	completed := m.Complete(input)
	if len(found) == 0 {
		found = m.together(completed)
	}
	if err := m.problems(found); err != nil {
		return nil, err
	}
	return completed, nil
}

// take returns what the options hold for one input, nil for nothing.
func (in Input) take(options map[Option]string, placed []string) (any, Problem) {
	typed := strings.TrimSpace(options[in.Option])
	switch {
	case len(placed) > 0:
		return in.hold(placed)
	case in.Option != "" && !in.Option.IsFile() && typed != "":
		return in.parse(typed)
	case in.Required && in.Default == nil:
		return nil, Problem{Code: Missing, Input: in.Name, Option: in.Option, Choices: in.Choices()}
	}
	return nil, Problem{}
}

// hold turns files into the input's value.
func (in Input) hold(placed []string) (any, Problem) {
	var value any = placed[0]
	if in.Type == Array {
		value, _ = list(placed)
	}
	problem, _ := in.check(value, true)
	return value, problem
}

// unsupported returns a problem for each option that the model does not have.
func (m Model) unsupported(options map[Option]string) []Problem {
	var found []Problem
	for _, option := range slices.Sorted(maps.Keys(options)) {
		if _, has := m.ByOption(option); has || option.IsFile() || strings.TrimSpace(options[option]) == "" {
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
