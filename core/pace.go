package core

import (
	"slices"
	"time"
)

// Rate is at most so many calls in any stretch of time of that length.
type Rate struct {
	Calls int
	Per   time.Duration
}

// Pace is how often a platform wants to be called. The zero value is no limit.
type Pace struct {
	Rates []Rate // all of them hold; a delivery and an edit are one call each
	// Edits is the least time between two progress edits of one message; zero
	// means 3 s.
	Edits time.Duration
}

// Paced is what an Adapter also is when its platform limits how often it is
// called. A limit that the platform still finds exceeded comes back as
// DeliveryError.RetryAfter.
type Paced interface {
	// Pace answers for one lane, and for the platform as a whole when the
	// lane is empty: replicas share that in equal parts, and a lane is shown
	// by one of them. It must not block; the answer for a lane must not change
	// while kiebot runs.
	Pace(Lane) Pace
}

// meter counts calls against one rate. It goes by the monotonic clock, so that
// setting the wall clock changes nothing.
type meter struct {
	rate  Rate
	calls []time.Time // the newest rate.Calls, oldest first
}

// meters are all rates that hold for one lane or platform.
type meters []meter

func newMeters(rates []Rate) meters {
	var all meters
	for _, r := range rates {
		if r.Calls > 0 && r.Per > 0 {
			all = append(all, meter{rate: r})
		}
	}
	return all
}

// free is when the next call may be made by one of so many that share the rates
// in equal parts, of one call at least. Edits leave half of every part, and so
// room at any moment, to what people wait for.
func (all meters) free(edit bool, sharers int) (at time.Time) {
	for i := range all {
		m := &all[i]
		most := max(m.rate.Calls/sharers, 1)
		if edit {
			most = (most + 1) / 2
		}
		if len(m.calls) >= most {
			at = later(at, m.calls[len(m.calls)-most].Add(m.rate.Per))
		}
	}
	return at
}

// note counts a call.
func (all meters) note(now time.Time) {
	for i := range all {
		m := &all[i]
		if len(m.calls) == m.rate.Calls {
			m.calls = slices.Delete(m.calls, 0, 1)
		}
		m.calls = append(m.calls, now)
	}
}

// lapse is when the last call is forgotten.
func (all meters) lapse() (at time.Time) {
	for _, m := range all {
		if n := len(m.calls); n > 0 {
			at = later(at, m.calls[n-1].Add(m.rate.Per))
		}
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sooner is the earlier of two moments; zero stands for never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
