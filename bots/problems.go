package bots

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

// refuse is the answer that names everything that is wrong.
func (v voice) refuse(wrong []string) Reply {
	text := strings.Join(wrong, "")
	if len(wrong) > 1 {
		text = v.count("several", len(wrong), args{"N": fmt.Sprint(len(wrong))}) + "\n• " + strings.Join(wrong, "\n• ") + "\n"
	} else {
		text += " "
	}
	return Reply{Refused: true, Text: text + v.say("nothing_charged", nil)}
}

// problems words what is wrong with a typed command.
func (v voice) problems(c call, found []problem) []string {
	wrong := make([]string, len(found))
	for i, p := range found {
		wrong[i] = v.problem(c.command, p)
	}
	return wrong
}

func (v voice) problem(c command, p problem) string {
	key := "problem." + string(p.code)
	a := args{
		"Name": p.name, "Given": p.given, "Command": "/" + c.name, "Title": p.model.Title,
		"Max": fmt.Sprint(core.MaxBatch), "Example": v.example(c, p),
		"Reason": p.reason, "Actual": p.actual, "Limit": p.limit, "List": v.joined(p.choices),
	}
	switch p.code {
	case wrongKind:
		right, _ := commandFor(p.model.Kind)
		a["Command"], a["Makes"] = "/"+right.name, v.say("makes."+string(p.model.Kind), nil)
	case retiredModel, offModel:
		return sentences(v.say(key, a), v.instead(p.model))
	case needModel:
		return sentences(v.say(key, a), v.say("see.models", nil))
	case noModel:
		a["Makes"] = v.say("makes."+string(c.makes), nil)
	case unknownFlag, misplacedFlag:
		if len(p.choices) == 0 {
			return sentences(v.say(key, a), v.say("takes.nothing", a))
		}
		return sentences(v.say(key, a), v.meant(p.nearest), v.say("takes.flags", a))
	case unknownCommand:
		return sentences(v.say(key, a), v.meant(p.nearest), v.say("see.help", nil))
	case unknownModel:
		return sentences(v.say(key, a), v.meant(p.nearest), v.say("see.models", nil))
	}
	return v.say(key, a)
}

// instead names the model to take; nothing when there is none.
func (v voice) instead(m catalog.Model) string {
	if m.ID == "" {
		return ""
	}
	return v.say("nearest_model", args{"Title": m.Title, "Name": shortest(m)})
}

// example is a command, or a flag with a value, as it can be typed.
func (v voice) example(c command, p problem) string {
	if f, ok := findFlag(strings.TrimLeftFunc(p.name, isDash)); ok {
		return f.String() + " " + f.sample
	}
	if c.makes == "" && p.code != needJob {
		return ""
	}
	if p.code == badInput {
		f, _ := flagFor(setOption)
		return f.String() + " " + f.sample
	}
	return v.say("example."+c.name, nil)
}

// meant asks whether something near was meant; nothing near, nothing said.
func (v voice) meant(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return v.say("did_you_mean", args{"Names": v.either(near)})
}

func sentences(parts ...string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, " ")
}

// inputProblems words what does not fit the model. A missing prompt is left
// out if that was said before.
func (v voice) inputProblems(err *catalog.ProblemsError, promptSaid bool) []string {
	var wrong []string
	for _, p := range err.Problems {
		if promptSaid && p.Code == catalog.Missing && p.Option == catalog.Prompt {
			continue
		}
		wrong = append(wrong, v.inputProblem(err, p))
	}
	return wrong
}

func (v voice) inputProblem(err *catalog.ProblemsError, p catalog.Problem) string {
	a := args{
		"Title": err.Title, "Name": v.inputName(p), "Given": p.Given,
		"Actual": fmt.Sprint(p.Actual), "Limit": fmt.Sprint(p.Limit),
		"Min": number(p.Min), "Max": number(p.Max),
	}
	key := "problem." + string(p.Code)
	switch p.Code {
	case catalog.Missing, catalog.Unsupported:
		if p.Option == catalog.Prompt {
			key += ".prompt"
		} else if p.Option == "" && p.Code == catalog.Missing {
			key += ".raw"
		}
	case catalog.NoneOfSets, catalog.Apart:
		a["List"] = v.sets(p.Choices)
		return v.say(key, a)
	case catalog.WrongType:
		a["Want"] = v.say("want."+string(p.Want), nil)
	case catalog.OutOfRange:
		if p.Max == nil {
			key += ".min"
		} else if p.Min == nil {
			key += ".max"
		}
	}
	said := v.say(key, a)
	if p.Nearest != "" {
		said = sentences(said, v.meant([]string{p.Nearest}))
	}
	if p.Code == catalog.Unsupported && p.Option == catalog.NegativePrompt {
		said = sentences(said, v.say("note.second_line", nil))
	}
	return sentences(said, v.offer(err, p))
}

