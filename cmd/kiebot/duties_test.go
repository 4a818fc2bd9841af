package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
	"kiebot/storage/bolt"
)

// shared is a database on which another replica works, too, with these duties.
type shared struct {
	database
	theirs atomic.Pointer[[]core.Duty]
}

// Replicas implements core.Store.
func (s *shared) Replicas(ctx context.Context) ([]core.Replica, error) {
	all, err := s.database.Replicas(ctx)
	if theirs := s.theirs.Load(); theirs != nil {
		all = append(all, core.Replica{Lease: core.Lease{Owner: "other", Fence: 1 << 20}, Duties: *theirs})
	}
	return all, err
}

// lanesOf are the duties to show deliveries in the lanes from..to.
func lanesOf(from, to int) (all []core.Duty) {
	for part := from; part <= to; part++ {
		all = append(all, core.Duty(fmt.Sprintf("%s/%02d", core.KindLanes, part)))
	}
	return all
}

// replica runs kiebot beside another replica, until the test is over.
func replica(t *testing.T, theirs ...core.Duty) (*app, *shared) {
	t.Helper()
	server := quickKie(t)
	s := settings{
		kieKeys: []kieKey{{core.DefaultKieAccount, kie.Secret(server.Key())}}, kieURL: server.URL(), uploadURL: server.URL(),
		dataDir: t.TempDir(), location: time.UTC, locale: "en",
	}
	file, err := bolt.Open(s.database(), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store := &shared{database: file}
	if len(theirs) > 0 {
		store.theirs.Store(&theirs)
	}
	models, err := s.catalog()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a := &app{log: log, store: store, models: models, meters: newMeters(models), mux: http.NewServeMux(), local: http.NewServeMux(), snapshots: make(turnstile, 1)}
	if err := a.assemble(t.Context(), s, options{open: true}, models); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := openFront(listener, log)
	front.open(a)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, front) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		front.close()
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the engine runs", a.engine.Resumed)
	return a, store
}

// exports are the metrics of the moment.
func (a *app) exports(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := a.meters.write(&out, a.duties(t.Context())); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What only another replica knows is not told, and what it has to do keeps
// nobody else from being ready.
func TestReadyAndMetricsOfAReplica(t *testing.T) {
	t.Parallel()
	a, _ := replica(t, append(lanesOf(0, 15), core.DutyChores, core.DutyOf(""))...)
	got := a.exports(t)
	for _, want := range []string{
		"kiebot_replicas 2", "kiebot_duties_free 0", `kiebot_duty_held{duty="chores"} 0`, `kiebot_duty_held{duty="kie/default"} 0`,
		`kiebot_replica_duties{kind="lanes"} 16`, `kiebot_replica_duties{kind="kie"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, other := range []string{"kiebot_kie_balance_credits{", "kiebot_kie_parked{", `duty="lanes`, "NaN"} {
		if strings.Contains(got, other) {
			t.Errorf("there is %s", other)
		}
	}
	if left := a.engine.LeaseLeft(); left <= 0 || left > time.Minute {
		t.Errorf("the lease lasts for %v", left)
	}

	a.forgotten(t)
	if err := a.ready(t.Context()); err != nil {
		t.Errorf("with what another replica should show: %v", err)
	}
}

// forgotten is a delivery that nobody has shown for long, in a lane of the first half.
func (a *app) forgotten(t *testing.T) {
	t.Helper()
	err := a.store.Update(t.Context(), func(tx core.Tx) error {
		_, err := tx.AddDelivery(core.Delivery{Lane: "discord:2", Kind: core.DeliverNews, Created: time.Now().Add(-time.Hour)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// With one process all duties are its own.
func TestMetricsOfOneReplica(t *testing.T) {
	t.Parallel()
	a, _ := replica(t)
	eventually(t, "the balance is read", func() bool { return !a.engine.KieAccounts()[0].AsOf.IsZero() })
	got := a.exports(t)
	for _, want := range []string{
		"kiebot_replicas 1", "kiebot_duties_free 0", `kiebot_duty_held{duty="chores"} 1`, `kiebot_duty_held{duty="kie/default"} 1`,
		`kiebot_replica_duties{kind="lanes"} 32`, `kiebot_kie_parked{account="default"} 0`, `kiebot_kie_balance_credits{account="default"} `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	a.forgotten(t)
	if err := a.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "waiting to be shown") {
		t.Errorf("with what it should show: %v", err)
	}
}

// A platform is another replica's affair while that has its duties, and this
// one's while nobody else is there.
func TestAttends(t *testing.T) {
	t.Parallel()
	a, store := replica(t, append(lanesOf(0, 15), "telegram", "discord/0")...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, duty := range []core.Duty{"telegram", "discord/0", "discord/1"} {
		go func() {
			_ = a.engine.OnDuty(ctx, duty, func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
		}()
	}
	eventually(t, "it has what is left", func() bool { return slices.Contains(a.engine.Duties(), "telegram") && a.engine.Has("discord/1") })
	for platform, want := range map[string]bool{"telegram": false, "discord": true, "web": true} {
		if got := a.attends(ctx, platform); got != want {
			t.Errorf("%s is this replica's: %v", platform, got)
		}
	}
	store.theirs.Store(nil)
	if !a.attends(ctx, "telegram") {
		t.Error("with nobody else there, nobody answers for Telegram")
	}
}

func TestHeard(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		accounts []core.KieAccountState
		fails    bool
	}{
		"of none":                {nil, false},
		"a moment ago":           {[]core.KieAccountState{{AsOf: now}, {AsOf: now.Add(-time.Hour)}}, false},
		"never yet":              {[]core.KieAccountState{{}}, false},
		"long ago":               {[]core.KieAccountState{{AsOf: now.Add(-time.Hour)}}, true},
		"long ago, by another":   {[]core.KieAccountState{{AsOf: now.Add(-time.Hour), Elsewhere: true}}, false},
		"of another's, but ours": {[]core.KieAccountState{{AsOf: now, Elsewhere: true}, {AsOf: now.Add(-time.Hour)}}, true},
	} {
		if err := heard(c.accounts); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}
