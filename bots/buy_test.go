package bots

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"kiebot/core"
)

var boss = core.Identity{Platform: "chat", User: "boss"}

// till is a platform that takes payments, as far as a Bot knows it.
type till struct {
	asked []core.Payment // to be returned
	says  error
}

func (t *till) payBack(_ context.Context, p core.Payment) error {
	t.asked = append(t.asked, p)
	return t.says
}

// selling runs the test where two packs are sold, and nothing is free.
func selling(t *testing.T, test func(*testing.T, *world, *till)) {
	t.Helper()
	play(t, func(c *core.Config) { c.UserDaily = 0 }, func(t *testing.T, w *world) {
		test(t, w, w.sells())
	})
}

// sells puts up two packs.
func (w *world) sells() *till {
	w.t.Helper()
	at := &till{}
	w.admins = []core.Identity{boss}
	w.sale = Sale{Platform: "chat", Packs: []Pack{{100, 500_000}, {1, 1000}}, PayBack: at.payBack}
	w.restartWords()
	return at
}

func (w *world) pays(who core.Identity, locale, payload string, stars int, charge string) Payment {
	return Payment{Origin: w.incoming(who, locale, "").Origin, Payload: payload, Stars: stars, Charge: charge}
}

// invoice is what the nth pack of the person's /buy asks for.
func (w *world) invoice(who core.Identity, locale string, n int) *Invoice {
	w.t.Helper()
	menu := w.bot.Command(w.t.Context(), w.incoming(who, locale, "/buy"))
	if len(menu.Buttons) <= n || !menu.Private {
		w.t.Fatalf("%+v", menu)
	}
	reply := w.bot.Press(w.t.Context(), w.incoming(who, locale, ""), menu.Buttons[n].Data)
	if reply.Invoice == nil {
		w.t.Fatalf("%+v", reply)
	}
	return reply.Invoice
}

func TestBuying(t *testing.T) {
	for locale, words := range map[string][]string{
		"en": {"100 Stars: 500 credits", "1 Star: 1 credit", "500 credits", "Added: 500 credits", "given to you or bought: 500 credits", "Payment: stx1"},
		"ru": {"100 звёзд: 500 кредитов", "1 звезда: 1 кредит", "500 кредитов", "Зачислено: 500 кредитов", "куплено: 500 кредитов", "Платёж: stx1"},
	} {
		selling(t, func(t *testing.T, w *world, _ *till) {
			menu := w.bot.Command(t.Context(), w.incoming(ada, locale, "/buy"))
			wantText(t, menu.Text, "/terms")
			wantText(t, menu.Buttons[0].Label, words[0])
			wantText(t, menu.Buttons[1].Label, words[1])
			bill := w.invoice(ada, locale, 0)
			if bill.Stars != 100 || bill.Title != words[2] || len([]rune(bill.Text)) > 255 || len(bill.Payload) > 128 {
				t.Errorf("%+v", bill)
			}
			paid := w.pays(ada, locale, bill.Payload, 100, "")
			if no := w.bot.Checkout(t.Context(), paid); no != "" {
				t.Fatal(no)
			}
			paid.Charge = "stx1"
			for range 2 {
				reply, err := w.bot.Paid(t.Context(), paid)
				must(t, err)
				wantText(t, reply.Text, words[3:]...)
			}
			balance := w.bot.Command(t.Context(), w.incoming(ada, locale, "/balance"))
			wantText(t, balance.Text, words[4])
		})
	}
}

