package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"kiebot/bots"
	"kiebot/bots/discord"
	"kiebot/bots/telegram"
	"kiebot/bots/web"
	"kiebot/core"
)

const everyone = "everyone"

// A person is "telegram:123", a place "telegram:chat:-100123", "discord:guild:456",
// "discord:channel:457" or "discord:role:789". Ids on both platforms are numbers; only chats of
// Telegram have negative ones.
var (
	person = regexp.MustCompile(`^(telegram|discord):([1-9][0-9]{0,19})$`)
	place  = regexp.MustCompile(`^(telegram:chat:-?|discord:guild:|discord:channel:|discord:role:)[1-9][0-9]{0,19}$`)
)

// readPeople finds out who runs kiebot and who may use it.
func (e environment) readPeople(s *settings, found *problems) {
	for i, entry := range entries(e.Admins) {
		parts := person.FindStringSubmatch(entry)
		if parts == nil {
			found.add("ADMINS", "has an entry, number %d, that is not a person, such as telegram:123 or discord:456", i+1)
			continue
		}
		s.admins = append(s.admins, core.Identity{Platform: parts[1], User: parts[2]})
	}
	allow := entries(e.Allow)
	if len(allow) == 1 && allow[0] == everyone {
		return
	}
	s.policy.Allow = []string{localUser.String()} // has the link to the page, and so the machine
	for i, entry := range allow {
		if !person.MatchString(entry) && !place.MatchString(entry) {
			found.add("ALLOW", "has an entry, number %d, that is neither everyone alone nor a person or place, such as telegram:123, telegram:chat:-100123, discord:guild:456, discord:channel:457 or discord:role:789", i+1)
		}
		s.policy.Allow = append(s.policy.Allow, entry)
	}
	for _, admin := range s.admins {
		s.policy.Allow = append(s.policy.Allow, admin.String())
	}
	if s.reachable() && len(entries(e.Admins)) == 0 && len(allow) == 0 {
		found.add("ADMINS", "is empty, and so is ALLOW: nobody could use the bot. Name yourself, such as telegram:123 (the bot tells everybody their id), or let everyone in with ALLOW=everyone")
	}
}

// localUser is the person at the web chat.
var localUser = core.Identity{Platform: web.Platform, User: "local"}

// reachable says whether there is a chat that strangers can come to.
func (s settings) reachable() bool { return s.telegramToken != "" || s.discord.token != "" }

// entries splits a list at its commas. Spaces do not count, nor does an empty list.
func entries(list string) []string {
	var all []string
	if strings.TrimSpace(list) == "" {
		return nil
	}
	for entry := range strings.SplitSeq(list, ",") {
		all = append(all, strings.TrimSpace(entry))
	}
	return all
}

// errNoWay is that nobody can be told anything on a platform.
var errNoWay = errors.New("there is no way to say something there")

// say says something to a person, or a chat as itself.
func (a *app) say(ctx context.Context, to core.Identity, words string, buttons []bots.Button) error {
	switch {
	case to.Platform == telegram.Platform && a.telegram != nil:
		return a.telegram.Tell(ctx, to.User, words, buttons)
	case to.Platform == discord.Platform && a.discord != nil:
		return a.discord.Tell(ctx, to.User, words, buttons)
	}
	return errNoWay
}

// reaches says whether there is a bot on the platform.
func (s settings) reaches(platform string) bool {
	return platform == telegram.Platform && s.telegramToken != "" || platform == discord.Platform && s.discord.token != ""
}

// alerter tells the admins who can be told; nil when there are none. One who
// heard of it is enough: an admin who never wrote to the bot must not keep the
// alert waiting.
func (a *app) alerter(s settings) func(context.Context, core.Alert) error {
	admins := slices.DeleteFunc(slices.Clone(s.admins), func(who core.Identity) bool { return !s.reaches(who.Platform) })
	if len(admins) == 0 {
		return nil
	}
	return func(ctx context.Context, alert core.Alert) error {
		words, buttons := a.bot.Alert(alert, s.locale)
		var failed []error
		for _, who := range admins {
			if err := a.say(ctx, who, words, buttons); err != nil {
				failed = append(failed, err)
			}
		}
		if len(failed) < len(admins) {
			return nil
		}
		return errors.Join(failed...)
	}
}
