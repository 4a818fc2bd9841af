package core

import (
	"context"
	"fmt"
	"time"
)

// Credits can be bought where a platform takes payments. They lie in the same
// window as what admins granted: for when the windows of the person are used
// up, without an end, and of the two what was granted counts as used first.
//
// A payment is credited once, whatever is repeated: its record stays for ever
// under the platform's name for it, and is written in the commit that credits it.
//
// When the money goes back, all credits go that were bought with it. What was
// spent of them by then stays owed: what is granted or bought later, and holds
// that come back, pay that off before anything can be spent again. Nobody is
// asked for it, and the windows of the day and the month do not bear it. So a
// payment that went back leaves the ledger as if it had never come, and what
// Kie charged is neither lost silently nor booked twice.

// ReasonNoPayment is why nothing can be done about a payment: none of that name
// was credited.
const ReasonNoPayment Reason = "no_payment"

// Charge is a platform's name for a payment.
type Charge struct {
	Platform string `json:"platform"`
	ID       string `json:"id"`
}

// String is "platform:id".
func (c Charge) String() string { return c.Platform + ":" + c.ID }

// Payment is what somebody paid for credits.
type Payment struct {
	Charge  Charge   `json:"charge"`
	Payer   Identity `json:"payer"`
	Price   string   `json:"price"` // for those who read the ledger, such as "100 XTR"
	Credits Credits  `json:"credits"`
}

// Purchase is a payment that was credited.
type Purchase struct {
	Payment
	Account AccountID `json:"account"` // when it was credited
	At      time.Time `json:"at"`
	// Payback says that the money goes back, or went; nil when it does not.
	Payback *Payback `json:"payback,omitempty"`
}

// Payback is how a payment went back.
type Payback struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Taken Credits   `json:"taken"` // all that was bought, unless an admin took of it before
	Owed  Credits   `json:"owed"`  // the part of it that was spent
	Done  bool      `json:"done"`  // the platform says that the money is back
}

func purchaseSetting(of Charge) string { return "purchase/" + of.String() }

// CanBuy refuses who may not ask for anything there, and so should not pay.
func (e *Engine) CanBuy(ctx context.Context, origin Origin) error {
	return e.view(ctx, func(tx Tx) error {
		asked, err := e.askedBy(tx, origin, e.cfg.Now())
		if err != nil {
			return err
		}
		return asked.welcome()
	})
}

// CanPay refuses who was blocked. Where somebody pays need not be where they
// may ask for something.
func (e *Engine) CanPay(ctx context.Context, who Identity) error {
	return e.view(ctx, func(tx Tx) error {
		account, err := accountOrNone(tx, who)
		if err != nil {
			return err
		}
		return account.unblocked()
	})
}

// Buy credits the payment. It refuses nobody: the money is there. The same
// charge again gives the purchase of the first time and credits nothing.
func (e *Engine) Buy(ctx context.Context, p Payment) (Purchase, error) {
	if p.Charge.ID == "" || p.Payer.User == "" || p.Credits <= 0 {
		return Purchase{}, fmt.Errorf("core: a payment needs Charge, Payer and Credits")
	}
	var bought Purchase
	err := e.update(ctx, func(c *change) error {
		bought = Purchase{}
		known, err := settingJSON(c.Tx, purchaseSetting(p.Charge), &bought)
		if known || err != nil {
			return err
		}
		account, err := c.accountFor(p.Payer)
		if err != nil {
			return err
		}
		bought = Purchase{Payment: p, Account: account.ID, At: c.now}
		if err := c.postPurchase(EntryBuy, account.ID, p.Credits, p.Payer.String(), p.Charge.String()+" for "+p.Price); err != nil {
			return err
		}
		return c.putPurchase(bought)
	})
	return bought, unavailable(err)
}

// Purchase reads what was bought with the charge.
func (e *Engine) Purchase(ctx context.Context, of Charge) (Purchase, error) {
	var p Purchase
	err := e.view(ctx, func(tx Tx) error {
		p = Purchase{}
		return readPurchase(tx, of, &p)
	})
	return p, err
}

