package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// What admins do to quotas applies at once, to whatever is accepted after it,
// and outlasts a restart. Each act and its entry in the audit log are one commit.

// Why an act of an admin is refused.
const (
	ReasonTaken    Reason = "taken"     // more was to be taken than is left; Refusal.Left
	ReasonNoCharge Reason = "no_charge" // the task cost nothing, or not yet
	ReasonGaveBack Reason = "gave_back" // the task was refunded before
)

// CommandLine is the Act.By of what is done on the machine itself.
const CommandLine = "command line"

// Act says who does something to a quota and why. Both are kept.
type Act struct {
	By  string // an Identity's String, or CommandLine
	Why string // in the admin's words; for a block the person reads it, too
	// Place is whose admin does it; empty for the operator's admins, who may do
	// everything. Whoever is only a place's admin may change its rules ([Engine.ChangePlace]).
	Place Place
	// Key names the update that it came by; the same act on the same target under
	// the same key is done once. Empty where nothing comes twice.
	Key string
}

// errActed ends the commit of an act that was done before.
var errActed = errors.New("core: the act was done before")

// act commits fn together with the audit of what it did. An act that was done
// before is not done again: fn says what it would do, and nothing is written.
func (e *Engine) act(ctx context.Context, act Act, action, target string, fn func(*change) (detail string, err error)) error {
	if err := act.check(); err != nil {
		return err
	}
	err := e.update(ctx, func(c *change) error {
		detail, err := fn(c)
		if err != nil {
			return err
		}
		if err := c.once(act.Key, action, target); err != nil {
			return err
		}
		return c.AddAudit(Audit{At: c.now, By: act.By, Action: action, Target: target, Detail: detail, Why: act.Why})
	})
	if errors.Is(err, errActed) {
		return nil
	}
	return unavailable(err)
}

// once notes that the act is done; errActed says that it was.
func (c *change) once(key, action, target string) error {
	if key == "" {
		return nil
	}
	key = "act:" + key + ":" + action + ":" + target
	before, err := seenBefore(c.Tx, key, c.now)
	if err != nil {
		return err
	}
	if before.Repeated {
		return errActed
	}
	return c.PutSeen(Seen{Key: key, Expires: c.now.Add(SeenFor)}, c.now)
}

// actOn commits what fn makes of the person's account, which is opened if need be.
func (e *Engine) actOn(ctx context.Context, act Act, action string, who Identity, fn func(*change, *Account) (detail string, err error)) error {
	return e.act(ctx, act, action, who.String(), func(c *change) (string, error) {
		account, err := c.accountFor(who)
		if err != nil {
			return "", err
		}
		detail, err := fn(c, &account)
		if err != nil {
			return "", err
		}
		return detail, c.PutAccount(account)
	})
}

// Audits lists what admins did, newest first, at most limit, what has a Seq
// below before (all when it is zero).
func (e *Engine) Audits(ctx context.Context, before uint64, limit int) ([]Audit, error) {
	var audits []Audit
	err := e.view(ctx, func(tx Tx) (err error) {
		audits, err = tx.Audits(before, limit)
		return err
	})
	return audits, err
}

// Policy gives the general rules in force, and those of them that admins set.
func (e *Engine) Policy(ctx context.Context) (inForce, set Policy, err error) {
	err = e.view(ctx, func(tx Tx) error {
		set = Policy{}
		if _, err := settingJSON(tx, policySetting, &set); err != nil {
			return err
		}
		inForce = set.over(e.cfg.Policy).clone()
		return nil
	})
	return inForce, set, err
}

// ChangePolicy lets edit change the rules that admins set; what it leaves nil
// is as configured. It may be called more than once. A model that there is not,
// and a word or a pattern that cannot be looked for, are refused.
func (e *Engine) ChangePolicy(ctx context.Context, act Act, edit func(*Policy)) error {
	return e.actOnRules(ctx, act, "policy", "everybody", func(c *change) (string, error) {
		return c.editRules(func(set *Policy) error {
			edit(set)
			return nil
		})
	})
}

// editRules lets edit change the rules that admins set, and gives them as they are stored.
func (c *change) editRules(edit func(*Policy) error) (stored string, err error) {
	var set, was Policy
	for _, rules := range []*Policy{&set, &was} {
		if _, err := settingJSON(c.Tx, policySetting, rules); err != nil {
			return "", err
		}
	}
	if err := edit(&set); err != nil {
		return "", err
	}
	if err := c.e.checkModels(&set, was); err != nil {
		return "", err
	}
	if err := set.Prompts.compile(); err != nil {
		return "", err
	}
	value, err := json.Marshal(set)
	if err != nil {
		return "", fmt.Errorf("encoding the rules: %w", err)
	}
	return string(value), c.PutSetting(policySetting, value)
}

// ResetPolicy forgets what admins set: the configured rules apply again.
func (e *Engine) ResetPolicy(ctx context.Context, act Act) error {
	return e.actOnRules(ctx, act, "reset policy", "everybody", func(c *change) (string, error) {
		return "", c.DeleteSetting(policySetting)
	})
}

// actOnRules is act on the policy, which is read again for who goes by the last.
func (e *Engine) actOnRules(ctx context.Context, act Act, action, target string, fn func(*change) (detail string, err error)) error {
	if err := e.act(ctx, act, action, target, fn); err != nil {
		return err
	}
	if err := e.recallRules(context.WithoutCancel(ctx)); err != nil {
		e.log.Error("reading the policy", "error", err) // the next request reads it, too
	}
	return nil
}

