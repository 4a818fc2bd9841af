package core

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func anywhere(string) bool { return true }

// served is the order in which everything that is due is taken out.
func served(t *turns, can func(string) bool) string {
	var order []string
	for {
		w, _ := t.first(can)
		if w.id == "" {
			return strings.Join(order, " ")
		}
		order = append(order, string(w.id))
	}
}

func TestPeopleTakeTurns(t *testing.T) {
	q := newTurns(time.Now)
	now := time.Now()
	for n := range 5 {
		q.put(turn{id: TaskID(fmt.Sprint("a", n)), person: "ada"}, now)
	}
	q.put(turn{id: "b0", person: "bob"}, now)
	q.put(turn{id: "c0", person: "cyd", kie: "second"}, now)
	q.put(turn{id: "c1", person: "cyd", kie: "second"}, now)
	for id, want := range map[TaskID]int{"a0": 1, "b0": 2, "c0": 3, "a1": 4, "c1": 5, "a2": 6, "a4": 8, "nobody": 0} {
		if got := q.position(id); got != want {
			t.Errorf("%s has position %d, want %d", id, got, want)
		}
	}
	q.drop("a2")
	if got, want := served(q, anywhere), "a0 b0 c0 a1 c1 a3 a4"; got != want {
		t.Errorf("served %s, want %s", got, want)
	}
}

// A Kie account that is full holds back only what has to go there.
func TestAFullKieAccountHoldsNobodyElseBack(t *testing.T) {
	q := newTurns(time.Now)
	now := time.Now()
	q.put(turn{id: "a0", person: "ada", kie: "full"}, now)
	q.put(turn{id: "b0", person: "bob"}, now)
	q.put(turn{id: "a1", person: "ada"}, now)
	if got, want := served(q, func(kie string) bool { return kie != "full" }), "b0 a1"; got != want {
		t.Errorf("served %s, want %s", got, want)
	}
	if got := q.waiting("full"); got != 1 {
		t.Errorf("%d wait for the full account", got)
	}
	if got, want := served(q, anywhere), "a0"; got != want {
		t.Errorf("then served %s, want %s", got, want)
	}
}

func TestTurnsWaitUntilDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTurns(time.Now)
		began := time.Now()
		q.put(turn{id: "late", person: "ada"}, began.Add(3*time.Second))
		q.put(turn{id: "moved", person: "ada"}, began)
		q.put(turn{id: "moved", person: "ada"}, began.Add(time.Second))
		q.put(turn{id: "far", person: "ada"}, began.Add(10*time.Hour))
		q.put(turn{id: "gone", person: "ada"}, began.Add(time.Second))
		q.drop("gone")
		for i, want := range []TaskID{"moved", "late"} {
			w, ok := q.next(t.Context(), anywhere)
			if !ok || w.id != want || time.Since(began) != time.Duration(2*i+1)*time.Second {
				t.Errorf("number %d: %q after %v", i, w.id, time.Since(began))
			}
		}
		q.hurry()
		if w, ok := q.next(t.Context(), anywhere); !ok || w.id != "far" || time.Since(began) != 3*time.Second {
			t.Errorf("in a hurry: %q after %v", w.id, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if w, ok := q.next(ctx, anywhere); ok {
			t.Errorf("%q came out of nothing", w.id)
		}
	})
}

// What waited until then is served in the order of acceptance, whenever it was due.
func TestHurryKeepsTheOrderOfAcceptance(t *testing.T) {
	q := newTurns(time.Now)
	for n := range 100 {
		q.put(turn{id: taskNumber(n), person: "ada"}, time.Now().Add(time.Duration(100-n)*time.Hour))
	}
	q.put(turn{id: taskNumber(100), person: "ada"}, time.Now())
	for i, id := range q.ahead(50) {
		if id != taskNumber(100-i) || q.position(id) != i+1 {
			t.Errorf("number %d of those ahead is %s, with position %d", i+1, id, q.position(id))
		}
	}
	q.drop(taskNumber(100))
	q.hurry()
	for n := range 100 {
		if w, _ := q.first(anywhere); w.id != taskNumber(n) {
			t.Fatalf("number %d is %s", n, w.id)
		}
	}
}

