package core_test

import (
	"fmt"
	"image/png"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

func TestPromptGoesInPictureComesOut(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		id := w.submit(request("a cat astronaut"))
		task := w.untilShown(id)
		if task.State != core.Succeeded || task.Charged != imagePrice || task.Estimated {
			t.Errorf("ended %s, charged %s, estimated %v", task.State, task.Charged, task.Estimated)
		}
		wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal)
		if got := w.balance(ada); got != (core.Usage{Settled: imagePrice}) {
			t.Errorf("the window has %+v", got)
		}
		output := w.chat.message(t, id).last.Tasks[0].Outputs[0]
		if output.File == nil {
			t.Fatal("the result came without its file")
		}
		f, err := os.Open(output.File.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		picture, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size.X != output.File.Width || size.Y != output.File.Height {
			t.Errorf("the picture is %v, the record says %dx%d", size, output.File.Width, output.File.Height)
		}
	})
}

func TestCallbackIsFasterThanPolling(t *testing.T) {
	for name, base := range map[string]string{"with callbacks": "http://bot.test", "polling only": ""} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, func(c *core.Config) { c.CallbackBase = base }, func(t *testing.T, w *world) {
				id := w.submit(request("a cat"))
				w.untilShown(id)
				ended := w.kie.Tasks()[0].Ended
				late := w.task(id).Finished.Sub(ended)
				if base != "" && late > 100*time.Millisecond {
					t.Errorf("the end was known %v after it happened, with callbacks", late)
				}
				if late > 21*time.Second {
					t.Errorf("the end was known %v after it happened", late)
				}
			})
		})
	}
}

func TestSameUpdateIsAcceptedOnce(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		req := request("a cat")
		first := w.submit(req)
		again, err := w.engine.Submit(t.Context(), req)
		if err != nil || !again.Repeated || again.Tasks[0] != first {
			t.Errorf("the same update again: %+v, %v", again, err)
		}
		w.untilShown(first)
		if n := len(w.kie.Tasks()); n != 1 {
			t.Errorf("%d Kie tasks, want 1", n)
		}
		nap(core.SeenFor + time.Second)
		if id := w.submit(req); id == first {
			t.Error("after its time the update should be new")
		}
	})
}

func TestFiftyAtOnceAgainstRoomForTen(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Limit(10 * imagePrice) }, func(t *testing.T, w *world) {
		w.fiftyAtOnce(core.ReasonQuota, func(*core.Refusal) {})
		w.until("all ten are settled", func() bool { return w.balance(ada) == core.Usage{Settled: 10 * imagePrice} })
		if n := len(w.kie.Tasks()); n != 10 {
			t.Errorf("%d Kie tasks, want 10", n)
		}
	})
}

// fiftyAtOnce submits fifty requests at the same moment, of which ten must be
// accepted and the others refused for the reason; check sees the refusals.
func (w *world) fiftyAtOnce(reason core.Reason, check func(*core.Refusal), edit ...func(n int, req *core.Request)) {
	w.t.Helper()
	var accepted, refused counter
	var callers sync.WaitGroup
	for n := range 50 {
		req := request(fmt.Sprint("cat ", n))
		for _, change := range edit {
			change(n, &req)
		}
		callers.Go(func() {
			if _, err := w.engine.Submit(w.t.Context(), req); err == nil {
				accepted.add()
			} else {
				check(wantRefusal(w.t, err, reason))
				refused.add()
			}
		})
	}
	callers.Wait()
	if accepted.n != 10 || refused.n != 40 {
		w.t.Errorf("%d accepted and %d refused, want 10 and 40", accepted.n, refused.n)
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func TestQuotaRefusalSaysWhen(t *testing.T) {
	moscow := time.FixedZone("MSK", 3*3600)
	change := func(c *core.Config) { c.UserDaily, c.Location = core.Limit(imagePrice+1000), moscow }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) {
		first := w.submit(request("a cat"))
		_, err := w.engine.Submit(t.Context(), request("another"))
		refusal := wantRefusal(t, err, core.ReasonQuota)
		year, month, day := time.Now().In(moscow).Date()
		midnight := time.Date(year, month, day+1, 0, 0, 0, 0, moscow)
		if refusal.Need != imagePrice || refusal.Left != 1000 || !refusal.ResetsAt.Equal(midnight) {
			t.Errorf("need %s, left %s, resets %v; want %s, 1, %v", refusal.Need, refusal.Left, refusal.ResetsAt, imagePrice, midnight)
		}
		w.untilShown(first)
		nap(time.Until(midnight))
		w.untilShown(w.submit(request("tomorrow")))
	})
}

