package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"kiebot/core"
	"kiebot/kie"
)

// benchFor is how long each side of a comparison runs.
const benchFor = 1500 * time.Millisecond

// person is one of those who ask, with what stays the same about them.
type person struct {
	identity core.Identity
	account  core.AccountID
	lane     core.Lane
}

var benchStart = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

// benchID is shaped like core's: the time first, then what is random.
var benchIDs, benchUpdates atomic.Int64

func benchID() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	id := fmt.Appendf(nil, "%010d", benchIDs.Add(1))
	for range 8 {
		id = append(id, alphabet[rand.IntN(len(alphabet))])
	}
	return string(id)
}

func persons(n int) []*person {
	all := make([]*person, n)
	for i := range all {
		all[i] = &person{
			identity: core.Identity{Platform: "telegram", User: fmt.Sprint(500_000_000 + i*7919)},
			account:  core.AccountID(benchID()),
			lane:     core.NewLane("telegram", fmt.Sprint(-1001_000_000_000-i%8)),
		}
	}
	return all
}

func (p *person) join(tx core.Tx) error {
	return tx.PutAccount(core.Account{ID: p.account, Identities: []core.Identity{p.identity}, Created: benchStart})
}

func (p *person) request() core.Request {
	const prompt = "a cat astronaut floating above a blue planet, cinematic light, 35 mm film, highly detailed"
	return core.Request{
		Key: fmt.Sprintf("telegram:%d", 700_000_000+benchUpdates.Add(1)),
		Origin: core.Origin{Identity: p.identity, Name: "Ada", Lane: p.lane, Locale: "en",
			Ref: json.RawMessage(`{"chat":-1001000000000,"message":123456,"topic":7}`)},
		Command: "imagine", Prompt: prompt, Model: "google/imagen4",
		Input: map[string]any{"prompt": prompt, "aspect_ratio": "16:9", "num_images": json.Number("1"), "seed": json.Number("7")},
	}
}

// windows are the person's day and month, the chat's day and everybody's.
func (p *person) windows() []core.WindowID {
	return []core.WindowID{
		core.WindowID("day/" + string(p.account) + "/2026-11-25"), core.WindowID("month/" + string(p.account) + "/2026-11"),
		core.WindowID("chat/" + string(p.lane) + "/2026-11-25"), "total/2026-11-25",
	}
}

// accept writes what core.Submit writes for a request.
func (p *person) accept(tx core.Tx, req core.Request, id core.TaskID) (core.Task, error) {
	if _, err := tx.Seen(req.Key); !errors.Is(err, core.ErrNotFound) {
		return core.Task{}, fmt.Errorf("seen before: %w", err)
	}
	account, err := tx.AccountOf(p.identity)
	if err != nil {
		return core.Task{}, err
	}
	task := core.Task{ID: id, Account: account.ID, Batch: []core.TaskID{id}, State: core.Queued, Request: req, Created: benchStart, Due: benchStart}
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
	if _, err := tx.AddDelivery(core.Delivery{Lane: p.lane, Lead: id, Kind: core.DeliverAccepted, Created: benchStart}); err != nil {
		return core.Task{}, err
	}
	return task, tx.PutSeen(core.Seen{Key: req.Key, Tasks: task.Batch, Expires: benchStart.Add(core.SeenFor)}, benchStart)
}

// post books an entry, as core does.
func post(tx core.Tx, e core.Entry) error {
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
	e.At = benchStart
	return tx.AddEntry(e)
}

// updater is one way to commit.
type updater func(func(core.Tx) error) error

func grouped(s *Store) updater {
	return func(fn func(core.Tx) error) error { return s.Update(context.Background(), fn) }
}

// plain is bbolt's own Update or Batch, with nothing of ours but the records.
func plain(commit func(func(*bbolt.Tx) error) error) updater {
	return func(fn func(core.Tx) error) error {
		return commit(func(tx *bbolt.Tx) error { return fn(&transaction{tx: tx}) })
	}
}

