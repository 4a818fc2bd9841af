package discordtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of "Application Commands", "Registering a Command" and "Application
// Command Limits".
const (
	maxSlash        = 100
	maxMenus        = 15
	maxCommandText  = 8000
	createsPerDay   = 200
	tooManyCommands = 30032
)

// Kinds of commands ("Application Command Types").
const (
	slashCommand   = 1
	userCommand    = 2
	messageCommand = 3
)

// Command is a registered command ("Application Command Structure").
type Command struct {
	ID                       string            `json:"id"`
	Type                     int               `json:"type"`
	ApplicationID            string            `json:"application_id"`
	GuildID                  string            `json:"guild_id,omitempty"`
	Name                     string            `json:"name"`
	NameLocalizations        map[string]string `json:"name_localizations,omitempty"`
	Description              string            `json:"description"`
	DescriptionLocalizations map[string]string `json:"description_localizations,omitempty"`
	Options                  []Parameter       `json:"options,omitempty"`
	DefaultMemberPermissions *string           `json:"default_member_permissions"`
	NSFW                     bool              `json:"nsfw"`
	Contexts                 []int             `json:"contexts"`
	IntegrationTypes         []int             `json:"integration_types,omitempty"`
	Version                  string            `json:"version"`
}

// Parameter is what a command, or a command below it, takes ("Application
// Command Option Structure").
type Parameter struct {
	Type                     int               `json:"type"`
	Name                     string            `json:"name"`
	NameLocalizations        map[string]string `json:"name_localizations,omitempty"`
	Description              string            `json:"description"`
	DescriptionLocalizations map[string]string `json:"description_localizations,omitempty"`
	Required                 bool              `json:"required,omitempty"`
	Choices                  []Choice          `json:"choices,omitempty"`
	Options                  []Parameter       `json:"options,omitempty"`
	ChannelTypes             []int             `json:"channel_types,omitempty"`
	MinValue                 *float64          `json:"min_value,omitempty"`
	MaxValue                 *float64          `json:"max_value,omitempty"`
	MinLength                *int              `json:"min_length,omitempty"`
	MaxLength                *int              `json:"max_length,omitempty"`
	Autocomplete             bool              `json:"autocomplete,omitempty"`
	FileTypes                []string          `json:"file_types,omitempty"`
}

// Choice is a value that can be picked ("Application Command Option Choice
// Structure").
type Choice struct {
	Name              string            `json:"name"`
	NameLocalizations map[string]string `json:"name_localizations,omitempty"`
	Value             any               `json:"value"`
}

// Kinds of options ("Application Command Option Type").
const (
	optSubcommand  = 1
	optGroup       = 2
	optString      = 3
	optInteger     = 4
	optBoolean     = 5
	optUser        = 6
	optChannel     = 7
	optRole        = 8
	optMentionable = 9
	optNumber      = 10
	optAttachment  = 11
)

// registry holds the commands by guild, with "" for everywhere, in the order in
// which they were registered.
type registry struct {
	commands map[string][]*Command
	created  map[string][]time.Time
}

func newRegistry() registry {
	return registry{commands: map[string][]*Command{}, created: map[string][]time.Time{}}
}

// Commands returns what is registered for a guild, or with "" everywhere.
func (s *Server) Commands(guild string) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Command
	for _, c := range s.registry.commands[guild] {
		all = append(all, *c)
	}
	return all
}

// scope is the guild in the path, "" for everywhere.
func (s *Server) scope(c *call) (string, error) {
	if _, has := c.params["guild"]; !has {
		return "", nil
	}
	g, err := s.findGuild(c)
	if err != nil {
		return "", err
	}
	return g.id, nil
}

// told is a command as the service tells it: texts in other languages only to
// who asks for them.
func told(c *call, cmd *Command, always bool) Command {
	out := *cmd
	if !always && !c.wants("with_localizations") {
		out.NameLocalizations, out.DescriptionLocalizations = nil, nil
		out.Options = withoutLocales(cmd.Options)
	}
	return out
}

func withoutLocales(options []Parameter) []Parameter {
	out := slices.Clone(options)
	for i := range out {
		out[i].NameLocalizations, out[i].DescriptionLocalizations = nil, nil
		out[i].Options = withoutLocales(out[i].Options)
		out[i].Choices = slices.Clone(out[i].Choices)
		for j := range out[i].Choices {
			out[i].Choices[j].NameLocalizations = nil
		}
	}
	return out
}

