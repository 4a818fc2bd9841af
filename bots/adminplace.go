package bots

import (
	"context"
	"maps"
	"slices"

	"kiebot/core"
)

// What an admin of a place can do is to make it stricter than the operator has
// it, by the same words. Core sees to it that nothing reaches beyond the place.

// changeThere changes the rules of the operator's place.
func (b *Bot) changeThere(ctx context.Context, o order, edit func(*core.PlaceRules)) error {
	return b.engine.ChangePlace(ctx, o.signed(), o.by.Place, edit)
}

// notThere refuses a target that has no meaning in a place.
func (o order) notThere(key string) Reply {
	return o.wrongWords(o.unfit(o.target.id, aWhom, key))
}

// limitThere limits each person, a role or all together there.
func (b *Bot) limitThere(ctx context.Context, o order) Reply {
	if o.limits.Monthly != nil && o.target.kind != isTotal {
		return o.dayOnly()
	}
	edit, ok := o.limitsThere()
	if !ok {
		return o.notThere("act.limit.there")
	}
	return o.did(b.changeThere(ctx, o, edit), o.say("act.limited.there", args{"Whom": o.target.id, "Limits": o.limitsText(o.limits)}))
}

// limitsThere sets the order's limits for its target, or takes them back when there are none.
func (o order) limitsThere() (func(*core.PlaceRules), bool) {
	switch o.target.kind {
	case isTotal:
		return func(r *core.PlaceRules) { r.Limits = o.limits }, true
	case isEverybody:
		return func(r *core.PlaceRules) { r.Person = o.limits.Daily }, true
	case isRole:
		return func(r *core.PlaceRules) {
			if r.Roles == nil {
				r.Roles = map[string]core.Limit{}
			}
			if delete(r.Roles, o.target.id); o.limits.Daily != nil {
				r.Roles[o.target.id] = *o.limits.Daily
			}
		}, true
	}
	return nil, false
}

// resetThere takes limits of the place back, or all that its admins chose.
func (b *Bot) resetThere(ctx context.Context, o order) Reply {
	if o.target.kind == isPolicy {
		return o.did(b.changeThere(ctx, o, func(r *core.PlaceRules) { *r = core.PlaceRules{} }), o.say("act.reset.there", nil))
	}
	edit, ok := o.limitsThere()
	if !ok {
		return o.notThere("act.limit.there")
	}
	return o.did(b.changeThere(ctx, o, edit), o.say("act.reset.done", args{"Whom": o.target.id}))
}

// rulesThere lists what the operator gives the place, and its own rules.
func (b *Bot) rulesThere(ctx context.Context, o order) Reply {
	view, err := b.engine.Place(ctx, o.by.Place)
	if err != nil {
		return o.undone(err)
	}
	reply := Reply{Text: o.say("act.roles.there", nil)}
	line := func(what, detail string) {
		if detail != "" {
			reply.Items = append(reply.Items, Item{Title: what, Detail: detail})
		}
	}
	rules := view.Rules
	line(o.say("act.roles.given", nil), o.limitsText(view.Limits))
	line("total", o.limitsText(rules.Limits))
	line("everybody", o.limitsText(core.Limits{Daily: rules.Person}))
	for _, role := range slices.Sorted(maps.Keys(rules.Roles)) {
		line(role, o.limitsText(core.Limits{Daily: new(rules.Roles[role])}))
	}
	for _, who := range slices.Concat(rules.Allow, rules.Channels) {
		line(who, o.say("act.allow.set", nil))
	}
	for _, who := range slices.Sorted(maps.Keys(rules.Blocked)) {
		line(who, dots(o.say("act.roles.blocked", nil), shorten(rules.Blocked[who], auditDetail)))
	}
	for _, model := range rules.Off {
		line(model, o.say("menu.off", nil))
	}
	return reply
}

// allowThere lets only some people and roles ask there, or only in some channels.
func (b *Bot) allowThere(ctx context.Context, o order) Reply {
	if !o.has(anEntrant) {
		return b.rulesThere(ctx, o)
	}
	list, ok := o.listThere()
	if !ok {
		return o.notThere("act.allow.there")
	}
	err := b.changeThere(ctx, o, func(r *core.PlaceRules) {
		if one := list(r); !slices.Contains(*one, o.target.id) {
			*one = append(*one, o.target.id)
		}
	})
	return o.did(err, o.say("act.allowed.there", args{"Who": o.target.id}))
}

// listThere is the list of the place's rules that the target belongs to.
func (o order) listThere() (func(*core.PlaceRules) *[]string, bool) {
	switch o.target.kind {
	case isPerson, isRole:
		return func(r *core.PlaceRules) *[]string { return &r.Allow }, true
	case isChannel:
		return func(r *core.PlaceRules) *[]string { return &r.Channels }, true
	}
	return nil, false
}

// disallowThere takes back what allowThere did.
func (b *Bot) disallowThere(ctx context.Context, o order) Reply {
	list, ok := o.listThere()
	if !ok {
		return o.notThere("act.allow.there")
	}
	err := b.changeThere(ctx, o, func(r *core.PlaceRules) {
		one := list(r)
		*one = slices.DeleteFunc(*one, func(who string) bool { return who == o.target.id })
	})
	return o.did(err, o.say("act.disallowed.there", args{"Who": o.target.id}))
}

// modelsThere turns a model off or on in the place, or lists what is off.
func (b *Bot) modelsThere(ctx context.Context, o order) Reply {
	if !o.has(anOnOff) {
		view, err := b.engine.Place(ctx, o.by.Place)
		if err != nil {
			return o.undone(err)
		}
		return b.listOff(o, view.Rules.Off)
	}
	return b.turnModel(o, func(edit func([]string) []string) error {
		return b.changeThere(ctx, o, func(r *core.PlaceRules) { r.Off = edit(r.Off) })
	})
}

// blockThere and unblockThere begin and end a block in the place alone.
func (b *Bot) blockThere(ctx context.Context, o order) Reply {
	err := b.changeThere(ctx, o, func(r *core.PlaceRules) {
		if r.Blocked == nil {
			r.Blocked = map[string]string{}
		}
		r.Blocked[o.target.id] = o.why
	})
	return o.did(err, o.say("act.blocked.there", args{"Who": o.target.id}))
}

func (b *Bot) unblockThere(ctx context.Context, o order) Reply {
	err := b.changeThere(ctx, o, func(r *core.PlaceRules) { delete(r.Blocked, o.target.id) })
	return o.did(err, o.say("act.unblocked.there", args{"Who": o.target.id}))
}
