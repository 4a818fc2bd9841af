package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/storage/bolt"
)

// counter is a receiver whose handling is noted and can be made slow.
type counter struct {
	*receiver
	t      *testing.T
	ctx    context.Context
	mu     sync.Mutex
	log    []string
	failed []string
	slow   func(u update)
}

// onlyOne is the engine of the one replica that there is, which has every duty.
type onlyOne struct{ core.Store }

func (onlyOne) MoveChat(context.Context, core.Lane, core.Lane) error { return nil }
func (onlyOne) Sharers() int                                         { return 1 }
func (onlyOne) OnSettings(string, func(string))                      {}
func (onlyOne) OnDuty(ctx context.Context, _ core.Duty, do func(context.Context) error) error {
	return do(ctx)
}

func (o onlyOne) PutSettings(ctx context.Context, values map[string][]byte) error {
	return o.Update(ctx, func(tx core.Tx) error {
		for name, value := range values {
			if value == nil {
				if err := tx.DeleteSetting(name); err != nil {
					return err
				}
				continue
			}
			if err := tx.PutSetting(name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func newCounter(t *testing.T, store *bolt.Store) *counter {
	c := &counter{t: t}
	var stop func()
	c.ctx, stop = context.WithCancel(t.Context())
	c.receiver = newReceiver(newInbox(store, onlyOne{store}), c.note, func(id int64, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		first, _, _ := strings.Cut(err.Error(), "\n")
		c.failed = append(c.failed, fmt.Sprint(id, " ", first))
	})
	t.Cleanup(func() { stop(); c.leave() })
	return c
}

func (c *counter) note(ctx context.Context, u update, album []*message) {
	if c.slow != nil {
		c.slow(u)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil {
		c.log = append(c.log, fmt.Sprintf("%d:%s:%d", u.chatID(), u.message().Text, len(album)))
	}
}

func (c *counter) handled() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// left is what the inbox would give the next process.
func (c *counter) left() int {
	c.t.Helper()
	return len(inStore(c.t, c.inbox.store))
}

// inStore is what the inbox has in the store.
func inStore(t *testing.T, store core.Store) (all []core.Setting) {
	t.Helper()
	err := store.View(t.Context(), func(tx core.Tx) (err error) {
		all, err = listed(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func says(t *testing.T, id, chat int64, text, album string) update {
	t.Helper()
	u, err := readUpdate(fmt.Appendf(nil, `{"update_id":%d,"message":{"message_id":%d,"chat":{"id":%d},"text":%q,"media_group_id":%q}}`, id, id, chat, text, album))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func newStore(t *testing.T) *bolt.Store {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "kiebot.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func receiving(t *testing.T, test func(t *testing.T, c *counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newCounter(t, newStore(t))) })
}

func (c *counter) takes(updates ...update) {
	c.t.Helper()
	if err := c.take(c.ctx, updates); err != nil {
		c.t.Error(err)
	}
}

func TestUpdatesOfOneChatKeepTheirOrder(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		c.slow = func(u update) {
			if u.message().Text == "slow" {
				<-time.After(300 * time.Millisecond)
			}
		}
		c.takes(says(t, 1, 7, "slow", ""), says(t, 2, 7, "after", ""), says(t, 3, 8, "other", ""))
		if got := c.handled(); !slices.Equal(got, []string{"8:other:0", "7:slow:0", "7:after:0"}) {
			t.Error(got)
		}
		if n := c.left(); n != 0 {
			t.Error(n)
		}
	})
}

// What takes longer than Telegram is made to wait is stored until it is done,
// and what stands behind it in its chat with it; a repetition starts nothing.
func TestSlowUpdatesAreStored(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		gate := make(chan struct{})
		c.slow = func(u update) {
			if u.message().Text == "slow" {
				<-gate
			}
		}
		began := time.Now()
		c.takes(says(t, 1, 7, "slow", ""), says(t, 2, 7, "after", ""), says(t, 3, 8, "other", ""))
		if took := time.Since(began); took != patience {
			t.Error(took)
		}
		if n := c.left(); n != 2 {
			t.Error(n)
		}
		c.takes(says(t, 1, 7, "slow", ""), says(t, 3, 8, "other", ""))
		close(gate)
		synctest.Wait()
		if got := c.handled(); !slices.Equal(got, []string{"8:other:0", "7:slow:0", "7:after:0"}) {
			t.Error(got)
		}
		if n := c.left(); n != 0 {
			t.Error(n)
		}
		c.takes(says(t, 2, 7, "after", ""))
		if got := c.handled(); len(got) != 3 {
			t.Error(got)
		}
	})
}

// A kill in the middle: the next process has what was stored.
func TestStoredUpdatesAreHandledByTheNextProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		first := newCounter(t, store)
		ctx, kill := context.WithCancel(t.Context())
		first.slow = func(update) { <-ctx.Done() }
		if err := first.take(ctx, []update{says(t, 1, 7, "one", ""), says(t, 2, 7, "two", "")}); err != nil {
			t.Fatal(err)
		}
		kill()
		first.leave()
		second := newCounter(t, store)
		if err := (&Telegram{receiver: second.receiver}).takeUp(second.ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := second.handled(); len(first.handled()) != 0 || !slices.Equal(got, []string{"7:one:0", "7:two:0"}) {
			t.Error(got)
		}
		if n := second.left(); n != 0 {
			t.Error(n)
		}
	})
}

// What an older version has left in one setting is handled, and is there no more.
func TestInboxOfAnOlderVersion(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		old := map[int64]json.RawMessage{}
		for _, u := range []update{says(t, 9, 7, "one", ""), says(t, 10, 7, "two", "")} {
			old[u.ID] = u.raw
		}
		data, err := json.Marshal(old)
		if err == nil {
			err = c.inbox.engine.PutSettings(t.Context(), map[string][]byte{inboxBefore: data})
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := (&Telegram{receiver: c.receiver}).takeUp(c.ctx); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := c.handled(); !slices.Equal(got, []string{"7:one:0", "7:two:0"}) || c.left() != 0 {
			t.Error(got, c.left())
		}
	})
}

// An update that comes twice while there is no room for it is handled once.
func TestRepeatedWhileThereIsNoRoom(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		gate := make(chan struct{})
		c.room = make(chan struct{}, 1)
		c.slow = func(u update) {
			if u.message().Text == "slow" {
				<-gate
			}
		}
		c.takes(says(t, 1, 7, "slow", ""))
		for _, u := range []update{says(t, 2, 8, "one", ""), says(t, 2, 8, "one", "")} {
			go c.takes(u)
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if got := c.handled(); !slices.Equal(got, []string{"7:slow:0", "8:one:0"}) {
			t.Error(got)
		}
	})
}

func TestAlbumsAreGathered(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		c.takes(says(t, 1, 7, "", "a"), says(t, 2, 7, "words", "a"))
		if n := c.left(); n != 2 {
			t.Error(n)
		}
		c.takes(says(t, 3, 7, "", "a"), says(t, 4, 7, "after", ""), says(t, 5, 8, "", "a"))
		<-time.After(3 * albumWait)
		got := c.handled()
		slices.Sort(got)
		if !slices.Equal(got, []string{"7::3", "7:after:0", "8::1"}) {
			t.Error(got)
		}
		if n := c.left(); n != 0 {
			t.Error(n)
		}
	})
}

func TestTrap4PanicsAreContained(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		c.slow = func(u update) {
			if u.message().Text == "bang" {
				panic("no such thing")
			}
		}
		c.takes(says(t, 1, 7, "bang", ""), says(t, 2, 7, "after", ""))
		if got := c.handled(); !slices.Equal(got, []string{"7:after:0"}) || !slices.Equal(c.failed, []string{"1 panic of a string"}) {
			t.Error(got, c.failed)
		}
	})
}

