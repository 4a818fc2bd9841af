package postgres

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
	"kiebot/storage"
)

// transaction is a core.Tx in a session.
type transaction struct{ *session }

// get decodes the record at the key.
func get[T any](t *transaction, from *table, key any) (T, error) {
	var record T
	data, err := t.session.get(from, key)
	if err != nil {
		return record, err
	}
	if data == nil {
		return record, core.ErrNotFound
	}
	if err := storage.Decode(data, &record); err != nil {
		return record, fmt.Errorf("reading %s %v: %w", from.name, key, err)
	}
	return record, nil
}

// put stores a record under its key. Between the key and the encoding a row has
// the columns that copies adds.
func put[T any](t *transaction, in *table, key any, record T, copies func(row []any) []any) error {
	if t.scout != nil { // nobody looks at what it writes
		return t.session.put(in, key, nil, nil)
	}
	data, err := storage.Encode(record)
	if err != nil {
		return err
	}
	row := copies(append(make([]any, 0, len(in.columns)), key))
	return t.session.put(in, key, data, append(row, int16(data[0]), data[1:]))
}

// number gives the next number.
func (t *transaction) number(last *int64) {
	if t.scout != nil {
		panic(errScouted) // who knows which one it is going to be
	}
	*last++
}

// records lists the records that a query selects as a table's read gives them.
func records[T any](t *transaction, from *table, sql string, args ...any) ([]T, error) {
	var all []T
	err := t.list(func(row pgx.Row) error {
		data, err := from.read(row)
		if err != nil {
			return err
		}
		var record T
		if err := storage.Decode(data, &record); err != nil {
			return fmt.Errorf("reading %s: %w", from.name, err)
		}
		all = append(all, record)
		return nil
	}, sql, args...)
	return all, err
}

// ids lists what a query selects.
func ids[T ~string](t *transaction, sql string, args ...any) ([]T, error) {
	var all []T
	err := t.list(func(row pgx.Row) error {
		var id string
		err := row.Scan(&id)
		all = append(all, T(id))
		return err
	}, sql, args...)
	return all, err
}

// maybe is the time, or null for the zero time.
func maybe(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

// plain is the text, or where PostgreSQL would refuse it, because it has a zero
// byte or is no UTF-8, the text in quotes.
func plain(s string) string {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return strconv.QuoteToASCII(s)
	}
	return s
}

// Account implements core.Tx.
func (t *transaction) Account(id core.AccountID) (core.Account, error) {
	return get[core.Account](t, tableAccounts, string(id))
}

// AccountOf implements core.Tx.
func (t *transaction) AccountOf(who core.Identity) (core.Account, error) {
	id, err := t.session.get(tableIdentities, plain(who.String()))
	if err != nil {
		return core.Account{}, err
	}
	if id == nil {
		return core.Account{}, core.ErrNotFound
	}
	return t.Account(core.AccountID(id))
}

// PutAccount implements core.Tx.
func (t *transaction) PutAccount(a core.Account) error {
	for _, who := range a.Identities {
		key := plain(who.String())
		if err := t.session.put(tableIdentities, key, []byte(a.ID), []any{key, string(a.ID)}); err != nil {
			return err
		}
	}
	return put(t, tableAccounts, string(a.ID), a, func(row []any) []any {
		return append(row, a.Created, plain(a.Tier), a.Blocked != nil)
	})
}

// Accounts implements core.Tx.
func (t *transaction) Accounts(after core.AccountID, limit int) ([]core.Account, error) {
	return records[core.Account](t, tableAccounts, "SELECT version, record FROM kiebot.accounts WHERE id > $1 ORDER BY id LIMIT $2", string(after), limit)
}

// Chat implements core.Tx.
func (t *transaction) Chat(lane core.Lane) (core.Chat, error) {
	return get[core.Chat](t, tableChats, plain(string(lane)))
}

// PutChat implements core.Tx.
func (t *transaction) PutChat(chat core.Chat) error {
	return put(t, tableChats, plain(string(chat.Lane)), chat, func(row []any) []any { return row })
}

// Delivery implements core.Tx.
func (t *transaction) Delivery(id core.DeliveryID) (core.Delivery, error) {
	return get[core.Delivery](t, tableDeliveries, int64(id))
}

// AddDelivery implements core.Tx.
func (t *transaction) AddDelivery(d core.Delivery) (core.DeliveryID, error) {
	t.number(&t.last.delivery)
	d.ID = core.DeliveryID(t.last.delivery)
	return d.ID, t.PutDelivery(d)
}

// PutDelivery implements core.Tx.
func (t *transaction) PutDelivery(d core.Delivery) error {
	return put(t, tableDeliveries, int64(d.ID), d, func(row []any) []any {
		return append(row, plain(string(d.Lane)), string(d.Lead), string(d.Kind), d.Created, int32(d.Attempts), maybe(d.Due), string(d.Lane.Duty()))
	})
}

// DeleteDelivery implements core.Tx.
func (t *transaction) DeleteDelivery(id core.DeliveryID) error {
	return t.remove(tableDeliveries, int64(id))
}

