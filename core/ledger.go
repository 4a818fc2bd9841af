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
	for _, w := range windows {
		t.Hold.Windows = append(t.Hold.Windows, w.ID)
	}
	return c.entry(t, EntryHold, amount, 0)
}

// book settles or refunds the hold. What Kie charged above the hold is taken
// in full; what it did not take of the hold goes back.
func (c *change) book(t *Task, money Money) error {
	switch money {
	case Settle:
		rest := t.Hold.Amount - t.Charged
		if rest <= 0 {
			return c.entry(t, EntrySettle, -t.Hold.Amount, t.Charged)
		}
		if err := c.entry(t, EntrySettle, -t.Charged, t.Charged); err != nil {
			return err
		}
		return c.entry(t, EntryRefund, -rest, 0)
	case Refund:
		return c.entry(t, EntryRefund, -t.Hold.Amount, 0)
	}
	return nil
}

// entry appends to the ledger and books the same on every window of the hold.
func (c *change) entry(t *Task, kind EntryKind, held, settled Credits) error {
	for _, id := range t.Hold.Windows {
		usage, err := c.Usage(id)
		if err != nil {
			return err
		}
		usage.Held += held
		usage.Settled += settled
		if err := c.PutUsage(id, usage); err != nil {
			return err
		}
	}
	return c.AddEntry(Entry{
		Account: t.Account, Task: t.ID, Kind: kind,
		Held: held, Settled: settled, Windows: t.Hold.Windows, At: c.now,
	})
}
