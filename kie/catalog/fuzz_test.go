package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"kiebot/kie/catalog"
)

// pick chooses a model for fuzzing.
func pick(models []catalog.Model, i uint8) catalog.Model { return models[int(i)%len(models)] }

// checkError makes sure that an error is a list of problems that can be shown.
func checkError(t *testing.T, err error) {
	t.Helper()
	var problems *catalog.ProblemsError
	if !errors.As(err, &problems) || len(problems.Problems) == 0 || problems.Model == "" {
		t.Fatalf("%#v is no list of problems", err)
	}
	for _, p := range problems.Problems {
		if p.Code == "" || p.Name() == "" && p.Code != catalog.Unknown || len([]rune(p.Given)) > 61 {
			t.Fatalf("problem %+v", p)
		}
	}
	if err.Error() == "" {
		t.Fatal("no sentence")
	}
}

// FuzzValidate feeds raw inputs. Whatever comes, Complete, Validate and
// Estimate must not crash; what Validate accepts must have a price, also after
// a round through JSON, which is how a store keeps it.
func FuzzValidate(f *testing.F) {
	seeds := []string{
		`{"prompt":"a cat astronaut"}`,
		`{"prompt":"p","aspect_ratio":"16:9","resolution":"2K","seed":7}`,
		`{"prompt":"p","duration":"10","sound":true}`,
		`{"prompt":"p","duration":1e300,"seed":-9007199254740993}`,
		`{"prompt":"p","max_images":2.5,"image_input":["https://example.com/a.png"]}`,
		`{"text":"hello","voice":"Rachel","stability":0.5}`,
		`{"prompt":null,"":[],"x":{"y":[{}]}}`,
		`{"prompt":"","durration":6}`,
	}
	for i, seed := range seeds {
		f.Add(uint8(i*5), seed)
	}
	models := load(f).Models()
	f.Fuzz(func(t *testing.T, i uint8, raw string) {
		var input map[string]any
		if json.Unmarshal([]byte(raw), &input) != nil {
			t.Skip("not an object")
		}
		m := pick(models, i)
		if err := m.Validate(input); err != nil {
			checkError(t, err)
		}
		completed := m.Complete(input)
		if again := m.Complete(completed); !reflect.DeepEqual(again, completed) {
			t.Fatalf("Complete twice: %v, then %v", completed, again)
		}
		cost, costErr := m.Estimate(completed)
		if cost < 0 {
			t.Fatalf("Estimate = %s", cost)
		}
		if err := m.Validate(completed); err != nil {
			checkError(t, err)
			return
		}
		if costErr != nil {
			t.Fatalf("valid, but without a price: %v", costErr)
		}
		checkStored(t, m, completed, cost)
	})
}

// checkStored makes sure that an input keeps its validity and its price in a
// store.
func checkStored(t *testing.T, m catalog.Model, input map[string]any, cost catalog.Credits) {
	t.Helper()
	encoded, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	// A store that keeps large integers exactly reads numbers this way.
	var stored map[string]any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&stored); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(stored); err != nil {
		t.Fatalf("valid before it was stored, then: %v", err)
	}
	if again, err := m.Estimate(stored); err != nil || again != cost {
		t.Fatalf("%s before it was stored, then %s, %v", cost, again, err)
	}
}

// FuzzBuild feeds typed options. What Build accepts Validate must accept too,
// and it must have a price.
func FuzzBuild(f *testing.F) {
	f.Add(uint8(0), "a cat astronaut", "16:9", "2K", "10", "7", "")
	f.Add(uint8(11), "кот", "16x9", "4k", "5s", "-1", "2")
	f.Add(uint8(24), " ", "auto", "", "5 seconds", "9007199254740993", "2.5")
	f.Add(uint8(26), "p", "21:9", "1080P", "NaN", "0x10", "1e1")
	f.Add(uint8(40), strings.Repeat("é", 5001), "", "", "", "", "")
	f.Add(uint8(33), "p\x00\xff", ":", "p", "s", "+5", "６")
	models := load(f).Models()
	f.Fuzz(func(t *testing.T, i uint8, prompt, ratio, resolution, duration, seed, count string) {
		m := pick(models, i)
		options := map[catalog.Option]string{
			catalog.Prompt: prompt, catalog.AspectRatio: ratio, catalog.Resolution: resolution,
			catalog.Duration: duration, catalog.Seed: seed, catalog.Count: count,
		}
		// Leave out what the model does not have, or little would get through.
		for option := range options {
			if _, has := m.ByOption(option); !has && i%2 == 0 {
				delete(options, option)
			}
		}
		input, err := m.Build(options)
		if err != nil {
			checkError(t, err)
			return
		}
		if err := m.Validate(input); err != nil {
			t.Fatalf("Build(%q) = %v, but Validate: %v", options, input, err)
		}
		cost, err := m.Estimate(input)
		if err != nil || cost <= 0 {
			t.Fatalf("Build(%q) = %v costs %s, %v", options, input, cost, err)
		}
		checkStored(t, m, input, cost)
	})
}

