package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/storage"
	"kiebot/storage/bolt"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
	"kiebot/storage/storagetest"
)

func file(t *testing.T) storagetest.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "kiebot.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func database(t *testing.T, server *pgtest.Server) storagetest.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), server.Database(t), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func update(t *testing.T, s core.Store, fn func(core.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// fill stores some of everything, and of some kinds more than are copied at once.
func fill(t *testing.T, s core.Store) {
	t.Helper()
	at := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)
	update(t, s, func(tx core.Tx) error {
		var all error
		for n := range 2100 {
			who := core.AccountID(fmt.Sprintf("account-%03d", n%70))
			id := core.TaskID(fmt.Sprintf("%018d", n))
			state := []core.State{core.Queued, core.Running, core.Succeeded, core.Unresolved}[n%4]
			task := core.Task{ID: id, Account: who, State: state, Created: at, Batch: []core.TaskID{id}, Request: core.Request{Key: string(id), Prompt: "кот \x00 & <b> 猫", Input: map[string]any{"n": n}}}
			if state.Final() {
				task.Finished = at.Add(time.Duration(n))
			} else {
				task.Due = at.Add(time.Duration(n) * time.Millisecond)
			}
			window := core.WindowID(fmt.Sprintf("day/%s/%d", who, n))
			all = errors.Join(all,
				tx.PutAccount(core.Account{ID: who, Created: at, Identities: []core.Identity{{Platform: "web", User: string(who)}}}),
				tx.PutTask(task), tx.PutUsage(window, core.Usage{Held: core.Credits(n), Granted: 5}),
				tx.AddEntry(core.Entry{Account: who, Task: id, Kind: core.EntryHold, At: at, Postings: []core.Posting{{Window: window, Held: core.Credits(n)}}}),
				tx.PutSeen(core.Seen{Key: "k\x00" + string(id), Tasks: []core.TaskID{id}, Expires: at.Add(time.Hour)}, at),
				tx.AddAudit(core.Audit{At: at, By: "web:a", Action: "limit", Target: string(who)}))
		}
		first, err := tx.AddDelivery(core.Delivery{Lane: "web:c", Kind: core.DeliverNews, Text: "hello", Created: at})
		_, err2 := tx.AddDelivery(core.Delivery{Lane: "web:c", Kind: core.DeliverNews, Text: "hello again", Created: at, Due: at})
		return errors.Join(all, err, err2, tx.DeleteDelivery(first), tx.PutChat(core.Chat{Lane: "web:c"}), tx.PutSetting("secret", []byte{0, 1, 2}), tx.PutSetting("empty", nil))
	})
}

// What was in a file goes to PostgreSQL and back into a file without a change,
// and numbers go on where they stopped.
func TestCopy(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	one, two, three := file(t), database(t, server), file(t)
	fill(t, one)
	want, err := storage.Digest(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]core.Store{{one, two}, {two, three}} {
		got, err := storage.Copy(t.Context(), pair[0], pair[1])
		if err != nil || got.Digest != want.Digest || got.Records["tasks"] != 2100 || got.Records["deliveries"] != 1 {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	}
	for _, s := range []core.Store{two, three} {
		if err := storage.CheckWhole(t.Context(), s); err != nil {
			t.Error(err)
		}
		update(t, s, func(tx core.Tx) error {
			id, err := tx.AddDelivery(core.Delivery{Lane: "web:c"})
			if id != 3 {
				t.Errorf("the third delivery has number %d", id)
			}
			return err
		})
		if _, err := storage.Copy(t.Context(), one, s); !errors.Is(err, storage.ErrNotEmpty) {
			t.Errorf("copied over something: %v", err)
		}
	}
	if changed, err := storage.Digest(t.Context(), three); err != nil || changed.Digest == want.Digest {
		t.Errorf("a delivery more makes no difference: %v", err)
	}
}

// broken is a store whose updates fail after some.
type broken struct {
	core.Store
	left int
}

var errBroken = errors.New("broken off")

// Update implements core.Store.
func (b *broken) Update(ctx context.Context, fn func(core.Tx) error) error {
	if b.left--; b.left < 0 {
		return errBroken
	}
	return b.Store.Update(ctx, fn)
}

// A copy that is broken off is not taken for a whole one.
func TestACopyIsBrokenOff(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	full := file(t)
	fill(t, full)
	for name, to := range map[string]core.Store{"file": file(t), "database": database(t, server)} {
		if _, err := storage.Copy(t.Context(), full, &broken{to, 5}); !errors.Is(err, errBroken) {
			t.Fatalf("%s: %v", name, err)
		}
		if err := storage.CheckWhole(t.Context(), to); !errors.Is(err, storage.ErrHalf) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := storage.Copy(t.Context(), full, to); !errors.Is(err, storage.ErrNotEmpty) {
			t.Errorf("%s: copied over a half: %v", name, err)
		}
	}
}
