package core

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// The arithmetic of holds is held against a model that knows no arithmetic:
// it moves single thousandths, one after the other, each by the rule that
// people are told.
type thousandths struct {
	windows []Window
	used    map[WindowID]int
	held    map[WindowID]int
	granted int
}

// holdOf is what one task holds.
type holdOf struct {
	windows      []Window
	own, granted int // thousandths of the person's windows, and of what was granted
	task         Task
}

const somebody AccountID = "somebody"

// fits reports whether every limited window of the sort has room for one more.
func (m *thousandths) fits(personal bool) bool {
	for _, w := range m.windows {
		if w.ID.Kind().Personal() == personal && w.Limit != Unlimited && int(w.Limit)-m.used[w.ID]-m.held[w.ID] <= 0 {
			return false
		}
	}
	return true
}

// take holds one thousandth; false when nothing can bear it.
func (m *thousandths) take(h *holdOf) bool {
	if !m.fits(false) {
		return false
	}
	g := grantedWindow(somebody)
	own := m.fits(true)
	if !own && m.granted-m.used[g]-m.held[g] <= 0 {
		return false
	}
	for _, w := range m.windows {
		if own || !w.ID.Kind().Personal() {
			m.held[w.ID]++
		}
	}
	if own {
		h.own++
	} else {
		h.granted++
		m.held[g]++
	}
	return true
}

// accept holds the amount for each of so many tasks, or changes nothing.
func (m *thousandths) accept(amount, count int) ([]*holdOf, bool) {
	before := maps.Clone(m.held)
	var holds []*holdOf
	for range count {
		h := &holdOf{windows: m.windows}
		for range amount {
			if !m.take(h) {
				m.held = before
				return nil, false
			}
		}
		holds = append(holds, h)
	}
	return holds, true
}

// move changes what the hold's windows have by step for each thousandth of
// the charge: the person's first, then what was granted, then the person's.
func (h *holdOf) move(counts map[WindowID]int, charge, step int) {
	for n := range charge {
		granted := n >= h.own && n < h.own+h.granted
		for _, w := range h.windows {
			if !granted || !w.ID.Kind().Personal() {
				counts[w.ID] += step
			}
		}
		if granted {
			counts[grantedWindow(somebody)] += step
		}
	}
}

// ledgerTx is the part of a transaction that the arithmetic needs, in memory.
type ledgerTx struct {
	Tx
	usages map[WindowID]Usage
	sums   map[WindowID]Usage
}

func (l *ledgerTx) Usage(id WindowID) (Usage, error)      { return l.usages[id], nil }
func (l *ledgerTx) PutUsage(id WindowID, u Usage) error   { l.usages[id] = u; return nil }
func (l *ledgerTx) Account(id AccountID) (Account, error) { return Account{ID: id}, nil }
func (l *ledgerTx) PutTask(Task) error                    { return nil }
func (l *ledgerTx) AddEntry(e Entry) error {
	for _, p := range e.Postings {
		u := l.sums[p.Window]
		l.sums[p.Window] = Usage{Held: u.Held + p.Held, Settled: u.Settled + p.Settled, Granted: u.Granted + p.Granted}
	}
	return nil
}

// ledgerGame plays the ledger and the model against each other.
type ledgerGame struct {
	r          *rand.Rand
	tx         *ledgerTx
	c          *change
	m          *thousandths
	open, done []*holdOf
	moves      []string
}

