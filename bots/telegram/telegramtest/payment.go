package telegramtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// checkoutLifetime is how long the bot has for its answer ("pre_checkout_query").
const checkoutLifetime = 10 * time.Second

// maxStars is the most that one invoice of Stars may ask for.
const maxStars = 10_000

func paymentRows() []row {
	const goods = " title!:str(1..32) description!:str(1..255) payload!:str provider_token:str currency!:str prices!:json" +
		" max_tip_amount:int suggested_tip_amounts:json provider_data:str photo_url:str photo_size:int photo_width:int photo_height:int" +
		" need_name:bool need_phone_number:bool need_email:bool need_shipping_address:bool send_phone_number_to_provider:bool" +
		" send_email_to_provider:bool is_flexible:bool"
	return []row{
		{"sendInvoice", toChat + goods + " start_parameter:str" + asSent + withKeys, (*Server).sendInvoice},
		{"createInvoiceLink", "business_connection_id:str subscription_period:int" + goods, (*Server).createInvoiceLink},
		{"answerPreCheckoutQuery", "pre_checkout_query_id!:str ok!:bool error_message:str", (*Server).answerPreCheckoutQuery},
		{"refundStarPayment", "user_id!:int telegram_payment_charge_id!:str", (*Server).refundStarPayment},
		{"getStarTransactions", "offset:int limit:int(1..100)", (*Server).getStarTransactions},
	}
}

// Invoice is what a message says of an invoice ("Invoice").
type Invoice struct {
	Title          string `json:"title"`
	Description    string `json:"description"`
	StartParameter string `json:"start_parameter"`
	Currency       string `json:"currency"`
	TotalAmount    int64  `json:"total_amount"`

	// Payload is the bot's own note, which people do not see.
	Payload string `json:"-"`
}

// SuccessfulPayment is the service message of a payment
// ("SuccessfulPayment").
type SuccessfulPayment struct {
	Currency         string `json:"currency"`
	TotalAmount      int64  `json:"total_amount"`
	Payload          string `json:"invoice_payload"`
	ChargeID         string `json:"telegram_payment_charge_id"`
	ProviderChargeID string `json:"provider_payment_charge_id"`
}

// RefundedPayment is the service message of a refund ("RefundedPayment").
type RefundedPayment struct {
	Currency    string `json:"currency"`
	TotalAmount int64  `json:"total_amount"`
	Payload     string `json:"invoice_payload"`
	ChargeID    string `json:"telegram_payment_charge_id"`
}

// Checkout is a person's attempt to pay.
type Checkout struct {
	ID      string
	s       *Server
	person  *Person
	invoice *Invoice
	at      time.Time
	done    bool
	ok      bool
	refusal string
	charge  string
}

// charge is a payment that was made.
type charge struct {
	payment  SuccessfulPayment
	person   *Person
	at       time.Time
	refunded bool
}

// invoice reads what an invoice asks for. Only Stars are modelled: no provider,
// one price ("Payments in Telegram Stars", "sendInvoice").
func (c *call) invoice() (*Invoice, error) {
	var prices []struct {
		Label  string `json:"label"`
		Amount int64  `json:"amount"`
	}
	if err := c.object("prices", &prices); err != nil {
		return nil, err
	}
	switch {
	case c.text("currency") != "XTR":
		return nil, badRequest("PAYMENT_PROVIDER_INVALID") // there is no provider
	case c.text("provider_token") != "":
		return nil, badRequest("PAYMENT_PROVIDER_INVALID")
	case len(c.text("payload")) > 128:
		return nil, badRequest("INVOICE_PAYLOAD_INVALID")
	case len(prices) != 1 || prices[0].Label == "" || prices[0].Amount < 1 || prices[0].Amount > maxStars:
		return nil, badRequest("STARS_INVOICE_INVALID")
	case utf16Len(c.text("title")) > 32:
		return nil, badRequest("INVOICE_TITLE_INVALID")
	case utf16Len(c.text("description")) > 255:
		return nil, badRequest("INVOICE_DESCRIPTION_INVALID")
	case c.has("subscription_period") && c.int("subscription_period") != 2592000:
		return nil, badRequest("SUBSCRIPTION_PERIOD_INVALID")
	}
	return &Invoice{
		Title: c.text("title"), Description: c.text("description"), StartParameter: c.text("start_parameter"), Currency: "XTR",
		TotalAmount: prices[0].Amount, Payload: c.text("payload"),
	}, nil
}

// sendInvoice follows "sendInvoice": its keyboard, if any, begins with the
// button that pays.
func (s *Server) sendInvoice(c *call) (any, error) {
	r, m, err := s.draft(c)
	if err != nil {
		return nil, err
	}
	if m.Invoice, err = c.invoice(); err != nil {
		return nil, err
	}
	if rows := m.Buttons(); len(rows) > 0 && (len(rows[0]) == 0 || !rows[0][0].Pay) {
		return nil, badRequest("BUTTON_INVALID")
	}
	return s.sent(c, r, m)
}

// createInvoiceLink follows "createInvoiceLink".
func (s *Server) createInvoiceLink(c *call) (any, error) {
	inv, err := c.invoice()
	if err != nil {
		return nil, err
	}
	link := "https://t.me/$" + s.digits(16)
	s.links[link] = inv
	return link, nil
}

