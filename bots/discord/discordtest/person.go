package discordtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Person is somebody who uses the bot. What a person does in their direct
// messages with the bot is done by the methods of the Speaker inside.
type Person struct {
	Speaker
	user      User
	locale    string
	nitro     bool
	installed bool // the app, for themselves
	closed    bool // direct messages from bots
	private   *Channel
	portrait  *file // nil without one
}

// PersonOption says something about a person.
type PersonOption func(*Person)

// Locale is the language of the person's client, such as "ru". It is "en-US"
// when nothing is said.
func Locale(locale string) PersonOption { return func(p *Person) { p.locale = locale } }

// Nitro lets the person's interactions promise files of 500 MiB, of which the
// service takes 200.
func Nitro() PersonOption { return func(p *Person) { p.nitro = true } }

// Portrait is the person's profile picture, a PNG.
func Portrait(data []byte) PersonOption {
	return func(p *Person) {
		hash := fmt.Sprintf("%.16x", sha256.Sum256(data))
		p.user.Avatar, p.portrait = &hash, &file{Attachment: Attachment{ContentType: "image/png"}, data: data}
	}
}

// ID is the person's id.
func ID(id string) PersonOption { return func(p *Person) { p.user.ID = id } }

// Person returns a new person with their direct messages.
func (s *Server) Person(name string, options ...PersonOption) *Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &Person{user: User{ID: s.newID(), Username: strings.ToLower(name), GlobalName: name, Discriminator: "0"}, locale: "en-US"}
	for _, option := range options {
		option(p)
	}
	p.private = s.channel(s.newRoom(room{name: "@" + p.user.Username, kind: kindDM, people: []*Person{p}}))
	v := &View{s: s, room: p.private.room, person: p}
	p.private.views[p] = v
	p.Speaker = Speaker{View: v}
	s.people[p.user.ID] = p
	return p
}

// User is what the bot is told of the person.
func (p *Person) User() User { return p.user }

// ID is the person's id.
func (p *Person) ID() string { return p.user.ID }

// Private is the person's direct messages with the bot.
func (p *Person) Private() *Channel { return p.private }

// Installs adds the app to the person's account, so that they can use it
// everywhere ("Installation Context").
func (p *Person) Installs() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.installed = true
}

// ClosesMessages takes no direct messages of the bot from now on.
func (p *Person) ClosesMessages() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.closed = true
}

// known says whether the bot can reach the person: they share a guild, or the
// person installed the app.
func (p *Person) known() bool {
	return p.installed || slices.ContainsFunc(p.s.guilds, func(g *Guild) bool { return g.hasBot && g.members[p.user.ID] != nil })
}

// Speaker is a person in a channel.
type Speaker struct{ *View }

// Writes posts a message, which bots are not told of. It panics when a client
// could not send it.
func (k Speaker) Writes(text string, files ...Value) Message {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if text == "" && len(files) == 0 || len([]rune(text)) > 2000 && !k.person.nitro {
		panic("discordtest: nobody can send a message that is empty or too long")
	}
	m := &Message{Author: k.person.user, Content: text, Mentions: []User{}, MentionRoles: []string{}, Embeds: []Embed{}, Components: []Component{}}
	if k.room.guild != nil {
		m.GuildID = k.room.guild.id
	}
	for _, f := range files {
		m.Attachments = append(m.Attachments, k.s.keep(k.room, f.file.name, f.file.kind, f.file.data, false).Attachment)
	}
	return *k.s.add(k.room, m)
}

// Deletes removes a message: one's own, or any when one may.
func (k Speaker) Deletes(m Message) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if m := k.room.live(m.ID); m != nil {
		k.s.remove(k.room, m)
	}
}

// Value is what a person gives an option of a command or a field of a modal.
type Value struct {
	name  string
	value any
	file  *upload
}

