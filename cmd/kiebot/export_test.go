package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
)

func TestExportOfAPerson(t *testing.T) {
	t.Parallel()
	p, server := onTelegram(t, telegramtest.Config{}, "ALLOW=everyone")
	ann := server.Person("Ann", telegramtest.ID(778))
	server.Until(t, server.Polling)
	ann.Types("a cat astronaut")
	ann.Until(t, isKind("photo"))

	file := filepath.Join(t.TempDir(), "ann.jsonl")
	if out, wrong, code := p.kiebot("export", "telegram:778", file); code != 0 || out != "" {
		t.Fatalf("%d, %q, %s", code, out, wrong)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	kinds := map[core.ExportKind]int{}
	for line := range strings.Lines(string(written)) {
		var read core.Exported
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		kinds[read.Kind]++
	}
	if kinds[core.ExportAccount] != 1 || kinds[core.ExportTask] != 1 || kinds[core.ExportEntry] < 2 || !strings.Contains(string(written), "a cat astronaut") {
		t.Errorf("%v in %s", kinds, written)
	}
	out, wrong, code := p.kiebot("export", "telegram:778")
	if code != 0 || out != string(written) {
		t.Errorf("to the standard output: %d, %q, %s", code, out, wrong)
	}
	if _, wrong, code := p.kiebot("export", "telegram:778", file); code != exitFailed || !strings.Contains(wrong, "is not overwritten") {
		t.Errorf("over a file: %d, %s", code, wrong)
	}

	none := filepath.Join(t.TempDir(), "none.jsonl")
	if _, wrong, code := p.kiebot("export", "telegram:779", none); code != exitFailed || !strings.Contains(wrong, "nothing is kept about this person") {
		t.Errorf("somebody unknown: %d, %s", code, wrong)
	}
	if _, wrong, code := p.kiebot("export", "Ann", none); code != exitFailed || !strings.Contains(wrong, "telegram:123") {
		t.Errorf("a name: %d, %s", code, wrong)
	}
	if _, wrong, code := p.kiebot("forget", "telegram:778"); code != exitFailed || !strings.Contains(wrong, "--yes") {
		t.Errorf("forget without a yes: %d, %s", code, wrong)
	}
	if _, wrong, code := p.kiebot("forget", "--yes", "Ann"); code != exitFailed || !strings.Contains(wrong, "telegram:123") {
		t.Errorf("forget a name: %d, %s", code, wrong)
	}
	if out, wrong, code := p.kiebot("forget", "--yes", "telegram:778"); code != 0 || !strings.HasPrefix(out, "Deleted of telegram:778: jobs (1)") {
		t.Errorf("forget: %d, %s%s", code, out, wrong)
	}
	if out, _, code := p.kiebot("export", "telegram:778"); code != 0 || strings.Contains(out, "a cat astronaut") || !strings.Contains(out, `"action":"forget"`) {
		t.Errorf("forgotten: %d, %s", code, out)
	}
	p.stop()
	if _, wrong, code := p.kiebot("export", "telegram:778", none); code != exitFailed || !strings.Contains(wrong, "kiebot is not running") {
		t.Errorf("after a stop: %d, %s", code, wrong)
	}
	if _, err := os.Stat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what failed leaves a file: %v", err)
	}
}
