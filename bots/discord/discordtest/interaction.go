package discordtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of interactions ("Interaction Type").
const (
	kindPing         = 1
	kindCommand      = 2
	kindComponent    = 3
	kindAutocomplete = 4
	kindModal        = 5
)

// Lives of an interaction ("Receiving and Responding", "Followup Messages").
const (
	answerLife = 3 * time.Second
	tokenLife  = 15 * time.Minute
)

// original names the message that answers an interaction in paths.
const original = "@original"

// nitroTakes is what the service really takes of the 500 MiB it promises.
const nitroTakes = 200 << 20

// Interaction is one thing a person did with the bot: a command, a completion,
// a press, a choice or a form.
type Interaction struct {
	ID    string
	Token string
	Kind  int    // 2 command, 3 button or menu, 4 completion, 5 form
	Name  string // of the command, or the custom_id

	s       *Server
	room    *room
	person  *Person
	command *Command
	source  string // id of the message whose component it was
	owners  map[string]string
	payload json.RawMessage
	created time.Time
	limit   int
	hidden  bool // every answer is ephemeral
	timer   *time.Timer
	sent    *signed // how it was posted to the endpoint

	answer    *Answer
	message   string // id of @original
	followups int
	expired   bool
}

// Answer is the bot's first answer to an interaction.
type Answer struct {
	Type    int           // "Interaction Callback Type"
	After   time.Duration // on the configured clock
	Choices []Choice      // of a completion
	Modal   *Modal        // of type 9
}

// Deferred says that the answer is only the promise of one.
func (a Answer) Deferred() bool { return a.Type == deferMessage || a.Type == deferUpdate }

// start makes an interaction of the person's here and sends it to the bot. It
// wants s.mu.
func (k Speaker) start(in *Interaction, data map[string]any) *Interaction {
	s := k.s
	if k.room.deleted || k.room.kind == kindForum {
		panic("discordtest: nobody can do anything in " + k.room.name)
	}
	in.s, in.room, in.person, in.created = s, k.room, k.person, s.now()
	in.ID = s.newID()
	in.Token = "aW50ZXJhY3Rpb246" + s.secret(160)
	in.limit = k.limitFor()
	if in.command != nil {
		in.owners = k.owners(in.command)
	}
	in.hidden = k.guarded(in.owners)
	in.payload = k.payload(in, data)
	in.timer = time.AfterFunc(answerLife, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.touch()
	})
	s.interactions[in.ID], s.tokens[in.Token] = in, in
	s.dispatch(in)
	s.touch()
	return in
}

// guarded says whether every answer is ephemeral: the app is here only because
// the person installed it, and they may not use it before others.
func (k Speaker) guarded(owners map[string]string) bool {
	if k.room.guild == nil || owners["0"] != "" {
		return false
	}
	return k.member().permissions&PermUseExternalApps == 0
}

// payload is "Interaction Structure". It wants s.mu.
func (k Speaker) payload(in *Interaction, data map[string]any) json.RawMessage {
	s, r, g := k.s, k.room, k.room.guild
	out := map[string]any{
		"id": in.ID, "application_id": s.cfg.ApplicationID, "type": in.Kind, "data": data, "token": in.Token, "version": 1,
		"channel_id": r.id, "channel": r.partial(k), "locale": in.person.locale, "entitlements": []any{},
		"app_permissions": strconv.FormatInt(r.permissions(), 10), "authorizing_integration_owners": in.owners,
		"context": r.context(), "attachment_size_limit": in.limit,
	}
	if g == nil {
		out["user"] = in.person.user
	} else {
		m := k.member()
		member := g.memberJSON(m, true)
		member["permissions"] = strconv.FormatInt(m.permissions, 10)
		out["member"], out["guild_id"], out["guild_locale"] = member, g.id, g.locale
		out["guild"] = map[string]any{"id": g.id, "locale": g.locale, "features": []string{}}
	}
	if m := r.find(in.source); m != nil {
		out["message"] = s.show(m)
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(fmt.Sprintf("discordtest: an interaction that is no JSON: %v", err))
	}
	return text
}

// Payload is the interaction as the bot got it.
func (in *Interaction) Payload() []byte { return in.payload }

// Answer waits for the bot's first answer.
func (in *Interaction) Answer(t T) Answer {
	t.Helper()
	in.s.wait(t, func() bool { return in.answer != nil }, func() string { return in.String() + " was not answered" })
	return *in.answer
}

// Answered returns the first answer, if there is one.
func (in *Interaction) Answered() (Answer, bool) {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	if in.answer == nil {
		return Answer{}, false
	}
	return *in.answer, true
}

// Failed waits until the person is told "The application did not respond", and
// fails the test when the bot answers before.
func (in *Interaction) Failed(t T) {
	t.Helper()
	in.s.wait(t, func() bool { return in.answer != nil || in.late() }, func() string { return in.String() + " is not late yet" })
	if answer, is := in.Answered(); is {
		t.Fatalf("discordtest: %v was answered with type %d", in, answer.Type)
	}
}

// late says that nobody may answer any more. It wants s.mu.
func (in *Interaction) late() bool {
	return in.answer == nil && in.s.now().Sub(in.created) >= answerLife
}

// Choices waits for the choices the bot gives to a completion.
func (in *Interaction) Choices(t T) []Choice {
	t.Helper()
	return in.Answer(t).Choices
}

