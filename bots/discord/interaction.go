package discord

import (
	"encoding/json"
	"strconv"
	"time"

	"kiebot/core"
)

// The types of interactions (Discord docs, "Interaction Type").
const (
	typePing      = 1
	typeCommand   = 2
	typeComponent = 3
	typeComplete  = 4
	typeModal     = 5
)

// The types of application commands.
const (
	commandSlash   = 1
	commandUser    = 2
	commandMessage = 3
)

// interaction is what Discord sends when a person uses a command, a button or a
// form, the part of it that we read. discordgo's type lacks some of it and
// panics on options of another type than it expects.
type interaction struct {
	ID          string  `json:"id"`
	Application string  `json:"application_id"`
	Type        int     `json:"type"`
	Token       string  `json:"token"`
	Guild       string  `json:"guild_id"`
	ChannelID   string  `json:"channel_id"`
	Channel     channel `json:"channel"`
	Member      *member `json:"member"`
	User        *user   `json:"user"` // in a direct message
	Locale      string  `json:"locale"`
	// Permissions are the application's in the channel.
	Permissions string `json:"app_permissions"`
	// Owners say how the application came here: "0" by a guild, "1" by a person.
	Owners    map[string]string `json:"authorizing_integration_owners"`
	FileLimit int64             `json:"attachment_size_limit"`
	Message   *message          `json:"message"` // the one whose button was pressed
	Data      data              `json:"data"`
}

type channel struct {
	ID     string `json:"id"`
	Type   int    `json:"type"`
	Parent string `json:"parent_id"` // of a thread, the channel it is in; of a channel, its category
	NSFW   bool   `json:"nsfw"`      // age-restricted; a thread is as its channel is
}

// The types of channels that are threads (Discord docs, "Channel Types").
const (
	threadsFrom = 10
	threadsTo   = 12
)

func (c channel) thread() bool { return c.Type >= threadsFrom && c.Type <= threadsTo }

type user struct {
	ID     string `json:"id"`
	Name   string `json:"username"`
	Global string `json:"global_name"`
	Avatar string `json:"avatar"` // the hash of their picture; empty without one
}

type member struct {
	User        user     `json:"user"`
	Nick        string   `json:"nick"`
	Roles       []string `json:"roles"`
	Permissions string   `json:"permissions"`
}

// data is what was used: a command with its options, a button, or a form.
type data struct {
	Name       string      `json:"name"`
	Type       int         `json:"type"`
	Options    []option    `json:"options"`
	Resolved   resolved    `json:"resolved"`
	Target     string      `json:"target_id"`
	CustomID   string      `json:"custom_id"`
	Components []component `json:"components"`
}

type option struct {
	Name    string          `json:"name"`
	Type    int             `json:"type"`
	Value   json.RawMessage `json:"value"`
	Focused bool            `json:"focused"`
}

type resolved struct {
	Users       map[string]user       `json:"users"`
	Attachments map[string]attachment `json:"attachments"`
	Messages    map[string]message    `json:"messages"`
}

// attachment is a file that a person gave, or one of a message.
type attachment struct {
	ID   string `json:"id"`
	Name string `json:"filename"`
	Type string `json:"content_type"`
	Size int64  `json:"size"`
	URL  string `json:"url"`
}

// message is one that Discord shows: in an interaction, or as an answer of ours.
type message struct {
	ID          string       `json:"id"`
	ChannelID   string       `json:"channel_id"`
	Flags       int          `json:"flags"`
	Attachments []attachment `json:"attachments"`
	Components  []component  `json:"components"`
}

// component is a button, a field of a form, or what holds some.
type component struct {
	Type       int         `json:"type"`
	CustomID   string      `json:"custom_id"`
	Value      string      `json:"value"`
	Values     []string    `json:"values"`
	Components []component `json:"components"`
	Component  *component  `json:"component"`
}

// each calls do for the components and all that is in them.
func each(all []component, do func(component)) {
	for _, c := range all {
		do(c)
		each(c.Components, do)
		if c.Component != nil {
			each([]component{*c.Component}, do)
		}
	}
}

// person is who used it.
func (i *interaction) person() user {
	switch {
	case i.Member != nil:
		return i.Member.User
	case i.User != nil:
		return *i.User
	}
	return user{}
}

// lane is where deliveries of what it asks for are shown.
func (i *interaction) lane() core.Lane { return core.NewLane(Platform, i.ChannelID) }

// name is what the person is called there.
func (i *interaction) name() string {
	u := i.person()
	for _, name := range []string{i.nick(), u.Global, u.Name} {
		if name != "" {
			return name
		}
	}
	return ""
}

func (i *interaction) nick() string {
	if i.Member == nil {
		return ""
	}
	return i.Member.Nick
}

// direct says whether it happened in the bot's own conversation with the person.
func (i *interaction) direct() bool { return i.Channel.Type == channelDM && i.Owners["0"] == "0" }

const channelDM = 1

// text is the option as text, whatever Discord made of it; empty when it was
// not given.
func (o option) text() string {
	var s string
	if json.Unmarshal(o.Value, &s) == nil {
		return s
	}
	return string(o.Value)
}

// permissions is a set of bits that comes as a decimal number; none when it is none.
func permissions(decimal string) int64 {
	bits, err := strconv.ParseInt(decimal, 10, 64)
	if err != nil {
		return 0
	}
	return bits
}

// The permissions that we look at (Discord docs, "Permissions").
const (
	mayAdminister = 1 << 3
	mayManage     = 1 << 5 // the guild
	mayView       = 1 << 10
	maySend       = 1 << 11
	mayAttach     = 1 << 15
	maySendThread = 1 << 38
)

// discordEpoch is when Discord's ids begin to count milliseconds.
const discordEpoch = 1420070400000

// madeAt is when the id was given out (Discord docs, "Snowflakes"); zero when
// it is no id.
func madeAt(id string) time.Time {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(n>>22) + discordEpoch)
}
