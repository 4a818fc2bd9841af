package telegram

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/bots"
	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/kie/kietest"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
)

// pair is two kiebots on one PostgreSQL with one Telegram. What they were told is
// noted, each with the replica that was.
type pair struct {
	t       *testing.T
	address string
	hook    bool
	tg      *telegramtest.Server
	kie     *kietest.Server
	net     *http.Transport // to Telegram
	all     []*replica

	mu    sync.Mutex
	posts int
	log   []string
}

// replica is one of them. A store that is cut off ends its lease.
type replica struct {
	*quiet
	pair     *pair
	name     string
	store    *cutOffStore
	telegram *Telegram
	engine   *core.Engine
	up       atomic.Bool // what stands in front sends webhooks to it
	stop     func()
}

// Command implements Bot.
func (r *replica) Command(ctx context.Context, in bots.Incoming) bots.Reply {
	if r.slow != nil {
		r.slow(ctx)
	}
	if ctx.Err() == nil {
		r.pair.mu.Lock()
		defer r.pair.mu.Unlock()
		r.pair.log = append(r.pair.log, strings.TrimSpace(fmt.Sprint(r.name, " ", in.Text, " ", strings.Repeat("📎", len(in.Files)))))
	}
	return bots.Reply{Silent: true}
}

// cutOffStore is a store that can be out of reach.
type cutOffStore struct {
	core.Store
	off atomic.Bool
}

var errCutOff = errors.New("no route to the database")

func (c *cutOffStore) View(ctx context.Context, fn func(core.Tx) error) error {
	if c.off.Load() {
		return errCutOff
	}
	return c.Store.View(ctx, fn)
}

func (c *cutOffStore) Update(ctx context.Context, fn func(core.Tx) error) error {
	if c.off.Load() {
		return errCutOff
	}
	return c.Store.Update(ctx, fn)
}

func (c *cutOffStore) Renew(ctx context.Context, l core.Lease, last time.Duration) (core.Lease, error) {
	if c.off.Load() {
		return core.Lease{}, errCutOff
	}
	return c.Store.Renew(ctx, l, last)
}

func (c *cutOffStore) Release(ctx context.Context, l core.Lease) error {
	if c.off.Load() {
		return errCutOff
	}
	return c.Store.Release(ctx, l)
}

// RoundTrip brings webhooks to one replica after the other, of those that are up.
func (p *pair) RoundTrip(req *http.Request) (*http.Response, error) {
	for range p.all {
		p.mu.Lock()
		p.posts++
		r := p.all[p.posts%len(p.all)]
		p.mu.Unlock()
		if r.up.Load() {
			return inward{r.telegram.Handler}.RoundTrip(req)
		}
	}
	return nil, errors.New("nobody is up")
}

