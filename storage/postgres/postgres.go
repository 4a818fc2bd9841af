// Package postgres is the store for several replicas: the tables of the schema
// kiebot in one PostgreSQL database, version 15 or newer.
//
// # One writes at a time
//
// Updates have to be serializable. PostgreSQL could see to that and refuse what
// conflicts; but all people's requests are booked in the same few windows, so
// that most of what comes at the same time would conflict. Here whoever writes
// holds the lock of one row, kiebot.writer: the updates of a replica that come
// at the same time share a transaction (package group), the replicas take
// turns, and nothing has to be refused. The rows that all of them wrote go to
// the database in one statement for each table, together with the commit.
//
// What an update will read is found out while it waits, by running it once for
// nothing on what was last known (scout), and read with the turn, in a few
// statements for the whole group.
//
// A replica that is stopped in its turn loses it after five seconds: the
// database ends a transaction that stands still for so long.
//
// # What a lost answer means
//
// Every commit leaves its number in kiebot.commits. When the answer to one is
// lost, the database is asked for that number until it answers, and what is not
// there is done again. While the database cannot be reached, updates wait. One
// that it refuses fails alone.
//
// # Leases and duties
//
// A replica's right to write is a row of kiebot.leases that it renews, by the
// database's clock; every update asks whether it is there. What a replica does
// for all is a row of kiebot.duties with its lease's fence, so that work needs no
// owner of its own: a task or a delivery names its duty. Whose lease has ended
// loses its duties to whoever takes them first. That takes the turn to write, so
// nothing under the old lease is committed after it.
//
// What the others have to hear of a commit stands in kiebot.notes.
//
// # Why no job queue
//
// River, a job queue in Go on the same PostgreSQL, was tried as the mover of due
// work (v0.51.2 with pgx 5.12, PostgreSQL 15, fsync on, two cores):
//
//   - A worker that was stopped past its time and went on completed its job, and
//     what it wrote in the same transaction, without an error, also when another
//     had done so: the end of a job asks whether it runs, not who runs it.
//   - A job that runs cannot be made due at another time. A callback that came
//     while its task was looked at was forgotten.
//   - Jobs that go one after the other, as the deliveries of a chat do, are not
//     in the open version; with one worker for a queue on two replicas two ran.
//   - Its states and attempts stand beside those of a task.
//   - With 64 callers a quota row and a job were inserted 6,600 times a second;
//     rows like ours alone, each in its transaction, 11,500 times, and 48,500
//     times when those of all callers shared one. Jobs were worked at 2,300 a
//     second, our rows at 9,600, or 26,000 in shared transactions. From the time
//     at which something was due until it began it took 570 ms, or 1.5 ms.
//
// So a task's own row says when it is due, and under which duty.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kiebot/core"
	"kiebot/storage/group"
)

// Options change how the database is used; the zero value is right for production.
type Options struct {
	// Observe hears of every commit that wrote something: how many updates
	// shared it, and how long they and it took. It must not block. Nil for nobody.
	Observe func(updates int, took time.Duration)
	// Now is the clock that leases go by, for tests. Nil means the database's.
	Now func() time.Time
	// Poll looks every second for what other replicas did, in place of waiting
	// for a notification, for tests whose time stands still while a connection
	// waits.
	Poll bool
}

// Store is a core.Store in a PostgreSQL database. All methods may be called concurrently.
type Store struct {
	now     func() time.Time
	poll    bool
	notes   *notes
	config  *pgx.ConnConfig // of the writer's connection
	pool    *pgxpool.Pool   // of those that views go over
	commits *group.Committer
	known   known

	once    sync.Once
	closing chan struct{}
	trouble atomic.Pointer[error] // why updates wait

	// Of the committer's goroutine alone.
	conn     *pgx.Conn
	cells    map[*table]map[any]cell // room for those of the next transaction
	retry    time.Duration
	instance string // names this store among all that ever were
	number   int64  // of its last commit
}

// turnFor is how long a transaction may stand still in the turn to write,
// unless the address says otherwise (idle_in_transaction_session_timeout).
const turnFor = "5s"

// Open connects to the database with the address, as libpq reads it
// (postgres://…, or key=value), and brings its layout up to this program's.
func Open(ctx context.Context, address string, opt Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read; it should be like postgres://user:password@host/database")
	}
	config.ConnConfig.RuntimeParams["application_name"] = "kiebot"
	writer := config.ConnConfig.Copy()
	for name, value := range map[string]string{
		"idle_in_transaction_session_timeout": turnFor,
		// Every statement finds its rows by an index. While a table has no
		// statistics yet the planner may think otherwise, and compile, too.
		"enable_seqscan": "off",
		"jit":            "off",
	} {
		if _, set := writer.RuntimeParams[name]; !set {
			writer.RuntimeParams[name] = value
		}
	}
	s := &Store{now: opt.Now, poll: opt.Poll, config: writer, closing: make(chan struct{}), cells: map[*table]map[any]cell{}, instance: rand.Text()}
	s.notes = &notes{instance: s.instance}
	if s.conn, err = s.writer(ctx); err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	if err := prepare(ctx, s.conn); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the database: %w", err), s.conn.Close(ctx))
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the database: %w", err), s.conn.Close(ctx))
	}
	s.commits = group.New(group.Options{Begin: s.begin, Observe: opt.Observe})
	return s, nil
}

// Close lets the updates that wait be committed, if the database can be
// reached, and ends the connections. Every later call answers
// core.ErrStoreClosed.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		s.commits.Close()
		s.giveUp()
		s.pool.Close()
	})
	return nil
}

// Healthy answers nil while the store takes work, and otherwise why it does not.
func (s *Store) Healthy() error {
	if err := s.commits.Healthy(); err != nil {
		return err
	}
	if err := s.trouble.Load(); err != nil {
		return fmt.Errorf("the database cannot be used: %w", *err)
	}
	return nil
}

// View implements core.Store.
func (s *Store) View(ctx context.Context, fn func(core.Tx) error) error {
	if s.commits.Healthy() != nil {
		return core.ErrStoreClosed
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		return fn(&transaction{session: &session{ctx: ctx, query: tx}})
	})
	if err != nil && s.commits.Healthy() != nil { // closed meanwhile
		return core.ErrStoreClosed
	}
	return err
}

// Update implements core.Store. fn runs in the caller's goroutine.
func (s *Store) Update(ctx context.Context, fn func(core.Tx) error) error {
	return s.update(ctx, func(t *transaction) error { return fn(t) })
}

func (s *Store) update(ctx context.Context, fn func(*transaction) error) error {
	if s.commits.Healthy() != nil {
		return core.ErrStoreClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.commits.Update(ctx, func(tx core.Tx) error { return fn(tx.(*transaction)) }, s.scout(fn))
}
