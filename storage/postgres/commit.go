package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kiebot/core"
	"kiebot/storage/group"
)

const (
	callFor   = 30 * time.Second       // one transaction of updates; longer, and the connection is given up
	retryFrom = 100 * time.Millisecond // between tries while the database cannot be used
	retryMost = 2 * time.Second
)

// batch is the transaction that a group of updates shares.
type batch struct {
	session
	store  *Store
	conn   *pgx.Conn
	cancel context.CancelFunc
	runs   int
}

// begin takes the turn to write. It waits while the database cannot be used,
// until the store is closed.
func (s *Store) begin(wants []any) (group.Transaction, error) {
	for {
		b, err := s.tryBegin(wants)
		if err == nil {
			s.retry = 0
			s.trouble.Store(nil)
			return b, nil
		}
		s.trouble.Store(&err)
		if !s.pause() {
			return nil, core.ErrStoreClosed
		}
	}
}

// pause waits before another try; false when the store is closed meanwhile.
func (s *Store) pause() bool {
	s.retry = min(max(2*s.retry, retryFrom), retryMost)
	select {
	case <-time.After(s.retry):
		return true
	case <-s.closing:
		return false
	}
}

// takeTurn begins a transaction that writes: it waits for the lock of the one
// row of kiebot.writer. The transaction sees what those before it committed,
// because each of its statements sees what is committed when it begins.
const takeTurn = "SELECT entry, delivery, audit, fence, note FROM kiebot.writer FOR UPDATE"

func (s *Store) tryBegin(wants []any) (*batch, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callFor)
	conn, err := s.writer(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	b := &batch{store: s, conn: conn, cancel: cancel}
	for _, cells := range s.cells {
		clear(cells)
	}
	b.session = session{ctx: ctx, query: conn, cells: s.cells, alive: map[uint64]bool{}}
	first := &pgx.Batch{}
	first.Queue("BEGIN")
	s.setClock(first)
	first.Queue(takeTurn).QueryRow(func(row pgx.Row) error {
		return row.Scan(&b.last.entry, &b.last.delivery, &b.last.audit, &b.last.fence, &b.last.note)
	})
	first.Queue("SELECT fence FROM kiebot.leases WHERE expires > kiebot.clock()").Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var fence int64
			if err := rows.Scan(&fence); err != nil {
				return err
			}
			b.alive[uint64(fence)] = true
		}
		return rows.Err()
	})
	s.notes.queue(first)
	b.load(first, wants)
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		s.giveUp()
		cancel()
		return nil, fmt.Errorf("taking the turn to write: %w", err)
	}
	b.heeded = s.notes.heeded(b.alive)
	return b, nil
}

// setClock lets kiebot.clock say what Options.Now does.
func (s *Store) setClock(b *pgx.Batch) {
	if s.now != nil {
		b.Queue("SELECT set_config('kiebot.clock', $1, false)", s.now().UTC().Format(time.RFC3339Nano))
	}
}

// writer is the connection that the updates go over.
func (s *Store) writer(ctx context.Context) (*pgx.Conn, error) {
	if s.conn != nil && !s.conn.IsClosed() {
		return s.conn, nil
	}
	conn, err := pgx.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return conn, nil
}

// giveUp ends the connection, and with it its transaction.
func (s *Store) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// Run implements group.Transaction.
func (b *batch) Run(fn func(core.Tx) error) (err error) {
	b.runs++
	if b.failed != nil {
		return b.failed
	}
	b.session.begin()
	kept := false
	defer func() { b.end(kept) }()
	err = fn(&transaction{session: &b.session})
	kept = err == nil
	return err
}

// Commit implements group.Transaction.
func (b *batch) Commit() (wrote bool, err error) {
	defer b.cancel()
	defer func() { b.store.known.learn(b.cells) }()
	if b.failed == nil && !b.wrote && !b.unsent && !b.given && len(b.notes) == 0 {
		_, err := b.conn.Exec(b.ctx, "ROLLBACK")
		if err != nil {
			b.store.giveUp()
		}
		return false, nil
	}
	sent := b.failed == nil
	if sent {
		b.failed = b.commit()
	}
	if b.failed == nil {
		b.store.notes.wrote(b.last.note)
		return true, nil
	}
	b.store.giveUp()
	if sent && !refused(b.failed) {
		return true, b.store.outcome(b.failed)
	}
	return false, b.judge()
}

func (b *batch) commit() error {
	last := &pgx.Batch{}
	b.queue(last)
	if len(b.notes) > 0 {
		b.last.note++
		b.given = true
		last.Queue("INSERT INTO kiebot.notes (number, instance, notes) VALUES ($1, $2, $3::json[])", b.last.note, b.store.instance, b.notes)
		last.Queue("NOTIFY kiebot")
	}
	if b.given {
		last.Queue("UPDATE kiebot.writer SET entry = $1, delivery = $2, audit = $3, fence = $4, note = $5", b.last.entry, b.last.delivery, b.last.audit, b.last.fence, b.last.note)
	}
	b.store.number++
	last.Queue("INSERT INTO kiebot.commits (instance, number) VALUES ($1, $2) ON CONFLICT (instance) DO UPDATE SET number = excluded.number, at = excluded.at", b.store.instance, b.store.number)
	last.Queue("COMMIT")
	return b.conn.SendBatch(b.ctx, last).Close()
}

// refused says whether the database has refused a statement, so that the whole
// transaction is undone. What ends the connection says nothing of that.
func refused(err error) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && failed.Severity == "ERROR"
}

// judge says what becomes of a transaction that was not committed. When one
// update of several is at fault, none of the others pays for it.
func (b *batch) judge() error {
	switch {
	case passing(b.failed):
		if !b.store.pause() {
			return core.ErrStoreClosed
		}
		return group.ErrAgain
	case b.runs > 1:
		return group.ErrAlone
	}
	return fmt.Errorf("%w: %w", group.ErrRefused, b.failed)
}

// passing says whether the error is about the moment: the connection, the
// server's start or end, another transaction (PostgreSQL docs, "Error Codes").
func passing(err error) bool {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		return true
	}
	switch failed.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"25006",                   // read-only: a standby that is becoming the primary
		"25P03", "55P03", "57014", // idle too long, no lock, canceled
		"57P01", "57P02", "57P03", "57P05", // shutting down, crashed, starting, idle session
		"0A000", // a plan from before the layout changed
		"53300", "53400":
		return true
	}
	return failed.Severity != "ERROR" || failed.Code[:2] == "08"
}

// outcome finds out what became of the last commit, whose answer was lost. Until
// it knows, nothing else is written: it asks until the store is closed.
func (s *Store) outcome(lost error) error {
	for {
		done, err := s.committed()
		switch {
		case err != nil:
			s.trouble.Store(&err)
		case done:
			return nil
		default:
			return group.ErrAgain
		}
		if !s.pause() {
			return fmt.Errorf("whether this was written is unknown: %w", lost)
		}
	}
}

// committed says whether the last commit is there. It takes the turn to write,
// which that commit has until it is over; a number of a transaction would not
// do, because the database gives those again that it forgot in a crash.
func (s *Store) committed() (bool, error) {
	b, err := s.tryBegin(nil)
	if err != nil {
		return false, err
	}
	defer b.cancel()
	var number int64
	err = s.conn.QueryRow(b.ctx, "SELECT coalesce(max(number), 0) FROM kiebot.commits WHERE instance = $1", s.instance).Scan(&number)
	if err == nil {
		_, err = s.conn.Exec(b.ctx, "ROLLBACK")
	}
	if err != nil {
		s.giveUp()
	}
	return number == s.number, err
}
