package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// piecemeal is a platform where an end takes two calls, of which the second fails at first.
type piecemeal struct {
	*chat
	mu       sync.Mutex
	failures int
	parts    []string // Delivery.Part of each attempt at an end
}

func (p *piecemeal) attempts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.parts)
}

func (p *piecemeal) Deliver(ctx context.Context, parcel core.Parcel) (json.RawMessage, error) {
	if parcel.Delivery.Kind != core.DeliverFinal {
		return p.chat.Deliver(ctx, parcel)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = append(p.parts, string(parcel.Delivery.Part))
	if p.failures--; p.failures >= 0 {
		return json.RawMessage(`"album"`), errors.New("the buttons were not taken")
	}
	return p.chat.Deliver(ctx, parcel)
}

// What was shown of a delivery before a call failed comes back with the next
// attempt, after a restart too.
func TestPartOfADeliveryIsRemembered(t *testing.T) {
	two := &piecemeal{failures: 2}
	change := func(cfg *core.Config) {
		two.chat = cfg.Adapters["chat"].(*chat)
		cfg.Adapters["chat"] = two
	}
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		id := w.submit(request("a cat"))
		w.until("the first attempt failed", func() bool { return len(two.attempts()) == 1 })
		w.reopen(nil)
		w.run()
		w.untilShown(id)
		if parts := two.attempts(); !slices.Equal(parts, []string{"", `"album"`, `"album"`}) {
			t.Errorf("the attempts had %q", parts)
		}
	})
}
