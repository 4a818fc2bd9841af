// Package bolt is the embedded store: one bbolt file, one process.
//
// # Group commit
//
// A bbolt commit writes its pages and syncs, then writes its root and syncs
// again; most of that costs the same for one update as for many, so updates
// that come at the same time share one: see package group.
//
// What decided it: an accepted request alone writes 17 pages, each of them a
// write of its own, and syncs twice; when 64 callers accept at once, 60 of
// their requests share a commit and write 1.7 pages each. bbolt's own DB.Batch
// waits 10 ms for others, alone or not, and runs a function that refuses a
// second time in a transaction of its own.
//
// That is twice as many accepts a second as DB.Batch makes, not more, and the
// limit is near: on the machine of README's table, where writing and syncing one
// page takes 0.2 ms, the 110 scattered pages of such a commit take 3.7 ms, so
// that no program which writes them can accept more than 17,000 requests a
// second. Beyond that lies a log in front of the pages, with a second way to
// read whatever is in it; kiebot's communities are a thousandth of that size.
//
// An update that refuses, panics or ends its goroutine is taken back from the
// shared transaction by a log of what was there before, so its neighbours do
// not notice; a panic goes on in its caller's goroutine. Every other answer,
// a refusal too, leaves after the commit, because it may rest on what a
// neighbour wrote.
//
// # Layout
//
// Pages are what a commit costs, so the keys are laid out for few of them.
// What is appended is in the order of time: tasks that move, the ledger,
// deliveries; their pages are filled to the end, not to the half. What
// belongs to an account is one bucket with the account's newest keys side by
// side, so that a commit about a task writes one page of it. A task that is
// over leaves for the archive, where the index of short ids, whose pages are
// hit at random, is paid at the end and not at the beginning. A file of an
// older layout is copied, then changed in one transaction; a newer one is
// refused.
//
// # Failure
//
// A failed write or sync leaves the outcome unknown. All who shared the
// commit get the error, and the store refuses work until it is opened again.
// The tests kill a process at every write and sync, fail each of them, and
// cut the power before every sync with any part of what was written since.
//
// # Leases
//
// The file belongs to one process, so a new lease is granted at once and ends
// the one before. The grant waits for its turn like any update: nothing under
// the older lease is committed after it.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"kiebot/core"
	"kiebot/storage/group"
)

// ErrInUse means that another process has the file open.
var ErrInUse = errors.New("the database is in use by another process")

// ErrOlder means that the file has an older layout, which only opening it for
// writing brings up to date.
var ErrOlder = errors.New("the database has the layout of an older version of kiebot; start kiebot once, which brings it up to date")

// ErrNewer means that a newer kiebot has written the file.
var ErrNewer = errors.New("the database was written by a newer version of kiebot; use that version or newer, or restore a backup")

// Options change how the file is opened; the zero value is right for production.
type Options struct {
	LockTimeout time.Duration // how long to wait for another process; zero means one second
	MaxSize     int           // bytes the file may grow to; zero means no limit
	// ReadOnly opens a file that is there with this program's layout; every
	// update fails. Several processes can have it open so at once, but none
	// that writes.
	ReadOnly bool
	// OneThread commits from one thread of the operating system, for tools
	// that count what a thread does. It is slow.
	OneThread bool
	// Observe hears of every commit that wrote something: how many updates
	// shared it, and how long they and it took. It must not block. Nil for nobody.
	Observe func(updates int, took time.Duration)
}

// Store is a core.Store in one bbolt file. All methods may be called concurrently.
type Store struct {
	db       *bbolt.DB
	commits  *group.Committer
	closing  sync.Once
	closeErr error

	fence   atomic.Uint64 // of the one lease that is current
	mu      sync.Mutex
	replica core.Replica // who has had a lease last
}

// Open opens the file, or creates it with mode 0600, and brings its layout up
// to this program's version. It fails with ErrInUse when another process has
// it and with ErrNewer when a newer program wrote it.
func Open(path string, opt Options) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !opt.ReadOnly {
		if err := create(path, opt); err != nil {
			return nil, fmt.Errorf("creating %s: %w", path, err)
		}
	}
	db, err := openFile(path, opt)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	s := &Store{db: db}
	s.commits = group.New(group.Options{Begin: s.begin, Observe: opt.Observe, OneThread: opt.OneThread})
	return s, nil
}

