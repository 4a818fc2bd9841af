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
	if name == "" {
		return b.modelList(s.voice, b.catalog.Models())
	}
	if kind, ok := s.kind(name); ok {
		return b.modelList(s.voice, b.catalog.Models(kind))
	}
	model, err := b.catalog.Lookup(name)
	if err != nil {
		return s.refuse(s.problems(s.call, []problem{unknownModelProblem(name, err)}))
	}
	return s.modelCard(model)
}

// kind understands "video", "videos" and the word that the lists use.
func (v voice) kind(word string) (catalog.Kind, bool) {
	if kind, err := catalog.ParseKind(strings.TrimSuffix(strings.ToLower(word), "s")); err == nil {
		return kind, true
	}
	for _, kind := range kinds() {
		if strings.EqualFold(word, v.say("kind."+string(kind), nil)) {
			return kind, true
		}
	}
	return "", false
}

func kinds() []catalog.Kind {
	return []catalog.Kind{catalog.Image, catalog.Video, catalog.Music, catalog.Speech}
}

func (b *Bot) modelList(v voice, models []catalog.Model) Reply {
	if len(models) == 0 {
		return Reply{Text: v.say("models.none", nil)}
	}
	reply := Reply{Text: v.say("models.title", args{"Example": models[0].ID})}
	for _, m := range models {
		item := Item{Group: v.say("kind."+string(m.Kind), nil), Title: m.Title, Detail: dots(shortest(m), v.price(m), v.standard(m.KindDefault))}
		if c, ok := commandFor(m.Kind); ok {
			item.Insert = "/" + c.name + " --model " + shortest(m) + " "
		}
		reply.Items = append(reply.Items, item)
	}
	return reply
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

// price says what a request with nothing but a prompt costs at most; for a
// model that is paid by the length of the text, what a unit of it costs.
func (v voice) price(m catalog.Model) string {
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

// modelCard shows one model: its price and what can be set.
func (v voice) modelCard(m catalog.Model) Reply {
	lines := []string{dots(m.Title, v.say("kind."+string(m.Kind), nil), v.say("price.plain", args{"Price": v.price(m)}))}
	if len(m.Price.Rates) > 1 || len(m.Price.Units) > 0 {
		for _, rate := range m.Price.Rates {
			lines = append(lines, "• "+dots(v.conditions(m, rate), v.per(m, rate.Credits)))
		}
	}
	lines = append(lines, v.say("models.names", args{"Names": strings.Join(append([]string{m.ID}, m.Aliases...), ", ")}))
	if prompt, ok := m.ByOption(catalog.Prompt); ok && prompt.MaxLength > 0 {
		lines = append(lines, v.say("models.prompt", args{"Limit": fmt.Sprint(prompt.MaxLength)}))
	}
	reply := Reply{Text: strings.Join(lines, "\n")}
	for _, in := range m.Inputs {
		if f, ok := flagFor(in.Option); ok {
			reply.Items = append(reply.Items, Item{Title: f.String(), Detail: dots(v.say("flag."+f.names[0], nil), v.rangeOf(in), v.defaultOf(in))})
		}
	}
	return reply
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
	return strings.Join(parts, ", ")
}

// rangeOf lists an input's choices, or its smallest and largest value.
func (v voice) rangeOf(in catalog.Input) string {
	switch {
	case len(in.Choices()) > 0:
		return v.list(in.Choices(), "")
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
