package core

import (
	"cmp"
	"container/list"
	"maps"
	"math"
	"slices"
	"time"

	"kiebot/core/media"
)

const (
	progressGap = 3 * time.Second  // between two edits of one message, unless the adapter says otherwise
	asideAfter  = 30 * time.Second // how long one delivery that fails holds its lane
)

// lane is what waits for one chat, and what has to be remembered about the
// chat for a moment. The courier's lock guards it.
type lane struct {
	name   Lane
	part   *post // whoever has it shows the lane
	home   *platform
	queue  []*waiting   // by ID
	coming []DeliveryID // being committed: nothing greater is shown before they are here or failed
	fresh  []TaskID     // leads whose message should be edited

	edited map[TaskID]time.Time // when messages were edited, while that matters
	gap    time.Duration        // between two edits of one message
	meters meters
	rest   time.Time // no call before
	took   time.Time // when the platform last took a delivery

	busy  bool          // an attempt is under way
	gone  bool          // it was forgotten
	line  *line         // where it waits for its turn, if it does
	place *list.Element // in the line
	alarm *time.Timer   // plans the lane again; nil when nothing was ever to be waited for
}

// step is how far the files of a delivery are.
type step uint8

const (
	unfetched step = iota
	fetching       // or in line for it
	fetched        // or given up
)

// waiting is a delivery in its lane. The times are of the monotonic clock.
type waiting struct {
	Delivery
	lane  *lane
	since time.Time // when it was first tried
	due   time.Time // when it is tried again

	step  step
	files map[fileKey]media.File
	bytes int64 // of all files of the batch

	shown *receipt // what the platform answered, when that could not be committed
}

// needsFiles reports whether its files have to be fetched before it is shown.
func (w *waiting) needsFiles() bool {
	return w.step == unfetched && w.ends()
}

// ends reports whether it brings a result, or the news that there is none.
func (w *waiting) ends() bool {
	return w.Kind == DeliverFinal || w.Kind == DeliverLate || w.Kind == DeliverShow
}

// insert adds the delivery in the order of the ids. It answers false when it is there already.
func (l *lane) insert(w *waiting) bool {
	i, found := slices.BinarySearchFunc(l.queue, w.ID, func(a *waiting, id DeliveryID) int { return cmp.Compare(a.ID, id) })
	if found {
		return false
	}
	w.lane = l
	l.queue = slices.Insert(l.queue, i, w)
	if w.ends() {
		l.forgetEdits(w.Lead)
	}
	return true
}

func (l *lane) remove(w *waiting) {
	l.queue = slices.DeleteFunc(l.queue, func(other *waiting) bool { return other == w })
}

// keepOrder lets a delivery that failed wait for the earlier ones that failed
// too: as long as the platform has taken nothing since they did, it is not
// their own failure, and they come first when it is over.
func (l *lane) keepOrder(failed *waiting) {
	for _, w := range l.queue {
		if w == failed {
			return
		}
		if w.since.After(l.took) && !w.needsFiles() {
			failed.due = later(failed.due, w.due)
		}
	}
}

// arrived takes back one mark that the delivery is coming.
func (l *lane) arrived(id DeliveryID) {
	if i := slices.Index(l.coming, id); i >= 0 {
		l.coming = slices.Delete(l.coming, i, i+1)
	}
}

// wantEdit notes that the batch's message should be edited, unless its end
// waits, which shows more.
func (l *lane) wantEdit(lead TaskID) {
	ending := slices.ContainsFunc(l.queue, func(w *waiting) bool { return w.Lead == lead && w.ends() })
	if !ending && !slices.Contains(l.fresh, lead) {
		l.fresh = append(l.fresh, lead)
	}
}

func (l *lane) forgetEdits(lead TaskID) {
	l.fresh = slices.DeleteFunc(l.fresh, func(id TaskID) bool { return id == lead })
}

