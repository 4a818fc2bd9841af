package main

import (
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
)

// Credits are bought and returned, with a kill after every step, and the ledger
// is right in the end.
func TestTelegramStars(t *testing.T) {
	t.Parallel()
	p, server := onTelegram(t, telegramtest.Config{}, "TELEGRAM_STARS=100:500,450:2500", "ADMINS=telegram:777", "TELEGRAM_STARS_SUPPORT=@ann")
	ann, boss := server.Person("Ann"), server.Person("Boss", telegramtest.ID(777))
	restart := func() { p.kill(); p.start() }
	says := func(words string) func(telegramtest.Message) bool {
		return func(m telegramtest.Message) bool { return strings.Contains(m.Words(), words) }
	}

	ann.Types("/buy")
	menu := ann.Next(t)
	restart()
	ann.Presses(menu, "450 Stars")
	bill := ann.Until(t, func(m telegramtest.Message) bool { return m.Invoice != nil })
	restart()
	server.Until(t, server.Polling)
	before := len(server.Calls("sendMessage"))
	thanks := server.Fault(telegramtest.Fault{Method: "sendMessage", Hang: true}) // killed before it thanks
	charge, no := ann.Pays(bill).Outcome(t)
	if no != "" {
		t.Fatal(no)
	}
	server.Until(t, func() bool { return len(server.Calls("sendMessage")) > before })
	restart()
	thanks()
	ann.Until(t, says("Added: 2500 credits"))
	ann.Types("/paysupport")
	ann.Until(t, says("https://t.me/ann"))

	lift := server.Fault(telegramtest.Fault{Method: "refundStarPayment", After: true, Hang: true})
	boss.Types("/admin refund " + charge)
	server.Until(t, func() bool { return len(server.Calls("refundStarPayment")) > 0 })
	restart()
	lift()
	boss.Until(t, says("Taken off: 2500 credits"))
	ann.Until(t, says("450 Stars went back"))
	boss.Types("/admin refund " + charge)
	boss.Until(t, says("is back with telegram:"))
	p.stop()
	if out, wrong, code := p.kiebot("verify"); code != 0 {
		t.Errorf("%d, %s%s", code, out, wrong)
	}
}
