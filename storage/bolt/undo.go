package bolt

import (
	"errors"
	"slices"

	bbolt "go.etcd.io/bbolt"
)

// undo remembers what was there before one update wrote, so that it can be
// taken back from a bbolt transaction that others share. The values that
// bbolt hands out stay as they are until the commit, so they need no copy.
type undo struct {
	log  []prior
	kept bool  // some update of the transaction wrote something that stays
	err  error // an update could not be taken back
}

// prior is one key, or the sequence of a bucket, as it was.
type prior struct {
	bucket   *bbolt.Bucket
	key      []byte // nil for the sequence
	value    []byte // nil when the key was not there
	sequence uint64
}

// before notes the key's value, nil when it is not there. It does nothing in
// a transaction that cannot write: bbolt refuses those writes.
func (u *undo) before(b *bbolt.Bucket, key, value []byte) {
	if u != nil {
		u.log = append(u.log, prior{bucket: b, key: key, value: value})
	}
}

// beforeNext notes the bucket's sequence.
func (u *undo) beforeNext(b *bbolt.Bucket) {
	if u != nil {
		u.log = append(u.log, prior{bucket: b, sequence: b.Sequence()})
	}
}

// end forgets the log of one update, after putting everything back if the
// update is not kept.
func (u *undo) end(kept bool) {
	if kept {
		u.kept = u.kept || len(u.log) > 0
	} else {
		for _, p := range slices.Backward(u.log) {
			u.err = errors.Join(u.err, p.restore())
		}
	}
	clear(u.log)
	u.log = u.log[:0]
}

func (p prior) restore() error {
	switch {
	case p.key == nil:
		return p.bucket.SetSequence(p.sequence)
	case p.value == nil:
		return p.bucket.Delete(p.key)
	default:
		return p.bucket.Put(p.key, p.value)
	}
}
