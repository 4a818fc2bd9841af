package core_test

import (
	"fmt"
	"sync"
	"testing"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// dear makes every request of more than one credit a question.
func dear(c *core.Config) {
	limit := core.Limit(1000)
	c.Policy.ConfirmAbove = &limit
}

// asked submits a request that must end in a question.
func (w *world) asked(req core.Request) *core.Refusal {
	w.t.Helper()
	_, err := w.engine.Submit(w.t.Context(), req)
	refusal := wantRefusal(w.t, err, core.ReasonConfirm)
	if refusal.Question == "" || refusal.Need == 0 {
		w.t.Fatalf("%+v, want a price and a question", refusal)
	}
	return refusal
}

func TestAQuestionIsAnsweredAfterARestart(t *testing.T) {
	play(t, kietest.Config{}, dear, func(t *testing.T, w *world) {
		req := request("a cat")
		req.Model, req.Input["seed"] = "google/imagen4-fast", int64(1<<53+1) // exact, not a float
		refusal := w.asked(req)
		if refusal.Need != imagePrice/2 {
			t.Errorf("the price is %v, want %v", refusal.Need, imagePrice/2)
		}
		if len(w.kie.Tasks()) > 0 {
			t.Error("Kie was asked before the person agreed")
		}
		w.reopen(nil)
		w.run()
		_, err := w.engine.Confirm(t.Context(), adaPhone, refusal.Question)
		wantRefusal(t, err, core.ReasonNoQuestion) // somebody else
		receipt, err := w.engine.Confirm(t.Context(), ada, refusal.Question)
		if err != nil {
			t.Fatal(err)
		}
		if task := w.untilShown(receipt.Tasks[0]); task.State != core.Succeeded || task.Request.Key != req.Key {
			t.Errorf("%s for key %q, %+v", task.State, task.Request.Key, task.Failure)
		}
		if seed := fmt.Sprint(w.task(receipt.Tasks[0]).Request.Input["seed"]); seed != "9007199254740993" {
			t.Errorf("the seed became %s", seed)
		}
	})
}

func TestConfirmingTwiceAcceptsOnce(t *testing.T) {
	play(t, kietest.Config{}, dear, func(t *testing.T, w *world) {
		req := request("a cat")
		refusal := w.asked(req)
		if again := w.asked(req); again.Question != refusal.Question {
			t.Errorf("the update that came again asks %s, want %s", again.Question, refusal.Question)
		}
		var all sync.WaitGroup
		got := make([]core.Receipt, 8)
		for i := range got {
			all.Go(func() {
				var err error
				if got[i], err = w.engine.Confirm(t.Context(), ada, refusal.Question); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, r := range got {
			if len(r.Tasks) != 1 || r.Tasks[0] != got[0].Tasks[0] {
				t.Errorf("%v, want the same task each time", r.Tasks)
			}
		}
		w.untilShown(got[0].Tasks[0])
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d Kie tasks, want 1", n)
		}
	})
}

func TestQuestionsEnd(t *testing.T) {
	play(t, kietest.Config{}, dear, func(t *testing.T, w *world) {
		declined, late := w.asked(request("a cat")), w.asked(request("a dog"))
		if err := w.engine.Decline(t.Context(), ada, declined.Question); err != nil {
			t.Error(err)
		}
		wantRefusal(t, w.engine.Decline(t.Context(), ada, declined.Question), core.ReasonNoQuestion)
		wantRefusal(t, w.engine.Decline(t.Context(), adaPhone, late.Question), core.ReasonNoQuestion)
		_, err := w.engine.Confirm(t.Context(), ada, declined.Question)
		wantRefusal(t, err, core.ReasonNoQuestion)
		nap(core.QuestionFor)
		_, err = w.engine.Confirm(t.Context(), ada, late.Question)
		wantRefusal(t, err, core.ReasonNoQuestion)

		first := w.asked(request("the first"))
		for n := range 5 {
			w.asked(request(fmt.Sprint("one of five: ", n)))
		}
		_, err = w.engine.Confirm(t.Context(), ada, first.Question)
		wantRefusal(t, err, core.ReasonNoQuestion)
	})
}

// priced is a catalogue whose prices can be raised.
type priced struct {
	core.Catalog
	mu    sync.Mutex
	times catalog.Credits
}

// Lookup implements core.Catalog.
func (p *priced) Lookup(name string) (catalog.Model, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := p.Catalog.Lookup(name)
	for i := range m.Price.Rates {
		m.Price.Rates[i].Credits *= p.times
	}
	return m, err
}

func TestAPriceThatRoseIsAskedAboutAgain(t *testing.T) {
	models := &priced{times: 2}
	play(t, kietest.Config{}, func(c *core.Config) { dear(c); models.Catalog = c.Catalog; c.Catalog = models }, func(t *testing.T, w *world) {
		refusal := w.asked(request("a cat"))
		raise := func(times catalog.Credits) {
			models.mu.Lock()
			defer models.mu.Unlock()
			models.times = times
		}
		raise(3)
		_, err := w.engine.Confirm(t.Context(), ada, refusal.Question)
		again := wantRefusal(t, err, core.ReasonConfirm)
		if again.Need != 3*imagePrice || again.Question != refusal.Question {
			t.Errorf("%+v, want the same question about %v", again, 3*imagePrice)
		}
		raise(1) // what became cheaper needs no second question
		receipt, err := w.engine.Confirm(t.Context(), ada, again.Question)
		if err != nil || receipt.Hold != imagePrice {
			t.Errorf("%+v, %v", receipt, err)
		}
	})
}

func TestAgainAsksAboutItsPriceToo(t *testing.T) {
	play(t, kietest.Config{}, dear, func(t *testing.T, w *world) {
		receipt, err := w.engine.Confirm(t.Context(), ada, w.asked(request("a cat")).Question)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.engine.Again(t.Context(), string(receipt.Tasks[0]), "chat:again", core.Origin{Identity: ada, Lane: "chat:room"})
		refusal := wantRefusal(t, err, core.ReasonConfirm)
		second, err := w.engine.Confirm(t.Context(), ada, refusal.Question)
		if err != nil || w.task(second.Tasks[0]).Request.Parent != receipt.Tasks[0] {
			t.Errorf("%+v, %v", second, err)
		}
	})
}
