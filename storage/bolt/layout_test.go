package bolt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage/storagetest"
)

// unpack writes a database of an old layout, made by the program of that time.
func unpack(t *testing.T, layout int) string {
	t.Helper()
	return unpackFile(t, fmt.Sprintf("testdata/layout%d.db.gz", layout))
}

func unpackFile(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kiebot.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The databases have 40 tasks: of each account's 20, seven succeeded and
// three expired but are still read. They are all there in the new layout, by
// every way to find them, and again after the file was closed.
func TestOldLayouts(t *testing.T) {
	for _, layout := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(layout), func(t *testing.T) {
			path := unpack(t, layout)
			for range 2 {
				s, err := Open(path, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.View(t.Context(), func(tx core.Tx) error { return oldRecords(t, tx) }); err != nil {
					t.Error(err)
				}
				wantPlaces(t, s)
				if work, err := s.Work(t.Context(), nil, core.Work{}, 1000); err != nil || len(work) != 26+40 {
					t.Errorf("%d pieces of work, %v; want 26 tasks and 40 deliveries", len(work), err)
				}
				s.Close()
			}
			wantKeptCopy(t, path, layout)
		})
	}
}

// first.db.gz was written by the serve of commit 785bc31, the first that could be
// built, killed with -9, against a Kie server of its own: one person asked for a
// cat, for two dogs at once, for a whale and for a hello, all of which came; a
// ship was running; and a lighthouse was queued, because Kie was gone. Without
// the room to spare at its end.
func TestFirstLayoutOfServe(t *testing.T) {
	path := unpackFile(t, "testdata/first.db.gz")
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, ErrOlder) {
		t.Errorf("only to be read: %v", err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wrong := func(problem string) { t.Error(problem) }
	if _, err := s.Check(t.Context(), wrong); err != nil {
		t.Error(err)
	}
	seen, err := core.Verify(t.Context(), s, wrong)
	if want := (core.Verified{Accounts: 1, Tasks: 7, Entries: 12, Windows: 1}); err != nil || seen != want {
		t.Errorf("%+v, %v; want %+v", seen, err, want)
	}
	wantKeptCopy(t, path, 1)
}

func oldRecords(t *testing.T, tx core.Tx) error {
	for a := range 2 {
		account, err := tx.AccountOf(core.Identity{Platform: "web", User: fmt.Sprint(a)})
		if err != nil {
			return err
		}
		tasks, err := tx.TasksOf(account.ID, "", 100)
		if err != nil || len(tasks) != 20 {
			return fmt.Errorf("%d tasks, want 20: %w", len(tasks), err)
		}
		for i, task := range tasks {
			if i > 0 && task.ID >= tasks[i-1].ID {
				t.Errorf("task %s comes after %s", task.ID, tasks[i-1].ID)
			}
			found, err := tx.TaskByShort(task.ID.Short())
			if err != nil || found.ID != task.ID || len(found.Hold.Shares) != 1 || found.Hold.Shares[0].Amount != 8000 {
				t.Errorf("task %s by its short id: %+v, %v", task.ID, found, err)
			}
		}
		open, err := tx.OpenTasks(account.ID)
		if err != nil || len(open) != 10 {
			t.Errorf("%d open tasks, %v; want 10", len(open), err)
		}
		entries, err := tx.Entries(account.ID, 0, 100)
		if err != nil || len(entries) != 20 || entries[0].Postings[0].Held != 8000 {
			t.Errorf("ledger: %d entries, %v", len(entries), err)
		}
	}
	ended, err := tx.FinishedTasks(storagetest.Start.AddDate(1, 0, 0), 100)
	if len(ended) != 20 {
		t.Errorf("%d finished tasks, want 20", len(ended))
	}
	return err
}

func wantPlaces(t *testing.T, s *Store) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		for name, want := range map[string]int{"tasks": 26, "task_hot": 26, "archive": 14, "task_short": 14} {
			if got := tx.Bucket([]byte(name)).Stats().KeyN; got != want {
				t.Errorf("bucket %s has %d keys, want %d", name, got, want)
			}
		}
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			for _, known := range buckets() {
				if bytes.Equal(known, name) {
					return nil
				}
			}
			return fmt.Errorf("bucket %s is left over", name)
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func wantKeptCopy(t *testing.T, path string, layout int) {
	t.Helper()
	kept := fmt.Sprintf("%s.layout%d", path, layout)
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v; want mode 0600", info, err)
	}
	db, err := bbolt.Open(kept, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if found, err := layoutOf(db); err != nil || found != uint32(layout) {
		t.Errorf("the copy has layout %d, %v; want %d", found, err, layout)
	}
}

// A task moves from hot to archived, and back if it comes to that, and is
// found in one place only.
func TestPlaces(t *testing.T) {
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	task := core.Task{ID: "000000000100000001", Account: "a", Batch: []core.TaskID{"000000000100000001"}, Created: storagetest.Start}
	for _, c := range []struct {
		state core.State
		due   bool
		want  place
	}{
		{core.Queued, true, open}, {core.Running, true, open}, {core.Running, false, open}, {core.Expired, true, ended},
		{core.Expired, false, archived}, {core.Expired, false, archived}, {core.Expired, true, ended}, {core.Queued, true, open},
		{core.Succeeded, false, archived}, {core.Running, true, open},
	} {
		task.State, task.Due, task.Finished = c.state, storagetest.Start, storagetest.Start
		if !c.due {
			task.Due = core.Task{}.Due
		}
		err := s.Update(t.Context(), func(tx core.Tx) error { return tx.PutTask(task) })
		if err != nil {
			t.Fatal(err)
		}
		onlyIn(t, s, task, c.want)
	}
	if err := s.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteTask(task.ID) }); err != nil {
		t.Fatal(err)
	}
	onlyIn(t, s, task, nowhere)
}

