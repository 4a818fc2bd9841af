package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-telegram/bot"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

// inShop runs the test in a town where nothing is free and two packs are sold.
func inShop(t *testing.T, cfg townConfig, test func(*testing.T, *town)) {
	t.Helper()
	cfg.packs = []bots.Pack{{Stars: 100, Credits: 500_000}, {Stars: 450, Credits: 2_500_000}}
	cfg.change = func(c *core.Config) { c.UserDaily = 0 }
	inTown(t, cfg, func(t *testing.T, w *town) {
		test(t, w)
		_, err := core.Verify(t.Context(), w.store, func(problem string) { t.Error(problem) })
		w.must(err)
	})
}

// invoice is the one behind the button that has the words.
func (w *town) invoice(p *telegramtest.Person, pack string) telegramtest.Message {
	w.t.Helper()
	p.Types("/buy")
	menu := p.Until(w.t, func(m telegramtest.Message) bool { _, has := m.Button(pack); return has })
	p.Presses(menu, pack).Answer(w.t)
	return p.Until(w.t, func(m telegramtest.Message) bool { return m.Invoice != nil })
}

// left is what the person has left to spend.
func (w *town) left(p *telegramtest.Person) string {
	w.t.Helper()
	b, err := w.engine.Balance(w.t.Context(), core.Origin{Identity: identity(p.ID()), Lane: laneOf(p.ID())})
	w.must(err)
	return fmt.Sprintf("%s left, %s owed", b.Granted, b.Owed)
}

func TestTalkBuying(t *testing.T) {
	for _, hook := range []bool{false, true} {
		for _, c := range []struct {
			locale, pack         string
			title, thanks, spent string
		}{
			{"en", "100 Stars: 500 credits", "500 credits", "Added: 500 credits", "bought: 492 credits"},
			{"ru", "450 звёзд: 2500 кредитов", "2500 кредитов", "Зачислено: 2500 кредитов", "куплено: 2492 кредита"},
		} {
			var w *town
			cfg := townConfig{hook: hook}
			if hook {
				cfg.telegram.WebhookTransport = inward{func() http.Handler { return w.telegram.Handler() }}
			}
			inShop(t, cfg, func(t *testing.T, now *town) {
				w = now
				ann := w.tg.Person("Ann", telegramtest.Language(c.locale))
				bill := w.invoice(ann, c.pack)
				if bill.Invoice.Title != c.title || bill.Invoice.StartParameter != buyWord {
					t.Errorf("%+v", bill.Invoice)
				}
				charge, no := ann.Pays(bill).Outcome(t)
				if no != "" {
					t.Fatal(no)
				}
				ann.Until(t, finds("text", c.thanks, charge))
				ann.Types("/imagine a cat --model google/imagen4")
				ann.Until(t, finds("photo", "a cat"))
				ann.Types("/balance")
				ann.Until(t, finds("text", c.spent))
				if kinds := w.tg.AllowedUpdates(); !slices.Contains(kinds, "pre_checkout_query") {
					t.Errorf("asked for %v", kinds)
				}
			})
		}
	}
}

// What is not sold is not asked for, and its commands are not there.
func TestTalkWithoutASale(t *testing.T) {
	inTown(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Types("/buy")
		ann.Until(t, finds("text", "There is no command /buy"))
		if kinds := w.tg.AllowedUpdates(); slices.Contains(kinds, "pre_checkout_query") {
			t.Errorf("asked for %v", kinds)
		}
	})
}

// Asked for in a group, the menu is in private, and so is the invoice.
func TestTalkBuyingFromAGroup(t *testing.T) {
	inShop(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Starts("")
		ann.Next(t)
		group := w.tg.Group("cats", ann)
		group.As(ann).Types("/buy@testbot")
		menu := ann.Next(t)
		ann.Presses(menu, "100 Stars").Answer(t)
		if bill := ann.Next(t); bill.Invoice == nil {
			t.Errorf("%s", bill)
		}
		if got := w.silent(group); len(got) != 0 {
			t.Errorf("the group sees %s", got)
		}
	})
}

