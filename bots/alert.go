package bots

import (
	"fmt"

	"kiebot/core"
)

// Alert puts what the operator should know into words, with what can be done about it.
func (b *Bot) Alert(a core.Alert, locale string) (words string, buttons []Button) {
	v := b.voice(locale)
	if a.Kind == core.AlertStranger {
		return v.strangerAlert(a), b.doors(v, a)
	}
	return v.alert(a), nil
}

func (v voice) alert(a core.Alert) string {
	with := args{
		"Account": a.KieAccount, "Credits": v.credits(a.Credits), "Job": a.Task.Short(), "Where": string(a.Lane), "Name": shorten(a.Name, 60), "Who": a.Who.String(), "N": fmt.Sprint(a.Count),
	}
	key := "alert." + string(a.Kind)
	var text string
	switch a.Kind {
	case core.AlertParked:
		text = v.say(key+"."+string(a.Reason), with)
	case core.AlertRemoved, core.AlertUndelivered, core.AlertRestored:
		text = v.count(key, a.Count, with)
	default:
		text = v.say(key, with)
	}
	if a.More > 0 {
		text += " " + v.count("alert.more", a.More, args{"N": fmt.Sprint(a.More)})
	}
	if a.Detail != "" {
		text += "\n" + a.Detail
	}
	return text
}
