package core

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kiebot/kie/catalog"
)

// Policy is the general rules about credits. What is nil is left to the more
// general policy; in the configured one, the most general of all, it is
// unlimited.
type Policy struct {
	// Allow is who may ask for anything: people ("telegram:123") and what
	// Origin.Roles says of where they are ("telegram:chat:-100", "discord:guild:456").
	// Nil is everybody. What admins set is added to what is configured.
	Allow []string `json:"allow,omitempty"`

	User  Limits `json:"user,omitzero"`   // per account and day, and month
	Chat  *Limit `json:"chat,omitempty"`  // per chat and day
	Total *Limit `json:"total,omitempty"` // of everybody together, per day
	// Roles override User for who has the role ("discord:role:123", as in
	// Origin.Roles) or the tier ("tier:gold"). Of several the most generous applies.
	Roles  map[string]Limits      `json:"roles,omitempty"`
	Kinds  map[catalog.Kind]Limit `json:"kinds,omitempty"`  // per account, day and kind of model
	Models map[string]Limit       `json:"models,omitempty"` // per account, day and model, by catalogue id

	MaxActive    *int   `json:"max_active,omitempty"`    // requests under way per account, a batch being one; negative is any number
	MaxRequest   *Limit `json:"max_request,omitempty"`   // what one request may cost, all its tasks together
	ConfirmAbove *Limit `json:"confirm_above,omitempty"` // above it the person has to agree to the price

	// Off are the models that cannot be used, by catalogue id; the name of a
	// family stands for all its models.
	Off []string `json:"off,omitempty"`
	// Defaults are the models to use where none is named, by catalogue id; of
	// the other kinds, and of one that is off, it is the catalogue's.
	Defaults map[catalog.Kind]string `json:"defaults,omitempty"`
	// Prompts is what prompts may not say; nil is anything.
	Prompts *Prompts `json:"prompts,omitempty"`
}

// TierRole is what a tier is called in Policy.Roles.
func TierRole(tier string) string { return "tier:" + tier }

// over is p with the rules of the more general policy where p has none.
func (p Policy) over(base Policy) Policy {
	p.Allow = bothAllow(base.Allow, p.Allow)
	p.User = p.User.over(base.User)
	p.Chat, p.Total = first(p.Chat, base.Chat), first(p.Total, base.Total)
	p.MaxActive, p.MaxRequest, p.ConfirmAbove = first(p.MaxActive, base.MaxActive), first(p.MaxRequest, base.MaxRequest), first(p.ConfirmAbove, base.ConfirmAbove)
	p.Prompts = first(p.Prompts, base.Prompts)
	if p.Off == nil {
		p.Off = base.Off
	}
	if p.Defaults == nil {
		p.Defaults = base.Defaults
	}
	if p.Roles == nil {
		p.Roles = base.Roles
	}
	if p.Kinds == nil {
		p.Kinds = base.Kinds
	}
	if p.Models == nil {
		p.Models = base.Models
	}
	return p
}

// clone is a copy that shares no map.
func (p Policy) clone() Policy {
	p.Allow, p.Off, p.Defaults = slices.Clone(p.Allow), slices.Clone(p.Off), maps.Clone(p.Defaults)
	p.Roles, p.Kinds, p.Models = maps.Clone(p.Roles), maps.Clone(p.Kinds), maps.Clone(p.Models)
	return p
}

// bothAllow is who may ask when the configuration names some and admins others.
// A configuration that lets everybody in leaves nobody to add.
func bothAllow(configured, set []string) []string {
	if configured == nil {
		return nil
	}
	return slices.Concat(configured, set)
}

// anyOf reports whether the list has one of the names.
func anyOf(list, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(list, name) })
}

func (l Limits) over(base Limits) Limits {
	return Limits{Daily: first(l.Daily, base.Daily), Monthly: first(l.Monthly, base.Monthly)}
}

// first is the first of the two that is there.
func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// limitsOf are the account's limits for somebody with the roles: what an
// admin set for the account, else the most generous of its roles and its
// tier, else the general ones.
func (p Policy) limitsOf(a Account, roles []string) Limits {
	if a.Tier != "" {
		roles = append(slices.Clone(roles), TierRole(a.Tier))
	}
	var best Limits
	for _, role := range roles {
		l := p.Roles[role]
		best = Limits{Daily: generous(best.Daily, l.Daily), Monthly: generous(best.Monthly, l.Monthly)}
	}
	return a.Limits.over(best).over(p.User)
}

