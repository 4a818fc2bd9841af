package core

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"kiebot/kie/catalog"
)

// simulated is a model as Kie might run it: a mixture of lognormal durations,
// of which the scheduler knows nothing but the kind.
type simulated struct {
	name  string
	kind  catalog.Kind
	share float64 // of all requests
	parts []part
}

type part struct{ share, median, sigma float64 }

// simulatedModels are images of 10 to 60 seconds, videos of one to thirteen
// minutes, short and long ones from the same model, and music of two to three
// minutes. Of everything a few stragglers take three times as long.
func simulatedModels() []simulated {
	plain := func(name string, kind catalog.Kind, share, median, sigma float64) simulated {
		return simulated{name, kind, share, []part{{0.97, median, sigma}, {0.03, 3 * median, 0.4}}}
	}
	return []simulated{
		plain("image, quick", catalog.Image, 0.20, 14, 0.25),
		plain("image, middling", catalog.Image, 0.20, 25, 0.30),
		plain("image, slow", catalog.Image, 0.15, 45, 0.25),
		plain("video, quick", catalog.Video, 0.10, 80, 0.25),
		{"video, 5 or 10 s", catalog.Video, 0.10, []part{{0.67, 150, 0.2}, {0.30, 270, 0.2}, {0.03, 600, 0.3}}},
		plain("video, slow", catalog.Video, 0.05, 420, 0.30),
		plain("music", catalog.Music, 0.20, 145, 0.12),
	}
}

func (m simulated) draw(r *rand.Rand) float64 {
	x := r.Float64()
	for _, p := range m.parts {
		if x < p.share {
			return p.median * math.Exp(p.sigma*r.NormFloat64())
		}
		x -= p.share
	}
	return m.parts[0].median
}

// order is who decides what is read next.
type order interface {
	accepted(id TaskID, m simulated)
	take() (TaskID, time.Duration) // zero: read it now
	unfinished(id TaskID)
	finished(id TaskID, m simulated, took time.Duration)
}

// byStaleness is the real tracker.
type byStaleness struct {
	*tracker
	looks map[TaskID]look
}

func (o byStaleness) accepted(id TaskID, m simulated) {
	o.follow(id, watch{since: o.now().UnixNano(), model: o.durations.number(m.name, m.kind)})
}

func (o byStaleness) take() (TaskID, time.Duration) {
	l, wait := o.tracker.take()
	if wait == 0 {
		o.looks[l.id] = l
	}
	return l.id, wait
}

func (o byStaleness) unfinished(id TaskID) {
	l := o.looks[id]
	l.last = uint32(o.now().Sub(l.began()).Milliseconds())
	o.follow(id, l.watch)
}

func (o byStaleness) finished(id TaskID, m simulated, took time.Duration) {
	delete(o.looks, id)
	o.durations.learn(m.name, m.kind, took)
}

// inTurn reads every task every three seconds, or as soon after that as its turn comes.
type inTurn struct{ *schedule }

func (o inTurn) accepted(id TaskID, _ simulated)                  { o.put(id, o.now().Add(3*time.Second)) }
func (o inTurn) unfinished(id TaskID)                             { o.put(id, o.now().Add(3*time.Second)) }
func (o inTurn) finished(id TaskID, _ simulated, _ time.Duration) {}

// simulation lets people ask at random for so long and answers with the mean
// time that a result waited until a read found it.
type simulation struct {
	seed     uint64
	arrivals float64 // per second
	reads    float64 // per second, at most
	tasks    int
	now      time.Time
}

type simulatedTask struct {
	model      simulated
	born, done time.Time
}

type simulationResult struct {
	mean      time.Duration
	readsEach float64
	underWay  float64 // tasks at Kie, on average
	byModel   map[string]time.Duration
}

