package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
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
	f.Add(uint8(120), seeds[0])
	models := load(f).All()
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
			checkUnpriced(t, m, costErr)
			return
		}
		checkStored(t, m, completed, cost)
	})
}

// checkUnpriced makes sure that a valid input has no price for a good reason.
func checkUnpriced(t *testing.T, m catalog.Model, err error) {
	t.Helper()
	if !errors.Is(err, catalog.ErrNoPrice) {
		t.Fatalf("%s: %v", m.ID, err)
	}
	unbounded := func(q catalog.Quantity) bool {
		return q.Measure == catalog.CountSeconds && q.AtMost == 0 || q.Over != ""
	}
	if len(m.Price.Rates) > 0 && !slices.ContainsFunc(m.Price.Units, unbounded) {
		t.Fatalf("valid, but without a price: %v", err)
	}
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

// FuzzBuild feeds typed options and files. What Build accepts Validate must
// accept too, and it must have a price, if the model has one. Resolve must find
// a model of the same family.
func FuzzBuild(f *testing.F) {
	f.Add(uint8(0), "a cat astronaut", "16:9", "2K", "10", "7", "", "", "", "")
	f.Add(uint8(11), "кот", "16x9", "4k", "5s", "-1", "2", "u", "", "")
	f.Add(uint8(24), " ", "auto", "", "5 seconds", "9007199254740993", "2.5", "u", "v", "")
	f.Add(uint8(26), "p", "21:9", "1080P", "NaN", "0x10", "1e1", "", "", "w")
	f.Add(uint8(40), strings.Repeat("é", 5001), "", "", "", "", "", "", "", "")
	f.Add(uint8(33), "p\x00\xff", ":", "p", "s", "+5", "６", " ", "u", "w")
	f.Add(uint8(100), "p", "", "", "", "", "", "https://example.com/a.png", "https://example.com/b.png", "")
	f.Add(uint8(150), "p", "", "", "", "", "", "", "", "https://example.com/a.mp4")
	c := load(f)
	models := c.All()
	f.Fuzz(func(t *testing.T, i uint8, prompt, ratio, resolution, duration, seed, count, image, frame, video string) {
		m := pick(models, i)
		options := map[catalog.Option]string{
			catalog.Prompt: prompt, catalog.AspectRatio: ratio, catalog.Resolution: resolution,
			catalog.Duration: duration, catalog.Seed: seed, catalog.Count: count,
			catalog.ImageFile: image, "image2": image, catalog.FirstFrame: frame, catalog.VideoFile: video,
		}
		// Leave out what the model does not have, or little would get through.
		for option := range options {
			if _, has := m.ByOption(option); !has && i%2 == 0 {
				delete(options, option)
			}
		}
		resolved, err := c.Resolve(m.ID, options)
		if err == nil && resolved.ID != m.ID && resolved.Family != m.Family {
			t.Fatalf("%s resolves to %s", m.ID, resolved.ID)
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
		if err != nil {
			checkUnpriced(t, m, err)
			return
		}
		if cost < 0 || cost == 0 && m.Price.Per != catalog.Free {
			t.Fatalf("Build(%q) = %v costs %s", options, input, cost)
		}
		checkStored(t, m, input, cost)
	})
}

// FuzzOverlay feeds operators' files. What Overlay accepts must keep the
// promises of a catalogue, and the base must stay as it is.
func FuzzOverlay(f *testing.F) {
	f.Add([]byte(`{"models": []}`))
	f.Add([]byte(`{"models": [{"id": "a", "title": "B", "price": {"per": "image", "rates": [{"credits": 2}]}}]}`))
	f.Add([]byte(`{"models": [{"id": "a", "inputs": [{"name": "s", "enum": ["x"], "values": {"2:1": "x"}, "default": "x"}, {"name": "new", "type": "string"}]}]}`))
	f.Add([]byte(`{"models": [{"id": "n", "kind": "image", "task": "t", "default_for_kind": true, "inputs": []}, {"id": "a", "status": "retired", "reason": "r", "replacement": "n"}]}`))
	f.Add([]byte(`{"models": [{"id": "a", "inputs": null, "price": null, "aliases": null, "require_one_of": [["p"], []]}, {"id": "a"}, 5]}`))
	const base = `{"models": [{"id": "a", "title": "A", "kind": "image", "task": "t", "default_for_kind": true, "aliases": ["b"],
		"source": "https://docs.kie.ai/", "inputs": [{"name": "p", "type": "string", "option": "prompt", "required": true},
		{"name": "s", "type": "string", "enum": ["x", "y"], "values": {"1:1": "x"}}],
		"price": {"per": "image", "rates": [{"when": {"s": "x"}, "credits": 1}, {"credits": 3}]}}]}`
	c, err := catalog.Parse(strings.NewReader(base))
	if err != nil {
		f.Fatal(err)
	}
	before, err := json.Marshal(c.All())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		over, err := catalog.Overlay(c, bytes.NewReader(data))
		if after, jsonErr := json.Marshal(c.All()); jsonErr != nil || !bytes.Equal(before, after) {
			t.Fatalf("the base is now %s, %v", after, jsonErr)
		}
		if err != nil {
			if over != nil || err.Error() == "" {
				t.Fatalf("Overlay = %v, %v", over, err)
			}
			return
		}
		checkCatalog(t, over)
		var b bytes.Buffer
		if err := catalog.Write(&b, over.All()); err != nil {
			t.Fatal(err)
		}
		if _, err := catalog.Parse(&b); err != nil {
			t.Fatalf("what Write makes of it: %v", err)
		}
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
		checkCatalog(t, c)
	})
}

// checkCatalog makes sure that a catalogue somebody wrote is one.
func checkCatalog(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	for _, m := range c.All() {
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
		cost, err := m.Estimate(input)
		if err != nil && !strings.Contains(err.Error(), "too large") {
			checkUnpriced(t, m, err)
		}
		if cost < 0 {
			t.Fatalf("%s: Estimate = %s", m.ID, cost)
		}
	}
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
