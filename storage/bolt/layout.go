package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bbolt "go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"kiebot/core"
)

// layoutVersion says how this program arranges the buckets. Layout 1 had no
// index of open and ended tasks; layout 2 kept finished tasks among the
// others and gave every index its own bucket; layout 3 had the entries
// themselves where an account's index is.
const layoutVersion = 4

// The buckets. Keys that are numbers or times are big-endian, so they sort.
var (
	bucketMeta       = []byte("meta")        // "schema" → version
	bucketAccounts   = []byte("accounts")    // account id → Account
	bucketIdentities = []byte("identities")  // platform:user → account id
	bucketTasks      = []byte("tasks")       // task id → Task, while it moves
	bucketHot        = []byte("task_hot")    // task id → due, state; of every Task in tasks
	bucketArchive    = []byte("archive")     // task id → Task, once it is final and not due
	bucketShort      = []byte("task_short")  // the last 8 characters + task id → nothing; of the archive
	bucketEnded      = []byte("task_ended")  // time + task id → nothing, once it is final
	bucketPeople     = []byte("people")      // account id + what + number or task id → nothing
	bucketEntries    = []byte("entries")     // number → Entry
	bucketChats      = []byte("chats")       // lane → Chat
	bucketAudit      = []byte("audit")       // number → Audit
	bucketDeliveries = []byte("deliveries")  // number → Delivery
	bucketUsage      = []byte("usage")       // window id → Usage
	bucketSeen       = []byte("seen")        // key → Seen
	bucketSeenExpiry = []byte("seen_expiry") // time + key → nothing
	bucketSettings   = []byte("settings")    // name → value
)

func buckets() [][]byte {
	return [][]byte{
		bucketMeta, bucketAccounts, bucketIdentities, bucketTasks, bucketHot, bucketArchive, bucketShort, bucketEnded,
		bucketPeople, bucketEntries, bucketChats, bucketAudit, bucketDeliveries, bucketUsage, bucketSeen, bucketSeenExpiry, bucketSettings,
	}
}

// appended are the buckets whose new keys come after the older ones.
func appended() [][]byte {
	return [][]byte{
		bucketTasks, bucketHot, bucketEnded, bucketEntries, bucketAudit, bucketDeliveries, bucketSeen, bucketSeenExpiry,
	}
}

// fillPages lets the pages of what is appended be full when they are split.
// bbolt leaves half of each free, for keys that will come in between; here
// none do, and a commit of 60 accepted requests would write a quarter more pages.
func fillPages(tx *bbolt.Tx) {
	for _, name := range appended() {
		tx.Bucket(name).FillPercent = 1
	}
}

var layoutKey = []byte("schema")

// prepare makes an empty file a database, and brings an older one up to this
// program's layout, after a copy of it was made next to it. A file that is as
// it should be is not written to.
func prepare(db *bbolt.DB, readOnly bool) error {
	found, err := layoutOf(db)
	if err != nil || found == layoutVersion {
		return err
	}
	if readOnly {
		return ErrOlder
	}
	if found > 0 {
		if err := keepCopy(db, found); err != nil {
			return fmt.Errorf("copying the database before its layout changes: %w", err)
		}
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets() {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return fmt.Errorf("making bucket %s: %w", name, err)
			}
		}
		if found > 0 {
			if err := rearrange(&transaction{tx: tx}, found); err != nil {
				return fmt.Errorf("changing the layout from %d to %d: %w", found, layoutVersion, err)
			}
		}
		return tx.Bucket(bucketMeta).Put(layoutKey, binary.BigEndian.AppendUint32(nil, layoutVersion))
	})
}

// layoutOf is the file's layout, 0 when the file is empty.
func layoutOf(db *bbolt.DB) (found uint32, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return errors.New("this is not a kiebot database")
			}
			return nil
		}
		version := meta.Get(layoutKey)
		if len(version) != 4 {
			return errors.New("the database's version is unreadable: this is not a kiebot database")
		}
		if found = binary.BigEndian.Uint32(version); found > layoutVersion {
			return ErrNewer
		}
		if found < layoutVersion {
			return nil
		}
		for _, name := range buckets() {
			if tx.Bucket(name) == nil {
				return damaged("it has no %s", name)
			}
		}
		return nil
	})
	return found, err
}

// keepCopy writes a copy of the database next to it, with the layout in its
// name. It is there wholly or not at all.
func keepCopy(db *bbolt.DB, layout uint32) (err error) {
	path := fmt.Sprintf("%s.layout%d", db.Path(), layout)
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".part"))
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in the folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// rearrange moves everything from an older layout to where it is now. All
// indexes are made anew.
func rearrange(t *transaction, found uint32) error {
	ledger, mark := "ledger", "/"
	if found == 3 {
		ledger, mark = string(bucketPeople), entryMark
	}
	moved, err := moveEntries(t, ledger, mark)
	if err != nil {
		return err
	}
	for _, name := range []string{"task_short", "task_by", "task_open", "task_done", "task_due", "ledger", "task_hot", "task_ended", "people"} {
		if err := t.tx.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, bbolterrors.ErrBucketNotFound) {
			return err
		}
	}
	for _, name := range buckets() {
		if _, err := t.tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	for _, key := range moved {
		if err := t.putRaw(bucketPeople, key, nil); err != nil {
			return err
		}
	}
	return placeTasks(t)
}

// moveEntries copies the entries, whose keys were account id, mark and
// number, to their own bucket, and gives their keys in the index.
func moveEntries(t *transaction, ledger, mark string) (keys [][]byte, err error) {
	old := t.tx.Bucket([]byte(ledger))
	if old == nil {
		return nil, damaged("it has no %s", ledger)
	}
	err = old.ForEach(func(k, v []byte) error {
		id, n, ok := bytes.Cut(k, []byte(mark))
		if !ok || len(n) != 8 {
			return nil // what else an account has
		}
		keys = append(keys, entryKey(core.AccountID(id), binary.BigEndian.Uint64(n)))
		return t.putRaw(bucketEntries, n, v)
	})
	return keys, errors.Join(err, t.tx.Bucket(bucketEntries).SetSequence(old.Sequence()))
}

// placeTasks puts every task where it belongs now.
func placeTasks(t *transaction) error {
	var ids []core.TaskID
	for _, bucket := range [][]byte{bucketTasks, bucketArchive} {
		c := t.tx.Bucket(bucket).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			ids = append(ids, core.TaskID(k))
		}
	}
	for _, id := range ids {
		task, err := t.Task(id)
		if err != nil {
			return err
		}
		key := []byte(id)
		if err := errors.Join(t.delete(bucketTasks, key), t.delete(bucketArchive, key), t.PutTask(task)); err != nil {
			return err
		}
	}
	return nil
}
