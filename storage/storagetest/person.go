package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie"
)

// BenchFor is how long each side of a comparison runs.
const BenchFor = 1500 * time.Millisecond

// Person is one of those who ask, with what stays the same about them.
type Person struct {
	identity core.Identity
	Account  core.AccountID
	lane     core.Lane
}

// Start is the time that everything of a Person's happens at.
var Start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

var ids, updates atomic.Int64

// NewID is shaped like core's: the time first, then what is random.
func NewID() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	id := fmt.Appendf(nil, "%010d", ids.Add(1))
	for range 8 {
		id = append(id, alphabet[rand.IntN(len(alphabet))])
	}
	return string(id)
}

// Persons are so many, in eight chats.
func Persons(n int) []*Person {
	all := make([]*Person, n)
	for i := range all {
		all[i] = &Person{
			identity: core.Identity{Platform: "telegram", User: fmt.Sprint(500_000_000 + i*7919)},
			Account:  core.AccountID(NewID()),
			lane:     core.NewLane("telegram", fmt.Sprint(-1001_000_000_000-i%8)),
		}
	}
	return all
}

// Join stores the account.
func (p *Person) Join(tx core.Tx) error {
	return tx.PutAccount(core.Account{ID: p.Account, Identities: []core.Identity{p.identity}, Created: Start})
}

// Request is one that nobody made before.
func (p *Person) Request() core.Request {
	const prompt = "a cat astronaut floating above a blue planet, cinematic light, 35 mm film, highly detailed"
	return core.Request{
		Key: fmt.Sprintf("telegram:%d", 700_000_000+updates.Add(1)),
		Origin: core.Origin{Identity: p.identity, Name: "Ada", Lane: p.lane, Locale: "en",
			Ref: json.RawMessage(`{"chat":-1001000000000,"message":123456,"topic":7}`)},
		Command: "imagine", Prompt: prompt, Model: "google/imagen4",
		Input: map[string]any{"prompt": prompt, "aspect_ratio": "16:9", "num_images": json.Number("1"), "seed": json.Number("7")},
	}
}

// windows are the person's day and month, the chat's day and everybody's.
func (p *Person) windows() []core.WindowID {
	return []core.WindowID{
		core.WindowID("day/" + string(p.Account) + "/2026-11-25"), core.WindowID("month/" + string(p.Account) + "/2026-11"),
		core.WindowID("chat/" + string(p.lane) + "/2026-11-25"), "total/2026-11-25",
	}
}

// Accept writes what core.Submit writes for a request.
func (p *Person) Accept(tx core.Tx, req core.Request, id core.TaskID) (core.Task, error) {
	if _, err := tx.Seen(req.Key); !errors.Is(err, core.ErrNotFound) {
		return core.Task{}, fmt.Errorf("seen before: %w", err)
	}
	account, err := tx.AccountOf(p.identity)
	if err != nil {
		return core.Task{}, err
	}
	task := core.Task{ID: id, Account: account.ID, Batch: []core.TaskID{id}, State: core.Queued, Request: req, Created: Start, Due: Start}
	task.Hold.Amount = 8000
	var postings []core.Posting
	for _, w := range p.windows() {
		task.Hold.Shares = append(task.Hold.Shares, core.Share{Window: w, Amount: 8000})
		postings = append(postings, core.Posting{Window: w, Held: 8000})
	}
	if err := post(tx, core.Entry{Account: account.ID, Task: id, Kind: core.EntryHold, Postings: postings}); err != nil {
		return core.Task{}, err
	}
	if err := tx.PutTask(task); err != nil {
		return core.Task{}, err
	}
	if _, err := tx.AddDelivery(core.Delivery{Lane: p.lane, Lead: id, Kind: core.DeliverAccepted, Created: Start}); err != nil {
		return core.Task{}, err
	}
	return task, tx.PutSeen(core.Seen{Key: req.Key, Tasks: task.Batch, Expires: Start.Add(core.SeenFor)}, Start)
}

