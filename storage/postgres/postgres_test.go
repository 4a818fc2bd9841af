package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
	"kiebot/storage/storagetest"
)

// server is the one that tests share which do not kill it.
var server = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Open(pgtest.Options{}) })

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil {
		s.Close()
	}
	os.Exit(code)
}

func shared(t *testing.T) *pgtest.Server {
	t.Helper()
	s, err := server()
	pgtest.Need(t, err)
	return s
}

func open(t *testing.T, address string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), address, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	server := shared(t)
	var mu sync.Mutex
	databases := map[string]string{} // by the test's folder
	storagetest.Run(t, func(t *testing.T, dir string) storagetest.Store {
		mu.Lock()
		defer mu.Unlock()
		if databases[dir] == "" {
			databases[dir] = server.Database(t)
		}
		return open(t, databases[dir])
	})
}

// adds books one credit in the window.
func adds(tx core.Tx) error {
	usage, err := tx.Usage("w")
	if err != nil {
		return err
	}
	usage.Settled++
	return tx.PutUsage("w", usage)
}

// crowd lets callers book one credit so many times at each of the stores, and
// says how many did without an error.
func crowd(t *testing.T, callers, times int, stores ...*postgres.Store) int64 {
	t.Helper()
	var booked atomic.Int64
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for range times {
				if err := stores[n%len(stores)].Update(t.Context(), adds); err != nil {
					t.Error(err)
					return
				}
				booked.Add(1)
			}
		})
	}
	all.Wait()
	return booked.Load()
}

func wantBooked(t *testing.T, s *postgres.Store, want int64) {
	t.Helper()
	var usage core.Usage
	err := s.View(t.Context(), func(tx core.Tx) (err error) {
		usage, err = tx.Usage("w")
		return err
	})
	if err != nil || int64(usage.Settled) != want {
		t.Errorf("%d credits are booked, %v; want %d", usage.Settled, err, want)
	}
}

// Replicas that book in the same window at the same time lose and double nothing.
func TestReplicasTakeTurns(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	stores := []*postgres.Store{open(t, address), open(t, address), open(t, address)}
	wantBooked(t, stores[0], crowd(t, 12, 50, stores...))
}