func (s *simulation) run(make func(now func() time.Time) order) simulationResult {
	r := rand.New(rand.NewPCG(s.seed, 7))
	s.now = time.Unix(1_800_000_000, 0)
	o, b := make(func() time.Time { return s.now }), newBudget(s.reads, 1)
	models, open := simulatedModels(), map[TaskID]simulatedTask{}
	arrival, began := s.now, s.now
	sums, counts := map[string]time.Duration{}, map[string]int{}
	made, ended, reads := 0, 0, 0
	var sum, present time.Duration
	arrive := func() {
		id := TaskID(fmt.Sprintf("%018d", made))
		m := pick(models, r)
		open[id] = simulatedTask{m, s.now, s.now.Add(seconds(m.draw(r)))}
		o.accepted(id, m)
		made++
		arrival = s.now.Add(seconds(r.ExpFloat64() / s.arrivals))
	}
	for ended < s.tasks {
		if !s.now.Before(arrival) {
			arrive()
			continue
		}
		wait := b.take(s.now)
		if wait == 0 {
			var id TaskID
			if id, wait = o.take(); wait == 0 {
				reads++
				if t := open[id]; s.now.Before(t.done) {
					o.unfinished(id)
				} else {
					stale := s.now.Sub(t.done)
					sum, sums[t.model.name] = sum+stale, sums[t.model.name]+stale
					counts[t.model.name]++
					ended++
					present += t.done.Sub(t.born)
					o.finished(id, t.model, t.done.Sub(t.born))
					delete(open, id)
				}
				continue
			}
			b.refund()
		}
		s.now = s.now.Add(min(wait, arrival.Sub(s.now)))
	}
	for name := range sums {
		sums[name] /= time.Duration(counts[name])
	}
	return simulationResult{sum / time.Duration(ended), float64(reads) / float64(ended), present.Seconds() / s.now.Sub(began).Seconds(), sums}
}

func pick(models []simulated, r *rand.Rand) simulated {
	x := r.Float64()
	for _, m := range models {
		if x < m.share {
			return m
		}
		x -= m.share
	}
	return models[0]
}

func newByStaleness(now func() time.Time) order {
	return byStaleness{newTracker(now, newDurations(), nil, false), map[TaskID]look{}}
}

func newInTurn(now func() time.Time) order { return inTurn{newSchedule(now)} }

// The order of reads against reading in turn, with the same people, the same
// Kie and the same budget, from a start that knows nothing of the models.
func TestStalenessAgainstReadingInTurn(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		s := simulation{seed: seed, arrivals: 0.8, reads: 2, tasks: 8000}
		ours, turn := s.run(newByStaleness), s.run(newInTurn)
		t.Logf("seed %d: %.1f s mean staleness, %.1f s in turn, %.2f times better; %.0f tasks at Kie, %.2f and %.2f reads each",
			seed, ours.mean.Seconds(), turn.mean.Seconds(), turn.mean.Seconds()/ours.mean.Seconds(), ours.underWay, ours.readsEach, turn.readsEach)
		for _, m := range simulatedModels() {
			t.Logf("  %-18s %5.1f s, %5.1f s in turn", m.name, ours.byModel[m.name].Seconds(), turn.byModel[m.name].Seconds())
		}
		if ratio := turn.mean.Seconds() / ours.mean.Seconds(); ratio < 2.5 {
			t.Errorf("seed %d: only %.2f times better than reading in turn", seed, ratio)
		}
	}
}

// How long results wait unseen, against reading every task every three seconds
// or as soon after that as its turn comes, with the same people and budget.
func BenchmarkStaleness(b *testing.B) {
	var ours, turn time.Duration
	for seed := uint64(1); b.Loop(); seed++ {
		s := simulation{seed: seed, arrivals: 0.8, reads: 2, tasks: 8000}
		ours += s.run(newByStaleness).mean
		turn += s.run(newInTurn).mean
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/result")
	b.ReportMetric(turn.Seconds()/ours.Seconds(), "times")
}
