package postgres

import (
	"github.com/jackc/pgx/v5"

	"kiebot/core"
	"kiebot/storage"
)

// Chats implements storage.Whole.
func (t *transaction) Chats(after core.Lane, limit int) ([]core.Chat, error) {
	return records[core.Chat](t, tableChats, "SELECT version, record FROM kiebot.chats WHERE lane > $1 ORDER BY lane LIMIT $2", plain(string(after)), limit)
}

// AllSeen implements storage.Whole.
func (t *transaction) AllSeen(after string, limit int) ([]core.Seen, error) {
	return records[core.Seen](t, tableSeen, "SELECT version, record FROM kiebot.seen WHERE key > $1 ORDER BY key LIMIT $2", plain(after), limit)
}

// Ledger implements storage.Whole.
func (t *transaction) Ledger(after uint64, limit int) ([]core.Entry, error) {
	return records[core.Entry](t, tableLedger, "SELECT version, record FROM kiebot.ledger WHERE seq > $1 ORDER BY seq LIMIT $2", int64(after), limit)
}

// PutAudit implements storage.Whole.
func (t *transaction) PutAudit(a core.Audit) error {
	return put(t, tableAudit, int64(a.Seq), a, func(row []any) []any {
		return append(row, a.At, plain(a.By), plain(a.Action), plain(a.Target))
	})
}

// Numbers implements storage.Whole.
func (t *transaction) Numbers() (storage.Numbers, error) {
	if t.turn == nil { // in a view they are not known yet
		err := t.list(func(row pgx.Row) error { return row.Scan(&t.last.entry, &t.last.delivery, &t.last.audit) }, "SELECT entry, delivery, audit FROM kiebot.writer")
		if err != nil {
			return storage.Numbers{}, err
		}
	}
	return storage.Numbers{Entry: uint64(t.last.entry), Delivery: uint64(t.last.delivery), Audit: uint64(t.last.audit)}, nil
}

// SetNumbers implements storage.Whole.
func (t *transaction) SetNumbers(n storage.Numbers) error {
	t.last.entry, t.last.delivery, t.last.audit = int64(n.Entry), int64(n.Delivery), int64(n.Audit)
	return nil
}

var _ storage.Whole = (*transaction)(nil)
