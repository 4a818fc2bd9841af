package postgres_test

import (
	"sync"
	"testing"

	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
	"kiebot/storage/storagetest"
)

func TestStore(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	var mu sync.Mutex
	databases := map[string]string{} // by the test's folder
	storagetest.Run(t, func(t *testing.T, dir string) storagetest.Store {
		mu.Lock()
		defer mu.Unlock()
		if databases[dir] == "" {
			databases[dir] = server.Database(t)
		}
		s, err := postgres.Open(t.Context(), databases[dir], postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
