package bots

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"kiebot/core"
)

const (
	answersAtOnce = 20               // answers to one person before they are asked to slow down
	answerEvery   = 3 * time.Second  // earns one more
	quietFor      = 30 * time.Second // how long a person who was asked hears nothing
	paceMax       = 10_000           // people remembered: some 5 MB
	repeatsKept   = 16               // updates of one person that are recognised when they come again
)

// verdict is what a person gets who asks for an answer.
type verdict uint8

const (
	answered verdict = iota
	slowed           // once: the sentence that asks to slow down
	ignored          // nothing, until the time that the sentence named
)

// pace bounds the answers to one person: a token bucket, then one sentence,
// then silence. It forgets whom it has not heard of for longest. Its methods
// may be called concurrently.
type pace struct {
	atOnce int // negative: no bound

	mu     sync.Mutex
	people map[core.Identity]*list.Element // of *talker
	recent list.List                       // latest first
}

// talker is one person.
type talker struct {
	who     core.Identity
	answers *rate.Limiter
	quiet   time.Time // nothing is answered before
	updates []asked   // latest last
}

// asked is what one update of a platform was answered with.
type asked struct {
	key     string
	verdict verdict
}

func newPace(atOnce int) *pace {
	if atOnce == 0 {
		atOnce = answersAtOnce
	}
	return &pace{atOnce: atOnce, people: map[core.Identity]*list.Element{}}
}

// ask says whether the update may be answered, and if not, from when on there
// are answers again. An update that comes again is not counted again.
func (p *pace) ask(who core.Identity, key string, now time.Time) (verdict, time.Time) {
	if p.atOnce < 0 {
		return answered, time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.talker(who)
	if i := slices.IndexFunc(t.updates, func(u asked) bool { return u.key == key }); i >= 0 {
		return t.updates[i].verdict, t.quiet
	}
	u := asked{key: key, verdict: t.judge(now)}
	if len(t.updates) == repeatsKept {
		t.updates = slices.Delete(t.updates, 0, 1)
	}
	t.updates = append(t.updates, u)
	return u.verdict, t.quiet
}

// talker finds the person, or makes room for one more. The caller holds the lock.
func (p *pace) talker(who core.Identity) *talker {
	if found := p.people[who]; found != nil {
		p.recent.MoveToFront(found)
		return found.Value.(*talker)
	}
	if p.recent.Len() >= paceMax {
		oldest := p.recent.Back()
		delete(p.people, p.recent.Remove(oldest).(*talker).who)
	}
	t := &talker{who: who, answers: rate.NewLimiter(rate.Every(answerEvery), p.atOnce)}
	p.people[who] = p.recent.PushFront(t)
	return t
}

func (t *talker) judge(now time.Time) verdict {
	switch {
	case now.Before(t.quiet):
		return ignored
	case t.answers.AllowN(now, 1):
		return answered
	}
	t.quiet = now.Add(quietFor)
	return slowed
}

// paced answers unless the person has had too many answers of late.
func (b *Bot) paced(v voice, in Incoming, answer func() Reply) Reply {
	switch verdict, until := b.pace.ask(in.Origin.Identity, in.Key, v.now); verdict {
	case slowed:
		return v.refuse([]string{v.say("slow_down", args{"In": v.ahead(until)})})
	case ignored:
		return Reply{Refused: true, Silent: true}
	}
	return answer()
}

// pacedUnless lets through what was accepted and bounds any other answer.
func (b *Bot) pacedUnless(v voice, in Incoming, reply Reply) Reply {
	if len(reply.Accepted) > 0 {
		return reply
	}
	return b.paced(v, in, func() Reply { return reply })
}
