package core

import (
	"time"

	"kiebot/kie/catalog"
)

// deadlines are how long a task may take at Kie, from its creation on.
//
// After the soft one it is still read, slowly, since Kie goes on and bills it;
// the person is told. After the hard one a read that still says unfinished
// ends it; nothing but such a read does.
type deadlines struct{ soft, hard time.Duration }

// deadlinesOf are the kind's. Kie's page "Get Task Details" gives up after 10
// to 15 minutes, and videos of 13 minutes are seen.
func deadlinesOf(kind catalog.Kind) deadlines {
	switch kind {
	case catalog.Image, catalog.Speech:
		return deadlines{soft: 10 * time.Minute, hard: time.Hour}
	case catalog.Music:
		return deadlines{soft: 15 * time.Minute, hard: 2 * time.Hour}
	default:
		return deadlines{soft: 25 * time.Minute, hard: 3 * time.Hour}
	}
}

// lookBacks are the waits before the reads that an ended task still gets after
// a read that said unfinished, each counted from the read before it.
//
// A deadline goes by the wall clock, which may have been set hours ahead while
// Kie was at work: then Kie is done within seconds or minutes, and where no
// callback comes only another read shows what the person is waiting for. The
// first ones are for that. The last are for Kie's own stragglers: it sometimes
// delivers, and bills, long after it should have. Several waits rather than
// one, since each is at the mercy of the clock too. Together they are four
// reads in an hour and a half, of tasks that are few.
var lookBacks = [...]time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour}

// lookBack plans the next read of an ended task that is unfinished at Kie, or
// the end of them.
func (t *Task) lookBack(now time.Time) {
	if t.Attempts >= len(lookBacks) {
		t.Due = time.Time{}
		return
	}
	t.Due = now.Add(lookBacks[t.Attempts])
	t.Attempts++
}

// urgent is the due time of what goes before everything else, also after a
// restart: what a callback was about.
func urgent() time.Time { return time.Unix(0, 1) }
