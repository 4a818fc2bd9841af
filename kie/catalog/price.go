package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrNoPrice means that the data does not say what a request costs. Such a
// request must not be accepted.
var ErrNoPrice = errors.New("no price is known")

// Price says what a request costs: the credits of the first Rate that fits,
// for each unit, plus the Extras.
//
//	cost = rate × sum of Units + sum of Extras
//
// Where an input that matters is neither given nor has a default, the dearest
// possibility counts, so that an estimate is an upper bound.
type Price struct {
	Per    string     `json:"per"`              // the unit that a rate is for: image, video, second, 1000 characters, request; or Free
	Rates  []Rate     `json:"rates"`            // looked through in order
	Units  []Quantity `json:"units,omitempty"`  // how many units there are; empty: one
	Extras []Extra    `json:"extras,omitempty"` // added on top
	Note   string     `json:"note,omitempty"`   // what Kie's price page says, in short
}

// Free is the Per of models that cost nothing; only their rates may be 0.
const Free = "free"

// Rate is the price of one unit for requests that meet its conditions.
type Rate struct {
	// When maps an input's name to its values, any of which fits. A rate
	// without it fits always. An Array or Media input is compared with "true"
	// and "false": given or not.
	When    map[string]OneOf `json:"when,omitempty"`
	Credits Credits          `json:"credits"`
}

// OneOf is a list of values as text. In the data it is one value or a list of
// them; numbers and true or false may stand without quotes.
type OneOf []string

// MarshalJSON writes one value as a text, several as a list.
func (o OneOf) MarshalJSON() ([]byte, error) {
	if len(o) == 1 {
		return json.Marshal(o[0])
	}
	return json.Marshal([]string(o))
}

// UnmarshalJSON reads one value or a list of values.
func (o *OneOf) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	*o = nil
	for _, v := range values {
		*o = append(*o, text(v))
	}
	return nil
}

// Measure says how an input is counted.
type Measure string

// The measures.
const (
	// CountValue counts the number itself, rounded up. A missing number without a
	// default, or a negative one (-1: the model decides), counts as the
	// input's Max or its largest choice.
	CountValue Measure = "value"
	// CountCharacters counts started blocks of Each characters, at least one.
	CountCharacters Measure = "characters"
	// CountItems counts the elements of a list beyond the first After.
	CountItems Measure = "items"
	// CountSeconds counts the started seconds of a file, or of all files in a
	// list, by the lengths given to EstimateFor. When a length is not known the
	// files count as AtMost seconds together.
	CountSeconds Measure = "seconds"
)

// Quantity is a number of units that comes from one input.
type Quantity struct {
	Measure Measure `json:"measure"`
	Input   string  `json:"input"`
	Over    string  `json:"over,omitempty"`    // CountValue: the input by which to divide, as frames by frames per second
	Each    int     `json:"each,omitempty"`    // CountCharacters: the size of a block
	After   int     `json:"after,omitempty"`   // CountItems: how many are free
	AtMost  int     `json:"at_most,omitempty"` // CountSeconds: what to reckon with; 0: nothing is known
}

// Lengths holds the seconds of files by the values that stand for them in an
// input object: their URLs.
type Lengths map[string]float64

// Extra is a price for each unit of a count of its own.
type Extra struct {
	Credits Credits  `json:"credits"`
	Count   Quantity `json:"for"`
}

func (p Price) clone() Price {
	p.Rates = slices.Clone(p.Rates)
	for i, rate := range p.Rates {
		p.Rates[i].When = maps.Clone(rate.When)
		for name, values := range p.Rates[i].When {
			p.Rates[i].When[name] = slices.Clone(values)
		}
	}
	p.Units = slices.Clone(p.Units)
	p.Extras = slices.Clone(p.Extras)
	return p
}

// counts lists everything that is counted: the units, then what the extras are for.
func (p Price) counts() []Quantity {
	counts := slices.Clone(p.Units)
	for _, extra := range p.Extras {
		counts = append(counts, extra.Count)
	}
	return counts
}

// dependsOn says whether the input of that name can change the price.
func (p Price) dependsOn(name string) bool {
	return slices.ContainsFunc(p.counts(), func(c Quantity) bool { return c.Input == name || c.Over == name }) ||
		slices.ContainsFunc(p.Rates, func(r Rate) bool { return r.When[name] != nil })
}

// Estimate returns the most that Kie will charge for an input object that
// Validate accepts; an input that is absent counts with its default. For the
// price of a model as such, estimate its Complete(nil). The error wraps
// ErrNoPrice when no rule covers the input, or when the price depends on the
// length of a file that has no known limit: EstimateFor takes lengths.
func (m Model) Estimate(input map[string]any) (Credits, error) {
	return m.EstimateFor(input, nil)
}

// EstimateFor is Estimate for files of known lengths.
func (m Model) EstimateFor(input map[string]any, lengths Lengths) (Credits, error) {
	total, err := m.rate(input)
	if err != nil {
		return 0, err
	}
	if len(m.Price.Units) > 0 {
		if total, err = m.charge(total, input, lengths, m.Price.Units...); err != nil {
			return 0, err
		}
	}
	for _, extra := range m.Price.Extras {
		credits, err := m.charge(extra.Credits, input, lengths, extra.Count)
		if err != nil {
			return 0, err
		}
		if total += credits; total < 0 {
			return 0, fmt.Errorf("price of %s: too large: %w", m.ID, ErrNoPrice)
		}
	}
	return total, nil
}

