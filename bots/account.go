package bots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/core/media"
)

// balance answers /balance: the limits, what was used, when it starts anew,
// and what is under way.
func (b *Bot) balance(ctx context.Context, s session) Reply {
	have, err := b.engine.Balance(ctx, s.in.Origin)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	lines := append(s.usage(have), s.purse(have), s.underWay(have))
	return Reply{Text: strings.Join(slices.DeleteFunc(lines, empty), "\n")}
}

func empty(line string) bool { return line == "" }

// usage says, line by line, what a person may use, has used and has left; some
// lines can be empty.
func (v voice) usage(have core.Balance) []string {
	var lines []string
	line := func(key string, a args) { lines = append(lines, v.say(key, a)) }
	if have.Tier != "" {
		line("balance.tier", args{"Tier": have.Tier})
	}
	if limits := v.limits(have); len(limits) > 0 {
		line("balance.limits", args{"List": v.joined(limits)})
	} else {
		line("balance.unlimited", nil)
	}
	line("balance.used.day", args{"Used": v.credits(have.Day.Used)})
	line("balance.used.month", args{"Used": v.credits(have.Month.Used)})
	if have.Day.Held > 0 {
		line("balance.held", args{"Held": v.credits(have.Day.Held)})
	}
	for _, window := range slices.Concat([]core.Standing{have.Day, have.Month}, have.There) {
		lines = append(lines, v.standing(window))
	}
	return lines
}

// underWay says how many tasks of a person run and wait.
func (v voice) underWay(have core.Balance) string {
	return v.say("balance.active", args{"Running": strconv.Itoa(have.Running), "Queued": strconv.Itoa(have.Queued)})
}

// limits names the person's limits.
func (v voice) limits(have core.Balance) []string {
	var limits []string
	if have.Day.Limit != core.Unlimited {
		limits = append(limits, v.say("limit.day", args{"Limit": v.credits(core.Credits(have.Day.Limit))}))
	}
	if have.Month.Limit != core.Unlimited {
		limits = append(limits, v.say("limit.month", args{"Limit": v.credits(core.Credits(have.Month.Limit))}))
	}
	return limits
}

// standing says what is left of a window and when it starts anew; nothing
// when it has no limit.
func (v voice) standing(s core.Standing) string {
	if s.Limit == core.Unlimited {
		return ""
	}
	return v.say("balance.left."+string(s.Window), args{
		"Left": v.number(s.Left()), "Limit": v.credits(core.Credits(s.Limit)), "Time": v.clock(s.ResetsAt), "In": v.ahead(s.ResetsAt),
	})
}

// historyShown is how many tasks /history shows.
const historyShown = 10

// history answers /history.
func (b *Bot) history(ctx context.Context, s session) Reply {
	tasks, err := b.engine.History(ctx, s.in.Origin.Identity, "", historyShown)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	if s.in.Alone != nil { // others are there
		tasks = slices.DeleteFunc(tasks, func(t core.Task) bool { return t.Request.Private })
	}
	if len(tasks) == 0 {
		return Reply{Text: s.say("history.empty", args{"Example": s.say("example."+plainCommand, nil)})}
	}
	reply := Reply{Text: s.count("history.title", len(tasks), args{"N": fmt.Sprint(len(tasks))})}
	for _, t := range tasks {
		line := Item{Title: shorten(t.Request.Prompt, 80), Detail: b.historyLine(s.voice, t), Task: t.ID, State: t.State}
		if picture := b.engine.Picture(t, s.in.Origin); picture != nil && media.CanShrink(*picture) {
			line.Picture, line.Spoiler, line.bring = picture, t.Request.Spoiler, b.engine.Bring
		}
		reply.Items = append(reply.Items, line)
	}
	return reply
}

// queue answers /queue: what is under way, newest first.
func (b *Bot) queue(ctx context.Context, s session) Reply {
	tasks, err := b.engine.History(ctx, s.in.Origin.Identity, "", cancelable)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	var leads []core.TaskID
	for _, t := range tasks {
		if !t.State.Final() && !slices.Contains(leads, t.Lead()) {
			leads = append(leads, t.Lead())
		}
	}
	reply := Reply{Text: s.count("queue.title", len(leads), args{"N": fmt.Sprint(len(leads))})}
	for _, lead := range leads {
		p, err := b.engine.Snapshot(ctx, lead)
		if err != nil {
			return b.refusal(s.voice, err)
		}
		m := Message{}
		b.showWay(s.voice, &m, p)
		reply.Items = append(reply.Items, Item{
			Title: shorten(p.Tasks[0].Request.Prompt, 80), Detail: dots(m.Status, b.title(p.Tasks[0].Request.Model), s.job(lead)),
			Task: lead, State: m.State,
		})
	}
	if len(leads) == 0 {
		reply.Text = s.say("queue.empty", nil)
	}
	return reply
}

