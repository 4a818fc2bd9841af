package core

import (
	"context"
	"sync"
	"time"

	"kiebot/kie"
)

// How often the balance of a Kie account is read.
const (
	balanceEvery = 5 * time.Minute
	balanceSoon  = time.Minute // while it is parked
)

// balance is what is known of a Kie account's credits.
type balance struct {
	parked chan struct{} // has room for one: "the account was parked"

	mu      sync.Mutex
	credits Credits
	asOf    time.Time // zero when never read
	trouble kie.ErrorKind
	failing bool
	floor   *Credits // what a parked account has to exceed to be opened; nil when not read since
}

func newBalance() *balance { return &balance{parked: make(chan struct{}, 1)} }

// park has the balance read soon. What Kie has now is too little for something.
func (b *balance) park() {
	b.mu.Lock()
	b.floor = nil
	b.mu.Unlock()
	signal(b.parked)
}

// know answers with the last balance and its time, which is zero when there is none.
func (b *balance) know() (Credits, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.credits, b.asOf
}

// learn notes what was read, and says whether that is more than a parked
// account had. A balance that was too little for one task does not open the
// account again by itself; when it grew, somebody bought credits.
func (b *balance) learn(credits Credits, now time.Time) (grew bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.credits, b.asOf, b.failing = credits, now, false
	grew = credits > 0 && b.floor != nil && credits > *b.floor
	if b.floor == nil || credits < *b.floor {
		b.floor = &credits
	}
	return grew
}

// miss notes that a read failed, and says whether that is news.
func (b *balance) miss(err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	kind := kie.KindOf(err)
	news := !b.failing || b.trouble != kind
	b.failing, b.trouble = true, kind
	return news
}

// balanceLoop reads the Kie account's balance: at the start, every now and
// then, and sooner while it is parked.
func (e *Engine) balanceLoop(ctx context.Context, a *kieAccount) {
	for {
		e.readBalance(ctx, a)
		if !a.untilBalance(ctx) {
			return
		}
	}
}

// untilBalance waits until the balance is to be read; false when ctx ends.
func (a *kieAccount) untilBalance(ctx context.Context) bool {
	wait, parked := balanceEvery, a.balance.parked
	if !a.gate.open() {
		wait, parked = balanceSoon, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-parked:
			timer.Reset(balanceSoon)
			parked = nil
		}
	}
}

// readBalance reads within the account's budget, and acts on the answer. A
// read that fails changes nothing.
func (e *Engine) readBalance(ctx context.Context, a *kieAccount) {
	if a.tracker.reads.acquire(ctx) != nil {
		return
	}
	readCtx, cancel := context.WithTimeout(ctx, readFor)
	asked := time.Now()
	credits, err := a.client.Credits(readCtx)
	cancel()
	a.tracker.reads.release()
	if ctx.Err() != nil {
		return
	}
	a.tracker.reads.answered(asked, time.Now(), err)
	if err != nil {
		if a.balance.miss(err) {
			e.log.Warn("the balance of a Kie account cannot be read", "kie_account", a.name, "error", err)
		}
		return
	}
	e.weigh(a, Credits(credits))
	if err := e.tellOfAccount(ctx, a); err != nil && ctx.Err() == nil {
		e.log.Error("storing what the operator is told of a Kie account", "kie_account", a.name, "error", err)
	}
}

// weigh parks an account without credits, and opens it when it has some
// again. Until then reads say so in time, and no task is sent to try; when
// they fail one is sent every minute, as for any parked account.
func (e *Engine) weigh(a *kieAccount, credits Credits) {
	now := e.cfg.Now()
	grew := a.balance.learn(credits, now)
	reason, _ := a.gate.state()
	switch {
	case credits <= 0 && (reason == "" || reason == FailNoCredits):
		a.gate.set(FailNoCredits, now.Add(2*balanceSoon))
	case grew && reason == FailNoCredits:
		a.gate.set("", time.Time{})
		e.creator.hurry()
	}
}

// accountNote is what the operator was told last of a Kie account.
type accountNote struct {
	Low     bool   `json:"low,omitempty"`
	Parked  Reason `json:"parked,omitempty"`
	Removed bool   `json:"removed,omitempty"`
	// At is when it was told of last that the account is parked. An account
	// with nearly no credits is parked and opened again once a minute: within
	// alertEvery the operator is not told again, which Quiet says.
	At    time.Time `json:"at,omitzero"`
	Quiet bool      `json:"quiet,omitempty"`
}

func noteSetting(kieAccount string) string { return "kie_account/" + kieAccount }

// tellOfAccount commits alerts of what has changed with the account.
func (e *Engine) tellOfAccount(ctx context.Context, a *kieAccount) error {
	var told accountNote
	err := e.store.View(ctx, func(tx Tx) error {
		_, err := settingJSON(tx, noteSetting(a.name), &told)
		return err
	})
	if err != nil || e.noteOf(a, told) == told {
		return err
	}
	return e.update(context.WithoutCancel(ctx), func(c *change) error { return c.tellOfAccount(a, nil) })
}

