package bolt

import (
	"errors"
	"fmt"

	"kiebot/core"
	"kiebot/storage"
)

// Chats implements storage.Whole.
func (t *transaction) Chats(after core.Lane, limit int) ([]core.Chat, error) {
	return listedAfter[core.Chat](t, bucketChats, []byte(after), limit)
}

// AllSeen implements storage.Whole.
func (t *transaction) AllSeen(after string, limit int) ([]core.Seen, error) {
	return listedAfter[core.Seen](t, bucketSeen, []byte(after), limit)
}

// Ledger implements storage.Whole.
func (t *transaction) Ledger(after uint64, limit int) ([]core.Entry, error) {
	return listedAfter[core.Entry](t, bucketEntries, number(after), limit)
}

// listedAfter decodes the records whose keys come after the one given.
func listedAfter[T any](t *transaction, bucket, after []byte, limit int) ([]T, error) {
	var all []T
	c := t.tx.Bucket(bucket).Cursor()
	for k, v := from(c, after); k != nil && len(all) < limit; k, v = c.Next() {
		var record T
		if err := storage.Decode(v, &record); err != nil {
			return nil, fmt.Errorf("reading %s %q: %w", bucket, k, err)
		}
		all = append(all, record)
	}
	return all, nil
}

// PutAudit implements storage.Whole.
func (t *transaction) PutAudit(a core.Audit) error { return t.put(bucketAudit, number(a.Seq), a) }

// Numbers implements storage.Whole.
func (t *transaction) Numbers() (storage.Numbers, error) {
	last := func(bucket []byte) uint64 { return t.tx.Bucket(bucket).Sequence() }
	return storage.Numbers{Entry: last(bucketEntries), Delivery: last(bucketDeliveries), Audit: last(bucketAudit)}, nil
}

// SetNumbers implements storage.Whole.
func (t *transaction) SetNumbers(n storage.Numbers) error {
	set := func(bucket []byte, n uint64) error {
		b := t.tx.Bucket(bucket)
		t.undo.beforeNext(b)
		return wrote(bucket, b.SetSequence(n))
	}
	return errors.Join(set(bucketEntries, n.Entry), set(bucketDeliveries, n.Delivery), set(bucketAudit, n.Audit))
}

var _ storage.Whole = (*transaction)(nil)
