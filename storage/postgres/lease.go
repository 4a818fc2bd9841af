package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
)

// Renew implements core.Store. A lease lasts by the database's clock.
func (s *Store) Renew(ctx context.Context, lease core.Lease, last time.Duration) (core.Lease, error) {
	if lease.Fence == 0 {
		return s.grant(ctx, lease, last)
	}
	renewed := lease
	err := s.update(ctx, func(t *transaction) error {
		renewed = lease
		if err := t.Guard(lease); err != nil {
			return err
		}
		return t.expiry(&renewed, "UPDATE kiebot.leases SET expires = kiebot.clock() + $2 WHERE fence = $1 RETURNING expires", int64(lease.Fence), last)
	})
	return renewed, err
}

// grant gives a new lease. Notes of what is committed from then on are kept for it.
func (s *Store) grant(ctx context.Context, lease core.Lease, last time.Duration) (core.Lease, error) {
	var note int64
	err := s.update(ctx, func(t *transaction) error {
		t.number(&t.last.fence)
		lease.Fence, note = uint64(t.last.fence), t.last.note
		t.alive[lease.Fence] = true
		if err := t.noteMoved(); err != nil {
			return err
		}
		return t.expiry(&lease, "INSERT INTO kiebot.leases (fence, owner, expires) VALUES ($1, $2, kiebot.clock() + $3) RETURNING expires", t.last.fence, plain(lease.Owner), last)
	})
	if err == nil {
		s.notes.begin(lease.Fence, note)
	}
	return lease, err
}

// expiry runs a statement that answers when the lease expires now.
func (t *transaction) expiry(lease *core.Lease, sql string, args ...any) error {
	t.wrote = true
	return t.list(func(row pgx.Row) error { return row.Scan(&lease.Expires) }, sql, args...)
}

// Guard implements core.Tx. The lease stays current until this transaction is
// over, because taking it away takes the turn to write. A scout goes on with any.
func (t *transaction) Guard(lease core.Lease) error {
	if lease.Fence == 0 || t.scout == nil && !t.alive[lease.Fence] {
		return core.ErrLeaseLost
	}
	return nil
}

// Release implements core.Store.
func (s *Store) Release(ctx context.Context, lease core.Lease) error {
	return s.update(ctx, func(t *transaction) error {
		delete(t.alive, lease.Fence)
		if err := t.exec("DELETE FROM kiebot.leases WHERE fence = $1", int64(lease.Fence)); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM kiebot.duties WHERE fence = $1", int64(lease.Fence)); err != nil {
			return err
		}
		return t.noteMoved()
	})
}

const takeDuties = `
	INSERT INTO kiebot.duties AS was (duty, fence) SELECT duty, $1 FROM unnest($2::text[]) AS duty
	ON CONFLICT (duty) DO UPDATE SET fence = excluded.fence, since = excluded.since
	WHERE was.fence <> excluded.fence AND NOT EXISTS (SELECT FROM kiebot.leases WHERE leases.fence = was.fence)`

// Take implements core.Store. First it ends what has expired.
func (s *Store) Take(ctx context.Context, lease core.Lease, duties []core.Duty) ([]core.Duty, error) {
	var taken []core.Duty
	err := s.update(ctx, func(t *transaction) (err error) {
		if err := t.Guard(lease); err != nil {
			return err
		}
		if err := t.reap(lease); err != nil {
			return err
		}
		if err := t.exec(takeDuties, int64(lease.Fence), duties); err != nil {
			return err
		}
		if taken, err = ids[core.Duty](t, "SELECT duty FROM kiebot.duties WHERE fence = $1 AND duty = ANY($2) ORDER BY duty", int64(lease.Fence), duties); err != nil {
			return err
		}
		return t.noteMoved()
	})
	return taken, err
}

// reap ends the leases that have expired.
func (t *transaction) reap(own core.Lease) error {
	dead := false
	err := t.list(func(row pgx.Row) error {
		var fence int64
		err := row.Scan(&fence)
		dead = true
		delete(t.alive, uint64(fence))
		return err
	}, "DELETE FROM kiebot.leases WHERE expires <= kiebot.clock() RETURNING fence")
	if err != nil {
		return err
	}
	t.wrote = t.wrote || dead
	return t.Guard(own) // it may have expired a moment ago
}

// Yield implements core.Store.
func (s *Store) Yield(ctx context.Context, lease core.Lease, duties []core.Duty) error {
	return s.update(ctx, func(t *transaction) error {
		if err := t.Guard(lease); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM kiebot.duties WHERE fence = $1 AND duty = ANY($2)", int64(lease.Fence), duties); err != nil {
			return err
		}
		return t.noteMoved()
	})
}

const queryReplicas = `
	SELECT fence, owner, granted, expires, coalesce((SELECT array_agg(duty ORDER BY duty) FROM kiebot.duties WHERE duties.fence = leases.fence), '{}')
	FROM kiebot.leases WHERE expires > kiebot.clock() ORDER BY fence`

// Replicas implements core.Store.
func (s *Store) Replicas(ctx context.Context) ([]core.Replica, error) {
	var all []core.Replica
	b := &pgx.Batch{}
	s.setClock(b)
	b.Queue(queryReplicas).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var one core.Replica
			var fence int64
			if err := rows.Scan(&fence, &one.Owner, &one.Since, &one.Expires, &one.Duties); err != nil {
				return err
			}
			one.Fence = uint64(fence)
			all = append(all, one)
		}
		return rows.Err()
	})
	return all, s.pool.SendBatch(ctx, b).Close()
}

// A record's times are exact; those in columns have no nanoseconds.
const (
	queryTasks      = "SELECT id, state, account, kie_account, record->>'due' FROM kiebot.tasks WHERE duty IS NOT NULL AND (duty, id) > ($1, $2) AND (duty = ANY($3) OR $3 IS NULL) ORDER BY duty, id LIMIT $4"
	queryDeliveries = "SELECT id, lane FROM kiebot.deliveries WHERE id > $1 AND (duty = ANY($2) OR $2 IS NULL) ORDER BY id LIMIT $3"
)

// Work implements core.Store.
func (s *Store) Work(ctx context.Context, duties []core.Duty, after core.Work, limit int) ([]core.Work, error) {
	var work []core.Work
	err := s.View(ctx, func(tx core.Tx) error {
		t := tx.(*transaction)
		if after.Delivery == 0 {
			duty := core.Duty("")
			if after.Task != "" {
				duty = after.Duty()
			}
			err := t.list(func(row pgx.Row) error {
				w, err := dueTask(row)
				work = append(work, w)
				return err
			}, queryTasks, string(duty), string(after.Task), duties, limit)
			if err != nil {
				return err
			}
		}
		return t.list(func(row pgx.Row) error {
			var id int64
			var w core.Work
			err := row.Scan(&id, &w.Lane)
			w.Delivery = core.DeliveryID(id)
			work = append(work, w)
			return err
		}, queryDeliveries, int64(after.Delivery), duties, limit-len(work))
	})
	return work, err
}

func dueTask(row pgx.Row) (w core.Work, err error) {
	var due string
	if err := row.Scan(&w.Task, &w.State, &w.Account, &w.KieAccount, &due); err != nil {
		return w, err
	}
	if w.Due, err = time.Parse(time.RFC3339Nano, due); err != nil {
		return w, fmt.Errorf("reading when task %s is due: %w", w.Task, err)
	}
	return w, nil
}