func newLedgerGame(seed uint64) *ledgerGame {
	g := &ledgerGame{r: rand.New(rand.NewPCG(seed, 2)), tx: &ledgerTx{usages: map[WindowID]Usage{}, sums: map[WindowID]Usage{}}}
	e := &Engine{cfg: Config{Catalog: nil}.withDefaults()}
	g.c = &change{Tx: g.tx, e: e, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	g.m = &thousandths{used: map[WindowID]int{}, held: map[WindowID]int{}}
	g.limits()
	return g
}

// limits are set anew for the present day.
func (g *ledgerGame) limits() {
	limit := func() Limit { return []Limit{Unlimited, 0, Limit(g.r.IntN(12)), Limit(g.r.IntN(60))}[g.r.IntN(4)] }
	day, month := g.c.now.Format(time.DateOnly), g.c.now.Format("2006-01")
	g.m.windows = []Window{
		{ID: windowID(WindowDay, string(somebody), day), Limit: limit()},
		{ID: windowID(WindowMonth, string(somebody), month), Limit: limit()},
		{ID: windowID(WindowOfKind, string(somebody), "video", day), Limit: limit()},
		{ID: windowID(WindowChat, "chat:room", day), Limit: limit()},
		{ID: windowID(WindowTotal, day), Limit: limit()},
	}
}

func (g *ledgerGame) accept(amount, count int) error {
	g.moves = append(g.moves, fmt.Sprintf("accept %d of %d", count, amount))
	holds, fits := g.m.accept(amount, count)
	own, err := g.c.room(g.m.windows, somebody, Credits(amount*count))
	if fits != (err == nil) {
		return fmt.Errorf("it fits: %v, and the answer was %v", fits, err)
	}
	for i, h := range holds {
		h.task = Task{ID: TaskID(fmt.Sprint(len(g.moves), "-", i)), Account: somebody}
		if err := g.c.hold(&h.task, Credits(amount), own, g.m.windows); err != nil {
			return err
		}
		own = max(own-Credits(amount), 0)
	}
	g.open = append(g.open, holds...)
	return nil
}

func (g *ledgerGame) end(n int, charge int) error {
	h := g.open[n]
	g.open = append(g.open[:n], g.open[n+1:]...)
	g.moves = append(g.moves, fmt.Sprintf("end %s (%d) with %d", h.task.ID, h.own+h.granted, charge))
	h.move(g.m.held, h.own+h.granted, -1)
	if charge < 0 {
		return g.c.book(&h.task, Refund)
	}
	h.task.Charged = Credits(charge)
	h.move(g.m.used, charge, 1)
	g.done = append(g.done, h)
	return g.c.book(&h.task, Settle)
}

func (g *ledgerGame) refund(h *holdOf) error {
	g.moves = append(g.moves, "give back "+string(h.task.ID))
	charged := int(h.task.Charged)
	if h.task.Refunded == 0 {
		h.move(g.m.used, charged, -1)
		for id, n := range g.m.used {
			g.m.used[id] = max(n, 0) // it was adjusted before
		}
		g.m.used[windowID(WindowLoss, g.c.now.Format("2006-01"))] += charged
	}
	before := h.task.Refunded
	if err := g.c.refundTask(&h.task, Act{By: "a test"}); (err == nil) != (charged > 0 && before == 0) {
		return fmt.Errorf("giving back %d of %d: %w", charged, before, err)
	}
	return nil
}

func (g *ledgerGame) grant(amount int) error {
	g.moves = append(g.moves, fmt.Sprintf("grant %d", amount))
	g.m.granted += amount
	return g.c.post(Entry{Account: somebody, Kind: EntryGrant, Postings: []Posting{{Window: grantedWindow(somebody), Granted: Credits(amount)}}})
}

func (g *ledgerGame) adjust(amount int) error {
	g.moves = append(g.moves, fmt.Sprintf("adjust by %d", amount))
	for _, w := range g.m.windows[:2] {
		g.m.used[w.ID] = max(g.m.used[w.ID]+amount, 0)
	}
	return g.c.adjust(&Account{ID: somebody}, Act{By: "a test"}, Credits(amount))
}

func (g *ledgerGame) move() error {
	switch n := g.r.IntN(20); {
	case n < 8:
		return g.accept(g.r.IntN(13), 1+g.r.IntN(3))
	case n < 14 && len(g.open) > 0:
		return g.end(g.r.IntN(len(g.open)), g.r.IntN(22)-4)
	case n < 15 && len(g.done) > 0:
		return g.refund(g.done[g.r.IntN(len(g.done))])
	case n < 16:
		return g.grant(g.r.IntN(20))
	case n < 17:
		return g.adjust(g.r.IntN(30) - 15)
	case n < 18:
		g.c.now = g.c.now.Add(time.Duration(g.r.IntN(60)-10) * 12 * time.Hour)
	}
	g.limits()
	return nil
}

// agree compares what is stored, what the ledger adds up to and the model.
func (g *ledgerGame) agree() error {
	ids := maps.Clone(g.m.used)
	maps.Copy(ids, g.m.held)
	for id := range g.tx.usages {
		ids[id] = 0
	}
	for id := range ids {
		want := Usage{Held: Credits(g.m.held[id]), Settled: Credits(g.m.used[id])}
		if id.Kind() == WindowGranted {
			want.Granted = Credits(g.m.granted)
		}
		if got, sum := g.tx.usages[id], g.tx.sums[id]; got != want || sum != want || got.Held < 0 || got.Settled < 0 {
			return fmt.Errorf("%s has %s, its ledger comes to %s, want %s", id, got, sum, want)
		}
	}
	return nil
}

func TestLedgerByTheThousandth(t *testing.T) {
	base := rand.Uint64()
	for n := range uint64(1500) {
		g := newLedgerGame(base + n)
		for range 60 {
			err := g.move()
			if err == nil {
				err = g.agree()
			}
			if err != nil {
				t.Fatalf("seed %d: %v, after %v", base+n, err, g.moves)
			}
		}
		for len(g.open) > 0 {
			if err := g.end(0, -1); err != nil {
				t.Fatal(err)
			}
		}
		for id, u := range g.tx.usages {
			if u.Held != 0 {
				t.Fatalf("seed %d: nothing is open and %s has %s", base+n, id, u)
			}
		}
	}
}
