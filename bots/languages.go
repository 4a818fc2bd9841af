package bots

import "strings"

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
