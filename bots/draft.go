package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// sketch is what a draft says: a command as it was typed, and the files that
// came with it.
type sketch struct {
	Command string                            `json:"command"`
	Prompt  string                            `json:"prompt"`
	Options map[catalog.Option]string         `json:"options,omitempty"`
	Raw     [][2]string                       `json:"raw,omitempty"`
	Files   map[catalog.Option]core.InputFile `json:"files,omitempty"`
	Parent  core.TaskID                       `json:"parent,omitempty"`
	Shown   string                            `json:"shown,omitempty"`
}

func (s session) sketch() sketch {
	d := sketch{Command: s.call.command.name, Prompt: s.call.prompt, Options: s.call.options, Files: s.files, Parent: s.parent, Shown: s.shown}
	for _, r := range s.call.raw {
		d.Raw = append(d.Raw, [2]string{r.name, r.value})
	}
	return d
}

// drawn is the session with what the draft says; false when this program has
// no such command.
func (s session) drawn(data json.RawMessage) (session, bool) {
	var d sketch
	if json.Unmarshal(data, &d) != nil {
		return s, false
	}
	c, ok := findCommand(d.Command)
	s.call = call{command: c, known: ok, prompt: d.Prompt, options: d.Options}
	if s.call.options == nil {
		s.call.options = map[catalog.Option]string{}
	}
	for _, r := range d.Raw {
		s.call.raw = append(s.call.raw, rawInput{r[0], r[1]})
	}
	s.files, s.parent, s.shown = d.Files, d.Parent, d.Shown
	return s, ok && c.makes != ""
}

// wantsMenu says whether the rest is to be chosen with buttons: that was said,
// or the command runs any model and none was named.
func (c call) wantsMenu() bool {
	unnamed := c.command.makes == anyKind && c.command.from == nil && c.options[modelOption] == ""
	return len(c.problems) == 0 && (c.options[menuOption] == switchOn || unnamed && c.prompt != "" && len(c.raw) == 0)
}

// begin keeps a draft of the command and shows its first page.
func (b *Bot) begin(ctx context.Context, s session) Reply {
	delete(s.call.options, menuOption)
	for _, option := range givenFiles(s.call.options) {
		file, link, p := s.fileOf(option, s.call.options[option])
		if p.code != "" {
			return s.refuse(s.problems(s.call, []problem{p}))
		}
		if !link {
			s.files[option] = file
		}
	}
	data, err := json.Marshal(s.sketch())
	if err != nil {
		return b.refusal(s.voice, err)
	}
	draft, err := b.engine.NewDraft(ctx, s.in.Origin, s.in.Key, data)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	at := step{menu: draftMenu, owner: draft.ID}
	if _, p := b.chooseModel(s.call, s.settings); p.code == needModel {
		return b.kindsPage(s.voice, at, step{})
	}
	return b.draftPage(s, at)
}

// The verbs of a draft's menu beside those of every menu.
const (
	showValues = "values" // tag of an input, page
	takeValue  = "set"    // tag of an input, tag of a value
	makeDraft  = "make"   // the price that was shown, in thousandths of a credit
	dropDraft  = "drop"
)

// pressDraft answers a press in a draft's menu.
func (b *Bot) pressDraft(ctx context.Context, s session, at step) Reply {
	who := s.in.Origin.Identity
	draft, err := b.engine.Draft(ctx, who, at.owner)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	if len(draft.Tasks) > 0 && at.verb == makeDraft {
		return Reply{Accepted: draft.Tasks, Deletes: true}
	}
	if len(draft.Tasks) > 0 {
		return Reply{Refused: true, Text: s.say("menu.made", nil)}
	}
	s, ok := s.drawn(draft.Data)
	if !ok {
		return s.unknown()
	}
	switch at.verb {
	case "":
		return b.draftPage(s, at)
	case showKinds:
		return b.kindsPage(s.voice, at, b.draftHome(s, at))
	case showKind:
		return b.kindPage(s.voice, at, b.abovePage(s, at))
	case showFamily:
		return b.familyPage(s.voice, at)
	case showValues:
		return b.valuesPage(s, at)
	case takeModel, takeValue:
		return b.redraw(ctx, s, at)
	case makeDraft:
		return b.make(ctx, s, at, draft)
	case dropDraft:
		if err := b.engine.DropDraft(ctx, who, at.owner); err != nil {
			return b.refusal(s.voice, err)
		}
		return Reply{Text: s.say("canceled", nil), Replaces: true}
	}
	return s.unknown()
}

// draftHome is the draft's first page, none while it has no model.
func (b *Bot) draftHome(s session, at step) step {
	if _, p := b.chooseModel(s.call, s.settings); p.code == needModel {
		return step{}
	}
	return at.to("")
}

// abovePage is where the page of a kind goes back to.
func (b *Bot) abovePage(s session, at step) step {
	if s.call.command.makes == anyKind {
		return at.to(showKinds)
	}
	return at.to("")
}

