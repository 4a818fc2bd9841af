package core

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"kiebot/core/media"
)

// A delivery is given up after patience by the wall clock, and only when it
// was tried as often as fits into that time: a clock that is set ahead, or a
// process that was down, takes nothing from anybody's result.
const (
	patience = 24 * time.Hour
	maxTries = int(patience / maxBackoff)
)

// maxReason is how much is kept of why a delivery was given up, in bytes.
const maxReason = 300

// coverFor is how long the picture of a song or a video is waited for.
const coverFor = 10 * time.Second

// fetchTries is how often a result file is tried before its link is shown
// instead, which with backoff takes two minutes.
const fetchTries = 7

// outcome is what came of an attempt.
type outcome struct {
	delivery Delivery      // as the store has it now, perhaps in another lane
	over     bool          // the store has it no more
	taken    bool          // the platform took it
	wait     time.Duration // before the next attempt
	shown    *receipt      // it was shown, which could not be committed
}

// receipt is what the platform's answer left.
type receipt struct{ data json.RawMessage }

// try makes one attempt to show the delivery.
func (c *courier) try(work context.Context, w *waiting) outcome {
	d := w.Delivery
	if w.shown != nil {
		return c.keep(work, d, w.shown, w.files)
	}
	if d.Kind == DeliverNews {
		return c.tryNews(work, w)
	}
	p, err := c.load(work, d)
	switch {
	case errors.Is(err, ErrNotFound): // its tasks were forgotten long ago
		return c.drop(work, d)
	case err != nil:
		return c.again(work, d, fmt.Errorf("loading what to show: %w", err))
	}
	putFiles(p.Tasks, w.files)
	switch lane := p.Tasks[0].Lane(); {
	case lane != d.Lane:
		return c.move(work, d, lane)
	case overtaken(p):
		return c.drop(work, d)
	}
	p.Keep = func(ctx context.Context, part json.RawMessage) error {
		d.Part = part
		return c.store(ctx, d)
	}
	data, err := c.hand(work, p)
	w.Delivery.Part = d.Part
	if err != nil {
		return c.unshown(work, w, p.Tasks[0], data, err)
	}
	return c.keep(work, d, &receipt{data}, w.files)
}

// edit makes one attempt at a progress edit. Its failure matters only when
// the platform asks for a wait.
func (c *courier) edit(work context.Context, name Lane, lead TaskID) (o outcome) {
	d := Delivery{Lane: name, Lead: lead, Kind: DeliverProgress, Created: c.e.cfg.Now()}
	p, err := c.load(work, d)
	if err == nil && (overtaken(p) || p.Tasks[0].Lane() != name) {
		return o
	}
	var data json.RawMessage
	if err == nil {
		data, err = c.hand(work, p)
	}
	if err == nil && data != nil && !bytes.Equal(data, p.Shown) {
		err = c.close(work, d, nil, func(_ *change, lead *Task) error { lead.Shown = data; return nil })
	}
	if err != nil {
		c.e.log.Debug("an edit was not shown", "task", lead, "error", err)
		o.wait, d.Rest = restOf(err)
	}
	o.delivery = d
	return o
}

// load gathers what is to be shown.
func (c *courier) load(work context.Context, d Delivery) (p Parcel, err error) {
	err = c.e.store.View(work, func(tx Tx) error {
		p, err = c.e.parcel(tx, d)
		return err
	})
	if err == nil {
		c.e.resolve(p.Tasks)
		c.e.places.note(p)
	}
	return p, err
}

// hand calls the adapter.
func (c *courier) hand(work context.Context, p Parcel) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(work, deliverFor)
	defer cancel()
	if !c.e.lasts() {
		return nil, ErrLeaseLost // another replica may show it
	}
	return c.e.cfg.Adapters[p.Delivery.Lane.Platform()].Deliver(ctx, p)
}

// overtaken reports whether something later in the lane shows more.
func overtaken(p Parcel) bool {
	switch p.Delivery.Kind {
	case DeliverFinal, DeliverLate, DeliverShow:
		return false
	}
	return allFinal(p.Tasks) || p.Delivery.Kind == DeliverProgress && p.Shown == nil
}

func allFinal(tasks []Task) bool {
	for _, t := range tasks {
		if !t.State.Final() {
			return false
		}
	}
	return true
}