// inPair runs the test with two replicas, the first of which has the duty.
func inPair(t *testing.T, server *pgtest.Server, hook bool, test func(*testing.T, *pair)) {
	t.Helper()
	address := server.Database(t)
	synctest.Test(t, func(t *testing.T) {
		p := &pair{t: t, address: address, hook: hook, kie: kietest.NewMemoryServer(kietest.Config{})}
		defer p.kie.Close()
		cfg := telegramtest.Config{Patience: time.Hour}
		if hook {
			cfg.WebhookTransport = p
		}
		p.tg = telegramtest.NewMemoryServer(cfg)
		defer p.tg.Close()
		p.net = &http.Transport{DialContext: p.tg.DialContext}
		defer p.net.CloseIdleConnections()
		for _, name := range []string{"A", "B"} {
			r := &replica{pair: p, name: name, quiet: &quiet{}}
			p.all = append(p.all, r)
			r.open()
			defer r.store.Store.(*postgres.Store).Close()
			r.run()
			defer func() { r.stop() }()
			for !p.all[0].engine.Has(Duty) {
				time.Sleep(time.Second)
			}
		}
		p.settle()
		test(t, p)
		if left := inStore(t, p.all[1].store.Store); len(left) > 0 {
			t.Errorf("%d updates are left in the inbox", len(left))
		}
		for _, c := range p.tg.Complaints() {
			t.Errorf("Telegram complains: %s", c)
		}
	})
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (r *replica) open() {
	p := r.pair
	store, err := postgres.Open(p.t.Context(), p.address, postgres.Options{Now: time.Now, Poll: true})
	p.must(err)
	r.store = &cutOffStore{Store: store}
	client, err := kie.New(kie.Config{APIKey: kie.Secret(p.kie.Key()), BaseURL: p.kie.URL(), HTTPClient: p.kie.Client()})
	p.must(err)
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	p.must(err)
	spool, err := media.OpenSpool(filepath.Join(workDir(p.t), "media"), fetcher)
	p.must(err)
	models, err := catalog.Default()
	p.must(err)
	log := slog.New(slog.NewTextHandler(p.t.Output(), nil)).With("replica", r.name)
	r.engine, err = core.New(core.Config{
		Store: r.store, Kie: []core.KieAccount{{Client: client}}, Catalog: models, Spool: spool, Adapters: map[string]core.Adapter{Platform: adapterNone{}}, Logger: log,
	})
	p.must(err)
	r.telegram, err = New(Config{
		Token: Token(p.tg.Token()), Bot: r, Engine: r.engine, Store: r.store, Transport: plainly{p.net}, Logger: log,
		Webhook: p.hook, PublicURL: "http://127.0.0.1", Secret: "a-secret",
	})
	p.must(err)
}

// run runs the replica as cmd/kiebot does: a lease that is lost is followed by
// another.
func (r *replica) run() {
	ctx, cancel := context.WithCancel(r.pair.t.Context())
	var parts sync.WaitGroup
	parts.Go(func() {
		for ctx.Err() == nil {
			if err := r.engine.Run(ctx); err != nil {
				time.Sleep(time.Second)
			}
		}
	})
	parts.Go(func() {
		if err := r.telegram.Run(ctx); err != nil {
			r.pair.t.Error(err)
		}
	})
	r.up.Store(true)
	r.stop = func() {
		r.up.Store(false)
		cancel()
		parts.Wait()
	}
}

// settle lets everything come to its end that can.
func (p *pair) settle() {
	time.Sleep(5 * time.Second)
	synctest.Wait()
}

// told is what was handled since the last call, in order.
func (p *pair) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.log
	p.log = nil
	return all
}

func (p *pair) wants(want ...string) {
	p.t.Helper()
	if got := p.told(); !slices.Equal(got, want) {
		p.t.Errorf("handled %q, want %q", got, want)
	}
}

func TestReplicas(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	for name, test := range map[string]struct {
		hook bool
		do   func(*testing.T, *pair)
	}{
		"webhooks come to both":         {true, comeToBoth},
		"the one with the duty is away": {true, takenOver},
		"the one with the duty ends":    {true, handedOver},
		"the duty comes back":           {true, takenBack},
		"polling moves":                 {false, pollingMoves},
	} {
		t.Run(name, func(t *testing.T) { inPair(t, server, test.hook, test.do) })
	}
}

// What comes to either replica is handled by the one with the duty, in order,
// once, and an album as one.
func comeToBoth(t *testing.T, p *pair) {
	ann := p.tg.Person("Ann")
	var want []string
	for n := range 6 {
		ann.Types(fmt.Sprint(n))
		want = append(want, fmt.Sprint("A ", n))
	}
	p.settle()
	p.wants(want...)
	ann.SendsAlbum("/edit both", telegramtest.Photo(dot(t, 1)), telegramtest.Photo(dot(t, 2)), telegramtest.Photo(dot(t, 3)))
	p.settle()
	p.wants("A /edit both 📎📎📎")
	// Telegram sends again what was answered late: to whichever replica.
	again := `{"update_id":900001,"message":{"message_id":9,"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"again"}}`
	for n := range 4 {
		if status := post(p.all[n%2].telegram, "a-secret", again); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		p.settle()
	}
	p.wants("A again")
}

