package core_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/kie/kietest"
)

// send is one kind of outward send: how to make it happen.
type send struct {
	kind    core.DeliveryKind
	request func(*core.Request)
	fault   []kietest.Fault
	outputs int // of each task that succeeds
	text    bool
	state   core.State
}

func sends() map[string]send {
	plain := func(*core.Request) {}
	lost := []kietest.Fault{kietest.After(kietest.Drop()), kietest.CallbackNever()}
	return map[string]send{
		"accepted": {core.DeliverAccepted, plain, nil, 1, false, core.Succeeded},
		"notice":   {core.DeliverNotice, plain, lost, 0, false, core.Failed},
		"failure":  {core.DeliverFinal, plain, []kietest.Fault{kietest.Fail("501", "no luck")}, 0, false, core.Failed},
		"one file": {core.DeliverFinal, plain, nil, 1, false, core.Succeeded},
		"several files": {core.DeliverFinal, func(r *core.Request) {
			r.Model, r.Input = "suno-V5", map[string]any{"prompt": "a song", "customMode": false, "instrumental": false}
		}, nil, 2, false, core.Succeeded},
		"text": {core.DeliverFinal, func(r *core.Request) {
			r.Model, r.Input = "ai-music-api/generate-lyrics", map[string]any{"prompt": "a song"}
		}, nil, 2, true, core.Succeeded},
		"album of a batch": {core.DeliverFinal, func(r *core.Request) { r.Count = 4 }, nil, 1, false, core.Succeeded},
		"late":             {core.DeliverLate, plain, []kietest.Fault{kietest.After(kietest.Drop()), kietest.CallbackLate(30 * time.Second)}, 1, false, core.Failed},
	}
}

// mishap is a way in which a send goes wrong once.
type mishap struct {
	after bool // the platform takes it, and nobody hears of it
	dies  bool // because the process dies before the commit
}

// Every kind of send, not executed and executed with the answer lost: in the
// end it was shown, once more at most than the platform answered, under the
// same key; a platform that knows the key has it once.
func TestEverySend(t *testing.T) {
	for name, s := range sends() {
		for form, m := range map[string]mishap{
			"not executed": {}, "answer lost": {after: true}, "died before the commit": {after: true, dies: true},
		} {
			t.Run(fmt.Sprintf("%s/%s", name, form), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { trySend(t, s, m) })
			})
		}
	}
}

func trySend(t *testing.T, s send, m mishap) {
	w := newWorld(t, kietest.Config{}, func(c *core.Config) { c.UserDaily, c.Grace = core.Unlimited, 10*time.Second })
	defer w.close()
	w.mayDie = true
	var store *witness
	w.reopen(func(inner core.Store) core.Store { store = newWitness(inner); return store })
	struck := core.DeliveryID(0)
	w.chat.known = map[core.DeliveryID]int{}
	strike := func(p core.Parcel) error {
		if p.Delivery.Kind != s.kind || struck != 0 {
			return nil
		}
		struck = p.Delivery.ID
		if m.dies {
			store.arm(1, false)
			return nil
		}
		return errors.New("connection reset")
	}
	if m.after {
		w.chat.after = strike
	} else {
		w.chat.fail = strike
	}
	w.run()
	if s.fault != nil {
		w.kie.NextCreate(s.fault...)
	}
	req := request("a cat")
	s.request(&req)
	id := w.submit(req)
	if m.dies {
		<-store.dead
		synctest.Wait()
		w.reopen(nil)
		w.run()
	}
	w.untilShown(id)
	nap(5 * time.Minute)
	synctest.Wait()
	if struck == 0 {
		t.Fatalf("nothing of kind %q went wrong", s.kind)
	}
	wantSend(t, w, id, s, m, struck)
}

// wantSend holds what the chat has against what had to be sent.
func wantSend(t *testing.T, w *world, id core.TaskID, s send, m mishap, struck core.DeliveryID) {
	t.Helper()
	times := 0
	for _, p := range w.chat.log {
		if p.Delivery.ID == struck {
			times++
		}
	}
	if want := map[bool]int{true: 2, false: 1}[m.after]; times != want {
		t.Errorf("shown %d times, want %d", times, want)
	}
	last := w.chat.message(t, id).last                 // one message: edited, or known by its key
	killed := m.dies && s.kind == core.DeliverAccepted // while it is created, perhaps: then the result comes late
	if lead := last.Tasks[0]; lead.State != s.state && !killed || last.Delivery.Kind != core.DeliverFinal && last.Delivery.Kind != core.DeliverLate {
		t.Errorf("the chat shows %q of a task that %s (%+v)", last.Delivery.Kind, lead.State, lead.Failure)
	}
	for _, task := range last.Tasks {
		if len(task.Outputs) < s.outputs {
			t.Errorf("task %s is shown with %d outputs, want %d", task.ID, len(task.Outputs), s.outputs)
		}
		for _, o := range task.Outputs {
			if isText := o.Kind == kie.KindText; isText != s.text || !isText && o.File == nil || isText && o.Text == "" {
				t.Errorf("shown output: %+v", o)
			}
		}
	}
}
