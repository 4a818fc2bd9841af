package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
)

// scene is what people do on Discord up to the call at which the process is
// killed, and what they find when it runs again.
type scene struct {
	name   string
	env    []string
	before func(*testing.T, *town) discordtest.Message // nil when nothing was
	// acts leads to the call; the message is that of before.
	acts func(*testing.T, *town, discordtest.Message)
	// ends waits until everything is as if nobody had been killed.
	ends func(*testing.T, *town, discordtest.Message)

	tasks    int // at Kie, in the end
	running  int // of those, when the process is killed
	pictures int // that people see, in the end
}

// The calls that a process is killed at, which Discord has carried out or not.
// The gateway lets a session begin every five seconds only, so that most
// scenes play over signed requests.
func TestDiscordKilledAtEveryCall(t *testing.T) {
	const hook, own = "/webhooks/{application}/{token}", "/channels/{channel}/messages"
	for _, k := range []struct {
		scene
		route  string
		skip   int // calls that pass first
		signed bool
	}{
		{asked, "POST /interactions/{interaction}/{token}/callback", 0, false},
		{asked, "PATCH " + hook + "/messages/{message}", 0, false},
		{asked, "PATCH " + hook + "/messages/{message}", 0, true},
		{asked, "PATCH " + hook + "/messages/{message}", 1, false},
		{asked, "PATCH " + hook + "/messages/{message}", 1, true},
		{askedAgain, "POST " + hook, 0, true},
		{outlived, "PATCH " + own + "/{message}", 0, true},
		{outlivedAndGone, "POST " + own, 0, true},
		{elsewhere, "POST /users/@me/channels", 0, true},
		{elsewhere, "POST " + own, 0, true},
		{deleted, "DELETE " + hook + "/messages/{message}", 0, true},
		{refused, "PATCH " + hook + "/messages/{message}", 0, true},
		{refused, "POST " + hook, 0, true},
		{refused, "DELETE " + hook + "/messages/{message}", 0, true},
		{renamed, "PUT /applications/{application}/commands", 0, true},
	} {
		way := map[bool]string{false: "gateway", true: "signed"}[k.signed]
		call := strings.ReplaceAll(k.route, "/", " ") + " " + strconv.Itoa(k.skip+1)
		for _, executed := range []bool{false, true} {
			t.Run(k.name+", "+way+", "+call+", executed "+strconv.FormatBool(executed), func(t *testing.T) {
				t.Parallel()
				k.kill(t, k.signed, discordtest.Fault{Route: k.route, Skip: k.skip, After: executed, Hang: true})
			})
		}
	}
}

// kill plays the scene with a kill -9 at the call that the fault strikes.
func (s scene) kill(t *testing.T, signed bool, fault discordtest.Fault) {
	w := onDiscord(t, signed, s.env...)
	var first discordtest.Message
	if s.before != nil {
		first = s.before(t, w)
	}
	passed := len(w.discord.Calls(fault.Route)) + fault.Skip
	lift := w.discord.Fault(fault)
	s.acts(t, w, first)
	w.discord.Until(t, func() bool { return len(w.discord.Calls(fault.Route)) > passed })
	if s.running > 0 { // a kill while Kie is being asked is what other tests are about
		eventually(t, "Kie has the task", func() bool { return w.follows(s.running) })
	}
	w.kill()
	lift()
	w.start()
	s.ends(t, w, first)
	w.stop()
	pictures := 0
	for _, m := range append(w.channel.As(w.ann).FromBot(), w.ann.Private().As(w.ann).FromBot()...) {
		pictures += len(m.Attachments)
	}
	if pictures != s.pictures || len(w.kie.Tasks()) != s.tasks {
		t.Errorf("%d pictures of %d Kie tasks", pictures, len(w.kie.Tasks()))
	}
}

var asked = scene{
	name: "a command", tasks: 1, running: 1, pictures: 1,
	acts: func(_ *testing.T, w *town, _ discordtest.Message) {
		w.channel.As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
	},
	ends: func(t *testing.T, w *town, _ discordtest.Message) {
		w.channel.As(w.ann).Until(t, result(1, "a cat"))
	},
}

// made asks for a picture and waits for it.
func made(t *testing.T, w *town) discordtest.Message {
	return w.channel.As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat")).Becomes(t, result(1, "a cat"))
}

