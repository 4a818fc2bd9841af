package core_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// check holds the end of the history against what Kie and the chat saw, and
// what is in the store against the book.
func (h *history) check() {
	h.checkKie()
	h.checkOrders()
	h.checkChat()
	h.checkStore()
}

// checkKie: no task has two Kie tasks, none was sent again that Kie may have,
// and everybody was charged what Kie consumed.
func (h *history) checkKie() {
	b := h.book
	byTask := map[core.TaskID]kietest.Task{}
	byPrompt := map[string]core.TaskID{}
	for id, f := range b.facts {
		byPrompt[fmt.Sprintf("%s/%d", f.Request.Prompt, f.number)] = id
	}
	for _, task := range h.w.kie.Tasks() {
		id := core.TaskID(taskOf(task.CallbackURL))
		if id == "" {
			id = byPrompt[fmt.Sprint(task.Input["prompt"], "/0")]
		}
		if other, twice := byTask[id]; twice {
			b.wrong("task %s has two Kie tasks, %s and %s", id, other.ID, task.ID)
		}
		byTask[id] = task
	}
	heard := map[string]time.Time{}
	for _, c := range h.w.kie.Callbacks() {
		if c.Status == 200 && !c.Forged {
			heard[c.TaskID] = c.Time
		}
	}
	for place, n := range h.asked {
		f := b.facts[byPrompt[place]]
		if f == nil {
			b.wrong("Kie was asked for %s, which was never accepted", place)
			continue
		}
		if most := f.fate().again + 1; n > most {
			b.wrong("task %s (%s) was sent %d times, at most %d are allowed", f.ID, f.fate().name, n, most)
		}
	}
	for id, f := range b.facts {
		task, there := byTask[id]
		if there && len(h.plan.keys) > 0 && !f.Kie.IsZero() && (f.Kie.TaskID != task.ID || f.KieAccount != task.Key) {
			b.wrong("task %s is %s at Kie account %q, and Kie has it as %s at %q", id, f.Kie.TaskID, f.KieAccount, task.ID, task.Key)
		}
		h.checkEnd(f, task, there, heard[task.ID])
	}
}

func (f *fact) fate() fate { return f.order.fates[f.number] }

// lookedBack is for how long after the end results are surely looked for: four
// reads after waits of their own, each of which a jump of the clock may cut short.
func (f *fact) lookedBack() (long time.Duration) {
	waits := []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour}
	for _, wait := range waits[:max(len(waits)-f.skipped, 0)] {
		long += wait
	}
	return long
}

// checkEnd holds one task against its Kie task, if there is one; heard is when
// Kie's report of its end was taken the last time.
func (h *history) checkEnd(f *fact, task kietest.Task, there bool, heard time.Time) {
	b := h.book
	reason := core.Reason("")
	if f.Failure != nil {
		reason = f.Failure.Reason
	}
	paid := there && task.State == kietest.StateSuccess
	switch {
	case f.State == core.Succeeded && (!paid || f.Charged != task.Credits || f.Kie.TaskID != task.ID):
		b.wrong("task %s (%s) succeeded, was charged %s, Kie's is %q, %s for %s", f.ID, f.fate().name, f.Charged, task.ID, task.State, task.Credits)
	case f.State == core.Succeeded && f.order.file.gone:
		b.wrong("task %s succeeded, and its file is gone", f.ID)
	case f.State == core.Succeeded:
	case f.State == core.Expired && !task.Ended.IsZero() && task.Ended.Before(f.ended.Add(-time.Minute)):
		b.wrong("task %s (%s) expired at %v, and Kie had ended it at %v", f.ID, f.fate().name, f.ended, task.Ended)
	case f.Late && (!paid || f.OperatorLoss != task.Credits || b.lates[f.ID] != 1):
		b.wrong("task %s (%s) came late, the loss is %s, Kie's is %s for %s, delivered %d times",
			f.ID, f.fate().name, f.OperatorLoss, task.State, task.Credits, b.lates[f.ID])
	case f.Late:
	case !f.EmptyAt.IsZero() && (!paid || f.OperatorLoss != task.Credits):
		b.wrong("task %s (%s) was empty, the loss is %s, Kie's is %s for %s", f.ID, f.fate().name, f.OperatorLoss, task.State, task.Credits)
	case !f.EmptyAt.IsZero():
	case f.OperatorLoss != 0:
		b.wrong("task %s (%s) has a loss of %s without a cause", f.ID, f.fate().name, f.OperatorLoss)
	case f.State == core.Expired && paid && task.Ended.Before(f.ended.Add(f.lookedBack())):
		b.wrong("task %s (%s) expired at %v, Kie ended it at %v, and nobody looked back for its result", f.ID, f.fate().name, f.ended, task.Ended)
	case f.State == core.Expired && (heard.Before(task.Ended) || heard.Before(f.ended)): // there was nothing to tell yet
	case paid && !heard.IsZero():
		b.wrong("task %s (%s) is %s (%s), although Kie said that it has a result", f.ID, f.fate().name, f.State, reason)
	case reason == core.FailKie && (!there || task.State != kietest.StateFail):
		b.wrong("task %s (%s) failed at Kie, where it is %q", f.ID, f.fate().name, task.State)
	case reason == core.FailRefused && (there || len(f.fate().faults) == 0):
		b.wrong("task %s (%s) was refused: %+v; at Kie: %v", f.ID, f.fate().name, *f.Failure, there)
	case f.order.file.gone && there || reason == core.FailFile && !f.order.file.gone:
		b.wrong("task %s, whose file is %q, is %s (%s); at Kie: %v", f.ID, f.order.file.name, f.State, reason, there)
	}
}

