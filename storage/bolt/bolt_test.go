package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"kiebot/core"
	"kiebot/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t *testing.T, dir string) storagetest.Store {
	t.Helper()
	s, err := Open(filepath.Join(dir, "kiebot.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { storagetest.Run(t, openStore) }

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	defer s.Close()
	_, err := Open(filepath.Join(dir, "kiebot.db"), Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("opening the file a second time: %v, want ErrInUse", err)
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir).(*Store)
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put([]byte("schema"), binary.BigEndian.AppendUint32(nil, layoutVersion+1))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	before := contents(t, dir)
	if _, err := Open(filepath.Join(dir, "kiebot.db"), Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("opening a newer file: %v, want ErrNewer", err)
	}
	if contents(t, dir) != before {
		t.Error("the newer file was changed")
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "kiebot.db"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOtherFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kiebot.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil {
		t.Error("a file that is no database was opened")
	}
}

// A file that is only read stays as it is, can be read by several at once and
// by nobody while somebody writes.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kiebot.db")
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	s := openStore(t, dir)
	quick := Options{ReadOnly: true, LockTimeout: 10 * time.Millisecond}
	if _, err := Open(path, quick); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is written: %v", err)
	}
	put := func(tx core.Tx) error { return tx.PutSetting("a", []byte("b")) }
	if err := s.Update(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	s.Close()
	before := contents(t, dir)
	for range 2 {
		r, err := Open(path, quick)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.View(t.Context(), func(tx core.Tx) error {
			_, err := tx.Setting("a")
			return err
		}); err != nil {
			t.Error(err)
		}
		if err := r.Update(t.Context(), put); err == nil {
			t.Error("it was written to")
		}
	}
	if contents(t, dir) != before {
		t.Error("the file was changed")
	}
}

func TestFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir).Close()
	info, err := os.Stat(filepath.Join(dir, "kiebot.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("making it left %v, %v", files, err)
	}
}

// A full disk fails the commit. The caller hears of it, the store refuses
// work from then on, and opening it again shows all that was acknowledged.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kiebot.db")
	s, err := Open(path, Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for ; err == nil; acknowledged++ {
		err = s.Update(t.Context(), func(tx core.Tx) error {
			return tx.PutSetting(fmt.Sprint("n", acknowledged), make([]byte, 10_000))
		})
	}
	acknowledged--
	if acknowledged < 10 {
		t.Fatalf("full after %d updates: %v", acknowledged, err)
	}
	if s.Healthy() == nil {
		t.Error("the store calls itself healthy after a failed commit")
	}
	err = s.Update(t.Context(), func(core.Tx) error { return nil })
	if !errors.Is(err, core.ErrStoreClosed) {
		t.Errorf("an update after a failed commit: %v, want ErrStoreClosed", err)
	}
	s.Close()
	s, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(tx core.Tx) error {
		for n := range acknowledged {
			if _, err := tx.Setting(fmt.Sprint("n", n)); err != nil {
				return fmt.Errorf("setting %d of %d: %w", n, acknowledged, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error("acknowledged, then lost:", err)
	}
}

func TestRefusedWriteIsNotFatal(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	err := s.Update(t.Context(), func(tx core.Tx) error {
		return tx.PutSetting(strings.Repeat("x", bbolt.MaxKeySize+1), nil)
	})
	if err == nil || errors.Is(err, core.ErrStoreClosed) {
		t.Errorf("a key that is too long: %v", err)
	}
	if err := s.(*Store).Healthy(); err != nil {
		t.Errorf("after a refused write: %v", err)
	}
}
