package bots

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kiebot/core"
)

// balance answers /balance.
func (b *Bot) balance(ctx context.Context, s session) Reply {
	have, err := b.engine.Balance(ctx, s.in.Origin.Identity)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	lines := []string{s.say("balance.used", args{"Used": s.credits(have.Used)})}
	if have.Active > 0 || have.Held > 0 {
		lines = append(lines, s.count("balance.held", have.Active, args{"Held": s.credits(have.Held), "N": fmt.Sprint(have.Active)}))
	}
	if have.Limit == core.Unlimited {
		lines = append(lines, s.say("balance.unlimited", nil))
	} else {
		lines = append(lines, s.say("balance.left", args{
			"Left": s.number(have.Left()), "Limit": s.credits(core.Credits(have.Limit)),
			"Time": s.clock(have.ResetsAt), "In": s.ahead(have.ResetsAt),
		}))
	}
	return Reply{Text: strings.Join(lines, "\n")}
}

// historyShown is how many tasks /history shows.
const historyShown = 10

// history answers /history.
func (b *Bot) history(ctx context.Context, s session) Reply {
	tasks, err := b.engine.History(ctx, s.in.Origin.Identity, "", historyShown)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	if len(tasks) == 0 {
		return Reply{Text: s.say("history.empty", args{"Example": s.say("example."+plainCommand, nil)})}
	}
	reply := Reply{Text: s.count("history.title", len(tasks), args{"N": fmt.Sprint(len(tasks))})}
	for _, t := range tasks {
		reply.Items = append(reply.Items, Item{
			Title:  shorten(t.Request.Prompt, 80),
			Detail: b.historyLine(s.voice, t),
			Task:   t.ID,
			State:  t.State,
		})
	}
	return reply
}

func (b *Bot) historyLine(v voice, t core.Task) string {
	cost := v.say("not_charged", nil)
	switch {
	case t.State == core.Succeeded:
		cost = v.charged(t.Charged, t.Estimated)
	case !t.State.Final():
		cost = v.say("at_most", args{"Credits": v.credits(t.Hold.Amount)})
	}
	return dots(v.say("state."+string(t.State), nil), b.title(t.Request.Model), cost, v.ago(t.Created), v.job(t.ID))
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
		id := strings.ToLower(strings.TrimLeft(typed[len(typed)-1], "#"))
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
		reply.Buttons = v.buttons(task.Lead(), task.State)
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
