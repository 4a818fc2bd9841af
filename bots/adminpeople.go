package bots

import (
	"context"
	"errors"
	"maps"
	"slices"

	"kiebot/core"
)

// actGrant gives somebody credits, or takes some back.
func (b *Bot) actGrant(ctx context.Context, o order) Reply {
	if err := b.engine.Grant(ctx, o.signed(), o.target.who, o.amount); err != nil {
		return o.undone(err)
	}
	key, amount := "act.granted", o.amount
	if amount < 0 {
		key, amount = "act.taken", -amount
	}
	text := o.say(key, args{"Who": o.target.id, "Credits": o.credits(amount)})
	have, err := b.engine.Balance(ctx, core.Origin{Identity: o.target.who})
	if err != nil {
		return Reply{Text: text}
	}
	return Reply{Text: sentences(text, o.say("act.granted.left", args{"Credits": o.credits(have.Granted)}))}
}

// actLimit sets what somebody, or all of a kind, may use.
func (b *Bot) actLimit(ctx context.Context, o order) Reply {
	if o.limits.Monthly != nil && slices.Contains([]targetKind{isChannel, isTotal}, o.target.kind) {
		return o.dayOnly()
	}
	err := b.setLimits(ctx, o)
	return o.did(err, o.say("act.limited", args{"Whom": o.target.id, "Limits": o.limitsText(o.limits)}))
}

func (o order) dayOnly() Reply {
	return o.wrongWords(o.say("act.limit.day_only", args{"Whom": o.target.id}))
}

// setLimits gives the target the order's limits; none of them are those of the more general rule.
func (b *Bot) setLimits(ctx context.Context, o order) error {
	switch o.target.kind {
	case isPerson:
		return b.engine.SetLimits(ctx, o.signed(), o.target.who, o.limits)
	case isChat, isGuild:
		return b.engine.SetPlaceLimits(ctx, o.signed(), o.target.place(), o.limits)
	case isChannel:
		return b.engine.SetChatLimit(ctx, o.signed(), o.target.lane(), o.limits.Daily)
	case isEverybody:
		return b.engine.LimitEverybody(ctx, o.signed(), o.limits)
	case isTotal:
		return b.engine.LimitTotal(ctx, o.signed(), o.limits.Daily)
	}
	return b.engine.LimitRole(ctx, o.signed(), o.target.id, o.limits)
}

// limitsText is "50 credits a day, 500 credits a month", of those that are set.
func (v voice) limitsText(l core.Limits) string {
	var parts []string
	if l.Daily != nil {
		parts = append(parts, v.say("limits.daily", args{"Limit": v.limit(*l.Daily)}))
	}
	if l.Monthly != nil {
		parts = append(parts, v.say("limits.monthly", args{"Limit": v.limit(*l.Monthly)}))
	}
	return v.joined(parts)
}

// actReset takes limits back, or all rules that admins set.
func (b *Bot) actReset(ctx context.Context, o order) Reply {
	if o.target.kind == isPolicy {
		return o.did(b.engine.ResetPolicy(ctx, o.signed()), o.say("act.reset.policy", nil))
	}
	return o.did(b.setLimits(ctx, o), o.say("act.reset.done", args{"Whom": o.target.id}))
}

// actTier puts somebody in a tier, or in none.
func (b *Bot) actTier(ctx context.Context, o order) Reply {
	err := b.engine.SetTier(ctx, o.signed(), o.target.who, o.word)
	if o.word == "" {
		return o.did(err, o.say("act.tier.none", args{"Who": o.target.id}))
	}
	text := o.say("act.tier.set", args{"Who": o.target.id, "Tier": o.word})
	if inForce, _, failed := b.engine.Policy(ctx); err == nil && failed == nil {
		if l := o.limitsText(inForce.Roles[core.TierRole(o.word)]); l != "" {
			return Reply{Text: sentences(text, o.say("act.limited", args{"Whom": core.TierRole(o.word), "Limits": l}))}
		}
		return Reply{Text: sentences(text, o.say("act.tier.unlimited", args{"Example": o.by.typed("limit " + core.TierRole(o.word) + " 500")}))}
	}
	return o.did(err, text)
}

