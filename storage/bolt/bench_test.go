package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/storage/storagetest"
)

func grouped(s *Store) storagetest.Updater {
	return func(fn func(core.Tx) error) error { return s.Update(context.Background(), fn) }
}

// plain is bbolt's own Update or Batch, with nothing of ours but the records.
func plain(commit func(func(*bbolt.Tx) error) error) storagetest.Updater {
	return func(fn func(core.Tx) error) error {
		return commit(func(tx *bbolt.Tx) error { return fn(&transaction{tx: tx}) })
	}
}

func benchStore(b *testing.B, everybody []*storagetest.Person) *Store {
	b.Helper()
	s, err := Open(filepath.Join(b.TempDir(), "kiebot.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	storagetest.Join(b, s, everybody)
	return s
}

// Durable accepts by 64 callers at once, against bbolt's DB.Batch as it comes.
func BenchmarkAccept64(b *testing.B) {
	for b.Loop() {
		everybody := storagetest.Persons(64)
		theirs := storagetest.Accepts(b, everybody, plain(benchStore(b, everybody).db.Batch))
		own := benchStore(b, everybody)
		ours := storagetest.Accepts(b, everybody, grouped(own))
		b.ReportMetric(ours.PerSecond(), "accepts/s")
		b.ReportMetric(theirs.PerSecond(), "batch-accepts/s")
		b.ReportMetric(ours.PerSecond()/theirs.PerSecond(), "x-batch")
		b.ReportMetric(ours.Percentile(0.5), "p50-ms")
		b.ReportMetric(ours.Percentile(0.99), "p99-ms")
		stats := own.db.Stats().TxStats
		b.ReportMetric(float64(stats.GetWrite())/float64(ours.Done), "writes/accept")
		b.ReportMetric(float64(ours.Done)/float64(own.transactions(b)), "accepts/commit")
	}
}

// The same by one caller, against a bare bbolt Update. The two take turns, so
// that the machine's moods meet both.
func BenchmarkAccept1(b *testing.B) {
	for b.Loop() {
		everybody := storagetest.Persons(1)
		bare, own := benchStore(b, everybody), benchStore(b, everybody)
		sides := []storagetest.Updater{plain(bare.db.Update), grouped(own)}
		var latency [2][]time.Duration
		for began := time.Now(); time.Since(began) < 2*storagetest.BenchFor; {
			for side, update := range sides {
				at := time.Now()
				if r := storagetest.AcceptOne(everybody[0], update); r != nil {
					b.Fatal(r)
				}
				latency[side] = append(latency[side], time.Since(at))
			}
		}
		slices.Sort(latency[0])
		slices.Sort(latency[1])
		theirs, ours := storagetest.Result{Latency: latency[0]}, storagetest.Result{Latency: latency[1]}
		b.ReportMetric(ours.Percentile(0.5), "p50-ms")
		b.ReportMetric(theirs.Percentile(0.5), "bare-p50-ms")
		b.ReportMetric(ours.Percentile(0.5)/theirs.Percentile(0.5), "x-bare")
		stats := own.db.Stats().TxStats
		b.ReportMetric(float64(stats.GetWrite())/float64(len(latency[1])), "writes/accept")
	}
}

// Whole lives of tasks, with so many in flight, against one bbolt Update after the other.
func BenchmarkLives(b *testing.B) {
	for _, flying := range []int{64, 4000} {
		b.Run(fmt.Sprint(flying), func(b *testing.B) {
			for b.Loop() {
				everybody := storagetest.Persons(flying)
				theirs := storagetest.Lives(b, everybody, 1, plain(benchStore(b, everybody).db.Update))
				ours := storagetest.Lives(b, everybody, flying, grouped(benchStore(b, everybody)))
				b.ReportMetric(ours.PerSecond(), "lives/s")
				b.ReportMetric(theirs.PerSecond(), "serial-lives/s")
				b.ReportMetric(ours.PerSecond()/theirs.PerSecond(), "x-serial")
			}
		})
	}
}
