package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kiebot/kie"
)

// Kie is the part of kie.Client that the engine uses.
type Kie interface {
	Create(context.Context, kie.CreateRequest) (kie.Ref, error)
	Status(context.Context, kie.Ref) (kie.Status, error)
	Upload(context.Context, kie.File) (kie.UploadedFile, error)
	Credits(context.Context) (kie.Credits, error)
}

// DefaultKieAccount is the name of the only Kie account where none is given.
const DefaultKieAccount = "default"

// KieAccount is one of the operator's accounts at Kie. It has its own limits,
// credits, uploads and tasks: a task stays with the account that created it,
// and so does what continues it.
type KieAccount struct {
	// Name is stored with tasks. An account that is renamed is another one.
	// Empty means DefaultKieAccount.
	Name   string
	Client Kie
}

const kieNameMax = 32

// CheckKieName says what is wrong with a name for a Kie account, if anything.
func CheckKieName(name string) error {
	switch {
	case name == "" || len(name) > kieNameMax:
		return fmt.Errorf("a name has 1 to %d characters", kieNameMax)
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return errors.New("a name has only a-z, 0-9, - and _")
	}
	return nil
}

// kieAccount is a Kie account at work.
type kieAccount struct {
	name    string
	client  Kie
	slots   *kie.CreationLimiter
	tracker *tracker
	gate    gate
	balance *balance
	post    *post        // who has it may create, read and ask for the balance
	leaving atomic.Int64 // tasks about to become creating
	atKie   atomic.Int64 // tasks that Kie has, or may have, unfinished

	mu   sync.Mutex
	idle *sync.Cond // with mu: no creation is under way
	slot func()     // a slot of the limiter in hand
	busy int        // creations under way
}

// ours reports whether this replica creates tasks at the account.
func (a *kieAccount) ours() bool { return a.post.is() == here }

// ready reports whether a creation may leave, and takes a slot in hand for it.
// freed is called when a slot becomes free after there was none.
func (a *kieAccount) ready(freed func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ours() {
		return false
	}
	if a.slot == nil {
		a.slot, _ = a.slots.TryAcquire(freed)
	}
	return a.slot != nil
}

// begin begins a creation with the slot in hand; false when there is none.
func (a *kieAccount) begin() (release func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.slot == nil || !a.ours() {
		return nil, false
	}
	release, a.slot = a.slot, nil
	a.busy++
	return release, true
}

// end ends a creation. A slot that was not used is in hand again.
func (a *kieAccount) end(release func(), used bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if used || a.slot != nil {
		release()
	} else {
		a.slot = release
	}
	if a.busy--; a.busy == 0 {
		a.idle.Broadcast()
	}
}

// quiet waits until no creation is under way.
func (a *kieAccount) quiet() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.busy > 0 {
		a.idle.Wait()
	}
}

// openKieAccounts makes the accounts work, and says what is wrong with them.
func (e *Engine) openKieAccounts() (wrong []error) {
	for i, given := range e.cfg.Kie {
		name := cmp.Or(given.Name, DefaultKieAccount)
		if err := CheckKieName(name); err != nil {
			wrong = append(wrong, fmt.Errorf("core: Config.Kie[%d].Name: %w", i, err))
		}
		if e.kieAccount(name) != nil {
			wrong = append(wrong, fmt.Errorf("core: Config.Kie[%d].Name is there twice", i))
		}
		if given.Client == nil {
			wrong = append(wrong, fmt.Errorf("core: Config.Kie[%d].Client is required", i))
		}
		a := &kieAccount{
			name: name, client: given.Client, balance: newBalance(), slots: kie.NewCreationLimiter(creationsMax, creationsPer),
			tracker: newTracker(e.cfg.Now, e.learned, newBudget(statusReads, readersMax), e.cfg.CallbackBase != ""),
		}
		a.idle = sync.NewCond(&a.mu)
		a.post = &post{
			duty:    DutyOf(name),
			prepare: func(ctx context.Context) error { return e.prepareAccount(ctx, a) },
			do:      func(ctx context.Context) { e.attendAccount(ctx, a) },
		}
		e.posts.add(a.post)
		e.kies = append(e.kies, a)
	}
	return wrong
}

