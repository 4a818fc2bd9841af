package bolt

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// place is where a task is kept.
type place int

const (
	nowhere  place = iota
	open           // hot, and listed as open
	ended          // hot because it is still due, and listed as ended
	archived       // over: out of the way of those that move
)

func placeOf(task core.Task) place {
	switch {
	case !task.State.Final():
		return open
	case !task.Due.IsZero():
		return ended
	default:
		return archived
	}
}

// placeOf is where the task is now.
func (t *transaction) placeOf(id []byte) (place, error) {
	if v := t.value(bucketHot, id); v != nil {
		w, err := decodeDue(v)
		if w.State.Final() {
			return ended, err
		}
		return open, err
	}
	if t.value(bucketArchive, id) != nil {
		return archived, nil
	}
	return nowhere, nil
}

// Task implements core.Tx.
func (t *transaction) Task(id core.TaskID) (core.Task, error) {
	task, err := get[core.Task](t, bucketTasks, []byte(id))
	if errors.Is(err, core.ErrNotFound) {
		return get[core.Task](t, bucketArchive, []byte(id))
	}
	return task, err
}

// PutTask implements core.Tx.
func (t *transaction) PutTask(task core.Task) error {
	id, now := []byte(task.ID), placeOf(task)
	was, err := t.placeOf(id)
	if err != nil {
		return err
	}
	if was > now { // it came back
		if err := t.DeleteTask(task.ID); err != nil {
			return err
		}
		was = nowhere
	}
	if err := t.listTask(task, was, now); err != nil {
		return err
	}
	if now == archived {
		return t.archive(task, was)
	}
	if err := t.putRaw(bucketHot, id, encodeDue(task)); err != nil {
		return err
	}
	return t.put(bucketTasks, id, task)
}

// listTask lists the task among the open or the ended ones of its account.
func (t *transaction) listTask(task core.Task, was, now place) error {
	switch {
	case now == open && was == nowhere:
		return t.putRaw(bucketPeople, personKey(task.Account, openMark, task.ID), nil)
	case now == open || was >= ended:
		return nil
	}
	if err := t.delete(bucketPeople, personKey(task.Account, openMark, task.ID)); err != nil {
		return err
	}
	if err := t.putRaw(bucketPeople, personKey(task.Account, endedMark, task.ID), nil); err != nil {
		return err
	}
	return t.putRaw(bucketEnded, expiryKey(task.Finished, string(task.ID)), nil)
}

func (t *transaction) archive(task core.Task, was place) error {
	id := []byte(task.ID)
	if was != archived {
		err := errors.Join(t.delete(bucketTasks, id), t.delete(bucketHot, id), t.putRaw(bucketShort, shortKey(task.ID), nil))
		if err != nil {
			return err
		}
	}
	return t.put(bucketArchive, id, task)
}

// DeleteTask implements core.Tx.
func (t *transaction) DeleteTask(id core.TaskID) error {
	task, err := t.Task(id)
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(
		t.delete(bucketTasks, []byte(id)),
		t.delete(bucketHot, []byte(id)),
		t.delete(bucketArchive, []byte(id)),
		t.delete(bucketShort, shortKey(id)),
		t.delete(bucketPeople, personKey(task.Account, openMark, task.ID)),
		t.delete(bucketPeople, personKey(task.Account, endedMark, task.ID)),
		t.delete(bucketEnded, expiryKey(task.Finished, string(id))),
	)
}

// TaskByShort implements core.Tx. Only archived tasks have an index: its
// pages are hit at random, which an accepted request need not pay. The hot
// ones are looked through, 50 bytes each.
func (t *transaction) TaskByShort(short string) (core.Task, error) {
	var newest core.TaskID
	prefix := short + "/"
	c := t.tx.Bucket(bucketShort).Cursor()
	for k, _ := c.Seek([]byte(prefix)); hasPrefix(k, prefix); k, _ = c.Next() {
		newest = core.TaskID(k[len(prefix):])
	}
	hot := t.tx.Bucket(bucketHot).Cursor()
	for k, _ := hot.Seek([]byte(newest)); k != nil; k, _ = hot.Next() {
		if bytes.HasSuffix(k, []byte(short)) {
			newest = core.TaskID(k)
		}
	}
	return t.Task(newest)
}

