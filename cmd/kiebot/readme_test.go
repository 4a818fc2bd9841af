package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of settings into README")

// The lines of README between which the table of settings is.
const (
	settingsBegin = "<!-- go test ./cmd/kiebot -run TestReadme -update writes this -->\n"
	settingsEnd   = "<!-- the end of the settings -->\n"
)

// README has every setting, as the program has it.
func TestReadme(t *testing.T) {
	const path = "../../README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), settingsBegin)
	table, after, ends := strings.Cut(rest, settingsEnd)
	if !begins || !ends {
		t.Fatal("README has no place for the settings")
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+settingsBegin+settingsTable()+settingsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := settingsTable(); table != want {
		t.Errorf("README has\n%s\nbut it should be\n%s\ngo test ./cmd/kiebot -run TestReadme -update writes it", table, want)
	}
}

func settingsTable() string {
	var out strings.Builder
	out.WriteString("| variable | meaning | default |\n| --- | --- | --- |\n")
	for _, v := range variables() {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", v.name, v.about(), v.fallback)
	}
	return out.String()
}
