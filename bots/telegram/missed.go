package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kiebot/bots"
)

// Telegram keeps an update for a day. A payment whose message was lost to an
// outage that lasted longer, or to a backup that was restored, is still in the
// list of the bot's transactions (Bot API, getStarTransactions), which is held
// against what was booked: after that day, so that nothing is said twice.
const (
	missedAfter   = 25 * time.Hour
	missedEvery   = 6 * time.Hour
	missedPage    = 100
	missedSetting = "telegram_transactions" // how many of the list were looked at
)

// transaction is one line of the list, in order of time. A payment that goes
// back is another line with the same id.
type transaction struct {
	ID     string   `json:"id"`
	Amount int      `json:"amount"`
	Date   int64    `json:"date"`
	From   *partner `json:"source"`
	To     *partner `json:"receiver"`
}

type partner struct {
	Type    string `json:"type"`
	User    person `json:"user"`
	Payload string `json:"invoice_payload"`
}

// lookForMissed books what was missed, from time to time, until ctx ends.
func (t *Telegram) lookForMissed(ctx context.Context) {
	for ctx.Err() == nil {
		if err := t.bookMissed(ctx); err != nil && ctx.Err() == nil {
			t.log.Warn("payments were not compared with Telegram's list", "error", err)
		}
		select {
		case <-time.After(missedEvery):
		case <-ctx.Done():
		}
	}
}

// bookMissed goes on in the list where it stopped the last time.
func (t *Telegram) bookMissed(ctx context.Context) error {
	stored, err := readSetting(ctx, t.cfg.Store, missedSetting)
	if err != nil || stored == nil && !t.cfg.Till.Selling() {
		return err
	}
	seen := 0
	if stored != nil {
		if err := json.Unmarshal(stored, &seen); err != nil {
			return fmt.Errorf("decoding %s: %w", missedSetting, err)
		}
	}
	for {
		var page struct {
			Transactions []transaction `json:"transactions"`
		}
		if err := t.api.post(ctx, "getStarTransactions", map[string]any{"offset": seen, "limit": missedPage}, &page); err != nil {
			return err
		}
		booked := 0
		for _, one := range page.Transactions {
			if t.now().Sub(time.Unix(one.Date, 0)) < missedAfter {
				break
			}
			if err := t.bookTransaction(ctx, one); err != nil {
				return err
			}
			booked++
		}
		seen += booked
		if err := t.cfg.Engine.PutSettings(ctx, map[string][]byte{missedSetting: fmt.Append(nil, seen)}); err != nil {
			return err
		}
		if booked < missedPage {
			return nil
		}
	}
}

// bookTransaction books a payment, or one that went back, unless it was booked
// or is for nothing of ours.
func (t *Telegram) bookTransaction(ctx context.Context, one transaction) error {
	with, record := one.From, t.cfg.Till.Paid
	if with == nil {
		with, record = one.To, t.cfg.Till.PaidBack
	}
	if with == nil || with.Type != "user" || with.User.ID == 0 {
		return nil
	}
	p := stars{Currency: starsCurrency, Amount: one.Amount, Payload: with.Payload}.of(with.User)
	p.Charge = one.ID
	paid, back, err := t.cfg.Till.Booked(ctx, p)
	if err != nil || back || one.From != nil && paid {
		return err
	}
	reply, err := record(ctx, p)
	switch {
	case errors.Is(err, bots.ErrForeignPayment):
		return nil
	case err != nil:
		return err
	}
	t.log.Warn("a payment was booked that no message told of", "lane", string(p.Origin.Lane), "charge", p.Charge)
	t.answer(ctx, place{lane: p.Origin.Lane, chat: with.User.ID}, p.Origin.Locale, reply)
	return nil
}