// A task accepted before midnight settles in the day it was accepted.
func TestSettlesInTheDayOfAcceptance(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		nap(time.Until(time.Now().Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute)))
		id := w.submit(request("a cat"))
		w.untilState(id, core.Running)
		nap(5 * time.Minute)
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
		today, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada})
		if err != nil || today.Day.Used != 0 || today.Day.Held != 0 {
			t.Errorf("today has %+v, %v; yesterday's task belongs to yesterday", today, err)
		}
		if got := w.balance(ada); got != (core.Usage{Settled: imagePrice}) {
			t.Errorf("all windows have %+v", got)
		}
	})
}

func TestSettlement(t *testing.T) {
	for name, c := range map[string]struct{ consumed, want core.Credits }{
		"exact":     {imagePrice, imagePrice},
		"less":      {imagePrice - 2500, imagePrice - 2500},
		"nothing":   {0, 0},
		"more":      {imagePrice + 1, imagePrice + 1},
		"much more": {200_000, 200_000},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(kietest.Consume(c.consumed))
				task := w.untilShown(w.submit(request("a cat")))
				if got := w.balance(ada); got != (core.Usage{Settled: c.want}) || task.Charged != c.want {
					t.Errorf("charged %s, window %+v, want %s", task.Charged, got, c.want)
				}
			})
		})
	}
}

func TestBatch(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate()
		w.kie.NextCreate(kietest.Fail("501", "no luck"))
		req := request("four cats")
		req.Count = 4
		lead := w.submit(req)
		w.untilShown(lead)
		tasks, err := w.engine.Batch(t.Context(), w.task(lead))
		if err != nil || len(tasks) != 4 {
			t.Fatalf("%d tasks, %v", len(tasks), err)
		}
		ended := map[core.State]int{}
		for _, task := range tasks {
			ended[task.State]++
		}
		if ended[core.Succeeded] != 3 || ended[core.Failed] != 1 {
			t.Errorf("ended %v", ended)
		}
		wantKinds(t, w.chat.kinds(lead), core.DeliverAccepted, core.DeliverFinal)
		if got := w.balance(ada); got != (core.Usage{Settled: 3 * imagePrice}) {
			t.Errorf("the window has %+v", got)
		}
	})
}

// A batch that does not fit is refused whole.
func TestBatchIsAllOrNothing(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Limit(3 * imagePrice) }, func(t *testing.T, w *world) {
		req := request("four cats")
		req.Count = 4
		_, err := w.engine.Submit(t.Context(), req)
		wantRefusal(t, err, core.ReasonQuota)
		req.Count = core.MaxBatch + 1
		_, err = w.engine.Submit(t.Context(), req)
		wantRefusal(t, err, core.ReasonCount)
		synctest.Wait()
		if n := len(w.kie.Creates()); n != 0 {
			t.Errorf("%d tasks were created", n)
		}
	})
}

func TestRefusals(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			change func(*core.Request)
			reason core.Reason
		}{
			"unknown model": {func(r *core.Request) { r.Model = "google/imagine4" }, core.ReasonModel},
			"no prompt":     {func(r *core.Request) { r.Input = map[string]any{} }, core.ReasonInput},
			"bad ratio":     {func(r *core.Request) { r.Input["aspect_ratio"] = "7:5" }, core.ReasonInput},
			"unknown input": {func(r *core.Request) { r.Input["promt"] = "x" }, core.ReasonInput},
		} {
			req := request("a cat")
			c.change(&req)
			_, err := w.engine.Submit(t.Context(), req)
			refusal := wantRefusal(t, err, c.reason)
			if refusal.Err == nil {
				t.Errorf("%s: the refusal does not say what is wrong", name)
			}
		}
		if balance, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada}); err != nil || balance.Day.Held+balance.Day.Used != 0 {
			t.Errorf("refused requests left %+v, %v", balance, err)
		}
	})
}

