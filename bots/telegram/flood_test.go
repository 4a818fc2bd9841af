package telegram

import (
	"fmt"
	"testing"
	"time"

	"kiebot/core"
	"kiebot/kie/kietest"
)

// 200 people ask in 20 groups at once, some for albums. No call is made before
// the time that Telegram asked for, and every result arrives.
func TestFloodOf200PeopleIn20Groups(t *testing.T) {
	live(t, kietest.Config{}, func(t *testing.T, l *life) {
		l.desk.flood = &flood{perGroup: 20, perAll: 30, groups: map[string][]time.Time{}, until: map[string]time.Time{}}
		began := time.Now()
		var leads []core.TaskID
		for i := range 200 {
			command := "/imagine a cat"
			if i%5 == 0 {
				command += " --n 3"
			}
			leads = append(leads, l.types(1000+i, -1000-int64(i%20), "en", command))
		}
		l.until("everything was shown", func() bool {
			for _, lead := range leads {
				task, err := l.engine.Task(t.Context(), core.Identity{Platform: Platform, User: fmt.Sprint(1000 + indexOf(leads, lead))}, string(lead))
				if err != nil || task.Delivered.IsZero() {
					return false
				}
			}
			return true
		})
		l.desk.mu.Lock()
		defer l.desk.mu.Unlock()
		t.Logf("all shown after %v with %d calls; %d were told to wait", time.Since(began), len(l.desk.calls), l.desk.flood.refused)
		if len(l.desk.flood.early) > 0 {
			t.Errorf("%d calls were made before the time that was asked for: %v", len(l.desk.flood.early), l.desk.flood.early)
		}
	})
}

func indexOf(all []core.TaskID, one core.TaskID) int {
	for i, id := range all {
		if id == one {
			return i
		}
	}
	return -1
}
