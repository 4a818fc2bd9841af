package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// platform is a chat with limits that takes its time.
type platform struct {
	core.Adapter
	pace  func(core.Lane) core.Pace
	takes time.Duration

	mu    sync.Mutex
	calls []call
	most  struct{ calls, bytes int64 } // at once
	now   struct{ calls, bytes int64 }
}

// call is one call of an adapter.
type call struct {
	at     time.Time
	parcel core.Parcel
}

// Pace implements core.Paced.
func (p *platform) Pace(l core.Lane) core.Pace {
	if p.pace == nil {
		return core.Pace{}
	}
	return p.pace(l)
}

// Deliver implements core.Adapter.
func (p *platform) Deliver(ctx context.Context, parcel core.Parcel) (json.RawMessage, error) {
	size := int64(0)
	for _, t := range parcel.Tasks {
		for _, o := range t.Outputs {
			if o.File != nil {
				size += o.File.Size
			}
		}
	}
	p.mu.Lock()
	p.calls = append(p.calls, call{time.Now(), parcel})
	p.now.calls, p.now.bytes = p.now.calls+1, p.now.bytes+size
	p.most.calls, p.most.bytes = max(p.most.calls, p.now.calls), max(p.most.bytes, p.now.bytes)
	p.mu.Unlock()
	if p.takes > 0 {
		nap(p.takes)
	}
	p.mu.Lock()
	p.now.calls, p.now.bytes = p.now.calls-1, p.now.bytes-size
	p.mu.Unlock()
	return p.Adapter.Deliver(ctx, parcel)
}

// to lists the calls that keep says yes to.
func (p *platform) to(keep func(core.Delivery) bool) []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.calls), func(c call) bool { return !keep(c.parcel.Delivery) })
}

// playOn is play on a platform in front of the chat.
func playOn(t *testing.T, p *platform, change func(*core.Config), test func(*testing.T, *world)) {
	t.Helper()
	play(t, kietest.Config{}, func(c *core.Config) {
		p.Adapter = c.Adapters["chat"]
		c.Adapters["chat"], c.UserDaily = p, core.Unlimited
		if change != nil {
			change(c)
		}
	}, test)
}

func in(lane core.Lane) core.Request {
	req := request("a cat")
	req.Origin.Lane = lane
	return req
}

// wantRate fails when more calls came in any stretch of time than the rate allows.
func wantRate(t *testing.T, what string, calls []call, rate core.Rate) {
	t.Helper()
	for i := rate.Calls; i < len(calls); i++ {
		if apart := calls[i].at.Sub(calls[i-rate.Calls].at); apart < rate.Per {
			t.Fatalf("%s: %d calls within %v, allowed are %d in %v", what, rate.Calls+1, apart, rate.Calls, rate.Per)
		}
	}
}

func all(core.Delivery) bool { return true }

func TestPaceIsKept(t *testing.T) {
	overall, group, single := core.Rate{Calls: 30, Per: time.Second}, core.Rate{Calls: 20, Per: time.Minute}, core.Rate{Calls: 1, Per: time.Second}
	p := &platform{pace: func(l core.Lane) core.Pace {
		switch l {
		case "":
			return core.Pace{Rates: []core.Rate{overall}}
		case "chat:group":
			return core.Pace{Rates: []core.Rate{single, group}, Edits: 5 * time.Second}
		}
		return core.Pace{Rates: []core.Rate{single}}
	}}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		var ids []core.TaskID
		for i := range 60 {
			ids = append(ids, w.submit(in("chat:group")), w.submit(in(core.Lane(fmt.Sprint("chat:", i)))))
		}
		for _, id := range ids {
			w.untilShown(id)
		}
		inGroup := func(d core.Delivery) bool { return d.Lane == "chat:group" }
		wantRate(t, "overall", p.to(all), overall)
		wantRate(t, "the group, per second", p.to(inGroup), single)
		wantRate(t, "the group, per minute", p.to(inGroup), group)
		edits := p.to(func(d core.Delivery) bool { return inGroup(d) && d.Kind == core.DeliverProgress })
		wantRate(t, "edits in the group", edits, core.Rate{Calls: 10, Per: time.Minute})
		// 60 accepted and 60 finals, 20 a minute: no edit may have cost a result its place.
		if took := w.task(ids[len(ids)-2]).Delivered.Sub(p.to(all)[0].at); took > 12*time.Minute {
			t.Errorf("the group's last result came after %v", took)
		}
	})
}

