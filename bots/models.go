package bots

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kiebot/kie/catalog"
)

// models answers /models, /models KIND and /models NAME.
func (b *Bot) models(_ context.Context, s session) Reply {
	name := s.call.prompt
	menu := step{menu: modelsMenu, owner: tagOf(s.in.Origin.Identity)}
	if name == "" {
		list := b.modelList(s.voice)
		list.Menu, list.Buttons = len(list.Items) > 0, b.kindsPage(s.voice, menu, step{}).Buttons
		return list
	}
	if kind, ok := s.kind(name); ok {
		list := b.modelList(s.voice, kind)
		at := menu.to(showKind, string(kind), "0")
		list.Menu, list.Buttons = len(list.Items) > 0, b.kindPage(s.voice, at, menu.to(showKinds)).Buttons
		return list
	}
	model, err := b.catalog.Resolve(name, nil)
	if err != nil {
		return s.refuse(s.problems(s.call, []problem{b.modelProblem(name, err)}))
	}
	return b.modelPage(s, menu, model)
}

// kind understands "video", "videos" and the word that the lists use.
func (v voice) kind(word string) (catalog.Kind, bool) {
	if kind, err := catalog.ParseKind(strings.TrimSuffix(strings.ToLower(word), "s")); err == nil {
		return kind, true
	}
	for _, kind := range catalog.Kinds() {
		if strings.EqualFold(word, v.say("kind."+string(kind), nil)) {
			return kind, true
		}
	}
	return "", false
}

// offer is a family of models as people are offered it.
type offer struct {
	family catalog.Family
	model  catalog.Model // what runs when nothing but a prompt is given, or nearly nothing
	name   string        // what to type
}

// offers lists the families of a kind, of all kinds without one.
func (b *Bot) offers(kinds ...catalog.Kind) []offer {
	var all []offer
	for _, family := range b.catalog.Families(kinds...) {
		model, err := b.catalog.Lookup(family.Models[0])
		if err != nil {
			continue // every id can be looked up
		}
		name := shortest(model)
		if len(family.Name) < len(name) {
			name = family.Name
		}
		all = append(all, offer{family: family, model: model, name: name})
	}
	return all
}

func (b *Bot) modelList(v voice, kinds ...catalog.Kind) Reply {
	all := b.offers(kinds...)
	if len(all) == 0 {
		return Reply{Text: v.say("models.none", nil)}
	}
	reply := Reply{Text: v.say("models.title", args{"Example": all[0].name})}
	for _, o := range all {
		item := Item{Group: v.say("kind."+string(o.family.Kind), nil), Title: o.family.Title, Detail: dots(o.name, v.offered(o.model))}
		item.Insert = "/" + o.command().name + " --model " + o.name + " "
		reply.Items = append(reply.Items, item)
	}
	return reply
}

// command is the one to run the model with: that of its kind, if it takes what
// the model needs.
func (o offer) command() command {
	c, ok := commandFor(o.family.Kind)
	for _, in := range o.model.Inputs {
		ok = ok && (!demanded(in) || c.has(in.Option))
	}
	if !ok {
		c, _ = commandFor(anyKind)
	}
	return c
}

// demanded says whether an input must be given besides a prompt.
func demanded(in catalog.Input) bool {
	return in.Required && in.Default == nil && in.Option != catalog.Prompt
}

// offered is what one wants to know before choosing a model.
func (v voice) offered(m catalog.Model) string {
	return dots(v.price(m), v.needs(m), v.standard(m.KindDefault))
}

