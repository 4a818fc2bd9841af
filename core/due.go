package core

import (
	"bytes"
	"math"
	"time"
)

// dueQueue is a heap of tasks by due time, then by id, which is the order of
// acceptance. It knows where every task stands, and something of P about it.
//
// It is laid out for a million tasks. Ids are kept as bytes, so nothing in it
// is a pointer and the garbage collector passes it by. The heap itself moves
// 16 bytes per step, and four children share a cache line, so that a deep heap
// costs few misses; only adding and finding a task look into the map.
type dueQueue[P any] struct {
	nodes []dueNode // the heap
	slots []dueSlot[P]
	free  []uint32 // slots without a task
	index map[taskKey]uint32
}

type dueNode struct {
	due  int64 // nanoseconds since 1970
	slot uint32
}

type dueSlot[P any] struct {
	about P
	at    uint32 // its node
	key   taskKey
}

// taskKey is a TaskID without the pointer.
type taskKey [idChars]byte

func keyOf(id TaskID) (k taskKey) {
	copy(k[:], id)
	return k
}

func (k *taskKey) id() TaskID { return TaskID(bytes.TrimRight(k[:], "\x00")) }

const (
	children   = 4
	noSlot     = math.MaxUint32
	smallQueue = 1024 // nothing is gained by giving back less
)

func (q *dueQueue[P]) len() int { return len(q.nodes) }

// find answers with the task's slot, or noSlot.
func (q *dueQueue[P]) find(id TaskID) uint32 {
	if slot, ok := q.index[keyOf(id)]; ok {
		return slot
	}
	return noSlot
}

// set adds the task or moves it, and answers with its slot.
func (q *dueQueue[P]) set(id TaskID, due time.Time) uint32 {
	key := keyOf(id)
	slot, ok := q.index[key]
	if ok {
		at := int(q.slots[slot].at)
		q.nodes[at].due = due.UnixNano()
		q.fix(at)
		return slot
	}
	slot = q.newSlot()
	q.slots[slot].key = key
	if q.index == nil {
		q.index = map[taskKey]uint32{}
	}
	q.index[key] = slot
	q.nodes = append(q.nodes, dueNode{due: due.UnixNano(), slot: slot})
	q.up(len(q.nodes) - 1)
	return slot
}

func (q *dueQueue[P]) newSlot() uint32 {
	if n := len(q.free); n > 0 {
		slot := q.free[n-1]
		q.free = q.free[:n-1]
		return slot
	}
	q.slots = append(q.slots, dueSlot[P]{})
	return uint32(len(q.slots) - 1)
}

// remove takes the task out. The memory of a large queue goes when it is empty.
func (q *dueQueue[P]) remove(slot uint32) {
	at, last := int(q.slots[slot].at), len(q.nodes)-1
	delete(q.index, q.slots[slot].key)
	q.slots[slot] = dueSlot[P]{}
	q.free = append(q.free, slot)
	moved := q.nodes[last]
	q.nodes = q.nodes[:last]
	if at < last {
		q.place(at, moved)
		q.fix(at)
	}
	if last == 0 && cap(q.nodes) > smallQueue {
		*q = dueQueue[P]{}
	}
}

// dueAt is when the task in the slot is due.
func (q *dueQueue[P]) dueAt(slot uint32) time.Time {
	return time.Unix(0, q.nodes[q.slots[slot].at].due)
}

// reorder makes a heap of nodes whose times were changed.
func (q *dueQueue[P]) reorder() {
	for i := (len(q.nodes) - 2) / children; i >= 0 && len(q.nodes) > 1; i-- {
		q.down(i)
	}
}

func (q *dueQueue[P]) less(a, b dueNode) bool {
	if a.due != b.due {
		return a.due < b.due
	}
	return bytes.Compare(q.slots[a.slot].key[:], q.slots[b.slot].key[:]) < 0
}

func (q *dueQueue[P]) place(at int, n dueNode) {
	q.nodes[at] = n
	q.slots[n.slot].at = uint32(at)
}

func (q *dueQueue[P]) fix(at int) {
	if q.up(at) == at {
		q.down(at)
	}
}

// up moves a node towards the root and answers where it came to stand.
func (q *dueQueue[P]) up(at int) int {
	n := q.nodes[at]
	for at > 0 {
		parent := (at - 1) / children
		if !q.less(n, q.nodes[parent]) {
			break
		}
		q.place(at, q.nodes[parent])
		at = parent
	}
	q.place(at, n)
	return at
}

func (q *dueQueue[P]) down(at int) {
	n := q.nodes[at]
	for {
		first := at*children + 1
		if first >= len(q.nodes) {
			break
		}
		least := first
		for c := first + 1; c < min(first+children, len(q.nodes)); c++ {
			if q.less(q.nodes[c], q.nodes[least]) {
				least = c
			}
		}
		if !q.less(q.nodes[least], n) {
			break
		}
		q.place(at, q.nodes[least])
		at = least
	}
	q.place(at, n)
}
