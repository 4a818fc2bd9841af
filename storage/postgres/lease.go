package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
)

// Renew implements core.Store. A lease lasts by the database's clock.
func (s *Store) Renew(ctx context.Context, lease core.Lease, last time.Duration) (core.Lease, error) {
	renewed := lease
	err := s.update(ctx, func(t *transaction) error {
		renewed = lease
		if lease.Fence != 0 {
			if err := t.Guard(lease); err != nil {
				return err
			}
			return t.expiry(&renewed, "UPDATE kiebot.leases SET expires = kiebot.clock() + $2 WHERE fence = $1 RETURNING expires", int64(lease.Fence), last)
		}
		t.last.fence++
		renewed.Fence = uint64(t.last.fence)
		t.alive[renewed.Fence] = true
		return t.expiry(&renewed, "INSERT INTO kiebot.leases (fence, owner, expires) VALUES ($1, $2, kiebot.clock() + $3) RETURNING expires", t.last.fence, plain(lease.Owner), last)
	})
	return renewed, err
}

// expiry runs a statement that answers when the lease expires now.
func (t *transaction) expiry(lease *core.Lease, sql string, args ...any) error {
	t.wrote = true
	return t.list(func(row pgx.Row) error { return row.Scan(&lease.Expires) }, sql, args...)
}

// Guard implements core.Tx. Nobody else can claim what the lease holds before
// this transaction is over, because that takes the turn to write.
func (t *transaction) Guard(lease core.Lease) error {
	if lease.Fence == 0 || !t.alive[lease.Fence] {
		return core.ErrLeaseLost
	}
	t.lease = lease
	return nil
}

// Release implements core.Store.
func (s *Store) Release(ctx context.Context, lease core.Lease) error {
	return s.update(ctx, func(t *transaction) error {
		delete(t.alive, lease.Fence)
		if err := t.exec("DELETE FROM kiebot.leases WHERE fence = $1", int64(lease.Fence)); err != nil {
			return err
		}
		return t.free([]int64{int64(lease.Fence)})
	})
}

// Leases lists the current leases, the oldest first.
func (s *Store) Leases(ctx context.Context) ([]core.Lease, error) {
	var all []core.Lease
	err := s.View(ctx, func(tx core.Tx) error {
		return tx.(*transaction).list(func(row pgx.Row) error {
			var l core.Lease
			var fence int64
			err := row.Scan(&fence, &l.Owner, &l.Expires)
			l.Fence = uint64(fence)
			all = append(all, l)
			return err
		}, "SELECT fence, owner, expires FROM kiebot.leases WHERE expires > kiebot.clock() ORDER BY fence")
	})
	return all, err
}

// free lets anybody claim what the leases held.
func (t *transaction) free(fences []int64) error {
	if err := t.exec("UPDATE kiebot.tasks SET owner = 0 WHERE owner = ANY($1) AND due IS NOT NULL", fences); err != nil {
		return err
	}
	return t.exec("UPDATE kiebot.deliveries SET owner = 0 WHERE owner = ANY($1)", fences)
}

// Claim implements core.Store. First it ends what has expired.
func (s *Store) Claim(ctx context.Context, lease core.Lease, limit int) ([]core.Work, error) {
	var work []core.Work
	err := s.update(ctx, func(t *transaction) error {
		work = nil
		if err := t.Guard(lease); err != nil {
			return err
		}
		if err := t.reap(); err != nil {
			return err
		}
		if err := t.claimTasks(&work, limit); err != nil {
			return err
		}
		return t.claimDeliveries(&work, limit)
	})
	return work, err
}

// reap ends the leases that have expired.
func (t *transaction) reap() error {
	var dead []int64
	err := t.list(func(row pgx.Row) error {
		var fence int64
		err := row.Scan(&fence)
		dead = append(dead, fence)
		delete(t.alive, uint64(fence))
		return err
	}, "DELETE FROM kiebot.leases WHERE expires <= kiebot.clock() RETURNING fence")
	if err != nil || len(dead) == 0 {
		return err
	}
	t.wrote = true
	if !t.alive[t.lease.Fence] { // its own has expired a moment ago
		return core.ErrLeaseLost
	}
	return t.free(dead)
}

// awaitEvery is how often it is looked for work that is free.
const awaitEvery = time.Second

const queryFree = `
	SELECT EXISTS (SELECT FROM kiebot.leases WHERE expires <= kiebot.clock())
		OR EXISTS (SELECT FROM kiebot.tasks WHERE owner = 0 AND due IS NOT NULL)
		OR EXISTS (SELECT FROM kiebot.deliveries WHERE owner = 0)`

// Await implements core.Store.
func (s *Store) Await(ctx context.Context) {
	ticker := time.NewTicker(awaitEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if free, err := s.anythingFree(ctx); err == nil && free {
			return
		}
	}
}

func (s *Store) anythingFree(ctx context.Context) (free bool, err error) {
	b := &pgx.Batch{}
	s.setClock(b)
	b.Queue(queryFree).QueryRow(func(row pgx.Row) error { return row.Scan(&free) })
	err = s.pool.SendBatch(ctx, b).Close()
	return free, err
}

// A record's times are exact; those in columns have no nanoseconds.
const claimTasks = `
	UPDATE kiebot.tasks SET owner = $1 WHERE id IN (
		SELECT id FROM kiebot.tasks WHERE owner = 0 AND due IS NOT NULL LIMIT $2 FOR UPDATE SKIP LOCKED)
	RETURNING id, state, account, kie_account, record->>'due'`

func (t *transaction) claimTasks(work *[]core.Work, limit int) error {
	t.wrote = true
	return t.list(func(row pgx.Row) error {
		var w core.Work
		var due string
		if err := row.Scan(&w.Task, &w.State, &w.Account, &w.KieAccount, &due); err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, due)
		if err != nil {
			return fmt.Errorf("reading when task %s is due: %w", w.Task, err)
		}
		w.Due = at
		*work = append(*work, w)
		return nil
	}, claimTasks, int64(t.lease.Fence), limit)
}

const claimDeliveries = `
	UPDATE kiebot.deliveries SET owner = $1 WHERE id IN (
		SELECT id FROM kiebot.deliveries WHERE owner = 0 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
	RETURNING id, lane`

func (t *transaction) claimDeliveries(work *[]core.Work, limit int) error {
	if limit -= len(*work); limit <= 0 {
		return nil
	}
	var claimed []core.Work
	err := t.list(func(row pgx.Row) error {
		var id int64
		var w core.Work
		err := row.Scan(&id, &w.Lane)
		w.Delivery = core.DeliveryID(id)
		claimed = append(claimed, w)
		return err
	}, claimDeliveries, int64(t.lease.Fence), limit)
	slices.SortFunc(claimed, func(a, b core.Work) int { return cmp.Compare(a.Delivery, b.Delivery) })
	*work = append(*work, claimed...)
	return err
}
