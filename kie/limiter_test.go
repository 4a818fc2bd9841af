package kie

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// TestCreationLimiterArrivals is the promise itself: through requests of any
// latency, on the way there and back, no window of ten seconds ever sees more
// than twenty arrive. A limiter that counts departures fails it.
func TestCreationLimiterArrivals(t *testing.T) {
	const n, per, total = 20, 10 * time.Second, 200
	for _, seed := range []uint64{1, 2, 3, 4, 5} {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, seed))
			latencies := make([][2]time.Duration, total)
			for i := range latencies {
				latencies[i] = [2]time.Duration{
					time.Duration(random.Int64N(int64(15 * time.Second))),
					time.Duration(random.Int64N(int64(5 * time.Second))),
				}
			}
			limiter := NewCreationLimiter(n, per)
			var (
				mu       sync.Mutex
				arrivals []time.Time
				group    sync.WaitGroup
			)
			for _, latency := range latencies {
				group.Go(func() {
					release, err := limiter.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					defer release()
					<-time.After(latency[0])
					mu.Lock()
					arrivals = append(arrivals, time.Now())
					mu.Unlock()
					<-time.After(latency[1])
				})
			}
			group.Wait()
			wantSpread(t, arrivals, n, per, total)
		})
	}
}

// wantSpread checks that any n+1 consecutive arrivals span at least per.
func wantSpread(t *testing.T, arrivals []time.Time, n int, per time.Duration, total int) {
	t.Helper()
	if len(arrivals) != total {
		t.Errorf("%d arrivals, want %d", len(arrivals), total)
	}
	slices.SortFunc(arrivals, time.Time.Compare)
	for i := n; i < len(arrivals); i++ {
		if span := arrivals[i].Sub(arrivals[i-n]); span < per {
			t.Errorf("%d requests arrived within %v", n+1, span)
		}
	}
}

