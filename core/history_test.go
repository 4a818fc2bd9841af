package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// history is a plan that is happening.
type history struct {
	plan      plan
	w         *world
	fleet     []*member
	at        *member // who is spoken to: its process is the world's, its witness this one
	witness   *witness
	runs      atomic.Uint64
	called    atomic.Uint64 // callbacks, and tries to pass them
	book      *book
	kies      []*moody
	clock     wallClock
	questions questions
	life      int          // how often a process was started
	died      map[int]bool // which of these lives had no clean end
	newest    time.Time    // the furthest that the wall clock has been

	mu      sync.Mutex // guards all below: Kie's and the platform's goroutines use it
	prompts map[string]*order
	numbers map[string]int // of tasks in their batches
	asked   map[string]int // createTask requests that arrived, by prompt and number
	silent  map[core.Lane]time.Time
	tries   map[core.DeliveryID]int
	opens   map[string]int // of the files, by name
	shows   []shown
}

// shown is one answer of the platform.
type shown struct {
	core.Parcel
	life int
	err  error
	seen bool // it is in the chat, whatever the answer
}

// wallClock can be set, while the bubble's time only goes on.
type wallClock struct{ skew atomic.Int64 }

func (c *wallClock) now() time.Time { return time.Now().Add(time.Duration(c.skew.Load())) }

// lockedRand is chance that goroutines share.
type lockedRand struct {
	mu sync.Mutex
	r  io.Reader
}

// Read implements io.Reader.
func (l *lockedRand) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

func newHistory(t *testing.T, p plan, b *book, log *slog.Logger) *history {
	h := &history{
		plan: p, book: b, questions: newQuestions(), prompts: map[string]*order{}, asked: map[string]int{}, numbers: map[string]int{},
		silent: map[core.Lane]time.Time{}, tries: map[core.DeliveryID]int{}, opens: map[string]int{}, died: map[int]bool{},
	}
	kieCfg := kietest.Config{Seed: p.seed, Credits: 1 << 40, Shrink: 512, Durations: kietest.Durations{Image: 6 * time.Second}}
	kieCfg.Keys = p.keys
	if p.signed {
		kieCfg.HMACKey = "hook-key"
	}
	h.w = newWorld(t, kieCfg, func(c *core.Config) {
		c.Policy, c.Now, c.Logger, c.Retention = p.policy, h.clock.now, log, p.retention
		c.Sources = map[string]core.Source{"chat": h}
		for i := range c.Kie {
			h.kies = append(h.kies, &moody{Kie: c.Kie[i].Client})
			c.Kie[i].Client = h.kies[i]
		}
		c.Rand = &lockedRand{r: rand.NewChaCha8([32]byte{byte(p.seed), byte(p.seed >> 8)})}
		if p.polling {
			c.CallbackBase = ""
		}
		if p.signed {
			c.Verifier = &kie.Verifier{Keys: []kie.Secret{"hook-key"}}
		}
	})
	h.w.mayDie = true
	h.w.kie.CreateWith(h.create)
	h.w.chat.fail, h.w.chat.after = h.before, h.after
	h.gather()
	return h
}

// play lets every step happen and everything come to its end.
func (h *history) play() {
	defer h.close()
	h.each(h.boot)
	for _, s := range h.plan.steps {
		h.turnTo(s.n)
		h.step(s)
		h.settle()
		if h.witness.isDead() {
			nap(s.span)
			h.revive()
		}
		if len(h.book.problems) > 0 {
			return
		}
	}
	h.finish()
}

// close ends the replicas and then the world.
func (h *history) close() {
	for n := range h.fleet[1:] {
		h.turnTo(n + 1)
		h.w.stop()
		h.w.must(h.w.shut())
	}
	h.turnTo(0)
	h.w.close()
}

// boot stops everything of the replica's, cleanly or dead, and starts it again.
func (h *history) boot() {
	h.at.hooks.Store(nil)
	h.w.reopen(func(s core.Store) core.Store {
		h.collect()
		h.witness = newWitness(s)
		h.witness.onTask, h.witness.runs = h.number, &h.runs
		h.at.witness = h.witness
		return h.witness
	})
	h.at.hooks.Store(&hooked{h.w.callbacks(), h.witness})
	h.life++
	h.at.chat.life.Store(int64(h.life))
	h.w.run()
}

