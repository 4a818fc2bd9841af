package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/kie"
)

// asks counts how many questions the budget lets through for so long.
func asks(t *testing.T, b *budget, d time.Duration) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for b.acquire(ctx) == nil {
		n++
		b.release()
	}
	return n
}

func wantAbout(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want-1 || got > want+1 {
		t.Errorf("%s: %d questions, want %d", what, got, want)
	}
}

var tooFast = &kie.Error{Kind: kie.ErrRate, Code: 429}

func TestBudgetHalvesAndGrowsBackSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10, 4)
		wantAbout(t, "at the full pace", asks(t, b, 10*time.Second), 100)
		b.answered(time.Now(), time.Now(), tooFast)
		wantAbout(t, "after a 429", asks(t, b, time.Second), 5)
		wantAbout(t, "a minute later, at 5 growing by 1/12 per second", asks(t, b, time.Minute), 5*60+60*60/24+5)
		wantAbout(t, "and back again", asks(t, b, 10*time.Second), 100)
		for range 10 {
			b.answered(time.Now(), time.Now(), tooFast)
			<-time.After(time.Millisecond)
		}
		wantAbout(t, "however often", asks(t, b, 2*time.Second), 1)
	})
}

func TestBudgetHalvesOnceForOneBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10, 4)
		asked := time.Now()
		<-time.After(time.Second)
		for range 8 { // asked together, refused together
			b.answered(asked, time.Now(), tooFast)
		}
		wantAbout(t, "after a burst", asks(t, b, 2*time.Second), 10)
	})
}

func TestBudgetHeedsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for said, waits := range map[time.Duration]time.Duration{0: 2 * time.Second, 7 * time.Second: 7 * time.Second, time.Hour: longPause} {
			b := newBudget(1, 1)
			asks(t, b, 10*time.Second)
			began := time.Now()
			b.answered(began, began, &kie.Error{Kind: kie.ErrRate, RetryAfter: said})
			if err := b.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited < waits-waits/10 || waited > waits+time.Second {
				t.Errorf("Retry-After %v: waited %v, want %v", said, waited, waits)
			}
		}
	})
}

// Only a refusal for its pace slows the budget.
func TestBudgetKeepsItsPaceInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10, 4)
		for _, err := range []error{nil, errors.New("reset"), &kie.Error{Kind: kie.ErrMaintenance, RetryAfter: time.Hour}, &kie.Error{Kind: kie.ErrTemporary}} {
			b.answered(time.Now(), time.Now(), err)
		}
		wantAbout(t, "after other errors", asks(t, b, time.Second), 10)
	})
}

func TestBudgetBoundsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1000, 3)
		for range 3 {
			if err := b.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.AfterFunc(time.Minute, b.release)
		began := time.Now()
		if err := b.acquire(t.Context()); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %v, want a place after a minute", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.acquire(ctx); err == nil {
			t.Error("a fourth place")
		}
	})
}

func TestBudgetRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1, 1)
		if b.take(time.Now()) != 0 || b.take(time.Now()) == 0 {
			t.Fatal("want room for exactly one")
		}
		b.refund()
		if wait := b.take(time.Now()); wait != 0 {
			t.Errorf("a refund leaves a wait of %v", wait)
		}
	})
}
