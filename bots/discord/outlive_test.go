package discord

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/kie/kietest"
)

// slow is a Kie whose tasks take longer than the token of an interaction lives.
func slow() kietest.Config {
	return kietest.Config{Durations: kietest.Durations{Image: 20 * time.Minute}}
}

// After fourteen minutes the bot edits the message by itself, and Discord never
// has to refuse a token.
func TestAResultAfterTheTokenIsOver(t *testing.T) {
	both(t, worldConfig{kie: slow()}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		result := asked.Becomes(t, made(1, "a cat"))
		if result.For != "" || len(w.channel.FromBot()) != 1 {
			t.Errorf("%s", w.channel.FromBot())
		}
		if n := w.discord.Invalid(); n != 0 {
			t.Errorf("%d calls were refused", n)
		}
	})
}

// A result that comes after twenty minutes and is too large, too, is a link in
// the message that stood for it, which says how long it works.
func TestALateResultThatIsTooLarge(t *testing.T) {
	both(t, worldConfig{kie: slow()}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		waiting := asked.Becomes(t, says("generating"))
		w.discord.Fault(discordtest.Fault{Route: routeOwn, Files: true, Status: 413, Times: 2}) // as it is, and smaller
		result := asked.Becomes(t, made(0, "a cat", "does not fit into this chat", "works until"))
		if _, linked := result.Button("🔗"); !linked || result.ID != waiting.ID || len(w.channel.FromBot()) != 1 {
			t.Errorf("%s", w.channel.FromBot())
		}
	})
}

// A video that takes twenty minutes is there once, wherever it was asked for.
func TestAVideoOfTwentyMinutes(t *testing.T) {
	for name, at := range map[string]func(w *world) (asks, shown discordtest.Speaker){
		"a channel": func(w *world) (_, _ discordtest.Speaker) {
			return w.channel.As(w.ada), w.channel.As(w.ada)
		},
		"a thread": func(w *world) (_, _ discordtest.Speaker) {
			thread := w.channel.Thread("films").As(w.ada)
			return thread, thread
		},
		"a forum's post": func(w *world) (_, _ discordtest.Speaker) {
			post := w.guild.Forum("films").Thread("waves").As(w.ada)
			return post, post
		},
		"a private chat": func(w *world) (_, _ discordtest.Speaker) {
			return w.ada.Private().As(w.ada), w.ada.Private().As(w.ada)
		},
		"a server without the bot": func(w *world) (asks, shown discordtest.Speaker) {
			w.ada.Installs()
			return w.discord.ForeignGuild("elsewhere", w.ada).Channel("films").As(w.ada), w.ada.Private().As(w.ada)
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, worldConfig{kie: kietest.Config{Durations: kietest.Durations{Video: 20 * time.Minute}}}, func(t *testing.T, w *world) {
				asks, shown := at(w)
				asks.Types("/video", set("prompt", "waves")).Becomes(t, says("generating"))
				shown.Until(t, made(1, "waves"))
				<-time.After(time.Hour)
				results := map[string]bool{} // by their ids: both may be one place
				for _, m := range append(asks.FromBot(), shown.FromBot()...) {
					for _, file := range m.Attachments {
						results[file.ID] = true
					}
				}
				if n := w.discord.Invalid(); len(results) != 1 || n > 1 {
					t.Errorf("the video is there %d times, and %d calls were refused", len(results), n)
				}
			})
		})
	}
}

// When Discord ends the token early, one refusal is enough.
func TestATokenThatEndsEarly(t *testing.T) {
	both(t, worldConfig{kie: kietest.Config{Durations: kietest.Durations{Image: 2 * time.Minute}}}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		asked.Becomes(t, says("generating"))
		asked.Expire()
		asked.Becomes(t, made(1, "a cat"))
		if n := w.discord.Invalid(); n > 1 {
			t.Errorf("%d calls were refused", n)
		}
	})
}

// Where the bot may not write it says at once that a late result comes as a
// direct message, and it does.
func TestAResultThatOutlivesItsPlace(t *testing.T) {
	for name, change := range map[string]func(*world) *discordtest.Channel{
		"no permissions": func(w *world) *discordtest.Channel {
			c := w.guild.Channel("closed")
			c.Deny(mayAttach | maySend)
			return c
		},
		"a server without the bot": func(w *world) *discordtest.Channel {
			w.ada.Installs()
			return w.discord.ForeignGuild("elsewhere", w.ada).Channel("pictures")
		},
		"a conversation of others": func(w *world) *discordtest.Channel {
			w.ada.Installs()
			return w.discord.GroupDM(w.ada, w.eva)
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, worldConfig{kie: slow()}, func(t *testing.T, w *world) {
				c := change(w)
				c.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, says("I may not write here by myself", "direct message"))
				w.ada.Until(t, made(1, "a cat"))
				if n := w.discord.Invalid(); n > 1 {
					t.Errorf("%d calls were refused", n)
				}
			})
		})
	}
}

// Where the members of a server may not show what apps of their own say, Discord
// hides every answer, whatever its flags: the bot is told so, and a late result
// comes as a direct message.
func TestAnAnswerThatDiscordHides(t *testing.T) {
	for name, kie := range map[string]kietest.Config{"early": {}, "late": slow()} {
		t.Run(name, func(t *testing.T) {
			both(t, worldConfig{kie: kie}, func(t *testing.T, w *world) {
				w.ada.Installs()
				g := w.discord.ForeignGuild("elsewhere", w.ada)
				g.SetPermissions(w.ada, discordtest.PermViewChannel|discordtest.PermSendMessages|discordtest.PermUseApplicationCommands)
				c := g.Channel("pictures")
				asked := c.As(w.ada).Types("/imagine", set("prompt", "a cat"))
				if name == "early" {
					asked.Becomes(t, made(1, "a cat"))
				} else {
					w.ada.Until(t, made(1, "a cat"))
				}
				<-time.After(time.Hour)
				if n := len(w.ada.FromBot()); len(c.FromBot()) != 0 || n != map[string]int{"late": 1}[name] {
					t.Errorf("%s, and %d direct messages", c.FromBot(), n)
				}
				if n := w.discord.Invalid(); n > 1 {
					t.Errorf("%d calls were refused", n)
				}
			})
		})
	}
}

