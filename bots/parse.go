package bots

import (
	"slices"
	"strings"

	"kiebot/kie/catalog"
)

// call is a typed command, taken apart. Nothing in it is checked against a model.
type call struct {
	command command
	// known says that the command exists; nothing else is filled in otherwise.
	known bool
	// prompt is the text beside the flags, trimmed; the argument of a command that makes nothing.
	prompt string
	// options are the flags' values as typed. A second line is the negative prompt.
	options map[catalog.Option]string
	// raw are the inputs given with --set, in the order in which they came.
	raw []rawInput
	// typed are the flags in the order in which they came.
	typed []typedFlag
	// verbatim says that a bare "--" ended the flags.
	verbatim bool
	problems []problem
}

// rawInput is one input of a model by the name that it has there.
type rawInput struct{ name, value string }

// typedFlag is where a flag stands in the text, for suggestions.
type typedFlag struct {
	flag       flag
	known      bool
	name       string // as typed, with its dashes
	start, end int    // of the flag with its value
	value      int    // where the value starts, or would
	missing    bool   // there is no value
}

// problemCode says what is wrong with a typed command. Its text is the message
// "problem.CODE"; the codes of catalog.Problem have theirs under the same prefix.
type problemCode string

const (
	noPrompt       problemCode = "no_prompt"           // nothing to make was said
	unknownCommand problemCode = "unknown_command"     // nearest: what may be meant
	unknownFlag    problemCode = "unknown_flag"        // nearest; choices: the command's flags
	repeatedFlag   problemCode = "repeated_flag"       // the same option twice
	noValue        problemCode = "no_value"            // a flag at the end, or before another flag
	misplacedFlag  problemCode = "misplaced_flag"      // the command does not take it; choices: the command's flags
	badCount       problemCode = "bad_count"           // not a whole number from 1 to core.MaxBatch
	secondLine     problemCode = "second_line"         // a second line beside the flag for the negative prompt
	unknownModel   problemCode = "unknown_model"       // nearest: up to three names
	wrongKind      problemCode = "wrong_kind"          // the model makes something else
	offModel       problemCode = "off"                 // an admin turned the model off; model: the nearest that is on
	retiredModel   problemCode = "retired"             // Kie has the model no more; reason, model: the nearest that runs
	needModel      problemCode = "need_model"          // the command runs any model, and none was named
	noModel        problemCode = "no_model"            // the catalogue has no model of the command's kind
	badInput       problemCode = "bad_input"           // no NAME=VALUE after --set
	noFiles        problemCode = "no_files"            // this chat takes no files, only links
	badLink        problemCode = "bad_link"            // an address that is none, or not https
	fileMissing    problemCode = "file_missing"        // there is no such file
	fileUnread     problemCode = "file_unread"         // it cannot be read
	fileType       problemCode = "file_type"           // the model does not take files of this type; choices: what it takes
	fileSize       problemCode = "file_size"           // it is larger than the model takes: actual, limit in MB
	needJob        problemCode = "need_job"            // the command works from a job, and none was named
	noResult       problemCode = "no_result"           // the job has nothing to work from; choices: what would do
	fewResults     problemCode = "few_results"         // the job has fewer results than the number: limit
	noUpscaler     problemCode = "no_upscaler"         // no model makes the kind larger; choices: the kind
	attachedLarge  problemCode = problemCode(TooLarge) // actual, limit in MB
	attachedEmpty  problemCode = problemCode(Empty)
	attachedMoving problemCode = problemCode(Moving)
	badSwitch      problemCode = "bad_switch" // a value that no switch has
)

// problemCodes lists every code.
func problemCodes() []problemCode {
	return []problemCode{
		noPrompt, unknownCommand, unknownFlag, repeatedFlag, noValue, misplacedFlag, badCount,
		secondLine, unknownModel, wrongKind, retiredModel, offModel, needModel, noModel,
		badInput, noFiles, badLink, fileMissing, fileUnread, fileType, fileSize,
		needJob, noResult, fewResults, noUpscaler,
		attachedLarge, attachedEmpty, attachedMoving, badSwitch,
	}
}

// problem is one thing that is wrong with a typed command.
type problem struct {
	code    problemCode
	name    string   // the flag or command as typed, or the file
	given   string   // its value
	nearest []string // what may be meant
	choices []string // what there is
	model   catalog.Model
	reason  string // why, an English clause
	actual  string // how much it is
	limit   string // how much may be
}

