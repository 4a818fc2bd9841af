package bots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kiebot/core"
)

// Sale is what people can buy, and how. The zero value sells nothing.
type Sale struct {
	Platform string // where it is sold: an Identity.Platform, of which the texts say Telegram
	Packs    []Pack // in the order in which to show them; without one nothing is sold any more
	// Support says whom to write to about a payment, and Terms where the terms
	// stand; both may be empty.
	Support, Terms string
	// PayBack makes the platform return the money. It returns nil when the
	// money is back, also when it was before, and ErrKept when the platform
	// refuses. With any other error nobody knows. Nil means that no money can
	// be returned from here.
	PayBack func(ctx context.Context, p core.Payment) error
}

// Pack is an amount of credits with its price.
type Pack struct {
	Stars   int
	Credits core.Credits
}

// ErrKept is that a platform does not return a payment, and never will.
var ErrKept = errors.New("the platform does not return the payment")

// ErrForeignPayment is that a payment is for nothing that this bot has offered
// to whoever made it.
var ErrForeignPayment = errors.New("the payment is for no invoice of this bot")

// Invoice asks for a payment.
type Invoice struct {
	Title   string // at most 32 characters
	Text    string // at most 255 characters
	Payload string // what it is for; at most 128 bytes, which Payment brings back
	Stars   int
}

// Payment is what a platform says about the payment of an Invoice.
type Payment struct {
	Origin  core.Origin // who pays; Identity and Lane are required
	Payload string      // of the invoice
	Stars   int
	Charge  string // the platform's name for the payment; empty until it is made
}

// invoiceVersion is the first part of a payload. What comes after it says what
// was promised to whom, so that a payment is right whatever is sold by then.
const invoiceVersion = "1"

func payloadOf(p Pack, who core.Identity) string {
	return strings.Join([]string{invoiceVersion, strconv.Itoa(p.Stars), strconv.FormatInt(int64(p.Credits), 10), who.User}, ":")
}

// promised reads what the payment is for, and for whom; false when it is none of ours.
func (p Payment) promised() (pack Pack, user string, ok bool) {
	parts := strings.Split(p.Payload, ":")
	if len(parts) != 4 || parts[0] != invoiceVersion {
		return Pack{}, "", false
	}
	pack, ok = readPack(parts[1], parts[2])
	return pack, parts[3], ok && pack.Stars == p.Stars
}

func readPack(stars, credits string) (Pack, bool) {
	price, err := strconv.Atoi(stars)
	amount, also := strconv.ParseInt(credits, 10, 64)
	return Pack{Stars: price, Credits: core.Credits(amount)}, errors.Join(err, also) == nil && price > 0 && amount > 0
}

// Selling says whether there is something to buy.
func (b *Bot) Selling() bool { return len(b.sale.Packs) > 0 }

func (b *Bot) returns() bool { return b.sale.PayBack != nil }

// buyMenu is the menu of what is sold, and takePack what its buttons do.
const (
	buyMenu  = "buy"
	takePack = "take"
)

// buy answers /buy.
func (b *Bot) buy(ctx context.Context, s session) Reply {
	if err := b.engine.CanBuy(ctx, s.in.Origin); err != nil {
		return b.refusal(s.voice, err)
	}
	if s.in.Origin.Identity.Platform != b.sale.Platform {
		return Reply{Text: s.say("buy.elsewhere", nil)}
	}
	have, err := b.engine.Balance(ctx, s.in.Origin)
	if err != nil {
		return b.refusal(s.voice, err)
	}
	menu := step{menu: buyMenu, owner: tagOf(s.in.Origin.Identity)}
	var k keyboard
	for _, p := range b.sale.Packs {
		k.row(Button{
			Emoji: "⭐", Label: s.say("buy.pack", args{"Stars": s.stars(p.Stars), "Credits": s.credits(p.Credits)}),
			Data: menu.to(takePack, strconv.Itoa(p.Stars), strconv.FormatInt(int64(p.Credits), 10)).data(),
		})
	}
	return Reply{Private: true, Text: sentences(s.say("buy.title", nil), s.purse(have)), Buttons: k.buttons}
}

