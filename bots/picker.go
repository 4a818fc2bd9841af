package bots

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kiebot/kie/catalog"
)

// kindsPage offers the kinds of models. home, if it has a menu, is where the
// button leads that goes back.
func (b *Bot) kindsPage(v voice, at, home step) Reply {
	var k keyboard
	k.columns(2, b.kindButtons(v, at))
	switch {
	case home.menu != "":
		k.row(v.back(home))
	case at.menu == draftMenu:
		k.row(Button{Emoji: "❌", Label: v.say("button.cancel", nil), Data: at.to(dropDraft).data()})
	}
	return page(v.say("menu.kinds", nil), k)
}

// kindButtons are the kinds that there are models of.
func (b *Bot) kindButtons(v voice, at step) []Button {
	var all []Button
	for _, kind := range catalog.Kinds() {
		if len(b.catalog.Families(kind)) > 0 {
			all = append(all, Button{Label: v.kindName(kind), Data: at.to(showKind, string(kind), "0").data()})
		}
	}
	return all
}

// kindPage offers the families of one kind, each with its price.
func (b *Bot) kindPage(v voice, at step, back step) Reply {
	kind, err := catalog.ParseKind(at.arg(0))
	if err != nil {
		return v.unknown()
	}
	var choices []Button
	for _, o := range b.shelves(at, kind) {
		next := at.to(takeModel, tag(o.model.ID))
		if len(o.family.Models) > 1 {
			next = at.to(showFamily, tag(o.model.ID))
		}
		choices = append(choices, Button{Label: dots(shorten(o.family.Title, 40), v.price(o.model)), Data: next.data()})
	}
	var k keyboard
	n, of := k.turn(1, choices, at.page(1), func(page int) step { return at.to(showKind, string(kind), fmt.Sprint(page)) }, v.back(back))
	text := v.say("menu.kind", args{"Kind": v.kindName(kind)})
	if of > 1 {
		text = sentences(text, v.say("menu.page", args{"N": fmt.Sprint(n), "Of": fmt.Sprint(of)}))
	}
	return page(text, k)
}

// familyPage offers the models of one family.
func (b *Bot) familyPage(v voice, at step) Reply {
	o, ok := b.offerOf(at.arg(0))
	if !ok {
		return v.gone()
	}
	var choices []Button
	for _, id := range o.family.Models {
		if m, err := b.catalog.Lookup(id); err == nil && (!at.chooses() || fromWords(m)) {
			choices = append(choices, Button{Label: dots(shorten(m.Title, 40), v.price(m), v.needs(m)), Data: at.to(takeModel, tag(id)).data()})
		}
	}
	var k keyboard
	k.columns(1, choices)
	k.row(v.back(b.shelf(at, o.model)))
	return page(v.say("menu.family", args{"Title": o.family.Title}), k)
}

// gone refuses a model that is not there any more.
func (v voice) gone() Reply { return v.refuse([]string{v.say("refused.model", nil)}) }

// shelf is the page on which the model's family stands.
func (b *Bot) shelf(at step, m catalog.Model) step {
	place := slices.IndexFunc(b.shelves(at, m.Kind), func(o offer) bool { return slices.Contains(o.family.Models, m.ID) })
	return at.to(showKind, string(m.Kind), fmt.Sprint(max(place, 0)/pageRows))
}

// chooses says whether the menu is about the model to use where none is named.
func (s step) chooses() bool { return s.menu == settingsMenu || s.menu == chatMenu }

// fromWords says whether the model makes something from nothing but a prompt,
// as one must that is used where none is named.
func fromWords(m catalog.Model) bool { return runsWith(m, map[catalog.Option]string{}) }

// shelves lists the families that the menu offers.
func (b *Bot) shelves(at step, kind catalog.Kind) []offer {
	all := b.offers(kind)
	if at.chooses() {
		all = slices.DeleteFunc(all, func(o offer) bool { return !fromWords(o.model) })
	}
	return all
}