func TestAgainLeavesTheSeedOut(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		req := request("a cat")
		req.Input["seed"] = "42"
		first := w.submit(req)
		w.untilShown(first)
		origin := core.Origin{Identity: ada, Lane: "chat:room"}
		receipt, err := w.engine.Again(t.Context(), string(first), "chat:press", origin)
		if err != nil {
			t.Fatal(err)
		}
		task := w.untilShown(receipt.Tasks[0])
		if _, ok := task.Request.Input["seed"]; ok || task.Request.Parent != first {
			t.Errorf("again asked for %v of parent %q", task.Request.Input, task.Request.Parent)
		}
		stranger := core.Origin{Identity: core.Identity{Platform: "chat", User: "eve"}, Lane: "chat:room"}
		_, err = w.engine.Again(t.Context(), string(first), "chat:press2", stranger)
		wantRefusal(t, err, core.ReasonNotYours)
	})
}

func TestHistoryAndTask(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var ids []core.TaskID
		for n := range 3 {
			ids = append(ids, w.submit(request(fmt.Sprint("cat ", n))))
		}
		if b, err := w.engine.Balance(t.Context(), core.Origin{Identity: ada}); err != nil || b.Active() != 3 || b.Day.Held != 3*imagePrice {
			t.Errorf("three under way: %+v, %v", b, err)
		}
		tasks, err := w.engine.History(t.Context(), ada, "", 2)
		if err != nil || len(tasks) != 2 || tasks[0].ID != ids[2] || tasks[1].ID != ids[1] {
			t.Errorf("the newest two: %v, %v", tasks, err)
		}
		found, err := w.engine.Task(t.Context(), ada, ids[0].Short())
		if err != nil || found.ID != ids[0] {
			t.Errorf("by short id: %v, %v", found.ID, err)
		}
		_, err = w.engine.Task(t.Context(), ada, "zzzzzzzz")
		wantRefusal(t, err, core.ReasonNoTask)
		_, err = w.engine.Task(t.Context(), core.Identity{Platform: "chat", User: "eve"}, string(ids[0]))
		wantRefusal(t, err, core.ReasonNotYours)
		none, err := w.engine.History(t.Context(), core.Identity{Platform: "chat", User: "eve"}, "", 2)
		if err != nil || len(none) != 0 {
			t.Errorf("a stranger's history: %v, %v", none, err)
		}
	})
}

// Kie's limit is counted by the server: never more than 20 creations in any ten seconds.
func TestCreationLimit(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		began := time.Now()
		for range 10 {
			req := request("many cats")
			req.Count = 10
			w.submit(req)
		}
		w.until("all are created", func() bool { return len(w.kie.Creates()) == 100 })
		if most := w.kie.MaxCreatesInWindow(); most > 20 {
			t.Errorf("%d creations within ten seconds", most)
		}
		if took := time.Since(began); took > 45*time.Second {
			t.Errorf("100 creations took %v; at the limit they take 40 s", took)
		}
	})
}

// A model whose endpoint answers at once goes the way of all others.
func TestAnsweredAtOnce(t *testing.T) {
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	models, err = catalog.Overlay(models, strings.NewReader(`{"models": [{"id": "gemini-omni-audio", "price": {"per": "request", "rates": [{"credits": 2}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	play(t, kietest.Config{Catalog: models}, func(c *core.Config) { c.Catalog = models }, func(t *testing.T, w *world) {
		req := request("Ada")
		req.Model, req.Input = "gemini-omni-audio", map[string]any{"audio_id": "preset", "name": "Ada"}
		task := w.untilShown(w.submit(req))
		if task.State != core.Succeeded || len(task.Outputs) != 1 || !strings.Contains(task.Outputs[0].Text, "voice-") || task.Charged != 2000 {
			t.Errorf("ended %s with %+v, charged %s", task.State, task.Outputs, task.Charged)
		}
	})
}
