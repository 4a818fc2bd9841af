package bots

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

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
		if a.Elsewhere {
			balance, tasks = o.say("act.keys.elsewhere", nil), ""
		}
		reply.Items = append(reply.Items, Item{Title: a.Name, Detail: dots(state, balance, tasks)})
	}
	return reply
}

// plural is a message whose only argument is a number.
func (v voice) plural(key string, n int) string {
	return v.count(key, n, args{"N": strconv.Itoa(n)})
}

// actPerson tells how somebody stands: who they are elsewhere, whether they are
// blocked, what they used and can use, and what is under way.
func (b *Bot) actPerson(ctx context.Context, o order) Reply {
	p, err := b.engine.Person(ctx, o.target.id)
	switch {
	case errors.Is(err, core.ErrNotFound):
		return Reply{Refused: true, Text: o.say("act.person.none", args{"Who": o.target.id})}
	case err != nil:
		return o.undone(err)
	}
	var who []string
	for _, one := range p.Account.Identities {
		who = append(who, one.String())
	}
	lines := []string{dots(p.Name, strings.Join(who, ", "))}
	if block := p.Account.Blocked; block != nil {
		lines = append(lines, o.say("act.person.blocked", args{"Time": o.date(block.At), "By": block.By}), block.Why)
	}
	if n := len(p.Account.Warnings); n > 0 {
		lines = append(lines, o.say("act.person.warned", args{"N": strconv.Itoa(n)}))
	}
	p.Balance.There = nil // the person asks from nowhere
	lines = append(lines, o.usage(p.Balance)...)
	if p.Balance.Granted > 0 {
		lines = append(lines, o.say("act.person.granted", args{"Granted": o.credits(p.Balance.Granted)}))
	}
	if p.Balance.Owed > 0 {
		lines = append(lines, o.say("act.person.owed", args{"Owed": o.credits(p.Balance.Owed)}))
	}
	lines = append(lines, o.underWay(p.Balance))
	if p.Latest.IsZero() {
		lines = append(lines, o.say("act.person.silent", nil))
	} else {
		lines = append(lines, o.say("act.person.latest", args{"Ago": o.ago(p.Latest)}))
	}
	return Reply{Text: strings.Join(slices.DeleteFunc(lines, empty), "\n")}
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

// tasksShown is how many jobs a list has.
const tasksShown = 10

// actTasks lists the newest jobs that fit.
func (b *Bot) actTasks(ctx context.Context, o order) Reply {
	if name := o.find.Model; name != "" {
		m, err := b.catalog.Lookup(name)
		if err != nil {
			return o.noModel(b, name, err)
		}
		o.find.Model = m.ID
	}
	o.find.Limit = tasksShown
	found, more, err := b.engine.Search(ctx, o.find)
	if err != nil {
		return o.undone(err)
	}
	reply := Reply{Text: o.plural("act.tasks.title", len(found))}
	for _, t := range found {
		reply.Items = append(reply.Items, b.taskItem(o.voice, t))
	}
	switch {
	case more != "":
		words := strings.TrimSpace(o.act.name + " " + o.filters + " " + beforeWord + string(more))
		reply.Text = sentences(reply.Text, o.say("act.tasks.more", args{"More": o.by.typed(words)}))
	case len(found) == 0:
		reply.Text = o.say("act.tasks.none", nil)
	}
	return reply
}

func (b *Bot) taskItem(v voice, t core.Task) Item {
	return Item{
		Title: shorten(t.Request.Prompt, 80), Task: t.ID, State: t.State,
		Detail: dots(v.say("state."+string(t.State), nil), b.title(t.Request.Model), t.Request.Origin.Identity.String(), v.taskCost(t), v.ago(t.Created), v.job(t.ID)),
	}
}

// actUnresolved lists the jobs of which nobody knows whether Kie has them.
func (b *Bot) actUnresolved(ctx context.Context, o order) Reply {
	o.find.State = core.Unresolved
	return b.actTasks(ctx, o)
}

// actTask tells all that is known about a job.
func (b *Bot) actTask(ctx context.Context, o order) Reply {
	line, err := b.engine.Timeline(ctx, o.word)
	if err != nil {
		return o.undone(err)
	}
	t := line.Task
	var who []string
	for _, one := range line.Account.Identities {
		who = append(who, one.String())
	}
	reply := Reply{Text: strings.Join([]string{
		t.Request.Prompt,
		dots(o.say("state."+string(t.State), nil), b.title(t.Request.Model), t.Request.Model, o.taskCost(t)),
		dots(strings.Join(who, ", "), string(t.Lane())),
		dots(string(t.ID), t.KieAccount, t.Kie.TaskID),
	}, "\n")}
	for _, m := range line.Moments {
		reply.Items = append(reply.Items, Item{Title: m.At.In(o.location).Format(o.say("date_layout", nil) + ":05"), Detail: o.moment(m)})
	}
	return reply
}

// moment is what happened, in one line.
func (v voice) moment(m core.Moment) string {
	what := v.say("moment."+string(m.Kind), nil)
	switch {
	case m.Entry != nil:
		return dots(what+": "+booked(*m.Entry), m.Entry.By, shorten(m.Entry.Why, auditDetail))
	case m.Audit != nil:
		return dots(what+": "+m.Audit.Action, m.Audit.By, shorten(m.Audit.Detail, auditDetail), shorten(m.Audit.Why, auditDetail))
	case m.Delivery != nil:
		return dots(what+": "+string(m.Delivery.Kind), string(m.Delivery.Lane), v.plural("moment.attempts", m.Delivery.Attempts))
	case m.Failure != nil:
		return dots(what, string(m.Failure.Reason), m.Failure.Code, shorten(m.Failure.Message, auditDetail))
	}
	return dots(what, shorten(m.Why, auditDetail))
}

// booked is what an entry changed, in the ledger's own words.
func booked(e core.Entry) string {
	var parts []string
	for _, p := range e.Postings {
		kind, _, _ := strings.Cut(string(p.Window), "/")
		for _, one := range []struct {
			name   string
			amount core.Credits
		}{{"held", p.Held}, {"settled", p.Settled}, {"granted", p.Granted}} {
			if one.amount != 0 {
				parts = append(parts, kind+" "+one.name+" "+signedAmount(one.amount))
			}
		}
	}
	return string(e.Kind) + " (" + strings.Join(parts, ", ") + ")"
}

func signedAmount(c core.Credits) string {
	if c > 0 {
		return "+" + c.String()
	}
	return c.String()
}

// actCancel cancels anybody's job that waits.
func (b *Bot) actCancel(ctx context.Context, o order) Reply {
	task, err := b.engine.AnyTask(ctx, o.word)
	if err == nil {
		task, err = b.engine.CancelTask(ctx, o.signed(), task.ID)
	}
	return o.did(err, o.say("act.canceled", args{"Job": task.ID.Short()}))
}

// actRetry shows the end of a job once more.
func (b *Bot) actRetry(ctx context.Context, o order) Reply {
	task, err := b.engine.AnyTask(ctx, o.word)
	if err == nil {
		task, err = b.engine.Redeliver(ctx, o.signed(), task.ID)
	}
	return o.did(err, o.say("act.retried", args{"Job": task.ID.Short(), "Where": string(task.Lane())}))
}

// modelsShown is how many models the statistics name.
const modelsShown = 5

// actStats says how the bot stands, and what was made and spent.
func (b *Bot) actStats(ctx context.Context, o order) Reply {
	now, err := b.engine.Overview(ctx)
	if err != nil {
		return o.undone(err)
	}
	month, err := b.engine.Spending(ctx, o.now.In(o.location).Day())
	if err != nil {
		return o.undone(err)
	}
	replicas, err := b.engine.Replicas(ctx)
	if err != nil {
		return o.undone(err)
	}
	today := month.Days[len(month.Days)-1]
	reply := Reply{Text: o.standingNow(now), Items: []Item{
		{Title: o.say("act.stats.today", nil), Detail: o.spent(today.Spent)},
		{Title: o.say("act.stats.month", nil), Detail: o.spent(month.Spent)},
	}}
	for _, m := range month.Models[:min(len(month.Models), modelsShown)] {
		reply.Items = append(reply.Items, Item{Group: o.say("act.stats.models", nil), Title: b.title(m.Name), Detail: o.spent(m.Spent)})
	}
	if len(replicas) > 1 {
		reply.Items = append(reply.Items, o.replicas(replicas, b.engine.Fence())...)
	}
	return reply
}

// replicas says who works on the database since when, and with which duties.
func (v voice) replicas(all []core.Replica, own uint64) (items []Item) {
	for _, one := range all {
		here := ""
		if one.Fence == own {
			here = v.say("act.stats.replica.here", nil)
		}
		items = append(items, Item{Group: v.say("act.stats.replicas", nil), Title: one.Owner, Detail: dots(here, v.say("act.stats.replica.since", args{"Time": v.date(one.Since)}), v.duties(one.Duties))})
	}
	return items
}

// duties names them, those to show deliveries by how many there are.
func (v voice) duties(all []core.Duty) string {
	var names []string
	lanes := 0
	for _, d := range all {
		if d.Kind() == core.KindLanes {
			lanes++
			continue
		}
		names = append(names, string(d))
	}
	if lanes > 0 {
		names = append(names, core.KindLanes+" ×"+strconv.Itoa(lanes))
	}
	return v.joined(names)
}

// standingNow says how many jobs are under way, and what waits.
func (v voice) standingNow(now core.Overview) string {
	var parts []string
	for _, state := range core.States() {
		if n := now.Tasks[state].Tasks; n > 0 {
			parts = append(parts, v.pair(v.say("state."+string(state), nil), strconv.Itoa(n)))
		}
	}
	text := v.say("act.stats.idle", nil)
	if len(parts) > 0 {
		text = v.say("act.stats.now", args{"List": v.joined(parts)})
	}
	if now.Deliveries > 0 {
		text = sentences(text, v.say("act.stats.waits", args{"N": strconv.Itoa(now.Deliveries), "Ago": v.ago(now.Oldest)}))
	}
	return text
}

func (v voice) spent(s core.Spent) string {
	lost := ""
	if s.Lost > 0 {
		lost = v.say("act.stats.lost", args{"Credits": v.credits(s.Lost)})
	}
	done := v.say("act.stats.done", args{"Done": strconv.Itoa(s.Succeeded), "Failed": strconv.Itoa(s.Failed)})
	return dots(v.plural("act.jobs", s.Tasks), done, v.credits(s.Credits), lost)
}