var askedAgain = scene{
	name: "a button", tasks: 2, running: 2, pictures: 2,
	before: made,
	acts: func(_ *testing.T, w *town, first discordtest.Message) {
		w.ann.Presses(first, "Again")
	},
	ends: func(t *testing.T, w *town, first discordtest.Message) {
		w.channel.As(w.ann).Until(t, func(m discordtest.Message) bool { return m.ID != first.ID && result(1, "a cat")(m) })
	},
}

// outlived is a result that is there when the interaction's token is over.
var outlived = scene{
	name: "a token that ended", tasks: 1, running: 1, pictures: 1,
	acts: func(t *testing.T, w *town, _ discordtest.Message) {
		asked := w.channel.As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
		asked.Original(t)
		asked.Expire()
	},
	ends: asked.ends,
}

// outlivedAndGone is one whose message somebody deleted, too.
var outlivedAndGone = scene{
	name: "a token that ended, a message that is gone", tasks: 1, running: 1, pictures: 1,
	acts: func(t *testing.T, w *town, _ discordtest.Message) {
		asked := w.channel.As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
		shown := asked.Original(t)
		asked.Expire()
		w.channel.As(w.ann).Deletes(shown)
	},
	ends: asked.ends,
}

// elsewhere is a late result where the bot is not: it comes as a direct message.
var elsewhere = scene{
	name: "a token that ended, a server without the bot", tasks: 1, running: 1, pictures: 1,
	acts: func(t *testing.T, w *town, _ discordtest.Message) {
		w.ann.Installs()
		asked := w.discord.ForeignGuild("elsewhere", w.ann).Channel("films").As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"))
		asked.Original(t)
		asked.Expire()
	},
	ends: func(t *testing.T, w *town, _ discordtest.Message) {
		w.ann.Private().As(w.ann).Until(t, result(1, "a cat"))
	},
}

// deleted is a result that is taken away, by a second press if need be.
var deleted = scene{
	name: "Delete", tasks: 2, pictures: 1,
	before: func(t *testing.T, w *town) discordtest.Message {
		first := made(t, w)
		made(t, w) // which comes only when it is noted that the first was shown
		return first
	},
	acts: func(_ *testing.T, w *town, first discordtest.Message) {
		w.ann.Presses(first, "Delete")
	},
	ends: func(t *testing.T, w *town, first discordtest.Message) {
		here := w.channel.As(w.ann)
		if slices.ContainsFunc(here.FromBot(), func(m discordtest.Message) bool { return m.ID == first.ID }) {
			w.ann.Presses(first, "Delete")
		}
		w.discord.Until(t, func() bool { return len(here.FromBot()) == 1 })
	},
}

// refused is a request in a thread whose channel is not told at once, so that
// everybody sees the bot think before it refuses.
var refused = scene{
	name: "a slow refusal", tasks: 1, pictures: 1,
	env: []string{"DISCORD_NSFW=restricted"},
	acts: func(_ *testing.T, w *town, _ discordtest.Message) {
		w.discord.Fault(discordtest.Fault{Route: "GET /channels/{channel}", Slow: 500 * time.Millisecond})
		w.channel.Thread("cats").As(w.ann).Types("/imagine", discordtest.Set("prompt", "a cat"), discordtest.Set("model", "nothing"))
	},
	ends: func(t *testing.T, w *town, _ discordtest.Message) {
		made(t, w)
		for _, m := range w.channel.As(w.ann).FromBot() {
			if strings.Contains(m.Words(), "nothing") {
				t.Errorf("everybody sees %s", m)
			}
		}
	},
}

// renamed is a bot whose commands get other names.
var renamed = scene{
	name: "other commands", tasks: 1, pictures: 1,
	acts: func(t *testing.T, w *town, _ discordtest.Message) {
		w.stop()
		w.process.env = append(w.process.env, "DISCORD_PREFIX=kie-")
		w.process.start()
	},
	ends: func(t *testing.T, w *town, _ discordtest.Message) {
		eventually(t, "all commands have their new names", func() bool {
			return !slices.ContainsFunc(w.discord.Commands(""), func(c discordtest.Command) bool { return !strings.HasPrefix(c.Name, "kie-") })
		})
		w.channel.As(w.ann).Types("/kie-imagine", discordtest.Set("prompt", "a cat")).Becomes(t, result(1, "a cat"))
	},
}
