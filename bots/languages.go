package bots

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Languages lists the languages that there are texts in, as two-letter codes
// in alphabetical order.
func Languages() []string {
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		return nil // embedded: the folder is there
	}
	var codes []string
	for _, file := range files {
		codes = append(codes, strings.TrimSuffix(file.Name(), ".json"))
	}
	return codes
}

// Language returns the code of the language in Languages that a locale (BCP 47)
// is of, whatever its region and script: "zh" for zh-hans and for zh-TW. It is
// false where there are no texts in it. A merely related language does not do:
// nobody is answered in the language of a neighbouring country.
func Language(locale string) (code string, ok bool) {
	tag, err := language.Parse(locale)
	var unknown language.ValueError // well-formed, with a part nobody knows: the rest still counts
	if err != nil && !errors.As(err, &unknown) {
		return "", false
	}
	base, confidence := tag.Base()
	return base.String(), confidence == language.Exact && slices.Contains(Languages(), base.String())
}
