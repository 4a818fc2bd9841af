package core_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// payment is one of ada's, for so many pictures.
func payment(charge string, pictures int) core.Payment {
	return core.Payment{
		Charge: core.Charge{Platform: "chat", ID: charge}, Payer: ada, Price: "100 XTR", Credits: core.Credits(pictures) * imagePrice,
	}
}

// buys credits a payment of ada's.
func (w *world) buys(charge string, pictures int) core.Charge {
	w.t.Helper()
	p, err := w.engine.Buy(w.t.Context(), payment(charge, pictures))
	w.must(err)
	return p.Charge
}

// purse is what ada has left of what was bought, and what is owed.
func (w *world) purse() string {
	w.t.Helper()
	b, err := w.engine.Balance(w.t.Context(), core.Origin{Identity: ada, Lane: "chat:room"})
	w.must(err)
	for _, problem := range w.verify() {
		w.t.Error(problem)
	}
	return fmt.Sprintf("%s left, %s owed", b.Granted, b.Owed)
}

func wantPurse(t testing.TB, w *world, want string) {
	t.Helper()
	if got := w.purse(); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func nothingADay(c *core.Config) { c.UserDaily = 0 }

func TestPaymentIsCreditedOnce(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Retention = 0, kept }, func(t *testing.T, w *world) {
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() { w.buys("one", 3) })
		}
		callers.Wait()
		wantPurse(t, w, "24 left, 0 owed")
		more := payment("one", 30)
		again, err := w.engine.Buy(t.Context(), more)
		if err != nil || again.Credits != 3*imagePrice {
			t.Errorf("%+v, %v", again, err)
		}
		w.buys("two", 1)
		nap(kept + 48*time.Hour) // the ledger of those days is a sum by now
		w.buys("one", 3)
		wantPurse(t, w, "32 left, 0 owed")
		if _, kinds := w.ledger(ada); !slices.Equal(kinds, []core.EntryKind{core.EntryCarry}) {
			t.Errorf("the ledger is %v", kinds)
		}
	})
}

// The process dies at the commit that credits, before it or after it, and the
// platform tells of the payment again.
func TestDieWhileCrediting(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
				w.mayDie = true
				var d *witness
				w.reopen(func(s core.Store) core.Store { d = newWitness(s); return d })
				d.arm(1, after)
				if _, err := w.engine.Buy(t.Context(), payment("one", 3)); err == nil {
					t.Error("a dead process says that it credited")
				}
				w.reopen(nil)
				w.run()
				w.buys("one", 3)
				wantPurse(t, w, "24 left, 0 owed")
			})
		})
	}
}

// The day is used first, then what was bought; a hold over midnight ends where
// it began.
func TestBoughtCreditsComeAfterTheDay(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = 3000 }, func(t *testing.T, w *world) {
		w.buys("one", 2)
		nap(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute)))
		w.kie.NextCreate(kietest.HoldTask(), kietest.Consume(7000))
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		wantPurse(t, w, "11 left, 0 owed")
		nap(10 * time.Minute)
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		wantPurse(t, w, "12 left, 0 owed") // 3 of the day before, 4 bought
		w.untilShown(w.submit(request("a dog")))
		wantPurse(t, w, "7 left, 0 owed")
	})
}

func TestPayBack(t *testing.T) {
	play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		w.untilShown(w.submit(request("a cat")))
		for range 2 { // the platform's answer was lost, and the admin asks again
			p, err := w.engine.PayBack(t.Context(), admin("asked nicely"), one)
			if err != nil || p.Payback.Taken != 16_000 || p.Payback.Owed != 8000 || p.Payback.By != "chat:boss" {
				t.Fatalf("%+v, %v", p.Payback, err)
			}
		}
		wantPurse(t, w, "0 left, 8 owed")
		for range 2 {
			p, err := w.engine.PaidBack(t.Context(), one)
			if err != nil || !p.Payback.Done {
				t.Fatalf("%+v, %v", p.Payback, err)
			}
		}
		again, err := w.engine.PayBack(t.Context(), admin("once more"), one)
		if read, err := w.engine.Purchase(t.Context(), one); err != nil || !reflect.DeepEqual(read, again) {
			t.Errorf("%+v, %v; want %+v", read, err, again)
		}
		if err != nil || !again.Payback.Done || again.Payback.Taken != 16_000 {
			t.Errorf("%+v, %v", again.Payback, err)
		}
		_, err = w.engine.KeepPayment(t.Context(), admin(""), one)
		w.must(err) // too late
		wantPurse(t, w, "0 left, 8 owed")
		w.buys("one", 2)
		wantPurse(t, w, "0 left, 8 owed")

		_, err = w.engine.Submit(t.Context(), request("a dog"))
		wantRefusal(t, err, core.ReasonQuota)
		w.buys("two", 2)
		wantPurse(t, w, "8 left, 0 owed")
		three := core.Charge{Platform: "chat", ID: "three"}
		_, err = w.engine.PayBack(t.Context(), admin(""), three)
		wantRefusal(t, err, core.ReasonNoPayment)
		_, err = w.engine.Purchase(t.Context(), three)
		wantRefusal(t, err, core.ReasonNoPayment)
		audits, err := w.engine.Audits(t.Context(), 0, 10)
		w.must(err)
		if len(audits) != 1 || audits[0].By != "chat:boss" || audits[0].Target != "chat:one" || audits[0].Why != "asked nicely" ||
			audits[0].Detail != "16, of which 8 were spent and stay owed" {
			t.Errorf("%+v", audits)
		}
	})
}

