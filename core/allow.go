package core

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Whoever is not let in is a stranger. The operator hears of each once a day at
// most (AlertStranger), and of no more than a few a minute, so that an admin can
// let them in; of those whom an admin turned down never again.

// ReasonConfigured is why somebody cannot be shut out: they are let in by the
// configuration, not by an admin.
const ReasonConfigured Reason = "configured"

const (
	strangerEvery = 24 * time.Hour
	strangersPer  = time.Minute
	strangersMost = 3  // within strangersPer
	strangersWait = 20 // alerts about them that wait, so that they crowd out no others
)

// errUnchanged ends an act that would change nothing, and so has no audit.
var errUnchanged = errors.New("nothing to change")

// changed tells an act that changed nothing from one that failed.
func changed(err error) (bool, error) {
	if errors.Is(err, errUnchanged) {
		return false, nil
	}
	return err == nil, err
}

// Allow lets a person ("telegram:123"), or everybody with a role in
// Origin.Roles ("discord:guild:456"), ask for things. False means that they
// could already.
func (e *Engine) Allow(ctx context.Context, act Act, who string) (bool, error) {
	return changed(e.changeRules(ctx, act, "allow", who, func(c *change, set *Policy) (string, error) {
		if allow := bothAllow(e.cfg.Policy.Allow, set.Allow); allow == nil || slices.Contains(allow, who) {
			return "", errUnchanged
		}
		set.Allow = append(set.Allow, who)
		return "", c.DeleteSetting(turnedDownSetting(who))
	}))
}

// Disallow takes back what Allow did. False means that there is nothing to take
// back, a Refusal of ReasonConfigured that the configuration lets them in.
func (e *Engine) Disallow(ctx context.Context, act Act, who string) (bool, error) {
	return changed(e.changeRules(ctx, act, "disallow", who, func(_ *change, set *Policy) (string, error) {
		if e.cfg.Policy.Allow == nil || slices.Contains(e.cfg.Policy.Allow, who) {
			return "", &Refusal{Reason: ReasonConfigured}
		}
		at := slices.Index(set.Allow, who)
		if at < 0 {
			return "", errUnchanged
		}
		set.Allow = slices.Delete(set.Allow, at, at+1)
		return "", nil
	}))
}

// TurnDown lets the operator hear of the stranger no more, until Allow. False
// means that they were turned down or let in already.
func (e *Engine) TurnDown(ctx context.Context, act Act, who Identity) (bool, error) {
	return changed(e.act(ctx, act, "turn down", who.String(), func(c *change) (string, error) {
		policy, err := e.policy(c.Tx)
		if err != nil {
			return "", err
		}
		down, err := hasSetting(c.Tx, turnedDownSetting(who.String()))
		if err != nil {
			return "", err
		}
		if down || policy.Allow == nil || slices.Contains(policy.Allow, who.String()) {
			return "", errUnchanged
		}
		return "", c.PutSetting(turnedDownSetting(who.String()), []byte(act.By))
	}))
}

func turnedDownSetting(who string) string { return "turned_down/" + who }

