package core

// room refuses when one of the windows cannot hold amount more.
func (c *change) room(windows []Window, amount Credits) error {
	for _, w := range windows {
		if w.Limit == Unlimited {
			continue
		}
		usage, err := c.Usage(w.ID)
		if err != nil {
			return err
		}
		left := Credits(w.Limit) - usage.Held - usage.Settled
		if amount > left {
			return &Refusal{Reason: ReasonQuota, Need: amount, Left: max(left, 0), Limit: Credits(w.Limit), ResetsAt: w.Ends}
		}
	}
	return nil
}

// hold reserves amount for the task in the windows of its acceptance.
func (c *change) hold(t *Task, amount Credits, windows []Window) error {
	t.Hold = Hold{Amount: amount}
	var postings []Posting
	for _, w := range windows {
		t.Hold.Shares = append(t.Hold.Shares, Share{Window: w.ID, Amount: amount})
		postings = append(postings, Posting{Window: w.ID, Held: amount})
	}
	return c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntryHold, Postings: postings})
}

// book settles or refunds the hold. What Kie charged above the hold is taken
// in full; what it did not take of the hold goes back.
func (c *change) book(t *Task, money Money) error {
	switch money {
	case Settle:
		return c.settle(t)
	case Refund:
		return c.giveBack(t, func(s Share) Credits { return s.Amount })
	}
	return nil
}

func (c *change) settle(t *Task) error {
	var postings []Posting
	for _, s := range t.Hold.Shares {
		postings = append(postings, Posting{Window: s.Window, Held: -min(t.Charged, s.Amount), Settled: t.Charged})
	}
	if err := c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntrySettle, Postings: postings}); err != nil {
		return err
	}
	if t.Charged >= t.Hold.Amount {
		return nil
	}
	return c.giveBack(t, func(s Share) Credits { return s.Amount - t.Charged })
}

// giveBack refunds a part of every share of the task's hold.
func (c *change) giveBack(t *Task, part func(Share) Credits) error {
	var postings []Posting
	for _, s := range t.Hold.Shares {
		postings = append(postings, Posting{Window: s.Window, Held: -part(s)})
	}
	return c.post(Entry{Account: t.Account, Task: t.ID, Kind: EntryRefund, Postings: postings})
}

// post appends to the ledger and books the postings on their windows.
func (c *change) post(e Entry) error {
	for _, p := range e.Postings {
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
	return c.AddEntry(e)
}
