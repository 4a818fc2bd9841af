package bots

import (
	"context"
)

// actPause accepts nothing more, from anybody, until actResume.
func (b *Bot) actPause(ctx context.Context, o order) Reply {
	return o.did(b.engine.SetPaused(ctx, o.signed(), true), o.say("act.paused", args{"Resume": o.by.typed("resume")}))
}

func (b *Bot) actResume(ctx context.Context, o order) Reply {
	_, was, err := b.engine.Paused(ctx)
	if err == nil && !was {
		return Reply{Refused: true, Text: o.say("act.resume.nothing", nil)}
	}
	return o.did(b.engine.SetPaused(ctx, o.signed(), false), o.say("act.resumed", nil))
}
