package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// claimScan is how far a lease has claimed. One process holds the file, so
// every claim is granted: reading on from here is all there is to do.
type claimScan struct {
	task, delivery []byte
	done           bool
}

// Renew implements core.Store. A new lease is granted at once and takes the
// place of the one before: whoever holds that is in this process and has come
// to its end. The grant is an update, so that none under the older lease can
// be committed after it.
func (s *Store) Renew(ctx context.Context, lease core.Lease, last time.Duration) (core.Lease, error) {
	err := s.Update(ctx, func(tx core.Tx) error {
		if lease.Fence != 0 {
			return tx.Guard(lease)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		lease.Fence, s.scan = s.fence.Add(1), claimScan{}
		return nil
	})
	lease.Expires = time.Now().Add(last)
	return lease, err
}

// Guard implements core.Tx.
func (t *transaction) Guard(lease core.Lease) error {
	if lease.Fence == 0 || lease.Fence != t.fence.Load() {
		return core.ErrLeaseLost
	}
	return nil
}

// Claim implements core.Store.
func (s *Store) Claim(ctx context.Context, lease core.Lease, limit int) (work []core.Work, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if lease.Fence == 0 || lease.Fence != s.fence.Load() {
		return nil, core.ErrLeaseLost
	}
	if s.scan.done {
		return nil, nil
	}
	next := s.scan
	err = s.db.View(func(tx *bbolt.Tx) error {
		work, next, err = next.read(tx, limit)
		return err
	})
	if err != nil {
		return nil, storeError(err)
	}
	s.scan = next
	return work, nil
}

// Await implements core.Store. Nobody else works on the file.
func (s *Store) Await(ctx context.Context) { <-ctx.Done() }

// Release implements core.Store.
func (s *Store) Release(ctx context.Context, lease core.Lease) error {
	return s.Update(ctx, func(tx core.Tx) error {
		s.fence.CompareAndSwap(lease.Fence, lease.Fence+1) // a fence that no lease has
		return nil
	})
}

// read gives up to limit pieces of work and where to go on.
func (c claimScan) read(tx *bbolt.Tx, limit int) ([]core.Work, claimScan, error) {
	var work []core.Work
	tasks := tx.Bucket(bucketHot).Cursor()
	for k, v := from(tasks, c.task); k != nil && len(work) < limit; k, v = tasks.Next() {
		w, err := decodeDue(v)
		if err != nil {
			return nil, c, fmt.Errorf("reading when task %s is due: %w", k, err)
		}
		if !w.Due.IsZero() {
			w.Task = core.TaskID(k)
			work = append(work, w)
		}
		c.task = append([]byte(nil), k...)
	}
	deliveries := tx.Bucket(bucketDeliveries).Cursor()
	for k, v := from(deliveries, c.delivery); k != nil && len(work) < limit; k, v = deliveries.Next() {
		var d core.Delivery
		if err := storage.Decode(v, &d); err != nil {
			return nil, c, fmt.Errorf("reading a delivery: %w", err)
		}
		work = append(work, core.Work{Delivery: core.DeliveryID(binary.BigEndian.Uint64(k)), Lane: d.Lane})
		c.delivery = append([]byte(nil), k...)
	}
	c.done = len(work) < limit
	return work, c, nil
}

// from is the first record after the key, or the very first.
func from(c *bbolt.Cursor, after []byte) (k, v []byte) {
	if after == nil {
		return c.First()
	}
	k, v = c.Seek(after)
	if string(k) == string(after) {
		return c.Next()
	}
	return k, v
}

// encodeDue packs what a claim needs to know, so that it need not decode the
// task: when it is due, zero when nothing is, then its state, the person's
// account and the Kie account with a zero byte between them. Once it was the
// state alone.
func encodeDue(t core.Task) []byte {
	var nanos int64
	if !t.Due.IsZero() {
		nanos = t.Due.UnixNano()
	}
	words := string(t.State) + "\x00" + string(t.Account) + "\x00" + t.KieAccount
	return append(number(uint64(nanos)), words...)
}

func decodeDue(v []byte) (core.Work, error) {
	if len(v) < 8 {
		return core.Work{}, fmt.Errorf("%d bytes, want at least 8", len(v))
	}
	state, rest, _ := strings.Cut(string(v[8:]), "\x00")
	account, kieAccount, _ := strings.Cut(rest, "\x00")
	w := core.Work{State: core.State(state), Account: core.AccountID(account), KieAccount: kieAccount}
	if nanos := binary.BigEndian.Uint64(v); nanos != 0 {
		w.Due = time.Unix(0, int64(nanos))
	}
	return w, nil
}
