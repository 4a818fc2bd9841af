package postgres

import (
	"errors"
	"maps"
	"sync"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
)

// scouts find out together what updates are going to read, so that it is asked
// for in a few statements and not one record after the other: each update runs
// once for nothing, all at the same time, and stands still at what is not
// known until all of them do. A scout only saves time: what it foresees wrongly,
// because an update before it will write that, the update itself reads right.
type scouts struct {
	base *session // what was read is left there

	mu      sync.Mutex
	moving  int // scouts that do not stand still
	still   int
	halt    chan struct{} // has room for one: "none moves"
	wanted  map[*table]map[any]bool
	resumes chan struct{} // closed when what is wanted is known
}

// Prepare implements group.Preparer.
func (b *batch) Prepare(fns []func(core.Tx) error) {
	s := &scouts{base: &b.session, moving: len(fns), halt: make(chan struct{}, 1), wanted: map[*table]map[any]bool{}, resumes: make(chan struct{})}
	for _, fn := range fns {
		go s.run(fn)
	}
	for {
		<-s.halt
		if !s.learn() {
			return
		}
	}
}

// foreign is where the numbers of scouts begin: no record has such a one.
const foreign = 1 << 62

// errScouted ends a scout where it can foresee no more.
var errScouted = errors.New("a scout goes no further")

func (s *scouts) run(fn func(core.Tx) error) {
	defer s.leave()
	defer func() { _ = recover() }() // the update itself will panic, too
	own := &session{ctx: s.base.ctx, scouts: s, turn: &turn{}, alive: maps.Clone(s.base.alive)}
	own.last = numbers{entry: foreign, delivery: foreign, audit: foreign, fence: foreign}
	_ = fn(&transaction{session: own})
}

// leave says that a scout has come to its end.
func (s *scouts) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

// stop wants the lock.
func (s *scouts) stop() {
	if s.moving--; s.moving == 0 {
		s.halt <- struct{}{}
	}
}

// get is what the record is; it waits for that with the others.
func (s *scouts) get(t *table, key any) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, known := s.base.cells[t][key]; known {
		return c.data, nil
	}
	if s.wanted[t] == nil {
		s.wanted[t] = map[any]bool{}
	}
	s.wanted[t][key] = true
	if t == tableUsage || t == tableSeen { // what is not there changes little about what comes next
		return nil, nil
	}
	s.still++
	resumes := s.resumes
	s.stop()
	s.mu.Unlock()
	<-resumes
	s.mu.Lock()
	if c, known := s.base.cells[t][key]; known {
		return c.data, nil
	}
	return nil, errScouted
}

// learn reads what the scouts want and lets them go on; false when all of them
// have come to their end.
func (s *scouts) learn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) > 0 {
		s.base.load(s.wanted)
	}
	if s.still == 0 {
		return false
	}
	s.moving, s.still = s.still, 0
	clear(s.wanted)
	close(s.resumes)
	s.resumes = make(chan struct{})
	return true
}

// load reads records, those of a table in one statement.
func (s *session) load(wanted map[*table]map[any]bool) {
	if s.failed != nil {
		return
	}
	b := &pgx.Batch{}
	for t, keys := range wanted {
		var list []any
		for key := range keys {
			list = append(list, key)
			s.set(t, key, cell{})
		}
		b.Queue(t.loads, list).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				row := &keyed{Row: rows}
				data, err := t.read(row)
				if err != nil {
					return err
				}
				s.set(t, row.key, cell{data: data})
			}
			return rows.Err()
		})
	}
	if err := s.query.SendBatch(s.ctx, b).Close(); err != nil {
		_ = s.fail(err)
	}
}

// keyed is a row that begins with its key.
type keyed struct {
	pgx.Row
	key any
}

// Scan implements pgx.Row for what is behind the key.
func (k *keyed) Scan(into ...any) error { return k.Row.Scan(append([]any{&k.key}, into...)...) }
