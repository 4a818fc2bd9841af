package bolt

import (
	"testing"
	"time"

	"kiebot/core"
)

// What an older version stored, the state alone, is read as before.
func TestDueOfEveryVersion(t *testing.T) {
	due := time.Unix(1_800_000_000, 5)
	task := core.Task{State: core.Running, Due: due, Account: "0001", KieAccount: "main"}
	want := core.Work{State: core.Running, Due: due, Account: "0001", KieAccount: "main"}
	if got, err := decodeDue(encodeDue(task)); err != nil || got != want {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
	old := append(encodeDue(task)[:8], "running"...)
	if got, err := decodeDue(old); err != nil || got != (core.Work{State: core.Running, Due: due}) {
		t.Errorf("read %+v, %v of an older version", got, err)
	}
	if _, err := decodeDue([]byte("short")); err == nil {
		t.Error("read what is too short")
	}
}