// keep commits that the delivery was shown. When that fails it was shown all
// the same: only the commit is tried again.
func (c *courier) keep(work context.Context, d Delivery, r *receipt, files map[fileKey]media.File) outcome {
	err := c.close(work, d, files, func(ch *change, lead *Task) error {
		if d.Kind == DeliverShow { // a copy: the batch's message stays the one there was
			return nil
		}
		if r.data != nil {
			lead.Shown = r.data
		}
		if d.Kind == DeliverFinal {
			lead.Delivered = ch.now
			ch.endShown(lead)
		}
		return nil
	})
	if err != nil {
		c.e.log.Error("storing that a delivery was shown", "delivery", uint64(d.ID), "task", d.Lead, "error", err)
		d.Attempts++
		return outcome{delivery: d, taken: true, wait: backoff(d.Attempts, time.Second, maxBackoff), shown: r}
	}
	return outcome{delivery: d, taken: true, over: true}
}

// drop commits that the delivery is not shown and need not be.
func (c *courier) drop(work context.Context, d Delivery) outcome {
	err := c.e.write(context.WithoutCancel(work), func(tx Tx) error { return tx.DeleteDelivery(d.ID) })
	if err != nil {
		return c.again(work, d, fmt.Errorf("removing what need not be shown: %w", err))
	}
	return outcome{delivery: d, over: true}
}

// giveUp commits that the delivery cannot be shown, and why.
func (c *courier) giveUp(work context.Context, d Delivery, files map[fileKey]media.File, reason error) outcome {
	err := c.close(work, d, files, func(ch *change, lead *Task) error {
		if d.Kind != DeliverFinal && d.Kind != DeliverLate {
			return nil
		}
		lead.Undelivered = &Undelivered{Kind: d.Kind, At: ch.now, Reason: trimTo(reason.Error(), maxReason)}
		return ch.alertSeldom(Alert{Kind: AlertUndelivered, Task: lead.ID, Lane: d.Lane, Count: d.Attempts + 1, Detail: reason.Error()})
	})
	if err != nil {
		return c.again(work, d, fmt.Errorf("storing that a delivery was given up: %w", err))
	}
	return outcome{delivery: d, over: true}
}

// unshown decides about a delivery that the platform did not take, or of which
// it took only a part.
func (c *courier) unshown(work context.Context, w *waiting, lead Task, part json.RawMessage, err error) outcome {
	d := w.Delivery
	if part != nil {
		d.Part = part
	}
	var known *DeliveryError
	permanent := errors.As(err, &known) && known.Permanent
	switch {
	case permanent && d.Kind != DeliverShow && c.canMove(lead, known.Fallback):
		c.e.log.Warn("a delivery is impossible in its lane and moves to another",
			"delivery", uint64(d.ID), "task", d.Lead, "kind", d.Kind, "lane", string(d.Lane), "to", string(known.Fallback), "error", err)
		return c.move(work, d, known.Fallback)
	case permanent, d.Attempts+1 >= maxTries && c.e.cfg.Now().Sub(d.Created) >= patience:
		return c.giveUp(work, d, w.files, err)
	}
	return c.again(work, d, err)
}

// again commits when the delivery is tried the next time. Without that, in a
// store that fails, it is tried then all the same.
func (c *courier) again(work context.Context, d Delivery, failed error) outcome {
	if work.Err() != nil { // a stop cut it off: that is not a failure
		if d.Part != nil {
			c.postponed(work, d)
		}
		return outcome{delivery: d, wait: time.Second}
	}
	d.Attempts++
	wait, rest := restOf(failed)
	if wait == 0 {
		wait = backoff(d.Attempts, time.Second, maxBackoff)
	}
	d.Due, d.Rest = c.e.cfg.Now().Add(wait), rest
	level := slog.LevelWarn
	if rest != RestNothing {
		level = slog.LevelInfo // the platform keeps its pace: nothing is wrong
	}
	c.e.log.Log(work, level, "a delivery will be tried again", "delivery", uint64(d.ID), "task", d.Lead,
		"kind", d.Kind, "attempt", d.Attempts, "wait", wait, "error", failed)
	c.postponed(work, d)
	return outcome{delivery: d, wait: wait}
}

// postponed stores the delivery as it is after an attempt.
func (c *courier) postponed(work context.Context, d Delivery) {
	if err := c.store(context.WithoutCancel(work), d); err != nil {
		c.e.log.Error("storing when a delivery is tried again", "delivery", uint64(d.ID), "task", d.Lead, "error", err)
	}
}

func (c *courier) store(ctx context.Context, d Delivery) error {
	return c.e.write(ctx, func(tx Tx) error { return tx.PutDelivery(d) })
}

// restOf is what the platform asked for, zero when nothing.
func restOf(err error) (time.Duration, Scope) {
	var known *DeliveryError
	switch {
	case !errors.As(err, &known) || known.RetryAfter <= 0:
		return 0, RestNothing
	case known.Everywhere:
		return known.RetryAfter, RestPlatform
	}
	return known.RetryAfter, RestLane
}