// redraw commits a choice and shows the draft as it is then.
func (b *Bot) redraw(ctx context.Context, s session, at step) Reply {
	missed := errors.New("no such choice")
	var drawn session
	draft, err := b.engine.EditDraft(ctx, s.in.Origin.Identity, at.owner, func(data json.RawMessage) (json.RawMessage, error) {
		now, ok := s.drawn(data)
		if !ok || !b.take(&now, at) {
			return nil, missed
		}
		drawn = now
		return json.Marshal(now.sketch())
	})
	switch {
	case errors.Is(err, missed):
		return s.unknown()
	case err != nil:
		return b.refusal(s.voice, err)
	case len(draft.Tasks) > 0:
		return Reply{Refused: true, Text: s.say("menu.made", nil)}
	}
	return b.draftPage(drawn, at)
}

// take makes the choice; false when it is none.
func (b *Bot) take(s *session, at step) bool {
	if at.verb == takeModel {
		m, ok := b.modelOf(at.arg(0))
		if !ok || m.Kind != s.call.command.makes && s.call.command.makes != anyKind {
			return false
		}
		s.call.options[modelOption] = m.ID
		s.call.raw = nil
		b.fit(s)
		return true
	}
	knob, ok := b.knobOf(*s, at.arg(0))
	i := slices.IndexFunc(knob.values, func(value string) bool { return tag(value) == at.arg(1) })
	if !ok || i < 0 {
		return false
	}
	if knob.option != "" {
		s.call.options[knob.option] = knob.values[i]
		return true
	}
	// A raw input is one of this very model, whatever else its family has.
	model, _ := b.chooseModel(s.call, s.settings)
	s.call.options[modelOption] = model.ID
	s.call.raw = slices.DeleteFunc(s.call.raw, func(r rawInput) bool { return r.name == knob.name })
	s.call.raw = append(s.call.raw, rawInput{knob.name, knob.values[i]})
	return true
}

// fit leaves out what was chosen for another model and is nothing to this one.
// Files stay: without them it would be another request.
func (b *Bot) fit(s *session) {
	model, _ := b.chooseModel(s.call, s.settings)
	for option, value := range maps.Clone(s.call.options) {
		f, _ := flagFor(option)
		if option == modelOption || option == catalog.Count || f.bare || option.IsFile() || option == catalog.EarlierTask {
			continue
		}
		var wrong *catalog.ProblemsError
		_, err := model.Build(map[catalog.Option]string{option: value})
		if errors.As(err, &wrong) && slices.ContainsFunc(wrong.Problems, func(p catalog.Problem) bool { return p.Option == option }) {
			delete(s.call.options, option)
		}
	}
	if in, has := model.ByOption(catalog.Count); has && !slices.Contains(valuesOf(in), s.call.options[catalog.Count]) {
		delete(s.call.options, catalog.Count)
	}
}

// knob is one thing that can be chosen for a draft.
type knob struct {
	name   string         // of the model's input
	option catalog.Option // that fills it; empty: a raw input
	title  string
	values []string
	now    string // empty when the model decides
}

// knobs lists what can be chosen beside the model.
func (b *Bot) knobs(s session) []knob {
	model, _ := b.chooseModel(s.call, s.settings)
	var all []knob
	shown := map[catalog.Option]bool{catalog.Prompt: true, catalog.EarlierTask: true, catalog.Seed: true}
	for _, in := range model.Inputs {
		k := knob{name: in.Name, option: in.Option, values: choicesOf(in), now: typed(in, in.Default)}
		if shown[in.Option] || in.Media != "" || len(k.values) < 2 {
			continue
		}
		shown[in.Option] = in.Option != ""
		k.title, k.now = s.knobTitle(in), s.chosen(k)
		all = append(all, k)
	}
	if _, has := model.ByOption(catalog.Count); !has {
		k := knob{name: string(catalog.Count), option: catalog.Count, title: s.say("option.count", nil), values: numbers(1, core.MaxBatch), now: "1"}
		k.now = s.chosen(k)
		all = append(all, k)
	}
	for _, option := range []catalog.Option{spoilerOption, privateOption} {
		if option == spoilerOption && s.settings.Chat.Spoiler {
			continue // the chat has decided
		}
		k := knob{name: string(option), option: option, title: s.say("option."+string(option), nil), values: []string{switchOff, switchOn}, now: switchOff}
		if option == spoilerOption && s.settings.Spoiler() {
			k.now = switchOn
		}
		k.now = s.chosen(k)
		all = append(all, k)
	}
	return all
}

// choicesOf lists what an input can be set to with a button.
func choicesOf(in catalog.Input) []string {
	if in.Type == catalog.Boolean {
		return []string{"false", "true"}
	}
	return valuesOf(in)
}

// chosen is the knob's value in the draft, else the one before any choice.
func (s session) chosen(k knob) string {
	if k.option != "" && s.call.options[k.option] != "" {
		return s.call.options[k.option]
	}
	for _, r := range s.call.raw {
		if k.option == "" && r.name == k.name {
			return r.value
		}
	}
	return k.now
}

// knobTitle names an input for people: in their language where it has an option.
func (v voice) knobTitle(in catalog.Input) string {
	switch in.Option {
	case catalog.AspectRatio, catalog.Resolution, catalog.Duration, catalog.Count, catalog.Voice:
		return v.say("option."+string(in.Option), nil)
	}
	return strings.ReplaceAll(in.Name, "_", " ")
}

