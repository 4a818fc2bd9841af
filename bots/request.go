package bots

import (
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
	req, wrong := b.request(s)
	if len(wrong) > 0 {
		return s.refuse(wrong)
	}
	receipt, err := b.engine.Submit(ctx, req)
	if err != nil {
		return s.refusal(err)
	}
	return Reply{Accepted: receipt.Tasks}
}

// request checks everything that can be known before the engine decides about
// credits, and words all that is wrong.
func (b *Bot) request(s session) (core.Request, []string) {
	found := s.call.problems
	model, p := b.chooseModel(s.call)
	if p.code != "" {
		found = append(found, p)
	}
	options := maps.Clone(s.call.options)
	delete(options, modelOption)
	count, p := takeCount(model, options)
	if p.code != "" {
		found = append(found, p)
	}
	wrong := s.problems(s.call, found)
	if model.ID == "" {
		return core.Request{}, wrong
	}
	options[catalog.Prompt] = s.call.prompt
	input, err := model.Build(options)
	var problems *catalog.ProblemsError
	if errors.As(err, &problems) {
		wrong = append(wrong, s.inputProblems(problems, s.call.prompt == "")...)
	}
	return core.Request{
		Key: s.in.Key, Origin: s.in.Origin, Command: s.call.command.name,
		Prompt: s.call.prompt, Model: model.ID, Input: input, Count: count,
	}, wrong
}

// chooseModel finds the model that was named, or the command's default.
func (b *Bot) chooseModel(c call) (catalog.Model, problem) {
	name := c.options[modelOption]
	if name == "" {
		model := b.catalog.DefaultFor(c.command.makes)
		if model.ID == "" {
			return model, problem{code: noModel}
		}
		return model, problem{}
	}
	model, err := b.catalog.Lookup(name)
	if err != nil {
		return catalog.Model{}, unknownModelProblem(name, err)
	}
	if model.Kind != c.command.makes {
		return catalog.Model{}, problem{code: wrongKind, model: model}
	}
	return model, problem{}
}

func unknownModelProblem(name string, err error) problem {
	p := problem{code: unknownModel, given: shorten(name, 60)}
	var unknown *catalog.UnknownModelError
	if errors.As(err, &unknown) {
		p.nearest = unknown.Nearest
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