// TasksOf implements core.Tx.
func (t *transaction) TasksOf(id core.AccountID, before core.TaskID, limit int) ([]core.Task, error) {
	ids := append(t.listed(id, openMark, before, limit), t.listed(id, endedMark, before, limit)...)
	slices.Sort(ids)
	slices.Reverse(ids)
	var tasks []core.Task
	for _, id := range ids[:min(limit, len(ids))] {
		task, err := t.Task(id)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// Tasks implements core.Tx. Tasks that move and those that are over are in two
// buckets, both by id.
func (t *transaction) Tasks(before core.TaskID, limit int) ([]core.Task, error) {
	moving, over := t.tx.Bucket(bucketTasks).Cursor(), t.tx.Bucket(bucketArchive).Cursor()
	m, mv := below(moving, before)
	o, ov := below(over, before)
	var tasks []core.Task
	for len(tasks) < limit && (m != nil || o != nil) {
		var task core.Task
		var err error
		if bytes.Compare(m, o) > 0 { // nil is below all
			err = storage.Decode(mv, &task)
			m, mv = moving.Prev()
		} else {
			err = storage.Decode(ov, &task)
			o, ov = over.Prev()
		}
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// below moves the cursor to the last key below, or to the last one of all when
// it is empty.
func below(c *bbolt.Cursor, before core.TaskID) (k, v []byte) {
	if before == "" {
		return c.Last()
	}
	if k, _ = c.Seek([]byte(before)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// TasksIn implements core.Tx.
func (t *transaction) TasksIn(state core.State, before core.TaskID, limit int) ([]core.TaskID, error) {
	var ids []core.TaskID
	hot := t.tx.Bucket(bucketHot).Cursor()
	for k, v := below(hot, before); k != nil && len(ids) < limit; k, v = hot.Prev() {
		w, err := decodeDue(v)
		if err != nil {
			return nil, err
		}
		if w.State == state {
			ids = append(ids, core.TaskID(k))
		}
	}
	return ids, nil
}

// CountTasks implements core.Tx.
func (t *transaction) CountTasks() (map[core.State]core.TaskCount, error) {
	counts := map[core.State]core.TaskCount{}
	hot := t.tx.Bucket(bucketHot).Cursor()
	for k, v := hot.First(); k != nil; k, v = hot.Next() {
		w, err := decodeDue(v)
		if err != nil {
			return nil, err
		}
		if w.State.Final() {
			continue
		}
		count := counts[w.State]
		if count.Tasks++; count.Tasks == 1 {
			count.Oldest = core.TaskID(k)
		}
		counts[w.State] = count
	}
	return counts, nil
}

// OpenTasks implements core.Tx.
func (t *transaction) OpenTasks(id core.AccountID) ([]core.TaskID, error) {
	ids := t.listed(id, openMark, "", math.MaxInt)
	slices.Reverse(ids)
	return ids, nil
}

// listed gives the account's tasks under the mark, newest first, those older
// than before if that is not empty.
func (t *transaction) listed(id core.AccountID, mark string, before core.TaskID, limit int) []core.TaskID {
	var ids []core.TaskID
	prefix := string(id) + mark
	c := t.tx.Bucket(bucketPeople).Cursor()
	for k, _ := c.Seek(personKey(id, mark, before)); hasPrefix(k, prefix) && len(ids) < limit; k, _ = c.Next() {
		if found := core.TaskID(inverted(string(k[len(prefix):]))); before == "" || found < before {
			ids = append(ids, found)
		}
	}
	return ids
}

// FinishedTasks implements core.Tx.
func (t *transaction) FinishedTasks(before time.Time, limit int) ([]core.TaskID, error) {
	var ids []core.TaskID
	end := string(expiryKey(before, ""))
	c := t.tx.Bucket(bucketEnded).Cursor()
	for k, _ := c.First(); k != nil && string(k) < end && len(ids) < limit; k, _ = c.Next() {
		ids = append(ids, core.TaskID(k[8:]))
	}
	return ids, nil
}

// What an account has is together in one bucket, in this order. The newest
// entry is the last one and the newest task the first, next to it, so that a
// commit about a task writes one page here, however much the account has.
const (
	entryMark = "/e/" // + number: the entry is in its own bucket
	openMark  = "/o/" // + inverted task id
	endedMark = "/t/" // + inverted task id
)

func personKey(id core.AccountID, mark string, task core.TaskID) []byte {
	return []byte(string(id) + mark + inverted(string(task)))
}

// inverted sorts in the opposite order, among ids of one length.
func inverted(id string) string {
	out := []byte(id)
	for i := range out {
		out[i] = ^out[i]
	}
	return string(out)
}

func shortKey(id core.TaskID) []byte { return []byte(id.Short() + "/" + string(id)) }
