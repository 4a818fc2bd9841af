package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"kiebot/core"
)

// check is one thing that has to be right for kiebot to work, in words that
// strangers may read.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // why it is not
}

// Bounds of readiness.
const (
	provenFor = 10 * time.Second // how long a commit proves that the store works
	commitFor = 5 * time.Second  // how long one may take
	lagMost   = 10 * time.Minute // how long something may wait to be shown for the first time
	kieSilent = 20 * time.Minute // for how long Kie may not have been read; every account is asked each five minutes
)

// proof is the latest commit that was made to see whether one can be.
type proof struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// commits makes a commit, unless one was made seconds ago: only then is it
// known that there can be any. Nobody asks, nothing is written. Other replicas do
// not hear of it.
func (a *app) commits(ctx context.Context) error {
	a.proof.mu.Lock()
	defer a.proof.mu.Unlock()
	if a.proof.err == nil && time.Since(a.proof.at) < provenFor {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitFor)
	defer cancel()
	a.proof.at = time.Now()
	a.proof.err = a.store.Update(ctx, func(tx core.Tx) error {
		return tx.PutSetting("ready", []byte(a.proof.at.UTC().Format(time.RFC3339)))
	})
	return a.proof.err
}

// platforms are the chats that are on, and what says whether updates can come.
func (a *app) platforms() map[string]func() error {
	all := map[string]func() error{}
	if a.telegram != nil {
		all["telegram"] = a.telegram.Healthy
	}
	if a.discord != nil {
		all["discord"] = a.discord.Healthy
	}
	return all
}

// attends reports whether this replica answers for the platform: another one
// may have the duties that go with it.
func (a *app) attends(ctx context.Context, platform string) bool {
	duties := slices.DeleteFunc(a.engine.Duties(), func(d core.Duty) bool { return d.Kind() != platform })
	if len(duties) == 0 || slices.ContainsFunc(duties, a.engine.Has) {
		return true
	}
	replicas, err := a.engine.Replicas(ctx)
	return err == nil && len(replicas) <= 1
}

// checks looks at all that has to be right for what this replica does.
func (a *app) checks(ctx context.Context) []check {
	var all []check
	note := func(name string, err error) {
		one := check{Name: name, OK: err == nil}
		if err != nil {
			one.Reason = err.Error()
		}
		all = append(all, one)
	}
	note("running", a.runs())
	note("store", a.storeWorks(ctx))
	platforms := a.platforms()
	for _, name := range slices.Sorted(maps.Keys(platforms)) {
		if a.attends(ctx, name) {
			note(name, platforms[name]())
		}
	}
	note("kie", heard(a.engine.KieAccounts()))
	note("deliveries", a.delivers(ctx))
	return all
}

func (a *app) runs() error {
	switch {
	case a.stopping.Load():
		return errStopping
	case !a.engine.Resumed():
		return errStarting
	}
	return nil
}

func (a *app) storeWorks(ctx context.Context) error {
	switch err := a.store.Healthy(); {
	case errors.Is(err, core.ErrStoreClosed):
		return errors.New("the store takes no work until kiebot is started again")
	case err != nil:
		return errors.New("the database cannot be reached; what is asked for waits")
	case a.commits(ctx) != nil:
		return errors.New("the store does not commit in time")
	}
	return nil
}

// heard fails when none of the Kie accounts that this replica has was read for
// long. One that was not read yet may still be: kiebot has just begun.
func heard(accounts []core.KieAccountState) error {
	ours := slices.DeleteFunc(accounts, func(k core.KieAccountState) bool { return k.Elsewhere })
	if len(ours) == 0 || slices.ContainsFunc(ours, func(k core.KieAccountState) bool { return k.AsOf.IsZero() || time.Since(k.AsOf) < kieSilent }) {
		return nil
	}
	return errors.New("nothing was heard from Kie for twenty minutes")
}

func (a *app) delivers(ctx context.Context) error {
	o, err := a.engine.Overview(ctx)
	if err != nil {
		return errors.New("what waits to be shown cannot be read")
	}
	if waits := lag(o, o.Untried); waits > lagMost {
		return fmt.Errorf("something has been waiting to be shown for %v", waits.Round(time.Minute))
	}
	return nil
}

// ready says what keeps kiebot from working; nil when nothing does.
func (a *app) ready(ctx context.Context) error {
	var wrong []error
	for _, one := range a.checks(ctx) {
		if !one.OK {
			wrong = append(wrong, errors.New(one.Reason))
		}
	}
	return errors.Join(wrong...)
}

// readyz answers monitors.
func (a *app) readyz(w http.ResponseWriter, r *http.Request) {
	answerReady(w, a.checks(r.Context()))
}

func answerReady(w http.ResponseWriter, checks []check) {
	answer := struct {
		Ready  bool    `json:"ready"`
		Checks []check `json:"checks"`
	}{true, checks}
	for _, one := range answer.Checks {
		answer.Ready = answer.Ready && one.OK
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer) // whoever asked has gone
}
