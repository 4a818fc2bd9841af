package discord

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/bots/discord/discordtest"
	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
)

// database is the server that the fleets share.
var database = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Open(pgtest.Options{}) })

// tests are those of the package, which end with the database.
type tests struct{ *testing.M }

func (m tests) Run() int {
	code := m.M.Run()
	if s, err := database(); err == nil {
		s.Close()
	}
	return code
}

// fleet is two kiebots on one PostgreSQL, between one Kie and one Discord, in
// real time.
type fleet struct {
	*world
	all [2]*world
	to  atomic.Int32 // which of them interactions over HTTP come to
	// slow is how long an answer takes to Discord.
	slow atomic.Int64
	last atomic.Pointer[http.Request] // what came over HTTP last
}

// newFleet starts the first of them.
func newFleet(t *testing.T, cfg worldConfig) *fleet {
	t.Helper()
	server, err := database()
	pgtest.Need(t, err)
	address := server.Database(t)
	cfg.open = func() (storage, error) { return postgres.Open(t.Context(), address, postgres.Options{}) }
	cfg.kie = kietest.Config{Shrink: 16, Durations: kietest.Durations{Image: time.Hour}}
	cfg.change = func(c *core.Config) { c.Lease = 2 * time.Second }
	w := &world{t: t, cfg: cfg}
	f := &fleet{world: w}
	w.cfg.discord.Now, w.cfg.discord.Transport = now, f
	w.kie, w.discord = kietest.NewMemoryServer(w.cfg.kie), discordtest.NewMemoryServer(w.cfg.discord)
	t.Cleanup(w.kie.Close)
	t.Cleanup(w.discord.Close)
	w.spy = newSecrecy(t, w.discord.Token())
	w.net = &http.Transport{DialContext: w.discord.DialContext}
	w.wire = w.net
	t.Cleanup(w.net.CloseIdleConnections)
	w.ada = w.discord.Person("Ada")
	w.guild = w.discord.Guild("the guild", w.ada)
	w.channel = w.guild.Channel("pictures")
	for i := range f.all {
		one := *w
		one.dir = workDir(t)
		f.all[i] = &one
	}
	f.start(0)
	return f
}

// start starts one of them.
func (f *fleet) start(i int) {
	f.t.Helper()
	w := f.all[i]
	w.start()
	f.t.Cleanup(func() { f.stop(i) })
}

// stop stops one of them, which may be stopped already.
func (f *fleet) stop(i int) {
	w := f.all[i]
	if w.stop != nil {
		w.end()
		w.stop = nil
	}
}

// until waits for what no message tells of.
func (f *fleet) until(what string, is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("it does not happen that %s", what)
		}
	}
}

// has counts the duties of a kind that each has.
func (f *fleet) has(kind string) (n [2]int) {
	for i, w := range f.all {
		if w.stop == nil {
			continue
		}
		all, err := w.engine.Replicas(f.t.Context())
		f.must(err)
		for _, r := range all {
			for _, d := range r.Duties {
				if r.Fence == w.engine.Fence() && d.Kind() == kind && w.engine.Has(d) {
					n[i]++
				}
			}
		}
	}
	return n
}

// at is a channel whose deliveries the n-th shows.
func (f *fleet) at(n int) *discordtest.Channel {
	for {
		c := f.guild.Channel("pictures")
		if f.all[n].engine.Has(core.NewLane(Platform, c.ID()).Duty()) {
			return c
		}
	}
}

// RoundTrip implements http.RoundTripper: it brings interactions to one of them.
func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	f.last.Store(copyOf(r, body))
	answer := f.post(int(f.to.Load()), copyOf(r, body))
	<-time.After(time.Duration(f.slow.Load()))
	return answer, nil
}

func copyOf(r *http.Request, body []byte) *http.Request {
	in := httptest.NewRequest(r.Method, WebhookPath, bytes.NewReader(body))
	in.Header = r.Header.Clone()
	return in
}

func (f *fleet) post(n int, r *http.Request) *http.Response {
	answer := httptest.NewRecorder()
	f.all[n].ours.Handler().ServeHTTP(answer, r)
	return answer.Result()
}

// overHTTP starts a fleet that has shared its lanes.
func overHTTP(t *testing.T, cfg worldConfig) *fleet {
	cfg.hook = true
	f := newFleet(t, cfg)
	f.start(1)
	f.until("both are ready and share the lanes", func() bool {
		return f.all[0].ours.Healthy() == nil && f.all[1].ours.Healthy() == nil && f.has("lanes") == [2]int{16, 16} && len(f.discord.Commands("")) > 0
	})
	f.must(f.discord.SetEndpoint("http://kiebot.test" + WebhookPath))
	return f
}

// ask asks for a picture, and knows where it has to be shown.
func (f *fleet) ask(c *discordtest.Channel, private bool) *order {
	asked := c.As(f.ada).Types("/imagine", set("prompt", "a cat"), set("private", private))
	return &order{asked, c, private}
}