// pressBuy answers a press on one of the packs with its invoice.
func (b *Bot) pressBuy(ctx context.Context, s session, at step) Reply {
	pack, ok := readPack(at.arg(0), at.arg(1))
	if at.verb != takePack || !ok {
		return s.unknown()
	}
	who := s.in.Origin.Identity
	if who.Platform != b.sale.Platform {
		return Reply{Text: s.say("buy.elsewhere", nil)}
	}
	if wrong := b.unsold(ctx, s, pack); wrong != "" {
		return s.refuse([]string{wrong})
	}
	return Reply{Private: true, Invoice: &Invoice{
		Title: s.credits(pack.Credits), Text: s.say("buy.invoice", args{"Credits": s.credits(pack.Credits)}),
		Payload: payloadOf(pack, who), Stars: pack.Stars,
	}}
}

// unsold says why the person cannot have the pack; empty when they can.
func (b *Bot) unsold(ctx context.Context, s session, pack Pack) string {
	if !slices.Contains(b.sale.Packs, pack) {
		return s.say("buy.gone", nil)
	}
	var refused *core.Refusal
	if err := b.engine.CanPay(ctx, s.in.Origin.Identity); errors.As(err, &refused) {
		return s.reason(refused)
	}
	return ""
}

// Checkout says why the payment must not be made; empty when it may. It only
// reads the store.
func (b *Bot) Checkout(ctx context.Context, p Payment) string {
	s := b.session(ctx, Incoming{Origin: p.Origin})
	pack, user, ok := p.promised()
	switch {
	case !ok:
		return s.say("buy.gone", nil)
	case user != p.Origin.Identity.User:
		return s.say("buy.not_yours", nil)
	}
	return b.unsold(ctx, s, pack)
}

// Booked says whether the payment was credited, and whether it was taken back
// because the money went back.
func (b *Bot) Booked(ctx context.Context, p Payment) (paid, back bool, err error) {
	bought, err := b.engine.Purchase(ctx, p.charge())
	var refused *core.Refusal
	if errors.As(err, &refused) && refused.Reason == core.ReasonNoPayment {
		return false, false, nil
	}
	return err == nil, bought.Payback != nil && bought.Payback.Done, err
}

func (p Payment) charge() core.Charge {
	return core.Charge{Platform: p.Origin.Identity.Platform, ID: p.Charge}
}

// Paid credits the payment, once for each charge, and returns when that is
// durable; it says so every time. ErrForeignPayment is for ever, any other
// error is that of the store: the payment must be told of again.
func (b *Bot) Paid(ctx context.Context, p Payment) (Reply, error) {
	pack, user, ok := p.promised()
	if !ok || user != p.Origin.Identity.User || p.Charge == "" {
		return Reply{}, ErrForeignPayment
	}
	bought, err := b.engine.Buy(ctx, core.Payment{
		Charge: p.charge(), Payer: p.Origin.Identity, Price: fmt.Sprintf("%d XTR", p.Stars), Credits: pack.Credits,
	})
	if err != nil {
		return Reply{}, err
	}
	s := b.session(ctx, Incoming{Origin: p.Origin})
	have, err := b.engine.Balance(ctx, s.in.Origin)
	text := s.say("bought", args{"Credits": s.credits(bought.Credits)})
	if err == nil {
		text = sentences(text, s.purse(have))
	}
	return Reply{Text: text + "\n" + s.say("bought.charge", args{"Charge": p.Charge})}, nil
}