// Join stores everybody's account.
func Join(b *testing.B, s core.Store, everybody []*Person) {
	b.Helper()
	err := s.Update(b.Context(), func(tx core.Tx) error {
		for _, p := range everybody {
			if err := p.Join(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// post books an entry at Start.
func post(tx core.Tx, e core.Entry) error {
	e.At = Start
	return Book(tx, e)
}

// Book adds an entry and keeps the windows as the sums of theirs, as core does.
func Book(tx core.Tx, e core.Entry) error {
	for _, p := range e.Postings {
		usage, err := tx.Usage(p.Window)
		if err != nil {
			return err
		}
		usage.Held += p.Held
		usage.Settled += p.Settled
		if err := tx.PutUsage(p.Window, usage); err != nil {
			return err
		}
	}
	return tx.AddEntry(e)
}

// Updater is one way to commit.
type Updater func(func(core.Tx) error) error

// AcceptOne commits one accepted request.
func AcceptOne(p *Person, update Updater) error {
	req, id := p.Request(), core.TaskID(NewID())
	return update(func(tx core.Tx) error {
		_, err := p.Accept(tx, req, id)
		return err
	})
}

// Life commits everything from the request to the delivered result.
func (p *Person) Life(update Updater) error {
	id, req := core.TaskID(NewID()), p.Request()
	if err := update(func(tx core.Tx) error { _, err := p.Accept(tx, req, id); return err }); err != nil {
		return err
	}
	for _, step := range []func(core.Tx, *core.Task) error{p.Create, p.Begin, p.Succeed, p.Deliver} {
		err := update(func(tx core.Tx) error {
			task, err := tx.Task(id)
			if err != nil {
				return err
			}
			return step(tx, &task)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Create, Begin, Succeed and Deliver write the steps of a task's life.
func (p *Person) Create(tx core.Tx, t *core.Task) error {
	t.State, t.Sent = core.Creating, Start
	return tx.PutTask(*t)
}

// Begin is the second step.
func (p *Person) Begin(tx core.Tx, t *core.Task) error {
	t.State, t.Kie, t.Started = core.Running, kie.Ref{Endpoint: kie.Jobs, TaskID: "ee9c2715375b7837f8bb51d641ff5863"}, Start
	return tx.PutTask(*t)
}

// Succeed is the third step.
func (p *Person) Succeed(tx core.Tx, t *core.Task) error {
	t.State, t.Charged, t.Finished, t.Due = core.Succeeded, 8000, Start, time.Time{}
	t.Outputs = []core.Output{{URL: "https://tempfile.aiquickdraw.com/workers/nano/image_1763896800000_a1b2c3.png", Kind: kie.KindImage}}
	var postings []core.Posting
	for _, s := range t.Hold.Shares {
		postings = append(postings, core.Posting{Window: s.Window, Held: -8000, Settled: 8000})
	}
	if err := post(tx, core.Entry{Account: t.Account, Task: t.ID, Kind: core.EntrySettle, Postings: postings}); err != nil {
		return err
	}
	if err := tx.PutTask(*t); err != nil {
		return err
	}
	id, err := tx.AddDelivery(core.Delivery{Lane: p.lane, Lead: t.ID, Kind: core.DeliverFinal, Created: Start})
	t.Shown = fmt.Appendf(nil, "%d", id)
	return errors.Join(err, tx.PutTask(*t))
}

// Deliver is the last step.
func (p *Person) Deliver(tx core.Tx, t *core.Task) error {
	var id uint64
	if err := json.Unmarshal(t.Shown, &id); err != nil {
		return err
	}
	t.Shown, t.Delivered = json.RawMessage(`{"message":123457}`), Start
	return errors.Join(tx.PutTask(*t), tx.DeleteDelivery(core.DeliveryID(id)))
}

// Result is what one side of a comparison did.
type Result struct {
	Done    int
	took    time.Duration
	Latency []time.Duration // sorted
}

// PerSecond is how many were done in a second.
func (r Result) PerSecond() float64 { return float64(r.Done) / r.took.Seconds() }

// Percentile is a latency in milliseconds; p is from 0 to 1.
func (r Result) Percentile(p float64) float64 {
	return float64(r.Latency[int(p*float64(len(r.Latency)-1))].Microseconds()) / 1000
}

// Crowd runs the step of every caller, over and over, all at once.
func Crowd(b *testing.B, callers int, step func(caller int) error) Result {
	b.Helper()
	var wait sync.WaitGroup
	latencies := make([][]time.Duration, callers)
	began := time.Now()
	for caller := range callers {
		wait.Go(func() {
			for time.Since(began) < BenchFor {
				at := time.Now()
				if err := step(caller); err != nil {
					b.Error(err)
					return
				}
				latencies[caller] = append(latencies[caller], time.Since(at))
			}
		})
	}
	wait.Wait()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	return Result{Done: len(all), took: time.Since(began), Latency: all}
}

// Accepts lets every caller accept requests of their own person.
func Accepts(b *testing.B, everybody []*Person, update Updater) Result {
	b.Helper()
	return Crowd(b, len(everybody), func(caller int) error {
		p := everybody[caller]
		req, id := p.Request(), core.TaskID(NewID())
		return update(func(tx core.Tx) error {
			_, err := p.Accept(tx, req, id)
			return err
		})
	})
}

// Lives lets so many callers live tasks, one after the other.
func Lives(b *testing.B, everybody []*Person, callers int, update Updater) Result {
	b.Helper()
	return Crowd(b, callers, func(caller int) error {
		return everybody[caller].Life(update)
	})
}
