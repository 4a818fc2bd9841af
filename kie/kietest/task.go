package kietest

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"kiebot/kie/catalog"
)

// States of a task, as recordInfo and callbacks spell them (docs.kie.ai "Get
// Task Details").
const (
	StateWaiting    = "waiting"
	StateQueuing    = "queuing"
	StateGenerating = "generating"
	StateSuccess    = "success"
	StateFail       = "fail"
)

// Durations is the mean time from creation to the final state, by what the
// model makes. Each task takes between three quarters and five quarters of
// it.
type Durations struct {
	Image, Video, Music, Speech time.Duration
}

func (d Durations) of(kind catalog.Kind) time.Duration {
	switch kind {
	case catalog.Video:
		return d.Video
	case catalog.Music:
		return d.Music
	case catalog.Speech:
		return d.Speech
	}
	return d.Image
}

// mean is how long tasks of a model take on average.
func (s *Server) mean(model catalog.Model) time.Duration {
	if d, ok := s.cfg.ModelDurations[model.ID]; ok {
		return d
	}
	return s.cfg.Durations.of(model.Kind)
}

// Realistic returns durations as people see them with the real service.
func Realistic() Durations {
	return Durations{
		Image: 25 * time.Second, Video: 150 * time.Second, Music: 120 * time.Second,
		Speech: 12 * time.Second,
	}
}

// Fast returns durations for a demonstration: long enough to see a task
// pass through its states, short enough not to bore.
func Fast() Durations {
	return Durations{
		Image: 3 * time.Second, Video: 6 * time.Second, Music: 5 * time.Second,
		Speech: 2 * time.Second,
	}
}

// account is one API key. The server's mutex guards it.
type account struct {
	key     string
	balance catalog.Credits
	number  int         // names its uploads
	limit   window      // createTask calls let through
	looks   window      // discovery calls let through
	creates []time.Time // every createTask call, also those over the limit
}

// timeline is when a task changes its state, in order.
type timeline struct {
	created, visible, queuing, generating, first, done time.Time
}

// task is one Kie task. The server's mutex guards it.
type task struct {
	id       string
	account  *account
	at       *endpoint
	parent   *task             // the one it goes on from, or nil
	claim    string            // what it does to its parent, when that can be done once
	claims   map[string]string // what was done to it, and the id of the task
	model    catalog.Model
	input    map[string]any
	param    string // the request as JSON text, the input in it as text again
	callback string
	base     string // start of its file links
	credits  catalog.Credits
	seed     uint64
	plan     timeline
	faults   taskFaults
	held     bool // generating without end
	stuck    bool // waiting without end
	stage    stage
	final    string
	ended    time.Time
	unheard  bool      // a callback could not be delivered
	upgraded time.Time // when its video is there in 1080p, zero if nobody wants it
	outputs  []output
	result   *result // set on success
	reads    window
	empty    int // reads that still show a success without a result
}

// state returns the state at now.
func (t *task) state(now time.Time) string {
	switch {
	case t.final != "":
		return t.final
	case t.stuck || now.Before(t.plan.queuing):
		return StateWaiting
	case now.Before(t.plan.generating):
		return StateQueuing
	}
	return StateGenerating
}

// lay makes the plan of a task that starts at from.
func (s *Server) lay(from time.Time, mean time.Duration, rng *rand.Rand) timeline {
	total := mean * 3 / 4
	if mean > 1 {
		total += time.Duration(rng.Int64N(int64(mean / 2)))
	}
	return timeline{
		created:    from,
		visible:    from.Add(s.cfg.RecordDelay),
		queuing:    from.Add(total / 4),
		generating: from.Add(total / 3),
		first:      from.Add(total * 3 / 4),
		done:       from.Add(total),
	}
}

// identity returns the id of the n-th task and the source of its chances.
func (s *Server) identity(n uint64) (string, *rand.Rand) {
	var text [16]byte
	binary.BigEndian.PutUint64(text[:8], s.cfg.Seed)
	binary.BigEndian.PutUint64(text[8:], n)
	sum := sha256.Sum256(text[:])
	return hex.EncodeToString(sum[:16]), rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[16:24]), binary.BigEndian.Uint64(sum[24:])))
}