// getCommands follows "Get Global Application Commands".
func (s *Server) getCommands(c *call) (any, error) {
	guild, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	list := []Command{}
	for _, cmd := range s.registry.commands[guild] {
		list = append(list, told(c, cmd, false))
	}
	return list, nil
}

// putCommands follows "Bulk Overwrite Global Application Commands": what is not
// listed is gone. A command that had this name keeps its id.
func (s *Server) putCommands(c *call) (any, error) {
	guild, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	var list []Command
	if err := c.decode(&list); err != nil {
		return nil, err
	}
	var p problems
	for i := range list {
		checkCommand(&p, []string{strconv.Itoa(i)}, &list[i])
	}
	if err := cmp.Or(p.err(), countCommands(list)); err != nil {
		return nil, err
	}
	return s.register(c, guild, list)
}

func (s *Server) register(c *call, guild string, list []Command) (any, error) {
	var kept []*Command
	out := []Command{}
	fresh := 0
	for i := range list {
		cmd := &list[i]
		if old := s.registered(guild, cmd.Name, cmd.Type); old != nil {
			cmd.ID = old.ID
		} else {
			cmd.ID = ""
			fresh++
		}
		kept = append(kept, cmd)
	}
	if err := s.spend(guild, fresh); err != nil {
		return nil, err
	}
	for _, cmd := range kept {
		s.settle(guild, cmd)
		out = append(out, told(c, cmd, true))
	}
	s.registry.commands[guild] = kept
	return out, nil
}

// settle fills in what the service says of a command beside what it was told.
func (s *Server) settle(guild string, cmd *Command) {
	cmd.ID = cmp.Or(cmd.ID, s.newID())
	cmd.ApplicationID, cmd.GuildID, cmd.Version = s.cfg.ApplicationID, guild, s.newID()
	if cmd.IntegrationTypes == nil {
		cmd.IntegrationTypes = []int{0}
	}
}

