package discord

import (
	"strings"
	"testing"

	"kiebot/bots/discord/discordtest"
)

// A stranger asks; an admin lets them in with one press, after a restart. The
// question cannot be pressed twice.
func TestStrangerIsLetIn(t *testing.T) {
	both(t, worldConfig{boss: true, strict: true}, func(t *testing.T, w *world) {
		at := w.channel.As(w.eva)
		at.Types("/imagine", set("prompt", "кот")).Becomes(t, says("Впустить может", "Там уже знают о вашей просьбе."))
		question := w.ada.Private().As(w.ada).Next(t)
		if !says("Eva (discord:" + w.eva.ID() + ") would like to use the bot in discord:guild:" + w.guild.ID())(question) {
			t.Errorf("%s", question)
		}
		w.end()
		w.start()
		w.ada.Presses(question, "this person").Answer(t)
		w.discord.Becomes(t, question, func(m discordtest.Message) bool {
			return says("discord:"+w.eva.ID()+" can use the bot now. They have been told.")(m) && len(m.Buttons()) == 0
		})
		if welcome := w.eva.Private().As(w.eva).Next(t); !says("Вас впустили.")(welcome) {
			t.Errorf("%s", welcome)
		}
		at.Types("/imagine", set("prompt", "кот")).Becomes(t, made(1, "кот"))
	})
}

// The whole server is let in; and who was turned down is not asked about again.
func TestServerIsLetIn(t *testing.T) {
	both(t, worldConfig{boss: true, strict: true}, func(t *testing.T, w *world) {
		max := w.discord.Person("Max")
		w.guild.Joins(max)
		w.channel.As(w.eva).Types("/imagine", set("prompt", "кот")).Original(t)
		first := w.ada.Private().As(w.ada).Next(t)
		w.ada.Presses(first, "do not ask again").Answer(t)
		w.discord.Becomes(t, first, says("is not let in, and I will not ask again"))
		w.channel.As(max).Types("/imagine", set("prompt", "a dog")).Original(t)
		second := w.ada.Private().As(w.ada).Next(t)
		w.ada.Presses(second, "everybody there").Answer(t)
		w.discord.Becomes(t, second, says("discord:guild:"+w.guild.ID()+" can use the bot now."))
		w.channel.As(max).Types("/imagine", set("prompt", "a dog")).Becomes(t, made(1, "a dog"))
	})
}

// The command of admins: seen by those who may manage the server, completed
// from the table of acts, with people picked in a field of their own.
func TestAdmin(t *testing.T) {
	both(t, worldConfig{boss: true}, func(t *testing.T, w *world) {
		const manageGuild = 1 << 5
		for _, c := range w.discord.Commands("") {
			if c.Name == "admin" && (c.DefaultMemberPermissions == nil || *c.DefaultMemberPermissions != "32" || len(c.Contexts) != 2) {
				t.Errorf("%+v", c)
			}
		}
		for _, who := range []*discordtest.Person{w.ada, w.eva} {
			w.guild.SetPermissions(who, discordtest.PermAdministrator|manageGuild)
		}
		boss, eva := w.channel.As(w.ada), w.channel.As(w.eva)
		to := "discord:" + w.eva.ID()
		do := func(who discordtest.Speaker, says1, words string, values ...discordtest.Value) {
			t.Helper()
			m := who.Types("/admin", append(values, set("do", words))...).Becomes(t, says(says1))
			if m.For == "" {
				t.Errorf("everybody sees %s", m)
			}
		}
		do(boss, to+" was given 50 credits", "grant 50 helped a lot", set("person", w.eva))
		do(boss, to+" was given 5 credits", "grant <@"+w.eva.ID()+"> 5")
		do(boss, "Limits of discord:channel:"+w.channel.ID()+": 5 credits a day", "limit 5", set("channel", w.channel))
		role := w.guild.Role("artists")
		do(boss, "Limits of discord:role:"+role+": 5 credits a day", "limit 5", set("role", role))
		do(boss, "WHO is missing", "grant")
		// Eva may manage the server: she makes its rules, and no others.
		do(eva, "Лимиты everybody здесь: 5 кредитов в день", "limit everybody 5")
		do(eva, "grant — только для тех, кто управляет этим ботом", "grant 50", set("person", w.eva))
		if picked := boss.Picks(t, "/admin", "do", "gra"); boss.Types("/admin", picked).Becomes(t, says("WHO is missing")).For == "" {
			t.Error("everybody sees it")
		}
		for typed, offers := range map[string]string{
			"": "grant", "limit ": "limit everybody", "limit to": "limit total", "tier <@1> ": "tier <@1> none", "help bl": "help block",
			"grant telegram:1 ": "grant telegram:1 ", "nonsense": "grant", "limit everybody unl": "limit everybody unlimited",
		} {
			choices := boss.Completes("/admin", "do", typed).Choices(t)
			if len(choices) == 0 || strings.TrimSpace(choices[0].Value.(string)) != strings.TrimSpace(offers) {
				t.Errorf("%q: %+v", typed, choices)
			}
		}
		all := w.channel.FromBot()
		if len(all) != 0 {
			t.Errorf("the channel saw %s", all)
		}
	})
}