// advance does all that is due at now. The mutex is held.
func (s *Server) advance(now time.Time) {
	for len(s.due) > 0 && !s.due[0].at.After(now) {
		e := heap.Pop(&s.due).(event)
		switch {
		case e.post != nil:
			s.post(e.post)
		case e.stage != stageNone:
			s.reach(e.task, e.stage, e.at)
		case e.task.final == "" && !e.task.held && !e.task.stuck && !e.at.Before(e.task.plan.done):
			s.finish(e.task, e.at)
		}
	}
}

// planEnd plans what will happen to a task. The mutex is held.
func (s *Server) planEnd(t *task) {
	if t.at.dialect.staged {
		s.plan(event{at: t.plan.generating, task: t, stage: stageText})
		s.plan(event{at: t.plan.first, task: t, stage: stageFirst})
	}
	s.plan(event{at: t.plan.done, task: t})
}

// reach gives a song a part of its result. A task that is going to fail has
// none. The mutex is held.
func (s *Server) reach(t *task, to stage, at time.Time) {
	planned := t.plan.generating
	if to == stageFirst {
		planned = t.plan.first
	}
	if t.final != "" || t.stuck || t.faults.failCode != "" || t.stage >= to || at.Before(planned) {
		return
	}
	if t.outputs == nil {
		t.outputs, t.result = produce(t, s.cfg.Shrink)
	}
	t.stage = to
	s.announce(t, at, to)
}

// finish gives a task its final state at the planned time. The mutex is held.
func (s *Server) finish(t *task, at time.Time) {
	t.ended = at
	if t.faults.failCode != "" {
		t.final = StateFail
		t.account.balance += t.credits
		t.credits = 0
		if t.claim != "" {
			delete(t.parent.claims, t.claim)
		}
	} else {
		t.final, t.stage = StateSuccess, stageComplete
		if c := t.faults.consume; c != nil {
			t.account.balance += t.credits - *c
			t.credits = *c
		}
		if t.outputs == nil {
			t.outputs, t.result = produce(t, s.cfg.Shrink)
		}
		t.empty = t.faults.emptyReads
	}
	s.announce(t, at, stageComplete)
}

// Release ends what Stick and HoldTask do to a task: it goes on at once. It
// reports whether the task existed and was kept back.
func (s *Server) Release(taskID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[taskID]
	if t == nil || !t.held && !t.stuck {
		return false
	}
	now := s.cfg.Now()
	if t.stuck {
		shift := now.Sub(t.plan.created)
		t.plan.queuing = t.plan.queuing.Add(shift)
		t.plan.generating = t.plan.generating.Add(shift)
		t.plan.first = t.plan.first.Add(shift)
		t.plan.done = t.plan.done.Add(shift)
	}
	if t.plan.done.Before(now) {
		t.plan.done = now
	}
	t.held, t.stuck = false, false
	s.planEnd(t)
	s.advance(now)
	return true
}

// event is something due: a stage or the end of a task, or a callback.
type event struct {
	at    time.Time
	seq   uint64 // keeps the order of events of the same time
	task  *task
	stage stage // the one that the task reaches, none for its end
	post  *post
}

// agenda is a heap of events, the next one first.
type agenda []event

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(event)) }

func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].seq < a[j].seq
	}
	return a[i].at.Before(a[j].at)
}

func (a *agenda) Pop() any {
	old := *a
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*a = old[:len(old)-1]
	return e
}

// plan adds an event and wakes the scheduler when it is the next one. The
// mutex is held.
func (s *Server) plan(e event) {
	s.events++
	e.seq = s.events
	heap.Push(&s.due, e)
	if s.due[0].seq == e.seq {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// schedule does what is due when it is due, until Close.
func (s *Server) schedule() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.life.done:
			return
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
		if wait, more := s.step(); more {
			timer.Reset(wait)
		}
	}
}

// step does what is due and returns how long the next event is away.
func (s *Server) step() (wait time.Duration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.advance(now)
	if len(s.due) == 0 {
		return 0, false
	}
	// A clock that does not move with the real one must not make this spin.
	return max(s.due[0].at.Sub(now), time.Millisecond), true
}

// window counts calls in a sliding window.
type window struct{ times []time.Time }

// allow reports whether fewer than n calls were let through in the time span
// that ends at now, and counts this one if so.
func (w *window) allow(now time.Time, n int, span time.Duration) bool {
	keep := 0
	for keep < len(w.times) && now.Sub(w.times[keep]) >= span {
		keep++
	}
	w.times = append(w.times[:0], w.times[keep:]...)
	if len(w.times) >= n {
		return false
	}
	w.times = append(w.times, now)
	return true
}
