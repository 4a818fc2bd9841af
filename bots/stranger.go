package bots

import (
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
	who := args{"Who": a.Who.String(), "Name": shorten(a.Name, 60), "Where": placeOf(a.Roles)}
	if who["Where"] != "" {
		return v.say("alert.stranger.here", who)
	}
	return v.say("alert.stranger", who)
}
