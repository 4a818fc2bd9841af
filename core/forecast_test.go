package core

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"kiebot/kie/catalog"
)

// spread is a forecast with a few humps, made at random.
func spread(r *rand.Rand) *forecast {
	var w weights
	for range 1 + r.IntN(4) {
		at, wide := r.IntN(buckets-10), 1+r.IntN(10)
		for i := at; i < at+wide; i++ {
			w[i] += r.Float64()
		}
	}
	for i, p := range prior(catalog.Video) {
		w[i] += p / 10
	}
	return newForecast(catalog.Video, w)
}

// The staleness is the integral it says it is, summed here in small steps.
func TestStalenessIsTheIntegral(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		f := spread(r)
		last := math.Exp(r.Float64() * math.Log(1000))
		now := last + r.Float64()*last
		open, _ := f.at(last)
		const steps = 20_000
		sum, step := 0.0, (now-last)/steps
		for i := range steps {
			still, _ := f.at(last + (float64(i)+0.5)*step)
			sum += (1 - still/open) * step
		}
		if got := f.staleness(last, now); math.Abs(got-sum) > 1e-3*(1+sum) {
			t.Fatalf("from %.1f to %.1f: %.5f s, by steps %.5f s", last, now, got, sum)
		}
	}
}

func TestRipeIsWhereTheStalenessReachesTheWanted(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		f := spread(r)
		last, wanted := 5000*r.Float64(), 60*r.Float64()
		ripe := f.ripe(last, wanted)
		if got := f.staleness(last, ripe); ripe < last || ripe < bound(buckets) && math.Abs(got-wanted) > 0.02 {
			t.Fatalf("ripe at %.2f after %.2f, where the staleness is %.3f s, want %.3f", ripe, last, got, wanted)
		}
	}
}

func TestStalenessBeyondEverythingKnown(t *testing.T) {
	f := newForecast(catalog.Image, weights{10: 1})
	if got := f.staleness(1e6, 1e6+30); got != 30 {
		t.Errorf("%v s, want 30: it must have finished", got)
	}
	if got := f.ripe(1e6, 7); got != 1e6+7 {
		t.Errorf("ripe at %v", got)
	}
}

func TestForecastAddsUp(t *testing.T) {
	for _, kind := range []catalog.Kind{catalog.Image, catalog.Video, catalog.Music, catalog.Speech, ""} {
		f := newForecast(kind, prior(kind))
		if open, _ := f.at(0); open != 1 {
			t.Errorf("%q: unfinished at the start: %v", kind, open)
		}
		if open, later := f.at(bound(buckets)); open > 1e-9 || later > 1e-9 {
			t.Errorf("%q: at the end %v are open", kind, open)
		}
		for i := range buckets {
			if f.open[i] < f.open[i+1] {
				t.Fatalf("%q: more are open at %v than at %v", kind, bound(i+1), bound(i))
			}
		}
	}
	if median := newForecast(catalog.Image, prior(catalog.Image)).quantile(0.5); median < 24*time.Second || median > 26*time.Second {
		t.Errorf("an unknown image takes %v, want 25 s", median)
	}
}

func TestBucketsAreWhatTheySay(t *testing.T) {
	for _, s := range []float64{0, 0.3, 1, 1.05, 2, 59.9, 60, 7200, 13_000, 1e9} {
		i, into := bucketOf(s)
		if back := bound(i) + into*(bound(i+1)-bound(i)); s < bound(buckets) && math.Abs(back-s) > 1e-6*(1+s) {
			t.Errorf("%v s is %v into bucket %d, which is %v s", s, into, i, back)
		}
	}
}