// Deliveries implements core.Tx.
func (t *transaction) Deliveries(after core.DeliveryID, limit int) ([]core.Delivery, error) {
	return records[core.Delivery](t, tableDeliveries, "SELECT version, record FROM kiebot.deliveries WHERE id > $1 ORDER BY id LIMIT $2", int64(after), limit)
}

// Usage implements core.Tx.
func (t *transaction) Usage(id core.WindowID) (core.Usage, error) {
	usage, err := get[core.Usage](t, tableUsage, plain(string(id)))
	if err == core.ErrNotFound {
		return core.Usage{}, nil
	}
	return usage, err
}

// PutUsage implements core.Tx.
func (t *transaction) PutUsage(id core.WindowID, u core.Usage) error {
	data, err := storage.Encode(u)
	if err != nil {
		return err
	}
	key := plain(string(id))
	return t.session.put(tableUsage, key, data, []any{key, int64(u.Held), int64(u.Settled), int64(u.Granted)})
}

// afterAll sorts behind every character.
const afterAll = "\U0010FFFF"

// Usages implements core.Tx.
func (t *transaction) Usages(prefix, after core.WindowID, limit int) ([]core.WindowUsage, error) {
	var usages []core.WindowUsage
	err := t.list(func(row pgx.Row) error {
		var w core.WindowUsage
		err := row.Scan(&w.Window, &w.Usage.Held, &w.Usage.Settled, &w.Usage.Granted)
		usages = append(usages, w)
		return err
	}, `SELECT window_id, held, settled, granted FROM kiebot.usage
		WHERE window_id >= $1 AND window_id < $2 AND window_id > $3 ORDER BY window_id LIMIT $4`,
		string(prefix), string(prefix)+afterAll, string(after), limit)
	return usages, err
}

// DeleteUsage implements core.Tx.
func (t *transaction) DeleteUsage(id core.WindowID) error {
	return t.remove(tableUsage, plain(string(id)))
}

// AddEntry implements core.Tx.
func (t *transaction) AddEntry(e core.Entry) error {
	t.number(&t.last.entry)
	e.Seq = uint64(t.last.entry)
	return t.PutEntry(e)
}

// PutEntry implements core.Tx.
func (t *transaction) PutEntry(e core.Entry) error {
	return put(t, tableLedger, int64(e.Seq), e, func(row []any) []any {
		return append(row, string(e.Account), string(e.Task), string(e.Kind), e.At)
	})
}

// Entries implements core.Tx.
func (t *transaction) Entries(id core.AccountID, after uint64, limit int) ([]core.Entry, error) {
	return records[core.Entry](t, tableLedger, "SELECT version, record FROM kiebot.ledger WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3", string(id), int64(after), limit)
}

// DeleteEntry implements core.Tx.
func (t *transaction) DeleteEntry(_ core.AccountID, seq uint64) error {
	return t.remove(tableLedger, int64(seq))
}

// AddAudit implements core.Tx.
func (t *transaction) AddAudit(a core.Audit) error {
	t.number(&t.last.audit)
	a.Seq = uint64(t.last.audit)
	return t.PutAudit(a)
}

// Audits implements core.Tx.
func (t *transaction) Audits(before uint64, limit int) ([]core.Audit, error) {
	return records[core.Audit](t, tableAudit, "SELECT version, record FROM kiebot.audit WHERE seq < $1 OR $1 = 0 ORDER BY seq DESC LIMIT $2", int64(before), limit)
}

// Seen implements core.Tx.
func (t *transaction) Seen(key string) (core.Seen, error) {
	return get[core.Seen](t, tableSeen, plain(key))
}

// forgetAtOnce bounds how many expired records one PutSeen removes: more than
// the one it adds, so that they never pile up.
const forgetAtOnce = 4

// PutSeen implements core.Tx.
func (t *transaction) PutSeen(seen core.Seen, now time.Time) error {
	t.seen.many += forgetAtOnce
	if now.After(t.seen.before) {
		t.seen.before = now
	}
	return put(t, tableSeen, plain(seen.Key), seen, func(row []any) []any { return append(row, seen.Expires) })
}

// Setting implements core.Tx.
func (t *transaction) Setting(name string) ([]byte, error) {
	value, err := t.session.get(tableSettings, plain(name))
	if err == nil && value == nil {
		err = core.ErrNotFound
	}
	return bytes.Clone(value), err
}

// Settings implements core.Tx.
func (t *transaction) Settings(after string, limit int) ([]core.Setting, error) {
	var all []core.Setting
	err := t.list(func(row pgx.Row) error {
		one := core.Setting{Value: []byte{}}
		err := row.Scan(&one.Name, &one.Value)
		all = append(all, one)
		return err
	}, "SELECT name, value FROM kiebot.settings WHERE name > $1 ORDER BY name LIMIT $2", plain(after), limit)
	return all, err
}

// PutSetting implements core.Tx.
func (t *transaction) PutSetting(name string, value []byte) error {
	key, kept := plain(name), append([]byte{}, value...)
	return t.session.put(tableSettings, key, kept, []any{key, kept})
}

// DeleteSetting implements core.Tx.
func (t *transaction) DeleteSetting(name string) error { return t.remove(tableSettings, plain(name)) }
