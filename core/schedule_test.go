package core

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestScheduleGivesWhatIsDueInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(time.Now)
		start := time.Now()
		s.put("c", start.Add(3*time.Second))
		s.put("a", start.Add(time.Second))
		s.put("b", start.Add(10*time.Hour))
		s.put("b", start.Add(2*time.Second)) // moved
		s.put("gone", start)
		s.drop("gone")
		for i, want := range []TaskID{"a", "b", "c"} {
			id, ok := s.next(t.Context())
			if !ok || id != want || time.Since(start) != time.Duration(i+1)*time.Second {
				t.Errorf("number %d: %q after %v", i, id, time.Since(start))
			}
		}
	})
}

func TestScheduleWakesForAnEarlierTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(time.Now)
		s.put("late", time.Now().Add(time.Hour))
		got := make(chan TaskID)
		go func() {
			id, _ := s.next(t.Context())
			got <- id
		}()
		synctest.Wait()
		s.put("now", time.Now())
		if id := <-got; id != "now" {
			t.Errorf("got %q", id)
		}
	})
}

// A wall clock that is set forward makes what is due then due, within a minute.
func TestScheduleNoticesAClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jump atomic.Int64
		s := newSchedule(func() time.Time { return time.Now().Add(time.Duration(jump.Load())) })
		s.put("a", time.Now().Add(24*time.Hour))
		began := time.Now()
		time.AfterFunc(time.Second, func() { jump.Store(int64(48 * time.Hour)) })
		if id, ok := s.next(t.Context()); !ok || id != "a" || time.Since(began) > 61*time.Second {
			t.Errorf("%q after %v", id, time.Since(began))
		}
	})
}

func TestIDsSortAndAreRefusedWhenWrong(t *testing.T) {
	g := &ids{rand: rand.NewChaCha8([32]byte{1})}
	now := time.UnixMilli(1_800_000_000_000)
	var made []string
	for n := range 200 {
		at := now
		if n > 100 {
			at = now.Add(-time.Hour) // the clock jumped back
		}
		id, err := g.next(at)
		if err != nil {
			t.Fatal(err)
		}
		if parsed, err := ParseTaskID(id); err != nil || parsed.Short() != id[10:] {
			t.Errorf("%s: %v", id, err)
		}
		made = append(made, id)
	}
	if !sort.StringsAreSorted(made) || len(slices.Compact(slices.Clone(made))) != len(made) {
		t.Error("ids do not ascend")
	}
	for _, bad := range []string{"", "short", strings.Repeat("u", 18), strings.Repeat("0", 19), made[0][:17] + "/"} {
		if _, err := ParseTaskID(bad); err == nil {
			t.Errorf("%q was accepted as a task id", bad)
		}
	}
	empty := &ids{rand: bytes.NewReader(nil)}
	if _, err := empty.next(now); err == nil {
		t.Error("an id without randomness")
	}
}

func TestBackoff(t *testing.T) {
	for attempts, want := range map[int]time.Duration{0: 1, 1: 1, 2: 2, 3: 4, 6: 32, 7: 60, 50: 60, 1 << 30: 60} {
		if got := backoff(attempts, time.Second, time.Minute); got != want*time.Second {
			t.Errorf("attempt %d: %v, want %ds", attempts, got, want)
		}
	}
}
