package core_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// plan is a history before it happens: everything that is left to chance is
// decided here, from the seed alone.
type plan struct {
	seed    uint64
	policy  core.Policy
	polling bool // no callbacks
	signed  bool // callbacks carry a signature
	// retention is of finished tasks; zero means that nothing is forgotten.
	retention time.Duration
	keys      []string // of the Kie accounts; empty for the one
	steps     []step

	fates  []fate
	shows  []showing
	models []asked
	files  []fileFate
}

// verb is what a step does.
type verb string

const (
	doSubmit  verb = "submit"
	doBurst   verb = "burst"   // several people press at the same moment
	doAnswer  verb = "answer"  // somebody agrees to a price that they were told, or does not
	doRepeat  verb = "repeat"  // the platform sends an update again
	doLink    verb = "link"    // one person becomes the same account as another
	doPay     verb = "pay"     // somebody buys credits, or gets the money back
	doAdmin   verb = "admin"   // an admin grants, limits, blocks, refunds …
	doCancel  verb = "cancel"  // somebody presses cancel
	doRestart verb = "restart" // the process is stopped and started
	doStop    verb = "stop"    // the engine is stopped, and run again in the same process
	doDie     verb = "die"     // the process dies at one of its next commits
	doNap     verb = "nap"     // time passes
	doJump    verb = "jump"    // the wall clock is set
	doRelease verb = "release" // Kie goes on with what it kept back
	doSilence verb = "silence" // the platform shows nothing in one chat for a while
	doOutage  verb = "outage"  // Kie answers no read, or no upload, for a while
	doPark    verb = "park"    // a Kie account is out of credits, or its key is refused, for a while
)

// step is one thing that happens. Steps do not depend on one another: any of
// them may be left out.
type step struct {
	n      int // its number in the plan; a submit's number names its order
	do     verb
	order  int // whose update or task
	who    int
	room   int
	count  int
	model  asked
	fates  []fate   // of each task
	show   showing  // of the end
	file   fileFate // of the file that the model takes
	agreed bool     // to the price
	act    int      // of acts
	after  bool
	span   time.Duration
}

// String is for people who read a failing history.
func (s step) String() string {
	head := fmt.Sprintf("%4d %-8s", s.n, s.do)
	switch s.do {
	case doSubmit, doBurst:
		var names []string
		for _, f := range s.fates {
			names = append(names, f.name)
		}
		return fmt.Sprintf("%s person %d in room %d: %d of %s (%s); shown: %s; a file: %s",
			head, s.who, s.room, s.count, s.model.id, strings.Join(names, ", "), s.show.name, s.file.name)
	case doOutage:
		return fmt.Sprintf("%s %v, of uploads: %v", head, s.span, s.after)
	case doLink:
		return fmt.Sprintf("%s person %d with person %d", head, s.who, s.count)
	case doAdmin:
		return fmt.Sprintf("%s does %q to person %d, room %d, order %d: %d", head, acts()[s.act].name, s.who, s.room, s.order, s.count)
	case doPay:
		return fmt.Sprintf("%s person %d makes payment %d, then: %s", head, s.who, s.count, payments()[s.act].name)
	case doAnswer:
		return fmt.Sprintf("%s to the price of order %d, %d times, with no: %v", head, s.order, s.count, s.after)
	case doRepeat:
		return fmt.Sprintf("%s order %d", head, s.order)
	case doCancel:
		return fmt.Sprintf("%s order %d, task %d, by a stranger: %v", head, s.order, s.count, s.after)
	case doDie:
		return fmt.Sprintf("%s at commit %d, after it: %v, down for %v", head, s.count, s.after, s.span)
	case doSilence:
		return fmt.Sprintf("%s room %d for %v", head, s.room, s.span)
	case doPark:
		return fmt.Sprintf("%s Kie account %d for %v, its key refused: %v", head, s.count, s.span, s.after)
	}
	return fmt.Sprintf("%s %v", head, s.span)
}

// The world of a history.
const (
	people    = 4
	rooms     = 3
	orders    = 320 // submits in one history
	burstSize = 6
)

type asked struct {
	id    string
	price core.Credits
	file  bool // it takes one
}

// modelsAsked are the models that people ask for.
func modelsAsked() []asked {
	return []asked{
		{imageModel, imagePrice, false}, {"google/imagen4-fast", 4000, false}, {"google/imagen4-ultra", 12_000, false},
		{editModel, 4000, true},
	}
}

// fileFate is what goes wrong with a file the first, second … time that its
// platform is asked for it. The zero value is for requests without one.
type fileFate struct {
	name   string
	weight int
	errs   []error // errBreaksOff: in the middle
	gone   bool    // for good
}

