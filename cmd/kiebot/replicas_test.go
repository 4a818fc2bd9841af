//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
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

// fleet is several kiebots on one PostgreSQL, with people on Telegram in front.
type fleet struct {
	t        *testing.T
	database *pgtest.Server
	address  string
	kie      *kietest.Server
	telegram *telegramtest.Server
	all      []*process
	store    *postgres.Store
	deaths   int // kills and stops in the middle of something
}

func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	f := &fleet{t: t, database: pgtest.New(t, pgtest.Options{}), telegram: telegramtest.NewServer(telegramtest.Config{})}
	t.Cleanup(f.telegram.Close)
	f.address = f.database.Database(t)
	f.kie = kietest.NewServer(kietest.Config{
		Keys: []string{"key-one", "key-two"}, Shrink: 4, RecordDelay: 20 * time.Millisecond,
		Durations: kietest.Durations{Image: 400 * time.Millisecond},
	})
	t.Cleanup(f.kie.Close)
	f.open()
	t.Cleanup(f.explain)
	for range size {
		f.all = append(f.all, launch(t, f.kie,
			"KIE_API_KEY=", "KIE_API_KEYS=one=key-one,two=key-two", "KIE_UPLOAD_URL="+f.kie.URL(),
			"TELEGRAM_TOKEN="+f.telegram.Token(), "TELEGRAM_API_URL="+f.telegram.URL(),
			"DATABASE_URL="+f.address, "LEASE="+replicaLease.String(), "ALLOW=everyone", "CONFIRM_ABOVE=off", "QUOTA_USER_DAILY=unlimited", "MAX_ACTIVE_PER_USER=unlimited"))
		f.all[len(f.all)-1].private = true
	}
	return f
}

// explain shows what the replicas said when the test has failed.
func (f *fleet) explain() {
	if !f.t.Failed() {
		return
	}
	if all, err := f.open().Replicas(context.Background()); err == nil {
		for _, r := range all {
			f.t.Logf("%s with the fence %d until %v has %q", r.Owner, r.Fence, r.Expires, r.Duties)
		}
	}
	_ = f.open().View(context.Background(), func(tx core.Tx) error {
		tasks, err := tx.Tasks("", 1000)
		for _, t := range tasks {
			f.t.Logf("task %s of %s (%q) is %s at %q since %v, due %v, delivered %v", t.ID, t.Lane().Duty(), t.Request.Prompt, t.State, t.KieAccount, t.Started, t.Due, t.Delivered)
		}
		deliveries, err2 := tx.Deliveries(0, 1000)
		for _, d := range deliveries {
			f.t.Logf("delivery %+v", d)
		}
		return errors.Join(err, err2)
	})
	for n, p := range f.all {
		f.t.Logf("replica %d:\n%s", n, &p.lives)
	}
}

// open opens the database once more, to look at it.
func (f *fleet) open() *postgres.Store {
	f.t.Helper()
	if f.store == nil {
		store, err := postgres.Open(f.t.Context(), f.address, postgres.Options{})
		if err != nil {
			f.t.Fatal(err)
		}
		f.store = store
		f.t.Cleanup(func() { store.Close() })
	}
	return f.store
}

// look reads from the store, again while the server is away.
func (f *fleet) look(fn func(core.Tx) error) {
	f.t.Helper()
	eventually(f.t, "the store can be read", func() bool { return f.open().View(f.t.Context(), fn) == nil })
}

// replicas is what the store says about who does what.
func (f *fleet) replicas() (all []core.Replica) {
	f.t.Helper()
	eventually(f.t, "the store can be read", func() bool {
		var err error
		all, err = f.open().Replicas(f.t.Context())
		return err == nil
	})
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
	if all := f.replicas(); len(all) > 0 {
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
	again, lost, refused := 0, 0, 0
	for n := range *fleetOrders {
		var task core.Task
		eventually(t, fmt.Sprintf("order %d has an end", n), func() bool {
			task = f.task(prompt(n))
			return !task.Delivered.IsZero() || task.State == core.Unresolved || task.ID == "" && f.refusals(people) > refused
		})
		switch made, shown := f.made(prompt(n)), f.shown(people, prompt(n)); {
		case task.ID == "": // its replica had just stood still: the person was told to ask again
			refused++
		case task.State == core.Unresolved && made <= 1: // its replica died while Kie was asked: it is refunded in a minute
			lost++
		case task.State != core.Succeeded || made != 1 || shown == 0:
			t.Errorf("order %d is %s, Kie has it %d times, the chat shows it %d times", n, task.State, made, shown)
		default:
			again += shown - 1
		}
	}
	if again > f.deaths || lost > f.deaths || refused > f.deaths {
		t.Errorf("%d pictures came again, %d orders are unresolved, and %d were refused, after %d deaths", again, lost, refused, f.deaths)
	}
	t.Logf("%d deaths: %d pictures came again, %d orders are unresolved, %d were refused", f.deaths, again, lost, refused)
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

// task is the one with the prompt, as the store has it; the zero Task before it is there.
func (f *fleet) task(prompt string) (found core.Task) {
	f.t.Helper()
	f.look(func(tx core.Tx) error {
		tasks, err := tx.Tasks("", 1000)
		if n := slices.IndexFunc(tasks, func(t core.Task) bool { return t.Request.Prompt == prompt }); n >= 0 {
			found = tasks[n]
		}
		return err
	})
	return found
}

// made is how many tasks Kie has of the prompt.
func (f *fleet) made(prompt string) (n int) {
	for _, task := range f.kie.Tasks() {
		if task.Input["prompt"] == prompt {
			n++
		}
	}
	return n
}

// refusals is how often people were told that a request could not be saved.
func (f *fleet) refusals(people []*telegramtest.Person) (n int) {
	for _, p := range people {
		for _, m := range p.Private().FromBot() {
			if strings.Contains(m.Text, "could not be saved") {
				n++
			}
		}
	}
	return n
}

// shown is how many pictures of the prompt the chats show.
func (f *fleet) shown(people []*telegramtest.Person, prompt string) (n int) {
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
		eventually(t, "the picture is there", func() bool { return f.shown([]*telegramtest.Person{ann}, prompt) == 1 })
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