// revive starts a dead process; the platform sends again what nobody answered.
func (h *history) revive() {
	h.died[int(h.at.chat.life.Load())] = true
	h.boot()
	for _, o := range h.book.asked {
		if o.unknown {
			h.send(o)
		}
	}
	h.settle()
}

// settle waits until nothing more happens at this moment, and reads what was committed.
func (h *history) settle() {
	synctest.Wait()
	h.collect()
	if now := h.clock.now(); now.After(h.newest) {
		h.newest = now
	}
	if latest := h.newest.Add(-h.plan.retention); h.book.pruned.After(latest) {
		h.book.wrong("what was over before %v is forgotten, and only what was before %v may be", h.book.pruned, latest)
	}
}

func (h *history) step(s step) {
	switch s.do {
	case doSubmit:
		h.send(h.order(s, fmt.Sprint(s.n)))
	case doBurst:
		h.burst(s)
	case doAnswer:
		h.reply(s)
	case doRepeat:
		h.repeat(s)
	case doLink:
		h.link(s)
	case doAdmin:
		h.admin(s)
	case doPay:
		h.pay(s)
	case doCancel:
		h.cancel(s)
	case doRestart:
		h.boot()
	case doStop:
		h.w.stop()
		nap(s.span)
		h.w.run()
	case doDie:
		h.witness.arm(s.count, s.after)
	case doNap:
		nap(s.span)
	case doJump:
		h.jump(s.span)
	case doRelease:
		h.release()
	case doOutage:
		call := kietest.CallRecord
		if s.after {
			call = kietest.CallUpload
		}
		time.AfterFunc(s.span, h.w.kie.Always(call, kietest.HTML(502)))
	case doPark:
		what := noCredits
		if s.after {
			what = keyRefused
		}
		h.kies[s.count].be(what, s.span)
	case doSilence:
		h.mu.Lock()
		h.silent[room(s)] = time.Now().Add(s.span)
		h.mu.Unlock()
	}
}

func person(n int) core.Identity {
	return core.Identity{Platform: "chat", User: fmt.Sprint("person-", n)}
}

func room(s step) core.Lane { return core.NewLane("chat", fmt.Sprint("room-", s.room)) }

// placeOf is what the room of the step is part of: two are of one house, the
// last one stands alone.
func placeOf(s step) core.Place {
	if s.room < rooms-1 {
		return "chat:house:1"
	}
	return core.Place(room(s))
}

// order is what the person of the step wants.
func (h *history) order(s step, key string) *order {
	o := &order{step: s, key: key, request: core.Request{
		Key: key, Origin: core.Origin{Identity: person(s.who), Lane: room(s), Place: placeOf(s)}, Command: "imagine", Count: s.count,
		Prompt: "order " + key, Model: s.model.id, Input: map[string]any{"prompt": "order " + key},
	}}
	if s.model.file {
		o.request.Files = []core.InputFile{{Name: key, Ref: []byte(`{}`)}}
		o.request.Input["image_urls"] = []any{core.FileValue(0)}
	}
	if s.agreed {
		o.request.Confirmed = o.total()
	}
	h.book.order(o)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prompts[o.request.Prompt] = o
	return o
}

// send hands the order's update to the engine. While nothing else moves, what
// the answer must be is known.
func (h *history) send(o *order) {
	h.settle()
	known, now := h.book.batch(o), h.clock.now()
	want := h.book.refusal(o, now)
	if known != nil {
		now = h.book.facts[known[0]].Created // it is recognised from its first time on
	}
	receipt, err := h.w.engine.Submit(h.w.t.Context(), o.request)
	if h.witness.isDead() {
		h.questions.forget(o, now)
		o.unknown = err != nil
		if err == nil {
			o.tasks, o.at = receipt.Tasks, now
		}
		return
	}
	o.unknown = false
	reason := reasonOf(err)
	switch {
	case known != nil:
		if err != nil || !receipt.Repeated || fmt.Sprint(receipt.Tasks) != fmt.Sprint(known) {
			h.book.wrong("update %s was accepted as %v, and now again as %v, %v", o.key, known, receipt.Tasks, err)
		}
	case reason != want || err == nil && len(receipt.Tasks) != o.count:
		h.book.wrong("update %s was answered with %v, %v; want %q", o.key, receipt.Tasks, err, want)
	case reason == core.ReasonConfirm:
		if err := h.questions.ask(o, questionOf(err), now); err != nil {
			h.book.wrong("asking about the price: %v", err)
		}
		return
	case err != nil:
		return
	}
	o.tasks, o.at = receipt.Tasks, now
}

