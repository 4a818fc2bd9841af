package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/bolt"
)

// files lists the names in a folder of the process.
func (p *process) files(dir string) (names []string) {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Join(p.dir, dir))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// imagine asks for a picture and waits for its end.
func (p *process) imagine(key string) {
	p.t.Helper()
	if a, err := p.command(key, "/imagine a cat"); err != nil || !a.Accepted {
		p.t.Fatalf("%+v, %v", a, err)
	}
	p.watch("the end", func(m shown) bool { return m.Final && m.Key == key })
}

// A backup of a running kiebot, everything goes on, kill -9, restore, start:
// what was in the backup is there again, and Kie is asked for nothing twice.
func TestBackUpAndRestore(t *testing.T) {
	t.Parallel()
	server := quickKie(t)
	p := launch(t, server)
	p.imagine("command-1")
	lift := server.Always(kietest.CallCreate, kietest.Answer(429, "slow down"))
	if a, err := p.command("command-2", "/imagine a dog"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.watch("it waits for its turn", func(m shown) bool { return m.Key == "command-2" && m.State == core.Queued && m.says("busy") })
	if out, wrong, code := p.kiebot("backup", "copy.db"); code != 0 || !strings.HasPrefix(out, "copy.db has everything up to now") {
		t.Fatalf("backup: %d, %s%s", code, out, wrong)
	}
	if info, err := os.Stat(filepath.Join(p.dir, "copy.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info, err)
	}
	lift()
	p.watch("the end", func(m shown) bool { return m.Final && m.Key == "command-2" })
	p.imagine("command-3")
	if _, wrong, code := p.kiebot("restore", "copy.db"); code != exitFailed || !strings.Contains(wrong, "kiebot is running on this DATA_DIR. Stop it first") {
		t.Errorf("restore under a running kiebot: %d, %s", code, wrong)
	}
	p.kill()
	out, wrong, code := p.kiebot("restore", "copy.db")
	if code != 0 || !strings.Contains(out, "has 1 accounts and 2 tasks") || !strings.Contains(out, "had 1 accounts and 3 tasks") || !strings.Contains(out, "1 that were waiting are ended and refunded") {
		t.Fatalf("restore: %d, %s%s", code, out, wrong)
	}
	asides := slices.DeleteFunc(p.files("data"), func(name string) bool { return !strings.HasPrefix(name, "kiebot.db.") })
	if len(asides) != 1 {
		t.Fatalf("kept aside: %v", asides)
	}
	if out, wrong, code := p.kiebot("verify", filepath.Join("data", asides[0])); code != 0 || !strings.Contains(out, "3 tasks") {
		t.Errorf("the database before: %d, %s%s", code, out, wrong)
	}
	paid := len(server.Creates())
	p.start()
	m := p.watch("the waiting one is refunded", func(m shown) bool { return m.Final && m.Key == "command-2" })
	if m.State != core.Failed || !strings.Contains(m.Status, "waiting in a backup") {
		t.Errorf("the waiting one: %+v", m)
	}
	p.watch("the first is still there", func(m shown) bool { return m.Key == "command-1" && m.State == core.Succeeded })
	if n := len(server.Creates()); n != paid {
		t.Errorf("Kie was asked for %d tasks after the restore", n-paid)
	}
	p.imagine("command-4")
	if out, wrong, code := p.kiebot("verify"); code != 0 || !strings.Contains(out, "1 accounts, 3 tasks") || !strings.Contains(out, "all is right.") {
		t.Errorf("verify while it runs: %d, %s%s", code, out, wrong)
	}
	p.stop()
}

// All the ways to make one, of a running kiebot and of a stopped one.
func TestBackups(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	p.imagine("command-1")
	for _, running := range []bool{true, false} {
		if !running {
			p.stop()
		}
		out, wrong, code := p.kiebot("backup")
		if code != 0 {
			t.Fatalf("running %v: %s%s", running, out, wrong)
		}
		path, _, _ := strings.Cut(out, " has everything")
		if _, wrong, code := p.kiebot("verify", path); code != 0 {
			t.Errorf("the backup of it: %s", wrong)
		}
		if name := filepath.Base(path); filepath.Dir(path) != filepath.Join(p.dir, "data", "backups") || !strings.HasPrefix(name, "kiebot-2") {
			t.Errorf("it is called %s", path)
		}
		out, wrong, code = p.kiebot("backup", "-")
		if code != 0 {
			t.Fatalf("to the output: %s", wrong)
		}
		piped := fmt.Sprintf("piped-%v.db", running)
		if err := os.WriteFile(filepath.Join(p.dir, piped), []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, wrong, code := p.kiebot("verify", piped); code != 0 || !strings.Contains(out, "1 tasks") {
			t.Errorf("what was piped: %s%s", out, wrong)
		}
		before, err := os.ReadFile(filepath.Join(p.dir, piped))
		if err != nil {
			t.Fatal(err)
		}
		if _, wrong, code := p.kiebot("backup", piped); code != exitFailed || !strings.Contains(wrong, "is there already, and is not overwritten") {
			t.Errorf("over a file: %d, %s", code, wrong)
		}
		if after, err := os.ReadFile(filepath.Join(p.dir, piped)); err != nil || !bytes.Equal(before, after) {
			t.Errorf("the file changed: %v", err)
		}
		if _, wrong, code := p.kiebot("backup", "nowhere/copy.db"); code != exitFailed || !strings.Contains(wrong, "no such file or directory") {
			t.Errorf("into no folder: %d, %s", code, wrong)
		}
		eventually(t, "the next second", func() bool { return !strings.Contains(path, time.Now().UTC().Format(backupTime)) })
	}
	if left := p.files("data/backups"); len(left) != 2 {
		t.Errorf("the folder of backups has %v", left)
	}
}

// A backup is made by itself when the last one was long ago; what a killed one
// left is removed.
func TestBackupByItself(t *testing.T) {
	t.Parallel()
	p := &process{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", kie: quickKie(t), env: []string{"BACKUP_KEEP=1"}}
	folder := filepath.Join(p.dir, "data", "backups")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kiebot-auto-20200101T000000Z.db", strings.Replace(partPattern, "*", "killed", 1)} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	eventually(t, "there is a new one alone", func() bool {
		left := p.files("data/backups")
		return len(left) == 1 && autoName.MatchString(left[0]) && !strings.Contains(left[0], "2020")
	})
	p.stop()
	if out, wrong, code := p.kiebot("verify", filepath.Join(folder, p.files("data/backups")[0])); code != 0 {
		t.Errorf("it is not right: %s%s", out, wrong)
	}
}

// closed is an app with a store and nothing else, for what needs no more.
func closed(t *testing.T) (*app, settings) {
	t.Helper()
	s := settings{dataDir: t.TempDir(), backupEvery: time.Hour, backupKeep: 3}
	store, err := bolt.Open(s.database(), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &app{store: store, log: slog.New(slog.DiscardHandler), snapshots: make(turnstile, 1)}, s
}

// Of the backups that were made by themselves the newest stay, and nothing else
// is touched, whatever it is called.
func TestKeptBackups(t *testing.T) {
	a, s := closed(t)
	others := []string{"kiebot-20200101T000000Z.db", "mine.db", "kiebot-auto-20200101T000000Z.db.txt", "kiebot-auto-2020.db"}
	autos := []string{"kiebot-auto-20200101T000000Z.db", "kiebot-auto-20200102T000000Z.db", "kiebot-auto-20200103T000000Z.db", "kiebot-auto-29990101T000000Z.db"}
	if err := os.MkdirAll(filepath.Join(s.backups(), "kiebot-auto-20190101T000000Z.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(others, autos...) {
		if err := os.WriteFile(filepath.Join(s.backups(), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.autoBackup(t.Context(), s, time.Now()); err != nil {
		t.Fatal(err)
	}
	left, err := autoBackups(s)
	if err != nil || len(left) != 3 || left[0] != autos[2] || left[2] != autos[3] {
		t.Errorf("left are %v, %v", left, err) // the new one is between, and stays with a clock that was set back
	}
	for _, name := range append(others, "kiebot-auto-20190101T000000Z.db") {
		if _, err := os.Stat(filepath.Join(s.backups(), name)); err != nil {
			t.Errorf("gone: %v", err)
		}
	}
}

func TestNextBackup(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	first := now.Add(backupFirst)
	a, _ := closed(t)
	for name, c := range map[string]struct {
		files  []string // in the folder
		stored string   // of any replica
		shared bool     // several can work on the database
		want   time.Time
	}{
		"the first":              {nil, "", false, first},
		"half an hour ago":       {[]string{"20261125T113000Z"}, "", false, now.Add(30 * time.Minute)},
		"long ago":               {[]string{"20261101T113000Z"}, "", false, time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)},
		"in a year, by a clock":  {[]string{"20271101T113000Z"}, "", false, first},
		"one of them in a year":  {[]string{"20261125T113000Z", "20271101T113000Z"}, "", false, now.Add(30 * time.Minute)},
		"no time at all":         {[]string{"20269901T113000Z"}, "", false, first},
		"a folder emptied":       {nil, "2026-11-25T11:30:00Z", false, first},
		"by another replica":     {[]string{"20261101T113000Z"}, "2026-11-25T11:30:00Z", true, now.Add(30 * time.Minute)},
		"by this one, not noted": {[]string{"20261125T113000Z"}, "2026-11-01T11:30:00Z", true, now.Add(30 * time.Minute)},
		"the first of several":   {nil, "", true, first},
		"noted wrongly":          {nil, "yesterday", true, first},
		"noted by a wrong clock": {nil, "2027-11-25T11:30:00Z", true, first},
	} {
		s := settings{dataDir: t.TempDir(), backupEvery: time.Hour}
		if c.shared {
			s.databaseURL = "postgres://"
		}
		if err := os.MkdirAll(s.backups(), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, at := range c.files {
			if err := os.WriteFile(filepath.Join(s.backups(), autoBackup+"-"+at+".db"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := a.store.Update(t.Context(), func(tx core.Tx) error {
			if c.stored == "" {
				return tx.DeleteSetting(backupSetting)
			}
			return tx.PutSetting(backupSetting, []byte(c.stored))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.nextBackup(t.Context(), s, now, first); err != nil || !got.Equal(c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

// Who has the chores makes the backups. When they move to a replica with an empty
// folder, no backup is made before it is due, and then one.
func TestBackupsOfReplicas(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	folder := func() settings {
		return settings{dataDir: t.TempDir(), backupEvery: time.Hour, backupKeep: 3, databaseURL: "postgres://"}
	}
	has := func(s settings, want int) {
		t.Helper()
		if names, err := autoBackups(s); err != nil || len(names) != want {
			t.Errorf("backups: %v, %v, want %d", names, err, want)
		}
	}
	idle, _ := replica(t, core.DutyChores)
	s := folder()
	idle.backUpWhenDue(t.Context(), s, now, now)
	has(s, 0)

	a, _ := replica(t)
	a.backUpWhenDue(t.Context(), s, now, now)
	has(s, 1)
	s = folder()
	if due := a.backUpWhenDue(t.Context(), s, now.Add(s.backupEvery-time.Minute), now); !due.Equal(now.Add(s.backupEvery)) {
		t.Errorf("the next is due %v after the last", due.Sub(now))
	}
	has(s, 0)
	a.backUpWhenDue(t.Context(), s, now.Add(s.backupEvery), now)
	has(s, 1)
}

// A database that is wrong makes no backup, and those before stay.
func TestBackupOfAWrongDatabase(t *testing.T) {
	a, s := closed(t)
	now := time.Now()
	for range 2 {
		if err := a.autoBackup(t.Context(), s, now); err != nil && !strings.Contains(err.Error(), "is there already") {
			t.Fatal(err)
		}
	}
	err := a.store.Update(t.Context(), func(tx core.Tx) error { return tx.PutUsage("day/nobody/2026-11-25", core.Usage{Settled: 1}) })
	if err != nil {
		t.Fatal(err)
	}
	if err := a.autoBackup(t.Context(), s, now.Add(time.Second)); err == nil || !strings.Contains(err.Error(), "of an account that is not there") {
		t.Errorf("the backup of it: %v", err)
	}
	if left, err := os.ReadDir(s.backups()); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
