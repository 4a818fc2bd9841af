package core

import (
	"math"
	"sort"
	"time"

	"kiebot/kie/catalog"
)

// Durations are counted in buckets whose bounds grow by a tenth, from one
// second to over three hours; the first bucket begins at zero.
const (
	buckets    = 100
	bucketStep = 0.0953101798 // the logarithm of 1.1
)

// bound is the lower bound of a bucket in seconds, and the upper one of the bucket before.
func bound(bucket int) float64 {
	if bucket == 0 {
		return 0
	}
	return math.Exp(bucketStep * float64(bucket-1))
}

// bucketOf is the bucket of a duration and how far into the bucket it lies, from 0 to 1.
func bucketOf(seconds float64) (bucket int, into float64) {
	if seconds < 1 {
		return 0, max(seconds, 0)
	}
	exact := math.Log(seconds) / bucketStep
	bucket = min(int(exact)+1, buckets-1)
	low, high := bound(bucket), bound(bucket+1)
	return bucket, min(max((seconds-low)/(high-low), 0), 1)
}

// weights say how likely a duration is to fall into each bucket; they need not sum to one.
type weights [buckets]float64

// forecast is what is expected of how long a model takes. It never changes.
type forecast struct {
	kind catalog.Kind
	// open is the probability of being unfinished at the lower bound of each
	// bucket. later is its integral from there on, in seconds. Both are summed
	// from the end, so that they stay exact where they are small.
	open, later [buckets + 1]float64
}

func newForecast(kind catalog.Kind, w weights) *forecast {
	f := &forecast{kind: kind}
	for i := buckets - 1; i >= 0; i-- {
		f.open[i] = f.open[i+1] + w[i]
	}
	all := f.open[0]
	for i := buckets - 1; i >= 0; i-- {
		f.open[i] /= all
		f.later[i] = f.later[i+1] + (f.open[i]+f.open[i+1])/2*(bound(i+1)-bound(i))
	}
	return f
}

// at is the probability of being unfinished at the age, and its integral from there on.
func (f *forecast) at(age float64) (open, later float64) {
	i, into := bucketOf(age)
	open = f.open[i] + (f.open[i+1]-f.open[i])*into
	width := (bound(i+1) - bound(i)) * (1 - into)
	return open, f.later[i+1] + (open+f.open[i+1])/2*width
}

// staleness is for how many seconds, on average, a result has been waiting at
// the age now when a read at the age last found none: the integral from last
// to now of P(finished by s | unfinished at last) ds.
func (f *forecast) staleness(last, now float64) float64 {
	open, later := f.at(last)
	_, rest := f.at(now)
	if open <= 0 {
		return now - last // beyond all that is known
	}
	return max(now-last-(later-rest)/open, 0)
}

// ripe is the age at which the staleness reaches the wanted number of seconds.
func (f *forecast) ripe(last, wanted float64) float64 {
	first, _ := bucketOf(last)
	n := sort.Search(buckets-first, func(i int) bool { return f.staleness(last, bound(first+i+1)) >= wanted })
	low, high := max(bound(first+n), last), bound(first+n+1)
	if first+n >= buckets {
		return max(low, last+wanted)
	}
	for range 20 {
		middle := (low + high) / 2
		if f.staleness(last, middle) < wanted {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// quantile is the age by which that share is finished.
func (f *forecast) quantile(share float64) time.Duration {
	i := sort.Search(buckets, func(i int) bool { return 1-f.open[i+1] >= share })
	if i == buckets {
		return seconds(bound(buckets))
	}
	within := (f.open[i] - (1 - share)) / max(f.open[i]-f.open[i+1], math.SmallestNonzeroFloat64)
	return seconds(bound(i) + within*(bound(i+1)-bound(i)))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// prior is what is thought of a model that nothing is known about: a wide
// lognormal distribution around what its kind takes elsewhere.
func prior(kind catalog.Kind) weights {
	median, sigma := 180.0, 0.9
	switch kind {
	case catalog.Image:
		median, sigma = 25, 0.9
	case catalog.Speech:
		median, sigma = 12, 0.9
	case catalog.Music:
		median, sigma = 140, 0.7
	}
	below := func(age float64) float64 { return math.Erfc(-math.Log(age/median)/sigma/math.Sqrt2) / 2 }
	var w weights
	before := 0.0
	for i := range w {
		by := below(bound(i + 1))
		w[i] = by - before
		before = by
	}
	w[buckets-1] += 1 - before
	return w
}