// Pays pays the invoice of a message.
func (p *Person) Pays(m Message) *Checkout {
	if m.Invoice == nil {
		panic(fmt.Sprintf("telegramtest: no invoice to pay: %s", m))
	}
	return p.pays(m.Invoice)
}

// PaysLink pays the invoice behind a link. It panics when there is none.
func (p *Person) PaysLink(link string) *Checkout {
	p.chat.s.mu.Lock()
	inv := p.chat.s.links[link]
	p.chat.s.mu.Unlock()
	if inv == nil {
		panic("telegramtest: there is no such invoice: " + link)
	}
	return p.pays(inv)
}

func (p *Person) pays(inv *Invoice) *Checkout {
	s := p.chat.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &Checkout{ID: s.digits(19), s: s, person: p, invoice: inv, at: s.now()}
	s.checkouts[o.ID] = o
	s.push("pre_checkout_query", fmt.Sprint("user ", p.user.ID), map[string]any{
		"id": o.ID, "from": p.user, "currency": inv.Currency, "total_amount": inv.TotalAmount, "invoice_payload": inv.Payload,
	})
	return o
}

// Outcome waits for the bot's answer and returns the charge's id, or what the
// bot said against it.
func (o *Checkout) Outcome(t T) (chargeID, refusal string) {
	t.Helper()
	o.s.wait(t, func() bool { return o.done }, func() string { return "the payment was neither taken nor refused" })
	return o.charge, o.refusal
}

// answerPreCheckoutQuery follows "answerPreCheckoutQuery". An answer of ok
// makes the payment.
func (s *Server) answerPreCheckoutQuery(c *call) (any, error) {
	o := s.checkouts[c.text("pre_checkout_query_id")]
	switch {
	case o == nil || o.done || s.now().Sub(o.at) > checkoutLifetime:
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	case !c.bool("ok") && !c.has("error_message"):
		return nil, badRequest("error message must be non-empty")
	}
	o.done, o.ok = true, c.bool("ok")
	if !o.ok {
		o.refusal = c.text("error_message")
		return true, nil
	}
	o.charge = "stx" + s.digits(40)
	payment := SuccessfulPayment{
		Currency: o.invoice.Currency, TotalAmount: o.invoice.TotalAmount, Payload: o.invoice.Payload, ChargeID: o.charge,
		ProviderChargeID: "test_" + s.digits(10),
	}
	s.charges[o.charge] = &charge{payment: payment, person: o.person, at: s.now()}
	s.service(o.person, Message{From: &o.person.user, SuccessfulPayment: &payment})
	return true, nil
}

// service puts a service message into a private chat and tells the bot.
func (s *Server) service(p *Person, m Message) {
	s.add(p.chat.room, &m)
	s.tell(p.chat.room, &m, "")
}

// refundStarPayment follows "refundStarPayment".
func (s *Server) refundStarPayment(c *call) (any, error) {
	paid := s.charges[c.text("telegram_payment_charge_id")]
	switch {
	case paid == nil || paid.person.user.ID != c.int("user_id"):
		return nil, badRequest("CHARGE_ID_INVALID")
	case paid.refunded:
		return nil, badRequest("CHARGE_ALREADY_REFUNDED")
	}
	paid.refunded = true
	refund := RefundedPayment{
		Currency: paid.payment.Currency, TotalAmount: paid.payment.TotalAmount, Payload: paid.payment.Payload, ChargeID: paid.payment.ChargeID,
	}
	s.service(paid.person, Message{From: &paid.person.user, RefundedPayment: &refund})
	return true, nil
}

// getStarTransactions follows "getStarTransactions": what came in and what was
// refunded, in order of the charges' time.
func (s *Server) getStarTransactions(c *call) (any, error) {
	type partner struct {
		Type    string `json:"type"`
		Kind    string `json:"transaction_type"`
		User    User   `json:"user"`
		Payload string `json:"invoice_payload,omitempty"`
	}
	type transaction struct {
		ID       string   `json:"id"`
		Amount   int64    `json:"amount"`
		Date     int64    `json:"date"`
		Source   *partner `json:"source,omitempty"`
		Receiver *partner `json:"receiver,omitempty"`
	}
	list := []transaction{}
	for _, paid := range s.chargesInOrder() {
		who := &partner{"user", "invoice_payment", paid.person.user, paid.payment.Payload}
		t := transaction{ID: paid.payment.ChargeID, Amount: paid.payment.TotalAmount, Date: paid.at.Unix(), Source: who}
		list = append(list, t)
		if paid.refunded {
			t.Source, t.Receiver = nil, who
			list = append(list, t)
		}
	}
	from := min(max(int(c.int("offset")), 0), len(list))
	limit := 100
	if c.has("limit") {
		limit = min(max(int(c.int("limit")), 1), 100)
	}
	return map[string]any{"transactions": list[from:min(from+limit, len(list))]}, nil
}

// chargesInOrder lists the charges by their time and id. It wants s.mu.
func (s *Server) chargesInOrder() []*charge {
	return slices.SortedFunc(maps.Values(s.charges), func(a, b *charge) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.payment.ChargeID, b.payment.ChargeID))
	})
}
