package bots

import (
	"context"
	"errors"
	"slices"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// Operator is whose words Admin takes.
type Operator struct {
	By     string        // as in core.Act; empty is nobody, who is refused
	Place  core.Place    // whose admin it is and nothing more; empty for who runs the bot
	Locale string        // of the answer, BCP 47
	About  core.Identity // whose message the words answer; zero for nobody's
	Key    string        // as in core.Act
}

// act is one row of the table of what admins can do. Its texts are the messages
// "act.NAME" (one line: what it does), and its slots'.
type act struct {
	name string
	// takes are the words after the name, in order. Only the last ones can be left out.
	takes []slot
	// why is the message that is the reason, or the text, in the example; empty for none.
	why string
	do  func(*Bot, context.Context, order) Reply
	// there does it for an admin of a place, within it; nil when they may not.
	there func(*Bot, context.Context, order) Reply
}

// acts is the table of acts, in the order in which to show it. It is no
// variable, because help looks into it.
func acts() []act {
	return []act{
		{name: "grant", takes: []slot{aPerson, anAmount, maybe(aReason)}, why: "why.grant", do: (*Bot).actGrant},
		{name: "limit", takes: []slot{aWhom, someLimits}, do: (*Bot).actLimit, there: (*Bot).limitThere},
		{name: "tier", takes: []slot{aPerson, aTier, maybe(aReason)}, do: (*Bot).actTier},
		{name: "person", takes: []slot{aPerson}, do: (*Bot).actPerson},
		{name: "reset", takes: []slot{aLimited}, do: (*Bot).actReset, there: (*Bot).resetThere},
		{name: "roles", do: (*Bot).actRoles, there: (*Bot).rulesThere},
		{name: "allow", takes: []slot{maybe(anEntrant), maybe(aReason)}, do: (*Bot).actAllow, there: (*Bot).allowThere},
		{name: "disallow", takes: []slot{anEntrant, maybe(aReason)}, do: (*Bot).actDisallow, there: (*Bot).disallowThere},
		{name: "block", takes: []slot{aPerson, maybe(aReason)}, why: "why.block", do: (*Bot).actBlock, there: (*Bot).blockThere},
		{name: "unblock", takes: []slot{aPerson, maybe(aReason)}, do: (*Bot).actUnblock, there: (*Bot).unblockThere},
		{name: adminRefund, takes: []slot{aCharge, maybe(aReason)}, why: "why.refund", do: (*Bot).actRefund},
		{name: "cancel", takes: []slot{aJob, maybe(aReason)}, do: (*Bot).actCancel},
		{name: "retry", takes: []slot{aJob, maybe(aReason)}, do: (*Bot).actRetry},
		{name: "tasks", takes: []slot{maybe(someFilters)}, do: (*Bot).actTasks},
		{name: "task", takes: []slot{aJob}, do: (*Bot).actTask},
		{name: "unresolved", do: (*Bot).actUnresolved},
		{name: "models", takes: []slot{maybe(anOnOff), maybe(aModel)}, do: (*Bot).actModels, there: (*Bot).modelsThere},
		{name: "default", takes: []slot{aKind, aModel}, do: (*Bot).actDefault},
		{name: "prompts", takes: []slot{maybe(aVerb), maybe(someText)}, do: (*Bot).actPrompts},
		{name: "pause", takes: []slot{maybe(aReason)}, why: "why.pause", do: (*Bot).actPause},
		{name: "resume", do: (*Bot).actResume},
		{name: "broadcast", takes: []slot{someText}, why: "why.broadcast", do: (*Bot).actBroadcast},
		{name: "keys", do: (*Bot).actKeys},
		{name: "stats", do: (*Bot).actStats},
		{name: "audit", takes: []slot{maybe(aNumber)}, do: (*Bot).actAudit},
		{name: "help", takes: []slot{maybe(anAct)}, do: (*Bot).actHelp, there: (*Bot).actHelp},
	}
}

// adminRefund is an act that other answers name.
const adminRefund = "refund"

// adminCommand is the command whose words Admin takes, and actCommand how it is typed.
const (
	adminCommand = "admin"
	actCommand   = "/" + adminCommand + " "
)

// Admin does what the words say, such as "grant telegram:123 50 helped a lot",
// and answers when that is durable. The answer is a sentence always and for the
// operator alone; Reply.Wrong tells words that mean nothing from an act that was
// refused.
func (b *Bot) Admin(ctx context.Context, by Operator, words string) Reply {
	v := b.voice(by.Locale)
	reply := b.administer(ctx, v, by, words)
	reply.Private = true
	return reply
}

func (b *Bot) administer(ctx context.Context, v voice, by Operator, words string) Reply {
	if by.By == "" {
		return Reply{Refused: true, Text: v.say("admin.only", nil)}
	}
	name, rest := cutWord(words)
	if name == "" {
		return v.listActs(by)
	}
	row, ok := findAct(name)
	switch {
	case !ok:
		return v.noSuchAct(by, name)
	case !row.open(by):
		return Reply{Refused: true, Text: v.say("act.not_here", args{"Name": row.name})}
	}
	o := order{voice: v, by: by, act: row}
	if wrong := o.read(rest); wrong != "" {
		return o.withExample(wrong)
	}
	if by.Place != "" {
		return row.there(b, ctx, o)
	}
	return row.do(b, ctx, o)
}

// wrongWords refuses words that mean nothing.
func (v voice) wrongWords(text string) Reply { return Reply{Refused: true, Wrong: true, Text: text} }

// withExample refuses the order's words and shows some that are right.
func (o order) withExample(wrong string) Reply {
	return o.wrongWords(wrong + "\n" + o.say("help.example", args{"Example": o.by.typed(o.act.example(o.voice, o.by))}))
}

// typed is how the operator types words for Admin.
func (by Operator) typed(words string) string {
	prefix := actCommand
	if by.By == core.CommandLine {
		prefix = "kiebot admin "
	}
	return strings.TrimSpace(prefix + words)
}

func findAct(name string) (act, bool) {
	all := acts()
	i := slices.IndexFunc(all, func(a act) bool { return strings.EqualFold(a.name, name) })
	if i < 0 {
		return act{}, false
	}
	return all[i], true
}

// open says whether the operator may do the act at all.
func (a act) open(by Operator) bool { return by.Place == "" || a.there != nil }

// openActs lists the names of the acts that the operator may do.
func (by Operator) openActs() []string {
	var names []string
	for _, a := range acts() {
		if a.open(by) {
			names = append(names, a.name)
		}
	}
	return names
}

// noSuchAct refuses the name and says which is meant.
func (v voice) noSuchAct(by Operator, name string) Reply {
	unknown := v.say("act.unknown", args{"Given": shorten(name, 30)})
	return v.wrongWords(sentences(unknown, v.meant(catalog.Nearest(name, by.openActs(), 1)), v.say("act.see", args{"Help": by.typed("")})))
}

// listActs is what /admin alone answers.
func (v voice) listActs(by Operator) Reply {
	reply := Reply{Text: v.say("act.title", args{"Help": by.typed("help " + by.openActs()[0])})}
	for _, a := range acts() {
		if a.open(by) {
			reply.Items = append(reply.Items, Item{Title: a.form(v), Detail: v.say("act."+a.name, nil), Insert: actCommand + a.name + " "})
		}
	}
	return reply
}

// form is how the act is typed: "grant WHO CREDITS [REASON]".
func (a act) form(v voice) string {
	words := []string{a.name}
	for _, s := range a.takes {
		word := v.say("slot."+s.name, nil)
		if s.may {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// example is the act as it can be typed.
func (a act) example(v voice, by Operator) string {
	words := []string{a.name}
	for _, s := range a.takes {
		switch {
		case s.rest && a.why != "":
			words = append(words, v.say(a.why, nil))
		case s.sample != nil:
			words = append(words, s.sample(by))
		}
	}
	return strings.Join(words, " ")
}

// actHelp explains one act, or lists all.
func (b *Bot) actHelp(_ context.Context, o order) Reply {
	if o.word == "" {
		return o.listActs(o.by)
	}
	row, ok := findAct(o.word)
	if !ok || !row.open(o.by) {
		return o.noSuchAct(o.by, o.word)
	}
	text := o.by.typed(row.form(o.voice)) + "\n" + o.say("act."+row.name, nil)
	for _, s := range row.takes {
		if s.explained {
			text += "\n" + o.say("slot."+s.name, nil) + ": " + o.say("slot."+s.name+".is", nil)
		}
	}
	return Reply{Text: text + "\n" + o.say("help.example", args{"Example": o.by.typed(row.example(o.voice, o.by))})}
}

// signed is the act as core keeps it.
func (o order) signed() core.Act {
	return core.Act{By: o.by.By, Why: o.why, Place: o.by.Place, Key: o.by.Key}
}

// undone says why the engine did not do it.
func (o order) undone(err error) Reply {
	refused := &core.Refusal{Reason: core.ReasonUnavailable}
	errors.As(err, &refused)
	switch refused.Reason {
	case core.ReasonUnavailable:
		return Reply{Refused: true, Text: o.say("act.unavailable", nil)}
	case core.ReasonNoTask:
		return Reply{Refused: true, Text: o.say("act.no_job", args{"ID": shorten(o.word, 60)})}
	}
	return Reply{Refused: true, Text: o.reason(refused)}
}

// did answers with the text, unless it failed.
func (o order) did(err error, text string) Reply {
	if err != nil {
		return o.undone(err)
	}
	return Reply{Text: text}
}

// admin answers /admin, for those who run the bot and the admins of a place.
func (b *Bot) admin(ctx context.Context, s session) Reply {
	by, err := b.operator(ctx, s.in)
	var refused *core.Refusal
	switch {
	case errors.As(err, &refused) && refused.Reason == core.ReasonNotAdmin:
		return Reply{Refused: true, Text: s.say("admin.only", nil)}
	case err != nil:
		return b.refusal(s.voice, err)
	}
	return b.Admin(ctx, by, s.call.prompt)
}

// operator is what the person may steer: everything, or the place whose admin
// they are, where they are let in.
func (b *Bot) operator(ctx context.Context, in Incoming) (Operator, error) {
	who := in.Origin.Identity
	by := Operator{By: who.String(), Locale: in.Origin.Locale, About: in.Answers, Key: in.Key}
	if slices.Contains(b.admins, who) {
		return by, nil
	}
	act, err := b.engine.PlaceAct(ctx, in.Origin, "")
	by.Place = act.Place
	return by, err
}
