package core

import (
	"context"
	"errors"
	"slices"

	"kiebot/core/media"
)

// ReasonNotYet refuses to show the end of a task that is still under way.
const ReasonNotYet Reason = "not_yet"

// Show shows the end of one of the person's batches once more, as a new
// message where origin says, and answers with its tasks. The key is that of
// the platform's update: the same key again shows nothing more.
func (e *Engine) Show(ctx context.Context, id, key string, origin Origin) ([]Task, error) {
	return e.show(ctx, id, Delivery{Lane: origin.Lane, Kind: DeliverShow, Key: key, Origin: &origin})
}

// ShowOriginal is Show for who wants the files as they are.
func (e *Engine) ShowOriginal(ctx context.Context, id, key string, origin Origin) ([]Task, error) {
	return e.show(ctx, id, Delivery{Lane: origin.Lane, Kind: DeliverShow, Key: key, Origin: &origin, Original: true})
}

func (e *Engine) show(ctx context.Context, id string, d Delivery) ([]Task, error) {
	var tasks []Task
	err := e.update(ctx, func(c *change) error {
		t, err := ownTask(c.Tx, d.Origin.Identity, id)
		if err != nil {
			return err
		}
		if tasks, err = batch(c.Tx, t); err != nil {
			return err
		}
		if !allFinal(tasks) {
			return &Refusal{Reason: ReasonNotYet, Task: t.ID}
		}
		if d.Origin.Safe && slices.ContainsFunc(tasks, func(t Task) bool { return !e.fit(&t) }) {
			return &Refusal{Reason: ReasonAgeRestricted, Task: t.ID}
		}
		seen, err := c.Seen(d.Key)
		if err == nil && seen.Expires.After(c.now) {
			return nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := c.PutSeen(Seen{Key: d.Key, Tasks: t.Batch, Expires: c.now.Add(SeenFor)}, c.now); err != nil {
			return err
		}
		d.Lead = t.Lead()
		return c.tell(d)
	})
	return tasks, unavailable(err)
}

// Picture is what a list shows of the person's task where origin is: the first of
// its pictures, or of the covers of its videos and songs, that is kept, or that
// Bring can fetch: that one has no Path. It is nil when there is none, and when
// it may not be shown there.
func (e *Engine) Picture(t Task, origin Origin) *media.File {
	if origin.Safe && !e.fit(&t) {
		return nil
	}
	for _, output := range t.Outputs {
		for _, file := range []*media.File{e.reached(t, output.File, output.URL), e.reached(t, output.Cover, output.CoverURL)} {
			if file != nil && file.Kind == media.Image {
				return file
			}
		}
	}
	return nil
}

// asCopy makes the tasks of a parcel look as if they had been asked for by the
// request to show them: its answer goes there, in its language.
func asCopy(tasks []Task, d Delivery) {
	for i := range tasks {
		tasks[i].Shown, tasks[i].MovedTo = nil, ""
		tasks[i].Request.Key = d.Key
		if d.Origin != nil {
			tasks[i].Request.Origin = *d.Origin
		}
	}
}
