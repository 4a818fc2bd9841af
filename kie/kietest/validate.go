package kietest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"kiebot/kie/catalog"
)

// checkInput judges a decoded input as the service does: a missing field is a
// code 500 that names it, anything else wrong a 422, and fields the model does
// not have are ignored. It shares only data with the catalogue's own
// validation, so that a mistake there shows here.
func checkInput(model catalog.Model, input map[string]any) (ignored []string, refused *reply) {
	for _, name := range slices.Sorted(maps.Keys(input)) {
		if _, known := model.Input(name); !known {
			ignored = append(ignored, name)
		}
	}
	for _, in := range model.Inputs {
		value := input[in.Name]
		if isEmpty(value) {
			if in.Required {
				return ignored, missing(in.Name)
			}
			continue
		}
		if msg := checkValue(in, value); msg != "" && !(takesAssets(model) && onlyAssets(in, value)) {
			return ignored, invalid(in.Name + " " + msg)
		}
	}
	return ignored, checkTogether(model, input)
}

// missing refuses an order without a field, with the code that the service
// has for it.
func missing(name string) *reply {
	out := refusal(http.StatusInternalServerError, "This field is required: "+name)
	return &out
}

// checkTogether judges what inputs have to do with each other.
func checkTogether(model catalog.Model, input map[string]any) *reply {
	given := func(name string) bool { return !isEmpty(input[name]) }
	for _, in := range model.Inputs {
		if !given(in.Name) {
			continue
		}
		if in.Needs != "" && !given(in.Needs) {
			return missing(in.Needs)
		}
		if i := slices.IndexFunc(in.NotWith, given); i >= 0 {
			return invalid(in.Name + " and " + in.NotWith[i] + " cannot be used together")
		}
	}
	if len(model.RequireOneOf) == 0 {
		return nil
	}
	for _, set := range model.RequireOneOf {
		if !slices.ContainsFunc(set, func(name string) bool { return !given(name) }) {
			return nil
		}
	}
	return missing(model.RequireOneOf[0][0])
}

// onlyAssets reports whether a media input holds assets in place of links.
func onlyAssets(in catalog.Input, value any) bool {
	items, isList := value.([]any)
	if !isList {
		items = []any{value}
	}
	return in.Media != "" && isList == (in.Type == catalog.Array) && !slices.ContainsFunc(items, func(item any) bool {
		link, text := item.(string)
		return !text || !isAsset(link) && !isLink(link)
	})
}

// isEmpty reports a value that counts as not given.
func isEmpty(value any) bool {
	list, isList := value.([]any)
	return value == nil || value == "" || isList && len(list) == 0
}

// checkValue returns what is wrong with a value, or nothing.
func checkValue(in catalog.Input, value any) string {
	if msg := checkType(in.Type, value); msg != "" {
		if slices.ContainsFunc(in.AlsoTypes, func(t catalog.Type) bool { return checkType(t, value) == "" }) {
			return ""
		}
		return msg
	}
	if slices.ContainsFunc(in.AlsoValues, func(v any) bool { return v == value || number(v) == number(value) }) {
		return ""
	}
	switch v := value.(type) {
	case string:
		return checkText(in, v)
	case float64:
		return checkNumber(in, v)
	case []any:
		return checkList(in, v)
	}
	return ""
}

func checkType(want catalog.Type, value any) string {
	fits := false
	switch v := value.(type) {
	case string:
		fits = want == catalog.String
	case float64:
		fits = want == catalog.Number || want == catalog.Integer && v == math.Trunc(v)
	case bool:
		fits = want == catalog.Boolean
	case []any:
		fits = want == catalog.Array
	default:
		fits = want != catalog.String && want != catalog.Number && want != catalog.Integer &&
			want != catalog.Boolean && want != catalog.Array
	}
	if !fits {
		return fmt.Sprintf("must be of type %s", want)
	}
	return ""
}

func checkText(in catalog.Input, v string) string {
	switch {
	case in.MaxLength > 0 && utf8.RuneCountInString(v) > in.MaxLength:
		return fmt.Sprintf("length exceeds the maximum limit of %d characters", in.MaxLength)
	case in.Media != "" && !isLink(v):
		return "must be a http or https URL"
	case len(in.Enum) > 0 && !slices.Contains(in.Enum, any(v)):
		return "is not within the range of allowed options"
	}
	return ""
}

func checkNumber(in catalog.Input, v float64) string {
	switch {
	case in.Min != nil && v < *in.Min, in.Max != nil && v > *in.Max:
		return "is not within the allowed range"
	case len(in.Enum) > 0 && !slices.ContainsFunc(in.Enum, func(e any) bool { return number(e) == v }):
		return "is not within the range of allowed options"
	}
	return ""
}

// number is a number of the catalogue as JSON has it, or NaN.
func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	}
	return math.NaN()
}

func checkList(in catalog.Input, v []any) string {
	if len(v) < in.MinItems || in.MaxItems > 0 && len(v) > in.MaxItems {
		return fmt.Sprintf("has %d items, which is not within the allowed number", len(v))
	}
	for _, item := range v {
		if in.Items != "" {
			if msg := checkType(catalog.Type(in.Items), item); msg != "" {
				return "items " + msg
			}
		}
		if link, text := item.(string); in.Media != "" && (!text || !isLink(link)) {
			return "items must be http or https URLs"
		}
	}
	return ""
}

func isLink(v string) bool {
	u, err := url.Parse(v)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
