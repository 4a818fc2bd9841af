package catalog

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// prepare gives the values of a freshly decoded model their canonical types
// and returns everything that is wrong with it.
func (m *Model) prepare() []error {
	var wrong []error
	report := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("model %q: "+format, append([]any{m.ID}, args...)...))
	}
	if m.ID == "" || m.Title == "" || m.Task == "" {
		report("id, title and task must not be empty")
	}
	if !slices.Contains(Kinds(), m.Kind) {
		report("kind %q must be image, video, music or speech", m.Kind)
	}
	m.fill()
	if !slices.Contains(statuses(), m.Status) || !slices.Contains(outputs(), m.Output) {
		report("status %q or output %q is unknown", m.Status, m.Output)
	}
	if (m.Status == Current) != (m.Reason == "") {
		report("a reason and a status other than %q go together", Current)
	}
	if source, err := url.Parse(m.Source); err != nil || source.Scheme != "https" || source.Host == "" {
		report("source %q must be an https URL", m.Source)
	}
	m.prepareInputs(report)
	m.checkTogether(report)
	if len(wrong) == 0 {
		m.checkPrice(report)
	}
	return wrong
}

type reporter func(format string, args ...any)

func (m *Model) prepareInputs(report reporter) {
	var names []string
	var options []Option
	for i := range m.Inputs {
		in := &m.Inputs[i]
		if in.Name == "" || slices.Contains(names, in.Name) {
			report("input %q: the name must be there, and once", in.Name)
		}
		if in.Option != "" && (!knownOption(in.Option) || slices.Contains(options, in.Option) && !in.Option.IsFile()) {
			report("input %s: option %q must be a known one, and once", in.Name, in.Option)
		}
		if base, _ := in.Option.split(); base != "" && (base != in.Option || in.Media == "") {
			report("input %s: option %q must be without a number, and of an input with media", in.Name, in.Option)
		}
		names, options = append(names, in.Name), append(options, in.Option)
		if !slices.Contains([]Type{String, Integer, Number, Boolean, Array}, in.Type) {
			report("input %s: type %q must be string, integer, number, boolean or array", in.Name, in.Type)
			continue
		}
		in.prepareValues(report)
	}
}

// prepareValues checks an input's own values against it.
func (in *Input) prepareValues(report reporter) {
	for i, value := range in.Enum {
		in.Enum[i] = in.settle(value, "enum", report)
	}
	for i, value := range in.AlsoValues {
		if converted, ok := in.canonical(value); ok {
			in.AlsoValues[i] = converted
		} else {
			report("input %s: also_values %s must be %s", in.Name, quoted(text(value)), in.Type.phrase())
		}
	}
	for word, value := range in.Values {
		in.Values[word] = in.settle(value, "values", report)
	}
	if in.Default != nil {
		in.Default = in.settle(in.Default, "default", report)
	}
	if in.Min != nil && in.Max != nil && *in.Min > *in.Max {
		report("input %s: min is above max", in.Name)
	}
	if in.MinItems < 0 || in.MaxItems < 0 || in.MaxLength < 0 || in.MaxMB < 0 {
		report("input %s: a limit is negative", in.Name)
	}
	if in.Media != "" && !slices.Contains([]string{"image", "video", "audio", "document"}, in.Media) {
		report("input %s: media %q must be image, video, audio or document", in.Name, in.Media)
	}
}

// settle converts one value from the file to its canonical type.
func (in Input) settle(value any, field string, report reporter) any {
	converted, ok := in.canonical(value)
	if !ok {
		report("input %s: %s %s must be %s", in.Name, field, quoted(text(value)), in.Type.phrase())
		return value
	}
	if problem, bad := in.check(converted, true); bad {
		report("input %s: %s: %s", in.Name, field, problem)
	}
	return converted
}

// checkPrice makes sure that Estimate has an answer for every valid input. A
// model without any rate passes: it is known, but cannot be used before
// somebody prices it.
func (m *Model) checkPrice(report reporter) {
	for _, extra := range m.Price.Extras {
		if extra.Credits < 0 {
			report("price: extra for %s is negative", extra.Count.Input)
		}
	}
	for _, count := range m.Price.counts() {
		m.checkCount(count, report)
	}
	for _, rate := range m.Price.Rates {
		m.checkRate(rate, report)
	}
	if len(m.Price.Rates) > 0 {
		if m.Price.Per == "" {
			report("price: per is empty")
		}
		m.checkCoverage(report)
	}
}

