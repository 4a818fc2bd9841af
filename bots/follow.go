package bots

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// A job that is over can be worked on: /edit, /animate and /upscale take its
// id first, and every option for a file takes an id in place of the file.
// Where a job has several results, the id goes on with a colon and a number.

// made is one result of one of the person's own jobs.
type made struct {
	task  core.Task
	index int // of the task's outputs
	kind  media.Kind
}

// parseResult understands what a person types for a result: an id as it is
// shown or whole, perhaps with a number from 1. It says nothing about whether
// there is such a job.
func parseResult(word string) (id string, number int, ok bool) {
	id, typed, numbered := strings.Cut(strings.ToLower(strings.TrimPrefix(word, "#")), ":")
	if numbered {
		n, err := strconv.Atoi(typed)
		if err != nil || n < 1 {
			return "", 0, false
		}
		number = n
	}
	whole := id
	if len(id) == shortID {
		whole = strings.Repeat("0", wholeID-shortID) + id
	}
	_, err := core.ParseTaskID(whole)
	return id, number, err == nil
}

// The lengths of ids as they are shown and as they are stored.
const (
	shortID = 8
	wholeID = 18
)

// resultName is what a person types for the result: the reverse of parseResult.
func resultName(id string, number int) string {
	if number == 0 {
		return id
	}
	return id + ":" + strconv.Itoa(number)
}

// resultsOf lists the results of those kinds, in the order in which they are shown.
func resultsOf(tasks []core.Task, kinds ...media.Kind) []made {
	var all []made
	for _, t := range tasks {
		for i, o := range t.Outputs {
			if _, ok := core.OutputFile(t, i); ok && arrived(t) && slices.Contains(kinds, kindOf(o)) {
				all = append(all, made{t, i, kindOf(o)})
			}
		}
	}
	return all
}

// results finds the results that an id stands for: of the whole batch for the
// id that is shown under it, of one task for its own. An error is a refusal.
func (b *Bot) results(ctx context.Context, who core.Identity, id string, kinds ...media.Kind) ([]made, error) {
	task, err := b.engine.Task(ctx, who, id)
	if err != nil {
		return nil, err
	}
	tasks := []core.Task{task}
	if task.Lead() == task.ID {
		if tasks, err = b.engine.Batch(ctx, task); err != nil {
			return nil, err
		}
	}
	return resultsOf(tasks, kinds...), nil
}

// follow makes a result what the command works from. It answers false, with
// what to say, when that cannot be.
func (b *Bot) follow(ctx context.Context, s *session) (Reply, bool) {
	word, rest := firstWord(s.call.prompt)
	id, number, isID := parseResult(word)
	given := len(givenFiles(s.call.options)) > 0 || s.call.options[catalog.EarlierTask] != ""
	switch {
	case len(s.call.problems) > 0:
		return Reply{}, true
	case given && !isID:
		return b.workFromFiles(s)
	case !isID:
		return s.refuse(s.problems(s.call, []problem{{code: needJob}})), false
	}
	found, err := b.results(ctx, s.in.Origin.Identity, id, s.call.command.from...)
	switch {
	case err != nil && given: // a word that only looks like an id
		return b.workFromFiles(s)
	case err != nil:
		return b.refusal(s.voice, err), false
	case len(found) == 0:
		return s.refuse(s.problems(s.call, []problem{{code: noResult, name: id, choices: s.kindsOf(s.call.command.from)}})), false
	case number > len(found):
		return s.refuse(s.problems(s.call, []problem{{code: fewResults, name: id, limit: fmt.Sprint(len(found))}})), false
	case number == 0 && len(found) > 1:
		return s.whichOne(s.call.command, id, rest, len(found)), false
	}
	return b.workFrom(s, found[max(number, 1)-1], rest)
}

