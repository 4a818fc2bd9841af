package discordtest

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Permissions that matter here ("Bitwise Permission Flags").
const (
	PermAdministrator          = 1 << 3
	PermManageGuild            = 1 << 5
	PermAddReactions           = 1 << 6
	PermViewChannel            = 1 << 10
	PermSendMessages           = 1 << 11
	PermManageMessages         = 1 << 13
	PermEmbedLinks             = 1 << 14
	PermAttachFiles            = 1 << 15
	PermReadMessageHistory     = 1 << 16
	PermMentionEveryone        = 1 << 17
	PermUseExternalEmojis      = 1 << 18
	PermUseApplicationCommands = 1 << 31
	PermSendMessagesInThreads  = 1 << 38
	PermUseExternalApps        = 1 << 50
)

// What the bot and members may do when nothing else was said.
const (
	botPermissions    = PermAddReactions | PermViewChannel | PermSendMessages | PermEmbedLinks | PermAttachFiles | PermReadMessageHistory | PermUseExternalEmojis | PermSendMessagesInThreads
	memberPermissions = botPermissions | PermUseApplicationCommands | PermUseExternalApps
	allPermissions    = 1<<53 - 1
)

// Guild is a Discord server with channels and members.
type Guild struct {
	s        *Server
	id, name string
	tier     int // of boosts
	locale   string
	hasBot   bool
	members  map[string]*member
	owner    string
	roles    []*Role
	joined   time.Time
}

type member struct {
	person      *Person
	roles       []string
	permissions int64
	joined      time.Time
}

// Guild returns a guild with the bot and these people, the first its owner.
func (s *Server) Guild(name string, people ...*Person) *Guild {
	g := s.ForeignGuild(name, people...)
	g.AddsBot()
	return g
}

// ForeignGuild returns a guild without the bot, in which only people who
// installed the app for themselves can use it.
func (s *Server) ForeignGuild(name string, people ...*Person) *Guild {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &Guild{s: s, id: s.newID(), name: name, locale: "en-US", members: map[string]*member{}, joined: s.now()}
	g.roles = []*Role{{ID: g.id, Name: "@everyone", Permissions: strconv.Itoa(memberPermissions)}}
	for i, p := range people {
		bits := int64(memberPermissions)
		if i == 0 {
			g.owner, bits = p.user.ID, allPermissions
		}
		g.members[p.user.ID] = &member{person: p, permissions: bits, joined: s.now()}
	}
	s.guilds = append(s.guilds, g)
	s.guildByID[g.id] = g
	return g
}

// ID is the guild's id.
func (g *Guild) ID() string { return g.id }

// AddsBot lets the app's bot join.
func (g *Guild) AddsBot() {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.hasBot = true
	g.s.publish(intentGuilds, g.id, "GUILD_CREATE", g.create())
}

// Kicks removes the bot. It sees nothing of the guild from then on.
func (g *Guild) Kicks() {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.hasBot = false
	g.s.publish(intentGuilds, g.id, "GUILD_DELETE", map[string]any{"id": g.id})
}

// Joins adds a person.
func (g *Guild) Joins(p *Person) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.members[p.user.ID] = &member{person: p, permissions: memberPermissions, joined: g.s.now()}
}

// SetTier sets the boosts: tier 2 takes files of 50 MiB, tier 3 of 100 MiB.
func (g *Guild) SetTier(tier int) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.tier = tier
}

// SetLocale sets the preferred locale, such as "ru".
func (g *Guild) SetLocale(locale string) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.locale = locale
}

// SetPermissions sets what a member may do everywhere in the guild.
func (g *Guild) SetPermissions(p *Person, bits int64) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.members[p.user.ID].permissions = bits
}

// Role makes a role and returns its id.
func (g *Guild) Role(name string) string {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	r := &Role{ID: g.s.newID(), Name: name, Position: len(g.roles), Permissions: "0"}
	g.roles = append(g.roles, r)
	return r.ID
}

// Gives gives a member a role.
func (g *Guild) Gives(p *Person, role string) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	m := g.members[p.user.ID]
	m.roles = append(slices.Clip(m.roles), role)
}

// Takes takes a role from a member.
func (g *Guild) Takes(p *Person, role string) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	m := g.members[p.user.ID]
	m.roles = slices.DeleteFunc(slices.Clone(m.roles), func(id string) bool { return id == role })
}

// limit is how large a file may be that is no answer to somebody with Nitro.
func (g *Guild) limit() int {
	switch {
	case g == nil || g.tier < 2:
		return 10 << 20
	case g.tier == 2:
		return 50 << 20
	}
	return 100 << 20
}

// memberJSON is "Guild Member Object". It wants s.mu.
func (g *Guild) memberJSON(m *member, full bool) map[string]any {
	roles := m.roles
	if roles == nil {
		roles = []string{}
	}
	out := map[string]any{
		"nick": nil, "avatar": nil, "roles": roles, "joined_at": m.joined.UTC(), "premium_since": nil,
		"deaf": false, "mute": false, "flags": 0, "pending": false, "communication_disabled_until": nil,
	}
	if full {
		out["user"] = m.person.user
	}
	return out
}

// guildJSON is "Guild Object", what of it matters here.
func (g *Guild) guildJSON() map[string]any {
	return map[string]any{
		"id": g.id, "name": g.name, "icon": nil, "owner_id": g.owner, "premium_tier": g.tier, "preferred_locale": g.locale, "features": []string{},
		"roles": g.roles, "emojis": []any{}, "stickers": []any{}, "nsfw_level": 0, "verification_level": 0, "default_message_notifications": 0,
		"explicit_content_filter": 0, "mfa_level": 0, "system_channel_flags": 0, "afk_timeout": 300,
	}
}

// create is what GUILD_CREATE says.
func (g *Guild) create() map[string]any {
	out := g.guildJSON()
	channels, threads := []any{}, []any{}
	for _, id := range slices.Sorted(maps.Keys(g.s.rooms)) {
		switch r := g.s.rooms[id]; {
		case r.guild != g || r.deleted:
		case r.parent != nil:
			threads = append(threads, r.channelJSON())
		default:
			channels = append(channels, r.channelJSON())
		}
	}
	maps.Copy(out, map[string]any{
		"joined_at": g.joined.UTC(), "large": false, "unavailable": false, "member_count": len(g.members) + 1, "members": []any{},
		"channels": channels, "threads": threads, "presences": []any{}, "voice_states": []any{}, "stage_instances": []any{}, "guild_scheduled_events": []any{},
	})
	return out
}

// findGuild is the guild in the path, if the bot is there.
func (s *Server) findGuild(c *call) (*Guild, error) {
	g := s.guildByID[c.params["guild"]]
	switch {
	case g == nil:
		return nil, unknownGuild()
	case !g.hasBot:
		return nil, missingAccess()
	}
	return g, nil
}

// getGuild follows "Get Guild".
func (s *Server) getGuild(c *call) (any, error) {
	g, err := s.findGuild(c)
	if err != nil {
		return nil, err
	}
	return g.guildJSON(), nil
}

// getRoles follows "Get Guild Roles".
func (s *Server) getRoles(c *call) (any, error) {
	g, err := s.findGuild(c)
	if err != nil {
		return nil, err
	}
	return g.roles, nil
}

// getMember follows "Get Guild Member".
func (s *Server) getMember(c *call) (any, error) {
	g, err := s.findGuild(c)
	if err != nil {
		return nil, err
	}
	m := g.members[c.params["user"]]
	if m == nil {
		return nil, unknown(10007, "Member")
	}
	return g.memberJSON(m, true), nil
}