func hasSetting(tx Tx, name string) (bool, error) {
	_, err := tx.Setting(name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// LimitEverybody sets the limits of who has no others; nil ones are as configured.
func (e *Engine) LimitEverybody(ctx context.Context, act Act, limits Limits) error {
	return e.changeRules(ctx, act, "limit", "everybody", func(_ *change, set *Policy) (string, error) {
		set.User = limits
		return limits.String(), nil
	})
}

// LimitRole sets the limits of who has the role, or the tier (TierRole); with
// none of them the role has no limits of its own any more.
func (e *Engine) LimitRole(ctx context.Context, act Act, role string, limits Limits) error {
	return e.changeRules(ctx, act, "limit", role, func(_ *change, set *Policy) (string, error) {
		if set.Roles == nil {
			set.Roles = maps.Clone(e.cfg.Policy.Roles)
		}
		if set.Roles == nil {
			set.Roles = map[string]Limits{}
		}
		if set.Roles[role] = limits; limits == (Limits{}) {
			delete(set.Roles, role)
		}
		return limits.String(), nil
	})
}

// LimitTotal sets what everybody together may use in a day; nil is as configured.
func (e *Engine) LimitTotal(ctx context.Context, act Act, daily *Limit) error {
	return e.changeRules(ctx, act, "limit", "total", func(_ *change, set *Policy) (string, error) {
		set.Total = daily
		return Limits{Daily: daily}.String(), nil
	})
}

// changeRules lets edit change the rules that admins set, and audits what it says of that.
func (e *Engine) changeRules(ctx context.Context, act Act, action, target string, edit func(*change, *Policy) (detail string, err error)) error {
	return e.actOnRules(ctx, act, action, target, func(c *change) (detail string, err error) {
		_, err = c.editRules(func(set *Policy) (err error) {
			detail, err = edit(c, set)
			return err
		})
		return detail, err
	})
}

// strangers is how many the operator was told of lately.
type strangers struct {
	Since time.Time `json:"since"`
	Told  int       `json:"told"`
}

const strangersSetting = "strangers"

// announced tells the operator of the stranger, if err refuses one, and notes
// in the refusal whether the operator knows.
func (e *Engine) announced(ctx context.Context, origin Origin, err error) error {
	var refusal *Refusal
	if e.cfg.Alert == nil || !errors.As(err, &refusal) || refusal.Reason != ReasonStranger {
		return err
	}
	known, tell := false, false
	failed := e.store.View(ctx, func(tx Tx) (err error) {
		known, tell, err = mayAnnounce(tx, origin.Identity, e.cfg.Now())
		return err
	})
	if failed == nil && tell {
		failed = e.update(ctx, func(c *change) (err error) {
			known, err = c.addStranger(origin)
			return err
		})
	}
	if failed != nil {
		e.log.Warn("the operator was not told of a stranger", "error", failed)
	}
	refusal.Known = known && failed == nil
	return err
}

// mayAnnounce says whether the operator was told of the stranger, else whether that may be done now.
func mayAnnounce(tx Tx, who Identity, now time.Time) (known, may bool, err error) {
	if down, err := hasSetting(tx, turnedDownSetting(who.String())); down || err != nil {
		return false, false, err
	}
	receipt, err := seenBefore(tx, strangerKey(who), now)
	if receipt.Repeated || err != nil {
		return receipt.Repeated, false, err
	}
	var lately strangers
	if _, err := settingJSON(tx, strangersSetting, &lately); err != nil {
		return false, false, err
	}
	if now.Sub(lately.Since).Abs() < strangersPer && lately.Told >= strangersMost {
		return false, false, nil
	}
	var box outbox
	_, err = settingJSON(tx, alertsSetting, &box)
	waiting := 0
	for _, a := range box.Alerts {
		if a.Kind == AlertStranger {
			waiting++
		}
	}
	return false, waiting < strangersWait, err
}

func strangerKey(who Identity) string { return "stranger/" + who.String() }

// addStranger stores the alert about one stranger, if it still may be.
func (c *change) addStranger(origin Origin) (known bool, err error) {
	known, may, err := mayAnnounce(c.Tx, origin.Identity, c.now)
	if !may || err != nil {
		return known, err
	}
	var lately strangers
	if _, err := settingJSON(c.Tx, strangersSetting, &lately); err != nil {
		return false, err
	}
	if c.now.Sub(lately.Since).Abs() >= strangersPer {
		lately = strangers{Since: c.now}
	}
	lately.Told++
	if err := c.putJSON(strangersSetting, lately); err != nil {
		return false, err
	}
	seen := Seen{Key: strangerKey(origin.Identity), Expires: c.now.Add(strangerEvery)}
	if err := c.PutSeen(seen, c.now); err != nil {
		return false, err
	}
	return true, c.alert(Alert{
		Kind: AlertStranger, Who: origin.Identity, Name: trimTo(origin.Name, alertDetail), Lane: origin.Lane, Roles: origin.Roles, Locale: origin.Locale,
	})
}
