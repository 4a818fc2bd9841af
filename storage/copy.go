package storage

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kiebot/core"
)

// Whole is a transaction that can also list what core never does, and take
// over what has a number already. A transaction of every store is one.
type Whole interface {
	core.Tx
	// Chats and AllSeen list by key, those greater than after, at most limit.
	Chats(after core.Lane, limit int) ([]core.Chat, error)
	AllSeen(after string, limit int) ([]core.Seen, error)
	// Ledger lists everybody's entries in order.
	Ledger(after uint64, limit int) ([]core.Entry, error)
	PutAudit(core.Audit) error
	// Numbers are the last ones that were given.
	Numbers() (Numbers, error)
	SetNumbers(Numbers) error
}

// Numbers are the last ones given to entries, deliveries and the audit log.
type Numbers struct{ Entry, Delivery, Audit uint64 }

// ErrNotEmpty means that there is something where a copy should go.
var ErrNotEmpty = errors.New("there is something in it already")

// ErrHalf means that the store has half of a copy.
var ErrHalf = errors.New("it has half of a copy, whose making was broken off: empty it and copy again")

// copying is the setting that says so.
const copying = "copying"

// pageSize is how many records are copied in one transaction.
const pageSize = 1000

// Copied is what a store has: how many records of each kind, and a digest of
// all of them.
type Copied struct {
	Records map[string]int
	Digest  string
}

// Copy copies everything to a store that has nothing, and compares both
// afterwards. Nobody may write to the stores meanwhile, but for what a
// snapshot of from does not see. A copy that is broken off leaves the other
// store so that CheckWhole refuses it.
func Copy(ctx context.Context, from, to core.Store) (Copied, error) {
	if err := to.Update(ctx, beginCopy); err != nil {
		return Copied{}, err
	}
	var read Copied
	err := from.View(ctx, func(tx core.Tx) error {
		whole := tx.(Whole)
		numbers, err := whole.Numbers()
		if err != nil {
			return err
		}
		put := func(fn func(Whole) error) error {
			return to.Update(ctx, func(tx core.Tx) error { return fn(tx.(Whole)) })
		}
		if read, err = walk(whole, numbers, put); err != nil {
			return err
		}
		return put(func(to Whole) error {
			return errors.Join(to.SetNumbers(numbers), to.DeleteSetting(copying))
		})
	})
	if err != nil {
		return Copied{}, err
	}
	written, err := Digest(ctx, to)
	if err == nil && written.Digest != read.Digest {
		err = fmt.Errorf("the copy is not what was copied: %v, not %v", written.Records, read.Records)
	}
	return written, err
}

// beginCopy answers ErrNotEmpty unless nothing is there.
func beginCopy(tx core.Tx) error {
	whole := tx.(Whole)
	numbers, err := whole.Numbers()
	if err != nil {
		return err
	}
	if numbers != (Numbers{}) {
		return ErrNotEmpty
	}
	for _, k := range kinds() {
		some, err := k.page(whole, "", 1)
		if err != nil {
			return err
		}
		if len(some) > 0 {
			return ErrNotEmpty
		}
	}
	return whole.PutSetting(copying, []byte{1})
}

// CheckWhole answers ErrHalf when the store has half of a copy.
func CheckWhole(ctx context.Context, s core.Store) error {
	return s.View(ctx, func(tx core.Tx) error {
		_, err := tx.Setting(copying)
		switch {
		case err == nil:
			return ErrHalf
		case errors.Is(err, core.ErrNotFound):
			return nil
		}
		return err
	})
}

// Digest reads everything that the store has.
func Digest(ctx context.Context, s core.Store) (all Copied, err error) {
	err = s.View(ctx, func(tx core.Tx) error {
		whole := tx.(Whole)
		numbers, err := whole.Numbers()
		if err != nil {
			return err
		}
		all, err = walk(whole, numbers, func(func(Whole) error) error { return nil })
		return err
	})
	return all, err
}

// walk reads all records and hands them to put, a page at a time.
func walk(from Whole, n Numbers, put func(func(Whole) error) error) (Copied, error) {
	d := newDigest()
	for _, k := range kinds() {
		if err := k.copy(from, put, d); err != nil {
			return Copied{}, fmt.Errorf("the %s: %w", k.name, err)
		}
	}
	return d.copied(n), nil
}

// digest adds up what was read, in whatever order the stores list it.
type digest struct {
	sum     [sha256.Size]byte
	records map[string]int
}

func newDigest() *digest { return &digest{records: map[string]int{}} }