// An invoice is for one person, for as long as its pack is sold, and until they
// are blocked.
func TestTalkRefusedCheckouts(t *testing.T) {
	inShop(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob", telegramtest.Language("ru"))
		bill := w.invoice(ann, "100 Stars")
		if _, no := bob.Pays(bill).Outcome(t); !strings.Contains(no, "другому человеку") {
			t.Errorf("bob pays ann's: %q", no)
		}
		bob.Starts(bill.Invoice.StartParameter)
		bob.Until(t, func(m telegramtest.Message) bool { _, has := m.Button("100 звёзд"); return has })
		w.must(w.engine.Block(t.Context(), core.Act{By: core.CommandLine, Why: "rude"}, identity(ann.ID())))
		if _, no := ann.Pays(bill).Outcome(t); !strings.Contains(no, "blocked (rude)") {
			t.Errorf("blocked: %q", no)
		}
		w.must(w.engine.Unblock(t.Context(), core.Act{By: core.CommandLine}, identity(ann.ID())))
		w.end()
		w.cfg.packs = w.cfg.packs[1:]
		w.start()
		if _, no := ann.Pays(bill).Outcome(t); !strings.Contains(no, "not sold any more") {
			t.Errorf("a pack that is not sold: %q", no)
		}
		if w.left(ann) != "0 left, 0 owed" || w.left(bob) != "0 left, 0 owed" {
			t.Error(w.left(ann), w.left(bob))
		}
	})
}

// Only a payment of the person's own, in their own chat, for what was sold to
// them, is credited.
func TestForgedPayments(t *testing.T) {
	inShop(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		ann.Starts("")
		ann.Next(t)
		const real = `"chat":{"id":%[1]d,"type":"private"},"from":{"id":%[1]d,"first_name":"Ann"}`
		paid := func(currency string, stars int, payload string) string {
			return fmt.Sprintf(`"successful_payment":{"currency":%q,"total_amount":%d,"invoice_payload":%q,"telegram_payment_charge_id":"stx1"}`, currency, stars, payload)
		}
		mine := fmt.Sprintf("1:100:500000:%d", ann.ID())
		for name, body := range map[string]string{
			"forwarded":               real + `,"forward_origin":{"type":"user"},` + paid("XTR", 100, mine),
			"in a group":              `"chat":{"id":-100500,"type":"supergroup"},"from":{"id":%d,"first_name":"Ann"},` + paid("XTR", 100, mine),
			"by somebody else":        `"chat":{"id":%d,"type":"private"},"from":{"id":7,"first_name":"Eve"},` + paid("XTR", 100, mine),
			"for somebody else":       real + "," + paid("XTR", 100, "1:100:500000:7"),
			"of another amount":       real + "," + paid("XTR", 1, mine),
			"in another currency":     real + "," + paid("USD", 100, mine),
			"of another bot":          real + "," + paid("XTR", 100, "vip-for-a-month"),
			"a reply to one":          real + `,"text":"/queue","reply_to_message":{"message_id":1,` + real + "," + paid("XTR", 100, mine) + `}`,
			"text that looks like it": real + `,"text":"successful_payment 500 XTR"`,
		} {
			w.tg.RawUpdate("message", fmt.Sprintf(`{"message_id":77,"date":1,`+body+`}`, ann.ID()))
			w.silent(ann.Private())
			synctest.Wait()
			if w.left(ann) != "0 left, 0 owed" {
				t.Errorf("%s: %s", name, w.left(ann))
			}
		}
		w.tg.RawUpdate("message", fmt.Sprintf(`{"message_id":77,"date":1,`+real+","+paid("XTR", 100, mine)+`}`, ann.ID()))
		ann.Until(t, finds("text", "Added: 500 credits"))
	})
}