// Where a person brought the bot, an interaction has five further messages. What
// is more comes as a direct message.
func TestAResultBeyondTheFollowUps(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		w.ada.Installs()
		c := w.discord.GroupDM(w.ada, w.eva)
		result := c.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		w.discord.Fault(discordtest.Fault{Route: routeFollow, Status: 400, Code: codeNoFollowUps})
		w.ada.Presses(result, "Again")
		w.ada.Until(t, made(1, "a cat"))
		if n := len(c.FromBot()); n != 1 {
			t.Errorf("the conversation has %d messages", n)
		}
	})
}

// Who takes no direct messages either gets it with /show, and pays once.
func TestAResultBeyondTheFollowUpsAndMessages(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		w.ada.Installs()
		w.ada.ClosesMessages()
		c := w.discord.ForeignGuild("elsewhere", w.ada).Channel("pictures")
		first := c.As(w.ada).Types("/imagine", set("prompt", "a cat")).Becomes(t, made(1, "a cat"))
		w.discord.Fault(discordtest.Fault{Route: routeFollow, Status: 400, Code: codeNoFollowUps})
		w.ada.Presses(first, "Again")
		<-time.After(10 * time.Minute)
		if n := len(c.FromBot()) + len(w.ada.Private().As(w.ada).FromBot()); n != 1 {
			t.Fatalf("%d messages", n)
		}
		posts := w.discord.Calls(routePost) // that it is under way, and the result
		if len(posts) != 2 || posts[0].Code != codeNoDirect || posts[1].Code != codeNoDirect {
			t.Errorf("%d messages were tried; %d calls were refused", len(posts), w.discord.Invalid())
		}
		c.As(w.ada).Types("/show", set("about", newest(t, c.As(w.ada)))).Becomes(t, made(1, "a cat"))
		if n := len(w.kie.Tasks()); n != 2 {
			t.Errorf("Kie has %d tasks", n)
		}
		price := core.Credits(w.kie.Tasks()[0].Credits)
		used, err := w.engine.Balance(t.Context(), core.Origin{Identity: w.boss(), Lane: core.NewLane(Platform, c.ID())})
		w.must(err)
		if used.Day.Used != 2*price {
			t.Errorf("%v were used, and a picture costs %v", used.Day.Used, price)
		}
	})
}

// What is for one person alone cannot stay in the channel longer than its token.
func TestAPrivateResultThatIsLate(t *testing.T) {
	both(t, worldConfig{kie: slow()}, func(t *testing.T, w *world) {
		w.channel.As(w.ada).Types("/imagine", set("prompt", "a secret"), set("private", true)).Original(t)
		w.ada.Until(t, made(1, "a secret"))
		if slices.ContainsFunc(w.channel.FromBot(), says("a secret")) {
			t.Error("everybody sees the secret")
		}
	})
}

// newest is the job that the person's history begins with.
func newest(t *testing.T, at discordtest.Speaker) string {
	t.Helper()
	for _, word := range strings.Fields(at.Types("/history").Original(t).Words()) {
		if len(word) == 8 && strings.ToLower(word) == word {
			return word
		}
	}
	t.Fatal("the history has no job")
	return ""
}

// Who takes no direct messages gets the result with /show.
func TestShowWhereNothingElseGoes(t *testing.T) {
	both(t, worldConfig{kie: slow()}, func(t *testing.T, w *world) {
		w.ada.Installs()
		w.ada.ClosesMessages()
		c := w.discord.ForeignGuild("elsewhere", w.ada).Channel("pictures")
		c.As(w.ada).Types("/imagine", set("prompt", "a cat")).Original(t)
		<-time.After(40 * time.Minute)
		c.As(w.ada).Types("/show", set("about", newest(t, c.As(w.ada)))).Becomes(t, made(1, "a cat"))
	})
}

// A restart in the middle changes nothing that anybody sees.
func TestRestart(t *testing.T) {
	both(t, worldConfig{kie: kietest.Config{Durations: kietest.Durations{Image: 2 * time.Minute}}}, func(t *testing.T, w *world) {
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"))
		asked.Becomes(t, says("generating"))
		w.end()
		w.start()
		asked.Becomes(t, made(1, "a cat"))
		if len(w.channel.FromBot()) != 1 {
			t.Errorf("%s", w.channel.FromBot())
		}
	})
}

// A command that takes longer is told so in time, and a refusal that comes then
// is still for the person alone.
func TestASlowAnswer(t *testing.T) {
	both(t, worldConfig{}, func(t *testing.T, w *world) {
		for range atOnce {
			w.ours.slots <- struct{}{}
		}
		asked := w.channel.As(w.ada).Types("/imagine", set("prompt", "a cat"), set("model", "nothing"))
		answer := asked.Answer(t)
		if !answer.Deferred() || answer.After > 300*time.Millisecond {
			t.Errorf("%+v", answer)
		}
		<-time.After(time.Second)
		for range atOnce {
			<-w.ours.slots
		}
		refused := w.channel.As(w.ada).Until(t, says("nothing", "charged"))
		if refused.For != w.ada.ID() {
			t.Errorf("%s", refused)
		}
		w.discord.Until(t, func() bool { return len(w.channel.FromBot()) == 0 })
	})
}
