package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/storage/bolt"
)

// silent is a platform that shows nothing.
type silent struct{}

func (silent) Deliver(context.Context, core.Parcel) (json.RawMessage, error) { return nil, nil }

// nowhere is a Kie that is asked for nothing but its credits.
type nowhere struct{ mute }

// crowd is an engine on a store with very many waiting tasks.
type crowd struct {
	b      *testing.B
	file   string
	store  *bolt.Store
	engine *core.Engine
	cfg    core.Config
}

func newCrowd(b *testing.B, waiting int) *crowd {
	b.Helper()
	dir := b.TempDir()
	c := &crowd{b: b, file: filepath.Join(dir, "kiebot.db")}
	var err error
	if c.store, err = bolt.Open(c.file, bolt.Options{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.store.Close() })
	c.cfg = benchConfig(b, dir)
	c.cfg.Store, c.cfg.Kie, c.cfg.CallbackBase = c.store, []core.KieAccount{{Client: nowhere{}}}, "http://bot.test"
	c.cfg.Adapters = map[string]core.Adapter{"chat": silent{}}
	c.fill(waiting)
	c.open()
	return c
}

func (c *crowd) open() {
	var err error
	if c.engine, err = core.New(c.cfg); err != nil {
		c.b.Fatal(err)
	}
}

// fill stores tasks that wait, half of them for their creation and half at Kie.
func (c *crowd) fill(waiting int) {
	c.b.Helper()
	began := time.Now()
	r := rand.New(rand.NewPCG(1, 1))
	const atOnce = 20_000
	for first := 0; first < waiting; first += atOnce {
		err := c.store.Update(c.b.Context(), func(tx core.Tx) error {
			for n := first; n < min(first+atOnce, waiting); n++ {
				if err := tx.PutTask(crowdTask(n, began, r)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			c.b.Fatal(err)
		}
	}
}

func crowdTask(n int, now time.Time, r *rand.Rand) core.Task {
	id := core.TaskID(fmt.Sprintf("%010d%08d", n, r.IntN(100_000_000)))
	t := core.Task{
		ID: id, Account: core.AccountID(fmt.Sprintf("%018d", n%10_000)), Batch: []core.TaskID{id}, State: core.Queued,
		Created: now, Due: now.Add(time.Duration(r.IntN(3600)) * time.Second), Hold: core.Hold{Amount: imagePrice},
		Request: core.Request{Origin: core.Origin{Identity: ada, Lane: "chat:room"}, Prompt: "a cat", Model: imageModel},
	}
	if n%2 == 0 {
		t.State, t.Started = core.Running, now
		t.Kie = kie.Ref{Endpoint: kie.Jobs, TaskID: fmt.Sprintf("%032x", n)}
	}
	return t
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMillionWaiting starts on a file with a million waiting tasks. The
// goal is 300 MiB and three seconds.
func BenchmarkMillionWaiting(b *testing.B) {
	const waiting = 1_000_000
	c := newCrowd(b, waiting)
	var ready time.Duration
	var used uint64
	for b.Loop() {
		if err := c.store.Close(); err != nil {
			b.Fatal(err)
		}
		c.engine = nil
		before := heap()
		began := time.Now()
		store, err := bolt.Open(c.file, bolt.Options{})
		if err != nil {
			b.Fatal(err)
		}
		c.store, c.cfg.Store = store, store
		c.open()
		err = c.engine.Resume(b.Context(), func() {
			ready += time.Since(began)
			used = max(used, heap()-before)
			if n := c.engine.Waiting(); n != waiting {
				b.Errorf("%d tasks wait", n)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ready.Seconds()/float64(b.N), "s/restart")
	b.ReportMetric(float64(used)/(1<<20), "MiB")
	b.ReportMetric(float64(used)/waiting, "B/task")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCostPerTask accepts tasks and cancels them, two commits each, for
// 64 people at once while very many others wait.
func BenchmarkCostPerTask(b *testing.B) {
	var cost [2]float64
	for i, waiting := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			c := newCrowd(b, waiting)
			err := c.engine.Resume(b.Context(), func() {
				began := time.Now()
				c.accept(b)
				cost[i] = float64(time.Since(began).Nanoseconds()) / float64(b.N)
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(cost[i]/1000, "µs/task")
		})
	}
	if cost[0] > 0 && cost[1] > 0 {
		b.Run("ratio", func(b *testing.B) {
			for b.Loop() {
			}
			b.ReportMetric(cost[1]/cost[0], "times")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func (c *crowd) accept(b *testing.B) {
	var people sync.WaitGroup
	var taken atomic.Int64
	b.ResetTimer()
	for person := range 64 {
		people.Go(func() {
			who := core.Identity{Platform: "chat", User: fmt.Sprint(person)}
			for n := taken.Add(1); n <= int64(b.N); n = taken.Add(1) {
				req := request("a cat")
				req.Key, req.Origin.Identity = fmt.Sprint("crowd:", n), who
				receipt, err := c.engine.Submit(b.Context(), req)
				if err == nil {
					_, err = c.engine.Cancel(b.Context(), who, string(receipt.Tasks[0]))
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	people.Wait()
	b.StopTimer()
}