// canMove says whether the batch may be shown in the lane instead. It moves once.
func (c *courier) canMove(lead Task, to Lane) bool {
	return to != "" && to != lead.Lane() && lead.MovedTo == "" && c.e.cfg.Adapters[to.Platform()] != nil
}

// close removes the delivery and keeps what it left on its tasks: the files,
// and what note writes on the first of them.
func (c *courier) close(work context.Context, d Delivery, files map[fileKey]media.File, note func(ch *change, lead *Task) error) error {
	return c.e.update(context.WithoutCancel(work), func(ch *change) error {
		tasks, err := batchOf(ch.Tx, d.Lead)
		if errors.Is(err, ErrNotFound) { // forgotten meanwhile
			return ch.DeleteDelivery(d.ID)
		}
		if err != nil {
			return err
		}
		putFiles(tasks, files)
		if err := note(ch, &tasks[0]); err != nil {
			return err
		}
		for i, t := range tasks {
			if i > 0 && !hasFile(files, t.ID) {
				continue
			}
			if err := ch.PutTask(t); err != nil {
				return err
			}
		}
		if d.Kind == DeliverProgress {
			return nil
		}
		return ch.DeleteDelivery(d.ID)
	})
}

// move commits that the batch is shown in another lane from now on, as a new
// message there.
func (c *courier) move(work context.Context, d Delivery, to Lane) outcome {
	moved := d
	moved.Lane, moved.Attempts, moved.Due, moved.Rest, moved.Part = to, 0, time.Time{}, RestNothing, nil
	err := c.e.update(context.WithoutCancel(work), func(ch *change) error {
		tasks, err := batchOf(ch.Tx, d.Lead)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if t.Lane() == to {
				continue
			}
			t.MovedTo, t.Shown = to, nil
			if err := ch.PutTask(t); err != nil {
				return err
			}
		}
		ch.handed = append(ch.handed, moved)
		return ch.PutDelivery(moved)
	})
	if err != nil {
		return c.again(work, d, fmt.Errorf("storing the move to another lane: %w", err))
	}
	return outcome{delivery: moved}
}

// fileKey names one output of one task, or its cover.
type fileKey struct {
	task  TaskID
	index int
	cover bool
}

func hasFile(files map[fileKey]media.File, id TaskID) bool {
	for key := range files {
		if key.task == id {
			return true
		}
	}
	return false
}

func putFiles(tasks []Task, files map[fileKey]media.File) {
	for i := range tasks {
		for j := range tasks[i].Outputs {
			if file, ok := files[fileKey{tasks[i].ID, j, false}]; ok {
				tasks[i].Outputs[j].File = &file
			}
			if cover, ok := files[fileKey{tasks[i].ID, j, true}]; ok {
				tasks[i].Outputs[j].Cover = &cover
			}
		}
	}
}

// haul is the fetched files of a batch.
type haul struct {
	files map[fileKey]media.File // those that the store does not know yet
	bytes int64                  // of all
}

// collect fetches the batch's files. An outcome with a wait says that some are
// missing and are tried again; after fetchTries they are shown as links.
func (c *courier) collect(ctx, work context.Context, d Delivery) (haul, outcome) {
	within, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	got, err := c.fetch(within, d)
	switch {
	case err == nil || ctx.Err() != nil:
		return got, outcome{}
	case d.Attempts < fetchTries:
		return got, c.again(work, d, err)
	}
	c.e.log.Error("a result file could not be fetched in time; its link is shown instead", "task", d.Lead, "error", err)
	return got, outcome{}
}