func TestTrap5GoroutinesAreBounded(t *testing.T) {
	receiving(t, func(t *testing.T, c *counter) {
		gate, most, now := make(chan struct{}), 0, 0
		c.slow = func(update) {
			c.working(c.ctx, func() {
				c.mu.Lock()
				now++
				most = max(most, now)
				c.mu.Unlock()
				<-gate
				c.mu.Lock()
				now--
				c.mu.Unlock()
			})
		}
		var all []update
		for i := range int64(500) {
			all = append(all, says(t, i+1, i, "x", ""))
		}
		c.takes(all...)
		close(gate)
		synctest.Wait()
		if len(c.handled()) != 500 || most != atOnce {
			t.Error(len(c.handled()), most)
		}
	})
}

func TestBrokenUpdates(t *testing.T) {
	var broken []string
	tel := &Telegram{talker: &talker{log: testLog(t)}}
	var raw []json.RawMessage
	for _, one := range []string{
		`{"update_id":4,"message":"a text where an object belongs"}`, `{"update_id":5,"something_new":{"x":1}}`, `7`, `{"update_id":"x"}`,
		`{"update_id":6,"message":{"message_id":1,"chat":{"id":7},"text":"hello"}}`,
	} {
		raw = append(raw, json.RawMessage(one))
	}
	all := tel.readAll(raw)
	for _, u := range all.updates {
		broken = append(broken, fmt.Sprint(u.ID, " ", u.chatID()))
	}
	if all.next != 7 || !slices.Equal(broken, []string{"5 0", "6 7"}) {
		t.Error(all.next, broken)
	}
}

func FuzzReadUpdate(f *testing.F) {
	f.Add([]byte(`{"update_id":6,"message":{"message_id":1,"chat":{"id":7},"text":"hello"}}`))
	f.Add([]byte(`{"update_id":6,"callback_query":{"id":"1","from":{"id":7},"data":"x"}}`))
	f.Add([]byte(`{"update_id":1e30}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := readUpdate(data)
		if err == nil && u.ID <= 0 {
			t.Error(u.ID)
		}
		_ = u.chatID()
		if m := u.message(); m != nil {
			m.file()
			originOf(m)
		}
	})
}

func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
