package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
	"kiebot/storage"
)

// table is where records of one kind are, each under its key.
type table struct {
	name    string
	columns []column // of a row; the first is the key
	// read gives what load selects as the bytes that a transaction decodes.
	read func(pgx.Row) ([]byte, error)

	load   string // one row's record, by its key
	loads  string // many rows' keys and records, by an array of keys
	upsert string // of many rows: an array for each column
	remove string // of many rows, by an array of keys
}

type column struct{ name, kind string }

// recorded are the columns that every record has which is kept as it is encoded.
func recorded(columns ...column) []column {
	return append(columns, column{"version", "smallint"}, column{"record", "json"})
}

func text(name string) column   { return column{name, "text"} }
func number(name string) column { return column{name, "bigint"} }
func moment(name string) column { return column{name, "timestamptz"} }

func newTable(name, reads string, read func(pgx.Row) ([]byte, error), columns ...column) *table {
	t := &table{name: "kiebot." + name, columns: columns, read: read}
	key := columns[0]
	var names, arrays, sets []string
	for i, c := range columns {
		names = append(names, c.name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, c.kind))
		if i > 0 {
			sets = append(sets, c.name+" = excluded."+c.name)
		}
	}
	t.load = fmt.Sprintf("SELECT %s FROM %s WHERE %s = $1", reads, t.name, key.name)
	t.loads = fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s = ANY($1::%s[])", key.name, reads, t.name, key.name, key.kind)
	t.upsert = fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s) ON CONFLICT (%s) DO UPDATE SET %s",
		t.name, strings.Join(names, ", "), strings.Join(arrays, ", "), key.name, strings.Join(sets, ", "))
	t.remove = fmt.Sprintf("DELETE FROM %s WHERE %s = ANY($1::%s[])", t.name, key.name, key.kind)
	return t
}

const encoded = "version, record"

// The tables; layout/1.sql says what is in them.
var (
	tableAccounts   = newTable("accounts", encoded, readRecord, recorded(text("id"), moment("created"), text("tier"), column{"blocked", "boolean"})...)
	tableIdentities = newTable("identities", "account", readText, text("identity"), text("account"))
	tableChats      = newTable("chats", encoded, readRecord, recorded(text("lane"))...)
	tableTasks      = newTable("tasks", encoded, readRecord, recorded(
		text("id"), text("account"), text("state"), column{"final", "boolean"}, text("command"), text("model"), text("kie_account"),
		moment("created"), moment("finished"), moment("due"), text("duty"))...)
	tableDeliveries = newTable("deliveries", encoded, readRecord, recorded(
		number("id"), text("lane"), text("lead"), text("kind"), moment("created"), column{"attempts", "integer"}, moment("due"), text("duty"))...)
	tableUsage    = newTable("usage", "held, settled, granted", readUsage, text("window_id"), number("held"), number("settled"), number("granted"))
	tableLedger   = newTable("ledger", encoded, readRecord, recorded(number("seq"), text("account"), text("task"), text("kind"), moment("at"))...)
	tableAudit    = newTable("audit", encoded, readRecord, recorded(number("seq"), moment("at"), text("by"), text("action"), text("target"))...)
	tableSeen     = newTable("seen", encoded, readRecord, recorded(text("key"), moment("expires"))...)
	tableSettings = newTable("settings", "value", readBytes, text("name"), column{"value", "bytea"})
)

func readRecord(row pgx.Row) ([]byte, error) {
	var version int16
	var record []byte
	err := row.Scan(&version, &record)
	return append([]byte{byte(version)}, record...), err
}

func readText(row pgx.Row) ([]byte, error) {
	var value string
	err := row.Scan(&value)
	return []byte(value), err
}

func readBytes(row pgx.Row) ([]byte, error) {
	value := []byte{}
	err := row.Scan(&value)
	return value, err
}

func readUsage(row pgx.Row) ([]byte, error) {
	var u core.Usage
	if err := row.Scan(&u.Held, &u.Settled, &u.Granted); err != nil {
		return nil, err
	}
	return storage.Encode(u)
}
