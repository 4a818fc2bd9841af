package telegram

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-telegram/bot"
)

// Who is an admin of a group is asked of Telegram when somebody wants
// something there, and remembered: one call for each group that is in use
// every few minutes. Who was made an admin just now waits that long.
const (
	adminsFor   = 5 * time.Minute
	adminsAgain = 30 * time.Second // after a call that failed
	adminsWait  = 3 * time.Second  // how long a person waits for it
	groupsMax   = 10_000           // remembered at once
)

// admins remembers the admins of groups. Its methods may be called concurrently.
type admins struct {
	mu     sync.Mutex
	groups map[int64]adminsOf
}

type adminsOf struct {
	ids   []int64
	until time.Time
}

// known gives what is remembered, and whether it still counts.
func (a *admins) known(group int64, now time.Time) (ids []int64, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of := a.groups[group]
	return of.ids, now.Before(of.until)
}

func (a *admins) remember(group int64, of adminsOf) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.groups == nil || len(a.groups) >= groupsMax {
		a.groups = map[int64]adminsOf{}
	}
	a.groups[group] = of
}

// isAdmin says whether the person is an admin of the group. While Telegram
// does not answer, it is as it was.
func (t *Telegram) isAdmin(ctx context.Context, group, user int64) bool {
	now := t.now()
	ids, fresh := t.admins.known(group, now)
	if fresh || group >= 0 {
		return slices.Contains(ids, user)
	}
	ctx, cancel := context.WithTimeout(ctx, adminsWait)
	defer cancel()
	of := adminsOf{ids: ids, until: now.Add(adminsAgain)}
	at := place{chat: group}
	err := t.try(ctx, &at, 0, func() error {
		members, err := t.api.GetChatAdministrators(ctx, &bot.GetChatAdministratorsParams{ChatID: at.chat})
		if err != nil {
			return err
		}
		of = adminsOf{until: now.Add(adminsFor)}
		for _, m := range members {
			switch {
			case m.Owner != nil && m.Owner.User != nil:
				of.ids = append(of.ids, m.Owner.User.ID)
			case m.Administrator != nil:
				of.ids = append(of.ids, m.Administrator.User.ID)
			}
		}
		return nil
	})
	if err != nil {
		t.log.Warn("the admins of a group are not known", "lane", string(laneOf(group)), "error", err)
	}
	t.admins.remember(group, of)
	return slices.Contains(of.ids, user)
}
