package bolt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage/storagetest"
)

// lived is a database in which two people had tasks, some of which are open.
func lived(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, dir)
	for _, p := range storagetest.Persons(2) {
		err := s.Update(t.Context(), func(tx core.Tx) error {
			err := p.Join(tx)
			for i := range 12 {
				task, accepted := p.Accept(tx, p.Request(), core.TaskID(storagetest.NewID()))
				err = errors.Join(err, accepted)
				if i%3 > 0 {
					err = errors.Join(err, p.Succeed(tx, &task), p.Deliver(tx, &task))
				}
			}
			return errors.Join(err, tx.AddAudit(core.Audit{By: "me"}), tx.PutChat(core.Chat{Lane: core.Lane("web:" + p.Account)}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	defer s.Close()
	path := filepath.Join(dir, "backup.db") // without room to spare
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.(*Store).Backup(t.Context(), f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// check is what Check says about the file.
func check(t *testing.T, path string) (problems []string, err error) {
	t.Helper()
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	n, err := s.Check(t.Context(), func(p string) { problems = append(problems, p) })
	if n != len(problems) {
		t.Errorf("%d problems counted, %d reported", n, len(problems))
	}
	return problems, err
}

func TestCheckFindsWhatDoesNotFit(t *testing.T) {
	good := lived(t)
	if problems, err := check(t, good); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	first := func(b *bbolt.Bucket) (k, v []byte) { return b.Cursor().First() }
	remove := func(b *bbolt.Bucket) error { k, _ := first(b); return b.Delete(slices.Clone(k)) }
	spoil := func(b *bbolt.Bucket) error { k, _ := first(b); return b.Put(slices.Clone(k), []byte("{")) }
	rename := func(b *bbolt.Bucket) error {
		k, v := first(b)
		key := slices.Clone(k)
		key[len(key)-1] += 100
		return b.Put(key, slices.Clone(v))
	}
	for name, c := range map[string]struct {
		bucket []byte
		change func(*bbolt.Bucket) error
		want   string
	}{
		"account gone":      {bucketAccounts, remove, "identities"},
		"account spoilt":    {bucketAccounts, spoil, "accounts"},
		"identity gone":     {bucketIdentities, remove, "accounts"},
		"task gone":         {bucketTasks, remove, "task_hot"},
		"task spoilt":       {bucketTasks, spoil, "tasks"},
		"task elsewhere":    {bucketTasks, rename, "belongs under"},
		"due gone":          {bucketHot, remove, "does not say that it is queued"},
		"due of no task":    {bucketHot, rename, "tasks has no"},
		"archive gone":      {bucketArchive, remove, "task_short"},
		"archive spoilt":    {bucketArchive, spoil, "archive"},
		"short gone":        {bucketShort, remove, "task_short has no"},
		"short of no task":  {bucketShort, rename, "task_short"},
		"end gone":          {bucketEnded, remove, "task_ended has no"},
		"end of no task":    {bucketEnded, rename, "task_ended"},
		"entry gone":        {bucketEntries, remove, "people"},
		"entry spoilt":      {bucketEntries, spoil, "entries"},
		"listing gone":      {bucketPeople, remove, "people has no"},
		"listing of none":   {bucketPeople, rename, "people"},
		"chat spoilt":       {bucketChats, spoil, "chats"},
		"audit spoilt":      {bucketAudit, spoil, "audit"},
		"delivery spoilt":   {bucketDeliveries, spoil, "deliveries"},
		"usage spoilt":      {bucketUsage, spoil, "usage"},
		"seen spoilt":       {bucketSeen, spoil, "seen"},
		"seen expires not":  {bucketSeenExpiry, remove, "seen_expiry has no"},
		"seen expiry short": {bucketSeenExpiry, func(b *bbolt.Bucket) error { return b.Put([]byte("x"), nil) }, "no time"},
	} {
		t.Run(name, func(t *testing.T) {
			path := copyOf(t, good)
			db, err := openBolt(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bbolt.Tx) error { return c.change(tx.Bucket(c.bucket)) })
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			problems, err := check(t, path)
			if err != nil || !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("%q, %v; want %q", problems, err, c.want)
			}
		})
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, data)
}

func written(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kiebot.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A running store is checked while others write.
func TestCheckBesideCommits(t *testing.T) {
	s := openStore(t, t.TempDir()).(*Store)
	defer s.Close()
	p := storagetest.Persons(1)[0]
	if err := s.Update(t.Context(), p.Join); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			err = p.Life(func(fn func(core.Tx) error) error { return s.Update(t.Context(), fn) })
		}
		ended <- err
	}()
	for range 20 {
		if n, err := s.Check(t.Context(), func(p string) { t.Error(p) }); n > 0 || err != nil {
			t.Errorf("%d problems, %v", n, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := s.Check(ctx, func(p string) { t.Error(p) }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v", err)
	}
}

// Whatever is changed in a file, opening and checking it says something or
// finds nothing; it never ends the process, nor takes its time.
func TestDamagedFiles(t *testing.T) {
	good, err := os.ReadFile(lived(t))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	path := written(t, good)
	refused, found := 0, 0
	for range 1500 {
		data := slices.Clone(good)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(data))
			if random.IntN(2) == 0 { // what bbolt goes by is at the beginning of pages
				at = at/os.Getpagesize()*os.Getpagesize() + random.IntN(200)
			}
			data[min(at, len(data)-1)] ^= byte(1 + random.IntN(255))
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		problems, err := check(t, path)
		switch {
		case errors.Is(err, ErrDamaged):
			refused++
		case err != nil && !errors.Is(err, ErrNewer) && !errors.Is(err, ErrOlder) && !strings.Contains(err.Error(), "not a kiebot database"):
			t.Errorf("seed %d: %v", seed, err)
		case len(problems) > 0:
			found++
		}
	}
	if refused < 100 || found < 20 {
		t.Errorf("of 1500 damaged files %d were refused and %d found to be wrong", refused, found)
	}
}

func TestNoDatabase(t *testing.T) {
	good, err := os.ReadFile(lived(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	nowhere := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink("/nonexistent/kiebot.db", nowhere); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"empty":       {written(t, nil), "has 0 bytes"},
		"a note":      {written(t, []byte("This is a note.")), "has 15 bytes"},
		"zeroes":      {written(t, make([]byte, 1<<16)), "no database's"},
		"cut to one":  {written(t, good[:4096]), "has 4096 bytes"},
		"cut to two":  {written(t, good[:8192]), "bytes are missing"},
		"cut in half": {written(t, good[:len(good)/2]), "bytes are missing"},
		"a folder":    {folder, "it is a folder"},
		"a dead link": {nowhere, "no such file"},
	} {
		for _, opt := range []Options{{}, {ReadOnly: true}} {
			t.Run(fmt.Sprint(name, opt.ReadOnly), func(t *testing.T) {
				s, err := Open(c.path, opt)
				if err == nil {
					s.Close()
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

// A link to a database is that database.
func TestLinkToADatabase(t *testing.T) {
	path := lived(t)
	link := filepath.Join(t.TempDir(), "kiebot.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if problems, err := check(t, link); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
