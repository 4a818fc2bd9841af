package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
)

// One person's fifty requests do not delay the first one of the next, and the
// place that the chat shows is the true one.
func TestFiftyRequestsDoNotDelayTheNextPerson(t *testing.T) {
	play(t, kietest.Config{}, func(c *core.Config) { c.UserDaily = core.Unlimited }, func(t *testing.T, w *world) {
		for n := range 50 {
			w.submit(request(fmt.Sprint("cat ", n)))
		}
		w.until("the limit is reached", func() bool { return len(w.kie.Tasks()) == 20 })
		late := request("a dog")
		late.Origin.Identity = core.Identity{Platform: "chat", User: "bob"}
		id := w.submit(late)
		synctest.Wait()
		snapshot, err := w.engine.Snapshot(t.Context(), id)
		if err != nil || snapshot.Position != 2 {
			t.Errorf("the chat shows place %d, %v; want 2", snapshot.Position, err)
		}
		w.untilState(id, core.Running)
		w.until("all are created", func() bool { return len(w.kie.Tasks()) == 51 })
		place := slices.IndexFunc(w.kie.Tasks(), func(task kietest.Task) bool { return task.Input["prompt"] == "a dog" })
		if place >= 40 { // twenty leave at once, in any order
			t.Errorf("%d tasks were created before", place)
		}
	})
}

// edited is a catalogue whose models change while kiebot runs, as an
// operator's file does.
type edited struct {
	core.Catalog
	edit atomic.Pointer[func(*catalog.Model) error]
}

// Lookup implements core.Catalog.
func (c *edited) Lookup(name string) (catalog.Model, error) {
	model, err := c.Catalog.Lookup(name)
	if edit := c.edit.Load(); err == nil && edit != nil {
		err = (*edit)(&model)
	}
	return model, err
}

func (c *edited) set(edit func(*catalog.Model) error) { c.edit.Store(&edit) }

// playEdited is play with a catalogue that can change.
func playEdited(t *testing.T, test func(*testing.T, *world, *edited)) {
	t.Helper()
	models := &edited{}
	change := func(c *core.Config) { models.Catalog, c.Catalog = c.Catalog, models }
	play(t, kietest.Config{}, change, func(t *testing.T, w *world) { test(t, w, models) })
}

// A model that is offered no more when its queued task's turn comes: nothing is sent.
func TestModelGoneWhileQueued(t *testing.T) {
	for name, edit := range map[string]func(*catalog.Model) error{
		"gone":     func(*catalog.Model) error { return errors.New("no such model") },
		"retired":  func(m *catalog.Model) error { m.Status = catalog.Retired; return nil },
		"unpriced": func(m *catalog.Model) error { m.Price = catalog.Price{}; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			playEdited(t, func(t *testing.T, w *world, models *edited) {
				w.kie.NextCreate(kietest.Answer(455, "maintenance"))
				id := w.submit(request("a cat"))
				w.until("it waits", func() bool { return w.task(id).Waiting != "" })
				models.set(edit)
				task := w.untilShown(id)
				if task.State != core.Failed || task.Failure.Reason != core.FailModel {
					t.Errorf("ended %s, %+v", task.State, task.Failure)
				}
				if got := w.balance(ada); got != (core.Usage{}) {
					t.Errorf("the window has %+v, want nothing", got)
				}
				if n := w.calls(kietest.CallCreate); n != 1 {
					t.Errorf("createTask was called %d times, want only before the change", n)
				}
				wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal)
			})
		})
	}
}

