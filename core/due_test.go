package core

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Random puts, moves and removals against a sorted list.
func TestDueQueueAgainstASortedList(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	type entry struct {
		id  TaskID
		due int64
	}
	var q dueQueue[int]
	var list []entry
	for range 5000 {
		id := TaskID(fmt.Sprintf("%018d", r.IntN(300)))
		at := slices.IndexFunc(list, func(e entry) bool { return e.id == id })
		if r.IntN(5) == 0 && len(list) > 0 {
			if slot := q.find(id); (slot == noSlot) != (at < 0) {
				t.Fatalf("%s: found in slot %d, listed at %d", id, slot, at)
			} else if at >= 0 {
				q.remove(slot)
				list = slices.Delete(list, at, at+1)
			}
			continue
		}
		due := int64(r.IntN(50)) // many at the same time
		q.slots[q.set(id, time.Unix(0, due))].about = len(id)
		if at >= 0 {
			list[at].due = due
		} else {
			list = append(list, entry{id, due})
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		if a.due != b.due {
			return int(a.due - b.due)
		}
		return int(slices.Compare([]byte(a.id), []byte(b.id)))
	})
	for _, want := range list {
		head := q.nodes[0].slot
		if got := q.slots[head]; got.key.id() != want.id || q.dueAt(head).UnixNano() != want.due || got.about != idChars {
			t.Fatalf("%s at %v, want %+v", got.key.id(), q.dueAt(head), want)
		}
		q.remove(head)
	}
	if q.len() != 0 || len(q.index) != 0 {
		t.Errorf("%d nodes and %d indexed are left", q.len(), len(q.index))
	}
}
