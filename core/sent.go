package core

import (
	"context"
	"time"
)

// sentSetting has when the last tasks left for a Kie account, so that its limit
// of creations holds for whoever has the account next.
func sentSetting(kieAccount string) string { return "kie_sent/" + kieAccount }

// noteSent notes that a task leaves for the account with this commit.
func (c *change) noteSent(a *kieAccount) error {
	var sent []time.Time
	if _, err := settingJSON(c.Tx, sentSetting(a.name), &sent); err != nil {
		return err
	}
	sent = append(sent, c.now)
	return c.putJSON(sentSetting(a.name), sent[max(len(sent)-creationsMax, 0):])
}

// prepareAccount has the account continue as it was left: parked or not, and
// with the creations of the last seconds counted.
func (e *Engine) prepareAccount(ctx context.Context, a *kieAccount) error {
	a.atKie.Store(0)
	var sent []time.Time
	err := e.store.View(ctx, func(tx Tx) error {
		if err := e.recallAccounts(tx, true); err != nil {
			return err
		}
		_, err := settingJSON(tx, sentSetting(a.name), &sent)
		return err
	})
	if err != nil {
		return err
	}
	for _, at := range sent {
		ago := e.cfg.Now().Sub(at)
		if ago >= 0 && ago < creationsPer {
			a.slots.Spend(ago, e.creator.stir)
		}
	}
	return nil
}
