package core

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A place is what chats are part of: a server, or a chat that is part of
// nothing. The operator gives it a day and a month; its own admins make rules
// within that, for their place and nothing else.

// Why a place takes a request, or a rule, of nobody or not of this person.
const (
	ReasonPlaceBlocked Reason = "place_blocked" // the place's admins blocked the person; Refusal.Why
	ReasonPlaceRoles   Reason = "place_roles"   // only some people may ask there; Refusal.Roles
	ReasonPlaceChannel Reason = "place_channel" // not in this chat of the place; Refusal.Roles
	ReasonPlaceModel   Reason = "place_model"   // the model is off there
	ReasonPlaceOnly    Reason = "place_only"    // an admin of a place may change its rules and nothing else
	ReasonPlaceAbove   Reason = "place_above"   // more than the operator gives; Refusal.Limit
	ReasonPlaceFull    Reason = "place_full"    // too many rules; Refusal.Max is how many bytes they may take
)

// placeMax bounds the rules of one place, in bytes: they are read with every
// request from there.
const placeMax = 16 << 10

// Place names what a chat is part of: "discord:guild:456". A chat that is part
// of nothing is a place of its own and has the name of its lane. Empty is
// none, as in a conversation with one person.
type Place string

// isChat reports whether the place is a single chat: what is more than that is
// named with its kind.
func (p Place) isChat() bool { return strings.Count(string(p), ":") == 1 }

// PlaceRules are what the admins of a place chose for it. They only make
// stricter what the operator allows. What is zero was not chosen.
type PlaceRules struct {
	// Limits are of all who ask there together. They count where they are
	// below what the operator gives.
	Limits Limits `json:"limits,omitzero"`
	// Person is what one account may use there in a day, beside its own limits.
	Person *Limit `json:"person,omitempty"`
	// Roles override Person for who has the role, as in Origin.Roles. Of
	// several the most generous applies.
	Roles map[string]Limit `json:"roles,omitempty"`
	// Allow is who may ask there, people and roles; empty is everybody whom
	// the operator lets in. The place's admins always may.
	Allow []string `json:"allow,omitempty"`
	// Channels are the chats of the place where one may ask, as in
	// Origin.Roles; empty is all of them.
	Channels []string `json:"channels,omitempty"`
	// Blocked are the people who may not ask there, by Identity, and why, which they read.
	Blocked map[string]string `json:"blocked,omitempty"`
	// Off are the models that cannot be used there, by catalogue id; the name
	// of a family stands for all its models.
	Off []string `json:"off,omitempty"`
}

// PlaceView is how a place stands.
type PlaceView struct {
	Place      Place
	Limits     Limits     // what the operator gives it
	Rules      PlaceRules // what its admins chose
	Day, Month Standing   // by the stricter of the two
}

// PlaceAct is an act in the name of the origin's place, for ChangePlace. It is
// refused unless the platform says that the person is an admin there, and the
// operator lets them in.
func (e *Engine) PlaceAct(ctx context.Context, origin Origin, why string) (Act, error) {
	if origin.Place == "" {
		return Act{}, &Refusal{Reason: ReasonNotAdmin}
	}
	err := e.view(ctx, func(tx Tx) error {
		asked, err := e.askedBy(tx, origin, e.cfg.Now())
		if err != nil {
			return err
		}
		return asked.manages()
	})
	if err != nil {
		return Act{}, err
	}
	return Act{By: origin.Identity.String(), Why: why, Place: origin.Place}, nil
}

// manages refuses who may not choose anything for the chat or its place.
func (a asked) manages() error {
	if !a.origin.Admin {
		return &Refusal{Reason: ReasonNotAdmin}
	}
	return a.invited()
}

// check refuses an act that its doer may not do: one without a name, and one
// of an admin of a place that reaches beyond the rules of the place.
func (a Act) check() error {
	if a.By == "" {
		return fmt.Errorf("core: an act needs Act.By")
	}
	if a.Place != "" {
		return &Refusal{Reason: ReasonPlaceOnly}
	}
	return nil
}

// Place reads how a place stands.
func (e *Engine) Place(ctx context.Context, place Place) (PlaceView, error) {
	view := PlaceView{Place: place}
	err := e.view(ctx, func(tx Tx) error {
		asked, err := e.atPlace(tx, place)
		if err != nil {
			return err
		}
		view.Limits, view.Rules = asked.operators(), asked.place.Rules
		day, month := e.placeDays(asked)
		if view.Day, err = standing(tx, day); err != nil {
			return err
		}
		view.Month, err = standing(tx, month)
		return err
	})
	return view, err
}

// atPlace is asked for the place itself, whoever and wherever in it.
func (e *Engine) atPlace(tx Tx, place Place) (asked, error) {
	return e.asked(tx, Account{}, Origin{Lane: Lane(place), Place: place}, e.cfg.Now())
}

// SetPlaceLimits sets what the place may use in a day and a month; nil is no
// limit, or for a chat that is its own place, the one of every chat. Its
// admins can make it less and never more.
func (e *Engine) SetPlaceLimits(ctx context.Context, act Act, place Place, limits Limits) error {
	return e.actOnPlace(ctx, act, "limit", place, func(a *asked) (string, error) {
		a.place.Limits = limits
		return limits.String(), nil
	})
}

