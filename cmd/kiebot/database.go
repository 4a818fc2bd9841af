package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"kiebot/core"
	"kiebot/storage"
	"kiebot/storage/bolt"
	"kiebot/storage/postgres"
)

// database is where everything is kept: a file in DATA_DIR, or PostgreSQL.
type database interface {
	core.Store
	Healthy() error
	Close() error
}

// openDatabase opens the one that the settings name.
func openDatabase(ctx context.Context, s settings, observe func(updates int, took time.Duration)) (database, error) {
	store, err := s.openStore(ctx, observe)
	if err != nil {
		return nil, err
	}
	if err := storage.CheckWhole(ctx, store); err != nil {
		return nil, errors.Join(fmt.Errorf("the database cannot be used: %w", err), store.Close())
	}
	return store, nil
}

func (s settings) openStore(ctx context.Context, observe func(updates int, took time.Duration)) (database, error) {
	if address := s.databaseURL.Reveal(); address != "" {
		return openPostgres(ctx, address, postgres.Options{Observe: observe})
	}
	return bolt.Open(s.database(), bolt.Options{Observe: observe})
}

// connectFor is how long PostgreSQL may take to answer at the start.
const connectFor = 30 * time.Second

func openPostgres(ctx context.Context, address string, opt postgres.Options) (*postgres.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	return postgres.Open(ctx, address, opt)
}

// isPostgres says whether the words are the address of a PostgreSQL database.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// leaseLeast leaves a database that is slow for a moment the time to renew a lease.
const leaseLeast = 2 * time.Second

// readDatabase checks DATABASE_URL. What is wrong with it is not shown: it has a password.
func (e environment) readDatabase(found *problems) string {
	address := strings.TrimSpace(e.DatabaseURL)
	if address == "" {
		return ""
	}
	if parsed, err := url.Parse(address); err != nil || !isPostgres(address) || parsed.Host == "" && parsed.RawQuery == "" {
		found.add("DATABASE_URL", "is no address like postgres://user:password@host/database")
	}
	return address
}

// storageCommand is kiebot storage.
type storageCommand struct {
	Copy copyCommand `cmd:"" help:"Copy everything from one database to another, and compare both."`
}

// copyCommand is kiebot storage copy.
type copyCommand struct {
	From string `arg:"" help:"The database to copy: a file, postgres://…, or the word DATABASE_URL for what is in that setting."`
	To   string `arg:"" help:"Where to: the same. A file must not be there yet, a PostgreSQL database has to be empty."`
}

// Help is shown below the usage.
func (copyCommand) Help() string {
	return "Moves from the file in DATA_DIR to PostgreSQL or back. Stop kiebot first: what it accepts meanwhile is not in the copy. Afterwards every record of both is read and compared, and the ledger of the copy is added up. The address of a database has a password in it, which other users of the machine can see on a command line: put it into DATABASE_URL, and say DATABASE_URL here."
}

// Run copies.
func (c copyCommand) Run(ctx context.Context, term terminal) (err error) {
	env, _, wrong := loadEnvironment()
	address := env.readDatabase(&wrong)
	if len(wrong) > 0 {
		return wrong
	}
	from, err := openNamed(ctx, c.From, address, false)
	if err != nil {
		return fmt.Errorf("opening what is to be copied: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := storage.CheckWhole(ctx, from); err != nil {
		return fmt.Errorf("what is to be copied cannot be: %w", err)
	}
	to, err := openNamed(ctx, c.To, address, true)
	if err != nil {
		return fmt.Errorf("opening where it goes: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	copied, err := storage.Copy(ctx, from, to)
	if errors.Is(err, storage.ErrNotEmpty) {
		return fmt.Errorf("%w: nothing was changed. Give it a database, or a file, of its own", err)
	}
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	for _, kind := range slices.Sorted(maps.Keys(copied.Records)) {
		fmt.Fprintf(term.out, "%d %s\n", copied.Records[kind], kind)
	}
	fmt.Fprintf(term.out, "Both are alike: %s\n", copied.Digest)
	return verifyStore(ctx, term, to)
}

// atRest answers nil when no kiebot works on the database. That one works on a
// file is found out by opening it.
func atRest(ctx context.Context, store *postgres.Store) error {
	replicas, err := store.Replicas(ctx)
	if err == nil && len(replicas) > 0 {
		err = fmt.Errorf("a kiebot works on it, or did until a moment ago. Stop it; if it was killed, wait until %s", replicas[0].Expires.Format(time.TimeOnly))
	}
	return err
}

// openNamed opens the database of that name: a file, which is made only when
// it may be, or PostgreSQL.
func openNamed(ctx context.Context, name, setting string, makes bool) (database, error) {
	if name == "DATABASE_URL" {
		if name = setting; name == "" {
			return nil, errors.New("DATABASE_URL is not set")
		}
	}
	if isPostgres(name) {
		store, err := openPostgres(ctx, name, postgres.Options{})
		if err != nil {
			return nil, err
		}
		if err := atRest(ctx, store); err != nil {
			return nil, errors.Join(err, store.Close())
		}
		return store, nil
	}
	if makes {
		if err := free(name); err != nil {
			return nil, err
		}
		return bolt.Open(name, bolt.Options{})
	}
	if _, err := os.Stat(name); err != nil {
		return nil, err
	}
	return bolt.Open(name, bolt.Options{ReadOnly: true})
}
