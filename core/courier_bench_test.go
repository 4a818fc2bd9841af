package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/storage/bolt"
)

// mute is a Kie that never answers.
type mute struct{ core.Kie }

// Create implements core.Kie.
func (mute) Create(ctx context.Context, _ kie.CreateRequest) (kie.Ref, error) {
	<-ctx.Done()
	return kie.Ref{}, &kie.Error{Kind: kie.ErrTemporary, Err: ctx.Err()}
}

// Credits implements core.Kie.
func (mute) Credits(ctx context.Context) (kie.Credits, error) {
	<-ctx.Done()
	return 0, &kie.Error{Kind: kie.ErrTemporary, Err: ctx.Err()}
}

// adapterFunc is an Adapter.
type adapterFunc func(core.Parcel)

// Deliver implements core.Adapter.
func (f adapterFunc) Deliver(_ context.Context, p core.Parcel) (json.RawMessage, error) {
	f(p)
	return json.RawMessage("1"), nil
}

// timed is a store that notes when the last update was durable.
type timed struct {
	core.Store
	at atomic.Int64 // nanoseconds
}

// Update implements core.Store.
func (s *timed) Update(ctx context.Context, fn func(core.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	s.at.Store(time.Now().UnixNano())
	return err
}

// benchEngine is an engine on a real disk whose chat is the adapter.
func benchEngine(b *testing.B, adapter core.Adapter) (*core.Engine, *timed) {
	b.Helper()
	dir := b.TempDir()
	store, err := bolt.Open(filepath.Join(dir, "kiebot.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	s := &timed{Store: store}
	cfg := benchConfig(b, dir)
	cfg.Store, cfg.Kie, cfg.Adapters = s, []core.KieAccount{{Client: mute{}}}, map[string]core.Adapter{"chat": adapter}
	engine, err := core.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	return engine, s
}

// benchConfig is a configuration without store, Kie and adapters.
func benchConfig(b *testing.B, dir string) core.Config {
	b.Helper()
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	if err != nil {
		b.Fatal(err)
	}
	spool, err := media.OpenSpool(filepath.Join(dir, "media"), fetcher)
	if err != nil {
		b.Fatal(err)
	}
	models, err := catalog.Default()
	if err != nil {
		b.Fatal(err)
	}
	return core.Config{Catalog: models, Spool: spool, UserDaily: core.Unlimited}
}

// start runs the engine until the benchmark ends.
func start(b *testing.B, e *core.Engine) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

// How long after a commit the adapter is called, when nothing else goes on.
func BenchmarkHandOff(b *testing.B) {
	called := make(chan int64, 1)
	engine, store := benchEngine(b, adapterFunc(func(core.Parcel) { called <- time.Now().UnixNano() }))
	start(b, engine)
	var waits []time.Duration
	for b.Loop() {
		if _, err := engine.Submit(b.Context(), request("a cat")); err != nil {
			b.Fatal(err)
		}
		durable := store.at.Load()
		waits = append(waits, time.Duration(max(<-called-durable, 0)))
		nap(2 * time.Millisecond) // the courier's own commit
	}
	slices.Sort(waits)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1e3, "p99-ms")
}

// How many deliveries a second go out to a platform that takes them at once.
func BenchmarkDeliveries(b *testing.B) {
	for _, lanes := range []int{64, 10_000} {
		b.Run(fmt.Sprint(lanes, "-lanes"), func(b *testing.B) {
			var left atomic.Int64
			over := make(chan struct{})
			engine, _ := benchEngine(b, adapterFunc(func(core.Parcel) {
				if left.Add(-1) == 0 {
					close(over)
				}
			}))
			n := max(b.N, lanes)
			left.Store(int64(n))
			fillLanes(b, engine, n, lanes)
			b.ResetTimer()
			start(b, engine)
			<-over
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// fillLanes submits n requests to an engine that is not running yet.
func fillLanes(b *testing.B, e *core.Engine, n, lanes int) {
	b.Helper()
	var next atomic.Int64
	var people sync.WaitGroup
	for range 64 {
		people.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				req := request("a cat")
				req.Origin.Lane = core.NewLane("chat", fmt.Sprint(i%int64(lanes)))
				req.Origin.Identity.User = fmt.Sprint(i)
				if _, err := e.Submit(b.Context(), req); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	people.Wait()
}
