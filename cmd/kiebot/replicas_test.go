package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kiebot/bots/telegram/telegramtest"
	"kiebot/core"
	"kiebot/kie/kietest"
	"kiebot/storage/postgres"
	"kiebot/storage/postgres/pgtest"
)

// replicaLease is short, so that a test need not wait for long.
const replicaLease = 2 * time.Second

var (
	fleetSeed   = flag.Uint64("fleet.seed", 0, "the troubles of TestThreeReplicas; 0 means fresh ones")
	fleetOrders = flag.Int("fleet.orders", 40, "how many pictures are asked for in TestThreeReplicas")
)

// fleet is three kiebots on one PostgreSQL, behind an address that passes
// callbacks to those that live, with people on Telegram in front.
type fleet struct {
	t        *testing.T
	database *pgtest.Server
	address  string
	kie      *kietest.Server
	telegram *telegramtest.Server
	all      []*process
	deaths   int // kills and stops in the middle of something

	mu   sync.Mutex
	next int
}

func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	f := &fleet{t: t, database: pgtest.New(t, pgtest.Options{}), telegram: telegramtest.NewServer(telegramtest.Config{})}
	t.Cleanup(f.telegram.Close)
	f.address = f.database.Database(t)
	f.kie = kietest.NewServer(kietest.Config{
		Keys: []string{"key-one", "key-two"}, Shrink: 4, RecordDelay: 20 * time.Millisecond, CallbackRetry: 300 * time.Millisecond,
		Durations: kietest.Durations{Image: 400 * time.Millisecond},
	})
	t.Cleanup(f.kie.Close)
	front := &http.Server{Handler: http.HandlerFunc(f.balance)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = front.Serve(listener) }()
	t.Cleanup(func() { front.Close() })
	for range size {
		f.all = append(f.all, launch(t, f.kie,
			"KIE_API_KEY=", "KIE_API_KEYS=one=key-one,two=key-two", "KIE_UPLOAD_URL="+f.kie.URL(), "PUBLIC_URL=http://"+listener.Addr().String(),
			"TELEGRAM_TOKEN="+f.telegram.Token(), "TELEGRAM_API_URL="+f.telegram.URL(),
			"DATABASE_URL="+f.address, "LEASE="+replicaLease.String(), "ALLOW=everyone", "CONFIRM_ABOVE=off", "QUOTA_USER_DAILY=unlimited"))
	}
	return f
}

// balance passes a request to the next replica that answers.
func (f *fleet) balance(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.next++
	base := f.all[f.next%len(f.all)].base
	f.mu.Unlock()
	to, err := url.Parse(base)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
}

// replicas is what the store says about who does what.
func (f *fleet) replicas() []core.Replica {
	f.t.Helper()
	store, err := postgres.Open(f.t.Context(), f.address, postgres.Options{})
	if err != nil {
		return nil // the server is away
	}
	defer store.Close()
	all, err := store.Replicas(f.t.Context())
	if err != nil {
		return nil
	}
	return all
}

// shared waits until every duty is somebody's, and none has too many.
func (f *fleet) shared(size int) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%d replicas share the duties", size), func() bool {
		all := f.replicas()
		most, duties := 0, 0
		for _, r := range all {
			most, duties = max(most, len(r.Duties)), duties+len(r.Duties)
		}
		return len(all) == size && duties >= 36 && most <= 36/size+5
	})
}