var errBreaksOff = errors.New("the platform broke off")

// fileFates is everything that a platform does when it is asked for a file.
func fileFates() []fileFate {
	away := errors.New("the platform is away")
	return []fileFate{
		{"all goes well", 12, nil, false},
		{"away at first", 2, []error{away, away}, false},
		{"breaks off", 2, []error{errBreaksOff}, false},
		{"breaks off, then is away", 1, []error{errBreaksOff, away, away, away}, false},
		{"gone", 1, nil, true},
		{"away, then gone", 1, []error{away}, true},
	}
}

// fate is what happens to one task at Kie: what goes wrong with its first,
// second … creation, and then nothing any more.
type fate struct {
	name   string
	weight int
	again  int // so many of the first creations Kie surely does not take: they may be sent again
	faults [][]kietest.Fault
	slow   bool // to say no
}

func once(f ...kietest.Fault) [][]kietest.Fault { return [][]kietest.Fault{f} }

// fates is everything that Kie does to a task.
func fates() []fate {
	answer, after, drop := kietest.Answer, kietest.After, kietest.Drop
	return []fate{
		{"all goes well", 200, 0, nil, false},
		{"429, then well", 3, 1, once(answer(429, "slow")), false},
		{"429 twice, then fails", 2, 2, [][]kietest.Fault{{answer(429, "slow")}, {answer(430, "slow")}, {kietest.Fail("500", "no luck")}}, false},
		{"429 after 20 s, then well", 6, 1, once(answer(429, "slow")), true},
		{"455, then well", 2, 1, once(answer(455, "maintenance")), false},
		{"402, then well", 1, 1, once(answer(402, "empty")), false},
		{"401, then well", 1, 1, once(answer(401, "key")), false},
		{"433, then well", 1, 1, once(answer(433, "key limit")), false},
		{"422", 4, 0, once(answer(422, "no")), false},
		{"500 in an envelope", 3, 0, once(answer(500, "no")), false},
		{"403 page", 1, 0, once(kietest.HTML(403)), false},
		{"502 page, not executed", 3, 0, once(kietest.HTML(502)), false},
		{"502 page, executed", 4, 0, once(after(kietest.HTML(502))), false},
		{"502 page, executed, no callback", 3, 0, once(after(kietest.HTML(502)), kietest.CallbackNever()), false},
		{"reset, not executed", 3, 0, once(drop()), false},
		{"reset, executed", 4, 0, once(after(drop())), false},
		{"reset, executed, callback after 40 minutes", 3, 0, once(after(drop()), kietest.CallbackLate(40*time.Minute)), false},
		{"reset, executed, fails", 2, 0, once(after(drop()), kietest.Fail("501", "no luck")), false},
		{"no task id, not executed", 2, 0, once(kietest.NullTaskID()), false},
		{"no task id, executed", 2, 0, once(after(kietest.NullTaskID())), false},
		{"never answered", 2, 0, once(kietest.Hold(nil)), false},
		{"executed, never answered", 2, 0, once(after(kietest.Hold(nil))), false},
		{"429, then reset, executed", 2, 1, [][]kietest.Fault{{answer(429, "slow")}, {after(drop())}}, false},
		{"fails", 12, 0, once(kietest.Fail("501", "no luck")), false},
		{"fails, no callback", 4, 0, once(kietest.Fail("501", "no luck"), kietest.CallbackNever()), false},
		{"fails, callback twice", 3, 0, once(kietest.Fail("501", "no luck"), kietest.CallbackTwice()), false},
		{"callback twice", 8, 0, once(kietest.CallbackTwice()), false},
		{"callback before the answer", 8, 0, once(kietest.CallbackEarly()), false},
		{"callback before the lost answer", 4, 0, once(after(drop()), kietest.CallbackEarly()), false},
		{"no callback", 8, 0, once(kietest.CallbackNever()), false},
		{"callback after 10 minutes", 4, 0, once(kietest.CallbackLate(10*time.Minute), kietest.CallbackTwice()), false},
		{"callback with a forged token", 4, 0, once(kietest.CallbackForgedToken()), false},
		{"callback with a forged signature", 4, 0, once(kietest.CallbackForgedSignature()), false},
		{"unknown for 40 s", 4, 0, once(kietest.UnknownFor(40 * time.Second)), false},
		{"empty at first", 4, 0, once(kietest.EmptyResult(2)), false},
		{"empty for ever", 4, 0, once(kietest.EmptyResult(-1)), false},
		{"files missing at first", 4, 0, once(kietest.FilesMissing(2)), false},
		{"files gone", 2, 0, once(kietest.FilesGone()), false},
		{"costs nothing", 3, 0, once(kietest.Consume(0)), false},
		{"costs less", 6, 0, once(kietest.Consume(1234)), false},
		{"costs more", 3, 0, once(kietest.Consume(15_001)), false},
		{"costs more, callback twice", 2, 0, once(kietest.Consume(15_001), kietest.CallbackTwice()), false},
		{"waits for ever", 2, 0, once(kietest.Stick()), false},
		{"generates for ever", 2, 0, once(kietest.HoldTask()), false},
		{"generates for ever, answer lost", 1, 0, once(after(drop()), kietest.HoldTask()), false},
	}
}

