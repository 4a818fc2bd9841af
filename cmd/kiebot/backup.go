package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kiebot/core"
	"kiebot/storage"
	"kiebot/storage/bolt"
)

// backupCommand is kiebot backup.
type backupCommand struct {
	File string `arg:"" optional:"" help:"Where to; - is the standard output. Without it, a name with the time in DATA_DIR/backups." placeholder:"FILE"`
}

// Help is shown below the usage.
func (backupCommand) Help() string {
	return "Copies the database as it is at this moment, while kiebot serve runs or not, checks the copy, and only then gives it its name. A file that is there is never overwritten. kiebot serve makes such copies itself: BACKUP_EVERY, BACKUP_KEEP."
}

// Run makes a backup.
func (b backupCommand) Run(ctx context.Context, term terminal) error {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	if b.File == "-" {
		return b.stream(ctx, s, term.out)
	}
	path := b.File
	if path == "" {
		path, err = makeBackup(ctx, s)
	} else {
		err = b.fetch(ctx, s)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(term.out, "%s has everything up to now: %s, checked. Bring it back with kiebot restore.\n", path, humanize.IBytes(uint64(info.Size())))
	return nil
}

// makeBackup has the running kiebot, or this process when there is none, put a
// backup into the folder of backups.
func makeBackup(ctx context.Context, s settings) (path string, err error) {
	var name strings.Builder
	err = local(s).stream(ctx, &name, http.MethodPost, "/backup", nil)
	if errors.Is(err, errNotRunning) {
		err = withStopped(ctx, s, func(store database) (err error) {
			path, err = keepBackup(ctx, store, s, manualBackup)
			return err
		})
		return path, err
	}
	return filepath.Join(s.backups(), strings.TrimSpace(name.String())), err
}

// fetch writes a backup to the file, by a name of its own beside it that nobody
// takes for a backup.
func (b backupCommand) fetch(ctx context.Context, s settings) (err error) {
	if err := free(b.File); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(b.File), "."+filepath.Base(b.File)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(b.stream(ctx, s, f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := checkFile(ctx, f.Name()); err != nil {
		return err
	}
	if err := free(b.File); err != nil {
		return err
	}
	return errors.Join(os.Rename(f.Name(), b.File), syncFolder(filepath.Dir(b.File)))
}

// stream writes a backup, which was checked, to w.
func (b backupCommand) stream(ctx context.Context, s settings, w io.Writer) error {
	err := local(s).stream(ctx, w, http.MethodGet, "/backup", nil)
	if !errors.Is(err, errNotRunning) {
		return err
	}
	return withStopped(ctx, s, func(store database) error { return sendBackup(ctx, store, s, w) })
}

func openStopped(ctx context.Context, s settings) (database, error) {
	if s.databaseURL != "" {
		return s.openStore(ctx, nil)
	}
	return bolt.Open(s.database(), bolt.Options{ReadOnly: true})
}

// withStopped opens the database that no process runs on.
func withStopped(ctx context.Context, s settings, fn func(database) error) (err error) {
	store, err := openStopped(ctx, s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database %s", s.database())
	case errors.Is(err, bolt.ErrInUse):
		return fmt.Errorf("a process has %s open and cannot be asked: it has no socket beside it", s.database())
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return fn(store)
}

// free answers nil when nothing has the name.
func free(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already, and is not overwritten: choose another name", path), err)
	}
	return nil
}

// backups is the folder of the backups that kiebot names itself.
func (s settings) backups() string { return filepath.Join(s.dataDir, "backups") }

// What a backup is called, beside the time: those that are made by themselves
// are removed by themselves, too, and no others.
const (
	manualBackup = "kiebot"
	autoBackup   = "kiebot-auto"
	backupTime   = "20060102T150405Z"
)

var autoName = regexp.MustCompile(`^` + autoBackup + `-(\d{8}T\d{6}Z)\.db$`)

// keepBackup makes a backup, named by kind and time, in the folder of backups.
func keepBackup(ctx context.Context, store database, s settings, kind string) (path string, err error) {
	part, err := snapshot(ctx, store, s)
	if err != nil {
		return "", err
	}
	path = filepath.Join(s.backups(), kind+"-"+time.Now().UTC().Format(backupTime)+".db")
	if err := errors.Join(free(path), ownedLike(part, s.dataDir)); err != nil {
		return "", errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, path); err != nil {
		return "", errors.Join(err, os.Remove(part))
	}
	return path, syncFolder(s.backups())
}

// sendBackup copies a backup to w. It is a file first, however slow w is: as
// long as the copying lasts the database cannot use again what it frees.
func sendBackup(ctx context.Context, store database, s settings, w io.Writer) (err error) {
	part, err := snapshot(ctx, store, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(part)) }()
	f, err := os.Open(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// How long copying may take, and what has to stay free on the disk for those
// who work meanwhile.
const (
	snapshotFor  = 10 * time.Minute
	snapshotRoom = 64 << 20
	partPattern  = ".snapshot-*.part"
)

// snapshot makes a copy of the store and checks it.
func snapshot(ctx context.Context, store database, s settings) (path string, err error) {
	path, err = copyStore(ctx, store, s)
	if err != nil {
		return "", err
	}
	if err := checkFile(ctx, path); err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, nil
}

// copyStore makes a copy of the store in the folder of backups, under a name
// that says that it is not finished.
func copyStore(ctx context.Context, store database, s settings) (path string, err error) {
	if err := errors.Join(os.MkdirAll(s.backups(), 0o700), ownedLike(s.backups(), s.dataDir)); err != nil {
		return "", err
	}
	if err := enoughRoom(s); err != nil {
		return "", err
	}
	path = filepath.Join(s.backups(), strings.Replace(partPattern, "*", time.Now().UTC().Format("20060102T150405.000000000Z"), 1))
	bounded, cancel := context.WithTimeout(ctx, snapshotFor)
	defer cancel()
	err = intoFile(bounded, store, path, func(copied core.Store) error { return core.MarkCopy(ctx, copied, time.Now()) })
	if errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("the disk is too slow: the copy was not finished after %v", snapshotFor)
	}
	return path, err
}

// intoFile makes the file a copy of the store, which finish may change.
func intoFile(ctx context.Context, store database, path string, finish func(core.Store) error) (err error) {
	if from, is := store.(*bolt.Store); is {
		return from.BackupFile(ctx, path, finish)
	}
	to, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	_, err = storage.Copy(ctx, store, to)
	if err == nil {
		err = finish(to)
	}
	return errors.Join(err, to.Close())
}

// enoughRoom answers nil when a copy fits on the disk, with something left for
// the commits of the moment: those must never fail because of a backup.
func enoughRoom(s settings) error {
	need := uint64(snapshotRoom)
	if s.databaseURL == "" { // how large a copy of PostgreSQL becomes is not known
		info, err := os.Stat(s.database())
		if err != nil {
			return err
		}
		need += uint64(info.Size())
	}
	if left, known := freeBytes(s.backups()); known && left < need {
		return fmt.Errorf("the disk of DATA_DIR is too full for a backup: it has %s left, %s are needed", humanize.IBytes(left), humanize.IBytes(need))
	}
	return nil
}

// checkFile answers nil when the file is a database without any fault.
func checkFile(ctx context.Context, path string) error {
	first := ""
	seen, err := verifyFile(ctx, path, func(problem string) {
		if first == "" {
			first = problem
		}
	})
	if err != nil {
		return fmt.Errorf("checking the copy: %w", err)
	}
	if seen.Problems > 0 {
		return fmt.Errorf("the copy is not right, in %d places, so that it is not kept; the first: %s. kiebot verify lists them", seen.Problems, first)
	}
	return nil
}

// syncFolder makes the names in the folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) { // Windows syncs no folders
		return errors.Join(err, d.Close())
	}
	return d.Close()
}

// backupRoutes are those that make backups and verify.
func (a *app) backupRoutes(s settings) {
	a.local.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		path, err := a.backup(r.Context(), s, manualBackup)
		if err != nil {
			http.Error(w, explain(err), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, filepath.Base(path))
	})
	a.local.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) {
		sent := &countWriter{w: w}
		if err := a.snapshots.alone(r.Context(), func() error { return sendBackup(r.Context(), a.store, s, sent) }); err != nil {
			if sent.n > 0 {
				panic(http.ErrAbortHandler) // so that nobody takes the half for the whole
			}
			http.Error(w, explain(err), http.StatusInternalServerError)
		}
	})
}

