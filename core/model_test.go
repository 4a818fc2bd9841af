package core_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
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
	modelBase  = flag.Uint64("model.base", 0, "the histories have the seeds after this one; 0 means fresh ones")
	modelSeed  = flag.Uint64("model.seed", 0, "replay the one history with this seed")
	modelTries = flag.Int("model.shrink", 300, "how often at most a failing history is played again to make it shorter")
	modelKeep  = flag.String("model.keep", "", "of the history of -model.seed play only these steps, such as 3,17,20-25")
)

// Random histories: people submit, cancel and repeat updates, Kie and the
// platform misbehave in every way they know, the wall clock is set, the
// process stops and dies, time passes, what is old is forgotten. Everything
// committed is held against the book, and the end against what Kie and the chat
// saw.
//
// A history is decided by its seed. What the seed does not decide is the order
// in which goroutines that are ready at the same moment run; a replay of a
// failure that hangs on that may need a few tries.
func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		replay(t, newPlan(*modelSeed).keep(t, *modelKeep))
		return
	}
	r := &run{base: cmp.Or(*modelBase, rand.Uint64()), began: time.Now()}
	t.Cleanup(func() { r.sum(t) })
	for range runtime.GOMAXPROCS(0) {
		t.Run("histories", func(t *testing.T) {
			t.Parallel()
			for r.lived.Load() < *modelTasks && r.failure.Load() == nil {
				r.history(t)
			}
		})
	}
}

// run is one history after the other, in several goroutines, until enough
// tasks have lived or one has failed.
type run struct {
	base    uint64
	began   time.Time
	next    atomic.Uint64
	lived   atomic.Int64
	gone    atomic.Int64           // tasks that were forgotten before the end of their history
	failure atomic.Pointer[string] // the first one, in a few lines
}

// history plays the next one. With GODEBUG=tracebacklabels=1 a panic shows the
// seed next to its goroutine.
func (r *run) history(t *testing.T) {
	p := newPlan(r.base + r.next.Add(1))
	labels := pprof.Labels("model.seed", strconv.FormatUint(p.seed, 10))
	pprof.Do(t.Context(), labels, func(context.Context) {
		b := p.play(t, nil)
		r.lived.Add(int64(b.accepted()))
		r.gone.Add(int64(b.early))
		if len(b.problems) == 0 {
			return
		}
		first := brief(p, b)
		r.failure.CompareAndSwap(nil, &first)
		p, b = shrink(t, p, b)
		shrunk := brief(p, b)
		r.failure.CompareAndSwap(&first, &shrunk)
	})
}

// sum ends the output with what matters: a log of which only the end is kept
// still says what went wrong and how to see it again.
func (r *run) sum(t *testing.T) {
	lived := r.lived.Load()
	t.Logf("%d tasks in %d histories after seed %d, %d of them forgotten on the way, %.0f tasks/s",
		lived, r.next.Load(), r.base, r.gone.Load(), float64(lived)/time.Since(r.began).Seconds())
	if failure := r.failure.Load(); failure != nil {
		t.Error(*failure)
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
	b := newBook(p)
	synctest.Test(t, func(t *testing.T) { newHistory(t, p, b, log).play() })
	return b
}

// shrink leaves out every step that the failure does not need.
func shrink(t *testing.T, p plan, b *book) (plan, *book) {
	t.Errorf("seed %d:\n%s", p.seed, strings.Join(b.problems, "\n"))
	tries := 0
	for size := len(p.steps) / 2; size > 0 && tries < *modelTries; {
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
	t.Logf("after %d tries these %d steps still fail:\n%s\n%s", tries, len(p.steps), lines(p.steps), strings.Join(b.problems, "\n"))
	return p, b
}

func lines(steps []step) string {
	var all []string
	for _, s := range steps {
		all = append(all, s.String())
	}
	return strings.Join(all, "\n")
}

// brief is a failure in at most a dozen lines.
func brief(p plan, b *book) string {
	const problems, steps, width = 3, 6, 400
	var keep []string
	for _, s := range p.steps {
		keep = append(keep, strconv.Itoa(s.n))
	}
	text := fmt.Sprintf("seed %d has %d problems, the first:", p.seed, len(b.problems))
	for _, problem := range b.problems[:min(problems, len(b.problems))] {
		text += fmt.Sprintf("\n%.*s", width, problem)
	}
	text += fmt.Sprintf("\nof %d steps these come last:\n%s\nreplay: go test ./core -run TestModel -v%s -model.seed %d",
		len(p.steps), lines(p.steps[max(len(p.steps)-steps, 0):]), where(), p.seed)
	if len(keep) <= width/4 {
		text += " -model.keep " + strings.Join(keep, ",")
	}
	return text
}

// where are the flags that say what the histories happened on.
func where() string {
	if !*onPostgres {
		return ""
	}
	return fmt.Sprintf(" -world.postgres -world.replicas %d", *replicas)
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