// kieAccount finds an account by the name that a task has; nil when it was
// removed from the configuration. A task without a name is of a time when
// there was one account.
func (e *Engine) kieAccount(name string) *kieAccount {
	for _, a := range e.kies {
		if a.name == cmp.Or(name, DefaultKieAccount) {
			return a
		}
	}
	if name == "" && len(e.kies) > 0 {
		return e.kies[0]
	}
	return nil
}

// attendAccount does what is one replica's for the account, until ctx ends and
// nothing of it is under way.
func (e *Engine) attendAccount(ctx context.Context, a *kieAccount) {
	e.creator.stir()
	var loops sync.WaitGroup
	loops.Go(func() { e.trackLoop(ctx, a) })
	loops.Go(func() { e.balanceLoop(ctx, a) })
	loops.Wait()
	a.quiet()
	a.tracker.clear()
}

// read asks the account about one of its Kie tasks, within its budget: the
// caller has acquired one of its reads.
func (a *kieAccount) read(ctx context.Context, ref kie.Ref) (kie.Status, error) {
	readCtx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	asked := time.Now()
	status, err := a.client.Status(readCtx, ref)
	if ctx.Err() == nil {
		a.tracker.reads.answered(asked, time.Now(), err)
	}
	return status, err
}

// whoHas is the first account but one that knows the Kie task; nil when none does.
func (e *Engine) whoHas(ctx context.Context, ref kie.Ref, but *kieAccount) *kieAccount {
	for _, a := range e.kies {
		if a == but || a.tracker.reads.acquire(ctx) != nil {
			continue
		}
		_, err := a.read(ctx, ref)
		a.tracker.reads.release()
		if err == nil {
			return a
		}
	}
	return nil
}

