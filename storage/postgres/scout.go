package postgres

import (
	"errors"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// place is where a record is: a table and a key.
type place struct {
	table *table
	key   any
}

// scout is one run of an update for nothing, on what was last known, before its
// turn: it finds out what the update is going to read, so that this is asked for
// in a few statements for a whole group and not one record after the other. A
// scout only saves time: what it does not foresee, the update itself reads.
type scout struct {
	known *known
	wants []place
	wrote []place
}

// errScouted ends a scout where it can foresee no more.
var errScouted = errors.New("a scout goes no further")

// scout answers what the update is going to read, as far as can be foreseen.
func (s *Store) scout(fn func(*transaction) error) []place {
	own := &session{scout: &scout{known: &s.known}}
	func() {
		defer func() { _ = recover() }() // the update itself will panic, too
		_ = fn(&transaction{session: own})
	}()
	return own.scout.wants
}

// get is what the record was when it was last heard of.
func (s *scout) get(t *table, key any) []byte {
	if slices.Contains(s.wrote, place{t, key}) {
		panic(errScouted) // what would be there was not kept
	}
	s.wants = append(s.wants, place{t, key})
	data, found := s.known.get(place{t, key})
	if !found && t != tableUsage && t != tableSeen { // what is not there changes little about what comes next
		panic(errScouted)
	}
	return data
}

// known are the records that this replica heard of last, for scouts. Its
// methods may be called concurrently.
type known struct {
	mu          sync.Mutex
	young, aged map[place][]byte
	size        int // bytes of the young
}

const (
	keepKnown = 2 << 20 // bytes that are kept of either age
	sizeOne   = 128     // bytes that a record takes beside its own
)

func (k *known) get(at place) (data []byte, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if data, found = k.young[at]; found {
		return data, true
	}
	if data, found = k.aged[at]; found {
		k.put(at, data)
	}
	return data, found
}

// put wants the lock.
func (k *known) put(at place, data []byte) {
	if k.size > keepKnown || k.young == nil {
		k.young, k.aged, k.size = map[place][]byte{}, k.young, 0
	}
	was, there := k.young[at]
	if !there {
		k.size += sizeOne
	}
	k.size += len(data) - len(was)
	k.young[at] = data
}

// learn keeps what a transaction has read and written.
func (k *known) learn(cells map[*table]map[any]cell) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for t, records := range cells {
		if t == tableSeen || t == tableLedger { // nobody asks for the same ones again
			continue
		}
		for key, c := range records {
			k.put(place{t, key}, c.data)
		}
	}
}

// load queues that what updates want is read, those of a table in one statement.
func (s *session) load(b *pgx.Batch, wants []any) {
	keys := map[*table][]any{}
	for _, places := range wants {
		for _, at := range places.([]place) {
			if _, known := s.cells[at.table][at.key]; !known {
				s.set(at.table, at.key, cell{})
				keys[at.table] = append(keys[at.table], at.key)
			}
		}
	}
	for t, list := range keys {
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
}

// keyed is a row that begins with its key.
type keyed struct {
	pgx.Row
	key any
}

// Scan implements pgx.Row for what is behind the key.
func (k *keyed) Scan(into ...any) error { return k.Row.Scan(append([]any{&k.key}, into...)...) }

// Prepare implements group.Preparer.
func (b *batch) Prepare(wants []any) {
	if b.failed != nil {
		return
	}
	reads := &pgx.Batch{}
	b.load(reads, wants)
	if reads.Len() == 0 {
		return
	}
	if err := b.query.SendBatch(b.ctx, reads).Close(); err != nil {
		_ = b.fail(err)
	}
}