// PaidBack takes back what was bought, because the platform has returned the
// money. Its errors are those of Paid.
func (b *Bot) PaidBack(ctx context.Context, p Payment) (Reply, error) {
	bought, err := b.engine.PaidBack(ctx, p.charge())
	var refused *core.Refusal
	switch {
	case errors.As(err, &refused) && refused.Reason == core.ReasonNoPayment:
		return Reply{}, ErrForeignPayment
	case err != nil:
		return Reply{}, err
	}
	s := b.session(ctx, Incoming{Origin: p.Origin})
	have, err := b.engine.Balance(ctx, s.in.Origin)
	text := s.say("paid_back", args{"Stars": s.stars(p.Stars), "Credits": s.credits(bought.Payback.Taken)})
	if err == nil {
		text = sentences(text, s.purse(have))
	}
	return Reply{Text: text}, nil
}

// purse says what is left of what was given and bought, and what is owed.
func (v voice) purse(have core.Balance) string {
	var said []string
	if have.Granted > 0 {
		said = append(said, v.say("balance.granted", args{"Granted": v.credits(have.Granted)}))
	}
	if have.Owed > 0 {
		said = append(said, v.say("balance.owed", args{"Owed": v.credits(have.Owed)}))
	}
	return sentences(said...)
}

// stars is an amount of Telegram Stars with its unit.
func (v voice) stars(n int) string { return v.count("stars", n, args{"N": strconv.Itoa(n)}) }

// paySupport answers /paysupport, and terms /terms, which Telegram wants of
// bots that sell (Bot Payments API for Digital Goods, "Live checklist").
func (b *Bot) paySupport(_ context.Context, s session) Reply {
	if b.sale.Support == "" {
		return Reply{Text: s.say("paysupport", nil)}
	}
	return Reply{Text: s.say("paysupport.at", args{"Support": b.sale.Support})}
}

func (b *Bot) terms(_ context.Context, s session) Reply {
	text := s.say("terms", nil)
	if b.sale.Terms != "" {
		text = sentences(text, s.say("terms.at", args{"Terms": b.sale.Terms}))
	}
	return Reply{Text: text}
}

// payBack returns a payment. What was bought is taken back first, so that
// nothing of it is spent while the platform is asked; and whatever becomes of
// that, the same command again brings it to its end.
func (b *Bot) payBack(ctx context.Context, o order) Reply {
	act, of := o.signed(), core.Charge{Platform: b.sale.Platform, ID: o.word}
	p, err := b.engine.PayBack(ctx, act, of)
	switch {
	case err != nil:
		return o.undone(err)
	case p.Payback.Done:
		return Reply{Text: o.say("admin.back", args{
			"Who": p.Payer.String(), "By": p.Payback.By, "Ago": o.ago(p.Payback.At), "Credits": o.credits(p.Payback.Taken),
		})}
	}
	switch err := b.sale.PayBack(ctx, p.Payment); {
	case errors.Is(err, ErrKept):
		if _, err := b.engine.KeepPayment(ctx, act, of); err != nil {
			return o.undone(err)
		}
		return Reply{Refused: true, Text: o.say("admin.kept", args{"Why": shorten(err.Error(), 200)})}
	case err != nil:
		return Reply{Refused: true, Text: o.say("admin.unsure", args{"Again": o.by.typed(adminRefund + " " + of.ID)})}
	}
	if p, err = b.engine.PaidBack(ctx, of); err != nil {
		return o.undone(err)
	}
	text := o.say("admin.refunded", args{"Who": p.Payer.String(), "Credits": o.credits(p.Payback.Taken)})
	if p.Payback.Owed > 0 {
		text = sentences(text, o.say("admin.owed", args{"Owed": o.credits(p.Payback.Owed)}))
	}
	return Reply{Text: text}
}

// offersMore says, under the refusal of a request for want of credits, that
// there are more to buy; nothing when that would not help.
func (b *Bot) offersMore(v voice, r *core.Refusal) string {
	kind := r.Window.Kind()
	if r.Reason != core.ReasonQuota || !b.Selling() || !kind.Personal() {
		return ""
	}
	return v.say("buy.more", nil)
}
