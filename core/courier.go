package core

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Bounds of what is under way at once, whatever the load: goroutines, open
// files and the memory that adapters need are in proportion to them.
const (
	fetchMax    = 16               // batches whose files are fetched
	plainMax    = 16               // attempts without files, on each platform
	heavyMax    = 8                // attempts with files, on each platform
	editMax     = 4                // progress edits, on each platform
	newsMany    = 2                // attempts at news, on each platform
	uploadBytes = 256 << 20        // of the files in them, on each platform
	deliverFor  = 15 * time.Minute // for one attempt: 50 MB at half a megabit per second
	fetchFor    = 15 * time.Minute // for the files of one batch, at one go
)

// courier shows deliveries: one ordered lane per chat, lanes side by side.
//
// A lane exists while something waits in it, and for as long as its pace has
// to be remembered. Lanes that could show something stand in a line of their
// platform; whoever comes to its head makes one attempt, in a goroutine of its
// own, and goes to the end again. Times to wait for are kept by the lanes'
// alarms, so nothing that waits has a goroutine.
type courier struct {
	e    *Engine
	wake chan struct{} // has room for one: "a line may move"

	parts [LaneParts]*post // which lanes this replica shows

	mu        sync.Mutex
	rested    *sync.Cond // with mu: an attempt is over
	stop      bool       // lanes rest; true until run
	lanes     map[Lane]*lane
	leads     map[TaskID]int // how many deliveries about a batch wait
	platforms map[string]*platform
	fetches   []*waiting // in line for their files
	fetching  int
}

// platform is where lanes are, with an adapter or, as long as there is none, without.
type platform struct {
	name    string
	adapter Adapter
	paced   Paced // nil when there are no limits
	meters  meters
	rest    time.Time // no call before
	took    time.Time // when it last took a delivery

	plain, heavy, edits, news line
}

func newCourier(e *Engine) *courier {
	c := &courier{
		e: e, wake: make(chan struct{}, 1), stop: true,
		lanes: map[Lane]*lane{}, leads: map[TaskID]int{}, platforms: map[string]*platform{},
	}
	c.rested = sync.NewCond(&c.mu)
	for i := range c.parts {
		part := &post{duty: laneDuty(i)}
		part.do = func(ctx context.Context) { c.show(ctx, part) }
		c.parts[i] = part
		e.posts.add(part)
	}
	return c
}

// show has the lanes of a part shown until ctx ends. It forgets them then, when
// no attempt in them is under way.
func (c *courier) show(ctx context.Context, part *post) {
	c.planPart(part)
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	for slices.ContainsFunc(c.of(part), func(l *lane) bool { return l.busy }) {
		c.rested.Wait()
	}
	for _, l := range c.of(part) {
		c.forgetLane(l)
	}
}

// planPart plans the lanes of a part, which may begin now.
func (c *courier) planPart(part *post) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.of(part) {
		c.plan(l)
	}
}

