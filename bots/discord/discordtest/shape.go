package discordtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shape says which fields an object of a request has. Every other field is
// refused, though the service would overlook it: a field it does not know is a
// mistake of the bot.
type shape struct {
	fields map[string]*field
	order  []string
	number int // of a component
}

// field is a value in a shape.
type field struct {
	required bool
	nullable bool
	kind     string // str, int, num, bool, id, url, media, nonce, locales, any, list, or names of shapes
	choices  []string
	of       *field // of a list
	min, max float64
	ranged   bool
}

// parseShape reads fields written name:kind, with ! after a name that is
// required, ? after one that may be null, (min..max) after a kind with a range
// of values, lengths or counts, <a,b> after one with choices, [kind] for a
// list and a|b for an object of one of these components. It panics when the
// text is wrong.
func parseShape(text string) *shape {
	sh := &shape{fields: map[string]*field{}}
	for _, word := range strings.Fields(text) {
		name, kind, found := strings.Cut(word, ":")
		if !found {
			panic("discordtest: the table of shapes has " + word)
		}
		f := parseField(kind)
		name, f.nullable = strings.CutSuffix(name, "?")
		name, f.required = strings.CutSuffix(name, "!")
		sh.fields[name] = f
		sh.order = append(sh.order, name)
	}
	return sh
}