// fetch spools the batch's result files, also those that were fetched before
// and are gone. What could be fetched comes back even when something else
// could not.
func (c *courier) fetch(ctx context.Context, d Delivery) (haul, error) {
	got := haul{files: map[fileKey]media.File{}}
	var tasks []Task
	err := c.e.store.View(ctx, func(tx Tx) (err error) {
		tasks, err = batchOf(tx, d.Lead)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return got, nil // nothing is shown either
	}
	if err != nil {
		return got, fmt.Errorf("loading what to fetch: %w", err)
	}
	var failed error
	for _, t := range tasks {
		for i, output := range t.Outputs {
			before := output.File
			output.File = c.e.resolved(before)
			if output.File == nil && output.URL != "" {
				file, err := c.e.spool(ctx, mediaKey(t.ID, i), output.URL, media.Kind(output.Kind))
				if err != nil {
					failed = c.unfetched(t.ID, err, before != nil, failed)
					continue
				}
				got.files[fileKey{t.ID, i, false}], output.File = file, &file
			}
			if c.e.resolved(output.Cover) == nil && output.CoverURL != "" {
				c.fetchCover(ctx, got, t.ID, i, output.CoverURL)
			}
			if output.File != nil {
				got.bytes += output.File.Size
			}
		}
	}
	return got, failed
}

// fetchCover spools the picture of a song or a video. These are shown without it
// as well, so a failure is nobody's concern.
func (c *courier) fetchCover(ctx context.Context, got haul, id TaskID, n int, url string) {
	ctx, cancel := context.WithTimeout(ctx, coverFor)
	defer cancel()
	file, err := c.e.spool(ctx, mediaKey(id, n)+mediaCover, url, media.Image)
	if err != nil {
		c.e.log.Info("a cover could not be fetched", "task", id, "error", err)
		return
	}
	got.files[fileKey{id, n, true}] = file
}

const (
	mediaKeySep = "-"
	mediaCover  = mediaKeySep + "cover" // ends the key of a cover
)

// mediaKey is the spool's key of the task's n-th output.
func mediaKey(id TaskID, n int) string { return string(id) + mediaKeySep + strconv.Itoa(n) }

// unfetched keeps an error that may pass, of a link that may have served its
// file before. Any other is final: the link is shown instead of the file.
func (c *courier) unfetched(id TaskID, err error, served bool, others error) error {
	var known *media.Error
	if errors.As(err, &known) && (!known.Temporary() || served && servesNoMore(err)) {
		c.e.log.Warn("a result file cannot be fetched; its link is shown instead", "task", id, "error", err)
		return others
	}
	return fmt.Errorf("fetching a result file: %w", err)
}

// batchOf loads a batch by its first task, which comes first.
func batchOf(tx Tx, lead TaskID) ([]Task, error) {
	task, err := tx.Task(lead)
	if err != nil {
		return nil, err
	}
	return batch(tx, task)
}

// parcel gathers what an adapter needs to show the delivery, but for where the
// files are.
func (e *Engine) parcel(tx Tx, d Delivery) (Parcel, error) {
	tasks, err := batchOf(tx, d.Lead)
	if err != nil {
		return Parcel{}, err
	}
	if err := hide(tx, tasks, cmp.Or(d.Lane, tasks[0].Lane())); err != nil {
		return Parcel{}, err
	}
	p := Parcel{Delivery: d, Tasks: tasks}
	if d.Kind == DeliverShow {
		if tasks[0].Lane().Platform() == d.Lane.Platform() {
			p.Copied = tasks[0].Shown
		}
		asCopy(tasks, d)
	}
	lead := tasks[0]
	p.Shown, p.Usual = lead.Shown, e.learned.usual(lead.Request.Model)
	if lead.State == Queued {
		if err := e.recallAccounts(tx, false); err != nil {
			return Parcel{}, err
		}
		p.Position = e.creator.position(lead.ID)
		p.Paused, p.Resume = e.paused(lead)
		p.Patience = e.pause.get().patience(lead, e.cfg.Now())
	}
	return p, nil
}

// resolve says where the fetched files are now, and forgets those that are gone.
func (e *Engine) resolve(tasks []Task) {
	for i := range tasks {
		for j, output := range tasks[i].Outputs {
			tasks[i].Outputs[j].File = e.resolved(output.File)
			tasks[i].Outputs[j].Cover = e.resolved(output.Cover)
		}
	}
}

// resolved is the file with its path now, nil when it is gone.
func (e *Engine) resolved(file *media.File) *media.File {
	if file == nil {
		return nil
	}
	found, err := e.cfg.Spool.Resolve(*file)
	if err != nil {
		return nil
	}
	return &found
}

// Snapshot is what the chat shows about the batch right now, for a page that
// is loaded later. Its delivery is final only after the end was
// delivered, or given up. Files that are not here and that Bring can fetch have
// no Path.
func (e *Engine) Snapshot(ctx context.Context, lead TaskID) (Parcel, error) {
	var p Parcel
	err := e.view(ctx, func(tx Tx) (err error) {
		p, err = e.parcel(tx, Delivery{Lead: lead, Kind: DeliverProgress})
		return err
	})
	if err != nil {
		return Parcel{}, err
	}
	e.reach(p.Tasks)
	first := p.Tasks[0]
	p.Delivery.Lane = first.Lane()
	switch {
	case anyLate(p.Tasks):
		p.Delivery.Kind = DeliverLate
	case !first.Delivered.IsZero() || first.Undelivered != nil:
		p.Delivery.Kind = DeliverFinal
	case first.State == Unresolved:
		p.Delivery.Kind = DeliverNotice
	}
	return p, nil
}

func anyLate(tasks []Task) bool {
	for _, t := range tasks {
		if t.Late {
			return true
		}
	}
	return false
}
