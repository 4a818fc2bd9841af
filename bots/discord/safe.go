package discord

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Config.Safe keeps what is not fit for everybody to the channels that Discord
// knows as age-restricted. A thread is what its channel is, and an interaction
// does not say what that is (Discord docs, "Channel Object": threads have no
// nsfw), so it is asked for. Whatever is not known to be restricted is not.

const (
	roomFor   = 10 * time.Minute // how long the answer is taken for the present
	roomsMost = 1000             // that are remembered
	askRoom   = 2 * time.Second  // how long it is waited for
)

// rooms remembers which channels are age-restricted. The zero value is ready;
// it may be used concurrently.
type rooms struct {
	mu    sync.Mutex
	known map[string]room
}

type room struct {
	restricted bool
	until      time.Time
}

func (r *rooms) get(id string, now time.Time) (restricted, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.known[id]
	return found.restricted, known && now.Before(found.until)
}

func (r *rooms) put(id string, restricted bool, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= roomsMost {
		r.known = map[string]room{}
	}
	r.known[id] = room{restricted, until}
}

// safe says whether what is not fit for everybody must not be shown in the channel.
func (d *Discord) safe(ctx context.Context, in channel) bool {
	if !d.cfg.Safe {
		return false
	}
	if in.thread() && in.Parent != "" {
		return !d.restricted(ctx, in.Parent)
	}
	return !in.NSFW
}

// restricted asks whether the channel is age-restricted.
func (d *Discord) restricted(ctx context.Context, id string) bool {
	now := d.cfg.Now()
	if restricted, known := d.rooms.get(id, now); known {
		return restricted
	}
	ctx, cancel := context.WithTimeout(ctx, askRoom)
	defer cancel()
	var found channel
	if err := d.api.do(ctx, call{method: http.MethodGet, route: "/channels/{}", args: []string{id}}, &found); err != nil {
		d.log.Warn("whether a channel is age-restricted cannot be found out, so its threads are not", "error", err)
		return false
	}
	d.rooms.put(id, found.NSFW, now.Add(roomFor))
	return found.NSFW
}
