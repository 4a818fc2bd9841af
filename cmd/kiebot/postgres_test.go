package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/postgres/pgtest"
)

// runs runs a subcommand with the process's settings and gives what it prints.
func (p *process) runs(env []string, args ...string) (string, error) {
	cmd := exec.Command("kiebot", args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + p.dir, "DATA_DIR=" + filepath.Join(p.dir, "data")}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A kiebot on PostgreSQL is killed while its task runs, and another, with a
// folder of its own, takes the task up when the lease is over. A backup of it
// is a file like any other, and everything moves to a file and back.
func TestOnPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, pgtest.Options{})
	address := server.Database(t)
	kie := quickKie(t)
	env := []string{"DATABASE_URL=" + address, "LEASE=2s"}
	p := launch(t, kie, env...)
	kie.NextCreate(kietest.HoldTask())
	if a, err := p.command("command-one", "/imagine a cat astronaut"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	eventually(t, "it is followed", func() bool { return called(kie, kietest.CallRecord) })
	p.kill()
	kie.Release(kie.Tasks()[0].ID)
	p = launch(t, kie, env...) // in another folder
	m := p.watch("the end", func(m shown) bool { return m.Final })
	if m.State != core.Succeeded || len(m.Media) != 1 || len(kie.Tasks()) != 1 {
		t.Errorf("the chat shows %+v, and Kie has %d tasks\n%s", m, len(kie.Tasks()), p.log)
	}
	if strings.Contains(p.log.String(), "postgres://") {
		t.Error("the database's address is in the log")
	}

	server.Stop()
	eventually(t, "kiebot says that it is not ready", func() bool { return !p.ready() })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "kiebot is ready again", p.ready)
	server.Exec(t, address, "UPDATE kiebot.leases SET expires = clock_timestamp()")
	eventually(t, "the lease is over", func() bool { return strings.Contains(p.log.String(), "was away for so long") })
	eventually(t, "requests are accepted again", func() bool {
		a, err := p.command("command-two", "/imagine a dog")
		return err == nil && a.Accepted
	})
	p.watch("the second end", func(m shown) bool { return m.Key == "command-two" && m.Final })

	backup := filepath.Join(p.dir, "backup.db")
	if out, err := p.runs(env, "backup", backup); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := p.runs(env, "storage", "copy", "DATABASE_URL", filepath.Join(p.dir, "busy.db")); err == nil || !strings.Contains(out, "Stop it") {
		t.Errorf("copied what a kiebot works on: %v, %s", err, out)
	}
	p.stop()
	file := filepath.Join(p.dir, "data", "kiebot.db")
	for _, pair := range [][2]string{{"DATABASE_URL", file}, {file, server.Database(t)}, {backup, server.Database(t)}} {
		if out, err := p.runs(env, "storage", "copy", pair[0], pair[1]); err != nil || !strings.Contains(out, "Both are alike") || !strings.Contains(out, "all is right") {
			t.Errorf("%v: %v, %s", pair, err, out)
		}
	}
	if out, err := p.runs(env, "verify"); err != nil || !strings.Contains(out, "2 tasks") {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := p.runs(env, "storage", "copy", file, "DATABASE_URL"); err == nil || !strings.Contains(out, "something in it") {
		t.Errorf("copied over something: %v, %s", err, out)
	}
	if out, err := p.runs(nil, "verify"); err != nil || !strings.Contains(out, "2 tasks") {
		t.Errorf("%v, %s", err, out)
	}
}