// Whatever becomes of the answer to a checkout, the payment is made and
// credited once.
func TestCheckoutFaults(t *testing.T) {
	for name, fault := range map[string]telegramtest.Fault{
		"dropped":         {Drop: true},
		"answer lost":     {Drop: true, After: true},
		"5xx":             {Status: 502, HTML: true},
		"5xx, executed":   {Status: 500, After: true},
		"hangs":           {Hang: true},
		"twice":           {Status: 500, Times: 2},
		"flood":           {Status: 429, RetryAfter: 2, Text: "Too Many Requests: retry after 2"},
		"a slow answer":   {Slow: 5 * time.Second},
		"hangs when done": {Hang: true, After: true},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, townConfig{}, func(t *testing.T, w *town) {
				ann := w.tg.Person("Ann")
				bill := w.invoice(ann, "100 Stars")
				fault.Method = "answerPreCheckoutQuery"
				w.tg.Fault(fault)
				if _, no := ann.Pays(bill).Outcome(t); no != "" {
					t.Error(no)
				}
				ann.Until(t, finds("text", "Added: 500 credits"))
				<-time.After(time.Minute)
				if w.left(ann) != "500 left, 0 owed" {
					t.Error(w.left(ann))
				}
			})
		})
	}
}

// busyTill counts the time to the answer of a checkout.
type busyTill struct {
	Till
	fails atomic.Int64 // so often Paid fails
	paid  atomic.Int64
}

func (*busyTill) Selling() bool                                 { return true }
func (*busyTill) Checkout(context.Context, bots.Payment) string { return "" }
func (*busyTill) Booked(context.Context, bots.Payment) (paid, back bool, err error) {
	return true, false, nil
}

func (b *busyTill) Paid(context.Context, bots.Payment) (bots.Reply, error) {
	if b.fails.Add(-1) >= 0 {
		return bots.Reply{}, errors.New("no space left on device")
	}
	b.paid.Add(1)
	return bots.Reply{Silent: true}, nil
}

// A checkout overtakes commands of the same chat that take long, those that
// came with it, and those that fill every place where work is done.
func TestCheckoutWhileEverybodyIsBusy(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		e.end()
		e.till = &busyTill{}
		e.start()
		e.bot.slow = func(ctx context.Context) { <-ctx.Done() }
		ann := e.tg.Person("Ann")
		ann.Types("/imagine a cat")
		for range 19 * pollLimit {
			e.tg.Person("Bob").Types("/imagine a dog")
		}
		began := time.Now()
		e.tg.RawUpdate("pre_checkout_query", fmt.Sprintf(`{"id":"1","from":{"id":%d},"currency":"XTR","total_amount":1,"invoice_payload":"x"}`, ann.ID()))
		e.tg.Until(t, func() bool { return len(e.tg.Calls("answerPreCheckoutQuery")) > 0 })
		took := time.Since(began)
		t.Logf("behind %d commands that take long: %v", 19*pollLimit+1, took)
		if took >= checkoutFor {
			t.Errorf("it took %v", took)
		}
	})
}

// While the store fails Telegram keeps the payment, also across a restart.
func TestPaymentIsNotConfirmedBeforeItIsStored(t *testing.T) {
	listening(t, telegramtest.Config{}, func(t *testing.T, e *ear) {
		till := &busyTill{}
		till.fails.Store(1 << 40)
		e.end()
		e.till = till
		e.start()
		e.flaky.fails.Store(true)
		e.tg.RawUpdate("message", `{"message_id":7,"chat":{"id":7,"type":"private"},"from":{"id":7},"successful_payment":{"telegram_payment_charge_id":"stx"}}`)
		<-time.After(time.Hour)
		if e.tg.Pending() != 1 {
			t.Errorf("%d updates wait", e.tg.Pending())
		}
		e.end()
		till.fails.Store(2)
		e.start()
		e.settles()
		<-time.After(time.Minute)
		if n := till.paid.Load(); n != 1 {
			t.Errorf("recorded %d times", n)
		}
	})
}