// simpleTurns is what turns does, in the obvious way: for each line a place,
// renewed when it is served; the least place is next.
type simpleTurns struct {
	lines map[string][]TaskID // by person and Kie account
	place map[string]int
	last  int
}

func (s *simpleTurns) put(id TaskID, key string) {
	s.drop(id)
	s.lines[key] = append(s.lines[key], id)
	slices.Sort(s.lines[key])
	if s.place[key] == 0 {
		s.last++
		s.place[key] = s.last
	}
}

func (s *simpleTurns) drop(id TaskID) {
	for key, line := range s.lines {
		s.lines[key] = slices.DeleteFunc(line, func(other TaskID) bool { return other == id })
	}
}

func (s *simpleTurns) next() TaskID {
	key := ""
	for _, kie := range []string{"0", "1"} {
		if front := s.front(kie); front != "" && (key == "" || s.place[front] < s.place[key]) {
			key = front
		}
	}
	if key == "" {
		return ""
	}
	id := s.lines[key][0]
	s.lines[key] = s.lines[key][1:]
	s.place[key] = 0
	if len(s.lines[key]) > 0 {
		s.last++
		s.place[key] = s.last
	}
	return id
}

// front is the line to be served next of those that go to one Kie account.
// Lines before it, without tasks, have had their turn.
func (s *simpleTurns) front(kie string) string {
	var all []string
	for key := range s.place {
		if s.place[key] > 0 && strings.HasSuffix(key, kie) {
			all = append(all, key)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(s.place[a], s.place[b]) })
	for _, key := range all {
		if len(s.lines[key]) > 0 {
			return key
		}
		s.place[key] = 0
	}
	return ""
}

func TestTurnsAgainstTheObviousWay(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.Now()
	q := newTurns(func() time.Time { return now })
	s := &simpleTurns{lines: map[string][]TaskID{}, place: map[string]int{}}
	for range 20_000 {
		id := TaskID(fmt.Sprintf("%018d", r.IntN(60)))
		switch r.IntN(4) {
		case 0:
			q.drop(id)
			s.drop(id)
		case 1:
			w, _ := q.first(anywhere)
			if want := s.next(); w.id != want {
				t.Fatalf("served %q, want %q", w.id, want)
			}
		default:
			person, kie := fmt.Sprint(r.IntN(5)), fmt.Sprint(r.IntN(2))
			q.put(turn{id: id, person: AccountID(person), kie: kie}, now)
			s.put(id, person+kie)
		}
	}
	if len(q.due) == 0 {
		t.Fatal("nothing is left to compare")
	}
	places := map[int]TaskID{}
	for key := range q.due {
		places[q.position(key.id())] = key.id()
	}
	few, ahead := q.ahead(5), q.ahead(1000)
	if len(ahead) != len(q.due) || !slices.Equal(few, ahead[:5]) {
		t.Fatalf("%d of %d are ahead, the first five %v of %v", len(ahead), len(q.due), few, ahead)
	}
	for place := 1; len(q.due) > 0; place++ {
		if w, _ := q.first(anywhere); w.id != s.next() || w.id != places[place] || w.id != ahead[place-1] {
			t.Fatalf("place %d: served %q, %q had that position, and %q was there", place, w.id, places[place], ahead[place-1])
		}
	}
	if len(q.index)+q.later.len() > 0 && served(q, anywhere) != "" {
		t.Error("something is left")
	}
}

// What a queued task costs in memory, and what its turn costs, do not depend
// on how many wait.
func BenchmarkTurns(b *testing.B) {
	for _, size := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d_queued", size), func(b *testing.B) {
			now := time.Now()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			q := newTurns(func() time.Time { return now })
			for n := range size {
				q.put(turn{id: taskNumber(n), person: AccountID(fmt.Sprintf("%018d", n%(size/10)))}, now)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			n := size
			for b.Loop() {
				w, _ := q.first(anywhere)
				q.put(turn{id: taskNumber(n), person: w.person}, now)
				n++
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(size), "bytes/task")
		})
	}
}

func taskNumber(n int) TaskID { return TaskID(fmt.Sprintf("%018d", n)) }
