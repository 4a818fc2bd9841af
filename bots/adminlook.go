package bots

import (
	"cmp"
	"context"
	"strconv"

	"kiebot/core"
)

// actKeys lists the Kie accounts.
func (b *Bot) actKeys(_ context.Context, o order) Reply {
	accounts := b.engine.KieAccounts()
	reply := Reply{Text: o.count("act.keys.title", len(accounts), args{"N": strconv.Itoa(len(accounts))})}
	for _, a := range accounts {
		state, balance := o.say("act.keys.open", nil), o.say("act.keys.unknown", nil)
		if a.Parked != "" {
			state = o.say("act.keys.parked."+string(a.Parked), args{"Time": o.clock(a.Retry)})
		}
		if !a.AsOf.IsZero() {
			balance = o.say("act.keys.balance", args{"Credits": o.credits(a.Balance), "Ago": o.ago(a.AsOf)})
		}
		tasks := o.plural("act.jobs", a.Tasks)
		reply.Items = append(reply.Items, Item{Title: a.Name, Detail: dots(state, balance, tasks)})
	}
	return reply
}

// plural is a message whose only argument is a number.
func (v voice) plural(key string, n int) string {
	return v.count(key, n, args{"N": strconv.Itoa(n)})
}

// auditsShown is how many entries of the audit log are shown when nobody says.
const auditsShown = 10

// actAudit lists what admins did last.
func (b *Bot) actAudit(ctx context.Context, o order) Reply {
	audits, err := b.engine.Audits(ctx, 0, cmp.Or(o.number, auditsShown))
	if err != nil {
		return o.undone(err)
	}
	reply := Reply{Text: o.say("act.audit.title", nil)}
	if len(audits) == 0 {
		reply.Text = o.say("act.audit.nothing", nil)
	}
	for _, a := range audits {
		reply.Items = append(reply.Items, o.audited(a))
	}
	return reply
}

// auditDetail is how much of what an act changed is shown.
const auditDetail = 200

func (v voice) audited(a core.Audit) Item {
	what := a.Action + " " + a.Target
	if a.Detail != "" {
		what += ": " + shorten(a.Detail, auditDetail)
	}
	return Item{Title: v.date(a.At), Detail: dots(a.By, what, shorten(a.Why, auditDetail))}
}
