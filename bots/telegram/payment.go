package telegram

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"kiebot/bots"
	"kiebot/core"
)

// Payments are in Telegram Stars (Bot Payments API for Digital Goods and
// Services). A checkout is answered within ten seconds or the payment fails, so
// it waits for nothing that came before it and is stored nowhere. The payment
// itself comes as a message of the private chat, in order with all others, and
// Telegram may forget it when it is credited, or stored to be credited.

// Till is the part of bots.Bot that takes payments.
type Till interface {
	Selling() bool
	Checkout(ctx context.Context, p bots.Payment) string
	Paid(ctx context.Context, p bots.Payment) (bots.Reply, error)
	PaidBack(ctx context.Context, p bots.Payment) (bots.Reply, error)
	Booked(ctx context.Context, p bots.Payment) (paid, back bool, err error)
}

const (
	starsCurrency = "XTR"
	// buyWord is the word of the link that a forwarded invoice becomes, since
	// an invoice is for one person (Bot API, sendInvoice, start_parameter).
	buyWord = "buy"
)

// checkout is a person who is about to pay (Bot API, PreCheckoutQuery).
type checkout struct {
	ID   string `json:"id"`
	From person `json:"from"`
	stars
}

// payment is one that was made, or one that went back (Bot API,
// SuccessfulPayment, RefundedPayment).
type payment struct {
	stars
	Charge string `json:"telegram_payment_charge_id"`
}

// stars is what is paid for what.
type stars struct {
	Currency string `json:"currency"`
	Amount   int    `json:"total_amount"`
	Payload  string `json:"invoice_payload"`
}

// of is the payment that a person makes in their private chat.
func (s stars) of(who person) bots.Payment {
	p := bots.Payment{Payload: s.Payload, Stars: s.Amount}
	p.Origin = core.Origin{Identity: identity(who.ID), Name: who.name(), Lane: laneOf(who.ID), Locale: who.Language}
	if s.Currency != starsCurrency {
		p.Payload = "" // nothing of ours
	}
	return p
}

// Bounds of an answer to a checkout.
const (
	checkoutFor   = 10 * time.Second
	checkoutTry   = 3 * time.Second // for one call
	checkoutPause = 500 * time.Millisecond
)

// checkouts begins to answer those among the updates, and gives back the others.
func (t *Telegram) checkouts(ctx context.Context, updates []update) []update {
	var others []update
	for _, u := range updates {
		if u.Checkout == nil {
			others = append(others, u)
			continue
		}
		t.receiver.aside(u.ID, func() { t.checkout(ctx, u.Checkout) })
	}
	return others
}

// checkout answers one. The same answer can be given again, so what becomes of
// a call that fails is not asked.
func (t *Telegram) checkout(ctx context.Context, c *checkout) {
	if t.cfg.Till == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkoutFor)
	defer cancel()
	no := t.cfg.Till.Checkout(ctx, c.of(c.From))
	answer := &bot.AnswerPreCheckoutQueryParams{PreCheckoutQueryID: c.ID, OK: no == "", ErrorMessage: no}
	for {
		try, stop := context.WithTimeout(ctx, checkoutTry)
		_, err := t.api.AnswerPreCheckoutQuery(try, answer)
		stop()
		pause := checkoutPause
		switch means := meaning(err); {
		case means == failNone || means == failLate: // too late, or answered by a call whose answer was lost
			return
		case means == failWait:
			pause = retryIn(err)
		case means != failUnknown || ctx.Err() != nil:
			t.log.Warn("a checkout was not answered", "error", err)
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.log.Warn("a checkout was not answered in time", "error", err)
			return
		}
	}
}

// retryIn is the wait that the error of a call asks for.
func retryIn(err error) time.Duration {
	var failed *callError
	if errors.As(err, &failed) {
		return max(failed.RetryAfter, firstWait)
	}
	return firstWait
}

// book credits a payment, or takes back what was bought with one that went
// back, and says so. It returns when that is durable, or has to be done again.
func (t *Telegram) book(ctx context.Context, m *message) {
	if t.cfg.Till == nil {
		return
	}
	paid, record := m.Paid, t.cfg.Till.Paid
	if paid == nil {
		paid, record = m.PaidBack, t.cfg.Till.PaidBack
	}
	// In a private chat the chat is the person; who sends the message of a
	// payment that went back is not said.
	who := person{ID: m.Chat.ID}
	if m.From != nil && !m.From.IsBot {
		who = *m.From
	}
	if m.Chat.Type != "private" || who.ID != m.Chat.ID || len(m.ForwardOrigin) > 0 {
		t.log.Error("a payment came from where none can come from", "lane", string(laneOf(m.Chat.ID)), "charge", paid.Charge)
		return
	}
	p := paid.of(who)
	p.Charge, p.Origin.Ref = paid.Charge, encodeRef(m)
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		reply, err := record(ctx, p)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, bots.ErrForeignPayment):
			t.log.Error("a payment is for nothing that was sold to this person; nothing was credited or taken", "lane", string(p.Origin.Lane), "charge", paid.Charge, "stars", paid.Amount)
			return
		case err == nil:
			t.answer(ctx, placeOf(m, p.Origin), p.Origin.Locale, reply)
			return
		}
		t.log.Error("a payment was not stored and is tried again", "charge", paid.Charge, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// bill sends an invoice, to the private chat of the person it is for.
func (t *Telegram) bill(ctx context.Context, at place, b *bots.Invoice) {
	if at.chat < 0 {
		at = place{chat: chatOf(at.fallback)}
	}
	if at.chat == 0 {
		return
	}
	err := t.patiently(ctx, func() error {
		return t.try(ctx, &at, 1, func() error {
			_, err := t.api.SendInvoice(ctx, &bot.SendInvoiceParams{
				ChatID: at.chat, MessageThreadID: at.thread, Title: b.Title, Description: b.Text, Payload: b.Payload, StartParameter: buyWord,
				Currency: starsCurrency, Prices: []models.LabeledPrice{{Label: b.Title, Amount: b.Stars}},
			})
			if sentAnyway(err) {
				return nil
			}
			return err
		})
	})
	if err != nil {
		t.log.Warn("an invoice was not shown", "lane", string(laneOf(at.chat)), "error", err)
	}
}

// Bounds of asking for a payment to be returned.
const (
	paybackTries = 4
	paybackTry   = 10 * time.Second
)

// PayBack is bots.Sale.PayBack: it asks for the Stars of a payment to be
// returned. After a lost answer it asks again: Telegram returns them once.
func (t *Telegram) PayBack(ctx context.Context, p core.Payment) error {
	user, err := strconv.ParseInt(p.Payer.User, 10, 64)
	if err != nil || p.Payer.Platform != Platform {
		return fmt.Errorf("%w: %s is not of Telegram", bots.ErrKept, p.Payer)
	}
	for try := 1; ; try++ {
		once, stop := context.WithTimeout(ctx, paybackTry)
		_, err := t.api.RefundStarPayment(once, &bot.RefundStarPaymentParams{UserID: user, TelegramPaymentChargeID: p.Charge.ID})
		stop()
		switch meaning(err) {
		case failNone, failReturned:
			return nil
		case failContent, failChat:
			return fmt.Errorf("%w: %w", bots.ErrKept, err)
		case failUnknown, failWait:
		default:
			return err
		}
		if try == paybackTries {
			return err
		}
		select {
		case <-time.After(retryIn(err)):
		case <-ctx.Done():
			return err
		}
	}
}
