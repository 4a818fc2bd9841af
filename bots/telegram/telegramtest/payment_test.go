package telegramtest_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots/telegram/telegramtest"
)

// A payment: invoice, checkout within ten seconds, the message of success, one
// refund.
func TestStars(t *testing.T) {
	b := newBot(t, telegramtest.Config{})
	ann := b.s.Person("Ann")
	ann.Starts("")
	b.updates(fields{"offset": -1})
	p := invoice(nil)
	p["chat_id"] = ann.ID()
	b.must(nil, "sendInvoice", p)
	checkout := ann.Pays(ann.Next(t))
	b.must(nil, "answerPreCheckoutQuery", fields{"pre_checkout_query_id": checkout.ID, "ok": true})
	chargeID, refusal := checkout.Outcome(t)
	if chargeID == "" || refusal != "" {
		t.Errorf("the outcome is %q, %q", chargeID, refusal)
	}
	var link string
	delete(p, "chat_id")
	b.must(&link, "createInvoiceLink", p)
	second := ann.PaysLink(link)
	b.refused(b.call("answerPreCheckoutQuery", fields{"pre_checkout_query_id": second.ID, "ok": false}), "Bad Request: error message must be non-empty")
	b.must(nil, "answerPreCheckoutQuery", fields{"pre_checkout_query_id": second.ID, "ok": false, "error_message": "sold out"})
	if _, refusal := second.Outcome(t); refusal != "sold out" {
		t.Errorf("the refusal is %q", refusal)
	}

	refund := fields{"user_id": ann.ID(), "telegram_payment_charge_id": chargeID}
	b.must(nil, "refundStarPayment", refund)
	b.refused(b.call("refundStarPayment", refund), "Bad Request: CHARGE_ALREADY_REFUNDED")
	var paid, refunded int
	for _, u := range b.updates(nil) {
		var m telegramtest.Message
		if u["message"] == nil {
			continue
		}
		if err := json.Unmarshal(u["message"], &m); err != nil {
			t.Fatal(err)
		}
		if m.SuccessfulPayment != nil && m.SuccessfulPayment.ChargeID == chargeID && m.SuccessfulPayment.Payload == "p" {
			paid++
		}
		if m.RefundedPayment != nil {
			refunded++
		}
	}
	if paid != 1 || refunded != 1 {
		t.Errorf("told of %d payments and %d refunds", paid, refunded)
	}
	var list struct{ Transactions []any }
	b.must(&list, "getStarTransactions", nil)
	if len(list.Transactions) != 2 {
		t.Errorf("transactions are %v", list.Transactions)
	}
	b.clean()
}

// Queries end: a press after 150 seconds, a checkout after 10.
func TestQueriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := telegramtest.NewMemoryServer(telegramtest.Config{Patience: time.Hour})
		defer s.Close()
		b := bot{t, s}
		ann := s.Person("Ann")
		ann.Starts("")
		b.must(nil, "sendMessage", fields{"chat_id": ann.ID(), "text": "x", "reply_markup": keyboard(fields{"text": "a", "callback_data": "b"})})
		msg := ann.Next(t)
		first, second := ann.Presses(msg, "a"), ann.Presses(msg, "a")
		<-time.After(149 * time.Second)
		b.must(nil, "answerCallbackQuery", fields{"callback_query_id": first.ID})
		b.refused(b.call("answerCallbackQuery", fields{"callback_query_id": first.ID}), "Bad Request: query is too old")
		if s.Pending() != 3 {
			t.Errorf("%d updates wait; want 3", s.Pending())
		}
		<-time.After(2 * time.Second)
		b.refused(b.call("answerCallbackQuery", fields{"callback_query_id": second.ID}), "Bad Request: query is too old")
		if s.Pending() != 1 {
			t.Errorf("%d updates wait; want the message", s.Pending())
		}
		p := invoice(nil)
		p["chat_id"] = ann.ID()
		b.must(nil, "sendInvoice", p)
		checkout := ann.Pays(ann.Next(t))
		<-time.After(11 * time.Second)
		b.refused(b.call("answerPreCheckoutQuery", fields{"pre_checkout_query_id": checkout.ID, "ok": true}), "Bad Request: query is too old")
		<-time.After(24 * time.Hour)
		if s.Pending() != 0 {
			t.Errorf("%d updates wait after a day", s.Pending())
		}
	})
}
