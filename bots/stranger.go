package bots

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"kiebot/core"
)

// stranger refuses somebody who is not let in, and says whom to ask.
func (v voice) stranger(r *core.Refusal, a args) string {
	text := v.say("refused.stranger", a)
	if where := placeOf(r.Roles); where != "" {
		a["Where"] = where
		text = v.say("refused.stranger.here", a)
	}
	if r.Known {
		text = sentences(text, v.say("refused.stranger.known", nil))
	}
	return text
}

// strangerAlert says to an admin who would like to be let in.
func (v voice) strangerAlert(a core.Alert) string {
	who := args{"Who": a.Who.String(), "Name": shorten(visible(a.Name), 60), "Where": placeOf(a.Roles)}
	if who["Where"] != "" {
		return v.say("alert.stranger.here", who)
	}
	return v.say("alert.stranger", who)
}

// visible is a name that somebody gave themselves without what nobody sees of
// it, which could turn the words around it.
func visible(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return ' '
		}
		return r
	}, name)
	return strings.Join(strings.Fields(name), " ")
}

// doors are the buttons under such an alert. What they are about is all in
// their data: 64 bytes are enough for the longest ids of both platforms.
func (b *Bot) doors(v voice, a core.Alert) []Button {
	who, language := a.Who.String(), b.texts.code(a.Locale)
	all := []Button{{Emoji: "✅", Label: v.say("button.let_in", nil), Data: buttonData(pressLetIn, who+":"+language)}}
	if where := placeOf(a.Roles); where != "" {
		all = append(all, Button{Emoji: "👥", Label: v.say("button.let_all", nil), Data: buttonData(pressLetAll, where+":"+a.Who.User+":"+language)})
	}
	return append(all, Button{Emoji: "🚫", Label: v.say("button.deny", nil), Data: buttonData(pressRefuse, who+":"+language)})
}

func isDoor(action string) bool {
	return action == pressLetIn || action == pressLetAll || action == pressRefuse
}

// door is what a button under an alert about a stranger is about.
type door struct {
	who      core.Identity // the stranger
	where    string        // that they asked in, of pressLetAll
	language string        // the stranger's
}

func readDoor(action, name string) (door, bool) {
	parts := strings.Split(name, ":")
	d := door{language: parts[len(parts)-1]}
	if action == pressLetAll && len(parts) == 5 {
		d.who, d.where = core.Identity{Platform: parts[0], User: parts[3]}, strings.Join(parts[:3], ":")
		return d, true
	}
	if action == pressLetAll || len(parts) != 3 {
		return d, false
	}
	d.who = core.Identity{Platform: parts[0], User: parts[1]}
	return d, true
}

// pressDoor does what an admin decided about a stranger, once, whoever pressed
// first. What was done takes the place of the question, so that it cannot be
// pressed again there.
func (b *Bot) pressDoor(ctx context.Context, s session, action, name string) Reply {
	by := s.in.Origin.Identity
	d, ok := readDoor(action, name)
	switch {
	case !slices.Contains(b.admins, by):
		return Reply{Refused: true, Text: s.say("admin.only", nil)}
	case !ok:
		return s.unknown()
	}
	act, whom := core.Act{By: by.String(), Why: "asked to be let in"}, d.who.String()
	if action == pressLetAll {
		whom = d.where
	}
	what, again := b.engine.Allow, "act.allowed.before"
	done := "act.allowed"
	if action == pressRefuse {
		what, done, again = b.turnDown, "stranger.denied", "stranger.decided"
	}
	fresh, err := what(ctx, act, whom)
	switch {
	case err != nil:
		return order{voice: s.voice}.undone(err)
	case !fresh:
		return Reply{Replaces: true, Text: s.say(again, args{"Who": whom})}
	}
	text := s.say(done, args{"Who": whom})
	if action != pressRefuse {
		text = sentences(text, b.tellStranger(ctx, s.voice, d))
	}
	return Reply{Replaces: true, Text: text}
}

// turnDown is core.Engine.TurnDown of somebody by name.
func (b *Bot) turnDown(ctx context.Context, act core.Act, who string) (bool, error) {
	platform, user, _ := strings.Cut(who, ":")
	return b.engine.TurnDown(ctx, act, core.Identity{Platform: platform, User: user})
}

// tellFor is how long an admin waits for the stranger to be told.
const tellFor = 10 * time.Second

// tellStranger tells whoever was let in: the chat, where it can be told, else
// the person. The answer says to the admin whether they know.
func (b *Bot) tellStranger(ctx context.Context, v voice, d door) string {
	if b.tell == nil {
		return v.say("stranger.untold", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	theirs := b.voice(d.language)
	if chat, ok := strings.CutPrefix(d.where, d.who.Platform+":chat:"); ok {
		if b.tell(ctx, core.Identity{Platform: d.who.Platform, User: chat}, theirs.say("stranger.welcome.all", nil)) == nil {
			return v.say("stranger.told", nil)
		}
	}
	if b.tell(ctx, d.who, theirs.say("stranger.welcome", nil)) != nil {
		return v.say("stranger.untold", nil)
	}
	return v.say("stranger.told", nil)
}