// actOnPlace commits what fn makes of what is kept about the place.
func (e *Engine) actOnPlace(ctx context.Context, act Act, action string, place Place, fn func(*asked) (detail string, err error)) error {
	if place == "" {
		return fmt.Errorf("core: a place needs a name")
	}
	return e.act(ctx, act, action, string(place), func(c *change) (string, error) {
		asked, err := e.atPlace(c.Tx, place)
		if err != nil {
			return "", err
		}
		detail, err := fn(&asked)
		if err != nil {
			return "", err
		}
		return detail, c.PutChat(asked.place)
	})
}

// ChangePlace lets edit change what was chosen for the place, by the operator
// or an admin of the very place (PlaceAct). Limits are replaced, not
// changed. It may be called more than once. The change is in the audit log.
func (e *Engine) ChangePlace(ctx context.Context, act Act, place Place, edit func(*PlaceRules)) error {
	if act.Place == place {
		act.Place = ""
	}
	return e.actOnPlace(ctx, act, "place", place, func(a *asked) (string, error) {
		was := a.place.Rules.Limits
		edit(&a.place.Rules)
		if err := a.raised(was); err != nil {
			return "", err
		}
		value, err := json.Marshal(a.place.Rules)
		if err != nil {
			return "", fmt.Errorf("encoding the rules of a place: %w", err)
		}
		if len(value) > placeMax {
			return "", &Refusal{Reason: ReasonPlaceFull, Max: placeMax}
		}
		return string(value), nil
	})
}

// raised refuses new limits above the operator's. One that is so because the
// operator's was lowered since stays, without effect.
func (a asked) raised(was Limits) error {
	to, operators := a.place.Rules.Limits, a.operators()
	for _, l := range []struct{ to, was, bound *Limit }{
		{to.Daily, was.Daily, operators.Daily}, {to.Monthly, was.Monthly, operators.Monthly},
	} {
		bound := orUnlimited(l.bound)
		if l.to == nil || l.was != nil && *l.was == *l.to || lesser(*l.to, bound) == *l.to {
			continue
		}
		return &Refusal{Reason: ReasonPlaceAbove, Limit: Credits(bound)}
	}
	return nil
}

// over is what was chosen for a place, with what was chosen before its chat moved.
func (r PlaceRules) over(base PlaceRules) PlaceRules {
	r.Limits = r.Limits.over(base.Limits)
	r.Person = first(r.Person, base.Person)
	r.Roles, r.Blocked = mapsOver(r.Roles, base.Roles), mapsOver(r.Blocked, base.Blocked)
	r.Off = slices.Concat(r.Off, base.Off)
	if len(r.Allow) == 0 {
		r.Allow = base.Allow
	}
	if len(r.Channels) == 0 {
		r.Channels = base.Channels
	}
	return r
}

// operators are what the operator lets the place use.
func (a asked) operators() Limits {
	limits := a.place.Limits
	if a.origin.Place.isChat() {
		limits.Daily = first(limits.Daily, a.policy.Chat)
	}
	return limits
}

// placeDays are the day and the month of the origin's place. The day of a
// place that is a chat is the chat's.
func (e *Engine) placeDays(a asked) (day, month Window) {
	cal, operators, own := e.calendar(a.now), a.operators(), a.place.Rules.Limits
	window := func(kind WindowKind, period string, operators, own *Limit, ends time.Time) Window {
		return Window{ID: windowID(kind, a.placeName(), period), Limit: lesser(orUnlimited(operators), orUnlimited(own)), Ends: ends}
	}
	month = window(WindowPlaceMonth, cal.month, operators.Monthly, own.Monthly, cal.monthEnds)
	if a.origin.Place.isChat() {
		month.ID = windowID(WindowChatMonth, a.placeName(), cal.month)
		return e.chatWindow(a), month
	}
	return window(WindowPlace, cal.day, operators.Daily, own.Daily, cal.dayEnds), month
}

// placeName is what the place is called in its windows, wherever it moved.
func (a asked) placeName() string { return string(cmp.Or(a.place.First, Lane(a.origin.Place))) }

// placeWindows are those that a request is booked in because of its place: the
// place's own, and the person's day there where it is limited.
func (e *Engine) placeWindows(a asked) []Window {
	if a.origin.Place == "" {
		return nil
	}
	day, month := e.placeDays(a)
	windows := []Window{day, month}
	if a.origin.Place.isChat() {
		windows = windows[1:]
	}
	rules, cal := a.place.Rules, e.calendar(a.now)
	if rules.Person == nil && len(rules.Roles) == 0 {
		return windows
	}
	id := windowID(WindowMember, string(a.account.ID), a.placeName(), cal.day)
	return append(windows, Window{ID: id, Limit: orUnlimited(rules.personal(a.origin.Roles)), Ends: cal.dayEnds})
}

// personal is what one account with the roles may use in a day; nil is any amount.
func (r PlaceRules) personal(roles []string) *Limit {
	var best *Limit
	for _, role := range roles {
		if limit, ok := r.Roles[role]; ok {
			best = generous(best, &limit)
		}
	}
	return first(best, r.Person)
}

// welcomeThere refuses who may not ask by the rules of the place.
func (a asked) welcomeThere() error {
	rules := a.place.Rules
	for _, who := range a.identities() {
		if why, blocked := rules.Blocked[who]; blocked {
			return &Refusal{Reason: ReasonPlaceBlocked, Why: why}
		}
	}
	switch {
	case len(rules.Allow) > 0 && !a.origin.Admin && !anyOf(rules.Allow, a.names()):
		return &Refusal{Reason: ReasonPlaceRoles, Roles: rules.Allow}
	case len(rules.Channels) > 0 && !anyOf(rules.Channels, a.origin.Roles):
		return &Refusal{Reason: ReasonPlaceChannel, Roles: rules.Channels}
	}
	return nil
}
