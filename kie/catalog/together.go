package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// The codes of problems that lie between inputs.
const (
	NoneOfSets Code = "none_of" // none of the sets of inputs in Choices ("task_id", "video_url and duration") is there whole
	Apart      Code = "apart"   // Input must not be given together with the ones in Choices
)

// together checks what lies between inputs.
func (m Model) together(input map[string]any) []Problem {
	given := func(name string) bool {
		in, known := m.Input(name)
		value := input[name]
		return known && value != nil && !in.empty(value)
	}
	var found []Problem
	for _, in := range m.Inputs {
		if !given(in.Name) {
			continue
		}
		if in.Needs != "" && !given(in.Needs) {
			other, _ := m.Input(in.Needs)
			found = append(found, Problem{Code: Missing, Input: other.Name, Option: other.Option, Choices: other.rawChoices()})
		}
		if apart := slices.DeleteFunc(slices.Clone(in.NotWith), func(name string) bool { return !given(name) }); len(apart) > 0 {
			found = append(found, Problem{Code: Apart, Input: in.Name, Option: in.Option, Given: shorten(text(input[in.Name])), Choices: m.callAll(apart)})
		}
	}
	whole := func(set []string) bool {
		return !slices.ContainsFunc(set, func(name string) bool { return !given(name) })
	}
	if len(m.RequireOneOf) > 0 && !slices.ContainsFunc(m.RequireOneOf, whole) {
		found = append(found, m.noneOf(given))
	}
	return found
}

// noneOf says what is still open in each set. The problem is that of the first
// set's first input.
func (m Model) noneOf(given func(string) bool) Problem {
	problem := Problem{Code: NoneOfSets}
	for _, set := range m.RequireOneOf {
		open := slices.DeleteFunc(slices.Clone(set), given)
		problem.Choices = append(problem.Choices, strings.Join(m.callAll(open), " and "))
	}
	first, _ := m.Input(m.RequireOneOf[0][0])
	problem.Input, problem.Option = first.Name, first.Option
	return problem
}

// callAll names inputs as a person would: by their options.
func (m Model) callAll(names []string) []string {
	called := make([]string, len(names))
	for i, name := range names {
		in, _ := m.Input(name)
		called[i] = Problem{Input: in.Name, Option: in.Option}.Name()
	}
	return called
}

// checkTogether makes sure that rules between inputs speak of inputs there are.
func (m *Model) checkTogether(report reporter) {
	for _, in := range m.Inputs {
		others := slices.Clone(in.NotWith)
		if in.Needs != "" {
			others = append(others, in.Needs)
		}
		for _, other := range others {
			if _, known := m.Input(other); !known || other == in.Name {
				report("input %s: there is no other input %q", in.Name, other)
			}
		}
	}
	for _, set := range m.RequireOneOf {
		for _, name := range set {
			if _, known := m.Input(name); !known {
				report("require_one_of: there is no input %q", name)
			}
		}
		if len(set) == 0 {
			report("require_one_of: a set is empty")
		}
	}
}

// sentence words the problems between inputs.
func (p Problem) sentence() string {
	if p.Code == Apart {
		return fmt.Sprintf("%s cannot be given together with %s", p.Name(), strings.Join(p.Choices, " and "))
	}
	return "one of these is needed: " + strings.Join(p.Choices, "; ")
}
