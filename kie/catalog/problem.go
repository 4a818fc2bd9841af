package catalog

import (
	"fmt"
	"strings"
)

// Code classifies a Problem, so that it can be worded in any language.
type Code string

// The codes. The comment names the fields of Problem that go with each, beside
// Input, Option and Given.
const (
	Missing     Code = "missing"     // a required input was not given or is empty; Choices when it has some
	Unknown     Code = "unknown"     // the model has no input of this name; Nearest, and Choices lists its inputs
	WrongType   Code = "type"        // Given is not of type Want
	NotAChoice  Code = "choice"      // Given is none of Choices; Nearest
	OutOfRange  Code = "range"       // Given is below Min or above Max; either may be nil
	TooLong     Code = "too_long"    // Actual characters, Limit allowed
	TooMany     Code = "too_many"    // Actual elements, at most Limit allowed
	TooFew      Code = "too_few"     // Actual elements, at least Limit wanted
	Unsupported Code = "unsupported" // the model does not have Option; Choices lists the options it has
)

// Problem is one thing that is wrong with what was given for a model.
type Problem struct {
	Code    Code
	Input   string   // the input's name, as given for Unknown; empty for Unsupported
	Option  Option   // the option that fills the input, if any
	Given   string   // what was given, shortened; empty for Missing
	Want    Type     // what it must be (WrongType)
	Choices []string // what can be given instead, in the words of whoever gave it
	Nearest string   // the choice most likely meant; empty when none is near
	Min     *float64 // smallest number allowed
	Max     *float64 // largest number allowed
	Limit   int      // how many characters or elements are allowed
	Actual  int      // how many there are
}

// Name returns what to call the input: its option where it has one, because a
// person typed that, else its name.
func (p Problem) Name() string {
	if p.Option != "" {
		return string(p.Option)
	}
	return p.Input
}

// String is the problem as an English clause.
func (p Problem) String() string {
	switch p.Code {
	case Missing:
		return p.Name() + " is missing" + p.offer()
	case Unknown:
		return fmt.Sprintf("there is no input %q%s", p.Name(), p.offer())
	case WrongType:
		return fmt.Sprintf("%s must be %s, not %q", p.Name(), p.Want.phrase(), p.Given)
	case NotAChoice:
		return fmt.Sprintf("%s cannot be %q%s", p.Name(), p.Given, p.offer())
	case OutOfRange:
		return fmt.Sprintf("%s must be %s, not %s", p.Name(), p.bounds(), p.Given)
	case TooLong:
		return fmt.Sprintf("%s has %d characters, %d more than the %d allowed", p.Name(), p.Actual, p.Actual-p.Limit, p.Limit)
	case TooMany:
		return fmt.Sprintf("%s has %d entries, at most %d are allowed", p.Name(), p.Actual, p.Limit)
	case TooFew:
		return fmt.Sprintf("%s has %d entries, at least %d are needed", p.Name(), p.Actual, p.Limit)
	case Unsupported:
		return fmt.Sprintf("it has no option %q%s", p.Name(), p.offer())
	}
	if p.Code == NoneOfSets || p.Code == Apart {
		return p.sentence()
	}
	return p.Name() + " is not right"
}

// offer lists what can be given instead.
func (p Problem) offer() string {
	var b strings.Builder
	if p.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Nearest)
	}
	const most = 25
	if more := len(p.Choices) - most; more > 0 {
		fmt.Fprintf(&b, " (choices: %s and %d more)", strings.Join(p.Choices[:most], ", "), more)
	} else if more > -most {
		fmt.Fprintf(&b, " (choices: %s)", strings.Join(p.Choices, ", "))
	}
	return b.String()
}

func (p Problem) bounds() string {
	switch {
	case p.Max == nil && p.Min != nil:
		return "at least " + text(*p.Min)
	case p.Min == nil && p.Max != nil:
		return "at most " + text(*p.Max)
	case p.Min == nil:
		return "a number"
	}
	return "from " + text(*p.Min) + " to " + text(*p.Max)
}

func (t Type) phrase() string {
	switch t {
	case Integer:
		return "a whole number"
	case Number:
		return "a number"
	case Boolean:
		return "true or false"
	case Array:
		return "a list"
	}
	return "text"
}

// ProblemsError holds everything that is wrong with one request, so that it
// can be put right in one go. It never is empty.
type ProblemsError struct {
	Model    string // the model's id
	Title    string // the model's name for people
	Problems []Problem
}

// Error is one English sentence that names every problem.
func (e *ProblemsError) Error() string {
	clauses := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		clauses[i] = p.String()
	}
	return e.Title + ": " + strings.Join(clauses, "; ")
}

// problems returns the error for a list of problems, nil for none.
func (m Model) problems(list []Problem) error {
	if len(list) == 0 {
		return nil
	}
	return &ProblemsError{Model: m.ID, Title: m.Title, Problems: list}
}
