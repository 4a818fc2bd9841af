package core

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A request that costs more than Policy.ConfirmAbove is refused with
// ReasonConfirm and kept as a question: Confirm submits it as it was, for the
// price that the person was told. It is in the store, so that the answer works
// after a restart.

// ReasonNoQuestion refuses an answer to a question that is not open, or that
// was somebody else's.
const ReasonNoQuestion Reason = "no_question"

const (
	// QuestionFor is how long a question about the price is open.
	QuestionFor = time.Hour
	// questionsMax is how many questions of one person are open; the oldest make room.
	questionsMax = 5
)

// question is a request that waits for its person's word.
type question struct {
	ID      string    `json:"id"`
	Request Request   `json:"request"`
	Need    Credits   `json:"need"` // the price that the person was told
	Expires time.Time `json:"expires"`
}

func questionSetting(who Identity) string { return "questions/" + who.String() }

// ask keeps a request that was refused for its price alone, and names the
// question in the refusal. A repeated update asks the same question.
func (e *Engine) ask(ctx context.Context, req Request, refusal *Refusal) error {
	err := e.update(ctx, func(c *change) error {
		open, err := c.questions(req.Origin.Identity)
		if err != nil {
			return err
		}
		id, err := c.e.ids.next(c.now)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(open, func(q question) bool { return q.Request.Key == req.Key }); i >= 0 {
			id = open[i].ID
			open = slices.Delete(open, i, i+1)
		}
		open = append(open, question{ID: id, Request: req, Need: refusal.Need, Expires: c.now.Add(QuestionFor)})
		refusal.Question = id
		return c.putJSON(questionSetting(req.Origin.Identity), open[max(len(open)-questionsMax, 0):])
	})
	if err != nil {
		return unavailable(err)
	}
	return refusal
}

// questions lists what is open of the person, the oldest first.
func (c *change) questions(who Identity) ([]question, error) {
	var all []question
	_, err := settingJSON(c.Tx, questionSetting(who), &all)
	return slices.DeleteFunc(all, func(q question) bool { return !c.now.Before(q.Expires) }), err
}

// Confirm submits the request of the person's question for the price that the
// person was told; if it costs more by now, the refusal asks again. Confirming
// twice accepts once.
func (e *Engine) Confirm(ctx context.Context, who Identity, id string) (Receipt, error) {
	var req Request
	err := e.update(ctx, func(c *change) error {
		open, err := c.questions(who)
		i := slices.IndexFunc(open, func(q question) bool { return q.ID == id })
		if err == nil && i < 0 {
			return &Refusal{Reason: ReasonNoQuestion}
		}
		if err != nil {
			return err
		}
		req = open[i].Request
		req.Confirmed = open[i].Need
		return nil
	})
	if err != nil {
		return Receipt{}, unavailable(err)
	}
	return e.Submit(ctx, req)
}

// Decline closes the person's question.
func (e *Engine) Decline(ctx context.Context, who Identity, id string) error {
	return unavailable(e.update(ctx, func(c *change) error {
		open, err := c.questions(who)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(open), func(q question) bool { return q.ID == id })
		switch len(left) {
		case len(open):
			return &Refusal{Reason: ReasonNoQuestion}
		case 0:
			return c.DeleteSetting(questionSetting(who))
		}
		return c.putJSON(questionSetting(who), left)
	}))
}

// isQuestion reports whether the request was refused for nothing but its price.
func isQuestion(err error) (*Refusal, bool) {
	var refusal *Refusal
	found := errors.As(err, &refusal) && refusal.Reason == ReasonConfirm
	return refusal, found
}
