package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"kiebot/bots"
)

// Bounds of receiving.
const (
	// patience is how long Telegram waits for an update to be handled. What
	// takes longer is stored, and goes on by itself.
	patience  = time.Second
	hurried   = patience / 10           // the same, when others stand behind it, of whom one may be paying
	atOnce    = pollLimit               // commands being worked on; those that come together are committed together
	mostTaken = 2000                    // that were taken and are not done; more have to wait at Telegram
	mostDone  = 10_000                  // whose ids are remembered: webhooks repeat an update that was answered late
	albumWait = 1500 * time.Millisecond // from one picture of an album to the next
)

// receiver takes updates, from wherever they come, while this replica has the
// duty. Those of one chat are handled in order, chats do not wait for each other,
// each update is handled once, and none is lost by a kill: either Telegram gives
// it again or the inbox has it.
//
// What is repeated after a kill finds its task by the request's key, which is the
// update's id or, as its pictures may come again in part, the album's; a command
// that makes nothing is answered a second time.
type receiver struct {
	handle func(ctx context.Context, u update, album []*message)
	inbox  *inbox
	failed func(id int64, err error) // an update could not be handled, or stored, or decoded
	slots  chan struct{}
	room   chan struct{}
	work   sync.WaitGroup
	beside sync.WaitGroup // what aside does

	mu     sync.Mutex
	last   map[queue]*job // the newest of each
	taken  map[int64]*job // by update id: not done yet
	done   memory
	albums map[string]*job
}

// queue is what is handled in order. Presses and inline queries have one of
// their own each: a button must not spin until a command before it is done.
type queue struct {
	chat   int64
	press  bool
	inline bool
}

func queueOf(u update) queue { return queue{u.chatID(), u.Press != nil, u.Inline != nil} }

// job is one update being handled; an album is one job.
type job struct {
	update update
	album  []*message
	more   chan struct{} // of an album: another picture came
	done   chan struct{}
}

func (j *job) isDone() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

func newReceiver(in *inbox, handle func(context.Context, update, []*message), failed func(int64, error)) *receiver {
	return &receiver{
		handle: handle, inbox: in, failed: failed, slots: make(chan struct{}, atOnce), room: make(chan struct{}, mostTaken),
		last: map[queue]*job{}, taken: map[int64]*job{}, albums: map[string]*job{},
	}
}