// offerOf finds the family by the tag of its first model.
func (b *Bot) offerOf(wanted string) (offer, bool) {
	all := b.offers()
	i := slices.IndexFunc(all, func(o offer) bool { return tag(o.model.ID) == wanted })
	if i < 0 {
		return offer{}, false
	}
	return all[i], true
}

// modelOf finds a model that runs by its tag.
func (b *Bot) modelOf(wanted string) (catalog.Model, bool) {
	for _, family := range b.catalog.Families() {
		for _, id := range family.Models {
			if m, err := b.catalog.Lookup(id); err == nil && tag(id) == wanted {
				return m, true
			}
		}
	}
	return catalog.Model{}, false
}

// The verbs of the models' menu beside those of every menu.
const (
	makeStandard = "def"   // tag: use it from now on
	askWords     = "ask"   // tag: ask for a prompt
	takeWords    = "words" // tag: the prompt came
)

// pressModels answers a press in the menu of /models.
func (b *Bot) pressModels(ctx context.Context, s session, at step) Reply {
	switch at.verb {
	case "", showKinds:
		return b.kindsPage(s.voice, at, step{})
	case showKind:
		return b.kindPage(s.voice, at, at.to(showKinds))
	case showFamily:
		return b.familyPage(s.voice, at)
	}
	m, ok := b.modelOf(at.arg(0))
	if !ok {
		return s.gone()
	}
	switch at.verb {
	case takeModel:
		return b.modelPage(s, at, m)
	case makeStandard:
		if !fromWords(m) {
			return s.unknown()
		}
		if err := b.setModel(ctx, s, m.Kind, m.ID); err != nil {
			return b.refusal(s.voice, err)
		}
		return b.modelPage(b.session(ctx, s.in), at, m)
	case askWords:
		return Reply{Text: s.say("ask.model", args{"Title": m.Title}), Ask: at.to(takeWords, at.args...).data()}
	case takeWords:
		return b.wordsFor(ctx, s, m)
	}
	return s.unknown()
}

// modelPage is a model's card with what can be done with it.
func (b *Bot) modelPage(s session, at step, m catalog.Model) Reply {
	reply := b.modelCard(s.voice, m)
	var k keyboard
	standard, _ := b.standard(m.Kind, s.settings)
	switch {
	case standard.ID == m.ID:
		reply.Text += "\n" + s.say("menu.is_default", args{"Kind": s.kindName(m.Kind)})
	case fromWords(m):
		k.row(Button{Emoji: "⭐", Label: s.say("button.default", args{"Kind": s.kindName(m.Kind)}), Data: at.to(makeStandard, tag(m.ID)).data()})
	}
	c := b.offerFor(m).command()
	k.row(
		Button{Emoji: "✏️", Label: s.say("button.use", nil), Edit: true, Text: "/" + c.name + " --model " + shortest(m) + " ", Data: at.to(askWords, tag(m.ID)).data()},
		s.back(b.shelf(at, m)),
	)
	reply.Buttons, reply.Replaces = k.buttons, true
	return reply
}

// offerFor is the model as it is offered alone.
func (b *Bot) offerFor(m catalog.Model) offer {
	return offer{family: catalog.Family{Kind: m.Kind}, model: m, name: shortest(m)}
}

// wordsFor begins a draft for the model with the words that the person wrote.
func (b *Bot) wordsFor(ctx context.Context, s session, m catalog.Model) Reply {
	c := b.offerFor(m).command()
	words := strings.TrimSpace(strings.ToValidUTF8(s.in.Text, ""))
	if words == "" {
		return s.refuse(s.problems(call{command: c}, []problem{{code: noPrompt}}))
	}
	s.call = call{command: c, known: true, prompt: words, options: map[catalog.Option]string{modelOption: m.ID}}
	return b.begin(ctx, s)
}
