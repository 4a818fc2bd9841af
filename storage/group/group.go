// Package group lets updates that come at the same time share one transaction
// and one commit.
//
// One goroutine owns the transaction and lends it, turn by turn, to whoever
// waits: every function runs in its caller's goroutine, alone, and sees what
// those before it wrote. When nobody waits any more, or enough have had their
// turn, it commits, and while it does the next ones gather. There is no timer:
// a lone caller has its turn and its commit at once, and under load the commit
// itself is the time in which others come.
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"kiebot/core"
)

// Transaction is what a group shares. Only one goroutine uses it at a time.
type Transaction interface {
	// Run runs fn. It takes back what fn wrote when fn refuses, panics or ends
	// its goroutine, so that nobody else notices.
	Run(fn func(core.Tx) error) error
	// Commit makes what was written durable, and says whether that was anything.
	// It is called once, also when nothing was. The transaction is over then.
	Commit() (wrote bool, err error)
}

// Preparer is a Transaction that hears of updates before they have their turn.
type Preparer interface {
	// Prepare is given what came with updates that join after Begin.
	Prepare(wants []any)
}

// What Commit answers when it is known that nothing was written; any other error
// is the end. After ErrAgain the updates run again, after ErrAlone each in a
// transaction of its own; ErrRefused is theirs, and the next group is not
// touched by it.
var (
	ErrAgain   = errors.New("nothing was written, and it may work again")
	ErrAlone   = fmt.Errorf("%w, each alone", ErrAgain)
	ErrRefused = errors.New("the database refuses this, nothing was written")
)

// Most bounds how many updates share a commit, and so how long the first
// of them waits for the others. More would save little: the syncs of a commit
// are then a hundredth of the work.
const Most = 512

// Options say how a Committer works.
type Options struct {
	// Begin begins the transaction of the next group, and is given what came
	// with its first updates. An error is the end: every update fails from then on.
	Begin func(wants []any) (Transaction, error)
	// Observe hears of every commit that wrote something: how many updates
	// shared it, and how long they and it took. It must not block. Nil for nobody.
	Observe func(updates int, took time.Duration)
	// OneThread commits from one thread of the operating system.
	OneThread bool
}

// Committer owns the one goroutine that begins and commits. Its methods may be
// called concurrently.
type Committer struct {
	opt   Options
	wake  chan struct{} // has room for one: "somebody waits"
	ended chan struct{}

	mu      sync.Mutex
	waiting []*call
	closed  bool  // nobody may join
	broken  error // a commit failed: what is stored is unknown
}

// call is one caller of Update.
type call struct {
	turn  chan *batch // nil says that there will be no turn
	taken atomic.Bool // by the committer, to be run, or by its caller, who left
	alone bool        // shares its transaction with nobody
	wants any
}

// batch is one transaction that several updates share.
type batch struct {
	tx   Transaction
	back chan struct{} // whoever has the turn gives it back
	done chan struct{} // closed once err is what became of the commit
	err  error
}

// New starts a Committer, which Close ends.
func New(opt Options) *Committer {
	c := &Committer{opt: opt, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run()
	return c
}

// Update runs fn in this goroutine when its turn comes, and waits for the
// commit. Its error is fn's own when the others were committed, and otherwise
// the commit's. fn runs again when Commit says so. What the transaction may want
// to know of fn before comes with it; nil for nothing.
func (c *Committer) Update(ctx context.Context, fn func(core.Tx) error, wants any) error {
	alone := false
	for {
		b, err := c.join(ctx, &call{turn: make(chan *batch, 1), alone: alone, wants: wants})
		if err != nil {
			return err
		}
		refused := b.take(fn)
		<-b.done
		switch {
		case errors.Is(b.err, ErrAgain):
			alone = errors.Is(b.err, ErrAlone)
		case b.err != nil:
			return b.err
		default:
			return refused
		}
	}
}

// join waits for a turn. Whoever has one must give it back.
func (c *Committer) join(ctx context.Context, w *call) (*batch, error) {
	if !c.enqueue(w) {
		return nil, core.ErrStoreClosed
	}
	var b *batch
	select {
	case b = <-w.turn:
	case <-ctx.Done():
		if w.taken.CompareAndSwap(false, true) {
			return nil, ctx.Err()
		}
		b = <-w.turn
	}
	if b == nil {
		return nil, core.ErrStoreClosed
	}
	return b, nil
}

func (c *Committer) enqueue(w *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.waiting = append(c.waiting, w)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return true
}

// next gives up to limit of those who wait, the longest waiting first; one that
// wants to be alone only when it is the first, and nobody else then.
func (c *Committer) next(limit int) []*call {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < min(limit, len(c.waiting)) && !c.waiting[n].alone {
		n++
	}
	if n == 0 && limit == Most && len(c.waiting) > 0 {
		n = 1
	}
	calls := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	return calls
}

// run commits whatever waits until Close.
func (c *Committer) run() {
	defer close(c.ended)
	if c.opt.OneThread {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	for range c.wake {
		for calls := c.next(Most); len(calls) > 0; calls = c.next(Most) {
			c.commit(calls)
		}
	}
}

// commit runs the calls, and those who come while it does, and makes what
// they wrote durable.
func (c *Committer) commit(calls []*call) {
	if c.failure() != nil {
		sendAway(calls)
		return
	}
	tx, err := c.opt.Begin(wants(calls))
	if err != nil {
		c.fail(err)
		sendAway(calls)
		return
	}
	began := time.Now()
	b := &batch{tx: tx, back: make(chan struct{}), done: make(chan struct{})}
	b.run(calls)
	n := len(calls)
	for !calls[0].alone {
		runtime.Gosched() // those whom the last commit has let go may be about to join
		if calls = c.next(Most - n); len(calls) == 0 {
			break
		}
		if p, prepares := tx.(Preparer); prepares {
			p.Prepare(wants(calls))
		}
		b.run(calls)
		n += len(calls)
	}
	wrote, err := tx.Commit()
	b.err = err
	switch {
	case err == nil && wrote && c.opt.Observe != nil:
		c.opt.Observe(n, time.Since(began))
	case err != nil && !errors.Is(err, ErrAgain) && !errors.Is(err, ErrRefused):
		c.fail(err)
	}
	close(b.done)
}

func wants(calls []*call) []any {
	all := make([]any, len(calls))
	for i, w := range calls {
		all[i] = w.wants
	}
	return all
}

// run lets the callers run their functions, one after the other, but for those
// who have left.
func (b *batch) run(calls []*call) {
	for _, w := range calls {
		if w.taken.CompareAndSwap(false, true) {
			w.turn <- b
			<-b.back
		}
	}
}

// take is the turn.
func (b *batch) take(fn func(core.Tx) error) error {
	defer func() { b.back <- struct{}{} }()
	return b.tx.Run(fn)
}

func sendAway(calls []*call) {
	for _, w := range calls {
		if w.taken.CompareAndSwap(false, true) {
			w.turn <- nil
		}
	}
}

// fail refuses everything from now on.
func (c *Committer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.broken = true, err
}

// failure is the error of the commit that failed, if one did.
func (c *Committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Healthy answers nil while updates are taken.
func (c *Committer) Healthy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken != nil:
		return fmt.Errorf("%w until it is opened again: %w", core.ErrStoreClosed, c.broken)
	case c.closed:
		return core.ErrStoreClosed
	}
	return nil
}

// Close refuses newcomers, lets those who wait have their turn and ends the
// goroutine. It may be called once.
func (c *Committer) Close() {
	c.mu.Lock()
	c.closed = true
	close(c.wake)
	c.mu.Unlock()
	<-c.ended
}
