package console

import (
	"context"
	"net/http"
	"net/url"
	"testing"

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
}
