package core

import (
	"os"
	"strings"
	"testing"
)

// Every pair of state and event is decided, and the decisions are consistent.
func TestEveryPairIsDecided(t *testing.T) {
	known := map[State]bool{}
	for _, s := range States() {
		known[s] = true
	}
	moves, ignores := 0, 0
	for _, state := range States() {
		for _, event := range Events() {
			move, verdict := Decide(state, event)
			switch verdict {
			case Moved:
				moves++
				checkMove(t, state, move, known)
			case Ignored:
				ignores++
			case Impossible:
			default:
				t.Errorf("%s × %s: verdict %d", state, event, verdict)
			}
		}
	}
	if moves != len(transitions) || ignores != len(ignored) {
		t.Errorf("reached %d of %d transitions and %d of %d ignored pairs: one pair is listed twice or names something unknown",
			moves, len(transitions), ignores, len(ignored))
	}
}

func checkMove(t *testing.T, from State, move Transition, known map[State]bool) {
	t.Helper()
	switch {
	case from.Final():
		t.Errorf("%s is final and moves to %s", from, move.To)
	case !known[move.To]:
		t.Errorf("%s moves to unknown %s", from, move.To)
	case move.To.Final() != (move.Money != KeepHold):
		t.Errorf("%s to %s: money %q; the hold ends exactly with the task", from, move.To, move.Money)
	case move.To.Final() != (move.Tell == TellFinal):
		t.Errorf("%s to %s tells %q; the end is told exactly at the end", from, move.To, move.Tell)
	case (move.To == Succeeded) != (move.Money == Settle):
		t.Errorf("%s to %s: money %q; only success is charged", from, move.To, move.Money)
	}
}

// What may be sent again is only what Kie surely did not take.
func TestOnlyNotTakenIsSentAgain(t *testing.T) {
	for _, move := range transitions {
		if move.To == Queued && move.On != NotTaken {
			t.Errorf("%s × %s leads back to queued", move.From, move.On)
		}
		if move.To == Creating && move.From != Queued {
			t.Errorf("%s × %s is created a second time", move.From, move.On)
		}
	}
}

// A wish to cancel, and a callback, are never an error: both come from outside.
func TestOutsideEventsAreNeverImpossible(t *testing.T) {
	for _, state := range States() {
		for _, event := range []Event{Cancel, Callback} {
			if _, verdict := Decide(state, event); verdict == Impossible {
				t.Errorf("%s × %s is an error", state, event)
			}
		}
	}
}

// The table in the package documentation is the table in the code.
func TestDocumentationHasTheTable(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, move := range transitions {
		want.WriteString("//\t" + pad(string(move.From)) + pad(string(move.On)) + pad(string(move.To)) + string(move.Money))
		want.WriteString("\n")
	}
	lines := strings.Split(strings.TrimSpace(want.String()), "\n")
	for _, line := range lines {
		if !strings.Contains(string(doc), strings.TrimRight(line, " ")+"\n") {
			t.Errorf("doc.go lacks the line\n%s", strings.TrimRight(line, " "))
		}
	}
}

func pad(s string) string { return s + strings.Repeat(" ", max(12-len(s), 1)) }
