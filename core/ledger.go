package core

import (
	"math"
	"slices"

	"kiebot/kie"
)

// left is what the window still allows.
func left(tx Tx, w Window) (Credits, error) {
	if w.Limit == Unlimited {
		return math.MaxInt64, nil
	}
	usage, err := tx.Usage(w.ID)
	return max(Credits(w.Limit)-usage.Held-usage.Settled, 0), err
}

// grantedLeft is what remains of the account's granted and bought credits.
func grantedLeft(tx Tx, id AccountID) (Credits, error) {
	usage, err := tx.Usage(grantedWindow(id))
	left, _ := grantedOf(usage)
	return left, err
}

// grantedOf is what remains in the window of granted credits, or is owed there
// because credits were spent whose payment went back.
func grantedOf(usage Usage) (left, owed Credits) {
	left = usage.Granted - usage.Held - usage.Settled
	return max(left, 0), max(-left, 0)
}

// room refuses when the windows cannot hold amount. The answer is how much of
// it the person's own windows can bear; granted credits bear the rest, and
// the windows of the chat and of everybody bear all of it.
func (c *change) room(windows []Window, id AccountID, amount Credits) (Credits, error) {
	granted, err := grantedLeft(c.Tx, id)
	if err != nil {
		return 0, err
	}
	own, tightest := Credits(math.MaxInt64), Window{}
	for _, w := range windows {
		left, err := left(c.Tx, w)
		if err != nil {
			return 0, err
		}
		switch {
		case !w.ID.Kind().Personal():
			if amount > left {
				return 0, noRoom(w, amount, left, 0)
			}
		case left < own:
			own, tightest = left, w
		}
	}
	if amount > own && amount-own > granted {
		return 0, noRoom(tightest, amount, own, granted)
	}
	return own, nil
}

func noRoom(w Window, need, left, granted Credits) *Refusal {
	return &Refusal{
		Reason: ReasonQuota, Window: w.ID, Need: need, Left: left + granted, Granted: granted,
		Limit: Credits(w.Limit), ResetsAt: w.Ends,
	}
}

// hold reserves amount for the task in the windows of its acceptance; the
// person's own ones bear at most own of it.
func (c *change) hold(t *Task, amount, own Credits, windows []Window) error {
	t.Hold = Hold{Amount: amount}
	for _, w := range windows {
		share := Share{Window: w.ID, Amount: amount}
		if w.ID.Kind().Personal() {
			share.Amount = min(amount, own)
		}
		t.Hold.Shares = append(t.Hold.Shares, share)
	}
	if amount > own {
		t.Hold.Shares = append(t.Hold.Shares, Share{Window: grantedWindow(t.Account), Amount: amount - own})
	}
	var postings []Posting
	for _, s := range t.Hold.Shares {
		postings = append(postings, Posting{Window: s.Window, Held: s.Amount})
	}
	return c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntryHold, Postings: postings})
}

// charges says what each share's window is charged, in their order. The
// person's windows are used first; what is above the hold is theirs, too.
func (h Hold) charges(charged Credits) []Credits {
	var granted Credits
	for _, s := range h.Shares {
		if s.Window.Kind() == WindowGranted {
			granted = s.Amount
		}
	}
	granted = min(max(charged-(h.Amount-granted), 0), granted)
	parts := make([]Credits, len(h.Shares))
	for i, s := range h.Shares {
		switch kind := s.Window.Kind(); {
		case kind == WindowGranted:
			parts[i] = granted
		case kind.Personal():
			parts[i] = charged - granted
		default:
			parts[i] = charged
		}
	}
	return parts
}

// book settles or refunds the hold. What Kie charged above the hold is taken
// in full; what it did not take of the hold goes back.
func (c *change) book(t *Task, money Money) error {
	switch money {
	case Settle:
		return c.settle(t)
	case Refund:
		return c.giveBack(t, make([]Credits, len(t.Hold.Shares)))
	}
	return nil
}

func (c *change) settle(t *Task) error {
	parts := t.Hold.charges(t.Charged)
	var postings []Posting
	for i, s := range t.Hold.Shares {
		postings = append(postings, Posting{Window: s.Window, Held: -min(parts[i], s.Amount), Settled: parts[i]})
	}
	if err := c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntrySettle, Postings: postings}); err != nil {
		return err
	}
	if t.Charged >= t.Hold.Amount {
		return nil
	}
	return c.giveBack(t, parts)
}

// giveBack refunds what the charges leave of the task's hold.
func (c *change) giveBack(t *Task, charges []Credits) error {
	var postings []Posting
	for i, s := range t.Hold.Shares {
		postings = append(postings, Posting{Window: s.Window, Held: -max(s.Amount-charges[i], 0)})
	}
	return c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntryRefund, Postings: postings})
}

// loss records what Kie charged, or may have charged, for the Kie task and
// nobody can be charged for: once for each Kie task. The caller stores the task.
func (c *change) loss(t *Task, at kie.Ref, credits Credits, why string) error {
	if slices.Contains(t.Lost, at.TaskID) {
		return nil
	}
	t.Lost = append(t.Lost, at.TaskID)
	t.OperatorLoss += credits
	if credits == 0 {
		return nil
	}
	posting := Posting{Window: windowID(WindowLoss, c.e.calendar(c.now).month), Settled: credits}
	return c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntryLoss, Postings: []Posting{posting}, Why: why})
}

// post appends to the ledger and books the postings on their windows.
func (c *change) post(e Entry) error {
	postings := e.Postings
	e.Postings = nil
	for _, p := range postings {
		if p == (Posting{Window: p.Window}) {
			continue
		}
		e.Postings = append(e.Postings, p)
		usage, err := c.Usage(p.Window)
		if err != nil {
			return err
		}
		usage.Held += p.Held
		usage.Settled += p.Settled
		usage.Granted += p.Granted
		if err := c.PutUsage(p.Window, usage); err != nil {
			return err
		}
	}
	e.At = c.now
	c.booked(e)
	return c.AddEntry(e)
}
