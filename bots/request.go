package bots

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// create turns the typed command into a request and submits it.
func (b *Bot) create(ctx context.Context, s session) Reply {
	if s.unread != nil {
		return b.refusal(s.voice, s.unread)
	}
	s.files = map[catalog.Option]core.InputFile{}
	s.takeAttached()
	if s.call.command.from != nil {
		if reply, ok := b.follow(ctx, &s); !ok {
			return reply
		}
	}
	if reply, ok := b.findFiles(ctx, &s); !ok {
		return reply
	}
	b.findEarlier(ctx, &s)
	if s.call.wantsMenu() {
		return b.begin(ctx, s)
	}
	req, wrong := b.request(s)
	if len(wrong) > 0 {
		return s.refuse(wrong)
	}
	if reply, ok := b.alone(ctx, s, req.Private); !ok {
		return reply
	}
	receipt, err := b.engine.Submit(ctx, req)
	return b.accepted(s.voice, receipt, err)
}

// jobName is the id of a job as it was typed, perhaps as lists show it.
func jobName(typed string) string { return strings.ToLower(strings.TrimLeft(typed, "#")) }

// findEarlier lets the id of one of the person's own jobs stand for the Kie
// task behind it. Anything else is taken for the id of a Kie task.
func (b *Bot) findEarlier(ctx context.Context, s *session) {
	id := jobName(s.call.options[catalog.EarlierTask])
	if id == "" {
		return
	}
	if task, err := b.engine.Task(ctx, s.in.Origin.Identity, id); err == nil && task.Kie.TaskID != "" {
		s.call.options[catalog.EarlierTask], s.parent = task.Kie.TaskID, task.ID
	}
}

// request checks everything that can be known before the engine decides about
// credits, and words all that is wrong.
func (b *Bot) request(s session) (core.Request, []string) {
	found := s.call.problems
	note := func(more ...problem) {
		for _, p := range more {
			if p.code != "" {
				found = append(found, p)
			}
		}
	}
	model, p := b.chooseModel(s.call, s.settings)
	note(p)
	options := maps.Clone(s.call.options)
	maps.DeleteFunc(options, func(o catalog.Option, _ string) bool { f, _ := flagFor(o); return o == modelOption || f.bare })
	count, p := takeCount(model, options)
	note(p)
	options[catalog.Prompt] = s.call.prompt
	files, wrongFiles := s.attach(options)
	note(wrongFiles...)
	if model.ID == "" {
		return core.Request{}, s.problems(s.call, found)
	}
	input, err := build(model, options, s.call.raw)
	note(s.unfit(model, input, files)...)
	wrong := s.problems(s.call, found)
	var problems *catalog.ProblemsError
	if errors.As(err, &problems) {
		promptSaid := len(s.call.problems) > 0 && s.call.problems[0].code == noPrompt
		wrong = append(wrong, s.inputProblems(problems, promptSaid)...)
	}
	// The chat shows something for every request.
	prompt := cmp.Or(s.call.prompt, s.shown, model.Title)
	instead := ""
	if s.call.options[modelOption] == "" {
		_, instead = b.standard(model.Kind, s.settings)
	}
	return core.Request{
		Spoiler: s.hidden(), Private: s.call.options[privateOption] == switchOn, Instead: instead,
		Key: s.in.Key, Origin: s.in.Origin, Command: s.call.command.name,
		Prompt: prompt, Model: model.ID, Input: input, Files: files, Count: count, Parent: s.parent,
	}, wrong
}

// hidden says whether the result is hidden until somebody looks.
func (s session) hidden() bool {
	if said := s.call.options[spoilerOption]; said != "" {
		return said == switchOn
	}
	return s.settings.Spoiler()
}