func (b *Bot) historyLine(v voice, t core.Task) string {
	return dots(v.say("state."+string(t.State), nil), b.title(t.Request.Model), v.taskCost(t), v.ago(t.Created), v.job(t.ID))
}

// taskCost is what one task cost, or will at most.
func (v voice) taskCost(t core.Task) string {
	switch {
	case t.State == core.Succeeded:
		return v.charged(t.Charged, t.Estimated)
	case !t.State.Final():
		return v.say("at_most", args{"Credits": v.credits(t.Hold.Amount)})
	}
	return v.say("not_charged", nil)
}

// charged is an amount that was settled, marked when it is only an estimate.
func (v voice) charged(amount core.Credits, estimated bool) string {
	if estimated {
		return "≈" + v.credits(amount)
	}
	return v.credits(amount)
}

// job is the short id, as it can be typed after /cancel.
func (v voice) job(id core.TaskID) string { return v.say("job", args{"ID": id.Short()}) }

// title is a model's name for people.
func (b *Bot) title(id string) string {
	if model, err := b.catalog.Lookup(id); err == nil {
		return model.Title
	}
	return id
}

// dots puts parts of one line together and leaves out empty ones.
func dots(parts ...string) string {
	var shown []string
	for _, part := range parts {
		if part != "" {
			shown = append(shown, part)
		}
	}
	return strings.Join(shown, " · ")
}

// cancelable is how many of the newest tasks /cancel without an id looks at.
const cancelable = 50

// cancel answers /cancel, with or without an id.
func (b *Bot) cancel(ctx context.Context, s session) Reply {
	who := s.in.Origin.Identity
	if typed := strings.Fields(s.call.prompt); len(typed) > 0 {
		id := jobName(typed[len(typed)-1])
		return b.cancelTyped(ctx, s.voice, who, id)
	}
	tasks, err := b.engine.History(ctx, who, "", cancelable)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	// The newest that waits; else the newest under way, to say why it cannot be stopped.
	for _, stoppable := range []func(core.State) bool{
		func(state core.State) bool { return state == core.Queued },
		func(state core.State) bool { return !state.Final() },
	} {
		for _, t := range tasks {
			if stoppable(t.State) {
				return b.cancelTyped(ctx, s.voice, who, string(t.ID))
			}
		}
	}
	return Reply{Refused: true, Text: s.say("cancel.nothing", nil)}
}

// cancelTyped cancels a batch without its message at hand, so it offers what the message would.
func (b *Bot) cancelTyped(ctx context.Context, v voice, who core.Identity, id string) Reply {
	reply := b.cancelBatch(ctx, v, who, id)
	if task, err := b.engine.Task(ctx, who, id); err == nil && !reply.Refused {
		reply.Buttons = b.buttons(v, []core.Task{task}, task.State)
	}
	return reply
}

// cancelBatch cancels what is still queued of a batch, which is named by any of its tasks.
func (b *Bot) cancelBatch(ctx context.Context, v voice, who core.Identity, id string) Reply {
	task, err := b.engine.Task(ctx, who, id)
	if err != nil {
		return b.refusal(v, err)
	}
	canceled := 0
	var kept error
	for _, one := range task.Batch {
		_, err := b.engine.Cancel(ctx, who, string(one))
		var refused *core.Refusal
		switch {
		case err == nil:
			canceled++
		case kept == nil || errors.As(err, &refused) && refused.Reason != core.ReasonFinished:
			kept = err
		}
	}
	switch {
	case kept == nil:
		return Reply{Text: v.say("canceled", nil)}
	case canceled == 0:
		return b.refusal(v, kept)
	}
	some := v.say("canceled.some", args{"N": fmt.Sprint(canceled), "Of": fmt.Sprint(len(task.Batch))})
	return Reply{Text: sentences(some, b.refusal(v, kept).Text)}
}
