package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// restoreCommand is kiebot restore.
type restoreCommand struct {
	File string `arg:"" help:"The backup, or any copy of a database." type:"path"`
}

// Help is shown below the usage.
func (restoreCommand) Help() string {
	return "Checks the backup and puts it in the place of the database in DATA_DIR, which is kept beside it under a name with the time. kiebot must not run. What was waiting in the backup may have been sent to Kie after it was taken: at the next start it is ended and refunded, and never sent again."
}

// errRuns means that a process has the database.
var errRuns = errors.New("kiebot is running on this DATA_DIR. Stop it first: what it does would be lost")

// Run restores the file.
func (r restoreCommand) Run(ctx context.Context, term terminal) (err error) {
	s, err := loadFolder()
	if err != nil {
		return err
	}
	if s.databaseURL != "" {
		return errors.New("DATABASE_URL is set: put the backup into an empty PostgreSQL database with kiebot storage copy FILE DATABASE_URL")
	}
	if err := os.MkdirAll(s.dataDir, 0o700); err != nil {
		return err
	}
	release, err := bolt.Hold(s.database())
	if errors.Is(err, bolt.ErrInUse) {
		return errRuns
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	conn, err := dialLocal(ctx, socketPath(s.dataDir)) // a file that is damaged cannot be held
	if err == nil {
		return errors.Join(errRuns, conn.Close())
	}
	part := filepath.Join(s.dataDir, ".restore.part")
	found, err := r.prepare(ctx, part)
	if err != nil {
		return err
	}
	if err := ownedLike(part, s.dataDir); err != nil {
		return errors.Join(err, removeCopies(part))
	}
	now, _ := look(ctx, s.database()) // one that cannot be read is kept aside all the same
	aside, err := swap(part, s.database())
	if err := errors.Join(err, removeCopies(part)); err != nil {
		return err
	}
	found.print(term, r.File, now, aside)
	return nil
}

// content is what a database has, for people to compare.
type content struct {
	taken time.Time
	seen  core.Verified
	open  map[core.State]core.TaskCount
}

// prepare makes a checked copy of the file, part, which is removed when that fails.
func (r restoreCommand) prepare(ctx context.Context, part string) (found content, err error) {
	if err := removeCopies(part); err != nil {
		return found, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeCopies(part))
		}
	}()
	written, err := copyFile(r.File, part)
	if err != nil {
		return found, err
	}
	taken, err := markRestored(ctx, part)
	if err == nil {
		err = checkFile(ctx, part)
	}
	if err != nil {
		return found, fmt.Errorf("%s is not restored: %v", r.File, err) // not about the database in DATA_DIR
	}
	if found, err = look(ctx, part); err != nil {
		return found, err
	}
	if found.taken = taken; taken.IsZero() {
		found.taken = written // as far as anybody knows
	}
	return found, nil
}

// markRestored brings the copy up to this program's layout, and notes that it is
// one. It says when a backup was taken; of another copy that is not known.
func markRestored(ctx context.Context, path string) (taken time.Time, err error) {
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return taken, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if taken, err = core.CopyTaken(ctx, store); err != nil {
		return taken, err
	}
	return taken, core.MarkCopy(ctx, store, time.Now())
}

// copyFile copies the file and says when it was written.
func copyFile(from, to string) (written time.Time, err error) {
	release, err := bolt.Hold(from)
	if err != nil {
		return written, fmt.Errorf("%s is in use: restore a backup of it, which kiebot backup makes", from)
	}
	defer func() { err = errors.Join(err, release()) }()
	source, err := os.Open(from)
	if err != nil {
		return written, err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return written, err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return written, err
	}
	_, err = io.Copy(target, source)
	return info.ModTime(), errors.Join(err, target.Sync(), target.Close())
}

// look counts what is in the database.
func look(ctx context.Context, path string) (found content, err error) {
	store, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if found.seen, err = core.Verify(ctx, store, func(string) {}); err != nil {
		return found, err
	}
	return found, store.View(ctx, func(tx core.Tx) (err error) {
		found.open, err = tx.CountTasks()
		return err
	})
}

// swap puts the new file in the place of the old one, which gets a name with the
// time; at every moment there is a whole database under the path.
func swap(part, path string) (aside string, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		aside = path + "." + time.Now().UTC().Format(backupTime)
		if err := free(aside); err != nil {
			return "", err
		}
		if os.Link(path, aside) != nil { // a file system without links
			if err := os.Rename(path, aside); err != nil {
				return "", fmt.Errorf("keeping the present database: %w", err)
			}
		}
	}
	if err := os.Rename(part, path); err != nil {
		return "", fmt.Errorf("putting the backup in its place: %w", err)
	}
	return aside, syncFolder(filepath.Dir(path))
}

// removeCopies removes a copy and those of it that a change of layout made.
func removeCopies(part string) error {
	return removeAll(filepath.Dir(part), filepath.Base(part)+"*")
}

// removeAll removes the files in the folder whose names match the pattern.
func removeAll(dir, pattern string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if match, wrong := filepath.Match(pattern, e.Name()); match && wrong == nil {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func (c content) print(term terminal, file string, now content, aside string) {
	fmt.Fprintf(term.out, "%s is in place. It was taken at %s (%s) and has %d accounts and %d tasks.\n",
		file, c.taken.Local().Format("2006-01-02 15:04:05 MST"), humanize.Time(c.taken), c.seen.Accounts, c.seen.Tasks)
	if now.seen.Tasks != c.seen.Tasks || now.seen.Accounts != c.seen.Accounts {
		fmt.Fprintf(term.out, "The database before it had %d accounts and %d tasks; what came since is not in the backup.\n", now.seen.Accounts, now.seen.Tasks)
	}
	waiting, unknown, ran := c.open[core.Queued].Tasks, c.open[core.Creating].Tasks+c.open[core.Unresolved].Tasks, c.open[core.Running].Tasks
	if n := waiting + unknown + ran; n > 0 {
		fmt.Fprintf(term.out, "%d tasks were under way. At the start %d that were waiting are ended and refunded, since they may have been sent after that;\n%d of which Kie's answer is unknown are not sent again; %d that ran are read from Kie.\n",
			n, waiting, unknown, ran)
	}
	if aside != "" {
		fmt.Fprintf(term.out, "The database before is kept as %s.\n", aside)
	}
	fmt.Fprintln(term.out, "Next: kiebot serve")
}