// Unmeasured returns the files whose lengths Estimate cannot do without, by
// the values that stand for them in the input, each once: EstimateFor wants
// them in its Lengths.
func (m Model) Unmeasured(input map[string]any) []string {
	var found []string
	for _, count := range m.Price.counts() {
		if count.Measure != CountSeconds || count.AtMost > 0 {
			continue
		}
		in, _ := m.Input(count.Input)
		for _, file := range in.entries(input[count.Input]) {
			if value := text(file); !slices.Contains(found, value) {
				found = append(found, value)
			}
		}
	}
	return found
}

// rate finds the price of one unit: the first rate that surely fits, or a
// dearer one before it that may.
func (m Model) rate(input map[string]any) (Credits, error) {
	best, covered := Credits(0), false
	for _, rate := range m.Price.Rates {
		fits, surely := m.fits(rate, input)
		if !fits {
			continue
		}
		best, covered = max(best, rate.Credits), true
		if surely {
			break
		}
	}
	if !covered {
		return 0, fmt.Errorf("price of %s for this input: %w", m.ID, ErrNoPrice)
	}
	return best, nil
}

// fits says whether a rate can be the one for an input, and whether it surely is.
func (m Model) fits(rate Rate, input map[string]any) (fits, surely bool) {
	surely = true
	for name, values := range rate.When {
		in, _ := m.Input(name)
		word, decided := in.word(input[name])
		surely = surely && decided
		if decided && !slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, word) }) {
			return false, false
		}
	}
	return true, surely
}

// word is what conditions compare; it is undecided when the input is absent
// without a default.
func (in Input) word(value any) (word string, decided bool) {
	if in.isPresence() {
		return fmt.Sprint(value != nil && !in.empty(value)), true
	}
	if value == nil {
		value = in.Default
	}
	if converted, ok := in.canonical(value); ok {
		value = converted
	}
	return text(value), value != nil
}

// isPresence says that conditions on the input ask whether it is given.
func (in Input) isPresence() bool { return in.Type == Array || in.Media != "" }

// charge multiplies credits by the sum of some counts.
func (m Model) charge(credits Credits, input map[string]any, lengths Lengths, counts ...Quantity) (Credits, error) {
	var sum int64
	for _, count := range counts {
		n, ok := m.count(count, input, lengths)
		if !ok {
			return 0, fmt.Errorf("price of %s: cannot count %s: %w", m.ID, count.Input, ErrNoPrice)
		}
		sum += n
	}
	total, err := credits.times(sum)
	if err != nil {
		return 0, fmt.Errorf("price of %s: %w: %w", m.ID, err, ErrNoPrice)
	}
	return total, nil
}

// count counts a value of an input; false means that there is nothing to go by.
func (m Model) count(c Quantity, input map[string]any, lengths Lengths) (int64, bool) {
	in, _ := m.Input(c.Input)
	value := input[c.Input]
	if value == nil {
		value = in.Default
	}
	switch c.Measure {
	case CountValue:
		if c.Over != "" {
			over, _ := m.Input(c.Over)
			return in.quotient(value, over, input[c.Over])
		}
		return in.amount(value)
	case CountCharacters:
		return int64(max(1, (characters(value)+c.Each-1)/max(1, c.Each))), true
	case CountItems:
		items, _ := list(value)
		return int64(max(0, len(items)-c.After)), true
	case CountSeconds:
		return c.seconds(in, value, lengths)
	}
	return 0, false
}

// seconds adds up the lengths of one file or of several.
func (c Quantity) seconds(in Input, value any, lengths Lengths) (int64, bool) {
	files := in.entries(value)
	if len(files) == 0 && !in.Required {
		return 0, true
	}
	if len(files) == 0 {
		return int64(c.AtMost), c.AtMost > 0
	}
	sum, all := int64(0), true
	for _, file := range files {
		seconds, known := lengths[text(file)]
		known = known && seconds >= 0 && seconds <= math.MaxInt32
		if all = all && known; known {
			sum += int64(math.Ceil(seconds))
		}
	}
	if all {
		return sum, true
	}
	return max(sum, int64(c.AtMost)), c.AtMost > 0
}

// quotient divides the input's number by that of another, rounded up. What is
// missing counts so that the result is as large as it can be.
func (in Input) quotient(value any, over Input, by any) (int64, bool) {
	n, ok := in.amount(value)
	if by == nil {
		by = over.Default
	}
	divisor, known := number(by)
	if !known && over.Min != nil && by == nil {
		divisor, known = *over.Min, true
	}
	if !ok || !known || divisor <= 0 {
		return 0, false
	}
	quotient := math.Ceil(float64(n) / divisor)
	return int64(quotient), quotient <= math.MaxInt32
}

// amount reads a count from a number or its text.
func (in Input) amount(value any) (int64, bool) {
	n, ok := number(value)
	if s, isText := value.(string); isText {
		n, ok = number(json.Number(s))
	}
	if value == nil || (ok && n < 0) {
		n, ok = in.largest()
	}
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0, false
	}
	return int64(math.Ceil(n)), true
}

// largest is the highest number that the input can hold.
func (in Input) largest() (float64, bool) {
	if in.Max != nil {
		return *in.Max, true
	}
	highest, ok := 0.0, false
	for _, choice := range in.rawChoices() {
		if n, isNumber := number(json.Number(choice)); isNumber {
			highest, ok = max(highest, n), true
		}
	}
	return highest, ok
}

// characters counts the code points of a text, or of all texts in a list or an
// object.
func characters(value any) int {
	sum := 0
	switch v := value.(type) {
	case string:
		return utf8.RuneCountInString(v)
	case []any:
		for _, item := range v {
			sum += characters(item)
		}
	case map[string]any:
		for _, item := range v {
			sum += characters(item)
		}
	}
	return sum
}
