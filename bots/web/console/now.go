package console

import (
	"context"
	"net/http"
	"time"

	"kiebot/core"
)

// nowData is what goes on.
type nowData struct {
	core.Overview
	Pause    *core.Pause // nil when work goes on
	Late     bool        // what waits to be shown waits for long
	Failures []core.Task
}

const (
	failuresShown = 5
	lateAfter     = time.Minute
)

func (c *Console) now(ctx context.Context) (nowData, error) {
	overview, err := c.cfg.Engine.Overview(ctx)
	if err != nil {
		return nowData{}, err
	}
	d := nowData{Overview: overview, Late: overview.Deliveries > 0 && c.cfg.Now().Sub(overview.Oldest) > lateAfter}
	pause, paused, err := c.cfg.Engine.Paused(ctx)
	if err != nil {
		return nowData{}, err
	}
	if paused {
		d.Pause = &pause
	}
	d.Failures, _, err = c.cfg.Engine.Search(ctx, core.Search{State: core.Failed, Limit: failuresShown})
	return d, err
}

// In is how many tasks are in the state.
func (d nowData) In(state core.State) int { return d.Tasks[state].Tasks }

func (c *Console) nowPage(rw http.ResponseWriter, r *http.Request) {
	d, err := c.now(r.Context())
	if err != nil {
		c.failed(rw, r, err)
		return
	}
	c.render(rw, r, http.StatusOK, "now", "now.title", d)
}
