package discord

import (
	"context"
	"sync"
	"time"
)

// The types of first answers to an interaction (Discord docs, "Interaction
// Callback Type").
const (
	respondPong     = 1
	respondMessage  = 4
	respondThinking = 5 // a message comes
	respondNothing  = 6 // to a button: its message stays, or is edited later
	respondUpdate   = 7 // to a button: its message becomes this
	respondChoices  = 8
	respondForm     = 9
)

// response is the first answer to an interaction.
type response struct {
	Type int `json:"type"`
	Data any `json:"data,omitempty"`
}

// openingFor is how long the first answer can be the reply itself. Then it is
// that something comes; Discord gives up after three seconds.
const openingFor = 250 * time.Millisecond

// opening is the first answer to an interaction, which is given once. Its
// methods may be called concurrently.
type opening struct {
	in *interaction
	// send gives the answer.
	send func(ctx context.Context, r response) (message, error)
	// tells says that send knows which message came of the answer.
	tells bool
	// hold says what is answered when the time is up.
	hold response

	mu    sync.Mutex
	given int // the type of the answer, 0 before
	taken bool
	timer *time.Timer
}

// begin sees to it that something is answered in time.
func (o *opening) begin(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.timer = time.AfterFunc(openingFor, func() { _, _, _ = o.answer(ctx, o.hold) })
}

// answer gives the first answer; false when there is one already. Whoever comes
// while it is being given waits, so that nothing follows what is not there.
func (o *opening) answer(ctx context.Context, r response) (first bool, m message, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.given != 0 {
		return false, message{}, nil
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	m, err = o.send(ctx, r)
	o.given = r.Type
	return true, m, err
}

// take says that a delivery shows itself as the answer: nothing else may be put
// in its place.
func (o *opening) take() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken = true
}

// thinks says whether the answer is still to come.
func (o *opening) thinks() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.given == respondThinking && !o.taken
}

// openings are the interactions that are being answered, by their tokens: the
// delivery of an accepted request can be its first answer.
type openings struct {
	mu  sync.Mutex
	all map[string]*opening
}

// keepFor is how long one is remembered: longer than Discord waits.
const keepFor = 5 * time.Second

func (s *openings) add(o *opening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*opening{}
	}
	s.all[o.in.Token] = o
	time.AfterFunc(keepFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, o.in.Token)
	})
}

// of is the opening with the token; nil when it is long ago, or of a former process.
func (s *openings) of(token string) *opening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[token]
}
