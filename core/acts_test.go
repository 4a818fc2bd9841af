package core_test

import (
	"context"
	"fmt"

	"kiebot/core"
)

// act is what an admin or a payment does in a history, and why it must be refused.
type act struct {
	name string
	do   func(ctx context.Context, h *history, s step) (want core.Reason, err error)
}

// acts is everything that admins do.
func acts() []act {
	by := core.Act{By: core.CommandLine, Why: "a history"}
	amount := func(s step) core.Credits { return core.Credits(s.count) * imagePrice / 4 }
	return []act{
		{"grant", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.Grant(ctx, by, person(s.who), amount(s))
		}},
		{"take back", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			want := core.Reason("")
			if amount(s) > h.book.grantedLeft(h.book.accountOf(person(s.who))) {
				want = core.ReasonTaken
			}
			return want, h.w.engine.Grant(ctx, by, person(s.who), -amount(s))
		}},
		{"adjust", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.Adjust(ctx, by, person(s.who), amount(s))
		}},
		{"limit", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			limit := core.Limit(4 * amount(s))
			return "", h.w.engine.SetLimits(ctx, by, person(s.who), core.Limits{Daily: &limit})
		}},
		{"no limit of their own", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.SetLimits(ctx, by, person(s.who), core.Limits{})
		}},
		{"limit everybody", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			limit := core.Limit(8 * amount(s))
			return "", h.w.engine.ChangePolicy(ctx, by, func(p *core.Policy) { p.User.Daily = &limit })
		}},
		{"limit the room", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			limit := core.Limit(20 * amount(s))
			return "", h.w.engine.SetChatLimit(ctx, by, room(s), &limit)
		}},
		{"limit the place", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			daily, monthly := core.Limit(30*amount(s)), core.Limit(90*amount(s))
			return "", h.w.engine.SetPlaceLimits(ctx, by, placeOf(s), core.Limits{Daily: &daily, Monthly: &monthly})
		}},
		{"rule the place", rulePlace},
		{"rule no place", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.ChangePlace(ctx, by, placeOf(s), func(r *core.PlaceRules) { *r = core.PlaceRules{} })
		}},
		{"block", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.Block(ctx, by, person(s.who))
		}},
		{"unblock", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", unblockAll(ctx, h, by)
		}},
		{"unblock again", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", unblockAll(ctx, h, by)
		}},
		{"pause", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.SetPaused(ctx, by, true)
		}},
		{"resume", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.SetPaused(ctx, by, false)
		}},
		{"resume again", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.SetPaused(ctx, by, false)
		}},
		{"model off", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.ChangePolicy(ctx, by, func(p *core.Policy) { p.Off = []string{h.plan.models[s.count%len(h.plan.models)].id} })
		}},
		{"models on", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			return "", h.w.engine.ChangePolicy(ctx, by, func(p *core.Policy) { p.Off = nil })
		}},
		{"refund", refundTask},
		{"refund another", refundTask},
	}
}

// rulePlace lets an admin of the place limit it, and each person in it: within
// what the operator gives it.
func rulePlace(ctx context.Context, h *history, s step) (core.Reason, error) {
	place, daily := placeOf(s), core.Limit(s.count*10)*limit
	record := h.book.chats[core.Lane(place)]
	given, was := record.Limits.Daily, record.Rules.Limits.Daily
	if place == core.Place(room(s)) {
		given = either(given, h.book.policy.Chat)
	}
	want := core.Reason("")
	if core.Credits(daily) > left(given, 0) && (was == nil || *was != daily) {
		want = core.ReasonPlaceAbove
	}
	by := core.Act{By: person(s.who).String(), Place: place}
	return want, h.w.engine.ChangePlace(ctx, by, place, func(r *core.PlaceRules) {
		r.Limits.Daily, r.Person = &daily, new(core.Limit(s.count*4)*limit)
	})
}

// payments is everything that happens to a payment, the first that it is made.
func payments() []act {
	return []act{
		{"buy", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			_, err := h.w.engine.Buy(ctx, core.Payment{Charge: chargeOf(s), Payer: person(s.who), Price: "1 XTR", Credits: imagePrice * core.Credits(1+s.count) / 4})
			return "", err
		}},
		{"pay back", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			_, err := h.w.engine.PayBack(ctx, core.Act{By: core.CommandLine}, chargeOf(s))
			return h.paid(s), err
		}},
		{"keep a payment", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			_, err := h.w.engine.KeepPayment(ctx, core.Act{By: core.CommandLine}, chargeOf(s))
			return h.paid(s), err
		}},
		{"paid back", func(ctx context.Context, h *history, s step) (core.Reason, error) {
			_, err := h.w.engine.PaidBack(ctx, chargeOf(s))
			return h.paid(s), err
		}},
	}
}

func unblockAll(ctx context.Context, h *history, by core.Act) error {
	for n := range people {
		if err := h.w.engine.Unblock(ctx, by, person(n)); err != nil {
			return err
		}
	}
	return nil
}

// chargeOf is one of a few of each person's, so that a payment comes again.
func chargeOf(s step) core.Charge {
	return core.Charge{Platform: "chat", ID: fmt.Sprint(s.who, "-", s.count%3)}
}

// paid is why nothing can be done about a payment; empty when it was credited.
func (h *history) paid(s step) core.Reason {
	if h.book.purchases[chargeOf(s)] == nil {
		return core.ReasonNoPayment
	}
	return ""
}

// refundTask gives back what a task was charged: once, and only what was charged.
func refundTask(ctx context.Context, h *history, s step) (core.Reason, error) {
	o := h.book.orders[fmt.Sprint(s.order)]
	if o == nil || len(o.tasks) == 0 {
		return "", nil
	}
	f := h.book.facts[o.tasks[s.count%len(o.tasks)]]
	want := core.Reason("")
	switch {
	case f.gone:
		want = core.ReasonNoTask
	case f.Refunded > 0:
		want = core.ReasonGaveBack
	case f.Charged == 0:
		want = core.ReasonNoCharge
	}
	_, err := h.w.engine.RefundTask(ctx, core.Act{By: core.CommandLine}, f.ID)
	return want, err
}

// admin lets an admin act.
func (h *history) admin(s step) { h.acts(acts()[s.act], s) }

// pay lets somebody pay, for the first time or not, and something happen to the payment.
func (h *history) pay(s step) {
	h.acts(payments()[0], s)
	h.acts(payments()[s.act], s)
}

// acts does what the book must agree with.
func (h *history) acts(a act, s step) {
	h.settle()
	want, err := a.do(h.w.t.Context(), h, s)
	if reason := reasonOf(err); reason != want && !h.witness.isDead() {
		h.book.wrong("%s of person %d was answered with %v, want %q", a.name, s.who, err, want)
	}
}
