package discordtest

import (
	"regexp"
	"slices"
	"strings"
)

// mentions is "Allowed Mentions Object".
type mentions struct {
	Parse   []string `json:"parse"`
	Users   []string `json:"users"`
	Roles   []string `json:"roles"`
	Replied bool     `json:"replied_user"`
}

// checkMentions: what is parsed cannot be listed too.
func (d *draft) checkMentions() (p problems) {
	m := d.Mentions
	if m == nil {
		return nil
	}
	path := at(d.path, "allowed_mentions")
	if slices.Contains(m.Parse, "users") && len(m.Users) > 0 {
		p.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse:[\"users\"] and users: [ids...] are mutually exclusive.")
	}
	if slices.Contains(m.Parse, "roles") && len(m.Roles) > 0 {
		p.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse:[\"roles\"] and roles: [ids...] are mutually exclusive.")
	}
	return p
}

var (
	userMention = regexp.MustCompile(`<@!?([0-9]+)>`)
	roleMention = regexp.MustCompile(`<@&([0-9]+)>`)
	everyone    = regexp.MustCompile(`@(everyone|here)\b`)
)

// mention decides whom a message notifies. Without allowed_mentions everything
// in a message counts, and users in an answer to an interaction.
func (s *Server) mention(m *Message, r *room, d *draft) {
	allowed := d.Mentions
	if allowed == nil {
		allowed = &mentions{Parse: []string{"users"}, Replied: true}
		if m.WebhookID == "" {
			allowed.Parse = []string{"users", "roles", "everyone"}
		}
	}
	m.MentionEveryone, m.Mentions, m.MentionRoles, m.Pinged = false, []User{}, []string{}, nil
	text := m.Words()
	for _, id := range found(userMention, text) {
		if p := s.people[id]; p != nil && (slices.Contains(allowed.Parse, "users") || slices.Contains(allowed.Users, id)) {
			m.ping(p.user)
		}
	}
	for _, id := range found(roleMention, text) {
		if slices.Contains(allowed.Parse, "roles") || slices.Contains(allowed.Roles, id) {
			m.MentionRoles, m.Pinged = append(m.MentionRoles, id), append(m.Pinged, id)
		}
	}
	if allowed.Replied && m.Referenced != nil {
		m.ping(m.Referenced.Author)
	}
	if everyone.MatchString(text) && slices.Contains(allowed.Parse, "everyone") && r.permissions()&PermMentionEveryone != 0 {
		m.MentionEveryone, m.Pinged = true, append(m.Pinged, "everyone")
	}
}

func (m *Message) ping(u User) {
	if !slices.Contains(m.Pinged, u.ID) {
		m.Mentions, m.Pinged = append(m.Mentions, u), append(m.Pinged, u.ID)
	}
}

// found are the first groups of all matches, each once.
func found(pattern *regexp.Regexp, text string) []string {
	var ids []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		ids = append(ids, match[1])
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Words is everything of a message that is text: content, embeds and text
// displays, one a line.
func (m Message) Words() string {
	lines := []string{m.Content}
	for _, e := range m.Embeds {
		lines = append(lines, e.Title, e.Description)
		for _, f := range e.Fields {
			lines = append(lines, f.Name, f.Value)
		}
		if e.Footer != nil {
			lines = append(lines, e.Footer.Text)
		}
	}
	for _, c := range flatten(m.Components) {
		lines = append(lines, c.Content)
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}