// SetLimits sets the person's own limits, which win over all others; nil ones
// are as everybody's again.
func (e *Engine) SetLimits(ctx context.Context, act Act, who Identity, limits Limits) error {
	return e.actOn(ctx, act, "limit", who, func(_ *change, a *Account) (string, error) {
		a.Limits = limits
		return limits.String(), nil
	})
}

// SetTier puts the person in the tier, or in none when it is empty.
func (e *Engine) SetTier(ctx context.Context, act Act, who Identity, tier string) error {
	return e.actOn(ctx, act, "tier", who, func(_ *change, a *Account) (string, error) {
		a.Tier = tier
		return tier, nil
	})
}

// SetChatLimit sets what the chat may use in a day; nil is as in every chat.
func (e *Engine) SetChatLimit(ctx context.Context, act Act, lane Lane, daily *Limit) error {
	return e.act(ctx, act, "limit", string(lane), func(c *change) (string, error) {
		chat, err := chatOrNone(c.Tx, lane)
		if err != nil {
			return "", err
		}
		chat.Limits.Daily = daily
		return chat.Limits.String(), c.PutChat(chat)
	})
}

// Block lets nothing more be accepted from the person. What is under way goes on.
func (e *Engine) Block(ctx context.Context, act Act, who Identity) error {
	return e.actOn(ctx, act, "block", who, func(c *change, a *Account) (string, error) {
		a.Blocked = &Block{By: act.By, Why: act.Why, At: c.now}
		return "", nil
	})
}

// Unblock ends a block, and forgets the warnings.
func (e *Engine) Unblock(ctx context.Context, act Act, who Identity) error {
	return e.actOn(ctx, act, "unblock", who, func(_ *change, a *Account) (string, error) {
		a.Blocked, a.Warnings = nil, nil
		return "", nil
	})
}

// Grant gives the person credits that are used once the limits are used up,
// or takes some when the amount is negative; no more than are left.
func (e *Engine) Grant(ctx context.Context, act Act, who Identity, amount Credits) error {
	return e.actOn(ctx, act, "grant", who, func(c *change, a *Account) (string, error) {
		left, err := grantedLeft(c.Tx, a.ID)
		if err != nil {
			return "", err
		}
		if -amount > left {
			return "", &Refusal{Reason: ReasonTaken, Need: -amount, Left: left}
		}
		return amount.String(), c.post(Entry{
			Account: a.ID, Kind: EntryGrant, By: act.By, Why: act.Why,
			Postings: []Posting{{Window: grantedWindow(a.ID), Granted: amount}},
		})
	})
}

// Adjust corrects what the person has used today and this month, by the
// amount but not below zero.
func (e *Engine) Adjust(ctx context.Context, act Act, who Identity, amount Credits) error {
	return e.actOn(ctx, act, "adjust", who, func(c *change, a *Account) (string, error) {
		return amount.String(), c.adjust(a, act, amount)
	})
}

func (c *change) adjust(a *Account, act Act, amount Credits) error {
	entry := Entry{Account: a.ID, Kind: EntryAdjust, By: act.By, Why: act.Why}
	for _, w := range c.e.personal(asked{account: *a, now: c.now}) {
		usage, err := c.Usage(w.ID)
		if err != nil {
			return err
		}
		entry.Postings = append(entry.Postings, Posting{Window: w.ID, Settled: max(amount, -usage.Settled)})
	}
	return c.post(entry)
}

// RefundTask gives back what a finished task was charged, in the windows that
// bore it, once. What Kie charged is an operator loss then.
func (e *Engine) RefundTask(ctx context.Context, act Act, id TaskID) (Task, error) {
	var task Task
	err := e.act(ctx, act, "refund", string(id), func(c *change) (string, error) {
		var err error
		if task, err = orNoTask(c.Task(id)); err != nil {
			return "", err
		}
		return task.Charged.String(), c.refundTask(&task, act)
	})
	return task, err
}

func (c *change) refundTask(t *Task, act Act) error {
	switch {
	case t.Refunded > 0:
		return &Refusal{Reason: ReasonGaveBack, Task: t.ID}
	case t.Charged <= 0:
		return &Refusal{Reason: ReasonNoCharge, Task: t.ID}
	}
	owner, err := account(c.Tx, t.Account)
	if err != nil {
		return err
	}
	entry := Entry{Account: t.Account, Task: t.ID, Kind: EntryAdjust, By: act.By, Why: act.Why}
	parts := t.Hold.charges(t.Charged)
	for i, s := range t.Hold.Shares {
		window := s.Window
		for _, id := range owner.ids() { // linked since: the windows are the remaining account's
			window = window.movedTo(id, owner.ID)
		}
		usage, err := c.Usage(window)
		if err != nil {
			return err
		}
		back := min(parts[i], usage.Settled) // less when it was adjusted or pruned since
		entry.Postings = append(entry.Postings, Posting{Window: window, Settled: -back})
	}
	if err := c.post(entry); err != nil {
		return err
	}
	if err := c.loss(t, t.Kie, t.Charged, "refunded by an admin"); err != nil {
		return err
	}
	t.Refunded = t.Charged
	return c.putTask(*t)
}

// String is "daily 100, monthly unlimited", of those that are set.
func (l Limits) String() string {
	var parts []string
	for _, one := range []struct {
		name  string
		limit *Limit
	}{{"daily", l.Daily}, {"monthly", l.Monthly}} {
		if one.limit != nil {
			parts = append(parts, one.name+" "+one.limit.String())
		}
	}
	return strings.Join(parts, ", ")
}

// String is the amount of credits, or "unlimited".
func (l Limit) String() string {
	if l == Unlimited {
		return "unlimited"
	}
	return Credits(l).String()
}
