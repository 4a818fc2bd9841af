package core_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"kiebot/core"
)

// What a request may cost, counted from the tasks alone: no window, no sum.

// cost is what a task takes: of the person's own windows, of granted credits,
// and of the windows of everybody, while it is under way or since it ended.
func (f *fact) cost() (own, granted, full core.Credits) {
	switch {
	case !f.State.Final():
		return f.order.model.price - f.granted, f.granted, f.order.model.price
	case f.State != core.Succeeded || f.Refunded > 0:
		return 0, 0, 0
	}
	granted = min(max(f.Charged-(f.order.model.price-f.granted), 0), f.granted)
	return f.Charged - granted, granted, f.Charged
}

// share is the part of the cost that a window of the kind bears.
func (f *fact) share(kind core.WindowKind) core.Credits {
	own, granted, full := f.cost()
	switch kind {
	case core.WindowDay, core.WindowMonth, core.WindowOfKind, core.WindowOfModel:
		return own
	case core.WindowGranted:
		return granted
	case core.WindowChat, core.WindowChatMonth, core.WindowPlace, core.WindowPlaceMonth, core.WindowMember, core.WindowTotal:
		return full
	}
	return 0
}

// sum adds up a part of what tasks cost.
func (b *book) sum(part func(*fact) core.Credits, of func(*fact) bool) (sum core.Credits) {
	for _, f := range b.facts {
		if of(f) {
			sum += part(f)
		}
	}
	return sum
}

func (f *fact) own() core.Credits      { own, _, _ := f.cost(); return own }
func (f *fact) ofGrants() core.Credits { _, granted, _ := f.cost(); return granted }
func (f *fact) full() core.Credits     { _, _, full := f.cost(); return full }

// calendar numbers the days or the months.
type calendar func(time.Time) int

func day(t time.Time) int { return int(t.Unix() / (24 * 60 * 60)) }

func month(t time.Time) int {
	year, month, _ := t.UTC().Date()
	return 12*year + int(month)
}

// in reports whether the task was accepted in the day or month of the moment.
func (f *fact) in(which calendar, at time.Time) bool { return which(f.Created) == which(at) }

// left is what a limit leaves; nil leaves everything.
func left(limit *core.Limit, used core.Credits) core.Credits {
	if limit == nil || *limit == core.Unlimited {
		return math.MaxInt64
	}
	return max(core.Credits(*limit)-used, 0)
}

// ownLeft is what the person's own windows still bear of a request for the model.
func (b *book) ownLeft(id core.AccountID, model string, at time.Time) core.Credits {
	mine := func(which calendar, of func(*fact) bool) core.Credits {
		return b.sum((*fact).own, func(f *fact) bool { return b.root(f.Account) == id && f.in(which, at) && of(f) })
	}
	all := func(*fact) bool { return true }
	limits := b.records[id].Limits
	least := min(
		left(either(limits.Daily, b.policy.User.Daily), mine(day, all)+b.adjusted(core.WindowDay, id, day, at)),
		left(either(limits.Monthly, b.policy.User.Monthly), mine(month, all)+b.adjusted(core.WindowMonth, id, month, at)),
	)
	if limit, ok := b.policy.Models[model]; ok {
		least = min(least, left(&limit, mine(day, func(f *fact) bool { return f.Request.Model == model })))
	}
	return least
}

// grantedLeft is what is left of what admins gave the account and what it bought.
func (b *book) grantedLeft(id core.AccountID) core.Credits {
	used := b.sum((*fact).ofGrants, func(f *fact) bool { return b.root(f.Account) == id })
	return max(b.given(id)-used, 0)
}

// given is what admins gave the account and what it bought, without what was taken back.
func (b *book) given(id core.AccountID) (sum core.Credits) {
	for _, e := range b.acts {
		if !ofThePurse(e.Kind) || b.root(e.Account) != id {
			continue
		}
		for _, p := range e.Postings { // none when nothing was granted
			sum += p.Granted
		}
	}
	return sum
}

