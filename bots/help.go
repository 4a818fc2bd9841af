package bots

import (
	"context"
	"strings"

	"kiebot/core/media"
	"kiebot/kie/catalog"
)

// Command is a row of the command table, for a platform that shows a menu or
// has a field for every option.
type Command struct {
	Name     string
	Label    string // the name in the language, one lower case word
	Aliases  []string
	Title    string // what it does, one line
	Audience Audience
	Argument string       // what is typed after it, one line; empty when that is nothing
	Makes    bool         // it starts something, which may cost credits
	From     []media.Kind // the kinds of earlier results that it works from; none when from words
	Fields   []Field
}

// Audience is who a platform's menu offers a command. Whoever types it gets an
// answer all the same, so that nothing depends on it.
type Audience string

// The audiences. Where a person is alone with the bot, they are offered everything.
const (
	ForAll    Audience = ""
	ForAdmins Audience = "admins" // in a chat with others, its admins
	ForOne    Audience = "one"    // in a chat with others, nobody: what it says is for one person alone
	// ForOperators is for who runs the bot, and for the admins of a chat: where
	// a platform can show it to them and to no others.
	ForOperators Audience = "operators"
)

// Commands lists the commands in the order in which to show them.
func (b *Bot) Commands(locale string) []Command {
	v := b.voice(locale)
	var all []Command
	for _, c := range commands() {
		if b.has(c) {
			all = append(all, v.form(c))
		}
	}
	return all
}

// HasCommand says whether there is a command of that name, in any case.
func (b *Bot) HasCommand(name string) bool {
	_, ok := b.command(name)
	return ok
}

// help answers /help and /help COMMAND.
func (b *Bot) help(_ context.Context, s session) Reply {
	name := strings.TrimPrefix(strings.TrimSpace(s.call.prompt), "/")
	if name == "" {
		return b.welcome(s.voice)
	}
	c, ok := b.command(name)
	if !ok {
		return s.refuse([]string{s.problem(command{}, noSuchCommand(name))})
	}
	return s.commandHelp(c)
}

// welcome is the text for somebody who is here for the first time.
func (b *Bot) welcome(v voice) Reply {
	reply := Reply{Text: v.say("help.welcome", args{"Example": v.say("example."+plainCommand, nil)})}
	for _, c := range b.told() {
		reply.Items = append(reply.Items, Item{Title: "/" + c.name, Detail: v.say("command."+c.name, nil), Insert: "/" + c.name + " "})
	}
	return reply
}

// commandHelp explains one command with all that can be typed with it.
func (v voice) commandHelp(c command) Reply {
	lines := []string{"/" + c.name + ": " + v.say("command."+c.name, nil)}
	for _, alias := range c.aliases {
		lines = append(lines, v.say("help.alias", args{"Name": "/" + alias}))
	}
	lines = append(lines, v.say("help.example", args{"Example": v.say("example."+c.name, nil)}))
	if c.secondLine() {
		lines = append(lines, v.say("help.second_line", nil))
	}
	if c.has(catalog.ImageFile) || c.has(catalog.AudioFile) {
		lines = append(lines, v.say("help.files", nil))
	}
	if c.makes != "" {
		lines = append(lines, v.say("help.writing", nil))
	}
	reply := Reply{Text: strings.Join(lines, "\n")}
	for _, option := range c.takes {
		if f, ok := flagFor(option); ok {
			reply.Items = append(reply.Items, Item{Title: strings.TrimSpace(f.String() + " " + f.sample), Detail: v.say(f.text(), nil)})
		}
	}
	return reply
}
