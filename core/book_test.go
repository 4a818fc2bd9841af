package core_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"kiebot/core"
)

// book is the reference that a history is held against: what was asked, and
// what must follow from it. It believes no sum of the engine's. It reads every
// commit and says at once when one breaks a promise.
type book struct {
	policy    core.Policy
	retention time.Duration // zero means that nothing is forgotten
	paused    bool
	problems  []string

	into      map[core.AccountID]core.AccountID // what was linked, and into which
	people    map[core.Identity]core.AccountID
	records   map[core.AccountID]core.Account
	chats     map[core.Lane]core.Chat
	acts      []core.Entry // what admins granted and adjusted, and what was bought and paid back
	purchases map[core.Charge]*core.Purchase
	asked     []*order
	orders    map[string]*order // the same by the update's key
	facts     map[core.TaskID]*fact
	windows   map[core.WindowID]*window
	waiting   map[core.DeliveryID]core.Delivery
	ended     int                 // tasks that came to their end
	ends      map[core.TaskID]int // final deliveries by lead
	lates     map[core.TaskID]int
	pruned    time.Time // what was over before may be forgotten
	early     int       // tasks that were, before the end of the history
}

// order is one request of a person, as the platform knows it.
type order struct {
	step
	key      string
	request  core.Request
	tasks    []core.TaskID // as told to the person; nil when refused or never told
	question string        // about its price, the last one
	unknown  bool          // the process died before it answered
	at       time.Time     // when it was accepted
	own      core.Credits  // what the person's windows still bear of its tasks
}

// fact is what is known of one task.
type fact struct {
	core.Task
	order   *order
	number  int          // in its batch
	granted core.Credits // the part of its hold that granted credits pay
	member  bool         // the place limited each person's day when it was accepted
	sums    map[core.WindowID]core.Usage
	ended   time.Time // in the bubble's time
	jumped  bool      // the wall clock was set forward while it was under way
	skipped int       // how often it was since it ended
	gone    bool      // forgotten
}

// window is what the ledger, the record and the open holds say about one window.
type window struct{ ledger, usage, open core.Usage }

func newBook(p plan) *book {
	return &book{
		purchases: map[core.Charge]*core.Purchase{},
		policy:    p.policy, retention: p.retention, into: map[core.AccountID]core.AccountID{}, people: map[core.Identity]core.AccountID{},
		records: map[core.AccountID]core.Account{}, chats: map[core.Lane]core.Chat{},
		orders: map[string]*order{}, facts: map[core.TaskID]*fact{}, windows: map[core.WindowID]*window{},
		waiting: map[core.DeliveryID]core.Delivery{}, ends: map[core.TaskID]int{}, lates: map[core.TaskID]int{},
	}
}