// The replica with the duty loses its database while an update is being handled,
// an album is half there and others wait in the inbox. When its lease is over the
// other handles them, and the first does nothing more with them when it comes back.
func takenOver(t *testing.T, p *pair) {
	a, b := p.all[0], p.all[1]
	held := make(chan struct{})
	a.slow = func(context.Context) { <-held }
	ann, bob := p.tg.Person("Ann"), p.tg.Person("Bob")
	ann.Types("one")
	ann.Types("two")
	p.settle()
	if left := inStore(t, b.store); len(left) != 2 {
		t.Errorf("%d updates are in the inbox, want both", len(left))
	}
	a.store.off.Store(true) // it takes webhooks, which it cannot store
	bob.SendsAlbum("/edit both", telegramtest.Photo(dot(t, 1)), telegramtest.Photo(dot(t, 2)))
	ann.Types("three")
	p.settle()
	p.wants()
	time.Sleep(time.Minute) // a handler that hangs keeps no duty: the lease is over
	synctest.Wait()
	got := p.told()
	slices.Sort(got)
	if want := []string{"B /edit both 📎📎", "B one", "B three", "B two"}; !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
	a.store.off.Store(false)
	close(held)
	p.settle()
	ann.Types("four")
	p.settle()
	p.wants("B four")
	if !b.engine.Has(Duty) || a.engine.Has(Duty) || a.telegram.Healthy() != nil {
		t.Errorf("the duty is B's: %t, and A's: %t, which says %v", b.engine.Has(Duty), a.engine.Has(Duty), a.telegram.Healthy())
	}
}

// The only replica loses its database until its lease is over: what that cut short
// it handles when it has the duty again.
func takenBack(t *testing.T, p *pair) {
	a, b := p.all[0], p.all[1]
	b.stop()
	p.settle()
	a.slow = func(ctx context.Context) { <-ctx.Done() }
	ann := p.tg.Person("Ann")
	ann.Types("one")
	ann.Types("two")
	p.settle()
	a.store.off.Store(true)
	time.Sleep(time.Minute)
	a.slow = nil
	a.store.off.Store(false)
	p.settle()
	p.wants("A one", "A two")
	b.run()
}

// The replica with the duty ends as it should, with updates in its inbox.
func handedOver(t *testing.T, p *pair) {
	a := p.all[0]
	a.slow = func(ctx context.Context) { <-ctx.Done() }
	ann := p.tg.Person("Ann")
	ann.Types("one")
	ann.Types("two")
	p.settle()
	a.stop()
	p.settle()
	p.wants("B one", "B two")
	a.slow = nil
	a.run()
	p.settle()
	ann.Types("three")
	ann.Types("four")
	p.settle()
	p.wants("B three", "B four")
	p.all[1].stop()
	ann.Types("five")
	p.settle()
	p.wants("A five")
	p.all[1].run()
}

// One replica at a time asks Telegram for updates, and the next goes on where it
// stopped.
func pollingMoves(t *testing.T, p *pair) {
	a, b := p.all[0], p.all[1]
	ann := p.tg.Person("Ann")
	ann.Types("one")
	p.settle()
	p.wants("A one")
	a.stop()
	ann.Types("two")
	p.settle()
	p.wants("B two")
	a.run()
	p.settle()
	b.store.off.Store(true)
	ann.Types("three") // is given to B, which cannot say that it has it
	time.Sleep(2 * time.Minute)
	p.settle()
	if got := p.told(); len(got) == 0 || got[len(got)-1] != "A three" {
		t.Errorf("handled %q, want A three at last", got)
	}
	b.store.off.Store(false)
	ann.Types("four")
	p.settle()
	p.wants("A four")
	for _, c := range p.tg.Calls("getUpdates") {
		if c.Status == http.StatusConflict {
			t.Errorf("two asked at the same time, at %v", c.Time)
		}
	}
}

// adapterNone shows nothing: nothing is delivered.
type adapterNone struct{ core.Adapter }
