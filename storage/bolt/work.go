package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// Renew implements core.Store. A new lease is granted at once and takes the
// place of the one before: whoever holds that is in this process and has come
// to its end. The grant is an update, so that none under the older lease can
// be committed after it.
func (s *Store) Renew(ctx context.Context, lease core.Lease, last time.Duration) (core.Lease, error) {
	expires := time.Now().Add(last)
	err := s.Update(ctx, func(tx core.Tx) error {
		granted := lease.Fence == 0
		if granted {
			lease.Fence = s.fence.Add(1)
		} else if err := tx.Guard(lease); err != nil {
			return err
		}
		lease.Expires = expires
		s.mu.Lock()
		defer s.mu.Unlock()
		if granted {
			s.replica = core.Replica{Since: time.Now()}
		}
		s.replica.Lease = lease
		return nil
	})
	return lease, err
}

// Guard implements core.Tx.
func (t *transaction) Guard(lease core.Lease) error {
	if lease.Fence == 0 || lease.Fence != t.fence.Load() {
		return core.ErrLeaseLost
	}
	return nil
}

func (s *Store) isCurrent(lease core.Lease) bool {
	return lease.Fence != 0 && lease.Fence == s.fence.Load()
}

// Notify implements core.Tx. Nobody else works on the file.
func (*transaction) Notify(func() ([]byte, error)) error { return nil }

// Take implements core.Store. There is nobody else whose the duties could be.
func (s *Store) Take(ctx context.Context, lease core.Lease, duties []core.Duty) ([]core.Duty, error) {
	return slices.Clone(duties), s.changeDuties(ctx, lease, func(held []core.Duty) []core.Duty {
		held = append(held, duties...)
		slices.Sort(held)
		return slices.Compact(held)
	})
}

// Yield implements core.Store.
func (s *Store) Yield(ctx context.Context, lease core.Lease, duties []core.Duty) error {
	return s.changeDuties(ctx, lease, func(held []core.Duty) []core.Duty {
		return slices.DeleteFunc(held, func(d core.Duty) bool { return slices.Contains(duties, d) })
	})
}

func (s *Store) changeDuties(ctx context.Context, lease core.Lease, change func([]core.Duty) []core.Duty) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isCurrent(lease) {
		return core.ErrLeaseLost
	}
	s.replica.Duties = change(s.replica.Duties)
	return nil
}

// Replicas implements core.Store.
func (s *Store) Replicas(ctx context.Context) ([]core.Replica, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isCurrent(s.replica.Lease) {
		return nil, nil
	}
	only := s.replica
	only.Duties = slices.Clone(only.Duties)
	return []core.Replica{only}, nil
}

// Follow implements core.Store. Nobody else works on the file.
func (s *Store) Follow(ctx context.Context, _ core.Lease, _ func([]byte), _ func()) error {
	<-ctx.Done()
	return nil
}

// Release implements core.Store.
func (s *Store) Release(ctx context.Context, lease core.Lease) error {
	return s.Update(ctx, func(tx core.Tx) error {
		s.fence.CompareAndSwap(lease.Fence, lease.Fence+1) // a fence that no lease has
		return nil
	})
}

// Work implements core.Store.
func (s *Store) Work(ctx context.Context, duties []core.Duty, after core.Work, limit int) (work []core.Work, err error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	wanted := func(w core.Work) bool { return len(duties) == 0 || slices.Contains(duties, w.Duty()) }
	err = s.db.View(func(tx *bbolt.Tx) error {
		if after.Delivery == 0 {
			if work, err = dueTasks(tx, after.Task, limit, wanted); err != nil {
				return err
			}
		}
		more, err := waitingDeliveries(tx, after.Delivery, limit-len(work), wanted)
		work = append(work, more...)
		return err
	})
	if err != nil {
		return nil, storeError(err)
	}
	return work, nil
}

func dueTasks(tx *bbolt.Tx, after core.TaskID, limit int, wanted func(core.Work) bool) (work []core.Work, err error) {
	tasks := tx.Bucket(bucketHot).Cursor()
	for k, v := from(tasks, []byte(after)); k != nil && len(work) < limit; k, v = tasks.Next() {
		w, err := decodeDue(v)
		if err != nil {
			return nil, fmt.Errorf("reading when task %s is due: %w", k, err)
		}
		if w.Task = core.TaskID(k); !w.Due.IsZero() && wanted(w) {
			work = append(work, w)
		}
	}
	return work, nil
}

func waitingDeliveries(tx *bbolt.Tx, after core.DeliveryID, limit int, wanted func(core.Work) bool) (work []core.Work, err error) {
	deliveries := tx.Bucket(bucketDeliveries).Cursor()
	for k, v := from(deliveries, number(uint64(after))); k != nil && len(work) < limit; k, v = deliveries.Next() {
		var d core.Delivery
		if err := storage.Decode(v, &d); err != nil {
			return nil, fmt.Errorf("reading a delivery: %w", err)
		}
		if w := (core.Work{Delivery: core.DeliveryID(binary.BigEndian.Uint64(k)), Lane: d.Lane}); wanted(w) {
			work = append(work, w)
		}
	}
	return work, nil
}

// from is the first record after the key, or the very first.
func from(c *bbolt.Cursor, after []byte) (k, v []byte) {
	if len(after) == 0 {
		return c.First()
	}
	k, v = c.Seek(after)
	if string(k) == string(after) {
		return c.Next()
	}
	return k, v
}

// encodeDue packs what a list of work has, so that it need not decode the
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