// of lists the lanes of a part. The caller holds the lock.
func (c *courier) of(part *post) (lanes []*lane) {
	for _, l := range c.lanes {
		if l.part == part {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// forgetLane forgets what waits in a lane that another replica shows: the store
// has it. What is being committed stays marked. The caller holds the lock.
func (c *courier) forgetLane(l *lane) {
	l.leave()
	l.sleep(nil, time.Time{})
	l.gone = true
	c.fetches = slices.DeleteFunc(c.fetches, func(w *waiting) bool { return w.lane == l })
	for _, w := range l.queue {
		c.forgetLead(w.Lead)
	}
	delete(c.lanes, l.name)
	if len(l.coming) > 0 {
		c.lane(l.name).coming = l.coming
	}
}

func (c *courier) forgetLead(lead TaskID) {
	if c.leads[lead]--; c.leads[lead] == 0 {
		delete(c.leads, lead)
	}
}

// run serves the lanes until ctx ends. Attempts that are under way then end
// with work; downloads are cut off and made again after the next start.
func (c *courier) run(ctx, work context.Context) {
	var under sync.WaitGroup
	c.open()
	for ctx.Err() == nil {
		jobs, nap := c.begin()
		for _, job := range jobs {
			under.Go(func() { job(ctx, work) })
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	c.mu.Lock()
	c.stop = true
	c.mu.Unlock()
	under.Wait()
	c.clear()
}

func (c *courier) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = false
	for _, l := range c.lanes {
		c.plan(l)
	}
}

// clear forgets everything: the store knows what was not shown.
func (c *courier) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lanes {
		l.leave()
		l.sleep(nil, time.Time{})
	}
	c.lanes, c.leads, c.platforms, c.fetches = map[Lane]*lane{}, map[TaskID]int{}, map[string]*platform{}, nil
}

func (c *courier) ring() { signal(c.wake) }

// expect marks deliveries that are being committed. Their goroutines may be
// told of the commit in another order than it was made in: until one is pushed
// or forgotten, nothing with a greater id is shown in its lane.
func (c *courier) expect(deliveries []Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range deliveries {
		l := c.lane(d.Lane)
		l.coming = append(l.coming, d.ID)
	}
}

// forget takes back what was expected and was not committed.
func (c *courier) forget(deliveries []Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range deliveries {
		if l := c.lanes[d.Lane]; l != nil {
			l.arrived(d.ID)
			c.plan(l)
		}
	}
}

// recall adds a delivery that the store has. One whose commit is about to be
// told of is left to that: otherwise it could be shown before, and then again.
func (c *courier) recall(d Delivery) {
	c.mu.Lock()
	l := c.lanes[d.Lane]
	coming := l != nil && slices.Contains(l.coming, d.ID)
	c.mu.Unlock()
	if !coming {
		c.push(d)
	}
}

// push adds a committed delivery to its lane.
func (c *courier) push(d Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, now := c.lane(d.Lane), time.Now()
	l.arrived(d.ID)
	if !l.part.begun() { // the store has it for another replica
		c.plan(l)
		return
	}
	w := &waiting{Delivery: d}
	if wait := d.Due.Sub(c.e.cfg.Now()); wait > 0 {
		c.postpone(l, w, wait, now)
	}
	if l.insert(w) {
		c.leads[d.Lead]++
	}
	c.plan(l)
}

// postpone sets when a delivery is tried again, and who rests till then.
func (c *courier) postpone(l *lane, w *waiting, wait time.Duration, now time.Time) {
	if w.Rest == RestNothing {
		wait = min(wait, backoff(w.Attempts, time.Second, maxBackoff)) // the wall clock may have been set back
	}
	w.due = now.Add(wait)
	if w.since.IsZero() {
		w.since = now
	}
	if w.Rest != RestNothing {
		l.rest = later(l.rest, w.due)
	}
	if w.Rest == RestPlatform {
		l.home.rest = later(l.home.rest, w.due)
	}
}

// waits reports whether a delivery about the batch waits to be shown.
func (c *courier) waits(lead TaskID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leads[lead] > 0
}

// refresh asks for an edit of the message that stands for the batch. Edits of
// one message keep their distance: an urgent one waits for it, any other is
// dropped when it comes too soon.
func (c *courier) refresh(p progress, urgent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.edits(p.Lane) {
		return
	}
	l := c.lane(p.Lane)
	if urgent || time.Since(l.edited[p.Lead]) >= l.gap {
		l.wantEdit(p.Lead)
	}
	c.plan(l)
}

// edits reports whether this replica edits messages in the lane now. The caller
// holds the lock.
func (c *courier) edits(name Lane) bool {
	return !c.stop && c.part(name).is() == here && c.platform(name.Platform()).adapter != nil
}

func (c *courier) part(name Lane) *post { return c.parts[name.part()] }

// refreshSeldom asks for an edit that is not worth much, so it leaves the whole
// chat the distance that edits of one message keep. It answers false when that,
// or a delivery about the batch, is to be waited for first.
func (c *courier) refreshSeldom(t Task) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.edits(t.Lane()) {
		return true
	}
	if c.leads[t.Lead()] > 0 {
		return false
	}
	l := c.lane(t.Lane())
	if len(l.fresh) > 0 || !l.quiet(time.Now()) {
		return false
	}
	l.wantEdit(t.Lead())
	c.plan(l)
	return true
}

// lane finds or opens a lane. The caller holds the lock.
func (c *courier) lane(name Lane) *lane {
	l := c.lanes[name]
	if l == nil {
		l = &lane{name: name, part: c.part(name), home: c.platform(name.Platform()), edited: map[TaskID]time.Time{}, gap: progressGap}
		if l.home.paced != nil {
			pace := l.home.paced.Pace(name)
			l.meters = newMeters(pace.Rates)
			l.gap = max(l.gap, pace.Edits)
		}
		c.lanes[name] = l
	}
	return l
}

func (c *courier) platform(name string) *platform {
	p := c.platforms[name]
	if p == nil {
		p = &platform{
			name: name, adapter: c.e.cfg.Adapters[name],
			plain: line{most: plainMax}, heavy: line{most: heavyMax, mostBytes: c.e.cfg.UploadBytes}, edits: line{most: editMax}, news: line{most: newsMany},
		}
		if paced, ok := p.adapter.(Paced); ok {
			p.paced, p.meters = paced, newMeters(paced.Pace("").Rates)
		}
		if p.adapter == nil {
			c.e.log.Error("no adapter for a platform; what is to be shown there waits for one", "platform", name)
		}
		c.platforms[name] = p
	}
	return p
}

// plan decides what the lane waits for: a turn in a line, a moment, or
// nothing, and then it is forgotten. It is called whenever something about the
// lane has changed. The caller holds the lock.
func (c *courier) plan(l *lane) {
	if c.stop || l.busy || l.gone {
		return
	}
	now := time.Now()
	if l.part.is() != here {
		if l.leave(); len(l.queue)+len(l.coming) == 0 {
			c.forgetLane(l)
		}
		return
	}
	if l.home.adapter == nil {
		l.sleep(func() { c.look(l) }, c.fetchAll(l, now))
		return
	}
	for w, _ := l.delivery(now); w != nil && w.needsFiles(); w, _ = l.delivery(now) {
		c.wantFiles(w)
	}
	w, lead, wake := l.turn(now)
	if n := l.home.line(w, lead); n != nil {
		l.join(n)
		c.ring()
	} else {
		l.leave()
	}
	if l.idle() {
		if wake = l.lapse(now); !wake.After(now) {
			delete(c.lanes, l.name)
			wake = time.Time{}
		}
	}
	l.sleep(func() { c.look(l) }, wake)
}

// wantFiles puts the delivery into the line for files. The caller holds the lock.
func (c *courier) wantFiles(w *waiting) {
	w.step = fetching
	c.fetches = append(c.fetches, w)
	c.ring()
}

// fetchAll has the files of everything in a lane fetched whose platform is off:
// until it is back their links may have expired. It answers with when to look
// again. The caller holds the lock.
func (c *courier) fetchAll(l *lane, now time.Time) (wake time.Time) {
	for _, w := range l.queue {
		switch {
		case !w.needsFiles():
		case w.due.After(now):
			wake = sooner(wake, w.due)
		default:
			c.wantFiles(w)
		}
	}
	return wake
}

// line is where a lane waits for its turn with the delivery or the edit; nil
// when it has neither to show now.
func (p *platform) line(w *waiting, lead TaskID) *line {
	switch {
	case w != nil && w.needsFiles(), w == nil && lead == "":
		return nil
	case w == nil:
		return &p.edits
	case w.Kind == DeliverNews:
		return &p.news
	case w.bytes > 0:
		return &p.heavy
	}
	return &p.plain
}

// look plans the lane again, unless it was forgotten since.
func (c *courier) look(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lanes[l.name] == l {
		c.plan(l)
	}
}

// begin takes what can be done now out of the lines, and says how long
// nothing more can be done unless there is news.
func (c *courier) begin() (jobs []func(ctx, work context.Context), nap time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fetching < fetchMax && len(c.fetches) > 0 {
		w := c.fetches[0]
		c.fetches = c.fetches[1:]
		c.fetching++
		if w.since.IsZero() {
			w.since = time.Now()
		}
		jobs = append(jobs, func(ctx, work context.Context) { c.fetchFiles(ctx, work, w) })
		c.plan(w.lane)
	}
	var wake time.Time
	for _, p := range c.platforms {
		for _, n := range []*line{&p.heavy, &p.plain, &p.edits, &p.news} { // the last has what is left
			more, at := c.serve(p, n)
			jobs = append(jobs, more...)
			wake = sooner(wake, at)
		}
	}
	if wake.IsZero() {
		return jobs, longestNap
	}
	return jobs, time.Until(wake)
}

// serve takes lanes from the head of the line for as long as the platform
// allows, and says when it allows more.
func (c *courier) serve(p *platform, n *line) (jobs []func(ctx, work context.Context), wake time.Time) {
	for l := n.first(); l != nil; l = n.first() {
		now := time.Now() // not before the lane was planned: what it could do then it can do now
		w, lead, _ := l.turn(now)
		if p.line(w, lead) != n {
			c.plan(l) // time has brought it something better
			continue
		}
		if at := later(p.rest, p.meters.free(w == nil || w.Kind == DeliverNews, c.e.Sharers())); at.After(now) {
			return jobs, at
		}
		bytes := int64(0)
		if w != nil {
			bytes = w.bytes
		}
		if !n.takes(bytes) {
			return jobs, time.Time{}
		}
		jobs = append(jobs, c.attempt(l, w, lead, now))
	}
	return jobs, time.Time{}
}

// attempt makes the lane busy with the delivery or the edit. The caller holds the lock.
func (c *courier) attempt(l *lane, w *waiting, lead TaskID, now time.Time) func(ctx, work context.Context) {
	n := l.line
	l.leave()
	l.busy = true
	l.meters.note(now)
	l.home.meters.note(now)
	n.under++
	if w == nil {
		l.forgetEdits(lead)
		l.edited[lead] = now
		return func(_, work context.Context) { c.edited(l, n, lead, c.edit(work, l.name, lead)) }
	}
	if w.since.IsZero() {
		w.since = now
	}
	n.bytes += w.bytes
	return func(_, work context.Context) { c.tried(l, n, w, c.try(work, w)) }
}

// edited notes what came of an edit.
func (c *courier) edited(l *lane, n *line, lead TaskID, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.busy = false
	c.rested.Broadcast()
	n.under--
	if o.wait > 0 { // the platform wants to be left alone
		c.postpone(l, &waiting{Delivery: o.delivery}, o.wait, time.Now())
		l.wantEdit(lead)
	}
	c.plan(l)
	c.ring()
}

// tried notes what came of an attempt.
func (c *courier) tried(l *lane, n *line, w *waiting, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.busy = false
	c.rested.Broadcast()
	n.under--
	n.bytes -= w.bytes
	if o.taken {
		l.took = time.Now()
		c.isBack(l.home, l.took)
	}
	c.settle(l, w, o)
	if !o.over && w.lane == l && w.Rest == RestNothing {
		l.keepOrder(w)
	}
	c.plan(l)
	c.ring()
}

// isBack notes that the platform took something. When it had taken nothing for
// a while, what failed meanwhile failed for that, and need not wait out its
// backoff. The caller holds the lock.
func (c *courier) isBack(p *platform, now time.Time) {
	before := p.took
	p.took = now
	if now.Sub(before) < asideAfter {
		return
	}
	for _, l := range c.lanes {
		if l.home != p {
			continue
		}
		for _, w := range l.queue {
			if w.Rest == RestNothing && w.since.After(before) && w.due.After(now) {
				w.due = now
			}
		}
		c.plan(l)
	}
}

// settle puts the delivery where it belongs after an attempt.
func (c *courier) settle(l *lane, w *waiting, o outcome) {
	w.Delivery, w.shown = o.delivery, o.shown
	switch {
	case o.over:
		l.remove(w)
		c.forgetLead(w.Lead)
	case w.Lane != l.name:
		l.remove(w)
		w.since, w.due = time.Time{}, time.Time{}
		if to := c.lane(w.Lane); to.part.begun() {
			to.insert(w)
			c.plan(to)
			return
		}
		c.forgetLead(w.Lead) // another replica has heard of it
	default:
		c.postpone(l, w, o.wait, time.Now())
	}
}

// fetchFiles does one piece of the line for files.
func (c *courier) fetchFiles(ctx, work context.Context, w *waiting) {
	got, o := c.collect(ctx, work, w.Delivery)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetching--
	w.step = unfetched
	switch {
	case ctx.Err() != nil:
		return // stopping
	case o.wait > 0:
		c.settle(w.lane, w, o)
	default:
		w.step, w.files, w.bytes, w.since = fetched, got.files, got.bytes, time.Time{}
	}
	c.plan(w.lane)
	c.ring()
}
