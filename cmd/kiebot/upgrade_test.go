package main

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
)

// firstDatabase is what the first serve wrote: storage/bolt's tests say what is
// in it.
func firstDatabase() ([]byte, error) {
	f, err := os.Open("../../storage/bolt/testdata/first.db.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// firstServe puts that database into the folder.
func firstServe(t *testing.T, dir string) (path string) {
	t.Helper()
	data, err := firstDatabase()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "kiebot.db")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Today's kiebot starts on the database of the first one: it keeps a copy,
// serves its history, and goes on with what was queued.
func TestUpgradeFromTheFirstServe(t *testing.T) {
	t.Parallel()
	p := &process{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", kie: quickKie(t)}
	path := firstServe(t, filepath.Join(p.dir, "data"))
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	for _, key := range []string{"command-0001", "command-0002", "command-0003", "command-0004"} {
		p.watch("what was made then", func(m shown) bool { return m.Key == key && m.State == core.Succeeded })
	}
	p.watch("what was queued then", func(m shown) bool { return m.Key == "command-0006" && m.State == core.Succeeded })
	if a, err := p.command("history-1", "/history"); err != nil || !strings.Contains(a.Text, "last 7 jobs") {
		t.Errorf("the history: %+v, %v", a, err)
	}
	if out, wrong, code := p.kiebot("verify"); code != 0 || !strings.Contains(out, "1 accounts, 7 tasks") {
		t.Errorf("verify: %d, %s%s", code, out, wrong)
	}
	p.stop()
	if info, err := os.Stat(path + ".layout1"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy of the old file: %v, %v", info, err)
	}
	if out, wrong, code := p.kiebot("restore", path+".layout1"); code != 0 || !strings.Contains(out, "7 tasks") {
		t.Errorf("going back to it: %d, %s%s", code, out, wrong)
	}
	for _, name := range p.files("data") {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left behind", name)
		}
	}
	if out, wrong, code := p.kiebot("verify"); code != 0 {
		t.Errorf("and verifying that: %d, %s%s", code, out, wrong)
	}
}

// refusing runs kiebot serve, which has to refuse, on the folder, and says what it said.
func refusing(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kiebot", "serve")
	cmd.Dir = "/"
	cmd.Env = []string{"KIE_API_KEY=key", "LISTEN_ADDR=127.0.0.1:0", "METRICS_ADDR=off", "DATA_DIR=" + dir}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("serve ended with %v:\n%s", err, out)
	}
	return string(out)
}

// A newer database is refused by serve, verify, backup and restore, each with
// what to do, and stays as it is.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	p := &process{t: t, dir: t.TempDir()}
	path := firstServe(t, filepath.Join(p.dir, "data"))
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	db.NoFreelistSync = true
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint32(nil, 99))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if said := refusing(t, filepath.Dir(path)); !strings.Contains(said, "written by a newer kiebot. Start that version or a newer one.") {
		t.Errorf("serve: %s", said)
	}
	for _, args := range [][]string{{"verify"}, {"backup"}, {"restore", path}} {
		if out, wrong, code := p.kiebot(args...); code != exitFailed || !strings.Contains(wrong, "newer") {
			t.Errorf("%v: %d, %s%s", args, code, out, wrong)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file changed: %v", err)
	}
}