// The process dies at any call of a purchase, before Telegram hears of it or
// when it has done it: what was paid is credited, once, and what was not is not.
func TestKilledWhilePaying(t *testing.T) {
	for _, after := range []bool{false, true} {
		more := true
		for n := 1; more && !t.Failed(); n++ {
			more = false
			t.Run(fmt.Sprintf("call %d, executed %t", n, after), func(t *testing.T) {
				inShop(t, townConfig{}, func(t *testing.T, w *town) { more = paidAndKilled(t, w, n, after) })
			})
		}
	}
}

// paidAndKilled is false when there was no such call.
func paidAndKilled(t *testing.T, w *town, n int, after bool) bool {
	ann := w.tg.Person("Ann")
	bill := w.invoice(ann, "100 Stars")
	w.silent(ann.Private())
	k := &killer{town: w, n: n, after: after, file: filepath.Join(w.dir, "kept.db"), done: make(chan struct{})}
	w.end()
	w.wire = k
	w.start()
	checkout := ann.Pays(bill)
	for range 100 {
		<-time.After(100 * time.Millisecond)
	}
	if k.died() == "" {
		if n < 3 {
			t.Errorf("there is no call %d", n)
		}
		return false
	}
	<-k.done
	w.end()
	w.must(os.Rename(k.file, filepath.Join(w.dir, "kiebot.db")))
	w.wire = w.net
	w.start()
	<-time.After(time.Minute)
	want, thanks := "500 left, 0 owed", 1
	if k.died() == "answerPreCheckoutQuery" && !after {
		want, thanks = "0 left, 0 owed", 0 // the checkout expired, and nothing was paid
	} else if charge, no := checkout.Outcome(t); charge == "" || no != "" {
		t.Errorf("killed at %s: %q, %q", k.died(), charge, no)
	}
	if k.died() == "sendMessage" && after {
		thanks = 2
	}
	said := 0
	for _, m := range ann.Private().FromBot() {
		if finds("text", "Added: 500 credits")(m) {
			said++
		}
	}
	if w.left(ann) != want || said != thanks {
		t.Errorf("killed at %s: %s, want %s; thanked %d times, want %d", k.died(), w.left(ann), want, said, thanks)
	}
	return true
}

// boss runs the bot.
var boss = telegramtest.ID(777_000_777)

// inRefund runs the test after ann has bought 500 credits and spent 8.
func inRefund(t *testing.T, test func(t *testing.T, w *town, ann, admin *telegramtest.Person, charge string)) {
	t.Helper()
	cfg := townConfig{admins: []core.Identity{identity(777_000_777)}}
	inShop(t, cfg, func(t *testing.T, w *town) {
		ann, admin := w.tg.Person("Ann"), w.tg.Person("Boss", boss, telegramtest.Language("ru"))
		charge, _ := ann.Pays(w.invoice(ann, "100 Stars")).Outcome(t)
		ann.Until(t, finds("text", "Added: 500 credits"))
		ann.Types("/imagine a cat --model google/imagen4")
		ann.Until(t, finds("photo", "a cat"))
		test(t, w, ann, admin, charge)
	})
}

