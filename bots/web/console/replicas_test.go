package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiebot/bots"
	"kiebot/core"
	"kiebot/storage/bolt"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
)

// newPair is two replicas on one database, and a browser whose requests go to
// one or the other. Their engines run.
func newPair(t *testing.T) (one, two *world, b *browser) {
	t.Helper()
	server := pgtest.New(t, pgtest.Options{})
	address := server.Database(t)
	var pair [2]*world
	for i := range pair {
		store, err := postgres.Open(t.Context(), address, postgres.Options{})
		must(t, err)
		t.Cleanup(func() { must(t, store.Close()) })
		w := newWorldOn(t, store, nil)
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- w.engine.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			must(t, <-ended)
		})
		pair[i] = w
	}
	return pair[0], pair[1], pair[0].browser()
}

// at sends what follows to the replica.
func (b *browser) at(w *world) *browser {
	b.w = w
	return b
}

func TestReplicasLetInAlike(t *testing.T) {
	t.Parallel()
	one, two, b := newPair(t)
	b.at(one).login(password).leads(Path)
	u, err := url.Parse(one.server.URL + Path)
	must(t, err)
	kept := b.http.Jar.Cookies(u)
	b.at(two).get(Path).want(http.StatusOK)
	b.post(Path+"/act", "act", "pause", "why", "repairs").leads(Path)
	b.at(one).get(Path).want(http.StatusOK, `class="notice`, "repairs")
	b.at(one).post(Path + "/logout").leads(Path + "/login")
	b.http.Jar.SetCookies(u, kept)
	b.at(two).get(Path).leads(Path + "/login")
	b.at(one).get(Path).leads(Path + "/login")

	path, _, err := one.console.Invite(t.Context())
	must(t, err)
	link, err := url.Parse(path)
	must(t, err)
	b.at(two).post(Path+"/enter", "key", link.Query().Get("key")).leads(Path)
	b.at(one).get(Path).want(http.StatusOK)
	one.browser().post(Path+"/enter", "key", link.Query().Get("key")).want(http.StatusForbidden)

	waitUntil(t, func() bool {
		return strings.Count(b.get(Path+"/replicas").want(http.StatusOK, "this one").body, "16 of 32 parts") == 2
	})
}

// manned is a store with replicas.
type manned struct {
	core.Store
	all []core.Replica
}

func (m manned) Replicas(context.Context) ([]core.Replica, error) { return m.all, nil }

// newManned is a console that has the first of the replicas.
func newManned(t *testing.T, locale string, all ...core.Replica) *world {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "kiebot.db"), bolt.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return newWorldOn(t, manned{store, all}, func(c *Config) { c.Locale = locale })
}

// crew is three replicas with all kinds of duties.
func crew() []core.Replica {
	lanes := func(from, to int) (all []core.Duty) {
		for part := from; part < to; part++ {
			all = append(all, core.Duty(fmt.Sprintf("%s/%02d", core.KindLanes, part)))
		}
		return all
	}
	since := time.Now().Add(-26 * time.Hour)
	return []core.Replica{
		{Lease: core.Lease{Owner: "kiebot-0, process 1", Expires: time.Now().Add(time.Minute)}, Since: since, Duties: append([]core.Duty{"chores", "kie/default"}, lanes(0, 11)...)},
		{Lease: core.Lease{Owner: "kiebot-1 <b>", Fence: 7, Expires: time.Now().Add(time.Minute)}, Since: since.Add(time.Hour), Duties: append([]core.Duty{"discord/0", "discord/2", "kie/second", "kie/third"}, lanes(11, 32)...)},
		{Lease: core.Lease{Owner: "kiebot-2", Fence: 8, Expires: time.Now().Add(time.Minute)}, Since: time.Now()},
	}
}

func TestReplicasPage(t *testing.T) {
	t.Parallel()
	all := crew()
	all[2].Duties = []core.Duty{"telegram", "tomorrow/x"}
	page := newManned(t, "en", all...).in().get(Path+"/replicas").want(http.StatusOK,
		`kiebot-0, process 1</span> <span class="state good">this one<`, "Chores", "11 of 32 parts", "21 of 32 parts", "kiebot-1 &lt;b&gt;",
		`Discord shards <span class="soft">2 · 0, 2<`, `Kie accounts <span class="soft">2 · second, third<`, `Kie accounts <span class="soft">default<`,
		"<div>Telegram</div>", `tomorrow <span class="soft">x<`, "Each replica takes requests", `href="/console/replicas" aria-current="page"`)
	if n := strings.Count(page.body, "this one"); n != 1 {
		t.Errorf("%d replicas are this one", n)
	}
	newManned(t, "en", core.Replica{Lease: core.Lease{Owner: "one"}}).in().get(Path+"/replicas").want(http.StatusOK, "One process does everything", "nothing yet")
	newManned(t, "en").in().get(Path+"/replicas").want(http.StatusOK, "Nothing works at the moment")
}

func TestReplicasPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, language := range bots.Languages() {
		body := newManned(t, language, crew()...).in().get(Path+"/replicas").want(http.StatusOK, "11", "32").body
		if strings.Contains(body, "duty.") || strings.Contains(body, "{") {
			t.Errorf("%s: a text is missing: %s", language, body)
		}
	}
}
