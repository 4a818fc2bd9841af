package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage"
)

// Check reads everything that is in the file: that bbolt finds its pages right,
// that every record decodes and is where its key says, and that indexes and
// records agree, an entry without its record and the other way round. Each
// problem is reported as one line of text, for operators; the error is about
// reading. It works on one snapshot, as long as ctx allows.
func (s *Store) Check(ctx context.Context, report func(problem string)) (problems int, err error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	wrong := func(format string, args ...any) {
		problems++
		report(fmt.Sprintf(format, args...))
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		if s.db.IsReadOnly() { // next to commits, bbolt's own check would read what they change
			for err := range tx.Check() {
				wrong("the file: %v", err)
			}
		}
		t := &transaction{tx: tx, cursors: cursors{}}
		for _, rule := range rules() {
			c := tx.Bucket(rule.bucket).Cursor()
			for k, v := c.First(); k != nil; k, v = c.Next() {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := rule.check(t, k, v); err != nil {
					wrong("%s %s: %v", rule.bucket, readable(k), err)
				}
			}
		}
		return nil
	})
	return problems, storeError(err)
}

// readable is the key as text where it is one.
func readable(key []byte) string {
	if bytes.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%#x", key)
	}
	return string(key)
}

// rule says what is right about one key of a bucket and its value.
type rule struct {
	bucket []byte
	check  func(t *transaction, k, v []byte) error
}

func rules() []rule {
	return []rule{
		{bucketAccounts, checkAccount}, {bucketIdentities, checkIdentity},
		{bucketTasks, checkTask}, {bucketHot, checkHot}, {bucketArchive, checkArchived}, {bucketShort, checkShort}, {bucketEnded, checkEnded},
		{bucketPeople, checkPeople}, {bucketEntries, checkEntry},
		{bucketChats, checkChat}, {bucketAudit, checkAudit}, {bucketDeliveries, checkDelivery}, {bucketUsage, checkUsage},
		{bucketSeen, checkSeen}, {bucketSeenExpiry, checkSeenExpiry},
	}
}

// decoded is the record, and what is wrong when it has another key than it is under.
func decoded[T any](k, v []byte, key func(T) []byte) (T, error) {
	var record T
	if err := storage.Decode(v, &record); err != nil {
		return record, err
	}
	if want := key(record); !bytes.Equal(k, want) {
		return record, fmt.Errorf("the record belongs under %s", readable(want))
	}
	return record, nil
}

// indexed reports that the bucket has the key, by an error when it does not.
func (t *transaction) indexed(bucket, key []byte) error {
	if t.value(bucket, key) == nil {
		return fmt.Errorf("%s has no %s for it", bucket, readable(key))
	}
	return nil
}

func checkAccount(t *transaction, k, v []byte) error {
	a, err := decoded(k, v, func(a core.Account) []byte { return []byte(a.ID) })
	for _, who := range a.Identities {
		err = errors.Join(err, t.indexed(bucketIdentities, []byte(who.String())))
	}
	return err
}

func checkIdentity(t *transaction, k, v []byte) error {
	a, err := get[core.Account](t, bucketAccounts, v)
	if err != nil {
		return fmt.Errorf("account %s: %w", readable(v), err)
	}
	if !slices.ContainsFunc(a.Identities, func(who core.Identity) bool { return who.String() == string(k) }) {
		return fmt.Errorf("account %s does not have it", a.ID)
	}
	return nil
}

func taskKey(t core.Task) []byte { return []byte(t.ID) }

// checkTask is about a task that moves, or is still read.
func checkTask(t *transaction, k, v []byte) error {
	task, err := decoded(k, v, taskKey)
	if err != nil {
		return err
	}
	if due := t.value(bucketHot, k); !bytes.Equal(due, encodeDue(task)) && !olderDue(due, task) {
		err = fmt.Errorf("%s does not say that it is %s and due %v", bucketHot, task.State, task.Due)
	}
	if t.value(bucketArchive, k) != nil {
		err = errors.Join(err, fmt.Errorf("%s has it, too", bucketArchive))
	}
	switch placeOf(task) {
	case open:
		return errors.Join(err, t.indexed(bucketPeople, personKey(task.Account, openMark, task.ID)))
	case ended:
		return errors.Join(err, t.listedAsEnded(task))
	}
	return errors.Join(err, errors.New("it is over and not in the archive"))
}

