package discordtest

import (
	"math"
	"slices"
	"strconv"
)

// checkParameters follows the notes of "Application Command Option Structure"
// and "Subcommands and Subcommand Groups". deepest is the highest kind of
// command that may stand here: a group, a subcommand, or none.
func checkParameters(p *problems, path []string, options []Parameter, deepest int) {
	names, optional, nested := map[string]bool{}, false, 0
	for i, o := range options {
		here := at(path, strconv.Itoa(i))
		checkName(p, here, o.Name, o.NameLocalizations)
		if names[o.Name] {
			p.add(at(here, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name must be unique")
		}
		names[o.Name] = true
		if o.Required && optional {
			p.add(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
		}
		optional = optional || !o.Required
		if o.Type <= optGroup {
			nested++
			checkNested(p, here, o, deepest)
			continue
		}
		checkParameter(p, here, o)
	}
	if nested > 0 && nested < len(options) {
		p.add(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types")
	}
}

func checkNested(p *problems, path []string, o Parameter, deepest int) {
	switch {
	case o.Type > deepest || deepest == 0:
		p.add(at(path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "A command cannot be nested here")
	case o.Type == optGroup && len(o.Options) == 0:
		p.add(at(path, "options"), "BASE_TYPE_REQUIRED", "This field is required")
	case o.Type == optGroup && slices.ContainsFunc(o.Options, func(o Parameter) bool { return o.Type != optSubcommand }):
		p.add(at(path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only sub-commands may be in a group")
	}
	if o.Required {
		p.add(at(path, "required"), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "A sub-command cannot be required")
	}
	below := 0
	if o.Type == optGroup {
		below = optSubcommand
	}
	checkParameters(p, at(path, "options"), o.Options, below)
}

// checkParameter checks which fields go with which kind of option.
func checkParameter(p *problems, path []string, o Parameter) {
	number := o.Type == optInteger || o.Type == optNumber
	for _, rule := range []struct {
		broken bool
		field  string
		text   string
	}{
		{len(o.Options) > 0, "options", "Only sub-commands have options."},
		{len(o.Choices) > 0 && o.Type != optString && !number, "choices", "Only texts and numbers have choices."},
		{o.Autocomplete && o.Type != optString && !number, "autocomplete", "Only texts and numbers are completed."},
		{o.Autocomplete && len(o.Choices) > 0, "autocomplete", "Autocomplete cannot be set to true if choices are present"},
		{(o.MinValue != nil || o.MaxValue != nil) && !number, "min_value", "Only numbers have a range."},
		{(o.MinLength != nil || o.MaxLength != nil) && o.Type != optString, "min_length", "Only texts have a length."},
		{o.MinValue != nil && o.MaxValue != nil && *o.MinValue > *o.MaxValue, "min_value", "min_value is larger than max_value."},
		{o.MinLength != nil && o.MaxLength != nil && *o.MinLength > *o.MaxLength, "min_length", "min_length is larger than max_length."},
		{len(o.ChannelTypes) > 0 && o.Type != optChannel, "channel_types", "Only channels have channel types."},
		{len(o.FileTypes) > 0 && o.Type != optAttachment, "file_types", "Only attachments have file types."},
		{o.Type == optInteger && (!whole(o.MinValue) || !whole(o.MaxValue)), "min_value", "The range of integers has integers."},
	} {
		if rule.broken {
			p.add(at(path, rule.field), "APPLICATION_COMMAND_OPTIONS_INVALID", "%s", rule.text)
		}
	}
	checkFileTypes(p, at(path, "file_types"), o.FileTypes)
	checkChoices(p, at(path, "choices"), o)
}

// checkFileTypes: a family of files, or how names end.
func checkFileTypes(p *problems, path []string, kinds []string) {
	for i, kind := range kinds {
		if !slices.Contains([]string{"audio", "image", "video"}, kind) && (len(kind) < 2 || kind[0] != '.') {
			p.add(at(path, strconv.Itoa(i)), "BASE_TYPE_CHOICES", "Value must be one of ('audio', 'image', 'video') or begin with a dot.")
		}
	}
}

func whole(x *float64) bool { return x == nil || *x == math.Trunc(*x) }

// maxExact is the largest whole number a client can pick.
const maxExact = 1 << 53

// checkChoices: the value of a choice is of the option's kind, each once.
func checkChoices(p *problems, path []string, o Parameter) {
	seen := map[any]bool{}
	for i, choice := range o.Choices {
		here := at(at(path, strconv.Itoa(i)), "value")
		x, number := choice.Value.(float64)
		text, str := choice.Value.(string)
		switch {
		case o.Type == optString && !str:
			p.add(here, "STRING_TYPE_CONVERT", "Could not interpret \"%v\" as string.", choice.Value)
		case o.Type == optString && (text == "" || len([]rune(text)) > 100):
			p.add(here, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
		case o.Type != optString && (!number || math.Abs(x) > maxExact || o.Type == optInteger && !whole(&x)):
			p.add(here, "NUMBER_TYPE_COERCE", "Value \"%v\" is not a number of this kind.", choice.Value)
		case seen[choice.Value], seen["name "+choice.Name]:
			p.add(here, "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "Choices must be unique")
		}
		if number || str {
			seen[choice.Value] = true
		}
		seen["name "+choice.Name] = true
	}
}