// reasonOf is why something was refused; empty when it was not.
func reasonOf(err error) core.Reason {
	var refusal *core.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason
	case err != nil:
		return core.Reason(err.Error())
	}
	return ""
}

// burst lets one person press several times at the same moment: as many are
// accepted as fit.
func (h *history) burst(s step) {
	h.settle()
	ended := h.book.ended
	errs := make([]error, burstSize)
	var all []*order
	var under sync.WaitGroup
	for i := range burstSize {
		o := h.order(s, fmt.Sprintf("%d.%d", s.n, i))
		all = append(all, o)
		under.Go(func() {
			var receipt core.Receipt
			receipt, errs[i] = h.w.engine.Submit(h.w.t.Context(), o.request)
			o.tasks, o.at = receipt.Tasks, h.clock.now()
		})
	}
	under.Wait()
	h.settle()
	for i, o := range all {
		if o.question = questionOf(errs[i]); o.question != "" || h.witness.isDead() {
			h.questions.forget(o, o.at)
		}
		switch want := h.book.refusal(o, o.at); {
		case h.witness.isDead():
			o.unknown = errs[i] != nil
		case h.book.ended != ended: // what has ended meanwhile made room; after a jump of the clock the burst itself may have woken it
		case errs[i] != nil && reasonOf(errs[i]) != want:
			h.book.wrong("update %s was refused: %v; want %q", o.key, errs[i], want)
		}
	}
}

// link makes two people one account.
func (h *history) link(s step) {
	h.settle()
	mine, theirs := person(s.who), person(s.count)
	want := core.Reason("")
	switch a := h.book.accountOf(mine); {
	case mine == theirs:
		want = core.ReasonLinkSelf
	case a != "" && a == h.book.accountOf(theirs):
		want = core.ReasonLinked
	}
	code, err := h.w.engine.LinkCode(h.w.t.Context(), theirs)
	if err == nil {
		_, err = h.w.engine.Link(h.w.t.Context(), mine, code.Code)
	}
	if reason := reasonOf(err); reason != want && !h.witness.isDead() {
		h.book.wrong("linking %s with %s said %v, want %q", mine, theirs, err, want)
	}
}

// repeat is the platform that sends an update again, within the time in which
// it is recognised.
func (h *history) repeat(s step) {
	o := h.book.orders[fmt.Sprint(s.order)]
	if o == nil || o.tasks != nil && h.newest.After(o.at.Add(core.SeenFor)) {
		return
	}
	h.send(o)
}

// cancel is somebody who presses cancel.
func (h *history) cancel(s step) {
	o := h.book.orders[fmt.Sprint(s.order)]
	if o == nil || len(o.tasks) == 0 {
		return
	}
	h.settle()
	id := o.tasks[s.count%len(o.tasks)]
	who := o.request.Origin.Identity
	want := cancelAnswer(h.book.facts[id].State)
	if s.after {
		who, want = core.Identity{Platform: "chat", User: "stranger"}, core.ReasonNotYours
	}
	if h.book.facts[id].gone {
		want = core.ReasonNoTask
	}
	task, err := h.w.engine.Cancel(h.w.t.Context(), who, string(id))
	if h.witness.isDead() {
		return
	}
	reason := reasonOf(err)
	switch {
	case want == "" && (err != nil || task.State != core.Canceled):
		h.book.wrong("task %s could be canceled: it is %s, %v", id, task.State, err)
	case reason != want:
		h.book.wrong("canceling task %s said %v, want %q", id, err, want)
	}
}

