package catalog

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Validate checks a raw input object, as decoded from JSON or returned by
// Build, and returns nil or a *ProblemsError with all problems: first those of
// the model's inputs in their order, then the names it does not know, then what
// must be given together or apart. It is strict about types; Complete turns "6"
// into 6 beforehand. It checks what can be known here: whether a URL can be
// fetched only Kie can say.
//
// Names count because Kie ignores an input whose name it does not know
// without a word, and bills the result.
func (m Model) Validate(input map[string]any) error {
	var found []Problem
	for _, in := range m.Inputs {
		value, given := input[in.Name]
		if problem, bad := in.check(value, given); bad {
			found = append(found, problem)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		if _, known := m.Input(name); !known {
			found = append(found, m.unknown(name))
		}
	}
	return m.problems(append(found, m.together(input)...))
}

func (m Model) unknown(name string) Problem {
	names := make([]string, len(m.Inputs))
	for i, in := range m.Inputs {
		names[i] = in.Name
	}
	problem := Problem{Code: Unknown, Input: shorten(name), Given: shorten(name), Choices: names}
	if near := Nearest(name, names, 1); len(near) == 1 {
		problem.Nearest = near[0]
	}
	return problem
}

// check returns what is wrong with a value that is to be sent; JSON's null is
// the same as not given.
func (in Input) check(value any, given bool) (Problem, bool) {
	if !given || value == nil || (in.Required && in.empty(value)) {
		return Problem{Code: Missing, Input: in.Name, Option: in.Option, Choices: in.rawChoices()}, in.Required
	}
	problem := Problem{Input: in.Name, Option: in.Option, Given: shorten(text(value))}
	converted, ok := in.canonical(value)
	if !ok {
		in, converted, ok = in.relax(value)
	}
	switch {
	case !ok || !in.itemsFit(converted):
		problem.Code, problem.Want = WrongType, in.Type
	case !in.offers(converted):
		problem.Code, problem.Choices = NotAChoice, in.rawChoices()
		problem.Nearest = nearestChoice(problem.Given, problem.Choices)
	default:
		in.measure(converted, &problem)
	}
	return problem, problem.Code != ""
}

// nearestChoice returns the choice most likely meant: the closest one among
// numbers and ratios, the closest spelling otherwise, "" when none is close.
func nearestChoice(given string, choices []string) string {
	size, measurable := magnitude(given)
	if !measurable {
		if near := Nearest(given, choices, 1); len(near) == 1 {
			return near[0]
		}
		return ""
	}
	nearest, least := "", math.Inf(1)
	for _, choice := range choices {
		// The logarithm, so that half and double are equally far.
		if other, ok := magnitude(choice); ok && math.Abs(math.Log(size/other)) < least {
			nearest, least = choice, math.Abs(math.Log(size/other))
		}
	}
	return nearest
}

// magnitude reads a positive number such as 10 or a ratio such as 16:9.
func magnitude(s string) (float64, bool) {
	left, right, isRatio := strings.Cut(s, ":")
	if !isRatio {
		right = "1"
	}
	a, errA := strconv.ParseFloat(left, 64)
	b, errB := strconv.ParseFloat(right, 64)
	return a / b, errA == nil && errB == nil && a > 0 && b > 0
}

// relax reads a value of a type that Kie accepts beyond its schema. The input
// it returns is the one to check the result against.
func (in Input) relax(value any) (Input, any, bool) {
	for _, also := range in.AlsoTypes {
		other := in
		other.Type = also
		converted, ok := other.canonical(value)
		if !ok {
			continue
		}
		if also == Array {
			other.Items, other.Enum = string(in.Type), nil
			return other, converted, true
		}
		if own, ok := in.coerce(converted); ok {
			return in, own, true
		}
	}
	return in, value, false
}

// empty reports a text without a visible character or a list without entries.
func (in Input) empty(value any) bool {
	if s, ok := value.(string); ok {
		return strings.TrimSpace(s) == ""
	}
	items, ok := list(value)
	return ok && len(items) == 0
}

// itemsFit says whether the elements of a list have the wanted type.
func (in Input) itemsFit(value any) bool {
	items, isList := value.([]any)
	if !isList || in.Items != "string" {
		return true
	}
	return !slices.ContainsFunc(items, func(item any) bool {
		_, isText := item.(string)
		return !isText
	})
}

// measure fills in the problem of a value that is too large or too small.
func (in Input) measure(value any, problem *Problem) {
	if n, ok := number(value); ok {
		if (in.Min != nil && n < *in.Min) || (in.Max != nil && n > *in.Max) {
			problem.Code, problem.Min, problem.Max = OutOfRange, clonePointer(in.Min), clonePointer(in.Max)
		}
		return
	}
	switch v := value.(type) {
	case string:
		problem.exceed(TooLong, utf8.RuneCountInString(v), in.MaxLength)
	case []any:
		problem.exceed(TooMany, len(v), in.MaxItems)
		if len(v) < in.MinItems {
			problem.Code, problem.Actual, problem.Limit = TooFew, len(v), in.MinItems
		}
	}
}

// exceed records that there are more than the limit; 0 is no limit.
func (p *Problem) exceed(code Code, actual, limit int) {
	if limit > 0 && actual > limit {
		p.Code, p.Actual, p.Limit = code, actual, limit
	}
}
