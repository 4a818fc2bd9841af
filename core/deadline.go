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

// urgent is the due time of what goes before everything else, also after a
// restart: what a callback was about.
func urgent() time.Time { return time.Unix(0, 1) }
