package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
)

// batchMost bounds how many updates share a commit, and so how long the first
// of them waits for the others. More would save little: the two syncs are then
// a hundredth of the work.
const batchMost = 512

// committer owns the one goroutine that writes to the file.
type committer struct {
	db    *bbolt.DB
	fence *atomic.Uint64
	wake  chan struct{} // has room for one: "somebody waits"
	ended chan struct{}
	heard func(updates int, took time.Duration) // Options.Observe

	mu      sync.Mutex
	waiting []*call
	closed  bool  // nobody may join
	broken  error // a commit failed: what is on the disk is unknown
}

// call is one caller of Update.
type call struct {
	turn  chan *batch // nil says that there will be no turn
	taken atomic.Bool // by the committer, to be run, or by its caller, who left
}

// batch is one bbolt transaction that several updates share.
type batch struct {
	tx    *bbolt.Tx
	fence *atomic.Uint64
	undo  undo
	seeks cursors
	back  chan struct{} // whoever has the turn gives it back
	done  chan struct{} // closed once err is what became of the commit
	err   error
}

func newCommitter(db *bbolt.DB, fence *atomic.Uint64, o Options) *committer {
	c := &committer{db: db, fence: fence, heard: o.Observe, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.run(o.OneThread)
	return c
}

// update runs fn in this goroutine when its turn comes, and waits for the commit.
func (c *committer) update(ctx context.Context, fn func(core.Tx) error) error {
	b, err := c.join(ctx)
	if err != nil {
		return err
	}
	refused := b.run(fn)
	<-b.done
	if b.err != nil {
		return b.err
	}
	return refused
}

// join waits for a turn. Whoever has one must give it back.
func (c *committer) join(ctx context.Context) (*batch, error) {
	w := &call{turn: make(chan *batch, 1)}
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

func (c *committer) enqueue(w *call) bool {
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

// take gives up to limit of those who wait, the longest waiting first.
func (c *committer) take(limit int) []*call {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(limit, len(c.waiting))
	calls := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	return calls
}

// run commits whatever waits until close.
func (c *committer) run(oneThread bool) {
	defer close(c.ended)
	if oneThread {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	for range c.wake {
		for calls := c.take(batchMost); len(calls) > 0; calls = c.take(batchMost) {
			c.commit(calls)
		}
	}
}

// commit runs the calls, and those who come while it does, and makes what
// they wrote durable.
func (c *committer) commit(calls []*call) {
	if c.failure() != nil {
		sendAway(calls)
		return
	}
	tx, err := c.db.Begin(true)
	if err != nil {
		c.fail(err)
		sendAway(calls)
		return
	}
	began := time.Now()
	fillPages(tx)
	b := &batch{tx: tx, fence: c.fence, seeks: cursors{}, back: make(chan struct{}), done: make(chan struct{})}
	n := 0
	for ; len(calls) > 0; calls = c.take(batchMost - n) {
		n += len(calls)
		for _, w := range calls {
			b.give(w)
		}
		runtime.Gosched() // those whom the last commit has let go may be about to join
	}
	if b.err = b.finish(); b.err != nil {
		c.fail(b.err)
	} else if c.heard != nil && b.undo.kept {
		c.heard(n, time.Since(began))
	}
	close(b.done)
}

// give lets one caller run its function, unless it has left.
func (b *batch) give(w *call) {
	if !w.taken.CompareAndSwap(false, true) {
		return
	}
	w.turn <- b
	<-b.back
}

// run is the turn. What fn wrote is taken back when it refuses, panics or
// calls runtime.Goexit; nobody else notices.
func (b *batch) run(fn func(core.Tx) error) (err error) {
	t := &transaction{tx: b.tx, fence: b.fence, undo: &b.undo, cursors: b.seeks}
	kept := false
	defer func() {
		b.undo.end(kept)
		t.tx = nil
		b.back <- struct{}{}
	}()
	err = fn(t)
	kept = err == nil
	return err
}

// finish commits. When nothing was written there is nothing to make durable.
func (b *batch) finish() error {
	switch {
	case b.undo.err != nil:
		return errors.Join(fmt.Errorf("taking back a refused update: %w", b.undo.err), b.tx.Rollback())
	case !b.undo.kept:
		return b.tx.Rollback()
	}
	if err := b.tx.Commit(); err != nil {
		return fmt.Errorf("committing to the database: %w", err)
	}
	return nil
}

func sendAway(calls []*call) {
	for _, w := range calls {
		if w.taken.CompareAndSwap(false, true) {
			w.turn <- nil
		}
	}
}

// fail refuses everything from now on.
func (c *committer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.broken = true, err
}

// failure is the error of the commit that failed, if one did.
func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// healthy answers nil while updates are taken.
func (c *committer) healthy() error {
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

// close refuses newcomers, lets those who wait have their turn and ends the
// goroutine. It may be called once.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	close(c.wake)
	c.mu.Unlock()
	<-c.ended
}
