package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Duty is something that one replica at a time does. Its name is stored. What
// stands before the slash is its kind; the duties of one kind are spread evenly
// over the replicas, all of which have to be set up alike.
type Duty string

// DutyChores is what is done once for the store: retention, alerts, schedules.
const DutyChores Duty = "chores"

// KindLanes is the kind of the duties to show deliveries, which are many and alike.
const KindLanes = "lanes"

// LaneParts is how many of these there are. It is stored with every delivery and
// never changes.
const LaneParts = 32

const (
	dutyKie   = "kie/"
	dutyLanes = KindLanes + "/"
	// dutyQueue has the queued tasks. Nobody has it alone: who has a Kie account
	// takes from the queue, and whoever commits first creates the task.
	dutyQueue Duty = "queue"
)

// DutyOf is what a Kie account asks of one replica: its limits, and the tasks
// that it has.
func DutyOf(kieAccount string) Duty {
	return Duty(dutyKie + cmp.Or(kieAccount, DefaultKieAccount))
}

// Kind is what the duty has in common with others.
func (d Duty) Kind() string {
	kind, _, _ := strings.Cut(string(d), "/")
	return kind
}

// Duty is under which deliveries in the lane are shown.
func (l Lane) Duty() Duty { return laneDuty(l.part()) }

func (l Lane) part() int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(l))
	return int(hash.Sum32() % LaneParts)
}

func laneDuty(part int) Duty { return Duty(fmt.Sprintf("%s%02d", dutyLanes, part)) }

// Duty is under which the work is done.
func (w Work) Duty() Duty {
	switch {
	case w.Delivery != 0:
		return w.Lane.Duty()
	case w.State == Queued:
		return dutyQueue
	}
	return DutyOf(w.KieAccount)
}

// Work is what is to be done for the task, when it is due.
func (t Task) Work() Work {
	return Work{Task: t.ID, State: t.State, Due: t.Due, Account: t.Account, KieAccount: t.KieAccount}
}

// post is a duty as this replica has it, or would.
type post struct {
	duty Duty
	at   atomic.Uint32 // a presence; the lock of posts guards changes
	// prepare comes before the work that waits under the duty is listed; news
	// of it is kept already. Nil for nothing.
	prepare func(context.Context) error
	// do runs while the replica has the duty. Its context ends when the duty is
	// to be left, and it returns when nothing of it is under way any more.
	do  func(context.Context)
	end context.CancelFunc // of do's context
}

// presence is how far a replica is in a duty.
type presence uint32

const (
	away    presence = iota
	coming           // the store says that it is this replica's; what waits under it is being listed
	here             // it is being done
	leaving          // nothing begins any more; what is under way comes to its end
)

func (p *post) is() presence { return presence(p.at.Load()) }

// begun reports whether the duty is this replica's, and is not being left.
func (p *post) begun() bool { return p.is() == coming || p.is() == here }

// posts are the duties that this replica can have.
type posts struct {
	changed chan struct{} // has room for one: "they may have to be spread in another way"
	under   sync.WaitGroup
	sharers atomic.Int64 // replicas that were there when the duties were shared

	mu   sync.Mutex
	left *sync.Cond // with mu: one is away
	all  map[Duty]*post
}

func newPosts() *posts {
	p := &posts{changed: make(chan struct{}, 1), all: map[Duty]*post{}}
	p.left = sync.NewCond(&p.mu)
	return p
}

// ring has the duties spread anew.
func (p *posts) ring() { signal(p.changed) }

func (p *posts) add(one *post) {
	p.mu.Lock()
	p.all[one.duty] = one
	p.mu.Unlock()
	p.ring()
}

// drop ends that the replica can have the duty once more.
func (p *posts) drop(one *post) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, one.duty)
}

// remove is drop; it waits until the replica does not have the duty.
func (p *posts) remove(one *post) {
	p.drop(one)
	p.mu.Lock()
	defer p.mu.Unlock()
	for one.is() != away {
		p.left.Wait()
	}
}

// gone notes that the replica has the duty no more.
func (p *posts) gone(one *post) {
	p.mu.Lock()
	one.at.Store(uint32(away))
	p.left.Broadcast()
	p.mu.Unlock()
	p.ring()
}

// is says how far this replica is in the duty.
func (p *posts) is(d Duty) presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[d]; one != nil {
		return one.is()
	}
	return away
}

// spread says which duties the replica with the fence should take and which it
// should leave, so that none has more of a kind than its share, rounded up.
func (p *posts) spread(replicas []Replica, fence uint64) (take, leave []Duty) {
	p.mu.Lock()
	defer p.mu.Unlock()
	others := map[Duty]bool{}
	for _, r := range replicas {
		for _, d := range r.Duties {
			others[d] = r.Fence != fence
		}
	}
	can, has := map[string]int{}, map[string]int{}
	for d, one := range p.all {
		can[d.Kind()]++
		if one.begun() {
			has[d.Kind()]++
		}
	}
	for _, d := range slices.Sorted(maps.Keys(p.all)) {
		kind := d.Kind()
		share := (can[kind] + len(replicas) - 1) / max(len(replicas), 1)
		switch at := p.all[d].is(); {
		case at == here && has[kind] > share:
			leave = append(leave, d)
			has[kind]--
		case at == away && !others[d] && has[kind] < share:
			take = append(take, d)
			has[kind]++
		}
	}
	return take, leave
}

