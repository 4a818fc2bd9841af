package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// verify runs kiebot verify in the process's folder.
func (p *process) verify(args ...string) (out, wrong string, code int) {
	p.t.Helper()
	cmd := exec.Command("kiebot", append([]string{"verify"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, []string{"DATA_DIR=" + filepath.Join(p.dir, "data")}, &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// What a killed process leaves is right, and one thousandth too much is found.
func TestVerifyWhatAProcessLeft(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	if a, err := p.command("command-1", "/imagine a cat --n 2 --model google/imagen4-fast"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.watch("the end", func(m shown) bool { return m.Final })
	if _, wrong, code := p.verify(); code != exitFailed || !strings.Contains(wrong, "kiebot serve has this database open") {
		t.Errorf("while it runs: %d, %s", code, wrong)
	}
	if a, err := p.command("command-2", "/imagine a dog"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.kill()
	if out, wrong, code := p.verify(); code != 0 || !strings.Contains(out, "1 accounts, 3 tasks") || !strings.Contains(out, "all is right.") {
		t.Errorf("%d, %s%s", code, out, wrong)
	}
	path := filepath.Join(p.dir, "data", "kiebot.db")
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var window core.WindowID
	err = store.Update(t.Context(), func(tx core.Tx) error {
		windows, err := tx.Usages("day/", "", 1)
		if err != nil {
			return err
		}
		window = windows[0].Window
		windows[0].Usage.Settled++
		return tx.PutUsage(window, windows[0].Usage)
	})
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	out, wrong, code := p.verify(path)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitFailed || wrong != "" || len(lines) != 2 ||
		!strings.HasPrefix(lines[0], "window "+string(window)+" has ") || !strings.HasSuffix(lines[1], "1 wrong.") {
		t.Errorf("%d, %s, %s", code, out, wrong)
	}
}
