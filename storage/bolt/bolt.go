// Package bolt is the embedded store: one bbolt file, one process.
//
// Every Update is one bbolt transaction, which is durable when it returns:
// bbolt writes its pages and syncs, then writes its root and syncs again. A
// failed commit leaves the outcome unknown, so the store then refuses work
// until it is opened again.
package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"kiebot/core"
)

// schemaVersion is the layout of the buckets that this program writes.
const schemaVersion = 2

// ErrInUse means that another process has the file open.
var ErrInUse = errors.New("the database is in use by another process")

// ErrNewer means that a newer kiebot has written the file.
var ErrNewer = errors.New("the database was written by a newer version of kiebot; use that version or newer, or restore a backup")

// Options change how the file is opened; the zero value is right for production.
type Options struct {
	LockTimeout time.Duration // how long to wait for another process; zero means one second
	MaxSize     int           // bytes the file may grow to; zero means no limit
}

// Store is a core.Store in one bbolt file. All methods may be called concurrently.
type Store struct {
	db     *bbolt.DB
	closed atomic.Bool

	mu    sync.Mutex
	scan  claimScan
	owner string
}

// Open opens the file, or creates it with mode 0600, and brings its layout up
// to this program's version. It fails with ErrInUse when another process has
// it and with ErrNewer when a newer program wrote it.
func Open(path string, opt Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the database: %w", err)
	}
	if opt.LockTimeout == 0 {
		opt.LockTimeout = time.Second
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         opt.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true,
		InitialMmapSize: initialMmap,
		MaxSize:         opt.MaxSize,
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("opening %s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if err := db.Update(prepare); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// initialMmap is address space, not memory or disk: the file can grow so far
// without waiting for readers to finish.
const initialMmap = 1 << 30

// The buckets. Keys that are numbers or times are big-endian, so they sort.
var (
	bucketMeta       = []byte("meta")        // "schema" → version
	bucketAccounts   = []byte("accounts")    // account id → Account
	bucketIdentities = []byte("identities")  // platform:user → account id
	bucketTasks      = []byte("tasks")       // task id → Task
	bucketShort      = []byte("task_short")  // the last 8 characters + task id → nothing
	bucketByAccount  = []byte("task_by")     // account id + task id → nothing
	bucketOpen       = []byte("task_open")   // account id + task id → nothing, while it is not final
	bucketFinished   = []byte("task_done")   // time + task id → nothing, once it is final
	bucketChats      = []byte("chats")       // lane → Chat
	bucketAudit      = []byte("audit")       // number → Audit
	bucketDue        = []byte("task_due")    // task id → due, state
	bucketDeliveries = []byte("deliveries")  // number → Delivery
	bucketUsage      = []byte("usage")       // window id → Usage
	bucketLedger     = []byte("ledger")      // account id + number → Entry
	bucketSeen       = []byte("seen")        // key → Seen
	bucketSeenExpiry = []byte("seen_expiry") // time + key → nothing
	bucketSettings   = []byte("settings")    // name → value
)

func buckets() [][]byte {
	return [][]byte{
		bucketMeta, bucketAccounts, bucketIdentities, bucketTasks, bucketShort, bucketByAccount,
		bucketOpen, bucketFinished, bucketChats, bucketAudit, bucketDue, bucketDeliveries, bucketUsage, bucketLedger, bucketSeen, bucketSeenExpiry, bucketSettings,
	}
}

// prepare makes the buckets and checks the layout's version.
func prepare(tx *bbolt.Tx) error {
	for _, name := range buckets() {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("making bucket %s: %w", name, err)
		}
	}
	meta := tx.Bucket(bucketMeta)
	key := []byte("schema")
	switch found := meta.Get(key); {
	case found == nil:
	case len(found) != 4:
		return errors.New("the database's version is unreadable: this is not a kiebot database")
	case binary.BigEndian.Uint32(found) > schemaVersion:
		return ErrNewer
	case binary.BigEndian.Uint32(found) == 1:
		if err := from1(tx); err != nil {
			return err
		}
	}
	return meta.Put(key, binary.BigEndian.AppendUint32(nil, schemaVersion))
}

// from1 makes the indexes that layout 1 did not have.
func from1(tx *bbolt.Tx) error {
	t := &transaction{tx: tx}
	return tx.Bucket(bucketTasks).ForEach(func(id, _ []byte) error {
		task, err := get[core.Task](t, bucketTasks, id)
		if err != nil {
			return err
		}
		return t.indexEnd(task)
	})
}

// Close waits for transactions and closes the file. Every later call answers core.ErrStoreClosed.
func (s *Store) Close() error {
	s.closed.Store(true)
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// Healthy answers nil while the store takes work.
func (s *Store) Healthy() error {
	if s.closed.Load() {
		return core.ErrStoreClosed
	}
	return nil
}

// View implements core.Store.
func (s *Store) View(ctx context.Context, fn func(core.Tx) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return storeError(s.db.View(func(tx *bbolt.Tx) error { return fn(&transaction{tx: tx}) }))
}

// Update implements core.Store.
func (s *Store) Update(ctx context.Context, fn func(core.Tx) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	var refused error
	err := s.db.Update(func(tx *bbolt.Tx) error {
		refused = fn(&transaction{tx: tx})
		return refused
	})
	if err == nil || refused != nil {
		return err // committed, or rolled back before anything was written
	}
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return core.ErrStoreClosed
	}
	s.closed.Store(true) // nobody knows what is on the disk
	return fmt.Errorf("committing to the database: %w", err)
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return core.ErrStoreClosed
	}
	return ctx.Err()
}

func storeError(err error) error {
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return core.ErrStoreClosed
	}
	return err
}

// claimScan is how far a claim has read. One process holds the file, so every
// claim is granted: reading on from here is all there is to do.
type claimScan struct {
	task, delivery []byte
	done           bool
}

// Claim implements core.Store. The file belongs to one process, so what
// another owner held is free.
func (s *Store) Claim(ctx context.Context, owner string, limit int) ([]core.Work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != owner {
		s.owner, s.scan = owner, claimScan{}
	}
	if s.scan.done {
		return nil, nil
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	var work []core.Work
	next := s.scan
	err := s.db.View(func(tx *bbolt.Tx) error {
		var err error
		work, next, err = next.read(tx, limit)
		return err
	})
	if err != nil {
		return nil, storeError(err)
	}
	s.scan = next
	return work, nil
}

// Release implements core.Store.
func (s *Store) Release(_ context.Context, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == owner {
		s.owner, s.scan = "", claimScan{}
	}
	return nil
}