// Modal waits for the form that the bot opens.
func (in *Interaction) Modal(t T) *Modal {
	t.Helper()
	answer := in.Answer(t)
	if answer.Modal == nil {
		t.Fatalf("discordtest: %v was answered with type %d, not with a form", in, answer.Type)
	}
	return answer.Modal
}

// Original waits for the message that answers the interaction, deferred or
// not: the new one, or the one whose button it was.
func (in *Interaction) Original(t T) Message {
	t.Helper()
	var found Message
	in.s.wait(t, func() bool {
		m := in.room.find(in.message)
		if m != nil {
			found = *m
		}
		return m != nil
	}, func() string { return in.String() + " has no message" })
	return found
}

// Becomes waits until the message that answers the interaction matches.
func (in *Interaction) Becomes(t T, match func(Message) bool) Message {
	t.Helper()
	return in.s.Becomes(t, in.Original(t), match)
}

// Expire ends the life of the interaction's token now.
func (in *Interaction) Expire() {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.expired = true
}

// Redeliver sends the interaction to the bot again, to the letter, over the
// gateway or with the same signature and time to the endpoint.
func (in *Interaction) Redeliver() {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.s.dispatch(in)
}

// String names the interaction.
func (in *Interaction) String() string {
	kind := map[int]string{kindCommand: "the command", kindComponent: "the press of", kindAutocomplete: "the completion of", kindModal: "the form"}[in.Kind]
	return kind + " " + in.Name
}

// Unanswered returns the interactions that the bot never answered, oldest
// first.
func (s *Server) Unanswered() []*Interaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*Interaction
	for _, in := range s.interactions {
		if in.answer == nil {
			left = append(left, in)
		}
	}
	slices.SortFunc(left, func(a, b *Interaction) int { return strings.Compare(a.ID, b.ID) })
	return left
}

// Presses presses the button of a message, as the message is now, whose text
// is label or contains it. It panics when there is none that calls the bot.
func (p *Person) Presses(m Message, label string) *Interaction {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.rooms[m.ChannelID].find(m.ID)
	b, has := now.Button(label)
	if !has || b.CustomID == "" || b.Disabled || now.Deleted || now.For != "" && now.For != p.user.ID {
		panic(fmt.Sprintf("discordtest: no button %q to press at %s", label, now))
	}
	return p.press(now, b.Type, b.CustomID, nil)
}

// PressesStale presses a button as it was when m was read, whatever became of
// the message since, as a client with a slow connection does.
func (p *Person) PressesStale(m Message, label string) *Interaction {
	b, has := m.Button(label)
	if !has || b.CustomID == "" {
		panic(fmt.Sprintf("discordtest: no button %q to press at %s", label, m))
	}
	return p.Forges(m, b.CustomID)
}

// Forges sends a press of a button with a custom_id of the person's own making.
func (p *Person) Forges(m Message, customID string) *Interaction {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.press(p.s.rooms[m.ChannelID].find(m.ID), compButton, customID, nil)
}

// Selects picks values of a menu, found by its custom_id or placeholder. People
// are picked by their ids. It panics when the menu does not take them.
func (p *Person) Selects(m Message, menu string, values ...string) *Interaction {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.rooms[m.ChannelID].find(m.ID)
	c, found := now.Menu(menu)
	if !found || c.Disabled || now.Deleted {
		panic(fmt.Sprintf("discordtest: no menu %q at %s", menu, now))
	}
	mustPick(c, values)
	return p.press(now, c.Type, c.CustomID, values)
}

// mustPick panics when a menu does not take these values.
func mustPick(c Component, values []string) {
	least, most := span(c)
	if len(values) < least || len(values) > most {
		panic(fmt.Sprintf("discordtest: the menu %s takes %d to %d values", c.CustomID, least, most))
	}
	for _, v := range values {
		if c.Options != nil && !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == v }) {
			panic(fmt.Sprintf("discordtest: the menu %s has no value %q", c.CustomID, v))
		}
	}
}

// press sends a component's interaction ("Message Component Data Structure").
// It wants s.mu.
func (p *Person) press(m *Message, kind int, customID string, values []string) *Interaction {
	k := Speaker{&View{s: p.s, room: p.s.rooms[m.ChannelID], person: p}}
	data := map[string]any{"custom_id": customID, "component_type": kind, "id": 0}
	for _, c := range flatten(m.Components) {
		if c.CustomID == customID {
			data["id"] = c.ID
		}
	}
	if kind != compButton {
		data["values"] = values
		if res := k.resolveIDs(kind, values); len(res) > 0 {
			data["resolved"] = res
		}
	}
	in := &Interaction{Kind: kindComponent, Name: customID, source: m.ID, owners: k.ownersOf(m)}
	return k.start(in, data)
}

// ownersOf are the owners of the interaction that a message answers, or for
// another message that of the place.
func (k Speaker) ownersOf(m *Message) map[string]string {
	if m.Metadata != nil {
		return m.Metadata.Owners
	}
	return k.owners(&Command{IntegrationTypes: []int{0, 1}})
}

func (k Speaker) resolveIDs(kind int, values []string) resolved {
	res := resolved{}
	for _, id := range values {
		switch {
		case kind == compSelect:
		case k.s.people[id] != nil:
			k.resolvePerson(res, k.s.people[id])
		case k.s.rooms[id] != nil:
			res.add("channels", id, k.s.rooms[id].partial(k))
		default:
			k.role(id, res)
		}
	}
	return res
}
