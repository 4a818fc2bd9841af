package catalog_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// priced is one line of testdata/prices.txt.
type priced struct{ model, words, credits string }

func readPrices(t *testing.T) map[string][]priced {
	t.Helper()
	file, err := os.Open("testdata/prices.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := map[string][]priced{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), "#") {
			continue
		}
		cells := strings.Split(scanner.Text(), "|")
		if len(cells) != 3 {
			t.Fatalf("testdata/prices.txt: %q has no three cells", scanner.Text())
		}
		line := priced{strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])}
		lines[line.model] = append(lines[line.model], line)
	}
	return lines
}

// sample makes an input that the model accepts: the words, as testdata/prices.txt
// explains them, then whatever else must be there.
func sample(m catalog.Model, words string) (map[string]any, catalog.Lengths) {
	input, lengths := map[string]any{}, catalog.Lengths{}
	for _, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(word, "=")
		in, _ := m.Input(name)
		input[name] = wordValue(in, value, lengths)
	}
	for _, in := range m.Inputs {
		if in.Required && in.Default == nil && input[in.Name] == nil {
			input[in.Name] = anyValue(in)
		}
	}
	input = m.Complete(input)
	whole := func(set []string) bool {
		return !slices.ContainsFunc(set, func(name string) bool { return input[name] == nil })
	}
	if len(m.RequireOneOf) > 0 && !slices.ContainsFunc(m.RequireOneOf, whole) {
		for _, name := range m.RequireOneOf[0] {
			in, _ := m.Input(name)
			if input[name] == nil {
				input[name] = anyValue(in)
			}
		}
	}
	return input, lengths
}

func wordValue(in catalog.Input, word string, lengths catalog.Lengths) any {
	kind := word[:1]
	switch {
	case kind == "#":
		n, _ := strconv.Atoi(word[1:])
		items := make([]any, n)
		for i := range items {
			items[i] = anyItem(in, i)
		}
		return items
	case kind == "@" || kind == "?":
		var urls []any
		for i, seconds := range strings.Split(strings.TrimPrefix(word, "@"), "+") {
			url := fmt.Sprintf("https://example.com/%s/%d", in.Name, i)
			if length, err := strconv.ParseFloat(seconds, 64); err == nil {
				lengths[url] = length
			}
			urls = append(urls, url)
		}
		if in.Type == catalog.Array {
			return urls
		}
		return urls[0]
	case in.Option == catalog.Prompt:
		if n, err := strconv.Atoi(word); err == nil {
			return strings.Repeat("ä", n)
		}
	}
	return word
}

// anyValue is a value that the schema of an input allows.
func anyValue(in catalog.Input) any {
	switch {
	case in.Default != nil:
		return in.Default
	case len(in.Enum) > 0:
		return in.Enum[0]
	}
	switch in.Type {
	case catalog.Boolean:
		return false
	case catalog.Integer, catalog.Number:
		if in.Min != nil {
			return *in.Min
		}
		return 1.0
	case catalog.Array:
		items := make([]any, max(1, in.MinItems))
		for i := range items {
			items[i] = anyItem(in, i)
		}
		return items
	}
	if in.Media != "" {
		return "https://example.com/" + in.Name
	}
	return "a cat"
}

func anyItem(in catalog.Input, i int) any {
	switch in.Items {
	case "object":
		return map[string]any{"text": strings.Repeat("x", 60), "voice": "Rachel"}
	case "array":
		return []any{}
	case "integer":
		return 1.0
	}
	return fmt.Sprintf("https://example.com/%s/%d", in.Name, i)
}

func TestPrices(t *testing.T) {
	c := load(t)
	lines := readPrices(t)
	for _, m := range c.All() {
		if len(m.Price.Rates) > 0 && len(lines[m.ID]) == 0 {
			t.Errorf("%s has no line in the table of prices", m.ID)
		}
		for _, line := range lines[m.ID] {
			checkPriced(t, m, line)
		}
		for _, rate := range m.Price.Rates {
			if !tried(m, rate, lines[m.ID]) {
				t.Errorf("%s: no line of the table tests the rate %+v", m.ID, rate)
			}
		}
		delete(lines, m.ID)
	}
	for id := range lines {
		t.Errorf("the table of prices has %s, which is no model", id)
	}
}

func checkPriced(t *testing.T, m catalog.Model, line priced) {
	t.Helper()
	input, lengths := sample(m, line.words)
	if err := m.Validate(input); err != nil {
		t.Errorf("%s with %q: %v", m.ID, line.words, err)
	}
	got, err := m.EstimateFor(input, lengths)
	if line.credits == "unknown" {
		if !errors.Is(err, catalog.ErrNoPrice) {
			t.Errorf("%s with %q: %s credits, %v; want ErrNoPrice", m.ID, line.words, got, err)
		}
		return
	}
	if err != nil || got.String() != line.credits {
		t.Errorf("%s with %q: %s credits, %v; want %s", m.ID, line.words, got, err, line.credits)
	}
	// Without lengths the estimate may only be higher, or missing.
	if bound, err := m.Estimate(input); err == nil && bound < got || err != nil && !errors.Is(err, catalog.ErrNoPrice) {
		t.Errorf("%s with %q: %s credits without lengths, %v; below the %s with them", m.ID, line.words, bound, err, got)
	}
}

// tried says whether one of the lines of the table meets a rate's conditions.
func tried(m catalog.Model, rate catalog.Rate, lines []priced) bool {
	return slices.ContainsFunc(lines, func(line priced) bool {
		input, _ := sample(m, line.words)
		for name, values := range rate.When {
			in, _ := m.Input(name)
			word := strings.Trim(jsonText(input[name]), `"`)
			if in.Type == catalog.Array || in.Media != "" {
				word = fmt.Sprint(input[name] != nil)
			}
			if !slices.Contains(values, word) {
				return false
			}
		}
		return true
	})
}

// What an entry does not price must be refused, never be free.
func TestUnpricedModels(t *testing.T) {
	unpriced := 0
	for _, m := range load(t).All() {
		if len(m.Price.Rates) > 0 {
			continue
		}
		unpriced++
		input, lengths := sample(m, "")
		if cost, err := m.EstimateFor(input, lengths); !errors.Is(err, catalog.ErrNoPrice) {
			t.Errorf("%s costs %s, %v; want ErrNoPrice", m.ID, cost, err)
		}
	}
	// Token prices, layers nobody can count beforehand, prices Kie does not
	// publish, and models that are gone.
	if unpriced < 10 || unpriced > 30 {
		t.Errorf("%d models have no price", unpriced)
	}
}

// A choice that nobody makes is the dearest one, so that an estimate is an upper
// bound whatever Kie takes for granted.
func TestEstimateWithoutDefaultsIsTheLargest(t *testing.T) {
	for _, m := range load(t).All() {
		whole, lengths := sample(m, "")
		most, err := m.EstimateFor(whole, lengths)
		if err != nil {
			continue
		}
		for _, in := range m.Inputs {
			if in.Default != nil || len(in.Enum) == 0 || whole[in.Name] == nil {
				continue
			}
			for _, choice := range in.Enum {
				whole[in.Name] = choice
				if cost, err := m.EstimateFor(whole, lengths); err == nil && cost > most {
					delete(whole, in.Name)
					if bound, err := m.EstimateFor(whole, lengths); err != nil || bound < cost {
						t.Errorf("%s without %s: %s, %v; below %s for %v", m.ID, in.Name, bound, err, cost, choice)
					}
				}
			}
		}
	}
}