// A platform that wants to be left alone is, whoever asks, and forgets nothing.
func TestRetryAfterOfThePlatform(t *testing.T) {
	for name, c := range map[string]struct {
		everywhere bool
		restart    bool
	}{
		"one lane": {}, "one lane, restart": {restart: true},
		"everywhere": {everywhere: true}, "everywhere, restart": {everywhere: true, restart: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &platform{}
			playOn(t, p, nil, func(t *testing.T, w *world) {
				const wait = 90 * time.Second
				var until time.Time
				w.chat.set(func(core.Parcel) error {
					if until.IsZero() {
						until = time.Now().Add(wait)
						return &core.DeliveryError{RetryAfter: wait, Everywhere: c.everywhere, Err: errors.New("429")}
					}
					return nil
				})
				first := w.submit(in("chat:slow"))
				w.until("it was turned away", func() bool { return len(p.to(all)) == 1 })
				ids := []core.TaskID{first, w.submit(in("chat:slow")), w.submit(in("chat:other"))}
				if c.restart {
					nap(time.Second)
					w.reopen(nil)
					w.run()
				}
				for _, id := range ids {
					w.untilShown(id)
				}
				early := p.to(func(d core.Delivery) bool { return d.Lane == "chat:slow" || c.everywhere })[1:]
				if apart := early[0].at.Sub(until); apart < 0 || apart > time.Second {
					t.Errorf("called again %v after the moment the platform named", apart)
				}
				if !c.everywhere && !p.to(func(d core.Delivery) bool { return d.Lane == "chat:other" })[0].at.Before(until) {
					t.Error("the other lane waited too")
				}
				wantKinds(t, w.chat.kinds(first), core.DeliverFinal) // which shows more than the first one
			})
		})
	}
}

// Attempts and the time of the next survive a restart, and so does the end.
func TestBackoffSurvivesARestart(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		w.chat.set(func(core.Parcel) error { return errors.New("down") })
		w.kie.NextCreate(kietest.HoldTask())
		id := w.submit(in("chat:room"))
		w.until("it was tried seven times", func() bool { return len(p.to(all)) == 7 })
		synctest.Wait()
		last := p.to(all)[6].at
		for range 5 {
			w.reopen(nil)
			w.run()
			nap(10 * time.Second)
		}
		if n := len(p.to(all)); n != 7 {
			t.Errorf("restarts brought %d attempts before their time", n-7)
		}
		w.until("it was tried again", func() bool { return len(p.to(all)) > 7 })
		if apart := p.to(all)[7].at.Sub(last); apart < 64*time.Second || apart > 66*time.Second {
			t.Errorf("the eighth attempt %v after the seventh, want 64 s", apart)
		}
		w.chat.set(nil)
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(id)
	})
}

// A wall clock that is set two days ahead does not make a day of an hour.
func TestNotGivenUpByTheClock(t *testing.T) {
	p, clock := &platform{}, &wallClock{}
	playOn(t, p, func(c *core.Config) { c.Now = clock.now }, func(t *testing.T, w *world) {
		w.chat.set(func(core.Parcel) error { return errors.New("no route to the chat") })
		id := w.submit(in("chat:room"))
		nap(time.Minute)
		clock.skew.Add(int64(48 * time.Hour))
		nap(12 * time.Hour)
		w.chat.set(nil)
		nap(time.Hour)
		if task := w.task(id); task.Undelivered != nil || task.Delivered.IsZero() {
			t.Errorf("given up: %+v, delivered %v", task.Undelivered, task.Delivered)
		}
	})
}