// Whatever becomes of the call that returns the Stars, they go back once, and
// so do the credits.
func TestTalkRefund(t *testing.T) {
	for name, fault := range map[string]*telegramtest.Fault{
		"well":               nil,
		"dropped":            {Drop: true},
		"the answer is lost": {Drop: true, After: true},
		"5xx, executed":      {Status: 500, After: true},
		"hangs":              {Hang: true},
		"flood":              {Status: 429, RetryAfter: 7},
	} {
		t.Run(name, func(t *testing.T) {
			inRefund(t, func(t *testing.T, w *town, ann, admin *telegramtest.Person, charge string) {
				ann.Types("/admin refund " + charge)
				ann.Until(t, finds("text", "Only those who run this bot"))
				if fault != nil {
					fault.Method = "refundStarPayment"
					w.tg.Fault(*fault)
				}
				admin.Types("/admin refund " + charge + " по просьбе")
				admin.Until(t, finds("text", "Звёзды вернулись", "Снято: 500 кредитов", "в долгу: 8 кредитов"))
				ann.Until(t, finds("text", "100 Stars went back", "8 credits are owed"))
				admin.Types("/admin refund " + charge)
				admin.Until(t, finds("text", "Этот платёж уже вернулся", "telegram:777000777"))
				if w.left(ann) != "0 left, 8 owed" {
					t.Error(w.left(ann))
				}
				audits, err := w.engine.Audits(t.Context(), 0, 9)
				w.must(err)
				if len(audits) != 1 || audits[0].By != "telegram:777000777" || audits[0].Why != "по просьбе" {
					t.Errorf("%+v", audits)
				}
				w.pays(ann)
				if w.left(ann) != "492 left, 0 owed" {
					t.Error(w.left(ann))
				}
			})
		})
	}
}

// pays buys the first pack.
func (w *town) pays(p *telegramtest.Person) {
	w.t.Helper()
	charge, no := p.Pays(w.invoice(p, "100 Stars")).Outcome(w.t)
	if no != "" {
		w.t.Error(no)
	}
	p.Until(w.t, finds("text", "Added: 500 credits", charge))
}

// Telegram does not return the payment, or does not answer at all; later it does.
func TestTalkRefundThatFails(t *testing.T) {
	inRefund(t, func(t *testing.T, w *town, ann, admin *telegramtest.Person, charge string) {
		w.tg.Fault(telegramtest.Fault{Method: "refundStarPayment", Status: 400, Text: "Bad Request: BALANCE_TOO_LOW"})
		admin.Types("/admin refund " + charge)
		admin.Until(t, finds("text", "не возвращает", "BALANCE_TOO_LOW"))
		if w.left(ann) != "492 left, 0 owed" {
			t.Error(w.left(ann))
		}
		back := w.tg.Fault(telegramtest.Fault{Method: "refundStarPayment", Drop: true, Times: -1})
		admin.Types("/admin refund " + charge)
		admin.Until(t, finds("text", "Telegram не ответил", "/admin refund "+charge))
		if w.left(ann) != "0 left, 8 owed" {
			t.Error(w.left(ann))
		}
		back()
		w.end()
		w.start()
		admin.Types("/admin refund " + charge)
		admin.Until(t, finds("text", "Звёзды вернулись"))
		if w.left(ann) != "0 left, 8 owed" {
			t.Error(w.left(ann))
		}
	})
}

// Telegram returns a payment that no admin wanted to be returned: what was
// bought goes, and the operator is told.
func TestTalkRefundByTelegram(t *testing.T) {
	var alerts sync.Map
	inRefund(t, func(t *testing.T, w *town, ann, _ *telegramtest.Person, charge string) {
		w.end()
		change := w.cfg.change
		w.cfg.change = func(c *core.Config) {
			change(c)
			c.Alert = func(_ context.Context, a core.Alert) error {
				alerts.Store(a.Kind, a.Credits)
				return nil
			}
		}
		w.start()
		_, err := w.telegram.api.RefundStarPayment(t.Context(), &bot.RefundStarPaymentParams{UserID: ann.ID(), TelegramPaymentChargeID: charge})
		w.must(err)
		ann.Until(t, finds("text", "100 Stars went back. Taken off with it: 500 credits."))
		synctest.Wait()
		if owed, told := alerts.Load(core.AlertPaidBack); !told || owed != core.Credits(8000) || w.left(ann) != "0 left, 8 owed" {
			t.Errorf("told %v, %v; %s", told, owed, w.left(ann))
		}
	})
}
