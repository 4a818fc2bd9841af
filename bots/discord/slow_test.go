package discord

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// slowStore is a store whose transactions take longer while it is slow.
type slowStore struct {
	core.Store
	slow *atomic.Bool
}

const transactionFor = 2 * time.Second

func (s slowStore) wait() {
	if s.slow.Load() {
		<-time.After(transactionFor)
	}
}

// View implements core.Store.
func (s slowStore) View(ctx context.Context, fn func(core.Tx) error) error {
	s.wait()
	return s.Store.View(ctx, fn)
}

// Update implements core.Store.
func (s slowStore) Update(ctx context.Context, fn func(core.Tx) error) error {
	s.wait()
	return s.Store.Update(ctx, fn)
}

// The first answer leaves in time whatever the store and Kie do, and says that
// something is accepted only when that is stored. What a field is completed with
// needs neither.
func TestTheFirstAnswerWaitsForNothing(t *testing.T) {
	var slow atomic.Bool
	both(t, worldConfig{change: func(c *core.Config) { c.Store = slowStore{c.Store, &slow} }}, func(t *testing.T, w *world) {
		slow.Store(true)
		defer slow.Store(false)
		w.kie.Next(kietest.CallCreate, kietest.Slow(10*time.Second))
		at := w.channel.As(w.ada)
		typed := at.Completes("/imagine", "model", "imagen4")
		if typed.Choices(t); typed.Answer(t).After > 50*time.Millisecond {
			t.Errorf("a completion took %v", typed.Answer(t).After)
		}
		asked := at.Types("/imagine", set("prompt", "a cat"))
		if a := asked.Answer(t); !a.Deferred() || a.After > 300*time.Millisecond {
			t.Errorf("%+v", a)
		}
		<-time.After(time.Second)
		if m := asked.Original(t); !m.Loading() || m.Ephemeral() {
			t.Errorf("before it is stored everybody sees %s", m)
		}
		balance := at.Types("/balance")
		if a := balance.Answer(t); !a.Deferred() || a.After > 300*time.Millisecond {
			t.Errorf("%+v", a)
		}
		if m := balance.Becomes(t, says("credits")); m.For != w.ada.ID() {
			t.Errorf("%s", m)
		}
		asked.Becomes(t, made(1, "a cat"))
	})
}
