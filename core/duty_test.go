package core_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// A duty is done while the engine runs, and not before or after it; who gives it
// up gets it no more.
func TestOnDuty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		began, ended := 0, 0
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() {
			over <- w.engine.OnDuty(ctx, "telegram", func(ctx context.Context) error {
				began++
				<-ctx.Done()
				ended++
				return ctx.Err()
			})
		}()
		synctest.Wait()
		if began != 0 {
			t.Fatal("it began without Run")
		}
		for round := 1; round <= 2; round++ {
			run, stop := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- w.engine.Run(run) }()
			synctest.Wait()
			if began != round || ended != round-1 || !w.engine.Has("telegram") {
				t.Errorf("round %d: began %d times, ended %d", round, began, ended)
			}
			stop()
			if err := <-ran; err != nil || ended != round || w.engine.Has("telegram") {
				t.Errorf("round %d: after the end it has ended %d times, %v", round, ended, err)
			}
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// A duty that ends by itself says why, and is free for another try at once.
func TestADutyThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, kietest.Config{}, nil)
		defer w.close()
		w.run()
		broken := errors.New("no connection")
		for range 3 {
			if err := w.engine.OnDuty(t.Context(), "discord/0", func(context.Context) error { return broken }); !errors.Is(err, broken) {
				t.Errorf("ended with %v", err)
			}
			all, err := w.engine.Replicas(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			for _, d := range all[0].Duties {
				if d == "discord/0" {
					t.Error("it still has the duty that it gave up")
				}
			}
		}
	})
}

// Which lanes are shown together is stored with every delivery: it never changes.
func TestDutiesOfLanes(t *testing.T) {
	for lane, want := range map[core.Lane]core.Duty{"telegram:1": "lanes/15", "discord:2": "lanes/07", "web:c": "lanes/22"} {
		if got := lane.Duty(); got != want {
			t.Errorf("lane %s is shown under %s, want %s", lane, got, want)
		}
	}
	if got := core.DutyOf(""); got != "kie/default" || got.Kind() != "kie" {
		t.Errorf("%s, %s", got, got.Kind())
	}
}