// A task stays at the endpoint it was sent to, whatever the catalogue says
// when a callback names it: for one that we know, and for one that we do not.
func TestEndpointIsFixedWhenSent(t *testing.T) {
	for name, fault := range map[string][]kietest.Fault{
		"known":      {kietest.HoldTask()},
		"unresolved": {kietest.After(kietest.Drop()), kietest.HoldTask()},
	} {
		t.Run(name, func(t *testing.T) {
			playEdited(t, func(t *testing.T, w *world, models *edited) {
				w.kie.NextCreate(fault...)
				id := w.submit(request("a cat"))
				w.until("it left", func() bool { s := w.task(id).State; return s == core.Running || s == core.Unresolved })
				models.set(func(m *catalog.Model) error { m.Endpoint, m.ModelValue = string(kie.Veo), "veo3"; return nil })
				w.kie.Release(w.kie.Tasks()[0].ID)
				task := w.untilShown(id)
				want := kie.Ref{Endpoint: kie.Jobs, TaskID: w.kie.Tasks()[0].ID}
				if task.State != core.Succeeded || task.Kie != want || task.ModelValue == "veo3" {
					t.Errorf("ended %s at %s as %q, want %s", task.State, task.Kie, task.ModelValue, want)
				}
				nap(time.Minute)
				synctest.Wait()
				if task := w.task(id); task.OperatorLoss != 0 || len(task.Lost) != 0 {
					t.Errorf("its own callback counts as a second Kie task: %s lost for %v", task.OperatorLoss, task.Lost)
				}
			})
		})
	}
}

// Kie has two tasks for one of ours: whichever is heard of first is ours, the
// other one is an operator loss, by the estimate and once.
func TestSecondKieTask(t *testing.T) {
	for name, c := range map[string]struct {
		answer core.State // of our task when the answer to createTask comes
		ours   int        // which of Kie's tasks, in order of creation
	}{
		"answer, then the other's callback": {core.Creating, 0},
		"the other's callback, then answer": {core.Running, 1},
		"the answer comes after the end":    {core.Succeeded, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var told atomic.Int32
			play(t, kietest.Config{}, func(cfg *core.Config) {
				cfg.Alert = func(_ context.Context, a core.Alert) error {
					if a.Kind == core.AlertSecondTask {
						told.Add(1)
					}
					return nil
				}
			}, func(t *testing.T, w *world) {
				gate := make(chan struct{})
				w.kie.NextCreate(kietest.After(kietest.Hold(gate)), kietest.HoldTask())
				id := w.submit(request("a cat"))
				answer := func(when core.State) {
					if when == c.answer {
						w.untilState(id, when)
						close(gate)
						synctest.Wait()
					}
				}
				w.until("Kie has the first", func() bool { return len(w.kie.Tasks()) == 1 })
				answer(core.Creating)
				second := w.createAgain(w.kie.Tasks()[0])
				w.post(second.CallbackURL, fmt.Sprintf(`{"taskId":%q,"code":200}`, second.ID), nil)
				answer(core.Running)
				for _, task := range w.kie.Tasks() {
					w.kie.Release(task.ID)
				}
				w.untilShown(id)
				answer(core.Succeeded)
				nap(time.Minute)
				synctest.Wait()
				wantSecondLost(t, w, id, c.ours)
				if n := told.Load(); n != 1 {
					t.Errorf("the operator was told %d times, want once", n)
				}
			})
		})
	}
}

// createAgain has Kie do once more what it was asked for; it is not done before its release.
func (w *world) createAgain(task kietest.Task) kietest.Task {
	w.t.Helper()
	w.kie.NextCreate(kietest.HoldTask())
	_, err := w.cfg.Kie[0].Client.Create(w.t.Context(), kie.CreateRequest{
		Endpoint: kie.Endpoint(task.Endpoint), Model: task.Model, Input: task.Input, CallbackURL: task.CallbackURL,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.kie.Tasks()
	return all[len(all)-1]
}

// wantSecondLost holds the ledger against what Kie consumed for two Kie tasks.
func wantSecondLost(t *testing.T, w *world, id core.TaskID, ours int) {
	t.Helper()
	task, both := w.task(id), w.kie.Tasks()
	if task.State != core.Succeeded || task.Kie.TaskID != both[ours].ID {
		t.Errorf("ended %s with %s, want %s", task.State, task.Kie, both[ours].ID)
	}
	if !slices.Equal(task.Lost, []string{both[1-ours].ID}) || task.OperatorLoss != imagePrice {
		t.Errorf("lost %s for %v, want %s for %s", task.OperatorLoss, task.Lost, imagePrice, both[1-ours].ID)
	}
	settled := w.balance(ada).Settled
	if consumed := both[0].Credits + both[1].Credits; settled+w.lost() != consumed {
		t.Errorf("%s settled and %s lost; Kie consumed %s", settled, w.lost(), consumed)
	}
	if problems := w.verify(); len(problems) > 0 {
		t.Error(problems)
	}
	wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal)
}
