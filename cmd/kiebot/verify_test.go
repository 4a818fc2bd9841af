package main

import (
	"path/filepath"
	"strings"
	"testing"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// What a killed process leaves is right, and one thousandth too much is found.
func TestVerifyWhatAProcessLeft(t *testing.T) {
	t.Parallel()
	p := launch(t, quickKie(t))
	if a, err := p.command("command-1", "/imagine a cat --n 2 --model google/imagen4-fast"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.watch("the end", func(m shown) bool { return m.Final })
	if out, wrong, code := p.kiebot("verify"); code != 0 || !strings.Contains(out, "1 accounts, 2 tasks") || !strings.Contains(out, "all is right.") {
		t.Errorf("while it runs: %d, %s%s", code, out, wrong)
	}
	path := filepath.Join(p.dir, "data", "kiebot.db")
	if _, wrong, code := p.kiebot("verify", path); code != exitFailed || !strings.Contains(wrong, "a running kiebot has "+path+" open") {
		t.Errorf("its file while it runs: %d, %s", code, wrong)
	}
	if a, err := p.command("command-2", "/imagine a dog"); err != nil || !a.Accepted {
		t.Fatalf("%+v, %v", a, err)
	}
	p.kill()
	if out, wrong, code := p.kiebot("verify"); code != 0 || !strings.Contains(out, "1 accounts, 3 tasks") || !strings.Contains(out, "all is right.") {
		t.Errorf("%d, %s%s", code, out, wrong)
	}
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
	out, wrong, code := p.kiebot("verify", path)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitFailed || wrong != "" || len(lines) != 2 ||
		!strings.HasPrefix(lines[0], "window "+string(window)+" has ") || !strings.HasSuffix(lines[1], "1 wrong.") {
		t.Errorf("%d, %s, %s", code, out, wrong)
	}
}