// cancelAnswer is why a task in the state cannot be canceled; empty when it can.
func cancelAnswer(s core.State) core.Reason {
	return map[core.State]core.Reason{
		core.Queued: "", core.Creating: core.ReasonCancelLater, core.Running: core.ReasonNotCancel, core.Unresolved: core.ReasonUncertain,
		core.Succeeded: core.ReasonFinished, core.Failed: core.ReasonFinished, core.Expired: core.ReasonFinished, core.Canceled: core.ReasonFinished,
	}[s]
}

func (h *history) release() {
	for _, task := range h.w.kie.Tasks() {
		h.w.kie.Release(task.ID)
	}
}

// finish lets everything come to its end, and what comes after the end too.
func (h *history) finish() {
	h.each(h.boot)
	if err := h.w.engine.SetPaused(h.w.t.Context(), core.Act{By: core.CommandLine}, false); err != nil {
		h.book.wrong("the end of a pause: %v", err)
	}
	for range 2 {
		h.quiet()
		h.release() // what was kept back comes late
		nap(time.Hour)
	}
	h.quiet()
	h.check()
	h.forgetAll()
}

// quiet lets time pass until there is nothing left to do.
func (h *history) quiet() {
	restless := ""
	for n := range 1500 {
		h.settle()
		if restless = h.book.restless(); restless == "" {
			return
		}
		nap(min(time.Duration(n+1)*time.Second, time.Minute))
	}
	h.book.wrong("it never comes to rest: %s", restless)
}

// number notes which of its batch a task is.
func (h *history) number(t core.Task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.numbers[string(t.ID)] = slices.Index(t.Batch, t.ID)
}

// taskOf is the task that a callback address is about, or nothing.
func taskOf(address string) string {
	parts := strings.Split(address, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[len(parts)-2]
}

// create is what happens to a createTask request. Kie's goroutines call it.
func (h *history) create(c kietest.Creation) []kietest.Fault {
	prompt, _ := c.Input["prompt"].(string)
	h.mu.Lock()
	defer h.mu.Unlock()
	number := h.numbers[taskOf(c.CallbackURL)]
	place := fmt.Sprintf("%s/%d", prompt, number)
	nth := h.asked[place]
	h.asked[place]++
	f := h.prompts[prompt].fates[number]
	switch {
	case nth >= len(f.faults):
		return nil
	case f.slow:
		gate := make(chan struct{})
		time.AfterFunc(slowNo, func() { close(gate) })
		return append(faults(kietest.Hold(gate)), f.faults[nth]...)
	}
	return f.faults[nth]
}

// slowNo is how long Kie takes where it takes its time to say no.
const slowNo = 20 * time.Second

// Open implements core.Source: it is the platform that is asked for a file.
func (h *history) Open(_ context.Context, f core.InputFile) (io.ReadCloser, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fate, nth := h.prompts["order "+f.Name].file, h.opens[f.Name]
	h.opens[f.Name]++
	content := strings.NewReader(f.Name)
	switch {
	case nth < len(fate.errs) && errors.Is(fate.errs[nth], errBreaksOff):
		return io.NopCloser(io.MultiReader(content, iotest.ErrReader(errBreaksOff))), nil
	case nth < len(fate.errs):
		return nil, fate.errs[nth]
	case fate.gone:
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(content), nil
}

// before is the platform's answer before it shows anything.
func (h *history) before(p core.Parcel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err, seen := h.answer(p)
	h.shows = append(h.shows, shown{Parcel: p, life: h.w.chat.life, err: err, seen: seen})
	if seen {
		return nil
	}
	return err
}

// after is the platform's answer once it has shown the parcel.
func (h *history) after(core.Parcel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shows[len(h.shows)-1].err
}

// answer is what goes wrong with the parcel, and whether it is shown nevertheless.
func (h *history) answer(p core.Parcel) (err error, seen bool) {
	d := p.Delivery
	if time.Now().Before(h.silent[d.Lane]) {
		return errors.New("the platform is down"), false
	}
	if d.Kind != core.DeliverFinal {
		return nil, true
	}
	show := h.prompts[p.Tasks[0].Request.Prompt].show
	nth := h.tries[d.ID]
	h.tries[d.ID]++
	if show.forGood && len(show.errs) > 0 {
		return show.errs[0], false
	}
	if nth < len(show.errs) {
		return show.errs[nth], show.shown
	}
	return nil, true
}