// Set gives an option of a command, or in a modal the field with this
// custom_id, a value: a string, a number, a bool, a *Person or a *Channel. A
// role is given by its id. A menu takes a []string.
func Set(name string, value any) Value { return Value{name: name, value: value} }

// Attach gives an option or field a file.
func Attach(name, filename string, data []byte) Value {
	return Value{name: name, file: &upload{name: filename, data: data}}
}

// Types runs a slash command, such as "/imagine" or "/admin allow", with
// options. Like a client it panics when there is no such command here, a
// required option is missing, or a value is not one that can be typed.
func (k Speaker) Types(command string, values ...Value) *Interaction {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	return k.run(kindCommand, command, "", values)
}

// Completes types into an option that is completed, and asks the bot for
// choices: see Interaction.Choices. The other options were given before.
func (k Speaker) Completes(command, option, typed string, values ...Value) *Interaction {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	return k.run(kindAutocomplete, command, option, append(values[:len(values):len(values)], Set(option, typed)))
}

// Picks types into an option that is completed and picks the first choice that
// the bot gives. It fails the test when there is none.
func (k Speaker) Picks(t T, command, option, typed string, values ...Value) Value {
	t.Helper()
	choices := k.Completes(command, option, typed, values...).Choices(t)
	if len(choices) == 0 {
		t.Fatalf("discordtest: nothing to pick for %q", typed)
	}
	return Set(option, choices[0].Value)
}

// UsesOn runs a message command, such as "Edit image", on a message.
func (k Speaker) UsesOn(m Message, command string) *Interaction {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	cmd := k.find(command, messageCommand)
	now := k.room.live(m.ID)
	if now == nil || !k.shows(now) {
		panic("discordtest: the message is not there: " + m.String())
	}
	return k.start(&Interaction{Kind: kindCommand, command: cmd, Name: cmd.Name}, map[string]any{
		"id": cmd.ID, "name": cmd.Name, "type": cmd.Type, "target_id": m.ID,
		"resolved": map[string]any{"messages": map[string]any{m.ID: k.s.show(now)}},
	})
}

// UsesOnPerson runs a user command on somebody.
func (k Speaker) UsesOnPerson(p *Person, command string) *Interaction {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	cmd := k.find(command, userCommand)
	data := map[string]any{"id": cmd.ID, "name": cmd.Name, "type": cmd.Type, "target_id": p.user.ID}
	res := resolved{}
	k.resolvePerson(res, p)
	data["resolved"] = res
	return k.start(&Interaction{Kind: kindCommand, command: cmd, Name: cmd.Name}, data)
}

// Sends sends an interaction of any kind ("Interaction Type", or a number that
// is none) with data of the person's own making: options of a wrong type, a
// command that is not registered, a kind of interaction that is new.
func (k Speaker) Sends(kind int, data map[string]any) *Interaction {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	command := &Command{Type: slashCommand, IntegrationTypes: []int{0, 1}}
	return k.start(&Interaction{Kind: kind, Name: fmt.Sprint(data["name"]), command: command}, data)
}

// run starts a slash command or a completion of one. It wants s.mu.
func (k Speaker) run(kind int, command, focused string, values []Value) *Interaction {
	words := strings.Fields(strings.TrimPrefix(command, "/"))
	cmd := k.find(words[0], slashCommand)
	params, wrap := k.below(cmd, words[1:])
	res := resolved{}
	options := k.options(params, values, focused, res)
	if kind == kindCommand {
		complete(params, values, command)
	}
	data := map[string]any{"id": cmd.ID, "name": cmd.Name, "type": cmd.Type, "options": wrap(options)}
	if cmd.GuildID != "" {
		data["guild_id"] = cmd.GuildID
	}
	if len(res) > 0 {
		data["resolved"] = res
	}
	return k.start(&Interaction{Kind: kind, command: cmd, Name: strings.Join(words, " ")}, data)
}