// delivery is the one to be tried now; without one, wake is when to look
// again, zero when only news can change the answer.
//
// A delivery that fails holds the lane for asideAfter and then steps aside: it
// is tried when it is due, and others do not wait for it, except those of its
// own batch.
func (l *lane) delivery(now time.Time) (w *waiting, wake time.Time) {
	first := DeliveryID(math.MaxUint64)
	if len(l.coming) > 0 {
		first = slices.Min(l.coming)
	}
	var behind []TaskID // batches of which an earlier delivery waits
	var news *waiting
	for _, w := range l.queue {
		if w.ID > first {
			break
		}
		if w.Kind == DeliverNews { // when nothing else is to be shown
			if news == nil {
				news = w
			}
			continue
		}
		if slices.Contains(behind, w.Lead) {
			continue
		}
		until, holds := w.waits(now)
		switch {
		case until.IsZero() && !holds:
			return w, time.Time{}
		case holds:
			return nil, sooner(wake, until)
		}
		wake = sooner(wake, until)
		behind = append(behind, w.Lead)
	}
	if news == nil {
		return nil, wake
	}
	if news.due.After(now) {
		return nil, sooner(wake, news.due)
	}
	return news, time.Time{}
}

// waits says what the delivery waits for and whether the lane waits with it;
// zero and false mean that it can be tried now.
func (w *waiting) waits(now time.Time) (until time.Time, holds bool) {
	aside := w.since.Add(asideAfter)
	switch {
	case w.step == fetching && w.since.IsZero():
		return time.Time{}, true // in line to be fetched
	case w.step == fetching && now.Before(aside):
		return aside, true
	case w.step == fetching:
		return now.Add(longestNap), false
	case now.Before(w.due):
		return w.due, !w.due.After(aside)
	}
	return time.Time{}, false
}

// edit is the message to be edited now; without one, wake is when to look again.
func (l *lane) edit(now time.Time) (lead TaskID, wake time.Time) {
	for _, lead := range l.fresh {
		at := l.edited[lead].Add(l.gap)
		if !at.After(now) {
			return lead, time.Time{}
		}
		wake = sooner(wake, at)
	}
	return "", wake
}

// turn is what the lane would do now: a delivery, or else an edit. wake is
// when a delivery, or with nothing to do anything, may come to be due.
func (l *lane) turn(now time.Time) (w *waiting, lead TaskID, wake time.Time) {
	w, wake = l.delivery(now)
	if w == nil || w.Kind == DeliverNews {
		var at time.Time
		if lead, at = l.edit(now); lead != "" {
			w = nil
		} else if w == nil {
			return nil, "", sooner(wake, at)
		}
	}
	if at := later(l.rest, l.meters.free(w == nil, 1)); at.After(now) {
		return nil, "", sooner(wake, at)
	}
	return w, lead, wake
}

// quiet reports whether no message of the chat was edited a moment ago.
func (l *lane) quiet(now time.Time) bool {
	for _, at := range l.edited {
		if now.Sub(at) < l.gap {
			return false
		}
	}
	return true
}

// lapse is when nothing about the idle lane needs to be remembered any more.
func (l *lane) lapse(now time.Time) time.Time {
	maps.DeleteFunc(l.edited, func(_ TaskID, at time.Time) bool { return !at.Add(l.gap).After(now) })
	at := later(l.rest, l.meters.lapse())
	for _, edit := range l.edited {
		at = later(at, edit.Add(l.gap))
	}
	return at
}

// sleep makes look be called at the given time, and not at the one before; zero is never.
func (l *lane) sleep(look func(), at time.Time) {
	if l.alarm != nil {
		l.alarm.Stop()
		l.alarm = nil
	}
	if !at.IsZero() {
		l.alarm = time.AfterFunc(time.Until(at), look)
	}
}

// idle reports whether there is nothing to do in the lane.
func (l *lane) idle() bool {
	return !l.busy && len(l.queue)+len(l.fresh)+len(l.coming) == 0
}

// join puts the lane at the end of the line, unless it stands there already.
func (l *lane) join(n *line) {
	if l.line != n {
		l.leave()
		l.line, l.place = n, n.lanes.PushBack(l)
	}
}

// leave takes the lane out of the line it stands in.
func (l *lane) leave() {
	if l.line != nil {
		l.line.lanes.Remove(l.place)
		l.line, l.place = nil, nil
	}
}

// line is one kind of work on one platform: lanes take turns, first come,
// first served, with bounds on what is under way at once.
type line struct {
	lanes     list.List // of *lane
	most      int       // attempts
	mostBytes int64     // of files, unless one attempt alone has more
	under     int
	bytes     int64
}

// takes reports whether an attempt with so many bytes may begin.
func (n *line) takes(bytes int64) bool {
	return n.under < n.most && (n.bytes == 0 || n.bytes+bytes <= n.mostBytes)
}

func (n *line) first() *lane {
	if n.lanes.Len() == 0 {
		return nil
	}
	return n.lanes.Front().Value.(*lane)
}