// create makes an empty database under another name, and gives it its own
// when it is whole: a crash leaves a good one or none.
func create(path string, opt Options) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder of the database: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openBolt(f.Name(), opt)
	if err != nil {
		return err
	}
	if err := errors.Join(prepare(db, false), db.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		err = os.Rename(f.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func openFile(path string, opt Options) (*bbolt.DB, error) {
	if err := examineLocked(path, opt); err != nil {
		return nil, err
	}
	db, err := openBolt(path, opt)
	if err != nil {
		return nil, err
	}
	if err := prepare(db, opt.ReadOnly); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openBolt opens the file with bbolt, which reads no page but the first two
// until there is a transaction, or the file is to be written.
func openBolt(path string, opt Options) (*bbolt.DB, error) {
	if opt.LockTimeout == 0 {
		opt.LockTimeout = time.Second
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         opt.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true,
		InitialMmapSize: initialMmap,
		MaxSize:         opt.MaxSize,
		ReadOnly:        opt.ReadOnly,
	})
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, ErrInUse
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum), errors.Is(err, bbolterrors.ErrVersionMismatch):
		return nil, damaged("its first pages are no database's: %v", err)
	}
	return db, err
}

// smallest is two pages of the smallest size that an operating system has.
const smallest = 2 * 4096

// examineLocked examines the file while no other process can write it.
func examineLocked(path string, opt Options) error {
	switch info, err := os.Stat(path); {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return damaged("it is a folder, or something else that is no file")
	case info.Size() < smallest:
		return damaged("it has %d bytes, fewer than any", info.Size())
	}
	opt.ReadOnly = true
	db, err := openBolt(path, opt)
	if err != nil {
		return err
	}
	return errors.Join(examine(path, db.Info().PageSize), db.Close())
}

// initialMmap is address space, not memory or disk: the file can grow so far
// without waiting for readers to finish.
const initialMmap = 1 << 30

// Close lets the updates that wait be committed and the views that run end,
// and closes the file. Every later call answers core.ErrStoreClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.commits.Close()
		if err := s.db.Close(); err != nil {
			s.closeErr = fmt.Errorf("closing the database: %w", err)
		}
	})
	return s.closeErr
}

// Healthy answers nil while the store takes work, and otherwise why it does not.
func (s *Store) Healthy() error { return s.commits.Healthy() }

// View implements core.Store.
func (s *Store) View(ctx context.Context, fn func(core.Tx) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return storeError(s.db.View(func(tx *bbolt.Tx) error { return fn(&transaction{tx: tx, fence: &s.fence}) }))
}

// Update implements core.Store. fn runs in the caller's goroutine.
func (s *Store) Update(ctx context.Context, fn func(core.Tx) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return s.commits.Update(ctx, fn, nil)
}

// Backup writes the database as it is now to w, as a file that Open takes.
// Others go on meanwhile, but pages they free are not used again before it ends:
// w should be quick, and ctx bound it.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(boundWriter{ctx, w})
		return err
	})
	if err != nil {
		return fmt.Errorf("copying the database: %w", storeError(err))
	}
	return nil
}

// boundWriter writes until ctx ends.
type boundWriter struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (b boundWriter) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}

// BackupFile is Backup to a new file with mode 0600. finish may change what is
// in it. The file is on the disk when this returns nil, and is removed otherwise.
func (s *Store) BackupFile(ctx context.Context, path string, finish func(core.Store) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := errors.Join(s.Backup(ctx, f), f.Close()); err != nil {
		return err
	}
	return alter(path, finish)
}

// alter lets fn change the database in the file, cuts off the room to spare
// that bbolt gives it for that, and syncs it.
func alter(path string, fn func(core.Store) error) error {
	copied, err := Open(path, Options{})
	if err != nil {
		return err
	}
	var size int64
	err = errors.Join(fn(copied), copied.db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	}))
	if err := errors.Join(err, copied.Close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// Hold keeps other processes from opening the file for writing until release.
// A file that no process can open needs no holding.
func Hold(path string) (release func() error, err error) {
	db, err := openBolt(path, Options{ReadOnly: true})
	switch {
	case errors.Is(err, ErrInUse):
		return nil, err
	case err != nil:
		return func() error { return nil }, nil
	}
	return db.Close, nil
}

func (s *Store) usable(ctx context.Context) error {
	if s.commits.Healthy() != nil {
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
