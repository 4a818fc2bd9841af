package bots

import (
	"context"
	"maps"
	"strings"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Buttons carry "version:action:task", or a question in the task's place. What an older or newer program made is
// told apart by the version and answered with a sentence.
const (
	buttonVersion = "1"
	pressAgain    = "again"
	pressCancel   = "cancel"
	pressInfo     = "info"
	pressYes      = "yes"
	pressNo       = "no"
	pressEdit     = "edit"     // asks for another prompt
	pressEdited   = "edited"   // which came
	pressOriginal = "original" // the files as they are
	pressDelete   = "delete"
	// Of an admin, about a stranger. The name is whom, and the stranger's language.
	pressLetIn  = "in"   // the person
	pressLetAll = "all"  // everybody where they asked
	pressRefuse = "deny" // nobody, and no more questions
)

// buttonData is what a button carries. The name is an id, or that of a result.
func buttonData(action, name string) string { return buttonVersion + ":" + action + ":" + name }

// buttons are what can be done with a batch that people see in that state.
func (b *Bot) buttons(v voice, tasks []core.Task, state core.State) []Button {
	lead := tasks[0]
	button := func(action, emoji, label string) Button {
		return Button{Emoji: emoji, Label: v.say(label, nil), Data: buttonData(action, string(lead.Lead()))}
	}
	again := []Button{button(pressAgain, "🔄", "button.again")}
	if b.prompted(lead.Request) {
		edit := button(pressEdit, "✏️", "button.edit")
		edit.Edit, edit.Text = true, b.retyped(lead.Request)
		again = append(again, edit)
	}
	switch state {
	case core.Queued:
		return []Button{button(pressCancel, "❌", "button.cancel")}
	case core.Canceled:
		return again
	case core.Failed, core.Expired:
		again[0] = button(pressAgain, "🔁", "button.retry")
		return again
	case core.Succeeded:
		for _, one := range b.onward(tasks) {
			next := button(one.name, one.emoji, "button."+one.name)
			next.Text = "/" + one.name + " " + lead.Lead().Short()
			again = append(again, next)
		}
		if original := button(pressOriginal, "📥", "button.original"); len(resultsOf(tasks, media.Image, media.Video)) > 0 {
			original.Needs = CanSendFile
			again = append(again, original)
		}
		remove := button(pressDelete, "🗑️", "button.delete")
		remove.Needs = CanDelete
		return append(again, button(pressInfo, "ℹ️", "button.info"), remove)
	}
	return nil
}

// onward lists the commands that can work from the batch's results.
func (b *Bot) onward(tasks []core.Task) []command {
	var can []command
	for _, c := range commands() {
		found := resultsOf(tasks, c.from...)
		if c.emoji == "" || len(found) == 0 {
			continue
		}
		if c.name == upscaleCommand {
			if _, ok := b.upscaler(tasks[0].Request.Model, found[0].kind); !ok || b.upscaled(tasks[0]) {
				continue
			}
		}
		can = append(can, c)
	}
	return can
}

// upscaled says whether the task has made something larger already.
func (b *Bot) upscaled(t core.Task) bool {
	m, err := b.catalog.Lookup(t.Request.Model)
	return err == nil && m.Task == "upscale"
}

// Press answers a press on a button; in.Text is not used. Only the person who
// asked for the task is obeyed. It blocks like Command.
func (b *Bot) Press(ctx context.Context, in Incoming, data string) Reply {
	s := b.session(ctx, in)
	reply := b.pacedUnless(s.voice, in, b.press(ctx, s, data))
	reply.Alert = reply.Refused && !reply.Silent
	return reply
}

func (b *Bot) press(ctx context.Context, s session, data string) Reply {
	v, in := s.voice, s.in
	if at, ok := parseStep(data); ok {
		return b.pressMenu(ctx, s, at)
	}
	version, rest, _ := strings.Cut(data, ":")
	action, name, _ := strings.Cut(rest, ":")
	if version == buttonVersion && isDoor(action) {
		return b.pressDoor(ctx, s, action, name)
	}
	id, _, ok := parseResult(name)
	if version != buttonVersion || !ok || len(id) != wholeID {
		return v.refuse([]string{v.say("press.unknown", nil)})
	}
	switch action {
	case pressAgain:
		if reply, ok := b.aloneAgain(ctx, s, id); !ok {
			return reply
		}
		receipt, err := b.engine.Again(ctx, id, in.Key, in.Origin)
		return b.accepted(v, receipt, err)
	case pressYes:
		receipt, err := b.engine.Confirm(ctx, in.Origin.Identity, id)
		return b.accepted(v, receipt, err)
	case pressNo:
		if err := b.engine.Decline(ctx, in.Origin.Identity, id); err != nil {
			return b.refusal(v, err)
		}
		return Reply{Text: v.say("canceled", nil)}
	case pressCancel:
		return b.cancelBatch(ctx, v, in.Origin.Identity, id)
	case pressInfo:
		return b.info(ctx, v, in.Origin.Identity, id)
	case pressEdit:
		return b.askPrompt(ctx, s, id)
	case pressEdited:
		return b.edited(ctx, s, id)
	case pressOriginal:
		tasks, err := b.engine.ShowOriginal(ctx, id, in.Key, in.Origin)
		return b.shown(v, tasks, err)
	case pressDelete:
		return b.remove(ctx, s, id)
	case upscaleCommand, animateCommand:
		return b.create(ctx, s.calling("/"+action+" "+name))
	default:
		return v.refuse([]string{v.say("press.unknown", nil)})
	}
}

// askPrompt asks what a job should be made of instead.
func (b *Bot) askPrompt(ctx context.Context, s session, id string) Reply {
	task, err := b.engine.Task(ctx, s.in.Origin.Identity, id)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	return Reply{Text: s.say("ask.prompt", args{"Prompt": shorten(task.Request.Prompt, 1000)}), Ask: buttonData(pressEdited, id), Draft: task.Request.Prompt}
}

// edited makes a job once more, of other words.
func (b *Bot) edited(ctx context.Context, s session, id string) Reply {
	words := strings.TrimSpace(strings.ToValidUTF8(s.in.Text, ""))
	if words == "" {
		c, _ := findCommand(plainCommand)
		return s.refuse(s.problems(call{command: c}, []problem{{code: noPrompt}}))
	}
	if reply, ok := b.aloneAgain(ctx, s, id); !ok {
		return reply
	}
	receipt, err := b.engine.AgainWith(ctx, id, s.in.Key, s.in.Origin, func(r *core.Request) {
		r.Prompt = words
		if m, err := b.catalog.Lookup(r.Model); err == nil {
			if in, ok := m.ByOption(catalog.Prompt); ok {
				r.Input = maps.Clone(r.Input)
				r.Input[in.Name] = words
			}
		}
	})
	return b.accepted(s.voice, receipt, err)
}

// prompted says whether the request's model takes a prompt, which can be edited.
func (b *Bot) prompted(r core.Request) bool {
	m, err := b.catalog.Lookup(r.Model)
	_, takes := m.ByOption(catalog.Prompt)
	return err == nil && takes
}

// remove lets the owner, or an admin of the chat, take the message away. The
// job stays.
func (b *Bot) remove(ctx context.Context, s session, id string) Reply {
	_, err := b.engine.Task(ctx, s.in.Origin.Identity, id)
	if err != nil && !s.in.Origin.Admin {
		return b.refusal(s.voice, err)
	}
	return Reply{Text: s.say("deleted", nil), Deletes: true, Lead: core.TaskID(id)}
}

// calling is the session with that command typed.
func (s session) calling(text string) session {
	s.call = parse(text)
	return s
}

// accepted is the answer to a request that the engine accepted, or did not.
func (b *Bot) accepted(v voice, receipt core.Receipt, err error) Reply {
	if err != nil {
		return b.refusal(v, err)
	}
	return Reply{Accepted: receipt.Tasks}
}

// question asks the person to agree to the price.
func (v voice) question(r *core.Refusal) Reply {
	return Reply{Asks: true, Text: v.refuse([]string{v.reason(r)}).Text, Buttons: []Button{
		{Emoji: "✅", Label: v.say("button.yes", args{"Need": v.credits(r.Need)}), Data: buttonData(pressYes, r.Question)},
		{Emoji: "❌", Label: v.say("button.cancel", nil), Data: buttonData(pressNo, r.Question)},
	}}
}

// info shows everything that is known about a task.
func (b *Bot) info(ctx context.Context, v voice, who core.Identity, id string) Reply {
	t, err := b.engine.Task(ctx, who, id)
	if err != nil {
		return b.refusal(v, err)
	}
	reply := Reply{Text: t.Request.Prompt}
	line := func(title, detail string) {
		if detail != "" {
			reply.Items = append(reply.Items, Item{Title: title, Detail: detail})
		}
	}
	model, err := b.catalog.Lookup(t.Request.Model)
	if err == nil {
		line(v.say("info.model", nil), dots(model.Title, model.ID))
	}
	for _, in := range model.Inputs {
		value, given := t.Request.Input[in.Name]
		if !given || in.Media != "" || in.Option == catalog.Prompt || in.Option == catalog.EarlierTask {
			continue
		}
		title := in.Name
		if f, ok := flagFor(in.Option); ok {
			title = f.String()
		}
		line(title, shorten(typed(in, value), 200))
	}
	line(v.say("info.asked", nil), v.date(t.Created))
	if t.State.Final() && !t.Started.IsZero() {
		line(v.say("info.took", nil), elapsed(t.Finished.Sub(t.Created)))
	}
	line(v.say("info.cost", nil), v.taskCost(t))
	if t.Request.Parent != "" {
		line(v.say("info.parent", nil), t.Request.Parent.Short())
	}
	line(v.say("info.job", nil), t.ID.Short())
	return reply
}