// verify looks at everything that the database has, after all have stopped.
func (f *fleet) verify() {
	f.t.Helper()
	if out, err := f.all[0].runs([]string{"DATABASE_URL=" + f.address}, "verify"); err != nil || !strings.Contains(out, "all is right") {
		f.t.Errorf("%v: %s", err, out)
	}
	store, err := postgres.Open(f.t.Context(), f.address, postgres.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	all := f.replicas()
	if len(all) > 0 {
		f.t.Errorf("after the end there are leases: %+v", all)
	}
}

// Three replicas, and everything that can happen to them while people ask for
// pictures: killed, stopped, standing still for longer than their lease, and
// without a database. Nothing is lost, nothing is created twice, and the ledger is right.
func TestThreeReplicas(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.shared(3)
	seed := *fleetSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("the troubles have the seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	var people []*telegramtest.Person
	for n := range 5 {
		people = append(people, f.telegram.Person(fmt.Sprint("Person ", n)))
	}
	prompt := func(n int) string { return fmt.Sprintf("picture number %03d of a cat", n) }
	for n := range *fleetOrders {
		p := people[chance.IntN(len(people))]
		p.Private().As(p).Types("/imagine " + prompt(n))
		if n%3 == 2 {
			f.trouble(chance)
		}
	}
	f.shared(3)
	for n := range *fleetOrders {
		eventually(t, fmt.Sprintf("order %d has an end", n), func() bool { return f.ends(people, prompt(n)) > 0 })
	}
	shown := 0
	for n := range *fleetOrders {
		shown += f.ends(people, prompt(n)) - 1
		made := 0
		for _, task := range f.kie.Tasks() {
			if task.Input["prompt"] == prompt(n) {
				made++
			}
		}
		if made != 1 {
			t.Errorf("Kie has %d tasks of order %d", made, n)
		}
	}
	if shown > f.deaths {
		t.Errorf("%d pictures came again, after %d deaths", shown, f.deaths)
	}
	t.Logf("%d deaths, %d pictures came again; at most %d creations in ten seconds for both keys", f.deaths, shown, f.kie.MaxCreatesInWindow())
	for _, p := range f.all {
		p.stop()
	}
	f.verify()
}

// trouble is what happens to one of the replicas, or to the database.
func (f *fleet) trouble(chance *rand.Rand) {
	n := chance.IntN(len(f.all))
	p := f.all[n]
	switch chance.IntN(6) {
	case 0, 1:
		f.t.Logf("replica %d is killed", n)
		f.deaths++
		p.kill()
		p.start()
	case 2:
		f.t.Logf("replica %d stands still for longer than its lease", n)
		f.deaths++
		f.signal(p, syscall.SIGSTOP)
		others := f.replicas()
		eventually(f.t, "the others do without it", func() bool { return len(f.replicas()) < len(others) || len(others) < len(f.all) })
		f.signal(p, syscall.SIGCONT)
	case 3:
		f.t.Logf("replica %d is updated", n)
		p.stop()
		p.start()
	case 4:
		f.t.Log("every connection to the database is cut")
		f.database.Exec(f.t, f.address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kiebot'")
	case 5:
		f.t.Log("the database is killed")
		f.database.Kill()
		if err := f.database.Start(); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fleet) signal(p *process, what syscall.Signal) {
	f.t.Helper()
	if err := p.cmd.Process.Signal(what); err != nil {
		f.t.Fatal(err)
	}
}

// ends is how many pictures, or ends without one, the chats show of a prompt.
func (f *fleet) ends(people []*telegramtest.Person, prompt string) (n int) {
	for _, p := range people {
		for _, m := range p.Private().FromBot() {
			if m.Kind() == "photo" && strings.Contains(m.Caption, prompt) {
				n++
			}
		}
	}
	return n
}

// What a killed replica did moves on at another within its lease and two seconds.
func TestTakeover(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.shared(3)
	ann := f.telegram.Person("Ann")
	var slowest time.Duration
	for round := range 3 {
		lift := f.kie.Always(kietest.CallCreate, kietest.HoldTask())
		prompt := fmt.Sprintf("a cat in round %d", round)
		ann.Private().As(ann).Types("/imagine " + prompt)
		eventually(t, "Kie has it", func() bool { return len(f.kie.Tasks()) == round+1 })
		lift()
		eventually(t, "it is followed", func() bool { return f.reads(f.kie.Tasks()[round].ID) > 0 })
		who := f.holder(core.DutyOf(strings.TrimPrefix(f.kie.Tasks()[round].Key, "key-")))
		f.all[who].kill()
		died := time.Now()
		f.kie.Release(f.kie.Tasks()[round].ID)
		eventually(t, "the picture is there", func() bool { return f.ends([]*telegramtest.Person{ann}, prompt) == 1 })
		slowest = max(slowest, time.Since(died))
		f.all[who].start()
		f.shared(3)
	}
	t.Logf("lease %v: after a kill the picture was there within %v", replicaLease, slowest.Round(10*time.Millisecond))
	if slowest > replicaLease+2*time.Second {
		t.Errorf("it took %v, want at most the lease of %v and two seconds", slowest, replicaLease)
	}
}

func (f *fleet) reads(task string) (n int) {
	for _, r := range f.kie.Requests() {
		if r.Call == kietest.CallRecord && r.TaskID == task {
			n++
		}
	}
	return n
}

// holder is which of the processes has the duty.
func (f *fleet) holder(duty core.Duty) int {
	f.t.Helper()
	for _, r := range f.replicas() {
		if !slices.Contains(r.Duties, duty) {
			continue
		}
		if n := slices.IndexFunc(f.all, func(p *process) bool { return strings.Contains(r.Owner, strconv.Itoa(p.cmd.Process.Pid)) }); n >= 0 {
			return n
		}
	}
	f.t.Fatalf("nobody has %s", duty)
	return 0
}