// needs says what has to be given besides a prompt.
func (v voice) needs(m catalog.Model) string {
	var names []string
	for _, in := range m.Inputs {
		name := in.Name
		if f, ok := flagFor(in.Option); ok {
			name = f.String()
		}
		if demanded(in) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return v.say("models.needs", args{"List": v.joined(names)})
}

// standard marks what is used when nothing is said.
func (v voice) standard(is bool) string {
	if is {
		return v.say("default", nil)
	}
	return ""
}

// shortest is the name that is quickest to type for the model.
func shortest(m catalog.Model) string {
	name := m.ID
	for _, alias := range m.Aliases {
		if len(alias) < len(name) {
			name = alias
		}
	}
	return name
}

// Price is the model's price in the language of the locale, for a request with
// nothing but a prompt; for a model that is paid by the length of the text, of a
// unit of it.
func (b *Bot) Price(m catalog.Model, locale string) string { return b.voice(locale).price(m) }

// price says what a request with nothing but a prompt costs at most; for a
// model that is paid by the length of the text, what a unit of it costs.
func (v voice) price(m catalog.Model) string {
	if m.Price.Per == catalog.Free {
		return v.say("price.free", nil)
	}
	amount, err := m.Estimate(m.Complete(nil))
	if err != nil {
		return v.say("price.unknown", nil)
	}
	if slices.ContainsFunc(m.Price.Units, func(q catalog.Quantity) bool { return q.Measure == catalog.CountCharacters }) {
		return v.per(m, amount)
	}
	return v.credits(amount)
}

func (v voice) per(m catalog.Model, amount catalog.Credits) string {
	return v.say("price.per", args{"Credits": v.credits(amount), "Unit": v.say("per."+strings.ReplaceAll(m.Price.Per, " ", "_"), nil)})
}

// modelCard shows one model: its price, its family and what can be set.
func (b *Bot) modelCard(v voice, m catalog.Model) Reply {
	lines := []string{dots(m.Title, v.say("kind."+string(m.Kind), nil), v.say("price.plain", args{"Price": v.price(m)}))}
	if len(m.Price.Rates) > 1 || len(m.Price.Units) > 0 {
		for _, rate := range m.Price.Rates {
			lines = append(lines, "• "+dots(v.conditions(m, rate), v.per(m, rate.Credits)))
		}
	}
	lines = append(lines, v.say("models.names", args{"Names": v.joined(append([]string{m.ID}, m.Aliases...))}))
	items := v.inputs(m)
	if family := b.familyOf(m); len(family.Models) > 1 {
		lines = append(lines, v.say("models.family", args{"Name": family.Name, "List": v.joined(family.Models)}))
		items = append(items, b.moreFiles(v, m, family)...)
	}
	if prompt, ok := m.ByOption(catalog.Prompt); ok && prompt.MaxLength > 0 {
		lines = append(lines, v.say("models.prompt", args{"Limit": fmt.Sprint(prompt.MaxLength)}))
	}
	return Reply{Text: strings.Join(lines, "\n"), Items: items}
}

func (b *Bot) familyOf(m catalog.Model) catalog.Family {
	for _, family := range b.catalog.Families(m.Kind) {
		if slices.Contains(family.Models, m.ID) {
			return family
		}
	}
	return catalog.Family{}
}

// moreFiles lists the files that another model of the family takes.
func (b *Bot) moreFiles(v voice, m catalog.Model, family catalog.Family) []Item {
	var items []Item
	shown := m.Options()
	for _, id := range family.Models {
		other, err := b.catalog.Lookup(id)
		if err != nil {
			continue // every id can be looked up
		}
		for _, in := range other.Inputs {
			if f, ok := flagFor(in.Option); ok && in.Option.IsFile() && !slices.Contains(shown, in.Option) {
				shown = append(shown, in.Option)
				items = append(items, Item{Title: f.String(), Detail: dots(v.say(f.text(), nil), v.filesOf(other, in), other.ID)})
			}
		}
	}
	return items
}

// inputs lists what can be given to a model, each option once.
func (v voice) inputs(m catalog.Model) []Item {
	var items []Item
	shown := map[catalog.Option]bool{catalog.Prompt: true}
	for _, in := range m.Inputs {
		if shown[in.Option] {
			continue
		}
		required := ""
		if demanded(in) {
			required = v.say("required", nil)
		}
		f, ok := flagFor(in.Option)
		switch {
		case !ok:
			items = append(items, Item{Title: "--set " + in.Name + "=…", Detail: dots(in.Description, v.rangeOf(in), required, v.defaultOf(in))})
			continue
		case in.Option.IsFile():
			items = append(items, Item{Title: f.String(), Detail: dots(v.say(f.text(), nil), v.filesOf(m, in), required)})
		default:
			items = append(items, Item{Title: f.String(), Detail: dots(v.say(f.text(), nil), v.rangeOf(in), required, v.defaultOf(in))})
		}
		shown[in.Option] = true
	}
	return items
}

// filesOf says how many files can be given, and which.
func (v voice) filesOf(m catalog.Model, in catalog.Input) string {
	var most, size, types string
	if _, n := m.Takes(in.Option); n > 1 {
		most = v.count("files.most", n, args{"N": fmt.Sprint(n)})
	}
	if in.MaxMB > 0 {
		size = v.say("files.size", args{"Limit": fmt.Sprint(in.MaxMB)})
	}
	if len(in.Accept) > 0 {
		types = v.joined(v.typesOf(in))
	}
	return dots(most, size, types)
}

// conditions says when a rate applies: "--res 1080p, sound true".
func (v voice) conditions(m catalog.Model, rate catalog.Rate) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(rate.When)) {
		in, _ := m.Input(name)
		title := name
		if f, ok := flagFor(in.Option); ok {
			title = f.String()
		}
		parts = append(parts, title+" "+v.either(rate.When[name]))
	}
	return v.joined(parts)
}

// rangeOf lists an input's choices, or its smallest and largest value.
func (v voice) rangeOf(in catalog.Input) string {
	switch {
	case len(in.Choices()) > 0:
		return v.list(in.Choices(), "")
	case in.Type == catalog.Boolean:
		return "true, false"
	case in.Min != nil && in.Max != nil:
		return number(in.Min) + "–" + number(in.Max)
	case in.Min != nil:
		return "≥ " + number(in.Min)
	case in.Max != nil:
		return "≤ " + number(in.Max)
	}
	return ""
}

func (v voice) defaultOf(in catalog.Input) string {
	if in.Default == nil {
		return ""
	}
	return v.say("default_is", args{"Value": typed(in, in.Default)})
}

// typed is a value that is sent to Kie as a person types it: "1:1" for "square_hd".
func typed(in catalog.Input, value any) string {
	sent := plain(value)
	if sent == "" {
		return ""
	}
	for _, choice := range in.Choices() {
		if plain(in.Values[choice]) == sent {
			return choice
		}
	}
	return sent
}

// plain writes a value as JSON would, without the quotes of a text.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return number(&v)
	}
	return fmt.Sprint(value)
}