// generous is the larger limit; nil is none at all.
func generous(a, b *Limit) *Limit {
	if a == nil || b != nil && (*b == Unlimited || *a != Unlimited && *b > *a) {
		return b
	}
	return a
}

// orUnlimited is the limit, or Unlimited where there is none.
func orUnlimited(l *Limit) Limit {
	if l == nil {
		return Unlimited
	}
	return *l
}

// policySetting is where the rules that admins set are stored.
const policySetting = "policy"

// policyInForce is a stored policy, decoded and laid over the configured one.
type policyInForce struct {
	raw    []byte
	policy Policy
}

// policy is what applies in the transaction. Reading it there makes a change
// apply to whatever commits after it; only decoding it again is saved. Its
// maps are shared and must not be changed.
func (e *Engine) policy(tx Tx) (Policy, error) {
	raw, err := tx.Setting(policySetting)
	if errors.Is(err, ErrNotFound) {
		e.decoded.Store(nil)
		return e.cfg.Policy, nil
	}
	if err != nil {
		return Policy{}, err
	}
	if known := e.decoded.Load(); known != nil && bytes.Equal(known.raw, raw) {
		return known.policy, nil
	}
	var set Policy
	if err := json.Unmarshal(raw, &set); err != nil {
		return Policy{}, fmt.Errorf("decoding the stored limits: %w", err)
	}
	if err := set.Prompts.compile(); err != nil {
		return Policy{}, fmt.Errorf("reading the list of what prompts may not say: %v", err) // nobody is refused for it
	}
	now := &policyInForce{raw: raw, policy: set.over(e.cfg.Policy)}
	e.decoded.Store(now)
	return now.policy, nil
}

// WindowKind says what a window counts.
type WindowKind string

// The kinds of windows, and what follows in their ids. All but kind, model and
// member are booked whether they are limited or not, so that a limit that is
// set in the middle of a day counts all of it; those three are booked where the
// policy, or the place, has a limit for them.
const (
	WindowDay        WindowKind = "day"         // account/2026-11-25
	WindowMonth      WindowKind = "month"       // account/2026-11
	WindowOfKind     WindowKind = "kind"        // account/kind/2026-11-25
	WindowOfModel    WindowKind = "model"       // account/model/2026-11-25
	WindowMember     WindowKind = "member"      // account/place/2026-11-25: the person's day in the place
	WindowChat       WindowKind = "chat"        // lane/2026-11-25
	WindowChatMonth  WindowKind = "chat_month"  // lane/2026-11; of a chat that is a place of its own
	WindowPlace      WindowKind = "place"       // place/2026-11-25
	WindowPlaceMonth WindowKind = "place_month" // place/2026-11
	WindowTotal      WindowKind = "total"       // 2026-11-25
	WindowGranted    WindowKind = "granted"     // account: what admins gave and people bought; never resets
	WindowLoss       WindowKind = "loss"        // 2026-11: operator losses; nobody's quota
)

// Kind is what the window counts.
func (w WindowID) Kind() WindowKind {
	kind, _, _ := strings.Cut(string(w), "/")
	return WindowKind(kind)
}

// owner is the account whose window it is; meaningless for those of chats and all.
func (w WindowID) owner() AccountID {
	_, rest, _ := strings.Cut(string(w), "/")
	id, _, _ := strings.Cut(rest, "/")
	return AccountID(id)
}

// Personal reports whether granted credits can stand in for the window. For
// what a place lets one person use in it they cannot: that is the place's.
func (k WindowKind) Personal() bool {
	return k == WindowDay || k == WindowMonth || k == WindowOfKind || k == WindowOfModel
}

func windowID(kind WindowKind, parts ...string) WindowID {
	return WindowID(string(kind) + "/" + strings.Join(parts, "/"))
}

// grantedWindow is where the account's granted credits are.
func grantedWindow(id AccountID) WindowID { return windowID(WindowGranted, string(id)) }

// Window is one quota window.
type Window struct {
	ID    WindowID
	Limit Limit
	Ends  time.Time
}

// calendar is the day and the month that contain a moment.
type calendar struct {
	day, month         string
	dayEnds, monthEnds time.Time
}

