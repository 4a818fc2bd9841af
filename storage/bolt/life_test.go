package bolt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kiebot/core"
	"kiebot/core/media"
	"kiebot/kie"
	"kiebot/kie/catalog"
	"kiebot/storage/bolt"
)

var ada = core.Identity{Platform: "chat", User: "ada"}

// script is what the person asks for in the scripted life. The prompt says
// what Kie makes of it.
func script() []core.Request {
	var all []core.Request
	for n, prompt := range []string{"a cat", "fails", "lost", "two dogs", "refused", "never mind", "a last one"} {
		req := core.Request{
			Key: fmt.Sprint("chat:", n), Command: "imagine", Prompt: prompt, Model: "google/imagen4",
			Origin: core.Origin{Identity: ada, Lane: "chat:room"}, Input: map[string]any{"prompt": prompt},
		}
		if prompt == "two dogs" {
			req.Count = 2
		}
		all = append(all, req)
	}
	return all
}

// outside is the world outside the process: Kie and the chat. What happened
// there is in a file, a line at a time, because it stays when the process dies.
type outside struct {
	mu   sync.Mutex
	file *os.File
	made map[string]string // Kie task → prompt
}

func outsidePath(dir string) string { return filepath.Join(dir, "outside.log") }

func openOutside(t *testing.T, dir string) *outside {
	t.Helper()
	f, err := os.OpenFile(outsidePath(dir), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{file: f, made: map[string]string{}}
	for _, made := range parseWorld(lines(t, dir)).made {
		o.made[made.kie] = made.prompt
	}
	return o
}

func lines(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(outsidePath(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// happened notes what happened, in one write.
func (o *outside) happened(format string, args ...any) {
	if _, err := fmt.Fprintf(o.file, format+"\n", args...); err != nil {
		panic(err)
	}
}

// Create implements core.Kie. The callback's address says whose task it is.
func (o *outside) Create(_ context.Context, req kie.CreateRequest) (kie.Ref, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	prompt := req.Input["prompt"].(string)
	id := fmt.Sprint("kie-", len(o.made))
	o.made[id] = prompt
	o.happened("made\t%s\t%s\t%s", strings.Split(req.CallbackURL, "/")[5], id, prompt)
	switch prompt {
	case "lost":
		return kie.Ref{}, &kie.Error{Kind: kie.ErrUnknownOutcome, Op: "create task", HTTPStatus: 502}
	case "refused":
		return kie.Ref{}, &kie.Error{Kind: kie.ErrInvalid, Op: "create task", Code: 422}
	}
	return kie.Ref{Endpoint: kie.Jobs, TaskID: id}, nil
}

// charge is what Kie consumes for a success: less than the hold.
const charge = kie.Credits(5000)

// Status implements core.Kie.
func (o *outside) Status(_ context.Context, ref kie.Ref) (kie.Status, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	consumed := charge
	switch o.made[ref.TaskID] {
	case "":
		return kie.Status{}, &kie.Error{Kind: kie.ErrNotFound, Op: "task status"}
	case "fails":
		return kie.Status{Ref: ref, State: kie.Fail, Failure: &kie.Failure{Code: "501", Message: "no luck"}}, nil
	}
	return kie.Status{Ref: ref, State: kie.Success, Credits: &consumed, Outputs: []kie.Output{{Kind: kie.KindText, Text: "meow"}}}, nil
}

// Upload implements core.Kie.
func (o *outside) Upload(context.Context, kie.File) (kie.UploadedFile, error) {
	return kie.UploadedFile{}, errors.New("nobody uploads here")
}

// Credits implements core.Kie: there are always enough.
func (o *outside) Credits(context.Context) (kie.Credits, error) { return 1_000_000, nil }

// Deliver implements core.Adapter.
func (o *outside) Deliver(_ context.Context, p core.Parcel) (json.RawMessage, error) {
	o.happened("shown\t%s\t%s", p.Delivery.Lead, p.Delivery.Kind)
	return json.RawMessage("1"), nil
}

// world is what the file says has happened.
type world struct {
	accepted map[string]string // key → ids
	made     []madeTask
	final    map[core.TaskID]bool // leads whose end was shown
}

type madeTask struct {
	task        core.TaskID
	kie, prompt string
}

func parseWorld(lines []string) world {
	w := world{accepted: map[string]string{}, final: map[core.TaskID]bool{}}
	for _, line := range lines {
		switch f := strings.Split(line, "\t"); {
		case f[0] == "accepted":
			if before := w.accepted[f[1]]; before != "" && before != f[2] {
				f[2] = before + " and " + f[2] // no task has such an id
			}
			w.accepted[f[1]] = f[2]
		case f[0] == "made":
			w.made = append(w.made, madeTask{task: core.TaskID(f[1]), kie: f[2], prompt: f[3]})
		case f[0] == "shown" && f[2] == string(core.DeliverFinal):
			w.final[core.TaskID(f[1])] = true
		}
	}
	return w
}

// live goes through the script, from wherever the last life ended, until the
// end of everything is in the chat. It runs in a bubble, so hours are free.
func live(t *testing.T, dir string) (err error) {
	store, err := bolt.Open(filepath.Join(dir, "kiebot.db"), bolt.Options{OneThread: true})
	if err != nil {
		return err
	}
	defer store.Close()
	o := openOutside(t, dir)
	defer o.file.Close()
	engine := newEngine(t, dir, store, o)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- engine.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ran)
	}()
	for _, req := range script() {
		receipt, err := engine.Submit(ctx, req)
		if err != nil {
			return errors.Join(store.Healthy(), err)
		}
		o.happened("accepted\t%s\t%s", req.Key, join(receipt.Tasks))
		if req.Prompt == "never mind" {
			if _, err := engine.Cancel(ctx, ada, string(receipt.Tasks[0])); err != nil && !errors.As(err, new(*core.Refusal)) {
				return err
			}
		}
	}
	waiting := ""
	for range 1000 {
		left, err := notOver(ctx, store)
		if left == "" || store.Healthy() != nil {
			return errors.Join(store.Healthy(), err)
		}
		waiting = left
		<-time.After(10 * time.Second)
	}
	return fmt.Errorf("the life never ends: %s\n%s", waiting, strings.Join(lines(t, dir), "\n"))
}

func join(ids []core.TaskID) string {
	var text []string
	for _, id := range ids {
		text = append(text, string(id))
	}
	return strings.Join(text, ",")
}

// notOver names a task whose end was not shown, or not committed as shown; it
// is empty when there is none.
func notOver(ctx context.Context, store *bolt.Store) (left string, err error) {
	err = store.View(ctx, func(tx core.Tx) error {
		account, err := tx.AccountOf(ada)
		if err != nil {
			return err
		}
		tasks, err := tx.TasksOf(account.ID, "", 100)
		for _, t := range tasks {
			if !t.Due.IsZero() || t.Lead() == t.ID && t.Delivered.IsZero() {
				left = fmt.Sprintf("task %s (%s) is %s, due %s, delivered %s", t.ID, t.Request.Prompt, t.State, t.Due, t.Delivered)
			}
		}
		return err
	})
	return left, err
}

func newEngine(t *testing.T, dir string, store core.Store, o *outside) *core.Engine {
	t.Helper()
	fetcher, err := media.NewFetcher(media.FetcherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	spool, err := media.OpenSpool(filepath.Join(dir, "media"), fetcher)
	if err != nil {
		t.Fatal(err)
	}
	models, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := core.New(core.Config{
		Store: store, Kie: []core.KieAccount{{Client: o}}, Catalog: models, Spool: spool, UserDaily: 1_000_000,
		Adapters: map[string]core.Adapter{"chat": o}, CallbackBase: "http://bot.test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// promises holds a store against what has happened outside, at any moment.
func promises(ctx context.Context, path string, w world) error {
	store, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	return store.View(ctx, func(tx core.Tx) error {
		return errors.Join(acceptedIsThere(tx, w), madeWasSent(tx, w), shownIsOver(tx, w), balanced(tx, w))
	})
}

func acceptedIsThere(tx core.Tx, w world) error {
	for key, ids := range w.accepted {
		seen, err := tx.Seen(key)
		if err != nil || join(seen.Tasks) != ids {
			return fmt.Errorf("%s was accepted as %s and is now %v, %w", key, ids, seen.Tasks, err)
		}
	}
	return nil
}

func madeWasSent(tx core.Tx, w world) error {
	made := map[core.TaskID]bool{}
	for _, m := range w.made {
		task, err := tx.Task(m.task)
		if err != nil || task.State == core.Queued || made[m.task] {
			return fmt.Errorf("Kie made %s for task %s (%s), twice: %v; %w", m.kie, m.task, task.State, made[m.task], err)
		}
		made[m.task] = true
	}
	return nil
}

func shownIsOver(tx core.Tx, w world) error {
	for lead := range w.final {
		task, err := tx.Task(lead)
		if err != nil || !task.State.Final() {
			return fmt.Errorf("the end of %s was shown, and it is %s: %w", lead, task.State, err)
		}
	}
	return nil
}

// balanced checks that every commit is there wholly or not at all: each task
// has its hold, each end its settlement, and the windows are their sums.
func balanced(tx core.Tx, w world) error {
	account, err := tx.AccountOf(ada)
	if errors.Is(err, core.ErrNotFound) && len(w.accepted) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	tasks, err := tx.TasksOf(account.ID, "", 100)
	if err != nil {
		return err
	}
	entries, err := tx.Entries(account.ID, 0, 1000)
	if err != nil {
		return err
	}
	perTask, sums := map[core.TaskID]core.Usage{}, map[core.WindowID]core.Usage{}
	for _, e := range entries {
		for i, p := range e.Postings {
			sums[p.Window] = core.Usage{Held: sums[p.Window].Held + p.Held, Settled: sums[p.Window].Settled + p.Settled}
			if i == 0 {
				perTask[e.Task] = core.Usage{Held: perTask[e.Task].Held + p.Held, Settled: perTask[e.Task].Settled + p.Settled}
			}
		}
	}
	for _, task := range tasks {
		want := core.Usage{Settled: task.Charged}
		if !task.State.Final() {
			want.Held = task.Hold.Amount
		}
		seen, err := tx.Seen(task.Request.Key)
		if err != nil || perTask[task.ID] != want || !slices.Contains(seen.Tasks, task.ID) {
			return fmt.Errorf("task %s is %s, its entries say %+v, want %+v; seen as %v; %w", task.ID, task.State, perTask[task.ID], want, seen.Tasks, err)
		}
		delete(perTask, task.ID)
	}
	if len(perTask) > 0 {
		return fmt.Errorf("the ledger has entries without a task: %v", perTask)
	}
	usages, err := tx.Usages("", "", 1000)
	for _, u := range usages {
		if sums[u.Window] != u.Usage {
			return fmt.Errorf("window %s has %+v, its entries %+v", u.Window, u.Usage, sums[u.Window])
		}
	}
	return err
}

// kept lets the rest of a life happen after a crash, and holds all promises
// against the whole of it.
func kept(t *testing.T, dir string) error {
	if err := promises(t.Context(), filepath.Join(dir, "kiebot.db"), parseWorld(lines(t, dir))); err != nil {
		return fmt.Errorf("after the crash: %w", err)
	}
	var err error
	synctest.Test(t, func(t *testing.T) { err = live(t, dir) })
	if err != nil {
		return fmt.Errorf("the next life: %w", err)
	}
	w := parseWorld(lines(t, dir))
	if err := promises(t.Context(), filepath.Join(dir, "kiebot.db"), w); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	if len(w.accepted) != len(script()) {
		return fmt.Errorf("accepted: %v", w.accepted)
	}
	for key, ids := range w.accepted {
		if lead, _, _ := strings.Cut(ids, ","); !w.final[core.TaskID(lead)] {
			return fmt.Errorf("the end of %s (%s) was never shown", key, ids)
		}
	}
	return nil
}
