package bots

import (
	"context"
	"slices"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

func offerWords(words ...string) func(context.Context, *Bot) []string {
	return func(context.Context, *Bot) []string { return words }
}

// offerGroups are words, and the tiers as targets.
func offerGroups(words ...string) func(context.Context, *Bot) []string {
	return func(ctx context.Context, b *Bot) []string {
		all := slices.Clone(words)
		for _, t := range b.tiers(ctx) {
			all = append(all, core.TierRole(t))
		}
		return all
	}
}

func offerTiers(ctx context.Context, b *Bot) []string { return append(b.tiers(ctx), noTier) }

func offerKinds(context.Context, *Bot) []string {
	var all []string
	for _, kind := range catalog.Kinds() {
		all = append(all, string(kind))
	}
	return all
}

// offerModels are the families: the models that people see.
func offerModels(_ context.Context, b *Bot) []string {
	var all []string
	for _, family := range b.catalog.Families() {
		all = append(all, family.Name)
	}
	return all
}

// completeAct offers how to go on with an act's words: its name, and then what
// can stand next, as far as that can be listed. It always shows how the act goes.
func (b *Bot) completeAct(ctx context.Context, v voice, typed string) []Suggestion {
	typed = strings.TrimLeft(strings.ToValidUTF8(typed, ""), " ")
	at := lastWord(typed)
	before, begun := typed[:at], typed[at:]
	name, _ := cutWord(before)
	row, ok := findAct(name)
	if name == "" || !ok {
		return v.completeName(begun)
	}
	found := []Suggestion{}
	if n := len(strings.Fields(before)) - 1; n < len(row.takes) {
		for _, word := range row.takes[n].listed(ctx, b) {
			if strings.HasPrefix(word, strings.ToLower(begun)) {
				found = append(found, Suggestion{Insert: before + word, Label: before + word, Detail: row.form(v)})
			}
		}
	}
	if len(found) == 0 {
		found = append(found, Suggestion{Insert: typed, Label: strings.TrimSpace(typed), Detail: row.form(v)})
	}
	return found[:min(len(found), maxSuggestions)]
}

// completeName offers the acts that begin like this, or all.
func (v voice) completeName(begun string) []Suggestion {
	var found, all []Suggestion
	for _, row := range acts() {
		one := Suggestion{Insert: row.name, Label: row.form(v), Detail: v.say("act."+row.name, nil)}
		if all = append(all, one); rank(begun, row.name) != far {
			found = append(found, one)
		}
	}
	if len(found) == 0 {
		found = all
	}
	return found[:min(len(found), maxSuggestions)]
}

// listed are the words that the slot offers.
func (s slot) listed(ctx context.Context, b *Bot) []string {
	switch {
	case s.name == anAct.name:
		var names []string
		for _, row := range acts() {
			names = append(names, row.name)
		}
		return names
	case s.offers == nil:
		return nil
	}
	return s.offers(ctx, b)
}

// tiers are the names of those that have limits; none when they cannot be read.
func (b *Bot) tiers(ctx context.Context) []string {
	p, _, err := b.engine.Policy(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for role := range p.Roles {
		if name, is := strings.CutPrefix(role, core.TierRole("")); is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