func benchStore(b *testing.B, everybody []*person) *Store {
	b.Helper()
	s, err := Open(filepath.Join(b.TempDir(), "kiebot.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	err = s.Update(b.Context(), func(tx core.Tx) error {
		for _, p := range everybody {
			if err := p.join(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// result is what one side of a comparison did.
type result struct {
	done    int
	took    time.Duration
	latency []time.Duration // sorted
}

func (r result) perSecond() float64 { return float64(r.done) / r.took.Seconds() }

func (r result) percentile(p float64) float64 {
	return float64(r.latency[int(p*float64(len(r.latency)-1))].Microseconds()) / 1000
}

// crowdOf runs the step of every caller, over and over, all at once.
func crowdOf(b *testing.B, callers int, step func(caller int) error) result {
	b.Helper()
	var wait sync.WaitGroup
	latencies := make([][]time.Duration, callers)
	began := time.Now()
	for caller := range callers {
		wait.Go(func() {
			for time.Since(began) < benchFor {
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
	return result{done: len(all), took: time.Since(began), latency: all}
}

// accepts lets every caller accept requests of their own person.
func accepts(b *testing.B, everybody []*person, update updater) result {
	b.Helper()
	return crowdOf(b, len(everybody), func(caller int) error {
		p := everybody[caller]
		req, id := p.request(), core.TaskID(benchID())
		return update(func(tx core.Tx) error {
			_, err := p.accept(tx, req, id)
			return err
		})
	})
}

// Durable accepts by 64 callers at once, against bbolt's DB.Batch as it comes.
func BenchmarkAccept64(b *testing.B) {
	for b.Loop() {
		everybody := persons(64)
		theirs := accepts(b, everybody, plain(benchStore(b, everybody).db.Batch))
		own := benchStore(b, everybody)
		ours := accepts(b, everybody, grouped(own))
		b.ReportMetric(ours.perSecond(), "accepts/s")
		b.ReportMetric(theirs.perSecond(), "batch-accepts/s")
		b.ReportMetric(ours.perSecond()/theirs.perSecond(), "x-batch")
		b.ReportMetric(ours.percentile(0.5), "p50-ms")
		b.ReportMetric(ours.percentile(0.99), "p99-ms")
		stats := own.db.Stats().TxStats
		b.ReportMetric(float64(stats.GetWrite())/float64(ours.done), "writes/accept")
		b.ReportMetric(float64(ours.done)/float64(own.transactions(b)), "accepts/commit")
	}
}

// The same by one caller, against a bare bbolt Update. The two take turns, so
// that the machine's moods meet both.
func BenchmarkAccept1(b *testing.B) {
	for b.Loop() {
		everybody := persons(1)
		bare, own := benchStore(b, everybody), benchStore(b, everybody)
		sides := []updater{plain(bare.db.Update), grouped(own)}
		var latency [2][]time.Duration
		for began := time.Now(); time.Since(began) < 2*benchFor; {
			for side, update := range sides {
				at := time.Now()
				if r := acceptOne(everybody[0], update); r != nil {
					b.Fatal(r)
				}
				latency[side] = append(latency[side], time.Since(at))
			}
		}
		slices.Sort(latency[0])
		slices.Sort(latency[1])
		theirs, ours := result{latency: latency[0]}, result{latency: latency[1]}
		b.ReportMetric(ours.percentile(0.5), "p50-ms")
		b.ReportMetric(theirs.percentile(0.5), "bare-p50-ms")
		b.ReportMetric(ours.percentile(0.5)/theirs.percentile(0.5), "x-bare")
		stats := own.db.Stats().TxStats
		b.ReportMetric(float64(stats.GetWrite())/float64(len(latency[1])), "writes/accept")
	}
}

func acceptOne(p *person, update updater) error {
	req, id := p.request(), core.TaskID(benchID())
	return update(func(tx core.Tx) error {
		_, err := p.accept(tx, req, id)
		return err
	})
}

// life commits everything from the request to the delivered result.
func (p *person) life(update updater) error {
	id, req := core.TaskID(benchID()), p.request()
	if err := update(func(tx core.Tx) error { _, err := p.accept(tx, req, id); return err }); err != nil {
		return err
	}
	for _, step := range []func(core.Tx, *core.Task) error{p.create, p.start, p.succeed, p.deliver} {
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

func (p *person) create(tx core.Tx, t *core.Task) error {
	t.State, t.Sent = core.Creating, benchStart
	return tx.PutTask(*t)
}

func (p *person) start(tx core.Tx, t *core.Task) error {
	t.State, t.Kie, t.Started = core.Running, kie.Ref{Endpoint: kie.Jobs, TaskID: "ee9c2715375b7837f8bb51d641ff5863"}, benchStart
	return tx.PutTask(*t)
}

func (p *person) succeed(tx core.Tx, t *core.Task) error {
	t.State, t.Charged, t.Finished, t.Due = core.Succeeded, 8000, benchStart, time.Time{}
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
	id, err := tx.AddDelivery(core.Delivery{Lane: p.lane, Lead: t.ID, Kind: core.DeliverFinal, Created: benchStart})
	t.Shown = fmt.Appendf(nil, "%d", id)
	return errors.Join(err, tx.PutTask(*t))
}

func (p *person) deliver(tx core.Tx, t *core.Task) error {
	var id uint64
	if err := json.Unmarshal(t.Shown, &id); err != nil {
		return err
	}
	t.Shown, t.Delivered = json.RawMessage(`{"message":123457}`), benchStart
	return errors.Join(tx.PutTask(*t), tx.DeleteDelivery(core.DeliveryID(id)))
}

// Whole lives of tasks, with so many in flight, against one bbolt Update after the other.
func BenchmarkLives(b *testing.B) {
	for _, flying := range []int{64, 4000} {
		b.Run(fmt.Sprint(flying), func(b *testing.B) {
			for b.Loop() {
				everybody := persons(flying)
				theirs := lives(b, everybody, 1, plain(benchStore(b, everybody).db.Update))
				ours := lives(b, everybody, flying, grouped(benchStore(b, everybody)))
				b.ReportMetric(ours.perSecond(), "lives/s")
				b.ReportMetric(theirs.perSecond(), "serial-lives/s")
				b.ReportMetric(ours.perSecond()/theirs.perSecond(), "x-serial")
			}
		})
	}
}

func lives(b *testing.B, everybody []*person, callers int, update updater) result {
	b.Helper()
	return crowdOf(b, callers, func(caller int) error {
		return everybody[caller].life(update)
	})
}
