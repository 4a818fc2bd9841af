package core_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

var historySeed = flag.Uint64("history.seed", 0, "replay the random history with this seed; 0 means a few fresh ones")

// Random histories: people submit, cancel and repeat updates, Kie misbehaves
// in every way it knows, the process dies and starts again, time passes. At
// the end every promise is held against what happened.
func TestRandomHistories(t *testing.T) {
	seeds := []uint64{*historySeed}
	if *historySeed == 0 {
		seeds = nil
		for range 4 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Logf("replay with -history.seed %d", seed)
			synctest.Test(t, func(t *testing.T) { newHistory(t, seed).play() })
		})
	}
}

type history struct {
	t        *testing.T
	w        *world
	rand     *rand.Rand
	accepted map[string][]core.TaskID // by the update's key
	requests []core.Request
}

func newHistory(t *testing.T, seed uint64) *history {
	w := newWorld(t, kietest.Config{Seed: seed}, func(c *core.Config) { c.UserDaily = core.Limit(60 * imagePrice) })
	w.mayDie = true
	return &history{t: t, w: w, rand: rand.New(rand.NewPCG(seed, 1)), accepted: map[string][]core.TaskID{}}
}

func (h *history) play() {
	defer h.w.close()
	h.w.run()
	for range 60 {
		h.step()
	}
	h.w.reopen(nil)
	h.w.run()
	for _, task := range h.all() {
		h.w.untilShown(task.Lead())
		if task := h.w.task(task.ID); !task.State.Final() || !task.Due.IsZero() {
			h.t.Errorf("task %s is %s, due %v", task.ID, task.State, task.Due)
		}
	}
	h.check()
}

// all is every task there is, also of requests whose answer was lost when the process died.
func (h *history) all() []core.Task {
	tasks, err := h.w.engine.History(h.t.Context(), ada, "", 1<<20)
	if err != nil {
		h.t.Fatal(err)
	}
	return tasks
}

// step lets one thing happen.
func (h *history) step() {
	switch h.rand.IntN(12) {
	case 0, 1, 2, 3:
		h.submit()
	case 4:
		if len(h.requests) > 0 { // the platform sends an update again
			h.send(h.requests[h.rand.IntN(len(h.requests))])
		}
	case 5:
		h.cancel()
	case 6:
		h.restart()
	case 7:
		h.die()
	default:
		nap(time.Duration(h.rand.IntN(90)) * time.Second)
	}
	synctest.Wait()
}

// trouble is something that goes wrong with the next creation, or nothing.
func (h *history) trouble() []kietest.Fault {
	all := [][]kietest.Fault{
		nil, nil, nil, {kietest.Answer(429, "slow")}, {kietest.Answer(455, "later")}, {kietest.Answer(402, "empty")},
		{kietest.Answer(422, "no")}, {kietest.HTML(502)}, {kietest.Drop()}, {kietest.NullTaskID()},
		{kietest.After(kietest.Drop())}, {kietest.After(kietest.HTML(502))}, {kietest.After(kietest.Drop()), kietest.CallbackNever()},
		{kietest.Fail("501", "no luck")}, {kietest.CallbackTwice()}, {kietest.CallbackEarly()}, {kietest.CallbackNever()},
		{kietest.CallbackForgedToken()}, {kietest.EmptyResult(2)}, {kietest.EmptyResult(-1)}, {kietest.FilesMissing(2)},
		{kietest.Consume(core.Credits(h.rand.IntN(20_000)))}, {kietest.Stick()},
	}
	return all[h.rand.IntN(len(all))]
}

func (h *history) submit() {
	if faults := h.trouble(); faults != nil {
		h.w.kie.NextCreate(faults...)
	}
	req := request(fmt.Sprint("picture ", len(h.requests)))
	req.Count = 1 + h.rand.IntN(3)
	h.requests = append(h.requests, req)
	h.send(req)
}

func (h *history) send(req core.Request) {
	receipt, err := h.w.engine.Submit(h.t.Context(), req)
	var refusal *core.Refusal
	switch {
	case errors.As(err, &refusal):
	case err != nil:
		h.t.Errorf("Submit: %v", err)
	case h.accepted[req.Key] != nil && fmt.Sprint(h.accepted[req.Key]) != fmt.Sprint(receipt.Tasks):
		h.t.Errorf("update %s led to %v and to %v", req.Key, h.accepted[req.Key], receipt.Tasks)
	default:
		h.accepted[req.Key] = receipt.Tasks
	}
}

func (h *history) cancel() {
	for _, ids := range h.accepted {
		_, err := h.w.engine.Cancel(h.t.Context(), ada, string(ids[h.rand.IntN(len(ids))]))
		var refusal *core.Refusal
		if err != nil && !errors.As(err, &refusal) {
			h.t.Errorf("Cancel: %v", err)
		}
		return
	}
}

func (h *history) restart() {
	h.w.reopen(nil)
	h.w.run()
}

// die kills the process at one of its next commits.
func (h *history) die() {
	d := &dying{at: 1 + h.rand.IntN(8), after: h.rand.IntN(2) == 0, dead: make(chan struct{})}
	h.w.reopen(func(s core.Store) core.Store { d.Store = s; return d })
	h.w.run()
	h.submit()
	select {
	case <-d.dead:
	case <-time.After(time.Minute):
	}
	synctest.Wait()
	h.restart()
}

// check holds the promises against what Kie and the ledger know.
func (h *history) check() {
	h.w.balance(ada)
	made := map[string]int{}
	for _, task := range h.w.kie.Tasks() {
		made[task.CallbackURL]++
	}
	for url, n := range made {
		if n > 1 {
			h.t.Errorf("%d Kie tasks for %s", n, url)
		}
	}
	var charged core.Credits
	there := map[core.TaskID]bool{}
	for _, task := range h.all() {
		there[task.ID] = true
		charged += task.Charged
		if task.State != core.Succeeded && task.Charged != 0 {
			h.t.Errorf("task %s %s and was charged %s", task.ID, task.State, task.Charged)
		}
		if task.State == core.Succeeded && task.Kie == (kie.Ref{}) {
			h.t.Errorf("task %s succeeded without a Kie task", task.ID)
		}
		if last := h.w.chat.about(task.Lead()); last[len(last)-1].last.Delivery.Kind == core.DeliverAccepted {
			h.t.Errorf("the chat still says that %s was accepted", task.Lead())
		}
	}
	for key, ids := range h.accepted {
		for _, id := range ids {
			if !there[id] {
				h.t.Errorf("update %s was accepted as %s and is lost", key, id)
			}
		}
	}
	if used := h.w.balance(ada).Settled; used != charged {
		h.t.Errorf("the windows have %s used, the tasks were charged %s", used, charged)
	}
}
