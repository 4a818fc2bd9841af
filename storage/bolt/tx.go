package bolt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// transaction is a core.Tx on one bbolt transaction.
type transaction struct {
	tx *bbolt.Tx
}

// get decodes the record at the key.
func get[T any](t *transaction, bucket, key []byte) (T, error) {
	var record T
	data := t.tx.Bucket(bucket).Get(key)
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

func (t *transaction) putRaw(bucket, key, value []byte) error {
	return wrote(bucket, t.tx.Bucket(bucket).Put(key, value))
}

func (t *transaction) delete(bucket, key []byte) error {
	return wrote(bucket, t.tx.Bucket(bucket).Delete(key))
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
	id := t.tx.Bucket(bucketIdentities).Get([]byte(who.String()))
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

// Task implements core.Tx.
func (t *transaction) Task(id core.TaskID) (core.Task, error) {
	return get[core.Task](t, bucketTasks, []byte(id))
}

// TaskByShort implements core.Tx.
func (t *transaction) TaskByShort(short string) (core.Task, error) {
	var newest []byte
	c := t.tx.Bucket(bucketShort).Cursor()
	prefix := short + "/"
	for k, _ := c.Seek([]byte(prefix)); hasPrefix(k, prefix); k, _ = c.Next() {
		newest = k[len(prefix):]
	}
	if newest == nil {
		return core.Task{}, core.ErrNotFound
	}
	return get[core.Task](t, bucketTasks, newest)
}

// PutTask implements core.Tx.
func (t *transaction) PutTask(task core.Task) error {
	id := []byte(task.ID)
	if t.tx.Bucket(bucketTasks).Get(id) == nil {
		if err := t.indexTask(task); err != nil {
			return err
		}
	}
	if err := t.put(bucketTasks, id, task); err != nil {
		return err
	}
	if task.Due.IsZero() {
		return t.delete(bucketDue, id)
	}
	return t.putRaw(bucketDue, id, encodeDue(task.Due, task.State))
}

// indexTask makes a new task findable by its short id and its account.
func (t *transaction) indexTask(task core.Task) error {
	if err := t.putRaw(bucketShort, []byte(task.ID.Short()+"/"+string(task.ID)), nil); err != nil {
		return err
	}
	return t.putRaw(bucketByAccount, []byte(string(task.Account)+"/"+string(task.ID)), nil)
}

// TasksOf implements core.Tx.
func (t *transaction) TasksOf(id core.AccountID, before core.TaskID, limit int) ([]core.Task, error) {
	var tasks []core.Task
	prefix := string(id) + "/"
	end := prefix + string(before)
	if before == "" {
		end = prefix + "\xff"
	}
	c := t.tx.Bucket(bucketByAccount).Cursor()
	for k := lastBefore(c, []byte(end)); hasPrefix(k, prefix) && len(tasks) < limit; k, _ = c.Prev() {
		task, err := get[core.Task](t, bucketTasks, k[len(prefix):])
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// lastBefore is the greatest key below end.
func lastBefore(c *bbolt.Cursor, end []byte) []byte {
	k, _ := c.Seek(end)
	if k == nil {
		k, _ = c.Last()
		return k
	}
	k, _ = c.Prev()
	return k
}

func hasPrefix(k []byte, prefix string) bool {
	return len(k) >= len(prefix) && string(k[:len(prefix)]) == prefix
}

// Delivery implements core.Tx.
func (t *transaction) Delivery(id core.DeliveryID) (core.Delivery, error) {
	return get[core.Delivery](t, bucketDeliveries, number(uint64(id)))
}

// AddDelivery implements core.Tx.
func (t *transaction) AddDelivery(d core.Delivery) (core.DeliveryID, error) {
	n, err := t.tx.Bucket(bucketDeliveries).NextSequence()
	if err != nil {
		return 0, wrote(bucketDeliveries, err)
	}
	d.ID = core.DeliveryID(n)
	return d.ID, t.PutDelivery(d)
}

// PutDelivery implements core.Tx.
func (t *transaction) PutDelivery(d core.Delivery) error {
	return t.put(bucketDeliveries, number(uint64(d.ID)), d)
}

// DeleteDelivery implements core.Tx.
func (t *transaction) DeleteDelivery(id core.DeliveryID) error {
	return t.delete(bucketDeliveries, number(uint64(id)))
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

// AddEntry implements core.Tx.
func (t *transaction) AddEntry(e core.Entry) error {
	n, err := t.tx.Bucket(bucketLedger).NextSequence()
	if err != nil {
		return wrote(bucketLedger, err)
	}
	e.Seq = n
	return t.put(bucketLedger, ledgerKey(e.Account, n), e)
}

// Entries implements core.Tx.
func (t *transaction) Entries(id core.AccountID, after uint64, limit int) ([]core.Entry, error) {
	var entries []core.Entry
	c := t.tx.Bucket(bucketLedger).Cursor()
	prefix := string(id) + "/"
	for k, v := c.Seek(ledgerKey(id, after+1)); hasPrefix(k, prefix) && len(entries) < limit; k, v = c.Next() {
		var e core.Entry
		if err := storage.Decode(v, &e); err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func ledgerKey(id core.AccountID, n uint64) []byte {
	return append([]byte(string(id)+"/"), number(n)...)
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
	value := t.tx.Bucket(bucketSettings).Get([]byte(name))
	if value == nil {
		return nil, core.ErrNotFound
	}
	return slices.Clone(value), nil
}

// PutSetting implements core.Tx.
func (t *transaction) PutSetting(name string, value []byte) error {
	return t.putRaw(bucketSettings, []byte(name), value)
}