// readPurchase refuses a charge that was not credited.
func readPurchase(tx Tx, of Charge, p *Purchase) error {
	known, err := settingJSON(tx, purchaseSetting(of), p)
	if err == nil && !known {
		return &Refusal{Reason: ReasonNoPayment}
	}
	return err
}

// PayBack takes back what was bought with the payment, before the platform is
// asked to return the money: so nothing of it is spent meanwhile. Again it
// changes nothing, and Payback.Done says whether there is anything left to ask.
func (e *Engine) PayBack(ctx context.Context, act Act, of Charge) (Purchase, error) {
	return e.changePurchase(ctx, of, func(c *change, p *Purchase) error {
		if p.Payback != nil {
			return nil
		}
		return c.takeBack(p, act)
	})
}

// PaidBack notes that the platform has returned the money, whoever wanted it
// to. When no admin did, what was bought is taken back now, and the operator
// is alerted.
func (e *Engine) PaidBack(ctx context.Context, of Charge) (Purchase, error) {
	return e.changePurchase(ctx, of, func(c *change, p *Purchase) error {
		if p.Payback == nil {
			if err := c.takeBack(p, Act{By: of.Platform, Why: "the platform returned the money"}); err != nil {
				return err
			}
			if err := c.alert(Alert{Kind: AlertPaidBack, Credits: p.Payback.Owed, Detail: of.String()}); err != nil {
				return err
			}
		}
		p.Payback.Done = true
		return c.putPurchase(*p)
	})
}

// KeepPayment undoes PayBack, because the platform does not return the money.
// What is not on its way back is left as it is.
func (e *Engine) KeepPayment(ctx context.Context, act Act, of Charge) (Purchase, error) {
	return e.changePurchase(ctx, of, func(c *change, p *Purchase) error {
		if p.Payback == nil || p.Payback.Done {
			return nil
		}
		taken := p.Payback.Taken
		p.Payback = nil
		return c.movePurchase(p, act, "keep payment", taken, taken.String())
	})
}

// changePurchase lets fn work on what was bought with the charge.
func (e *Engine) changePurchase(ctx context.Context, of Charge, fn func(*change, *Purchase) error) (Purchase, error) {
	var p Purchase
	err := e.update(ctx, func(c *change) error {
		p = Purchase{}
		if err := readPurchase(c.Tx, of, &p); err != nil {
			return err
		}
		return fn(c, &p)
	})
	return p, unavailable(err)
}

// takeBack takes what was bought from whoever has the account now.
func (c *change) takeBack(p *Purchase, act Act) error {
	owner, err := account(c.Tx, p.Account)
	if err != nil {
		return err
	}
	usage, err := c.Usage(grantedWindow(owner.ID))
	if err != nil {
		return err
	}
	taken := min(p.Credits, usage.Granted)
	left, _ := grantedOf(usage)
	p.Payback = &Payback{By: act.By, At: c.now, Taken: taken, Owed: max(taken-left, 0)}
	detail := fmt.Sprintf("%s, of which %s were spent and stay owed", taken, p.Payback.Owed)
	return c.movePurchase(p, act, "pay back", -taken, detail)
}

// movePurchase books the amount, notes who wanted it and stores the purchase.
func (c *change) movePurchase(p *Purchase, act Act, action string, amount Credits, detail string) error {
	if err := act.check(); err != nil {
		return err
	}
	owner, err := account(c.Tx, p.Account)
	if err != nil {
		return err
	}
	if err := c.postPurchase(EntryPayback, owner.ID, amount, act.By, p.Charge.String()+" "+act.Why); err != nil {
		return err
	}
	audit := Audit{At: c.now, By: act.By, Action: action, Target: p.Charge.String(), Detail: detail, Why: act.Why}
	if err := c.AddAudit(audit); err != nil {
		return err
	}
	return c.putPurchase(*p)
}

func (c *change) postPurchase(kind EntryKind, id AccountID, amount Credits, by, why string) error {
	posting := Posting{Window: grantedWindow(id), Granted: amount}
	return c.post(Entry{Account: id, Kind: kind, By: by, Why: why, Postings: []Posting{posting}})
}

func (c *change) putPurchase(p Purchase) error { return c.putJSON(purchaseSetting(p.Charge), p) }