// Updates of all kinds share transactions, and what they read is looked for in
// advance: none of them notices, or sees less than the one before it wrote.
func TestUpdatesOfAllKindsAtOnce(t *testing.T) {
	s := open(t, shared(t).Database(t))
	errRefused := errors.New("refused")
	var booked atomic.Int64
	kinds := []func() error{
		func() error { // reads what it wrote
			return s.Update(t.Context(), func(tx core.Tx) error {
				if err := errors.Join(adds(tx), adds(tx)); err != nil {
					return err
				}
				_, err := tx.Accounts("", 10) // and lists, so that it is written before
				return errors.Join(err, adds(tx))
			})
		},
		func() error { return s.Update(t.Context(), adds) },
		func() error { // refuses after it has written and listed
			err := s.Update(t.Context(), func(tx core.Tx) error {
				_, err := tx.Deliveries(0, 1)
				return errors.Join(adds(tx), err, errRefused)
			})
			if !errors.Is(err, errRefused) {
				return fmt.Errorf("refused with %w", err)
			}
			return nil
		},
		func() (err error) {
			defer func() {
				if recover() == nil {
					err = errors.New("the panic did not come through")
				}
			}()
			return s.Update(t.Context(), func(tx core.Tx) error {
				_ = adds(tx)
				panic("in a transaction")
			})
		},
		func() error { // numbers things
			return s.Update(t.Context(), func(tx core.Tx) error {
				id, err := tx.AddDelivery(core.Delivery{Lane: "web:c"})
				if id > 1000 {
					err = fmt.Errorf("a delivery has number %d", id)
				}
				return errors.Join(err, tx.AddEntry(core.Entry{Account: "a"}))
			})
		},
	}
	adding := []int64{3, 1, 0, 0, 0}
	var all sync.WaitGroup
	for n := range 60 {
		all.Go(func() {
			for i := range 5 {
				k := (n + i) % len(kinds)
				if err := kinds[k](); err != nil {
					t.Error(err)
				}
				booked.Add(adding[k])
			}
		})
	}
	all.Wait()
	wantBooked(t, s, booked.Load())
	err := s.View(t.Context(), func(tx core.Tx) error {
		entries, err := tx.Entries("a", 0, 100)
		deliveries, err2 := tx.Deliveries(0, 100)
		if len(entries) != 60 || len(deliveries) != 60 || entries[59].Seq != 60 || deliveries[59].ID != 60 {
			t.Errorf("%d entries, %d deliveries", len(entries), len(deliveries))
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Error(err)
	}
}

// The server dies again and again: updates wait until it is back, and what was
// answered is there, once.
func TestTheServerIsKilled(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	s := open(t, server.Database(t))
	ended := make(chan int64)
	go func() { ended <- crowd(t, 8, 300, s) }()
	for n := 0; ; n++ {
		select {
		case booked := <-ended:
			wantBooked(t, s, booked)
			if n == 0 {
				t.Error("the server was not killed once")
			}
			return
		default:
			if n < 4 {
				server.Kill()
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// proxy passes connections on to the server, and cuts each one when it has
// passed a number of bytes of the server's answers.
type proxy struct {
	listener net.Listener
	to       string
	random   *rand.Rand
	cuts     atomic.Int64
	whole    atomic.Bool // nothing is cut any more
}

func newProxy(t *testing.T, to string, seed uint64) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, to: to, random: rand.New(rand.NewPCG(seed, 0))}
	t.Cleanup(func() { listener.Close() })
	go p.run()
	return p
}

func (p *proxy) run() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.pass(client, 1000+p.random.Int64N(6000)) // the greeting has some hundreds
	}
}

func (p *proxy) pass(client net.Conn, bytes int64) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for passed := int64(0); passed < bytes || p.whole.Load(); {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if passed += int64(n); !p.whole.Load() {
			n = max(0, n-int(max(0, passed-bytes)))
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
	p.cuts.Add(1)
}

// The connection is cut anywhere, also between a commit and its answer: every
// update is carried out once.
func TestTheConnectionIsCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	server := shared(t)
	address := server.Database(t)
	p := newProxy(t, server.Addr(), seed)
	p.whole.Store(true)
	s := open(t, strings.Replace(address, server.Addr(), p.listener.Addr().String(), 1))
	p.whole.Store(false)
	booked := crowd(t, 4, 400, s)
	t.Logf("%d cuts", p.cuts.Load())
	if p.cuts.Load() < 5 {
		t.Errorf("the connection was cut %d times", p.cuts.Load())
	}
	wantBooked(t, open(t, address), booked)
}

// The database refuses an update for a reason of its own: those that would have
// shared its commit are not touched.
func TestARefusedUpdateFailsAlone(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	s := open(t, address)
	server.Exec(t, address, "ALTER TABLE kiebot.settings ADD CHECK (name <> 'poison')")
	var refused atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if err := s.Update(t.Context(), func(tx core.Tx) error { return tx.PutSetting("poison", nil) }); err != nil {
					refused.Add(1)
				}
			}
		})
	}
	wantBooked(t, s, crowd(t, 8, 50, s))
	all.Wait()
	if refused.Load() != 40 {
		t.Errorf("%d of 40 were refused", refused.Load())
	}
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
}

// Serialization failures and deadlocks, which others than kiebot can cause, are
// tried again.
func TestFailuresOfTheMoment(t *testing.T) {
	for _, code := range []string{"40001", "40P01", "57014"} {
		t.Run(code, func(t *testing.T) {
			server := shared(t)
			address := server.Database(t)
			s := open(t, address)
			server.Exec(t, address, fmt.Sprintf(`
				CREATE SEQUENCE tries;
				CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF nextval('tries') < 4 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '%s'; END IF;
					RETURN NEW;
				END $$;
				CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON kiebot.usage FOR EACH ROW EXECUTE FUNCTION fails()`, code))
			wantBooked(t, s, crowd(t, 3, 3, s))
		})
	}
}

// A replica that stands still in its turn to write loses the turn, and what it
// had not committed; when it goes on it does so from what the others left.
func TestAReplicaStandsStill(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	still, other := open(t, address+"&idle_in_transaction_session_timeout=200"), open(t, address)
	inTurn, goOn, done := make(chan struct{}, 9), make(chan struct{}), make(chan error)
	go func() {
		done <- still.Update(t.Context(), func(tx core.Tx) error {
			if err := adds(tx); err != nil {
				return err
			}
			inTurn <- struct{}{}
			<-goOn
			return nil
		})
	}()
	<-inTurn
	booked := crowd(t, 2, 10, other)
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantBooked(t, other, booked+1)
}