// dutyLoop spreads the duties whenever they may have to be in another way.
func (e *Engine) dutyLoop(ctx context.Context) {
	for failed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-e.posts.changed:
		}
		err := e.spread(ctx)
		if err == nil || ctx.Err() != nil {
			failed = 0
			continue
		}
		failed++
		e.log.Error("sharing the work with other replicas", "error", err)
		time.AfterFunc(backoff(failed, time.Second, maxBackoff), e.posts.ring)
	}
}

// spread takes the duties that this replica should have and leaves others.
func (e *Engine) spread(ctx context.Context) error {
	lease := *e.lease.Load()
	replicas, err := e.store.Replicas(ctx)
	if err != nil {
		return fmt.Errorf("listing the replicas: %w", err)
	}
	e.posts.sharers.Store(int64(len(replicas)))
	take, leave := e.posts.spread(replicas, lease.Fence)
	e.posts.leave(leave)
	if len(take) == 0 {
		return nil
	}
	got, err := e.store.Take(ctx, lease, take)
	if err != nil {
		return fmt.Errorf("taking duties: %w", err)
	}
	return e.begin(ctx, lease, got)
}

// leave has the duties come to their end, after which they are yielded.
func (p *posts) leave(duties []Duty) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range duties {
		if one := p.all[d]; one != nil && one.is() == here {
			one.at.Store(uint32(leaving))
			one.end()
		}
	}
}

// begin does duties that are this replica's now: first it takes up what waits
// under them.
func (e *Engine) begin(ctx context.Context, lease Lease, duties []Duty) error {
	begun := e.posts.come(duties)
	err := prepareAll(ctx, begun)
	if err == nil && len(begun) > 0 {
		err = e.takeUp(ctx, duties)
	}
	if err != nil {
		for _, one := range begun {
			e.posts.gone(one)
		}
		return errors.Join(fmt.Errorf("taking up what waits: %w", err), e.store.Yield(context.WithoutCancel(ctx), lease, duties))
	}
	for _, one := range begun {
		e.serve(ctx, lease, one)
	}
	return nil
}

// come marks duties as this replica's.
func (p *posts) come(duties []Duty) (begun []*post) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range duties {
		if one := p.all[d]; one != nil {
			one.at.Store(uint32(coming))
			begun = append(begun, one)
		}
	}
	return begun
}

func prepareAll(ctx context.Context, begun []*post) error {
	for _, one := range begun {
		if one.prepare == nil {
			continue
		}
		if err := one.prepare(ctx); err != nil {
			return err
		}
	}
	return nil
}

// serve does the duty, in a goroutine, until it is to be left, and yields it
// then. When ctx ends all duties go with the lease.
func (e *Engine) serve(ctx context.Context, lease Lease, one *post) {
	run, end := context.WithCancel(ctx)
	e.posts.mu.Lock()
	one.end = end
	one.at.Store(uint32(here))
	e.posts.mu.Unlock()
	e.posts.under.Go(func() {
		one.do(run)
		end()
		for ctx.Err() == nil {
			err := e.store.Yield(ctx, lease, []Duty{one.duty})
			if err == nil || ctx.Err() != nil {
				break
			}
			e.log.Error("leaving a duty to other replicas", "duty", string(one.duty), "error", err)
			sleep(ctx, time.Second)
		}
		e.posts.gone(one)
	})
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Has reports whether this replica does the duty now.
func (e *Engine) Has(duty Duty) bool { return e.posts.is(duty) == here }

// Duties lists what this replica has or could have, by name.
func (e *Engine) Duties() []Duty {
	e.posts.mu.Lock()
	defer e.posts.mu.Unlock()
	return slices.Sorted(maps.Keys(e.posts.all))
}

// Fence is that of this replica's lease, 0 while it has none.
func (e *Engine) Fence() uint64 {
	if lease := e.lease.Load(); lease != nil {
		return lease.Fence
	}
	return 0
}

// Sharers is how many replicas there are, as far as this one knows, and at least
// one: each may take that part of what a platform takes from all of them.
func (e *Engine) Sharers() int { return max(int(e.posts.sharers.Load()), 1) }

// Replicas lists the processes that work on the store, the oldest first.
func (e *Engine) Replicas(ctx context.Context) ([]Replica, error) {
	all, err := e.store.Replicas(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the replicas: %w", err)
	}
	return all, nil
}

// OnDuty runs do whenever this replica has the duty, with a context that ends
// when it is to leave it; do should then come to its end soon. When do ends
// before that, OnDuty does, with its error; otherwise it returns nil, after do,
// when ctx ends. It may be called before and after Run, once at a time for each
// duty; without Run nothing has a duty.
func (e *Engine) OnDuty(ctx context.Context, duty Duty, do func(context.Context) error) error {
	ended := make(chan error, 1)
	one := &post{duty: duty}
	one.do = func(run context.Context) {
		run, end := context.WithCancel(run)
		defer end()
		defer context.AfterFunc(ctx, end)()
		if err := do(run); run.Err() == nil {
			e.posts.drop(one)
			ended <- err
		}
	}
	e.posts.add(one)
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	e.posts.remove(one)
	return err
}
