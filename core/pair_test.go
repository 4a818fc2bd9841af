package core_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie/kietest"
)

// Two replicas on one PostgreSQL, each with a disk of its own.
func TestTwoReplicas(t *testing.T) {
	if !*onPostgres {
		t.Skip("needs -world.postgres")
	}
	t.Run("files", filesOfTwo)
	t.Run("waiting files", waitingOfTwo)
	t.Run("pace", paceOfTwo)
}

// pair runs the test on two replicas that have shared the duties.
func pair(t *testing.T, change func(*core.Config), test func(t *testing.T, a, b *world)) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld(t, kietest.Config{}, change)
		defer a.close()
		second := *a
		b := &second
		b.dir = filepath.Join(a.dir, "second")
		b.cfg.Spool = b.spool("media")
		b.open(nil)
		defer func() { b.stop(); b.must(b.shut()) }()
		a.run()
		b.run()
		a.until("both have a share", func() bool {
			all, err := a.engine.Replicas(t.Context())
			a.must(err)
			return len(all) == 2 && !slices.ContainsFunc(all, func(r core.Replica) bool {
				n := 0
				for _, d := range r.Duties {
					if d.Kind() == "lanes" {
						n++
					}
				}
				return n != 16
			})
		})
		test(t, a, b)
	})
}

// filesOfTwo: the one has what the other has shown for who has a link to it, and
// none has what was forgotten.
func filesOfTwo(t *testing.T) {
	var clock wallClock
	pair(t, func(c *core.Config) { c.Now = clock.now }, func(t *testing.T, a, b *world) {
		show := func() (file media.File) {
			return *a.untilShown(a.submit(request("a cat"))).Outputs[0].File
		}
		forget := func() {
			t.Helper()
			_, err := a.engine.Forget(t.Context(), core.Act{By: ada.String()}, ada)
			a.must(err)
		}
		first := show()
		if a.spooled(first.Name) == b.spooled(first.Name) {
			t.Fatal("the file is to be on one disk")
		}
		links, err := media.NewLinks(make([]byte, 32), time.Now)
		a.must(err)
		for _, w := range []*world{a, b} {
			answer := ask(links.Handler(w.cfg.Spool, w.engine.Bring), links.Path(first.Name, time.Hour))
			if answer.Code != http.StatusOK || !w.spooled(first.Name) || int64(answer.Body.Len()) != first.Size {
				t.Errorf("answered %d with %d bytes", answer.Code, answer.Body.Len())
			}
		}
		forget()
		nap(time.Second)
		if a.spooled(first.Name) || b.spooled(first.Name) {
			t.Error("it is still on a disk")
		}

		second := show()
		_, err = b.engine.Bring(t.Context(), second.Name)
		a.must(err)
		b.stop()
		forget()
		if a.spooled(second.Name) || !b.spooled(second.Name) {
			t.Error("it is to be on the disk of the one that is down")
		}
		third := show()
		_, err = b.engine.Bring(t.Context(), third.Name)
		a.must(err)
		clock.skew.Add(int64(2 * time.Hour))
		b.run()
		nap(time.Minute)
		if b.spooled(second.Name) || !b.spooled(third.Name) {
			t.Error("of the one that was down: only files whose tasks are there are to stay")
		}
	})
}

// waitingOfTwo: a file that is still to be shown stays on both disks, since either
// may come to show it.
func waitingOfTwo(t *testing.T) {
	pair(t, func(c *core.Config) { c.MediaKept.Bytes = 1 }, func(t *testing.T, a, b *world) {
		a.chat.set(func(p core.Parcel) error {
			if p.Delivery.Kind == core.DeliverFinal {
				return errors.New("down")
			}
			return nil
		})
		name := string(a.submit(request("a cat"))) + "-0.png"
		a.until("its file is there", func() bool { return a.spooled(name) || b.spooled(name) })
		for _, w := range []*world{a, b} {
			_, err := w.engine.Bring(t.Context(), name)
			w.must(err)
		}
		nap(time.Second)
		if !a.spooled(name) || !b.spooled(name) {
			t.Errorf("it is there: %v and %v", a.spooled(name), b.spooled(name))
		}
		a.chat.set(nil)
		a.untilShown(core.TaskID(strings.TrimSuffix(name, "-0.png")))
	})
}

// paceOfTwo: both together keep to what a platform takes in all.
func paceOfTwo(t *testing.T) {
	overall := core.Rate{Calls: 4, Per: time.Second}
	p := &platform{pace: func(l core.Lane) core.Pace {
		if l != "" {
			return core.Pace{}
		}
		return core.Pace{Rates: []core.Rate{overall}}
	}}
	change := func(c *core.Config) {
		p.Adapter, c.UserDaily = c.Adapters["chat"], core.Unlimited
		c.Adapters["chat"] = p
	}
	pair(t, change, func(t *testing.T, a, b *world) {
		if n, m := a.engine.Sharers(), b.engine.Sharers(); n != 2 || m != 2 {
			t.Fatalf("%d and %d replicas share", n, m)
		}
		for i := range 20 {
			a.submit(in(core.Lane(fmt.Sprint("chat:", i))))
		}
		a.until("all are told", func() bool { return len(p.to(all)) >= 20 })
		wantRate(t, "both", p.to(all), overall)
		b.stop()
		a.until("the other one is gone", func() bool { return a.engine.Sharers() == 1 })
		b.run()
	})
}

func ask(handler http.Handler, path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer
}
