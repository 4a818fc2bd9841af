package core_test

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	modelTasks = flag.Int64("model.tasks", 1000, "random histories go on until so many tasks have lived")
	modelSeed  = flag.Uint64("model.seed", 0, "replay the one history with this seed; 0 means fresh ones")
	modelTries = flag.Int("model.shrink", 300, "how often at most a failing history is played again to make it shorter")
	modelKeep  = flag.String("model.keep", "", "of the history of -model.seed play only these steps, such as 3,17,20-25")
)

// Random histories: people submit, cancel and repeat updates, Kie and the
// platform misbehave in every way they know, the wall clock is set, the
// process stops and dies, time passes. Everything committed is held against
// the book, and the end against what Kie and the chat saw.
//
// A history is decided by its seed. What the seed does not decide is the order
// in which goroutines that are ready at the same moment run; a replay of a
// failure that hangs on that may need a few tries.
func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		replay(t, newPlan(*modelSeed).keep(t, *modelKeep))
		return
	}
	var lived atomic.Int64
	base := rand.Uint64()
	var next atomic.Uint64
	began := time.Now()
	t.Cleanup(func() {
		took := time.Since(began)
		t.Logf("%d tasks in %d histories, %.0f tasks/s", lived.Load(), next.Load(), float64(lived.Load())/took.Seconds())
	})
	for range runtime.GOMAXPROCS(0) {
		t.Run("histories", func(t *testing.T) {
			t.Parallel()
			for lived.Load() < *modelTasks && !t.Failed() {
				p := newPlan(base + next.Add(1))
				fmt.Println("model: a history with -model.seed", p.seed) // seen only after a failure, even a panic
				b := p.play(t, nil)
				lived.Add(int64(b.accepted()))
				if len(b.problems) > 0 {
					shrink(t, p, b)
				}
			}
		})
	}
}

// replay plays one history and shows the engine's log.
func replay(t *testing.T, p plan) {
	b := p.play(t, slog.New(slog.NewTextHandler(t.Output(), nil)))
	for _, problem := range b.problems {
		t.Error(problem)
	}
	t.Logf("%d steps, %d tasks", len(p.steps), b.accepted())
}

// play lets the plan happen in a bubble of its own, held against the book.
func (p plan) play(t *testing.T, log *slog.Logger) *book {
	b := newBook(p.policy)
	synctest.Test(t, func(t *testing.T) { newHistory(t, p, b, log).play() })
	return b
}

// shrink leaves out every step that the failure does not need, and reports it.
func shrink(t *testing.T, p plan, b *book) {
	t.Errorf("seed %d: %s", p.seed, strings.Join(b.problems, "\n"))
	if *modelTries == 0 {
		return
	}
	tries := 0
	for size := len(p.steps) / 2; size > 0; {
		shorter := false
		for at := 0; at < len(p.steps) && tries < *modelTries; {
			less := p
			less.steps = slices.Delete(slices.Clone(p.steps), at, min(at+size, len(p.steps)))
			tries++
			if fails := less.play(t, nil); len(fails.problems) > 0 {
				p, b, shorter = less, fails, true
				continue
			}
			at += size
		}
		if !shorter {
			size /= 2
		}
	}
	var lines, keep []string
	for _, s := range p.steps {
		lines, keep = append(lines, s.String()), append(keep, strconv.Itoa(s.n))
	}
	t.Errorf("after %d tries these %d steps still fail:\n%s\n%s\nreplay: go test ./core -run TestModel -v -model.seed %d -model.keep %s",
		tries, len(p.steps), strings.Join(lines, "\n"), strings.Join(b.problems, "\n"), p.seed, strings.Join(keep, ","))
}

// keep leaves only the steps with these numbers; all when it is empty.
func (p plan) keep(t *testing.T, numbers string) plan {
	t.Helper()
	if numbers == "" {
		return p
	}
	kept := map[int]bool{}
	for part := range strings.SplitSeq(numbers, ",") {
		from, to, ranged := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && ranged {
			last, err = strconv.Atoi(to)
		}
		if err != nil {
			t.Fatalf("-model.keep: %v", err)
		}
		for n := first; n <= last; n++ {
			kept[n] = true
		}
	}
	p.steps = slices.DeleteFunc(p.steps, func(s step) bool { return !kept[s.n] })
	return p
}