func ofThePurse(kind core.EntryKind) bool {
	return kind == core.EntryGrant || kind == core.EntryBuy || kind == core.EntryPayback
}

// sales checks that what is bought and paid back is booked in the same commit,
// before the commit's entries are taken in.
func (b *book) sales(c commit) {
	for name, value := range c.settings {
		if !strings.HasPrefix(name, "purchase/") {
			continue
		}
		var now core.Purchase
		if err := json.Unmarshal(value, &now); err != nil {
			b.wrong("%s cannot be read: %v", name, err)
		}
		id, before, want := b.root(now.Account), b.purchases[now.Charge], core.Credits(0)
		switch {
		case before == nil:
			want = now.Credits
		case before.Payback == nil && now.Payback != nil:
			want = -min(now.Credits, b.given(id))
			if owed := max(-want-b.grantedLeft(id), 0); now.Payback.Taken != -want || now.Payback.Owed != owed {
				b.wrong("%s is paid back as %+v, want %s and %s owed", name, *now.Payback, -want, owed)
			}
		case before.Payback != nil && now.Payback == nil:
			want = before.Payback.Taken
		}
		for _, e := range c.entries {
			for _, p := range e.Postings {
				want -= p.Granted
			}
		}
		if want != 0 {
			b.wrong("%s became %+v, and %s of it are not in the ledger", name, now, want)
		}
		b.purchases[now.Charge] = &now
	}
}

// adjusted is what admins added to what the account has used in the day or month.
func (b *book) adjusted(kind core.WindowKind, id core.AccountID, which calendar, at time.Time) (sum core.Credits) {
	for _, e := range b.acts {
		if e.Kind != core.EntryAdjust || b.root(e.Account) != id || which(e.At) != which(at) {
			continue
		}
		for _, p := range e.Postings {
			if p.Window.Kind() == kind {
				sum += p.Settled
			}
		}
	}
	return sum
}

// either is the special limit, or else the general one.
func either(special, general *core.Limit) *core.Limit {
	if special != nil {
		return special
	}
	return general
}

// rules takes in what a commit changes about who may spend what.
func (b *book) rules(c commit) {
	for _, chat := range c.chats {
		b.chats[chat.Lane] = chat
	}
	if value, set := c.settings["paused"]; set {
		var pause struct{ Now *core.Pause }
		if err := json.Unmarshal(value, &pause); err != nil {
			b.wrong("the pause cannot be read: %v", err)
		}
		b.paused = pause.Now != nil
	}
	value, set := c.settings["policy"]
	if !set {
		return
	}
	var changed core.Policy
	if err := json.Unmarshal(value, &changed); err != nil {
		b.wrong("the policy cannot be read: %v", err)
	}
	b.policy.User.Daily = either(changed.User.Daily, b.policy.User.Daily)
	b.policy.Off = changed.Off
}

// refusal is why the order must be refused at the moment; empty when it must be accepted.
func (b *book) refusal(o *order, at time.Time) core.Reason {
	id, total := b.accountOf(o.request.Origin.Identity), o.total()
	if b.records[id].Blocked != nil {
		return core.ReasonBlocked
	}
	if b.paused {
		return core.ReasonPaused
	}
	if most := b.policy.MaxActive; most != nil && *most >= 0 && b.active(id) >= *most {
		return core.ReasonActive
	}
	if slices.Contains(b.policy.Off, o.request.Model) {
		return core.ReasonOff
	}
	if most := b.policy.MaxRequest; most != nil && total > core.Credits(*most) {
		return core.ReasonTooDear
	}
	today := func(f *fact) bool { return f.in(day, at) }
	own := b.ownLeft(id, o.request.Model, at)
	switch confirm := b.policy.ConfirmAbove; {
	case total > b.leftThere(id, o.request.Origin, at), total > left(b.policy.Total, b.sum((*fact).full, today)):
		return core.ReasonQuota
	case total > own && total-own > b.grantedLeft(id):
		return core.ReasonQuota
	case confirm != nil && *confirm != core.Unlimited && total > core.Credits(*confirm) && total > o.request.Confirmed:
		return core.ReasonConfirm
	}
	return ""
}

