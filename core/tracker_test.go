package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kiebot/kie/catalog"
)

// bench is a tracker whose clock the test turns.
type bench struct {
	*tracker
	at time.Time
}

func newBench(callbacks bool) *bench {
	b := &bench{at: time.Unix(1_800_000_000, 0)}
	b.tracker = newTracker(func() time.Time { return b.at }, newDurations(), nil, callbacks)
	return b
}

func (b *bench) start(id TaskID, kind catalog.Kind, ago time.Duration) {
	b.follow(id, watch{since: b.at.Add(-ago).UnixNano(), model: b.durations.number(string(kind), kind)})
}

func (b *bench) id(n int) TaskID { return TaskID(fmt.Sprintf("%018d", n)) }

func TestTrackerReadsTheHeaviestFirst(t *testing.T) {
	b := newBench(false)
	for range 50 {
		b.durations.learn(string(catalog.Image), catalog.Image, 20*time.Second)
		b.durations.learn(string(catalog.Video), catalog.Video, 5*time.Minute)
	}
	b.start(b.id(1), catalog.Video, 90*time.Second) // longest there, hardly finished
	b.start(b.id(2), catalog.Image, 40*time.Second) // surely finished for long
	b.start(b.id(3), catalog.Image, 24*time.Second) // just finished
	b.start(b.id(4), catalog.Image, 4*time.Second)  // surely not
	b.start(b.id(5), catalog.Video, 40*time.Minute) // over the soft deadline, never read
	b.at = b.at.Add(10 * time.Millisecond)
	for _, want := range []int{5, 2, 3} {
		if l, wait := b.take(); wait != 0 || l.id != b.id(want) {
			t.Fatalf("%q after %v, want %d", l.id, wait, want)
		}
	}
	b.drop(b.id(1))
	b.price = 1 // reads are scarce
	b.drop(b.id(4))
	b.start(b.id(4), catalog.Image, 4*time.Second)
	if l, wait := b.take(); wait == 0 {
		t.Errorf("%s is read although it cannot have finished", l.id)
	}
}

// With reads to spare the pace is the one that Kie advises, whatever is
// expected; with callbacks, or without reads to spare, it is the expectation.
func TestReadsToSpare(t *testing.T) {
	b := newBench(false)
	video := watch{since: b.at.UnixNano(), model: b.durations.number("v", catalog.Video)}
	for last, want := range map[time.Duration]time.Duration{
		0: readGap, 20 * time.Second: readGap, time.Minute: 7 * time.Second, 3 * time.Minute: 20 * time.Second,
		30 * time.Minute: slowGap,
	} {
		video.last = uint32(last.Milliseconds())
		if gap := b.plan(video).Sub(b.at) - last; gap > want || gap < readGap {
			t.Errorf("read at %v, then %v later, want %v", last, gap, want)
		}
	}
	video.last = 0
	spare := b.plan(video)
	b.price = 2
	if scarce := b.plan(video); !scarce.After(spare.Add(5 * time.Second)) {
		t.Errorf("a video is first read after %v though reads are scarce", scarce.Sub(b.at))
	}
	called := newBench(true)
	if rare := called.plan(watch{since: b.at.UnixNano(), model: called.durations.number("v", catalog.Video)}); !rare.After(spare.Add(20 * time.Second)) {
		t.Errorf("a video with a callback is first read after %v", rare.Sub(b.at))
	}
}

// However long the queue, what a callback was about is next; also when it
// comes while the task is being read.
func TestCallbackJumpsTheQueue(t *testing.T) {
	for _, callbacks := range []bool{false, true} {
		b := newBench(callbacks)
		for n := range 1000 {
			b.start(b.id(n), catalog.Image, time.Duration(300+n)*time.Second)
		}
		b.start(b.id(5000), catalog.Video, time.Second)
		b.put(b.id(5000), urgent())
		l, wait := b.take()
		if wait != 0 || l.id != b.id(5000) || !l.heard {
			t.Fatalf("%s after %v, heard %v", l.id, wait, l.heard)
		}
		b.put(l.id, urgent()) // another one, during the read
		l.last = 1000
		b.follow(l.id, l.watch) // the read found it unfinished
		if l, wait = b.take(); wait != 0 || l.id != b.id(5000) {
			t.Errorf("%s after %v, want what the second callback was about", l.id, wait)
		}
	}
}

// With all the reads one could want nothing is read faster than Kie's documented pace.
func TestPlentifulReadsKeepAPace(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, kind := range []catalog.Kind{catalog.Image, catalog.Video, catalog.Music, catalog.Speech} {
		b := newBench(false)
		for range r.IntN(100) {
			b.durations.learn(string(kind), kind, seconds(100*r.Float64()))
		}
		b.start(b.id(1), kind, 0)
		began, last, reads := b.at, b.at, 0
		for b.at.Sub(began) < deadlinesOf(kind).hard {
			l, wait := b.take()
			if wait != 0 {
				b.at = b.at.Add(wait)
				continue
			}
			reads++
			age, gap := b.at.Sub(began), b.at.Sub(last)
			if gap < readGap-time.Millisecond || gap > longestGap+time.Second {
				t.Errorf("%s: a read after %v at %v", kind, gap, age)
			}
			if age > deadlinesOf(kind).soft+slowGap && gap < slowGap-time.Millisecond {
				t.Errorf("%s: a read after %v at %v, past the soft deadline", kind, gap, age)
			}
			last = b.at
			l.last = uint32(age.Milliseconds())
			b.follow(l.id, l.watch)
		}
		if reads < 20 || reads > 400 {
			t.Errorf("%s: %d reads until the hard deadline", kind, reads)
		}
	}
}

// With callbacks reads are a safety net; after a callback they are not.
func TestCallbacksMakeReadsSparse(t *testing.T) {
	count := func(callbacks, heard bool) (reads int) {
		b := newBench(callbacks)
		b.follow(b.id(1), watch{since: b.at.UnixNano(), model: b.durations.number("m", catalog.Image), heard: heard})
		for end := b.at.Add(2 * time.Minute); b.at.Before(end); {
			l, wait := b.take()
			if wait != 0 {
				b.at = b.at.Add(wait)
				continue
			}
			reads++
			l.last = uint32(b.at.Sub(l.began()).Milliseconds())
			b.follow(l.id, l.watch)
		}
		return reads
	}
	polling, sparse, heard := count(false, false), count(true, false), count(true, true)
	if sparse*5 > polling || heard != polling {
		t.Errorf("%d reads in two minutes without callbacks, %d with them, %d after one", polling, sparse, heard)
	}
}

// A task of which only the record is known after a restart is read when it
// may have finished, not when it is too early for its model.
func TestWorthwhile(t *testing.T) {
	b := newBench(false)
	model := b.durations.number("m", catalog.Video)
	for age, want := range map[time.Duration]bool{3 * time.Second: false, 10 * time.Minute: true} {
		if got := b.worthwhile(watch{since: b.at.Add(-age).UnixNano(), model: model}, b.at); got != want {
			t.Errorf("at the age of %v: %v", age, got)
		}
	}
}