// noteOf is what the operator should know, given what was told.
func (e *Engine) noteOf(a *kieAccount, told accountNote) accountNote {
	was, now := told.Parked, e.cfg.Now()
	told.Parked, _ = a.gate.state()
	told.Removed = false
	switch recent := now.Sub(told.At).Abs() < alertEvery; {
	case told.Parked == "" || told.Parked == was && !told.Quiet:
	case told.Parked != was && recent:
		told.Quiet = true
	case !recent:
		told.Quiet, told.At = false, now
	}
	if credits, asOf := a.balance.know(); !asOf.IsZero() {
		low := e.cfg.LowBalance
		if told.Low { // it counts as low until it is a tenth above
			low += low / 10
		}
		told.Low = credits <= low
	}
	return told
}

// tellOfAccount alerts the operator of what has changed since the last time,
// for which cause, if any, is the reason. The note of it is stored, so that a
// restart does not repeat it.
func (c *change) tellOfAccount(a *kieAccount, cause error) error {
	var told accountNote
	if _, err := settingJSON(c.Tx, noteSetting(a.name), &told); err != nil {
		return err
	}
	note := c.e.noteOf(a, told)
	if note == told {
		return nil
	}
	for _, alert := range alertsOf(told, note) {
		alert.KieAccount = a.name
		switch {
		case alert.Kind == AlertLowBalance:
			alert.Credits, _ = a.balance.know()
		case alert.Kind == AlertParked && cause != nil:
			alert.Detail = cause.Error()
		}
		if err := c.alert(alert); err != nil {
			return err
		}
	}
	if note.Parked == "" {
		note.Quiet = false
	}
	return c.putJSON(noteSetting(a.name), note)
}

// alertsOf is what is new in the note. An account that falls to zero at once
// was low as well, which need not be said.
func alertsOf(told, note accountNote) []Alert {
	var alerts []Alert
	news := note.Parked != told.Parked || note.Quiet != told.Quiet
	switch {
	case news && note.Parked == "" && !note.Quiet:
		alerts = append(alerts, Alert{Kind: AlertResumed})
	case news && note.Parked != "" && !note.Quiet:
		alerts = append(alerts, Alert{Kind: AlertParked, Reason: note.Parked})
	}
	if note.Low && !told.Low && !(news && note.Parked == FailNoCredits) {
		alerts = append(alerts, Alert{Kind: AlertLowBalance})
	}
	return alerts
}

// tellOfRemoved alerts the operator, once, of accounts that are not configured
// but have unfinished tasks, by how many.
func (e *Engine) tellOfRemoved(ctx context.Context, missing map[string]int) error {
	for name, tasks := range missing {
		err := e.update(ctx, func(c *change) error {
			var told accountNote
			if _, err := settingJSON(c.Tx, noteSetting(name), &told); err != nil || told.Removed {
				return err
			}
			if err := c.alert(Alert{Kind: AlertRemoved, KieAccount: name, Count: tasks}); err != nil {
				return err
			}
			return c.putJSON(noteSetting(name), accountNote{Removed: true})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recallAccounts parks the accounts that the store says are parked, and opens
// the others. The first task is let through to see whether that has changed.
// Accounts of this replica's own it leaves alone. What is shown before the start
// has it done once, not anew.
func (e *Engine) recallAccounts(tx Tx, anew bool) error {
	e.recalling.Lock()
	defer e.recalling.Unlock()
	if e.recalled && !anew {
		return nil
	}
	opened := false
	for _, a := range e.kies {
		at := a.post.is()
		if at == here || at == leaving {
			continue
		}
		var told accountNote
		if _, err := settingJSON(tx, noteSetting(a.name), &told); err != nil {
			return err
		}
		retry := e.cfg.Now()
		if at == away { // another replica tries it
			retry = retry.Add(keyPark)
		}
		changed := a.gate.set(told.Parked, retry)
		opened = opened || changed && told.Parked == ""
	}
	if opened {
		e.creator.hurry()
	}
	e.recalled = true
	return nil
}

// KieAccountState is how one of the operator's Kie accounts is.
type KieAccountState struct {
	Name string
	// Balance is what it had when that was read last; zero AsOf means never yet.
	Balance Credits
	AsOf    time.Time
	// Parked is why nothing is created there, empty when all is well, and
	// Retry when that is tried again.
	Parked Reason
	Retry  time.Time
	Tasks  int // that it has, or may have, unfinished
	// Elsewhere says that another replica has the account: its balance and
	// tasks are known there.
	Elsewhere bool
}

// KieAccounts is how the Kie accounts are at the moment, as configured.
func (e *Engine) KieAccounts() []KieAccountState {
	var all []KieAccountState
	for _, a := range e.kies {
		s := KieAccountState{Name: a.name, Tasks: int(a.atKie.Load()), Elsewhere: a.post.is() == away && e.running.Load()}
		s.Balance, s.AsOf = a.balance.know()
		s.Parked, s.Retry = a.gate.state()
		all = append(all, s)
	}
	return all
}
