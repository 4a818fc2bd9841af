package postgres

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
)

// Commits leave notes in kiebot.notes for the other replicas, numbered in their
// order. A replica hears them when it takes its turn to write, before its own
// updates, so that none of these is told of before what was committed earlier;
// and otherwise as soon as PostgreSQL notifies it, or when it looks, as it does
// every second in case a notification was lost.

// lookEvery is how often it is looked for notes, and for leases that have ended.
const lookEvery = time.Second

// keepNotes is how long notes are kept: longer than any lease, after which a
// replica begins anew.
const (
	keepNotes  = "1 hour"
	sweepNotes = 10 * time.Minute
)

// notes is what this replica has heard. Its methods may be called concurrently.
type notes struct {
	instance string

	mu    sync.Mutex
	own   uint64       // the fence of this replica's lease
	last  int64        // the number of the last one that was heard
	heard func([]byte) // nil while nobody follows
	moved func()
	lost  bool // some are not there any more
}

// heeded says whether any lease but this replica's own is current.
func (n *notes) heeded(alive map[uint64]bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(alive) > 1 || len(alive) == 1 && !alive[n.own]
}

// begin notes which lease this replica has, and up to which note it needs none.
func (n *notes) begin(fence uint64, last int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.own, n.last, n.lost = fence, last, false
}

func (n *notes) follow(heard func([]byte), moved func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard, n.moved = heard, moved
}

// queue queues that notes are read and heard.
func (n *notes) queue(b *pgx.Batch) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.heard == nil {
		return
	}
	b.Queue("SELECT number, instance, notes FROM kiebot.notes WHERE number > $1 ORDER BY number", n.last).Query(n.read)
}

// read hears notes that were not heard yet: another read may have been faster.
func (n *notes) read(rows pgx.Rows) error {
	for rows.Next() {
		var number int64
		var instance string
		var all [][]byte
		if err := rows.Scan(&number, &instance, &all); err != nil {
			return err
		}
		n.hear(number, instance, all)
	}
	return rows.Err()
}

func (n *notes) hear(number int64, instance string, all [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if number <= n.last || n.heard == nil {
		return
	}
	if number > n.last+1 {
		n.lost = true
		return
	}
	n.last = number
	if instance == n.instance {
		return
	}
	for _, one := range all {
		if bytes.Equal(one, replicasMoved) {
			n.moved()
			continue
		}
		n.heard(one)
	}
}

// Notify implements core.Tx.
func (t *transaction) Notify(note func() ([]byte, error)) error {
	if !t.heeded {
		return nil
	}
	data, err := note()
	if err == nil {
		t.notes = append(t.notes, data)
	}
	return err
}

// wrote notes that this replica's own commit has left one.
func (n *notes) wrote(number int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == number-1 {
		n.last = number
	}
}

// replicasMoved is the note that leases or duties are others than before.
var replicasMoved = []byte("null")

// noteMoved leaves that note.
func (t *transaction) noteMoved() error {
	return t.Notify(func() ([]byte, error) { return replicasMoved, nil })
}

// Follow implements core.Store. While the database cannot be reached nothing is
// heard, and nothing can be committed.
func (s *Store) Follow(ctx context.Context, _ core.Lease, heard func([]byte), moved func()) error {
	s.notes.follow(heard, moved)
	defer s.notes.follow(nil, nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		err := s.listen(ctx)
		if errors.Is(err, core.ErrLeaseLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// listen looks for notes whenever the database says that there are some, and
// every now and then, until that fails.
func (s *Store) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN kiebot"); err != nil {
		return err
	}
	swept := time.Time{}
	for {
		if err := s.look(ctx, conn); err != nil {
			return err
		}
		if time.Since(swept) > sweepNotes {
			if _, err := conn.Exec(ctx, "DELETE FROM kiebot.notes WHERE at < clock_timestamp() - $1::interval", keepNotes); err != nil {
				return err
			}
			swept = time.Now()
		}
		if err := s.wait(ctx, conn); err != nil {
			return err
		}
	}
}

// look hears what is new, and says when a lease has ended.
func (s *Store) look(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	ended := false
	b := &pgx.Batch{}
	s.setClock(b)
	s.notes.queue(b)
	b.Queue("SELECT EXISTS (SELECT FROM kiebot.leases WHERE expires <= kiebot.clock())").QueryRow(func(row pgx.Row) error { return row.Scan(&ended) })
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	switch {
	case s.notes.lost:
		return core.ErrLeaseLost
	case ended && s.notes.moved != nil:
		s.notes.moved()
	}
	return nil
}

// wait returns when there may be something new.
func (s *Store) wait(ctx context.Context, conn *pgx.Conn) error {
	if s.poll {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing:
			return core.ErrStoreClosed
		case <-time.After(lookEvery):
			return nil
		}
	}
	limited, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	_, err := conn.WaitForNotification(limited)
	if limited.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}