type order struct {
	*discordtest.Interaction
	channel *discordtest.Channel
	private bool
}

// shown waits until it is, with these words, as the answer to the interaction
// and nowhere else.
func (f *fleet) shown(o *order, words string) {
	f.t.Helper()
	m := o.Becomes(f.t, says("a cat", words))
	if all := o.channel.As(f.ada).FromBot(); (m.For != "") != o.private || len(all) != 1 {
		f.t.Errorf("private %v: %s", o.private, all)
	}
}

// What one replica hears another shows, in the place of its first answer, even
// when that takes a while to get to Discord.
func TestAnotherReplicaShowsIt(t *testing.T) {
	f := overHTTP(t, worldConfig{})
	var orders []*order
	for _, slow := range []time.Duration{0, 200 * time.Millisecond} {
		f.slow.Store(int64(slow))
		for hears := range f.all {
			f.to.Store(int32(hears))
			for shows := range f.all {
				orders = append(orders, f.ask(f.at(shows), false), f.ask(f.at(shows), true))
			}
			for _, o := range orders {
				o.Answer(t)
			}
		}
	}
	for _, o := range orders {
		f.shown(o, "generating")
	}
	if n := f.discord.Invalid(); n != 0 {
		t.Errorf("%d calls were refused", n)
	}
	f.leftOver()
}

// A form that one replica opened is sent to another, with what is behind it; and
// after all of them have been started anew.
func TestAFormGoesToAnotherReplica(t *testing.T) {
	f := overHTTP(t, worldConfig{})
	picture := f.channel.As(f.ada).Writes("look", attach("", "cat.png", picture(t)))
	opens := func() *discordtest.Modal { return f.channel.As(f.ada).UsesOn(picture, "Edit").Modal(t) }
	form, later := opens(), opens()
	f.to.Store(1)
	form.Submits(set("words", "bluer")).Becomes(t, says("generating"))
	form.Submits(set("words", "redder")).Becomes(t, says("took too long"))
	f.stop(0)
	f.stop(1)
	f.start(1)
	f.until("it is ready", func() bool { return f.all[1].ours.Healthy() == nil && f.has("lanes")[1] == 32 })
	later.Submits(set("words", "greener")).Becomes(t, says("generating"))
	f.leftOver()
}

// A signed interaction that is sent once more, to another replica, does nothing.
func TestAReplayAtAnotherReplica(t *testing.T) {
	f := overHTTP(t, worldConfig{boss: true})
	f.channel.As(f.ada).Types("/admin", set("do", "grant "+f.boss().String()+" 5")).Answer(t)
	if answer := f.post(1, f.last.Load()); answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
	balance, err := f.all[0].engine.Balance(t.Context(), core.Origin{Identity: f.boss(), Lane: "discord:1"})
	f.must(err)
	if balance.Granted != 5000 {
		t.Errorf("%v were granted", balance.Granted)
	}
	f.leftOver()
}

// Shards are spread, go to who is left and come back, with their sessions:
// nothing is lost, and nothing is answered twice.
func TestShardsOfReplicas(t *testing.T) {
	f := newFleet(t, worldConfig{discord: discordtest.Config{Shards: 4, Concurrency: 4}})
	spread := func(want [2]int) {
		t.Helper()
		f.until("the shards are spread", func() bool {
			connected := 0
			for _, s := range f.discord.Sessions() {
				if s.Connected {
					connected++
				}
			}
			healthy := true
			for i, w := range f.all {
				healthy = healthy && (want[i] == 0 || w.ours.Healthy() == nil)
			}
			return healthy && connected == 4 && f.has("discord") == want && len(f.discord.Commands("")) > 0
		})
	}
	spread([2]int{4, 0})
	f.start(1)
	spread([2]int{2, 2})
	shards := map[int]*discordtest.Channel{}
	for len(shards) < 4 {
		g := f.discord.Guild("a guild", f.ada)
		id, err := strconv.ParseUint(g.ID(), 10, 64)
		f.must(err)
		shards[int(id>>22)%4] = g.Channel("pictures")
		<-time.After(time.Millisecond) // ids go by the time
	}
	var orders []*order
	ask := func() {
		for _, c := range shards {
			orders = append(orders, f.ask(c.Thread("cats"), false))
		}
	}
	ask()
	f.stop(0)
	ask() // on its way to whoever comes next
	spread([2]int{0, 4})
	ask()
	f.start(0)
	spread([2]int{2, 2})
	ask()
	for _, o := range orders {
		f.shown(o, "") // how far it is may be said later, by whoever has the lane then
	}
	if all := f.discord.Sessions(); len(all) != 4 {
		t.Errorf("sessions were begun anew: %+v", all)
	}
	f.leftOver()
}
