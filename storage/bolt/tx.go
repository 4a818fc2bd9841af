package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// transaction is a core.Tx on one bbolt transaction.
type transaction struct {
	tx      *bbolt.Tx
	fence   *atomic.Uint64 // the current lease's; nil when nobody can ask
	undo    *undo          // nil when nothing may be written
	cursors cursors        // nil when the transaction is short
}

// cursors are those of a transaction that looks up much, one for each bucket:
// a look with a fresh one costs two allocations.
type cursors map[*bbolt.Bucket]*bbolt.Cursor

// get is the bucket's value at the key, nil when it is not there.
func (c cursors) get(b *bbolt.Bucket, key []byte) []byte {
	if c == nil {
		return b.Get(key)
	}
	cursor := c[b]
	if cursor == nil {
		cursor = b.Cursor()
		c[b] = cursor
	}
	if k, v := cursor.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// value is what the bucket has at the key, nil when there is nothing.
func (t *transaction) value(bucket, key []byte) []byte {
	return t.cursors.get(t.tx.Bucket(bucket), key)
}

// get decodes the record at the key.
func get[T any](t *transaction, bucket, key []byte) (T, error) {
	var record T
	data := t.value(bucket, key)
	if data == nil {
		return record, core.ErrNotFound
	}
	if err := storage.Decode(data, &record); err != nil {
		return record, fmt.Errorf("reading %s %q: %w", bucket, key, err)
	}
	return record, nil
}

// put encodes the record and stores it at the key.
func (t *transaction) put(bucket, key []byte, record any) error {
	data, err := storage.Encode(record)
	if err != nil {
		return err
	}
	return t.putRaw(bucket, key, data)
}

// insert stores a record at a key that was never used before, so that nobody
// need look what is there.
func (t *transaction) insert(bucket, key []byte, record any) error {
	data, err := storage.Encode(record)
	if err != nil {
		return err
	}
	b := t.tx.Bucket(bucket)
	t.undo.before(b, key, nil)
	return wrote(bucket, b.Put(key, data))
}

// putRaw stores the value, which bbolt keeps until the commit.
func (t *transaction) putRaw(bucket, key, value []byte) error {
	if value == nil {
		value = []byte{} // bbolt calls a nil value missing until it is committed
	}
	b := t.tx.Bucket(bucket)
	t.undo.before(b, key, t.cursors.get(b, key))
	return wrote(bucket, b.Put(key, value))
}

func (t *transaction) delete(bucket, key []byte) error {
	b := t.tx.Bucket(bucket)
	value := t.cursors.get(b, key)
	if value == nil {
		return nil
	}
	t.undo.before(b, key, value)
	return wrote(bucket, b.Delete(key))
}

// next is the bucket's next number, greater than every one before.
func (t *transaction) next(bucket []byte) (uint64, error) {
	b := t.tx.Bucket(bucket)
	t.undo.beforeNext(b)
	n, err := b.NextSequence()
	return n, wrote(bucket, err)
}

// wrote names the bucket of a write that bbolt refused, such as one with too
// long a key. Nothing is on the disk then.
func wrote(bucket []byte, err error) error {
	if err != nil {
		return fmt.Errorf("writing %s: %w", bucket, err)
	}
	return nil
}

// Account implements core.Tx.
func (t *transaction) Account(id core.AccountID) (core.Account, error) {
	return get[core.Account](t, bucketAccounts, []byte(id))
}

// AccountOf implements core.Tx.
func (t *transaction) AccountOf(who core.Identity) (core.Account, error) {
	id := t.value(bucketIdentities, []byte(who.String()))
	if id == nil {
		return core.Account{}, core.ErrNotFound
	}
	return get[core.Account](t, bucketAccounts, id)
}

// PutAccount implements core.Tx.
func (t *transaction) PutAccount(a core.Account) error {
	for _, who := range a.Identities {
		if err := t.putRaw(bucketIdentities, []byte(who.String()), []byte(a.ID)); err != nil {
			return err
		}
	}
	return t.put(bucketAccounts, []byte(a.ID), a)
}

// Accounts implements core.Tx.
func (t *transaction) Accounts(after core.AccountID, limit int) ([]core.Account, error) {
	return listedAfter[core.Account](t, bucketAccounts, []byte(after), limit)
}

// Chat implements core.Tx.
func (t *transaction) Chat(lane core.Lane) (core.Chat, error) {
	return get[core.Chat](t, bucketChats, []byte(lane))
}

// PutChat implements core.Tx.
func (t *transaction) PutChat(chat core.Chat) error {
	return t.put(bucketChats, []byte(chat.Lane), chat)
}

// lastBefore is the greatest key below end, nil when there is none.
func lastBefore(c *bbolt.Cursor, end []byte) []byte {
	k, _ := c.Seek(end)
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	if k != nil {
		return k
	}
	// The beginning; or a page that this transaction has emptied, over which
	// bbolt's cursor finds no way back.
	for next, _ := c.First(); next != nil && string(next) < string(end); next, _ = c.Next() {
		k = next
	}
	return k
}

// hasPrefix is false for the nil key at the end of a bucket.
func hasPrefix(k []byte, prefix string) bool {
	return k != nil && len(k) >= len(prefix) && string(k[:len(prefix)]) == prefix
}

// Delivery implements core.Tx.
func (t *transaction) Delivery(id core.DeliveryID) (core.Delivery, error) {
	return get[core.Delivery](t, bucketDeliveries, number(uint64(id)))
}

// AddDelivery implements core.Tx.
func (t *transaction) AddDelivery(d core.Delivery) (core.DeliveryID, error) {
	n, err := t.next(bucketDeliveries)
	if err != nil {
		return 0, err
	}
	d.ID = core.DeliveryID(n)
	return d.ID, t.insert(bucketDeliveries, number(n), d)
}

// PutDelivery implements core.Tx.
func (t *transaction) PutDelivery(d core.Delivery) error {
	return t.put(bucketDeliveries, number(uint64(d.ID)), d)
}

// DeleteDelivery implements core.Tx.
func (t *transaction) DeleteDelivery(id core.DeliveryID) error {
	return t.delete(bucketDeliveries, number(uint64(id)))
}

// Deliveries implements core.Tx.
func (t *transaction) Deliveries(after core.DeliveryID, limit int) ([]core.Delivery, error) {
	return listedAfter[core.Delivery](t, bucketDeliveries, number(uint64(after)), limit)
}

// Usage implements core.Tx.
func (t *transaction) Usage(id core.WindowID) (core.Usage, error) {
	usage, err := get[core.Usage](t, bucketUsage, []byte(id))
	if err == core.ErrNotFound {
		return core.Usage{}, nil
	}
	return usage, err
}

// PutUsage implements core.Tx.
func (t *transaction) PutUsage(id core.WindowID, u core.Usage) error {
	return t.put(bucketUsage, []byte(id), u)
}

// Usages implements core.Tx.
func (t *transaction) Usages(prefix, after core.WindowID, limit int) ([]core.WindowUsage, error) {
	var usages []core.WindowUsage
	c := t.tx.Bucket(bucketUsage).Cursor()
	start := []byte(max(prefix, after))
	for k, v := c.Seek(start); k != nil && hasPrefix(k, string(prefix)) && len(usages) < limit; k, v = c.Next() {
		if core.WindowID(k) == after {
			continue
		}
		w := core.WindowUsage{Window: core.WindowID(k)}
		if err := storage.Decode(v, &w.Usage); err != nil {
			return nil, fmt.Errorf("reading window %s: %w", k, err)
		}
		usages = append(usages, w)
	}
	return usages, nil
}

// DeleteUsage implements core.Tx.
func (t *transaction) DeleteUsage(id core.WindowID) error {
	return t.delete(bucketUsage, []byte(id))
}

// AddEntry implements core.Tx.
func (t *transaction) AddEntry(e core.Entry) error {
	n, err := t.next(bucketEntries)
	if err != nil {
		return err
	}
	e.Seq = n
	if err := t.putRaw(bucketPeople, entryKey(e.Account, n), nil); err != nil {
		return err
	}
	return t.insert(bucketEntries, number(n), e)
}

// PutEntry implements core.Tx.
func (t *transaction) PutEntry(e core.Entry) error {
	if err := t.putRaw(bucketPeople, entryKey(e.Account, e.Seq), nil); err != nil {
		return err
	}
	return t.put(bucketEntries, number(e.Seq), e)
}

// Entries implements core.Tx.
func (t *transaction) Entries(id core.AccountID, after uint64, limit int) ([]core.Entry, error) {
	var entries []core.Entry
	c := t.tx.Bucket(bucketPeople).Cursor()
	prefix := string(id) + entryMark
	for k, _ := c.Seek(entryKey(id, after+1)); hasPrefix(k, prefix) && len(entries) < limit; k, _ = c.Next() {
		e, err := get[core.Entry](t, bucketEntries, k[len(prefix):])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// DeleteEntry implements core.Tx.
func (t *transaction) DeleteEntry(id core.AccountID, seq uint64) error {
	if err := t.delete(bucketPeople, entryKey(id, seq)); err != nil {
		return err
	}
	return t.delete(bucketEntries, number(seq))
}

// AddAudit implements core.Tx.
func (t *transaction) AddAudit(a core.Audit) error {
	n, err := t.next(bucketAudit)
	if err != nil {
		return err
	}
	a.Seq = n
	return t.insert(bucketAudit, number(n), a)
}

// Audits implements core.Tx.
func (t *transaction) Audits(before uint64, limit int) ([]core.Audit, error) {
	var audits []core.Audit
	c := t.tx.Bucket(bucketAudit).Cursor()
	if before == 0 {
		before = math.MaxUint64
	}
	for k := lastBefore(c, number(before)); k != nil && len(audits) < limit; k = lastBefore(c, k) {
		a, err := get[core.Audit](t, bucketAudit, k)
		if err != nil {
			return nil, err
		}
		audits = append(audits, a)
	}
	return audits, nil
}

func entryKey(id core.AccountID, n uint64) []byte {
	return append([]byte(string(id)+entryMark), number(n)...)
}

// Seen implements core.Tx.
func (t *transaction) Seen(key string) (core.Seen, error) {
	return get[core.Seen](t, bucketSeen, []byte(key))
}

// forgetAtOnce bounds how many expired records one PutSeen removes: more than
// the one it adds, so that they never pile up.
const forgetAtOnce = 4

// PutSeen implements core.Tx.
func (t *transaction) PutSeen(seen core.Seen, now time.Time) error {
	if err := t.forgetSeen(now); err != nil {
		return err
	}
	if err := t.putRaw(bucketSeenExpiry, expiryKey(seen.Expires, seen.Key), nil); err != nil {
		return err
	}
	return t.put(bucketSeen, []byte(seen.Key), seen)
}

func (t *transaction) forgetSeen(now time.Time) error {
	limit := string(expiryKey(now, ""))
	for range forgetAtOnce {
		k, _ := t.tx.Bucket(bucketSeenExpiry).Cursor().First()
		if k == nil || string(k) >= limit {
			return nil
		}
		k = slices.Clone(k)
		if err := t.delete(bucketSeen, k[8:]); err != nil {
			return err
		}
		if err := t.delete(bucketSeenExpiry, k); err != nil {
			return err
		}
	}
	return nil
}

func expiryKey(at time.Time, key string) []byte {
	return append(number(uint64(at.UnixNano())), key...)
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Setting implements core.Tx.
func (t *transaction) Setting(name string) ([]byte, error) {
	value := t.value(bucketSettings, []byte(name))
	if value == nil {
		return nil, core.ErrNotFound
	}
	return slices.Clone(value), nil
}

// Settings implements core.Tx.
func (t *transaction) Settings(after string, limit int) ([]core.Setting, error) {
	var all []core.Setting
	c := t.tx.Bucket(bucketSettings).Cursor()
	for k, v := from(c, []byte(after)); k != nil && len(all) < limit; k, v = c.Next() {
		all = append(all, core.Setting{Name: string(k), Value: append([]byte{}, v...)})
	}
	return all, nil
}

// PutSetting implements core.Tx.
func (t *transaction) PutSetting(name string, value []byte) error {
	return t.putRaw(bucketSettings, []byte(name), value)
}

// DeleteSetting implements core.Tx.
func (t *transaction) DeleteSetting(name string) error {
	return t.delete(bucketSettings, []byte(name))
}
