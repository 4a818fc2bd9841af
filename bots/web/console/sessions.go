package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kiebot/core"
)

// Bounds of who is let in, and for how long.
const (
	sessionLife = 12 * time.Hour
	sessionsMax = 64 // the oldest of more ends
	inviteLife  = 10 * time.Minute
	invitesMax  = 8
)

// doorSetting keeps a guestbook.
const doorSetting = "console_door"

// guestbook is who was let in and who may come, the oldest first. The secrets
// themselves, which browsers have, stand nowhere.
type guestbook struct {
	Sessions []session `json:"sessions,omitempty"`
	Invites  []invite  `json:"invites,omitempty"`
}

// session is one browser that was let in.
type session struct {
	Digest string    `json:"digest"` // of its cookie
	Until  time.Time `json:"until"`
	// Notice is what the page after an act says about it, once.
	Notice *notice `json:"notice,omitempty"`
}

// invite lets one browser in.
type invite struct {
	Digest string    `json:"digest"`
	Until  time.Time `json:"until"`
}

// session finds the one with the digest, nil when there is none.
func (g *guestbook) session(digest string) *session {
	i := slices.IndexFunc(g.Sessions, func(s session) bool { return s.Digest == digest })
	if i < 0 {
		return nil
	}
	return &g.Sessions[i]
}

// invited reports whether there is an invitation with the digest.
func (g *guestbook) invited(digest string) bool {
	return slices.ContainsFunc(g.Invites, func(i invite) bool { return i.Digest == digest })
}

// tidy forgets what is over.
func (g *guestbook) tidy(now time.Time) {
	g.Sessions = slices.DeleteFunc(g.Sessions, func(s session) bool { return !now.Before(s.Until) })
	g.Invites = slices.DeleteFunc(g.Invites, func(i invite) bool { return !now.Before(i.Until) })
}

func readGuestbook(tx core.Tx, now time.Time) (g guestbook, err error) {
	data, err := tx.Setting(doorSetting)
	if errors.Is(err, core.ErrNotFound) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		return g, fmt.Errorf("reading who is in the console: %w", err)
	}
	g.tidy(now)
	return g, nil
}

// read is the guestbook now, without what is over.
func (d *door) read(ctx context.Context) (g guestbook, err error) {
	err = d.store.View(ctx, func(tx core.Tx) error {
		g, err = readGuestbook(tx, d.now())
		return err
	})
	return g, err
}

// change edits the guestbook. It may call edit more than once.
func (d *door) change(ctx context.Context, edit func(*guestbook)) error {
	err := d.store.Update(ctx, func(tx core.Tx) error {
		g, err := readGuestbook(tx, d.now())
		if err != nil {
			return err
		}
		edit(&g)
		data, err := json.Marshal(g)
		if err != nil {
			return err
		}
		return tx.PutSetting(doorSetting, data)
	})
	if err != nil {
		return fmt.Errorf("changing who is in the console: %w", err)
	}
	return nil
}

// enter begins a session for a browser that has shown that it may, and gives the
// value of its new cookie: whoever knew the one before knows nothing of the session.
func (d *door) enter(ctx context.Context) (cookie string, err error) {
	cookie = rand.Text()
	begun := session{Digest: d.digest(cookie), Until: d.now().Add(sessionLife)}
	return cookie, d.change(ctx, func(g *guestbook) {
		g.Sessions = latest(append(g.Sessions, begun), sessionsMax)
	})
}

// latest are the last of them, at most so many.
func latest[T any](all []T, most int) []T { return all[max(len(all)-most, 0):] }

// leave ends the session of the cookie.
func (d *door) leave(ctx context.Context, cookie string) error {
	digest := d.digest(cookie)
	return d.change(ctx, func(g *guestbook) {
		g.Sessions = slices.DeleteFunc(g.Sessions, func(s session) bool { return s.Digest == digest })
	})
}

// session finds the cookie's session, nil when there is none or it is over.
func (d *door) session(ctx context.Context, cookie string) (*session, error) {
	if cookie == "" {
		return nil, nil
	}
	g, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return g.session(d.digest(cookie)), nil
}

// tell leaves what the session's next page says; nil for nothing.
func (d *door) tell(ctx context.Context, cookie string, n *notice) error {
	digest := d.digest(cookie)
	return d.change(ctx, func(g *guestbook) {
		if s := g.session(digest); s != nil {
			s.Notice = n
		}
	})
}

// invite makes a secret that lets one browser in, until the time. Of more than
// anybody has a use for the latest count.
func (d *door) invite(ctx context.Context) (secret string, until time.Time, err error) {
	secret, until = rand.Text(), d.now().Add(inviteLife)
	made := invite{Digest: d.digest(secret), Until: until}
	return secret, until, d.change(ctx, func(g *guestbook) {
		g.Invites = latest(append(g.Invites, made), invitesMax)
	})
}

// accept uses an invitation up and reports whether there was one. Whoever
// guesses has nothing written.
func (d *door) accept(ctx context.Context, secret string) (there bool, err error) {
	digest := d.digest(secret)
	g, err := d.read(ctx)
	if err != nil || !g.invited(digest) {
		return false, err
	}
	err = d.change(ctx, func(g *guestbook) {
		there = g.invited(digest)
		g.Invites = slices.DeleteFunc(g.Invites, func(i invite) bool { return i.Digest == digest })
	})
	return there && err == nil, err
}