// FuzzParse feeds catalogue files, as an operator might write them. What Parse
// accepts must keep its promises.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"models": []}`))
	f.Add([]byte(`{"models": [{"id": "m", "title": "M", "kind": "image", "task": "t", "default_for_kind": true,
		"aliases": ["n"], "source": "https://docs.kie.ai/", "inputs": [
		{"name": "p", "type": "string", "option": "prompt", "required": true, "max_length": 5},
		{"name": "n", "type": "integer", "option": "count", "min": 1, "max": 4, "default": 1},
		{"name": "s", "type": "string", "enum": ["a", "b"], "values": {"1:1": "a"}, "default": "b"}],
		"price": {"per": "image", "rates": [{"when": {"s": "a"}, "credits": 1}, {"credits": 0.5}],
		"units": [{"measure": "value", "input": "n"}]}}]}`))
	f.Add([]byte(`{"models": [{"id": "m", "inputs": [{"name": "x", "type": "array", "default": [1]}]}]} `))
	f.Add([]byte(`{"models": [{"price": {"rates": [{"when": {"x": [[]]}}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := catalog.Parse(bytes.NewReader(data))
		if err != nil {
			if c != nil || err.Error() == "" {
				t.Fatalf("Parse = %v, %v", c, err)
			}
			return
		}
		for _, m := range c.Models() {
			if found, err := c.Lookup(m.ID); err != nil || found.ID != m.ID {
				t.Fatalf("Lookup(%q) = %q, %v", m.ID, found.ID, err)
			}
			if c.DefaultFor(m.Kind).ID == "" {
				t.Fatalf("%s has no default", m.Kind)
			}
			input := m.Complete(nil)
			if m.Validate(input) != nil || len(m.Price.Rates) == 0 {
				continue
			}
			if cost, err := m.Estimate(input); cost < 0 || (err != nil && !strings.Contains(err.Error(), "too large")) {
				t.Fatalf("%s: Estimate = %s, %v", m.ID, cost, err)
			}
		}
	})
}

// FuzzParseCredits makes sure that amounts survive being written and read.
func FuzzParseCredits(f *testing.F) {
	for _, seed := range []string{"8", "0.8", "-3.25", "", ".", "1e3", "9223372036854775.807", "00.500"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		credits, err := catalog.ParseCredits(text)
		if err != nil {
			return
		}
		if again, err := catalog.ParseCredits(credits.String()); err != nil || again != credits {
			t.Fatalf("%q = %d, written %s, read %d, %v", text, credits, credits, again, err)
		}
	})
}

// FuzzNearest makes sure that suggestions come from the candidates, once each.
func FuzzNearest(f *testing.F) {
	f.Add("modle", "model,seed,ar")
	f.Add("", ",,")
	f.Add("Ⱥ", "ȺⱥȺ,ⱥ")
	f.Add("\xff", "\xfe\xff,a/\xff")
	f.Fuzz(func(t *testing.T, name, list string) {
		candidates := strings.Split(list, ",")
		seen := map[string]bool{}
		for _, near := range catalog.Nearest(name, candidates, 3) {
			if seen[near] || !strings.Contains(","+list+",", ","+near+",") {
				t.Fatalf("Nearest(%q, %q) gives %q", name, candidates, near)
			}
			seen[near] = true
		}
		if len(seen) > 3 {
			t.Fatalf("%d suggestions", len(seen))
		}
	})
}
