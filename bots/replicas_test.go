package bots

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
)

// twoReplicas is a store on which another replica works, too.
type twoReplicas struct{ core.Store }

// Replicas implements core.Store.
func (s twoReplicas) Replicas(ctx context.Context) ([]core.Replica, error) {
	all, err := s.Store.Replicas(ctx)
	other := core.Replica{
		Lease:  core.Lease{Owner: "kiebot-2", Fence: 1 << 20},
		Since:  time.Now().Add(-3 * time.Hour),
		Duties: []core.Duty{core.DutyChores, core.DutyOf(""), "lanes/00", "lanes/01", "telegram"},
	}
	return append(all, other), err
}

func TestStatsOfReplicas(t *testing.T) {
	play(t, func(cfg *core.Config) { cfg.Store, cfg.Name = twoReplicas{cfg.Store}, "kiebot-1" }, func(t *testing.T, w *world) {
		synctest.Wait()
		asks := func(locale, words string) string {
			return wholly(w.bot.Admin(t.Context(), Operator{By: core.CommandLine, Locale: locale}, words))
		}
		wantText(t, asks("en", "stats"), "kiebot-2 – since Dec 31, 21:00 · chores, kie/default, telegram, lanes ×2")
		wantText(t, asks("en", "stats"), "kiebot-1 – this one · since Jan 1, 00:00 · lanes ×16")
		wantText(t, asks("ru", "stats"), "kiebot-1 – эта · с 01.01, 00:00 · lanes ×16")
		wantText(t, asks("en", "keys"), "looked after by another replica")
	})
	play(t, nil, func(t *testing.T, w *world) {
		synctest.Wait()
		for _, words := range []string{"stats", "keys"} {
			if got := wholly(w.bot.Admin(t.Context(), Operator{By: core.CommandLine}, words)); strings.Contains(strings.ToLower(got), "replica") {
				t.Errorf("alone, %s says %q", words, got)
			}
		}
	})
}
