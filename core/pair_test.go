package core_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// Two replicas on one PostgreSQL, each with a disk of its own.
func TestTwoReplicas(t *testing.T) {
	if !*onPostgres {
		t.Skip("needs -world.postgres")
	}
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