// A lease that has expired cannot be used, and its duties are somebody else's.
func TestALeaseExpires(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	one, two := open(t, address), open(t, address)
	ctx, both := t.Context(), []core.Duty{"chores", "kie/main"}
	task := core.Task{ID: "000000000000000001", Account: "a", State: core.Queued, Due: time.Now(), Created: time.Now()}
	write := func(s *postgres.Store, l core.Lease) error {
		return s.Update(ctx, func(tx core.Tx) error {
			if err := tx.Guard(l); err != nil {
				return err
			}
			return tx.PutTask(task)
		})
	}
	old, err := one.Renew(ctx, core.Lease{Owner: "one"}, time.Minute)
	if err := errors.Join(err, write(one, old)); err != nil {
		t.Fatal(err)
	}
	if got, err := one.Take(ctx, old, both); err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	current, err := two.Renew(ctx, core.Lease{Owner: "two"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := two.Take(ctx, current, both); err != nil || len(got) != 0 {
		t.Errorf("took what is another's: %q, %v", got, err)
	}
	if _, err := one.Renew(ctx, old, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if got, err := two.Take(ctx, current, both); err != nil || len(got) != 2 {
		t.Errorf("took of an expired lease %q, %v", got, err)
	}
	if err := write(one, old); !errors.Is(err, core.ErrLeaseLost) {
		t.Errorf("written under an expired lease: %v", err)
	}
	if all, err := one.Replicas(ctx); err != nil || len(all) != 1 || all[0].Owner != "two" || len(all[0].Duties) != 2 {
		t.Errorf("the replicas are %+v, %v", all, err)
	}
	if err := two.Release(ctx, current); err != nil {
		t.Error(err)
	}
}

// A database that a newer kiebot has changed so that this one cannot use it is
// refused.
func TestANewerLayout(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	open(t, address)
	server.Exec(t, address, "UPDATE kiebot.layout SET version = version + 1, oldest = version + 1")
	if _, err := postgres.Open(t.Context(), address, postgres.Options{}); !errors.Is(err, postgres.ErrNewer) {
		t.Errorf("opened a newer layout: %v", err)
	}
}

// nextLayout is a step as the next version's may be, to a layout that the
// program before it can use.
const nextLayout = `
	SELECT pg_advisory_xact_lock(7240313811966);
	ALTER TABLE kiebot.tasks ADD COLUMN priority smallint NOT NULL DEFAULT 0;
	CREATE INDEX tasks_by_priority ON kiebot.tasks (priority, id);
	ALTER TABLE kiebot.deliveries ADD COLUMN silent boolean;
	CREATE TABLE kiebot.tags (task text PRIMARY KEY, tag text NOT NULL);
	UPDATE kiebot.layout SET version = version + 1`

// Neighbouring versions work side by side: replicas carry tasks through their
// lives while the next version changes the layout under them, and so does one
// that is started, or started again, after that.
func TestNeighbouringVersions(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	people := storagetest.Persons(6)
	lives := func(s *postgres.Store, who []*storagetest.Person, times int) {
		for _, p := range who {
			for range times {
				if err := p.Life(func(fn func(core.Tx) error) error { return s.Update(t.Context(), fn) }); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}
	before := open(t, address)
	for _, p := range people {
		if err := before.Update(t.Context(), p.Join); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	all.Go(func() { lives(before, people[:3], 20) })
	lives(before, people[3:], 2)
	server.Exec(t, address, nextLayout)
	after := open(t, address)
	all.Go(func() { lives(after, people[3:], 20) })
	all.Wait()
	count := 0
	err := after.View(t.Context(), func(tx core.Tx) error {
		tasks, err := tx.Tasks("", 1000)
		count = len(tasks)
		return err
	})
	if err != nil || count != 3*20+3*2+3*20 {
		t.Errorf("%d tasks, %v", count, err)
	}
	if _, err := core.Verify(t.Context(), after, func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
}

// Replicas that start at the same time on an empty database make one layout.
func TestAllStartAtOnce(t *testing.T) {
	server := shared(t)
	address := server.Database(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := postgres.Open(t.Context(), address, postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	all.Wait()
}

// One connection for views is few, but enough.
func TestAFullPool(t *testing.T) {
	server := shared(t)
	s := open(t, server.Database(t)+"&pool_max_conns=1")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				if err := s.View(t.Context(), func(tx core.Tx) error { _, err := tx.Usage("w"); return err }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wantBooked(t, s, crowd(t, 4, 20, s))
	all.Wait()
}

// While there is no connection left for the updates they wait, and say so.
func TestNoConnectionIsLeft(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	address := server.Database(t)
	s := open(t, address)
	server.Stop()
	done := make(chan error)
	go func() { done <- s.Update(t.Context(), adds) }()
	for s.Healthy() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := s.Healthy(); strings.Contains(err.Error(), "panic") {
		t.Error(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantBooked(t, s, 1)
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Update(ctx, adds); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
