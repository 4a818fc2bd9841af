package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kiebot/kie/catalog"
)

// The steps of one task in memory while others wait: due times spread over an
// hour, one task put and one taken.
func BenchmarkScheduleAmong(b *testing.B) {
	for _, waiting := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			now := time.Unix(1_800_000_000, 0)
			s := newSchedule(func() time.Time { return now })
			r := rand.New(rand.NewPCG(1, 1))
			put := func(n int) {
				s.put(TaskID(fmt.Sprintf("%018d", n)), now.Add(time.Duration(r.Int64N(int64(time.Hour)))))
			}
			for n := range waiting {
				put(n)
			}
			n := waiting
			for b.Loop() {
				put(n)
				n++
				now = s.queue.dueAt(s.queue.nodes[0].slot)
				if id, _ := s.take(); id == "" {
					b.Fatal("nothing is due")
				}
			}
		})
	}
}

// One read of a task among others at Kie: the heaviest taken, found unfinished
// and planned again, with a hundred of those that wait worth a look.
func BenchmarkTrackerAmong(b *testing.B) {
	for _, waiting := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			bench := newBench(false)
			r := rand.New(rand.NewPCG(1, 1))
			for n := range waiting {
				bench.start(bench.id(n), catalog.Video, time.Duration(r.Int64N(int64(100*time.Second))))
			}
			for b.Loop() {
				for len(bench.queue.nodes) > 100 && bench.queue.nodes[100].due > bench.at.UnixNano() {
					bench.at = bench.at.Add(10 * time.Millisecond)
				}
				l, wait := bench.take()
				if wait != 0 {
					bench.at = bench.at.Add(wait)
					continue
				}
				l.last = uint32(bench.at.Sub(l.began()).Milliseconds())
				bench.follow(l.id, l.watch)
			}
		})
	}
}
