package core

import (
	"strconv"
	"strings"

	"kiebot/kie/catalog"
)

const fileScheme = "kiebot-file:"

// FileValue stands in Request.Input for the address of the n-th of
// Request.Files. Each file stands there once; Submit refuses every other value
// of this form, which a person must have typed.
func FileValue(n int) string { return fileScheme + strconv.Itoa(n) }

// fileNumber is the inverse of FileValue.
func fileNumber(value string) (n int, ok bool) {
	number, ok := strings.CutPrefix(value, fileScheme)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	return n, err == nil && value == FileValue(n)
}

// checkFiles refuses file values that stand for none of the request's files,
// or for one that stands elsewhere already.
func checkFiles(model catalog.Model, req Request) error {
	wrong := &catalog.ProblemsError{Model: model.ID, Title: model.Title}
	used := make([]bool, len(req.Files))
	for _, in := range model.Inputs {
		replaceFiles(req.Input[in.Name], func(n int) string {
			if n < 0 || n >= len(used) || used[n] {
				wrong.Problems = append(wrong.Problems, catalog.Problem{
					Code: catalog.NotAChoice, Input: in.Name, Option: in.Option, Given: FileValue(n),
				})
				return ""
			}
			used[n] = true
			return ""
		})
	}
	if len(wrong.Problems) > 0 {
		return &Refusal{Reason: ReasonInput, Err: wrong}
	}
	return nil
}

// inputOf is the request's input with the addresses of its files in place.
func inputOf(r Request) map[string]any {
	input := make(map[string]any, len(r.Input))
	for name, value := range r.Input {
		input[name] = replaceFiles(value, func(n int) string {
			if n < 0 || n >= len(r.Files) {
				return FileValue(n)
			}
			return r.Files[n].URL
		})
	}
	return input
}

// replaceFiles copies a value of an input with every file value in it replaced.
func replaceFiles(value any, address func(n int) string) any {
	switch v := value.(type) {
	case string:
		if n, ok := fileNumber(v); ok {
			return address(n)
		}
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = replaceFiles(v[i], address)
		}
		return all
	case []string:
		all := make([]any, len(v))
		for i := range v {
			all[i] = replaceFiles(v[i], address)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = replaceFiles(v[name], address)
		}
		return all
	}
	return value
}