// What cannot be shown for a day is given up, told to the operator, and still there.
func TestGivenUpAfterADay(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		w.chat.set(func(core.Parcel) error { return errors.New("no route to the chat") })
		id := w.submit(in("chat:room"))
		nap(24 * time.Hour)
		w.until("it was given up", func() bool { return w.task(id).Undelivered != nil })
		task := w.task(id)
		if lasted := task.Undelivered.At.Sub(task.Created); lasted < 24*time.Hour || lasted > 25*time.Hour {
			t.Errorf("given up after %v", lasted)
		}
		if u := task.Undelivered; u.Kind != core.DeliverFinal || u.Reason != "no route to the chat" || !task.Delivered.IsZero() {
			t.Errorf("recorded %+v, delivered %v", u, task.Delivered)
		}
		tries := len(p.to(func(d core.Delivery) bool { return d.Kind == core.DeliverFinal }))
		if tries < 20 || tries > 400 {
			t.Errorf("tried %d times in a day", tries)
		}
		snapshot, err := w.engine.Snapshot(t.Context(), id)
		if err != nil || snapshot.Delivery.Kind != core.DeliverFinal || snapshot.Tasks[0].Outputs[0].File == nil {
			t.Errorf("what can be asked for: %+v, %v", snapshot, err)
		}
		w.chat.set(nil)
		w.untilShown(w.submit(in("chat:room")))
		if kinds := w.chat.kinds(id); len(kinds) > 0 {
			t.Errorf("shown after all: %v", kinds)
		}
	})
}

// One batch that cannot be shown holds its lane for half a minute at most; its
// own deliveries keep their order.
func TestStepsAside(t *testing.T) {
	for name, fault := range map[string]kietest.Fault{"not taken": kietest.HoldTask(), "its file is missing": kietest.FilesGone()} {
		t.Run(name, func(t *testing.T) {
			p := &platform{}
			playOn(t, p, nil, func(t *testing.T, w *world) {
				w.kie.NextCreate(fault)
				stuck := w.submit(in("chat:room"))
				w.untilState(stuck, core.Running)
				w.chat.set(func(d core.Parcel) error {
					if name == "not taken" && d.Delivery.Lead == stuck && d.Delivery.Kind == core.DeliverFinal {
						return errors.New("too strange for this platform")
					}
					return nil
				})
				other := w.submit(in("chat:room"))
				w.until("both run", func() bool { return len(w.kie.Tasks()) == 2 })
				w.kie.Release(w.kie.Tasks()[0].ID)
				w.untilState(stuck, core.Succeeded)
				task := w.untilShown(other)
				if waited := task.Delivered.Sub(w.task(stuck).Finished); waited > 40*time.Second {
					t.Errorf("the next in the lane was shown %v after the one that is stuck", waited)
				}
				if !w.task(stuck).Delivered.IsZero() {
					t.Error("nothing was stuck")
				}
				w.chat.set(nil)
				w.untilShown(stuck)
				for _, id := range []core.TaskID{stuck, other} {
					wantKinds(t, w.chat.kinds(id), core.DeliverAccepted, core.DeliverFinal)
				}
			})
		})
	}
}