// olderDue reports whether the value is right, and of a version that wrote less of it.
func olderDue(due []byte, task core.Task) bool {
	w, err := decodeDue(due)
	return err == nil && w.Account == "" && w.State == task.State && w.Due.Equal(task.Due)
}

func (t *transaction) listedAsEnded(task core.Task) error {
	return errors.Join(
		t.indexed(bucketPeople, personKey(task.Account, endedMark, task.ID)),
		t.indexed(bucketEnded, expiryKey(task.Finished, string(task.ID))),
	)
}

func checkHot(t *transaction, k, v []byte) error {
	if _, err := decodeDue(v); err != nil {
		return err
	}
	return t.indexed(bucketTasks, k)
}

func checkArchived(t *transaction, k, v []byte) error {
	task, err := decoded(k, v, taskKey)
	if err != nil {
		return err
	}
	if placeOf(task) != archived {
		return fmt.Errorf("it is %s and due %v", task.State, task.Due)
	}
	return errors.Join(t.indexed(bucketShort, shortKey(task.ID)), t.listedAsEnded(task))
}

func checkShort(t *transaction, k, _ []byte) error {
	short, id, _ := strings.Cut(string(k), "/")
	if core.TaskID(id).Short() != short {
		return errors.New("it is no end of that id")
	}
	return t.indexed(bucketArchive, []byte(id))
}

func checkEnded(t *transaction, k, _ []byte) error {
	if len(k) < 8 {
		return errors.New("there is no time in it")
	}
	task, err := t.Task(core.TaskID(k[8:]))
	if err != nil {
		return err
	}
	if !task.State.Final() || !bytes.Equal(k, expiryKey(task.Finished, string(task.ID))) {
		return fmt.Errorf("task %s is %s since %v", task.ID, task.State, task.Finished)
	}
	return nil
}

func checkPeople(t *transaction, k, _ []byte) error {
	at := bytes.IndexByte(k, '/')
	if at < 0 || len(k) < at+len(entryMark) {
		return errors.New("it says nothing")
	}
	id, mark, what := core.AccountID(k[:at]), string(k[at:at+len(entryMark)]), k[at+len(entryMark):]
	if mark == entryMark {
		e, err := get[core.Entry](t, bucketEntries, what)
		if err == nil && e.Account != id {
			err = fmt.Errorf("the entry is of account %s", e.Account)
		}
		return err
	}
	task, err := t.Task(core.TaskID(inverted(string(what))))
	switch {
	case err != nil:
		return err
	case task.Account != id:
		return fmt.Errorf("task %s is of account %s", task.ID, task.Account)
	case task.State.Final() != (mark == endedMark):
		return fmt.Errorf("task %s is %s", task.ID, task.State)
	}
	return nil
}

func checkEntry(t *transaction, k, v []byte) error {
	e, err := decoded(k, v, func(e core.Entry) []byte { return number(e.Seq) })
	if err != nil {
		return err
	}
	return t.indexed(bucketPeople, entryKey(e.Account, e.Seq))
}

func checkChat(_ *transaction, k, v []byte) error {
	_, err := decoded(k, v, func(c core.Chat) []byte { return []byte(c.Lane) })
	return err
}

func checkAudit(_ *transaction, k, v []byte) error {
	_, err := decoded(k, v, func(a core.Audit) []byte { return number(a.Seq) })
	return err
}

func checkDelivery(_ *transaction, k, v []byte) error {
	_, err := decoded(k, v, func(d core.Delivery) []byte { return number(uint64(d.ID)) })
	return err
}

func checkUsage(_ *transaction, _, v []byte) error {
	var u core.Usage
	return storage.Decode(v, &u)
}

func checkSeen(t *transaction, k, v []byte) error {
	seen, err := decoded(k, v, func(s core.Seen) []byte { return []byte(s.Key) })
	if err != nil {
		return err
	}
	return t.indexed(bucketSeenExpiry, expiryKey(seen.Expires, seen.Key))
}

// checkSeenExpiry lets an entry without a record be: what is seen again has a
// later one, and both go on their days.
func checkSeenExpiry(t *transaction, k, _ []byte) error {
	if len(k) < 8 {
		return errors.New("there is no time in it")
	}
	_, err := get[core.Seen](t, bucketSeen, k[8:])
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	return err
}
