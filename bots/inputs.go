package bots

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"kiebot/kie/catalog"
)

// build makes the input object of typed options and of raw inputs, which have
// their names and types from the model itself. The error is nil or a
// *catalog.ProblemsError.
func build(m catalog.Model, options map[catalog.Option]string, raw []rawInput) (map[string]any, error) {
	if len(raw) == 0 {
		return m.Build(options)
	}
	values := rawValues(m, raw)
	input, err := lenient(m, values).Build(options)
	if err != nil {
		return nil, withRaw(err, m, values)
	}
	for name, value := range values {
		if _, twice := input[name]; twice {
			return nil, &catalog.ProblemsError{Model: m.ID, Title: m.Title, Problems: []catalog.Problem{clash(m, name)}}
		}
		input[name] = value
	}
	input = m.Complete(input)
	return input, m.Validate(input)
}

// clash is an input that was given under two names.
func clash(m catalog.Model, name string) catalog.Problem {
	in, _ := m.Input(name)
	return catalog.Problem{Code: catalog.Apart, Input: name, Choices: []string{string(in.Option)}}
}

// rawValues reads the raw inputs' values: JSON, unless the model wants text.
func rawValues(m catalog.Model, raw []rawInput) map[string]any {
	values := map[string]any{}
	for _, r := range raw {
		in, known := m.Input(r.name)
		for _, one := range m.Inputs {
			if !known && strings.EqualFold(one.Name, r.name) {
				in, known = one, true
			}
		}
		if !known {
			in.Name = r.name
		}
		values[in.Name] = r.value
		var value any
		decoder := json.NewDecoder(strings.NewReader(r.value))
		decoder.UseNumber()
		if in.Type != catalog.String && decoder.Decode(&value) == nil && !decoder.More() && value != nil {
			values[in.Name] = value
		}
	}
	return values
}

// lenient is the model without the rules that raw inputs may satisfy. The
// model itself has the last word.
func lenient(m catalog.Model, values map[string]any) catalog.Model {
	m.RequireOneOf = nil
	m.Inputs = slices.Clone(m.Inputs)
	for i := range m.Inputs {
		m.Inputs[i].NotWith, m.Inputs[i].Needs = nil, ""
		if _, given := values[m.Inputs[i].Name]; given {
			m.Inputs[i].Required, m.Inputs[i].Default = false, nil
		}
	}
	return m
}

// withRaw adds to what is wrong with the options what is wrong with the raw inputs.
func withRaw(err error, m catalog.Model, values map[string]any) error {
	var wrong, more *catalog.ProblemsError
	if !errors.As(err, &wrong) || !errors.As(m.Validate(m.Complete(values)), &more) {
		return err
	}
	all := *wrong
	for _, p := range more.Problems {
		if _, given := values[p.Input]; given {
			all.Problems = append(slices.Clip(all.Problems), p)
		}
	}
	return &all
}