// parentsKieAccount is where a request with a parent should go: to the Kie
// account that has the parent. It has to go there when its input names the
// parent's Kie task, which no other account knows.
func (c *change) parentsKieAccount(req Request) (name string, bound bool, err error) {
	if req.Parent == "" {
		return "", false, nil
	}
	parent, err := c.Task(req.Parent)
	if errors.Is(err, ErrNotFound) || err == nil && parent.Kie.IsZero() {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	for _, value := range req.Input {
		bound = bound || value == parent.Kie.TaskID
	}
	name = parent.KieAccount
	if a := c.e.kieAccount(name); a != nil {
		name = a.name // it had none when there was one account
	}
	// Again asks for the same as its parent, bound as that was.
	return name, bound || parent.KieBound && req.Model == parent.Request.Model, nil
}

// trackerOf is the tracker of the task's Kie account, nil when that was removed.
func (e *Engine) trackerOf(t Task) *tracker {
	if a := e.kieAccount(t.KieAccount); a != nil {
		return a.tracker
	}
	return nil
}

// count notes how many more tasks the account has at Kie.
func (e *Engine) count(name string, more int64) {
	if a := e.kieAccount(name); a != nil {
		a.atKie.Add(more)
	}
}

// choose says which Kie account the queued task goes to: the one where it
// should go, unless that is parked; else, of those that can be used and have
// room within the limit of creations, the one with the fewest tasks, and the
// first of equals. Nil means none can be used, why, and when that is tried again.
//
// A parked account can be used again by one task a minute, to see whether it
// works now. Files are not uploaded for that while another account is open.
// Accounts of other replicas are theirs to use. A task that should go to one of
// them, which is parked, is taken from it by an open account only: else two
// replicas that are both parked would give its files to one account after the other.
func (e *Engine) choose(t Task, now time.Time) (chosen *kieAccount, why Reason, retry time.Time) {
	wanted, all := e.wanted(t), e.kies
	switch {
	case t.KieBound && wanted == nil:
		return nil, FailKey, now.Add(keyPark)
	case t.KieBound:
		all = []*kieAccount{wanted}
	case wanted != nil && wanted.gate.open():
		all = []*kieAccount{wanted}
	}
	elsewhere := e.elsewhere(t)
	usable := those(all, func(a *kieAccount) bool { return a.ours() && a.gate.lets(now) && (!elsewhere || a.gate.open()) })
	if len(t.Request.Files) > 0 {
		usable = preferably(usable, func(a *kieAccount) bool { return a.gate.open() })
	}
	usable = preferably(usable, func(a *kieAccount) bool { return a.ready(e.creator.stir) })
	if len(usable) == 0 {
		why, retry = parkedFor(all, now)
		return nil, why, retry
	}
	return slices.MinFunc(usable, func(a, b *kieAccount) int { return cmp.Compare(e.burden(a), e.burden(b)) }), "", time.Time{}
}

// preferably is those accounts of which it is true, or all when there is none.
func preferably(all []*kieAccount, which func(*kieAccount) bool) []*kieAccount {
	if some := those(all, which); len(some) > 0 {
		return some
	}
	return all
}

// wanted is the account where the task should go, nil when anywhere will do or it was removed.
func (e *Engine) wanted(t Task) *kieAccount {
	if t.KieAccount == "" {
		return nil
	}
	return e.kieAccount(t.KieAccount)
}

// elsewhere reports whether the task should go to an account that another
// replica has.
func (e *Engine) elsewhere(t Task) bool {
	wanted := e.wanted(t)
	return wanted != nil && !wanted.ours()
}

func those(all []*kieAccount, which func(*kieAccount) bool) []*kieAccount {
	return slices.DeleteFunc(slices.Clone(all), func(a *kieAccount) bool { return !which(a) })
}

// burden is how many tasks the account has, or is to have.
func (e *Engine) burden(a *kieAccount) int64 {
	return a.leaving.Load() + a.atKie.Load() + int64(e.creator.waiting(a.name)+e.uploads.waiting(a.name))
}

// parkedFor is why the first of the accounts is parked, which stays the same
// while they are, and when one of them is tried again: those of other replicas
// may be at any time.
func parkedFor(all []*kieAccount, now time.Time) (why Reason, retry time.Time) {
	for _, a := range all {
		reason, at := a.gate.state()
		if !a.ours() {
			at = later(at, now.Add(keyPark))
		}
		switch {
		case reason == "":
		case why == "":
			why, retry = reason, at
		default:
			retry = earlier(retry, at)
		}
	}
	return why, retry
}

// paused says why nothing can be done for the queued task at the moment, and
// until when; an empty reason means that it takes its turn.
func (e *Engine) paused(t Task) (Reason, time.Time) {
	if e.pause.on() {
		return ReasonPaused, time.Time{}
	}
	all := e.kies
	if t.KieBound {
		a := e.wanted(t)
		if a == nil {
			return FailKey, e.cfg.Now().Add(keyPark)
		}
		all = []*kieAccount{a}
	}
	if slices.ContainsFunc(all, func(a *kieAccount) bool { return a.gate.open() }) {
		return "", time.Time{}
	}
	return parkedFor(all, e.cfg.Now())
}

// servable reports whether a task that should go to the account can be dealt
// with now, and here: sent, or told that it has to wait.
func (e *Engine) servable(name string) bool {
	if e.pause.on() {
		return false
	}
	now := e.cfg.Now()
	if name == "" {
		return e.anyServable(now)
	}
	switch a := e.kieAccount(name); {
	case a == nil:
		return e.posts.is(DutyChores) == here
	case !a.ours(): // its tasks go elsewhere while it is parked, those that can
		return !a.gate.open() && slices.ContainsFunc(e.kies, func(a *kieAccount) bool { return a.gate.open() && a.ready(e.creator.stir) })
	default:
		return !a.gate.lets(now) || a.ready(e.creator.stir)
	}
}

// anyServable is servable for tasks that any account may have.
func (e *Engine) anyServable(now time.Time) bool {
	ours, parked := false, true
	for _, a := range e.kies {
		switch ours = ours || a.ours(); {
		case !a.ours():
			parked = parked && !a.gate.open()
		case !a.gate.lets(now):
		case a.ready(e.creator.stir):
			return true
		default:
			parked = false
		}
	}
	return ours && parked
}

// gate holds creations back while the operator's key is refused or has no
// credits. One task at a time is let through to see whether that has changed.
type gate struct {
	mu     sync.Mutex
	reason Reason
	retry  time.Time
}

// lets reports whether a task may go through.
func (g *gate) lets(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason == "" || !now.Before(g.retry)
}

// open reports whether nothing is held back.
func (g *gate) open() bool {
	reason, _ := g.state()
	return reason == ""
}

// pass lets one task through; while the gate is closed the next has to wait again.
func (g *gate) pass(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason != "" {
		g.retry = now.Add(keyPark)
	}
}

// state says why and until when the gate is closed; an empty reason means open.
func (g *gate) state() (Reason, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason, g.retry
}

// set closes the gate, or opens it with an empty reason. It reports whether that is a change.
func (g *gate) set(reason Reason, retry time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := g.reason != reason
	g.reason, g.retry = reason, retry
	return changed
}