// showing is what happens to the end of a batch.
type showing struct {
	name    string
	weight  int
	errs    []error // of the first, second … attempt
	shown   bool    // although the caller hears the error
	forGood bool    // every attempt ends so
}

// shows is everything that a platform does with a message.
func shows() []showing {
	busy := &core.DeliveryError{RetryAfter: 7 * time.Second, Err: fmt.Errorf("too many requests")}
	long := &core.DeliveryError{RetryAfter: 90 * time.Second, Err: fmt.Errorf("too many requests")}
	gone := &core.DeliveryError{Permanent: true, Err: fmt.Errorf("the bot was blocked")}
	broken := fmt.Errorf("connection reset")
	return []showing{
		{"all goes well", 40, nil, false, false},
		{"retry after 7 s", 2, []error{busy}, false, false},
		{"retry after 7 s twice", 1, []error{busy, busy}, false, false},
		{"retry after 90 s", 1, []error{long}, false, false},
		{"fails thrice", 2, []error{broken, broken, broken}, false, false},
		{"answer lost", 2, []error{broken}, true, false},
		{"impossible", 1, []error{gone}, false, true},
	}
}

// newPlan decides a history.
func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plan{
		seed: seed, policy: newPolicy(r), polling: r.IntN(5) == 0, signed: r.IntN(2) == 0,
		fates: fates(), shows: shows(), models: modelsAsked(), files: fileFates(),
	}
	if r.IntN(3) == 0 {
		p.retention = time.Duration(1+r.IntN(24)) * time.Hour
	}
	p.keys = [][]string{nil, {"one", "two"}, {"one", "two", "three"}}[r.IntN(3)]
	for made := 0; made < orders; {
		s := p.next(r, made)
		if s.do == doSubmit || s.do == doBurst {
			made++
		}
		p.steps = append(p.steps, s)
		p.regret(r)
		p.oblivion(r)
	}
	return p
}

// regret lets somebody press cancel while Kie takes its time to say no.
func (p *plan) regret(r *rand.Rand) {
	last := p.steps[len(p.steps)-1]
	slow := slices.IndexFunc(last.fates, func(f fate) bool { return f.slow })
	if last.do != doSubmit || slow < 0 || r.IntN(2) == 0 {
		return
	}
	p.steps = append(p.steps,
		step{n: last.n + 1, do: doNap, span: time.Duration(1+r.IntN(15)) * time.Second},
		step{n: last.n + 2, do: doCancel, order: last.n, count: slow})
}

// oblivion lets the retention pass while a platform shows nothing in a chat
// and has all that is old forgotten before it shows something again.
func (p *plan) oblivion(r *rand.Rand) {
	silence := &p.steps[len(p.steps)-1]
	if p.retention == 0 || silence.do != doSilence || r.IntN(2) == 0 {
		return
	}
	silence.span = 5 * time.Minute
	n := silence.n
	p.steps = append(p.steps,
		step{n: n + 1, do: doNap, span: time.Duration(r.IntN(60)) * time.Second},
		step{n: n + 2, do: doJump, span: p.retention + 24*time.Hour},
		step{n: n + 3, do: doRestart},
		step{n: n + 4, do: doNap, span: 70 * time.Second})
}

// newPolicy decides what people may spend.
func newPolicy(r *rand.Rand) core.Policy {
	limits := func(all ...core.Limit) *core.Limit { return new(all[r.IntN(len(all))]) }
	rule := func() bool { return r.IntN(4) == 0 }
	var p core.Policy
	p.User.Daily = limits(core.Unlimited, 70*limit, 20*limit, 20*limit-1, 300*limit)
	if rule() {
		p.User.Monthly = limits(50*limit, 200*limit+3)
	}
	if rule() {
		p.Chat = limits(30*limit, 90*limit)
	}
	if rule() {
		p.Total = limits(100*limit, 60*limit+1)
	}
	if rule() {
		p.Models = map[string]core.Limit{imageModel: 15 * limit}
	}
	if rule() {
		p.MaxActive = new(4 + r.IntN(20))
	}
	if rule() {
		p.MaxRequest = limits(2*limit, 3*limit)
	}
	if r.IntN(2) == 0 {
		p.ConfirmAbove = limits(limit/2, limit, 2*limit)
	}
	return p
}

