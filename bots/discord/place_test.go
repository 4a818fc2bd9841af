package discord

import (
	"errors"
	"testing"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
)

// placeOf is the guild as core knows it.
func placeOf(g *discordtest.Guild) core.Place { return core.Place(Platform + ":guild:" + g.ID()) }

// elsewhere is a channel of another guild that all of them are in.
func (c *talk) elsewhere() (*discordtest.Guild, discordtest.Speaker) {
	g := c.discord.Guild("another guild", c.ada, c.eva)
	return g, g.Channel("pictures").As(c.who)
}

// asks lets the person ask for a picture, get it, and shows what core knows of it.
func (c *talk) asks(at discordtest.Speaker) core.Task {
	c.t.Helper()
	c.hears(at.Types("/imagine", set("prompt", "a cat")), 1, c.in("left today", "сегодня осталось"))
	tasks, err := c.engine.History(c.t.Context(), core.Identity{Platform: Platform, User: c.who.ID()}, "", 1)
	c.must(err)
	return tasks[0]
}

// refusedAt asks for a picture that is refused for that reason.
func (c *talk) refusedAt(at discordtest.Speaker, english, russian string) {
	c.t.Helper()
	c.hears(at.Types("/imagine", set("prompt", "a cat")), 0, c.in(english, russian), c.in("Nothing was charged.", "Ничего не списано."))
}

// manager makes somebody who may manage the guild, and the person a mere member.
func (c *talk) manager() *discordtest.Person {
	boss := c.discord.Person("Boss")
	c.guild.Joins(boss)
	member := int64(discordtest.PermViewChannel | discordtest.PermSendMessages | discordtest.PermSendMessagesInThreads | discordtest.PermUseApplicationCommands)
	c.guild.SetPermissions(boss, member|discordtest.PermManageGuild)
	c.guild.SetPermissions(c.who, member)
	return boss
}

// rules lets an admin of the guild change its rules, who has asked for
// something there.
func (c *talk) rules(edit func(*core.PlaceRules)) core.Act {
	c.t.Helper()
	boss := c.manager()
	asked := c.channel.As(boss).Types("/imagine", set("prompt", "a crown"))
	asked.Becomes(c.t, made(1))
	tasks, err := c.engine.History(c.t.Context(), core.Identity{Platform: Platform, User: boss.ID()}, "", 1)
	c.must(err)
	act, err := c.engine.PlaceAct(c.t.Context(), tasks[0].Request.Origin, "our rules")
	c.must(err)
	c.must(c.engine.ChangePlace(c.t.Context(), act, placeOf(c.guild), edit))
	return act
}

// reasonOf is why something was refused; empty when it was not.
func reasonOf(err error) core.Reason {
	var refusal *core.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	return ""
}

func limited(n core.Credits) *core.Limit { return new(core.Limit(n)) }

// The channels and threads of a guild share its day, and only they do.
func TestAGuildsDay(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		_, free := c.elsewhere()
		price := c.asks(free).Hold.Amount
		c.must(c.engine.SetPlaceLimits(t.Context(), core.Act{By: core.CommandLine}, placeOf(c.guild), core.Limits{Daily: limited(2 * price)}))
		more := c.guild.Channel("more pictures")
		c.asks(c.at)
		c.hears(c.at.Types("/balance"), 0, c.in("Left on this server today", "На этом сервере сегодня осталось"))
		c.asks(more.Thread("a thread").As(c.who))
		for _, at := range []discordtest.Speaker{c.at, more.As(c.who), c.channel.Thread("another").As(c.who)} {
			c.refusedAt(at, "of this server’s credits for a day only 0 are left", "Кредиты этого сервера на день: осталось 0")
		}
		c.asks(free)
	})
}

// Of what a guild's admins let one person use there, the highest limit of the
// person's roles counts.
func TestAGuildsLimitsByRole(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		_, free := c.elsewhere()
		price := c.asks(free).Hold.Amount
		low, high := c.guild.Role("low"), c.guild.Role("high")
		c.rules(func(r *core.PlaceRules) {
			r.Person = limited(0)
			r.Roles = map[string]core.Limit{Platform + ":role:" + low: core.Limit(price), Platform + ":role:" + high: core.Limit(2 * price)}
		})
		c.refusedAt(c.at, "the credits that you may use here in a day", "Кредиты, которые вы можете потратить здесь за день")
		c.guild.Gives(c.who, low)
		c.asks(c.at)
		c.refusedAt(c.at, "the credits that you may use here in a day", "Кредиты, которые вы можете потратить здесь за день")
		c.guild.Gives(c.who, high)
		c.asks(c.at)
		c.hears(c.at.Types("/balance"), 0, c.in("Left for you here today", "Для вас здесь сегодня осталось"))
		c.asks(free)
	})
}

// The operator lets a guild, one of its channels or a role in, and nobody else.
func TestTheOperatorsAllowList(t *testing.T) {
	both(t, worldConfig{strict: true}, func(t *testing.T, w *world) {
		other, role := w.discord.Guild("another guild", w.eva), w.guild.Role("artists")
		w.guild.Gives(w.eva, role)
		here, beside, elsewhere := w.channel.As(w.eva), w.guild.Channel("more").As(w.eva), other.Channel("pictures").As(w.eva)
		for allowed, where := range map[string][]discordtest.Speaker{
			":guild:" + w.guild.ID():     {here, w.channel.Thread("one").As(w.eva), beside},
			":channel:" + w.channel.ID(): {here, w.channel.Thread("two").As(w.eva)},
			":role:" + role:              {here, beside},
		} {
			act := core.Act{By: core.CommandLine}
			asks := func(at discordtest.Speaker, in bool) {
				t.Helper()
				m := at.Types("/imagine", set("prompt", "a cat")).Becomes(t, func(m discordtest.Message) bool { return made(1)(m) || m.Ephemeral() })
				if made(1)(m) != in {
					t.Errorf("%s: %s", allowed, m)
				}
			}
			asks(here, false)
			if _, err := w.engine.Allow(t.Context(), act, Platform+allowed); err != nil {
				t.Error(err)
			}
			for _, at := range where {
				asks(at, true)
			}
			asks(elsewhere, false)
			if _, err := w.engine.Disallow(t.Context(), act, Platform+allowed); err != nil {
				t.Error(err)
			}
		}
	})
}

