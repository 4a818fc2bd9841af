package telegram

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-telegram/bot"

	"kiebot/bots/telegram/telegramtest"
)

// count is how many messages of the bot the person has with the words.
func count(p *telegramtest.Person, words string) (n int) {
	for _, m := range p.Private().FromBot() {
		if finds("text", words)(m) {
			n++
		}
	}
	return n
}

// The bot dies right after a checkout and is away for two days: Telegram has
// forgotten to tell of the payment, and it is credited all the same, once.
func TestPaymentThatNobodyToldOf(t *testing.T) {
	inShop(t, townConfig{}, func(t *testing.T, w *town) {
		ann, bob := w.tg.Person("Ann"), w.tg.Person("Bob")
		w.pays(bob)
		bill := w.invoice(ann, "100 Stars")
		synctest.Wait()                                                             // the poll that brings the checkout is there already
		w.tg.Fault(telegramtest.Fault{Method: "getUpdates", Times: -1, Drop: true}) // its message never comes
		charge, no := ann.Pays(bill).Outcome(t)
		if no != "" {
			t.Fatal(no)
		}
		<-time.After(time.Minute)
		if w.left(ann) != "0 left, 0 owed" {
			t.Fatal(w.left(ann))
		}
		<-time.After(49 * time.Hour)
		if w.left(ann) != "500 left, 0 owed" || w.left(bob) != "500 left, 0 owed" {
			t.Error(w.left(ann), w.left(bob))
		}
		w.end()
		w.start()
		<-time.After(49 * time.Hour)
		if n, m := count(ann, charge), count(bob, "Added"); n != 1 || m != 1 {
			t.Errorf("thanked %d and %d times", n, m)
		}
		// The same with one that goes back.
		_, err := w.telegram.api.RefundStarPayment(t.Context(), &bot.RefundStarPaymentParams{UserID: ann.ID(), TelegramPaymentChargeID: charge})
		w.must(err)
		<-time.After(49 * time.Hour)
		if w.left(ann) != "0 left, 0 owed" || count(ann, "went back") != 1 || w.left(bob) != "500 left, 0 owed" {
			t.Error(w.left(ann), count(ann, "went back"))
		}
	})
}

// A list that cannot be read is read the next time.
func TestListOfTransactionsFaults(t *testing.T) {
	inShop(t, townConfig{}, func(t *testing.T, w *town) {
		ann := w.tg.Person("Ann")
		bill := w.invoice(ann, "100 Stars")
		lift := w.tg.Fault(telegramtest.Fault{Method: "getStarTransactions", Times: -1, Status: 500})
		synctest.Wait() // the poll that brings the checkout is there already
		w.tg.Fault(telegramtest.Fault{Method: "getUpdates", Times: -1, Drop: true})
		ann.Pays(bill).Outcome(t)
		<-time.After(49 * time.Hour)
		if w.left(ann) != "0 left, 0 owed" {
			t.Error(w.left(ann))
		}
		lift()
		<-time.After(2 * missedEvery)
		if w.left(ann) != "500 left, 0 owed" {
			t.Error(w.left(ann))
		}
	})
}