// What cannot be shown in its chat goes to where the adapter says, with all
// that follows; when that fails too, the operator sees it.
func TestFallback(t *testing.T) {
	const room, direct = core.Lane("chat:room"), core.Lane("chat:ada")
	for name, c := range map[string]struct {
		bars map[core.DeliveryKind]bool // what the room bars
		dm   bool                       // the direct messages work
	}{
		"from the start":    {map[core.DeliveryKind]bool{core.DeliverAccepted: true, core.DeliverFinal: true}, true},
		"in between":        {map[core.DeliveryKind]bool{core.DeliverFinal: true}, true},
		"nowhere":           {map[core.DeliveryKind]bool{core.DeliverAccepted: true, core.DeliverFinal: true}, false},
		"nowhere but first": {map[core.DeliveryKind]bool{core.DeliverFinal: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &platform{}
			playOn(t, p, nil, func(t *testing.T, w *world) {
				w.chat.set(func(d core.Parcel) error {
					switch {
					case d.Delivery.Lane == room && c.bars[d.Delivery.Kind]:
						return &core.DeliveryError{Permanent: true, Fallback: direct, Err: errors.New("no permission")}
					case d.Delivery.Lane == direct && !c.dm:
						return &core.DeliveryError{Permanent: true, Fallback: room, Err: errors.New("blocked")}
					}
					return nil
				})
				req := in(room)
				req.Count = 2
				id := w.submit(req)
				w.until("it is over", func() bool { return !w.task(id).Delivered.IsZero() || w.task(id).Undelivered != nil })
				task := w.task(id)
				if task.Undelivered != nil == c.dm {
					t.Fatalf("undelivered: %+v", task.Undelivered)
				}
				for _, one := range task.Batch {
					if w.task(one).MovedTo != direct {
						t.Errorf("task %s says it moved to %q", one, w.task(one).MovedTo)
					}
				}
				if last := w.chat.last(id); c.dm && (last.Delivery.Lane != direct || last.Delivery.Kind != core.DeliverFinal || last.Tasks[0].MovedTo != direct) {
					t.Errorf("shown last: %+v", last.Delivery)
				}
				finals := p.to(func(d core.Delivery) bool { return d.Kind == core.DeliverFinal })
				if finals[0].parcel.Delivery.ID != finals[len(finals)-1].parcel.Delivery.ID {
					t.Error("the delivery has another id after the move")
				}
				w.untilShown(w.submit(in("chat:elsewhere")))
			})
		})
	}
}

// A move survives a restart, also one between the move and what comes after it.
func TestFallbackAndRestart(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		w.chat.set(func(d core.Parcel) error {
			if d.Delivery.Lane == "chat:room" {
				return &core.DeliveryError{Permanent: true, Fallback: "chat:ada", Err: errors.New("gone")}
			}
			return errors.New("down")
		})
		id := w.submit(in("chat:room"))
		w.untilState(id, core.Succeeded)
		w.reopen(nil)
		w.run()
		nap(time.Minute)
		w.chat.set(func(d core.Parcel) error {
			if d.Delivery.Lane == "chat:room" {
				t.Error("the room is called again")
			}
			return nil
		})
		w.untilShown(id)
	})
}

// The store tells the goroutine of an earlier commit later: its delivery is
// the first one all the same.
func TestOrderOfCommits(t *testing.T) {
	for name, fails := range map[string]bool{"committed": false, "its outcome is an error": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, kietest.Config{}, nil)
				defer w.close()
				s := &lateStore{release: make(chan struct{}), fails: fails}
				w.reopen(func(inner core.Store) core.Store { s.Store = inner; return s })
				w.run()
				synctest.Wait()
				first, second := request("first"), request("second")
				s.mu.Lock()
				s.key = true
				s.mu.Unlock()
				go w.engine.Submit(t.Context(), first)
				synctest.Wait()
				id := w.submit(second)
				nap(time.Second)
				if kinds := w.chat.kinds(id); !fails && len(kinds) > 0 {
					t.Errorf("the second shows %v while nobody has heard of the first", kinds)
				}
				close(s.release)
				w.untilShown(id)
				shown := w.chat.shown(core.DeliverAccepted)
				if fails && len(shown) != 1 || !fails && (len(shown) != 2 || shown[1] != id) {
					t.Errorf("accepted in the order %v, the second is %s", shown, id)
				}
			})
		})
	}
}

// lateStore commits one update and lets its caller wait for the news. It also
// runs every function twice, as a Store may.
type lateStore struct {
	core.Store
	mu      sync.Mutex
	key     bool // the next update is the one
	release chan struct{}
	fails   bool
}

var errRun = errors.New("this run does not count")