// Of the limits that the operator gives a person's roles the highest counts.
func TestTheOperatorsLimitsByRole(t *testing.T) {
	inEveryLanguage(t, worldConfig{}, func(t *testing.T, c *talk) {
		price := c.asks(c.at).Hold.Amount
		low, high := c.guild.Role("low"), c.guild.Role("high")
		c.guild.Gives(c.who, low)
		for role, times := range map[string]core.Credits{low: 1, high: 2} {
			c.must(c.engine.LimitRole(t.Context(), core.Act{By: core.CommandLine}, Platform+":role:"+role, core.Limits{Daily: limited(times * price)}))
		}
		refused := func() { c.refusedAt(c.at, "of your credits for a day only 0 are left", "осталось 0") }
		refused()
		c.guild.Gives(c.who, high)
		c.asks(c.at)
		refused()
	})
}

// Whoever may manage a guild decides there, within what the operator gives
// it, and nowhere else.
func TestAGuildsOwnAdmins(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		ctx := t.Context()
		other, free := c.elsewhere()
		act := c.rules(func(*core.PlaceRules) {})
		change := func(edit func(*core.PlaceRules)) {
			c.t.Helper()
			c.must(c.engine.ChangePlace(ctx, act, placeOf(c.guild), func(r *core.PlaceRules) { *r = core.PlaceRules{}; edit(r) }))
		}
		task := c.asks(c.at)
		if _, err := c.engine.PlaceAct(ctx, task.Request.Origin, ""); reasonOf(err) != core.ReasonNotAdmin {
			t.Errorf("a member acts for the guild: %v", err)
		}
		change(func(r *core.PlaceRules) { r.Blocked = map[string]string{Platform + ":" + c.who.ID(): "spam"} })
		c.refusedAt(c.at, "the admins have blocked you (spam)", "вас заблокировали администраторы (spam)")
		c.asks(free)
		more := c.guild.Channel("more pictures")
		change(func(r *core.PlaceRules) { r.Channels = []string{Platform + ":channel:" + more.ID()} })
		c.refusedAt(c.at, "Nothing can be asked for in this channel", "В этом канале запросы не принимаются")
		c.refusedAt(c.channel.Thread("one").As(c.who), "Nothing can be asked for in this channel", "В этом канале запросы не принимаются")
		c.asks(more.As(c.who))
		c.asks(more.Thread("a thread").As(c.who))
		change(func(r *core.PlaceRules) { r.Allow = []string{Platform + ":role:1"} })
		c.refusedAt(c.at, "Only people and roles that the admins have chosen", "только от тех людей и ролей, которые выбрали администраторы")
		change(func(r *core.PlaceRules) { r.Off = []string{task.Request.Model} })
		c.refusedAt(c.at, "turned this model off here", "отключили здесь эту модель")
		c.asks(free)

		c.must(c.engine.SetPlaceLimits(ctx, core.Act{By: core.CommandLine}, placeOf(c.guild), core.Limits{Daily: limited(1000)}))
		err := c.engine.ChangePlace(ctx, act, placeOf(c.guild), func(r *core.PlaceRules) { r.Limits.Daily = limited(1001) })
		if reasonOf(err) != core.ReasonPlaceAbove {
			t.Errorf("more than the operator gives: %v", err)
		}
		err = c.engine.ChangePlace(ctx, act, placeOf(other), func(r *core.PlaceRules) { r.Off = []string{"veo"} })
		if reasonOf(err) != core.ReasonPlaceOnly {
			t.Errorf("an admin of another guild: %v", err)
		}
	})
}

// An admin of a guild types its rules, which hold there at once and nowhere
// else, and grants nobody anything.
func TestAGuildsAdminsTypeItsRules(t *testing.T) {
	inEveryLanguage(t, worldConfig{change: plenty}, func(t *testing.T, c *talk) {
		_, free := c.elsewhere()
		boss := c.channel.As(c.manager())
		does := func(at discordtest.Speaker, words string, parts ...string) {
			c.t.Helper()
			at.Types("/admin", set("do", words)).Becomes(c.t, says(parts...))
		}
		who := Platform + ":" + c.who.ID()
		does(boss, "block "+who+" spam", who+" is blocked here")
		c.refusedAt(c.at, "the admins have blocked you (spam)", "вас заблокировали администраторы (spam)")
		c.asks(free)
		does(boss, "grant "+who+" 50", "grant")
		does(boss, "unblock "+who, who+" is not blocked here")
		does(boss, "limit everybody 0", "everybody here")
		c.refusedAt(c.at, "the credits that you may use here in a day", "Кредиты, которые вы можете потратить здесь за день")
		does(boss, "reset everybody", "everybody")
		c.asks(c.at)
		audits, err := c.engine.Audits(t.Context(), 0, 10)
		c.must(err)
		if len(audits) != 4 {
			t.Errorf("%d audits: %+v", len(audits), audits)
		}
		for _, a := range audits {
			if a.Action != "place" || a.Target != string(placeOf(c.guild)) {
				t.Errorf("%+v", a)
			}
		}
	})
}
