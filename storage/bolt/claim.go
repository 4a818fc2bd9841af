package bolt

import (
	"encoding/binary"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// read gives up to limit pieces of work and where to go on.
func (c claimScan) read(tx *bbolt.Tx, limit int) ([]core.Work, claimScan, error) {
	var work []core.Work
	tasks := tx.Bucket(bucketHot).Cursor()
	for k, v := from(tasks, c.task); k != nil && len(work) < limit; k, v = tasks.Next() {
		due, state, err := decodeDue(v)
		if err != nil {
			return nil, c, fmt.Errorf("reading when task %s is due: %w", k, err)
		}
		if !due.IsZero() {
			work = append(work, core.Work{Task: core.TaskID(k), State: state, Due: due})
		}
		c.task = append([]byte(nil), k...)
	}
	deliveries := tx.Bucket(bucketDeliveries).Cursor()
	for k, v := from(deliveries, c.delivery); k != nil && len(work) < limit; k, v = deliveries.Next() {
		var d core.Delivery
		if err := storage.Decode(v, &d); err != nil {
			return nil, c, fmt.Errorf("reading a delivery: %w", err)
		}
		work = append(work, core.Work{Delivery: core.DeliveryID(binary.BigEndian.Uint64(k)), Lane: d.Lane})
		c.delivery = append([]byte(nil), k...)
	}
	c.done = len(work) < limit
	return work, c, nil
}

// from is the first record after the key, or the very first.
func from(c *bbolt.Cursor, after []byte) (k, v []byte) {
	if after == nil {
		return c.First()
	}
	k, v = c.Seek(after)
	if string(k) == string(after) {
		return c.Next()
	}
	return k, v
}

// encodeDue packs what a claim needs to know, so that it need not decode the
// task. A task with nothing due has zero there.
func encodeDue(due time.Time, state core.State) []byte {
	var nanos int64
	if !due.IsZero() {
		nanos = due.UnixNano()
	}
	return append(number(uint64(nanos)), state...)
}

func decodeDue(v []byte) (time.Time, core.State, error) {
	if len(v) < 8 {
		return time.Time{}, "", fmt.Errorf("%d bytes, want at least 8", len(v))
	}
	due, state := time.Time{}, core.State(v[8:])
	if nanos := binary.BigEndian.Uint64(v); nanos != 0 {
		due = time.Unix(0, int64(nanos))
	}
	return due, state, nil
}
