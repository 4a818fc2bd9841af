package bots

import "context"

// alone refuses what is for the person alone where it could not be shown to
// them: it would be paid for, and nobody would get it.
func (b *Bot) alone(ctx context.Context, s session, private bool) (Reply, bool) {
	if !private || s.in.Alone == nil {
		return Reply{}, true
	}
	link := s.in.Alone(ctx)
	if link == "" {
		return Reply{}, true
	}
	return s.refuse([]string{s.say("write_first", args{"Link": link})}), false
}

// aloneAgain is alone for a job that is to be made once more.
func (b *Bot) aloneAgain(ctx context.Context, s session, id string) (Reply, bool) {
	if s.in.Alone == nil {
		return Reply{}, true
	}
	task, err := b.engine.Task(ctx, s.in.Origin.Identity, id)
	return b.alone(ctx, s, err == nil && task.Request.Private)
}

// WriteFirst asks the person who gets an answer alone to write first where the
// link leads to: there the chat does not let bots begin.
func (b *Bot) WriteFirst(locale, link string) string {
	return b.voice(locale).say("write_first", args{"Link": link})
}
