package bots

import (
	"context"
	"strings"

	"kiebot/core"
)

// Buttons carry "version:action:task". What an older or newer program made is
// told apart by the version and answered with a sentence.
const (
	buttonVersion = "1"
	pressAgain    = "again"
	pressCancel   = "cancel"
)

// buttons are what can be done with a batch in that state.
func (v voice) buttons(lead core.TaskID, state core.State) []Button {
	button := func(action, emoji, label string) []Button {
		return []Button{{Emoji: emoji, Label: v.say(label, nil), Data: buttonVersion + ":" + action + ":" + string(lead)}}
	}
	switch state {
	case core.Queued:
		return button(pressCancel, "❌", "button.cancel")
	case core.Succeeded, core.Canceled:
		return button(pressAgain, "🔄", "button.again")
	case core.Failed, core.Expired:
		return button(pressAgain, "🔁", "button.retry")
	}
	return nil
}

// Press answers a press on a button; in.Text is not used. Only the person who
// asked for the task is obeyed. It blocks like Command.
func (b *Bot) Press(ctx context.Context, in Incoming, data string) Reply {
	v := b.voice(in.Origin.Locale)
	return b.pacedUnless(v, in, b.press(ctx, v, in, data))
}

func (b *Bot) press(ctx context.Context, v voice, in Incoming, data string) Reply {
	version, rest, _ := strings.Cut(data, ":")
	action, id, _ := strings.Cut(rest, ":")
	task, err := core.ParseTaskID(id)
	if version != buttonVersion || err != nil {
		return v.refuse([]string{v.say("press.unknown", nil)})
	}
	switch action {
	case pressAgain:
		receipt, err := b.engine.Again(ctx, string(task), in.Key, in.Origin)
		if err != nil {
			return b.refusal(v, err)
		}
		return Reply{Accepted: receipt.Tasks}
	case pressCancel:
		return b.cancelBatch(ctx, v, in.Origin.Identity, string(task))
	default:
		return v.refuse([]string{v.say("press.unknown", nil)})
	}
}