// limit is what one picture of the usual model costs.
const limit = core.Limit(imagePrice)

// next is the next step of a plan that has made so many orders.
func (p *plan) next(r *rand.Rand, made int) step {
	s := step{n: len(p.steps), who: r.IntN(people), room: r.IntN(rooms), order: p.earlier(r, 40)}
	switch n := r.IntN(100); {
	case n < 48 || made == 0:
		s.do = doSubmit
		p.fill(&s, r, 1+r.IntN(3))
	case n < 50:
		s.do = doBurst
		p.fill(&s, r, 1)
		s.fates = p.fates[:1] // none ends at the same moment
	case n < 55:
		s.do = doRepeat
	case n < 56 && r.IntN(2) == 0:
		s.do, s.count = doLink, r.IntN(people)
	case n < 58 && r.IntN(2) == 0:
		s.do, s.act, s.count = doAdmin, r.IntN(len(acts())), r.IntN(30)
	case n < 60 && r.IntN(2) == 0:
		s.do, s.act, s.count = doPay, r.IntN(len(payments())), r.IntN(30)
	case n < 62:
		s.do, s.count, s.after, s.order = doCancel, r.IntN(3), r.IntN(5) == 0, p.earlier(r, 8)
	case n < 63:
		s.do = doRestart
	case n < 64:
		s.do, s.span = doStop, time.Duration(r.IntN(300))*time.Second
	case n < 67:
		s.do, s.count, s.after, s.span = doDie, 1+r.IntN(20), r.IntN(2) == 0, time.Duration(r.IntN(120))*time.Second
	case n < 69:
		s.do, s.span = doJump, jump(r)
	case n < 70:
		s.do = doRelease
	case n < 71 && r.IntN(3) == 0:
		s.do, s.span = doOutage, []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}[r.IntN(3)]
		s.after = r.IntN(3) == 0
	case n < 71 && r.IntN(2) == 0:
		s.do, s.count, s.after = doPark, r.IntN(max(len(p.keys), 1)), r.IntN(2) == 0
		s.span = time.Duration(r.IntN(900)) * time.Second
	case n < 72:
		s.do, s.span = doSilence, silence(r)
	case n < 75 && p.policy.ConfirmAbove != nil:
		s.do, s.count, s.after, s.order = doAnswer, 1+r.IntN(2), r.IntN(4) == 0, p.earlier(r, 12)
	default:
		s.do, s.span = doNap, time.Duration(r.IntN(30_000))*time.Millisecond
	}
	return s
}

// silence is how long a platform shows nothing: for seconds often, for minutes
// seldom, since every try that it costs is the same as the one before.
func silence(r *rand.Rand) time.Duration {
	most := []time.Duration{20 * time.Second, 2 * time.Minute, 10 * time.Minute}[r.IntN(3)]
	return time.Duration(r.Int64N(int64(most)))
}

// jump is how far the wall clock is set: by seconds often, by hours seldom.
func jump(r *rand.Rand) time.Duration {
	most := []time.Duration{time.Minute, time.Hour, 26 * time.Hour}[r.IntN(3)]
	d := time.Duration(r.Int64N(int64(most)))
	if r.IntN(3) == 0 {
		return -d / 8
	}
	return d
}

// earlier is the number of one of the last submits.
func (p *plan) earlier(r *rand.Rand, last int) int {
	back := r.IntN(last)
	for i := len(p.steps) - 1; i >= 0; i-- {
		if p.steps[i].do != doSubmit {
			continue
		}
		if back--; back < 0 || i == 0 {
			return p.steps[i].n
		}
	}
	return 0
}

func (p *plan) fill(s *step, r *rand.Rand, count int) {
	s.count, s.model = count, p.models[r.IntN(len(p.models))]
	if p.polling {
		s.count = 1 // without a callback address a batch's tasks look alike to Kie
	}
	for range s.count {
		s.fates = append(s.fates, draw(r, p.fates, func(f fate) int { return f.weight }))
	}
	if s.model.file {
		s.file = draw(r, p.files, func(f fileFate) int { return f.weight })
	}
	s.agreed = r.IntN(2) == 0
	s.show = draw(r, p.shows, func(s showing) int { return s.weight })
}

// draw picks one by weight.
func draw[T any](r *rand.Rand, all []T, weight func(T) int) T {
	sum := 0
	for _, one := range all {
		sum += weight(one)
	}
	at := r.IntN(sum)
	for _, one := range all {
		if at -= weight(one); at < 0 {
			return one
		}
	}
	return all[0]
}