// countWriter counts what was written.
type countWriter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// turnstile lets one at a time work.
type turnstile chan struct{}

func (t turnstile) alone(ctx context.Context, fn func() error) error {
	select {
	case t <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t }()
	return fn()
}

func (a *app) backup(ctx context.Context, s settings, kind string) (path string, err error) {
	err = a.snapshots.alone(ctx, func() (err error) {
		path, err = keepBackup(ctx, a.store, s, kind)
		return err
	})
	return path, err
}

// How often it is looked whether a backup is due, and before the engine runs,
// how soon after the first start there is one, and how soon one that failed is
// tried again.
const (
	backupTick  = time.Minute
	backupSoon  = time.Second
	backupFirst = 10 * time.Minute
	backupAgain = time.Hour
)

// backups makes one whenever it is due, until ctx ends; of several replicas the
// one does that has the chores. One that fails is told to the operator, tried
// again, and stops nothing.
func (a *app) backups(ctx context.Context, s settings) {
	if err := removeAll(s.backups(), partPattern); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("removing what a killed process left half done", "error", err)
	}
	if s.backupEvery == 0 {
		return
	}
	first := time.Now().Add(min(backupFirst, s.backupEvery))
	var again time.Time
	for {
		if now := time.Now(); !now.Before(again) {
			again = a.backUpWhenDue(ctx, s, now, first)
		}
		wait := backupTick
		if !a.engine.Resumed() {
			wait = backupSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// backUpWhenDue makes a backup if it is due, and this replica's to make. It says
// when to look again.
func (a *app) backUpWhenDue(ctx context.Context, s settings, now, first time.Time) time.Time {
	if !a.engine.Has(core.DutyChores) {
		return now
	}
	due, err := a.nextBackup(ctx, s, now, first)
	switch {
	case err != nil:
		a.log.Warn("looking when the last backup was made", "error", err)
		return now
	case now.Before(due):
		return due
	}
	if err = a.autoBackup(ctx, s, now); err == nil {
		return now.Add(s.backupEvery)
	}
	if ctx.Err() == nil {
		a.log.Error("there is no new backup; those before are still there", "error", err)
		if err := a.engine.BackupFailed(ctx, err); err != nil {
			a.log.Error("telling that there is no new backup", "error", err)
		}
	}
	return now.Add(min(s.backupEvery, backupAgain))
}

// backupSetting is when a backup was last made by itself, by any replica.
const backupSetting = "backup_last"

// autoBackup makes a backup, and then removes the oldest of its kind beyond
// those that are kept in this DATA_DIR.
func (a *app) autoBackup(ctx context.Context, s settings, now time.Time) error {
	path, err := a.backup(ctx, s, autoBackup)
	if err != nil {
		return err
	}
	a.log.Info("a backup was made", "file", path)
	err = a.store.Update(ctx, func(tx core.Tx) error {
		return tx.PutSetting(backupSetting, []byte(now.UTC().Format(time.RFC3339)))
	})
	if err != nil {
		a.log.Warn("noting that a backup was made, so that another replica may make one, too", "error", err)
	}
	names, err := autoBackups(s)
	if err != nil {
		return fmt.Errorf("looking for older backups: %w", err)
	}
	// With a clock that was set back the new one is not the last by name.
	names = slices.DeleteFunc(names, func(name string) bool { return name == filepath.Base(path) })
	for _, name := range names[:max(0, len(names)-(s.backupKeep-1))] {
		if err := os.Remove(filepath.Join(s.backups(), name)); err != nil {
			return fmt.Errorf("removing an old backup: %w", err)
		}
	}
	return nil
}

// autoBackups lists the backups that were made by themselves, oldest first.
func autoBackups(s settings) (names []string, err error) {
	entries, err := os.ReadDir(s.backups())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && autoName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// nextBackup is when the next one is due: so long after the last one as is
// configured, and at first when there was none up to now. Of a file all backups are
// in its DATA_DIR; with PostgreSQL the database says when any replica made one.
func (a *app) nextBackup(ctx context.Context, s settings, now, first time.Time) (time.Time, error) {
	names, err := autoBackups(s)
	if err != nil {
		return first, err
	}
	var last time.Time
	made := func(layout, value string) {
		if at, err := time.Parse(layout, value); err == nil && at.After(last) && !at.After(now) {
			last = at
		}
	}
	for _, name := range names {
		made(backupTime, autoName.FindStringSubmatch(name)[1])
	}
	if s.databaseURL != "" {
		err := a.store.View(ctx, func(tx core.Tx) error {
			value, err := tx.Setting(backupSetting)
			made(time.RFC3339, string(value))
			return err
		})
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return first, err
		}
	}
	if last.IsZero() {
		return first, nil
	}
	return last.Add(s.backupEvery), nil
}