func parseField(text string) *field {
	f := &field{kind: text}
	if strings.HasPrefix(text, "[") {
		inner, outside, _ := cutLast(text[1:], "]")
		f.of, f.kind = parseField(inner), "list"
		text = outside
	}
	if kind, limits, found := strings.Cut(text, "("); found {
		var least, most int
		if n, err := fmt.Sscanf(limits, "%d..%d)", &least, &most); n != 2 || err != nil {
			panic("discordtest: the table of shapes has " + text)
		}
		f.min, f.max = float64(least), float64(most)
		f.ranged, text = true, kind
	}
	if kind, list, found := strings.Cut(text, "<"); found {
		f.choices, text = strings.Split(strings.TrimSuffix(list, ">"), ","), kind
	}
	if f.of == nil {
		f.kind = text
	}
	return f
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// checker compares a body with a shape.
type checker struct {
	shapes map[string]*shape
	problems
}

// object checks the fields of an object.
func (c *checker) object(path []string, sh *shape, v any) {
	fields, is := v.(map[string]any)
	if !is {
		c.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if sh.fields[name] == nil {
			c.add(at(path, name), "DISCORDTEST_UNKNOWN_FIELD", "There is no such field here.")
		}
	}
	for _, name := range sh.order {
		f := sh.fields[name]
		switch value, given := fields[name]; {
		case !given && f.required:
			c.add(at(path, name), "BASE_TYPE_REQUIRED", "This field is required")
		case !given, value == nil && f.nullable:
		case value == nil:
			c.add(at(path, name), "BASE_TYPE_REQUIRED", "This field is required and may not be null")
		default:
			c.value(at(path, name), f, value)
		}
	}
}

// at is the path of something below path.
func at(path []string, name string) []string { return append(slices.Clip(path), name) }

func (c *checker) value(path []string, f *field, v any) {
	switch f.kind {
	case "any":
	case "str":
		c.text(path, f, v)
	case "int":
		c.integer(path, f, v)
	case "num":
		c.number(path, f, v)
	case "bool":
		if _, is := v.(bool); !is {
			c.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
		}
	case "id":
		c.snowflake(path, v)
	case "url", "media":
		c.link(path, f, v)
	case "nonce":
		c.nonce(path, v)
	case "locales":
		c.locales(path, f, v)
	case "list":
		c.list(path, f, v)
	default:
		c.model(path, f, v)
	}
}

// model is an object of one shape, or of that of several which its type names.
func (c *checker) model(path []string, f *field, v any) {
	if sh := c.shapes[f.kind]; sh != nil && sh.number == 0 {
		c.object(path, sh, v)
		return
	}
	fields, is := v.(map[string]any)
	if !is {
		c.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
		return
	}
	var numbers []string
	for _, name := range strings.Split(f.kind, "|") {
		sh := c.shapes[name]
		if fmt.Sprint(fields["type"]) == strconv.Itoa(sh.number) {
			c.object(path, sh, v)
			return
		}
		numbers = append(numbers, strconv.Itoa(sh.number))
	}
	c.add(at(path, "type"), "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (%s).", strings.Join(numbers, ", "))
}

func (c *checker) text(path []string, f *field, v any) {
	text, is := v.(string)
	switch {
	case !is:
		c.add(path, "STRING_TYPE_CONVERT", "Could not interpret \"%v\" as string.", v)
	case f.choices != nil && !slices.Contains(f.choices, text):
		c.add(path, "BASE_TYPE_CHOICES", "Value must be one of ('%s').", strings.Join(f.choices, "', '"))
	default:
		c.length(path, f, utf8.RuneCountInString(text), "in length")
	}
}

// length checks the range of a text's or a list's length.
func (c *checker) length(path []string, f *field, n int, what string) {
	switch {
	case !f.ranged || n >= int(f.min) && n <= int(f.max):
	case n == 0 && f.min == 1:
		c.add(path, "BASE_TYPE_REQUIRED", "This field is required")
	case f.min > 0:
		c.add(path, "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d %s.", int(f.min), int(f.max), what)
	default:
		c.add(path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer %s.", int(f.max), what)
	}
}

func (c *checker) integer(path []string, f *field, v any) {
	number, is := v.(json.Number)
	n, err := strconv.ParseInt(string(number), 10, 64)
	switch {
	case !is || err != nil:
		c.add(path, "NUMBER_TYPE_COERCE", "Value \"%v\" is not int.", v)
	case f.choices != nil && !slices.Contains(f.choices, strconv.FormatInt(n, 10)):
		c.add(path, "BASE_TYPE_CHOICES", "Value must be one of {%s}.", strings.Join(f.choices, ", "))
	default:
		c.reach(path, f, float64(n), "int")
	}
}

func (c *checker) number(path []string, f *field, v any) {
	number, is := v.(json.Number)
	x, err := number.Float64()
	if !is || err != nil || math.IsInf(x, 0) {
		c.add(path, "NUMBER_TYPE_COERCE", "Value \"%v\" is not float.", v)
		return
	}
	c.reach(path, f, x, "float")
}

// reach checks the range of a number.
func (c *checker) reach(path []string, f *field, x float64, kind string) {
	switch {
	case f.ranged && x < f.min:
		c.add(path, "NUMBER_TYPE_MIN", "%s value should be greater than or equal to %v.", kind, f.min)
	case f.ranged && x > f.max:
		c.add(path, "NUMBER_TYPE_MAX", "%s value should be less than or equal to %v.", kind, f.max)
	}
}

var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

// snowflake takes digits as a text or as a number ("Snowflakes").
func (c *checker) snowflake(path []string, v any) {
	text := fmt.Sprint(v)
	_, number := v.(json.Number)
	_, str := v.(string)
	if !number && !str || !digits.MatchString(text) {
		c.add(path, "NUMBER_TYPE_COERCE", "Value \"%v\" is not snowflake.", v)
	}
}

var webLink = regexp.MustCompile(`^https?://[^\s/]+`)

// link takes addresses of the web, and where a file is to be shown those of
// files that come with the request ("Uploading Files").
func (c *checker) link(path []string, f *field, v any) {
	text, is := v.(string)
	scheme := "http', 'https"
	if f.kind == "media" {
		scheme += "', 'attachment"
	}
	switch {
	case !is:
		c.add(path, "STRING_TYPE_CONVERT", "Could not interpret \"%v\" as string.", v)
	case len(text) > longestLink(f):
		c.add(path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", longestLink(f))
	case webLink.MatchString(text), f.kind == "media" && strings.HasPrefix(text, "attachment://"):
	default:
		c.add(path, "URL_TYPE_INVALID_SCHEME", "Scheme \"%s\" is not supported. Scheme must be one of ('%s').", strings.Split(text, ":")[0], scheme)
	}
}

func longestLink(f *field) int {
	if f.ranged {
		return int(f.max)
	}
	return 2048
}

// nonce is a text of up to 25 characters, or an integer.
func (c *checker) nonce(path []string, v any) {
	text, is := v.(string)
	if _, number := v.(json.Number); number {
		return
	}
	if !is {
		c.add(path, "STRING_TYPE_CONVERT", "Could not interpret \"%v\" as string.", v)
		return
	}
	c.length(path, &field{max: 25, ranged: true}, utf8.RuneCountInString(text), "in length")
}

// locales maps "Locales" to texts.
func (c *checker) locales(path []string, f *field, v any) {
	texts, is := v.(map[string]any)
	if !is {
		c.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
		return
	}
	for _, locale := range slices.Sorted(maps.Keys(texts)) {
		if !slices.Contains(strings.Fields(knownLocales), locale) {
			c.add(at(path, locale), "BASE_TYPE_CHOICES", "\"%s\" is no locale.", locale)
			continue
		}
		c.text(at(path, locale), f, texts[locale])
	}
}

// knownLocales is the table of "Reference", "Locales".
const knownLocales = "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja zh-TW ko"

func (c *checker) list(path []string, f *field, v any) {
	items, is := v.([]any)
	if !is {
		c.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
		return
	}
	c.length(path, f, len(items), "in length")
	for i, item := range items {
		if item == nil {
			c.add(at(path, strconv.Itoa(i)), "BASE_TYPE_REQUIRED", "This field is required")
			continue
		}
		c.value(at(path, strconv.Itoa(i)), f.of, item)
	}
}
