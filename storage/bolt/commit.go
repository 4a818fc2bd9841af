package bolt

import (
	"errors"
	"fmt"
	"sync/atomic"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage/group"
)

// batch is one bbolt transaction that several updates share.
type batch struct {
	tx    *bbolt.Tx
	fence *atomic.Uint64
	undo  undo
	seeks cursors
}

// begin begins the transaction of a group.
func (s *Store) begin([]any) (group.Transaction, error) {
	tx, err := s.db.Begin(true)
	if err != nil {
		return nil, err
	}
	fillPages(tx)
	return &batch{tx: tx, fence: &s.fence, seeks: cursors{}}, nil
}

// Run implements group.Transaction.
func (b *batch) Run(fn func(core.Tx) error) (err error) {
	t := &transaction{tx: b.tx, fence: b.fence, undo: &b.undo, cursors: b.seeks}
	kept := false
	defer func() {
		b.undo.end(kept)
		t.tx = nil
	}()
	err = fn(t)
	kept = err == nil
	return err
}

// Commit implements group.Transaction. When nothing was written there is
// nothing to make durable.
func (b *batch) Commit() (wrote bool, err error) {
	switch {
	case b.undo.err != nil:
		return false, errors.Join(fmt.Errorf("taking back a refused update: %w", b.undo.err), b.tx.Rollback())
	case !b.undo.kept:
		return false, b.tx.Rollback()
	}
	if err := b.tx.Commit(); err != nil {
		return false, fmt.Errorf("committing to the database: %w", err)
	}
	return true, nil
}