// spend counts commands that are new: 200 a day in each guild.
func (s *Server) spend(guild string, fresh int) error {
	made, now := s.registry.created[guild], s.now()
	made = slices.DeleteFunc(made, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	if len(made)+fresh > createsPerDay {
		return badRequest(30034, "Max number of daily application command creates has been reached (200)")
	}
	for range fresh {
		made = append(made, now)
	}
	s.registry.created[guild] = made
	return nil
}

func (s *Server) registered(guild, name string, kind int) *Command {
	for _, cmd := range s.registry.commands[guild] {
		if cmd.Name == name && cmd.Type == kind {
			return cmd
		}
	}
	return nil
}

// postCommand follows "Create Global Application Command": one of the same name
// is replaced.
func (s *Server) postCommand(c *call) (any, error) {
	guild, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	cmd := Command{}
	if err := c.decode(&cmd); err != nil {
		return nil, err
	}
	var p problems
	checkCommand(&p, nil, &cmd)
	if p.err() != nil {
		return nil, p.err()
	}
	list := []Command{}
	status := http.StatusCreated
	for _, other := range s.registry.commands[guild] {
		if other.Name == cmd.Name && other.Type == cmd.Type {
			status = http.StatusOK
			continue
		}
		list = append(list, *other)
	}
	list = append(list, cmd)
	if err := countCommands(list); err != nil {
		return nil, err
	}
	if _, err := s.register(c, guild, list); err != nil {
		return nil, err
	}
	return created{status, told(c, s.registered(guild, cmd.Name, cmd.Type), true)}, nil
}

// findCommand is the command in the path.
func (s *Server) findCommand(c *call) (string, *Command, error) {
	guild, err := s.scope(c)
	if err != nil {
		return "", nil, err
	}
	for _, cmd := range s.registry.commands[guild] {
		if cmd.ID == c.params["command"] {
			return guild, cmd, nil
		}
	}
	return "", nil, unknown(10063, "application command")
}

// getCommand follows "Get Global Application Command".
func (s *Server) getCommand(c *call) (any, error) {
	_, cmd, err := s.findCommand(c)
	if err != nil {
		return nil, err
	}
	return told(c, cmd, true), nil
}

// patchCommand follows "Edit Global Application Command".
func (s *Server) patchCommand(c *call) (any, error) {
	guild, cmd, err := s.findCommand(c)
	if err != nil {
		return nil, err
	}
	changed := *cmd
	if _, given := c.body.(map[string]any)["options"]; given {
		changed.Options = nil // replaced, not merged
	}
	if err := c.decode(&changed); err != nil {
		return nil, err
	}
	changed.ID, changed.Type = cmd.ID, cmd.Type
	var p problems
	checkCommand(&p, nil, &changed)
	if p.err() != nil {
		return nil, p.err()
	}
	s.settle(guild, &changed)
	*cmd = changed
	return told(c, cmd, true), nil
}

// deleteCommand follows "Delete Global Application Command".
func (s *Server) deleteCommand(c *call) (any, error) {
	guild, cmd, err := s.findCommand(c)
	if err != nil {
		return nil, err
	}
	s.registry.commands[guild] = slices.DeleteFunc(s.registry.commands[guild], func(other *Command) bool { return other == cmd })
	return nil, nil
}

// countCommands: 100 slash commands, 15 of each menu, each name once.
func countCommands(list []Command) error {
	counts, names := map[int]int{}, map[string]bool{}
	var p problems
	for i, cmd := range list {
		counts[cmd.Type]++
		name := strconv.Itoa(cmd.Type) + cmd.Name
		if names[name] {
			p.add([]string{strconv.Itoa(i), "name"}, "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
		}
		names[name] = true
	}
	for kind, most := range map[int]int{slashCommand: maxSlash, userCommand: maxMenus, messageCommand: maxMenus} {
		if counts[kind] > most {
			return badRequest(tooManyCommands, fmt.Sprintf("Maximum number of application commands reached (%d).", most))
		}
	}
	return p.err()
}

var commandName = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]{1,32}$`)

// checkCommand follows "Application Command Naming" and the notes of
// "Application Command Structure".
func checkCommand(p *problems, path []string, cmd *Command) {
	cmd.Type = cmp.Or(cmd.Type, slashCommand)
	if cmd.Type != slashCommand {
		if cmd.Description != "" {
			p.add(at(path, "description"), "APPLICATION_COMMAND_INVALID_DESCRIPTION", "Context menu commands cannot have a description")
		}
		if len(cmd.Options) > 0 {
			p.add(at(path, "options"), "APPLICATION_COMMAND_INVALID_OPTIONS", "Context menu commands cannot have options")
		}
		return
	}
	checkName(p, path, cmd.Name, cmd.NameLocalizations)
	if cmd.Description == "" {
		p.add(at(path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
	}
	checkParameters(p, at(path, "options"), cmd.Options, optGroup)
	if n := commandText(cmd); n > maxCommandText {
		p.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (%d)", maxCommandText)
	}
}

func checkName(p *problems, path []string, name string, locales map[string]string) {
	const code, text = "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"
	if !validName(name) {
		p.add(at(path, "name"), code, text)
	}
	for _, locale := range slices.Sorted(maps.Keys(locales)) {
		if !validName(locales[locale]) {
			p.add(at(at(path, "name_localizations"), locale), code, text)
		}
	}
}

// validName: letters have to be lower-case where there are such.
func validName(name string) bool {
	return commandName.MatchString(name) && strings.ToLower(name) == name
}

// commandText counts names, descriptions and values, of each text the longest
// language.
func commandText(cmd *Command) int {
	return longest(cmd.Name, cmd.NameLocalizations) + longest(cmd.Description, cmd.DescriptionLocalizations) + parametersText(cmd.Options)
}

func parametersText(options []Parameter) int {
	n := 0
	for _, o := range options {
		n += longest(o.Name, o.NameLocalizations) + longest(o.Description, o.DescriptionLocalizations) + parametersText(o.Options)
		for _, choice := range o.Choices {
			n += longest(choice.Name, choice.NameLocalizations) + utf8.RuneCountInString(fmt.Sprint(choice.Value))
		}
	}
	return n
}

func longest(text string, locales map[string]string) int {
	n := utf8.RuneCountInString(text)
	for _, other := range locales {
		n = max(n, utf8.RuneCountInString(other))
	}
	return n
}