// What is held when the payment goes back, and comes back later, pays what is owed.
func TestPayBackUnderAHold(t *testing.T) {
	play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		w.kie.NextCreate(kietest.HoldTask(), kietest.Fail("501", "no luck"))
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		_, err := w.engine.PayBack(t.Context(), admin(""), one)
		w.must(err)
		wantPurse(t, w, "0 left, 8 owed")
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		wantPurse(t, w, "0 left, 0 owed")
	})
}

// The platform does not return the money: everything is as it was.
func TestPaymentIsKept(t *testing.T) {
	play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		w.untilShown(w.submit(request("a cat")))
		for range 2 {
			_, err := w.engine.PayBack(t.Context(), admin(""), one)
			w.must(err)
			_, err = w.engine.KeepPayment(t.Context(), admin("the platform does not"), one)
			w.must(err)
			_, err = w.engine.KeepPayment(t.Context(), admin("the platform does not"), one)
			w.must(err)
			wantPurse(t, w, "8 left, 0 owed")
		}
	})
}

// An admin took credits away by hand before: they are not taken twice.
func TestPayBackOfWhatWasTaken(t *testing.T) {
	play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		w.must(w.engine.Grant(t.Context(), admin(""), ada, -10_000))
		p, err := w.engine.PayBack(t.Context(), admin(""), one)
		if err != nil || p.Payback.Taken != 6000 || p.Payback.Owed != 0 {
			t.Errorf("%+v, %v", p.Payback, err)
		}
		wantPurse(t, w, "0 left, 0 owed")
	})
}

// A platform returns the money by itself: the operator is told what is owed.
func TestPaidBackByThePlatform(t *testing.T) {
	alerts := make(chan core.Alert, 9)
	change := func(c *core.Config) {
		c.UserDaily = 0
		c.Alert = func(_ context.Context, a core.Alert) error {
			alerts <- a
			return nil
		}
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		w.untilShown(w.submit(request("a cat")))
		_, err := w.engine.PaidBack(t.Context(), one)
		w.must(err)
		wantPurse(t, w, "0 left, 8 owed")
		a := <-alerts
		if a.Kind != core.AlertPaidBack || a.Credits != imagePrice || a.Detail != "chat:one" {
			t.Errorf("%+v", a)
		}
		_, err = w.engine.PaidBack(t.Context(), one)
		w.must(err)
		nap(time.Minute)
		if len(alerts) > 0 {
			t.Errorf("told twice: %+v", <-alerts)
		}
		audits, err := w.engine.Audits(t.Context(), 0, 10)
		w.must(err)
		if len(audits) != 1 || audits[0].By != "chat" {
			t.Errorf("%+v", audits)
		}
	})
}

// Linked accounts have what both bought, and owe what both owe.
func TestPurchasesOfLinkedAccounts(t *testing.T) {
	play(t, kietest.Config{}, nothingADay, func(t *testing.T, w *world) {
		one := w.buys("one", 2)
		other := payment("two", 3)
		other.Payer = adaPhone
		_, err := w.engine.Buy(t.Context(), other)
		w.must(err)
		w.untilShown(w.submit(requestOf(adaPhone, "a cat")))
		_, err = w.engine.PayBack(t.Context(), admin(""), other.Charge)
		w.must(err)
		w.link(adaPhone, ada)
		wantPurse(t, w, "8 left, 0 owed")
		_, err = w.engine.PaidBack(t.Context(), other.Charge)
		w.must(err)
		_, err = w.engine.PayBack(t.Context(), admin(""), one)
		w.must(err)
		wantPurse(t, w, "0 left, 8 owed")
	})
}

func TestWhoCanBuy(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.Policy.Allow = []string{"chat:ada"} }, func(t *testing.T, w *world) {
		origin := core.Origin{Identity: ada, Lane: "chat:room"}
		w.must(w.engine.CanBuy(t.Context(), origin))
		w.must(w.engine.Block(t.Context(), admin("rude"), ada))
		if r := wantRefusal(t, w.engine.CanBuy(t.Context(), origin), core.ReasonBlocked); r.Why != "rude" {
			t.Errorf("%+v", r)
		}
		wantRefusal(t, w.engine.CanPay(t.Context(), ada), core.ReasonBlocked)
		w.buys("one", 1) // who has paid gets it
		wantPurse(t, w, "8 left, 0 owed")
		origin.Identity.User = "bob"
		wantRefusal(t, w.engine.CanBuy(t.Context(), origin), core.ReasonStranger)
		w.must(w.engine.CanPay(t.Context(), origin.Identity)) // a group may let them in
		for _, p := range []core.Payment{{}, {Charge: core.Charge{ID: "x"}, Payer: ada}} {
			if _, err := w.engine.Buy(t.Context(), p); err == nil || !strings.Contains(err.Error(), "needs") {
				t.Errorf("%+v: %v", p, err)
			}
		}
	})
}
