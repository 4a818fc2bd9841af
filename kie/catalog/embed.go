package catalog

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

//go:embed image.json
var embeddedImages string

//go:embed video.json
var embeddedVideos string

//go:embed sound.json
var embeddedSound string

// entry is one model of a catalogue. Of an embedded one only the head is
// decoded at first, because a program starts with all of them and uses few.
type entry struct {
	head     Model  // without inputs, price and source as long as there is text
	text     string // what is to be decoded at first use; empty: head is everything
	once     sync.Once
	whole    Model
	judge    sync.Once
	prompted bool
}

// model returns the whole model, which must not be changed.
func (e *entry) model() *Model {
	if e.text == "" {
		return &e.head
	}
	e.once.Do(func() {
		// The tests have decoded this very text.
		if err := decode([]byte(e.text), &e.whole); err != nil {
			panic(fmt.Sprintf("catalog: embedded model %s: %v", e.head.ID, err))
		}
		e.whole.fill()
		e.whole.settleAll()
	})
	return &e.whole
}

// runsFromPrompt says whether somebody who gives nothing but a prompt gets a
// file, at a price that is known.
func (e *entry) runsFromPrompt() bool {
	if e.head.Status != Current || e.head.Output == OutputText || e.head.Output == OutputJSON {
		return false
	}
	e.judge.Do(func() {
		m := e.model()
		prompt, ok := m.ByOption(Prompt)
		_, err := m.Build(map[Option]string{Prompt: "a"})
		e.prompted = ok && prompt.Type == String && len(m.Price.Rates) > 0 && err == nil
	})
	return e.prompted
}

// Default returns the embedded data. It reads the names of all models and
// leaves the rest for later, which takes about a millisecond.
func Default() (*Catalog, error) {
	var entries []*entry
	for _, data := range []string{embeddedImages, embeddedVideos, embeddedSound} {
		for text := range strings.SplitSeq(data, "\n    {\n") {
			if !strings.HasPrefix(text, "      \"id\"") {
				continue // what stands before the first
			}
			e, err := lazy(text)
			if err != nil {
				return nil, fmt.Errorf("reading the embedded catalogue: %w", err)
			}
			entries = append(entries, e)
		}
	}
	c, wrong := assemble(entries)
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("checking the embedded catalogue: %w", err)
	}
	return c, nil
}

// lazy decodes the head of an entry in the form of Write; the text begins
// after the opening brace.
func lazy(text string) (*entry, error) {
	text = text[:strings.LastIndex(text, "\n    }")]
	fields, _, found := strings.Cut(text, ","+inputsField)
	if !found {
		return nil, fmt.Errorf("no inputs after %q", shorten(text))
	}
	e := &entry{text: "{" + text + "}"}
	if err := json.Unmarshal([]byte("{"+fields+"}"), &e.head); err != nil {
		return nil, fmt.Errorf("%q: %w", shorten(fields), err)
	}
	e.head.fill()
	return e, nil
}

// settleAll gives the values of a model that has been checked before their
// canonical types.
func (m *Model) settleAll() {
	for i := range m.Inputs {
		m.Inputs[i].prepareValues(func(string, ...any) {})
	}
}
