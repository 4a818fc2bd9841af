package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"kiebot/core"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
	"kiebot/storage/storagetest"
)

// job is what a bare River program would keep about a request.
type job struct {
	Task   string `json:"task"`
	Prompt string `json:"prompt"`
}

// Kind implements river.JobArgs.
func (job) Kind() string { return "create" }

// bareRiver is a program that accepts by inserting a quota row and a job in one
// transaction, and nothing else.
type bareRiver struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

func newBareRiver(b *testing.B, address string) *bareRiver {
	b.Helper()
	pool, err := pgxpool.New(b.Context(), address+"&pool_max_conns=16") // the best of 16, 32 and 64
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := migrator.Migrate(b.Context(), rivermigrate.DirectionUp, nil); err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(b.Context(), "CREATE TABLE quota (id bigserial PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return &bareRiver{pool, client}
}

func (r *bareRiver) accept(ctx context.Context, p *storagetest.Person) error {
	req, id := p.Request(), storagetest.NewID()
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO quota (account, amount, at) VALUES ($1, $2, $3)", string(p.Account), 8000, storagetest.Start); err != nil {
			return err
		}
		_, err := r.client.InsertTx(ctx, tx, job{id, req.Prompt}, nil)
		return err
	})
}

func benchStore(b *testing.B, server *pgtest.Server, everybody []*storagetest.Person) *postgres.Store {
	b.Helper()
	s, err := postgres.Open(b.Context(), server.Database(b), postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	storagetest.Join(b, s, everybody)
	return s
}

func updater(s *postgres.Store) storagetest.Updater {
	return func(fn func(core.Tx) error) error { return s.Update(context.Background(), fn) }
}

// Durable accepts by 64 callers at once, with everything that kiebot writes for
// a request, against a bare River program, with fsync.
func BenchmarkAccept64(b *testing.B) {
	server := pgtest.New(b, pgtest.Options{Durable: true})
	for b.Loop() {
		everybody := storagetest.Persons(64)
		bare := newBareRiver(b, server.Database(b))
		theirs := storagetest.Crowd(b, len(everybody), func(caller int) error { return bare.accept(b.Context(), everybody[caller]) })
		ours := storagetest.Accepts(b, everybody, updater(benchStore(b, server, everybody)))
		b.ReportMetric(ours.PerSecond(), "accepts/s")
		b.ReportMetric(theirs.PerSecond(), "river-accepts/s")
		b.ReportMetric(ours.PerSecond()/theirs.PerSecond(), "x-river")
		b.ReportMetric(ours.Percentile(0.5), "p50-ms")
		b.ReportMetric(ours.Percentile(0.99), "p99-ms")
	}
}

// replica opens one that the others hear, and that hears them, and gives what
// commits there with a note as core leaves one.
func replica(b *testing.B, address string) (*postgres.Store, storagetest.Updater) {
	b.Helper()
	s, err := postgres.Open(b.Context(), address, postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	lease, err := s.Renew(b.Context(), core.Lease{Owner: "replica"}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Follow(b.Context(), lease, func([]byte) {}, func() {}) }()
	note := []byte(`{"tasks":[{"Task":"000000000000000000","State":"running","Due":"2026-01-01T00:00:00.123456789Z","Account":"000000000000000000","KieAccount":"default"}]}`)
	return s, func(fn func(core.Tx) error) error {
		return s.Update(b.Context(), func(tx core.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return tx.Notify(func() ([]byte, error) { return note, nil })
		})
	}
}

// Whole lives of tasks, 64 in flight, by three replicas against one.
func BenchmarkLives(b *testing.B) {
	server := pgtest.New(b, pgtest.Options{Durable: true})
	for b.Loop() {
		everybody := storagetest.Persons(64)
		alone, update := replica(b, server.Database(b))
		storagetest.Join(b, alone, everybody)
		one := storagetest.Lives(b, everybody, len(everybody), update)
		alone.Close()
		address := server.Database(b)
		var updates []storagetest.Updater
		for range 3 {
			s, update := replica(b, address)
			defer s.Close()
			if updates = append(updates, update); len(updates) == 1 {
				storagetest.Join(b, s, everybody)
			}
		}
		three := storagetest.Crowd(b, len(everybody), func(caller int) error { return everybody[caller].Life(updates[caller%3]) })
		b.ReportMetric(three.PerSecond(), "lives/s")
		b.ReportMetric(one.PerSecond(), "one-replica-lives/s")
		b.ReportMetric(three.PerSecond()/one.PerSecond(), "x-one")
	}
}
