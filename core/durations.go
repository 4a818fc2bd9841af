package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"kiebot/kie/catalog"
)

// durations is what was learned about how long models take, from createTask
// to Kie's completion. Only successes are counted: a model that fails at once
// for a day would otherwise be known as a fast one. Models are numbered in
// order of appearance, since a number is all that a waiting task keeps.
type durations struct {
	mu      sync.RWMutex
	numbers map[string]modelNumber
	models  []*learned
	saved   time.Time // when encode was last asked for a change
	unsaved bool
}

// modelNumber stands for a model in memory; the zero value for an unknown one.
type modelNumber uint16

// learned is one model's durations.
type learned struct {
	name     string
	count    float64 // how much was seen, the old counting less
	seen     weights // sums to count
	forecast *forecast
}

const (
	durationsSetting = "durations"
	durationsVersion = 1
	priorCounts      = 4.0   // the prior weighs as much as so many observations
	memory           = 200.0 // observations; older ones fade away
	usualAfter       = 3     // observations before anybody is told what is usual
	saveEvery        = 10 * time.Second
)

func newDurations() *durations {
	return &durations{numbers: map[string]modelNumber{}, models: []*learned{{forecast: newForecast("", prior(""))}}}
}

// number interns the model. The kind chooses the prior of a model that is new.
func (d *durations) number(model string, kind catalog.Kind) modelNumber {
	d.mu.RLock()
	n, ok := d.numbers[model]
	ok = ok && d.models[n].forecast.kind == kind
	d.mu.RUnlock()
	if ok {
		return n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.intern(model, kind)
}

// intern is number for a caller who holds the lock.
func (d *durations) intern(model string, kind catalog.Kind) modelNumber {
	n, ok := d.numbers[model]
	if !ok && len(d.models) > math.MaxUint16 {
		return 0
	}
	if !ok {
		n = modelNumber(len(d.models))
		d.numbers[strings.Clone(model)] = n
		d.models = append(d.models, &learned{name: strings.Clone(model)})
	}
	if l := d.models[n]; l.forecast == nil || l.forecast.kind != kind {
		l.expect(kind)
	}
	return n
}

// forecast is what is expected of the model.
func (d *durations) forecast(n modelNumber) *forecast {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.models[n].forecast
}

// usual is the model's median duration; zero while too little is known.
func (d *durations) usual(model string) time.Duration {
	d.mu.RLock()
	defer d.mu.RUnlock()
	l := d.models[d.numbers[model]]
	if l.count < usualAfter-0.5 {
		return 0
	}
	return newForecast("", l.seen).quantile(0.5)
}

// learn counts one more duration of the model.
func (d *durations) learn(model string, kind catalog.Kind, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.intern(model, kind)
	if n == 0 {
		return
	}
	d.models[n].add(took.Seconds())
	d.models[n].expect(kind)
	d.unsaved = true
}

// add counts a duration, spread a little over the neighbouring buckets: the
// next one will be near it, not equal to it.
func (l *learned) add(took float64) {
	fade := 1 - 1/memory
	for i := range l.seen {
		l.seen[i] *= fade
	}
	l.count = l.count*fade + 1
	bucket, _ := bucketOf(took)
	for i, share := range [...]float64{0.25, 0.5, 0.25} {
		l.seen[min(max(bucket+i-1, 0), buckets-1)] += share
	}
}

// expect makes the forecast from what was seen and the prior of the kind.
func (l *learned) expect(kind catalog.Kind) {
	w := prior(kind)
	for i := range w {
		w[i] = w[i]*priorCounts + l.seen[i]
	}
	l.forecast = newForecast(kind, w)
}

// durationsRecord is durations as they are stored. Weights are in thousandths.
type durationsRecord struct {
	Version int                      `json:"version"`
	Models  map[string]learnedRecord `json:"models"`
}

type learnedRecord struct {
	Kind  catalog.Kind `json:"kind"`
	First int          `json:"first"` // bucket of the first of Seen
	Seen  []int        `json:"seen"`
}

// unstored reports whether something was learned that should be stored by now.
func (d *durations) unstored(now time.Time) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	passed := now.Sub(d.saved)
	return d.unsaved && (passed >= saveEvery || passed < 0)
}

// stored notes that everything was stored.
func (d *durations) stored(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saved, d.unsaved = now, false
}

func (d *durations) encode() ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	record := durationsRecord{Version: durationsVersion, Models: map[string]learnedRecord{}}
	for _, l := range d.models[1:] {
		if l.count > 0 {
			record.Models[l.name] = l.record()
		}
	}
	data, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encoding what was learned about durations: %w", err)
	}
	return data, nil
}

func (l *learned) record() learnedRecord {
	seen := make([]int, buckets)
	for i, w := range l.seen {
		seen[i] = int(math.Round(w * 1000))
	}
	some := func(n int) bool { return n > 0 }
	first := max(slices.IndexFunc(seen, some), 0)
	end := buckets
	for end > first && seen[end-1] == 0 {
		end--
	}
	return learnedRecord{Kind: l.forecast.kind, First: first, Seen: seen[first:end]}
}

var errDurations = errors.New("what is stored about durations makes no sense")

// decode takes over what encode wrote about models that nothing was learned of since.
func (d *durations) decode(data []byte) error {
	var record durationsRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return fmt.Errorf("reading what was learned about durations: %w", err)
	}
	if record.Version != durationsVersion || len(record.Models) > math.MaxUint16 {
		return fmt.Errorf("version %d, %d models: %w", record.Version, len(record.Models), errDurations)
	}
	for name, r := range record.Models {
		if r.First < 0 || len(r.Seen) > buckets-min(r.First, buckets) {
			return fmt.Errorf("model %q: %w", name, errDurations)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, r := range record.Models {
		if n := d.intern(name, r.Kind); n != 0 && d.models[n].count == 0 {
			d.models[n].take(r)
		}
	}
	return nil
}

// take fills in what was stored.
func (l *learned) take(r learnedRecord) {
	for i, w := range r.Seen {
		weight := float64(min(max(w, 0), 1000*memory)) / 1000
		l.seen[r.First+i] = weight
		l.count += weight
	}
	l.expect(r.Kind)
}