// leftThere is what the chat, its place, and the place for one person leave.
func (b *book) leftThere(id core.AccountID, origin core.Origin, at time.Time) core.Credits {
	full := func(which calendar, of func(*fact) bool) core.Credits {
		return b.sum((*fact).full, func(f *fact) bool { return f.in(which, at) && of(f) })
	}
	inRoom := func(f *fact) bool { return f.Request.Origin.Lane == origin.Lane }
	inPlace := func(f *fact) bool { return f.Request.Origin.Place == origin.Place }
	mine := func(f *fact) bool { return inPlace(f) && f.member && b.root(f.Account) == id }
	place := b.chats[core.Lane(origin.Place)]
	least := min(
		left(either(b.chats[origin.Lane].Limits.Daily, b.policy.Chat), full(day, inRoom)),
		left(place.Limits.Daily, full(day, inPlace)), left(place.Limits.Monthly, full(month, inPlace)),
		left(place.Rules.Limits.Daily, full(day, inPlace)), left(place.Rules.Limits.Monthly, full(month, inPlace)),
	)
	return min(least, left(place.Rules.Person, full(day, mine)))
}

// active counts the account's tasks under way.
func (b *book) active(id core.AccountID) int {
	requests := map[core.TaskID]bool{}
	for _, f := range b.facts {
		if b.root(f.Account) == id && !f.State.Final() {
			requests[f.Lead()] = true
		}
	}
	return len(requests)
}

func (o *order) total() core.Credits { return o.model.price * core.Credits(o.count) }

// account takes an account's record in.
func (b *book) account(a core.Account) {
	b.records[a.ID] = a
	if a.Into != "" {
		b.into[a.ID] = a.Into
	}
	for _, who := range a.Identities {
		b.people[who] = a.ID
	}
}

// root is the account that has everything of this one.
func (b *book) root(id core.AccountID) core.AccountID {
	for b.into[id] != "" {
		id = b.into[id]
	}
	return id
}

// accountOf is the person's account, empty before the first request.
func (b *book) accountOf(who core.Identity) core.AccountID { return b.root(b.people[who]) }

// rooted is the window under the account that has it now.
func (b *book) rooted(w core.WindowID) core.WindowID {
	parts := strings.SplitN(string(w), "/", 3)
	switch w.Kind() {
	case core.WindowDay, core.WindowMonth, core.WindowOfKind, core.WindowOfModel, core.WindowMember, core.WindowGranted:
		parts[1] = string(b.root(core.AccountID(parts[1])))
	}
	return core.WindowID(strings.Join(parts, "/"))
}

// borne checks that a new task's hold is borne by the windows it belongs to.
func (b *book) borne(f *fact) {
	var kinds []core.WindowKind
	for _, s := range f.Hold.Shares {
		kind := s.Window.Kind()
		kinds = append(kinds, kind)
		if want := f.share(kind); s.Amount != want {
			b.wrong("task %s holds %s in %s, want %s", f.ID, s.Amount, s.Window, want)
		}
	}
	want := []core.WindowKind{core.WindowDay, core.WindowMonth, core.WindowChat, core.WindowTotal, core.WindowChatMonth}
	if f.Request.Origin.Place != core.Place(f.Request.Origin.Lane) {
		want = append(want[:len(want)-1], core.WindowPlace, core.WindowPlaceMonth)
	}
	if f.member {
		want = append(want, core.WindowMember)
	}
	for _, kind := range want {
		if !slices.Contains(kinds, kind) {
			b.wrong("task %s has no %s window", f.ID, kind)
		}
	}
	if f.granted > 0 && !slices.Contains(kinds, core.WindowGranted) {
		b.wrong("granted credits pay %s of task %s, and do not hold it", f.granted, f.ID)
	}
}
