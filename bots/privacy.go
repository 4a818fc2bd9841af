package bots

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"kiebot/core"
)

// Document is a file of words for one person.
type Document struct {
	Name string
	Type string // MIME
	Data []byte
}

// documentMax is how large one can be: every chat takes that.
const documentMax = 8 << 20

var errTooLarge = errors.New("bots: larger than a chat takes")

// bounded keeps what is written, up to documentMax bytes.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > documentMax {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}

// The verbs of the privacy menu; its first page has none.
const (
	sendMine   = "send"
	askDelete  = "ask"
	deleteMine = "delete"
)

// privacy answers /privacy: what is kept about the person, and what they can do
// about it.
func (b *Bot) privacy(_ context.Context, s session) Reply {
	at := step{menu: privacyMenu, owner: tagOf(s.in.Origin.Identity)}
	tasks, media := b.engine.Keeps()
	days := func(d time.Duration) string { return fmt.Sprint(int((d + 24*time.Hour - 1) / (24 * time.Hour))) }
	return Reply{Private: true, Replaces: true, Text: s.say("privacy.kept", args{"Days": days(tasks), "Media": days(media)}), Buttons: []Button{
		{Emoji: "📄", Label: s.say("button.my_data", nil), Data: at.to(sendMine).data(), Needs: CanAttach, Row: 1},
		{Emoji: "🗑️", Label: s.say("button.forget_me", nil), Data: at.to(askDelete).data(), Row: 2},
	}}
}

// pressPrivacy answers a press on its buttons.
func (b *Bot) pressPrivacy(ctx context.Context, s session, at step) Reply {
	switch at.verb {
	case "":
		return b.privacy(ctx, s)
	case sendMine:
		return b.myData(ctx, s)
	case askDelete:
		return Reply{Private: true, Replaces: true, Text: s.say("privacy.ask", nil), Buttons: []Button{
			{Emoji: "🗑️", Label: s.say("button.forget_yes", nil), Data: at.to(deleteMine).data(), Row: 1},
			{Emoji: "⬅️", Label: s.say("button.back", nil), Data: at.to("").data(), Row: 2},
		}}
	case deleteMine:
		return b.forget(ctx, s)
	}
	return s.unknown()
}

// myData gives the person all that is kept about them.
func (b *Bot) myData(ctx context.Context, s session) Reply {
	var all bounded
	err := b.engine.Export(ctx, s.in.Origin.Identity, &all)
	switch {
	case errors.Is(err, errTooLarge):
		return Reply{Private: true, Refused: true, Text: s.say("privacy.too_large", nil)}
	case err != nil:
		return b.refusal(s.voice, err)
	case all.Len() == 0:
		return Reply{Private: true, Text: s.say("privacy.nothing", nil)}
	}
	return Reply{Private: true, Text: s.say("privacy.data", nil), Document: &Document{Name: "kiebot.jsonl", Type: "application/jsonl", Data: all.Bytes()}}
}

// forget deletes it, and says what stays.
func (b *Bot) forget(ctx context.Context, s session) Reply {
	who := s.in.Origin.Identity
	done, err := b.engine.Forget(ctx, core.Act{By: who.String()}, who)
	var refused *core.Refusal
	if errors.As(err, &refused) {
		return Reply{Private: true, Refused: true, Text: s.reason(refused)}
	}
	if err != nil {
		return Reply{Private: true, Refused: true, Text: s.say("privacy.unfinished", nil)}
	}
	text := []string{s.count("privacy.done", done.Tasks, args{"N": fmt.Sprint(done.Tasks)})}
	if done.Left > 0 {
		text = append(text, s.say("privacy.left", args{"Credits": s.credits(done.Left)}))
	}
	if done.Purchases > 0 {
		text = append(text, s.say("privacy.paid", nil))
	}
	if done.Blocked {
		text = append(text, s.say("privacy.blocked", nil))
	}
	return Reply{Private: true, Replaces: true, Text: sentences(text...)}
}