// chooseModel finds the model that was named, or the one to use when none is.
// The files that were given decide which one of a family it is.
func (b *Bot) chooseModel(c call, settings core.Settings) (catalog.Model, problem) {
	name := c.options[modelOption]
	if name == "" {
		return b.standardModel(c, settings)
	}
	model, err := b.catalog.Resolve(name, c.options)
	if len(c.raw) > 0 { // raw inputs are those of the model that was named, not of its family
		if exact, unknown := b.catalog.Lookup(name); unknown == nil && exact.ID == name && b.catalog.has(exact) {
			model, err = exact, nil
		}
	}
	if err != nil {
		return catalog.Model{}, b.modelProblem(name, err)
	}
	if model.Kind != c.command.makes && c.command.makes != anyKind {
		return catalog.Model{}, problem{code: wrongKind, model: model}
	}
	return model, problem{}
}

// standard is the model of the kind to use when none is named: the person's,
// else the chat's, else the catalogue's. One that was chosen and cannot be had
// any more is named.
func (b *Bot) standard(kind catalog.Kind, settings core.Settings) (m catalog.Model, gone string) {
	for _, id := range []string{settings.Person.Models[kind], settings.Chat.Models[kind]} {
		if id == "" {
			continue
		}
		m, err := b.catalog.Lookup(id)
		switch {
		case err == nil && m.Kind == kind && b.catalog.has(m):
			return m, gone
		default:
			gone = cmp.Or(gone, id)
		}
	}
	return b.catalog.DefaultFor(kind), gone
}

// standardModel is the one to use for the command, or, for files that it does
// not take, the first model that runs with just them.
func (b *Bot) standardModel(c call, settings core.Settings) (catalog.Model, problem) {
	if c.command.makes == anyKind {
		return catalog.Model{}, problem{code: needModel}
	}
	model, _ := b.standard(c.command.makes, settings)
	if model.ID == "" {
		return model, problem{code: noModel}
	}
	files := map[catalog.Option]string{}
	for option, value := range c.options {
		if option.IsFile() && value != "" {
			files[option] = value
		}
	}
	if len(files) == 0 {
		return model, problem{}
	}
	names := []string{model.ID}
	for _, family := range b.catalog.Families(c.command.makes) {
		names = append(names, family.Name)
	}
	for _, name := range names {
		if m, err := b.catalog.Resolve(name, files); err == nil && runsWith(m, files) {
			return m, problem{}
		}
	}
	return model, problem{}
}

// runsWith says whether a prompt and the files are all that the model needs,
// and what it costs is known.
func runsWith(m catalog.Model, files map[catalog.Option]string) bool {
	_, known := priceWith(m, files)
	return known
}

// modelProblem says why a name stands for no model that runs.
func (b *Bot) modelProblem(name string, err error) problem {
	p := problem{code: unknownModel, given: shorten(name, 60)}
	var unknown *catalog.UnknownModelError
	var retired *catalog.RetiredModelError
	var off *offError
	switch {
	case errors.As(err, &unknown):
		p.nearest = unknown.Nearest
	case errors.As(err, &off):
		p = problem{code: offModel, name: off.model.Title, model: off.nearest}
	case errors.As(err, &retired):
		p = problem{code: retiredModel, name: retired.Title, reason: retired.Reason}
		if nearest, err := b.catalog.Lookup(retired.Replacement); err == nil && b.catalog.has(nearest) {
			p.model = nearest
		}
	}
	return p
}

// takeCount decides where the count goes: to the model if it has an input for
// it, else it is the number of tasks and no longer an option.
func takeCount(model catalog.Model, options map[catalog.Option]string) (int, problem) {
	if _, has := model.ByOption(catalog.Count); has {
		return 0, problem{}
	}
	typed := options[catalog.Count]
	delete(options, catalog.Count)
	if typed == "" {
		return 0, problem{}
	}
	count, err := strconv.Atoi(strings.TrimPrefix(typed, "+"))
	if err != nil || count < 1 || count > core.MaxBatch {
		return 0, problem{code: badCount, given: shorten(typed, 30)}
	}
	return count, problem{}
}
