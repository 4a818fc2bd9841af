package bots

import "context"

// link answers /link, which makes a code, and /link CODE, which uses it.
func (b *Bot) link(ctx context.Context, s session) Reply {
	who := s.in.Origin.Identity
	if typed := s.call.prompt; typed != "" {
		account, err := b.engine.Link(ctx, who, typed)
		if err != nil {
			return b.refusal(s.voice, err)
		}
		said := s.say("linked", nil)
		if account.Blocked != nil {
			said = sentences(said, s.say("linked.blocked", nil))
		}
		return Reply{Text: said}
	}
	code, err := b.engine.LinkCode(ctx, who)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	return Reply{Private: true, Text: s.say("link.code", args{
		"Code": code.Code, "Time": s.clock(code.Expires), "In": s.ahead(code.Expires),
	})}
}
