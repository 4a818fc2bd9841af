package bolt

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/storage/storagetest"
)

// BenchmarkExamineMillion walks a file with a million waiting tasks, as every
// start does. The goal is a second.
func BenchmarkExamineMillion(b *testing.B) {
	const tasks, atOnce = 1_000_000, 20_000
	path := filepath.Join(b.TempDir(), "kiebot.db")
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	everybody := storagetest.Persons(10_000)
	for first := 0; first < tasks; first += atOnce {
		err := s.Update(b.Context(), func(tx core.Tx) error {
			for n := first; n < first+atOnce; n++ {
				p := everybody[n%len(everybody)]
				id := core.TaskID(storagetest.NewID())
				task := core.Task{ID: id, Account: p.Account, Batch: []core.TaskID{id}, State: core.Queued, Request: p.Request(), Created: storagetest.Start, Due: storagetest.Start}
				if err := tx.PutTask(task); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	pageSize := s.db.Info().PageSize
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for b.Loop() {
		if err := examine(path, pageSize); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began).Seconds() / float64(b.N)
	b.ReportMetric(took, "s/start")
	b.ReportMetric(tasks/took, "tasks/s")
	b.ReportMetric(float64(info.Size())/(1<<20)/took, "MiB/s")
	b.ReportMetric(0, "ns/op")
}
