package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The layouts, one file for each: what changes from the one before. A file that
// was released stays as it is. A change must leave what the version before
// needs, which runs beside the new one while replicas are replaced one by one;
// oldest is the first layout whose program can still work.
//
//go:embed layout/*.sql
var layouts embed.FS

const (
	layoutVersion = 1
	oldestVersion = 1
)

// ErrNewer means that a newer kiebot has changed the layout of the database so
// that this one cannot use it.
var ErrNewer = errors.New("the database was changed by a newer version of kiebot; use that version or newer, or restore a backup")

// layoutLock is the advisory lock that is held while the layout changes: a
// number that nobody else is likely to have taken.
const layoutLock = 7_240_313_811_966

// prepare brings the database to this program's layout, in one transaction that
// other replicas wait for. A newer layout that this program can use stays.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	var encoding string
	if err := conn.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s; kiebot needs one that was made with ENCODING 'UTF8'", encoding)
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(layoutLock)); err != nil {
			return err
		}
		found, oldest, err := layoutOf(ctx, tx)
		switch {
		case err != nil:
			return err
		case oldest > layoutVersion:
			return ErrNewer
		case found < layoutVersion:
			if err := advance(ctx, tx, found); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "DELETE FROM kiebot.commits WHERE at < clock_timestamp() - interval '30 days'")
		return err
	})
}

// layoutOf is the database's layout, 0 when it has none, and the oldest that
// fits to it.
func layoutOf(ctx context.Context, tx pgx.Tx) (found, oldest int, err error) {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('kiebot.layout') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, 0, err
	}
	err = tx.QueryRow(ctx, "SELECT version, oldest FROM kiebot.layout").Scan(&found, &oldest)
	return found, oldest, err
}

// advance takes the steps from the layout found to this program's.
func advance(ctx context.Context, tx pgx.Tx, found int) error {
	if found == 0 {
		_, err := tx.Exec(ctx, `
			CREATE SCHEMA IF NOT EXISTS kiebot;
			CREATE TABLE kiebot.layout (version integer NOT NULL, oldest integer NOT NULL);
			COMMENT ON TABLE kiebot.layout IS 'One row: the layout of these tables, and the oldest whose program can use them.';
			INSERT INTO kiebot.layout VALUES (0, 0)`)
		if err != nil {
			return err
		}
	}
	for step := found + 1; step <= layoutVersion; step++ {
		sql, err := layouts.ReadFile(fmt.Sprintf("layout/%d.sql", step))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return fmt.Errorf("changing the layout of the database to %d: %w", step, err)
		}
	}
	_, err := tx.Exec(ctx, "UPDATE kiebot.layout SET version = $1, oldest = $2", layoutVersion, oldestVersion)
	return err
}