func (b *book) wrong(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// read takes a commit in.
func (b *book) read(c commit) {
	touched := map[core.WindowID]bool{}
	for _, a := range c.accounts {
		b.account(a)
	}
	b.rules(c)
	b.sales(c)
	for _, t := range c.tasks {
		b.write(t, c)
	}
	for _, e := range c.entries {
		b.post(e)
		for _, p := range e.Postings {
			touched[p.Window] = true
		}
	}
	for _, u := range c.usages {
		b.window(u.Window).usage = u.Usage
		touched[u.Window] = true
	}
	for _, d := range c.told {
		b.tell(d)
	}
	for _, id := range c.delivered {
		delete(b.waiting, id)
	}
	b.forget(c)
	for _, t := range c.tasks {
		b.balanced(b.facts[t.ID])
		if f := b.facts[t.ID]; f.State == core.Queued && f.CancelWanted {
			b.wrong("task %s is queued again, and its cancel is forgotten", t.ID)
		}
	}
	for id := range touched {
		w := b.window(id)
		if w.usage != w.ledger || w.usage.Held != w.open.Held {
			b.wrong("window %s has %+v, its ledger %+v, its open holds %s", id, w.usage, w.ledger, w.open.Held)
		}
	}
}

func (b *book) window(id core.WindowID) *window {
	w := b.windows[id]
	if w == nil {
		w = &window{}
		b.windows[id] = w
	}
	return w
}

// write takes a task's record in and checks the step from the one before.
func (b *book) write(t core.Task, c commit) {
	f := b.facts[t.ID]
	if f == nil {
		b.open(t)
		return
	}
	old := f.Task
	f.Task = t
	if !old.State.Final() {
		b.hold(old, -1)
	}
	if !t.State.Final() {
		b.hold(t, 1)
	}
	if old.State == t.State {
		if old.State.Final() && old.Charged != t.Charged {
			b.wrong("task %s was charged %s after its end, %s before", t.ID, t.Charged, old.Charged)
		}
		return
	}
	if !legal(old.State, t.State) {
		b.wrong("task %s went from %s to %s", t.ID, old.State, t.State)
	}
	if t.State == core.Creating {
		b.prepared(t)
	}
	if b.paused && old.State == core.Queued && t.State != core.Canceled && t.State != core.Running && !gaveUpFor(t, core.FailFile) {
		b.wrong("task %s went from %s to %s in a pause", t.ID, old.State, t.State)
	}
	if t.State.Final() {
		f.ended = c.at
		b.ended++
		b.end(t, c)
	}
}

// prepared checks that the Kie account that a task is sent to has its files,
// and will have them for as long as they are needed.
func (b *book) prepared(t core.Task) {
	for _, f := range t.Request.Files {
		if f.URL == "" || f.KieAccount != t.KieAccount || t.Sent.Sub(f.Uploaded) > 12*time.Hour {
			b.wrong("task %s leaves for %q at %v; its file was given to %q at %v", t.ID, t.KieAccount, t.Sent, f.KieAccount, f.Uploaded)
		}
	}
}

// gaveUpFor says whether the task failed for the reason.
func gaveUpFor(t core.Task, reason core.Reason) bool {
	return t.State == core.Failed && t.Failure.Reason == reason
}

func legal(from, to core.State) bool {
	for _, on := range core.Events() {
		if move, verdict := core.Decide(from, on); verdict == core.Moved && move.To == to {
			return true
		}
	}
	return false
}

func (b *book) open(t core.Task) {
	f := &fact{Task: t, sums: map[core.WindowID]core.Usage{}, number: slices.Index(t.Batch, t.ID), order: b.orders[t.Request.Key]}
	b.facts[t.ID] = f
	if t.State != core.Queued || f.order == nil || f.number < 0 {
		b.wrong("task %s of update %q, number %d of its batch, begins %s", t.ID, t.Request.Key, f.number, t.State)
		return
	}
	if f.number == 0 {
		delete(b.facts, t.ID)
		if reason := b.refusal(f.order, t.Created); reason != "" {
			b.wrong("update %s was accepted, and should be refused: %s", f.order.key, reason)
		}
		f.order.own = b.ownLeft(b.root(t.Account), t.Request.Model, t.Created)
		b.facts[t.ID] = f
	}
	f.granted = max(f.order.model.price-f.order.own, 0)
	f.order.own = max(f.order.own-f.order.model.price, 0)
	f.member = b.chats[core.Lane(t.Request.Origin.Place)].Rules.Person != nil
	b.hold(t, 1)
	b.borne(f)
}

func (b *book) hold(t core.Task, sign core.Credits) {
	for _, s := range t.Hold.Shares {
		b.window(s.Window).open.Held += sign * s.Amount
	}
}

// end checks what must be in the commit of a final state.
func (b *book) end(t core.Task, c commit) {
	if !slices.ContainsFunc(c.entries, func(e core.Entry) bool { return e.Task == t.ID }) && t.Hold.Amount != 0 {
		b.wrong("task %s is %s and its ledger entry is not in the same commit", t.ID, t.State)
	}
	for _, id := range t.Batch {
		if other := b.facts[id]; other == nil || !other.State.Final() {
			return
		}
	}
	if !slices.ContainsFunc(c.told, func(d core.Delivery) bool { return d.Kind == core.DeliverFinal && d.Lead == t.Lead() }) {
		b.wrong("the batch of %s has ended and its delivery is not in the same commit", t.Lead())
	}
}

func (b *book) post(e core.Entry) {
	if ofThePurse(e.Kind) || e.Kind == core.EntryAdjust && e.Task == "" {
		b.acts = append(b.acts, e)
	}
	f := b.facts[e.Task]
	for _, p := range e.Postings {
		add(&b.window(p.Window).ledger, p)
		if f != nil {
			sum := f.sums[p.Window]
			add(&sum, p)
			f.sums[p.Window] = sum
		}
	}
}

func add(u *core.Usage, p core.Posting) {
	u.Held += p.Held
	u.Settled += p.Settled
	u.Granted += p.Granted
}

func (b *book) tell(d core.Delivery) {
	b.waiting[d.ID] = d
	switch d.Kind {
	case core.DeliverFinal:
		if b.ends[d.Lead]++; b.ends[d.Lead] > 1 {
			b.wrong("the end of %s is delivered %d times", d.Lead, b.ends[d.Lead])
		}
	case core.DeliverLate:
		if b.lates[d.Task]++; b.lates[d.Task] > 1 {
			b.wrong("the late result of %s is delivered %d times", d.Task, b.lates[d.Task])
		}
	}
}

// balanced checks what a task's entries sum up to.
func (b *book) balanced(f *fact) {
	sums := map[core.WindowID]core.Usage{}
	for _, s := range f.Hold.Shares {
		sums[b.rooted(s.Window)] = core.Usage{}
	}
	var losses core.Credits
	for id, sum := range f.sums {
		if id.Kind() == core.WindowLoss {
			losses += sum.Settled
			continue
		}
		all := sums[b.rooted(id)]
		add(&all, core.Posting{Held: sum.Held, Settled: sum.Settled, Granted: sum.Granted})
		sums[b.rooted(id)] = all
	}
	for id, sum := range sums {
		if f.Refunded > 0 && b.over(id) {
			continue // what was forgotten cannot be given back
		}
		want := core.Usage{}
		if f.State.Final() {
			want.Settled = f.share(id.Kind())
		} else {
			want.Held = f.share(id.Kind())
		}
		if sum != want {
			b.wrong("task %s is %s, holds %s, was charged %s: its entries in %s come to %+v, want %+v",
				f.ID, f.State, f.Hold.Amount, f.Charged, id, sum, want)
		}
	}
	if losses != f.OperatorLoss {
		b.wrong("task %s has an operator loss of %s, and the ledger one of %s", f.ID, f.OperatorLoss, losses)
	}
	if f.Charged != 0 && f.State != core.Succeeded {
		b.wrong("task %s is %s and was charged %s", f.ID, f.State, f.Charged)
	}
}

// batch is what was committed for an order.
func (b *book) batch(o *order) []core.TaskID {
	for _, f := range b.facts {
		if f.order == o {
			return f.Batch
		}
	}
	return nil
}

// jump notes that the wall clock was set forward: what was under way may
// seem to have waited too long.
func (b *book) jump() {
	for _, f := range b.facts {
		lead := b.facts[f.Lead()]
		f.jumped = f.jumped || lead == nil || lead.Delivered.IsZero()
		if f.State.Final() {
			f.skipped++
		}
	}
}

// order opens the page of an order.
func (b *book) order(o *order) {
	b.orders[o.key] = o
	b.asked = append(b.asked, o)
}

// accepted is how many tasks there are.
func (b *book) accepted() int { return len(b.facts) }

// restless says what still has to happen; empty when nothing has.
func (b *book) restless() string {
	for _, id := range slices.Sorted(maps.Keys(b.facts)) {
		if f := b.facts[id]; !f.State.Final() || !f.Due.IsZero() {
			return fmt.Sprintf("task %s (order %s) is %s, due %v", id, f.order.key, f.State, f.Due)
		}
	}
	for id, d := range b.waiting {
		return fmt.Sprintf("delivery %d of %s (%s) is not shown", id, d.Lead, d.Kind)
	}
	return ""
}
