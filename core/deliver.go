package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kiebot/core/media"
)

// deliver makes one attempt. A nil error means that the delivery is over:
// shown and committed, or impossible for ever and recorded as such.
func (c *courier) deliver(ctx, work context.Context, d Delivery, patient bool) (time.Duration, error) {
	var files map[fileKey]media.File
	if d.Kind == DeliverFinal || d.Kind == DeliverLate {
		var err error
		if files, err = c.fetch(ctx, d); err != nil && (patient || ctx.Err() != nil) {
			return 0, err
		}
	}
	return c.show(work, d, files)
}

// show hands the parcel to the adapter and commits the receipt.
func (c *courier) show(work context.Context, d Delivery, files map[fileKey]media.File) (time.Duration, error) {
	var p Parcel
	err := c.e.store.View(work, func(tx Tx) (err error) {
		p, err = c.e.parcel(tx, d)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("loading what to show: %w", err)
	}
	putFiles(p.Tasks, files)
	if overtaken(p) {
		return 0, c.commit(work, d, nil, nil)
	}
	adapter := c.e.cfg.Adapters[d.Lane.Platform()]
	if adapter == nil {
		c.e.log.Error("no adapter for a delivery; it waits for one", "task", d.Lead, "lane", string(d.Lane))
		return maxBackoff, fmt.Errorf("no adapter for platform %q", d.Lane.Platform())
	}
	receipt, err := c.hand(work, adapter, p)
	var known *DeliveryError
	switch {
	case err == nil:
	case d.Kind == DeliverProgress:
		return 0, err
	case errors.As(err, &known) && known.Permanent:
		c.e.log.Error("a delivery is impossible", "delivery", uint64(d.ID), "task", d.Lead, "kind", d.Kind, "error", err)
	case errors.As(err, &known):
		return known.RetryAfter, err
	default:
		return 0, err
	}
	if d.Kind == DeliverProgress && (receipt == nil || bytes.Equal(receipt, p.Shown)) {
		return 0, nil
	}
	return 0, c.commit(work, d, receipt, files)
}

// hand calls the adapter, at most deliverMax at once.
func (c *courier) hand(work context.Context, adapter Adapter, p Parcel) (receipt json.RawMessage, err error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	ctx, cancel := context.WithTimeout(work, deliverFor)
	defer cancel()
	return adapter.Deliver(ctx, p)
}

// overtaken reports whether something later in the lane shows more.
func overtaken(p Parcel) bool {
	if p.Delivery.Kind == DeliverFinal || p.Delivery.Kind == DeliverLate {
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

// commit removes the delivery and keeps what it left: the receipt and the files.
func (c *courier) commit(work context.Context, d Delivery, receipt json.RawMessage, files map[fileKey]media.File) error {
	return c.e.update(context.WithoutCancel(work), func(ch *change) error {
		tasks, err := batchOf(ch.Tx, d.Lead)
		if err != nil {
			return err
		}
		putFiles(tasks, files)
		for i, t := range tasks {
			changed := i == 0 || hasFile(files, t.ID)
			if i == 0 && receipt != nil {
				t.Shown = receipt
			}
			if i == 0 && d.Kind == DeliverFinal {
				t.Delivered = ch.now
			}
			if !changed {
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

// fileKey names one output of one task.
type fileKey struct {
	task  TaskID
	index int
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
			if file, ok := files[fileKey{tasks[i].ID, j}]; ok {
				tasks[i].Outputs[j].File = &file
			}
		}
	}
}

// fetch spools the batch's result files. What could be fetched comes back
// even when something else could not.
func (c *courier) fetch(ctx context.Context, d Delivery) (map[fileKey]media.File, error) {
	var tasks []Task
	err := c.e.store.View(ctx, func(tx Tx) (err error) {
		tasks, err = batchOf(tx, d.Lead)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("loading what to fetch: %w", err)
	}
	files := map[fileKey]media.File{}
	var failed error
	for _, t := range tasks {
		for i, output := range t.Outputs {
			if output.URL == "" || output.File != nil {
				continue
			}
			file, err := c.e.cfg.Spool.Fetch(ctx, mediaKey(t.ID, i), output.URL, media.Kind(output.Kind))
			if err != nil {
				failed = c.unfetched(t.ID, err, failed)
				continue
			}
			files[fileKey{t.ID, i}] = file
		}
	}
	return files, failed
}

const mediaKeySep = "-"

// mediaKey is the spool's key of the task's n-th output.
func mediaKey(id TaskID, n int) string { return string(id) + mediaKeySep + strconv.Itoa(n) }

// unfetched keeps an error that may pass. Any other is final: the link is shown instead of the file.
func (c *courier) unfetched(id TaskID, err, before error) error {
	var known *media.Error
	if errors.As(err, &known) && !known.Temporary() {
		c.e.log.Warn("a result file cannot be fetched; its link is shown instead", "task", id, "error", err)
		return before
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

// parcel gathers what an adapter needs to show the delivery.
func (e *Engine) parcel(tx Tx, d Delivery) (Parcel, error) {
	tasks, err := batchOf(tx, d.Lead)
	if err != nil {
		return Parcel{}, err
	}
	e.resolve(tasks)
	lead := tasks[0]
	p := Parcel{Delivery: d, Tasks: tasks, Shown: lead.Shown, Usual: e.learned.usual(lead.Request.Model)}
	if lead.State == Queued {
		p.Position = e.creator.position(lead.ID)
		p.Paused, p.Resume = e.gate.state()
	}
	return p, nil
}

// resolve says where the fetched files are now, and forgets those that are gone.
func (e *Engine) resolve(tasks []Task) {
	for i := range tasks {
		for j, output := range tasks[i].Outputs {
			if output.File == nil {
				continue
			}
			file, err := e.cfg.Spool.Resolve(*output.File)
			if err != nil {
				tasks[i].Outputs[j].File = nil
				continue
			}
			tasks[i].Outputs[j].File = &file
		}
	}
}

// Snapshot is what the chat shows about the batch right now, for a page that
// is loaded later. Its delivery is final only after the end was delivered.
func (e *Engine) Snapshot(ctx context.Context, lead TaskID) (Parcel, error) {
	var p Parcel
	err := e.view(ctx, func(tx Tx) (err error) {
		p, err = e.parcel(tx, Delivery{Lead: lead, Kind: DeliverProgress})
		return err
	})
	if err != nil {
		return Parcel{}, err
	}
	first := p.Tasks[0]
	p.Delivery.Lane = first.Request.Origin.Lane
	switch {
	case anyLate(p.Tasks):
		p.Delivery.Kind = DeliverLate
	case !first.Delivered.IsZero():
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