func (m *Model) checkCount(count Quantity, report reporter) {
	in, known := m.Input(count.Input)
	if !known {
		report("price: there is no input %q to count", count.Input)
		return
	}
	_, bounded := in.largest()
	ok := false
	switch count.Measure {
	case CountValue:
		over, known := m.Input(count.Over)
		ok = bounded && (count.Over == "" || known && over.Min != nil && *over.Min > 0)
	case CountCharacters:
		ok = count.Each > 0
	case CountItems:
		ok = in.Type == Array && count.After >= 0
	case CountSeconds:
		ok = in.Media != "" && count.AtMost >= 0
	}
	if !ok {
		report("price: the count %+v does not work", count)
	}
}

func (m *Model) checkRate(rate Rate, report reporter) {
	if rate.Credits < 0 {
		report("price: a rate is negative")
	}
	// A forgotten "credits" would otherwise give a paid model away.
	if (rate.Credits == 0) != (m.Price.Per == Free) {
		report("price: a rate of 0 and per %q go together", Free)
	}
	for name, values := range rate.When {
		in, known := m.Input(name)
		for _, value := range values {
			if !known || !slices.Contains(in.words(), value) {
				report("price: %s=%s cannot happen", name, value)
			}
		}
	}
}

// words lists what conditions on the input can compare with.
func (in Input) words() []string {
	if in.Type == Boolean || in.isPresence() {
		return []string{"true", "false"}
	}
	words := in.rawChoices()
	for _, also := range in.AlsoValues {
		words = append(words, text(also))
	}
	return words
}

// checkCoverage looks for combinations of choices that no rate fits.
func (m *Model) checkCoverage(report reporter) {
	combinations := []map[string]string{{}}
	for _, in := range m.Inputs {
		if !slices.ContainsFunc(m.Price.Rates, func(r Rate) bool { return r.When[in.Name] != nil }) {
			continue
		}
		var longer []map[string]string
		for _, combination := range combinations {
			for _, word := range in.words() {
				next := maps.Clone(combination)
				next[in.Name] = word
				longer = append(longer, next)
			}
		}
		if combinations = longer; len(combinations) > maxCombinations {
			report("price: more than %d combinations", maxCombinations)
			return
		}
	}
	for _, combination := range combinations {
		if !m.covered(combination) {
			report("price: no rate fits %v", combination)
		}
	}
}

// maxCombinations bounds the work that a file can cause; the largest of Kie's
// models have some dozens.
const maxCombinations = 10_000

// covered says whether a rate fits these words.
func (m *Model) covered(words map[string]string) bool {
	return slices.ContainsFunc(m.Price.Rates, func(rate Rate) bool {
		for name, values := range rate.When {
			if !slices.Contains(values, words[name]) {
				return false
			}
		}
		return true
	})
}

// checkDefaults makes sure that each kind that has models has one default.
func (c *Catalog) checkDefaults() []error {
	var wrong []error
	for _, kind := range Kinds() {
		models, defaults := 0, 0
		for _, e := range c.entries {
			if e.head.Kind == kind {
				models++
			}
			if e.head.Kind == kind && e.head.KindDefault {
				defaults++
			}
		}
		if models > 0 && defaults != 1 {
			wrong = append(wrong, fmt.Errorf("kind %s: %d models are its default, must be one", kind, defaults))
		}
	}
	return wrong
}

// checkReplacements makes sure that what is recommended instead of a model is
// there.
func (c *Catalog) checkReplacements() []error {
	var wrong []error
	for _, e := range c.entries {
		if e.head.Replacement == "" {
			continue
		}
		i, known := c.byName[fold(e.head.Replacement)]
		if !known || c.entries[i].head.Status != Current {
			wrong = append(wrong, fmt.Errorf("model %q: the replacement %q is no current model", e.head.ID, e.head.Replacement))
		}
	}
	return wrong
}