func TestWhatIsNotSold(t *testing.T) {
	selling(t, func(t *testing.T, w *world, _ *till) {
		bill := w.invoice(ada, "en", 0)
		for name, c := range map[string]struct {
			payment Payment
			says    string
		}{
			"somebody else's":       {w.pays(bob, "en", bill.Payload, 100, ""), "somebody else’s"},
			"another price":         {w.pays(ada, "en", bill.Payload, 1, ""), "not sold any more"},
			"another version":       {w.pays(ada, "en", "2:100:500000:ada", 100, ""), "not sold any more"},
			"a pack of one's own":   {w.pays(ada, "en", "1:100:900000:ada", 100, ""), "not sold any more"},
			"a negative one":        {w.pays(ada, "en", "1:-100:-900000:ada", -100, ""), "not sold any more"},
			"nothing":               {w.pays(ada, "en", "", 0, ""), "not sold any more"},
			"what is too many":      {w.pays(ada, "en", bill.Payload+":x", 100, ""), "not sold any more"},
			"numbers out of bounds": {w.pays(ada, "en", "1:100:99999999999999999999:ada", 100, ""), "not sold any more"},
		} {
			if said := w.bot.Checkout(t.Context(), c.payment); !strings.Contains(said, c.says) {
				t.Errorf("%s: %q", name, said)
			}
			c.payment.Charge = "stx"
			if _, sold, _ := c.payment.promised(); name == "a pack of one's own" && sold == "ada" {
				continue // nobody but the bot makes payloads, and what it promised it keeps
			}
			if _, err := w.bot.Paid(t.Context(), c.payment); !errors.Is(err, ErrForeignPayment) {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, w.engine.Block(t.Context(), core.Act{By: core.CommandLine, Why: "rude"}, ada))
		wantText(t, w.bot.Checkout(t.Context(), w.pays(ada, "en", bill.Payload, 100, "")), "blocked (rude)")
		wantText(t, w.types(ada, "/buy").Text, "blocked (rude)")
	})
}

// A pack that was taken out, or another price, is not sold by an old menu or
// invoice; what was paid before counts as it was promised.
func TestSaleChanges(t *testing.T) {
	selling(t, func(t *testing.T, w *world, _ *till) {
		menu := w.types(ada, "/buy")
		bill := w.invoice(ada, "en", 0)
		w.sale.Packs = []Pack{{200, 500_000}}
		w.restartWords()
		wantText(t, w.presses(ada, menu.Buttons[0]).Text, "not sold any more")
		wantText(t, w.bot.Checkout(t.Context(), w.pays(ada, "en", bill.Payload, 100, "")), "not sold any more")
		w.sale = Sale{}
		w.restartWords()
		reply, err := w.bot.Paid(t.Context(), w.pays(ada, "en", bill.Payload, 100, "stx1"))
		must(t, err)
		wantText(t, reply.Text, "Added: 500 credits")
		for _, name := range []string{"buy", "terms", "paysupport"} {
			if w.bot.HasCommand(name) {
				t.Errorf("there is /%s with nothing to sell", name)
			}
			wantText(t, w.types(ada, "/"+name).Text, "There is no command /"+name)
			wantText(t, w.types(ada, "/help "+name).Text, "There is no command /"+name)
		}
	})
}

func TestCommandsOfASale(t *testing.T) {
	selling(t, func(t *testing.T, w *world, _ *till) {
		var names []string
		for _, c := range w.bot.Commands("en") {
			names = append(names, c.Name)
		}
		if !slices.Contains(names, "buy") || !slices.Contains(names, "paysupport") || !slices.Contains(names, "terms") {
			t.Errorf("%v", names)
		}
		var help []string
		for _, item := range w.types(ada, "/help").Items {
			help = append(help, item.Title)
		}
		if !slices.Contains(help, "/buy") || slices.Contains(help, "/admin") {
			t.Errorf("%v", help)
		}
		wantText(t, w.types(ada, "/terms").Text, "do not expire")
		wantText(t, w.types(ada, "/paysupport").Text, "whoever runs this bot")
		wantText(t, w.types(ada, "/imagine a cat").Text, "/buy gets you more")
		elsewhere := w.types(core.Identity{Platform: "web", User: "ada"}, "/buy")
		if len(elsewhere.Buttons) > 0 {
			t.Errorf("%+v", elsewhere)
		}
		wantText(t, elsewhere.Text, "/link")
		web := core.Identity{Platform: "web", User: "ada"}
		forged := w.presses(web, Button{Data: step{menu: buyMenu, owner: tagOf(web)}.to(takePack, "100", "500000").data()})
		if forged.Invoice != nil {
			t.Errorf("%+v", forged)
		}
		wantText(t, forged.Text, "/link")
		other := w.presses(bob, w.types(ada, "/buy").Buttons[0])
		wantText(t, other.Text, "somebody else’s")
		w.sale.Support, w.sale.Terms = "@ann", "https://example.org/terms"
		w.restartWords()
		wantText(t, w.types(ada, "/terms").Text, "All terms: https://example.org/terms")
		wantText(t, w.types(ada, "/paysupport").Text, "Write to @ann")
	})
}

func TestPaymentGoesBack(t *testing.T) {
	selling(t, func(t *testing.T, w *world, at *till) {
		bill := w.invoice(ada, "en", 0)
		_, err := w.bot.Paid(t.Context(), w.pays(ada, "en", bill.Payload, 100, "stx1"))
		must(t, err)
		w.untilEnd(w.accepted("/imagine a cat --model google/imagen4"))
		for text, says := range map[string]string{
			"/admin refund":      "For example: /admin refund",
			"/admin dance stx1":  "There is no “dance” to be done",
			"/admin refund stx9": "No such payment",
		} {
			wantText(t, w.types(boss, text).Text, says)
		}
		wantText(t, w.types(ada, "/admin refund stx1").Text, "Only those who run this bot")
		if len(at.asked) > 0 {
			t.Errorf("%+v", at.asked)
		}

		at.says = ErrKept
		wantText(t, w.types(boss, "/admin refund stx1").Text, "everything is as it was")
		wantText(t, w.types(ada, "/balance").Text, "bought: 492 credits")
		at.says = errors.New("connection reset")
		wantText(t, w.types(boss, "/admin refund stx1 asked nicely").Text, "Send this again: /admin refund stx1")
		wantText(t, w.types(ada, "/balance").Text, "8 credits are owed")
		at.says = nil
		wantText(t, w.types(boss, "/ADMIN Refund stx1").Text, "back with chat:ada. Taken off: 500 credits. Spent of that, and owed: 8 credits.")
		wantText(t, w.types(boss, "/admin refund stx1").Text, "That payment is back with chat:ada, returned by chat:boss (just now). Taken off: 500 credits.")
		if len(at.asked) != 3 || at.asked[0].Payer != ada || at.asked[0].Charge != (core.Charge{Platform: "chat", ID: "stx1"}) {
			t.Errorf("%+v", at.asked)
		}
		// The platform tells the person of it, which changes nothing more.
		for range 2 {
			reply, err := w.bot.PaidBack(t.Context(), w.pays(ada, "en", bill.Payload, 100, "stx1"))
			must(t, err)
			wantText(t, reply.Text, "100 Stars went back. Taken off with it: 500 credits.", "8 credits are owed")
		}
		if _, err := w.bot.PaidBack(t.Context(), w.pays(ada, "en", bill.Payload, 100, "stx9")); !errors.Is(err, ErrForeignPayment) {
			t.Error(err)
		}
		audits, err := w.engine.Audits(t.Context(), 0, 9)
		must(t, err)
		if len(audits) != 3 || audits[0].By != boss.String() || audits[0].Why != "asked nicely" || audits[1].Action != "keep payment" {
			t.Errorf("%+v", audits)
		}
	})
}