// below finds the options of a command or one below it, and how they are
// nested in the interaction's data.
func (k Speaker) below(cmd *Command, words []string) ([]Parameter, func([]any) []any) {
	params, wrap := cmd.Options, func(options []any) []any { return options }
	for _, word := range words {
		i := k.named(params, word)
		if i < 0 || params[i].Type > optGroup {
			panic(fmt.Sprintf("discordtest: the command /%s has no %q", cmd.Name, word))
		}
		outer, name, kind := wrap, params[i].Name, params[i].Type
		wrap = func(options []any) []any {
			return outer([]any{map[string]any{"name": name, "type": kind, "options": options}})
		}
		params = params[i].Options
	}
	if len(params) > 0 && params[0].Type <= optGroup {
		panic(fmt.Sprintf("discordtest: /%s only runs with a command below it", cmd.Name))
	}
	return params, wrap
}

func (k Speaker) named(params []Parameter, name string) int {
	for i, p := range params {
		if p.Name == name || p.NameLocalizations[k.person.locale] == name {
			return i
		}
	}
	return -1
}

// find is the command of this name and kind that the person's client offers
// here: the guild's own first. It panics when there is none.
func (k Speaker) find(name string, kind int) *Command {
	var scopes []string
	if k.room.guild != nil {
		scopes = append(scopes, k.room.guild.id)
	}
	for _, scope := range append(scopes, "") {
		for _, cmd := range k.s.registry.commands[scope] {
			if (cmd.Name == name || cmd.NameLocalizations[k.person.locale] == name) && cmd.Type == kind && k.offers(cmd) {
				return cmd
			}
		}
	}
	panic(fmt.Sprintf("discordtest: %s is not offered a command %q of type %d in %s", k.person.user.Username, name, kind, k.room.name))
}

// offers says whether a client shows a command here ("Interaction Contexts",
// "Installation Context", nsfw and default_member_permissions).
func (k Speaker) offers(cmd *Command) bool {
	r := k.room
	switch {
	case len(k.owners(cmd)) == 0, cmd.Contexts != nil && !slices.Contains(cmd.Contexts, r.context()):
		return false
	case cmd.NSFW && r.guild != nil && !r.restricted():
		return false
	case cmd.DefaultMemberPermissions == nil || r.guild == nil:
		return true
	}
	m, needed := k.member(), intID(*cmd.DefaultMemberPermissions)
	return m.permissions&PermAdministrator != 0 || needed != 0 && m.permissions&needed == needed
}

// member is the person in the guild. It panics when they are not there.
func (k Speaker) member() *member {
	m := k.room.guild.members[k.person.user.ID]
	if m == nil {
		panic(fmt.Sprintf("discordtest: %s is no member of %s", k.person.user.Username, k.room.guild.name))
	}
	return m
}

// restricted says whether a room, or that of a thread, is age-restricted.
func (r *room) restricted() bool { return r.nsfw || r.parent != nil && r.parent.nsfw }

// context is "Interaction Context Types".
func (r *room) context() int {
	switch {
	case r.guild != nil:
		return 0
	case r.kind == kindDM:
		return 1
	}
	return 2
}

// owners is authorizing_integration_owners: who installed what makes the
// command usable here.
func (k Speaker) owners(cmd *Command) map[string]string {
	owners, r := map[string]string{}, k.room
	kinds := cmd.IntegrationTypes
	if cmd.GuildID != "" {
		kinds = []int{0}
	}
	switch {
	case !slices.Contains(kinds, 0):
	case r.guild != nil && r.guild.hasBot:
		owners["0"] = r.guild.id
	case r.kind == kindDM && k.person.known():
		owners["0"] = "0"
	}
	if slices.Contains(kinds, 1) && k.person.installed {
		owners["1"] = k.person.user.ID
	}
	return owners
}

// limitFor is attachment_size_limit: the larger of what the guild's boosts and
// the person's Nitro give.
func (k Speaker) limitFor() int {
	nitro := 0
	if k.person.nitro {
		nitro = 500 << 20
	}
	return max(nitro, k.room.guild.limit())
}
