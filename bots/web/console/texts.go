package console

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"kiebot/bots"
)

// texts are the console's own words in one language, by key.
type texts struct {
	lang  string
	words map[string]string
}

// readTexts reads the words in the language that fits the locale, or in English.
func readTexts(locale string) (texts, error) {
	code, ok := bots.Language(locale)
	if !ok {
		code = "en"
	}
	t := texts{lang: code}
	data, err := embedded.ReadFile(path.Join("texts", t.lang+".json"))
	if err == nil {
		err = json.Unmarshal(data, &t.words)
	}
	if err != nil {
		return texts{}, fmt.Errorf("console: reading the texts in %s: %w", t.lang, err)
	}
	return t, nil
}

// word is the text of the key, with what stands for its placeholders, "Name"
// and its value in turn. A key that is missing would be a mistake in this
// package, which its tests find; the key is shown then.
func (t texts) word(key string, pairs ...string) string {
	text, ok := t.words[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i]+"}", pairs[i+1])
	}
	return text
}

// has reports whether there is a text of the key.
func (t texts) has(key string) bool { _, ok := t.words[key]; return ok }