func (b *Bot) knobOf(s session, wanted string) (knob, bool) {
	all := b.knobs(s)
	i := slices.IndexFunc(all, func(k knob) bool { return tag(k.name) == wanted })
	if i < 0 {
		return knob{}, false
	}
	return all[i], true
}

// fewValues is how many values a button goes through one by one; of more, it
// opens a page.
const fewValues = 3

// draftPage shows what the draft says, what it costs and what can be changed.
func (b *Bot) draftPage(s session, at step) Reply {
	model, _ := b.chooseModel(s.call, s.settings)
	lines := []string{shorten(s.call.prompt, 300)}
	if n := len(givenFiles(s.call.options)); n > 0 {
		lines = append(lines, s.count("draft.files", n, args{"N": fmt.Sprint(n)}))
	}
	price, wrong := b.quote(s)
	lines = append(lines, dots(model.Title, price.text))
	var k keyboard
	k.row(Button{Emoji: "🧩", Label: s.pair(s.say("info.model", nil), shorten(model.Title, 40)), Data: b.modelChoice(s, at, model).data()})
	var choices []Button
	for _, one := range b.knobs(s) {
		choices = append(choices, s.knobButton(at, one))
	}
	k.columns(2, choices)
	last := []Button{{Emoji: "❌", Label: s.say("button.cancel", nil), Data: at.to(dropDraft).data()}}
	if len(wrong) == 0 {
		last = slices.Insert(last, 0, Button{Emoji: "✅", Label: price.label, Data: at.to(makeDraft, strconv.FormatInt(int64(price.total), 10)).data()})
	}
	k.row(last...)
	lines = append(lines, wrong...)
	return page(strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n"), k)
}

// modelChoice is where another model is chosen.
func (b *Bot) modelChoice(s session, at step, model catalog.Model) step {
	if s.call.command.makes == anyKind {
		return at.to(showKinds)
	}
	return b.shelf(at, model)
}

// knobButton shows a value; pressed, it takes the next one or opens the page of all.
func (s session) knobButton(at step, k knob) Button {
	button := Button{Label: s.pair(k.title, shorten(s.valueName(k.now), 20)), Data: at.to(showValues, tag(k.name), "0").data()}
	if len(k.values) <= fewValues {
		next := k.values[(slices.Index(k.values, k.now)+1)%len(k.values)]
		button.Data = at.to(takeValue, tag(k.name), tag(next)).data()
	}
	return button
}

// valuesPage offers every value of one input.
func (b *Bot) valuesPage(s session, at step) Reply {
	one, ok := b.knobOf(s, at.arg(0))
	if !ok {
		return s.unknown()
	}
	var choices []Button
	for _, value := range one.values {
		button := Button{Label: shorten(value, 30), Data: at.to(takeValue, at.arg(0), tag(value)).data()}
		if value == one.now {
			button.Emoji = "✔️"
		}
		choices = append(choices, button)
	}
	var k keyboard
	k.turn(3, choices, at.page(1), func(page int) step { return at.to(showValues, at.arg(0), fmt.Sprint(page)) }, s.back(at.to("")))
	return page(s.pair(one.title, s.valueName(one.now)), k)
}

// quote is a draft as a request, with what it costs.
type quote struct {
	request core.Request
	total   core.Credits // zero when it is not known
	text    string       // about the price
	label   string       // of the button that agrees to it
}

// quote says what the draft costs as it is, or what is wrong with it.
func (b *Bot) quote(s session) (quote, []string) {
	req, wrong := b.request(s)
	if len(wrong) > 0 {
		return quote{}, wrong
	}
	model, err := b.catalog.Lookup(req.Model)
	if err != nil {
		return quote{}, []string{s.say("refused.model", nil)}
	}
	one, err := model.Estimate(req.Input)
	if err != nil {
		return quote{request: req, text: s.say("draft.by_length", nil), label: s.say("button.make", nil)}, nil
	}
	total := one * core.Credits(max(req.Count, 1))
	return quote{
		request: req, total: total, text: s.say("at_most", args{"Credits": s.credits(total)}),
		label: s.say("button.make.for", args{"Need": s.credits(total)}),
	}, nil
}

// make starts what the draft says, once. Who pressed has agreed to the price
// that the button named; when it costs more by now, the page is shown anew.
func (b *Bot) make(ctx context.Context, s session, at step, draft core.Draft) Reply {
	now, wrong := b.quote(s)
	if len(wrong) > 0 {
		return s.refuse(wrong)
	}
	named, err := strconv.ParseInt(at.arg(0), 10, 64)
	if err != nil || core.Credits(named) < now.total {
		return b.draftPage(s, at)
	}
	if reply, ok := b.alone(ctx, s, now.request.Private); !ok {
		return reply
	}
	now.request.Key, now.request.Confirmed = draft.Key(), core.Credits(named)
	receipt, err := b.engine.Submit(ctx, now.request)
	reply := b.accepted(s.voice, receipt, err)
	reply.Deletes = err == nil
	return reply
}