// calendar is the one of Config.Location, whose days can have 23 or 25 hours.
func (e *Engine) calendar(t time.Time) calendar {
	t = t.In(e.cfg.Location)
	year, month, day := t.Date()
	return calendar{
		day: t.Format(time.DateOnly), month: t.Format("2006-01"),
		dayEnds:   startOfDay(year, month, day+1, e.cfg.Location),
		monthEnds: startOfDay(year, month+1, 1, e.cfg.Location),
	}
}

// startOfDay is the first moment of the day, also where clocks skip midnight:
// there time.Date may answer with a moment of the day before.
func startOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if t.Hour() > 12 {
		return time.Date(year, month, day, 1, 0, 0, 0, loc)
	}
	return t
}

// asked is what decides about the windows of a request.
type asked struct {
	policy  Policy
	account Account
	chat    Chat
	place   Chat // of the origin's place, the zero one when it has none
	origin  Origin
	now     time.Time
}

// asked reads it. The account may be new, without an id.
func (e *Engine) asked(tx Tx, account Account, origin Origin, now time.Time) (asked, error) {
	policy, err := e.policy(tx)
	if err != nil {
		return asked{}, err
	}
	chat, err := chatOrNone(tx, origin.Lane)
	if err != nil {
		return asked{}, err
	}
	a := asked{policy: policy, account: account, chat: chat, origin: origin, now: now}
	switch Lane(origin.Place) {
	case "":
	case origin.Lane:
		a.place = chat
	default:
		a.place, err = chatOrNone(tx, Lane(origin.Place))
	}
	return a, err
}

// identities are all that the person is known by.
func (a asked) identities() []string {
	all := []string{a.origin.Identity.String()}
	for _, who := range a.account.Identities {
		all = append(all, who.String())
	}
	return all
}

// names are what an allow-list may have for the person to be on it: who they
// are, and what the platform says of where they are.
func (a asked) names() []string { return append(a.identities(), a.origin.Roles...) }

// askedBy is asked for the person of the origin, who may have no account.
func (e *Engine) askedBy(tx Tx, origin Origin, now time.Time) (asked, error) {
	account, err := accountOrNone(tx, origin.Identity)
	if err != nil {
		return asked{}, err
	}
	return e.asked(tx, account, origin, now)
}

// personal are the account's day and month.
func (e *Engine) personal(a asked) []Window {
	cal, limits := e.calendar(a.now), a.policy.limitsOf(a.account, a.origin.Roles)
	id := string(a.account.ID)
	return []Window{
		{ID: windowID(WindowDay, id, cal.day), Limit: orUnlimited(limits.Daily), Ends: cal.dayEnds},
		{ID: windowID(WindowMonth, id, cal.month), Limit: orUnlimited(limits.Monthly), Ends: cal.monthEnds},
	}
}

// chatWindow is the day of the chat.
func (e *Engine) chatWindow(a asked) Window {
	cal := e.calendar(a.now)
	own := lesser(orUnlimited(a.chat.Settings.Daily), orUnlimited(a.chat.Rules.Limits.Daily))
	return Window{ID: windowID(WindowChat, string(cmp.Or(a.chat.First, a.origin.Lane)), cal.day), Limit: lesser(a.operatorsDaily(), own), Ends: cal.dayEnds}
}

// there are the windows of where it is asked: nothing granted stands in for them.
func (e *Engine) there(a asked) []Window {
	return append([]Window{e.chatWindow(a)}, e.placeWindows(a)...)
}

// windows are all that a request for the model is booked in.
func (e *Engine) windows(a asked, model string) []Window {
	cal := e.calendar(a.now)
	all := e.personal(a)
	daily := func(kind WindowKind, name string, limit Limit) {
		all = append(all, Window{ID: windowID(kind, string(a.account.ID), name, cal.day), Limit: limit, Ends: cal.dayEnds})
	}
	if len(a.policy.Kinds)+len(a.policy.Models) > 0 {
		if m, err := e.cfg.Catalog.Lookup(model); err == nil {
			if limit, ok := a.policy.Kinds[m.Kind]; ok {
				daily(WindowOfKind, string(m.Kind), limit)
			}
			if limit, ok := a.policy.Models[m.ID]; ok {
				daily(WindowOfModel, m.ID, limit)
			}
		}
	}
	total := Window{ID: windowID(WindowTotal, cal.day), Limit: orUnlimited(a.policy.Total), Ends: cal.dayEnds}
	return append(append(all, e.there(a)...), total)
}