// Update implements core.Store.
func (s *lateStore) Update(ctx context.Context, fn func(core.Tx) error) error {
	s.mu.Lock()
	late := s.key
	s.key = false
	s.mu.Unlock()
	refused := s.Store.Update(ctx, func(tx core.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errRun
	})
	if !errors.Is(refused, errRun) {
		return refused
	}
	if !late {
		return s.Store.Update(ctx, fn)
	}
	err := error(core.ErrStoreClosed)
	if !s.fails {
		err = s.Store.Update(ctx, fn)
	}
	<-s.release
	return err
}

// Edits keep their distance, also those that a change of state asks for.
func TestEditsKeepTheirDistance(t *testing.T) {
	p := &platform{}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		w.kie.Always(kietest.CallCreate, kietest.Answer(429, "slow"))
		var ids []core.TaskID
		for range 30 {
			ids = append(ids, w.submit(in("chat:room")))
		}
		nap(2 * time.Minute)
		edits := map[core.TaskID][]call{}
		for _, c := range p.to(func(d core.Delivery) bool { return d.Kind == core.DeliverProgress }) {
			edits[c.parcel.Delivery.Lead] = append(edits[c.parcel.Delivery.Lead], c)
		}
		for _, id := range ids {
			wantRate(t, "edits of one message", edits[id], core.Rate{Calls: 1, Per: 3 * time.Second})
		}
		if len(edits) == 0 {
			t.Error("no edit at all")
		}
	})
}

// A lane with nothing to do costs nothing.
func TestIdleLanesAreForgotten(t *testing.T) {
	p := &platform{pace: func(core.Lane) core.Pace { return core.Pace{Rates: []core.Rate{{Calls: 20, Per: time.Minute}}} }}
	playOn(t, p, nil, func(t *testing.T, w *world) {
		w.kie.NextCreate(kietest.HoldTask())
		held := w.submit(in("chat:held"))
		w.untilState(held, core.Running)
		for i := range 40 {
			w.submit(in(core.Lane(fmt.Sprint("chat:", i))))
		}
		w.submit(in("elsewhere:room"))
		nap(10 * time.Minute)
		if n := w.engine.Lanes(); n > 2 {
			t.Errorf("%d lanes are remembered, of the one that runs and the one without an adapter", n)
		}
		w.kie.Release(w.kie.Tasks()[0].ID)
		w.untilShown(held)
		nap(2 * time.Minute)
		if n := w.engine.Lanes(); n > 1 {
			t.Errorf("%d lanes are remembered", n)
		}
	})
}

// However much waits, what is under way at once is bounded: attempts, and the
// bytes of the files in them.
func TestBoundsUnderLoad(t *testing.T) {
	p := &platform{takes: 2 * time.Second}
	const bytes = 64 << 10
	playOn(t, p, func(c *core.Config) { c.UploadBytes = bytes }, func(t *testing.T, w *world) {
		w.chat.set(func(core.Parcel) error { return errors.New("down") })
		var ids []core.TaskID
		for i := range 200 {
			ids = append(ids, w.submit(in(core.Lane(fmt.Sprint("chat:", i)))))
		}
		for _, id := range ids {
			w.untilState(id, core.Succeeded)
		}
		w.chat.set(nil)
		for _, id := range ids {
			w.untilShown(id)
		}
		largest := int64(0)
		for _, id := range ids {
			largest = max(largest, w.task(id).Outputs[0].File.Size)
		}
		t.Logf("%d results of at most %d bytes: at most %d calls and %d of %d bytes at once", len(ids), largest, p.most.calls, p.most.bytes, bytes)
		if p.most.bytes > max(bytes, largest) || p.most.bytes == 0 {
			t.Errorf("%d bytes at once, allowed are %d", p.most.bytes, bytes)
		}
		if p.most.calls > 28 || p.most.calls < 16 {
			t.Errorf("%d calls at once, allowed are 28", p.most.calls)
		}
	})
}

// The media folder cannot be written to for a while: the result comes with its
// file once it can.
func TestNoRoomForMedia(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		folder := filepath.Join(w.dir, "media")
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		id := w.submit(request("a cat"))
		w.untilState(id, core.Succeeded)
		nap(20 * time.Second)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		w.untilShown(id)
		if w.chat.message(t, id).last.Tasks[0].Outputs[0].File == nil {
			t.Error("shown without its file")
		}
	})
}

