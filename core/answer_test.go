package core_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kiebot/core"
)

// questions is what must be open of the questions about prices.
type questions struct {
	open  map[core.Identity][]question // the oldest first
	vague map[core.Identity]time.Time  // until when nobody can say which are
}

type question struct {
	order   *order
	expires time.Time
}

func newQuestions() questions {
	return questions{open: map[core.Identity][]question{}, vague: map[core.Identity]time.Time{}}
}

// questionsMax is how many of one person are open.
const questionsMax = 5

// ask notes that the order was refused for its price and kept as a question.
func (q *questions) ask(o *order, id string, now time.Time) error {
	who := o.request.Origin.Identity
	if id == "" || q.find(o, now) && o.question != id && !q.unsure(o, now) {
		return fmt.Errorf("update %s is question %q, and was %q", o.key, id, o.question)
	}
	o.question = id
	q.drop(o, now)
	all := append(q.open[who], question{o, now.Add(core.QuestionFor)})
	q.open[who] = all[max(len(all)-questionsMax, 0):]
	return nil
}

// find reports whether the order's question is open.
func (q *questions) find(o *order, now time.Time) bool {
	return slices.ContainsFunc(q.open[o.request.Origin.Identity], func(one question) bool { return one.order == o && now.Before(one.expires) })
}

// drop forgets the order's question, and those that have expired.
func (q *questions) drop(o *order, now time.Time) {
	who := o.request.Origin.Identity
	q.open[who] = slices.DeleteFunc(q.open[who], func(one question) bool { return one.order == o || !now.Before(one.expires) })
}

// forget notes that it is not known what came of the person's questions.
func (q *questions) forget(o *order, now time.Time) {
	q.vague[o.request.Origin.Identity] = now.Add(core.QuestionFor)
}

func (q *questions) unsure(o *order, now time.Time) bool {
	return !now.After(q.vague[o.request.Origin.Identity])
}

// questionOf is the question of a refusal.
func questionOf(err error) string {
	var refusal *core.Refusal
	if errors.As(err, &refusal) {
		return refusal.Question
	}
	return ""
}

// reply is the person who agrees to a price, or does not.
func (h *history) reply(s step) {
	o := h.book.orders[fmt.Sprint(s.order)]
	if o == nil || o.question == "" || o.tasks != nil && h.newest.After(o.at.Add(core.SeenFor)) {
		return
	}
	h.settle()
	if s.after {
		h.decline(o)
		return
	}
	for range s.count {
		h.confirm(o)
	}
}

func (h *history) decline(o *order) {
	now := h.clock.now()
	want := core.ReasonNoQuestion
	if h.questions.find(o, now) {
		want = ""
	}
	err := h.w.engine.Decline(h.w.t.Context(), o.request.Origin.Identity, o.question)
	switch reason := reasonOf(err); {
	case h.witness.isDead():
		h.questions.forget(o, now)
	case reason != want && !h.questions.unsure(o, now):
		h.book.wrong("declining update %s said %v, want %q", o.key, err, want)
	case reason == "":
		h.questions.drop(o, now)
	}
}

// confirm submits the order for its price: once, however often.
func (h *history) confirm(o *order) {
	now, before := h.clock.now(), o.request.Confirmed
	o.request.Confirmed = o.total()
	known := h.book.batch(o)
	want := core.ReasonNoQuestion
	switch {
	case h.questions.find(o, now) && known == nil:
		want = h.book.refusal(o, now)
	case h.questions.find(o, now):
		want = ""
	}
	receipt, err := h.w.engine.Confirm(h.w.t.Context(), o.request.Origin.Identity, o.question)
	h.settle()
	switch reason := reasonOf(err); {
	case h.witness.isDead():
		o.unknown = o.unknown || err != nil
	case reason != want && !h.questions.unsure(o, now):
		h.book.wrong("agreeing to the price of update %s said %v, want %q", o.key, err, want)
	case known != nil && err == nil && (!receipt.Repeated || !slices.Equal(receipt.Tasks, known)):
		h.book.wrong("agreeing to the price of update %s again led to %v, %v; it was accepted as %v", o.key, receipt.Tasks, receipt.Repeated, known)
	}
	if err != nil {
		o.request.Confirmed = before
		return
	}
	if known == nil {
		o.at = now
	}
	o.tasks = receipt.Tasks
}