// TestCreationLimiterWithCreate counts at a server instead.
func TestCreationLimiterWithCreate(t *testing.T) {
	const n, per, total = 20, 10 * time.Second, 70
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var arrivals []time.Time
		client := serveInMemory(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			arrivals = append(arrivals, time.Now())
			mu.Unlock()
			<-time.After(300 * time.Millisecond)
			_, _ = io.WriteString(w, `{"code":200,"data":{"taskId":"t1"}}`)
		})
		limiter := NewCreationLimiter(n, per)
		start := time.Now()
		var group sync.WaitGroup
		for range total {
			group.Go(func() {
				release, err := limiter.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				if _, err := client.Create(t.Context(), CreateRequest{Model: "m"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		wantSpread(t, arrivals, n, per, total)
		// Nor slower than promised: n per (per + latency).
		if took, want := time.Since(start), 3*(per+300*time.Millisecond)+300*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

// thousand is a Kie that counts what arrives while many tasks are created and
// followed to their end. Each takes half a minute; answers take 100 to 500 ms.
type thousand struct {
	mu       sync.Mutex
	random   *rand.Rand
	arrivals []time.Time // of creations
	polls    int
	made     map[string]time.Time
}

func (k *thousand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	reply := `{"code":200,"data":{"state":"generating"}}`
	if r.Method == http.MethodPost {
		id := strconv.Itoa(len(k.arrivals))
		k.arrivals = append(k.arrivals, time.Now())
		k.made[id] = time.Now()
		reply = `{"code":200,"data":{"taskId":"` + id + `"}}`
	} else {
		k.polls++
		if made, ok := k.made[r.URL.Query().Get("taskId")]; ok && time.Since(made) > 30*time.Second {
			reply = succeeded
		}
	}
	latency := 100*time.Millisecond + time.Duration(k.random.Int64N(int64(400*time.Millisecond)))
	k.mu.Unlock()
	<-time.After(latency)
	_, _ = io.WriteString(w, reply)
}

// TestThousandTasks creates a thousand tasks as fast as the client's limiters
// let it and follows them, counted at the server: never more than 20 creations
// in any 10 seconds, and at least 95 % of what Kie allows.
func TestThousandTasks(t *testing.T) {
	const n, per, total = 20, 10 * time.Second, 1000
	synctest.Test(t, func(t *testing.T) {
		server := &thousand{random: rand.New(rand.NewPCG(1, 2)), made: map[string]time.Time{}}
		client := serveInMemory(t, server.ServeHTTP)
		client.creations = NewCreationLimiter(n, per)
		client.queries = rate.NewLimiter(50, 50)
		var group sync.WaitGroup
		for range total {
			group.Go(func() {
				ref, err := client.Create(t.Context(), CreateRequest{Model: "m"})
				if err != nil {
					t.Error(err)
					return
				}
				if status, err := client.Wait(t.Context(), ref); err != nil || status.State != Success {
					t.Errorf("%v ends as %v, %v", ref, status.State, err)
				}
			})
		}
		group.Wait()
		wantSpread(t, server.arrivals, n, per, total)
		// The first n come at once; from then on n per window would be all that
		// Kie allows.
		span := server.arrivals[total-1].Sub(server.arrivals[0])
		used := float64(total-n) / (n * float64(span) / float64(per))
		t.Logf("%d creations in %v, %.1f %% of what is allowed; %d polls", total, span, 100*used, server.polls)
		if used < 0.95 {
			t.Errorf("only %.1f %% of the allowed rate was used", 100*used)
		}
	})
}

// TestClientLimiterHonoursTheContext: nobody waits for a slot in vain.
func TestClientLimiterHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := scripted(`{"code":200,"data":{"taskId":"t1"}}`)
		client := serveInMemory(t, server.ServeHTTP)
		client.creations = NewCreationLimiter(1, 10*time.Second)
		if _, err := client.Create(t.Context(), CreateRequest{Model: "m"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Create(ctx, CreateRequest{Model: "m"})
		wantError(t, err, ErrTemporary, "create task")
		if !errors.Is(err, context.DeadlineExceeded) || server.count.Load() != 1 {
			t.Errorf("%v after %d requests", err, server.count.Load())
		}
	})
}

func TestCreationLimiterSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := NewCreationLimiter(2, 10*time.Second)
		start := time.Now()
		first, err := limiter.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := limiter.Acquire(t.Context()); err != nil { // never released
			t.Fatal(err)
		}
		<-time.After(4 * time.Second)
		first()
		first() // does not free the other's slot
		third, err := limiter.Acquire(t.Context())
		if err != nil || time.Since(start) != 14*time.Second {
			t.Errorf("third slot: %v after %v", err, time.Since(start))
		}
		third()
		<-time.After(time.Hour)
		if _, err := limiter.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := limiter.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third slot out of two: %v", err)
		}
	})
}

// Without waiting: no slot is no slot, and the caller hears when one is free again.
func TestCreationLimiterTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := NewCreationLimiter(1, 10*time.Second)
		freed := make(chan time.Time, 1)
		began := time.Now()
		release, ok := limiter.TryAcquire(func() { freed <- time.Now() })
		if !ok {
			t.Fatal("the first slot was refused")
		}
		if _, ok := limiter.TryAcquire(nil); ok {
			t.Error("there was a second slot")
		}
		release()
		release()
		if waited := (<-freed).Sub(began); waited != 10*time.Second {
			t.Errorf("free after %v, want 10s", waited)
		}
		if _, ok := limiter.TryAcquire(nil); !ok {
			t.Error("the slot that became free was refused")
		}
	})
}

func TestCreationLimiterContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := NewCreationLimiter(1, 10*time.Second)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := limiter.Acquire(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context gets a slot: %v", err)
		}
		release, err := limiter.Acquire(t.Context())
		if err != nil {
			t.Fatalf("the ended context took the slot: %v", err)
		}
		waiting, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := limiter.Acquire(waiting); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire = %v", err)
		}
		release()
		if _, err := limiter.Acquire(t.Context()); err != nil {
			t.Errorf("the one who gave up took the slot: %v", err)
		}
	})
}

func TestNewCreationLimiterPanics(t *testing.T) {
	for _, test := range []struct {
		n   int
		per time.Duration
	}{{0, time.Second}, {-1, time.Second}, {1, 0}, {1, -time.Second}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("NewCreationLimiter(%d, %v) does not panic", test.n, test.per)
				}
			}()
			NewCreationLimiter(test.n, test.per)
		}()
	}
}