// actRoles lists the limits that are in force.
func (b *Bot) actRoles(ctx context.Context, o order) Reply {
	p, _, err := b.engine.Policy(ctx)
	if err != nil {
		return o.undone(err)
	}
	reply := Reply{Text: o.say("act.roles.title", nil)}
	line := func(whom string, l core.Limits) {
		if text := o.limitsText(l); text != "" {
			reply.Items = append(reply.Items, Item{Title: whom, Detail: text})
		}
	}
	line("everybody", p.User)
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		line(role, p.Roles[role])
	}
	for _, kind := range slices.Sorted(maps.Keys(p.Kinds)) {
		line(string(kind), core.Limits{Daily: new(p.Kinds[kind])})
	}
	for _, model := range slices.Sorted(maps.Keys(p.Models)) {
		line(model, core.Limits{Daily: new(p.Models[model])})
	}
	line(o.say("act.roles.chat", nil), core.Limits{Daily: p.Chat})
	line("total", core.Limits{Daily: p.Total})
	return reply
}

// actAllow lets somebody in, or lists who is.
func (b *Bot) actAllow(ctx context.Context, o order) Reply {
	if !o.has(anEntrant) {
		return b.listAllowed(ctx, o)
	}
	fresh, err := b.engine.Allow(ctx, o.signed(), o.target.id)
	if err == nil && !fresh {
		return Reply{Text: o.say("act.allowed.before", args{"Who": o.target.id})}
	}
	return o.did(err, o.say("act.allowed", args{"Who": o.target.id}))
}

func (b *Bot) listAllowed(ctx context.Context, o order) Reply {
	inForce, set, err := b.engine.Policy(ctx)
	switch {
	case err != nil:
		return o.undone(err)
	case inForce.Allow == nil:
		return Reply{Text: o.say("act.allow.everybody", nil)}
	}
	reply := Reply{Text: o.say("act.allow.title", nil)}
	for _, who := range inForce.Allow {
		from := o.say("act.allow.configured", nil)
		if slices.Contains(set.Allow, who) {
			from = o.say("act.allow.set", nil)
		}
		reply.Items = append(reply.Items, Item{Title: who, Detail: from})
	}
	return reply
}

// actDisallow takes back that somebody was let in.
func (b *Bot) actDisallow(ctx context.Context, o order) Reply {
	was, err := b.engine.Disallow(ctx, o.signed(), o.target.id)
	if err == nil && !was {
		return Reply{Refused: true, Text: o.say("act.disallow.nothing", args{"Who": o.target.id})}
	}
	return o.did(err, o.say("act.disallowed", args{"Who": o.target.id}))
}

// actBlock and actUnblock begin and end a block.
func (b *Bot) actBlock(ctx context.Context, o order) Reply {
	return o.did(b.engine.Block(ctx, o.signed(), o.target.who), o.say("act.blocked", args{"Who": o.target.id}))
}

func (b *Bot) actUnblock(ctx context.Context, o order) Reply {
	return o.did(b.engine.Unblock(ctx, o.signed(), o.target.who), o.say("act.unblocked", args{"Who": o.target.id}))
}

// actRefund gives back what a job was charged, or the money of a payment.
func (b *Bot) actRefund(ctx context.Context, o order) Reply {
	task, err := b.engine.AnyTask(ctx, jobName(o.word))
	var refused *core.Refusal
	none := errors.As(err, &refused) && refused.Reason == core.ReasonNoTask
	switch {
	case none && b.returns():
		return b.payBack(ctx, o)
	case err != nil:
		return o.undone(err)
	case o.why == "":
		return o.withExample(o.say("act.refund.why", nil))
	}
	task, err = b.engine.RefundTask(ctx, o.signed(), task.ID)
	return o.did(err, o.say("act.refunded", args{"Job": task.ID.Short(), "Credits": o.credits(task.Charged)}))
}
