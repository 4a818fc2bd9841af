package bots

import (
	"context"
	"slices"
	"strconv"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// The verbs of the menus of settings beside those of every menu. Each says the
// new value and not how to change the old one, so that a press counts once
// however often it comes.
const (
	dropModel    = "unset"   // kind: as for everybody again
	takeSpoiler  = "spoiler" // switch
	takeLanguage = "lang"    // language, empty for the platform's
	showConfirm  = "ask"
	takeConfirm  = "above" // credits, empty for the operator's
	takeWho      = "who"   // everybody or admins
	showDaily    = "day"
	takeDaily    = "daily" // credits, empty for the operator's
	takeNews     = "news"  // switch
)

const (
	everybody  = "all"
	adminsOnly = "admins"
)

// settingsCommand answers /settings.
func (b *Bot) settingsCommand(_ context.Context, s session) Reply {
	if s.unread != nil {
		return b.refusal(s.voice, s.unread)
	}
	return b.settingsPage(s, step{menu: settingsMenu, owner: tagOf(s.in.Origin.Identity)})
}

// settingsPage is the first page of a person's settings.
func (b *Bot) settingsPage(s session, at step) Reply {
	mine := s.settings.Person
	var k keyboard
	k.columns(2, b.modelButtons(s, at, s.settings))
	spoiler := mine.Spoiler != nil && *mine.Spoiler
	k.row(
		Button{Emoji: "🙈", Label: s.pair(s.say("option.spoiler", nil), s.onOff(spoiler)), Data: at.to(takeSpoiler, switchTo(!spoiler)).data()},
		Button{Emoji: "🌐", Label: s.pair(s.say("settings.language", nil), s.languageName(mine.Language)), Data: at.to(takeLanguage, nextLanguage(mine.Language)).data()},
	)
	k.row(Button{Emoji: "💳", Label: s.pair(s.say("settings.confirm", nil), s.bound(mine.ConfirmAbove, s.settings.ConfirmAbove)), Data: at.to(showConfirm).data()})
	if s.in.Origin.Place == "" { // nobody but this person
		k.row(s.newsButton(at))
	}
	if s.in.Origin.Admin {
		k.row(Button{Emoji: "👥", Label: s.say("button.chat", nil), Data: step{menu: chatMenu, owner: tag(string(s.in.Origin.Lane))}.data()})
	}
	return page(s.say("settings.title", nil), k)
}

// newsButton switches the operator's news in the chat.
func (s session) newsButton(at step) Button {
	on := s.settings.Chat.News
	return Button{Emoji: "📣", Label: s.pair(s.say("settings.news", nil), s.onOff(on)), Data: at.to(takeNews, switchTo(!on)).data()}
}

// takeNews switches them, and answers false when the step is about something else.
func (b *Bot) takeNews(ctx context.Context, s session, at step) (refused *Reply, taken bool) {
	if at.verb != takeNews || !isSwitch(at.arg(0)) {
		return nil, false
	}
	if err := b.engine.SetNews(ctx, s.in.Origin, at.arg(0) == switchOn); err != nil {
		reply := b.refusal(s.voice, err)
		return &reply, true
	}
	return nil, true
}

// modelButtons show which model each kind has and lead to the others.
func (b *Bot) modelButtons(s session, at step, chosen core.Settings) []Button {
	var all []Button
	for _, kind := range catalog.Kinds() {
		if len(b.catalog.Families(kind)) > 0 {
			m, _ := b.standard(kind, chosen)
			all = append(all, Button{Label: s.pair(s.kindName(kind), shorten(m.Title, 24)), Data: at.to(showKind, string(kind), "0").data()})
		}
	}
	return all
}

func switchTo(on bool) string {
	if on {
		return switchOn
	}
	return switchOff
}

func (v voice) languageName(code string) string {
	if code == "" {
		return v.say("settings.language.auto", nil)
	}
	return v.say("settings.language."+code, nil)
}

// nextLanguage goes round all of them and "as on the platform".
func nextLanguage(code string) string {
	all := append([]string{""}, Languages()...)
	return all[(slices.Index(all, code)+1)%len(all)]
}

// bound is what somebody chose within what the operator allows, as it counts.
func (v voice) bound(own *core.Limit, operators core.Limit) string {
	if own == nil || *own == core.Unlimited || operators != core.Unlimited && *own >= operators {
		return v.say("settings.usual", args{"Value": v.limit(operators)})
	}
	return v.limit(*own)
}

func (v voice) limit(l core.Limit) string {
	if l == core.Unlimited {
		return v.say("settings.unlimited", nil)
	}
	return v.credits(core.Credits(l))
}

// pressSettings answers a press in a person's settings.
func (b *Bot) pressSettings(ctx context.Context, s session, at step) Reply {
	home := at.to("")
	switch at.verb {
	case "":
		return b.settingsPage(s, at)
	case showKind:
		reply := b.kindPage(s.voice, at, home)
		return s.withUnset(reply, at, s.settings.Person.Models)
	case showFamily:
		return b.familyPage(s.voice, at)
	case showConfirm:
		return s.boundsPage("settings.confirm.title", at.to(takeConfirm), s.settings.Person.ConfirmAbove, s.settings.ConfirmAbove, confirmSteps())
	}
	if refused, taken := b.takeNews(ctx, s, at); refused != nil {
		return *refused
	} else if taken {
		return b.settingsPage(b.session(ctx, s.in), home)
	}
	edit, ok := b.personEdit(at, s.settings)
	if !ok {
		return s.unknown()
	}
	if err := b.engine.ChangeSettings(ctx, s.in.Origin, edit); err != nil {
		return b.refusal(s.voice, err)
	}
	return b.settingsPage(b.session(ctx, s.in), home)
}

// withUnset adds the way back to the model that there is without a choice.
func (s session) withUnset(reply Reply, at step, chosen map[catalog.Kind]string) Reply {
	if kind := catalog.Kind(at.arg(0)); !reply.Refused && chosen[kind] != "" {
		last := reply.Buttons[len(reply.Buttons)-1].Row
		reply.Buttons = append(reply.Buttons, Button{Emoji: "↩️", Label: s.say("button.unset", nil), Data: at.to(dropModel, string(kind)).data(), Row: last + 1})
	}
	return reply
}

// personEdit is what a press changes; false when it changes nothing.
func (b *Bot) personEdit(at step, now core.Settings) (func(*core.PersonSettings), bool) {
	value := at.arg(0)
	switch at.verb {
	case takeModel, dropModel:
		kind, id, ok := b.chosenModel(at)
		return func(p *core.PersonSettings) { p.Models = withModel(p.Models, kind, id) }, ok
	case takeSpoiler:
		hidden := value == switchOn
		return func(p *core.PersonSettings) { p.Spoiler = &hidden }, isSwitch(value)
	case takeLanguage:
		return func(p *core.PersonSettings) { p.Language = value }, value == "" || slices.Contains(Languages(), value)
	case takeConfirm:
		limit, ok := oneOf(confirmSteps(), value, now.ConfirmAbove)
		return func(p *core.PersonSettings) { p.ConfirmAbove = limit }, ok
	}
	return nil, false
}

// chosenModel is what a step makes the model of a kind; the empty id takes a
// choice back.
func (b *Bot) chosenModel(at step) (catalog.Kind, string, bool) {
	if at.verb == dropModel {
		kind, err := catalog.ParseKind(at.arg(0))
		return kind, "", err == nil
	}
	m, ok := b.modelOf(at.arg(0))
	return m.Kind, m.ID, ok && fromWords(m)
}

// withModel is the choice with one more, or without one.
func withModel(models map[catalog.Kind]string, kind catalog.Kind, id string) map[catalog.Kind]string {
	if id == "" {
		delete(models, kind)
		return models
	}
	if models == nil {
		models = map[catalog.Kind]string{}
	}
	models[kind] = id
	return models
}

// setModel makes the model the person's for its kind.
func (b *Bot) setModel(ctx context.Context, s session, kind catalog.Kind, id string) error {
	return b.engine.ChangeSettings(ctx, s.in.Origin, func(p *core.PersonSettings) { p.Models = withModel(p.Models, kind, id) })
}

// What can be chosen as a bound, in credits.
func confirmSteps() []core.Limit { return []core.Limit{0, 1, 5, 10, 20, 50, 100, 200} }
func dailySteps() []core.Limit   { return []core.Limit{0, 20, 50, 100, 200, 500, 1000, 5000} }

// within lists the steps below what the operator allows, in thousandths of credits.
func within(steps []core.Limit, operators core.Limit) []core.Limit {
	var all []core.Limit
	for _, credits := range steps {
		if l := credits * 1000; operators == core.Unlimited || l < operators {
			all = append(all, l)
		}
	}
	return all
}

// oneOf reads a bound that can be chosen; nil is the operator's own.
func oneOf(steps []core.Limit, value string, operators core.Limit) (*core.Limit, bool) {
	if value == "" {
		return nil, true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if limit := core.Limit(n); err == nil && slices.Contains(within(steps, operators), limit) {
		return &limit, true
	}
	return nil, false
}

// boundsPage offers the bounds that can be chosen.
func (s session) boundsPage(title string, take step, own *core.Limit, operators core.Limit, steps []core.Limit) Reply {
	var choices []Button
	for _, l := range within(steps, operators) {
		choices = append(choices, Button{Label: s.limit(l), Data: take.to(take.verb, strconv.FormatInt(int64(l), 10)).data()})
	}
	var k keyboard
	k.columns(3, choices)
	k.row(Button{Label: s.say("settings.usual", args{"Value": s.limit(operators)}), Data: take.to(take.verb, "").data()}, s.back(take.to("")))
	return page(s.pair(s.say(title, nil), s.bound(own, operators)), k)
}

// chatPage is the first page of a chat's settings.
func (b *Bot) chatPage(s session, at step) Reply {
	ours := s.settings.Chat
	var k keyboard
	k.columns(2, b.modelButtons(s, at, core.Settings{Chat: ours}))
	next, who := adminsOnly, everybody
	if ours.AdminsOnly {
		next, who = who, next
	}
	k.row(
		Button{Emoji: "🙈", Label: s.pair(s.say("option.spoiler", nil), s.onOff(ours.Spoiler)), Data: at.to(takeSpoiler, switchTo(!ours.Spoiler)).data()},
		Button{Emoji: "👥", Label: s.pair(s.say("settings.who", nil), s.say("settings.who."+who, nil)), Data: at.to(takeWho, next).data()},
	)
	k.row(Button{Emoji: "💳", Label: s.pair(s.say("settings.daily", nil), s.bound(ours.Daily, s.settings.ChatDaily)), Data: at.to(showDaily).data()})
	k.row(s.newsButton(at))
	return page(s.say("settings.chat.title", nil), k)
}

// pressChat answers a press in the settings of the chat; admins only.
func (b *Bot) pressChat(ctx context.Context, s session, at step) Reply {
	if !s.in.Origin.Admin {
		return b.refusal(s.voice, &core.Refusal{Reason: core.ReasonNotAdmin})
	}
	home := at.to("")
	switch at.verb {
	case "":
		return b.chatPage(s, at)
	case showKind:
		return s.withUnset(b.kindPage(s.voice, at, home), at, s.settings.Chat.Models)
	case showFamily:
		return b.familyPage(s.voice, at)
	case showDaily:
		return s.boundsPage("settings.daily.title", at.to(takeDaily), s.settings.Chat.Daily, s.settings.ChatDaily, dailySteps())
	}
	if refused, taken := b.takeNews(ctx, s, at); refused != nil {
		return *refused
	} else if taken {
		return b.chatPage(b.session(ctx, s.in), home)
	}
	edit, ok := b.chatEdit(at, s.settings)
	if !ok {
		return s.unknown()
	}
	if err := b.engine.ChangeChatSettings(ctx, s.in.Origin, edit); err != nil {
		return b.refusal(s.voice, err)
	}
	return b.chatPage(b.session(ctx, s.in), home)
}

// chatEdit is what a press changes; false when it changes nothing.
func (b *Bot) chatEdit(at step, now core.Settings) (func(*core.ChatSettings), bool) {
	value := at.arg(0)
	switch at.verb {
	case takeModel, dropModel:
		kind, id, ok := b.chosenModel(at)
		return func(c *core.ChatSettings) { c.Models = withModel(c.Models, kind, id) }, ok
	case takeSpoiler:
		return func(c *core.ChatSettings) { c.Spoiler = value == switchOn }, isSwitch(value)
	case takeWho:
		return func(c *core.ChatSettings) { c.AdminsOnly = value == adminsOnly }, value == adminsOnly || value == everybody
	case takeDaily:
		limit, ok := oneOf(dailySteps(), value, now.ChatDaily)
		return func(c *core.ChatSettings) { c.Daily = limit }, ok
	}
	return nil, false
}
