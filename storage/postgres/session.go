package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is one transaction of the database's: of a view, or of updates that
// share it. What was looked up or written is kept here, so that a record is
// asked for once, and what was written is sent at the end, all records of a
// table in one statement, each as it is then.
type session struct {
	ctx    context.Context
	query  querier
	cells  map[*table]map[any]cell
	turn   *turn   // nil in a view, and between the turns
	before []prior // room for those of the next turn
	scout  *scout  // whose session this is; nil when it is a real one
	last   numbers
	given  bool            // last has changed
	alive  map[uint64]bool // the leases that are current
	seen   seenExpiry
	heeded bool     // somebody hears notes
	notes  [][]byte // for others to hear
	unsent bool     // some cell is dirty
	saved  bool     // the turn's beginning is a savepoint
	wrote  bool     // something is to be committed
	// failed is why the transaction cannot go on.
	failed error
}

// querier is what a session needs of a connection.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// numbers are the last ones given.
type numbers struct{ entry, delivery, audit, fence, note int64 }

// seenExpiry is how many expired records have to go, and what has expired.
type seenExpiry struct {
	before time.Time
	many   int
}

// cell is a record as this transaction sees it.
type cell struct {
	data  []byte // nil when it is not there
	row   []any  // when it was written, the columns of its table
	dirty bool   // the database does not have it yet
}

// turn is what can be taken back.
type turn struct {
	before []prior
	last   numbers
	seen   seenExpiry
	notes  int // how many there were
}

// prior is a cell before the turn wrote it; one that was not known is not there.
type prior struct {
	table *table
	key   any
	cell  cell
	known bool
}

// get is the record's bytes, nil when it is not there.
func (s *session) get(t *table, key any) ([]byte, error) {
	if s.scout != nil {
		return s.scout.get(t, key), nil
	}
	if c, known := s.cells[t][key]; known {
		return c.data, nil
	}
	if s.failed != nil {
		return nil, s.failed
	}
	data, err := t.read(s.query.QueryRow(s.ctx, t.load, key))
	if errors.Is(err, pgx.ErrNoRows) {
		data, err = nil, nil
	}
	if err != nil {
		return nil, s.fail(fmt.Errorf("reading %s: %w", t.name, err))
	}
	s.set(t, key, cell{data: data})
	return data, nil
}

func (s *session) set(t *table, key any, c cell) {
	if s.cells == nil {
		s.cells = map[*table]map[any]cell{}
	}
	if s.cells[t] == nil {
		s.cells[t] = map[any]cell{}
	}
	s.cells[t][key] = c
}

var errReadOnly = errors.New("a view cannot write")

// put writes a record: its bytes, and the row that they make.
func (s *session) put(t *table, key any, data []byte, row []any) error {
	if s.scout != nil {
		s.scout.wrote = append(s.scout.wrote, place{t, key})
		return nil
	}
	if s.turn == nil {
		return errReadOnly
	}
	was, known := s.cells[t][key]
	s.turn.before = append(s.turn.before, prior{t, key, was, known})
	s.set(t, key, cell{data: data, row: row, dirty: true})
	s.unsent = true
	return nil
}

func (s *session) remove(t *table, key any) error { return s.put(t, key, nil, nil) }

// fail notes why the transaction cannot go on.
func (s *session) fail(err error) error {
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// list asks for many rows, after what was written so far is where they are.
func (s *session) list(each func(pgx.Row) error, sql string, args ...any) error {
	if err := s.flush(); err != nil {
		return err
	}
	rows, err := s.query.Query(s.ctx, sql, args...)
	if err != nil {
		return s.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return s.fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return s.fail(err)
	}
	return nil
}

// exec runs a statement that changes something.
func (s *session) exec(sql string, args ...any) error {
	if err := s.flush(); err != nil {
		return err
	}
	s.wrote = true
	if _, err := s.query.Exec(s.ctx, sql, args...); err != nil {
		return s.fail(err)
	}
	return nil
}

// flush sends what was written in the middle of a turn. What the turn itself
// wrote comes behind a savepoint, for when it is taken back.
func (s *session) flush() error {
	if s.scout != nil {
		panic(errScouted)
	}
	if s.failed != nil {
		return s.failed
	}
	if !s.unsent {
		return nil
	}
	b := &pgx.Batch{}
	if !s.saved {
		s.queueBefore(b)
		b.Queue("SAVEPOINT turn")
		s.saved = true
	}
	s.queue(b)
	return s.send(b)
}

// queueBefore queues what the turns before this one wrote.
func (s *session) queueBefore(b *pgx.Batch) {
	own := map[*table]map[any]cell{}
	for _, p := range slices.Backward(s.turn.before) { // the first of a key last: it is from before the turn
		if own[p.table] == nil {
			own[p.table] = map[any]cell{}
		}
		if _, later := own[p.table][p.key]; !later {
			own[p.table][p.key] = s.cells[p.table][p.key]
		}
		s.set(p.table, p.key, p.cell)
	}
	s.queue(b)
	for t, cells := range own {
		for key, c := range cells {
			s.set(t, key, c)
		}
	}
	for i := range s.turn.before {
		s.turn.before[i].cell.dirty = false
	}
}

// queue queues a statement or two for each table that something was written of.
func (s *session) queue(b *pgx.Batch) {
	s.unsent = false
	for t, cells := range s.cells {
		var rows [][]any
		var gone []any
		for key, c := range cells {
			if !c.dirty {
				continue
			}
			c.dirty = false
			cells[key] = c
			if c.row == nil {
				gone = append(gone, key)
			} else {
				rows = append(rows, c.row)
			}
		}
		if len(gone) > 0 {
			b.Queue(t.remove, gone)
		}
		if len(rows) > 0 {
			b.Queue(t.upsert, columns(rows)...)
		}
	}
	if s.seen.many > 0 {
		b.Queue("DELETE FROM kiebot.seen WHERE key IN (SELECT key FROM kiebot.seen WHERE expires < $1 ORDER BY expires LIMIT $2)", s.seen.before, s.seen.many)
		s.seen = seenExpiry{}
	}
}

// columns are the rows as an array for each column.
func columns(rows [][]any) []any {
	all := make([]any, len(rows[0]))
	for i := range all {
		column := make([]any, len(rows))
		for n, row := range rows {
			column[n] = row[i]
		}
		all[i] = column
	}
	return all
}

// send sends a batch whose statements answer nothing.
func (s *session) send(b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	s.wrote = true
	if err := s.query.SendBatch(s.ctx, b).Close(); err != nil {
		return s.fail(fmt.Errorf("writing: %w", err))
	}
	return nil
}

// begin begins a turn.
func (s *session) begin() {
	s.turn = &turn{before: s.before[:0], last: s.last, seen: s.seen, notes: len(s.notes)}
}

// end ends the turn, after taking back what it wrote if it is not kept.
func (s *session) end(kept bool) {
	back := s.turn
	s.turn, s.before = nil, back.before
	if !kept {
		s.last, s.notes = back.last, s.notes[:back.notes]
		if !s.saved {
			s.seen = back.seen
		}
		for _, p := range slices.Backward(back.before) {
			if p.known {
				s.set(p.table, p.key, p.cell)
			} else {
				delete(s.cells[p.table], p.key)
			}
		}
	}
	if s.last != back.last {
		s.given = true
	}
	if s.saved && s.failed == nil {
		b := &pgx.Batch{}
		if !kept {
			b.Queue("ROLLBACK TO SAVEPOINT turn")
		}
		b.Queue("RELEASE SAVEPOINT turn")
		_ = s.send(b) // noted as failed
	}
	s.saved = false
}