func onlyIn(t *testing.T, s *Store, task core.Task, want place) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		for name, in := range map[string]struct {
			key  []byte
			want bool
		}{
			"tasks":              {[]byte(task.ID), want == open || want == ended},
			"task_hot":           {[]byte(task.ID), want == open || want == ended},
			"archive":            {[]byte(task.ID), want == archived},
			"task_short":         {shortKey(task.ID), want == archived},
			"task_ended":         {expiryKey(task.Finished, string(task.ID)), want >= ended},
			"people" + openMark:  {personKey(task.Account, openMark, task.ID), want == open},
			"people" + endedMark: {personKey(task.Account, endedMark, task.ID), want >= ended},
		} {
			bucket, _, _ := bytes.Cut([]byte(name), []byte("/"))
			if there := tx.Bucket(bucket).Get(in.key) != nil; there != in.want {
				t.Errorf("%s, due %v: in %s: %v, want %v", task.State, !task.Due.IsZero(), name, there, in.want)
			}
		}
		found, err := (&transaction{tx: tx}).TaskByShort(task.ID.Short())
		if want == nowhere && errors.Is(err, core.ErrNotFound) {
			return nil
		}
		if found.State != task.State {
			t.Errorf("found as %s, want %s", found.State, task.State)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A file that is as it should be is not written to when it is opened.
func TestOpenWritesNothing(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir).Close()
	before := contents(t, dir)
	openStore(t, dir).Close()
	if contents(t, dir) != before {
		t.Error("opening changed the file")
	}
}

// Pages of what is appended are full, but for what a record does not fit
// into and the last page of each commit.
func TestAppendedPagesAreFull(t *testing.T) {
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	p := storagetest.Persons(1)[0]
	if err := s.Update(t.Context(), p.Join); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		err := s.Update(t.Context(), func(tx core.Tx) (err error) {
			for range 60 {
				_, one := p.Accept(tx, p.Request(), core.TaskID(storagetest.NewID()))
				err = errors.Join(err, one)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketTasks, bucketHot, bucketEntries, bucketDeliveries, bucketSeen, bucketSeenExpiry} {
			if pages := tx.Bucket(name).Stats(); pages.LeafInuse < pages.LeafAlloc*3/4 {
				t.Errorf("the %d records in %s take %d bytes of %d", pages.KeyN, name, pages.LeafInuse, pages.LeafAlloc)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What was deleted makes room: the file has the size of what is in it at
// once, not of all that ever was.
func TestDeletedPagesAreUsedAgain(t *testing.T) {
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	p := storagetest.Persons(1)[0]
	if err := s.Update(t.Context(), p.Join); err != nil {
		t.Fatal(err)
	}
	var early, late int64
	for round := range 15 {
		churn(t, s, p, 200)
		err := s.db.View(func(tx *bbolt.Tx) error {
			if late = tx.Size(); round == 4 {
				early = late
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if late > early+early/10 {
		t.Errorf("after 5 rounds the file needed %d bytes, after 15 it needs %d", early, late)
	}
}

// churn lets tasks live and deletes all that they left.
func churn(t *testing.T, s *Store, p *storagetest.Person, tasks int) {
	t.Helper()
	for range tasks / 20 {
		err := s.Update(t.Context(), func(tx core.Tx) error {
			for range 20 {
				task, err := p.Accept(tx, p.Request(), core.TaskID(storagetest.NewID()))
				if err := errors.Join(err, p.Succeed(tx, &task), p.Deliver(tx, &task)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(t.Context(), func(tx core.Tx) error {
		ended, err := tx.FinishedTasks(storagetest.Start.AddDate(1, 0, 0), 2*tasks)
		for _, id := range ended {
			err = errors.Join(err, tx.DeleteTask(id))
		}
		entries, listed := tx.Entries(p.Account, 0, 4*tasks)
		for _, e := range entries {
			err = errors.Join(err, tx.DeleteEntry(p.Account, e.Seq))
		}
		for id := range core.DeliveryID(50 * tasks) {
			err = errors.Join(err, tx.DeleteDelivery(id))
		}
		seen := core.Seen{Key: "x", Expires: storagetest.Start}
		for range tasks { // forgets four at a time
			err = errors.Join(err, tx.PutSeen(seen, storagetest.Start.AddDate(1, 0, 0)))
		}
		return errors.Join(err, listed)
	})
	if err != nil {
		t.Fatal(err)
	}
}