// firstWord takes the first word off a text.
func firstWord(text string) (word, rest string) {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// workFrom fills in what the result stands for.
func (b *Bot) workFrom(s *session, from made, prompt string) (Reply, bool) {
	c := &s.call
	c.prompt, s.shown, s.parent = prompt, from.task.Request.Prompt, from.task.ID
	if c.command.name == upscaleCommand {
		if reply, ok := b.chooseUpscaler(s, from.task.Request.Model, from.kind); !ok {
			return reply, false
		}
		if model, err := b.catalog.Lookup(c.options[modelOption]); err == nil && continues(model, from.task.Request.Model) {
			c.options[catalog.EarlierTask] = from.task.Kie.TaskID
			return Reply{}, true
		}
	}
	if prompt == "" && c.command.makes == catalog.Video {
		c.prompt = from.task.Request.Prompt
	}
	option := catalog.ImageFile
	if from.kind == media.Video {
		option = catalog.VideoFile
	}
	if c.options[option] != "" { // files that were given come after it
		c.options[s.nextFree(option)] = c.options[option]
	}
	c.options[option] = resultName(from.task.ID.Short(), from.index+1)
	s.files[option], _ = core.OutputFile(from.task, from.index)
	return Reply{}, true
}

// workFromFiles leaves the files as they were given: the command works from
// them as from a result.
func (b *Bot) workFromFiles(s *session) (Reply, bool) {
	if s.call.command.name != upscaleCommand {
		return Reply{}, true
	}
	kind := media.Image
	if s.call.options[catalog.VideoFile] != "" {
		kind = media.Video
	}
	return b.chooseUpscaler(s, "", kind)
}

// chooseUpscaler names the model that makes what the parent made larger, unless
// the person has named one. It answers false, with what to say, when there is none.
func (b *Bot) chooseUpscaler(s *session, parent string, kind media.Kind) (Reply, bool) {
	if s.call.options[modelOption] != "" {
		return Reply{}, true
	}
	model, ok := b.upscaler(parent, kind)
	if !ok {
		return s.refuse(s.problems(s.call, []problem{{code: noUpscaler, choices: s.kindsOf([]media.Kind{kind})}})), false
	}
	s.call.options[modelOption] = model.ID
	return Reply{}, true
}

// nextFree is the first number of a file option that is not taken.
func (s *session) nextFree(option catalog.Option) catalog.Option {
	for n := 2; n <= mostFiles; n++ {
		if next := option.Numbered(n); s.call.options[next] == "" {
			return next
		}
	}
	return option
}

// upscaler chooses the model that makes results of the parent larger, or files
// where that is empty: the one that goes on with its task, else the cheapest
// whose price is known.
func (b *Bot) upscaler(parent string, kind media.Kind) (best catalog.Model, ok bool) {
	file, catalogKind := catalog.ImageFile, catalog.Image
	if kind == media.Video {
		file, catalogKind = catalog.VideoFile, catalog.Video
	}
	var least catalog.Credits
	for _, family := range b.catalog.Families(catalogKind) {
		for _, id := range family.Models {
			m, err := b.catalog.Lookup(id)
			if err != nil || m.Task != "upscale" {
				continue
			}
			if continues(m, parent) {
				return m, true
			}
			if price, known := priceWith(m, map[catalog.Option]string{file: "a file"}); known && (!ok || price < least) {
				best, least, ok = m, price, true
			}
		}
	}
	return best, ok
}

// continues says whether the model goes on with a Kie task of the other model:
// it takes the id of a task, and both are of one maker.
func continues(m catalog.Model, parent string) bool {
	_, takes := m.ByOption(catalog.EarlierTask)
	mine, _, _ := strings.Cut(m.ID, "/")
	other, _, _ := strings.Cut(parent, "/")
	return takes && mine == other
}

// whichOne asks which of several results is meant.
func (v voice) whichOne(c command, id, rest string, results int) Reply {
	reply := Reply{Text: v.say("which_one", args{"Example": "/" + c.name + " " + resultName(id, 1)})}
	for n := 1; n <= min(results, core.MaxBatch); n++ {
		name := resultName(id, n)
		b := Button{Label: fmt.Sprint(n), Text: strings.TrimSpace("/" + c.name + " " + name + " " + rest)}
		if rest == "" && c.name != editCommand {
			b.Data = buttonData(c.name, name)
		}
		reply.Buttons = append(reply.Buttons, b)
	}
	return reply
}

// findFiles opens the ids that were given in place of files.
func (b *Bot) findFiles(ctx context.Context, s *session) (Reply, bool) {
	for _, option := range givenFiles(s.call.options) {
		id, number, isID := parseResult(s.call.options[option])
		if _, found := s.files[option]; found || !isID {
			continue
		}
		found, err := b.results(ctx, s.in.Origin.Identity, id, kindFor(option))
		switch {
		case err != nil && s.in.Attach != nil:
			continue // perhaps the name of a file
		case err != nil:
			return b.refusal(s.voice, err), false
		case len(found) == 0:
			return s.refuse(s.problems(s.call, []problem{{code: noResult, name: id, choices: s.kindsOf([]media.Kind{kindFor(option)})}})), false
		case number > len(found):
			return s.refuse(s.problems(s.call, []problem{{code: fewResults, name: id, limit: fmt.Sprint(len(found))}})), false
		}
		from := found[max(number, 1)-1]
		s.files[option], _ = core.OutputFile(from.task, from.index)
		s.parent = from.task.ID
	}
	return Reply{}, true
}

// kindFor is the kind of media that an option for a file takes.
func kindFor(option catalog.Option) media.Kind {
	switch base, _ := numbered(string(option)); catalog.Option(base) {
	case catalog.VideoFile:
		return media.Video
	case catalog.AudioFile:
		return media.Audio
	}
	return media.Image
}

// kindsOf names kinds of media for people.
func (v voice) kindsOf(kinds []media.Kind) []string {
	var names []string
	for _, kind := range kinds {
		names = append(names, v.say("file."+string(kind), nil))
	}
	return names
}

// retyped is a request as the command that makes it once more; empty when its
// files cannot be typed.
func (b *Bot) retyped(r core.Request) string {
	model, err := b.catalog.Lookup(r.Model)
	c, ok := findCommand(r.Command)
	if err != nil || !ok || len(r.Files) > 0 {
		return ""
	}
	var flags []string
	for _, in := range model.Inputs {
		if value, given := r.Input[in.Name]; given && in.Option != catalog.Prompt && !(in.Required && typed(in, value) == typed(in, in.Default)) {
			flags = append(flags, retypedInput(c, in, value)...)
		}
	}
	if r.Count > 1 {
		flags = append(flags, "--n "+strconv.Itoa(r.Count))
	}
	if r.Spoiler {
		flags = append(flags, "--"+string(spoilerOption))
	}
	if r.Private {
		flags = append(flags, "--"+string(privateOption))
	}
	flags = append(flags, "--model "+shortest(model)) // the default may be another one by then
	prompt := ""                                      // what the chat shows may be something else
	if in, ok := model.ByOption(catalog.Prompt); ok {
		prompt = plain(r.Input[in.Name])
	}
	after := strings.Join(flags, " ")
	text := strings.TrimSpace("/" + c.name + " " + prompt + " " + after)
	if again := parse(text); again.prompt != prompt || len(again.problems) > 0 {
		return strings.TrimSpace("/"+c.name+" "+after) + " -- " + prompt
	}
	return text
}

// retypedInput is one input as the flags that set it.
func retypedInput(c command, in catalog.Input, value any) []string {
	f, ok := flagFor(in.Option)
	if !ok || !c.has(in.Option) {
		return []string{"--set " + in.Name + "=" + quoteValue(plain(value))}
	}
	list, several := value.([]any)
	if !several {
		return []string{f.String() + " " + quoteValue(typed(in, value))}
	}
	var all []string
	for i, one := range list {
		all = append(all, f.at(i+1).String()+" "+quoteValue(plain(one)))
	}
	return all
}

// sampleSeconds is how long a file is taken to be where only models are compared.
const sampleSeconds = 10

// priceWith says what a request with just those options, and a prompt where it
// takes one, costs; false when it does not run or nobody knows.
func priceWith(m catalog.Model, options map[catalog.Option]string) (catalog.Credits, bool) {
	options = maps.Clone(options)
	if _, has := m.ByOption(catalog.Prompt); has {
		options[catalog.Prompt] = "a prompt"
	}
	input, err := m.Build(options)
	if err != nil {
		return 0, false
	}
	lengths := catalog.Lengths{}
	for _, file := range m.Unmeasured(input) {
		lengths[file] = sampleSeconds
	}
	price, err := m.EstimateFor(input, lengths)
	return price, err == nil
}

// show answers /show ID: the lane brings the result once more.
func (b *Bot) show(ctx context.Context, s session) Reply {
	word, _ := firstWord(s.call.prompt)
	id, _, ok := parseResult(word)
	if !ok {
		return s.refuse(s.problems(s.call, []problem{{code: needJob}}))
	}
	tasks, err := b.engine.Show(ctx, id, s.in.Key, s.in.Origin)
	return b.shown(s.voice, tasks, err)
}

// shown is the answer to a request to show what the engine let through, or did not.
func (b *Bot) shown(v voice, tasks []core.Task, err error) Reply {
	if err != nil {
		return b.refusal(v, err)
	}
	reply := Reply{Accepted: make([]core.TaskID, len(tasks))}
	for i, t := range tasks {
		reply.Accepted[i] = t.ID
	}
	return reply
}