// take returns when Telegram may forget the updates: each is handled, or stored.
// The handling goes on under ctx, which outlives the call.
func (r *receiver) take(ctx context.Context, updates []update) error {
	var jobs []*job
	for _, u := range updates {
		j, err := r.start(ctx, u)
		if err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	wait := patience
	if len(updates) >= pollLimit {
		wait = hurried
	}
	patient := time.NewTimer(wait)
	defer patient.Stop()
	for _, j := range jobs {
		select {
		case <-j.done:
		case <-patient.C:
			return r.inbox.keep(ctx, jobs)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// resume begins with updates that the inbox has, in their order.
func (r *receiver) resume(ctx context.Context, stored []json.RawMessage) error {
	var over []int64
	for _, raw := range stored {
		u, err := readUpdate(raw)
		if err != nil { // another version has put it in
			r.failed(u.ID, err)
			over = append(over, u.ID)
			continue
		}
		j, err := r.start(ctx, u)
		if err != nil {
			return err
		}
		if j.isDone() { // it came again
			over = append(over, u.ID)
		}
	}
	return r.inbox.drop(ctx, over)
}

// start begins with an update, unless it was begun before.
func (r *receiver) start(ctx context.Context, u update) (*job, error) {
	r.mu.Lock()
	j := r.known(u)
	r.mu.Unlock()
	if j != nil {
		return j, nil
	}
	select {
	case r.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.known(u); j != nil { // it came again while this waited for room
		<-r.room
		return j, nil
	}
	j = &job{update: u, done: make(chan struct{})}
	queue := queueOf(u)
	before := r.last[queue]
	r.last[queue], r.taken[u.ID] = j, j
	if m := u.message(); m != nil && u.Press == nil && m.Album != "" {
		j.album, j.more = []*message{m}, make(chan struct{}, 1)
		r.albums[albumKey(m)] = j
	}
	r.work.Go(func() { r.run(ctx, j, before) })
	return j, nil
}

func albumKey(m *message) string { return fmt.Sprint(m.Chat.ID, " ", m.Album) }

// known is the job of an update that came before, or of whose album one did;
// nil when it is new. The lock is held.
func (r *receiver) known(u update) *job {
	if j := r.taken[u.ID]; j != nil {
		return j
	}
	if r.done.has(u.ID) {
		over := make(chan struct{})
		close(over)
		return &job{done: over}
	}
	return r.albumOf(u)
}

// albumOf adds a picture to the album that is being gathered; nil when there
// is none.
func (r *receiver) albumOf(u update) *job {
	m := u.message()
	if m == nil || u.Press != nil || m.Album == "" {
		return nil
	}
	j := r.albums[albumKey(m)]
	if j == nil {
		return nil
	}
	j.album = append(j.album, m)
	piece := &job{update: u, done: j.done}
	r.taken[u.ID] = piece
	select {
	case j.more <- struct{}{}:
	default:
	}
	return piece
}

// run handles the job after the one before it in its chat.
func (r *receiver) run(ctx context.Context, j, before *job) {
	defer func() { <-r.room }()
	if j.more != nil {
		r.gather(ctx, j)
	}
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
			return
		}
	}
	r.guarded(ctx, j)
	if ctx.Err() != nil {
		return // perhaps it was cut short: it is handled again after the next start
	}
	r.finish(ctx, j)
}

// gather waits until no further picture of the album comes.
func (r *receiver) gather(ctx context.Context, j *job) {
	quiet := time.NewTimer(albumWait)
	defer quiet.Stop()
	for {
		select {
		case <-j.more:
			quiet.Reset(albumWait)
		case <-quiet.C:
			r.mu.Lock()
			delete(r.albums, albumKey(j.album[0]))
			r.mu.Unlock()
			return
		case <-ctx.Done():
			return
		}
	}
}

// guarded contains a panic: one update must not stop the bot.
func (r *receiver) guarded(ctx context.Context, j *job) {
	defer r.contain(j.update.ID)
	r.handle(ctx, j.update, j.album)
}

// contain ends a panic.
func (r *receiver) contain(id int64) {
	if what := recover(); what != nil {
		r.failed(id, bots.Panicked(what))
	}
}

// aside does what an update wants that waits for nothing and is kept nowhere.
func (r *receiver) aside(id int64, do func()) {
	r.beside.Go(func() {
		defer r.contain(id)
		do()
	})
}

// finish says that the job is done and forgets what was stored of it.
func (r *receiver) finish(ctx context.Context, j *job) {
	close(j.done)
	ids := []int64{j.update.ID}
	r.mu.Lock()
	if queue := queueOf(j.update); r.last[queue] == j {
		delete(r.last, queue)
	}
	if len(j.album) > 1 {
		ids = ids[:0]
		for id, other := range r.taken {
			if other.done == j.done {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		delete(r.taken, id)
		r.done.add(id)
	}
	r.mu.Unlock()
	if err := r.inbox.drop(ctx, ids); err != nil {
		r.failed(j.update.ID, err)
	}
}

// working runs what uses the store and the processor, at most atOnce at the
// same time. Waiting for leave to answer is done outside of it, so that a chat
// that takes nothing at the moment holds up no other.
func (r *receiver) working(ctx context.Context, do func()) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
		do()
	case <-ctx.Done():
	}
}

// leave returns when nothing is being handled any more, the context of which has
// ended. What was cut short is forgotten: the inbox has it, or Telegram.
func (r *receiver) leave() {
	r.inbox.end()
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.last)
	clear(r.taken)
	clear(r.albums)
}

// memory remembers the latest ids that were added. The zero value is ready.
type memory struct {
	ring []int64
	next int
	ids  map[int64]bool
}

func (m *memory) has(id int64) bool { return m.ids[id] }

func (m *memory) add(id int64) {
	if m.ids == nil {
		m.ids = map[int64]bool{}
	}
	m.ids[id] = true
	if len(m.ring) < mostDone {
		m.ring = append(m.ring, id)
		return
	}
	delete(m.ids, m.ring[m.next])
	m.ring[m.next] = id
	m.next = (m.next + 1) % mostDone
}
