package bots

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// actPause accepts nothing more, from anybody, until actResume.
func (b *Bot) actPause(ctx context.Context, o order) Reply {
	return o.did(b.engine.SetPaused(ctx, o.signed(), true), o.say("act.paused", args{"Resume": o.by.typed("resume")}))
}

func (b *Bot) actResume(ctx context.Context, o order) Reply {
	_, was, err := b.engine.Paused(ctx)
	if err == nil && !was {
		return Reply{Refused: true, Text: o.say("act.resume.nothing", nil)}
	}
	return o.did(b.engine.SetPaused(ctx, o.signed(), false), o.say("act.resumed", nil))
}

// actBroadcast tells the chats that asked for news.
func (b *Bot) actBroadcast(ctx context.Context, o order) Reply {
	chats, err := b.engine.Broadcast(ctx, o.signed(), o.word)
	if err == nil && chats == 0 {
		return Reply{Text: o.say("act.broadcast.nobody", nil)}
	}
	return o.did(err, o.plural("act.broadcast.done", chats))
}

// actModels turns a model off or on, or lists what is off and what is used
// where no model is named.
func (b *Bot) actModels(ctx context.Context, o order) Reply {
	if !o.has(anOnOff) {
		p, _, err := b.engine.Policy(ctx)
		if err != nil {
			return o.undone(err)
		}
		reply := b.listOff(o, p.Off)
		for _, kind := range catalog.Kinds() {
			standard := cmp.Or(p.Defaults[kind], b.catalog.DefaultFor(kind).ID)
			reply.Items = append(reply.Items, Item{Group: o.say("act.models.defaults", nil), Title: o.kindName(kind), Detail: cmp.Or(standard, "–")})
		}
		return reply
	}
	return b.turnModel(o, func(edit func([]string) []string) error {
		return b.engine.ChangePolicy(ctx, o.signed(), func(p *core.Policy) { p.Off = edit(p.Off) })
	})
}

// listOff lists the models that are off.
func (b *Bot) listOff(o order, off []string) Reply {
	reply := Reply{Text: o.say("act.models.title", nil)}
	if len(off) == 0 {
		reply.Text = o.say("act.models.none", nil)
	}
	for _, name := range off {
		reply.Items = append(reply.Items, Item{Title: name, Detail: o.say("menu.off", nil)})
	}
	return reply
}

// turnModel changes a list of models that are off. On is the model by all its
// names, also that of its family.
func (b *Bot) turnModel(o order, change func(edit func([]string) []string) error) Reply {
	if !o.has(aModel) {
		return o.missing(aModel)
	}
	name := strings.ToLower(o.word)
	m, err := b.catalog.Lookup(name)
	if err != nil {
		return o.noModel(b, name, err)
	}
	names := []string{m.ID, cmp.Or(m.Family, m.ID)}
	if name != m.Family {
		name = m.ID
	}
	if o.on {
		edit := func(off []string) []string {
			return slices.DeleteFunc(off, func(one string) bool { return slices.Contains(names, one) })
		}
		return o.did(change(edit), o.say("act.models.on", args{"Model": name}))
	}
	edit := func(off []string) []string {
		if slices.Contains(off, name) {
			return off
		}
		return append(off, name)
	}
	return o.did(change(edit), o.say("act.models.off", args{"Model": name}))
}

// noModel says that there is none of that name, and which is meant.
func (o order) noModel(b *Bot, name string, err error) Reply {
	return o.wrongWords(o.problem(command{}, b.modelProblem(name, err)))
}

// missing says that the slot has to be filled after all.
func (o order) missing(s slot) Reply {
	return o.withExample(o.lacks(s))
}

// noModelWord takes a choice back.
const noModelWord = "none"

// actDefault chooses the model of a kind to use where none is named.
func (b *Bot) actDefault(ctx context.Context, o order) Reply {
	id := ""
	if !strings.EqualFold(o.word, noModelWord) {
		m, err := b.catalog.Lookup(strings.ToLower(o.word))
		if err != nil {
			return o.noModel(b, o.word, err)
		}
		id = m.ID
	}
	err := b.engine.ChangePolicy(ctx, o.signed(), func(p *core.Policy) {
		p.Defaults = withModel(maps.Clone(p.Defaults), o.kind, id)
	})
	if id == "" {
		return o.did(err, o.say("act.default.none", args{"Kind": o.kindName(o.kind)}))
	}
	return o.did(err, o.say("act.default.set", args{"Kind": o.kindName(o.kind), "Model": id}))
}

// actPrompts keeps the list of what prompts may not say, or shows it.
func (b *Bot) actPrompts(ctx context.Context, o order) Reply {
	switch {
	case !o.has(aVerb):
		return b.listPrompts(ctx, o)
	case !o.has(someText):
		return o.missing(someText)
	}
	edit, key := o.editPrompts()
	if edit == nil {
		return o.wrongWords(o.unfit(o.word, someText, "act.prompts.number"))
	}
	err := b.engine.ChangePolicy(ctx, o.signed(), func(p *core.Policy) {
		list := core.Prompts{}
		if p.Prompts != nil {
			list = core.Prompts{Words: slices.Clone(p.Prompts.Words), Patterns: slices.Clone(p.Prompts.Patterns), Warnings: p.Prompts.Warnings}
		}
		edit(&list)
		p.Prompts = &list
	})
	return o.did(err, o.say(key, args{"Text": o.word}))
}

// editPrompts is what the order changes of the list; nil when its words mean nothing.
func (o order) editPrompts() (edit func(*core.Prompts), key string) {
	add := func(all []string) []string {
		if slices.Contains(all, o.word) {
			return all
		}
		return append(all, o.word)
	}
	remove := func(all []string) []string {
		return slices.DeleteFunc(all, func(one string) bool { return strings.EqualFold(one, o.word) })
	}
	switch o.verb {
	case promptsAdd:
		return func(p *core.Prompts) { p.Words = add(p.Words) }, "act.prompts.added"
	case promptsPattern:
		return func(p *core.Prompts) { p.Patterns = add(p.Patterns) }, "act.prompts.added"
	case promptsRemove:
		return func(p *core.Prompts) { p.Words, p.Patterns = remove(p.Words), remove(p.Patterns) }, "act.prompts.removed"
	}
	n, err := strconv.Atoi(o.word)
	if err != nil || n < 0 || n > 99 {
		return nil, ""
	}
	return func(p *core.Prompts) { p.Warnings = n }, "act.prompts.warned"
}

func (b *Bot) listPrompts(ctx context.Context, o order) Reply {
	p, _, err := b.engine.Policy(ctx)
	switch {
	case err != nil:
		return o.undone(err)
	case p.Prompts == nil || len(p.Prompts.Words)+len(p.Prompts.Patterns) == 0:
		return Reply{Text: o.say("act.prompts.none", nil)}
	}
	reply := Reply{Text: o.say("act.prompts.title", args{"N": fmt.Sprint(p.Prompts.Warnings)})}
	for _, word := range p.Prompts.Words {
		reply.Items = append(reply.Items, Item{Title: word, Detail: o.say("act.prompts.word", nil)})
	}
	for _, pattern := range p.Prompts.Patterns {
		reply.Items = append(reply.Items, Item{Title: pattern, Detail: o.say("act.prompts.pattern", nil)})
	}
	return reply
}