// parse takes a text apart. It never fails: what is wrong is in problems, all
// of it up to maxProblems, in the order in which it was typed.
//
// A command stands at the beginning: "/imagine", in any case, perhaps with
// "@bot". A text without one is the prompt of plainCommand. Flags stand
// anywhere: "--ar 16:9", "--ar=16:9", "-m imagen4", or with the long dash that
// phones make of "--". Double quotes, straight or curly, keep a value together
// or wrap the prompt; inside them nothing is a flag. A second line is the
// negative prompt of a command that takes one. After a bare "--" everything is
// prompt, lines and all.
//
// Options that were given in fields of their own come first.
func parse(text string, given ...Given) call {
	s := scanner{text: strings.ToValidUTF8(text, "")}
	s.blank()
	name, slashed := s.command()
	if !slashed {
		name = plainCommand
	}
	row, ok := findCommand(name)
	if !ok {
		return call{problems: []problem{noSuchCommand(name)}}
	}
	if row.verbatim {
		return call{command: row, known: true, prompt: strings.TrimSpace(s.rest())}
	}
	p := parser{scanner: s, call: call{command: row, known: true, options: map[catalog.Option]string{}}}
	for _, g := range given {
		p.setGiven(g)
	}
	p.parse()
	return p.call
}

func noSuchCommand(name string) problem {
	return problem{code: unknownCommand, name: "/" + shorten(name, 30), nearest: nearestCommand(name)}
}

// nearestCommand looks among the commands that every bot has, for everybody.
func nearestCommand(name string) []string {
	var names []string
	for _, c := range commands() {
		if c.when != nil || c.audience == ForOperators {
			continue
		}
		for _, n := range append([]string{c.name}, c.aliases...) {
			names = append(names, "/"+n)
		}
	}
	return catalog.Nearest("/"+name, names, 1)
}

// parser reads what follows the command.
type parser struct {
	scanner
	call     call
	prompt   stretches
	negative stretches
	second   bool // reading the second line
}

// maxProblems ends the reading of a text that is hopeless.
const maxProblems = 12

func (p *parser) parse() {
	for len(p.call.problems) < maxProblems {
		broke := p.blank()
		if p.done() {
			break
		}
		if broke && !p.prompt.empty() && p.call.command.secondLine() {
			p.second = true
		}
		if p.bareDashes() {
			p.call.verbatim, p.second = true, false
			p.prompt.seal()
			p.prompt.add(p.at, len(p.text))
			break
		}
		if name, ok := p.flag(); ok {
			p.takeFlag(name)
			continue
		}
		p.takeWord()
	}
	p.finish()
}

func (p *parser) takeWord() {
	start := p.at
	// Only at the very beginning may quotes span lines: there they wrap the prompt.
	p.word(p.prompt.empty())
	if p.second {
		p.negative.add(start, p.at)
		return
	}
	p.prompt.add(start, p.at)
}

// takeFlag reads the value of the flag whose name was just read.
func (p *parser) takeFlag(name flagName) {
	p.prompt.seal()
	p.negative.seal()
	t := typedFlag{name: name.typed, start: name.start}
	t.flag, t.known = findFlag(name.name)
	if !t.known {
		p.report(problem{code: unknownFlag, name: shorten(name.typed, 30), nearest: nearestFlag(name.name, p.call.command), choices: p.call.command.flags()})
		t.value, t.end = p.at, p.at
		p.call.typed = append(p.call.typed, t)
		return
	}
	if t.flag.bare && !name.assigned {
		t.value, t.end = p.at, p.at
		p.call.typed = append(p.call.typed, t)
		p.set(t, switchOn)
		return
	}
	p.blankInLine()
	t.value = p.at
	value := p.valueOf(t.flag)
	t.end, t.missing = p.at, value == ""
	p.call.typed = append(p.call.typed, t)
	p.set(t, value)
}

func (p *parser) valueOf(f flag) string {
	if f.option == setOption {
		return p.assignment()
	}
	return p.value(f.phrase)
}