func (d *digest) add(kind, key string, data []byte) {
	one := sha256.Sum256(fmt.Appendf(nil, "%s %q %s", kind, key, data))
	subtle.XORBytes(d.sum[:], d.sum[:], one[:])
	d.records[kind]++
}

func (d *digest) copied(n Numbers) Copied {
	d.add("numbers", "", fmt.Appendf(nil, "%+v", n))
	delete(d.records, "numbers")
	return Copied{Records: d.records, Digest: hex.EncodeToString(d.sum[:])}
}

// kind is how records of one kind are listed and stored.
type kind struct {
	name string
	page func(from Whole, after string, limit int) ([]one, error)
}

// one is a record on its way.
type one struct {
	key  string
	data []byte // as it is encoded today
	put  func(to Whole) error
}

func (k kind) copy(from Whole, put func(func(Whole) error) error, d *digest) error {
	for after := ""; ; {
		page, err := k.page(from, after, pageSize)
		if err != nil {
			return err
		}
		for _, r := range page {
			d.add(k.name, r.key, r.data)
		}
		err = put(func(to Whole) error {
			for _, r := range page {
				if err := r.put(to); err != nil {
					return fmt.Errorf("%s: %w", r.key, err)
				}
			}
			return nil
		})
		if err != nil || len(page) < pageSize {
			return err
		}
		after = page[len(page)-1].key
	}
}

// kinds are those of a store, in the order in which they are copied.
func kinds() []kind {
	return []kind{
		listed("accounts",
			func(w Whole, after string, limit int) ([]core.Account, error) {
				return w.Accounts(core.AccountID(after), limit)
			},
			func(a core.Account) string { return string(a.ID) }, Whole.PutAccount),
		listed("chats",
			func(w Whole, after string, limit int) ([]core.Chat, error) { return w.Chats(core.Lane(after), limit) },
			func(c core.Chat) string { return string(c.Lane) }, Whole.PutChat),
		listed("tasks", // the newest first
			func(w Whole, after string, limit int) ([]core.Task, error) { return w.Tasks(core.TaskID(after), limit) },
			func(t core.Task) string { return string(t.ID) }, Whole.PutTask),
		listed("deliveries",
			func(w Whole, after string, limit int) ([]core.Delivery, error) {
				return w.Deliveries(core.DeliveryID(parse(after)), limit)
			},
			func(d core.Delivery) string { return format(uint64(d.ID)) }, Whole.PutDelivery),
		listed("windows",
			func(w Whole, after string, limit int) ([]core.WindowUsage, error) {
				return w.Usages("", core.WindowID(after), limit)
			},
			func(u core.WindowUsage) string { return string(u.Window) },
			func(w Whole, u core.WindowUsage) error { return w.PutUsage(u.Window, u.Usage) }),
		listed("ledger entries",
			func(w Whole, after string, limit int) ([]core.Entry, error) { return w.Ledger(parse(after), limit) },
			func(e core.Entry) string { return format(e.Seq) }, Whole.PutEntry),
		listed("audit entries", // the newest first
			func(w Whole, after string, limit int) ([]core.Audit, error) { return w.Audits(parse(after), limit) },
			func(a core.Audit) string { return format(a.Seq) }, Whole.PutAudit),
		listed("requests seen",
			func(w Whole, after string, limit int) ([]core.Seen, error) { return w.AllSeen(after, limit) },
			func(s core.Seen) string { return s.Key },
			func(w Whole, s core.Seen) error { return w.PutSeen(s, longAgo) }),
		listed("settings",
			func(w Whole, after string, limit int) ([]core.Setting, error) { return w.Settings(after, limit) },
			func(s core.Setting) string { return s.Name },
			func(w Whole, s core.Setting) error { return w.PutSetting(s.Name, s.Value) }),
	}
}

// longAgo is before anything expired.
var longAgo = time.Unix(1, 0)

// listed is a kind by the methods that list and store it.
func listed[T any](name string, list func(Whole, string, int) ([]T, error), key func(T) string, put func(Whole, T) error) kind {
	return kind{name, func(from Whole, after string, limit int) ([]one, error) {
		page, err := list(from, after, limit)
		var all []one
		for _, record := range page {
			data, failed := Encode(record)
			err = errors.Join(err, failed)
			all = append(all, one{key(record), data, func(to Whole) error { return put(to, record) }})
		}
		return all, err
	}}
}

func format(n uint64) string { return strconv.FormatUint(n, 10) }

// parse reads what format wrote; nothing is 0.
func parse(key string) uint64 {
	n, _ := strconv.ParseUint(key, 10, 64)
	return n
}