// checkOrders: what people were told was accepted is there, and nothing else.
func (h *history) checkOrders() {
	for _, o := range h.book.asked {
		there := h.book.batch(o)
		if fmt.Sprint(there) != fmt.Sprint(o.tasks) {
			h.book.wrong("order %s was answered with %v, and %v are there", o.key, o.tasks, there)
		}
	}
}

// checkChat: every end was shown, nothing was shown twice without need, and
// every lane kept its order.
func (h *history) checkChat() {
	b := h.book
	last := map[core.TaskID]shown{}
	times := map[string]int{}
	newest := map[core.Lane]core.Delivery{}
	failed := map[core.DeliveryID]int{}
	aside := map[core.TaskID]bool{} // batches that others need not wait for
	for _, s := range h.shows {
		d := s.Delivery
		if s.err != nil {
			failed[d.ID]++
			aside[d.Lead] = true
		}
		if !s.seen {
			continue
		}
		last[d.Lead] = s
		if d.Kind == core.DeliverProgress {
			continue
		}
		once := fmt.Sprint(d.ID, " in life ", s.life)
		if times[once]++; times[once] > 1 && failed[d.ID] == 0 {
			b.wrong("delivery %s was shown %d times", once, times[once])
		}
		before := newest[d.Lane]
		if d.ID > before.ID {
			newest[d.Lane] = d
			continue
		}
		aside[d.Lead] = aside[d.Lead] || slices.ContainsFunc(s.Tasks, func(t core.Task) bool { return b.facts[t.ID].fate().name == "files gone" })
		if !aside[d.Lead] && times[once] == 1 && !h.again(d.ID, s.life) {
			b.wrong("lane %s showed delivery %d after %d", d.Lane, d.ID, before.ID)
		}
	}
	for lead := range b.ends {
		f := b.facts[lead]
		s, seen := last[lead]
		switch {
		case f.order.show.forGood:
		case !seen || s.Delivery.Kind != core.DeliverFinal && s.Delivery.Kind != core.DeliverLate:
			b.wrong("the chat shows %q of %s, not its end", s.Delivery.Kind, lead)
		default:
			h.checkShown(s)
		}
	}
}

// again reports whether the delivery was shown by a process that died, and so
// may not have known that it was taken.
func (h *history) again(id core.DeliveryID, life int) bool {
	return slices.ContainsFunc(h.shows, func(s shown) bool { return s.Delivery.ID == id && s.seen && s.life != life && h.died[s.life] })
}

// checkShown holds what the chat shows at last against the tasks.
func (h *history) checkShown(s shown) {
	for _, t := range s.Tasks {
		f := h.book.facts[t.ID]
		if t.State != f.State || t.Charged != f.Charged {
			h.book.wrong("the chat shows task %s as %s for %s, it is %s for %s", t.ID, t.State, t.Charged, f.State, f.Charged)
		}
		if t.State != core.Succeeded {
			continue
		}
		missing := f.fate().name == "files gone"
		impatient := f.fate().name == "files missing at first" && f.jumped
		if len(t.Outputs) == 0 || (t.Outputs[0].File == nil) != missing && !impatient {
			h.book.wrong("the chat shows task %s (%s) with %d outputs, without its file", t.ID, f.fate().name, len(t.Outputs))
		}
	}
}

// checkStore: what the store says now is what was committed.
func (h *history) checkStore() {
	b := h.book
	err := h.w.store.View(h.w.t.Context(), func(tx core.Tx) error {
		for id, w := range b.windows {
			usage, err := tx.Usage(id)
			if err != nil {
				return err
			}
			if usage != w.usage || usage.Held != 0 {
				b.wrong("window %s has %+v in the store, %+v was committed, and everything has ended", id, usage, w.usage)
			}
		}
		for id, f := range b.facts {
			t, err := tx.Task(id)
			if f.gone && errors.Is(err, core.ErrNotFound) {
				continue
			}
			if f.gone || err != nil || t.State != f.State || t.Charged != f.Charged {
				b.wrong("task %s is %s in the store, %s was committed: %v", id, t.State, f.State, err)
			}
		}
		return h.checkLedger(tx)
	})
	if err != nil {
		b.wrong("reading the store: %v", err)
	}
	if _, err := core.Verify(h.w.t.Context(), h.w.store, func(problem string) { b.wrong("Verify: %s", problem) }); err != nil {
		b.wrong("verifying the store: %v", err)
	}
}

// checkLedger sums up every entry that the store has.
func (h *history) checkLedger(tx core.Tx) error {
	sums := map[core.WindowID]core.Usage{}
	accounts, err := tx.Accounts("", 1<<20)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		entries, err := tx.Entries(account.ID, 0, 1<<30)
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, p := range e.Postings {
				sum := sums[p.Window]
				add(&sum, p)
				sums[p.Window] = sum
			}
		}
	}
	for id, w := range h.book.windows {
		if sums[id] != w.ledger && !h.book.over(id) {
			h.book.wrong("the entries of window %s in the store come to %+v, those committed to %+v", id, sums[id], w.ledger)
		}
	}
	return nil
}