// set keeps the value, or reports why not.
func (p *parser) set(t typedFlag, value string) {
	t.flag = p.nextFree(t.flag)
	_, repeated := p.call.options[t.flag.option]
	switch {
	case !p.call.command.has(t.flag.option):
		p.report(problem{code: misplacedFlag, name: t.name, choices: p.call.command.flags()})
	case t.flag.option == setOption && !t.missing:
		p.setRaw(value)
	case t.flag.option == setOption:
		p.report(problem{code: noValue, name: t.name})
	case repeated:
		p.report(problem{code: repeatedFlag, name: t.flag.String()})
	case t.missing:
		p.report(problem{code: noValue, name: t.name})
		p.call.options[t.flag.option] = ""
	case t.flag.phrase || t.flag.option.IsFile():
		p.call.options[t.flag.option] = value
	case t.flag.bare && !isSwitch(value):
		p.report(problem{code: badSwitch, name: t.name, given: shorten(value, 30)})
	default:
		p.call.options[t.flag.option] = halfWidth(value)
	}
}

func isSwitch(value string) bool { return value == switchOn || value == switchOff }

// nextFree gives a flag that comes once more, without a number, the next one.
func (p *parser) nextFree(f flag) flag {
	for n := 1; f.many && n <= mostFiles; n++ {
		next := f.at(n)
		if _, used := p.call.options[next.option]; !used {
			return next
		}
	}
	return f
}

// mostRaw ends the reading of inputs where no model has as many.
const mostRaw = 99

// setRaw keeps one NAME=VALUE.
func (p *parser) setRaw(given string) {
	name, value, ok := strings.Cut(given, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	twice := slices.ContainsFunc(p.call.raw, func(r rawInput) bool { return r.name == name })
	switch {
	case !ok || name == "" || value == "" || len(p.call.raw) == mostRaw:
		p.report(problem{code: badInput, given: shorten(given, 30)})
	case twice:
		p.report(problem{code: repeatedFlag, name: "--set " + shorten(name, 30)})
	default:
		p.call.raw = append(p.call.raw, rawInput{name, value})
	}
}

func (p *parser) report(found problem) { p.call.problems = append(p.call.problems, found) }

// finish puts prompt and negative prompt together.
func (p *parser) finish() {
	p.call.prompt = p.prompt.join(p.text)
	if !p.call.verbatim {
		p.call.prompt = unquote(p.call.prompt)
	}
	if negative := unquote(p.negative.join(p.text)); negative != "" {
		if _, twice := p.call.options[catalog.NegativePrompt]; twice {
			f, _ := flagFor(catalog.NegativePrompt)
			p.report(problem{code: secondLine, name: f.String()})
		} else {
			p.call.options[catalog.NegativePrompt] = negative
		}
	}
	if p.call.prompt == "" && p.call.needsPrompt() {
		p.call.problems = append([]problem{{code: noPrompt}}, p.call.problems...)
	}
}

// needsPrompt says whether there is nothing to make without a prompt, whatever
// the model. Where something else was given, the model knows.
func (c call) needsPrompt() bool {
	given := len(c.raw) > 0 || c.options[catalog.EarlierTask] != ""
	for option := range c.options {
		given = given || option.IsFile()
	}
	return c.command.makes != "" && c.command.makes != anyKind && !given && c.command.from == nil
}

// nearestFlag names the flag that may be meant, one of the command's if possible.
func nearestFlag(name string, c command) []string {
	var mine, others []string
	for _, f := range flags {
		if c.has(f.option) {
			mine = append(mine, f.names...)
		} else {
			others = append(others, f.names...)
		}
	}
	for _, candidates := range [][]string{mine, others} {
		if near := catalog.Nearest(name, candidates, 1); len(near) == 1 {
			return []string{"--" + near[0]}
		}
	}
	return nil
}

// stretches are parts of a text. Words that follow each other are one
// stretch, so that the space between them stays as it was typed.
type stretches struct {
	spans [][2]int
	open  bool
}

func (s *stretches) add(start, end int) {
	if s.open {
		s.spans[len(s.spans)-1][1] = end
		return
	}
	s.spans = append(s.spans, [2]int{start, end})
	s.open = true
}

// seal ends a stretch: what comes next is a new one.
func (s *stretches) seal() { s.open = false }

func (s *stretches) empty() bool { return len(s.spans) == 0 }

func (s *stretches) join(text string) string {
	parts := make([]string, 0, len(s.spans))
	for _, span := range s.spans {
		if part := strings.TrimSpace(text[span[0]:span[1]]); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}
