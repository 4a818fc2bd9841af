//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// smallDisk mounts a file system of so many bytes, which takes root.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk without room for a backup: the service goes on, the backups there are
// stay, and the operator reads why.
func TestBackupOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 48<<20)
	p := &process{t: t, dir: dir, listen: "127.0.0.1:0", kie: quickKie(t)}
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	p.imagine("command-1")
	old := filepath.Join(dir, "data", "backups", "kiebot-auto-20200101T000000Z.db")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, wrong, code := p.kiebot("backup"); code != exitFailed || !strings.Contains(wrong, "the disk of DATA_DIR is too full for a backup") {
		t.Errorf("%d, %s", code, wrong)
	}
	if left := p.files("data/backups"); len(left) != 1 || left[0] != filepath.Base(old) {
		t.Errorf("the folder of backups has %v", left)
	}
	p.stop()
	p.start() // the last one was long ago: it is due
	eventually(t, "the operator is told", func() bool {
		return strings.Contains(p.log.String(), "there is no new backup") && strings.Contains(p.log.String(), "alert.kind=backup")
	})
	p.imagine("command-2")
	if left := p.files("data/backups"); len(left) != 1 || left[0] != filepath.Base(old) {
		t.Errorf("then the folder of backups has %v", left)
	}
	p.stop()
}

// No room to restore: what is there stays, and works.
func TestRestoreOnAFullDisk(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	path := firstServe(t, elsewhere)
	if err := os.Truncate(path, 64<<20); err != nil { // with room to spare, as serve leaves it
		t.Fatal(err)
	}
	dir := smallDisk(t, 4<<20)
	p := &process{t: t, dir: dir}
	firstServe(t, filepath.Join(dir, "data"))
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, wrong, code := p.kiebot("restore", path); code != exitFailed || !strings.Contains(wrong, "full") {
		t.Errorf("%d, %s", code, wrong)
	}
	if left := p.files("data"); len(left) != 1 || left[0] != "kiebot.db" {
		t.Errorf("DATA_DIR has %v", left)
	}
}

// A disk that fills up while kiebot runs: what cannot be saved is refused with a
// sentence, monitors are told, and with room again a start goes on with all that
// was accepted.
func TestServeOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 48<<20)
	p := &process{t: t, dir: dir, listen: "127.0.0.1:0", kie: quickKie(t), env: []string{"MAX_ACTIVE_PER_USER=unlimited"}}
	p.start()
	p.stop() // now the port is known, and callbacks can be switched on
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	p.kie.NextCreate(kietest.HoldTask())
	if a, err := p.command("command-one", "/imagine a cat"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.watch("it runs", func(m shown) bool { return m.State == core.Running })
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	refused := ""
	for n := 0; refused == ""; n++ { // a page or two may have room yet
		a, err := p.command(fmt.Sprintf("another-%d", n), "/imagine "+strings.Repeat("a cat ", 100))
		if err != nil || n > 10 {
			t.Fatalf("after %d commands: %+v, %v", n, a, err)
		}
		if !a.Accepted {
			refused = a.Text
		}
	}
	if !strings.Contains(refused, "could not be saved") || !strings.Contains(refused, "its disk is full") {
		t.Errorf("what cannot be saved is answered with %q", refused)
	}
	got := readyz(t, p.base)
	if got.status != http.StatusServiceUnavailable || !slices.Contains(got.Checks, check{Name: "store", Reason: "the store takes no work until kiebot is started again"}) {
		t.Errorf("/readyz answers %+v", got)
	}
	if ready := p.metrics()["kiebot_ready"]; ready != 0 {
		t.Errorf("kiebot_ready is %v", ready)
	}
	p.kill()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.kie.Release(p.kie.Tasks()[0].ID)
	p.watch("the end", func(m shown) bool { return m.Key == "command-one" && m.State == core.Succeeded })
	eventually(t, "kiebot is ready again", p.ready)
	p.stop()
}

// fill writes the file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// A folder that may only be read: serve says so, and backup and restore change nothing.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 48<<20)
	data := filepath.Join(dir, "data")
	path := firstServe(t, data)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if said := refusing(t, data); !strings.Contains(said, "DATA_DIR has to be a folder that the user kiebot runs as may write to") {
		t.Errorf("serve: %s", said)
	}
	p := &process{t: t, dir: dir}
	if _, wrong, code := p.kiebot("restore", path); code != exitFailed || !strings.Contains(wrong, "read-only file system") {
		t.Errorf("restore: %d, %s", code, wrong)
	}
}

// What root makes for a kiebot that runs as somebody else belongs to that one.
func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const somebody = 54321
	p := &process{t: t, dir: t.TempDir()}
	data := filepath.Join(p.dir, "data")
	path := firstServe(t, data)
	if err := os.Chown(data, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"restore", path}, {"backup"}} {
		if out, wrong, code := p.kiebot(args...); code != 0 {
			t.Fatalf("%v: %s%s", args, out, wrong)
		}
	}
	for _, file := range []string{"kiebot.db", "backups", filepath.Join("backups", p.files("data/backups")[0])} {
		info, err := os.Stat(filepath.Join(data, file))
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != somebody {
			t.Errorf("%s belongs to %d", file, uid)
		}
	}
}
