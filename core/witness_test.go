package core_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kiebot/core"
)

// witness is a store that remembers what was committed, and can die: at a
// commit that it is armed for the process ends, just before the commit or just
// after it, when nobody hears that it happened.
type witness struct {
	core.Store
	onTask func(core.Task) // hears of every task that is written, just before

	runs *atomic.Uint64 // transactions begun, in the order of their commits, by all replicas

	mu      sync.Mutex
	commits []commit
	fuse    int // commits until death, 0 for none
	after   bool
	dead    chan struct{}
}

// commit is what one committed transaction wrote, in the order of writing.
type commit struct {
	order     uint64
	at        time.Time // in the bubble's time
	tasks     []core.Task
	entries   []core.Entry
	usages    []core.WindowUsage
	told      []core.Delivery
	delivered []core.DeliveryID
	seen      []core.Seen
	accounts  []core.Account
	chats     []core.Chat
	settings  map[string][]byte
	forgotten []core.TaskID
	dropped   []core.WindowID
}

func newWitness(store core.Store) *witness {
	return &witness{Store: store, onTask: func(core.Task) {}, runs: &atomic.Uint64{}, dead: make(chan struct{})}
}

// arm lets the process die at its n-th commit from now.
func (w *witness) arm(n int, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fuse, w.after = n, after
}

func (w *witness) isDead() bool {
	select {
	case <-w.dead:
		return true
	default:
		return false
	}
}

// burn reports whether this is the commit to die at.
func (w *witness) burn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fuse == 0 {
		return false
	}
	w.fuse--
	return w.fuse == 0
}

// Update implements core.Store.
func (w *witness) Update(ctx context.Context, fn func(core.Tx) error) error {
	if w.isDead() {
		return core.ErrStoreClosed
	}
	last := w.burn()
	if last && !w.after {
		close(w.dead)
		return core.ErrStoreClosed
	}
	var c commit
	err := w.Store.Update(ctx, func(tx core.Tx) error {
		c = commit{order: w.runs.Add(1), at: time.Now()}
		return fn(&witnessed{Tx: tx, c: &c, w: w})
	})
	if err == nil {
		w.add(c)
	}
	if last {
		close(w.dead)
		return core.ErrStoreClosed
	}
	return err
}

// View implements core.Store.
func (w *witness) View(ctx context.Context, fn func(core.Tx) error) error {
	if w.isDead() {
		return core.ErrStoreClosed
	}
	return w.Store.View(ctx, fn)
}

// Renew implements core.Store.
func (w *witness) Renew(ctx context.Context, l core.Lease, last time.Duration) (core.Lease, error) {
	if w.isDead() {
		return core.Lease{}, core.ErrStoreClosed
	}
	return w.Store.Renew(ctx, l, last)
}

// Release implements core.Store: who is dead keeps its lease until that ends.
func (w *witness) Release(ctx context.Context, l core.Lease) error {
	if w.isDead() {
		return core.ErrStoreClosed
	}
	return w.Store.Release(ctx, l)
}

// Take implements core.Store.
func (w *witness) Take(ctx context.Context, l core.Lease, duties []core.Duty) ([]core.Duty, error) {
	if w.isDead() {
		return nil, core.ErrStoreClosed
	}
	return w.Store.Take(ctx, l, duties)
}

// Yield implements core.Store.
func (w *witness) Yield(ctx context.Context, l core.Lease, duties []core.Duty) error {
	if w.isDead() {
		return core.ErrStoreClosed
	}
	return w.Store.Yield(ctx, l, duties)
}

func (w *witness) add(c commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commits = append(w.commits, c)
}

// take gives what was committed since the last time.
func (w *witness) take() []commit {
	w.mu.Lock()
	defer w.mu.Unlock()
	commits := w.commits
	w.commits = nil
	return commits
}

// witnessed is a transaction whose writes are noted.
type witnessed struct {
	core.Tx
	w *witness
	c *commit
}

func (t *witnessed) PutTask(task core.Task) error {
	t.w.onTask(task)
	t.c.tasks = append(t.c.tasks, task)
	return t.Tx.PutTask(task)
}

func (t *witnessed) AddEntry(e core.Entry) error {
	t.c.entries = append(t.c.entries, e)
	return t.Tx.AddEntry(e)
}

func (t *witnessed) PutUsage(id core.WindowID, u core.Usage) error {
	t.c.usages = append(t.c.usages, core.WindowUsage{Window: id, Usage: u})
	return t.Tx.PutUsage(id, u)
}

func (t *witnessed) AddDelivery(d core.Delivery) (core.DeliveryID, error) {
	id, err := t.Tx.AddDelivery(d)
	d.ID = id
	t.c.told = append(t.c.told, d)
	return id, err
}

func (t *witnessed) DeleteDelivery(id core.DeliveryID) error {
	t.c.delivered = append(t.c.delivered, id)
	return t.Tx.DeleteDelivery(id)
}

func (t *witnessed) PutSeen(seen core.Seen, now time.Time) error {
	t.c.seen = append(t.c.seen, seen)
	return t.Tx.PutSeen(seen, now)
}

func (t *witnessed) PutAccount(a core.Account) error {
	t.c.accounts = append(t.c.accounts, a)
	return t.Tx.PutAccount(a)
}

func (t *witnessed) DeleteUsage(id core.WindowID) error {
	t.c.usages = append(t.c.usages, core.WindowUsage{Window: id})
	t.c.dropped = append(t.c.dropped, id)
	return t.Tx.DeleteUsage(id)
}

func (t *witnessed) DeleteTask(id core.TaskID) error {
	t.c.forgotten = append(t.c.forgotten, id)
	return t.Tx.DeleteTask(id)
}

func (t *witnessed) PutChat(chat core.Chat) error {
	t.c.chats = append(t.c.chats, chat)
	return t.Tx.PutChat(chat)
}

func (t *witnessed) PutSetting(name string, value []byte) error {
	if t.c.settings == nil {
		t.c.settings = map[string][]byte{}
	}
	t.c.settings[name] = slices.Clone(value)
	return t.Tx.PutSetting(name, value)
}
