package discordtest

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// resolved are the things that ids in an interaction's data stand for
// ("Resolved Data Structure").
type resolved map[string]map[string]any

func (r resolved) add(kind, id string, value any) {
	if r[kind] == nil {
		r[kind] = map[string]any{}
	}
	r[kind][id] = value
}

func (k Speaker) resolvePerson(res resolved, p *Person) {
	res.add("users", p.user.ID, p.user)
	if g := k.room.guild; g != nil && g.members[p.user.ID] != nil {
		m := g.members[p.user.ID]
		out := g.memberJSON(m, false)
		delete(out, "deaf")
		delete(out, "mute")
		out["permissions"] = fmt.Sprint(m.permissions)
		res.add("members", p.user.ID, out)
	}
}

// options are what an interaction says of values.
func (k Speaker) options(params []Parameter, values []Value, focused string, res resolved) []any {
	options := []any{}
	for _, v := range values {
		i := k.named(params, v.name)
		if i < 0 {
			panic(fmt.Sprintf("discordtest: there is no option %q", v.name))
		}
		p := params[i]
		option := map[string]any{"name": p.Name, "type": p.Type}
		switch {
		case v.name == focused && !p.Autocomplete:
			panic(fmt.Sprintf("discordtest: the option %q is not completed", v.name))
		case v.name == focused:
			option["focused"], option["value"] = true, v.value
		default:
			option["value"] = k.option(p, v, res)
		}
		options = append(options, option)
	}
	return options
}

// complete panics when a required option was not given, or one twice.
func complete(params []Parameter, values []Value, command string) {
	given := map[string]bool{}
	for _, v := range values {
		if given[v.name] {
			panic(fmt.Sprintf("discordtest: the option %q of %s is given twice", v.name, command))
		}
		given[v.name] = true
	}
	for _, p := range params {
		localized := slices.ContainsFunc(values, func(v Value) bool {
			for _, name := range p.NameLocalizations {
				if name == v.name {
					return true
				}
			}
			return false
		})
		if p.Required && !given[p.Name] && !localized {
			panic(fmt.Sprintf("discordtest: %s needs the option %q", command, p.Name))
		}
	}
}

// option is the value of one option as it is sent. It panics when a client
// would not send it.
func (k Speaker) option(p Parameter, v Value, res resolved) any {
	value := v.value
	ok := true
	switch p.Type {
	case optString:
		text, is := value.(string)
		ok = is && fitsText(p, text)
	case optInteger, optNumber:
		value, ok = fitsNumber(p, value)
	case optBoolean:
		_, ok = value.(bool)
	case optUser, optMentionable:
		var who *Person
		if who, ok = value.(*Person); ok {
			k.resolvePerson(res, who)
			value = who.user.ID
		}
	case optChannel:
		var where *Channel
		if where, ok = value.(*Channel); ok {
			res.add("channels", where.room.id, where.room.partial(k))
			value = where.room.id
		}
	case optRole:
		value, ok = k.role(value, res)
	case optAttachment:
		if ok = v.file != nil && fitsFile(p.FileTypes, v.file.name); ok {
			f := k.s.keep(k.room, v.file.name, v.file.kind, v.file.data, true)
			res.add("attachments", f.ID, f.Attachment)
			value = f.ID
		}
	}
	if !ok {
		panic(fmt.Sprintf("discordtest: the option %q does not take %v", p.Name, v.value))
	}
	return value
}

// picked says whether a value is a choice, where there are such.
func picked(p Parameter, value any) bool {
	return len(p.Choices) == 0 || slices.ContainsFunc(p.Choices, func(c Choice) bool { return fmt.Sprint(c.Value) == fmt.Sprint(value) })
}

func fitsText(p Parameter, text string) bool {
	n := utf8.RuneCountInString(text)
	least, most := 1, 6000
	if p.MinLength != nil {
		least = max(least, *p.MinLength)
	}
	if p.MaxLength != nil {
		most = *p.MaxLength
	}
	return n >= least && n <= most && !strings.ContainsAny(text, "\n") && picked(p, text)
}

func fitsNumber(p Parameter, value any) (any, bool) {
	var x float64
	switch n := value.(type) {
	case int:
		x = float64(n)
	case float64:
		x = n
	default:
		return value, false
	}
	ok := math.Abs(x) <= maxExact && (p.Type == optNumber || x == math.Trunc(x)) && picked(p, value)
	return value, ok && (p.MinValue == nil || x >= *p.MinValue) && (p.MaxValue == nil || x <= *p.MaxValue)
}

// fitsFile follows file_types, of which a client only knows names.
func fitsFile(kinds []string, name string) bool {
	ending := strings.ToLower(path.Ext(name))
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(kind string) bool {
		return ending == strings.ToLower(kind) || slices.Contains(endings(kind), ending)
	})
}

// endings are how names of a family of files end.
func endings(family string) []string {
	switch family {
	case "image":
		return []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif"}
	case "video":
		return []string{".mp4", ".mov", ".webm"}
	case "audio":
		return []string{".mp3", ".m4a", ".ogg", ".wav", ".flac"}
	}
	return nil
}

func (k Speaker) role(value any, res resolved) (any, bool) {
	id, is := value.(string)
	if !is || k.room.guild == nil {
		return value, false
	}
	for _, r := range k.room.guild.roles {
		if r.ID == id {
			res.add("roles", id, r)
			return id, true
		}
	}
	return value, false
}

// partial is a channel as interactions show it.
func (r *room) partial(k Speaker) map[string]any {
	out := r.channelJSON()
	delete(out, "permission_overwrites")
	if r.guild != nil {
		if m := r.guild.members[k.person.user.ID]; m != nil {
			out["permissions"] = fmt.Sprint(m.permissions)
		}
	}
	return out
}