// Shown media goes when there is too much of it; what waits to be shown stays.
func TestMediaThatWaitsStays(t *testing.T) {
	p := &platform{}
	playOn(t, p, func(c *core.Config) { c.MediaKept.Bytes = 1 }, func(t *testing.T, w *world) {
		folder := filepath.Join(w.dir, "media")
		files := func() int {
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			return len(entries)
		}
		var stuck core.TaskID
		w.chat.set(func(d core.Parcel) error {
			if d.Delivery.Kind == core.DeliverFinal && d.Delivery.Lane == "chat:stuck" {
				return errors.New("down")
			}
			return nil
		})
		stuck = w.submit(in("chat:stuck"))
		w.untilShown(w.submit(in("chat:room")))
		w.untilState(stuck, core.Succeeded)
		if n := files(); n == 0 {
			t.Fatal("nothing was fetched")
		}
		nap(11 * time.Minute)
		synctest.Wait()
		if n := files(); n != 1 {
			t.Errorf("%d files after the sweep, want the one that waits", n)
		}
		w.chat.set(nil)
		w.untilShown(stuck)
		if w.chat.message(t, stuck).last.Tasks[0].Outputs[0].File == nil {
			t.Error("what waited came without its file")
		}
		nap(11 * time.Minute)
		synctest.Wait()
		if n := files(); n != 0 {
			t.Errorf("%d files in the end", n)
		}
	})
}

// A file that brings the folder above its bound does not wait for the next
// sweep: what was shown before goes at once, what waits to be shown stays.
func TestMediaIsBoundedWhenItComes(t *testing.T) {
	p := &platform{}
	playOn(t, p, func(c *core.Config) { c.MediaKept.Bytes = 1 }, func(t *testing.T, w *world) {
		began := time.Now()
		w.chat.set(func(d core.Parcel) error {
			if d.Delivery.Kind == core.DeliverFinal && d.Delivery.Lane == "chat:stuck" {
				return errors.New("down")
			}
			return nil
		})
		stuck := w.submit(in("chat:stuck"))
		w.until("its file is there", func() bool { return w.spooled(string(stuck) + "-0.png") })
		var shown []string
		for range 4 {
			task := w.untilShown(w.submit(in("chat:room")))
			shown = append(shown, task.Outputs[0].File.Name)
		}
		synctest.Wait()
		for _, name := range shown[:3] {
			if w.spooled(name) {
				t.Errorf("%s, which was shown before another came, is still there", name)
			}
		}
		if !w.spooled(string(stuck) + "-0.png") {
			t.Error("what waits to be shown is gone")
		}
		if took := time.Since(began); took > 9*time.Minute {
			t.Errorf("it took %v: the folder was swept in any case", took)
		}
	})
}

// What an adapter keeps between two calls is there after a kill, and after an
// error that says nothing of it.
func TestPartsAreKeptBetweenCalls(t *testing.T) {
	play(t, kietest.Config{}, nil, func(t *testing.T, w *world) {
		var parts []string
		died := make(chan struct{})
		w.chat.set(func(p core.Parcel) error {
			if p.Delivery.Kind != core.DeliverFinal {
				return nil
			}
			parts = append(parts, string(p.Delivery.Part))
			switch len(parts) {
			case 1:
				if err := p.Keep(t.Context(), json.RawMessage(`"one"`)); err != nil {
					t.Error(err)
				}
				return errors.New("the second call failed")
			case 2:
				if err := p.Keep(t.Context(), json.RawMessage(`"two"`)); err != nil {
					t.Error(err)
				}
				close(died)
				return errors.New("the process died")
			}
			return nil
		})
		id := w.submit(request("a cat"))
		<-died
		w.reopen(nil)
		w.run()
		w.untilShown(id)
		if want := []string{"", `"one"`, `"two"`}; !slices.Equal(parts, want) {
			t.Errorf("the parts were %q, want %q", parts, want)
		}
	})
}