// sets words sets of inputs, each as the catalogue puts it: "image and duration".
func (v voice) sets(sets []string) string {
	var said []string
	for _, set := range sets {
		names := strings.Split(set, " and ")
		for i, name := range names {
			names[i] = v.called(name)
		}
		said = append(said, strings.Join(names, " + "))
	}
	return v.either(said)
}

// called is what a person types for an input or an option.
func (v voice) called(name string) string {
	if name == string(catalog.Prompt) {
		return v.say("a_prompt", nil)
	}
	if f, ok := flagFor(catalog.Option(name)); ok && f.option != modelOption {
		return f.String() // an input may well be called model
	}
	return "--set " + name
}

// offer lists what can be given instead.
func (v voice) offer(err *catalog.ProblemsError, p catalog.Problem) string {
	choices := p.Choices
	if p.Code == catalog.Unsupported {
		choices = nil
		for _, option := range p.Choices {
			if f, ok := flagFor(catalog.Option(option)); ok {
				choices = append(choices, f.String())
			}
		}
	}
	if len(choices) == 0 {
		return ""
	}
	return v.say("choices", args{"Title": err.Title, "List": v.list(choices, "/models "+err.Model)})
}

// inputName is what a person calls an input.
func (v voice) inputName(p catalog.Problem) string {
	if p.Option == catalog.Prompt {
		return v.say("the_prompt", nil)
	}
	if f, ok := flagFor(p.Option); ok {
		return f.String()
	}
	return p.Name()
}

func number(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

// refusal words why the engine did not do what was asked.
func (b *Bot) refusal(v voice, err error) Reply {
	refused := &core.Refusal{Reason: core.ReasonUnavailable}
	errors.As(err, &refused)
	var input *catalog.ProblemsError
	var unknown *catalog.UnknownModelError
	var retired *catalog.RetiredModelError
	switch {
	case refused.Reason == core.ReasonInput && errors.As(refused.Err, &input):
		return v.refuse(v.inputProblems(input, false))
	case refused.Reason == core.ReasonModel && errors.As(refused.Err, &unknown):
		return v.refuse([]string{v.problem(command{}, b.modelProblem(unknown.Name, unknown))})
	case refused.Reason == core.ReasonRetired && errors.As(refused.Err, &retired):
		return v.refuse([]string{v.problem(command{}, b.modelProblem(retired.Name, retired))})
	}
	text := v.reason(refused)
	switch refused.Reason {
	case core.ReasonOff, core.ReasonNoDefault:
		if m, err := b.catalog.Lookup(refused.Model); err == nil && refused.Reason == core.ReasonOff {
			return v.refuse([]string{v.problem(command{}, b.modelProblem(m.ID, &offError{model: m, nearest: b.catalog.nearest(m)}))})
		}
	case core.ReasonConfirm:
		return v.question(refused)
	case core.ReasonNotCancel, core.ReasonFinished, core.ReasonUncertain, core.ReasonCancelLater, core.ReasonNoPayment:
		return Reply{Refused: true, Text: text} // about what is there: the text speaks of its credits
	}
	return v.refuse([]string{sentences(text, b.offersMore(v, refused))})
}

// reason is the text of a refusal's Reason.
func (v voice) reason(r *core.Refusal) string {
	key := "refused." + string(r.Reason)
	a := args{
		"Need": v.credits(r.Need), "Left": v.number(r.Left), "Limit": v.credits(r.Limit),
		"Max": fmt.Sprint(cmp.Or(r.Max, core.MaxBatch)), "N": fmt.Sprint(r.Count), "Time": v.clock(r.ResetsAt), "In": v.ahead(r.ResetsAt), "Why": r.Why, "Who": r.Who.String(),
	}
	var length *core.LengthError
	if errors.As(r.Err, &length) {
		a["Name"] = shorten(length.File, 60)
	}
	switch {
	case r.Reason == core.ReasonActive:
		return v.count(key, r.Max, args{"N": fmt.Sprint(r.Max)})
	case r.Reason == core.ReasonPrompt && r.Max > 0 && r.Count >= r.Max:
		return v.say(key+".last", a)
	case r.Reason == core.ReasonPrompt && r.Max > 0:
		return v.say(key+".warned", a)
	case r.Reason == core.ReasonStranger:
		return v.stranger(r, a)
	case slices.Contains([]core.Reason{core.ReasonBlocked, core.ReasonPlaceBlocked, core.ReasonPaused}, r.Reason) && r.Why != "":
		return v.say(key+".why", a)
	case r.Reason != core.ReasonQuota:
		return v.say(key, a)
	}
	a["Window"] = v.say("window."+string(r.Window.Kind()), nil)
	switch {
	case r.Limit == 0:
		return v.say(key+".none", a)
	case r.Need > r.Limit+r.Granted:
		return v.say(key+".never", a)
	}
	return v.say(key, a)
}

// placeOf is the chat or guild among the roles; empty when there is none.
func placeOf(roles []string) string {
	for _, role := range roles {
		if strings.Contains(role, ":chat:") || strings.Contains(role, ":guild:") {
			return role
		}
	}
	return ""
}
